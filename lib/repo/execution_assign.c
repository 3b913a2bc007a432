/* SPDX-License-Identifier: Apache-2.0 */
/* Submission, and the way from there to the dispatcher that an execution was stored for.
 *
 * Where nothing of a session waits and fewer of it run than may, the row is stored as running, for the dispatcher that takes what comes for the session's
 * node: one commit instead of a second one for the claim. The session's lock makes that exact. Submissions wait for each other; and where
 * nothing waits, no claim can start anything meanwhile. */
#include <stdio.h>
#include <string.h>

#include "lib/repo/execution_repo.h"
#include "lib/repo/execution_rows.h"

_Static_assert(EXECUTION_CONCURRENT_MAX == 4, "TAKER has the number");
/* However many wait, one is looked at. */
#define OF_SESSION(e, state)                                                                       \
    " FROM executions " e " FORCE INDEX (queue) WHERE " e ".status = '" state "' AND " e ".runnable = 1 AND " e ".session_id = s.id)"
#define TAKER                                                                                      \
    "(SELECT d.instance FROM dispatchers d FORCE INDEX (PRIMARY)"                                  \
    " WHERE d.node_id = s.node_id AND d.takes_until > " SQL_NOW " AND d.host IN ('', ?) AND s.container_id <> '' AND s.status = 'running'" \
    " AND NOT EXISTS (SELECT 1" OF_SESSION("p", "pending") " AND (SELECT COUNT(*)" OF_SESSION("r", "running") " < 4)"
#define TAKEN                                                                                      \
    "SELECT " EXECUTION_COLUMNS EXECUTION_CODE_COLUMNS ", TIMESTAMPDIFF(MICROSECOND, e.created_at, " SQL_NOW "), " PLACE("e")   \
    " FROM executions e FORCE INDEX (PRIMARY)" PLACED("e") " AND c.id = e.container_id WHERE e.status = 'running' AND e.claimed_by = ? AND e.seq "

enum { SUBMIT, TAKE_ONE, TAKE_16, UNFINISHED, PUT_BACK, STATEMENTS };
enum { TAKEN_AT_ONCE = 16 };

const struct db_stmt execution_assign_statements[] = {
    /* one statement, so that alone it is its own transaction; the session's row is locked first, whoever starts or ends it waits */
    [SUBMIT] = { "INSERT INTO executions (id, session_id, owner, status, runnable, claimed_by, container_id, attempts, started_at, due_at,"
                 " created_at, language, timeout_s, max_retries, notify, code, event_json, env_json, callback_url, trace_json)"
                 " SELECT CONCAT('exec_', DATE_FORMAT(" SQL_NOW ", '%Y%m%d'), '_', ?), x.id, x.owner,"
                 " IF(x.taker IS NULL, 'pending', 'running'), x.runnable, x.taker, IF(x.taker IS NULL, '', x.container_id),"
                 " x.taker IS NOT NULL, IF(x.taker IS NULL, NULL, " SQL_NOW "),"
                 " " SQL_NOW " + INTERVAL IF(x.taker IS NULL, 0, ?) * 1000 MICROSECOND, " SQL_NOW ", ?, ?, ?, ?, ?, ?, ?, ?, ?"
                 " FROM (SELECT s.id, s.owner, s.status = 'running' AS runnable, s.container_id, " TAKER " AS taker"
                 " FROM sessions s FORCE INDEX (id) WHERE s.id = ? AND s.owner = ? AND s.status IN ('creating', 'running') FOR UPDATE) x"
                 " RETURNING seq, id, runnable, " SQL_MS("created_at") ", claimed_by IS NOT NULL,"
                 " (SELECT CONCAT(t.last_activity_at < " SQL_NOW " - INTERVAL 1 SECOND, IFNULL(d.doorbell, '')) FROM sessions t FORCE INDEX (id)"
                 " LEFT JOIN dispatchers d FORCE INDEX (PRIMARY) ON d.node_id = t.node_id WHERE t.id = session_id)" },
    [TAKE_ONE] = { TAKEN "= ?" },
    [TAKE_16] = { TAKEN "IN (" SQL_16 ")" },
    [UNFINISHED] = { "SELECT seq FROM executions FORCE INDEX (queue) WHERE status = 'running' AND runnable = 1 AND claimed_by = ?" },
    [PUT_BACK] = { "UPDATE executions SET status = 'pending', claimed_by = NULL, attempts = attempts - 1, container_id = '',"
                   " started_at = IF(attempts = 0, NULL, started_at), due_at = " SQL_NOW " WHERE seq = ? AND status = 'running' AND claimed_by = ?" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = execution_assign_statements;

struct submitting {
    struct execution *draft;
    struct submit_result *out;
};

static int take_submitted(void *arg, const struct db_row *row, struct err *err)
{
    struct submitting *submitting = arg;
    struct execution *draft = submitting->draft;
    struct submit_result *out = submitting->out;
    out->stored = true;
    draft->seq = db_row_int(row, 0);
    draft->runnable = db_row_int(row, 2);
    draft->created_at = db_row_int(row, 3);
    out->assigned = db_row_int(row, 4);
    const char *more = db_row_text(row, 5, NULL); /* two in one subquery: each costs to set up */
    out->touch_due = more && more[0] == '1';
    if (more && more[0] && out->assigned)
        snprintf(out->doorbell, sizeof(out->doorbell), "%s", more + 1);
    return row_text(row, 1, draft->id, sizeof(draft->id), err);
}

int execution_repo_submit(struct db *db, const char *random, const char *host, struct execution *draft, struct submit_result *out, struct err *err)
{
    struct submitting submitting = { .draft = draft, .out = out };
    *out = (struct submit_result){ 0 };
    return DB_QUERY(db, &sql[SUBMIT], take_submitted, &submitting, err, db_text(random), db_int(EXECUTION_LEASE_MS),
                    db_text(language_name(draft->language)), db_int(draft->timeout_s), db_int(draft->max_retries), db_text(draft->notify),
                    db_text(draft->code), db_text(draft->event_json), db_text(draft->env_json), db_text(draft->callback_url),
                    db_text(draft->trace_json), db_text(host), db_text(draft->session_id), db_text(draft->owner));
}

static int take_taken(void *arg, const struct db_row *row, struct err *err)
{
    enum { WAITED = EXECUTION_FIRST_EXTRA + EXECUTION_CODE_COUNT, PLACE_FIRST };
    struct claim_list *list = arg;
    struct execution_claim *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item || read_execution(&item->execution, row, err) != 0 ||
        read_execution_code(&item->execution, row, EXECUTION_FIRST_EXTRA, err) != 0)
        return -1;
    item->waited_us = db_row_int(row, WAITED);
    return read_place(item, row, PLACE_FIRST, err);
}

static int take(struct db *db, const char *claimed_by, const struct db_param *on, const int64_t *seqs, size_t count, struct claim_list *out,
                struct err *err)
{
    struct db_param params[3 + TAKEN_AT_ONCE] = { *on, *on, db_text(claimed_by) };
    for (size_t i = 0; i < TAKEN_AT_ONCE; i++)
        params[3 + i] = i < count ? db_int(seqs[i]) : db_null();
    if (count == 1)
        return db_query(db, &sql[TAKE_ONE], params, 4, take_taken, out, err);
    return db_query(db, &sql[TAKE_16], params, 3 + TAKEN_AT_ONCE, take_taken, out, err);
}

/* Those that did not come have no place to run at, or are not ours any more. */
static int put_back_others(struct db *db, const char *claimed_by, const int64_t *seqs, size_t count, const struct claim_list *taken,
                           bool *put_back_out, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t changed = 0;
        bool found = false;
        for (size_t j = 0; j < taken->count; j++)
            found |= taken->items[j].execution.seq == seqs[i];
        if (!found && DB_EXEC(db, &sql[PUT_BACK], &changed, err, db_int(seqs[i]), db_text(claimed_by)) != 0)
            return -1;
        *put_back_out |= changed > 0;
    }
    return 0;
}

int execution_repo_take(struct db *db, const char *claimed_by, const struct string_list *nodes, const int64_t *seqs, size_t count,
                        struct claim_list *out, bool *put_back_out, struct err *err)
{
    cleanup(claim_list_release) struct claim_list taken = { 0 };
    cleanup_strbuf struct strbuf text = STRBUF_INIT(NODES_TEXT_MAX);
    const struct db_param on = nodes_param(nodes, &text);
    *out = (struct claim_list){ 0 };
    *put_back_out = false;
    if (!strbuf_ok(&text))
        return row_no_memory(err);
    for (size_t i = 0; i < count; i += TAKEN_AT_ONCE) {
        size_t some = count - i < TAKEN_AT_ONCE ? count - i : TAKEN_AT_ONCE;
        if (take(db, claimed_by, &on, seqs + i, some, &taken, err) != 0)
            return -1;
    }
    if (taken.count < count && put_back_others(db, claimed_by, seqs, count, &taken, put_back_out, err) != 0)
        return -1;
    *out = taken;
    taken = (struct claim_list){ 0 };
    return 0;
}

int execution_repo_unfinished(struct db *db, const char *claimed_by, struct seq_list *out, struct err *err)
{
    cleanup(seq_list_release) struct seq_list found = { 0 };
    if (DB_QUERY(db, &sql[UNFINISHED], take_seq, &found, err, db_text(claimed_by)) != 0)
        return -1;
    *out = found;
    found = (struct seq_list){ 0 };
    return 0;
}
