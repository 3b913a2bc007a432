/* SPDX-License-Identifier: Apache-2.0 */
/* Executions as clients see them, and how one ends. The queue is in execution_queue.c. */
#include "lib/repo/execution_repo.h"

#include <string.h>

#include "lib/repo/execution_rows.h"

#define OUTCOME_COLUMNS                                                                            \
    ", e.stdout_text, e.stderr_text, e.stdout_truncated, e.stderr_truncated, e.exit_code, "        \
    "e.return_json, e.error_kind, e.error_message, e.duration_ms, e.cpu_time_ms, "                 \
    "e.peak_memory_mb, e.artifacts_json, e.artifacts_skipped, e.trace_json"
#define BY_ID " FROM executions e WHERE e.id = ? AND (? IS NULL OR e.owner = ?)"
#define OF_SESSION                                                                                 \
    " FROM executions e FORCE INDEX (session) WHERE e.session_id = ? AND (? IS NULL OR e.status = ?)"

enum { GET_SUMMARY, GET_CODE, GET_OUTCOME, GET_WHOLE, LOCK, LIST, COUNT, SET_NOTIFY, IS_OPEN, FINISH,
       RETRY, LOST, NOTIFY, STATEMENTS };

const struct db_stmt execution_repo_statements[] = {
    [GET_SUMMARY] = { "SELECT " EXECUTION_COLUMNS BY_ID },
    [GET_CODE] = { "SELECT " EXECUTION_COLUMNS EXECUTION_CODE_COLUMNS BY_ID },
    [GET_OUTCOME] = { "SELECT " EXECUTION_COLUMNS OUTCOME_COLUMNS BY_ID },
    [GET_WHOLE] = { "SELECT " EXECUTION_COLUMNS EXECUTION_CODE_COLUMNS OUTCOME_COLUMNS BY_ID },
    [LOCK] = { "SELECT " EXECUTION_COLUMNS BY_ID " FOR UPDATE" },
    [LIST] = { "SELECT " EXECUTION_COLUMNS OF_SESSION " ORDER BY e.seq DESC LIMIT ? OFFSET ?" },
    [COUNT] = { "SELECT COUNT(*)" OF_SESSION },
    [SET_NOTIFY] = { "UPDATE executions SET notify = ? WHERE id = ? AND status IN ('pending', 'running')" },
    [IS_OPEN] = { "SELECT COUNT(*) FROM executions WHERE id = ? AND status IN ('pending', 'running')" },
    [FINISH] = { "UPDATE executions SET " EXECUTION_FINISH " WHERE seq = ? AND status = 'running' AND claimed_by = ?" },
    [RETRY] = { "UPDATE executions SET status = 'pending', claimed_by = NULL, pushed_until = NULL,"
               " due_at = " SQL_IN_MS " WHERE seq = ? AND status = 'running' AND claimed_by = ?" },
    [LOST] = { "UPDATE executions SET error_kind = 'crashed', error_message = ? WHERE seq = ? AND status = 'pending'" },
    [NOTIFY] = { "SELECT notify FROM executions WHERE seq = ?" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = execution_repo_statements;

int read_execution(struct execution *out, const struct db_row *row, struct err *err)
{
    int status = 0, language = 0;
    if (row_text(row, 0, out->id, sizeof(out->id), err) != 0 ||
        row_text(row, 1, out->session_id, sizeof(out->session_id), err) != 0 ||
        row_text(row, 2, out->owner, sizeof(out->owner), err) != 0 ||
        row_enum(row, 3, execution_status_parse, &status, err) != 0 ||
        row_enum(row, 4, language_parse, &language, err) != 0 ||
        row_text(row, 10, out->notify, sizeof(out->notify), err) != 0)
        return -1;
    out->status = (enum execution_status)status;
    out->language = (enum language)language;
    out->seq = db_row_int(row, 5);
    out->timeout_s = db_row_int(row, 6);
    out->max_retries = db_row_int(row, 7);
    out->attempts = db_row_int(row, 8);
    out->runnable = db_row_int(row, 9);
    out->created_at = db_row_int(row, 11);
    out->started_at = db_row_int(row, 12);
    out->completed_at = db_row_int(row, 13);
    bool failed = false;
    out->callback_url = db_row_dup(row, 14, &failed);
    out->retry_at = db_row_int(row, 15);
    out->last_loss = db_row_dup(row, 16, &failed);
    return failed ? row_no_memory(err) : 0;
}

int read_execution_code(struct execution *out, const struct db_row *row, unsigned column,
                        struct err *err)
{
    bool failed = false;
    out->code = db_row_dup(row, column, &failed);
    out->event_json = db_row_dup(row, column + 1, &failed);
    out->env_json = db_row_dup(row, column + 2, &failed);
    out->trace_json = db_row_dup(row, column + 3, &failed);
    return failed ? row_no_memory(err) : 0;
}

int read_place(struct execution_claim *out, const struct db_row *row, unsigned column, struct err *err)
{
    bool failed = false;
    out->session_env_json = db_row_dup(row, column + 3, &failed);
    row_resources(row, column + 4, &out->resources);
    out->unsynced = db_row_int(row, column + 8);
    if (failed)
        return row_no_memory(err);
    if (row_text(row, column + 1, out->container_id, sizeof(out->container_id), err) != 0 ||
        row_text(row, column + 9, out->node_id, sizeof(out->node_id), err) != 0)
        return -1;
    return row_text(row, column + 2, out->container_secret, sizeof(out->container_secret), err);
}

/* A list in one text, each id between newlines, which none has. */
static void nodes_to_text(const struct string_list *nodes, struct strbuf *out)
{
    strbuf_add_char(out, '\n');
    for (size_t i = 0; i < nodes->count; i++)
        strbuf_addf(out, "%s\n", nodes->items[i]);
}

struct db_param nodes_param(const struct string_list *nodes, struct strbuf *text)
{
    if (!nodes)
        return db_null();
    nodes_to_text(nodes, text);
    return db_text(strbuf_str(text));
}

static int read_outcome(struct execution_outcome *out, const struct db_row *row, unsigned column,
                        struct err *err)
{
    bool failed = false;
    out->stdout_text = db_row_dup(row, column, &failed);
    out->stderr_text = db_row_dup(row, column + 1, &failed);
    db_row_text(row, column, &out->stdout_len);
    db_row_text(row, column + 1, &out->stderr_len);
    out->stdout_truncated = db_row_int(row, column + 2);
    out->stderr_truncated = db_row_int(row, column + 3);
    out->has_exit_code = !db_row_null(row, column + 4);
    out->exit_code = db_row_int(row, column + 4);
    out->return_json = db_row_dup(row, column + 5, &failed);
    out->error_kind = db_row_dup(row, column + 6, &failed);
    out->error_message = db_row_dup(row, column + 7, &failed);
    out->duration_ms = db_row_double(row, column + 8);
    out->cpu_time_ms = db_row_double(row, column + 9);
    out->peak_memory_mb = db_row_double(row, column + 10);
    out->artifacts_json = db_row_dup(row, column + 11, &failed);
    out->artifacts_skipped = db_row_int(row, column + 12);
    out->trace_json = db_row_dup(row, column + 13, &failed);
    return failed ? row_no_memory(err) : 0;
}

struct getting {
    enum execution_part part;
    struct execution execution;
    bool found;
};

static int take_one(void *arg, const struct db_row *row, struct err *err)
{
    struct getting *getting = arg;
    struct execution *out = &getting->execution;
    bool code = getting->part == EXECUTION_WITH_CODE || getting->part == EXECUTION_WHOLE;
    bool outcome = getting->part == EXECUTION_WITH_OUTCOME || getting->part == EXECUTION_WHOLE;
    unsigned outcome_column = EXECUTION_FIRST_EXTRA + (code ? EXECUTION_CODE_COUNT : 0);
    getting->found = true;
    if (read_execution(out, row, err) != 0 ||
        (code && read_execution_code(out, row, EXECUTION_FIRST_EXTRA, err) != 0))
        return -1;
    return outcome ? read_outcome(&out->outcome, row, outcome_column, err) : 0;
}

static int get(struct db *db, int statement, const char *owner, const char *id, enum execution_part part,
               struct execution *out, struct err *err)
{
    struct getting getting = { .part = part };
    int status = DB_QUERY(db, &sql[statement], take_one, &getting, err, db_text(id),
                          db_text(owner), db_text(owner));
    if (status == 0 && !getting.found)
        status = err_set(err, ERR_EXECUTION_NOT_FOUND, "Execution '%.64s' does not exist.", id);
    if (status == 0)
        *out = getting.execution;
    else
        execution_release(&getting.execution);
    return status;
}

int execution_repo_get(struct db *db, const char *owner, const char *id, enum execution_part part,
                       struct execution *out, struct err *err)
{
    static const int statement[] = { [EXECUTION_SUMMARY] = GET_SUMMARY, [EXECUTION_WITH_CODE] = GET_CODE,
                                     [EXECUTION_WITH_OUTCOME] = GET_OUTCOME,
                                     [EXECUTION_WHOLE] = GET_WHOLE };
    return get(db, statement[part], owner, id, part, out, err);
}

int execution_repo_lock(struct db *db, const char *owner, const char *id, struct execution *out, struct err *err)
{
    return get(db, LOCK, owner, id, EXECUTION_SUMMARY, out, err);
}

static int take_summary(void *arg, const struct db_row *row, struct err *err)
{
    struct execution_list *list = arg;
    struct execution *item = list_add(&list->items, &list->count, sizeof(*item), err);
    return item ? read_execution(item, row, err) : -1;
}

int execution_repo_list(struct db *db, const char *session_id, int status, const struct page *page,
                        struct execution_list *out, struct err *err)
{
    cleanup(execution_list_release) struct execution_list found = { 0 };
    struct db_param wanted =
        status < 0 ? db_null() : db_text(execution_status_name((enum execution_status)status));
    if (DB_QUERY(db, &sql[LIST], take_summary, &found, err, db_text(session_id), wanted, wanted,
                 db_int(page->limit), db_int(page->offset)) != 0 ||
        DB_QUERY(db, &sql[COUNT], take_int, &found.total, err, db_text(session_id), wanted, wanted) != 0)
        return -1;
    *out = found;
    found = (struct execution_list){ 0 };
    return 0;
}

int execution_repo_set_notify(struct db *db, const char *id, const char *address, bool *changed_out,
                              struct err *err)
{
    uint64_t changed = 0;
    int64_t open = 0;
    if (DB_EXEC(db, &sql[SET_NOTIFY], &changed, err, db_text(address), db_text(id)) != 0)
        return -1;
    /* no row changed: final, or the address stood there already */
    if (changed == 0 && DB_QUERY(db, &sql[IS_OPEN], take_int, &open, err, db_text(id)) != 0)
        return -1;
    *changed_out = changed > 0 || open > 0;
    return 0;
}

void finish_params(enum execution_status status, const struct execution_outcome *o,
                   struct db_param out[EXECUTION_FINISH_PARAMS])
{
    const struct db_param params[EXECUTION_FINISH_PARAMS] = {
        db_text(execution_status_name(status)),
        db_bytes(o->stdout_text, o->stdout_len),
        db_bytes(o->stderr_text, o->stderr_len),
        db_int(o->stdout_truncated),
        db_int(o->stderr_truncated),
        o->has_exit_code ? db_int(o->exit_code) : db_null(),
        db_text(o->return_json),
        db_text(o->error_kind),
        db_text(o->error_message),
        db_double(o->duration_ms),
        db_double(o->cpu_time_ms),
        db_double(o->peak_memory_mb),
        db_text(o->artifacts_json),
        db_int(o->artifacts_skipped),
        db_text(o->trace_json),
    };
    memcpy(out, params, sizeof(params));
}

int execution_repo_finish(struct db *db, int64_t seq, const char *claimed_by,
                          enum execution_status status, const struct execution_outcome *outcome,
                          bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    struct db_param params[EXECUTION_FINISH_PARAMS + 2];
    finish_params(status, outcome, params);
    params[EXECUTION_FINISH_PARAMS] = db_int(seq);
    params[EXECUTION_FINISH_PARAMS + 1] = db_text(claimed_by);
    if (db_exec(db, &sql[FINISH], params, EXECUTION_FINISH_PARAMS + 2, &changed, err) != 0)
        return -1;
    *changed_out = changed > 0;
    return 0;
}

int execution_repo_retry(struct db *db, int64_t seq, const char *claimed_by, int64_t delay_ms,
                         bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    if (DB_EXEC(db, &sql[RETRY], &changed, err, db_int(delay_ms), db_int(seq), db_text(claimed_by)) != 0)
        return -1;
    *changed_out = changed > 0;
    return 0;
}

int execution_repo_lost(struct db *db, int64_t seq, const char *why, struct err *err)
{
    return DB_EXEC(db, &sql[LOST], NULL, err, db_text(why), db_int(seq));
}

struct text_out {
    char *out;
    size_t size;
};

static int take_text(void *arg, const struct db_row *row, struct err *err)
{
    struct text_out *text = arg;
    return row_text(row, 0, text->out, text->size, err);
}

int execution_repo_notify(struct db *db, int64_t seq, char out[ADDRESS_SIZE], struct err *err)
{
    struct text_out text = { out, ADDRESS_SIZE };
    out[0] = '\0';
    return DB_QUERY(db, &sql[NOTIFY], take_text, &text, err, db_int(seq));
}
