/* SPDX-License-Identifier: Apache-2.0 */
/* Health reports: one member a part, each with what was seen and how long the look took. */
#include "fcgi/codec/health_codec.h"

#include "config.h"
#include "fcgi/codec/fields.h"

struct json_object *health_encode(double took_ms)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    fields_add_text(object, "status", health_name(HEALTH_GOOD));
    fields_add_text(object, "version", PACKAGE_VERSION);
    fields_add_number(object, "took_ms", took_ms, 3);
    return object;
}

/* One that only answers, or does not. */
static struct json_object *answering_encode(enum health health, const struct err *err, double took_ms)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    fields_add_text(object, "status", health_name(health));
    if (health != HEALTH_GOOD)
        fields_add_text(object, "error", err->text);
    fields_add_number(object, "took_ms", took_ms, 3);
    return object;
}

static struct json_object *share_encode(bool usage, int64_t used, int64_t capacity)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    if (usage)
        fields_add_int(object, "used", used);
    fields_add_int(object, "capacity", capacity);
    return object;
}

static struct json_object *node_encode(const struct node *node, bool usage)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    enum health health = health_of_node(node);
    fields_add_text(object, "node", node->id);
    fields_add_text(object, "status", health_name(health));
    fields_add_text(object, "state", health == HEALTH_GOOD ? node->status : "offline");
    fields_add_text(object, "runtime_type", runtime_type_name(node->runtime_type));
    fields_add_text(object, "isolation", node->isolation);
    fields_add(object, "isolation_weaker", json_object_new_boolean(node->isolation_weaker));
    fields_add_time(object, "last_seen_at", node->last_seen_at);
    fields_add(object, "cpu_milli", share_encode(usage, node->used_cpu_milli, node->cpu_milli));
    fields_add(object, "memory_mb", share_encode(usage, node->used_memory_mb, node->memory_mb));
    fields_add(object, "containers", share_encode(usage, node->used_containers, node->max_containers));
    if (health != HEALTH_GOOD)
        fields_add_text(object, "error", node->error ? node->error : "Nothing was heard of it for too long.");
    return object;
}

static struct json_object *job_encode(const struct job_health *job)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    fields_add_text(object, "job", job->name);
    fields_add_text(object, "status", health_name(job->health));
    fields_add_text(object, "instance", job->last ? job->last->instance : NULL);
    fields_add_time(object, "last_beat_at", job->last ? job->last->beat_at : 0);
    fields_add(object, "silent_ms", job->last ? json_object_new_int64(job->last->silent_ms) : NULL);
    if (job->last)
        fields_add_int(object, "interval_ms", job->last->interval_ms);
    fields_add_int(object, "waiting", (int64_t)job->waiting);
    if (job->health == HEALTH_DEGRADED)
        fields_add_text(object, "error", job->last->error);
    return object;
}

/* {took_ms, items: [...]} */
static struct json_object *part_encode(double took_ms, struct json_object *items)
{
    struct json_object *object = json_object_new_object();
    if (!object) {
        json_object_put(items);
        return NULL;
    }
    fields_add_number(object, "took_ms", took_ms, 3);
    fields_add(object, "items", items);
    return object;
}

struct json_object *health_report_encode(const struct health_report *report, bool usage)
{
    struct json_object *object = json_object_new_object();
    struct json_object *nodes = json_object_new_array(), *jobs = json_object_new_array();
    if (!object || !nodes || !jobs) {
        json_object_put(object);
        json_object_put(nodes);
        json_object_put(jobs);
        return NULL;
    }
    for (size_t i = 0; i < report->nodes.count; i++)
        json_object_array_add(nodes, node_encode(&report->nodes.items[i], usage));
    for (size_t i = 0; i < HEALTH_JOBS; i++)
        json_object_array_add(jobs, job_encode(&report->jobs[i]));
    fields_add_text(object, "status", health_name(report->overall));
    fields_add_text(object, "version", PACKAGE_VERSION);
    fields_add_time(object, "checked_at", report->seen_ms);
    fields_add(object, "database", answering_encode(report->database, &report->database_err, report->database_ms));
    fields_add(object, "storage", answering_encode(report->storage, &report->storage_err, report->storage_ms));
    fields_add(object, "nodes", part_encode(report->nodes_ms, nodes));
    fields_add(object, "jobs", part_encode(report->jobs_ms, jobs));
    return object;
}
