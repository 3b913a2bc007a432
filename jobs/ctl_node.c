/* SPDX-License-Identifier: Apache-2.0 */
/* sandboxctl nodes ... */
#include <inttypes.h>
#include <string.h>

#include "jobs/ctl.h"
#include "lib/model/engine.h"
#include "lib/service/nodes.h"
#include "lib/service/served_settings.h"

static void print_engine(const struct node *n)
{
    if (!n->engine[0])
        return;
    printf("%-24s  engine %s%s%s, %s%s%s\n", "", n->engine, n->tls_directory[0] ? " with " : "", n->tls_directory,
           n->served ? "served by " : "not served", n->served ? n->served_by : "",
           n->served || !n->host[0] ? "" : ": sandbox-provisiond of its host does not run");
}

int ctl_node_list(struct ctl *ctl, struct err *err)
{
    cleanup(node_list_release) struct node_list nodes = { 0 };
    if (node_service_list(&ctl->context, &nodes, err) != 0)
        return -1;
    printf("%-24s  %-10s  %-8s  %-11s  %-15s  %-15s  %-9s  %s\n", "ID", "RUNTIME", "STATUS", "CONTAINERS",
           "CPU", "MEMORY (MiB)", "SEEN", "ISOLATION");
    for (size_t i = 0; i < nodes.count; i++) {
        const struct node *n = &nodes.items[i];
        char containers[48], cpu[48], memory[48], seen[32];
        snprintf(containers, sizeof(containers), "%" PRId64 "/%" PRId64, n->used_containers, n->max_containers);
        snprintf(cpu, sizeof(cpu), "%.1f/%.1f", (double)n->used_cpu_milli / 1000, (double)n->cpu_milli / 1000);
        snprintf(memory, sizeof(memory), "%" PRId64 "/%" PRId64, n->used_memory_mb, n->memory_mb);
        snprintf(seen, sizeof(seen), "%" PRId64 " s ago", n->silent_ms / 1000);
        printf("%-24s  %-10s  %-8s  %-11s  %-15s  %-15s  %-9s  %s%s%s%s\n", n->id,
               runtime_type_name(n->runtime_type), n->status, containers, cpu, memory, seen, n->isolation,
               n->isolation_weaker ? " (weaker than required in production)" : "", n->error ? "; " : "",
               n->error ? n->error : "");
        print_engine(n);
    }
    return 0;
}

int ctl_node_drain(struct ctl *ctl, struct err *err)
{
    return node_service_drain(&ctl->context, ctl->arguments[0], true, NULL, err);
}

int ctl_node_ready(struct ctl *ctl, struct err *err)
{
    return node_service_drain(&ctl->context, ctl->arguments[0], false, NULL, err);
}

/* Options of `nodes add`, in the order of its row. */
enum { ENGINE, TLS, HOST, CPU, MEMORY, CONTAINERS };

static int limit(const struct ctl *ctl, int option, const char *what, int64_t max, int64_t *out, struct err *err)
{
    return ctl->options[option] ? ctl_number(ctl->options[option], what, 1, max, out, err) : 0;
}

int ctl_node_add(struct ctl *ctl, struct err *err)
{
    cleanup(node_release) struct node node = { 0 };
    const char *host = ctl->options[HOST], *tls = ctl->options[TLS];
    if (node_id_check(ctl->arguments[0], err) != 0 ||
        limit(ctl, CPU, "--cpu-milli", 100000000, &node.cpu_limit_milli, err) != 0 ||
        limit(ctl, MEMORY, "--memory-mb", 1000000000, &node.memory_limit_mb, err) != 0 ||
        limit(ctl, CONTAINERS, "--max-containers", 100000, &node.containers_limit, err) != 0)
        return -1;
    snprintf(node.id, sizeof(node.id), "%s", ctl->arguments[0]);
    if (!host && engine_url_local(ctl->options[ENGINE]))
        node_own_id(ctl->settings, node.host);
    else if (host && strcmp(host, "any") != 0 && node_id_check(host, err) != 0)
        return -1;
    else if (host && strcmp(host, "any") != 0)
        snprintf(node.host, sizeof(node.host), "%s", host);
    node.engine = strdup(ctl->options[ENGINE]);
    node.tls_directory = strdup(tls ? tls : "");
    if (!node.engine || !node.tls_directory)
        return err_internal(err, 0, "out of memory");
    if (node_service_add(&ctl->context, &node, err) != 0)
        return -1;
    if (!engine_url_local(node.engine) && !tls)
        fprintf(stderr, "Without --tls-dir whoever reaches the engine's port is root on its machine.\n");
    return 0;
}

int ctl_node_remove(struct ctl *ctl, struct err *err)
{
    return node_service_remove(&ctl->context, ctl->arguments[0], ctl->options[0] != NULL, err);
}
