/* SPDX-License-Identifier: Apache-2.0 */
/* Brings the database to the schema of this release: NNNN_name.sql files, in order, each once. */
#ifndef SANDBOX_SERVICE_MIGRATIONS_H
#define SANDBOX_SERVICE_MIGRATIONS_H

#include "lib/io/db.h"

struct migrations_report {
    void (*on_applied)(void *arg, const char *name); /* after each; may be NULL */
    void *arg;
    int64_t version; /* set: where the database stands at the end */
};

/* Applies what is missing from `directory`, one program at a time. ERR_INVALID when the files have a gap or a double;
 * ERR_CONFLICT when an applied file has changed or is missing. A migration that fails is named in the text; what it did
 * before it failed stays, since MariaDB commits with every change of a table. */
int migrations_apply(struct db *db, const char *directory, struct migrations_report *report,
                     struct err *err) must_use;

#endif
