/* SPDX-License-Identifier: Apache-2.0 */
/* Removes rows that are past their time, a small batch a statement, so that nobody waits for it. */
#ifndef SANDBOX_SERVICE_RETENTION_H
#define SANDBOX_SERVICE_RETENTION_H

#include "lib/service/context.h"

/* One pass over the queues' and requests' leftovers: rates that were paid back long ago, idempotency keys older than a day, notes about
 * executions to cancel that have ended, questions that nobody waits for. What a pass leaves, the next one takes.
 * Adds how many went to *rows. */
int retention_pass(const struct context *context, int64_t *rows, struct err *err) must_use;

#endif
