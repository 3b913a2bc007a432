/* SPDX-License-Identifier: Apache-2.0 */
/* Demand for warm containers; sessions are counted from the key `created` alone. */
#include "lib/repo/demand_repo.h"

#include <stdlib.h>

#include "lib/repo/rows.h"

#define SESSIONS_SINCE                                                                             \
    "FROM sessions s FORCE INDEX (created) WHERE s.created_at > " SQL_NOW " - INTERVAL ? SECOND"   \
    " AND s.template_id = t.id AND s.cpu_milli = t.cpu_milli AND s.memory_mb = t.memory_mb"
#define CONTAINERS_THAT "(SELECT COUNT(*) FROM containers c FORCE INDEX (pool) WHERE c.template_id = t.id AND c.session_id = '' AND "

enum { READ, STORE, LOCK, POOLS, STATEMENTS };

const struct db_stmt demand_repo_statements[] = {
    /* sessions further back are only looked for when it matters */
    [READ] = { "SELECT d.template_id IS NOT NULL, IFNULL(d.wanted, 0),"
               " IFNULL(TIMESTAMPDIFF(SECOND, d.changed_at, " SQL_NOW "), 0), (SELECT COUNT(*) " SESSIONS_SINCE "),"
               " IF(? = 0 OR d.template_id IS NULL OR GREATEST(d.claimed_at, t.updated_at) > " SQL_NOW " - INTERVAL ? SECOND, 0,"
               " NOT EXISTS (SELECT 1 " SESSIONS_SINCE "))"
               " FROM templates t LEFT JOIN pool_demand d ON d.template_id = t.id WHERE t.id = ?" },
    [STORE] = { "INSERT INTO pool_demand (template_id, wanted, claimed_at, changed_at) VALUES (?, ?, " SQL_NOW ", " SQL_NOW ")"
                " ON DUPLICATE KEY UPDATE changed_at = IF(wanted = VALUES(wanted), changed_at, VALUES(changed_at)),"
                " claimed_at = IF(?, VALUES(claimed_at), claimed_at), wanted = VALUES(wanted)" },
    [LOCK] = { "SELECT wanted FROM pool_demand WHERE template_id = ? FOR UPDATE" },
    [POOLS] = { "SELECT t.id, t.deprecated, t.pool_min, t.pool_target, t.pool_max_idle_s, IFNULL(d.wanted, -1), "
                CONTAINERS_THAT "c.status = 'warm' AND c.suspect = 0), " CONTAINERS_THAT "c.status = 'creating'),"
                " (SELECT COUNT(*) " SESSIONS_SINCE "), (SELECT COUNT(*) " SESSIONS_SINCE " AND s.started_at = s.created_at)"
                " FROM templates t LEFT JOIN pool_demand d ON d.template_id = t.id ORDER BY t.id" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = demand_repo_statements;

static int take_demand(void *arg, const struct db_row *row, struct err *err)
{
    (void)err;
    *(struct demand *)arg = (struct demand){ .known = db_row_int(row, 0), .wanted = db_row_int(row, 1),
                                             .changed_s = db_row_int(row, 2), .burst = db_row_int(row, 3),
                                             .idle = db_row_int(row, 4) };
    return 0;
}

int demand_repo_read(struct db *db, const struct template *template, struct demand *out, struct err *err)
{
    struct db_param idle = db_int(template->pool_max_idle_s);
    *out = (struct demand){ 0 };
    return DB_QUERY(db, &sql[READ], take_demand, out, err, db_int(DEMAND_BURST_S), idle, idle, idle, db_text(template->id));
}

int demand_repo_store(struct db *db, const char *template_id, int64_t wanted, bool used, struct err *err)
{
    return DB_EXEC(db, &sql[STORE], NULL, err, db_text(template_id), db_int(wanted), db_int(used));
}

int demand_repo_lock(struct db *db, const char *template_id, int64_t *wanted_out, struct err *err)
{
    *wanted_out = 0;
    return DB_QUERY(db, &sql[LOCK], take_int, wanted_out, err, db_text(template_id));
}

void pool_rows_release(struct pool_rows *rows)
{
    free(rows->items);
    *rows = (struct pool_rows){ 0 };
}

static int take_pool(void *arg, const struct db_row *row, struct err *err)
{
    struct pool_rows *rows = arg;
    struct pool_row *item = list_add(&rows->items, &rows->count, sizeof(*item), err);
    if (!item)
        return -1;
    item->deprecated = db_row_int(row, 1);
    item->min = db_row_int(row, 2);
    item->target = db_row_int(row, 3);
    item->max_idle_s = db_row_int(row, 4);
    item->wanted = db_row_int(row, 5);
    item->warm = db_row_int(row, 6);
    item->creating = db_row_int(row, 7);
    item->sessions = db_row_int(row, 8);
    item->hits = db_row_int(row, 9);
    return row_text(row, 0, item->template_id, sizeof(item->template_id), err);
}

int demand_repo_pools(struct db *db, struct pool_rows *out, struct err *err)
{
    enum { MINUTE_S = 60 };
    return DB_QUERY(db, &sql[POOLS], take_pool, out, err, db_int(MINUTE_S), db_int(MINUTE_S));
}
