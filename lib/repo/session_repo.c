/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions. */
#include "lib/repo/session_repo.h"

#include <string.h>

#include "lib/repo/rows.h"

#define COLUMNS                                                                                    \
    "id, owner, status, template_id, runtime_type, node_id, container_id, cpu_milli, memory_mb, "  \
    "disk_mb, max_processes, timeout_s, env_json, labels_json, error, " SQL_MS("created_at") ", "  \
    SQL_MS("started_at") ", " SQL_MS("expires_at") ", " SQL_MS("last_activity_at") ", "            \
    SQL_MS("ended_at") ", restarts, callback_url"
#define BY_ID " FROM sessions WHERE id = ? AND (? IS NULL OR owner = ?)"
/* Lists have the owner first or not at all, so that each form has its key. */
#define FILTER                                                                                     \
    "(? IS NULL OR status = ?) AND (? IS NULL OR template_id = ?)"                                 \
    " AND (? IS NULL OR JSON_CONTAINS(labels_json, JSON_OBJECT(?, ?)))"
#define OF_OWNER " FROM sessions FORCE INDEX (owner) WHERE owner = ? AND " FILTER
#define OF_ALL " FROM sessions WHERE ? IS NULL AND " FILTER
/* Not what is past its time: the reaper, which may have seen it already, ends it whatever happens. */
#define RENEWABLE                                                                                  \
    " WHERE id = ? AND (? IS NULL OR owner = ?) AND status IN ('creating', 'running') AND expires_at > " SQL_NOW
#define PAGE " ORDER BY seq DESC LIMIT ? OFFSET ?"

enum { INSERT, GET, GET_4, GET_16, LOCK, LIST_OWNER, COUNT_OWNER, LIST_ALL, COUNT_ALL, START, RENEW, IS_OPEN, END, EXPIRED, STUCK, TOUCH,
       STATEMENTS };

const struct db_stmt session_repo_statements[] = {
    [INSERT] = { "INSERT INTO sessions (id, owner, status, template_id, runtime_type, node_id, container_id,"
                 " cpu_milli, memory_mb, disk_mb, max_processes, timeout_s, env_json, labels_json, callback_url,"
                 " created_at, started_at, last_activity_at, expires_at)"
                 " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, " SQL_NOW ","
                 " IF(?, " SQL_NOW ", NULL), " SQL_NOW ", " SQL_NOW " + INTERVAL ? SECOND)" },
    [GET] = { "SELECT " COLUMNS BY_ID },
    [GET_4] = { "SELECT " COLUMNS " FROM sessions FORCE INDEX (id) WHERE id IN (" SQL_4 ")" },
    [GET_16] = { "SELECT " COLUMNS " FROM sessions FORCE INDEX (id) WHERE id IN (" SQL_16 ")" },
    [LOCK] = { "SELECT " COLUMNS BY_ID " FOR UPDATE" },
    [LIST_OWNER] = { "SELECT " COLUMNS OF_OWNER PAGE },
    [COUNT_OWNER] = { "SELECT COUNT(*)" OF_OWNER },
    [LIST_ALL] = { "SELECT " COLUMNS OF_ALL PAGE },
    [COUNT_ALL] = { "SELECT COUNT(*)" OF_ALL },
    [START] = { "UPDATE sessions SET status = 'running', started_at = IFNULL(started_at, " SQL_NOW ")"
                " WHERE id = ? AND status = 'creating'" },
    [RENEW] = { "UPDATE sessions SET timeout_s = ?, last_activity_at = " SQL_NOW ","
                " expires_at = LEAST(" SQL_NOW " + INTERVAL ? SECOND,"
                " IFNULL(created_at + INTERVAL NULLIF(?, 0) SECOND, '9999-12-31'))" RENEWABLE },
    [IS_OPEN] = { "SELECT COUNT(*) FROM sessions" RENEWABLE },
    [END] = { "UPDATE sessions SET status = ?, error = LEFT(?, 1024), ended_at = " SQL_NOW
              " WHERE id = ? AND status IN ('creating', 'running') AND (? IS NULL OR container_id = ?)" },
    [EXPIRED] = { "SELECT id FROM sessions FORCE INDEX (expiry) WHERE status IN ('creating', 'running')"
                  " AND expires_at <= " SQL_NOW " LIMIT ?" },
    /* not what waits for its image, nor what has waited until just now */
    [STUCK] = { "SELECT s.id FROM sessions s FORCE INDEX (expiry) LEFT JOIN containers c FORCE INDEX (id) ON c.id = s.container_id"
                " WHERE s.status = 'creating' AND GREATEST(IFNULL(s.replaced_at, s.created_at), IFNULL(c.pulled_at, s.created_at))"
                " <= " SQL_NOW " - INTERVAL ? SECOND LIMIT ?" },
    [TOUCH] = { "UPDATE sessions SET last_activity_at = " SQL_NOW " WHERE id = ?" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = session_repo_statements;

int session_repo_insert(struct db *db, const struct session *s, struct err *err)
{
    return DB_EXEC(db, &sql[INSERT], NULL, err, db_text(s->id), db_text(s->owner),
                   db_text(session_status_name(s->status)), db_text(s->template_id),
                   db_text(runtime_type_name(s->runtime_type)), db_text(s->node_id),
                   db_text(s->container_id), db_int(s->resources.cpu_milli),
                   db_int(s->resources.memory_mb), db_int(s->resources.disk_mb),
                   db_int(s->resources.max_processes), db_int(s->timeout_s), db_text(s->env_json),
                   db_text(s->labels_json), db_text(s->callback_url), db_int(s->status == SESSION_RUNNING), db_int(s->timeout_s));
}

static int read_session(struct session *out, const struct db_row *row, struct err *err)
{
    int status = 0, type = 0;
    bool failed = false;
    if (row_text(row, 0, out->id, sizeof(out->id), err) != 0 ||
        row_text(row, 1, out->owner, sizeof(out->owner), err) != 0 ||
        row_enum(row, 2, session_status_parse, &status, err) != 0 ||
        row_text(row, 3, out->template_id, sizeof(out->template_id), err) != 0 ||
        row_enum(row, 4, runtime_type_parse, &type, err) != 0 ||
        row_text(row, 5, out->node_id, sizeof(out->node_id), err) != 0 ||
        row_text(row, 6, out->container_id, sizeof(out->container_id), err) != 0)
        return -1;
    out->status = (enum session_status)status;
    out->runtime_type = (enum runtime_type)type;
    row_resources(row, 7, &out->resources);
    out->timeout_s = db_row_int(row, 11);
    out->env_json = db_row_dup(row, 12, &failed);
    out->labels_json = db_row_dup(row, 13, &failed);
    out->error = db_row_dup(row, 14, &failed);
    out->created_at = db_row_int(row, 15);
    out->started_at = db_row_int(row, 16);
    out->expires_at = db_row_int(row, 17);
    out->last_activity_at = db_row_int(row, 18);
    out->ended_at = db_row_int(row, 19);
    out->restarts = db_row_int(row, 20);
    out->callback_url = db_row_dup(row, 21, &failed);
    return failed ? row_no_memory(err) : 0;
}

static int take_session(void *arg, const struct db_row *row, struct err *err)
{
    struct session_list *list = arg;
    struct session *item = list_add(&list->items, &list->count, sizeof(*item), err);
    return item ? read_session(item, row, err) : -1;
}

static int get(struct db *db, const struct db_stmt *stmt, const char *owner, const char *id,
               struct session *out, struct err *err)
{
    cleanup(session_list_release) struct session_list found = { 0 };
    if (DB_QUERY(db, stmt, take_session, &found, err, db_text(id), db_text(owner), db_text(owner)) != 0)
        return -1;
    if (found.count == 0)
        return err_set(err, ERR_SESSION_NOT_FOUND, "Session '%.64s' does not exist.", id);
    *out = found.items[0];
    found.items[0] = (struct session){ 0 };
    return 0;
}

int session_repo_get(struct db *db, const char *owner, const char *id, struct session *out, struct err *err)
{
    return get(db, &sql[GET], owner, id, out, err);
}

struct asked {
    struct session_question *const *questions;
    size_t count;
};

/* To each who asked for it and may see it. */
static int take_asked(void *arg, const struct db_row *row, struct err *err)
{
    const struct asked *asked = arg;
    const char *id = db_row_text(row, 0, NULL), *owner = db_row_text(row, 1, NULL);
    for (size_t i = 0; i < asked->count; i++) {
        struct session_question *question = asked->questions[i];
        if (strcmp(question->id, id) != 0 || (question->owner && strcmp(question->owner, owner) != 0))
            continue;
        question->found = true;
        if (read_session(&question->session, row, err) != 0)
            return -1;
    }
    return 0;
}

int session_repo_get_all(struct db *db, struct session_question *const *questions, size_t count, struct err *err)
{
    struct asked asked = { .questions = questions, .count = count };
    struct db_param params[SESSION_QUESTIONS_MAX];
    size_t distinct = 0;
    for (size_t i = 0; i < count; i++)
        distinct = params_add(params, distinct, questions[i]->id);
    if (distinct == 1) {
        const struct session_question *only = questions[0];
        const char *owner = count == 1 ? only->owner : NULL; /* of several, each is looked at */
        return DB_QUERY(db, &sql[GET], take_asked, &asked, err, db_text(only->id), db_text(owner), db_text(owner));
    }
    size_t room = params_fill(params, distinct);
    return db_query(db, &sql[room == 4 ? GET_4 : GET_16], params, room, take_asked, &asked, err);
}

int session_repo_lock(struct db *db, const char *owner, const char *id, struct session *out,
                      struct err *err)
{
    return get(db, &sql[LOCK], owner, id, out, err);
}

int session_repo_list(struct db *db, const struct session_filter *filter, const struct page *page,
                      struct session_list *out, struct err *err)
{
    cleanup(session_list_release) struct session_list found = { 0 };
    struct db_param status = filter->status < 0
                                 ? db_null()
                                 : db_text(session_status_name((enum session_status)filter->status));
    struct db_param template_id = db_text(filter->template_id), label = db_text(filter->label_name);
    const struct db_param params[] = {
        db_text(filter->owner), status, status, template_id, template_id, label, label,
        db_text(filter->label_value), db_int(page->limit), db_int(page->offset)
    };
    enum { ALL = sizeof(params) / sizeof(params[0]), FILTERS = ALL - 2 };
    int list = filter->owner ? LIST_OWNER : LIST_ALL;
    int count = filter->owner ? COUNT_OWNER : COUNT_ALL;
    if (db_query(db, &sql[list], params, ALL, take_session, &found, err) != 0 ||
        db_query(db, &sql[count], params, FILTERS, take_int, &found.total, err) != 0)
        return -1;
    *out = found;
    found = (struct session_list){ 0 };
    return 0;
}

int session_repo_start(struct db *db, const char *id, bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    if (DB_EXEC(db, &sql[START], &changed, err, db_text(id)) != 0)
        return -1;
    *changed_out = changed > 0;
    return 0;
}

int session_repo_renew(struct db *db, const char *owner, const char *id, int64_t timeout_s, int64_t lifetime_s,
                       bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    int64_t open = 0;
    if (DB_EXEC(db, &sql[RENEW], &changed, err, db_int(timeout_s), db_int(timeout_s), db_int(lifetime_s), db_text(id),
                db_text(owner), db_text(owner)) != 0)
        return -1;
    /* no row changed: there is none to renew, or all stood there already */
    if (changed == 0 &&
        DB_QUERY(db, &sql[IS_OPEN], take_int, &open, err, db_text(id), db_text(owner), db_text(owner)) != 0)
        return -1;
    *changed_out = changed > 0 || open > 0;
    return 0;
}

int session_repo_end(struct db *db, const char *id, const char *container_id, enum session_status status, const char *reason,
                     bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    if (DB_EXEC(db, &sql[END], &changed, err, db_text(session_status_name(status)), db_text(reason),
                db_text(id), db_text(container_id), db_text(container_id)) != 0)
        return -1;
    *changed_out = changed > 0;
    return 0;
}

int session_repo_expired(struct db *db, int64_t limit, struct string_list *out, struct err *err)
{
    return DB_QUERY(db, &sql[EXPIRED], take_string, out, err, db_int(limit));
}

int session_repo_stuck(struct db *db, int64_t seconds, int64_t limit, struct string_list *out,
                       struct err *err)
{
    return DB_QUERY(db, &sql[STUCK], take_string, out, err, db_int(seconds), db_int(limit));
}

int session_repo_touch(struct db *db, const char *id, struct err *err)
{
    return DB_EXEC(db, &sql[TOUCH], NULL, err, db_text(id));
}
