/* SPDX-License-Identifier: Apache-2.0 */
/* One execution: started, watched, ended, its events kept in a stream until it is acknowledged. */
#ifndef SANDBOX_EXECUTOR_RUN_H
#define SANDBOX_EXECUTOR_RUN_H

#include "executor/engine.h"
#include "executor/interpreter.h"
#include "executor/output.h"
#include "executor/reaper.h"
#include "executor/stream.h"

enum run_state {
    RUN_STARTING, /* its interpreter is not there yet */
    RUN_ACTIVE,
    RUN_SWEEPING, /* its main process is gone; what it left running is being ended */
    RUN_DONE,
};

enum run_timer { RUN_DEADLINE, RUN_BEAT, RUN_WATCH, RUN_FLUSH, RUN_SWEEP, RUN_TIMERS };
enum run_pipe { RUN_OUT, RUN_ERR, RUN_RESULT, RUN_PIPES };

struct run {
    struct engine *engine;
    struct wire_execute request;
    int slot; /* -1: none any more */
    enum run_state state;
    struct interpreter *interpreter;
    struct event *timers[RUN_TIMERS], *pipes[RUN_PIPES];
    struct output outputs[2]; /* RUN_OUT, RUN_ERR */
    struct strbuf report;     /* from descriptor 3 */
    unsigned char report_end[2]; /* the last bytes of it, those that did not fit too */
    bool report_over, heap_full, own_memory, slot_stuck, abandoned;
    struct stream stream;
    enum wire_failure forced;
    char reason[320];
    bool reaped; /* the main process */
    int status;
    int64_t cpu_us, cpu_before_us, peak_kb;
    int64_t asked_us, start_us, end_us; /* the request was there, the interpreter had the code, it ended */
    int64_t moment; /* of the journal: when it began */
    bool opaque_before; /* engine.usage.opaque */
    int opaque_looks;   /* in a row that found a process which cannot be looked into */
    int64_t kills_before, bytes_before, files_before, memory_limit_mb, disk_limit_mb;
    int64_t done_ms; /* monotonic */
    unsigned watches;
    void (*on_done)(struct run *run);
    struct run *next;
};

/* Takes `request` over. Starts at once; whatever goes wrong becomes the result in the stream. NULL only without memory. */
struct run *run_new(struct engine *engine, struct wire_execute *request, int slot, void (*on_done)(struct run *run),
                    struct err *err) must_use;
void run_begin(struct run *run);
void run_free(struct run *run);
/* Ends it now, with `failure` as the reason. Nothing happens when it has ended by itself already. */
void run_force(struct run *run, enum wire_failure failure);
/* Ends it now, without a result: nobody cancelled it, so it is lost with its executor, and may be tried again. */
void run_abandon(struct run *run);
/* A process of its user, or its main process, was collected. */
void run_reaped(struct run *run, const struct reaped *child);
/* In RUN_SWEEPING: ends what is left and completes the result once nothing is. */
void run_sweep(struct run *run);
/* Whether the workspace holds more than it may, and this execution added to it: `exactly` counts what is just full. */
bool run_disk_over(const struct run *run, bool exactly);
bool run_files_over(const struct run *run);
/* The workspace got directories that cannot be measured; run->reason says so then. */
bool run_opaque(struct run *run);
uid_t run_uid(const struct run *run);
/* Its main process, or 0. */
pid_t run_pid(const struct run *run);

#endif
