/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an execution. */
#include "executor/run.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "executor/as_user.h"
#include "executor/job.h"
#include "executor/run_io.h"
#include "executor/verdict.h"
#include "lib/model/limits.h"
#include "lib/util/clock.h"
#include "lib/util/log.h"

enum {
    SWEEP_MAX_MS = 10000,
    START_MAX_MS = 20000,
    REPORT_MAX = RETURN_BYTES_MAX + 1, /* a return value and the report's kind */
    END_LEN = 2,                       /* 0 and the exit code: executor/runners/javascript.js */
    MIB = 1024 * 1024,
};

uid_t run_uid(const struct run *run)
{
    return engine_slot_uid(run->engine, run->slot);
}

pid_t run_pid(const struct run *run)
{
    return run->interpreter ? run->interpreter->pid : 0;
}

struct run *run_new(struct engine *engine, struct wire_execute *request, int slot, void (*on_done)(struct run *run),
                    struct err *err)
{
    struct run *run = calloc(1, sizeof(*run));
    if (!run) {
        err_internal(err, errno, "out of memory for an execution");
        return NULL;
    }
    run->engine = engine;
    run->request = *request;
    *request = (struct wire_execute){ 0 };
    run->slot = slot;
    run->on_done = on_done;
    run->asked_us = clock_mono_us();
    run->moment = journal_moment(engine->journal);
    run->report = STRBUF_INIT(REPORT_MAX + END_LEN);
    run->own_memory = engine->setup.memory_mb > 0 && !engine->memory.limited;
    run->memory_limit_mb = run->request.memory_mb > 0 ? run->request.memory_mb : engine->setup.memory_mb;
    run->disk_limit_mb = run->request.disk_mb > 0 ? run->request.disk_mb : engine->setup.disk_mb;
    output_init(&run->outputs[RUN_OUT], OUTPUT_BYTES_MAX);
    output_init(&run->outputs[RUN_ERR], OUTPUT_BYTES_MAX);
    stream_init(&run->stream);
    return run;
}

void run_free(struct run *run)
{
    if (!run)
        return;
    run_io_stop(run);
    interpreter_drop(run->engine->interpreters, run->interpreter);
    stream_release(&run->stream);
    output_release(&run->outputs[RUN_OUT]);
    output_release(&run->outputs[RUN_ERR]);
    strbuf_release(&run->report);
    wire_execute_release(&run->request);
    free(run);
}

bool run_disk_over(const struct run *run, bool exactly)
{
    int64_t limit = run->disk_limit_mb * MIB, bytes = run->engine->usage.bytes + run->engine->unlinked;
    return limit > 0 && bytes > run->bytes_before && !run->engine->usage.capped && (bytes > limit || (exactly && bytes == limit));
}

bool run_files_over(const struct run *run)
{
    const struct engine *engine = run->engine;
    /* where they can no longer be counted, whether it added to them cannot be told: who makes room must make enough */
    bool added = engine->usage.files > run->files_before || (engine->usage.capped && run->state == RUN_SWEEPING);
    return engine->usage.files > engine->setup.files_max && added;
}

bool run_opaque(struct run *run)
{
    if (!run->engine->usage.opaque || run->opaque_before)
        return false;
    snprintf(run->reason, sizeof(run->reason), "The workspace has directories that are nested too deep, or named too long, to be measured.");
    return true;
}

/* What is over the limit counts against this execution only if it added to it. */
static void look_at_workspace(struct run *run, struct facts *facts, struct wire_result *result)
{
    struct engine *engine = run->engine;
    engine->unlinked = 0; /* its processes are gone */
    (void)journal_read(engine->journal);
    usage_update(&engine->setup, engine->journal, run->disk_limit_mb * MIB, &engine->usage);
    /* a file cut off by RLIMIT_FSIZE ends exactly at the limit */
    facts->disk_over = run_disk_over(run, true) || run_opaque(run);
    facts->files_over = run_files_over(run);
    result->touched = journal_pending(engine->journal, run->moment);
}

static void measure(const struct run *run, struct wire_result *result)
{
    int64_t cpu_us = run->cpu_us - run->cpu_before_us;
    result->start_ms = run->start_us > 0 ? (double)(run->start_us - run->asked_us) / 1000 : 0;
    result->duration_ms = run->start_us > 0 ? (double)(run->end_us - run->start_us) / 1000 : 0;
    result->cpu_time_ms = cpu_us > 0 ? (double)cpu_us / 1000 : 0;
    result->peak_memory_mb = (double)run->peak_kb / 1024;
}

static void emit_result(struct run *run, struct wire_result *result)
{
    const struct wire_event event = { .type = WIRE_RESULT, .result = *result };
    struct err err = ERR_INIT;
    if (stream_add(&run->stream, &event, &err) == 0)
        return;
    log_err(LOG_LEVEL_ERROR, "a result does not fit", &err, "execution_id", run->request.execution_id);
    const struct wire_event poor = { .type = WIRE_RESULT, .result = { .failure = WIRE_FAILURE_EXECUTOR, .exit_code = -1,
                                     .message = (char *)"The executor had no memory for the result." } };
    if (stream_add(&run->stream, &poor, &err) != 0)
        log_err(LOG_LEVEL_ERROR, "no result", &err, "execution_id", run->request.execution_id);
}

static void log_done(const struct run *run, const struct wire_result *result)
{
    log_event(LOG_LEVEL_INFO, "execution ended", LOG_STR("execution_id", run->request.execution_id),
              LOG_STR("language", language_name(run->request.language)),
              LOG_STR("outcome", result->failure ? wire_failure_name(result->failure) : "success"),
              LOG_INT("exit_code", result->exit_code),
              LOG_INT("duration_us", run->start_us > 0 ? run->end_us - run->start_us : 0));
}

/* Node.js that has nothing more to do leaves its exit code and kills itself, which is quicker than its own end. Whatever else kills it comes before
 * that or finds it finished. */
static void take_end(struct run *run)
{
    bool ended = run->request.language == LANGUAGE_JAVASCRIPT && WIFSIGNALED(run->status) && WTERMSIG(run->status) == SIGKILL &&
                 run->report.len >= END_LEN && run->report_end[0] == '\0';
    if (ended) {
        run->status = W_EXITCODE(run->report_end[1], 0);
        if (!run->report_over)
            run->report.data[run->report.len -= END_LEN] = '\0';
    }
    run->report_over |= run->report.len > REPORT_MAX;
}

/* Nothing of it runs any more. */
static void finish(struct run *run)
{
    struct wire_result result = { 0 };
    struct facts facts = { .language = run->request.language, .forced = run->forced, .reason = run->reason,
                           .report = &run->report, .timeout_ms = run->request.timeout_ms,
                           .memory_mb = run->memory_limit_mb, .disk_mb = run->disk_limit_mb,
                           .files_max = run->engine->setup.files_max };
    struct err err = ERR_INIT;
    run_io_finish(run, &result);
    take_end(run);
    facts.status = run->status;
    measure(run, &result);
    if (run->start_us > 0)
        look_at_workspace(run, &facts, &result);
    facts.peak_memory_mb = result.peak_memory_mb;
    facts.report_over = run->report_over;
    facts.heap_full = run->heap_full;
    facts.memory_killed = memory_kills(&run->engine->memory) > run->kills_before;
    if (verdict_make(&facts, &result, &err) != 0) {
        log_err(LOG_LEVEL_ERROR, "no verdict", &err, "execution_id", run->request.execution_id);
        result.failure = WIRE_FAILURE_EXECUTOR;
    }
    result.collect_ms = run->end_us > 0 ? (double)(clock_mono_us() - run->end_us) / 1000 : 0;
    if (!run->abandoned)
        emit_result(run, &result);
    log_done(run, &result);
    wire_result_release(&result);
    run_io_stop(run);
    interpreter_drop(run->engine->interpreters, run->interpreter);
    run->interpreter = NULL;
    strbuf_release(&run->report);
    output_release(&run->outputs[RUN_OUT]);
    output_release(&run->outputs[RUN_ERR]);
    run->state = RUN_DONE;
    run->done_ms = clock_mono_ms();
    stream_end(&run->stream);
    run->on_done(run);
}

static enum wire_failure failure_of(const struct err *err)
{
    return err->code == ERR_NOT_FOUND ? WIRE_FAILURE_NO_RUNTIME : WIRE_FAILURE_EXECUTOR;
}

/* It cannot be started, or not be watched: the reason becomes its result. */
static void fail(struct run *run, const struct err *err)
{
    log_err(LOG_LEVEL_ERROR, "an execution cannot be started", err, "execution_id", run->request.execution_id);
    snprintf(run->reason, sizeof(run->reason), "%s",
             err->code == ERR_INTERNAL ? "The executor could not start the code." : err->text);
    if (run->state != RUN_ACTIVE) {
        run->forced = failure_of(err);
        finish(run);
        return;
    }
    run_force(run, failure_of(err));
}

/* From here on the clock runs. */
static int activate(struct run *run, struct err *err)
{
    const struct wire_event started = { .type = WIRE_STARTED };
    run->state = RUN_ACTIVE;
    log_event(LOG_LEVEL_INFO, "execution started", LOG_STR("execution_id", run->request.execution_id),
              LOG_STR("language", language_name(run->request.language)));
    run_io_emit(run, &started);
    if (run_io_watch(run, err) != 0 || run_io_timer(run, RUN_DEADLINE, run->request.timeout_ms, err) != 0 ||
        run_io_timer(run, RUN_BEAT, EXECUTION_HEARTBEAT_MS, err) != 0)
        return -1;
    return run_io_timer(run, RUN_WATCH, RUN_WATCH_MS, err);
}

static void note_start(struct run *run)
{
    clockid_t cpu;
    struct timespec used;
    run->kills_before = memory_kills(&run->engine->memory);
    run->moment = journal_read(run->engine->journal);
    run->bytes_before = run->engine->usage.bytes;
    run->files_before = run->engine->usage.files;
    run->opaque_before = run->engine->usage.opaque;
    if (run->interpreter && clock_getcpuclockid(run->interpreter->pid, &cpu) == 0 && clock_gettime(cpu, &used) == 0)
        run->cpu_before_us = (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
    run->start_us = clock_mono_us();
}

/* Gives the waiting interpreter its job. */
static int hand_over(struct run *run, struct err *err)
{
    struct limits limits;
    cleanup_strbuf struct strbuf text = STRBUF_INIT(JOB_MAX);
    struct interpreter *interpreter = run->interpreter;
    limits_init(&limits, &run->engine->setup, &run->request, run->own_memory);
    if (job_text(&run->engine->setup, &run->request, run_uid(run), &text, err) != 0 ||
        channel_write_job(&interpreter->channel, text.data, text.len, err) != 0)
        return -1;
    if (limits_apply(&limits, interpreter->pid) != 0)
        return err_internal(err, errno, "cannot limit the interpreter");
    note_start(run);
    return channel_go(&interpreter->channel, err);
}

static void on_ready(void *arg, const struct err *err)
{
    struct run *run = arg;
    struct err own = ERR_INIT;
    if (err)
        fail(run, err);
    else if (hand_over(run, &own) != 0 || activate(run, &own) != 0)
        fail(run, &own);
}

static int start_shell(struct run *run, struct err *err)
{
    struct limits limits;
    cleanup(job_envp_free) char **envp = job_envp(&run->engine->setup, &run->request, err);
    if (!envp)
        return -1;
    limits_init(&limits, &run->engine->setup, &run->request, run->own_memory);
    const struct shell shell = { .code = run->request.code,
                                 .event = run->request.event_json ? run->request.event_json : "null",
                                 .envp = (const char *const *)envp, .limits = &limits, .uid = run_uid(run) };
    note_start(run);
    run->interpreter = interpreter_shell(run->engine->interpreters, &shell, err);
    return run->interpreter ? activate(run, err) : -1;
}

void run_begin(struct run *run)
{
    struct err err = ERR_INIT;
    if (run->request.language == LANGUAGE_SHELL) {
        if (start_shell(run, &err) != 0)
            fail(run, &err);
        return;
    }
    run->interpreter = interpreter_take(run->engine->interpreters, run->request.language, on_ready, run, &err);
    if (!run->interpreter)
        fail(run, &err);
    else if (run->interpreter->pid > 0)
        on_ready(run, NULL);
    else if (run_io_timer(run, RUN_DEADLINE, START_MAX_MS, &err) != 0)
        fail(run, &err);
}

/* The main process may not be the sandbox's user yet. */
static void kill_all(struct run *run)
{
    struct err err = ERR_INIT;
    if (run_pid(run) > 0 && !run->reaped)
        (void)kill(run_pid(run), SIGKILL);
    if (as_user_kill_all(run_uid(run), engine_nobody(run->engine), &err) != 0)
        log_err(LOG_LEVEL_ERROR, "processes cannot be ended", &err, "execution_id", run->request.execution_id);
}

void run_force(struct run *run, enum wire_failure failure)
{
    if (run->state != RUN_ACTIVE && run->state != RUN_STARTING)
        return;
    run->forced = failure;
    run->end_us = clock_mono_us();
    if (run->state == RUN_STARTING) {
        if (failure == WIRE_FAILURE_TIMEOUT) {
            run->forced = WIRE_FAILURE_EXECUTOR;
            snprintf(run->reason, sizeof(run->reason), "The interpreter did not start in time.");
        }
        finish(run);
        return;
    }
    kill_all(run); /* its end is then seen by the reaper */
}

void run_abandon(struct run *run)
{
    run->abandoned = true;
    run_force(run, WIRE_FAILURE_CANCELLED);
}

void run_reaped(struct run *run, const struct reaped *child)
{
    const struct timeval *user = &child->usage.ru_utime, *system = &child->usage.ru_stime;
    run->cpu_us += (int64_t)(user->tv_sec + system->tv_sec) * 1000000 + user->tv_usec + system->tv_usec;
    if (child->usage.ru_maxrss > run->peak_kb)
        run->peak_kb = child->usage.ru_maxrss;
    if (child->pid != run_pid(run) || run->reaped)
        return;
    run->reaped = true;
    run->status = child->status;
    if (run->forced == WIRE_FAILURE_NONE)
        run->end_us = clock_mono_us();
    run->state = RUN_SWEEPING;
}

static bool is_known(void *arg, pid_t pid)
{
    const struct run *run = arg;
    return interpreters_has(run->engine->interpreters, pid);
}

void run_sweep(struct run *run)
{
    struct err err = ERR_INIT;
    if (run->state != RUN_SWEEPING)
        return;
    kill_all(run);
    bool left = reaper_has(run_uid(run), is_known, run);
    if (left && clock_mono_us() - run->end_us > (int64_t)SWEEP_MAX_MS * 1000) {
        log_event(LOG_LEVEL_ERROR, "a process cannot be ended; its slot is not used again",
                  LOG_STR("execution_id", run->request.execution_id));
        run->slot_stuck = true;
        left = false;
    }
    if (!left)
        finish(run);
    else if (run_io_timer(run, RUN_SWEEP, RUN_SWEEP_MS, &err) != 0)
        log_err(LOG_LEVEL_ERROR, "a sweep is not repeated", &err, "execution_id", run->request.execution_id);
}
