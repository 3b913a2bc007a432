/* SPDX-License-Identifier: Apache-2.0 */
/* What one client may take (settings.limits). Rates: a minute's amount at once after a quiet minute, then evenly. */
#ifndef SANDBOX_SERVICE_LIMITS_H
#define SANDBOX_SERVICE_LIMITS_H

#include "lib/service/context.h"

/* Takes one request of a token, one execution of an owner. A setting of 0 asks nothing. Call them outside transactions.
 * ERR_RATE_LIMITED: there is none left, retry_after_s says for how long. Any other error: it could not be counted (the
 * table is in the database's memory, which may be full); whoever asked is let through, and told so for the log. */
int limit_request(const struct context *context, const char *token_id, struct err *err) must_use;
/* Takes `count` requests at once, for those that will ask for one each. *taken_out false: there are not so many left, none was taken. */
int limit_requests(const struct context *context, const char *token_id, int64_t count, bool *taken_out, struct err *err) must_use;
int limit_execution(const struct context *context, const char *owner, struct err *err) must_use;

/* Whether `owner` may have one more session, in the transaction that stores it. Asked twice: before anything is taken for it (a look, which
 * may be out of date), and once it is stored, last before the commit: then others of the same owner wait, so that the count is exact, for
 * as short as can be. ERR_RATE_LIMITED. */
int limit_session_soon(const struct context *context, const char *owner, struct err *err) must_use;
int limit_session_stored(const struct context *context, const char *owner, struct err *err) must_use;

#endif
