/* SPDX-License-Identifier: Apache-2.0 */
/* Executions: accepting them and looking at them. lib/service/waiting.h waits for their results. */
#ifndef SANDBOX_SERVICE_EXECUTIONS_H
#define SANDBOX_SERVICE_EXECUTIONS_H

#include "lib/model/trace.h"
#include "lib/repo/execution_repo.h"
#include "lib/service/context.h"
#include "lib/service/idempotency.h"

/* What a client asks for. */
struct execution_request {
    enum language language;
    char *code;
    char *event_json; /* JSON text exactly as the client sent it, or NULL */
    char *env_json;   /* JSON object of strings, or NULL */
    char *callback_url; /* told when it has ended, or NULL */
    int64_t timeout_s;
    int64_t max_retries;
    struct trace *trace; /* borrowed; NULL: not to be traced. What it knows is stored, and what the submission adds is added */
    struct idempotency *once; /* borrowed; NULL: a request that is not to be recognised */
};
void execution_request_release(struct execution_request *request);

/* Stores an execution in a session of `owner` that is running or still being made, and wakes the dispatcher. With `notify`, this
 * thread's doorbell rings when the result is there. *out gets what identifies it: id, session_id, owner, status, timeout_s and
 * created_at (by this machine's clock). ERR_SESSION_NOT_FOUND also when the session has ended; ERR_RATE_LIMITED. When
 * request->once was replayed, nothing is stored, *out gets only the id of the execution that it made then, and nothing rings. */
int execution_service_submit(const struct context *context, const char *owner, const char *session_id,
                             const struct execution_request *request, bool notify,
                             struct execution *out, struct err *err) must_use;

/* ERR_EXECUTION_NOT_FOUND: there is none of this owner. */
int execution_service_get(const struct context *context, const char *owner, const char *id,
                          enum execution_part part, struct execution *out, struct err *err) must_use;

/* Summaries of the executions of a session, newest first; status -1: all. ERR_SESSION_NOT_FOUND. */
int execution_service_list(const struct context *context, const char *owner, const char *session_id,
                           int status, const struct page *page, struct execution_list *out,
                           struct err *err) must_use;

#endif
