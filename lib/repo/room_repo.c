/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over containers and sessions, by node. */
#include "lib/repo/room_repo.h"

#include <stdlib.h>
#include <string.h>

#include "lib/repo/rows.h"

#define SUMS " SUM(cpu_milli) AS cpu, SUM(memory_mb) AS memory, COUNT(*) AS containers"
#define OF_POOL "SUM(IF(session_id = '' AND status <> 'running', "
#define LEFT_OF(column, sum) "n." column " - IFNULL(u." sum ", 0) - IFNULL(w." sum ", 0)"

enum { SOON, LOCK, EVICTABLE, SEIZE, STATEMENTS };

const struct db_stmt room_repo_statements[] = {
    [SOON] = { "SELECT n.id, n.runtime_type, " LEFT_OF("cpu_milli", "cpu") " AS cpu_left, " LEFT_OF("memory_mb", "memory") ", "
               LEFT_OF("max_containers", "containers") ", IFNULL(u.warm_cpu, 0), IFNULL(u.warm_memory, 0), IFNULL(u.warm, 0)"
               " FROM nodes n LEFT JOIN (SELECT node_id," SUMS ", " OF_POOL "cpu_milli, 0)) AS warm_cpu, "
               OF_POOL "memory_mb, 0)) AS warm_memory, " OF_POOL "1, 0)) AS warm FROM containers FORCE INDEX (work)"
               " WHERE status IN ('creating', 'warm', 'running') GROUP BY node_id) u ON u.node_id = n.id"
               " LEFT JOIN (" ROOM_WAITED_FOR " GROUP BY node_id) w ON w.node_id = n.id"
               " WHERE n.status = 'ready' AND n.last_seen_at >= " SQL_NOW " - INTERVAL ? SECOND AND (? IS NULL OR n.id = ?)"
               " ORDER BY cpu_left DESC, n.id" },
    [LOCK] = { "SELECT id FROM nodes WHERE id = ? AND status = 'ready' FOR UPDATE" },
    [EVICTABLE] = { "SELECT id, cpu_milli, memory_mb FROM containers FORCE INDEX (work)"
                    " WHERE status IN ('creating', 'warm') AND node_id = ? AND session_id = ''"
                    " ORDER BY status = 'creating', seq" },
    [SEIZE] = { "SELECT id FROM containers FORCE INDEX (id) WHERE id = ? AND status IN ('creating', 'warm') AND session_id = ''"
                " FOR UPDATE SKIP LOCKED" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = room_repo_statements;

void node_room_list_release(struct node_room_list *list)
{
    free(list->items);
    *list = (struct node_room_list){ 0 };
}

static struct room read_room(const struct db_row *row, unsigned column)
{
    return (struct room){ .cpu_milli = db_row_int(row, column), .memory_mb = db_row_int(row, column + 1),
                          .containers = db_row_int(row, column + 2) };
}

static int take_room(void *arg, const struct db_row *row, struct err *err)
{
    struct node_room_list *list = arg;
    int type = 0;
    struct node_room *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item || row_text(row, 0, item->node_id, sizeof(item->node_id), err) != 0 ||
        row_enum(row, 1, runtime_type_parse, &type, err) != 0)
        return -1;
    item->runtime_type = (enum runtime_type)type;
    item->left = read_room(row, 2);
    item->warm = read_room(row, 5);
    return 0;
}

int room_repo_soon(struct db *db, const char *node_id, int64_t alive_s, struct node_room_list *out, struct err *err)
{
    return DB_QUERY(db, &sql[SOON], take_room, out, err, db_int(alive_s), db_text(node_id), db_text(node_id));
}

static int lock(struct db *db, const struct db_stmt *stmt, const char *id, bool *locked_out, struct err *err)
{
    cleanup(string_list_release) struct string_list locked = { 0 };
    if (DB_QUERY(db, stmt, take_string, &locked, err, db_text(id)) != 0)
        return -1;
    *locked_out = locked.count > 0;
    return 0;
}

int room_repo_lock(struct db *db, const char *node_id, bool *locked_out, struct err *err)
{
    return lock(db, &sql[LOCK], node_id, locked_out, err);
}

int room_repo_seize(struct db *db, const char *container_id, bool *locked_out, struct err *err)
{
    return lock(db, &sql[SEIZE], container_id, locked_out, err);
}

static int take_evictable(void *arg, const struct db_row *row, struct err *err)
{
    struct container_list *list = arg;
    struct container *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item)
        return -1;
    item->resources.cpu_milli = db_row_int(row, 1);
    item->resources.memory_mb = db_row_int(row, 2);
    return row_text(row, 0, item->id, sizeof(item->id), err);
}

int room_repo_evictable(struct db *db, const char *node_id, struct container_list *out, struct err *err)
{
    return DB_QUERY(db, &sql[EVICTABLE], take_evictable, out, err, db_text(node_id));
}
