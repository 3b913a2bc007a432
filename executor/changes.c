/* SPDX-License-Identifier: Apache-2.0 */
/* A list that is made while it is sent: some entries a step, each step when the one before it has been written. */
#include "executor/changes.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <inttypes.h>
#include <string.h>

#include "executor/journal.h"
#include "executor/reach.h"
#include "executor/runs.h"
#include "executor/server.h"
#include "executor/walk.h"
#include "lib/wire/changes.h"

enum { ENTRIES_A_STEP = 256, YOUNG_MS = 20 };

enum phase { PHASE_GONE, PHASE_FILES, PHASE_ALL, PHASE_END };

/* A touched path, copied: the journal goes on meanwhile. */
struct item {
    char *path; /* NULL once it is done with */
    bool mine, below;
};

struct listing {
    struct engine *engine;
    struct evhttp_request *request;
    struct event *step;
    enum phase phase;
    struct item *items;
    size_t count, next;
    struct walk walk;
    int64_t since, mark; /* the execution began, and this list did */
    int64_t files, skipped;
    bool all, failed;
};

void version_of(const struct stat *st, int64_t moment, char out[FILE_SOURCE_SIZE])
{
    struct timespec now;
    int len = snprintf(out, FILE_SOURCE_SIZE, "%llx-%llx-%llx.%lx-%llx.%lx", (unsigned long long)st->st_ino, (unsigned long long)st->st_size,
                       (unsigned long long)st->st_mtim.tv_sec, (unsigned long)st->st_mtim.tv_nsec,
                       (unsigned long long)st->st_ctim.tv_sec, (unsigned long)st->st_ctim.tv_nsec);
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age_ms = (int64_t)(now.tv_sec - st->st_ctim.tv_sec) * 1000 + (now.tv_nsec - st->st_ctim.tv_nsec) / 1000000;
    if (moment > 0 && age_ms <= YOUNG_MS && len < FILE_SOURCE_SIZE)
        snprintf(out + len, FILE_SOURCE_SIZE - (size_t)len, "~%llx", (unsigned long long)moment);
}

bool version_fits(const char *version, const struct stat *st)
{
    char now[FILE_SOURCE_SIZE];
    version_of(st, 0, now);
    size_t len = strcspn(version, "~");
    return strlen(now) == len && memcmp(version, now, len) == 0;
}

static void free_listing(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        free(listing->items[i].path);
    free(listing->items);
    walk_end(&listing->walk);
    if (listing->step)
        event_free(listing->step);
    free(listing);
}

static void add_line(struct listing *listing, const struct wire_change *change, struct strbuf *out)
{
    struct err ignored = ERR_INIT;
    if (wire_change_encode(change, out, &ignored) != 0)
        listing->failed = true;
}

static void add_gone(struct listing *listing, const char *path, bool below, struct strbuf *out)
{
    struct wire_change change = { .type = WIRE_CHANGE_GONE, .below = below };
    if (!workspace_path_valid(path, strlen(path)))
        return; /* never stored */
    snprintf(change.path, sizeof(change.path), "%s", path);
    add_line(listing, &change, out);
}

static void add_file(struct listing *listing, const char *path, const struct stat *st, bool mine, struct strbuf *out)
{
    struct wire_change change = { .type = WIRE_CHANGE_FILE, .mine = mine, .size = st->st_size, .mode = st->st_mode & 0777 };
    if (!workspace_path_valid(path, strlen(path)) || listing->files >= listing->engine->setup.files_max) {
        listing->skipped++;
        return;
    }
    listing->files++;
    snprintf(change.path, sizeof(change.path), "%s", path);
    if (st->st_mtim.tv_sec >= 0 && st->st_mtim.tv_sec < 253402300799)
        change.modified_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
    version_of(st, runs_running(listing->engine->runs) > 0 ? listing->mark : 0, change.version);
    add_line(listing, &change, out);
}

/* From here on it is about everything there is. */
static void list_all(struct listing *listing)
{
    listing->all = true;
    listing->phase = PHASE_ALL;
    walk_begin(&listing->walk, &listing->engine->setup, "");
}

/* What the path is now. A file with other names: those may have been touched by way of this one. */
static void settle(struct listing *listing, struct item *item, struct strbuf *out)
{
    struct stat st;
    struct err err = ERR_INIT;
    bool there = reach_stat(&listing->engine->setup, item->path, &st, &err) == 0;
    bool file = there && S_ISREG(st.st_mode);
    if (item->below || !file)
        add_gone(listing, item->path, item->below || !there || !S_ISDIR(st.st_mode), out);
    if (!file)
        free(steal(item->path));
    else if (st.st_nlink > 1)
        listing->all = true;
}

static void step_gone(struct listing *listing, struct strbuf *out)
{
    for (int i = 0; i < ENTRIES_A_STEP && listing->next < listing->count && !listing->all; i++)
        settle(listing, &listing->items[listing->next++], out);
    if (listing->all) {
        journal_set_all(listing->engine->journal);
        list_all(listing);
    } else if (listing->next == listing->count) {
        listing->phase = PHASE_FILES;
        listing->next = 0;
    }
}

/* One that went away meanwhile is in the journal again, and in the next list. */
static void step_files(struct listing *listing, struct strbuf *out)
{
    for (int i = 0; i < ENTRIES_A_STEP && listing->next < listing->count; i++) {
        const struct item *item = &listing->items[listing->next++];
        struct stat st;
        struct err err = ERR_INIT;
        if (item->path && reach_stat(&listing->engine->setup, item->path, &st, &err) == 0 && S_ISREG(st.st_mode))
            add_file(listing, item->path, &st, item->mine, out);
    }
    if (listing->next == listing->count)
        listing->phase = PHASE_END;
}

static void step_all(struct listing *listing, struct strbuf *out)
{
    bool more = true;
    walk_enter(&listing->walk);
    for (int i = 0; i < ENTRIES_A_STEP && (more = walk_next(&listing->walk)); i++)
        if (S_ISREG(listing->walk.st.st_mode))
            add_file(listing, strbuf_str(&listing->walk.path), &listing->walk.st, false, out);
    walk_leave();
    if (!more)
        listing->phase = PHASE_END;
}

static void on_close(struct evhttp_connection *connection, void *arg)
{
    (void)connection;
    struct listing *listing = arg;
    server_abandon(listing->request);
    free_listing(listing);
}

/* Without its last line, a list that could not be made whole is known for it. */
static void finish(struct listing *listing, struct strbuf *out)
{
    const struct wire_change end = { .type = WIRE_CHANGE_END, .all = listing->all, .skipped = listing->skipped, .mark = listing->mark };
    struct evhttp_request *request = listing->request;
    struct evbuffer *chunk = evbuffer_new();
    if (!listing->failed)
        add_line(listing, &end, out);
    if (chunk && !listing->failed && evbuffer_add(chunk, strbuf_str(out), out->len) == 0)
        evhttp_send_reply_chunk(request, chunk);
    if (chunk)
        evbuffer_free(chunk);
    server_end_lines(request);
    free_listing(listing);
}

static void on_written(struct evhttp_connection *connection, void *arg)
{
    (void)connection;
    event_active(((struct listing *)arg)->step, EV_TIMEOUT, 0);
}

static void on_step(evutil_socket_t fd, short what, void *arg)
{
    static void (*const steps[])(struct listing *listing, struct strbuf *out) = { step_gone, step_files, step_all };
    struct listing *listing = arg;
    cleanup_strbuf struct strbuf out = STRBUF_INIT(ENTRIES_A_STEP * WIRE_CHANGE_MAX);
    (void)fd;
    (void)what;
    if (listing->phase != PHASE_END)
        steps[listing->phase](listing, &out);
    listing->failed |= !strbuf_ok(&out);
    if (listing->phase == PHASE_END || listing->failed) {
        finish(listing, &out);
        return;
    }
    struct evbuffer *chunk = out.len > 0 ? evbuffer_new() : NULL;
    if (chunk && evbuffer_add(chunk, out.data, out.len) == 0)
        evhttp_send_reply_chunk_with_cb(listing->request, chunk, on_written, listing);
    else
        event_active(listing->step, EV_TIMEOUT, 0);
    listing->failed |= out.len > 0 && !chunk;
    if (chunk)
        evbuffer_free(chunk);
}

static void copy_path(void *arg, const struct touched *touched)
{
    struct listing *listing = arg;
    if ((listing->count & (listing->count - 1)) == 0) {
        struct item *grown = reallocarray(listing->items, listing->count ? listing->count * 2 : 1, sizeof(*grown));
        if (!grown) {
            listing->failed = true;
            return;
        }
        listing->items = grown;
    }
    struct item item = { .path = strdup(touched->path), .mine = touched->moment > listing->since, .below = touched->below };
    if (item.path)
        listing->items[listing->count++] = item;
    else
        listing->failed = true;
}

static void begin(struct listing *listing)
{
    struct journal *journal = listing->engine->journal;
    listing->mark = journal_read(journal);
    if (journal_all(journal, listing->since))
        list_all(listing);
    else
        journal_each(journal, listing->since, copy_path, listing);
}

int changes_get(struct engine *engine, struct evhttp_request *request, const char *id, struct err *err)
{
    struct run *run;
    if (runs_find(engine->runs, id, &run, err) != 0)
        return -1;
    if (run->state != RUN_DONE)
        return err_set(err, ERR_CONFLICT, "The execution is running; its changes are listed when it has ended.");
    struct listing *listing = calloc(1, sizeof(*listing));
    if (listing)
        listing->step = event_new(engine->base, -1, 0, on_step, listing);
    if (!listing || !listing->step) {
        free(listing);
        return err_internal(err, errno, "out of memory for a list of changes");
    }
    listing->engine = engine;
    listing->request = request;
    listing->since = run->moment;
    begin(listing);
    server_begin_lines(request, on_close, listing);
    event_active(listing->step, EV_TIMEOUT, 0);
    return 0;
}
