/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes and their room; sign of life of the jobs. */
#ifndef SANDBOX_REPO_NODE_REPO_H
#define SANDBOX_REPO_NODE_REPO_H

#include "lib/io/db.h"
#include "lib/repo/list.h"

/* A node's agent says what it offers; last_seen_at = now. Keeps "draining". */
int node_repo_beat(struct db *db, const struct node *node, struct err *err) must_use;
int node_repo_list(struct db *db, struct node_list *out, struct err *err) must_use;
/* Ready or offline -> draining; or draining -> ready (offline, if its engine does not work). *changed_out false: it was so already.
 * ERR_NODE_NOT_FOUND. */
int node_repo_drain(struct db *db, const char *id, bool drain, bool *changed_out, struct err *err) must_use;
/* What a new container asks of a node. */
struct node_wish {
    const char *image; /* named as engines list it; "": any */
    struct resources need;
    int64_t alive_s;     /* seen within */
    int64_t kept_free;   /* per cent of the node that must be left free beside it */
    const char *waits_at; /* node where room was made for its session, which therefore counts it as its own; NULL: nowhere */
};
/* Inside a transaction: of the nodes that are ready and have the room (room that was made for sessions that wait counts as taken) the
 * least loaded that has the image, else the least loaded. It is locked until the transaction ends so that no two creations count the
 * same room. ERR_NO_ROOM; ERR_UNAVAILABLE when no node is alive (its text says why, from node.error). */
int node_repo_pick(struct db *db, const struct node_wish *wish, struct node *out, struct err *err) must_use;

/* Records a job's sign of life. */
int job_repo_beat(struct db *db, const struct job_beat *beat, struct err *err) must_use;
/* One that waited works now, or has ended. */
int job_repo_forget(struct db *db, const char *instance, struct err *err) must_use;
int job_repo_list(struct db *db, struct job_list *out, struct err *err) must_use;

#endif
