/* SPDX-License-Identifier: Apache-2.0 */
/* due_us is when all that was taken is paid back: in the past for who took nothing lately. */
#include "lib/repo/rate_repo.h"

#include "lib/repo/rows.h"

#define NOW_US "CAST(UNIX_TIMESTAMP(UTC_TIMESTAMP(6)) * 1000000 AS SIGNED)"
/* Further ahead than any rate can bring it: the clock was set back. */
#define TOO_FAR NOW_US " + 180000000"

enum { TAKE, LEFT, PURGE, STATEMENTS };

const struct db_stmt rate_repo_statements[] = {
    [TAKE] = { "INSERT INTO rate_limits (id, due_us) VALUES (?, " NOW_US " + ?) ON DUPLICATE KEY UPDATE due_us ="
               " IF(due_us BETWEEN " NOW_US " + ? + 1 AND " TOO_FAR ", due_us,"
               " IF(due_us BETWEEN " NOW_US " AND " TOO_FAR ", due_us, " NOW_US ") + ?)" },
    [LEFT] = { "SELECT due_us - " NOW_US " FROM rate_limits WHERE id = ?" },
    [PURGE] = { "DELETE FROM rate_limits WHERE due_us < " NOW_US " - 60000000 ORDER BY due_us LIMIT ?" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = rate_repo_statements;

static int take(struct db *db, const char *id, int64_t every_us, int64_t tolerance_us, uint64_t *changed_out, struct err *err)
{
    return DB_EXEC(db, &sql[TAKE], changed_out, err, db_text(id), db_int(every_us), db_int(tolerance_us), db_int(every_us));
}

int rate_repo_take_all(struct db *db, const char *id, int64_t count, int64_t every_us, int64_t burst, bool *taken_out, struct err *err)
{
    uint64_t changed = 0;
    if (count <= burst && take(db, id, every_us * count, every_us * (burst - count), &changed, err) != 0)
        return -1;
    *taken_out = changed > 0;
    return 0;
}

int rate_repo_take(struct db *db, const char *id, int64_t every_us, int64_t burst, int64_t *wait_us_out,
                   struct err *err)
{
    uint64_t changed = 0;
    int64_t left_us = 0, tolerance_us = every_us * (burst - 1);
    if (take(db, id, every_us, tolerance_us, &changed, err) != 0)
        return -1;
    *wait_us_out = 0;
    if (changed > 0)
        return 0;
    if (DB_QUERY(db, &sql[LEFT], take_int, &left_us, err, db_text(id)) != 0)
        return -1;
    *wait_us_out = left_us - tolerance_us > 1 ? left_us - tolerance_us : 1;
    return 0;
}

int rate_repo_purge(struct db *db, int64_t limit, uint64_t *removed_out, struct err *err)
{
    return DB_EXEC(db, &sql[PURGE], removed_out, err, db_int(limit));
}
