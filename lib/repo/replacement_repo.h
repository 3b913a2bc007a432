/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions whose container died: the rows of its replacement. What changes is one transaction, under the lock of the session's row. */
#ifndef SANDBOX_REPO_REPLACEMENT_REPO_H
#define SANDBOX_REPO_REPLACEMENT_REPO_H

#include "lib/io/db.h"
#include "lib/repo/list.h"

/* A live session's container `from` ("": it has none) gives way to container `to` (id "": to none, until there is room), which makes it
 * `status`: creating, or running when the new one answers already. `died`: one death more is counted, and the time for starting begins,
 * unless it has begun. *changed_out false: it has ended, or has another container. */
int replacement_repo_bind(struct db *db, const char *session_id, const char *from, const struct container *to, enum session_status status,
                          bool died, bool *changed_out, struct err *err) must_use;
/* Running executions that nobody holds are looked at at once. */
int replacement_repo_lose(struct db *db, const char *session_id, struct err *err) must_use;
/* Pending executions wait for the start. */
int replacement_repo_hold(struct db *db, const char *session_id, struct err *err) must_use;
/* The container that it had last. ERR_CONTAINER_NOT_FOUND. */
int replacement_repo_last(struct db *db, const char *session_id, struct container *out, struct err *err) must_use;

/* How a container died that is being removed. exit_code NULL: not known. */
int replacement_repo_record(struct db *db, const char *container_id, const int64_t *exit_code, bool oom_killed, const char *reason,
                            struct err *err) must_use;
/* Executions that were lost with the container, or will be, get the reason: crashed ones, and those that are tried again. */
int replacement_repo_explain(struct db *db, const char *session_id, const char *container_id, const char *reason, struct err *err) must_use;
/* The same for one that was lost just now, if the reason is known already. Inside its transaction. */
int replacement_repo_explain_one(struct db *db, int64_t seq, struct err *err) must_use;

/* Ids of the node's running containers whose session has ended, or is not known. */
int replacement_repo_ended(struct db *db, const char *node_id, struct string_list *out, struct err *err) must_use;

/* Ids of sessions that have no container, since no node had room. */
int replacement_repo_waiting(struct db *db, int64_t limit, struct string_list *out, struct err *err) must_use;
/* Containers (id, session_id) of sessions that ran, on nodes that were not heard of for `silent_s`, or whose engine does not work and whose
 * own executors did not answer `misses` probes in a row; nor has any of the session's executions a holder who was heard of. */
int replacement_repo_lost(struct db *db, int64_t silent_s, int64_t misses, int64_t limit, struct container_list *out, struct err *err) must_use;

#endif
