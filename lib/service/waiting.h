/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for an execution's result, or a node's answer: asleep on this thread's doorbell, with the row as the only truth. */
#ifndef SANDBOX_SERVICE_WAITING_H
#define SANDBOX_SERVICE_WAITING_H

#include <stdatomic.h>

#include "lib/service/executions.h"

/* The threads of a process share one: how many may wait at once. */
struct wait_room {
    atomic_int waiting;
    int seats;
    atomic_bool closing; /* nobody waits any longer: the process is about to end */
};
/* Whether the caller may wait; then it must leave again. */
bool wait_room_enter(struct wait_room *room) must_use;
void wait_room_leave(struct wait_room *room);

struct wait {
    struct wait_room *room; /* entered by the caller */
    int64_t limit_ms;
    int client_fd; /* waiting ends when its other end is gone; -1: none */
    bool fresh;    /* it was begun just now: no need to look before it rings */
    struct trace *trace; /* gets when it was rung, and when this thread ran; NULL: nobody wants to know */
};

/* Looks for what is waited for; *done_out ends the waiting. `rung`: somebody says that it is there. */
typedef int (*wait_look_fn)(const struct context *context, void *arg, bool rung, bool *done_out, struct err *err);
/* Looks, and sleeps until the doorbell says `id` or DOORBELL_FALLBACK_MS are over, until a look is done or fails, the limit is
 * over, the room closes or the client is gone: the last look tells which. Holds no transaction. */
int wait_until(const struct context *context, const struct wait *wait, const char *id, wait_look_fn look, void *arg,
               struct err *err) must_use;

/* Makes this thread's doorbell the one that rings when the execution ends (for one that was submitted without). */
int wait_announce(const struct context *context, const char *id, struct err *err) must_use;

/* Sleeps until the execution is final, the limit is over, the room closes or the client is gone. *out is its row, with the outcome when
 * it is final (and only then). Holds no transaction. */
int wait_for_execution(const struct context *context, const struct wait *wait, const char *owner,
                       const char *id, struct execution *out, struct err *err) must_use;

#endif
