/* SPDX-License-Identifier: Apache-2.0 */
/* Rates of tokens and owners; how much an owner may have. */
#include "lib/service/limits.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/repo/owner_repo.h"
#include "lib/repo/rate_repo.h"
#include "lib/service/ahead.h"
#include "lib/service/metrics.h"

enum { MINUTE_US = 60 * 1000 * 1000, SECOND_US = 1000 * 1000, RATE_ID_SIZE = OWNER_SIZE + 2, QUOTA_RETRY_S = 5 };

static void name_rate(enum metric_limit limit, const char *who, char out[RATE_ID_SIZE])
{
    snprintf(out, RATE_ID_SIZE, "%c:%s", limit == METRIC_LIMIT_REQUESTS ? 'r' : 'x', who);
}

static int64_t every_us(int64_t a_minute)
{
    return (MINUTE_US + a_minute - 1) / a_minute;
}

static int take(const struct context *context, enum metric_limit limit, const char *who, int64_t a_minute,
                const char *what, struct err *err)
{
    char id[RATE_ID_SIZE];
    int64_t wait_us = 0;
    if (a_minute == 0)
        return 0;
    name_rate(limit, who, id);
    if (rate_repo_take(context->db, id, every_us(a_minute), a_minute, &wait_us, err) != 0)
        return -1;
    if (wait_us == 0)
        return 0;
    metrics_add(context->metrics, METRIC_RATE_LIMITED, limit, 0, 1);
    err_set(err, ERR_RATE_LIMITED, "There are at most %" PRId64 " %s a minute.", a_minute, what);
    err->retry_after_s = (int)((wait_us + SECOND_US - 1) / SECOND_US);
    return -1;
}

int limit_requests(const struct context *context, const char *token_id, int64_t count, bool *taken_out, struct err *err)
{
    char id[RATE_ID_SIZE];
    int64_t a_minute = context->settings->limits.requests_per_minute;
    *taken_out = a_minute == 0;
    if (a_minute == 0)
        return 0;
    name_rate(METRIC_LIMIT_REQUESTS, token_id, id);
    return rate_repo_take_all(context->db, id, count, every_us(a_minute), a_minute, taken_out, err);
}

int limit_request(const struct context *context, const char *token_id, struct err *err)
{
    enum ahead_answer counted = ahead_counted(context->ahead, token_id, err);
    if (counted != AHEAD_UNKNOWN)
        return counted == AHEAD_KNOWN ? 0 : -1;
    return take(context, METRIC_LIMIT_REQUESTS, token_id, context->settings->limits.requests_per_minute, "requests with one token", err);
}

int limit_execution(const struct context *context, const char *owner, struct err *err)
{
    return take(context, METRIC_LIMIT_EXECUTIONS, owner, context->settings->limits.executions_per_minute, "executions of one owner", err);
}

static int check_sessions(const struct context *context, const char *owner, int64_t own, struct err *err)
{
    int64_t allowed = context->settings->limits.sessions, open = 0;
    if (owner_repo_open_sessions(context->db, owner, &open, err) != 0)
        return -1;
    open -= own;
    if (open < allowed)
        return 0;
    metrics_add(context->metrics, METRIC_RATE_LIMITED, METRIC_LIMIT_SESSIONS, 0, 1);
    err_set(err, ERR_RATE_LIMITED, "An owner may have at most %" PRId64 " sessions at once, and this one has %" PRId64
            ". End one that is not needed any longer.", allowed, open);
    err->retry_after_s = QUOTA_RETRY_S;
    return -1;
}

int limit_session_soon(const struct context *context, const char *owner, struct err *err)
{
    return context->settings->limits.sessions == 0 ? 0 : check_sessions(context, owner, 0, err);
}

int limit_session_stored(const struct context *context, const char *owner, struct err *err)
{
    if (context->settings->limits.sessions == 0)
        return 0;
    return owner_repo_lock(context->db, owner, err) != 0 ? -1 : check_sessions(context, owner, 1, err);
}
