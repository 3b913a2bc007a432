/* SPDX-License-Identifier: Apache-2.0 */
/* What one client may take in a minute (settings.limits): all of it at once after a quiet minute, then evenly. */
#ifndef SANDBOX_SERVICE_LIMITS_H
#define SANDBOX_SERVICE_LIMITS_H

#include "lib/service/context.h"

/* Takes one request of a token, one execution of an owner. A setting of 0 asks nothing. Call them outside transactions.
 * ERR_RATE_LIMITED: there is none left, retry_after_s says for how long. Any other error: it could not be counted (the
 * table is in the database's memory, which may be full); whoever asked is let through, and told so for the log. */
int limit_request(const struct context *context, const char *token_id, struct err *err) must_use;
int limit_execution(const struct context *context, const char *owner, struct err *err) must_use;

#endif
