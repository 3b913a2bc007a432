/* SPDX-License-Identifier: Apache-2.0 */
/* A list of ids, and beside it each node's settings. */
#include "lib/service/served_nodes.h"

#include <errno.h>
#include <string.h>

#include "lib/repo/engine_repo.h"
#include "lib/service/served_settings.h"
#include "lib/util/clock.h"

enum { REFRESH_MS = 1000 };

struct served_nodes {
    const struct settings *settings;
    char own[NODE_ID_SIZE];
    struct string_list ids;
    struct settings **known; /* of each id; NULL: the own node's */
    int64_t due_ms;
};

static void forget(struct served_nodes *nodes)
{
    for (size_t i = 0; nodes->known && i < nodes->ids.count; i++)
        free(nodes->known[i]);
    free(steal(nodes->known));
    string_list_release(&nodes->ids);
}

static int add(struct served_nodes *nodes, const char *id, struct settings *settings, struct err *err)
{
    size_t place = nodes->ids.count;
    nodes->ids.items[place] = strdup(id);
    if (!nodes->ids.items[place])
        return err_internal(err, ENOMEM, "remembering node %s", id);
    nodes->known[place] = settings;
    nodes->ids.count++;
    return 0;
}

/* The own node and these. */
static int remember(struct served_nodes *nodes, const struct node_list *rows, struct err *err)
{
    nodes->ids = (struct string_list){ .items = calloc(rows->count + 1, sizeof(char *)) };
    nodes->known = calloc(rows->count + 1, sizeof(struct settings *));
    if (!nodes->ids.items || !nodes->known)
        return err_internal(err, ENOMEM, "remembering nodes");
    if (add(nodes, nodes->own, NULL, err) != 0)
        return -1;
    for (size_t i = 0; i < rows->count; i++) {
        cleanup_free struct settings *settings = served_settings_new(nodes->settings, &rows->items[i], err);
        if (!settings || add(nodes, rows->items[i].id, settings, err) != 0)
            return -1;
        settings = NULL;
    }
    return 0;
}

struct served_nodes *served_nodes_new(const struct settings *settings, struct err *err)
{
    static const struct node_list none = { 0 };
    struct served_nodes *nodes = calloc(1, sizeof(*nodes));
    if (!nodes) {
        err_internal(err, ENOMEM, "remembering nodes");
        return NULL;
    }
    nodes->settings = settings;
    node_own_id(settings, nodes->own);
    if (remember(nodes, &none, err) == 0)
        return nodes;
    served_nodes_free(nodes);
    return NULL;
}

void served_nodes_free(struct served_nodes *nodes)
{
    if (!nodes)
        return;
    forget(nodes);
    free(nodes);
}

int served_nodes_refresh(struct served_nodes *nodes, struct db *db, struct err *err)
{
    int64_t now = clock_mono_ms();
    cleanup(node_list_release) struct node_list rows = { 0 };
    if (now < nodes->due_ms)
        return 0;
    if (engine_repo_reached(db, nodes->own, &rows, err) != 0)
        return -1;
    forget(nodes);
    nodes->due_ms = 0; /* what was only half remembered is asked for again */
    if (remember(nodes, &rows, err) != 0)
        return -1;
    nodes->due_ms = now + REFRESH_MS;
    return 0;
}

const struct string_list *served_nodes_ids(const struct served_nodes *nodes)
{
    return &nodes->ids;
}

bool served_nodes_endpoint(const struct served_nodes *nodes, const char *node_id, const char *container_id, struct runtime_endpoint *out)
{
    const struct settings *settings = nodes->settings;
    bool found = false;
    for (size_t i = 0; i < nodes->ids.count && !found; i++) {
        found = strcmp(nodes->ids.items[i], node_id) == 0;
        if (found && nodes->known[i])
            settings = nodes->known[i];
    }
    runtime_endpoint(&settings->runtime, container_id, out);
    return found;
}
