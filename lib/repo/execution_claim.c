/* SPDX-License-Identifier: Apache-2.0 */
/* Claims: what a dispatcher takes from the queue.
 *
 * A claim of the whole queue first looks, without locks, at the first due execution of each session (a skip scan of the key `queue`, so that
 * a session with many waiting costs no more than one with few) and at as many of each as it may start; then it locks those
 * it can get (SKIP LOCKED) and marks them. An empty queue costs the looks alone.
 *
 * A claim of those that it was told of reads them with all that belongs to them, and marks them by compare-and-set: two statements, one commit. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/repo/execution_repo.h"
#include "lib/repo/execution_rows.h"
#include "lib/util/strbuf.h"

_Static_assert(EXECUTION_CONCURRENT_MAX == 4, "WAITING has a column for each that a session may run at once");
#define PENDING(e) e ".status = 'pending' AND " e ".runnable = 1"
#define DUE(e) PENDING(e) " AND " e ".due_at <= " SQL_NOW
#define RUNNING_OF(q)                                                                              \
    "(SELECT COUNT(*) FROM executions r FORCE INDEX (queue) WHERE r.status = 'running' AND r.runnable = 1 AND r.session_id = " q ".session_id)"
#define NTH(q, n)                                                                                  \
    "(SELECT w.seq FROM executions w FORCE INDEX (queue) WHERE w.session_id = " q ".session_id AND " DUE("w")   \
    " ORDER BY w.due_at, w.seq LIMIT 1 OFFSET " n ")"
/* With its place, how many of its session run, and which is the next of it. */
#define NAMED_COLUMNS                                                                              \
    EXECUTION_COLUMNS EXECUTION_CODE_COLUMNS ", " SQL_MS(SQL_NOW) ", " PLACE("e") ", " RUNNING_OF("e") ", " NTH("e", "0")
#define STARTED                                                                                    \
    "e.status = 'running', e.attempts = e.attempts + 1, e.claimed_by = ?, e.due_at = " SQL_IN_MS "," \
    " e.started_at = IFNULL(e.started_at, FROM_UNIXTIME(? / 1000))"
enum { CLAIM_JSON_MAX = 256 * 1024 };
#define LISTED                                                                                     \
    "JSON_TABLE(?, '$[*]' COLUMNS (place FOR ORDINALITY, seq BIGINT PATH '$')) j"                  \
    " STRAIGHT_JOIN executions e FORCE INDEX (PRIMARY) ON e.seq = j.seq"

enum { WAITING, LEFT_OVER, NAMED, NAMED_ONE, OURS, LOCK, START, START_ONE, TAKE_OVER, STATEMENTS };

const struct db_stmt execution_claim_statements[] = {
    /* Sessions with something due: those with room to start it first, of these the longest waiting, and what may be started. */
    [WAITING] = { "SELECT " PLACE("q") ", " RUNNING_OF("q") " AS running, " NTH("q", "0") ", " NTH("q", "1") ", " NTH("q", "2") ", " NTH("q", "3") " FROM"
                  " (SELECT p.session_id, MIN(p.due_at) AS first FROM executions p FORCE INDEX FOR GROUP BY (queue)"
                  " WHERE " PENDING("p") " GROUP BY p.status, p.runnable, p.session_id) q" PLACED("q")
                  " WHERE q.first <= " SQL_NOW " ORDER BY running >= 4, q.first, q.session_id LIMIT ?" },
    [LEFT_OVER] = { "SELECT " PLACE("q") ", 0, q.seq FROM executions q FORCE INDEX (queue)" PLACED("q")
                    " WHERE q.status = 'running' AND q.runnable = 1 AND q.due_at <= " SQL_NOW " LIMIT ?" },
    [NAMED] = { "SELECT " NAMED_COLUMNS " FROM " LISTED PLACED("e") " WHERE " DUE("e") " ORDER BY e.due_at, e.seq" },
    /* one of it: a third of the time of the same with a list */
    [NAMED_ONE] = { "SELECT " NAMED_COLUMNS " FROM executions e FORCE INDEX (PRIMARY)" PLACED("e") " WHERE e.seq = ? AND " DUE("e") },
    [OURS] = { "SELECT e.seq FROM " LISTED " WHERE e.status = 'running' AND e.claimed_by = ?" },
    [LOCK] = { "SELECT " EXECUTION_COLUMNS EXECUTION_CODE_COLUMNS ", j.place, " SQL_MS(SQL_NOW) ","
               " e.pushed_until IS NOT NULL AND (e.claimed_by IS NULL OR e.pushed_until <= " SQL_NOW "),"
               " IFNULL(e.pushed_until <= " SQL_NOW ", 0), e.container_id FROM " LISTED
               " WHERE e.status IN ('pending', 'running') AND e.runnable = 1 AND e.due_at <= " SQL_NOW
               " ORDER BY j.place FOR UPDATE SKIP LOCKED" },
    [START] = { "UPDATE JSON_TABLE(?, '$[*]' COLUMNS (seq BIGINT PATH '$[0]', container_id VARCHAR(12) PATH '$[1]')) j"
                " STRAIGHT_JOIN executions e FORCE INDEX (PRIMARY) ON e.seq = j.seq SET e.container_id = j.container_id, " STARTED
                " WHERE " DUE("e") },
    [START_ONE] = { "UPDATE executions e SET e.container_id = ?, " STARTED " WHERE e.seq = ? AND " DUE("e") },
    [TAKE_OVER] = { "UPDATE " LISTED " SET e.claimed_by = ?, e.due_at = " SQL_IN_MS },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = execution_claim_statements;

/* One claim, handed through its transaction. */
struct claiming {
    const char *claimed_by;
    int64_t limit;
    struct claim_list candidates; /* session and container known, execution only by seq */
    struct claim_list claimed;
    int64_t *taken_over; /* seqs */
    size_t started_count, taken_over_count;
    int64_t now_ms; /* the database's */
    size_t rows;    /* sessions seen */
    bool crowded;   /* one has more waiting than may run */
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
    return read_place(item, row, 0, err);
}

/* A session, how many of it run, and the seqs of those that are next. */
static int take_waiting(void *arg, const struct db_row *row, struct err *err)
{
    struct claiming *claiming = arg;
    int64_t left = EXECUTION_CONCURRENT_MAX - db_row_int(row, PLACE_COLUMNS);
    unsigned room = left > 0 ? (unsigned)left : 0;
    claiming->rows++;
    unsigned behind = room < EXECUTION_CONCURRENT_MAX ? room : room - 1; /* of the fifth nothing is known: there may be one */
    claiming->crowded |= !db_row_null(row, PLACE_COLUMNS + 1 + behind);
    for (unsigned i = 0; i < room; i++)
        if (add_candidate(claiming, row, PLACE_COLUMNS + 1 + i, err) != 0)
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
    item->waited_us = (claiming->now_ms - execution->created_at) * 1000;
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

static int mark_started(struct db *db, const struct claiming *claiming, uint64_t *marked_out, struct err *err)
{
    if (claiming->started_count == 0)
        return 0;
    const struct db_param by = db_text(claiming->claimed_by), lease = db_int(EXECUTION_LEASE_MS), now = db_int(claiming->now_ms);
    const struct execution_claim *first = claiming->claimed.items;
    if (claiming->claimed.count == 1)
        return DB_EXEC(db, &sql[START_ONE], marked_out, err, db_text(first->container_id), by, lease, now, db_int(first->execution.seq));
    cleanup_strbuf struct strbuf sent = STRBUF_INIT(CLAIM_JSON_MAX);
    if (started_to_json(claiming, &sent, err) != 0)
        return -1;
    return DB_EXEC(db, &sql[START], marked_out, err, db_text(strbuf_str(&sent)), by, lease, now);
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

static char *list_to_json(const struct claim_list *list)
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
    cleanup_free char *json = list_to_json(&claiming->candidates);
    if (!json)
        return row_no_memory(err);
    if (DB_QUERY(db, &sql[LOCK], take_locked, claiming, err, db_text(json)) != 0 ||
        mark_started(db, claiming, NULL, err) != 0)
        return -1;
    return mark_taken_over(db, claiming, err);
}

int execution_repo_claim(struct db *db, const char *claimed_by, const struct string_list *nodes, int64_t limit,
                         struct claim_list *out, bool *crowded_out, struct err *err)
{
    cleanup(claiming_release) struct claiming claiming = { .claimed_by = claimed_by, .limit = limit };
    cleanup_strbuf struct strbuf text = STRBUF_INIT(NODES_TEXT_MAX);
    struct db_param on = nodes_param(nodes, &text);
    *out = (struct claim_list){ 0 };
    if (!strbuf_ok(&text))
        return row_no_memory(err);
    if (DB_QUERY(db, &sql[LEFT_OVER], take_left_over, &claiming, err, on, on, db_int(limit)) != 0 ||
        DB_QUERY(db, &sql[WAITING], take_waiting, &claiming, err, on, on, db_int(limit)) != 0)
        return -1;
    if (claiming.candidates.count > 0 && db_transaction(db, claim_work, &claiming, err) != 0)
        return -1;
    if (crowded_out)
        *crowded_out = claiming.crowded || (int64_t)claiming.rows >= limit;
    *out = claiming.claimed;
    claiming.claimed = (struct claim_list){ 0 };
    return 0;
}

/* Those of the same session that will start by this claim, or -1: what is next of it is none of them. */
static int64_t starting_before(const struct claiming *claiming, const char *session_id, int64_t next)
{
    int64_t count = 0;
    bool known = false;
    for (size_t i = 0; i < claiming->claimed.count; i++) {
        const struct execution *other = &claiming->claimed.items[i].execution;
        count += strcmp(other->session_id, session_id) == 0;
        known |= other->seq == next;
    }
    return known ? count : -1;
}

/* Whether its session has room for it, and no older one waits that was not named. Rows come in the order of the queue. */
static bool may_start(const struct claiming *claiming, const struct execution *execution, int64_t running, int64_t next)
{
    int64_t before = next == execution->seq ? 0 : starting_before(claiming, execution->session_id, next);
    return before >= 0 && running + before < EXECUTION_CONCURRENT_MAX;
}

static int take_named(void *arg, const struct db_row *row, struct err *err)
{
    enum { NOW = EXECUTION_FIRST_EXTRA + EXECUTION_CODE_COUNT, PLACE_FIRST, RUNNING = PLACE_FIRST + PLACE_COLUMNS, NEXT };
    struct claiming *claiming = arg;
    struct claim_list *list = &claiming->claimed;
    cleanup(execution_claim_release) struct execution_claim claim = { 0 };
    if (read_execution(&claim.execution, row, err) != 0)
        return -1;
    if (!may_start(claiming, &claim.execution, db_row_int(row, RUNNING), db_row_int(row, NEXT)))
        return 0;
    struct execution_claim *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item)
        return -1;
    *item = claim;
    claim = (struct execution_claim){ 0 };
    claiming->started_count++;
    claiming->now_ms = db_row_int(row, NOW);
    item->execution.status = EXECUTION_RUNNING;
    item->execution.attempts++;
    if (!item->execution.started_at)
        item->execution.started_at = claiming->now_ms;
    item->waited_us = (claiming->now_ms - item->execution.created_at) * 1000;
    return read_execution_code(&item->execution, row, EXECUTION_FIRST_EXTRA, err) != 0 ? -1 : read_place(item, row, PLACE_FIRST, err);
}

/* Somebody else was quicker with some: only what the rows call ours stays. */
static int keep_ours(struct db *db, struct claiming *claiming, struct err *err)
{
    cleanup(seq_list_release) struct seq_list ours = { 0 };
    cleanup_free char *json = list_to_json(&claiming->claimed);
    if (!json)
        return row_no_memory(err);
    if (DB_QUERY(db, &sql[OURS], take_seq, &ours, err, db_text(json), db_text(claiming->claimed_by)) != 0)
        return -1;
    struct claim_list *list = &claiming->claimed;
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        bool mine = false;
        for (size_t j = 0; j < ours.count; j++)
            mine |= ours.items[j] == list->items[i].execution.seq;
        if (mine)
            list->items[kept++] = list->items[i];
        else
            execution_claim_release(&list->items[i]);
    }
    list->count = kept;
    return 0;
}

int execution_repo_claim_named(struct db *db, const char *claimed_by, const struct string_list *nodes, const int64_t *seqs, size_t count,
                               struct claim_list *out, bool *crowded_out, struct err *err)
{
    cleanup(claiming_release) struct claiming claiming = { .claimed_by = claimed_by };
    cleanup_strbuf struct strbuf text = STRBUF_INIT(NODES_TEXT_MAX);
    const struct db_param on = nodes_param(nodes, &text);
    cleanup_free char *json = seqs_to_json(seqs, count);
    uint64_t marked = 0;
    *out = (struct claim_list){ 0 };
    if (!strbuf_ok(&text) || !json)
        return row_no_memory(err);
    int status = count == 1 ? DB_QUERY(db, &sql[NAMED_ONE], take_named, &claiming, err, on, on, db_int(seqs[0]))
                            : DB_QUERY(db, &sql[NAMED], take_named, &claiming, err, db_text(json), on, on);
    if (status != 0 || mark_started(db, &claiming, &marked, err) != 0)
        return -1;
    *crowded_out = claiming.claimed.count < count;
    if (marked < claiming.claimed.count && keep_ours(db, &claiming, err) != 0)
        return -1;
    *out = claiming.claimed;
    claiming.claimed = (struct claim_list){ 0 };
    return 0;
}
