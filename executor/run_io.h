/* SPDX-License-Identifier: Apache-2.0 */
/* The pipes and timers of one execution. Private to run.c. */
#ifndef SANDBOX_EXECUTOR_RUN_IO_H
#define SANDBOX_EXECUTOR_RUN_IO_H

#include "executor/run.h"

enum { RUN_SWEEP_MS = 10, RUN_WATCH_MS = 250 };

/* Starts reading its pipes. */
int run_io_watch(struct run *run, struct err *err) must_use;
int run_io_timer(struct run *run, enum run_timer which, int64_t ms, struct err *err) must_use;
/* Reads what is left in the pipes, then passes on all output. Sets the truncated marks of `result`. */
void run_io_finish(struct run *run, struct wire_result *result);
/* Passes on what was read so far. */
void run_io_flush(struct run *run);
/* Stops reading and all timers. */
void run_io_stop(struct run *run);
/* Adds to the stream; what does not fit is logged. */
void run_io_emit(void *run, const struct wire_event *event);

#endif
