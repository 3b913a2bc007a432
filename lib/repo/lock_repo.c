/* SPDX-License-Identifier: Apache-2.0 */
/* Named locks. */
#include "lib/repo/lock_repo.h"

#include "lib/repo/rows.h"

/* At most 64 characters. */
#define NAME "CONCAT('sandbox_', ?, '_', IF(CHAR_LENGTH(DATABASE()) > 40, SHA1(DATABASE()), DATABASE()))"

enum { TAKE, EXPECT_NEWS, STATEMENTS };
enum { NOT_HELD, TAKEN, HELD };

const struct db_stmt lock_repo_statements[] = {
    [TAKE] = { "SELECT IF(IS_USED_LOCK(" NAME ") = CONNECTION_ID(), 2, GET_LOCK(" NAME ", 0))" },
    [EXPECT_NEWS] = { "SET SESSION wait_timeout = ?" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = lock_repo_statements;

int lock_repo_take(struct db *db, const char *name, bool *held_out, struct err *err)
{
    int64_t state = NOT_HELD;
    if (DB_QUERY(db, &sql[TAKE], take_int, &state, err, db_text(name), db_text(name)) != 0)
        return -1;
    if (state == TAKEN && DB_EXEC(db, &sql[EXPECT_NEWS], NULL, err, db_int(LOCK_SILENT_S)) != 0)
        return -1;
    *held_out = state != NOT_HELD;
    return 0;
}
