/* SPDX-License-Identifier: Apache-2.0 */
/* Retention of workspaces. */
#include "lib/repo/purge_repo.h"

#include <stdlib.h>

#include "lib/repo/rows.h"

#define IN_SECONDS SQL_NOW " + INTERVAL ? SECOND"
#define LISTED "JSON_TABLE(?, '$[*]' COLUMNS (seq BIGINT PATH '$')) j"

enum { FIND, HOLD, DROP_FILES, DROP_GARBAGE, FINISH, FIND_GARBAGE, HOLD_GARBAGE, FORGET, STATEMENTS };

const struct db_stmt purge_repo_statements[] = {
    [FIND] = { "SELECT id, workspace_bytes FROM sessions FORCE INDEX (to_purge) WHERE purged_at IS NULL"
               " AND ended_at <= " SQL_NOW " - INTERVAL ? SECOND AND (purge_due_at IS NULL OR purge_due_at <= " SQL_NOW ")"
               " ORDER BY ended_at LIMIT 1 FOR UPDATE SKIP LOCKED" },
    [HOLD] = { "UPDATE sessions SET purge_due_at = " IN_SECONDS " WHERE id = ? AND purged_at IS NULL" },
    [DROP_FILES] = { "DELETE FROM workspace_files WHERE session_id = ? ORDER BY path LIMIT ?" },
    [DROP_GARBAGE] = { "DELETE FROM storage_garbage WHERE session_id = ? ORDER BY seq LIMIT ?" },
    [FINISH] = { "UPDATE sessions SET purged_at = " SQL_NOW ", purge_due_at = NULL, workspace_bytes = 0, workspace_files = 0"
                 " WHERE id = ? AND purged_at IS NULL AND ended_at IS NOT NULL" },
    [FIND_GARBAGE] = { "SELECT seq, session_id, object_id FROM storage_garbage FORCE INDEX (due) WHERE due_at <= " SQL_NOW
                       " ORDER BY due_at LIMIT ? FOR UPDATE SKIP LOCKED" },
    [HOLD_GARBAGE] = { "UPDATE storage_garbage g JOIN " LISTED " ON g.seq = j.seq SET g.due_at = " IN_SECONDS },
    [FORGET] = { "DELETE g FROM storage_garbage g JOIN " LISTED " ON g.seq = j.seq" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = purge_repo_statements;

void garbage_list_release(struct garbage_list *list)
{
    free(list->items);
    *list = (struct garbage_list){ 0 };
}

struct claiming {
    int64_t workspace_s, lease_s;
    struct purge_session session;
    bool found;
};

static int take_session(void *arg, const struct db_row *row, struct err *err)
{
    struct claiming *claiming = arg;
    claiming->found = true;
    claiming->session.bytes = db_row_int(row, 1);
    return row_text(row, 0, claiming->session.id, sizeof(claiming->session.id), err);
}

static int claim_work(struct db *db, void *arg, struct err *err)
{
    struct claiming *claiming = arg;
    claiming->found = false;
    if (DB_QUERY(db, &sql[FIND], take_session, claiming, err, db_int(claiming->workspace_s)) != 0)
        return -1;
    return claiming->found ? purge_repo_hold(db, claiming->session.id, claiming->lease_s, err) : 0;
}

int purge_repo_claim(struct db *db, int64_t workspace_s, int64_t lease_s, struct purge_session *out, bool *found_out,
                     struct err *err)
{
    struct claiming claiming = { .workspace_s = workspace_s, .lease_s = lease_s };
    if (db_transaction(db, claim_work, &claiming, err) != 0)
        return -1;
    *out = claiming.session;
    *found_out = claiming.found;
    return 0;
}

int purge_repo_hold(struct db *db, const char *session_id, int64_t seconds, struct err *err)
{
    return DB_EXEC(db, &sql[HOLD], NULL, err, db_int(seconds), db_text(session_id));
}

int purge_repo_drop_files(struct db *db, const char *session_id, int64_t limit, uint64_t *removed_out, struct err *err)
{
    return DB_EXEC(db, &sql[DROP_FILES], removed_out, err, db_text(session_id), db_int(limit));
}

int purge_repo_drop_garbage(struct db *db, const char *session_id, int64_t limit, uint64_t *removed_out, struct err *err)
{
    return DB_EXEC(db, &sql[DROP_GARBAGE], removed_out, err, db_text(session_id), db_int(limit));
}

int purge_repo_finish(struct db *db, const char *session_id, bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    if (DB_EXEC(db, &sql[FINISH], &changed, err, db_text(session_id)) != 0)
        return -1;
    *changed_out = changed > 0;
    return 0;
}

struct collecting {
    int64_t lease_s, limit;
    struct garbage_list *list;
};

static int take_garbage(void *arg, const struct db_row *row, struct err *err)
{
    struct garbage_list *list = arg;
    struct garbage *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item)
        return -1;
    item->seq = db_row_int(row, 0);
    if (row_text(row, 1, item->session_id, sizeof(item->session_id), err) != 0)
        return -1;
    return row_text(row, 2, item->object_id, sizeof(item->object_id), err);
}

static char *seqs_of(const struct garbage_list *list)
{
    cleanup_free int64_t *seqs = calloc(list->count + 1, sizeof(*seqs));
    for (size_t i = 0; seqs && i < list->count; i++)
        seqs[i] = list->items[i].seq;
    return seqs ? seqs_to_json(seqs, list->count) : NULL;
}

static int collect_work(struct db *db, void *arg, struct err *err)
{
    struct collecting *collecting = arg;
    garbage_list_release(collecting->list);
    if (DB_QUERY(db, &sql[FIND_GARBAGE], take_garbage, collecting->list, err, db_int(collecting->limit)) != 0)
        return -1;
    if (collecting->list->count == 0)
        return 0;
    cleanup_free char *seqs = seqs_of(collecting->list);
    if (!seqs)
        return row_no_memory(err);
    return DB_EXEC(db, &sql[HOLD_GARBAGE], NULL, err, db_text(seqs), db_int(collecting->lease_s));
}

int purge_repo_claim_garbage(struct db *db, int64_t lease_s, int64_t limit, struct garbage_list *out, struct err *err)
{
    cleanup(garbage_list_release) struct garbage_list found = { 0 };
    struct collecting collecting = { .lease_s = lease_s, .limit = limit, .list = &found };
    if (db_transaction(db, collect_work, &collecting, err) != 0)
        return -1;
    *out = found;
    found = (struct garbage_list){ 0 };
    return 0;
}

int purge_repo_forget(struct db *db, const int64_t *seqs, size_t count, struct err *err)
{
    cleanup_free char *list = seqs_to_json(seqs, count);
    if (!list)
        return row_no_memory(err);
    return DB_EXEC(db, &sql[FORGET], NULL, err, db_text(list));
}
