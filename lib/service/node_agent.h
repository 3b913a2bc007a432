/* SPDX-License-Identifier: Apache-2.0 */
/* Says for a node what it offers: capacity, isolation in force, and why it cannot work when it cannot. */
#ifndef SANDBOX_SERVICE_NODE_AGENT_H
#define SANDBOX_SERVICE_NODE_AGENT_H

#include "lib/io/db.h"
#include "lib/model/entities.h"
#include "lib/service/report.h"
#include "lib/service/settings.h"

enum { NODE_BEAT_MS = 2000, NODE_IMAGES_MS = 15000 };

/* The agent of one node; owned by one thread. Settings and database are borrowed. */
struct node_agent;

/* Of the host's own node; or, with its settings (served_settings.h), of `added`, which is copied. */
struct node_agent *node_agent_new(struct db *db, const struct settings *settings, const struct node *added, report_fn report,
                                  struct err *err) must_use;
void node_agent_free(struct node_agent *agent);

/* What this machine gives to sandboxes, by settings and hardware. An added node gives what its row says, else what its engine has, times
 * node.overcommit. */
void node_agent_capacity(const struct node_settings *settings, struct node *out);

/* The engine's driver, opened when needed; NULL with err while it cannot be. */
struct runtime *node_agent_runtime(struct node_agent *agent, struct err *err) must_use;
/* Looks at the engine and writes the node's row, an added node's only while this host has its lease. Fails only when the database does,
 * or (ERR_CONFLICT) when the own node's name is that of an added one. */
int node_agent_beat(struct node_agent *agent, struct err *err) must_use;
/* Asks the engine for its images and writes down what has changed. Fails only when the database does. */
int node_agent_images(struct node_agent *agent, struct err *err) must_use;

#endif
