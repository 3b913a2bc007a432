/* SPDX-License-Identifier: Apache-2.0 */
/* The audit trail. */
#include "lib/repo/audit_repo.h"

#include <stdlib.h>

#include "lib/repo/rows.h"

#define LOOK                                                                                                           \
    "SELECT " SQL_MS("at") ", actor, token_id, action, object_kind, object_id, address, request_id, detail FROM audit" \
    " FORCE INDEX "
/* Each form has its key, and ends in its order. */
#define FILTER                                                                                                         \
    " AND (? IS NULL OR object_id = ?) AND (? IS NULL OR actor = ?) AND (? IS NULL OR at >= FROM_UNIXTIME(? / 1000))"

enum { INSERT, LIST, LIST_OBJECT, LIST_ACTOR, PURGE, STATEMENTS };

const struct db_stmt audit_repo_statements[] = {
    [INSERT] = { "INSERT INTO audit (at, actor, token_id, action, object_kind, object_id, address, request_id, detail)"
                 " VALUES (" SQL_NOW ", ?, ?, ?, ?, ?, ?, ?, LEFT(?, 1024))" },
    [LIST] = { LOOK "(at) WHERE ? IS NULL" FILTER " ORDER BY at DESC, seq DESC LIMIT ?" },
    [LIST_OBJECT] = { LOOK "(object) WHERE object_id = ?" FILTER " ORDER BY seq DESC LIMIT ?" },
    [LIST_ACTOR] = { LOOK "(actor) WHERE actor = ?" FILTER " ORDER BY seq DESC LIMIT ?" },
    [PURGE] = { "DELETE FROM audit WHERE at < " SQL_NOW " - INTERVAL ? DAY ORDER BY at LIMIT ?" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = audit_repo_statements;

void audit_list_release(struct audit_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].detail);
    free(list->items);
    *list = (struct audit_list){ 0 };
}

int audit_repo_insert(struct db *db, const struct audit_entry *entry, struct err *err)
{
    return DB_EXEC(db, &sql[INSERT], NULL, err, db_text(entry->actor), db_text(entry->token_id), db_text(entry->action),
                   db_text(entry->object_kind), db_text(entry->object_id), db_text(entry->address),
                   db_text(entry->request_id), db_text(entry->detail ? entry->detail : ""));
}

static int take_entry(void *arg, const struct db_row *row, struct err *err)
{
    struct audit_list *list = arg;
    bool failed = false;
    struct audit_entry *entry = list_add(&list->items, &list->count, sizeof(*entry), err);
    if (!entry)
        return -1;
    entry->at = db_row_int(row, 0);
    if (row_text(row, 1, entry->actor, sizeof(entry->actor), err) != 0 ||
        row_text(row, 2, entry->token_id, sizeof(entry->token_id), err) != 0 ||
        row_text(row, 3, entry->action, sizeof(entry->action), err) != 0 ||
        row_text(row, 4, entry->object_kind, sizeof(entry->object_kind), err) != 0 ||
        row_text(row, 5, entry->object_id, sizeof(entry->object_id), err) != 0 ||
        row_text(row, 6, entry->address, sizeof(entry->address), err) != 0 ||
        row_text(row, 7, entry->request_id, sizeof(entry->request_id), err) != 0)
        return -1;
    entry->detail = db_row_dup(row, 8, &failed);
    return failed ? row_no_memory(err) : 0;
}

int audit_repo_list(struct db *db, const struct audit_filter *filter, struct audit_list *out, struct err *err)
{
    cleanup(audit_list_release) struct audit_list found = { 0 };
    struct db_param object = db_text(filter->object_id), actor = db_text(filter->actor);
    struct db_param since = filter->since_ms ? db_int(filter->since_ms) : db_null();
    int form = filter->object_id ? LIST_OBJECT : filter->actor ? LIST_ACTOR : LIST;
    struct db_param key = filter->object_id ? object : filter->actor ? actor : db_null();
    if (DB_QUERY(db, &sql[form], take_entry, &found, err, key, object, object, actor, actor, since, since,
                 db_int(filter->limit)) != 0)
        return -1;
    *out = found;
    found = (struct audit_list){ 0 };
    return 0;
}

int audit_repo_purge(struct db *db, int64_t days, int64_t limit, uint64_t *removed_out, struct err *err)
{
    return DB_EXEC(db, &sql[PURGE], removed_out, err, db_int(days), db_int(limit));
}
