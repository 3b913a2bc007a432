/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of nodes that have an engine. */
#include "lib/repo/engine_repo.h"

#include <string.h>

#include "lib/repo/rows.h"

#define SERVED_COLUMNS "SELECT id, engine, tls_directory, host, served_by, cpu_limit_milli, memory_limit_mb, containers_limit FROM nodes"
#define FREE "(served_by = ? OR served_until IS NULL OR served_until <= " SQL_NOW ")"

enum { ADD, SERVABLE, SERVE, HELD, RELEASE, REACHED, NAMED, BEAT, LOCK, CONTAINERS, REMOVE, REMOVE_IMAGES, GIVE_UP, STATEMENTS };

const struct db_stmt engine_repo_statements[] = {
    [ADD] = { "INSERT INTO nodes (id, runtime_type, status, isolation, isolation_weaker, error, cpu_milli, memory_mb, max_containers,"
              " last_seen_at, engine, tls_directory, host, cpu_limit_milli, memory_limit_mb, containers_limit)"
              " VALUES (?, 'docker', 'offline', '', 0, 'No host serves it yet.', ?, ?, ?, " SQL_NOW ", ?, ?, ?, ?, ?, ?)" },
    [SERVABLE] = { SERVED_COLUMNS " WHERE engine <> '' AND host IN ('', ?) AND " FREE " ORDER BY id" },
    [SERVE] = { "UPDATE nodes SET served_by = ?, served_until = " SQL_IN_MS
                " WHERE id = ? AND engine = ? AND tls_directory = ? AND host IN ('', ?) AND " FREE },
    [HELD] = { "SELECT COUNT(*) FROM nodes WHERE id = ? AND engine = ? AND tls_directory = ? AND host IN ('', ?) AND served_by = ?"
               " AND served_until > " SQL_NOW },
    [RELEASE] = { "UPDATE nodes SET served_until = " SQL_NOW " WHERE engine <> '' AND served_by = ?" },
    [REACHED] = { SERVED_COLUMNS " WHERE engine <> '' AND (host = ? OR (served_by = ? AND served_until > " SQL_NOW ")) ORDER BY id" },
    [NAMED] = { "SELECT COUNT(*) FROM nodes WHERE id = ? AND engine <> ''" },
    [BEAT] = { "UPDATE nodes SET status = IF(status = 'draining', status, ?), isolation = LEFT(?, 255), isolation_weaker = ?,"
               " error = LEFT(?, 1024), cpu_milli = ?, memory_mb = ?, max_containers = ?, last_seen_at = " SQL_NOW
               " WHERE id = ? AND engine <> '' AND served_by = ?" },
    [LOCK] = { "SELECT last_seen_at < " SQL_NOW " - INTERVAL ? SECOND FROM nodes WHERE id = ? FOR UPDATE" },
    [CONTAINERS] = { "SELECT COUNT(*) FROM containers FORCE INDEX (work)"
                     " WHERE status IN ('creating', 'warm', 'running', 'deleting') AND node_id = ?" },
    [REMOVE] = { "DELETE FROM nodes WHERE id = ?" },
    [REMOVE_IMAGES] = { "DELETE FROM node_images WHERE node_id = ?" },
    [GIVE_UP] = { "UPDATE containers FORCE INDEX (work) SET status = 'deleted', claimed_by = NULL, secret = '', ended_at = " SQL_NOW
                  " WHERE status = 'deleting' AND node_id = ?" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = engine_repo_statements;

int engine_repo_add(struct db *db, const struct node *node, struct err *err)
{
    struct db_param cpu = db_int(node->cpu_limit_milli), memory = db_int(node->memory_limit_mb), most = db_int(node->containers_limit);
    if (DB_EXEC(db, &sql[ADD], NULL, err, db_text(node->id), cpu, memory, most, db_text(node->engine),
                db_text(node->tls_directory ? node->tls_directory : ""), db_text(node->host), cpu, memory, most) == 0)
        return 0;
    return err->code == ERR_CONFLICT ? err_set(err, ERR_CONFLICT, "There is a node '%.64s' already.", node->id) : -1;
}

static int take_served(void *arg, const struct db_row *row, struct err *err)
{
    struct node_list *list = arg;
    bool failed = false;
    struct node *out = list_add(&list->items, &list->count, sizeof(*out), err);
    if (!out || row_text(row, 0, out->id, sizeof(out->id), err) != 0)
        return -1;
    out->runtime_type = RUNTIME_DOCKER;
    out->engine = db_row_dup(row, 1, &failed);
    out->tls_directory = db_row_dup(row, 2, &failed);
    out->cpu_limit_milli = db_row_int(row, 5);
    out->memory_limit_mb = db_row_int(row, 6);
    out->containers_limit = db_row_int(row, 7);
    if (failed)
        return row_no_memory(err);
    return row_text(row, 3, out->host, sizeof(out->host), err) == 0 ? row_text(row, 4, out->served_by, sizeof(out->served_by), err) : -1;
}

static int serve(struct db *db, const char *own, const struct node *node, bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    int64_t held = 0;
    struct db_param id = db_text(node->id), engine = db_text(node->engine), tls = db_text(node->tls_directory), me = db_text(own);
    if (DB_EXEC(db, &sql[SERVE], &changed, err, me, db_int(ENGINE_LEASE_MS), id, engine, tls, me, me) != 0)
        return -1;
    /* no row changed: there is none to have, or it was renewed in this very millisecond */
    if (changed == 0 && DB_QUERY(db, &sql[HELD], take_int, &held, err, id, engine, tls, me, me) != 0)
        return -1;
    *changed_out = changed > 0 || held > 0;
    return 0;
}

int engine_repo_serve(struct db *db, const char *own, struct node_list *out, struct err *err)
{
    cleanup(node_list_release) struct node_list found = { 0 };
    size_t kept = 0;
    if (DB_QUERY(db, &sql[SERVABLE], take_served, &found, err, db_text(own), db_text(own)) != 0)
        return -1;
    for (size_t i = 0; i < found.count; i++) {
        bool ours = false;
        if (serve(db, own, &found.items[i], &ours, err) != 0)
            return -1;
        if (!ours)
            continue; /* another host was faster, or it was changed meanwhile: the next look tells */
        struct node node = found.items[kept];
        found.items[kept++] = found.items[i];
        found.items[i] = node;
    }
    for (size_t i = kept; i < found.count; i++)
        node_release(&found.items[i]);
    found.count = kept;
    *out = found;
    found = (struct node_list){ 0 };
    return 0;
}

int engine_repo_release(struct db *db, const char *own, struct err *err)
{
    return DB_EXEC(db, &sql[RELEASE], NULL, err, db_text(own));
}

int engine_repo_reached(struct db *db, const char *own, struct node_list *out, struct err *err)
{
    cleanup(node_list_release) struct node_list found = { 0 };
    if (DB_QUERY(db, &sql[REACHED], take_served, &found, err, db_text(own), db_text(own)) != 0)
        return -1;
    *out = found;
    found = (struct node_list){ 0 };
    return 0;
}

int engine_repo_check_own(struct db *db, const char *own, struct err *err)
{
    int64_t added = 0;
    if (DB_QUERY(db, &sql[NAMED], take_int, &added, err, db_text(own)) != 0)
        return -1;
    if (added)
        return err_set(err, ERR_CONFLICT, "There is a node '%.64s' with an engine of its own already: give this host another node.id.", own);
    return 0;
}

int engine_repo_beat(struct db *db, const struct node *node, const char *own, struct err *err)
{
    return DB_EXEC(db, &sql[BEAT], NULL, err, db_text(node->status), db_text(node->isolation ? node->isolation : ""),
                   db_int(node->isolation_weaker), db_text(node->error), db_int(node->cpu_milli), db_int(node->memory_mb),
                   db_int(node->max_containers), db_text(node->id), db_text(own));
}

int engine_repo_lock(struct db *db, const char *id, int64_t alive_s, bool *silent_out, int64_t *containers_out, struct err *err)
{
    int64_t silent = -1;
    if (DB_QUERY(db, &sql[LOCK], take_int, &silent, err, db_int(alive_s), db_text(id)) != 0)
        return -1;
    if (silent < 0)
        return err_set(err, ERR_NODE_NOT_FOUND, "Node '%.64s' does not exist.", id);
    *silent_out = silent;
    return DB_QUERY(db, &sql[CONTAINERS], take_int, containers_out, err, db_text(id));
}

int engine_repo_remove(struct db *db, const char *id, struct err *err)
{
    if (DB_EXEC(db, &sql[REMOVE_IMAGES], NULL, err, db_text(id)) != 0)
        return -1;
    return DB_EXEC(db, &sql[REMOVE], NULL, err, db_text(id));
}

int engine_repo_give_up(struct db *db, const char *id, struct err *err)
{
    return DB_EXEC(db, &sql[GIVE_UP], NULL, err, db_text(id));
}
