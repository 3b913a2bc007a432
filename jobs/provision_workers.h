/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that do a node's container steps, several at once. */
#ifndef SANDBOX_JOBS_PROVISION_WORKERS_H
#define SANDBOX_JOBS_PROVISION_WORKERS_H

#include <stdbool.h>

#include "lib/service/provision.h"

struct provision_workers;

/* Starts settings->node.workers threads, each with its own database connection and engine; `config` (its db is ignored; claimed_by is what their
 * names begin with) is borrowed. They begin by looking once. NULL with err. */
struct provision_workers *provision_workers_start(const struct provision_config *config, struct err *err) must_use;
/* There may be work for all of them, or for one. Whoever finds some wakes the next. */
void provision_workers_wake(struct provision_workers *workers, bool all);
/* Whether any is at work or about to look. */
bool provision_workers_busy(struct provision_workers *workers);
/* Lets the steps under way finish and ends the threads. NULL is fine. */
void provision_workers_stop(struct provision_workers *workers);

#endif
