/* SPDX-License-Identifier: Apache-2.0 */
/* The index of files as clients see and change it. */
#include "lib/repo/workspace_repo.h"

#include <string.h>

#include "lib/repo/workspace_rows.h"

#define LIVE " FROM workspace_files WHERE session_id = ? AND deleted = 0"
#define PREFIXED LIVE " AND path >= ? AND path < CONCAT(CAST(? AS BINARY), X'FF')"

enum { STATE, FIND, LIST, COUNT, IS_FILE, HAS_BELOW, STATEMENTS };

const struct db_stmt workspace_repo_statements[] = {
    [STATE] = { "SELECT " WORKSPACE_STATE_COLUMNS ", IFNULL(c.workspace_seq, -1)"
                " FROM sessions s LEFT JOIN containers c ON c.id = s.container_id WHERE s.id = ? AND (? IS NULL OR s.owner = ?)" },
    [FIND] = { "SELECT " WORKSPACE_COLUMNS LIVE " AND path = ?" },
    [LIST] = { "SELECT " WORKSPACE_COLUMNS PREFIXED " ORDER BY path LIMIT ? OFFSET ?" },
    [COUNT] = { "SELECT COUNT(*)" PREFIXED },
    [IS_FILE] = { "SELECT COUNT(*)" LIVE " AND path = ?" },
    [HAS_BELOW] = { "SELECT COUNT(*) FROM (SELECT 1" LIVE " AND path > CONCAT(?, '/')"
                    " AND path < CONCAT(CAST(? AS BINARY), '/', X'FF') LIMIT 1) below" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = workspace_repo_statements;

int workspace_repo_state(struct db *db, const char *owner, const char *session_id, struct workspace_state *out, struct err *err)
{
    struct workspace_asking asking = { .state = out };
    *out = (struct workspace_state){ 0 };
    if (DB_QUERY(db, &sql[STATE], take_workspace_state, &asking, err, db_text(session_id), db_text(owner), db_text(owner)) != 0)
        return -1;
    return workspace_found(&asking, session_id, err);
}

static int not_found(const char *path, struct err *err)
{
    return err_set(err, ERR_FILE_NOT_FOUND, "There is no file '%.200s' in the workspace.", path);
}

int workspace_repo_find(struct db *db, const char *session_id, const char *path, struct workspace_file *out, struct err *err)
{
    cleanup(workspace_list_release) struct workspace_list found = { 0 };
    if (DB_QUERY(db, &sql[FIND], take_workspace_file, &found, err, db_text(session_id), db_text(path)) != 0)
        return -1;
    if (found.count == 0)
        return not_found(path, err);
    *out = found.items[0];
    return 0;
}

int workspace_repo_list(struct db *db, const char *session_id, const char *prefix, const struct page *page, struct workspace_list *out,
                        struct err *err)
{
    struct db_param id = db_text(session_id), from = db_text(prefix);
    *out = (struct workspace_list){ 0 };
    if (DB_QUERY(db, &sql[COUNT], take_int, &out->total, err, id, from, from) == 0 &&
        DB_QUERY(db, &sql[LIST], take_workspace_file, out, err, id, from, from, db_int(page->limit), db_int(page->offset)) == 0)
        return 0;
    workspace_list_release(out);
    return -1;
}

/* One change by a client, handed through its transaction. */
struct change {
    const char *owner, *session_id, *path;
    const struct workspace_file *file;
    int64_t kept_s;
};

/* No part of the path before its last may be a file, nor the path a directory. */
static int check_place(struct db *db, const struct change *change, struct err *err)
{
    const char *path = change->file->path;
    struct db_param id = db_text(change->session_id);
    int64_t count = 0;
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        size_t len = (size_t)(slash - path);
        if (DB_QUERY(db, &sql[IS_FILE], take_int, &count, err, id, db_bytes(path, len)) != 0)
            return -1;
        if (count > 0)
            return err_set(err, ERR_CONFLICT, "'%.*s' is a file of the workspace, and so cannot be a directory.", (int)len, path);
    }
    if (DB_QUERY(db, &sql[HAS_BELOW], take_int, &count, err, id, db_text(path), db_text(path)) != 0)
        return -1;
    return count == 0 ? 0 : err_set(err, ERR_CONFLICT, "'%.200s' is a directory of the workspace, and so cannot be a file.", path);
}

static bool is_live(const struct workspace_state *state)
{
    return state->status == SESSION_CREATING || state->status == SESSION_RUNNING;
}

static int put_work(struct db *db, void *arg, struct err *err)
{
    const struct change *change = arg;
    struct workspace_state state;
    struct workspace_file file = *change->file;
    if (workspace_lock(db, change->owner, change->session_id, &state, err) != 0)
        return -1;
    if (!is_live(&state))
        return err_set(err, ERR_SESSION_NOT_FOUND, "Session '%.64s' has ended.", change->session_id);
    if (check_place(db, change, err) != 0)
        return -1;
    file.change_seq = ++state.seq;
    file.pending = true;
    file.deleted = false;
    file.mode = FILE_MODE_DEFAULT;
    file.source[0] = '\0';
    file.execution_seq = file.modified_at = 0;
    if (workspace_replace(db, change->session_id, &file, change->kept_s, &state, err) != 0 || workspace_check_room(&state, err) != 0)
        return -1;
    return workspace_unlock(db, change->session_id, &state, err);
}

int workspace_repo_put(struct db *db, const char *owner, const char *session_id, const struct workspace_file *file, int64_t kept_s,
                       struct err *err)
{
    struct change change = { .owner = owner, .session_id = session_id, .file = file, .kept_s = kept_s };
    return db_transaction(db, put_work, &change, err);
}

/* In a session that lives, its container has to hear of it; else the row just goes. */
static int delete_work(struct db *db, void *arg, struct err *err)
{
    const struct change *change = arg;
    struct workspace_state state;
    struct workspace_file tombstone = { .pending = true, .deleted = true, .mode = FILE_MODE_DEFAULT };
    int64_t count = 0;
    int status;
    if (workspace_lock(db, change->owner, change->session_id, &state, err) != 0 ||
        DB_QUERY(db, &sql[IS_FILE], take_int, &count, err, db_text(change->session_id), db_text(change->path)) != 0)
        return -1;
    if (count == 0)
        return not_found(change->path, err);
    if (is_live(&state)) {
        snprintf(tombstone.path, sizeof(tombstone.path), "%s", change->path);
        tombstone.change_seq = ++state.seq;
        status = workspace_replace(db, change->session_id, &tombstone, change->kept_s, &state, err);
    } else {
        status = workspace_remove(db, change->session_id, change->path, false, true, change->kept_s, &state, err);
    }
    return status == 0 ? workspace_unlock(db, change->session_id, &state, err) : -1;
}

int workspace_repo_delete(struct db *db, const char *owner, const char *session_id, const char *path, int64_t kept_s, struct err *err)
{
    struct change change = { .owner = owner, .session_id = session_id, .path = path, .kept_s = kept_s };
    return db_transaction(db, delete_work, &change, err);
}
