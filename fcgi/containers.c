/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of /containers, but for logs. */
#include "fcgi/call.h"
#include "fcgi/codec/container_codec.h"
#include "lib/service/containers.h"

static int read_filters(const struct call *call, struct container_query *out, struct err *err)
{
    const char *status = request_query(call->request, "status");
    const char *type = request_query(call->request, "runtime_type");
    out->status = status ? container_status_parse(status) : -1;
    out->runtime_type = type ? runtime_type_parse(type) : -1;
    out->template_id = request_query(call->request, "template_id");
    if (status && out->status < 0)
        return err_field(err, "status", "status must be creating, warm, running, deleting or deleted.");
    if (type && out->runtime_type < 0)
        return err_field(err, "runtime_type", "runtime_type must be process, docker or kubernetes.");
    return call_page(call, &out->page, err);
}

int containers_list(struct call *call, struct err *err)
{
    cleanup(container_list_release) struct container_list list = { 0 };
    struct container_query query;
    if (read_filters(call, &query, err) != 0 ||
        container_service_list(call->context, call_owner(call), &query, &list, err) != 0)
        return -1;
    return call_answer(call, 200, container_list_encode(&list), err);
}

int containers_get(struct call *call, struct err *err)
{
    cleanup(container_release) struct container container = { 0 };
    if (call_check_container_id(call, err) != 0 ||
        container_service_get(call->context, call_owner(call), call->id, &container, err) != 0)
        return -1;
    return call_answer(call, 200, container_encode(&container, CONTAINER_VIEW_FULL), err);
}
