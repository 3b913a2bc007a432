/* SPDX-License-Identifier: Apache-2.0 */
/* Moves bytes from an execution's pipes into what is kept of them, and looks after its limits by timer. */
#include "executor/run_io.h"

#include <errno.h>
#include <string.h>

#include "executor/runs.h"
#include "executor/unlinked.h"
#include "lib/model/limits.h"
#include "lib/util/clock.h"
#include "lib/util/log.h"

enum {
    READ_SIZE = 64 * 1024,
    READS_AT_ONCE = 8,       /* then others get their turn */
    READS_AT_END = 4096,     /* nobody writes any more, so a pipe's content is all there is */
    FLUSH_BYTES = 16 * 1024, /* output is gathered to lines of this size, */
    FLUSH_MS = 20,           /* or for this long: one event a byte would cost more than the byte */
    DISK_EVERY = 4, /* watches */
    OPAQUE_LOOKS = 3,
    MIB = 1024 * 1024,
};

void run_io_emit(void *arg, const struct wire_event *event)
{
    struct run *run = arg;
    struct err err = ERR_INIT;
    if (stream_add(&run->stream, event, &err) != 0)
        log_err(LOG_LEVEL_WARN, "an event does not fit into the stream", &err, "execution_id",
                run->request.execution_id);
}

static const enum wire_event_type event_types[] = { [RUN_OUT] = WIRE_STDOUT, [RUN_ERR] = WIRE_STDERR };

void run_io_flush(struct run *run)
{
    for (int which = RUN_OUT; which <= RUN_ERR; which++)
        output_flush(&run->outputs[which], event_types[which], run_io_emit, run);
}

static void add_report(struct run *run, const char *data, size_t len)
{
    size_t room = run->report.max - run->report.len;
    if (len > room)
        run->report_over = true;
    strbuf_add(&run->report, data, len < room ? len : room);
    run->report_end[0] = len > 1 ? (unsigned char)data[len - 2] : run->report_end[1];
    run->report_end[1] = (unsigned char)data[len - 1];
}

/* Node.js says so before it ends itself by a signal: V8 in words, what else in it asks for memory by C++'s exception. */
static void look_for_heap(struct run *run, const char *data, size_t len)
{
    static const char *const words[] = { "out of memory", "std::bad_alloc" };
    if (run->request.language != LANGUAGE_JAVASCRIPT)
        return;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (memmem(data, len, words[i], strlen(words[i])))
            run->heap_full = true;
}

/* False when there is nothing more to read now; *ended_out: nor ever. */
static bool read_some(struct run *run, enum run_pipe which, bool *ended_out)
{
    static char buffer[READ_SIZE]; /* one thread */
    ssize_t got = read(run->interpreter->channel.own[which], buffer, sizeof(buffer));
    *ended_out = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
    if (got <= 0)
        return false;
    if (which == RUN_RESULT) {
        add_report(run, buffer, (size_t)got);
        return true;
    }
    if (which == RUN_ERR)
        look_for_heap(run, buffer, (size_t)got);
    output_feed(&run->outputs[which], buffer, (size_t)got);
    return true;
}

static void after_read(struct run *run)
{
    struct err err = ERR_INIT;
    size_t pending = output_pending(&run->outputs[RUN_OUT]) + output_pending(&run->outputs[RUN_ERR]);
    if (pending >= FLUSH_BYTES)
        run_io_flush(run);
    else if (pending > 0 && !(run->timers[RUN_FLUSH] && evtimer_pending(run->timers[RUN_FLUSH], NULL)) &&
             run_io_timer(run, RUN_FLUSH, FLUSH_MS, &err) != 0)
        run_io_flush(run);
}

static void on_pipe(struct run *run, enum run_pipe which)
{
    bool ended = false;
    for (int i = 0; i < READS_AT_ONCE && read_some(run, which, &ended); i++)
        ;
    if (ended)
        (void)event_del(run->pipes[which]);
    after_read(run);
}

static void on_out(evutil_socket_t fd, short what, void *run)
{
    (void)fd;
    (void)what;
    on_pipe(run, RUN_OUT);
}

static void on_err(evutil_socket_t fd, short what, void *run)
{
    (void)fd;
    (void)what;
    on_pipe(run, RUN_ERR);
}

static void on_result(evutil_socket_t fd, short what, void *run)
{
    (void)fd;
    (void)what;
    on_pipe(run, RUN_RESULT);
}

int run_io_watch(struct run *run, struct err *err)
{
    static const event_callback_fn callbacks[RUN_PIPES] = { on_out, on_err, on_result };
    for (int which = 0; which < RUN_PIPES; which++) {
        run->pipes[which] = event_new(run->engine->base, run->interpreter->channel.own[which], EV_READ | EV_PERSIST,
                                      callbacks[which], run);
        if (!run->pipes[which] || event_add(run->pipes[which], NULL) != 0)
            return err_internal(err, errno, "cannot watch a pipe");
    }
    return 0;
}

static void watch_memory(struct run *run)
{
    if (run->own_memory && reaper_memory(run_uid(run)) > run->memory_limit_mb * MIB)
        run_force(run, WIRE_FAILURE_OUT_OF_MEMORY);
}

static pid_t main_of(void *arg, uid_t uid)
{
    return runs_interpreter(arg, uid);
}

/* Once is not enough: a process is not to be looked into while it is being made. */
static void watch_unlinked(struct run *run)
{
    struct engine *engine = run->engine;
    struct unlinked unlinked;
    unlinked_measure(&engine->setup, main_of, engine->runs, &unlinked);
    engine->unlinked = unlinked.bytes;
    run->opaque_looks = unlinked.opaque ? run->opaque_looks + 1 : 0;
    if (run->opaque_looks >= OPAQUE_LOOKS)
        snprintf(run->reason, sizeof(run->reason), "A process hides which files it holds open, so that the workspace cannot be measured.");
}

/* A workspace that an earlier execution filled must not keep this one from making room. */
static void watch_disk(struct run *run)
{
    struct engine *engine = run->engine;
    if (journal_stirred(engine->journal))
        usage_measure(&engine->setup, engine->journal, &engine->usage);
    if (run->disk_limit_mb > 0)
        watch_unlinked(run);
    if (run_disk_over(run, false) || run_files_over(run) || run_opaque(run) || run->opaque_looks >= OPAQUE_LOOKS)
        run_force(run, WIRE_FAILURE_DISK_FULL);
}

static void on_watch(struct run *run)
{
    struct err err = ERR_INIT;
    int64_t before = clock_mono_ms();
    watch_memory(run);
    if (run->state == RUN_ACTIVE && ++run->watches % DISK_EVERY == 0)
        watch_disk(run);
    int64_t spent = clock_mono_ms() - before;
    if (run->state == RUN_ACTIVE && run_io_timer(run, RUN_WATCH, RUN_WATCH_MS + 10 * spent, &err) != 0)
        log_err(LOG_LEVEL_ERROR, "limits are not watched", &err, "execution_id", run->request.execution_id);
}

static void on_beat(struct run *run)
{
    const struct wire_event beat = { .type = WIRE_HEARTBEAT };
    struct err err = ERR_INIT;
    run_io_emit(run, &beat);
    if (run_io_timer(run, RUN_BEAT, EXECUTION_HEARTBEAT_MS, &err) != 0)
        log_err(LOG_LEVEL_ERROR, "no heartbeats", &err, "execution_id", run->request.execution_id);
}

static void on_deadline(struct run *run)
{
    run_force(run, WIRE_FAILURE_TIMEOUT);
}

static void (*const timer_calls[RUN_TIMERS])(struct run *run) = {
    [RUN_DEADLINE] = on_deadline, [RUN_BEAT] = on_beat,    [RUN_WATCH] = on_watch,
    [RUN_FLUSH] = run_io_flush,   [RUN_SWEEP] = run_sweep,
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct run *run = arg;
    for (int which = 0; which < RUN_TIMERS; which++)
        if (run->timers[which] == event_base_get_running_event(run->engine->base)) {
            timer_calls[which](run);
            return;
        }
}

int run_io_timer(struct run *run, enum run_timer which, int64_t ms, struct err *err)
{
    const struct timeval delay = { ms / 1000, ms % 1000 * 1000 };
    if (!run->timers[which])
        run->timers[which] = evtimer_new(run->engine->base, on_timer, run);
    if (!run->timers[which] || evtimer_add(run->timers[which], &delay) != 0)
        return err_internal(err, errno, "cannot set a timer");
    return 0;
}

void run_io_finish(struct run *run, struct wire_result *result)
{
    bool ended;
    for (int which = 0; which < RUN_PIPES && run->interpreter; which++)
        for (int i = 0; i < READS_AT_END && read_some(run, (enum run_pipe)which, &ended); i++)
            ;
    result->stdout_truncated = output_finish(&run->outputs[RUN_OUT], WIRE_STDOUT, run_io_emit, run);
    result->stderr_truncated = output_finish(&run->outputs[RUN_ERR], WIRE_STDERR, run_io_emit, run);
}

static void drop_event(struct event **event)
{
    if (*event)
        event_free(*event);
    *event = NULL;
}

void run_io_stop(struct run *run)
{
    for (int which = 0; which < RUN_PIPES; which++)
        drop_event(&run->pipes[which]);
    for (int which = 0; which < RUN_TIMERS; which++)
        drop_event(&run->timers[which]);
}
