/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the index, changed under the lock of their session's row. */
#include "lib/repo/workspace_rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LIVE "session_id = ? AND deleted = 0"
/* A path, and with the flag all that is in it; the byte after the range is none of UTF-8. */
#define RANGE                                                                                      \
    " FROM workspace_files WHERE " LIVE " AND (? OR pending = 0) AND (path = ? OR (? AND path > CONCAT(?, '/')" \
    " AND path < CONCAT(CAST(? AS BINARY), '/', X'FF')))"

enum { LOCK, UNLOCK, OLD, REPLACE, GARBAGE, SUM, GARBAGE_RANGE, REMOVE, STATEMENTS };

const struct db_stmt workspace_rows_statements[] = {
    [LOCK] = { "SELECT " WORKSPACE_STATE_COLUMNS ", 0 FROM sessions s WHERE s.id = ? AND (? IS NULL OR s.owner = ?) FOR UPDATE" },
    [UNLOCK] = { "UPDATE sessions SET workspace_seq = ?, workspace_bytes = ?, workspace_files = ?, last_activity_at = " SQL_NOW
                 " WHERE id = ?" },
    [OLD] = { "SELECT deleted, object_id, size FROM workspace_files WHERE session_id = ? AND path = ?" },
    [REPLACE] = { "REPLACE INTO workspace_files (session_id, path, change_seq, pending, deleted, object_id, size, sha256, mime_type,"
                  " mode, source, execution_seq, modified_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
                  " IFNULL(FROM_UNIXTIME(NULLIF(?, 0) / 1000), " SQL_NOW "))" },
    [GARBAGE] = { "INSERT INTO storage_garbage (session_id, object_id, due_at) VALUES (?, ?, " SQL_NOW " + INTERVAL ? SECOND)" },
    [SUM] = { "SELECT IFNULL(SUM(size), 0), COUNT(*)" RANGE },
    [GARBAGE_RANGE] = { "INSERT INTO storage_garbage (session_id, object_id, due_at)"
                        " SELECT session_id, object_id, " SQL_NOW " + INTERVAL ? SECOND" RANGE },
    [REMOVE] = { "DELETE" RANGE },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = workspace_rows_statements;

void workspace_list_release(struct workspace_list *list)
{
    free(list->items);
    *list = (struct workspace_list){ 0 };
}

int take_workspace_file(void *arg, const struct db_row *row, struct err *err)
{
    struct workspace_list *list = arg;
    struct workspace_file *file = list_add(&list->items, &list->count, sizeof(*file), err);
    if (!file || row_text(row, 0, file->path, sizeof(file->path), err) != 0 ||
        row_text(row, 4, file->object_id, sizeof(file->object_id), err) != 0 ||
        row_text(row, 6, file->sha256, sizeof(file->sha256), err) != 0 ||
        row_text(row, 7, file->mime_type, sizeof(file->mime_type), err) != 0 ||
        row_text(row, 9, file->source, sizeof(file->source), err) != 0)
        return -1;
    file->change_seq = db_row_int(row, 1);
    file->pending = db_row_int(row, 2);
    file->deleted = db_row_int(row, 3);
    file->size = db_row_int(row, 5);
    file->mode = (int)db_row_int(row, 8);
    file->execution_seq = db_row_int(row, 10);
    file->modified_at = db_row_int(row, 11);
    return 0;
}

int take_workspace_state(void *arg, const struct db_row *row, struct err *err)
{
    struct workspace_asking *asking = arg;
    struct workspace_state *state = asking->state;
    int status = 0;
    if (row_enum(row, 0, session_status_parse, &status, err) != 0 ||
        row_text(row, 1, state->container_id, sizeof(state->container_id), err) != 0)
        return -1;
    state->status = (enum session_status)status;
    state->seq = db_row_int(row, 2);
    state->bytes = db_row_int(row, 3);
    state->files = db_row_int(row, 4);
    state->disk_mb = db_row_int(row, 5);
    state->purged = db_row_int(row, 6);
    state->synced_seq = db_row_int(row, 7);
    asking->found = true;
    return 0;
}

int workspace_found(const struct workspace_asking *asking, const char *session_id, struct err *err)
{
    return asking->found ? 0 : err_set(err, ERR_SESSION_NOT_FOUND, "Session '%.64s' does not exist.", session_id);
}

int workspace_lock(struct db *db, const char *owner, const char *session_id, struct workspace_state *out, struct err *err)
{
    struct workspace_asking asking = { .state = out };
    *out = (struct workspace_state){ 0 };
    if (DB_QUERY(db, &sql[LOCK], take_workspace_state, &asking, err, db_text(session_id), db_text(owner), db_text(owner)) != 0)
        return -1;
    return workspace_found(&asking, session_id, err);
}

int workspace_unlock(struct db *db, const char *session_id, const struct workspace_state *state, struct err *err)
{
    return DB_EXEC(db, &sql[UNLOCK], NULL, err, db_int(state->seq), db_int(state->bytes), db_int(state->files), db_text(session_id));
}

int workspace_check_room(const struct workspace_state *state, struct err *err)
{
    if (state->files > WORKSPACE_FILES_MAX)
        return err_set(err, ERR_TOO_LARGE, "A workspace holds at most %d files.", WORKSPACE_FILES_MAX);
    if (state->bytes > state->disk_mb * 1024 * 1024)
        return err_set(err, ERR_TOO_LARGE, "The workspace holds at most %" PRId64 " MiB, with all its files.", state->disk_mb);
    return 0;
}

struct old {
    bool found, deleted;
    char object_id[OBJECT_ID_SIZE];
    int64_t size;
};

static int take_old(void *arg, const struct db_row *row, struct err *err)
{
    struct old *old = arg;
    old->found = true;
    old->deleted = db_row_int(row, 0);
    old->size = db_row_int(row, 2);
    return row_text(row, 1, old->object_id, sizeof(old->object_id), err);
}

static int write_row(struct db *db, const char *session_id, const struct workspace_file *file, struct err *err)
{
    return DB_EXEC(db, &sql[REPLACE], NULL, err, db_text(session_id), db_text(file->path), db_int(file->change_seq),
                   db_int(file->pending), db_int(file->deleted), db_text(file->object_id), db_int(file->size), db_text(file->sha256),
                   db_text(file->mime_type), db_int(file->mode), db_text(file->source), db_int(file->execution_seq),
                   db_int(file->modified_at));
}

int workspace_replace(struct db *db, const char *session_id, const struct workspace_file *file, int64_t kept_s,
                      struct workspace_state *state, struct err *err)
{
    struct old old = { 0 };
    if (DB_QUERY(db, &sql[OLD], take_old, &old, err, db_text(session_id), db_text(file->path)) != 0)
        return -1;
    if (old.found && !old.deleted) {
        state->bytes -= old.size;
        state->files--;
    }
    if (!file->deleted) {
        state->bytes += file->size;
        state->files++;
    }
    bool garbage = old.object_id[0] && strcmp(old.object_id, file->object_id) != 0;
    if (garbage && DB_EXEC(db, &sql[GARBAGE], NULL, err, db_text(session_id), db_text(old.object_id), db_int(kept_s)) != 0)
        return -1;
    return write_row(db, session_id, file, err);
}

static int take_sum(void *arg, const struct db_row *row, struct err *err)
{
    (void)err;
    struct workspace_state *state = arg;
    state->bytes -= db_row_int(row, 0);
    state->files -= db_row_int(row, 1);
    return 0;
}

int workspace_remove(struct db *db, const char *session_id, const char *path, bool below, bool pending, int64_t kept_s,
                     struct workspace_state *state, struct err *err)
{
#define RANGE_PARAMS db_text(session_id), db_int(pending), db_text(path), db_int(below), db_text(path), db_text(path)
    int64_t before = state->files;
    if (DB_QUERY(db, &sql[SUM], take_sum, state, err, RANGE_PARAMS) != 0)
        return -1;
    if (state->files == before)
        return 0;
    if (DB_EXEC(db, &sql[GARBAGE_RANGE], NULL, err, db_int(kept_s), RANGE_PARAMS) != 0)
        return -1;
    return DB_EXEC(db, &sql[REMOVE], NULL, err, RANGE_PARAMS);
#undef RANGE_PARAMS
}
