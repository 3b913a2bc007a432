/* SPDX-License-Identifier: Apache-2.0 */
/* Containers: desired state that provisiond makes true. State changes are compare-and-set. */
#ifndef SANDBOX_REPO_CONTAINER_REPO_H
#define SANDBOX_REPO_CONTAINER_REPO_H

#include "lib/io/db.h"
#include "lib/repo/list.h"

/* Stores a container in status creating (session_id "" for the warm pool). */
int container_repo_insert(struct db *db, const struct container *container, struct err *err) must_use;
/* ERR_CONTAINER_NOT_FOUND. */
int container_repo_get(struct db *db, const char *id, struct container *out, struct err *err) must_use;
/* The same among those of the owner's sessions (NULL: all, warm ones too). */
int container_repo_find(struct db *db, const char *owner, const char *id, struct container *out, struct err *err) must_use;

struct container_filter {
    const char *owner;       /* as above */
    int status;              /* enum container_status; -1: all but deleted */
    int runtime_type;        /* enum runtime_type, or -1 */
    const char *template_id; /* NULL: any */
};
/* Newest first. */
int container_repo_list(struct db *db, const struct container_filter *filter, const struct page *page,
                        struct container_list *out, struct err *err) must_use;

/* Takes a warm container for a session: warm -> running; one made as the template says now, with exactly these resources, on
 * a node that is ready. Inside a transaction (FOR UPDATE SKIP LOCKED). *found_out false: none waits. */
int container_repo_claim_warm(struct db *db, const struct template *template, const struct resources *resources,
                              const char *session_id, struct container *out, bool *found_out,
                              struct err *err) must_use;

/* What is taken before what. Somebody waits for a session's container; removals make room; nobody waits for the pool's. */
enum work_order {
    WORK_SESSIONS_FIRST, /* then removals, then the pool's */
    WORK_REMOVALS_FIRST, /* then sessions', then the pool's */
    WORK_NOT_THE_POOL,   /* sessions', then removals */
};

/* Up to `limit` containers of the node with a step of one kind due (creating or deleting, free or lease run out), leased to
 * `claimed_by` for lease_ms; attempts + 1. One transaction. */
int container_repo_claim_work(struct db *db, const char *node_id, const char *claimed_by, enum work_order order,
                              int64_t lease_ms, int64_t limit, struct container_list *out,
                              struct err *err) must_use;
/* Ends the leases of `claimed_by` and of its parts ("claimed_by#..."). */
int container_repo_release(struct db *db, const char *claimed_by, struct err *err) must_use;
/* Ends everybody's leases on the node. */
int container_repo_release_node(struct db *db, const char *node_id, struct err *err) must_use;
/* creating -> running (it has a session) or warm (it has none). claimed_by NULL: whoever has the step, and loses it;
 * then its executor is not known to answer questions. */
int container_repo_ready(struct db *db, const char *id, const char *claimed_by, bool *changed_out,
                         struct err *err) must_use;
/* The step failed: due again in `delay_ms`, with the error kept. *changed_out false: the step is no longer `claimed_by`'s. */
int container_repo_again(struct db *db, const char *id, const char *claimed_by, int64_t delay_ms,
                         const char *error, bool *changed_out, struct err *err) must_use;
/* Its image is being pulled: due again in `delay_ms`, with how it goes as its error. */
int container_repo_pulling(struct db *db, const char *id, const char *claimed_by, int64_t delay_ms, const char *text,
                           struct err *err) must_use;
/* creating, warm, running -> deleting, due at once (a creation under way loses its lease). */
int container_repo_delete(struct db *db, const char *id, bool *changed_out, struct err *err) must_use;
/* The same for whatever container the session has. */
int container_repo_delete_of_session(struct db *db, const char *session_id, struct err *err) must_use;
/* deleting -> deleted. */
int container_repo_deleted(struct db *db, const char *id, struct err *err) must_use;

/* Asks provisiond to look whether a running container is still alive (a dispatcher could not reach it). */
int container_repo_suspect(struct db *db, const char *id, struct err *err) must_use;
/* Takes up to `limit` suspects of the node (the mark is cleared). */
int container_repo_take_suspects(struct db *db, const char *node_id, int64_t limit,
                                 struct container_list *out, struct err *err) must_use;
/* Every container of the node that is not deleted. */
int container_repo_live(struct db *db, const char *node_id, struct container_list *out,
                        struct err *err) must_use;

/* How many containers of the template wait (and are not suspect) or are being made for the pool. */
int container_repo_count_pool(struct db *db, const char *template_id, int64_t *warm_out,
                              int64_t *creating_out, struct err *err) must_use;
/* Ids of warm containers to remove: over `keep` (oldest first), older than max_idle_s (0: never) but for the last pool_min,
 * no longer as the template says, or on a node that is draining or offline. */
int container_repo_surplus(struct db *db, const struct template *template, int64_t keep,
                           struct string_list *out, struct err *err) must_use;
/* Ids of the pool's containers, warm or being made, whose template is gone. */
int container_repo_orphans(struct db *db, struct string_list *out, struct err *err) must_use;
/* One of the pool's -> deleting. Not one that a session has claimed meanwhile. */
int container_repo_discard(struct db *db, const char *id, bool *changed_out, struct err *err) must_use;
/* All of the template's pool. */
int container_repo_discard_all(struct db *db, const char *template_id, bool *changed_out, struct err *err) must_use;

#endif
