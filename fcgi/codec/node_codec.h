/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes as JSON. Encoders give NULL when memory runs out. */
#ifndef SANDBOX_FCGI_CODEC_NODE_CODEC_H
#define SANDBOX_FCGI_CODEC_NODE_CODEC_H

#include "lib/service/nodes.h"
#include "lib/util/json.h"

/* The body of PUT /nodes/{id}: whether the node is to be drained, or ready. ERR_INVALID names the field. */
int node_update_decode(const char *text, size_t len, bool *drain_out, struct err *err) must_use;

struct json_object *node_encode(const struct node *node) must_use;
struct json_object *node_list_encode(const struct node_list *list) must_use;

#endif
