/* SPDX-License-Identifier: Apache-2.0 */
/* What a provisiond keeps for one node that it serves: a thread that says how the node is and compares engine and database, the workers,
 * the meter. Each has its own database connection and engine, so that an engine that hangs holds up nobody but its own node. */
#ifndef SANDBOX_JOBS_PROVISION_SET_H
#define SANDBOX_JOBS_PROVISION_SET_H

#include <stdbool.h>

#include "lib/model/entities.h"
#include "lib/service/provision.h"

struct provision_set;

/* Starts it, for the host's own node or for `added`, which is copied. `config` (its db is ignored; node_id and claimed_by are the own
 * node's) is borrowed. `once`: nothing is measured. NULL with err. */
struct provision_set *provision_set_start(const struct provision_config *config, const struct node *added, bool once,
                                          struct err *err) must_use;
const char *provision_set_node(const struct provision_set *set);
/* Whether it serves the node as this row says. */
bool provision_set_is(const struct provision_set *set, const struct node *added);

/* There may be work for all of its workers, or for one. */
void provision_set_wake(struct provision_set *set, bool all);
/* Whether something is under way, or its first look has not succeeded yet. */
bool provision_set_busy(struct provision_set *set);
/* 0, or -1 with what the database refused last, while it goes on. */
int provision_set_check(struct provision_set *set, struct err *err) must_use;

/* Asks it to end: steps under way are finished. */
void provision_set_end(struct provision_set *set);
/* Whether it was asked to, and has: provision_set_free() does not wait. */
bool provision_set_ended(struct provision_set *set);
/* Ends it and waits. NULL is fine. */
void provision_set_free(struct provision_set *set);

#endif
