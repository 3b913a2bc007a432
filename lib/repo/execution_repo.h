/* SPDX-License-Identifier: Apache-2.0 */
/* Executions: the queue and the results. State changes are compare-and-set. */
#ifndef SANDBOX_REPO_EXECUTION_REPO_H
#define SANDBOX_REPO_EXECUTION_REPO_H

#include "lib/io/db.h"
#include "lib/repo/list.h"

/* What came of a submission. */
struct submit_result {
    bool stored;    /* else there is no such open session */
    bool touch_due; /* the session's last_activity_at is more than a second old */
    bool assigned;  /* it is running for a dispatcher, which is to be told at `doorbell` */
    char doorbell[ADDRESS_SIZE];
};

/* Stores an execution of draft's session, if that is its owner's and open, in one statement that holds the session's lock: running, where a
 * dispatcher that `host` (a node's id) can ring takes it and the session has room for it; else pending. Fills in seq, id ("exec_", the database's
 * date and `random`), created_at, and `runnable`, which is whether its session is running. ERR_CONFLICT: the id is taken. */
int execution_repo_submit(struct db *db, const char *random, const char *host, struct execution *draft, struct submit_result *out,
                          struct err *err) must_use;
/* What was stored as running for `claimed_by`, by its seqs, with all that is needed to run it on one of these nodes (NULL: on any); out of order. Of others of
 * them that are still its, none of which may be under way, the place is gone: they are made pending, *put_back_out. */
int execution_repo_take(struct db *db, const char *claimed_by, const struct string_list *nodes, const int64_t *seqs, size_t count,
                        struct claim_list *out, bool *put_back_out, struct err *err) must_use;
/* Seqs of everything that `claimed_by` is to be running. */
int execution_repo_unfinished(struct db *db, const char *claimed_by, struct seq_list *out, struct err *err) must_use;

enum execution_part { EXECUTION_SUMMARY, EXECUTION_WITH_CODE, EXECUTION_WITH_OUTCOME, EXECUTION_WHOLE };
/* One execution of `owner` (NULL: anybody's). ERR_EXECUTION_NOT_FOUND. */
int execution_repo_get(struct db *db, const char *owner, const char *id, enum execution_part part,
                       struct execution *out, struct err *err) must_use;
/* The summary, and locks the row for the running transaction. */
int execution_repo_lock(struct db *db, const char *owner, const char *id, struct execution *out,
                        struct err *err) must_use;
/* Summaries of a session's executions, newest first; status -1: all. */
int execution_repo_list(struct db *db, const char *session_id, int status, const struct page *page,
                        struct execution_list *out, struct err *err) must_use;
/* Leaves the doorbell address of a waiter in a row that is not final; *changed_out false: it is final already. */
int execution_repo_set_notify(struct db *db, const char *id, const char *address, bool *changed_out,
                              struct err *err) must_use;

/* pending -> running for up to `limit` runnable executions on these nodes (NULL: on any) whose time has come, oldest first, never more than
 * EXECUTION_CONCURRENT_MAX of a session at once; and running ones whose lease ran out are taken over. Sets claimed_by, the lease,
 * started_at (first time) and attempts + 1 (not for a take-over). One transaction with FOR UPDATE SKIP LOCKED.
 * *crowded_out (may be NULL): more may wait for those that run to end. */
int execution_repo_claim(struct db *db, const char *claimed_by, const struct string_list *nodes, int64_t limit,
                         struct claim_list *out, bool *crowded_out, struct err *err) must_use;
/* The same for pending ones whose seqs are known, by compare-and-set in one commit; those that cannot start now are left.
 * *crowded_out: some were left. */
int execution_repo_claim_named(struct db *db, const char *claimed_by, const struct string_list *nodes, const int64_t *seqs, size_t count,
                               struct claim_list *out, bool *crowded_out, struct err *err) must_use;
/* Extends the lease of everything `claimed_by` runs. */
int execution_repo_renew(struct db *db, const char *claimed_by, struct err *err) must_use;
/* Ends the leases of everything `claimed_by` ran (a dispatcher that starts takes over at once what it left). */
int execution_repo_release(struct db *db, const char *claimed_by, struct err *err) must_use;
/* running, claimed by `claimed_by` -> `status` (final), with its outcome. *changed_out false: somebody ended it before. */
int execution_repo_finish(struct db *db, int64_t seq, const char *claimed_by,
                          enum execution_status status, const struct execution_outcome *outcome,
                          bool *changed_out, struct err *err) must_use;
/* running -> pending, due again in `delay_ms`. */
int execution_repo_retry(struct db *db, int64_t seq, const char *claimed_by, int64_t delay_ms,
                         bool *changed_out, struct err *err) must_use;
/* Why the last attempt of one that is to be tried again came to nothing, for users. */
int execution_repo_lost(struct db *db, int64_t seq, const char *why, struct err *err) must_use;
/* Makes a session's pending executions runnable; *changed_out (may be NULL) is how many. */
int execution_repo_make_runnable(struct db *db, const char *session_id, uint64_t *changed_out,
                                 struct err *err) must_use;
/* pending, running -> failed with error kind and message, for all of a session. Appends the doorbell addresses of those who
 * waited to `notify_out`, each as "ADDRESS EXECUTION_ID"; says how many of each language it were, and whether one of them has a
 * callback_url: then what is to be told is noted. */
int execution_repo_fail_session(struct db *db, const char *session_id, const char *kind,
                                const char *message, struct string_list *notify_out,
                                uint64_t failed_out[LANGUAGES], bool *webhooks_out, struct err *err) must_use;
/* Current doorbell address of who waits ("" for nobody), read after the commit that made the row final. */
int execution_repo_notify(struct db *db, int64_t seq, char out[ADDRESS_SIZE], struct err *err) must_use;

#endif
