/* SPDX-License-Identifier: Apache-2.0 */
/* Cancelling executions. */
#ifndef SANDBOX_SERVICE_CANCELLING_H
#define SANDBOX_SERVICE_CANCELLING_H

#include "lib/service/context.h"

/* Cancels an execution of `owner`: one that waits is cancelled at once, one that runs is still `running` in *out (a summary), and its
 * dispatcher is told to kill it: wait for its end. Repeatable. ERR_EXECUTION_NOT_FOUND; ERR_CONFLICT: it ended otherwise. */
int execution_service_cancel(const struct context *context, const char *owner, const char *id, struct execution *out,
                             struct err *err) must_use;
/* ERR_CONFLICT for an execution that ended otherwise than by being cancelled, saying how. */
int execution_service_check_cancelled(const struct execution *execution, struct err *err) must_use;

#endif
