/* SPDX-License-Identifier: Apache-2.0 */
/* Probes, read at once and written at once: with executors that all answer, nothing is written. */
#include "lib/repo/probe_repo.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lib/repo/rows.h"
#include "lib/util/strbuf.h"

#define SECONDS(from) "TIMESTAMPDIFF(SECOND, " from ", " SQL_NOW ")"
#define PROBED                                                                                                         \
    "JSON_TABLE(?, '$[*]' COLUMNS (seq BIGINT PATH '$[0]', before_misses INT PATH '$[1]', misses INT PATH '$[2]',"     \
    " suspect INT PATH '$[3]', answers INT PATH '$[4]', busy INT PATH '$[5]', noted INT PATH '$[6]')) j"               \
    " STRAIGHT_JOIN containers c FORCE INDEX (PRIMARY) ON c.seq = j.seq"
#define SILENT "last_seen_at < " SQL_NOW " - INTERVAL ? SECOND"

enum { LIST, FREE, STORE, SILENT_NODES, OFFLINE, STATEMENTS };
enum { ROW_TEXT_MAX = 3 * 21 + 16 };

const struct db_stmt probe_repo_statements[] = {
    [LIST] = { "SELECT c.seq, c.id, c.secret, c.misses, c.answers,"
               " IFNULL(c.measured_at > " SQL_NOW " - INTERVAL 30 SECOND"
               " AND (c.cpu_used_milli * 100 > ? * c.cpu_milli OR c.memory_used_mb * 100 > ? * c.memory_mb), 0),"
               " IFNULL(" SECONDS("c.busy_since") ", -1), c.busy_noted"
               " FROM containers c FORCE INDEX (work) WHERE c.status IN ('warm', 'running') AND c.node_id = ? ORDER BY c.seq" },
    [FREE] = { "SELECT c.seq FROM " PROBED " WHERE c.status IN ('warm', 'running') AND c.misses = j.before_misses"
               " FOR UPDATE SKIP LOCKED" },
    [STORE] = { "UPDATE " PROBED " SET c.misses = j.misses, c.suspect = c.suspect OR j.suspect, c.answers = c.answers OR j.answers,"
                " c.busy_since = IF(j.busy, IFNULL(c.busy_since, " SQL_NOW "), NULL), c.busy_noted = j.noted" },
    [SILENT_NODES] = { "SELECT id FROM nodes WHERE status = 'ready' AND " SILENT },
    [OFFLINE] = { "UPDATE nodes SET status = 'offline', error = CONCAT('not heard of for ', " SECONDS("last_seen_at") ", ' s')"
                  " WHERE id = ? AND status = 'ready' AND " SILENT },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = probe_repo_statements;

void probe_list_release(struct probe_list *list)
{
    free(list->items);
    *list = (struct probe_list){ 0 };
}

static int take_row(void *arg, const struct db_row *row, struct err *err)
{
    struct probe_list *list = arg;
    struct probe_row *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item || row_text(row, 1, item->id, sizeof(item->id), err) != 0 ||
        row_text(row, 2, item->secret, sizeof(item->secret), err) != 0)
        return -1;
    item->seq = db_row_int(row, 0);
    item->misses = item->misses_now = db_row_int(row, 3);
    item->answers = item->answers_now = db_row_int(row, 4);
    item->busy = db_row_int(row, 5);
    item->busy_s = db_row_int(row, 6);
    item->busy_noted = item->busy_noted_now = db_row_int(row, 7);
    return 0;
}

int probe_repo_list(struct db *db, const char *node_id, struct probe_list *out, struct err *err)
{
    cleanup(probe_list_release) struct probe_list found = { 0 };
    struct db_param percent = db_int(PROBE_BUSY_PERCENT);
    if (DB_QUERY(db, &sql[LIST], take_row, &found, err, percent, percent, db_text(node_id)) != 0)
        return -1;
    *out = found;
    found = (struct probe_list){ 0 };
    return 0;
}

/* "[[seq,before,misses,suspect,answers,busy,noted],...]": the dirty ones, or those of them that were found free. */
static char *to_json(const struct probe_list *list, bool free_only)
{
    cleanup_strbuf struct strbuf json = STRBUF_INIT(list->count * ROW_TEXT_MAX + 2);
    for (size_t i = 0; i < list->count; i++) {
        const struct probe_row *row = &list->items[i];
        if (!row->dirty || (free_only && !row->stored))
            continue;
        strbuf_addf(&json, "%c[%" PRId64 ",%" PRId64 ",%" PRId64 ",%d,%d,%d,%d]", json.len > 0 ? ',' : '[', row->seq, row->misses,
                    row->misses_now, row->suspect_now, row->answers_now, row->busy, row->busy_noted_now);
    }
    if (json.len > 0)
        strbuf_add_char(&json, ']');
    return strbuf_steal(&json);
}

static int compare_seq(const void *a, const void *b)
{
    int64_t x = ((const struct probe_row *)a)->seq, y = ((const struct probe_row *)b)->seq;
    return x < y ? -1 : x > y;
}

static int take_free(void *arg, const struct db_row *row, struct err *err)
{
    struct probe_list *list = arg;
    struct probe_row key = { .seq = db_row_int(row, 0) };
    struct probe_row *found = bsearch(&key, list->items, list->count, sizeof(key), compare_seq);
    (void)err;
    if (found)
        found->stored = true;
    return 0;
}

static int store_work(struct db *db, void *arg, struct err *err)
{
    struct probe_list *list = arg;
    for (size_t i = 0; i < list->count; i++)
        list->items[i].stored = false;
    cleanup_free char *dirty = to_json(list, false);
    if (!dirty)
        return row_no_memory(err);
    if (DB_QUERY(db, &sql[FREE], take_free, list, err, db_text(dirty)) != 0)
        return -1;
    cleanup_free char *found = to_json(list, true);
    if (!found)
        return row_no_memory(err);
    return found[0] ? DB_EXEC(db, &sql[STORE], NULL, err, db_text(found)) : 0;
}

int probe_repo_store(struct db *db, struct probe_list *list, struct err *err)
{
    bool dirty = false;
    for (size_t i = 0; i < list->count; i++)
        dirty |= list->items[i].dirty;
    return dirty ? db_transaction(db, store_work, list, err) : 0;
}

int probe_repo_silent_nodes(struct db *db, int64_t silent_s, struct string_list *out, struct err *err)
{
    return DB_QUERY(db, &sql[SILENT_NODES], take_string, out, err, db_int(silent_s));
}

int probe_repo_node_offline(struct db *db, const char *id, int64_t silent_s, bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    if (DB_EXEC(db, &sql[OFFLINE], &changed, err, db_text(id), db_int(silent_s)) != 0)
        return -1;
    *changed_out = changed > 0;
    return 0;
}
