/* SPDX-License-Identifier: Apache-2.0 */
/* Up at once, down in steps. */
#include "lib/service/pool_demand.h"

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t pool_demand_next(const struct template *t, const struct demand *demand, int64_t surge)
{
    if (t->deprecated || t->pool_target == 0)
        return 0;
    int64_t ceiling = most(t->pool_target, least(t->pool_target * surge / 100, TEMPLATE_POOL_MAX));
    int64_t base = demand->idle ? least(t->pool_min, t->pool_target) : t->pool_target;
    int64_t goal = most(base, least(demand->burst, ceiling));
    int64_t now = least(demand->wanted, ceiling);
    if (!demand->known || goal >= now)
        return goal;
    if (demand->wanted <= ceiling && demand->changed_s < DEMAND_STEP_S)
        return now;
    return now - (now - goal + 1) / 2;
}
