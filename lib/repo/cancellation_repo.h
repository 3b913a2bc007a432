/* SPDX-License-Identifier: Apache-2.0 */
/* Cancelling executions: what waits ends at once, what runs is noted, for its dispatcher to kill. Whoever cancels holds the
 * execution's row (execution_repo_lock()), so that it neither starts nor ends meanwhile. */
#ifndef SANDBOX_REPO_CANCELLATION_REPO_H
#define SANDBOX_REPO_CANCELLATION_REPO_H

#include "lib/io/db.h"
#include "lib/repo/list.h"

/* pending -> cancelled; *changed_out false: it was not pending. */
int cancellation_repo_end_pending(struct db *db, int64_t seq, bool *changed_out, struct err *err) must_use;
/* Notes that a running execution is to be killed. Repeatable. */
int cancellation_repo_ask(struct db *db, int64_t seq, struct err *err) must_use;

/* In the transaction that stored a loss of the executor (a retry, or `crashed`): pending, crashed -> cancelled if that was asked
 * for. Nothing that was cancelled runs again. */
int cancellation_repo_overrule(struct db *db, int64_t seq, bool *changed_out, struct err *err) must_use;

/* Seqs of executions that `claimed_by` runs and that are to be killed. Costs next to nothing while there are none. */
int cancellation_repo_asked(struct db *db, const char *claimed_by, int64_t limit, struct seq_list *out,
                            struct err *err) must_use;
/* Removes up to `limit` notes whose execution has ended; *removed_out is how many. */
int cancellation_repo_tidy(struct db *db, int64_t limit, uint64_t *removed_out, struct err *err) must_use;

#endif
