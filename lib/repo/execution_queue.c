/* SPDX-License-Identifier: Apache-2.0 */
/* Leases, and what happens to all of a session's executions at once. */
#include <string.h>

#include "lib/repo/execution_repo.h"
#include "lib/repo/execution_rows.h"
#include "lib/repo/webhook_repo.h"
#include "lib/util/strbuf.h"

#define OF_SESSION                                                                                 \
    " FROM executions FORCE INDEX (queue) WHERE status IN ('pending', 'running') AND runnable IN (0, 1) AND session_id = ?"

enum { RENEW, RELEASE, MAKE_RUNNABLE, LOCK_SESSION, FAIL_SESSION, STATEMENTS };

const struct db_stmt execution_queue_statements[] = {
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
