/* SPDX-License-Identifier: Apache-2.0 */
/* Containers as the warm pool sees them. */
#include "lib/repo/container_repo.h"

#include <stdio.h>

#include "lib/repo/container_rows.h"

/* Not made as the template says now. */
#define OTHERWISE                                                                                  \
    "(c.image <> ? OR c.languages <> ? OR c.preload_json <> ? OR c.oci_runtime <> ? OR c.network_enabled <> ? OR c.read_only_root <> ?" \
    " OR c.cpu_milli <> ? OR c.memory_mb <> ? OR c.disk_mb <> ? OR c.max_processes <> ?)"
#define ON_NODE_THAT "(SELECT 1 FROM nodes n WHERE n.id = c.node_id AND n.status "
#define OF_POOL "status IN ('creating', 'warm') AND session_id = ''"
#define TO_DELETING(key)                                                                           \
    "UPDATE containers FORCE INDEX (" key ") SET status = 'deleting', suspect = 0, claimed_by = NULL, attempts = 0," \
    " due_at = " SQL_NOW " WHERE " OF_POOL

enum { FIND_WARM, CLAIM_WARM, COUNT_POOL, SURPLUS, ORPHANS, DISCARD, DISCARD_ALL, STATEMENTS };

const struct db_stmt pool_repo_statements[] = {
    /* In the order of the key, so that only the row that is taken is locked. One that a probe has missed may be under examination. */
    [FIND_WARM] = { "SELECT " CONTAINER_COLUMNS " FROM containers c FORCE INDEX (pool)"
                    " WHERE c.template_id = ? AND c.status = 'warm' AND c.suspect = 0 AND c.misses = 0 AND NOT " OTHERWISE
                    " AND NOT EXISTS " ON_NODE_THAT "<> 'ready')"
                    " ORDER BY c.seq LIMIT 1 FOR UPDATE SKIP LOCKED" },
    [CLAIM_WARM] = { "UPDATE containers SET status = 'running', session_id = ?"
                     " WHERE id = ? AND status = 'warm'" },
    [COUNT_POOL] = { "SELECT IFNULL(SUM(status = 'warm' AND suspect = 0), 0), IFNULL(SUM(status = 'creating'), 0)"
                     " FROM containers FORCE INDEX (pool) WHERE template_id = ? AND " OF_POOL },
    /* Those that no longer fit go anyway and do not count against those that do; of these the aged ones go first, then
     * the oldest. Age alone takes none of the last pool_min. Those being made go only when they would not fit. */
    [SURPLUS] = { "SELECT r.id FROM (SELECT w.id, w.seq, w.unfit, w.aged, w.making,"
                  " ROW_NUMBER() OVER (ORDER BY w.making, w.unfit, w.aged, w.seq DESC) AS place FROM"
                  " (SELECT c.id, c.seq, c.status = 'creating' AS making, (c.status = 'warm' AND ? > 0 AND c.ready_at < " SQL_NOW " - INTERVAL ? SECOND) AS aged,"
                  " " OTHERWISE " OR EXISTS " ON_NODE_THAT "<> 'ready') AS unfit"
                  " FROM containers c FORCE INDEX (pool) WHERE c.template_id = ? AND c." OF_POOL ") w) r"
                  " WHERE r.unfit OR (NOT r.making AND (r.place > ? OR (r.aged AND r.place > ?))) ORDER BY r.seq" },
    [ORPHANS] = { "SELECT c.id FROM containers c FORCE INDEX (work) WHERE c." OF_POOL
                  " AND NOT EXISTS (SELECT 1 FROM templates t WHERE t.id = c.template_id)" },
    [DISCARD] = { TO_DELETING("id") " AND id = ?" },
    [DISCARD_ALL] = { TO_DELETING("pool") " AND template_id = ?" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = pool_repo_statements;

int container_repo_claim_warm(struct db *db, const struct template *t, const struct resources *resources,
                              const char *session_id, struct container *out, bool *found_out,
                              struct err *err)
{
    cleanup(container_list_release) struct container_list found = { 0 };
    *found_out = false;
    if (DB_QUERY(db, &sql[FIND_WARM], take_container, &found, err, db_text(t->id), db_text(t->image),
                 db_text(t->languages), db_text(t->preload_json), db_text(t->oci_runtime), db_int(t->network_enabled),
                 db_int(t->read_only_root), db_int(resources->cpu_milli), db_int(resources->memory_mb),
                 db_int(resources->disk_mb), db_int(resources->max_processes)) != 0)
        return -1;
    if (found.count == 0)
        return 0;
    uint64_t changed = 0;
    if (DB_EXEC(db, &sql[CLAIM_WARM], &changed, err, db_text(session_id), db_text(found.items[0].id)) != 0)
        return -1;
    if (changed != 1)
        return err_internal(err, 0, "a locked warm container changed: claimed outside a transaction?");
    container_list_steal_first(&found, out);
    out->status = CONTAINER_RUNNING;
    snprintf(out->session_id, sizeof(out->session_id), "%s", session_id);
    *found_out = true;
    return 0;
}

struct pool_count {
    int64_t warm, creating;
};

static int take_count(void *arg, const struct db_row *row, struct err *err)
{
    struct pool_count *count = arg;
    (void)err;
    count->warm = db_row_int(row, 0);
    count->creating = db_row_int(row, 1);
    return 0;
}

int container_repo_count_pool(struct db *db, const char *template_id, int64_t *warm_out,
                              int64_t *creating_out, struct err *err)
{
    struct pool_count count = { 0 };
    if (DB_QUERY(db, &sql[COUNT_POOL], take_count, &count, err, db_text(template_id)) != 0)
        return -1;
    *warm_out = count.warm;
    *creating_out = count.creating;
    return 0;
}

int container_repo_surplus(struct db *db, const struct template *t, int64_t keep, struct string_list *out,
                           struct err *err)
{
    return DB_QUERY(db, &sql[SURPLUS], take_string, out, err, db_int(t->pool_max_idle_s),
                    db_int(t->pool_max_idle_s), db_text(t->image), db_text(t->languages),
                    db_text(t->preload_json), db_text(t->oci_runtime), db_int(t->network_enabled), db_int(t->read_only_root),
                    db_int(t->resources.cpu_milli), db_int(t->resources.memory_mb), db_int(t->resources.disk_mb),
                    db_int(t->resources.max_processes), db_text(t->id), db_int(keep),
                    db_int(t->pool_min < keep ? t->pool_min : keep));
}

int container_repo_orphans(struct db *db, struct string_list *out, struct err *err)
{
    return db_query(db, &sql[ORPHANS], NULL, 0, take_string, out, err);
}

int container_repo_discard(struct db *db, const char *id, bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    if (DB_EXEC(db, &sql[DISCARD], &changed, err, db_text(id)) != 0)
        return -1;
    *changed_out = changed > 0;
    return 0;
}

int container_repo_discard_all(struct db *db, const char *template_id, bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    if (DB_EXEC(db, &sql[DISCARD_ALL], &changed, err, db_text(template_id)) != 0)
        return -1;
    *changed_out = changed > 0;
    return 0;
}
