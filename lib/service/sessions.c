/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a session, each change one transaction; doorbells ring only after its commit. */
#include "lib/service/sessions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/container_repo.h"
#include "lib/repo/execution_repo.h"
#include "lib/repo/idle_repo.h"
#include "lib/repo/session_repo.h"
#include "lib/repo/template_repo.h"
#include "lib/repo/webhook_repo.h"
#include "lib/service/ahead.h"
#include "lib/service/audit.h"
#include "lib/service/limits.h"
#include "lib/service/metrics.h"
#include "lib/service/placing.h"
#include "lib/service/webhooks.h"
#include "lib/util/clock.h"
#include "lib/util/failpoint.h"
#include "lib/util/gather.h"

void session_request_release(struct session_request *request)
{
    free(request->env_json);
    free(request->labels_json);
    free(request->callback_url);
    *request = (struct session_request){ 0 };
}

/* One creation, handed through the transaction. Everything it makes is made anew when the transaction is repeated. */
struct creation {
    const struct context *context;
    const char *owner;
    const struct session_request *request;
    struct template template;
    struct session *session; /* the outcome */
    bool warm;
};

static int load_template(struct creation *creation, struct db *db, struct err *err)
{
    template_release(&creation->template);
    /* shared until the commit: the template cannot be deleted meanwhile */
    if (template_repo_share(db, creation->request->template_id, &creation->template, err) != 0)
        return -1;
    if (creation->template.deprecated)
        return err_set(err, ERR_CONFLICT,
                       "Template '%s' is deprecated and takes no new sessions. Choose another one.",
                       creation->request->template_id);
    return 0;
}

static int64_t either(int64_t asked, int64_t preset)
{
    return asked != 0 ? asked : preset;
}

/* The session as it was asked for. It borrows the request's texts, so it is never released. */
static void draft_session(const struct creation *creation, struct session *draft)
{
    const struct session_request *request = creation->request;
    const struct resources *asked = &request->resources, *preset = &creation->template.resources;
    *draft = (struct session){
        .status = SESSION_CREATING,
        .resources = { .cpu_milli = either(asked->cpu_milli, preset->cpu_milli),
                       .memory_mb = either(asked->memory_mb, preset->memory_mb),
                       .disk_mb = either(asked->disk_mb, preset->disk_mb),
                       .max_processes = either(asked->max_processes, preset->max_processes) },
        .timeout_s = request->timeout_s,
        .env_json = request->env_json,
        .labels_json = request->labels_json,
        .callback_url = request->callback_url,
    };
    snprintf(draft->id, sizeof(draft->id), "sess_");
    creation->context->random_id(draft->id + strlen(draft->id), SESSION_ID_RANDOM);
    snprintf(draft->owner, sizeof(draft->owner), "%s", creation->owner);
    snprintf(draft->template_id, sizeof(draft->template_id), "%s", request->template_id);
}

static void bind_container(struct session *draft, const struct container *container)
{
    draft->runtime_type = container->runtime_type;
    snprintf(draft->node_id, sizeof(draft->node_id), "%s", container->node_id);
    snprintf(draft->container_id, sizeof(draft->container_id), "%s", container->id);
}

static int claim_warm(struct creation *creation, struct db *db, struct session *draft,
                      struct err *err)
{
    cleanup(container_release) struct container container = { 0 };
    creation->warm = false;
    if (container_repo_claim_warm(db, &creation->template, &draft->resources, draft->id, &container,
                                  &creation->warm, err) != 0)
        return -1;
    if (!creation->warm)
        return 0;
    draft->status = SESSION_RUNNING;
    bind_container(draft, &container);
    return 0;
}

/* It is made as soon as what had the room is gone (session_service_place_waiting). */
static int wait_for_room(struct db *db, struct session *draft, struct err *err)
{
    struct err full = *err;
    bool made = false;
    if (make_room(db, &draft->resources, draft->node_id, &draft->runtime_type, &made, err) != 0)
        return -1;
    if (!made)
        *err = full;
    return made ? 0 : -1;
}

static int make_container(const struct creation *creation, struct db *db, struct session *draft, struct err *err)
{
    const struct template *template = &creation->template;
    struct container container = { /* borrows the template's texts: not released */
        .image = template->image,
        .languages = template->languages,
        .preload_json = template->preload_json,
        .oci_runtime = template->oci_runtime,
        .network_enabled = template->network_enabled,
        .read_only_root = template->read_only_root,
        .resources = draft->resources,
    };
    snprintf(container.template_id, sizeof(container.template_id), "%s", template->id);
    snprintf(container.session_id, sizeof(container.session_id), "%s", draft->id);
    if (place_container(db, &container, &(struct placing){ 0 }, err) != 0)
        return err->code == ERR_NO_ROOM ? wait_for_room(db, draft, err) : -1;
    bind_container(draft, &container);
    return 0;
}

static int create_work(struct db *db, void *arg, struct err *err)
{
    struct creation *creation = arg;
    struct session draft;
    struct idempotency *once = creation->request->once;
    session_release(creation->session);
    if (idempotency_begin(creation->context, creation->owner, once, err) != 0)
        return -1;
    if (idempotency_replayed(once))
        return 0;
    if (load_template(creation, db, err) != 0 || limit_session_soon(creation->context, creation->owner, err) != 0)
        return -1;
    draft_session(creation, &draft);
    if (claim_warm(creation, db, &draft, err) != 0)
        return -1;
    if (!creation->warm && make_container(creation, db, &draft, err) != 0)
        return -1;
    if (session_repo_insert(db, &draft, err) != 0)
        return -1;
    if (session_repo_get(db, creation->owner, draft.id, creation->session, err) != 0 ||
        audit_note(creation->context, "create", "session", draft.id, err, "template %s, timeout %" PRId64 " s, container %s",
                   draft.template_id, draft.timeout_s, draft.container_id[0] ? draft.container_id : "none yet") != 0 ||
        limit_session_stored(creation->context, creation->owner, err) != 0)
        return -1;
    FAILPOINT("create.before-commit");
    return idempotency_end(creation->context, creation->owner, once, draft.id, creation->session, err);
}

int session_service_create(const struct context *context, const char *owner,
                           const struct session_request *request, struct session *out,
                           struct err *err)
{
    struct session made = { 0 };
    struct creation creation = {
        .context = context, .owner = owner, .request = request, .session = &made
    };
    if (webhook_check_url(&context->settings->webhooks, request->callback_url, err) != 0 ||
        idempotency_find(context, owner, request->once, err) != 0)
        return -1;
    if (idempotency_replayed(request->once))
        return 0;
    int64_t begun = clock_mono_us();
    int status = db_transaction(context->db, create_work, &creation, err);
    template_release(&creation.template);
    if (status != 0) {
        session_release(&made);
        return -1;
    }
    if (idempotency_replayed(request->once))
        return 0;
    FAILPOINT("create.committed");
    enum metric_warmth warmth = creation.warm ? METRIC_WARM : METRIC_COLD;
    metrics_observe(context->metrics, METRIC_SESSION_CREATE, warmth, 0, clock_mono_us() - begun);
    metrics_add(context->metrics, METRIC_POOL_CLAIMS, warmth, 0, 1);
    const struct doorbell_settings *bells = &context->settings->doorbell;
    doorbell_ring(context->doorbell, creation.warm ? bells->pool : bells->provisiond, made.id);
    FAILPOINT("create.rung");
    *out = made;
    return 0;
}

int session_service_get(const struct context *context, const char *owner, const char *id,
                        struct session *out, struct err *err)
{
    struct session_question question = { .owner = owner, .id = id };
    enum ahead_answer answer = ahead_session(context->ahead, owner, id, &question, err);
    if (answer == AHEAD_UNKNOWN && !context->session_questions)
        return session_repo_get(context->db, owner, id, out, err);
    int status = answer == AHEAD_KNOWN ? 0 : answer == AHEAD_FAILED ? -1 : gather_ask(context->session_questions, &question, (void *)context, err);
    if (status == 0 && question.found) {
        *out = question.session;
        return 0;
    }
    session_release(&question.session);
    return status != 0 ? -1 : err_set(err, ERR_SESSION_NOT_FOUND, "Session '%.64s' does not exist.", id);
}

static int answer_all(void *context, void *const *questions, size_t count, struct err *err)
{
    const struct context *asker = context;
    return session_repo_get_all(asker->db, (struct session_question *const *)questions, count, err);
}

struct gather *session_service_gather(void)
{
    return gather_new(answer_all, SESSION_QUESTIONS_MAX, GATHER_AT_ONCE);
}

int session_service_list(const struct context *context, const char *owner,
                         const struct session_query *query, struct session_list *out,
                         struct err *err)
{
    struct session_filter filter = {
        .owner = owner,
        .status = query->status,
        .template_id = query->template_id,
        .label_name = query->label_name,
        .label_value = query->label_value,
    };
    return session_repo_list(context->db, &filter, &query->page, out, err);
}

/* One renewal, handed through the transaction. */
struct renewal {
    const struct context *context;
    const char *owner, *id;
    int64_t timeout_s;
    struct session session;
};

static int renew_work(struct db *db, void *arg, struct err *err)
{
    struct renewal *renewal = arg;
    struct session *session = &renewal->session;
    bool renewed = false;
    session_release(session);
    if (session_repo_renew(db, renewal->owner, renewal->id, renewal->timeout_s,
                           renewal->context->settings->limits.session_lifetime_s, &renewed, err) != 0 ||
        session_repo_get(db, renewal->owner, renewal->id, session, err) != 0)
        return -1;
    if (!renewed)
        return err_set(err, ERR_CONFLICT, "Session '%s' cannot be renewed: %s.", session->id,
                       session_status_final(session->status) ? "it has ended" : "its time is over");
    return audit_note(renewal->context, "renew", "session", session->id, err, "timeout %" PRId64 " s", renewal->timeout_s);
}

int session_service_renew(const struct context *context, const char *owner, const char *id, int64_t timeout_s,
                          struct session *out, struct err *err)
{
    struct renewal renewal = { .context = context, .owner = owner, .id = id, .timeout_s = timeout_s };
    if (db_transaction(context->db, renew_work, &renewal, err) != 0) {
        session_release(&renewal.session);
        return -1;
    }
    *out = renewal.session;
    return 0;
}

/* One ending, handed through the transaction. */
struct ending {
    const struct context *context;
    const char *id;
    const struct session_ending *how;
    bool changed;
    struct string_list waiters; /* "ADDRESS EXECUTION_ID" */
    uint64_t failed[LANGUAGES]; /* executions that ended with it */
    bool told, executions_told; /* somebody is to be told of it, of them */
};

static const char *action_of(enum session_status status)
{
    return status == SESSION_TERMINATED ? "terminate" : status == SESSION_TIMEOUT ? "expire" : "fail";
}

static int end_work(struct db *db, void *arg, struct err *err)
{
    struct ending *ending = arg;
    int64_t idle_s = ending->how->idle_s;
    const char *kept = ending->how->status == SESSION_FAILED || idle_s ? ending->how->reason : NULL;
    bool idle = true;
    string_list_release(&ending->waiters);
    ending->changed = ending->told = ending->executions_told = false;
    if (idle_s && idle_repo_confirm(db, ending->id, idle_s, &idle, err) != 0)
        return -1;
    if (!idle)
        return 0;
    if (session_repo_end(db, ending->id, ending->how->container_id, ending->how->status, kept, &ending->changed, err) != 0)
        return -1;
    if (!ending->changed)
        return 0;
    if (container_repo_delete_of_session(db, ending->id, err) != 0 ||
        audit_note(ending->context, action_of(ending->how->status), "session", ending->id, err, "%s",
                   ending->how->status == SESSION_TERMINATED ? "" : ending->how->reason) != 0)
        return -1;
    if (!ending->how->no_callback && webhook_repo_add_session(db, ending->id, &ending->told, err) != 0)
        return -1;
    FAILPOINT("end.before-commit");
    return execution_repo_fail_session(db, ending->id, ending->how->kind, ending->how->reason,
                                       &ending->waiters, ending->failed, &ending->executions_told, err);
}

static void ring_waiters(const struct context *context, const struct string_list *waiters)
{
    for (size_t i = 0; i < waiters->count; i++) {
        char *space = strchr(waiters->items[i], ' ');
        if (!space)
            continue;
        *space = '\0';
        doorbell_ring(context->doorbell, waiters->items[i], space + 1);
    }
}

int session_service_end(const struct context *context, const char *id,
                        const struct session_ending *how, bool *changed_out, struct err *err)
{
    struct ending ending = { .context = context, .id = id, .how = how };
    int status = db_transaction(context->db, end_work, &ending, err);
    if (status == 0 && ending.changed) {
        FAILPOINT("end.committed");
        doorbell_ring(context->doorbell, context->settings->doorbell.provisiond, id);
        ring_waiters(context, &ending.waiters);
        FAILPOINT("end.rung");
        if (ending.told || ending.executions_told)
            doorbell_ring(context->doorbell, context->settings->doorbell.webhookd, id);
        for (int i = 0; i < LANGUAGES; i++)
            metrics_executions_ended(context->metrics, (enum language)i, EXECUTION_FAILED, ending.failed[i]);
    }
    if (status == 0 && changed_out)
        *changed_out = ending.changed;
    string_list_release(&ending.waiters);
    return status;
}

int session_service_terminate(const struct context *context, const char *owner, const char *id,
                              struct err *err)
{
    cleanup(session_release) struct session session = { 0 };
    if (session_repo_get(context->db, owner, id, &session, err) != 0)
        return -1;
    if (session_status_final(session.status))
        return 0;
    const struct session_ending how = {
        .status = SESSION_TERMINATED,
        .kind = "session_terminated",
        .reason = "The session was terminated while this execution was not finished.",
        .no_callback = !session.callback_url,
    };
    return session_service_end(context, id, &how, NULL, err);
}
