/* SPDX-License-Identifier: Apache-2.0 */
/* The first answers to requests that named an Idempotency-Key. A row older than a day counts as absent. */
#ifndef SANDBOX_REPO_IDEMPOTENCY_REPO_H
#define SANDBOX_REPO_IDEMPOTENCY_REPO_H

#include "lib/io/db.h"

enum { IDEMPOTENCY_HASH_SIZE = 65, IDEMPOTENCY_ID_SIZE = 23 };

struct idempotency_row {
    bool found;                       /* the rest says nothing otherwise */
    char hash[IDEMPOTENCY_HASH_SIZE]; /* of the request that came first */
    char resource_id[IDEMPOTENCY_ID_SIZE];
    char *answer; /* owned; JSON text */
};
void idempotency_row_release(struct idempotency_row *row);

/* Looks without locks. */
int idempotency_repo_find(struct db *db, const char *owner, const char *key, struct idempotency_row *out,
                          struct err *err) must_use;
/* In a transaction: makes the key this request's, or finds whose it is. Waits for a transaction under way that has it; either way the
 * key is locked until the running one ends. */
int idempotency_repo_claim(struct db *db, const char *owner, const char *key, const char *hash,
                           struct idempotency_row *out, struct err *err) must_use;
/* Stores the answer of a key that was claimed. */
int idempotency_repo_store(struct db *db, const char *owner, const char *key, const char *resource_id,
                           const char *answer, struct err *err) must_use;
/* Removes up to `limit` rows that count as absent. */
int idempotency_repo_purge(struct db *db, int64_t limit, uint64_t *removed_out, struct err *err) must_use;

#endif
