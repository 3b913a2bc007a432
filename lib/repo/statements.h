/* SPDX-License-Identifier: Apache-2.0 */
/* Every prepared statement of the repositories, so that a test can prepare each against a real server. */
#ifndef SANDBOX_REPO_STATEMENTS_H
#define SANDBOX_REPO_STATEMENTS_H

#include "lib/io/db.h"

struct repo_statements {
    const char *repo;
    const struct db_stmt *statements; /* the last has no sql */
};
extern const struct repo_statements repo_statement_tables[];
extern const size_t repo_statement_table_count;

#endif
