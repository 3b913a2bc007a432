/* SPDX-License-Identifier: Apache-2.0 */
/* The warm pool: for each template as many waiting containers as it wants, as it wants them. */
#ifndef SANDBOX_SERVICE_POOL_H
#define SANDBOX_SERVICE_POOL_H

#include "lib/service/context.h"
#include "lib/service/report.h"

/* The pool's memory between passes: what was said in the log. */
struct pool {
    bool short_of_room;
    int64_t ordered, removed; /* containers, in the last pass */
};

/* One pass: removes surplus, aged and outdated warm containers and those of deleted templates, then orders missing ones. No room is no failure: it is reported when it
 * begins, and the next pass tries again. */
int pool_pass(struct pool *pool, const struct context *context, report_fn report, struct err *err) must_use;

#endif
