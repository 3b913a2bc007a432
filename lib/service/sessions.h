/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: creating, looking at and ending them. */
#ifndef SANDBOX_SERVICE_SESSIONS_H
#define SANDBOX_SERVICE_SESSIONS_H

#include "lib/repo/list.h"
#include "lib/service/context.h"
#include "lib/service/idempotency.h"

/* What a client asks for. */
struct session_request {
    char template_id[TEMPLATE_ID_SIZE];
    int64_t timeout_s;
    struct resources resources; /* a 0 means: as the template has it */
    char *env_json;             /* JSON object of strings, or NULL */
    char *labels_json;          /* likewise */
    char *callback_url;         /* told when it has ended, or NULL */
    struct idempotency *once;   /* borrowed; NULL: a request that is not to be recognised */
};
void session_request_release(struct session_request *request);

/* Stores a session of `owner` together with its container: a warm one (then it is running at once), else one that provisiond will
 * make. ERR_TEMPLATE_NOT_FOUND, ERR_CONFLICT (template deprecated), ERR_RATE_LIMITED (too many sessions), ERR_NO_ROOM,
 * ERR_UNAVAILABLE. When request->once was replayed, nothing is made and *out is untouched. */
int session_service_create(const struct context *context, const char *owner,
                           const struct session_request *request, struct session *out,
                           struct err *err) must_use;

/* ERR_SESSION_NOT_FOUND: there is none of this owner (NULL: anybody). Ended ones are found. */
int session_service_get(const struct context *context, const char *owner, const char *id,
                        struct session *out, struct err *err) must_use;
/* For context->session_questions: looks up in one query what threads want to know at the same time. NULL: no memory. */
struct gather *session_service_gather(void) must_use;

struct session_query {
    int status; /* enum session_status, or -1 */
    const char *template_id, *label_name, *label_value; /* NULL: any */
    struct page page;
};
int session_service_list(const struct context *context, const char *owner,
                         const struct session_query *query, struct session_list *out,
                         struct err *err) must_use;

/* Lets the owner's session run for timeout_s from now, at most to limits.session_lifetime_s after its creation. ERR_CONFLICT: it has
 * ended, or its time is over. ERR_SESSION_NOT_FOUND. */
int session_service_renew(const struct context *context, const char *owner, const char *id, int64_t timeout_s,
                          struct session *out, struct err *err) must_use;

/* Ends the owner's session; one that has ended already stays as it is. ERR_SESSION_NOT_FOUND. */
int session_service_terminate(const struct context *context, const char *owner, const char *id,
                              struct err *err) must_use;

/* How a session ends. */
struct session_ending {
    enum session_status status; /* terminated, timeout or failed */
    const char *kind;           /* error kind of the executions it takes along: "session_terminated" */
    const char *reason;         /* for users: kept with a failed session and an idle one, and as message of those executions */
    bool no_callback;           /* it is known to have no callback_url: nothing is looked up */
    const char *container_id;   /* only while it has that one; NULL: whichever it has */
    int64_t idle_s;             /* only if it runs and nothing happened for so long; 0: whatever happened */
};
/* Ends a session and all it holds in one transaction: its executions fail, its container turns `deleting`; then wakes
 * provisiond and whoever waits for a result. A session that has ended already, or does not exist, is left alone:
 * *changed_out (may be NULL) is false. */
int session_service_end(const struct context *context, const char *id,
                        const struct session_ending *ending, bool *changed_out,
                        struct err *err) must_use;

#endif
