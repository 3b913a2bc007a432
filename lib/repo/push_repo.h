/* SPDX-License-Identifier: Apache-2.0 */
/* Executions whose executor pushes: no dispatcher holds a stream of theirs (claimed_by is NULL), what the executor says through
 * the internal API keeps their lease. One that runs out is a loss: execution_repo_claim() gives it as `silent`. */
#ifndef SANDBOX_REPO_PUSH_REPO_H
#define SANDBOX_REPO_PUSH_REPO_H

#include "lib/io/db.h"
#include "lib/repo/list.h"

/* Containers whose secret begins so (eight characters, [0-9a-f]): id, secret and, unless it is not (or no longer) the session's
 * container, session_id. Whoever asks compares the whole secret. */
int push_repo_callers(struct db *db, const char *prefix, struct container_list *out, struct err *err) must_use;

/* The dispatcher lets go of what the executor has accepted; it may take `limit_ms` from now. `trace_json`: moments so far, or NULL. *changed_out false: it is not (or no
 * longer) running for `claimed_by`. */
int push_repo_let_go(struct db *db, int64_t seq, const char *claimed_by, int64_t limit_ms, const char *trace_json,
                     bool *changed_out, struct err *err) must_use;
/* The executor says that it runs it: started_at is set, its time limit begins (both once), the lease is extended. */
int push_repo_running(struct db *db, int64_t seq, struct err *err) must_use;
/* Extends the lease, never beyond the time limit; what a dispatcher holds is left alone. */
int push_repo_beat(struct db *db, int64_t seq, struct err *err) must_use;
/* Whether the executor had better stop: it is to be cancelled, or its time is over. */
int push_repo_asked_to_stop(struct db *db, int64_t seq, bool *out, struct err *err) must_use;
/* pending, running -> `status` (final), with its outcome, whoever holds it. */
int push_repo_finish(struct db *db, int64_t seq, enum execution_status status, const struct execution_outcome *outcome,
                     bool *changed_out, struct err *err) must_use;
/* Stores the artifacts (a JSON array of paths) of one that is not final. */
int push_repo_artifacts(struct db *db, int64_t seq, const char *artifacts_json, struct err *err) must_use;
/* Those to be cancelled: of each its id, its container, the container's node and secret. */
int push_repo_cancelled(struct db *db, int64_t limit, struct claim_list *out, struct err *err) must_use;

#endif
