/* SPDX-License-Identifier: Apache-2.0 */
/* How things stand now, as numbers for monitoring: each is read from a key alone. */
#ifndef SANDBOX_REPO_GAUGE_REPO_H
#define SANDBOX_REPO_GAUGE_REPO_H

#include "lib/io/db.h"

enum gauge {
    GAUGE_SESSIONS,       /* open ones, by status */
    GAUGE_PENDING,        /* executions that wait */
    GAUGE_RUNNING,        /* executions that run */
    GAUGE_OLDEST_PENDING, /* age of the oldest execution that waits, in seconds; 0: none waits */
    GAUGE_CONTAINERS,     /* those not deleted, by status */
    GAUGE_POOL_WANTED,    /* warm containers wanted now, by template */
    GAUGE_POOL_WARM,      /* warm containers, by template */
    GAUGE_WEBHOOKS_WAITING,
    GAUGE_JOB_BEATS,      /* seconds since any instance of a job beat, by job; on the database's clock */
    GAUGES
};

/* Hands over each row; `label` is "" for a gauge that has one value only. */
typedef void (*gauge_fn)(void *arg, const char *label, double value);
int gauge_repo_read(struct db *db, enum gauge gauge, gauge_fn take, void *arg, struct err *err) must_use;

#endif
