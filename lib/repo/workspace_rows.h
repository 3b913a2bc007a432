/* SPDX-License-Identifier: Apache-2.0 */
/* Private to lib/repo: what changing the index from either side has in common. All of it belongs into a transaction. */
#ifndef SANDBOX_REPO_WORKSPACE_ROWS_H
#define SANDBOX_REPO_WORKSPACE_ROWS_H

#include "lib/repo/rows.h"
#include "lib/repo/workspace_repo.h"

#define WORKSPACE_COLUMNS                                                                          \
    "path, change_seq, pending, deleted, object_id, size, sha256, mime_type, mode, source, execution_seq, " SQL_MS("modified_at")
int take_workspace_file(void *arg, const struct db_row *row, struct err *err); /* struct workspace_list * */

/* Of a session `s`; what follows is synced_seq. One row at the most. */
#define WORKSPACE_STATE_COLUMNS                                                                    \
    "s.status, s.container_id, s.workspace_seq, s.workspace_bytes, s.workspace_files, s.disk_mb, s.purged_at IS NOT NULL"
struct workspace_asking { struct workspace_state *state; bool found; };
int take_workspace_state(void *arg, const struct db_row *row, struct err *err); /* struct workspace_asking * */
/* ERR_SESSION_NOT_FOUND when none was found. */
int workspace_found(const struct workspace_asking *asking, const char *session_id, struct err *err) must_use;

/* The session's row, locked; `owner` NULL: anybody's. ERR_SESSION_NOT_FOUND. synced_seq is not read. */
int workspace_lock(struct db *db, const char *owner, const char *session_id, struct workspace_state *out, struct err *err) must_use;
/* Writes the sums and the counter of `state` back. */
int workspace_unlock(struct db *db, const char *session_id, const struct workspace_state *state, struct err *err) must_use;
/* ERR_TOO_LARGE when it holds more than it may. */
int workspace_check_room(const struct workspace_state *state, struct err *err) must_use;

/* Puts the row in place of what was there, whose object becomes garbage, and counts in `state`. */
int workspace_replace(struct db *db, const char *session_id, const struct workspace_file *file, int64_t kept_s,
                      struct workspace_state *state, struct err *err) must_use;
/* Removes the path's row, and with `below` all under it, and counts. With `pending`, also what the container does not have yet. */
int workspace_remove(struct db *db, const char *session_id, const char *path, bool below, bool pending, int64_t kept_s,
                     struct workspace_state *state, struct err *err) must_use;

#endif
