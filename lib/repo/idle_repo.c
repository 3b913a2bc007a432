/* SPDX-License-Identifier: Apache-2.0 */
/* Idle sessions. */
#include "lib/repo/idle_repo.h"

#include "lib/repo/rows.h"

#define SINCE " <= " SQL_NOW " - INTERVAL ? SECOND"
/* One state at a time: so the whole key is used, however long the queue is. */
#define ANY(status, runnable) "EXISTS (SELECT 1 FROM executions e FORCE INDEX (queue) WHERE e.status = '" status "'" \
    " AND e.runnable = " runnable " AND e.session_id = s.id)"
#define OPEN ANY("pending", "1") " OR " ANY("running", "1") " OR " ANY("pending", "0") " OR " ANY("running", "0")
#define LAST_END "(SELECT MAX(e.completed_at) FROM executions e FORCE INDEX (session) WHERE e.session_id = s.id)"

enum { LIST, NOTE, CONFIRM, STATEMENTS };

const struct db_stmt idle_repo_statements[] = {
    [LIST] = { "SELECT q.id, " SQL_MS("q.activity_at") ", q.activity_at" SINCE " FROM (SELECT s.id, IF(" OPEN ", " SQL_NOW ","
               " GREATEST(s.last_activity_at, IFNULL(" LAST_END ", s.last_activity_at))) AS activity_at"
               " FROM sessions s FORCE INDEX (idle) WHERE s.status = 'running' AND s.last_activity_at" SINCE
               " ORDER BY s.last_activity_at LIMIT ?) q" },
    [NOTE] = { "UPDATE sessions SET last_activity_at = FROM_UNIXTIME(? / 1000) WHERE id = ? AND last_activity_at < FROM_UNIXTIME(? / 1000)" },
    [CONFIRM] = { "SELECT status = 'running' AND last_activity_at" SINCE " FROM sessions WHERE id = ? FOR UPDATE" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = idle_repo_statements;

void quiet_list_release(struct quiet_list *list)
{
    free(list->items);
    *list = (struct quiet_list){ 0 };
}

static int take_quiet(void *arg, const struct db_row *row, struct err *err)
{
    struct quiet_list *list = arg;
    struct quiet_session *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item)
        return -1;
    item->activity_at = db_row_int(row, 1);
    item->idle = db_row_int(row, 2);
    return row_text(row, 0, item->id, sizeof(item->id), err);
}

int idle_repo_list(struct db *db, int64_t seconds, int64_t limit, struct quiet_list *out, struct err *err)
{
    *out = (struct quiet_list){ 0 };
    if (DB_QUERY(db, &sql[LIST], take_quiet, out, err, db_int(seconds), db_int(seconds), db_int(limit)) == 0)
        return 0;
    quiet_list_release(out);
    return -1;
}

int idle_repo_note(struct db *db, const char *session_id, int64_t activity_at, struct err *err)
{
    return DB_EXEC(db, &sql[NOTE], NULL, err, db_int(activity_at), db_text(session_id), db_int(activity_at));
}

int idle_repo_confirm(struct db *db, const char *session_id, int64_t seconds, bool *idle_out, struct err *err)
{
    int64_t idle = 0;
    if (DB_QUERY(db, &sql[CONFIRM], take_int, &idle, err, db_int(seconds), db_text(session_id)) != 0)
        return -1;
    *idle_out = idle;
    return 0;
}
