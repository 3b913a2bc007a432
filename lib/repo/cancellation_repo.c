/* SPDX-License-Identifier: Apache-2.0 */
/* Cancellations. Locks are taken in one order everywhere: the execution's row, then the note. */
#include "lib/repo/cancellation_repo.h"

#include "lib/repo/rows.h"

#define CANCELLED(e)                                                                               \
    e "status = 'cancelled', " e "claimed_by = NULL, " e "completed_at = " SQL_NOW ", " e "error_kind = 'cancelled', " \
    e "error_message = 'The execution was cancelled.'"
#define LISTED "JSON_TABLE(?, '$[*]' COLUMNS (seq BIGINT PATH '$')) j"

enum { END_PENDING, ASK, OVERRULE, ASKED, OVER, REMOVE, STATEMENTS };

const struct db_stmt cancellation_repo_statements[] = {
    [END_PENDING] = { "UPDATE executions SET " CANCELLED("") " WHERE seq = ? AND status = 'pending'" },
    [ASK] = { "INSERT IGNORE INTO cancellations (execution_seq, requested_at) VALUES (?, " SQL_NOW ")" },
    [OVERRULE] = { "UPDATE executions e FORCE INDEX (PRIMARY) STRAIGHT_JOIN cancellations c ON c.execution_seq = e.seq SET "
                   CANCELLED("e.") " WHERE e.seq = ? AND e.status IN ('pending', 'crashed')" },
    [ASKED] = { "SELECT c.execution_seq FROM cancellations c STRAIGHT_JOIN executions e FORCE INDEX (PRIMARY)"
                " ON e.seq = c.execution_seq WHERE e.status = 'running' AND e.claimed_by = ? LIMIT ?" },
    [OVER] = { "SELECT c.execution_seq FROM cancellations c LEFT JOIN executions e FORCE INDEX (PRIMARY)"
               " ON e.seq = c.execution_seq WHERE e.seq IS NULL OR e.status NOT IN ('pending', 'running') LIMIT ?" },
    [REMOVE] = { "DELETE c FROM " LISTED " STRAIGHT_JOIN cancellations c ON c.execution_seq = j.seq" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = cancellation_repo_statements;

static int change(struct db *db, int statement, int64_t seq, bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    if (DB_EXEC(db, &sql[statement], &changed, err, db_int(seq)) != 0)
        return -1;
    *changed_out = changed > 0;
    return 0;
}

int cancellation_repo_end_pending(struct db *db, int64_t seq, bool *changed_out, struct err *err)
{
    return change(db, END_PENDING, seq, changed_out, err);
}

int cancellation_repo_ask(struct db *db, int64_t seq, struct err *err)
{
    return DB_EXEC(db, &sql[ASK], NULL, err, db_int(seq));
}

int cancellation_repo_overrule(struct db *db, int64_t seq, bool *changed_out, struct err *err)
{
    return change(db, OVERRULE, seq, changed_out, err);
}

int cancellation_repo_asked(struct db *db, const char *claimed_by, int64_t limit, struct seq_list *out, struct err *err)
{
    return DB_QUERY(db, &sql[ASKED], take_seq, out, err, db_text(claimed_by), db_int(limit));
}

/* Found without locks, removed by key: a note's removal never waits for an execution's row. */
int cancellation_repo_tidy(struct db *db, int64_t limit, uint64_t *removed_out, struct err *err)
{
    cleanup(seq_list_release) struct seq_list over = { 0 };
    *removed_out = 0;
    if (DB_QUERY(db, &sql[OVER], take_seq, &over, err, db_int(limit)) != 0)
        return -1;
    if (over.count == 0)
        return 0;
    cleanup_free char *seqs = seqs_to_json(over.items, over.count);
    if (!seqs)
        return row_no_memory(err);
    return DB_EXEC(db, &sql[REMOVE], removed_out, err, db_text(seqs));
}
