/* SPDX-License-Identifier: Apache-2.0 */
/* Each component of a path is opened relative to the one before it, without following links: no race can lead outside. */
#include "executor/files.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "executor/as_user.h"
#include "executor/server.h"
#include "executor/workspace.h"
#include "lib/util/json.h"

enum { LISTED_MAX = 10000, NAME_LEN_MAX = 255, MIB = 1024 * 1024 };

static int file_error(struct err *err, int errnum)
{
    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
        return err_set(err, ERR_FILE_NOT_FOUND, "There is no such file in the workspace.");
    case ELOOP:
    case EMLINK:
        return err_set(err, ERR_INVALID, "The path leads over a link.");
    case EISDIR:
    case ENXIO:
    case EEXIST:
        return err_set(err, ERR_INVALID, "The path names no regular file.");
    case EACCES:
    case EPERM:
    case EROFS:
        return err_set(err, ERR_FORBIDDEN, "The sandbox's user may not do this.");
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return err_set(err, ERR_TOO_LARGE, "The workspace is full.");
    default:
        return err_internal(err, errnum, "a file of the workspace");
    }
}

static int open_directory(int parent, const char *name, bool make)
{
    if (make && mkdirat(parent, name, 0777) != 0 && errno != EEXIST)
        return -1;
    int fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0 && errno == ENOTDIR && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
        errno = ELOOP; /* openat() says no more than that it is no directory */
    return fd;
}

/* Opens the directory that holds the last component of `path`; name_out is that component. As the sandbox's user. */
static int open_parent(const struct engine *engine, const char *path, bool make, char name_out[NAME_LEN_MAX + 1],
                       struct err *err)
{
    cleanup_fd int dir = open(engine->setup.workspace, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return file_error(err, errno);
    for (const char *at = path;; at++) {
        size_t len = strcspn(at, "/");
        if (len == 0 || len > NAME_LEN_MAX || (at[0] == '.' && (len == 1 || (len == 2 && at[1] == '.'))))
            return err_set(err, ERR_INVALID, "The path must name a file inside the workspace, without \".\" or \"..\".");
        memcpy(name_out, at, len);
        name_out[len] = '\0';
        at += len;
        if (*at == '\0')
            return steal_fd(&dir);
        int next = open_directory(dir, name_out, make);
        if (next < 0)
            return file_error(err, errno);
        close(dir);
        dir = next;
    }
}

static int open_file(const struct engine *engine, const char *path, int flags, struct err *err)
{
    char name[NAME_LEN_MAX + 1];
    struct stat st;
    cleanup_fd int dir = open_parent(engine, path, flags & O_CREAT, name, err);
    if (dir < 0)
        return -1;
    /* not blocking: a pipe of that name must not hold us up */
    cleanup_fd int fd = openat(dir, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
    if (fd < 0 || fstat(fd, &st) != 0)
        return file_error(err, errno);
    if (!S_ISREG(st.st_mode))
        return file_error(err, EISDIR);
    return steal_fd(&fd);
}

/* The file, opened as the sandbox's user; what follows on the descriptor needs no rights any more. */
static int open_as_user(const struct engine *engine, const char *path, int flags, struct err *err)
{
    as_user_begin(engine_slot_uid(engine, 0), engine->setup.gid);
    int fd = open_file(engine, path, flags, err);
    as_user_end();
    return fd;
}

static void list_one(void *arg, const char *name, const struct stat *st)
{
    struct json_object *files = arg;
    struct json_object *file = json_object_array_length(files) < LISTED_MAX ? json_object_new_object() : NULL;
    if (!file)
        return;
    json_object_object_add(file, "path", json_object_new_string(name));
    json_object_object_add(file, "size", json_object_new_int64(st->st_size));
    json_object_object_add(file, "modified_ms",
                           json_object_new_int64((int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000));
    if (json_object_array_add(files, file) != 0)
        json_object_put(file);
}

int files_list(struct engine *engine, struct evhttp_request *request, const char *part, struct err *err)
{
    (void)part;
    cleanup_json struct json_object *body = json_object_new_object();
    struct json_object *files = json_object_new_array();
    if (!body || !files || json_object_object_add(body, "files", files) != 0) {
        json_object_put(files);
        return err_internal(err, errno, "out of memory for a list of files");
    }
    bool complete = workspace_each(engine->setup.workspace, engine_slot_uid(engine, 0), engine->setup.gid, list_one, files);
    complete &= json_object_array_length(files) < LISTED_MAX;
    json_object_object_add(body, "complete", json_object_new_boolean(complete));
    const char *text = json_text(body);
    server_reply_json(request, text, strlen(text));
    return 0;
}

int files_get(struct engine *engine, struct evhttp_request *request, const char *path, struct err *err)
{
    int64_t offset, length;
    struct stat st;
    char size[32];
    if (server_query_number(request, "offset", 0, &offset, err) != 0 ||
        server_query_number(request, "length", FILES_PIECE_MAX, &length, err) != 0)
        return -1;
    cleanup_fd int fd = open_as_user(engine, path, O_RDONLY, err);
    if (fd < 0)
        return -1;
    size_t wanted = length < FILES_PIECE_MAX ? (size_t)length : FILES_PIECE_MAX;
    cleanup_free char *data = malloc(wanted + 1);
    ssize_t got = data && fstat(fd, &st) == 0 ? pread(fd, data, wanted, offset) : -1;
    if (got < 0)
        return file_error(err, errno);
    snprintf(size, sizeof(size), "%" PRId64, (int64_t)st.st_size);
    evhttp_add_header(evhttp_request_get_output_headers(request), "X-File-Size", size);
    server_reply(request, HTTP_OK, "application/octet-stream", data, (size_t)got);
    return 0;
}

static int write_all(int fd, const unsigned char *data, size_t len, int64_t offset, struct err *err)
{
    for (size_t done = 0; done < len;) {
        ssize_t put = pwrite(fd, data + done, len - done, offset + (int64_t)done);
        if (put < 0 && errno != EINTR)
            return file_error(err, errno);
        done += put > 0 ? (size_t)put : 0;
    }
    return 0;
}

int files_put(struct engine *engine, struct evhttp_request *request, const char *path, struct err *err)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    size_t len = evbuffer_get_length(body);
    int64_t offset, limit = engine->setup.disk_mb * MIB;
    char answer[64];
    if (server_query_number(request, "offset", 0, &offset, err) != 0)
        return -1;
    if (offset > INT64_MAX - (int64_t)len || (limit > 0 && offset + (int64_t)len > limit))
        return err_set(err, ERR_TOO_LARGE, "The workspace holds at most %" PRId64 " MiB.", engine->setup.disk_mb);
    int flags = offset == 0 ? O_WRONLY | O_CREAT | O_TRUNC : O_WRONLY;
    cleanup_fd int fd = open_as_user(engine, path, flags, err);
    if (fd < 0 || write_all(fd, evbuffer_pullup(body, -1), len, offset, err) != 0)
        return -1;
    snprintf(answer, sizeof(answer), "{\"size\":%" PRId64 "}\n", offset + (int64_t)len);
    server_reply_json(request, answer, strlen(answer));
    return 0;
}

static int remove_file(const struct engine *engine, const char *path, struct err *err)
{
    char name[NAME_LEN_MAX + 1];
    cleanup_fd int dir = open_parent(engine, path, false, name, err);
    if (dir < 0)
        return -1;
    return unlinkat(dir, name, 0) == 0 ? 0 : file_error(err, errno); /* removes a link itself, not where it leads */
}

int files_delete(struct engine *engine, struct evhttp_request *request, const char *path, struct err *err)
{
    as_user_begin(engine_slot_uid(engine, 0), engine->setup.gid);
    int status = remove_file(engine, path, err);
    as_user_end();
    if (status != 0)
        return -1;
    evhttp_send_reply(request, HTTP_NOCONTENT, NULL, NULL);
    return 0;
}
