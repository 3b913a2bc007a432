/* SPDX-License-Identifier: Apache-2.0 */
/* What a container's own executor reports through the internal API. A container speaks for its session and the session's executions:
 * everything else is ERR_EXECUTION_NOT_FOUND or ERR_SESSION_NOT_FOUND, be it another's or nobody's. ERR_CONFLICT: the state does not
 * allow it (it has ended, or was never sent to an executor). */
#ifndef SANDBOX_SERVICE_CALLBACKS_H
#define SANDBOX_SERVICE_CALLBACKS_H

#include "lib/service/context.h"
#include "lib/service/idempotency.h"

/* Whose secret it is: fills container_id and session_id. Looks at nothing but the secret, in constant time but for its first eight
 * characters (of 48), so no answer tells whether some id exists. ERR_UNAUTHORIZED. */
int callback_admit(const struct context *context, const char *secret, struct caller *out, struct err *err) must_use;

/* It runs; from now on its executor reports: nobody else keeps its lease. */
int callback_running(const struct context *context, const struct caller *caller, const char *id, struct err *err) must_use;
/* Keeps the lease for 15 s. *go_on_out false: the executor shall stop the execution and report its result. */
int callback_heartbeat(const struct context *context, const struct caller *caller, const char *id, bool *go_on_out,
                       struct err *err) must_use;
int callback_artifacts(const struct context *context, const struct caller *caller, const char *id,
                       const char *artifacts_json, struct err *err) must_use;

struct callback_result {
    enum execution_status status; /* final */
    struct execution_outcome outcome;
    struct idempotency *once; /* NULL: none; its encode() gets the status stored */
};
/* Stores the result and wakes who waits. The status that is stored is `cancelled` for one that crashed after it was to be cancelled. */
int callback_result(const struct context *context, const struct caller *caller, const char *id,
                    struct callback_result *result, struct err *err) must_use;

/* Its session runs. Repeatable. */
int callback_ready(const struct context *context, const struct caller *caller, const char *session_id,
                   struct err *err) must_use;
/* The container is removed; its session, if it has not ended, gets another one, or fails for `reason` (replacing.h). *out is the session's
 * status then; the caller is nobody's container any more. */
int callback_exited(const struct context *context, const struct caller *caller, const char *session_id, const char *reason,
                    enum session_status *out, struct err *err) must_use;

#endif
