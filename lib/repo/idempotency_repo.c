/* SPDX-License-Identifier: Apache-2.0 */
/* Idempotency keys: the primary key's lock is what makes two equal requests one. */
#include "lib/repo/idempotency_repo.h"

#include <stdlib.h>

#include "lib/repo/rows.h"

#define DAY_AGO SQL_NOW " - INTERVAL 24 HOUR"
/* Of a row that is too old, the new value; each row is read before created_at changes, which therefore comes last. */
#define IF_OLD(column, fresh) column " = IF(created_at < " DAY_AGO ", " fresh ", " column ")"

enum { FIND, CLAIM, STORE, PURGE, STATEMENTS };

const struct db_stmt idempotency_repo_statements[] = {
    [FIND] = { "SELECT request_hash, resource_id, answer FROM idempotency_keys"
               " WHERE owner = ? AND idem_key = ? AND created_at >= " DAY_AGO },
    [CLAIM] = { "INSERT INTO idempotency_keys (owner, idem_key, request_hash, created_at) VALUES (?, ?, ?, " SQL_NOW ")"
                " ON DUPLICATE KEY UPDATE " IF_OLD("request_hash", "VALUES(request_hash)") ", "
                IF_OLD("resource_id", "''") ", " IF_OLD("answer", "NULL") ", " IF_OLD("created_at", "VALUES(created_at)") },
    [STORE] = { "UPDATE idempotency_keys SET resource_id = ?, answer = ? WHERE owner = ? AND idem_key = ?" },
    [PURGE] = { "DELETE FROM idempotency_keys WHERE created_at < " DAY_AGO " ORDER BY created_at LIMIT ?" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = idempotency_repo_statements;

void idempotency_row_release(struct idempotency_row *row)
{
    free(row->answer);
    *row = (struct idempotency_row){ 0 };
}

static int take_row(void *arg, const struct db_row *row, struct err *err)
{
    struct idempotency_row *out = arg;
    bool failed = false;
    out->found = true;
    out->answer = db_row_dup(row, 2, &failed);
    if (failed)
        return row_no_memory(err);
    if (row_text(row, 0, out->hash, sizeof(out->hash), err) != 0)
        return -1;
    return row_text(row, 1, out->resource_id, sizeof(out->resource_id), err);
}

int idempotency_repo_find(struct db *db, const char *owner, const char *key, struct idempotency_row *out,
                          struct err *err)
{
    cleanup(idempotency_row_release) struct idempotency_row row = { 0 };
    if (DB_QUERY(db, &sql[FIND], take_row, &row, err, db_text(owner), db_text(key)) != 0)
        return -1;
    *out = row;
    row = (struct idempotency_row){ 0 };
    return 0;
}

int idempotency_repo_claim(struct db *db, const char *owner, const char *key, const char *hash,
                           struct idempotency_row *out, struct err *err)
{
    uint64_t changed = 0;
    if (DB_EXEC(db, &sql[CLAIM], &changed, err, db_text(owner), db_text(key), db_text(hash)) != 0)
        return -1;
    if (changed == 0)
        return idempotency_repo_find(db, owner, key, out, err);
    *out = (struct idempotency_row){ 0 };
    return 0;
}

int idempotency_repo_store(struct db *db, const char *owner, const char *key, const char *resource_id,
                           const char *answer, struct err *err)
{
    uint64_t changed = 0;
    if (DB_EXEC(db, &sql[STORE], &changed, err, db_text(resource_id), db_text(answer), db_text(owner),
                db_text(key)) != 0)
        return -1;
    return changed == 1 ? 0 : err_internal(err, 0, "an idempotency key that was claimed is gone");
}

int idempotency_repo_purge(struct db *db, int64_t limit, uint64_t *removed_out, struct err *err)
{
    return DB_EXEC(db, &sql[PURGE], removed_out, err, db_int(limit));
}
