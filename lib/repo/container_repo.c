/* SPDX-License-Identifier: Apache-2.0 */
/* Containers as provisiond and the dispatcher see them: steps due, leases, state changes. */
#include "lib/repo/container_repo.h"

#include <stdlib.h>
#include <string.h>

#include "lib/repo/container_rows.h"

#define DUE                                                                                        \
    "FROM containers c FORCE INDEX (work) WHERE c.status IN ('creating', 'deleting')"              \
    " AND c.node_id = ? AND c.due_at <= " SQL_NOW " LIMIT ?"
#define DUE_OF(what)                                                                               \
    "SELECT " CONTAINER_COLUMNS " FROM containers c FORCE INDEX (work) WHERE " what                \
    " AND c.node_id = ? AND c.due_at <= " SQL_NOW " LIMIT ? FOR UPDATE SKIP LOCKED"
#define SUSPECT "FROM containers c FORCE INDEX (suspect) WHERE c.suspect = 1 AND c.node_id = ? LIMIT ?"
#define TO_DELETING(key)                                                                           \
    "UPDATE containers FORCE INDEX (" key ") SET status = 'deleting', suspect = 0, claimed_by = NULL, attempts = 0,"     \
    " due_at = " SQL_NOW " WHERE status IN ('creating', 'warm', 'running')"
#define LISTED "JSON_TABLE(?, '$[*]' COLUMNS (seq BIGINT PATH '$')) j STRAIGHT_JOIN containers c FORCE INDEX (PRIMARY) ON c.seq = j.seq"

enum { INSERT, GET, DUE_ANY, DUE_SESSION, DUE_REMOVAL, DUE_POOL, LEASE, RELEASE, RELEASE_NODE, READY, AGAIN, PULLING, DELETE, DELETE_OF_SESSION, DELETED,
       MARK_SUSPECT, SUSPECT_ANY, SUSPECT_LOCK, SUSPECT_CLEAR, LIVE, STATEMENTS };

const struct db_stmt container_repo_statements[] = {
    [INSERT] = { "INSERT INTO containers (id, node_id, runtime_type, template_id, session_id, status, secret,"
                 " image, languages, preload_json, oci_runtime, network_enabled, read_only_root, cpu_milli, memory_mb, disk_mb,"
                 " max_processes, due_at, created_at)"
                 " VALUES (?, ?, ?, ?, ?, 'creating', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, " SQL_NOW ", " SQL_NOW ")" },
    [GET] = { "SELECT " CONTAINER_COLUMNS " FROM containers c WHERE c.id = ?" },
    [DUE_ANY] = { "SELECT c.seq " DUE },
    [DUE_SESSION] = { DUE_OF("c.status = 'creating' AND c.session_id <> ''") },
    [DUE_REMOVAL] = { DUE_OF("c.status = 'deleting'") },
    [DUE_POOL] = { DUE_OF("c.status = 'creating' AND c.session_id = ''") },
    [LEASE] = { "UPDATE " LISTED " SET c.claimed_by = ?, c.due_at = " SQL_IN_MS ", c.attempts = c.attempts + 1" },
    [RELEASE] = { "UPDATE containers FORCE INDEX (work) SET claimed_by = NULL, due_at = " SQL_NOW
                  " WHERE status IN ('creating', 'deleting')"
                  " AND (claimed_by = ? OR LEFT(claimed_by, CHAR_LENGTH(?) + 1) = CONCAT(?, '#'))" },
    [RELEASE_NODE] = { "UPDATE containers FORCE INDEX (work) SET claimed_by = NULL, due_at = " SQL_NOW
                       " WHERE status IN ('creating', 'deleting') AND node_id = ? AND claimed_by IS NOT NULL" },
    [READY] = { "UPDATE containers SET status = IF(session_id = '', 'warm', 'running'), claimed_by = NULL,"
                " error = NULL, answers = ? IS NOT NULL, ready_at = " SQL_NOW
                " WHERE id = ? AND status = 'creating' AND (? IS NULL OR claimed_by = ?)" },
    [AGAIN] = { "UPDATE containers SET claimed_by = NULL, due_at = " SQL_IN_MS ", error = LEFT(?, 1024)"
                " WHERE id = ? AND claimed_by = ? AND status IN ('creating', 'deleting')" },
    [PULLING] = { "UPDATE containers SET claimed_by = NULL, due_at = " SQL_IN_MS ", error = LEFT(?, 1024), pulled_at = " SQL_NOW
                  " WHERE id = ? AND claimed_by = ? AND status = 'creating'" },
    [DELETE] = { TO_DELETING("id") " AND id = ?" },
    [DELETE_OF_SESSION] = { TO_DELETING("session") " AND session_id = ?" },
    [DELETED] = { "UPDATE containers SET status = 'deleted', claimed_by = NULL, secret = '', ended_at = " SQL_NOW
                                    " WHERE id = ? AND status = 'deleting'" },
    [MARK_SUSPECT] = { "UPDATE containers SET suspect = 1 WHERE id = ? AND status = 'running'" },
    [SUSPECT_ANY] = { "SELECT c.seq " SUSPECT },
    [SUSPECT_LOCK] = { "SELECT " CONTAINER_COLUMNS " " SUSPECT " FOR UPDATE SKIP LOCKED" },
    [SUSPECT_CLEAR] = { "UPDATE " LISTED " SET c.suspect = 0" },
    [LIVE] = { "SELECT " CONTAINER_COLUMNS " FROM containers c FORCE INDEX (work)"
               " WHERE c.status IN ('creating', 'warm', 'running', 'deleting') AND c.node_id = ?" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = container_repo_statements;

static int read_names(struct container *out, const struct db_row *row, struct err *err)
{
    int type = 0, status = 0;
    if (row_text(row, 0, out->id, sizeof(out->id), err) != 0 ||
        row_text(row, 1, out->node_id, sizeof(out->node_id), err) != 0 ||
        row_enum(row, 2, runtime_type_parse, &type, err) != 0 ||
        row_text(row, 3, out->template_id, sizeof(out->template_id), err) != 0 ||
        row_text(row, 4, out->session_id, sizeof(out->session_id), err) != 0 ||
        row_enum(row, 5, container_status_parse, &status, err) != 0 ||
        row_text(row, 6, out->secret, sizeof(out->secret), err) != 0)
        return -1;
    out->runtime_type = (enum runtime_type)type;
    out->status = (enum container_status)status;
    return 0;
}

static void read_usage(struct container_usage *out, const struct db_row *row)
{
    *out = (struct container_usage){ .measured = !db_row_null(row, 25),
                                     .cpu_time_ms = db_row_int(row, 22),
                                     .cpu_used_milli = db_row_int(row, 23),
                                     .memory_used_mb = db_row_int(row, 24),
                                     .measured_at = db_row_int(row, 25),
                                     .busy_since = db_row_int(row, 28) };
}

int take_container(void *arg, const struct db_row *row, struct err *err)
{
    struct container_list *list = arg;
    bool failed = false;
    struct container *out = list_add(&list->items, &list->count, sizeof(*out), err);
    if (!out || read_names(out, row, err) != 0)
        return -1;
    out->network_enabled = db_row_int(row, 7);
    row_resources(row, 8, &out->resources);
    out->attempts = db_row_int(row, 12);
    out->image = db_row_dup(row, 13, &failed);
    out->languages = db_row_dup(row, 14, &failed);
    out->oci_runtime = db_row_dup(row, 15, &failed);
    out->preload_json = db_row_dup(row, 29, &failed);
    out->error = db_row_dup(row, 16, &failed);
    out->created_at = db_row_int(row, 17);
    out->ready_at = db_row_int(row, 18);
    out->read_only_root = db_row_int(row, 20);
    out->ended_at = db_row_int(row, 21);
    out->seen_at = db_row_int(row, 26);
    out->pulled_at = db_row_int(row, 27);
    read_usage(&out->usage, row);
    return failed ? row_no_memory(err) : 0;
}

void container_list_steal_first(struct container_list *list, struct container *out)
{
    *out = list->items[0];
    list->items[0] = (struct container){ 0 };
}

int container_repo_insert(struct db *db, const struct container *c, struct err *err)
{
    return DB_EXEC(db, &sql[INSERT], NULL, err, db_text(c->id), db_text(c->node_id),
                   db_text(runtime_type_name(c->runtime_type)), db_text(c->template_id),
                   db_text(c->session_id), db_text(c->secret), db_text(c->image ? c->image : ""),
                   db_text(c->languages ? c->languages : ""),
                   db_text(c->preload_json ? c->preload_json : "[]"), db_text(c->oci_runtime ? c->oci_runtime : ""),
                   db_int(c->network_enabled), db_int(c->read_only_root), db_int(c->resources.cpu_milli),
                   db_int(c->resources.memory_mb), db_int(c->resources.disk_mb),
                   db_int(c->resources.max_processes));
}

int container_repo_get(struct db *db, const char *id, struct container *out, struct err *err)
{
    cleanup(container_list_release) struct container_list found = { 0 };
    if (DB_QUERY(db, &sql[GET], take_container, &found, err, db_text(id)) != 0)
        return -1;
    if (found.count == 0)
        return err_set(err, ERR_CONTAINER_NOT_FOUND, "Container '%.64s' does not exist.", id);
    container_list_steal_first(&found, out);
    return 0;
}

/* Containers with their seqs, which later statements name them by. */
struct batch {
    struct container_list list;
    int64_t *seqs;
    size_t seq_count;
};

static void batch_release(struct batch *batch)
{
    container_list_release(&batch->list);
    free(batch->seqs);
    *batch = (struct batch){ 0 };
}

static int take_batch(void *arg, const struct db_row *row, struct err *err)
{
    struct batch *batch = arg;
    int64_t *seq = list_add(&batch->seqs, &batch->seq_count, sizeof(*seq), err);
    if (!seq)
        return -1;
    *seq = db_row_int(row, CONTAINER_SEQ_COLUMN);
    return take_container(&batch->list, row, err);
}

enum { LOCKS = 3 };

/* Taking rows of a node: lock some, then change them. */
struct taking {
    int locks[LOCKS]; /* tried one after the other; 0: no more */
    int change;
    const char *node_id, *claimed_by; /* claimed_by NULL: the change takes no lease */
    int64_t lease_ms, limit;
    struct batch batch;
};

static int take_work(struct db *db, void *arg, struct err *err)
{
    struct taking *taking = arg;
    struct batch *batch = &taking->batch;
    batch_release(batch);
    for (int i = 0; i < LOCKS && taking->locks[i] && batch->seq_count == 0; i++)
        if (DB_QUERY(db, &sql[taking->locks[i]], take_batch, batch, err, db_text(taking->node_id),
                     db_int(taking->limit)) != 0)
            return -1;
    if (batch->seq_count == 0)
        return 0;
    cleanup_free char *seqs = seqs_to_json(batch->seqs, batch->seq_count);
    if (!seqs)
        return row_no_memory(err);
    if (!taking->claimed_by)
        return DB_EXEC(db, &sql[taking->change], NULL, err, db_text(seqs));
    return DB_EXEC(db, &sql[taking->change], NULL, err, db_text(seqs), db_text(taking->claimed_by),
                   db_int(taking->lease_ms));
}

/* Looks without locks first: an idle poll is one statement. */
static int take(struct db *db, int any, struct taking *taking, struct container_list *out, struct err *err)
{
    int64_t waiting = 0;
    *out = (struct container_list){ 0 };
    if (DB_QUERY(db, &sql[any], take_int, &waiting, err, db_text(taking->node_id), db_int(1)) != 0)
        return -1;
    int status = waiting ? db_transaction(db, take_work, taking, err) : 0;
    if (status == 0) {
        *out = taking->batch.list;
        taking->batch.list = (struct container_list){ 0 };
    }
    batch_release(&taking->batch);
    return status;
}

int container_repo_claim_work(struct db *db, const char *node_id, const char *claimed_by, enum work_order order,
                              int64_t lease_ms, int64_t limit, struct container_list *out,
                              struct err *err)
{
    static const int orders[][LOCKS] = { [WORK_SESSIONS_FIRST] = { DUE_SESSION, DUE_REMOVAL, DUE_POOL },
                                         [WORK_REMOVALS_FIRST] = { DUE_REMOVAL, DUE_SESSION, DUE_POOL },
                                         [WORK_NOT_THE_POOL] = { DUE_SESSION, DUE_REMOVAL } };
    struct taking taking = { .change = LEASE, .node_id = node_id,
                             .claimed_by = claimed_by, .lease_ms = lease_ms, .limit = limit };
    memcpy(taking.locks, orders[order], sizeof(taking.locks));
    if (take(db, DUE_ANY, &taking, out, err) != 0)
        return -1;
    for (size_t i = 0; i < out->count; i++)
        out->items[i].attempts++;
    return 0;
}

int container_repo_take_suspects(struct db *db, const char *node_id, int64_t limit,
                                 struct container_list *out, struct err *err)
{
    struct taking taking = { .locks = { SUSPECT_LOCK }, .change = SUSPECT_CLEAR, .node_id = node_id,
                             .limit = limit };
    return take(db, SUSPECT_ANY, &taking, out, err);
}

int container_repo_release(struct db *db, const char *claimed_by, struct err *err)
{
    return DB_EXEC(db, &sql[RELEASE], NULL, err, db_text(claimed_by), db_text(claimed_by), db_text(claimed_by));
}

int container_repo_release_node(struct db *db, const char *node_id, struct err *err)
{
    return DB_EXEC(db, &sql[RELEASE_NODE], NULL, err, db_text(node_id));
}

int container_repo_ready(struct db *db, const char *id, const char *claimed_by, bool *changed_out,
                         struct err *err)
{
    uint64_t changed = 0;
    if (DB_EXEC(db, &sql[READY], &changed, err, db_text(claimed_by), db_text(id), db_text(claimed_by), db_text(claimed_by)) != 0)
        return -1;
    *changed_out = changed > 0;
    return 0;
}

int container_repo_again(struct db *db, const char *id, const char *claimed_by, int64_t delay_ms,
                         const char *error, bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    if (DB_EXEC(db, &sql[AGAIN], &changed, err, db_int(delay_ms), db_text(error), db_text(id), db_text(claimed_by)) != 0)
        return -1;
    *changed_out = changed > 0;
    return 0;
}

int container_repo_pulling(struct db *db, const char *id, const char *claimed_by, int64_t delay_ms, const char *text, struct err *err)
{
    return DB_EXEC(db, &sql[PULLING], NULL, err, db_int(delay_ms), db_text(text), db_text(id), db_text(claimed_by));
}

int container_repo_delete(struct db *db, const char *id, bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    if (DB_EXEC(db, &sql[DELETE], &changed, err, db_text(id)) != 0)
        return -1;
    *changed_out = changed > 0;
    return 0;
}

int container_repo_delete_of_session(struct db *db, const char *session_id, struct err *err)
{
    if (!session_id[0]) /* that would be the whole warm pool */
        return err_internal(err, 0, "no session named");
    return DB_EXEC(db, &sql[DELETE_OF_SESSION], NULL, err, db_text(session_id));
}

int container_repo_deleted(struct db *db, const char *id, struct err *err)
{
    return DB_EXEC(db, &sql[DELETED], NULL, err, db_text(id));
}

int container_repo_suspect(struct db *db, const char *id, struct err *err)
{
    return DB_EXEC(db, &sql[MARK_SUSPECT], NULL, err, db_text(id));
}

int container_repo_live(struct db *db, const char *node_id, struct container_list *out, struct err *err)
{
    cleanup(container_list_release) struct container_list found = { 0 };
    if (DB_QUERY(db, &sql[LIVE], take_container, &found, err, db_text(node_id)) != 0)
        return -1;
    found.total = (int64_t)found.count;
    *out = found;
    found = (struct container_list){ 0 };
    return 0;
}
