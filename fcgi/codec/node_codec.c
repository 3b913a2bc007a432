/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes: bodies in, answers out. */
#include "fcgi/codec/node_codec.h"

#include <string.h>

#include "fcgi/codec/fields.h"

int node_update_decode(const char *text, size_t len, bool *drain_out, struct err *err)
{
    cleanup_json struct json_object *body = NULL;
    const char *status = NULL;
    const struct json_field field = { .name = "status", .type = JSON_FIELD_STRING, .required = true, .out = &status };
    if (fields_parse_body(text, len, NULL, &body, err) != 0 ||
        json_read_fields(body, "", &field, 1, JSON_UNKNOWN_REFUSE, err) != 0)
        return -1;
    *drain_out = strcmp(status, "draining") == 0;
    if (*drain_out || strcmp(status, "ready") == 0)
        return 0;
    return err_field(err, "/status", "status must be ready or draining.");
}

static struct json_object *share_encode(int64_t cpu_milli, int64_t memory_mb, int64_t containers)
{
    char cpu[QUANTITY_TEXT_SIZE];
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    resources_format_cpu(cpu_milli, cpu);
    fields_add_text(object, "cpu", cpu);
    fields_add_int(object, "memory_mb", memory_mb);
    fields_add_int(object, "containers", containers);
    return object;
}

struct json_object *node_encode(const struct node *node)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    fields_add_text(object, "node_id", node->id);
    fields_add_text(object, "runtime_type", runtime_type_name(node->runtime_type));
    fields_add_text(object, "status", node->status);
    fields_add_text(object, "isolation", node->isolation);
    fields_add(object, "isolation_weaker", json_object_new_boolean(node->isolation_weaker));
    fields_add(object, "capacity", share_encode(node->cpu_milli, node->memory_mb, node->max_containers));
    fields_add(object, "allocated", share_encode(node->used_cpu_milli, node->used_memory_mb, node->used_containers));
    fields_add_time(object, "last_seen_at", node->last_seen_at);
    bool own = !node->engine || !node->engine[0];
    fields_add_text(object, "engine", own ? NULL : node->engine);
    fields_add_text(object, "served_by", own ? node->id : node->served ? node->served_by : NULL);
    fields_add_text(object, "error", node->error);
    return object;
}

struct json_object *node_list_encode(const struct node_list *list)
{
    struct json_object *items = json_object_new_array();
    for (size_t i = 0; items && i < list->count; i++)
        json_object_array_add(items, node_encode(&list->items[i]));
    return items ? fields_listing("nodes", items, (int64_t)list->count) : NULL;
}
