/* SPDX-License-Identifier: Apache-2.0 */
/* A depth-first walk with openat(), as the sandbox's user. */
#include "executor/workspace.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "executor/as_user.h"
#include "lib/util/clock.h"
#include "lib/util/strbuf.h"
#include "lib/util/utf8.h"

enum { DEPTH_MAX = 64, PATH_LEN_MAX = 4096, TIME_MS = 200, CLOCK_EVERY = 64 };

struct walk {
    void (*on_file)(void *arg, const char *name, const struct stat *st);
    void *arg;
    int64_t bytes;
    bool complete;
    struct strbuf path;
    int64_t deadline_ms;
    unsigned seen;
    int depth;
};

static bool later(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec >= b->tv_nsec;
}

static bool out_of_time(struct walk *walk)
{
    if (walk->complete && ++walk->seen % CLOCK_EVERY == 0 && clock_mono_ms() > walk->deadline_ms)
        walk->complete = false;
    return !walk->complete;
}

static void walk_directory(struct walk *walk, int fd);

static void walk_entry(struct walk *walk, int dir, const char *name)
{
    struct stat st;
    size_t before = walk->path.len;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    walk->bytes += (int64_t)st.st_blocks * 512;
    if (before > 0)
        strbuf_add_char(&walk->path, '/');
    strbuf_add_str(&walk->path, name);
    if (!strbuf_ok(&walk->path)) { /* too long to name */
        walk->path.failed = false;
    } else if (S_ISDIR(st.st_mode) && walk->depth < DEPTH_MAX) {
        int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0)
            walk_directory(walk, fd);
    } else if (S_ISREG(st.st_mode) && walk->on_file && utf8_valid(walk->path.data, walk->path.len)) {
        walk->on_file(walk->arg, walk->path.data, &st);
    }
    walk->path.len = before;
    if (walk->path.data)
        walk->path.data[before] = '\0';
}

/* Takes `fd` over. */
static void walk_directory(struct walk *walk, int fd)
{
    DIR *stream = fdopendir(fd);
    if (!stream) {
        close(fd);
        return;
    }
    walk->depth++;
    for (struct dirent *entry; !out_of_time(walk) && (entry = readdir(stream));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            walk_entry(walk, fd, entry->d_name);
    walk->depth--;
    closedir(stream);
}

static void walk_all(struct walk *walk, const char *path, uid_t uid, gid_t gid)
{
    walk->complete = true;
    walk->path = STRBUF_INIT(PATH_LEN_MAX);
    walk->deadline_ms = clock_mono_ms() + TIME_MS;
    as_user_begin(uid, gid);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        walk_directory(walk, fd);
    as_user_end();
    strbuf_release(&walk->path);
}

bool workspace_each(const char *path, uid_t uid, gid_t gid,
                    void (*on_file)(void *arg, const char *name, const struct stat *st), void *arg)
{
    struct walk walk = { .on_file = on_file, .arg = arg };
    walk_all(&walk, path, uid, gid);
    return walk.complete;
}

struct changes {
    const struct timespec *since;
    struct json_object *names;
};

static void note_changed(void *arg, const char *name, const struct stat *st)
{
    struct changes *changes = arg;
    if (!later(&st->st_mtim, changes->since) && !later(&st->st_ctim, changes->since))
        return;
    if (json_object_array_length(changes->names) >= WORKSPACE_CHANGED_MAX)
        return;
    struct json_object *text = json_object_new_string(name);
    if (text && json_object_array_add(changes->names, text) != 0)
        json_object_put(text);
}

void workspace_look(const char *path, uid_t uid, gid_t gid, const struct timespec *since, struct workspace_look *out)
{
    struct changes changes = { .since = since, .names = since ? json_object_new_array() : NULL };
    struct walk walk = { .on_file = changes.names ? note_changed : NULL, .arg = &changes };
    walk_all(&walk, path, uid, gid);
    *out = (struct workspace_look){ .bytes = walk.bytes, .complete = walk.complete, .changed = changes.names };
}
