/* SPDX-License-Identifier: Apache-2.0 */
/* The audit trail: who did what to which thing, and from where. Rows are only added, and removed when they are old. */
#ifndef SANDBOX_REPO_AUDIT_REPO_H
#define SANDBOX_REPO_AUDIT_REPO_H

#include "lib/io/db.h"
#include "lib/model/entities.h"

struct audit_entry {
    int64_t at; /* set by the database */
    char actor[OWNER_SIZE];
    char token_id[TOKEN_ID_SIZE];
    char action[33];
    char object_kind[17];
    char object_id[65];
    char address[65];
    char request_id[65];
    char *detail; /* owned in a list, else borrowed; at most 1024 characters are kept */
};

int audit_repo_insert(struct db *db, const struct audit_entry *entry, struct err *err) must_use;

struct audit_filter {
    int64_t since_ms;      /* 0: from the start */
    const char *object_id; /* NULL: all */
    const char *actor;     /* NULL: all */
    int64_t limit;         /* the newest so many */
};
struct audit_list { struct audit_entry *items; size_t count; };
void audit_list_release(struct audit_list *list);
/* Newest first. */
int audit_repo_list(struct db *db, const struct audit_filter *filter, struct audit_list *out, struct err *err) must_use;
/* Removes up to `limit` entries that are older than `days`. */
int audit_repo_purge(struct db *db, int64_t days, int64_t limit, uint64_t *removed_out, struct err *err) must_use;

#endif
