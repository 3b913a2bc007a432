/* SPDX-License-Identifier: Apache-2.0 */
/* A list of executions, the slots they run in, and how long results are kept. */
#include "executor/runs.h"

#include <errno.h>
#include <string.h>

#include "lib/util/clock.h"
#include "lib/util/log.h"

enum {
    KEPT_BYTES_MAX = 64 * 1024 * 1024, /* of streams that nobody acknowledged */
    KEPT_MS_MAX = 3600 * 1000,
    TIDY_S = 60,
    GONE = 1024, /* ids acknowledged last: a late repetition must not run again */
    ID_SIZE = 65,
};

struct runs {
    struct engine *engine;
    struct run *first;
    struct run *slots[EXECUTOR_SLOTS];
    bool stuck[EXECUTOR_SLOTS];
    struct event *tidy;
    char gone[GONE][ID_SIZE];
    unsigned gone_next;
};

static void drop(struct runs *runs, struct run *run)
{
    struct run **at = &runs->first;
    while (*at != run)
        at = &(*at)->next;
    *at = run->next;
    run_free(run);
}

static struct run *oldest_done(const struct runs *runs, size_t *bytes_out)
{
    struct run *oldest = NULL;
    *bytes_out = 0;
    for (struct run *run = runs->first; run; run = run->next) {
        if (run->state != RUN_DONE)
            continue;
        *bytes_out += run->stream.log.cap;
        if (!oldest || run->done_ms < oldest->done_ms)
            oldest = run;
    }
    return oldest;
}

static void tidy(struct runs *runs)
{
    size_t bytes;
    for (struct run *run; (run = oldest_done(runs, &bytes));) {
        if (bytes <= KEPT_BYTES_MAX && clock_mono_ms() - run->done_ms <= KEPT_MS_MAX)
            return;
        log_event(LOG_LEVEL_WARN, "a result that nobody acknowledged is dropped",
                  LOG_STR("execution_id", run->request.execution_id));
        drop(runs, run);
    }
}

static void on_tidy(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    tidy(arg);
}

struct runs *runs_new(struct engine *engine, struct err *err)
{
    const struct timeval every = { TIDY_S, 0 };
    struct runs *runs = calloc(1, sizeof(*runs));
    if (runs) {
        runs->engine = engine;
        runs->tidy = event_new(engine->base, -1, EV_PERSIST, on_tidy, runs);
    }
    if (!runs || !runs->tidy || event_add(runs->tidy, &every) != 0) {
        err_internal(err, errno, "out of memory");
        runs_free(runs);
        return NULL;
    }
    return runs;
}

void runs_free(struct runs *runs)
{
    if (!runs)
        return;
    while (runs->first)
        drop(runs, runs->first);
    if (runs->tidy)
        event_free(runs->tidy);
    free(runs);
}

static struct run *find(const struct runs *runs, const char *id)
{
    struct run *run = runs->first;
    while (run && strcmp(run->request.execution_id, id) != 0)
        run = run->next;
    return run;
}

static bool is_gone(const struct runs *runs, const char *id)
{
    for (int i = 0; i < GONE; i++)
        if (strcmp(runs->gone[i], id) == 0)
            return true;
    return false;
}

static int free_slot(const struct runs *runs)
{
    int slot = 0;
    while (slot < EXECUTOR_SLOTS && (runs->slots[slot] || runs->stuck[slot]))
        slot++;
    return slot < EXECUTOR_SLOTS ? slot : -1;
}

static void on_done(struct run *run)
{
    struct runs *runs = run->engine->runs;
    runs->slots[run->slot] = NULL;
    runs->stuck[run->slot] = run->slot_stuck;
    run->slot = -1;
    interpreters_refill_later(runs->engine->interpreters); /* a fork takes time: the result goes first */
}

int runs_execute(struct runs *runs, struct wire_execute *request, struct run **out, struct err *err)
{
    *out = find(runs, request->execution_id);
    if (*out)
        return 0;
    if (is_gone(runs, request->execution_id))
        return err_set(err, ERR_CONFLICT, "This execution has run, and its result was acknowledged.");
    int slot = free_slot(runs);
    if (slot < 0)
        return err_set(err, ERR_NO_ROOM, "This sandbox runs %d executions already.", EXECUTOR_SLOTS);
    struct run *run = run_new(runs->engine, request, slot, on_done, err);
    if (!run)
        return -1;
    run->next = runs->first;
    runs->first = run;
    runs->slots[slot] = run;
    run_begin(run);
    tidy(runs);
    *out = run;
    return 0;
}

int runs_find(struct runs *runs, const char *id, struct run **out, struct err *err)
{
    *out = find(runs, id);
    return *out ? 0 : err_set(err, ERR_EXECUTION_NOT_FOUND, "This executor does not know the execution.");
}

/* Executions that began before this moment are all acknowledged. */
static int64_t oldest_moment(const struct runs *runs)
{
    int64_t oldest = INT64_MAX;
    for (const struct run *run = runs->first; run; run = run->next)
        if (run->moment < oldest)
            oldest = run->moment;
    return oldest;
}

int runs_acknowledge(struct runs *runs, const char *id, int64_t mark, struct err *err)
{
    struct run *run = find(runs, id);
    if (!run && is_gone(runs, id))
        return 0;
    if (!run)
        return err_set(err, ERR_EXECUTION_NOT_FOUND, "This executor does not know the execution.");
    if (run->state != RUN_DONE)
        return err_set(err, ERR_CONFLICT, "The execution is running; cancel it first.");
    snprintf(runs->gone[runs->gone_next++ % GONE], ID_SIZE, "%s", id);
    drop(runs, run);
    if (mark > 0)
        journal_stored(runs->engine->journal, mark, oldest_moment(runs));
    return 0;
}

int runs_running(const struct runs *runs)
{
    int count = 0;
    for (int slot = 0; slot < EXECUTOR_SLOTS; slot++)
        count += runs->slots[slot] != NULL;
    return count;
}

pid_t runs_interpreter(const struct runs *runs, uid_t uid)
{
    for (int slot = 0; slot < EXECUTOR_SLOTS; slot++) {
        const struct run *run = runs->slots[slot];
        if (run && engine_slot_uid(runs->engine, slot) == uid)
            return run->request.language != LANGUAGE_SHELL ? run_pid(run) : 0;
    }
    return 0;
}

void runs_reaped(struct runs *runs, const struct reaped *child)
{
    for (int slot = 0; slot < EXECUTOR_SLOTS; slot++) {
        struct run *run = runs->slots[slot];
        if (run && (run_pid(run) == child->pid || engine_slot_uid(runs->engine, slot) == child->uid)) {
            run_reaped(run, child);
            return;
        }
    }
}

void runs_sweep(struct runs *runs)
{
    for (int slot = 0; slot < EXECUTOR_SLOTS; slot++)
        if (runs->slots[slot])
            run_sweep(runs->slots[slot]);
}

void runs_abandon_all(struct runs *runs)
{
    for (int slot = 0; slot < EXECUTOR_SLOTS; slot++)
        if (runs->slots[slot])
            run_abandon(runs->slots[slot]);
}
