/* SPDX-License-Identifier: Apache-2.0 */
/* Schema versions. Migrations are the files sql/NNNN_name.sql, forward only. */
#ifndef SANDBOX_REPO_MIGRATION_REPO_H
#define SANDBOX_REPO_MIGRATION_REPO_H

#include "lib/io/db.h"

/* Highest version applied; 0 for an empty database (the table is created when missing). */
int migration_repo_version(struct db *db, int64_t *version_out, struct err *err) must_use;
/* Takes the lock that lets one migration run at a time (GET_LOCK); ERR_CONFLICT when another holds it for 30 s. */
int migration_repo_lock(struct db *db, struct err *err) must_use;
/* Runs `sql` and records the version with name and SHA-256 of the text. */
int migration_repo_apply(struct db *db, int64_t version, const char *name, const char *sql,
                         struct err *err) must_use;

#endif
