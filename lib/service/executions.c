/* SPDX-License-Identifier: Apache-2.0 */
/* Accepting executions: stored under the session's lock, so that none slips past its start or its end. */
#include "lib/service/executions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/session_repo.h"
#include "lib/service/dispatch_bell.h"
#include "lib/service/limits.h"
#include "lib/service/served_settings.h"
#include "lib/util/failpoint.h"
#include "lib/service/webhooks.h"

enum { ID_TRIES = 4 };

void execution_request_release(struct execution_request *request)
{
    free(request->code);
    free(request->event_json);
    free(request->env_json);
    free(request->callback_url);
    *request = (struct execution_request){ 0 };
}

struct submission {
    const struct context *context;
    struct idempotency *once;
    struct execution draft; /* borrows the request's texts: never released */
    struct submit_result submitted;
};

/* Why there is no such open session. */
static int explain_closed(struct submission *submission, struct db *db, struct err *err)
{
    const struct execution *draft = &submission->draft;
    cleanup(session_release) struct session session = { 0 };
    if (session_repo_get(db, draft->owner, draft->session_id, &session, err) != 0)
        return -1;
    return err_set(err, ERR_SESSION_NOT_FOUND, "Session '%s' does not exist or has been terminated%s%s",
                   session.id, session.error ? ": " : "", session.error ? session.error : "");
}

/* The eight random characters of a day are few enough to meet twice in a busy year. */
static int store(struct submission *submission, struct db *db, struct err *err)
{
    char host[NODE_ID_SIZE];
    node_own_id(submission->context->settings, host);
    for (int i = 0; i < ID_TRIES; i++) {
        char random[EXECUTION_ID_RANDOM + 1];
        submission->context->random_id(random, EXECUTION_ID_RANDOM);
        if (execution_repo_submit(db, random, host, &submission->draft, &submission->submitted, err) == 0)
            return submission->submitted.stored ? 0 : explain_closed(submission, db, err);
        if (err->code != ERR_CONFLICT)
            return -1;
    }
    return err_internal(err, 0, "no free execution id in %d tries", ID_TRIES);
}

static int submit_once(struct db *db, void *arg, struct err *err)
{
    struct submission *submission = arg;
    const char *owner = submission->draft.owner;
    if (idempotency_begin(submission->context, owner, submission->once, err) != 0)
        return -1;
    if (idempotency_replayed(submission->once))
        return 0;
    if (store(submission, db, err) != 0)
        return -1;
    FAILPOINT("execute.before-commit");
    return idempotency_end(submission->context, owner, submission->once, submission->draft.id, &submission->draft, err);
}

/* Without a key one statement is all there is to commit. */
static int store_committed(struct submission *submission, struct err *err)
{
    struct db *db = submission->context->db;
    if (submission->once && submission->once->key)
        return db_transaction(db, submit_once, submission, err);
    FAILPOINT("execute.before-commit");
    return store(submission, db, err);
}

/* An execution that cannot be counted is let through. */
static int check_rate(const struct context *context, const char *owner, struct err *err)
{
    struct err failure = ERR_INIT;
    if (limit_execution(context, owner, &failure) == 0 || failure.code != ERR_RATE_LIMITED)
        return 0;
    *err = failure;
    return -1;
}

static struct execution draft_execution(const struct context *context, const char *owner,
                                        const char *session_id,
                                        const struct execution_request *request, bool notify)
{
    struct execution draft = {
        .status = EXECUTION_PENDING,
        .language = request->language,
        .code = request->code,
        .event_json = request->event_json,
        .env_json = request->env_json,
        .callback_url = request->callback_url,
        .timeout_s = request->timeout_s,
        .max_retries = request->max_retries,
    };
    snprintf(draft.owner, sizeof(draft.owner), "%s", owner);
    snprintf(draft.session_id, sizeof(draft.session_id), "%s", session_id);
    if (notify)
        snprintf(draft.notify, sizeof(draft.notify), "%s", context->doorbell_address);
    return draft;
}

/* What an earlier, equal request made. */
static int recall(const struct idempotency *once, struct execution *out)
{
    *out = (struct execution){ .status = EXECUTION_PENDING };
    snprintf(out->id, sizeof(out->id), "%s", once->resource_id);
    return 0;
}

/* Rings, then what nobody waits for: a second more or less does not matter to a limit of minutes, and what runs or ended counts by itself. */
static void announce(struct submission *submission)
{
    const struct context *context = submission->context;
    const struct execution *draft = &submission->draft;
    struct err ignored = ERR_INIT;
    if (draft->runnable)
        dispatch_bell_submitted(context, draft->seq, &submission->submitted);
    FAILPOINT("execute.rung");
    if (submission->submitted.touch_due)
        (void)!session_repo_touch(context->db, draft->session_id, &ignored);
}

int execution_service_submit(const struct context *context, const char *owner, const char *session_id,
                             const struct execution_request *request, bool notify,
                             struct execution *out, struct err *err)
{
    cleanup_free char *trace_json = trace_text(request->trace);
    struct submission submission = {
        .context = context,
        .once = request->once,
        .draft = draft_execution(context, owner, session_id, request, notify),
    };
    submission.draft.trace_json = trace_json;
    if (webhook_check_url(&context->settings->webhooks, request->callback_url, err) != 0 ||
        idempotency_find(context, owner, request->once, err) != 0)
        return -1;
    if (idempotency_replayed(request->once))
        return recall(request->once, out);
    if (check_rate(context, owner, err) != 0 || store_committed(&submission, err) != 0)
        return -1;
    if (idempotency_replayed(request->once)) /* by somebody who did it at the same moment */
        return recall(request->once, out);
    trace_mark(request->trace, TRACE_RUNG);
    FAILPOINT("execute.committed");
    announce(&submission);
    *out = submission.draft;
    out->code = out->event_json = out->env_json = out->callback_url = out->trace_json = NULL;
    return 0;
}

int execution_service_get(const struct context *context, const char *owner, const char *id,
                          enum execution_part part, struct execution *out, struct err *err)
{
    return execution_repo_get(context->db, owner, id, part, out, err);
}

int execution_service_list(const struct context *context, const char *owner, const char *session_id,
                           int status, const struct page *page, struct execution_list *out,
                           struct err *err)
{
    cleanup(session_release) struct session session = { 0 };
    if (session_repo_get(context->db, owner, session_id, &session, err) != 0)
        return -1;
    return execution_repo_list(context->db, session.id, status, page, out, err);
}
