/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions in which nothing happens. Activity is its creation, an execution that is submitted, waits, runs or ends, a change of its files by a
 * client, and renewing. Whoever does one of these writes last_activity_at with the rows it writes anyway; that an execution runs or has
 * ended is looked up here instead, so that results cost no more. */
#ifndef SANDBOX_REPO_IDLE_REPO_H
#define SANDBOX_REPO_IDLE_REPO_H

#include "lib/io/db.h"
#include "lib/model/entities.h"

struct quiet_session {
    char id[SESSION_ID_SIZE];
    bool idle;           /* for as long as was asked; false: its executions say otherwise */
    int64_t activity_at; /* its real last activity; while an execution waits or runs, now */
};
struct quiet_list { struct quiet_session *items; size_t count; };
void quiet_list_release(struct quiet_list *list);

/* Running sessions whose last_activity_at is `seconds` old, the oldest first. */
int idle_repo_list(struct db *db, int64_t seconds, int64_t limit, struct quiet_list *out, struct err *err) must_use;
/* last_activity_at becomes `activity_at`, if it was before. */
int idle_repo_note(struct db *db, const char *session_id, int64_t activity_at, struct err *err) must_use;
/* Inside a transaction: locks the session, and tells whether it still runs and nothing was written of any activity since it was listed. */
int idle_repo_confirm(struct db *db, const char *session_id, int64_t seconds, bool *idle_out, struct err *err) must_use;

#endif
