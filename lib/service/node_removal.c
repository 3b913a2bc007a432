/* SPDX-License-Identifier: Apache-2.0 */
/* Adding a node's row, and removing it. */
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/model/engine.h"
#include "lib/repo/container_repo.h"
#include "lib/repo/engine_repo.h"
#include "lib/repo/node_repo.h"
#include "lib/service/audit.h"
#include "lib/service/health.h"
#include "lib/service/nodes.h"
#include "lib/service/replacing.h"

/* One change, handed through its transaction. */
struct change {
    const struct context *context;
    const struct node *node; /* added */
    const char *id;          /* removed */
    bool force;
};

static int check(const struct node *node, struct err *err)
{
    if (node_id_check(node->id, err) != 0 || engine_url_check(node->engine, err) != 0)
        return -1;
    bool local = engine_url_local(node->engine), tls = node->tls_directory && node->tls_directory[0];
    if (node->host[0] && node_id_check(node->host, err) != 0)
        return -1;
    if (local && !node->host[0])
        return err_set(err, ERR_INVALID, "Only its own host reaches a unix socket: name that host's node.");
    if (tls && (local || node->tls_directory[0] != '/' || strlen(node->tls_directory) > ENGINE_URL_MAX))
        return err_set(err, ERR_INVALID, "Certificates are for tcp:// engines, in a directory named by an absolute path of at most %d bytes.",
                       ENGINE_URL_MAX);
    return 0;
}

static int add_work(struct db *db, void *arg, struct err *err)
{
    const struct change *change = arg;
    const struct node *node = change->node;
    if (engine_repo_add(db, node, err) != 0)
        return -1;
    return audit_note(change->context, "add", "node", node->id, err, "%s%s%s", node->engine, node->host[0] ? ", by " : "", node->host);
}

int node_service_add(const struct context *context, const struct node *node, struct err *err)
{
    struct change change = { .context = context, .node = node };
    if (check(node, err) != 0 || db_transaction(context->db, add_work, &change, err) != 0)
        return -1;
    doorbell_ring(context->doorbell, context->settings->doorbell.provisiond, node->id);
    return 0;
}

static int refuse_full(const struct change *change, int64_t containers, struct err *err)
{
    return err_set(err, ERR_CONFLICT,
                   "Node '%.64s' has %d containers. Drain it ('sandboxctl nodes drain %.64s') and wait until its sessions have ended; "
                   "if its engine is gone for good: --force.", change->id, (int)containers, change->id);
}

static int remove_work(struct db *db, void *arg, struct err *err)
{
    const struct change *change = arg;
    bool silent = false;
    int64_t containers = 0;
    cleanup(node_list_release) struct node_list nodes = { 0 };
    if (engine_repo_lock(db, change->id, NODE_SILENT_MS / 1000, &silent, &containers, err) != 0 ||
        node_repo_list(db, &nodes, err) != 0)
        return -1;
    if (containers > 0)
        return refuse_full(change, containers, err);
    for (size_t i = 0; i < nodes.count; i++)
        if (strcmp(nodes.items[i].id, change->id) == 0 && !nodes.items[i].engine[0] && !silent)
            return err_set(err, ERR_CONFLICT, "Node '%.64s' is a host's own, and its sandbox-provisiond would add it again: stop that first.",
                           change->id);
    if (engine_repo_remove(db, change->id, err) != 0)
        return -1;
    return audit_note(change->context, "remove", "node", change->id, err, "%s", change->force ? "its containers were given up" : "");
}

/* Each container by itself, so that a node with many holds up nobody; done again, it goes on where it was. */
static int give_up_containers(const struct context *context, const char *id, struct err *err)
{
    cleanup(container_list_release) struct container_list live = { 0 };
    if (container_repo_live(context->db, id, &live, err) != 0)
        return -1;
    for (size_t i = 0; i < live.count; i++) {
        const struct container *container = &live.items[i];
        const struct death death = { .session_id = container->session_id, .container_id = container->id,
                                     .reason = "Its node was removed.", .cause = DEATH_NODE };
        enum death_outcome outcome;
        bool changed = false;
        if (container->session_id[0] && session_service_replace(context, &death, &outcome, err) != 0 && err->code != ERR_SESSION_NOT_FOUND)
            return -1;
        if (container_repo_delete(context->db, container->id, &changed, err) != 0)
            return -1;
    }
    return engine_repo_give_up(context->db, id, err);
}

int node_service_remove(const struct context *context, const char *id, bool force, struct err *err)
{
    struct change change = { .context = context, .id = id, .force = force };
    if (force && (node_service_drain(context, id, true, NULL, err) != 0 || give_up_containers(context, id, err) != 0))
        return -1;
    return db_transaction(context->db, remove_work, &change, err);
}
