/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator wants to see at a glance, and what tells whether the database is set up as it should be. */
#ifndef SANDBOX_REPO_STATUS_REPO_H
#define SANDBOX_REPO_STATUS_REPO_H

#include "lib/io/db.h"
#include "lib/repo/list.h"

/* Sessions by status, webhooks by status; handed over one by one. */
typedef void (*status_count_fn)(void *arg, const char *status, int64_t count);
int status_repo_sessions(struct db *db, status_count_fn take, void *arg, struct err *err) must_use;
int status_repo_webhooks(struct db *db, status_count_fn take, void *arg, struct err *err) must_use;

/* Templates that have warm containers, or should. */
typedef void (*status_pool_fn)(void *arg, const char *template_id, int64_t warm, int64_t wanted);
int status_repo_pools(struct db *db, status_pool_fn take, void *arg, struct err *err) must_use;

/* The last sessions that failed and executions (of the last thousands) that crashed, newest first, at most `limit` of each. `kind`:
 * "session", "execution". */
typedef void (*status_failure_fn)(void *arg, const char *kind, const char *id, int64_t at, const char *text);
int status_repo_failures(struct db *db, int64_t limit, status_failure_fn take, void *arg, struct err *err) must_use;

/* The server as it is set up. */
struct status_server {
    char version[64];
    int64_t max_connections, connections; /* allowed, open now */
    int64_t flush_at_commit;   /* innodb_flush_log_at_trx_commit */
    int64_t max_allowed_packet; /* bytes */
    int64_t now_ms;            /* its clock */
};
int status_repo_server(struct db *db, struct status_server *out, struct err *err) must_use;
/* Privileges that the user has on the database: "SELECT", "INSERT", ... */
int status_repo_privileges(struct db *db, struct string_list *out, struct err *err) must_use;
/* Ids of templates in use whose image no engine has, as far as engines have said (*known_out). */
int status_repo_missing_images(struct db *db, struct string_list *out, bool *known_out, struct err *err) must_use;
/* Version of the schema; 0: there is none. */
int status_repo_schema(struct db *db, int64_t *out, struct err *err) must_use;

#endif
