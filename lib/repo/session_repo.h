/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions. State changes are compare-and-set: *changed_out says whether the row was in a state that allows it. */
#ifndef SANDBOX_REPO_SESSION_REPO_H
#define SANDBOX_REPO_SESSION_REPO_H

#include "lib/io/db.h"
#include "lib/repo/list.h"

/* Stores a new session; created_at, last_activity_at and expires_at (now + timeout_s) are set by the database, and started_at too when
 * its status is running. ERR_CONFLICT: id exists. */
int session_repo_insert(struct db *db, const struct session *session, struct err *err) must_use;

/* One session of `owner` (NULL: anybody's). ERR_SESSION_NOT_FOUND. Final ones are found too. */
int session_repo_get(struct db *db, const char *owner, const char *id, struct session *out,
                     struct err *err) must_use;
/* Several at once: ERR_SESSION_NOT_FOUND is `found` false. What was found is the caller's to release, also when it fails. */
struct session_question {
    const char *owner, *id;
    struct session session;
    bool found;
};
enum { SESSION_QUESTIONS_MAX = 16 };
int session_repo_get_all(struct db *db, struct session_question *const *questions, size_t count, struct err *err) must_use;
/* Like get, and locks the row for the running transaction. */
int session_repo_lock(struct db *db, const char *owner, const char *id, struct session *out,
                      struct err *err) must_use;

struct session_filter {
    const char *owner;       /* NULL: all */
    int status;              /* enum session_status, or -1 */
    const char *template_id; /* NULL: all */
    const char *label_name;  /* NULL: none */
    const char *label_value;
};
/* Newest first. */
int session_repo_list(struct db *db, const struct session_filter *filter, const struct page *page,
                      struct session_list *out, struct err *err) must_use;

/* creating -> running; started_at is of the first time. */
int session_repo_start(struct db *db, const char *id, bool *changed_out, struct err *err) must_use;
/* creating, running -> `status` (terminated, timeout, failed), with a reason for users (NULL: none); only while it has that container
 * (NULL: whichever it has). */
int session_repo_end(struct db *db, const char *id, const char *container_id, enum session_status status, const char *reason,
                     bool *changed_out, struct err *err) must_use;
/* A creating or running session of `owner` (NULL: anybody's) whose time is not over: expires_at = now + timeout_s, at most
 * created_at + lifetime_s (0: no limit), and its timeout_s. *changed_out false: there is none. */
int session_repo_renew(struct db *db, const char *owner, const char *id, int64_t timeout_s, int64_t lifetime_s,
                       bool *changed_out, struct err *err) must_use;
/* Ids of sessions that are not final and past expires_at. */
int session_repo_expired(struct db *db, int64_t limit, struct string_list *out, struct err *err) must_use;
/* Ids of sessions that have been creating for more than `seconds`, since they were asked for or their container died. */
int session_repo_stuck(struct db *db, int64_t seconds, int64_t limit, struct string_list *out,
                       struct err *err) must_use;
/* last_activity_at = now. */
int session_repo_touch(struct db *db, const char *id, struct err *err) must_use;

#endif
