/* SPDX-License-Identifier: Apache-2.0 */
/* What every handler needs. */
#include "fcgi/call.h"

#include <stdio.h>
#include <string.h>

#include "lib/util/id.h"

int call_page(const struct call *call, struct page *out, struct err *err)
{
    *out = (struct page){ .limit = PAGE_LIMIT_DEFAULT };
    if (request_query_int(call->request, "limit", 1, PAGE_LIMIT_MAX, &out->limit, err) != 0)
        return -1;
    return request_query_int(call->request, "offset", 0, INT32_MAX, &out->offset, err);
}

int call_answer(const struct call *call, int status, struct json_object *body, struct err *err)
{
    if (!body)
        return err_internal(err, 0, "out of memory for an answer");
    response_json(call->response, status, body);
    return 0;
}

struct json_object *call_message(const char *message)
{
    struct json_object *body = json_object_new_object();
    if (body)
        json_object_object_add(body, "message", json_object_new_string(message));
    return body;
}

int call_check_session_id(const struct call *call, struct err *err)
{
    if (id_valid(call->id, "sess_", SESSION_ID_RANDOM))
        return 0;
    return err_set(err, ERR_SESSION_NOT_FOUND, "Session '%.80s' does not exist or has been terminated",
                   call->id);
}

int call_check_execution_id(const struct call *call, struct err *err)
{
    static const char prefix[] = "exec_";
    const char *date = call->id + sizeof(prefix) - 1;
    if (strncmp(call->id, prefix, sizeof(prefix) - 1) == 0 && strspn(date, "0123456789") >= 8 &&
        id_valid(date + 8, "_", EXECUTION_ID_RANDOM))
        return 0;
    return err_set(err, ERR_EXECUTION_NOT_FOUND, "Execution '%.80s' does not exist", call->id);
}

int call_check_container_id(const struct call *call, struct err *err)
{
    if (strspn(call->id, "0123456789abcdef") == CONTAINER_ID_HEX && call->id[CONTAINER_ID_HEX] == '\0')
        return 0;
    return err_set(err, ERR_CONTAINER_NOT_FOUND, "Container '%.64s' does not exist.", call->id);
}

/* What an escape made is no separator: two addresses of one file would be one too many. */
int call_file_path(const struct call *call, char out[WORKSPACE_PATH_SIZE], struct err *err)
{
    cleanup_strbuf struct strbuf path = STRBUF_INIT(REQUEST_TARGET_MAX);
    for (size_t i = 0; i < call->tail_count; i++) {
        if (strchr(call->tail[i], '/'))
            return err_field(err, "path", "The path holds an escaped slash within a name.");
        strbuf_addf(&path, "%s%s", i ? "/" : "", call->tail[i]);
    }
    if (!strbuf_ok(&path))
        return err_internal(err, 0, "out of memory for a path");
    if (workspace_path_check(strbuf_str(&path), path.len, "path", err) != 0)
        return -1;
    memcpy(out, path.data, path.len + 1);
    return 0;
}

const char *call_owner(const struct call *call)
{
    return call->caller.scopes & SCOPE_ADMIN ? NULL : call->caller.owner;
}

int call_idempotency(const struct call *call, struct idempotency *out, struct err *err)
{
    const struct request *request = call->request;
    char route[REQUEST_TARGET_MAX + 16];
    snprintf(route, sizeof(route), "%s %s", request->method, request->path);
    return idempotency_init(out, request_param(request, "HTTP_IDEMPOTENCY_KEY"), route, strbuf_str(&request->body),
                            request->body.len, err);
}

int call_replay(const struct call *call, int status, const struct idempotency *once, struct err *err)
{
    call->response->replayed = true;
    return call_answer(call, status, json_raw(once->answer, strlen(once->answer)), err);
}

char *call_text(struct json_object *body)
{
    cleanup_json struct json_object *owned = body;
    const char *text = owned ? json_text(owned) : NULL;
    return text ? strdup(text) : NULL;
}
