/* SPDX-License-Identifier: Apache-2.0 */
/* sandboxctl pool */
#include <inttypes.h>

#include "jobs/ctl.h"
#include "lib/repo/demand_repo.h"

static const char *remark(const struct pool_row *pool)
{
    if (pool->deprecated)
        return "deprecated: no pool";
    if (pool->target == 0)
        return "no pool wanted";
    if (pool->wanted < 0)
        return "sandbox-pool has not looked yet";
    if (pool->warm + pool->creating < pool->wanted)
        return "short: no node has the room that pool.reserve leaves, or sandbox-pool does not run";
    if (pool->wanted > pool->target)
        return "raised by a burst of sessions";
    return pool->wanted < pool->target ? "lowered: no session came for max_idle" : "";
}

int ctl_pool(struct ctl *ctl, struct err *err)
{
    cleanup(pool_rows_release) struct pool_rows pools = { 0 };
    if (demand_repo_pools(ctl->context.db, &pools, err) != 0)
        return -1;
    printf("%-24s  %5s  %6s  %8s  %6s  %5s  %6s  %12s  %5s  %s\n", "TEMPLATE", "MIN", "TARGET", "MAX IDLE", "WANTED", "WARM", "MAKING",
           "SESSIONS/MIN", "HITS", "");
    for (size_t i = 0; i < pools.count; i++) {
        const struct pool_row *p = &pools.items[i];
        char wanted[24] = "-", hits[24] = "-";
        if (p->wanted >= 0)
            snprintf(wanted, sizeof(wanted), "%" PRId64, p->wanted);
        if (p->sessions > 0)
            snprintf(hits, sizeof(hits), "%" PRId64 " %%", p->hits * 100 / p->sessions);
        printf("%-24s  %5" PRId64 "  %6" PRId64 "  %6" PRId64 " s  %6s  %5" PRId64 "  %6" PRId64 "  %12" PRId64 "  %5s  %s\n", p->template_id,
               p->min, p->target, p->max_idle_s, wanted, p->warm, p->creating, p->sessions, hits, remark(p));
    }
    return 0;
}
