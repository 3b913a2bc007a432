/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics that are not counted but looked up. */
#include "lib/repo/gauge_repo.h"
#include "lib/repo/node_repo.h"
#include "lib/service/health.h"
#include "lib/service/metrics.h"

enum { LABELS_MAX = 1024 };
static const double mebi = 1024 * 1024;

static const struct {
    const char *name, *label, *help;
} gauges[GAUGES] = {
    [GAUGE_SESSIONS] = { "sandbox_sessions", "status", "Sessions that are open." },
    [GAUGE_PENDING] = { "sandbox_executions_pending", NULL, "Executions that wait, those of sessions that do not run yet included." },
    [GAUGE_RUNNING] = { "sandbox_executions_running", NULL, "Executions that are under way." },
    [GAUGE_OLDEST_PENDING] = { "sandbox_oldest_pending_seconds", NULL,
                               "Age of the oldest execution that waits; 0: none does." },
    [GAUGE_CONTAINERS] = { "sandbox_containers", "status", "Containers that are not deleted." },
    [GAUGE_POOL_WANTED] = { "sandbox_pool_wanted", "template", "Warm containers that demand makes wanted now." },
    [GAUGE_POOL_WARM] = { "sandbox_pool_warm", "template", "Warm containers that wait for a session." },
    [GAUGE_WEBHOOKS_WAITING] = { "sandbox_webhooks_waiting", NULL, "Webhooks that are not delivered yet." },
    [GAUGE_JOB_BEATS] = { "sandbox_job_last_beat_seconds", "job", "Time since a job of that name gave a sign of life." },
};

struct writing {
    struct strbuf *out;
    const char *name, *label;
};

static void write_gauge(void *arg, const char *value_of_label, double value)
{
    const struct writing *writing = arg;
    cleanup_strbuf struct strbuf label = STRBUF_INIT(LABELS_MAX);
    if (writing->label)
        metrics_add_label(&label, writing->label, value_of_label);
    metrics_add_sample(writing->out, writing->name, strbuf_str(&label), value);
}

static int add_gauges(const struct context *context, struct strbuf *out, struct err *err)
{
    for (size_t i = 0; i < GAUGES; i++) {
        struct writing writing = { out, gauges[i].name, gauges[i].label };
        metrics_add_header(out, gauges[i].name, "gauge", gauges[i].help);
        if (gauge_repo_read(context->db, (enum gauge)i, write_gauge, &writing, err) != 0)
            return -1;
    }
    return 0;
}

static void add_of_node(struct strbuf *out, const char *name, const char *node, const char *resource, double value)
{
    cleanup_strbuf struct strbuf labels = STRBUF_INIT(LABELS_MAX);
    metrics_add_label(&labels, "node", node);
    if (resource)
        metrics_add_label(&labels, "resource", resource);
    metrics_add_sample(out, name, strbuf_str(&labels), value);
}

static void add_resources(struct strbuf *out, const char *name, const char *node, int64_t cpu_milli, int64_t memory_mb,
                          int64_t containers)
{
    add_of_node(out, name, node, "cpu", (double)cpu_milli / 1000);
    add_of_node(out, name, node, "memory", (double)memory_mb * mebi);
    add_of_node(out, name, node, "containers", (double)containers);
}

static int add_nodes(const struct context *context, struct strbuf *out, struct err *err)
{
    static const char up[] = "sandbox_node_up", capacity[] = "sandbox_node_capacity", allocated[] = "sandbox_node_allocated";
    cleanup(node_list_release) struct node_list nodes = { 0 };
    if (node_repo_list(context->db, &nodes, err) != 0)
        return -1;
    metrics_add_header(out, up, "gauge", "Whether a node beats and its engine works.");
    for (size_t i = 0; i < nodes.count; i++)
        add_of_node(out, up, nodes.items[i].id, NULL, health_of_node(&nodes.items[i]) == HEALTH_GOOD);
    metrics_add_header(out, capacity, "gauge", "What a node gives to sandboxes: CPUs, bytes of memory, containers.");
    for (size_t i = 0; i < nodes.count; i++) {
        const struct node *node = &nodes.items[i];
        add_resources(out, capacity, node->id, node->cpu_milli, node->memory_mb, node->max_containers);
    }
    metrics_add_header(out, allocated, "gauge", "What of it is promised to containers.");
    for (size_t i = 0; i < nodes.count; i++) {
        const struct node *node = &nodes.items[i];
        add_resources(out, allocated, node->id, node->used_cpu_milli, node->used_memory_mb, node->used_containers);
    }
    return 0;
}

void metrics_service_gauges(const struct context *context, struct strbuf *out)
{
    static const char up[] = "sandbox_database_up";
    struct err ignored = ERR_INIT;
    bool works = add_gauges(context, out, &ignored) == 0 && add_nodes(context, out, &ignored) == 0;
    metrics_add_header(out, up, "gauge", "Whether the database answered all of this; if not, gauges are missing.");
    metrics_add_sample(out, up, "", works);
}
