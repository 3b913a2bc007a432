/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that an operator added: rows with an engine, served by the jobs of one host at a time.
 *
 * A host may serve a row that names it, or none (`host` ''). It does so while it holds the row's lease (served_by, served_until), which it
 * renews; one that ran out may be taken by any host that may serve the row. */
#ifndef SANDBOX_REPO_ENGINE_REPO_H
#define SANDBOX_REPO_ENGINE_REPO_H

#include "lib/io/db.h"
#include "lib/repo/list.h"

enum { ENGINE_LEASE_MS = 15000 };

/* Stores id, engine, tls_directory, host and limits of a new node: offline until somebody serves it. ERR_CONFLICT: there is one. */
int engine_repo_add(struct db *db, const struct node *node, struct err *err) must_use;
/* Takes or renews the leases of all rows that host `own` may have; *out: those it has now, with id, engine, tls_directory, host,
 * served_by (who had it before) and limits. Each is a compare-and-set. */
int engine_repo_serve(struct db *db, const char *own, struct node_list *out, struct err *err) must_use;
/* Ends the host's leases: others may serve its nodes at once. */
int engine_repo_release(struct db *db, const char *own, struct err *err) must_use;
/* The rows that host `own` reaches: it holds their lease, or they name it. As above. */
int engine_repo_reached(struct db *db, const char *own, struct node_list *out, struct err *err) must_use;
/* That the name of a host's own node is not one of these: ERR_CONFLICT. */
int engine_repo_check_own(struct db *db, const char *own, struct err *err) must_use;
/* As node_repo_beat(), for a row whose lease host `own` has; others are left alone. */
int engine_repo_beat(struct db *db, const struct node *node, const char *own, struct err *err) must_use;

/* Inside a transaction: locks the node's row. ERR_NODE_NOT_FOUND. *silent_out: it was not heard of for `alive_s`. *containers_out: those
 * that are not deleted. */
int engine_repo_lock(struct db *db, const char *id, int64_t alive_s, bool *silent_out, int64_t *containers_out, struct err *err) must_use;
/* The row and what belongs to it. */
int engine_repo_remove(struct db *db, const char *id, struct err *err) must_use;
/* deleting -> deleted for all containers of the node: nobody can ask its engine any more. */
int engine_repo_give_up(struct db *db, const char *id, struct err *err) must_use;

#endif
