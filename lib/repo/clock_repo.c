/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of statements: whether there is one, and mending them; and what time it is. */
#include "lib/repo/clock_repo.h"

#include "lib/repo/rows.h"

/* Longer than any lease or pause. */
#define AHEAD SQL_NOW " + INTERVAL 3 MINUTE"

enum { EXECUTIONS, CONTAINERS, NODES, JOBS, DISPATCHERS, KINDS, NOW = 2 * KINDS };

const struct db_stmt clock_repo_statements[] = {
    [EXECUTIONS] = { "SELECT 1 FROM executions FORCE INDEX (queue) WHERE status IN ('pending', 'running') AND due_at > " AHEAD " LIMIT 1" },
    [CONTAINERS] = { "SELECT 1 FROM containers FORCE INDEX (work) WHERE status IN ('creating', 'deleting') AND due_at > " AHEAD " LIMIT 1" },
    [NODES] = { "SELECT 1 FROM nodes WHERE last_seen_at > " AHEAD " OR served_until > " AHEAD " LIMIT 1" },
    [JOBS] = { "SELECT 1 FROM jobs WHERE beat_at > " AHEAD " LIMIT 1" },
    [DISPATCHERS] = { "SELECT 1 FROM dispatchers WHERE takes_until > " AHEAD " LIMIT 1" },
    [KINDS + EXECUTIONS] = { "UPDATE executions FORCE INDEX (queue) SET due_at = " SQL_NOW
                             " WHERE status IN ('pending', 'running') AND due_at > " AHEAD " LIMIT ?" },
    [KINDS + CONTAINERS] = { "UPDATE containers FORCE INDEX (work) SET due_at = " SQL_NOW
                             " WHERE status IN ('creating', 'deleting') AND due_at > " AHEAD " LIMIT ?" },
    [KINDS + NODES] = { "UPDATE nodes SET last_seen_at = LEAST(last_seen_at, " SQL_NOW "), served_until = LEAST(served_until, " SQL_NOW ")"
                        " WHERE last_seen_at > " AHEAD " OR served_until > " AHEAD " LIMIT ?" },
    [KINDS + JOBS] = { "UPDATE jobs SET beat_at = " SQL_NOW " WHERE beat_at > " AHEAD " LIMIT ?" },
    [KINDS + DISPATCHERS] = { "UPDATE dispatchers SET takes_until = " SQL_NOW " WHERE takes_until > " AHEAD " LIMIT ?" },
    [NOW] = { "SELECT " SQL_MS(SQL_NOW) },
    [NOW + 1] = { NULL },
};
static const struct db_stmt *const sql = clock_repo_statements;

int clock_repo_mend(struct db *db, int64_t limit, uint64_t *mended_out, struct err *err)
{
    *mended_out = 0;
    for (int kind = 0; kind < KINDS; kind++) {
        int64_t found = 0;
        uint64_t mended = 0;
        if (db_query(db, &sql[kind], NULL, 0, take_int, &found, err) != 0)
            return -1;
        if (found && DB_EXEC(db, &sql[KINDS + kind], &mended, err, db_int(limit)) != 0)
            return -1;
        *mended_out += mended;
    }
    return 0;
}

int clock_repo_now(struct db *db, int64_t *now_ms_out, struct err *err)
{
    return db_query(db, &sql[NOW], NULL, 0, take_int, now_ms_out, err);
}
