/* SPDX-License-Identifier: Apache-2.0 */
/* openat() from component to component. Between looking at a component and opening it, it may become something else: what is opened is
 * then something that the same user of the sandbox may reach, and no more. */
#include "executor/reach.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "executor/as_user.h"
#include "lib/wire/environment.h"

uid_t reach_uid(const struct setup *setup, uid_t owner)
{
    return owner >= setup->uid && owner < setup->uid + EXECUTOR_SLOTS ? owner : setup->uid;
}

int reach_error(struct err *err, int errnum)
{
    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
        return err_set(err, ERR_FILE_NOT_FOUND, "There is no such file in the workspace.");
    case ELOOP:
    case EMLINK:
        return err_set(err, ERR_CONFLICT, "The path leads over a link.");
    case EISDIR:
    case ENXIO:
    case EEXIST:
    case ENOTEMPTY:
        return err_set(err, ERR_CONFLICT, "At the path is a directory, or something else that is no regular file.");
    case EACCES:
    case EPERM:
    case EROFS:
        return err_set(err, ERR_FORBIDDEN, "The sandbox's user may not do this.");
    case ENAMETOOLONG:
        return err_set(err, ERR_INVALID, "The path is too long.");
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return err_set(err, ERR_TOO_LARGE, "The workspace is full.");
    default:
        return err_internal(err, errnum, "a file of the workspace");
    }
}

void reach_close(struct reach *reach)
{
    if (reach->dir >= 0)
        close(reach->dir);
    reach->dir = -1;
}

/* Goes into `name`, as its owner. */
static int step(const struct setup *setup, struct reach *at, bool make)
{
    struct stat st;
    if (make && mkdirat(at->dir, at->name, 0777) != 0 && errno != EEXIST)
        return -1;
    if (fstatat(at->dir, at->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return -1;
    if (S_ISLNK(st.st_mode)) { /* openat() says no more than that it is no directory */
        errno = ELOOP;
        return -1;
    }
    int fd = openat(at->dir, at->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    close(at->dir);
    at->dir = fd;
    at->uid = reach_uid(setup, st.st_uid);
    as_user_switch(at->uid);
    return 0;
}

static int bad_path(struct err *err)
{
    return err_set(err, ERR_INVALID, "The path must name a file inside the workspace, without \".\" or \"..\".");
}

static int take_name(const char **at, struct reach *out, struct err *err)
{
    size_t len = strcspn(*at, "/");
    if (len == 0 || len > WORKSPACE_NAME_MAX || ((*at)[0] == '.' && (len == 1 || (len == 2 && (*at)[1] == '.'))))
        return bad_path(err);
    memcpy(out->name, *at, len);
    out->name[len] = '\0';
    *at += len;
    return 0;
}

/* Rights are the caller's to give back. */
static int find_parent(const struct setup *setup, const char *path, bool make, struct reach *out, struct err *err)
{
    as_user_begin(setup->uid, setup->gid);
    *out = (struct reach){ .uid = setup->uid };
    out->dir = open(setup->workspace, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (out->dir < 0)
        return reach_error(err, errno);
    for (const char *at = path;; at++) {
        if (take_name(&at, out, err) != 0)
            break;
        if (*at == '\0')
            return 0;
        if (step(setup, out, make) != 0) {
            reach_error(err, errno);
            break;
        }
    }
    reach_close(out);
    return -1;
}

int reach_parent(const struct setup *setup, const char *path, bool make, struct reach *out, struct err *err)
{
    int status = find_parent(setup, path, make, out, err);
    as_user_end();
    return status;
}

int reach_directory(const struct setup *setup, const char *path, uid_t *uid_out, struct err *err)
{
    cleanup(reach_close) struct reach at = { .dir = -1 };
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = -1;
    if (path[0] == '\0') {
        as_user_begin(setup->uid, setup->gid);
        fd = open(setup->workspace, flags);
        *uid_out = setup->uid;
    } else if (find_parent(setup, path, false, &at, err) == 0 && step(setup, &at, false) == 0) {
        fd = openat(at.dir, ".", flags);
        *uid_out = at.uid;
    }
    if (fd < 0)
        reach_error(err, errno);
    as_user_end();
    return fd;
}

int reach_stat(const struct setup *setup, const char *path, struct stat *out, struct err *err)
{
    cleanup(reach_close) struct reach at = { .dir = -1 };
    int status = find_parent(setup, path, false, &at, err);
    if (status == 0 && fstatat(at.dir, at.name, out, AT_SYMLINK_NOFOLLOW) != 0)
        status = reach_error(err, errno);
    as_user_end();
    return status;
}

static int open_file(const struct setup *setup, const struct reach *at, struct stat *st, struct err *err)
{
    if (fstatat(at->dir, at->name, st, AT_SYMLINK_NOFOLLOW) != 0)
        return reach_error(err, errno);
    if (!S_ISREG(st->st_mode))
        return reach_error(err, S_ISLNK(st->st_mode) ? ELOOP : EISDIR);
    as_user_switch(reach_uid(setup, st->st_uid));
    /* not blocking: it may have become a pipe meanwhile, which must not hold us up */
    cleanup_fd int fd = openat(at->dir, at->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, st) != 0)
        return reach_error(err, errno);
    if (!S_ISREG(st->st_mode))
        return reach_error(err, EISDIR);
    return steal_fd(&fd);
}

int reach_file(const struct setup *setup, const char *path, struct stat *st_out, struct err *err)
{
    cleanup(reach_close) struct reach at = { .dir = -1 };
    int fd = find_parent(setup, path, false, &at, err) == 0 ? open_file(setup, &at, st_out, err) : -1;
    as_user_end();
    return fd;
}
