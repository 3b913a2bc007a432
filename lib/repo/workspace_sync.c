/* SPDX-License-Identifier: Apache-2.0 */
/* The index of files against a container: what it lacks, and what came out of it. */
#include <string.h>

#include "lib/repo/workspace_rows.h"

enum { PENDING, PUSHED, BURY, SYNCED, SOURCES, ALL_PENDING, BURY_ALL, NEW_CONTAINER, STATEMENTS };

const struct db_stmt workspace_sync_statements[] = {
    [PENDING] = { "SELECT " WORKSPACE_COLUMNS " FROM workspace_files FORCE INDEX (pending) WHERE session_id = ? AND pending = 1"
                  " ORDER BY change_seq, path LIMIT ?" },
    [PUSHED] = { "UPDATE workspace_files SET pending = 0, source = ?"
                 " WHERE session_id = ? AND path = ? AND change_seq = ? AND pending = 1 AND deleted = 0" },
    [BURY] = { "DELETE FROM workspace_files WHERE session_id = ? AND path = ? AND change_seq = ? AND deleted = 1" },
    [SYNCED] = { "UPDATE containers SET workspace_seq = ? WHERE id = ? AND workspace_seq < ?" },
    [SOURCES] = { "SELECT path, source, execution_seq FROM workspace_files WHERE session_id = ? AND pending = 0 AND deleted = 0" },
    [ALL_PENDING] = { "UPDATE workspace_files SET pending = 1, source = '' WHERE session_id = ?" },
    [BURY_ALL] = { "DELETE FROM workspace_files WHERE session_id = ? AND deleted = 1" },
    [NEW_CONTAINER] = { "UPDATE containers SET workspace_seq = -1 WHERE id = ?" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = workspace_sync_statements;

int workspace_repo_pending(struct db *db, const char *session_id, int64_t limit, struct workspace_list *out, struct err *err)
{
    *out = (struct workspace_list){ 0 };
    if (DB_QUERY(db, &sql[PENDING], take_workspace_file, out, err, db_text(session_id), db_int(limit)) == 0)
        return 0;
    workspace_list_release(out);
    return -1;
}

/* What came of moving files, handed through its transaction. */
struct moved {
    const char *session_id, *container_id;
    const struct workspace_file *files;
    size_t count;
    const struct workspace_gone *gone;
    size_t gone_count;
    int64_t kept_s;
};

/* What was learnt of one container says nothing of the next. */
static int lock_same(struct db *db, const struct moved *moved, struct workspace_state *state, struct err *err)
{
    if (workspace_lock(db, NULL, moved->session_id, state, err) != 0)
        return -1;
    if (state->status != SESSION_CREATING && state->status != SESSION_RUNNING)
        return err_set(err, ERR_CONFLICT, "The session has ended.");
    if (strcmp(state->container_id, moved->container_id) != 0)
        return err_set(err, ERR_CONFLICT, "The session has another container now.");
    return 0;
}

static int pushed_work(struct db *db, void *arg, struct err *err)
{
    const struct moved *moved = arg;
    struct workspace_state state;
    int status = lock_same(db, moved, &state, err);
    for (size_t i = 0; status == 0 && i < moved->count; i++) {
        const struct workspace_file *file = &moved->files[i];
        struct db_param id = db_text(moved->session_id), path = db_text(file->path), seq = db_int(file->change_seq);
        /* none changed: a client was faster, and its change is pending */
        status = file->deleted ? DB_EXEC(db, &sql[BURY], NULL, err, id, path, seq)
                               : DB_EXEC(db, &sql[PUSHED], NULL, err, db_text(file->source), id, path, seq);
    }
    return status;
}

int workspace_repo_pushed(struct db *db, const char *session_id, const char *container_id, const struct workspace_file *files,
                          size_t count, struct err *err)
{
    struct moved moved = { .session_id = session_id, .container_id = container_id, .files = files, .count = count };
    return db_transaction(db, pushed_work, &moved, err);
}

int workspace_repo_synced(struct db *db, const char *container_id, int64_t seq, struct err *err)
{
    return DB_EXEC(db, &sql[SYNCED], NULL, err, db_int(seq), db_text(container_id), db_int(seq));
}

static int take_work(struct db *db, void *arg, struct err *err)
{
    const struct moved *moved = arg;
    struct workspace_state state;
    int status = lock_same(db, moved, &state, err);
    for (size_t i = 0; status == 0 && i < moved->gone_count; i++)
        status = workspace_remove(db, moved->session_id, moved->gone[i].path, moved->gone[i].below, false, moved->kept_s, &state, err);
    for (size_t i = 0; status == 0 && i < moved->count; i++) {
        struct workspace_file file = moved->files[i];
        file.change_seq = 0;
        file.pending = file.deleted = false;
        status = workspace_replace(db, moved->session_id, &file, moved->kept_s, &state, err);
    }
    /* what removes something may always do so, however full it is */
    if (status == 0 && moved->count > 0)
        status = workspace_check_room(&state, err);
    return status == 0 ? workspace_unlock(db, moved->session_id, &state, err) : -1;
}

int workspace_repo_take(struct db *db, const char *session_id, const char *container_id, const struct workspace_file *files,
                        size_t count, const struct workspace_gone *gone, size_t gone_count, int64_t kept_s, struct err *err)
{
    struct moved moved = { .session_id = session_id, .container_id = container_id, .files = files, .count = count, .gone = gone,
                           .gone_count = gone_count, .kept_s = kept_s };
    return db_transaction(db, take_work, &moved, err);
}

struct telling {
    workspace_source_fn on_file;
    void *arg;
};

static int tell(void *arg, const struct db_row *row, struct err *err)
{
    const struct telling *telling = arg;
    return telling->on_file(telling->arg, db_row_text(row, 0, NULL), db_row_text(row, 1, NULL), db_row_int(row, 2), err);
}

int workspace_repo_sources(struct db *db, const char *session_id, workspace_source_fn on_file, void *arg, struct err *err)
{
    struct telling telling = { .on_file = on_file, .arg = arg };
    return DB_QUERY(db, &sql[SOURCES], tell, &telling, err, db_text(session_id));
}

int workspace_repo_restart(struct db *db, const char *session_id, const char *container_id, struct err *err)
{
    if (DB_EXEC(db, &sql[BURY_ALL], NULL, err, db_text(session_id)) != 0 ||
        DB_EXEC(db, &sql[ALL_PENDING], NULL, err, db_text(session_id)) != 0)
        return -1;
    return DB_EXEC(db, &sql[NEW_CONTAINER], NULL, err, db_text(container_id));
}
