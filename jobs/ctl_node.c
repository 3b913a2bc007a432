/* SPDX-License-Identifier: Apache-2.0 */
/* sandboxctl node ... */
#include <inttypes.h>

#include "jobs/ctl.h"
#include "lib/service/nodes.h"

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
        snprintf(seen, sizeof(seen), "%" PRId64 " s ago", (ctl->context.now_ms() - n->last_seen_at) / 1000);
        printf("%-24s  %-10s  %-8s  %-11s  %-15s  %-15s  %-9s  %s%s%s%s\n", n->id,
               runtime_type_name(n->runtime_type), n->status, containers, cpu, memory, seen, n->isolation,
               n->isolation_weaker ? " (weaker than required in production)" : "", n->error ? "; " : "",
               n->error ? n->error : "");
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
