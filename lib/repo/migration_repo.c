/* SPDX-License-Identifier: Apache-2.0 */
/* Schema versions. */
#include "lib/repo/migration_repo.h"

#include <stdlib.h>

#include "lib/repo/rows.h"

#define LOCK_NAME "CONCAT('sandbox_migrate_', DATABASE())"

enum { LIST, LOCK, HOLDS_LOCK, RECORD, STATEMENTS };
enum { LOCK_SLICES = 30 }; /* of a second each, shorter than any read timeout */

const struct db_stmt migration_repo_statements[] = {
    [LIST] = { "SELECT version, name, sha256 FROM schema_migrations ORDER BY version" },
    [LOCK] = { "SELECT GET_LOCK(" LOCK_NAME ", 1)" },
    [HOLDS_LOCK] = { "SELECT IFNULL(IS_USED_LOCK(" LOCK_NAME ") = CONNECTION_ID(), 0)" },
    [RECORD] = { "INSERT INTO schema_migrations (version, name, sha256, applied_at) VALUES (?, ?, ?, " SQL_NOW ")" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = migration_repo_statements;

static const char create_table[] =
    "CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT NOT NULL PRIMARY KEY,"
    " name VARCHAR(127) NOT NULL, sha256 CHAR(64) NOT NULL, applied_at DATETIME(3) NOT NULL)"
    " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin";

struct migration_list {
    struct migration *items;
    size_t count;
};

static int take_migration(void *arg, const struct db_row *row, struct err *err)
{
    struct migration_list *list = arg;
    struct migration *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item || row_text(row, 1, item->name, sizeof(item->name), err) != 0)
        return -1;
    item->version = db_row_int(row, 0);
    return row_text(row, 2, item->sha256, sizeof(item->sha256), err);
}

int migration_repo_list(struct db *db, struct migration **out, size_t *count_out, struct err *err)
{
    struct migration_list list = { 0 };
    if (db_script(db, create_table, err) != 0)
        return -1;
    if (DB_QUERY(db, &sql[LIST], take_migration, &list, err) != 0) {
        free(list.items);
        return -1;
    }
    *out = list.items;
    *count_out = list.count;
    return 0;
}

int migration_repo_lock(struct db *db, struct err *err)
{
    int64_t got = 0;
    for (int i = 0; i < LOCK_SLICES && !got; i++)
        if (DB_QUERY(db, &sql[LOCK], take_int, &got, err) != 0)
            return -1;
    if (!got)
        return err_set(err, ERR_CONFLICT, "Another migration of this database is running; try again when it is done.");
    return 0;
}

int migration_repo_apply(struct db *db, const struct migration *migration, const char *text,
                         struct err *err)
{
    int64_t holds = 0;
    if (DB_QUERY(db, &sql[HOLDS_LOCK], take_int, &holds, err) != 0)
        return -1;
    if (!holds)
        return err_set(err, ERR_CONFLICT, "The connection that held the migration lock was lost; try again.");
    if (db_script(db, text, err) != 0)
        return -1;
    return DB_EXEC(db, &sql[RECORD], NULL, err, db_int(migration->version), db_text(migration->name),
                   db_text(migration->sha256));
}
