/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes that a provisiond serves: its host's own, and those with an engine whose lease it holds (lib/repo/engine_repo.h). */
#ifndef SANDBOX_JOBS_PROVISION_NODES_H
#define SANDBOX_JOBS_PROVISION_NODES_H

#include <stdbool.h>

#include "lib/service/provision.h"

struct provision_nodes;

/* Starts to serve the own node, which `config` (borrowed; its db is the calling thread's) describes. NULL with err. */
struct provision_nodes *provision_nodes_new(const struct provision_config *config, bool once, struct err *err) must_use;
/* Ends everything, and the leases, so that another host may go on at once. NULL is fine. */
void provision_nodes_free(struct provision_nodes *nodes);

/* Wakes the workers (`rung`: all of them); every NODE_BEAT_MS it takes and renews leases, begins to serve nodes that were added, and ends
 * with those that were removed, changed or lost. Does not wait for engines. Fails only when the database does. */
int provision_nodes_look(struct provision_nodes *nodes, bool wake, bool rung, struct err *err) must_use;
/* Whether anything is under way. */
bool provision_nodes_busy(struct provision_nodes *nodes);

#endif
