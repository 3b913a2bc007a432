/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of /sessions. */
#include <stdio.h>
#include <string.h>

#include "fcgi/call.h"
#include "fcgi/codec/session_codec.h"

static char *encode_created(const void *workspace_url, const void *session)
{
    return call_text(session_encode(session, workspace_url, SESSION_VIEW_CREATED));
}

int sessions_create(struct call *call, struct err *err)
{
    const char *url = call->context->settings->workspace_root;
    cleanup(idempotency_release) struct idempotency once = { .encode = encode_created, .arg = url };
    cleanup(session_request_release) struct session_request request = { 0 };
    cleanup(session_release) struct session session = { 0 };
    const struct strbuf *body = &call->request->body;
    if (session_request_decode(strbuf_str(body), body->len, &request, err) != 0 || call_idempotency(call, &once, err) != 0)
        return -1;
    request.once = &once;
    if (session_service_create(call->context, call->caller.owner, &request, &session, err) != 0)
        return -1;
    snprintf(call->response->location, sizeof(call->response->location), "/api/v1/sessions/%s",
             once.replayed ? once.resource_id : session.id);
    if (once.replayed)
        return call_replay(call, 201, &once, err);
    return call_answer(call, 201, session_encode(&session, url, SESSION_VIEW_CREATED), err);
}

static int read_status(const struct call *call, int *out, struct err *err)
{
    const char *status = request_query(call->request, "status");
    *out = status ? session_status_parse(status) : -1;
    if (status && *out < 0)
        return err_field(err, "status", "status must be creating, running, terminated, timeout or failed.");
    return 0;
}

/* "label.NAME=VALUE" */
static int read_label(const struct call *call, struct session_query *query, struct err *err)
{
    static const char prefix[] = "label.";
    for (size_t i = 0; i < call->request->query_count; i++) {
        const struct query_param *param = &call->request->query[i];
        if (strncmp(param->name, prefix, sizeof(prefix) - 1) != 0)
            continue;
        if (query->label_name)
            return err_field(err, param->name, "Only one label can be asked for.");
        query->label_name = param->name + sizeof(prefix) - 1;
        query->label_value = param->value;
    }
    return 0;
}

int sessions_list(struct call *call, struct err *err)
{
    cleanup(session_list_release) struct session_list list = { 0 };
    struct session_query query = { .template_id = request_query(call->request, "template_id") };
    if (call_page(call, &query.page, err) != 0 || read_status(call, &query.status, err) != 0 ||
        read_label(call, &query, err) != 0 ||
        session_service_list(call->context, call->caller.owner, &query, &list, err) != 0)
        return -1;
    return call_answer(call, 200, session_list_encode(&list, call->context->settings->workspace_root),
                       err);
}

int sessions_get(struct call *call, struct err *err)
{
    cleanup(session_release) struct session session = { 0 };
    if (call_check_session_id(call, err) != 0 ||
        session_service_get(call->context, call->caller.owner, call->id, &session, err) != 0)
        return -1;
    const char *url = call->context->settings->workspace_root;
    return call_answer(call, 200, session_encode(&session, url, SESSION_VIEW_FULL), err);
}

int sessions_renew(struct call *call, struct err *err)
{
    cleanup(session_release) struct session session = { 0 };
    const struct strbuf *body = &call->request->body;
    int64_t timeout_s = 0;
    if (call_check_session_id(call, err) != 0 ||
        session_renewal_decode(strbuf_str(body), body->len, &timeout_s, err) != 0 ||
        session_service_renew(call->context, call->caller.owner, call->id, timeout_s, &session, err) != 0)
        return -1;
    const char *url = call->context->settings->workspace_root;
    return call_answer(call, 200, session_encode(&session, url, SESSION_VIEW_FULL), err);
}

int sessions_delete(struct call *call, struct err *err)
{
    if (call_check_session_id(call, err) != 0 ||
        session_service_terminate(call->context, call->caller.owner, call->id, err) != 0)
        return -1;
    return call_answer(call, 200, call_message("Session terminated successfully"), err);
}
