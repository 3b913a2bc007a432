/* SPDX-License-Identifier: Apache-2.0 */
/* Measurements, read in slices and written in batches: nobody may have to wait for them. */
#include "lib/repo/usage_repo.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lib/repo/rows.h"
#include "lib/util/strbuf.h"

#define MEASURED                                                                                                       \
    "JSON_TABLE(?, '$[*]' COLUMNS (seq BIGINT PATH '$[0]', cpu BIGINT PATH '$[1]', used BIGINT PATH '$[2]',"           \
    " memory BIGINT PATH '$[3]')) j STRAIGHT_JOIN containers c FORCE INDEX (PRIMARY) ON c.seq = j.seq"

enum { DUE, FREE, STORE, STATEMENTS };
enum { ROW_TEXT_MAX = 4 * 21 + 4 };

const struct db_stmt usage_repo_statements[] = {
    [DUE] = { "SELECT c.seq, c.id, IFNULL(c.cpu_time_ms, 0),"
              " TIMESTAMPDIFF(MICROSECOND, IFNULL(c.measured_at, c.created_at), " SQL_NOW ") DIV 1000"
              " FROM containers c FORCE INDEX (work) WHERE c.status IN ('warm', 'running') AND c.node_id = ?"
              " AND (c.seq MOD ? = ? OR (c.measured_at IS NULL AND c.ready_at > " SQL_NOW " - INTERVAL 5 SECOND))" },
    [FREE] = { "SELECT c.seq, j.cpu, j.used, j.memory FROM " MEASURED " WHERE c.status IN ('warm', 'running') FOR UPDATE SKIP LOCKED" },
    [STORE] = { "UPDATE " MEASURED " SET c.cpu_time_ms = j.cpu, c.cpu_used_milli = j.used, c.memory_used_mb = j.memory,"
                " c.measured_at = " SQL_NOW },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = usage_repo_statements;

void usage_list_release(struct usage_list *list)
{
    free(list->items);
    *list = (struct usage_list){ 0 };
}

static int take_row(void *arg, const struct db_row *row, struct err *err)
{
    struct usage_list *list = arg;
    struct usage_row *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item || row_text(row, 1, item->id, sizeof(item->id), err) != 0)
        return -1;
    item->seq = db_row_int(row, 0);
    item->before_cpu_ms = db_row_int(row, 2);
    item->elapsed_ms = db_row_int(row, 3);
    return 0;
}

int usage_repo_due(struct db *db, const char *node_id, int64_t slice, int64_t slices, struct usage_list *out,
                   struct err *err)
{
    cleanup(usage_list_release) struct usage_list found = { 0 };
    if (DB_QUERY(db, &sql[DUE], take_row, &found, err, db_text(node_id), db_int(slices), db_int(slice)) != 0)
        return -1;
    *out = found;
    found = (struct usage_list){ 0 };
    return 0;
}

/* "[[seq,cpu,used,memory],...]" */
static char *to_json(const struct usage_row *rows, size_t count)
{
    cleanup_strbuf struct strbuf json = STRBUF_INIT(count * ROW_TEXT_MAX + 2);
    strbuf_add_char(&json, '[');
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&json, "%s[%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "]", i ? "," : "", rows[i].seq,
                    rows[i].cpu_time_ms, rows[i].cpu_milli, rows[i].memory_mb);
    strbuf_add_char(&json, ']');
    return strbuf_steal(&json);
}

static int take_free(void *arg, const struct db_row *row, struct err *err)
{
    struct usage_list *list = arg;
    struct usage_row *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item)
        return -1;
    item->seq = db_row_int(row, 0);
    item->cpu_time_ms = db_row_int(row, 1);
    item->cpu_milli = db_row_int(row, 2);
    item->memory_mb = db_row_int(row, 3);
    return 0;
}

static int store_work(struct db *db, void *arg, struct err *err)
{
    cleanup(usage_list_release) struct usage_list free_rows = { 0 };
    if (DB_QUERY(db, &sql[FREE], take_free, &free_rows, err, db_text(arg)) != 0)
        return -1;
    if (free_rows.count == 0)
        return 0;
    cleanup_free char *json = to_json(free_rows.items, free_rows.count);
    return json ? DB_EXEC(db, &sql[STORE], NULL, err, db_text(json)) : row_no_memory(err);
}

int usage_repo_store(struct db *db, const struct usage_row *rows, size_t count, struct err *err)
{
    if (count == 0)
        return 0;
    cleanup_free char *json = to_json(rows, count);
    return json ? db_transaction(db, store_work, json, err) : row_no_memory(err);
}
