/* SPDX-License-Identifier: Apache-2.0 */
/* One allocation: the copy, and behind it the texts that differ. */
#include "lib/service/served_settings.h"

#include <string.h>

#include "lib/model/engine.h"

struct served_settings {
    struct settings settings; /* the first member: what the caller sees and frees */
    char kind[8], engine[ENGINE_URL_MAX + 1], tls[ENGINE_URL_MAX + 1];
    char directory[256];
};

void node_own_id(const struct settings *settings, char out[NODE_ID_SIZE])
{
    memset(out, 0, NODE_ID_SIZE);
    if (settings->node.id[0])
        snprintf(out, NODE_ID_SIZE, "%s", settings->node.id);
    else if (gethostname(out, NODE_ID_SIZE - 1) != 0)
        snprintf(out, NODE_ID_SIZE, "localhost");
}

void node_tag(const char *node_id, char out[NODE_TAG_SIZE])
{
    uint32_t hash = 2166136261U;
    for (; *node_id; node_id++)
        hash = (hash ^ (unsigned char)*node_id) * 16777619U;
    snprintf(out, NODE_TAG_SIZE, "node-%08x", (unsigned)hash);
}

struct settings *served_settings_new(const struct settings *base, const struct node *node, struct err *err)
{
    char tag[NODE_TAG_SIZE];
    struct served_settings *served = calloc(1, sizeof(*served));
    if (!served) {
        err_internal(err, 0, "out of memory for a node's settings");
        return NULL;
    }
    node_tag(node->id, tag);
    served->settings = *base;
    snprintf(served->kind, sizeof(served->kind), "docker");
    snprintf(served->engine, sizeof(served->engine), "%s", node->engine);
    snprintf(served->tls, sizeof(served->tls), "%s", node->tls_directory ? node->tls_directory : "");
    snprintf(served->directory, sizeof(served->directory), "%s/%s", base->runtime.directory, tag);
    served->settings.runtime.kind = served->kind;
    served->settings.runtime.docker_host = served->engine;
    served->settings.runtime.docker_tls = served->tls;
    served->settings.runtime.directory = served->directory;
    return &served->settings;
}
