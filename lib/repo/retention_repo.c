/* SPDX-License-Identifier: Apache-2.0 */
/* Old rows. */
#include "lib/repo/retention_repo.h"

#include <stdlib.h>

#include "lib/repo/rows.h"

#define OLD " <= " SQL_NOW " - INTERVAL ? SECOND"

enum { LOOK, EXECUTIONS, SESSIONS, EXECUTIONS_OF, DROP_SESSIONS, CONTAINERS, BEATS, OFFERS, IMAGES, DEMAND, STATEMENTS };

const struct db_stmt retention_repo_statements[] = {
    [LOOK] = { "SELECT COUNT(*), IFNULL(MAX(p.seq), 0), IFNULL(MIN(p.created_at)" OLD ", 0), IFNULL(MIN(p.completed_at)" OLD ", 0)"
               " FROM (SELECT seq, created_at, completed_at FROM executions FORCE INDEX (PRIMARY) WHERE seq > ? ORDER BY seq LIMIT ?) p" },
    [EXECUTIONS] = { "DELETE FROM executions WHERE seq > ? AND seq <= ? AND completed_at" OLD " ORDER BY seq" },
    [SESSIONS] = { "SELECT seq, id FROM sessions FORCE INDEX (to_purge) WHERE purged_at" OLD " AND ended_at" OLD
                   " ORDER BY purged_at LIMIT ?" },
    [EXECUTIONS_OF] = { "DELETE FROM executions WHERE session_id = ? ORDER BY seq LIMIT ?" },
    [DROP_SESSIONS] = { "DELETE s FROM JSON_TABLE(?, '$[*]' COLUMNS (seq BIGINT PATH '$')) j STRAIGHT_JOIN sessions s FORCE INDEX (PRIMARY)"
                        " ON s.seq = j.seq WHERE s.purged_at IS NOT NULL AND s.status NOT IN ('creating', 'running')" },
    [CONTAINERS] = { "DELETE FROM containers WHERE status = 'deleted' AND ended_at" OLD " ORDER BY ended_at LIMIT ?" },
    [BEATS] = { "DELETE FROM jobs WHERE beat_at <= " SQL_NOW " - INTERVAL GREATEST(86400000, 3 * interval_ms) * 1000 MICROSECOND" },
    [OFFERS] = { "DELETE FROM dispatchers WHERE takes_until <= " SQL_NOW " - INTERVAL 1 DAY" },
    [IMAGES] = { "DELETE i FROM node_images i LEFT JOIN nodes n ON n.id = i.node_id WHERE n.id IS NULL" },
    [DEMAND] = { "DELETE d FROM pool_demand d LEFT JOIN templates t ON t.id = d.template_id WHERE t.id IS NULL" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = retention_repo_statements;

struct piece {
    int64_t rows, last;
    bool old, due; /* one that was made long ago; one that ended long ago */
};

static int take_piece(void *arg, const struct db_row *row, struct err *err)
{
    struct piece *piece = arg;
    (void)err;
    *piece = (struct piece){ db_row_int(row, 0), db_row_int(row, 1), db_row_int(row, 2), db_row_int(row, 3) };
    return 0;
}

int retention_repo_executions(struct db *db, int64_t seconds, int64_t limit, struct execution_walk *walk, struct err *err)
{
    struct piece piece = { 0 };
    walk->removed = 0;
    if (DB_QUERY(db, &sql[LOOK], take_piece, &piece, err, db_int(seconds), db_int(seconds), db_int(walk->after), db_int(limit)) != 0)
        return -1;
    if (piece.due && DB_EXEC(db, &sql[EXECUTIONS], &walk->removed, err, db_int(walk->after), db_int(piece.last), db_int(seconds)) != 0)
        return -1;
    walk->after = piece.last;
    walk->over = piece.rows < limit || !piece.old;
    return 0;
}

void old_session_list_release(struct old_session_list *list)
{
    free(list->items);
    *list = (struct old_session_list){ 0 };
}

static int take_session(void *arg, const struct db_row *row, struct err *err)
{
    struct old_session_list *list = arg;
    struct old_session *item = list_add(&list->items, &list->count, sizeof(*item), err);
    if (!item)
        return -1;
    item->seq = db_row_int(row, 0);
    return row_text(row, 1, item->id, sizeof(item->id), err);
}

int retention_repo_sessions(struct db *db, int64_t seconds, int64_t workspace_s, int64_t limit, struct old_session_list *out,
                            struct err *err)
{
    /* files go at least workspace_s after the end: the key's range holds hardly any but those that are due */
    int64_t since_purge_s = seconds > workspace_s ? seconds - workspace_s : 0;
    *out = (struct old_session_list){ 0 };
    if (DB_QUERY(db, &sql[SESSIONS], take_session, out, err, db_int(since_purge_s), db_int(seconds), db_int(limit)) == 0)
        return 0;
    old_session_list_release(out);
    return -1;
}

int retention_repo_executions_of(struct db *db, const char *session_id, int64_t limit, uint64_t *removed_out, struct err *err)
{
    return DB_EXEC(db, &sql[EXECUTIONS_OF], removed_out, err, db_text(session_id), db_int(limit));
}

int retention_repo_drop_sessions(struct db *db, const struct old_session_list *list, uint64_t *removed_out, struct err *err)
{
    cleanup_free int64_t *seqs = calloc(list->count + 1, sizeof(*seqs));
    for (size_t i = 0; seqs && i < list->count; i++)
        seqs[i] = list->items[i].seq;
    cleanup_free char *json = seqs ? seqs_to_json(seqs, list->count) : NULL;
    if (!json)
        return row_no_memory(err);
    return DB_EXEC(db, &sql[DROP_SESSIONS], removed_out, err, db_text(json));
}

int retention_repo_containers(struct db *db, int64_t seconds, int64_t limit, uint64_t *removed_out, struct err *err)
{
    return DB_EXEC(db, &sql[CONTAINERS], removed_out, err, db_int(seconds), db_int(limit));
}

int retention_repo_leavings(struct db *db, uint64_t *removed_out, struct err *err)
{
    *removed_out = 0;
    for (int i = BEATS; i <= DEMAND; i++) {
        uint64_t removed = 0;
        if (db_exec(db, &sql[i], NULL, 0, &removed, err) != 0)
            return -1;
        *removed_out += removed;
    }
    return 0;
}
