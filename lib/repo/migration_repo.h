/* SPDX-License-Identifier: Apache-2.0 */
/* Schema versions. Migrations are the files sql/NNNN_name.sql, forward only. */
#ifndef SANDBOX_REPO_MIGRATION_REPO_H
#define SANDBOX_REPO_MIGRATION_REPO_H

#include "lib/io/db.h"

enum { MIGRATION_NAME_SIZE = 128, MIGRATION_HASH_SIZE = 65 };

struct migration {
    int64_t version;
    char name[MIGRATION_NAME_SIZE];   /* "0001_init" */
    char sha256[MIGRATION_HASH_SIZE]; /* of its text, hexadecimal */
};

/* What was applied, by version; *out is malloc()ed. The table is created when missing. */
int migration_repo_list(struct db *db, struct migration **out, size_t *count_out, struct err *err) must_use;
/* Takes the lock that lets one migration run at a time (GET_LOCK); ERR_CONFLICT when another holds it for 30 s. It is the
 * connection's, and released with it. */
int migration_repo_lock(struct db *db, struct err *err) must_use;
/* Runs `sql` and records it. MariaDB commits with every change of a table: a script that fails half way leaves what it did,
 * and is not recorded. ERR_CONFLICT when the lock was lost meanwhile (nothing was done). */
int migration_repo_apply(struct db *db, const struct migration *migration, const char *sql,
                         struct err *err) must_use;

#endif
