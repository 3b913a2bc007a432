/* SPDX-License-Identifier: Apache-2.0 */
/* How large a template's warm pool is to be: between its min and a ceiling over its target, following demand. */
#ifndef SANDBOX_SERVICE_POOL_DEMAND_H
#define SANDBOX_SERVICE_POOL_DEMAND_H

#include "lib/repo/demand_repo.h"

enum { DEMAND_STEP_S = 30 }; /* between two steps down */

/* Warm containers to keep from now on: at least what the sessions of a burst would have taken, at most `surge` per cent of the target;
 * without a burst the target; without sessions for pool_max_idle_s the min. Up at once, down by half of what is over, a step each
 * DEMAND_STEP_S. 0 when the template is deprecated or wants no pool. Pure. */
int64_t pool_demand_next(const struct template *template, const struct demand *demand, int64_t surge);

#endif
