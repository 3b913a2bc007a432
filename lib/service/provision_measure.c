/* SPDX-License-Identifier: Apache-2.0 */
/* Measures what containers use. */
#include "lib/repo/usage_repo.h"
#include "lib/service/provision_internal.h"
#include "lib/util/clock.h"

/* CPU in use since the last measurement. Time that runs backwards is a container that was made anew: it tells nothing. */
static int64_t cpu_milli(const struct usage_row *row, int64_t later_ms)
{
    int64_t elapsed = row->elapsed_ms + later_ms, used = row->cpu_time_ms - row->before_cpu_ms;
    if (elapsed <= 0 || used <= 0)
        return 0;
    int64_t milli = used * 1000 / elapsed;
    return milli < INT32_MAX ? milli : INT32_MAX;
}

/* Those that could be measured move to the front of the list; how many. */
static size_t measure(struct runtime *runtime, const struct usage_list *list)
{
    int64_t begun = clock_mono_ms();
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct usage_row *row = &list->items[i];
        struct runtime_usage usage;
        struct err ignored = ERR_INIT; /* gone meanwhile, or an engine that is down: others look for both */
        if (runtime_usage(runtime, row->id, &usage, &ignored) != 0 || !usage.measured)
            continue;
        row->cpu_time_ms = usage.cpu_time_ms;
        row->memory_mb = usage.memory_mb < INT32_MAX ? usage.memory_mb : INT32_MAX;
        row->cpu_milli = cpu_milli(row, clock_mono_ms() - begun);
        list->items[count++] = *row;
    }
    return count;
}

int provision_measure(struct provisioner *provisioner, int64_t slice, int64_t slices, struct err *err)
{
    const struct provision_config *config = &provisioner->config;
    struct err problem = ERR_INIT;
    cleanup(usage_list_release) struct usage_list list = { 0 };
    if (usage_repo_due(config->db, config->node_id, slice, slices, &list, err) != 0)
        return -1;
    struct runtime *runtime = list.count > 0 ? provision_runtime(provisioner, &problem) : NULL;
    if (!runtime)
        return 0; /* the node's row says why */
    return usage_repo_store(config->db, list.items, measure(runtime, &list), err);
}
