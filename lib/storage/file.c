/* SPDX-License-Identifier: Apache-2.0 */
/* Objects as files of a directory. Written under a name with ".part" behind it, synced, then renamed: whole or not there. */
#include "config.h" /* syncfs */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/storage/driver.h"

enum {
    READ_PIECE = 256 * 1024,
    WRITE_AHEAD = 8 * 1024 * 1024,
    PATH_SIZE = 4096,
    DIRECTORY_MODE = 02770, /* web workers and jobs are different users of one group */
    FILE_MODE = 0640,
    BEAT_EVERY = 256,
};

struct file_write {
    struct storage_write base;
    int fd;
    bool made_directory;
    off_t written, started; /* bytes, and how many of them are on their way to the disk */
    char path[PATH_SIZE]; /* of the file with ".part" */
};

static int file_error(struct err *err, int errnum, const char *path)
{
    if (errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG) {
        err_set(err, ERR_UNAVAILABLE, "The storage is full.");
        return err_wrap(err, "%s: %s", path, strerror(errnum));
    }
    /* ENOENT: the directory itself is away, not mounted, say */
    if (errnum == ENOENT || errnum == EIO || errnum == ESTALE || errnum == EMFILE || errnum == ENFILE || errnum == ETIMEDOUT) {
        err_set(err, ERR_UNAVAILABLE, "The storage does not answer.");
        return err_wrap(err, "%s: %s", path, strerror(errnum));
    }
    return err_internal(err, errnum, "storage: %s", path);
}

/* Whether "not there" can be believed: a storage that is away has lost nothing. */
static int look_for_directory(const struct storage *storage, struct err *err)
{
    const char *path = storage->settings->directory;
    return access(path, F_OK) == 0 ? 0 : file_error(err, errno, path);
}

static int path_of(const struct storage *storage, const char *key, const char *tail, char out[PATH_SIZE], struct err *err)
{
    int len = snprintf(out, PATH_SIZE, "%s/%s%s", storage->settings->directory, key, tail);
    return len < PATH_SIZE ? 0 : err_internal(err, ENAMETOOLONG, "storage.directory");
}

/* The directory of a path, in place. */
static void cut_name(char *path)
{
    *strrchr(path, '/') = '\0';
}

static int open_storage(struct storage *storage, struct err *err)
{
    (void)storage;
    (void)err;
    return 0;
}

static void close_storage(struct storage *storage)
{
    (void)storage;
}

static int sync_directory(const char *path, struct err *err)
{
    cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0 ? 0 : file_error(err, errno, path);
}

/* The directory of the file, and that one's; the umask is left out of it, for all share them. */
static int make_directories(const char *file, struct err *err)
{
    char session[PATH_SIZE], all[PATH_SIZE];
    snprintf(session, sizeof(session), "%s", file);
    cut_name(session);
    snprintf(all, sizeof(all), "%s", session);
    cut_name(all);
    if (mkdir(all, DIRECTORY_MODE) == 0)
        (void)!chmod(all, DIRECTORY_MODE);
    else if (errno != EEXIST)
        return file_error(err, errno, all);
    if (mkdir(session, DIRECTORY_MODE) == 0)
        (void)!chmod(session, DIRECTORY_MODE);
    else if (errno != EEXIST)
        return file_error(err, errno, session);
    return 0;
}

static int open_part(struct file_write *write, struct err *err)
{
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
    write->fd = open(write->path, flags, FILE_MODE);
    if (write->fd < 0 && errno == ENOENT) {
        if (make_directories(write->path, err) != 0)
            return -1;
        write->made_directory = true;
        write->fd = open(write->path, flags, FILE_MODE);
    }
    return write->fd >= 0 ? 0 : file_error(err, errno, write->path);
}

static int write_begin(struct storage *storage, const char *key, struct storage_write **out, struct err *err)
{
    cleanup_free struct file_write *write = calloc(1, sizeof(*write));
    if (!write)
        return err_internal(err, errno, "out of memory for a write");
    write->base.storage = storage;
    snprintf(write->base.key, sizeof(write->base.key), "%s", key);
    if (path_of(storage, key, ".part", write->path, err) != 0 || open_part(write, err) != 0)
        return -1;
    *out = &steal(write)->base;
    return 0;
}

/* While more comes, so that the sync at the end has little left to wait for. */
static void start_writing(struct file_write *file)
{
    if (file->written - file->started < WRITE_AHEAD)
        return;
    (void)sync_file_range(file->fd, file->started, file->written - file->started, SYNC_FILE_RANGE_WRITE);
    file->started = file->written;
}

static int write_data(struct storage_write *base, const void *data, size_t len, struct err *err)
{
    struct file_write *file = (struct file_write *)base;
    for (const char *at = data; len > 0;) {
        ssize_t put = write(file->fd, at, len);
        if (put < 0 && errno != EINTR)
            return file_error(err, errno, file->path);
        at += put > 0 ? put : 0;
        len -= put > 0 ? (size_t)put : 0;
        file->written += put > 0 ? put : 0;
    }
    start_writing(file);
    return 0;
}

static void write_free(struct file_write *write)
{
    if (write->fd >= 0)
        close(write->fd);
    free(write);
}

static void write_abort(struct storage_write *base)
{
    struct file_write *write = (struct file_write *)base;
    unlink(write->path);
    write_free(write);
}

/* The name appears when the content is there, and is itself made durable. */
static int publish(struct file_write *write, bool later, struct err *err)
{
    char path[PATH_SIZE];
    if (path_of(write->base.storage, write->base.key, "", path, err) != 0)
        return -1;
    if (!later && fdatasync(write->fd) != 0)
        return file_error(err, errno, write->path);
    if (rename(write->path, path) != 0)
        return file_error(err, errno, path);
    if (later)
        return 0;
    cut_name(path);
    if (sync_directory(path, err) != 0)
        return -1;
    cut_name(path);
    return write->made_directory ? sync_directory(path, err) : 0;
}

static int write_commit(struct storage_write *base, bool later, struct err *err)
{
    struct file_write *write = (struct file_write *)base;
    if (publish(write, later, err) != 0) {
        write_abort(base);
        return -1;
    }
    write_free(write);
    return 0;
}

static int flush(struct storage *storage, struct err *err)
{
    const char *path = storage->settings->directory;
    cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && syncfs(fd) == 0 ? 0 : file_error(err, errno, path);
}

static int read_pieces(int fd, const char *path, int64_t offset, int64_t length, storage_data_fn on_data, void *arg, struct err *err)
{
    cleanup_free char *piece = malloc(READ_PIECE);
    if (!piece)
        return err_internal(err, errno, "out of memory for a piece of a file");
    while (length > 0) {
        ssize_t got = pread(fd, piece, length < READ_PIECE ? (size_t)length : READ_PIECE, offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return file_error(err, got < 0 ? errno : EIO, path);
        if (on_data(arg, piece, (size_t)got, err) != 0)
            return -1;
        offset += got;
        length -= got;
    }
    return 0;
}

static int read_object(struct storage *storage, const char *key, int64_t offset, int64_t length, storage_data_fn on_data, void *arg,
                       struct err *err)
{
    char path[PATH_SIZE];
    struct stat st;
    if (path_of(storage, key, "", path, err) != 0)
        return -1;
    cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return look_for_directory(storage, err) != 0 ? -1 : err_set(err, ERR_FILE_NOT_FOUND, "The storage has no such file.");
    if (fd < 0 || fstat(fd, &st) != 0)
        return file_error(err, errno, path);
    if (offset < 0 || offset > st.st_size)
        return err_internal(err, 0, "%s: read from %lld of %lld", path, (long long)offset, (long long)st.st_size);
    if (length < 0)
        length = st.st_size - offset;
    return read_pieces(fd, path, offset, length, on_data, arg, err);
}

static int delete_object(struct storage *storage, const char *key, struct err *err)
{
    char path[PATH_SIZE];
    if (path_of(storage, key, "", path, err) != 0)
        return -1;
    if (unlink(path) == 0)
        return 0;
    return errno == ENOENT ? look_for_directory(storage, err) : file_error(err, errno, path);
}

static int purge_directory(DIR *directory, const char *path, int (*beat)(void *, struct err *), void *arg, int64_t *deleted,
                           struct err *err)
{
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(directory), entry->d_name, 0) != 0 && errno != ENOENT)
            return file_error(err, errno, path);
        if (++*deleted % BEAT_EVERY == 0 && beat && beat(arg, err) != 0)
            return -1;
    }
    return 0;
}

static int purge(struct storage *storage, const char *session_id, int (*beat)(void *, struct err *), void *arg, int64_t *deleted,
                 struct err *err)
{
    char path[PATH_SIZE];
    int len = snprintf(path, sizeof(path), "%s/sessions/%s", storage->settings->directory, session_id);
    DIR *directory = len < PATH_SIZE ? opendir(path) : NULL;
    if (!directory)
        return errno == ENOENT ? look_for_directory(storage, err) : file_error(err, errno, path);
    int status = purge_directory(directory, path, beat, arg, deleted, err);
    closedir(directory);
    if (status == 0 && rmdir(path) != 0 && errno != ENOENT)
        status = file_error(err, errno, path);
    return status;
}

static int check(struct storage *storage, struct err *err)
{
    const char *path = storage->settings->directory;
    if (faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) == 0)
        return 0;
    err_set(err, ERR_UNAVAILABLE, "The directory of the storage cannot be written to.");
    return err_wrap(err, "%s: %s", path, strerror(errno));
}

static bool local_path(struct storage *storage, const char *key, struct strbuf *out)
{
    strbuf_addf(out, "%s/%s", storage->settings->directory, key);
    return true;
}

const struct storage_driver storage_file_driver = {
    .name = "file",
    .open = open_storage,
    .close = close_storage,
    .write_begin = write_begin,
    .write_data = write_data,
    .write_commit = write_commit,
    .write_abort = write_abort,
    .flush = flush,
    .read = read_object,
    .delete = delete_object,
    .purge = purge,
    .check = check,
    .local_path = local_path,
};
