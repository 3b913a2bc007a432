/* SPDX-License-Identifier: Apache-2.0 */
/* Delivers webhooks: claims what is due, sends it, stores what came of it. One event loop, one thread, many at once; any number of processes.
 *
 * A try has 10 s, and 64 KiB of answer are read and thrown away. 2xx is delivered; 410 ends it; so does an address that is not allowed, which
 * is looked at when the connection is made. Anything else is tried again, later each time, for a day, then given up. Of one host so many are
 * under way at once (webhooks.per_host), a single one while it fails: a receiver that hangs holds up none but its own. A process that is killed
 * leaves leases of 30 s; then another sends again: a receiver may get one twice, with the same webhook-id. */
#ifndef SANDBOX_SERVICE_DELIVERY_H
#define SANDBOX_SERVICE_DELIVERY_H

#include <poll.h>

#include "lib/io/db.h"
#include "lib/service/report.h"
#include "lib/service/settings.h"
#include "lib/util/metrics.h"

enum {
    DELIVERY_TRY_MS = 10000,
    DELIVERY_ANSWER_MAX = 64 * 1024,
    DELIVERY_LEASE_MS = 30000,
    DELIVERY_DAY_MS = 24 * 60 * 60 * 1000,
};

/* Everything is borrowed for the deliverer's life. */
struct delivery_config {
    struct db *db;
    const struct settings *settings;
    const char *claimed_by; /* names this process in the rows; one process a name */
    report_fn report;
    int64_t try_ms;      /* 0: DELIVERY_TRY_MS */
    struct metrics *metrics; /* NULL: nothing is counted */
};

struct deliverer;

/* NULL with err. */
struct deliverer *deliverer_new(const struct delivery_config *config, struct err *err) must_use;
/* Stores what has ended, breaks off the rest and ends the leases. NULL is fine. */
void deliverer_free(struct deliverer *deliverer);

/* The database part: stores what has ended, claims and sends what is due when `look` is set or there is more than could be taken before.
 * Without webhooks.key nothing is sent. After a failure nothing is lost: call it again. */
int deliverer_step(struct deliverer *deliverer, bool look, struct err *err) must_use;
/* The network part: up to timeout_ms, or until something has ended or one of `extra` has something to say. */
int deliverer_wait(struct deliverer *deliverer, struct pollfd *extra, unsigned count, int timeout_ms, struct err *err) must_use;
/* Whether something is under way, or waits to be stored. */
bool deliverer_busy(const struct deliverer *deliverer);
/* Removes rows that were kept long enough; how many. */
int deliverer_tidy(struct deliverer *deliverer, int64_t *removed_out, struct err *err) must_use;

#endif
