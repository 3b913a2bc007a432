/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks on their way. */
#include "lib/repo/webhook_repo.h"

#include <stdlib.h>
#include <string.h>

#include "lib/repo/execution_rows.h"

#define COLUMNS                                                                                    \
    "w.seq, w.id, w.owner, w.event, w.object_id, w.url, w.status, w.attempts, w.answer, w.error, " SQL_MS("w.created_at") ", " \
    SQL_MS("w.due_at") ", " SQL_MS(SQL_NOW)
#define LISTED                                                                                     \
    "JSON_TABLE(?, '$[*]' COLUMNS (place FOR ORDINALITY, seq BIGINT PATH '$')) j"                  \
    " STRAIGHT_JOIN webhooks w FORCE INDEX (PRIMARY) ON w.seq = j.seq"
#define BYTES(column) "IFNULL(LENGTH(e." column "), 0)"
#define IF_SMALL(column) "IF(" BYTES("stdout_text") " + " BYTES("stderr_text") " + " BYTES("return_json") " <= ?, e." column ", NULL)"
#define SMALL "IF(" BYTES("stdout_text") " + " BYTES("stderr_text") " + " BYTES("return_json") " <= ?, 1, 0)"
enum { COLUMN_NOW = 12 };

enum { HOSTS, LOCK, TAKE, LOAD, EXECUTIONS, SESSIONS, RELEASE, STORE, TIDY, LIST, OF_OBJECT, RETRY, STATEMENTS };

const struct db_stmt webhook_repo_statements[] = {
    [HOSTS] = { "SELECT host FROM (SELECT w.host, MIN(w.due_at) AS first FROM webhooks w FORCE INDEX FOR GROUP BY (work)"
                " WHERE w.status = 'waiting' GROUP BY w.status, w.host) h WHERE first <= " SQL_NOW " ORDER BY first LIMIT ?" },
    [LOCK] = { "SELECT seq FROM webhooks FORCE INDEX (work) WHERE status = 'waiting' AND host = ? AND due_at <= " SQL_NOW
               " ORDER BY due_at LIMIT ? FOR UPDATE SKIP LOCKED" },
    [TAKE] = { "UPDATE " LISTED " SET w.claimed_by = ?, w.attempts = w.attempts + 1, w.due_at = " SQL_IN_MS },
    [LOAD] = { "SELECT " COLUMNS " FROM " LISTED " ORDER BY j.place" },
    [EXECUTIONS] = { "SELECT " EXECUTION_COLUMNS ", j.place, e.exit_code, e.error_kind, e.error_message, e.duration_ms, " SMALL ", "
                     IF_SMALL("stdout_text") ", " IF_SMALL("stderr_text") ", " IF_SMALL("return_json") ", e.stdout_truncated,"
                     " e.stderr_truncated FROM " LISTED " STRAIGHT_JOIN executions e FORCE INDEX (id) ON e.id = w.object_id" },
    [SESSIONS] = { "SELECT j.place, s.id, s.status, s.template_id, s.error, s.restarts, " SQL_MS("s.created_at") ", " SQL_MS("s.started_at")
                   ", " SQL_MS("s.ended_at") " FROM " LISTED " STRAIGHT_JOIN sessions s FORCE INDEX (id) ON s.id = w.object_id" },
    [RELEASE] = { "UPDATE webhooks FORCE INDEX (age) SET claimed_by = NULL, due_at = " SQL_NOW " WHERE status = 'waiting' AND claimed_by = ?" },
    [STORE] = { "UPDATE webhooks SET status = ?, claimed_by = NULL, answer = ?, error = LEFT(?, 1024), due_at = " SQL_IN_MS ","
                " ended_at = IF(status = 'waiting', NULL, " SQL_NOW ")"
                " WHERE seq = ? AND status = 'waiting' AND claimed_by = ? AND attempts = ?" },
    [TIDY] = { "DELETE FROM webhooks WHERE status = ? AND due_at <= " SQL_NOW " ORDER BY due_at LIMIT ?" },
    [LIST] = { "SELECT " COLUMNS " FROM webhooks w WHERE ? = 0 OR w.status = 'given_up' OR (w.status = 'waiting' AND w.error IS NOT NULL)"
               " ORDER BY w.seq DESC LIMIT ?" },
    [OF_OBJECT] = { "SELECT " COLUMNS " FROM webhooks w FORCE INDEX (object) WHERE w.object_id = ? ORDER BY w.seq DESC LIMIT ?" },
    [RETRY] = { "UPDATE webhooks SET status = 'waiting', attempts = 0, due_at = " SQL_NOW ", created_at = " SQL_NOW ", ended_at = NULL"
                " WHERE id = ? AND claimed_by IS NULL" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = webhook_repo_statements;

const char *webhook_status_name(enum webhook_status status)
{
    static const char *const names[WEBHOOK_STATUSES] = { "waiting", "delivered", "given_up" };
    return names[status];
}

static int status_parse(const char *name)
{
    for (int i = 0; i < WEBHOOK_STATUSES; i++)
        if (strcmp(webhook_status_name((enum webhook_status)i), name) == 0)
            return i;
    return -1;
}

void webhook_release(struct webhook *webhook)
{
    free(webhook->url);
    free(webhook->error);
    execution_release(&webhook->execution);
    session_release(&webhook->session);
    *webhook = (struct webhook){ 0 };
}

void webhook_list_release(struct webhook_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        webhook_release(&list->items[i]);
    free(list->items);
    *list = (struct webhook_list){ 0 };
}

int webhook_repo_due_hosts(struct db *db, int64_t limit, struct string_list *out, struct err *err)
{
    return DB_QUERY(db, &sql[HOSTS], take_string, out, err, db_int(limit));
}

/* One claim, handed through its transaction. */
struct claiming {
    const char *claimed_by, *host;
    int64_t lease_ms, limit;
    struct seq_list seqs;
    struct webhook_list *claimed;
};

static int take_webhook(void *arg, const struct db_row *row, struct err *err)
{
    struct webhook_list *list = arg;
    int status = 0;
    bool failed = false;
    struct webhook *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item || row_text(row, 1, item->id, sizeof(item->id), err) != 0 || row_text(row, 2, item->owner, sizeof(item->owner), err) != 0 ||
        row_text(row, 3, item->event, sizeof(item->event), err) != 0 || row_text(row, 4, item->object_id, sizeof(item->object_id), err) != 0 ||
        row_enum(row, 6, status_parse, &status, err) != 0)
        return -1;
    item->seq = db_row_int(row, 0);
    item->url = db_row_dup(row, 5, &failed);
    item->status = (enum webhook_status)status;
    item->attempts = db_row_int(row, 7);
    item->answer = db_row_int(row, 8);
    item->error = db_row_dup(row, 9, &failed);
    item->created_at = db_row_int(row, 10);
    item->due_at = db_row_int(row, 11);
    item->now_ms = db_row_int(row, COLUMN_NOW);
    return failed ? row_no_memory(err) : 0;
}

static int take_execution(void *arg, const struct db_row *row, struct err *err)
{
    enum { PLACE = EXECUTION_FIRST_EXTRA, EXIT_CODE, KIND, MESSAGE, DURATION, HAS_OUTPUT, STDOUT, STDERR, RETURN, STDOUT_CUT, STDERR_CUT };
    const struct webhook_list *list = arg;
    struct webhook *item = &list->items[db_row_int(row, PLACE) - 1];
    struct execution_outcome *outcome = &item->execution.outcome;
    bool failed = false;
    if (read_execution(&item->execution, row, err) != 0)
        return -1;
    outcome->has_exit_code = !db_row_null(row, EXIT_CODE);
    outcome->exit_code = db_row_int(row, EXIT_CODE);
    outcome->error_kind = db_row_dup(row, KIND, &failed);
    outcome->error_message = db_row_dup(row, MESSAGE, &failed);
    outcome->duration_ms = db_row_double(row, DURATION);
    item->has_output = db_row_int(row, HAS_OUTPUT);
    outcome->stdout_text = db_row_dup(row, STDOUT, &failed);
    outcome->stderr_text = db_row_dup(row, STDERR, &failed);
    db_row_text(row, STDOUT, &outcome->stdout_len);
    db_row_text(row, STDERR, &outcome->stderr_len);
    outcome->return_json = db_row_dup(row, RETURN, &failed);
    outcome->stdout_truncated = db_row_int(row, STDOUT_CUT);
    outcome->stderr_truncated = db_row_int(row, STDERR_CUT);
    return failed ? row_no_memory(err) : 0;
}

static int take_session(void *arg, const struct db_row *row, struct err *err)
{
    const struct webhook_list *list = arg;
    struct session *session = &list->items[db_row_int(row, 0) - 1].session;
    int status = 0;
    bool failed = false;
    if (row_text(row, 1, session->id, sizeof(session->id), err) != 0 || row_enum(row, 2, session_status_parse, &status, err) != 0 ||
        row_text(row, 3, session->template_id, sizeof(session->template_id), err) != 0)
        return -1;
    session->status = (enum session_status)status;
    session->error = db_row_dup(row, 4, &failed);
    session->restarts = db_row_int(row, 5);
    session->created_at = db_row_int(row, 6);
    session->started_at = db_row_int(row, 7);
    session->ended_at = db_row_int(row, 8);
    return failed ? row_no_memory(err) : 0;
}

static int claim_work(struct db *db, void *arg, struct err *err)
{
    struct claiming *claiming = arg;
    struct webhook_list *claimed = claiming->claimed;
    seq_list_release(&claiming->seqs);
    webhook_list_release(claimed);
    if (DB_QUERY(db, &sql[LOCK], take_seq, &claiming->seqs, err, db_text(claiming->host), db_int(claiming->limit)) != 0)
        return -1;
    if (claiming->seqs.count == 0)
        return 0;
    cleanup_free char *list = seqs_to_json(claiming->seqs.items, claiming->seqs.count);
    if (!list)
        return row_no_memory(err);
    struct db_param seqs = db_text(list), small = db_int(WEBHOOK_OUTPUT_MAX);
    if (DB_EXEC(db, &sql[TAKE], NULL, err, seqs, db_text(claiming->claimed_by), db_int(claiming->lease_ms)) != 0 ||
        DB_QUERY(db, &sql[LOAD], take_webhook, claimed, err, seqs) != 0 ||
        DB_QUERY(db, &sql[EXECUTIONS], take_execution, claimed, err, small, small, small, small, seqs) != 0)
        return -1;
    return DB_QUERY(db, &sql[SESSIONS], take_session, claimed, err, seqs);
}

int webhook_repo_claim(struct db *db, const char *claimed_by, const char *host, int64_t lease_ms, int64_t limit, struct webhook_list *out,
                       struct err *err)
{
    cleanup(webhook_list_release) struct webhook_list claimed = { 0 };
    struct claiming claiming = { .claimed_by = claimed_by, .host = host, .lease_ms = lease_ms, .limit = limit, .claimed = &claimed };
    int status = db_transaction(db, claim_work, &claiming, err);
    seq_list_release(&claiming.seqs);
    if (status != 0)
        return -1;
    *out = claimed;
    claimed = (struct webhook_list){ 0 };
    return 0;
}

int webhook_repo_release(struct db *db, const char *claimed_by, struct err *err)
{
    return DB_EXEC(db, &sql[RELEASE], NULL, err, db_text(claimed_by));
}

struct storing {
    const char *claimed_by;
    const struct webhook_result *results;
    size_t count;
};

static int store_work(struct db *db, void *arg, struct err *err)
{
    const struct storing *storing = arg;
    for (size_t i = 0; i < storing->count; i++) {
        const struct webhook_result *result = &storing->results[i];
        if (DB_EXEC(db, &sql[STORE], NULL, err, db_text(webhook_status_name(result->status)), db_int(result->answer), db_text(result->error),
                    db_int(result->due_in_ms), db_int(result->seq), db_text(storing->claimed_by), db_int(result->attempts)) != 0)
            return -1;
    }
    return 0;
}

int webhook_repo_store(struct db *db, const char *claimed_by, const struct webhook_result *results, size_t count, struct err *err)
{
    struct storing storing = { claimed_by, results, count };
    return db_transaction(db, store_work, &storing, err);
}

int webhook_repo_tidy(struct db *db, int64_t limit, uint64_t *removed_out, struct err *err)
{
    *removed_out = 0;
    for (int i = WEBHOOK_DELIVERED; i < WEBHOOK_STATUSES; i++) {
        uint64_t removed = 0;
        if (DB_EXEC(db, &sql[TIDY], &removed, err, db_text(webhook_status_name((enum webhook_status)i)), db_int(limit)) != 0)
            return -1;
        *removed_out += removed;
    }
    return 0;
}

int webhook_repo_list(struct db *db, const struct webhook_filter *filter, struct webhook_list *out, struct err *err)
{
    if (filter->object_id)
        return DB_QUERY(db, &sql[OF_OBJECT], take_webhook, out, err, db_text(filter->object_id), db_int(filter->limit));
    return DB_QUERY(db, &sql[LIST], take_webhook, out, err, db_int(filter->failed), db_int(filter->limit));
}

int webhook_repo_retry(struct db *db, const char *id, bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    if (DB_EXEC(db, &sql[RETRY], &changed, err, db_text(id)) != 0)
        return -1;
    *changed_out = changed > 0;
    return 0;
}
