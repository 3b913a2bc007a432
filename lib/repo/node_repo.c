/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes, the room they have left, and where a new container goes. */
#include "lib/repo/node_repo.h"

#include <stdlib.h>
#include <string.h>

#include "lib/repo/room_repo.h"
#include "lib/repo/rows.h"

/* What containers use that are not deleted; read from a key alone. */
#define USED                                                                                       \
    "SELECT node_id, SUM(cpu_milli) AS cpu, SUM(memory_mb) AS memory, COUNT(*) AS containers"      \
    " FROM containers FORCE INDEX (work) WHERE status IN ('creating', 'warm', 'running', 'deleting')"
#define COLUMNS                                                                                    \
    "n.id, n.runtime_type, n.status, n.isolation, n.isolation_weaker, n.error, n.cpu_milli, "      \
    "n.memory_mb, n.max_containers, IFNULL(u.cpu, 0), IFNULL(u.memory, 0), IFNULL(u.containers, 0), " \
    SQL_MS("n.last_seen_at") ", n.last_seen_at >= " SQL_NOW " - INTERVAL ? SECOND, n.engine, n.tls_directory,"  \
    " n.host, n.served_by, IFNULL(n.served_until > " SQL_NOW ", 0), n.cpu_limit_milli, n.memory_limit_mb, n.containers_limit,"    \
    " n.runtime_type = 'process' OR EXISTS (SELECT 1 FROM node_images i WHERE i.node_id = n.id AND i.image = ?),"    \
    " TIMESTAMPDIFF(MICROSECOND, n.last_seen_at, " SQL_NOW ") DIV 1000, IFNULL(w.cpu, 0), IFNULL(w.memory, 0), IFNULL(w.containers, 0)"
#define LOAD                                                                                       \
    "GREATEST(IFNULL(u.cpu, 0) / n.cpu_milli, IFNULL(u.memory, 0) / n.memory_mb,"                  \
    " IFNULL(u.containers, 0) / n.max_containers)"

enum { BEAT, LIST, USED_BY, WAITED_FOR_AT, EXISTS, DRAIN, READY, STATEMENTS };

const struct db_stmt node_repo_statements[] = {
    [BEAT] = { "INSERT INTO nodes (id, runtime_type, status, isolation, isolation_weaker, error, cpu_milli,"
               " memory_mb, max_containers, last_seen_at)"
               " VALUES (?, ?, ?, LEFT(?, 255), ?, LEFT(?, 1024), ?, ?, ?, " SQL_NOW ")"
               " ON DUPLICATE KEY UPDATE status = IF(status = 'draining', status, VALUES(status)),"
               " runtime_type = VALUES(runtime_type), isolation = VALUES(isolation),"
               " isolation_weaker = VALUES(isolation_weaker), error = VALUES(error),"
               " cpu_milli = VALUES(cpu_milli), memory_mb = VALUES(memory_mb),"
               " max_containers = VALUES(max_containers), last_seen_at = VALUES(last_seen_at)" },
    [LIST] = { "SELECT " COLUMNS " FROM nodes n LEFT JOIN (" USED " GROUP BY node_id) u ON u.node_id = n.id"
               " LEFT JOIN (" ROOM_WAITED_FOR " GROUP BY node_id) w ON w.node_id = n.id ORDER BY " LOAD ", n.id" },
    [USED_BY] = { USED " AND node_id = ?" },
    [WAITED_FOR_AT] = { ROOM_WAITED_FOR " AND node_id = ?" },
    [EXISTS] = { "SELECT COUNT(*) FROM nodes WHERE id = ?" },
    [DRAIN] = { "UPDATE nodes SET status = 'draining' WHERE id = ? AND status IN ('ready', 'offline')" },
    /* Its beats have told meanwhile whether its engine works. */
    [READY] = { "UPDATE nodes SET status = IF(error IS NULL, 'ready', 'offline') WHERE id = ? AND status = 'draining'" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = node_repo_statements;

enum { LIST_ALIVE_S = 15 };

int node_repo_beat(struct db *db, const struct node *node, struct err *err)
{
    return DB_EXEC(db, &sql[BEAT], NULL, err, db_text(node->id),
                   db_text(runtime_type_name(node->runtime_type)), db_text(node->status),
                   db_text(node->isolation ? node->isolation : ""), db_int(node->isolation_weaker),
                   db_text(node->error), db_int(node->cpu_milli), db_int(node->memory_mb),
                   db_int(node->max_containers));
}

/* Nodes with whether each was seen lately. */
struct candidates {
    struct node_list list;
    struct looks {
        bool alive, has_image;
        struct room waited_for; /* made for sessions that wait */
    } *looks; /* one for each of the list */
    size_t look_count;
};

static void cleanup_candidates(struct candidates *candidates)
{
    node_list_release(&candidates->list);
    free(candidates->looks);
}

static struct room read_room(const struct db_row *row, unsigned column)
{
    return (struct room){ .cpu_milli = db_row_int(row, column), .memory_mb = db_row_int(row, column + 1),
                          .containers = db_row_int(row, column + 2) };
}

static int read_engine(struct node *out, const struct db_row *row, struct err *err)
{
    bool failed = false;
    out->engine = db_row_dup(row, 14, &failed);
    out->tls_directory = db_row_dup(row, 15, &failed);
    out->served = db_row_int(row, 18);
    out->cpu_limit_milli = db_row_int(row, 19);
    out->memory_limit_mb = db_row_int(row, 20);
    out->containers_limit = db_row_int(row, 21);
    if (failed)
        return row_no_memory(err);
    return row_text(row, 16, out->host, sizeof(out->host), err) == 0 ? row_text(row, 17, out->served_by, sizeof(out->served_by), err) : -1;
}

static int read_node(struct node *out, const struct db_row *row, struct err *err)
{
    int type = 0;
    bool failed = false;
    if (row_text(row, 0, out->id, sizeof(out->id), err) != 0 ||
        row_enum(row, 1, runtime_type_parse, &type, err) != 0 ||
        row_text(row, 2, out->status, sizeof(out->status), err) != 0)
        return -1;
    out->runtime_type = (enum runtime_type)type;
    out->isolation = db_row_dup(row, 3, &failed);
    out->isolation_weaker = db_row_int(row, 4);
    out->error = db_row_dup(row, 5, &failed);
    out->cpu_milli = db_row_int(row, 6);
    out->memory_mb = db_row_int(row, 7);
    out->max_containers = db_row_int(row, 8);
    out->used_cpu_milli = db_row_int(row, 9);
    out->used_memory_mb = db_row_int(row, 10);
    out->used_containers = db_row_int(row, 11);
    out->last_seen_at = db_row_int(row, 12);
    out->silent_ms = db_row_int(row, 23);
    return failed ? row_no_memory(err) : read_engine(out, row, err);
}

static int take_node(void *arg, const struct db_row *row, struct err *err)
{
    struct candidates *found = arg;
    struct node *item = list_add(&found->list.items, &found->list.count, sizeof(*item), err);
    struct looks *looks = list_add(&found->looks, &found->look_count, sizeof(*looks), err);
    if (!item || !looks)
        return -1;
    *looks = (struct looks){ .alive = db_row_int(row, 13), .has_image = db_row_int(row, 22), .waited_for = read_room(row, 24) };
    return read_node(item, row, err);
}

int node_repo_list(struct db *db, struct node_list *out, struct err *err)
{
    cleanup(cleanup_candidates) struct candidates found = { 0 };
    if (DB_QUERY(db, &sql[LIST], take_node, &found, err, db_int(LIST_ALIVE_S), db_text("")) != 0)
        return -1;
    *out = found.list;
    found.list = (struct node_list){ 0 };
    return 0;
}

int node_repo_drain(struct db *db, const char *id, bool drain, bool *changed_out, struct err *err)
{
    uint64_t changed = 0;
    int64_t there = 1;
    if (DB_EXEC(db, &sql[drain ? DRAIN : READY], &changed, err, db_text(id)) != 0)
        return -1;
    if (!changed && DB_QUERY(db, &sql[EXISTS], take_int, &there, err, db_text(id)) != 0)
        return -1;
    if (!there)
        return err_set(err, ERR_NODE_NOT_FOUND, "Node '%.64s' does not exist.", id);
    *changed_out = changed > 0;
    return 0;
}

static bool fits(int64_t taken, int64_t need, int64_t capacity, int64_t kept_free)
{
    return taken + need <= capacity * (100 - kept_free) / 100;
}

/* One of those who wait may take the first room that comes: the others' comes, too. */
static bool has_room(const struct node *node, const struct room *waited_for, const struct node_wish *wish)
{
    static const struct room none = { 0 };
    const struct resources *need = &wish->need;
    const struct room *others = wish->waits_at && strcmp(wish->waits_at, node->id) == 0 ? &none : waited_for;
    return fits(node->used_cpu_milli + others->cpu_milli, need->cpu_milli, node->cpu_milli, wish->kept_free) &&
           fits(node->used_memory_mb + others->memory_mb, need->memory_mb, node->memory_mb, wish->kept_free) &&
           fits(node->used_containers + others->containers, 1, node->max_containers, wish->kept_free);
}

static int take_used(void *arg, const struct db_row *row, struct err *err)
{
    struct node *node = arg;
    (void)err;
    node->used_cpu_milli = db_row_int(row, 1);
    node->used_memory_mb = db_row_int(row, 2);
    node->used_containers = db_row_int(row, 3);
    return 0;
}

static int take_waited_for(void *arg, const struct db_row *row, struct err *err)
{
    (void)err;
    *(struct room *)arg = read_room(row, 1);
    return 0;
}

/* Waits for those who are creating on the node, then looks again at what is left: at READ COMMITTED the second look
 * sees what they committed. */
static int lock_with_room(struct db *db, struct node *node, const struct node_wish *wish, bool *fits_out, struct err *err)
{
    bool locked = false;
    struct room waited_for = { 0 };
    *fits_out = false;
    if (room_repo_lock(db, node->id, &locked, err) != 0)
        return -1;
    if (!locked)
        return 0;
    if (DB_QUERY(db, &sql[USED_BY], take_used, node, err, db_text(node->id)) != 0 ||
        DB_QUERY(db, &sql[WAITED_FOR_AT], take_waited_for, &waited_for, err, db_text(node->id)) != 0)
        return -1;
    *fits_out = has_room(node, &waited_for, wish);
    return 0;
}

static int no_node(const struct candidates *found, struct err *err)
{
    const char *error = NULL;
    bool full = false, draining = false;
    for (size_t i = 0; i < found->list.count; i++) {
        const struct node *node = &found->list.items[i];
        if (!found->looks[i].alive)
            continue;
        full = full || strcmp(node->status, "ready") == 0;
        draining = draining || strcmp(node->status, "draining") == 0;
        error = node->error ? node->error : error;
    }
    if (full)
        return err_set(err, ERR_NO_ROOM, "No node has room for the requested resources.");
    if (!error)
        error = draining ? "the nodes are draining" : "sandbox-provisiond does not run";
    return err_set(err, ERR_UNAVAILABLE, "No node is ready to run sandboxes: %s", error);
}

/* The first that fits, of those that have the image or of the others; *found_out false: none. */
static int pick_of(struct db *db, struct candidates *found, bool with_image, const struct node_wish *wish, struct node *out,
                   bool *found_out, struct err *err)
{
    for (size_t i = 0; i < found->list.count && !*found_out; i++) {
        struct node *node = &found->list.items[i];
        const struct looks *looks = &found->looks[i];
        if (!looks->alive || looks->has_image != with_image || strcmp(node->status, "ready") != 0 ||
            !has_room(node, &looks->waited_for, wish))
            continue;
        if (lock_with_room(db, node, wish, found_out, err) != 0)
            return -1;
        if (*found_out) {
            *out = *node;
            *node = (struct node){ 0 };
        }
    }
    return 0;
}

int node_repo_pick(struct db *db, const struct node_wish *wish, struct node *out, struct err *err)
{
    cleanup(cleanup_candidates) struct candidates found = { 0 };
    bool picked = false;
    if (DB_QUERY(db, &sql[LIST], take_node, &found, err, db_int(wish->alive_s), db_text(wish->image)) != 0 ||
        pick_of(db, &found, true, wish, out, &picked, err) != 0 || pick_of(db, &found, false, wish, out, &picked, err) != 0)
        return -1;
    return picked ? 0 : no_node(&found, err);
}
