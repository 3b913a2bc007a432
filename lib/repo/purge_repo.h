/* SPDX-License-Identifier: Apache-2.0 */
/* What the retention of workspaces has to do. Work is claimed until a time (purge_due_at, due_at): whoever dies at it leaves it to others, and
 * two at the same thing do no harm. */
#ifndef SANDBOX_REPO_PURGE_REPO_H
#define SANDBOX_REPO_PURGE_REPO_H

#include <stdbool.h>

#include "lib/io/db.h"
#include "lib/model/entities.h"
#include "lib/model/workspace.h"

struct purge_session {
    char id[SESSION_ID_SIZE];
    int64_t bytes; /* of its files */
};
/* The one that ended first of those that ended `workspace_s` ago and are not purged; claimed for `lease_s`. *found_out false: there is none. */
int purge_repo_claim(struct db *db, int64_t workspace_s, int64_t lease_s, struct purge_session *out, bool *found_out,
                     struct err *err) must_use;
/* Nobody else takes it for so long, from now. */
int purge_repo_hold(struct db *db, const char *session_id, int64_t seconds, struct err *err) must_use;
/* Up to `limit` of its rows of the index; of its garbage. */
int purge_repo_drop_files(struct db *db, const char *session_id, int64_t limit, uint64_t *removed_out, struct err *err) must_use;
int purge_repo_drop_garbage(struct db *db, const char *session_id, int64_t limit, uint64_t *removed_out, struct err *err) must_use;
/* An ended session that is not purged becomes so, with sums of 0. *changed_out false: somebody else was first. */
int purge_repo_finish(struct db *db, const char *session_id, bool *changed_out, struct err *err) must_use;

struct garbage { int64_t seq; char session_id[SESSION_ID_SIZE], object_id[OBJECT_ID_SIZE]; };
struct garbage_list { struct garbage *items; size_t count; };
void garbage_list_release(struct garbage_list *list);
/* Up to `limit` objects that are due, claimed for `lease_s`. */
int purge_repo_claim_garbage(struct db *db, int64_t lease_s, int64_t limit, struct garbage_list *out, struct err *err) must_use;
/* These are deleted. */
int purge_repo_forget(struct db *db, const int64_t *seqs, size_t count, struct err *err) must_use;

#endif
