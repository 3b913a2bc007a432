/* SPDX-License-Identifier: Apache-2.0 */
/* All executions the executor knows: those that run, each in a slot of its own, and those that ended and wait to be
 * acknowledged. */
#ifndef SANDBOX_EXECUTOR_RUNS_H
#define SANDBOX_EXECUTOR_RUNS_H

#include "executor/run.h"

struct runs;

struct runs *runs_new(struct engine *engine, struct err *err) must_use;
void runs_free(struct runs *runs);

/* Starts the execution, or finds the one with the same id: it runs once. Takes `request` over when it starts.
 * ERR_CONFLICT: acknowledged already; ERR_NO_ROOM: every slot is taken. */
int runs_execute(struct runs *runs, struct wire_execute *request, struct run **out, struct err *err) must_use;
/* ERR_EXECUTION_NOT_FOUND. */
int runs_find(struct runs *runs, const char *id, struct run **out, struct err *err) must_use;
/* Forgets it; changes of files up to the journal's moment `mark` are stored. ERR_CONFLICT while it runs. Repeatable: one acknowledged
 * before is success. */
int runs_acknowledge(struct runs *runs, const char *id, int64_t mark, struct err *err) must_use;
int runs_running(const struct runs *runs);
/* The main process of the slot's user, if it runs Python or JavaScript; else 0. */
pid_t runs_interpreter(const struct runs *runs, uid_t uid);

/* A child ended that is no waiting interpreter. */
void runs_reaped(struct runs *runs, const struct reaped *child);
/* Nothing is left to reap at the moment: completes what can be completed. */
void runs_sweep(struct runs *runs);
/* Ends all, without results: the executor stops. */
void runs_abandon_all(struct runs *runs);

#endif
