/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes as operators see them, and taking one out of service. */
#ifndef SANDBOX_SERVICE_NODES_H
#define SANDBOX_SERVICE_NODES_H

#include "lib/repo/list.h"
#include "lib/service/context.h"

/* By id. A node that was not heard of lately (NODE_SILENT_MS) has the status "offline". */
int node_service_list(const struct context *context, struct node_list *out, struct err *err) must_use;

/* `drain`: the node gets no new containers, its warm ones are replaced elsewhere, its sessions go on. Else it is in service again:
 * ready, or offline if its engine does not work. Repeatable. *out (may be NULL) is the node then. ERR_NODE_NOT_FOUND. */
int node_service_drain(const struct context *context, const char *id, bool drain, struct node *out,
                       struct err *err) must_use;

/* A node whose container engine `node` names (id, engine, tls_directory, host, limits): offline until a host serves it. ERR_INVALID,
 * ERR_CONFLICT (there is one of that name). */
int node_service_add(const struct context *context, const struct node *node, struct err *err) must_use;

/* Forgets a node without containers. ERR_CONFLICT says what to do first: it has some, or its provisiond is at work and would add it
 * again. `force`: its engine is gone for good, with all that is there; sessions get other containers. ERR_NODE_NOT_FOUND. */
int node_service_remove(const struct context *context, const char *id, bool force, struct err *err) must_use;

#endif
