/* SPDX-License-Identifier: Apache-2.0 */
/* Dispatchers that take what is submitted (execution_repo_submit()). */
#ifndef SANDBOX_REPO_DISPATCHER_REPO_H
#define SANDBOX_REPO_DISPATCHER_REPO_H

#include "lib/io/db.h"
#include "lib/repo/list.h"

/* For DISPATCHER_OFFER_MS from now on, executions for sandboxes of these nodes may be stored as `instance`'s, whoever offered that before. It is told
 * at `doorbell`, which only `host` (a node's id; "": any) reaches. */
int dispatcher_repo_offer(struct db *db, const char *instance, const char *doorbell, const char *host, const struct string_list *nodes,
                          struct err *err) must_use;
/* No longer. What was stored before stays its. */
int dispatcher_repo_withdraw(struct db *db, const char *instance, struct err *err) must_use;

#endif
