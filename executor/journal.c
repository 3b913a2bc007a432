/* SPDX-License-Identifier: Apache-2.0 */
/* Watches on every directory, and a table of touched paths. */
#include "executor/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>

#include "executor/as_user.h"
#include "executor/touched.h"
#include "executor/walk.h"
#include "lib/model/workspace.h"
#include "lib/util/clock.h"
#include "lib/util/log.h"

enum {
    WATCHED = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_ONLYDIR | IN_EXCL_UNLINK,
    EVENTS_SIZE = 64 * 1024,
    DIRECTORIES_MAX = 65536,
    READ_MS = 200, /* then the rest is not looked at one by one */
};

struct journal {
    const struct setup *setup;
    int fd;         /* -1: there is no inotify */
    char **paths;   /* by watch number: the directory's path; NULL: none */
    size_t count;   /* of paths */
    bool blind;     /* something is not watched: everything counts as touched from now on */
    int64_t now;    /* number of the last moment */
    int64_t all;    /* the moment at which everything was touched; 0: never */
    int64_t stored; /* all up to here is stored */
    struct touched_table table;
    struct touched_table fresh; /* directories that appeared, while events are read */
    char hidden[JOURNAL_HIDDEN_MAX][WORKSPACE_NAME_MAX + 1];
};

void journal_set_all(struct journal *journal)
{
    journal->all = journal->now;
}

static void go_blind(struct journal *journal, const char *why, int errnum)
{
    if (!journal->blind)
        log_event(LOG_LEVEL_WARN, "changes of files cannot be watched: each execution's files are all compared", LOG_STR("reason", why),
                  LOG_STR("error", errnum ? strerror(errnum) : ""));
    journal->blind = true;
    journal_set_all(journal);
}

static void touch(struct journal *journal, const char *path, bool below)
{
    if (!touched_add(&journal->table, path, journal->now, below))
        journal_set_all(journal);
}

static bool keep_path(struct journal *journal, int wd, const char *path)
{
    size_t index = (size_t)wd;
    if (index >= journal->count) {
        size_t count = journal->count ? journal->count * 2 : 64;
        while (count <= index)
            count *= 2;
        char **paths = reallocarray(journal->paths, count, sizeof(*paths));
        if (!paths)
            return false;
        memset(paths + journal->count, 0, (count - journal->count) * sizeof(*paths));
        journal->paths = paths;
        journal->count = count;
    }
    free(journal->paths[index]);
    journal->paths[index] = strdup(path);
    return journal->paths[index] != NULL;
}

/* By way of the working directory, for a watch is set by name, and names lead over links. */
static void watch(struct journal *journal, int directory, const char *path)
{
    if (journal->fd < 0 || journal->blind)
        return;
    int wd = fchdir(directory) == 0 ? inotify_add_watch(journal->fd, ".", WATCHED) : -1;
    if (wd < 0)
        go_blind(journal, "no more watches", errno);
    else if (wd >= DIRECTORIES_MAX * 16 || !keep_path(journal, wd, path))
        go_blind(journal, "too many directories", 0);
    (void)!chdir("/");
}

/* A directory that appeared, with all in it: watched first, so that what comes later is seen as well. */
static void take_in(struct journal *journal, const char *path, bool touched)
{
    struct walk walk;
    int64_t directories = 0;
    walk_begin(&walk, journal->setup, path);
    walk_enter(&walk);
    if (walk_directory(&walk) >= 0)
        watch(journal, walk_directory(&walk), path);
    while (walk_next(&walk)) {
        const char *name = strbuf_str(&walk.path);
        if (S_ISDIR(walk.st.st_mode) && walk_directory(&walk) >= 0 && ++directories <= DIRECTORIES_MAX)
            watch(journal, walk_directory(&walk), name);
        else if (S_ISREG(walk.st.st_mode) && touched)
            touch(journal, name, false);
    }
    walk_leave();
    if (directories > DIRECTORIES_MAX)
        go_blind(journal, "directories that cannot be watched", 0);
    walk_end(&walk);
}

/* The watches of a directory that is gone from here, and of those in it. */
static void let_go(struct journal *journal, const char *path)
{
    size_t len = strlen(path);
    for (size_t wd = 0; wd < journal->count; wd++) {
        const char *at = journal->paths[wd];
        if (!at || strncmp(at, path, len) != 0 || (at[len] != '\0' && at[len] != '/'))
            continue;
        (void)inotify_rm_watch(journal->fd, (int)wd);
        free(journal->paths[wd]);
        journal->paths[wd] = NULL;
    }
}

static bool is_watched(const struct journal *journal, const char *path)
{
    for (size_t wd = 0; wd < journal->count; wd++)
        if (journal->paths[wd] && strcmp(journal->paths[wd], path) == 0)
            return true;
    return false;
}

static bool is_hidden(const struct journal *journal, const char *directory, const char *name)
{
    for (int i = 0; directory[0] == '\0' && i < JOURNAL_HIDDEN_MAX; i++)
        if (journal->hidden[i][0] && strcmp(journal->hidden[i], name) == 0)
            return true;
    return false;
}

/* Events are lost: directories may have appeared. */
static void lose_track(struct journal *journal)
{
    journal_set_all(journal);
    take_in(journal, "", false);
}

/* Looked into when all events are read: what counts is what it is then, and code may rename one a thousand times in between. */
static void expect_directory(struct journal *journal, const char *path)
{
    if (!touched_add(&journal->fresh, path, journal->now, false))
        lose_track(journal);
}

static void take_fresh(void *arg, const struct touched *touched)
{
    take_in(arg, touched->path, true);
}

static void take_event(struct journal *journal, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW) {
        lose_track(journal);
        return;
    }
    const char *directory = event->wd >= 0 && (size_t)event->wd < journal->count ? journal->paths[event->wd] : NULL;
    if (!directory || event->len == 0 || is_hidden(journal, directory, event->name))
        return;
    cleanup_strbuf struct strbuf path = STRBUF_INIT(WALK_PATH_MAX);
    strbuf_addf(&path, "%s%s%s", directory, directory[0] ? "/" : "", event->name);
    if (!strbuf_ok(&path))
        return; /* too long to be stored */
    if (!(event->mask & IN_ISDIR)) {
        touch(journal, path.data, false);
        return;
    }
    if (event->mask & (IN_DELETE | IN_MOVED_FROM)) {
        let_go(journal, path.data);
        touch(journal, path.data, true);
    }
    if (event->mask & IN_ATTRIB && !is_watched(journal, path.data)) /* it could not be looked into until now */
        expect_directory(journal, path.data);
    if (event->mask & (IN_CREATE | IN_MOVED_TO)) {
        touch(journal, path.data, false); /* it may have been a file */
        expect_directory(journal, path.data);
    }
}

/* None after the deadline: lose_track() makes up for them. */
static void take_events(struct journal *journal, const char *events, size_t len, int64_t deadline_ms)
{
    for (const char *at = events; at < events + len && clock_mono_ms() <= deadline_ms;) {
        const struct inotify_event *event = (const struct inotify_event *)at;
        take_event(journal, event);
        at += sizeof(*event) + event->len;
    }
}

int64_t journal_read(struct journal *journal)
{
    static _Alignas(struct inotify_event) char events[EVENTS_SIZE]; /* one thread */
    int waiting = 0;
    int64_t deadline_ms = clock_mono_ms() + READ_MS;
    journal->now++;
    if (journal->blind || journal->fd < 0)
        journal_set_all(journal);
    /* what is there now and no more: code that runs may make events faster than they are read */
    if (journal->fd >= 0)
        (void)ioctl(journal->fd, FIONREAD, &waiting);
    while (waiting > 0) {
        ssize_t got = read(journal->fd, events, sizeof(events));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        waiting -= (int)got;
        take_events(journal, events, (size_t)got, deadline_ms);
    }
    touched_each(&journal->fresh, 0, take_fresh, journal);
    touched_release(&journal->fresh);
    if (clock_mono_ms() > deadline_ms)
        lose_track(journal);
    return journal->now;
}

bool journal_stirred(const struct journal *journal)
{
    int waiting = 0;
    return journal->fd < 0 || journal->blind || ioctl(journal->fd, FIONREAD, &waiting) != 0 || waiting > 0;
}

void journal_hide(struct journal *journal, int slot, const char *name)
{
    snprintf(journal->hidden[slot], sizeof(journal->hidden[slot]), "%s", name ? name : "");
}

void journal_forget(struct journal *journal, const char *path, int64_t moment)
{
    touched_restore(&journal->table, path, moment, journal->stored);
}

bool journal_all(const struct journal *journal, int64_t moment)
{
    return journal->all > moment || journal->all > journal->stored;
}

/* Up to here nothing is of interest to who began at `moment`. */
static int64_t settled(const struct journal *journal, int64_t moment)
{
    return moment < journal->stored ? moment : journal->stored;
}

bool journal_pending(const struct journal *journal, int64_t moment)
{
    return journal_all(journal, moment) || journal->table.newest > settled(journal, moment);
}

void journal_each(const struct journal *journal, int64_t moment, void (*on_path)(void *arg, const struct touched *touched), void *arg)
{
    touched_each(&journal->table, settled(journal, moment), on_path, arg);
}

void journal_stored(struct journal *journal, int64_t moment, int64_t oldest)
{
    if (moment > journal->now)
        moment = journal->now;
    if (moment > journal->stored)
        journal->stored = moment;
    touched_drop(&journal->table, settled(journal, oldest));
}

int64_t journal_moment(const struct journal *journal)
{
    return journal->now;
}

bool journal_all_since(const struct journal *journal, int64_t moment)
{
    return journal->all > moment;
}

void journal_since(const struct journal *journal, int64_t moment, void (*on_path)(void *arg, const struct touched *touched), void *arg)
{
    touched_each(&journal->table, moment, on_path, arg);
}

struct journal *journal_new(const struct setup *setup, struct err *err)
{
    struct journal *journal = calloc(1, sizeof(*journal));
    if (!journal) {
        err_internal(err, errno, "out of memory for a journal");
        return NULL;
    }
    journal->setup = setup;
    journal->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (journal->fd < 0)
        go_blind(journal, "no inotify", errno);
    take_in(journal, "", false);
    return journal;
}

void journal_free(struct journal *journal)
{
    if (!journal)
        return;
    if (journal->fd >= 0)
        close(journal->fd);
    for (size_t i = 0; i < journal->count; i++)
        free(journal->paths[i]);
    free(journal->paths);
    touched_release(&journal->table);
    free(journal);
}
