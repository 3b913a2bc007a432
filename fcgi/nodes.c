/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of /nodes. */
#include "fcgi/call.h"
#include "fcgi/codec/node_codec.h"
#include "lib/service/nodes.h"

int nodes_list(struct call *call, struct err *err)
{
    cleanup(node_list_release) struct node_list list = { 0 };
    if (node_service_list(call->context, &list, err) != 0)
        return -1;
    return call_answer(call, 200, node_list_encode(&list), err);
}

int nodes_update(struct call *call, struct err *err)
{
    cleanup(node_release) struct node node = { 0 };
    const struct strbuf *body = &call->request->body;
    bool drain = false;
    if (node_update_decode(strbuf_str(body), body->len, &drain, err) != 0 ||
        node_service_drain(call->context, call->id, drain, &node, err) != 0)
        return -1;
    return call_answer(call, 200, node_encode(&node), err);
}
