/* SPDX-License-Identifier: Apache-2.0 */
/* Looks for people: seldom, so that they may cost a little. */
#include "lib/repo/status_repo.h"

#include "lib/repo/rows.h"

#define GRANTEE "CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')"
enum { SESSIONS, WEBHOOKS, POOLS, FAILED_SESSIONS, CRASHED, SERVER, PRIVILEGES, TABLES, SCHEMA, ANY_IMAGES, MISSING_IMAGES, STATEMENTS };

const struct db_stmt status_repo_statements[] = {
    [SESSIONS] = { "SELECT status, COUNT(*) FROM sessions FORCE INDEX (expiry) GROUP BY status" },
    [WEBHOOKS] = { "SELECT status, COUNT(*) FROM webhooks FORCE INDEX (work) GROUP BY status" },
    [POOLS] = { "SELECT t.id, (SELECT COUNT(*) FROM containers c FORCE INDEX (pool) WHERE c.template_id = t.id AND c.status = 'warm') AS warm,"
                " IFNULL(d.wanted, t.pool_target) AS wanted FROM templates t LEFT JOIN pool_demand d ON d.template_id = t.id"
                " HAVING warm > 0 OR wanted > 0 ORDER BY t.id" },
    [FAILED_SESSIONS] = { "SELECT 'session', s.id, " SQL_MS("s.ended_at") ", IFNULL(s.error, '') FROM sessions s FORCE INDEX (expiry)"
                          " WHERE s.status = 'failed' ORDER BY s.ended_at DESC LIMIT ?" },
    [CRASHED] = { "SELECT 'execution', e.id, " SQL_MS("e.completed_at") ", IFNULL(e.error_message, '') FROM executions e FORCE INDEX (PRIMARY)"
                  " WHERE e.seq > (SELECT MAX(seq) - 5000 FROM executions) AND e.status = 'crashed' ORDER BY e.seq DESC LIMIT ?" },
    [SERVER] = { "SELECT VERSION(), @@global.max_connections, (SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.GLOBAL_STATUS"
                 " WHERE VARIABLE_NAME = 'THREADS_CONNECTED'), @@global.innodb_flush_log_at_trx_commit, @@global.max_allowed_packet, "
                 SQL_MS(SQL_NOW) },
    [PRIVILEGES] = { "SELECT PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES WHERE DATABASE() LIKE TABLE_SCHEMA AND GRANTEE = " GRANTEE
                     " UNION SELECT PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES WHERE GRANTEE = " GRANTEE },
    [TABLES] = { "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'schema_migrations'" },
    [SCHEMA] = { "SELECT IFNULL(MAX(version), 0) FROM schema_migrations" },
    [ANY_IMAGES] = { "SELECT EXISTS (SELECT 1 FROM node_images)" },
    [MISSING_IMAGES] = { "SELECT t.id FROM templates t WHERE NOT t.deprecated AND NOT EXISTS"
                         " (SELECT 1 FROM node_images i WHERE i.image IN (t.image, CONCAT(t.image, ':latest')))" },
    [STATEMENTS] = { NULL },
};
static const struct db_stmt *const sql = status_repo_statements;

struct taking {
    status_count_fn count;
    status_pool_fn pool;
    status_failure_fn failure;
    void *arg;
};

static const char *text(const struct db_row *row, unsigned column)
{
    const char *value = db_row_text(row, column, NULL);
    return value ? value : "";
}

static int take_count(void *arg, const struct db_row *row, struct err *err)
{
    const struct taking *taking = arg;
    (void)err;
    taking->count(taking->arg, text(row, 0), db_row_int(row, 1));
    return 0;
}

int status_repo_sessions(struct db *db, status_count_fn take, void *arg, struct err *err)
{
    struct taking taking = { .count = take, .arg = arg };
    return db_query(db, &sql[SESSIONS], NULL, 0, take_count, &taking, err);
}

int status_repo_webhooks(struct db *db, status_count_fn take, void *arg, struct err *err)
{
    struct taking taking = { .count = take, .arg = arg };
    return db_query(db, &sql[WEBHOOKS], NULL, 0, take_count, &taking, err);
}

static int take_pool(void *arg, const struct db_row *row, struct err *err)
{
    const struct taking *taking = arg;
    (void)err;
    taking->pool(taking->arg, text(row, 0), db_row_int(row, 1), db_row_int(row, 2));
    return 0;
}

int status_repo_pools(struct db *db, status_pool_fn take, void *arg, struct err *err)
{
    struct taking taking = { .pool = take, .arg = arg };
    return db_query(db, &sql[POOLS], NULL, 0, take_pool, &taking, err);
}

static int take_failure(void *arg, const struct db_row *row, struct err *err)
{
    const struct taking *taking = arg;
    (void)err;
    taking->failure(taking->arg, text(row, 0), text(row, 1), db_row_int(row, 2), text(row, 3));
    return 0;
}

int status_repo_failures(struct db *db, int64_t limit, status_failure_fn take, void *arg, struct err *err)
{
    struct taking taking = { .failure = take, .arg = arg };
    if (DB_QUERY(db, &sql[FAILED_SESSIONS], take_failure, &taking, err, db_int(limit)) != 0)
        return -1;
    return DB_QUERY(db, &sql[CRASHED], take_failure, &taking, err, db_int(limit));
}

static int take_server(void *arg, const struct db_row *row, struct err *err)
{
    struct status_server *out = arg;
    (void)err;
    snprintf(out->version, sizeof(out->version), "%s", text(row, 0));
    out->max_connections = db_row_int(row, 1);
    out->connections = db_row_int(row, 2);
    out->flush_at_commit = db_row_int(row, 3);
    out->max_allowed_packet = db_row_int(row, 4);
    out->now_ms = db_row_int(row, 5);
    return 0;
}

int status_repo_server(struct db *db, struct status_server *out, struct err *err)
{
    *out = (struct status_server){ 0 };
    return db_query(db, &sql[SERVER], NULL, 0, take_server, out, err);
}

int status_repo_privileges(struct db *db, struct string_list *out, struct err *err)
{
    return db_query(db, &sql[PRIVILEGES], NULL, 0, take_string, out, err);
}

int status_repo_schema(struct db *db, int64_t *out, struct err *err)
{
    int64_t there = 0;
    *out = 0;
    if (db_query(db, &sql[TABLES], NULL, 0, take_int, &there, err) != 0)
        return -1;
    return there ? db_query(db, &sql[SCHEMA], NULL, 0, take_int, out, err) : 0;
}

int status_repo_missing_images(struct db *db, struct string_list *out, bool *known_out, struct err *err)
{
    int64_t known = 0;
    if (db_query(db, &sql[ANY_IMAGES], NULL, 0, take_int, &known, err) != 0)
        return -1;
    *known_out = known;
    return known ? db_query(db, &sql[MISSING_IMAGES], NULL, 0, take_string, out, err) : 0;
}
