/* SPDX-License-Identifier: Apache-2.0 */
/* A row an owner, made when it is first counted. */
#include "lib/repo/owner_repo.h"

#include "lib/repo/rows.h"

enum { LOCK, OPEN_SESSIONS, STATEMENTS };

const struct db_stmt owner_repo_statements[] = {
    /* locks exclusively at once: INSERT IGNORE would share the lock first, and two who then want more are a deadlock */
    [LOCK] = { "INSERT INTO owners (owner) VALUES (?) ON DUPLICATE KEY UPDATE owner = VALUES(owner)" },
    [OPEN_SESSIONS] = { "SELECT COUNT(*) FROM sessions FORCE INDEX (owner_live)"
                        " WHERE owner = ? AND status IN ('creating', 'running')" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = owner_repo_statements;

int owner_repo_lock(struct db *db, const char *owner, struct err *err)
{
    return DB_EXEC(db, &sql[LOCK], NULL, err, db_text(owner));
}

int owner_repo_open_sessions(struct db *db, const char *owner, int64_t *out, struct err *err)
{
    return DB_QUERY(db, &sql[OPEN_SESSIONS], take_int, out, err, db_text(owner));
}
