/* SPDX-License-Identifier: Apache-2.0 */
/* MariaDB through prepared statements: cached per connection, bound parameters, reconnecting, honest about commits. */
#ifndef SANDBOX_IO_DB_H
#define SANDBOX_IO_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/cleanup.h"
#include "lib/util/config.h"
#include "lib/util/err.h"

/* One connection. Not thread-safe: one a thread. */
struct db;
/* Connections that any number of threads use in turn: as many as there are statements and transactions at once. */
struct db_pool;

struct db_settings {
    char *socket;   /* unix socket; "" for TCP */
    char *host;
    int64_t port;
    char *name;     /* database */
    char *user;
    char *password; /* "" for none */
    int64_t timeout_ms; /* connect, read, write */
};
extern const struct setting db_setting_table[];
extern const size_t db_setting_count;

/* A statement is identified by the address of its definition: define each once, `static const`. */
struct db_stmt {
    const char *sql; /* one statement with ? markers */
};

enum db_param_type { DB_PARAM_NULL, DB_PARAM_INT, DB_PARAM_DOUBLE, DB_PARAM_TEXT };
struct db_param {
    enum db_param_type type;
    int64_t number;
    double real;
    const char *text; /* borrowed */
    size_t len;
};
struct db_param db_int(int64_t value);
struct db_param db_double(double value);
struct db_param db_text(const char *text);                 /* NULL pointer: NULL */
struct db_param db_bytes(const char *data, size_t len);    /* NULL pointer: NULL */
struct db_param db_null(void);

/* A stale connection is noticed before anything is sent and replaced; a read that loses its connection is tried once
 * more. Threads need no set-up or tear-down of their own.
 *
 * Makes a connection object; connects at first use (and again after a loss, outside a transaction). Never fails but for
 * memory: NULL. `settings` is borrowed for the connection's life. */
struct db *db_new(const struct db_settings *settings) must_use;
/* The same, but its connection is one of `pool`'s, and its own only for the length of a statement or a transaction: nothing of the
 * connection's (locks by name, variables) lasts longer. */
struct db *db_new_pooled(struct db_pool *pool) must_use;
void db_free(struct db *db);
void db_freep(struct db **db);
#define cleanup_db cleanup(db_freep)

/* Keeps up to `keep` idle connections; the one that was used last is used next. While eight are in use, who needs another waits for one, 50 ms
 * at most, before it opens its own. NULL: no memory. `settings` is borrowed. Free it after all that are made of it. */
struct db_pool *db_pool_new(const struct db_settings *settings, size_t keep) must_use;
void db_pool_free(struct db_pool *pool);
/* Closes what was not needed for 10 s. */
void db_pool_tidy(struct db_pool *pool);

/* Errors of everything below: ERR_UNAVAILABLE (no connection; nothing was done), ERR_UNCERTAIN (the connection broke
 * while a write outside a transaction or a commit was under way), ERR_CONFLICT (duplicate key), ERR_TIMEOUT (deadlock or lock wait
 * timeout: the transaction was rolled back, db_transaction() tries again; a statement alone that was in a deadlock has been tried
 * twice), ERR_INTERNAL. */

/* Runs a statement without result rows. *affected_out (may be NULL) is the number of rows changed or found
 * (CLIENT_FOUND_ROWS is off: changed). */
int db_exec(struct db *db, const struct db_stmt *stmt, const struct db_param *params, size_t count,
            uint64_t *affected_out, struct err *err) must_use;
#define DB_EXEC(db, stmt, affected, err, ...)                                                      \
    db_exec(db, stmt, (const struct db_param[]){ __VA_ARGS__ },                                    \
            sizeof((const struct db_param[]){ __VA_ARGS__ }) / sizeof(struct db_param), affected, err)

/* Calls on_row for each row of the (fully fetched) result, in order, until it returns other than 0, which is then
 * returned (with err set by on_row). NULL on_row ignores rows. on_row must not use the connection. */
struct db_row;
typedef int (*db_row_fn)(void *arg, const struct db_row *row, struct err *err);
int db_query(struct db *db, const struct db_stmt *stmt, const struct db_param *params, size_t count,
             db_row_fn on_row, void *arg, struct err *err) must_use;
#define DB_QUERY(db, stmt, on_row, arg, err, ...)                                                  \
    db_query(db, stmt, (const struct db_param[]){ __VA_ARGS__ },                                   \
             sizeof((const struct db_param[]){ __VA_ARGS__ }) / sizeof(struct db_param), on_row, arg, err)

/* Columns, from 0. Reading NULL gives 0, 0.0, NULL. */
bool db_row_null(const struct db_row *row, unsigned column);
int64_t db_row_int(const struct db_row *row, unsigned column);
double db_row_double(const struct db_row *row, unsigned column);
/* Borrowed until on_row returns; NUL-terminated; *len_out may be NULL. */
const char *db_row_text(const struct db_row *row, unsigned column, size_t *len_out);
/* A malloc()ed copy; NULL for NULL (or when memory ran out: then *failed is set, if given). */
char *db_row_dup(const struct db_row *row, unsigned column, bool *failed);

/* Runs `work` between BEGIN and COMMIT (READ COMMITTED, so that claims lock no gaps). A deadlock repeats it, up to
 * 5 times, a connection lost before COMMIT once: `work` must have no effects outside the database and start its outputs
 * afresh. Another failure of `work` (not 0) rolls back and is returned. Inside a transaction it joins that one. */
typedef int (*db_work_fn)(struct db *db, void *arg, struct err *err);
int db_transaction(struct db *db, db_work_fn work, void *arg, struct err *err) must_use;

/* Runs several statements of plain SQL, separated by ';' (migrations only). */
int db_script(struct db *db, const char *sql, struct err *err) must_use;
/* Whether the database answers now. */
int db_ping(struct db *db, struct err *err) must_use;
/* Prepares a statement without running it (a test prepares every one). */
int db_prepare_only(struct db *db, const struct db_stmt *stmt, struct err *err) must_use;

#endif
