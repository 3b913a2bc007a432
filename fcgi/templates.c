/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of /templates. */
#include "fcgi/call.h"
#include "fcgi/codec/session_codec.h"
#include "lib/service/templates.h"

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
    if (!template_id_valid(call->id))
        return err_set(err, ERR_TEMPLATE_NOT_FOUND, "Template '%.80s' does not exist", call->id);
    if (template_service_get(call->context, call->id, &template, err) != 0)
        return -1;
    return call_answer(call, 200, template_encode(&template, TEMPLATE_VIEW_FULL), err);
}
