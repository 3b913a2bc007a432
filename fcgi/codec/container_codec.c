/* SPDX-License-Identifier: Apache-2.0 */
/* Containers: answers out. */
#include "fcgi/codec/container_codec.h"

#include "fcgi/codec/fields.h"

static struct json_object *usage_encode(const struct container_usage *usage)
{
    struct json_object *object = usage->measured ? json_object_new_object() : NULL;
    if (!object)
        return NULL;
    fields_add_number(object, "cpu", (double)usage->cpu_used_milli / 1000, 3);
    fields_add_int(object, "memory_mb", usage->memory_used_mb);
    fields_add_int(object, "cpu_time_ms", usage->cpu_time_ms);
    fields_add_time(object, "measured_at", usage->measured_at);
    fields_add_time(object, "busy_since", usage->busy_since);
    return object;
}

static int64_t uptime_s(const struct container *container)
{
    int64_t end = container->ended_at ? container->ended_at : container->seen_at;
    return container->ready_at && end > container->ready_at ? (end - container->ready_at) / 1000 : 0;
}

struct json_object *container_encode(const struct container *container, enum container_view view)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    fields_add_text(object, "container_id", container->id);
    fields_add_text(object, "pod_name", NULL);
    fields_add_text(object, "node_name", container->node_id);
    fields_add_text(object, "runtime_type", runtime_type_name(container->runtime_type));
    fields_add_text(object, "status", container_status_name(container->status));
    fields_add_text(object, "session_id", container->session_id[0] ? container->session_id : NULL);
    fields_add_text(object, "template_id", container->template_id);
    fields_add(object, "resources", fields_resources(&container->resources));
    fields_add(object, "usage", usage_encode(&container->usage));
    fields_add_time(object, "created_at", container->created_at);
    fields_add_time(object, "started_at", container->ready_at);
    fields_add_int(object, "uptime_seconds", uptime_s(container));
    if (view == CONTAINER_VIEW_FULL) {
        fields_add_text(object, "image", container->image);
        fields_add_text(object, "error", container->error);
    }
    return object;
}

struct json_object *container_list_encode(const struct container_list *list)
{
    struct json_object *items = json_object_new_array();
    for (size_t i = 0; items && i < list->count; i++)
        json_object_array_add(items, container_encode(&list->items[i], CONTAINER_VIEW_LISTED));
    return items ? fields_listing("containers", items, list->total) : NULL;
}
