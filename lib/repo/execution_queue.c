/* SPDX-License-Identifier: Apache-2.0 */
/* Executions as the dispatcher sees them: the queue, leases, and what happens to all of a session's at once.
 *
 * A claim first looks, without locks, at the first due execution of each session (a skip scan of the key `queue`, so that
 * a session with many waiting costs no more than one with few) and at as many of each as it may start; then it locks those
 * it can get (SKIP LOCKED) and marks them. An empty queue costs the looks alone. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/repo/execution_repo.h"
#include "lib/repo/execution_rows.h"
#include "lib/repo/webhook_repo.h"
#include "lib/util/strbuf.h"

_Static_assert(EXECUTION_CONCURRENT_MAX == 4, "WAITING has a column for each that a session may run at once");
#define PENDING(e) e ".status = 'pending' AND " e ".runnable = 1"
#define NTH(n)                                                                                     \
    "(SELECT w.seq FROM executions w FORCE INDEX (queue) WHERE " PENDING("w")                      \
    " AND w.session_id = q.session_id AND w.due_at <= " SQL_NOW " ORDER BY w.due_at, w.seq LIMIT 1 OFFSET " n ")"
#define PLACE "q.session_id, c.id, c.secret, s.env_json, s.cpu_milli, s.memory_mb, s.disk_mb, s.max_processes,"                 \
    " s.workspace_seq <> c.workspace_seq, c.node_id"
#define PLACED                                                                                     \
    " STRAIGHT_JOIN sessions s FORCE INDEX (id) ON s.id = q.session_id AND s.status = 'running'"   \
    " STRAIGHT_JOIN containers c FORCE INDEX (id) ON c.id = s.container_id AND c.status = 'running'"   \
    " AND (? IS NULL OR LOCATE(CONCAT(CHAR(10), c.node_id, CHAR(10)), ?) > 0)"
enum { PLACE_COLUMNS = 10, NODES_MAX = 1024 * 1024, CLAIM_JSON_MAX = 256 * 1024 };
#define LISTED                                                                                     \
    "JSON_TABLE(?, '$[*]' COLUMNS (place FOR ORDINALITY, seq BIGINT PATH '$')) j"                  \
    " STRAIGHT_JOIN executions e FORCE INDEX (PRIMARY) ON e.seq = j.seq"
#define OF_SESSION                                                                                 \
    " FROM executions FORCE INDEX (queue) WHERE status IN ('pending', 'running') AND runnable IN (0, 1) AND session_id = ?"

enum { WAITING, LEFT_OVER, LOCK, START, TAKE_OVER, RENEW, RELEASE, MAKE_RUNNABLE, LOCK_SESSION, FAIL_SESSION,
       STATEMENTS };

const struct db_stmt execution_queue_statements[] = {
    /* Sessions with something due and room to start it, the longest waiting first, and what may be started. */
    [WAITING] = { "SELECT " PLACE ", (SELECT COUNT(*) FROM executions r FORCE INDEX (queue)"
                  " WHERE r.status = 'running' AND r.runnable = 1 AND r.session_id = q.session_id) AS running, "
                  NTH("0") ", " NTH("1") ", " NTH("2") ", " NTH("3") " FROM"
                  " (SELECT p.session_id, MIN(p.due_at) AS first FROM executions p FORCE INDEX FOR GROUP BY (queue)"
                  " WHERE " PENDING("p") " GROUP BY p.status, p.runnable, p.session_id) q" PLACED
                  " WHERE q.first <= " SQL_NOW " HAVING running < 4 ORDER BY q.first, q.session_id LIMIT ?" },
    [LEFT_OVER] = { "SELECT " PLACE ", 0, q.seq FROM executions q FORCE INDEX (queue)" PLACED
                    " WHERE q.status = 'running' AND q.runnable = 1 AND q.due_at <= " SQL_NOW " LIMIT ?" },
    [LOCK] = { "SELECT " EXECUTION_COLUMNS EXECUTION_CODE_COLUMNS ", j.place, " SQL_MS(SQL_NOW) ","
               " e.pushed_until IS NOT NULL AND (e.claimed_by IS NULL OR e.pushed_until <= " SQL_NOW "),"
               " IFNULL(e.pushed_until <= " SQL_NOW ", 0), e.container_id FROM " LISTED
               " WHERE e.status IN ('pending', 'running') AND e.runnable = 1 AND e.due_at <= " SQL_NOW
               " ORDER BY j.place FOR UPDATE SKIP LOCKED" },
    [START] = { "UPDATE JSON_TABLE(?, '$[*]' COLUMNS (seq BIGINT PATH '$[0]', container_id VARCHAR(12) PATH '$[1]')) j"
                " STRAIGHT_JOIN executions e FORCE INDEX (PRIMARY) ON e.seq = j.seq SET e.container_id = j.container_id, e.status = 'running', e.attempts = e.attempts + 1, e.claimed_by = ?,"
                " e.due_at = " SQL_IN_MS ", e.started_at = IFNULL(e.started_at, FROM_UNIXTIME(? / 1000))" },
    [TAKE_OVER] = { "UPDATE " LISTED " SET e.claimed_by = ?, e.due_at = " SQL_IN_MS },
    [RENEW] = { "UPDATE executions FORCE INDEX (queue) SET due_at = " SQL_IN_MS
                " WHERE status = 'running' AND runnable = 1 AND claimed_by = ?" },
    [RELEASE] = { "UPDATE executions FORCE INDEX (queue) SET due_at = " SQL_NOW
                  " WHERE status = 'running' AND runnable = 1 AND claimed_by = ?" },
    [MAKE_RUNNABLE] = { "UPDATE executions FORCE INDEX (queue) SET runnable = 1"
                        " WHERE status = 'pending' AND runnable = 0 AND session_id = ?" },
    [LOCK_SESSION] = { "SELECT id, notify, language, seq, callback_url IS NOT NULL" OF_SESSION " FOR UPDATE" },
    [FAIL_SESSION] = { "UPDATE executions FORCE INDEX (queue) SET status = 'failed', claimed_by = NULL, error_kind = ?,"
                       " error_message = ?, completed_at = " SQL_NOW
                       " WHERE status IN ('pending', 'running') AND runnable IN (0, 1) AND session_id = ?" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = execution_queue_statements;

/* One claim, handed through its transaction. */
struct claiming {
    const char *claimed_by;
    int64_t limit;
    struct claim_list candidates; /* session and container known, execution only by seq */
    struct claim_list claimed;
    int64_t *taken_over; /* seqs */
    size_t started_count, taken_over_count;
    int64_t now_ms; /* the database's */
};

static void reset_claimed(struct claiming *claiming)
{
    claim_list_release(&claiming->claimed);
    claiming->started_count = claiming->taken_over_count = 0;
    free(steal(claiming->taken_over));
}

static void claiming_release(struct claiming *claiming)
{
    reset_claimed(claiming);
    claim_list_release(&claiming->candidates);
}

static int read_place(struct execution_claim *out, const struct db_row *row, struct err *err)
{
    bool failed = false;
    out->session_env_json = db_row_dup(row, 3, &failed);
    row_resources(row, 4, &out->resources);
    out->unsynced = db_row_int(row, 8);
    if (failed)
        return row_no_memory(err);
    if (row_text(row, 1, out->container_id, sizeof(out->container_id), err) != 0 ||
        row_text(row, 9, out->node_id, sizeof(out->node_id), err) != 0)
        return -1;
    return row_text(row, 2, out->container_secret, sizeof(out->container_secret), err);
}

static int add_candidate(struct claiming *claiming, const struct db_row *row, unsigned seq_column,
                         struct err *err)
{
    struct claim_list *list = &claiming->candidates;
    if (db_row_null(row, seq_column) || (int64_t)list->count >= claiming->limit)
        return 0;
    struct execution_claim *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item)
        return -1;
    item->execution.seq = db_row_int(row, seq_column);
    return read_place(item, row, err);
}

/* A session, how many of it run, and the seqs of those that are next. */
static int take_waiting(void *arg, const struct db_row *row, struct err *err)
{
    int64_t room = EXECUTION_CONCURRENT_MAX - db_row_int(row, PLACE_COLUMNS);
    for (unsigned i = 0; i < room; i++)
        if (add_candidate(arg, row, PLACE_COLUMNS + 1 + i, err) != 0)
            return -1;
    return 0;
}

static int take_left_over(void *arg, const struct db_row *row, struct err *err)
{
    return add_candidate(arg, row, PLACE_COLUMNS + 1, err);
}

static int note_seq(struct claiming *claiming, int64_t seq, bool pending, struct err *err)
{
    claiming->started_count += pending;
    if (pending)
        return 0;
    int64_t *item = list_add(&claiming->taken_over, &claiming->taken_over_count, sizeof(*item), err);
    if (!item)
        return -1;
    *item = seq;
    return 0;
}

/* A locked row: its candidate becomes a claim. */
static int take_locked(void *arg, const struct db_row *row, struct err *err)
{
    enum { CANDIDATE = EXECUTION_FIRST_EXTRA + EXECUTION_CODE_COUNT, NOW, SILENT, OVERDUE, CONTAINER };
    struct claiming *claiming = arg;
    struct claim_list *list = &claiming->claimed;
    struct execution_claim *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item || read_execution(&item->execution, row, err) != 0 ||
        read_execution_code(&item->execution, row, EXECUTION_FIRST_EXTRA, err) != 0)
        return -1;
    struct execution *execution = &item->execution;
    bool pending = execution->status == EXECUTION_PENDING;
    if (note_seq(claiming, execution->seq, pending, err) != 0)
        return -1;
    item->taken_over = !pending;
    execution->status = EXECUTION_RUNNING;
    execution->attempts += pending;
    item->silent = !pending && db_row_int(row, SILENT);
    item->overdue = item->silent && db_row_int(row, OVERDUE);
    const char *sent_to = db_row_text(row, CONTAINER, NULL);
    claiming->now_ms = db_row_int(row, NOW);
    if (!execution->started_at)
        execution->started_at = claiming->now_ms;
    /* copied, not moved: a repeated transaction needs the candidate again */
    const struct execution_claim *candidate = &claiming->candidates.items[db_row_int(row, CANDIDATE) - 1];
    item->resources = candidate->resources;
    item->unsynced = candidate->unsynced;
    memcpy(item->node_id, candidate->node_id, sizeof(item->node_id));
    memcpy(item->container_id, candidate->container_id, sizeof(item->container_id));
    memcpy(item->container_secret, candidate->container_secret, sizeof(item->container_secret));
    item->lost = !pending && sent_to && sent_to[0] && strcmp(sent_to, item->container_id) != 0;
    if (candidate->session_env_json && !(item->session_env_json = strdup(candidate->session_env_json)))
        return row_no_memory(err);
    return 0;
}

/* [[7,"a1b2c3d4e5f6"]]: what is sent, and where. */
static int started_to_json(const struct claiming *claiming, struct strbuf *out, struct err *err)
{
    for (size_t i = 0; i < claiming->claimed.count; i++) {
        const struct execution_claim *claim = &claiming->claimed.items[i];
        if (!claim->taken_over)
            strbuf_addf(out, "%c[%" PRId64 ",\"%s\"]", out->len > 0 ? ',' : '[', claim->execution.seq, claim->container_id);
    }
    strbuf_add_str(out, "]");
    return strbuf_ok(out) ? 0 : row_no_memory(err);
}

static int mark_started(struct db *db, const struct claiming *claiming, struct err *err)
{
    if (claiming->started_count == 0)
        return 0;
    cleanup_strbuf struct strbuf sent = STRBUF_INIT(CLAIM_JSON_MAX);
    if (started_to_json(claiming, &sent, err) != 0)
        return -1;
    return DB_EXEC(db, &sql[START], NULL, err, db_text(strbuf_str(&sent)), db_text(claiming->claimed_by),
                   db_int(EXECUTION_LEASE_MS), db_int(claiming->now_ms));
}

static int mark_taken_over(struct db *db, const struct claiming *claiming, struct err *err)
{
    if (claiming->taken_over_count == 0)
        return 0;
    cleanup_free char *seqs = seqs_to_json(claiming->taken_over, claiming->taken_over_count);
    if (!seqs)
        return row_no_memory(err);
    return DB_EXEC(db, &sql[TAKE_OVER], NULL, err, db_text(seqs), db_text(claiming->claimed_by),
                   db_int(EXECUTION_LEASE_MS));
}

static char *candidates_to_json(const struct claim_list *list)
{
    cleanup_free int64_t *seqs = calloc(list->count, sizeof(*seqs));
    for (size_t i = 0; seqs && i < list->count; i++)
        seqs[i] = list->items[i].execution.seq;
    return seqs ? seqs_to_json(seqs, list->count) : NULL;
}

static int claim_work(struct db *db, void *arg, struct err *err)
{
    struct claiming *claiming = arg;
    reset_claimed(claiming);
    cleanup_free char *json = candidates_to_json(&claiming->candidates);
    if (!json)
        return row_no_memory(err);
    if (DB_QUERY(db, &sql[LOCK], take_locked, claiming, err, db_text(json)) != 0 ||
        mark_started(db, claiming, err) != 0)
        return -1;
    return mark_taken_over(db, claiming, err);
}

/* A list in one text, each id between newlines, which none has. */
static void nodes_to_text(const struct string_list *nodes, struct strbuf *out)
{
    strbuf_add_char(out, '\n');
    for (size_t i = 0; i < nodes->count; i++)
        strbuf_addf(out, "%s\n", nodes->items[i]);
}

int execution_repo_claim(struct db *db, const char *claimed_by, const struct string_list *nodes, int64_t limit,
                         struct claim_list *out, struct err *err)
{
    cleanup(claiming_release) struct claiming claiming = { .claimed_by = claimed_by, .limit = limit };
    cleanup_strbuf struct strbuf text = STRBUF_INIT(NODES_MAX);
    *out = (struct claim_list){ 0 };
    if (nodes)
        nodes_to_text(nodes, &text);
    if (!strbuf_ok(&text))
        return row_no_memory(err);
    struct db_param on = nodes ? db_text(strbuf_str(&text)) : db_null();
    if (DB_QUERY(db, &sql[LEFT_OVER], take_left_over, &claiming, err, on, on, db_int(limit)) != 0 ||
        DB_QUERY(db, &sql[WAITING], take_waiting, &claiming, err, on, on, db_int(limit)) != 0)
        return -1;
    if (claiming.candidates.count > 0 && db_transaction(db, claim_work, &claiming, err) != 0)
        return -1;
    *out = claiming.claimed;
    claiming.claimed = (struct claim_list){ 0 };
    return 0;
}

int execution_repo_renew(struct db *db, const char *claimed_by, struct err *err)
{
    return DB_EXEC(db, &sql[RENEW], NULL, err, db_int(EXECUTION_LEASE_MS), db_text(claimed_by));
}

int execution_repo_release(struct db *db, const char *claimed_by, struct err *err)
{
    return DB_EXEC(db, &sql[RELEASE], NULL, err, db_text(claimed_by));
}

int execution_repo_make_runnable(struct db *db, const char *session_id, uint64_t *changed_out,
                                 struct err *err)
{
    return DB_EXEC(db, &sql[MAKE_RUNNABLE], changed_out, err, db_text(session_id));
}

/* Ending all of a session's, handed through its transaction. */
struct failing {
    const char *session_id, *kind, *message;
    struct string_list notify;
    uint64_t rows[LANGUAGES];
    size_t all;
    struct seq_list calling; /* those with a callback_url */
};

static int note_calling(struct failing *failing, int64_t seq, struct err *err)
{
    int64_t *item = list_add(&failing->calling.items, &failing->calling.count, sizeof(*item), err);
    if (!item)
        return -1;
    *item = seq;
    return 0;
}

static int take_waiter(void *arg, const struct db_row *row, struct err *err)
{
    struct failing *failing = arg;
    const char *id = db_row_text(row, 0, NULL), *address = db_row_text(row, 1, NULL);
    int language = 0;
    if (row_enum(row, 2, language_parse, &language, err) != 0)
        return -1;
    failing->rows[language]++;
    failing->all++;
    if (db_row_int(row, 4) && note_calling(failing, db_row_int(row, 3), err) != 0)
        return -1;
    if (!address || !address[0])
        return 0;
    char **item = list_add(&failing->notify.items, &failing->notify.count, sizeof(*item), err);
    if (!item)
        return -1;
    struct strbuf line = STRBUF_INIT(ADDRESS_SIZE + EXECUTION_ID_SIZE);
    strbuf_addf(&line, "%s %s", address, id);
    *item = strbuf_steal(&line);
    return *item ? 0 : row_no_memory(err);
}

static int fail_work(struct db *db, void *arg, struct err *err)
{
    struct failing *failing = arg;
    string_list_release(&failing->notify);
    seq_list_release(&failing->calling);
    memset(failing->rows, 0, sizeof(failing->rows));
    failing->all = 0;
    if (DB_QUERY(db, &sql[LOCK_SESSION], take_waiter, failing, err, db_text(failing->session_id)) != 0)
        return -1;
    if (failing->all == 0)
        return 0;
    if (DB_EXEC(db, &sql[FAIL_SESSION], NULL, err, db_text(failing->kind), db_text(failing->message),
                db_text(failing->session_id)) != 0)
        return -1;
    return webhook_repo_add_executions(db, failing->calling.items, failing->calling.count, err);
}

int execution_repo_fail_session(struct db *db, const char *session_id, const char *kind,
                                const char *message, struct string_list *notify_out, uint64_t failed_out[LANGUAGES],
                                bool *webhooks_out, struct err *err)
{
    struct failing failing = { .session_id = session_id, .kind = kind, .message = message };
    int status = db_transaction(db, fail_work, &failing, err);
    for (size_t i = 0; status == 0 && i < failing.notify.count; i++) {
        char **item = list_add(&notify_out->items, &notify_out->count, sizeof(*item), err);
        if (!item)
            status = -1;
        else
            *item = steal(failing.notify.items[i]);
    }
    *webhooks_out = status == 0 && failing.calling.count > 0;
    string_list_release(&failing.notify);
    seq_list_release(&failing.calling);
    if (status == 0)
        memcpy(failed_out, failing.rows, sizeof(failing.rows));
    return status;
}
