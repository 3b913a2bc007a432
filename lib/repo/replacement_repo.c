/* SPDX-License-Identifier: Apache-2.0 */
/* A session changes its container. */
#include "lib/repo/replacement_repo.h"

#include "lib/repo/container_rows.h"

#define EXPLAIN " SET error_kind = 'crashed', error_message = CONCAT('The sandbox was lost while it ran this code. ', ?)"

enum { BIND, HOLD_PENDING, LOSE_RUNNING, LAST, WAITING, LOST, RECORD, EXPLAIN_ALL, REASON, EXPLAIN_ONE, ENDED, STATEMENTS };

const struct db_stmt replacement_repo_statements[] = {
    /* set from left to right: replaced_at sees the status before, started_at the one after */
    [BIND] = { "UPDATE sessions SET replaced_at = IF(status = 'running', " SQL_NOW ", replaced_at), status = ?,"
               " started_at = IF(status = 'running', IFNULL(started_at, " SQL_NOW "), started_at), container_id = ?,"
               " node_id = IF(? = '', node_id, ?), runtime_type = IF(? = '', runtime_type, ?), restarts = restarts + ?"
               " WHERE id = ? AND status IN ('creating', 'running') AND container_id = ?" },
    [HOLD_PENDING] = { "UPDATE executions FORCE INDEX (queue) SET runnable = 0"
                       " WHERE status = 'pending' AND runnable = 1 AND session_id = ?" },
    [LOSE_RUNNING] = { "UPDATE executions FORCE INDEX (queue) SET due_at = " SQL_NOW
                       " WHERE status = 'running' AND runnable = 1 AND session_id = ? AND claimed_by IS NULL" },
    [LAST] = { "SELECT " CONTAINER_COLUMNS " FROM containers c FORCE INDEX (session)"
               " WHERE c.session_id = ? ORDER BY c.seq DESC LIMIT 1" },
    [WAITING] = { "SELECT id FROM sessions FORCE INDEX (expiry) WHERE status = 'creating' AND container_id = '' ORDER BY seq LIMIT ?" },
    [LOST] = { "SELECT c.id, c.session_id FROM nodes n STRAIGHT_JOIN containers c FORCE INDEX (work)"
               " ON c.status IN ('creating', 'running') AND c.node_id = n.id"
               " STRAIGHT_JOIN sessions s FORCE INDEX (id) ON s.id = c.session_id AND s.container_id = c.id"
               " AND s.status IN ('creating', 'running') AND s.started_at IS NOT NULL"
               " WHERE (n.last_seen_at < " SQL_NOW " - INTERVAL ? SECOND OR (n.error IS NOT NULL AND c.misses >= ?))"
               " AND NOT EXISTS (SELECT 1 FROM executions e FORCE INDEX (queue) WHERE e.status = 'running' AND e.runnable = 1"
               " AND e.session_id = s.id AND e.due_at > " SQL_NOW ") LIMIT ?" },
    [RECORD] = { "UPDATE containers SET exit_code = ?, oom_killed = ?, error = LEFT(?, 1024) WHERE id = ? AND status = 'deleting'" },
    /* running ones too: locked, so that whoever stores their loss meanwhile finds the reason */
    [EXPLAIN_ALL] = { "UPDATE executions FORCE INDEX (session)" EXPLAIN " WHERE session_id = ? AND container_id = ?"
                      " AND (status IN ('pending', 'running') OR (status = 'crashed' AND error_kind = 'crashed'))" },
    [REASON] = { "SELECT c.error FROM executions e FORCE INDEX (PRIMARY) STRAIGHT_JOIN containers c FORCE INDEX (id)"
                 " ON c.id = e.container_id WHERE e.seq = ? AND e.status IN ('pending', 'crashed')"
                 " AND c.status IN ('deleting', 'deleted') AND c.error IS NOT NULL" },
    [EXPLAIN_ONE] = { "UPDATE executions" EXPLAIN " WHERE seq = ? AND status IN ('pending', 'crashed')" },
    [ENDED] = { "SELECT c.id FROM containers c FORCE INDEX (work) LEFT JOIN sessions s FORCE INDEX (id) ON s.id = c.session_id"
                " WHERE c.status = 'running' AND c.node_id = ? AND (s.id IS NULL OR s.status NOT IN ('creating', 'running'))" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = replacement_repo_statements;

int replacement_repo_bind(struct db *db, const char *session_id, const char *from, const struct container *to, enum session_status status,
                          bool died, bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    struct db_param node = db_text(to->node_id), type = db_text(to->id[0] ? runtime_type_name(to->runtime_type) : "");
    if (DB_EXEC(db, &sql[BIND], &changed, err, db_text(session_status_name(status)), db_text(to->id), node, node, type, type,
                db_int(died), db_text(session_id), db_text(from)) != 0)
        return -1;
    *changed_out = changed > 0;
    return 0;
}

int replacement_repo_hold(struct db *db, const char *session_id, struct err *err)
{
    return DB_EXEC(db, &sql[HOLD_PENDING], NULL, err, db_text(session_id));
}

int replacement_repo_lose(struct db *db, const char *session_id, struct err *err)
{
    return DB_EXEC(db, &sql[LOSE_RUNNING], NULL, err, db_text(session_id));
}

int replacement_repo_last(struct db *db, const char *session_id, struct container *out, struct err *err)
{
    cleanup(container_list_release) struct container_list found = { 0 };
    if (DB_QUERY(db, &sql[LAST], take_container, &found, err, db_text(session_id)) != 0)
        return -1;
    if (found.count == 0)
        return err_set(err, ERR_CONTAINER_NOT_FOUND, "Session '%.64s' never had a container.", session_id);
    container_list_steal_first(&found, out);
    return 0;
}

int replacement_repo_waiting(struct db *db, int64_t limit, struct string_list *out, struct err *err)
{
    return DB_QUERY(db, &sql[WAITING], take_string, out, err, db_int(limit));
}

static int take_names(void *arg, const struct db_row *row, struct err *err)
{
    struct container_list *list = arg;
    struct container *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item || row_text(row, 0, item->id, sizeof(item->id), err) != 0)
        return -1;
    return row_text(row, 1, item->session_id, sizeof(item->session_id), err);
}

int replacement_repo_lost(struct db *db, int64_t silent_s, int64_t misses, int64_t limit, struct container_list *out, struct err *err)
{
    return DB_QUERY(db, &sql[LOST], take_names, out, err, db_int(silent_s), db_int(misses), db_int(limit));
}

int replacement_repo_record(struct db *db, const char *container_id, const int64_t *exit_code, bool oom_killed, const char *reason,
                            struct err *err)
{
    return DB_EXEC(db, &sql[RECORD], NULL, err, exit_code ? db_int(*exit_code) : db_null(), db_int(oom_killed), db_text(reason),
                   db_text(container_id));
}

int replacement_repo_explain(struct db *db, const char *session_id, const char *container_id, const char *reason, struct err *err)
{
    return DB_EXEC(db, &sql[EXPLAIN_ALL], NULL, err, db_text(reason), db_text(session_id), db_text(container_id));
}

int replacement_repo_explain_one(struct db *db, int64_t seq, struct err *err)
{
    cleanup(string_list_release) struct string_list reason = { 0 };
    if (DB_QUERY(db, &sql[REASON], take_string, &reason, err, db_int(seq)) != 0)
        return -1;
    return reason.count == 0 ? 0 : DB_EXEC(db, &sql[EXPLAIN_ONE], NULL, err, db_text(reason.items[0]), db_int(seq));
}

int replacement_repo_ended(struct db *db, const char *node_id, struct string_list *out, struct err *err)
{
    return DB_QUERY(db, &sql[ENDED], take_string, out, err, db_text(node_id));
}
