/* SPDX-License-Identifier: Apache-2.0 */
/* Sign of life of the jobs. */
#include "lib/repo/node_repo.h"
#include "lib/repo/rows.h"

enum { BEAT, FORGET, LIST, STATEMENTS };

const struct db_stmt job_repo_statements[] = {
    [BEAT] = { "INSERT INTO jobs (instance, name, pid, started_at, beat_at, interval_ms, waiting, error)"
               " VALUES (?, ?, ?, " SQL_NOW " - INTERVAL ? * 1000 MICROSECOND, " SQL_NOW ", ?, ?, NULLIF(LEFT(?, 320), ''))"
               " ON DUPLICATE KEY UPDATE name = VALUES(name), pid = VALUES(pid),"
               " started_at = VALUES(started_at), beat_at = VALUES(beat_at),"
               " interval_ms = VALUES(interval_ms), waiting = VALUES(waiting), error = VALUES(error)" },
    [FORGET] = { "DELETE FROM jobs WHERE instance = ?" },
    [LIST] = { "SELECT instance, name, pid, " SQL_MS("started_at") ", " SQL_MS("beat_at") ", interval_ms, waiting,"
               " TIMESTAMPDIFF(MICROSECOND, beat_at, " SQL_NOW ") DIV 1000, error"
               " FROM jobs ORDER BY name, instance" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = job_repo_statements;

int job_repo_beat(struct db *db, const struct job_beat *beat, struct err *err)
{
    return DB_EXEC(db, &sql[BEAT], NULL, err, db_text(beat->instance), db_text(beat->name),
                   db_int(beat->pid), db_int(beat->running_ms), db_int(beat->interval_ms), db_int(beat->waiting),
                   db_text(beat->error));
}

int job_repo_forget(struct db *db, const char *instance, struct err *err)
{
    return DB_EXEC(db, &sql[FORGET], NULL, err, db_text(instance));
}

static int take_job(void *arg, const struct db_row *row, struct err *err)
{
    struct job_list *list = arg;
    struct job_beat *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item || row_text(row, 0, item->instance, sizeof(item->instance), err) != 0 ||
        row_text(row, 1, item->name, sizeof(item->name), err) != 0)
        return -1;
    item->pid = db_row_int(row, 2);
    item->started_at = db_row_int(row, 3);
    item->beat_at = db_row_int(row, 4);
    item->interval_ms = db_row_int(row, 5);
    item->waiting = db_row_int(row, 6);
    item->silent_ms = db_row_int(row, 7);
    return row_text(row, 8, item->error, sizeof(item->error), err);
}

int job_repo_list(struct db *db, struct job_list *out, struct err *err)
{
    cleanup(job_list_release) struct job_list found = { 0 };
    if (DB_QUERY(db, &sql[LIST], take_job, &found, err) != 0)
        return -1;
    *out = found;
    found = (struct job_list){ 0 };
    return 0;
}
