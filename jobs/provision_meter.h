/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that measures what a node's containers use. */
#ifndef SANDBOX_JOBS_PROVISION_METER_H
#define SANDBOX_JOBS_PROVISION_METER_H

#include "lib/service/provision.h"

struct provision_meter;

/* Starts it, with a database connection and an engine of its own, so that nothing else waits for a slow one: each container about
 * every 10 s, a tenth of them a second. `config` (its db is ignored) is borrowed. NULL with err. */
struct provision_meter *provision_meter_start(const struct provision_config *config, struct err *err) must_use;
/* Lets the measurements under way finish. NULL is fine. */
void provision_meter_stop(struct provision_meter *meter);

#endif
