/* SPDX-License-Identifier: Apache-2.0 */
/* A depth-first walk with openat() and a stack of its own. */
#include "executor/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "executor/as_user.h"
#include "executor/reach.h"

/* It was a directory a moment ago: what was in it is gone, or elsewhere, where it will be met or be missed once. */
static bool has_vanished(int fd, int errnum)
{
    return fd < 0 && (errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP);
}

/* `errnum` is why there is no `fd`. */
static void push(struct walk *walk, int fd, int errnum, uid_t uid)
{
    DIR *stream = fd >= 0 && walk->depth < WALK_DEPTH_MAX ? fdopendir(fd) : NULL;
    if (!stream) {
        if (fd >= 0)
            close(fd);
        walk->incomplete |= !has_vanished(fd, errnum);
        return;
    }
    walk->stack[walk->depth] = stream;
    walk->lengths[walk->depth] = walk->path.len;
    walk->uids[walk->depth] = uid;
    walk->shut[walk->depth] = -1;
    walk->depth++;
    as_user_switch(uid);
}

static void pop(struct walk *walk)
{
    walk->depth--;
    if (walk->shut[walk->depth] >= 0)
        (void)fchmod(dirfd(walk->stack[walk->depth]), (mode_t)walk->shut[walk->depth]);
    closedir(walk->stack[walk->depth]);
    if (walk->depth > 0)
        as_user_switch(walk->uids[walk->depth - 1]);
}

void walk_begin(struct walk *walk, const struct setup *setup, const char *path)
{
    uid_t uid = setup->uid;
    struct err ignored = ERR_INIT;
    memset(walk, 0, sizeof(*walk));
    walk->setup = setup;
    walk->path = STRBUF_INIT(WALK_PATH_MAX);
    strbuf_add_str(&walk->path, path);
    int fd = reach_directory(setup, path, &uid, &ignored);
    walk_enter(walk);
    push(walk, fd, ENOENT, uid);
    walk_leave();
}

void walk_enter(struct walk *walk)
{
    as_user_begin(walk->depth > 0 ? walk->uids[walk->depth - 1] : walk->setup->uid, walk->setup->gid);
}

void walk_leave(void)
{
    as_user_end();
}

static void cut_path(struct walk *walk)
{
    walk->path.failed = false;
    walk->path.len = walk->lengths[walk->depth - 1];
    if (walk->path.data)
        walk->path.data[walk->path.len] = '\0';
}

/* By name, and so perhaps over a link that has taken its place: as its owner, who may do it just as well. */
static bool pry_open(struct walk *walk, int parent, const char *name)
{
    return walk->insist && (walk->st.st_mode & 0500) != 0500 && fchmodat(parent, name, (walk->st.st_mode & 07777) | 0700, 0) == 0;
}

static void enter_directory(struct walk *walk, int parent, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    uid_t uid = reach_uid(walk->setup, walk->st.st_uid);
    int before = walk->depth;
    as_user_switch(uid);
    bool pried = pry_open(walk, parent, name);
    int fd = openat(parent, name, flags);
    push(walk, fd, errno, uid);
    if (pried && walk->depth > before)
        walk->shut[before] = (int)(walk->st.st_mode & 07777);
    if (walk->depth > 0)
        as_user_switch(walk->uids[walk->depth - 1]);
}

/* False: nothing that is of interest, or too long to name. */
static bool take_entry(struct walk *walk, const char *name)
{
    int parent = dirfd(walk->stack[walk->depth - 1]);
    walk->entries++;
    if (fstatat(parent, name, &walk->st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (walk->path.len > 0)
        strbuf_add_char(&walk->path, '/');
    strbuf_add_str(&walk->path, name);
    if (!strbuf_ok(&walk->path)) {
        walk->incomplete = true;
        return false;
    }
    if (S_ISDIR(walk->st.st_mode))
        enter_directory(walk, parent, name);
    return S_ISDIR(walk->st.st_mode) || S_ISREG(walk->st.st_mode);
}

bool walk_next(struct walk *walk)
{
    while (walk->depth > 0 && (walk->limit == 0 || walk->entries < walk->limit)) {
        cut_path(walk);
        struct dirent *entry = readdir(walk->stack[walk->depth - 1]);
        if (!entry)
            pop(walk);
        else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && take_entry(walk, entry->d_name))
            return true;
    }
    return false;
}

int walk_directory(const struct walk *walk)
{
    bool opened = walk->depth > 0 && walk->lengths[walk->depth - 1] == walk->path.len;
    return opened ? dirfd(walk->stack[walk->depth - 1]) : -1;
}

void walk_end(struct walk *walk)
{
    if (walk->depth > 0) {
        walk_enter(walk);
        while (walk->depth > 0)
            pop(walk);
        walk_leave();
    }
    strbuf_release(&walk->path);
}
