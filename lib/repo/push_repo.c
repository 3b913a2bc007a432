/* SPDX-License-Identifier: Apache-2.0 */
/* Executions whose executor pushes. */
#include "lib/repo/push_repo.h"

#include "lib/repo/execution_rows.h"

#define OPEN " WHERE seq = ? AND status IN ('pending', 'running')"

enum { CALLERS, LET_GO, RUNNING, BEAT, STOP, FINISH, ARTIFACTS, CANCELLED, STATEMENTS };

const struct db_stmt push_repo_statements[] = {
    [CALLERS] = { "SELECT c.id, c.secret, IFNULL(s.id, '') FROM containers c FORCE INDEX (secret)"
                  " LEFT JOIN sessions s FORCE INDEX (id) ON s.id = c.session_id AND s.container_id = c.id"
                  " WHERE c.secret LIKE CONCAT(?, '%')" },
    [LET_GO] = { "UPDATE executions SET claimed_by = NULL, due_at = " SQL_IN_MS ", pushed_until = " SQL_IN_MS
                 ", trace_json = IFNULL(?, trace_json) WHERE seq = ? AND status = 'running' AND claimed_by = ?" },
    [RUNNING] = { "UPDATE executions SET started_at = IFNULL(started_at, " SQL_NOW "), pushed_until = IFNULL(pushed_until, "
                  SQL_NOW " + INTERVAL timeout_s * 1000000 + ? * 1000 MICROSECOND) WHERE seq = ? AND status = 'running'" },
    [BEAT] = { "UPDATE executions SET due_at = LEAST(" SQL_IN_MS ", pushed_until)"
               " WHERE seq = ? AND status = 'running' AND claimed_by IS NULL AND pushed_until IS NOT NULL" },
    [STOP] = { "SELECT EXISTS (SELECT 1 FROM cancellations c WHERE c.execution_seq = e.seq)"
               " OR IFNULL(e.pushed_until <= " SQL_NOW ", 0) FROM executions e FORCE INDEX (PRIMARY) WHERE e.seq = ?" },
    [FINISH] = { "UPDATE executions SET " EXECUTION_FINISH OPEN },
    [ARTIFACTS] = { "UPDATE executions SET artifacts_json = ?" OPEN },
    [CANCELLED] = { "SELECT e.id, c.id, c.secret, c.node_id FROM cancellations n"
                    " STRAIGHT_JOIN executions e FORCE INDEX (PRIMARY) ON e.seq = n.execution_seq"
                    " STRAIGHT_JOIN sessions s FORCE INDEX (id) ON s.id = e.session_id"
                    " STRAIGHT_JOIN containers c FORCE INDEX (id) ON c.id = s.container_id"
                    " WHERE e.status = 'running' AND e.claimed_by IS NULL AND e.pushed_until IS NOT NULL LIMIT ?" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = push_repo_statements;

static int take_caller(void *arg, const struct db_row *row, struct err *err)
{
    struct container_list *list = arg;
    struct container *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item || row_text(row, 0, item->id, sizeof(item->id), err) != 0 ||
        row_text(row, 1, item->secret, sizeof(item->secret), err) != 0)
        return -1;
    return row_text(row, 2, item->session_id, sizeof(item->session_id), err);
}

int push_repo_callers(struct db *db, const char *prefix, struct container_list *out, struct err *err)
{
    return DB_QUERY(db, &sql[CALLERS], take_caller, out, err, db_text(prefix));
}

int push_repo_let_go(struct db *db, int64_t seq, const char *claimed_by, int64_t limit_ms, const char *trace_json,
                     bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    if (DB_EXEC(db, &sql[LET_GO], &changed, err, db_int(EXECUTION_LEASE_MS), db_int(limit_ms), db_text(trace_json),
                db_int(seq), db_text(claimed_by)) != 0)
        return -1;
    *changed_out = changed > 0;
    return 0;
}

int push_repo_running(struct db *db, int64_t seq, struct err *err)
{
    if (DB_EXEC(db, &sql[RUNNING], NULL, err, db_int(EXECUTION_MARGIN_MS), db_int(seq)) != 0)
        return -1;
    return push_repo_beat(db, seq, err);
}

int push_repo_beat(struct db *db, int64_t seq, struct err *err)
{
    return DB_EXEC(db, &sql[BEAT], NULL, err, db_int(EXECUTION_LEASE_MS), db_int(seq));
}

int push_repo_asked_to_stop(struct db *db, int64_t seq, bool *out, struct err *err)
{
    int64_t stop = 0;
    if (DB_QUERY(db, &sql[STOP], take_int, &stop, err, db_int(seq)) != 0)
        return -1;
    *out = stop != 0;
    return 0;
}

int push_repo_finish(struct db *db, int64_t seq, enum execution_status status, const struct execution_outcome *outcome,
                     bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    struct db_param params[EXECUTION_FINISH_PARAMS + 1];
    finish_params(status, outcome, params);
    params[EXECUTION_FINISH_PARAMS] = db_int(seq);
    if (db_exec(db, &sql[FINISH], params, EXECUTION_FINISH_PARAMS + 1, &changed, err) != 0)
        return -1;
    *changed_out = changed > 0;
    return 0;
}

int push_repo_artifacts(struct db *db, int64_t seq, const char *artifacts_json, struct err *err)
{
    return DB_EXEC(db, &sql[ARTIFACTS], NULL, err, db_text(artifacts_json), db_int(seq));
}

static int take_cancelled(void *arg, const struct db_row *row, struct err *err)
{
    struct claim_list *list = arg;
    struct execution_claim *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item || row_text(row, 0, item->execution.id, sizeof(item->execution.id), err) != 0 ||
        row_text(row, 1, item->container_id, sizeof(item->container_id), err) != 0 ||
        row_text(row, 3, item->node_id, sizeof(item->node_id), err) != 0)
        return -1;
    return row_text(row, 2, item->container_secret, sizeof(item->container_secret), err);
}

int push_repo_cancelled(struct db *db, int64_t limit, struct claim_list *out, struct err *err)
{
    return DB_QUERY(db, &sql[CANCELLED], take_cancelled, out, err, db_int(limit));
}
