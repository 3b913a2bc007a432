/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of /templates. */
#include <stdio.h>

#include "fcgi/call.h"
#include "fcgi/codec/template_codec.h"
#include "lib/service/templates.h"

static int check_id(const struct call *call, struct err *err)
{
    if (template_id_valid(call->id))
        return 0;
    return err_set(err, ERR_TEMPLATE_NOT_FOUND, "Template '%.80s' does not exist", call->id);
}

int templates_list(struct call *call, struct err *err)
{
    cleanup(template_list_release) struct template_list list = { 0 };
    struct page page;
    if (call_page(call, &page, err) != 0 ||
        template_service_list(call->context, &page, &list, err) != 0)
        return -1;
    return call_answer(call, 200, template_list_encode(&list), err);
}

int templates_get(struct call *call, struct err *err)
{
    cleanup(template_release) struct template template = { 0 };
    if (check_id(call, err) != 0 || template_service_get(call->context, call->id, &template, err) != 0)
        return -1;
    return call_answer(call, 200, template_encode(&template, TEMPLATE_VIEW_FULL), err);
}

int templates_create(struct call *call, struct err *err)
{
    cleanup(template_change_release) struct template_change change = TEMPLATE_CHANGE_INIT;
    cleanup(template_release) struct template template = { 0 };
    const struct strbuf *body = &call->request->body;
    char id[TEMPLATE_ID_SIZE];
    if (template_create_decode(strbuf_str(body), body->len, id, &change, err) != 0 ||
        template_service_create(call->context, id, &change, &template, err) != 0)
        return -1;
    snprintf(call->response->location, sizeof(call->response->location), "/api/v1/templates/%s", id);
    return call_answer(call, 201, template_encode(&template, TEMPLATE_VIEW_FULL), err);
}

int templates_update(struct call *call, struct err *err)
{
    cleanup(template_change_release) struct template_change change = TEMPLATE_CHANGE_INIT;
    cleanup(template_release) struct template template = { 0 };
    const struct strbuf *body = &call->request->body;
    if (check_id(call, err) != 0 || template_update_decode(strbuf_str(body), body->len, &change, err) != 0 ||
        template_service_update(call->context, call->id, &change, &template, err) != 0)
        return -1;
    return call_answer(call, 200, template_encode(&template, TEMPLATE_VIEW_FULL), err);
}

int templates_delete(struct call *call, struct err *err)
{
    if (check_id(call, err) != 0 || template_service_delete(call->context, call->id, err) != 0)
        return -1;
    response_json(call->response, 204, NULL);
    return 0;
}
