/* SPDX-License-Identifier: Apache-2.0 */
/* Which nodes this host's jobs reach, and where the executors on each listen: the host's own, and those with an engine that it serves
 * (lib/repo/engine_repo.h). One thread's. */
#ifndef SANDBOX_SERVICE_SERVED_NODES_H
#define SANDBOX_SERVICE_SERVED_NODES_H

#include "lib/io/db.h"
#include "lib/repo/list.h"
#include "lib/service/settings.h"

struct served_nodes;

/* `settings` is borrowed. Knows the own node only, until the first refresh. NULL with err. */
struct served_nodes *served_nodes_new(const struct settings *settings, struct err *err) must_use;
void served_nodes_free(struct served_nodes *nodes); /* NULL is fine */

/* Asks the database, unless that was less than a second ago. */
int served_nodes_refresh(struct served_nodes *nodes, struct db *db, struct err *err) must_use;
/* Their ids, the own node's first; until the next refresh. */
const struct string_list *served_nodes_ids(const struct served_nodes *nodes);
/* Where the container's executor listens. False: its node is none of these (*out is as on the own node). */
bool served_nodes_endpoint(const struct served_nodes *nodes, const char *node_id, const char *container_id, struct runtime_endpoint *out);

#endif
