/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks enter here, in the transactions that end things. */
#include "lib/repo/rows.h"
#include "lib/repo/webhook_repo.h"

#define INTO "INSERT INTO webhooks (id, owner, event, object_id, url, host, status, due_at, created_at) SELECT CONCAT('msg_', o.id), o.owner,"
/* what stands between // and the port or path; an address with its brackets */
#define REST                                                                                       \
    ", o.id, o.callback_url, SUBSTR(REGEXP_SUBSTR(LOWER(o.callback_url), '//(\\\\[[^]]*\\\\]|[^/:?#]*)'), 3), 'waiting', " SQL_NOW ", " SQL_NOW
/* a transaction whose outcome was unknown may come again */
#define ONCE " ON DUPLICATE KEY UPDATE webhooks.seq = webhooks.seq"

enum { EXECUTIONS, SESSION, STATEMENTS };

const struct db_stmt webhook_outbox_statements[] = {
    [EXECUTIONS] = { INTO " CONCAT('execution.', o.status)" REST " FROM JSON_TABLE(?, '$[*]' COLUMNS (seq BIGINT PATH '$')) j"
                     " STRAIGHT_JOIN executions o FORCE INDEX (PRIMARY) ON o.seq = j.seq"
                     " WHERE o.callback_url IS NOT NULL AND o.status NOT IN ('pending', 'running')" ONCE },
    [SESSION] = { INTO " CONCAT('session.', o.status)" REST " FROM sessions o FORCE INDEX (id)"
                  " WHERE o.id = ? AND o.callback_url IS NOT NULL AND o.status NOT IN ('creating', 'running')" ONCE },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = webhook_outbox_statements;

int webhook_repo_add_executions(struct db *db, const int64_t *seqs, size_t count, struct err *err)
{
    if (count == 0)
        return 0;
    cleanup_free char *list = seqs_to_json(seqs, count);
    if (!list)
        return row_no_memory(err);
    return DB_EXEC(db, &sql[EXECUTIONS], NULL, err, db_text(list));
}

int webhook_repo_add_session(struct db *db, const char *session_id, bool *added_out, struct err *err)
{
    uint64_t added = 0;
    if (DB_EXEC(db, &sql[SESSION], &added, err, db_text(session_id)) != 0)
        return -1;
    *added_out = added > 0;
    return 0;
}
