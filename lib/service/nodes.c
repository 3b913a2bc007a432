/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of a node's status, each with its note in the audit trail. */
#include "lib/service/nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/node_repo.h"
#include "lib/service/audit.h"
#include "lib/service/health.h"

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct node *)a)->id, ((const struct node *)b)->id);
}

int node_service_list(const struct context *context, struct node_list *out, struct err *err)
{
    if (node_repo_list(context->db, out, err) != 0)
        return -1;
    if (out->count > 0)
        qsort(out->items, out->count, sizeof(out->items[0]), by_id);
    for (size_t i = 0; i < out->count; i++)
        if (health_of_node(&out->items[i]) == HEALTH_BAD)
            snprintf(out->items[i].status, sizeof(out->items[i].status), "offline");
    return 0;
}

/* One change, handed through the transaction. */
struct draining {
    const struct context *context;
    const char *id;
    bool drain, changed;
};

static int drain_work(struct db *db, void *arg, struct err *err)
{
    struct draining *draining = arg;
    if (node_repo_drain(db, draining->id, draining->drain, &draining->changed, err) != 0)
        return -1;
    if (!draining->changed)
        return 0;
    return audit_note(draining->context, draining->drain ? "drain" : "ready", "node", draining->id, err, "%s", "");
}

static int find(const struct context *context, const char *id, struct node *out, struct err *err)
{
    cleanup(node_list_release) struct node_list nodes = { 0 };
    if (node_service_list(context, &nodes, err) != 0)
        return -1;
    for (size_t i = 0; i < nodes.count; i++) {
        if (strcmp(nodes.items[i].id, id) != 0)
            continue;
        *out = nodes.items[i];
        nodes.items[i] = (struct node){ 0 };
        return 0;
    }
    return err_set(err, ERR_NODE_NOT_FOUND, "Node '%.64s' does not exist.", id);
}

int node_service_drain(const struct context *context, const char *id, bool drain, struct node *out, struct err *err)
{
    cleanup(node_release) struct node node = { 0 };
    struct draining draining = { .context = context, .id = id, .drain = drain };
    if (db_transaction(context->db, drain_work, &draining, err) != 0 || find(context, id, &node, err) != 0)
        return -1;
    if (draining.changed)
        doorbell_ring(context->doorbell, context->settings->doorbell.pool, id);
    if (out) {
        *out = node;
        node = (struct node){ 0 };
    }
    return 0;
}
