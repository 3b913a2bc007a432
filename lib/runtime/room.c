/* SPDX-License-Identifier: Apache-2.0 */
/* Container directories on the node. */
#include "config.h"

#include "lib/runtime/room.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "lib/runtime/driver.h"
#include "lib/runtime/tree.h"

/* What follows the directory in the longest path that must fit into a socket address. */
enum { ROOM_TAIL = 1 + CONTAINER_ID_HEX + sizeof("/" ROOM_RUN "/" ROOM_SOCKET) };

static int make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int made = mkdir(path, 0755);
        *slash = '/';
        if (made != 0 && errno != EEXIST)
            return -1;
    }
    return 0;
}

int rooms_prepare(const char *directory, struct err *err)
{
    char path[ROOM_PATH_SIZE];
    if (directory[0] != '/' || strlen(directory) + ROOM_TAIL > sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return err_set(err, ERR_INVALID, "runtime.directory must be an absolute path of at most %zu bytes.",
                       sizeof(((struct sockaddr_un *)NULL)->sun_path) - ROOM_TAIL);
    snprintf(path, sizeof(path), "%s", directory);
    /* sandbox users pass through; only root may look around */
    if (make_parents(path) != 0 || (mkdir(path, 0711) != 0 && errno != EEXIST)) {
        err_set(err, ERR_UNAVAILABLE, "runtime.directory %s cannot be made: %s.", directory, strerror(errno));
        return -1;
    }
    struct stat found;
    if (stat(path, &found) != 0 || !S_ISDIR(found.st_mode))
        return err_set(err, ERR_UNAVAILABLE, "runtime.directory %s is not a directory.", directory);
    return 0;
}

static int room_path(const char *directory, const char *container_id, char out[ROOM_PATH_SIZE])
{
    return snprintf(out, ROOM_PATH_SIZE, "%s/%s", directory, container_id);
}

int room_create(const char *directory, const char *container_id, struct err *err)
{
    char path[ROOM_PATH_SIZE];
    room_path(directory, container_id, path);
    if (mkdir(path, 0700) == 0)
        return 0;
    if (errno == EEXIST)
        return err_set(err, ERR_CONFLICT, "The container is there already.");
    if (errno == ENOSPC || errno == EDQUOT)
        return err_set(err, ERR_NO_ROOM, "The node has no disk space left.");
    return err_internal(err, errno, "cannot make %s", path);
}

int room_open(const char *directory, const char *container_id)
{
    char path[ROOM_PATH_SIZE];
    room_path(directory, container_id, path);
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int room_add_directory(int room, const char *name, uid_t uid, gid_t gid, mode_t mode, struct err *err)
{
    if (mkdirat(room, name, 0700) != 0)
        return err_internal(err, errno, "cannot make %s", name);
    cleanup_fd int fd = openat(room, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    /* chown() clears set-id bits, so it goes first */
    if (fd < 0 || fchown(fd, uid, gid) != 0 || fchmod(fd, mode) != 0)
        return err_internal(err, errno, "cannot hand %s over", name);
    return 0;
}

static int write_file(int directory, const char *name, const char *text, uid_t uid, gid_t gid, mode_t mode,
                      struct err *err)
{
    size_t len = strlen(text);
    cleanup_fd int fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_internal(err, errno, "cannot make %s", name);
    ssize_t written = write(fd, text, len);
    if (written != (ssize_t)len || fchown(fd, uid, gid) != 0 || fchmod(fd, mode) != 0)
        return err_internal(err, written < 0 ? errno : ENOSPC, "cannot write %s", name);
    return 0;
}

int room_add_run(int room, uid_t uid, gid_t gid, const char *secret, struct err *err)
{
    /* filled while it is root's alone, then handed over */
    if (room_add_directory(room, ROOM_RUN, 0, 0, 0700, err) != 0)
        return -1;
    cleanup_fd int run = openat(room, ROOM_RUN, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (run < 0)
        return err_internal(err, errno, "cannot open " ROOM_RUN);
    if (write_file(run, ROOM_SECRET, secret, uid, gid, 0400, err) != 0)
        return -1;
    if (fchown(run, uid, gid) != 0)
        return err_internal(err, errno, "cannot hand " ROOM_RUN " over");
    return 0;
}

int room_write(int room, const char *name, const char *text, struct err *err)
{
    return write_file(room, name, text, 0, 0, 0600, err);
}

ssize_t room_read(int room, const char *name, char *out, size_t size)
{
    cleanup_fd int fd = openat(room, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t got = read(fd, out, size - 1);
    if (got >= 0)
        out[got] = '\0';
    return got;
}

int room_remove(const char *directory, const char *container_id, struct err *err)
{
    cleanup_fd int parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return errno == ENOENT ? 0 : err_internal(err, errno, "cannot open %s", directory);
    return tree_remove(parent, container_id, err);
}

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

int rooms_list(const char *directory, room_id **out, size_t *count_out, struct err *err)
{
    cleanup(close_directory) DIR *open_directory = opendir(directory);
    cleanup_free room_id *ids = NULL;
    size_t count = 0, room = 0;
    if (!open_directory)
        return err_internal(err, errno, "cannot look into %s", directory);
    for (struct dirent *entry; (errno = 0, entry = readdir(open_directory));) {
        if (!runtime_id_valid(entry->d_name))
            continue;
        if (count == room) {
            room = room ? room * 2 : 64;
            room_id *more = reallocarray(ids, room, sizeof(*ids));
            if (!more)
                return err_internal(err, 0, "out of memory for the list of containers");
            ids = more;
        }
        memcpy(ids[count++], entry->d_name, CONTAINER_ID_SIZE);
    }
    if (errno != 0)
        return err_internal(err, errno, "cannot read %s", directory);
    *out = steal(ids);
    *count_out = count;
    return 0;
}
