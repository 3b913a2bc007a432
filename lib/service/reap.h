/* SPDX-License-Identifier: Apache-2.0 */
/* Ends what has run out of time. */
#ifndef SANDBOX_SERVICE_REAP_H
#define SANDBOX_SERVICE_REAP_H

#include "lib/service/context.h"
#include "lib/service/report.h"

struct reap_done {
    int64_t expired, idle, failed; /* sessions */
    int64_t rows;            /* short-lived ones, removed */
    int64_t mended;          /* rows that were dated into the future */
};

/* One pass: sessions past their time limit end as `timeout`, and so do those without activity for
 * limits.session_idle_s; sessions that did not start in time end as `failed`, with what was
 * missing; sessions leave nodes that are lost, and those without a container get one when there is room; rows that are past their time go; those that the database's clock,
 * set back since, has dated into the future are due now.
 * *done says what was done, by a pass that failed as well. */
int reap_pass(const struct context *context, report_fn report, struct reap_done *done, struct err *err) must_use;

#endif
