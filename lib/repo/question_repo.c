/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of container_questions; whoever waits for one removes it. */
#include "lib/repo/question_repo.h"

#include <string.h>

#include "lib/repo/rows.h"

/* FROM_UNIXTIME() ends in 2038, and a client may ask for more. */
#define EPOCH "TIMESTAMP'1970-01-01 00:00:00'"
#define AGO "UTC_TIMESTAMP(3) - INTERVAL ? * 1000 MICROSECOND"
#define FREE "(q.status = 'asked' OR q.taken_at < " AGO ")"

enum { ASK, SETTLED, ANSWER, DROP, WAITING, TAKE, SETTLE, FAIL, PURGE, STATEMENTS };

const struct db_stmt question_repo_statements[] = {
    [ASK] = { "INSERT INTO container_questions (id, node_id, container_id, kind, tail, since, notify, status, asked_at)"
              " VALUES (?, ?, ?, 'logs', ?, IF(? > 0, " EPOCH " + INTERVAL ? * 1000 MICROSECOND, NULL), ?, 'asked', " SQL_NOW ")" },
    [SETTLED] = { "SELECT status IN ('answered', 'failed') FROM container_questions WHERE id = ?" },
    [ANSWER] = { "SELECT status = 'answered', answer, error FROM container_questions WHERE id = ?" },
    [DROP] = { "DELETE FROM container_questions WHERE id = ?" },
    [WAITING] = { "SELECT q.id, q.node_id, q.container_id, q.notify, q.tail,"
                  " TIMESTAMPDIFF(MICROSECOND, " EPOCH ", q.since) DIV 1000"
                  " FROM container_questions q FORCE INDEX (work) WHERE q.node_id = ? AND q.status IN ('asked', 'taken')"
                  " AND " FREE " AND q.asked_at > " AGO " LIMIT 1" },
    [TAKE] = { "UPDATE container_questions q SET q.status = 'taken', q.taken_at = " SQL_NOW
               " WHERE q.id = ? AND q.status IN ('asked', 'taken') AND " FREE },
    [SETTLE] = { "UPDATE container_questions SET status = 'answered', answer = ? WHERE id = ? AND status = 'taken'" },
    [FAIL] = { "UPDATE container_questions SET status = 'failed', error = LEFT(?, 1024) WHERE id = ? AND status = 'taken'" },
    [PURGE] = { "DELETE FROM container_questions WHERE asked_at < " SQL_NOW " - INTERVAL ? SECOND"
                " ORDER BY asked_at LIMIT ?" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = question_repo_statements;

int question_repo_ask(struct db *db, const struct question *question, struct err *err)
{
    return DB_EXEC(db, &sql[ASK], NULL, err, db_text(question->id), db_text(question->node_id),
                   db_text(question->container_id), db_int(question->tail), db_int(question->since_ms),
                   db_int(question->since_ms), db_text(question->notify));
}

int question_repo_settled(struct db *db, const char *id, bool *settled_out, struct err *err)
{
    int64_t settled = 1;
    if (DB_QUERY(db, &sql[SETTLED], take_int, &settled, err, db_text(id)) != 0)
        return -1;
    *settled_out = settled;
    return 0;
}

static int take_answer(void *arg, const struct db_row *row, struct err *err)
{
    size_t len = 0;
    if (!db_row_int(row, 0)) {
        const char *reason = db_row_text(row, 2, NULL);
        return err_set(err, ERR_UNAVAILABLE, "%s", reason ? reason : "The container's node gave no answer in time.");
    }
    const char *text = db_row_text(row, 1, &len);
    strbuf_add(arg, text ? text : "", len);
    return strbuf_ok(arg) ? 0 : row_no_memory(err);
}

int question_repo_answer(struct db *db, const char *id, struct strbuf *out, struct err *err)
{
    return DB_QUERY(db, &sql[ANSWER], take_answer, out, err, db_text(id));
}

int question_repo_drop(struct db *db, const char *id, struct err *err)
{
    return DB_EXEC(db, &sql[DROP], NULL, err, db_text(id));
}

static int take_question(void *arg, const struct db_row *row, struct err *err)
{
    struct question *out = arg;
    out->tail = db_row_int(row, 4);
    out->since_ms = db_row_int(row, 5);
    if (row_text(row, 0, out->id, sizeof(out->id), err) != 0 ||
        row_text(row, 1, out->node_id, sizeof(out->node_id), err) != 0 ||
        row_text(row, 2, out->container_id, sizeof(out->container_id), err) != 0)
        return -1;
    return row_text(row, 3, out->notify, sizeof(out->notify), err);
}

int question_repo_take(struct db *db, const char *node_id, struct question *out, bool *found_out, struct err *err)
{
    uint64_t taken = 0;
    *found_out = false;
    while (!taken) { /* each round that comes away empty-handed has seen another worker take one */
        *out = (struct question){ 0 };
        if (DB_QUERY(db, &sql[WAITING], take_question, out, err, db_text(node_id), db_int(QUESTION_LEASE_MS),
                     db_int(QUESTION_LIFE_MS)) != 0)
            return -1;
        if (!out->id[0])
            return 0;
        if (DB_EXEC(db, &sql[TAKE], &taken, err, db_text(out->id), db_int(QUESTION_LEASE_MS)) != 0)
            return -1;
    }
    *found_out = true;
    return 0;
}

static int settle(struct db *db, int statement, const char *id, const char *text, size_t len, bool *changed_out,
                  struct err *err)
{
    uint64_t changed = 0;
    if (DB_EXEC(db, &sql[statement], &changed, err, db_bytes(text, len), db_text(id)) != 0)
        return -1;
    *changed_out = changed > 0;
    return 0;
}

int question_repo_settle(struct db *db, const char *id, const char *text, size_t len, bool *changed_out, struct err *err)
{
    return settle(db, SETTLE, id, text, len, changed_out, err);
}

int question_repo_fail(struct db *db, const char *id, const char *reason, bool *changed_out, struct err *err)
{
    return settle(db, FAIL, id, reason, strlen(reason), changed_out, err);
}

int question_repo_purge(struct db *db, int64_t limit, uint64_t *removed_out, struct err *err)
{
    return DB_EXEC(db, &sql[PURGE], removed_out, err, db_int(QUESTION_KEPT_S), db_int(limit));
}
