/* SPDX-License-Identifier: Apache-2.0 */
/* The dispatcher: claims executions, runs them at their executors, stores what came of them. One event loop, one thread. */
#ifndef SANDBOX_SERVICE_DISPATCH_H
#define SANDBOX_SERVICE_DISPATCH_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/io/db.h"
#include "lib/model/states.h"
#include "lib/service/report.h"
#include "lib/service/settings.h"
#include "lib/util/metrics.h"

/* Everything is borrowed for the dispatcher's life. */
struct dispatch_config {
    struct db *db;
    const struct settings *settings;
    const char *claimed_by; /* names this dispatcher in the rows; one process a name */
    int doorbell;           /* descriptor to ring waiters from, or -1 */
    const char *address;    /* where it is rung itself; "": nowhere, and nothing is stored for it */
    size_t flights_max;     /* executions under way at once */
    report_fn report;
    struct metrics *metrics; /* NULL: nothing is counted */
};

struct dispatch;

/* NULL with err. */
struct dispatch *dispatch_new(const struct dispatch_config *config, struct err *err) must_use;
/* Stores what has ended, lets running streams go and ends the leases, so that another dispatcher takes them over at once. NULL is fine. */
void dispatch_free(struct dispatch *dispatch);

/* Somebody rang, with these words (lib/service/dispatch_bell.h). True: the next step must look at the queue, for they name nothing. */
bool dispatch_hear(struct dispatch *dispatch, const char *text);
/* The database part: stores what has ended, renews leases, kills what was cancelled when `look` is set, starts what was stored for it, claims and
 * starts what was named, and what is due when `look` is set or one ended that others waited for. After a failure nothing is lost: call it again. */
int dispatch_step(struct dispatch *dispatch, bool look, struct err *err) must_use;
/* The network part: waits up to timeout_ms for executors or one of `extra` (revents are filled). Returns early, for a step,
 * as soon as an execution has ended. */
int dispatch_wait(struct dispatch *dispatch, struct pollfd *extra, unsigned count, int timeout_ms,
                  struct err *err) must_use;
/* What became of executions since the last call, by their status; final ones only. */
struct dispatch_done {
    int64_t ended[EXECUTION_STATUSES];
    int64_t retried; /* lost, and due again */
};
void dispatch_take_done(struct dispatch *dispatch, struct dispatch_done *out);
/* Whether executions are under way or wait to be stored. */
bool dispatch_busy(const struct dispatch *dispatch);

#endif
