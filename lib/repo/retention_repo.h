/* SPDX-License-Identifier: Apache-2.0 */
/* Retention of rows: small batches, each a transaction of its own, found by a key however many rows there are. */
#ifndef SANDBOX_REPO_RETENTION_REPO_H
#define SANDBOX_REPO_RETENTION_REPO_H

#include "lib/io/db.h"

/* Executions by age: their seqs go up with the time they were made, so a walk from the first one, piece by piece, meets all that are old
 * and then stops. */
struct execution_walk {
    int64_t after;    /* seq; 0: from the first */
    bool over;        /* nothing older is behind this piece */
    uint64_t removed; /* of this piece */
};
/* The next `limit` rows: those that ended `seconds` ago go. */
int retention_repo_executions(struct db *db, int64_t seconds, int64_t limit, struct execution_walk *walk, struct err *err) must_use;

struct old_session { int64_t seq; char id[24]; };
struct old_session_list { struct old_session *items; size_t count; };
void old_session_list_release(struct old_session_list *list);
/* Sessions that ended `seconds` ago and whose files, kept for `workspace_s`, have been purged. */
int retention_repo_sessions(struct db *db, int64_t seconds, int64_t workspace_s, int64_t limit, struct old_session_list *out,
                            struct err *err) must_use;
/* Their executions go first... */
int retention_repo_executions_of(struct db *db, const char *session_id, int64_t limit, uint64_t *removed_out, struct err *err) must_use;
/* ... then they, if they still are what they were listed as. */
int retention_repo_drop_sessions(struct db *db, const struct old_session_list *list, uint64_t *removed_out, struct err *err) must_use;

/* Deleted containers. */
int retention_repo_containers(struct db *db, int64_t seconds, int64_t limit, uint64_t *removed_out, struct err *err) must_use;
/* What is small: beats of instances that were silent for a day and three of their intervals, offers of dispatchers that are a day old, images of
 * nodes that are gone, demand for templates that are gone. */
int retention_repo_leavings(struct db *db, uint64_t *removed_out, struct err *err) must_use;

#endif
