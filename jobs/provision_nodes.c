/* SPDX-License-Identifier: Apache-2.0 */
/* A list of sets, kept like the rows. */
#include "jobs/provision_nodes.h"

#include <errno.h>
#include <string.h>

#include "jobs/provision_set.h"
#include "lib/repo/engine_repo.h"
#include "lib/service/node_agent.h"
#include "lib/util/clock.h"

struct provision_nodes {
    struct provision_config config;
    bool once;
    struct provision_set *own;
    struct provision_set **added; /* those that are ending too */
    size_t count;
    int64_t due_ms;
};

struct provision_nodes *provision_nodes_new(const struct provision_config *config, bool once, struct err *err)
{
    struct provision_nodes *nodes = calloc(1, sizeof(*nodes));
    if (!nodes) {
        err_internal(err, ENOMEM, "serving nodes");
        return NULL;
    }
    nodes->config = *config;
    nodes->once = once;
    nodes->own = provision_set_start(config, NULL, once, err);
    if (nodes->own)
        return nodes;
    free(nodes);
    return NULL;
}

void provision_nodes_free(struct provision_nodes *nodes)
{
    struct err ignored = ERR_INIT; /* they run out */
    if (!nodes)
        return;
    provision_set_end(nodes->own);
    for (size_t i = 0; i < nodes->count; i++)
        provision_set_end(nodes->added[i]);
    for (size_t i = 0; i < nodes->count; i++)
        provision_set_free(nodes->added[i]);
    provision_set_free(nodes->own);
    if (nodes->count > 0)
        (void)!engine_repo_release(nodes->config.db, nodes->config.node_id, &ignored);
    free(nodes->added);
    free(nodes);
}

static struct provision_set *find(const struct provision_nodes *nodes, const char *node_id)
{
    for (size_t i = 0; i < nodes->count; i++)
        if (strcmp(provision_set_node(nodes->added[i]), node_id) == 0)
            return nodes->added[i];
    return NULL;
}

static bool is_served(const struct provision_set *set, const struct node_list *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        if (provision_set_is(set, &rows->items[i]))
            return true;
    return false;
}

static void end_others(struct provision_nodes *nodes, const struct node_list *rows)
{
    size_t kept = 0;
    for (size_t i = 0; i < nodes->count; i++) {
        struct provision_set *set = nodes->added[i];
        if (!is_served(set, rows))
            provision_set_end(set);
        if (!provision_set_ended(set)) {
            nodes->added[kept++] = set;
            continue;
        }
        nodes->config.report(LOG_LEVEL_INFO, "node is no longer served here", NULL, "node_id", provision_set_node(set));
        provision_set_free(set);
    }
    nodes->count = kept;
}

static int begin(struct provision_nodes *nodes, const struct node *row, struct err *err)
{
    struct provision_set **more = reallocarray(nodes->added, nodes->count + 1, sizeof(struct provision_set *));
    if (!more)
        return err_internal(err, ENOMEM, "serving node %s", row->id);
    nodes->added = more;
    nodes->added[nodes->count] = provision_set_start(&nodes->config, row, nodes->once, err);
    if (!nodes->added[nodes->count])
        return -1;
    nodes->count++;
    nodes->config.report(LOG_LEVEL_INFO, "node is served here", NULL, "node_id", row->id);
    return 0;
}

static int look_at_rows(struct provision_nodes *nodes, struct err *err)
{
    int64_t now = clock_mono_ms();
    cleanup(node_list_release) struct node_list rows = { 0 };
    if (now < nodes->due_ms)
        return 0;
    if (engine_repo_serve(nodes->config.db, nodes->config.node_id, &rows, err) != 0)
        return -1;
    end_others(nodes, &rows);
    for (size_t i = 0; i < rows.count; i++)
        /* one that was changed begins anew when it has ended */
        if (!find(nodes, rows.items[i].id) && begin(nodes, &rows.items[i], err) != 0)
            return -1;
    nodes->due_ms = now + NODE_BEAT_MS;
    return 0;
}

int provision_nodes_look(struct provision_nodes *nodes, bool wake, bool rung, struct err *err)
{
    if (look_at_rows(nodes, err) != 0 || provision_set_check(nodes->own, err) != 0)
        return -1;
    if (wake)
        provision_set_wake(nodes->own, rung);
    for (size_t i = 0; i < nodes->count; i++) {
        if (provision_set_check(nodes->added[i], err) != 0)
            return -1;
        if (wake)
            provision_set_wake(nodes->added[i], rung);
    }
    return 0;
}

bool provision_nodes_busy(struct provision_nodes *nodes)
{
    bool busy = provision_set_busy(nodes->own);
    for (size_t i = 0; i < nodes->count; i++)
        busy = busy || provision_set_busy(nodes->added[i]);
    return busy;
}
