/* SPDX-License-Identifier: Apache-2.0 */
/* Private to lib/io/db*.c: the connection, its statements, and what an error number means. */
#ifndef SANDBOX_IO_DB_INTERNAL_H
#define SANDBOX_IO_DB_INTERNAL_H

#include <mysql.h>

#include "lib/io/db.h"

struct db_column {
    enum { COLUMN_INT, COLUMN_REAL, COLUMN_TEXT } kind;
    int64_t number;
    double real;
    char *text; /* owned, of `cap` bytes */
    unsigned long cap, len;
    my_bool null, cut;
};

struct db_row {
    struct db_column *columns;
    unsigned count;
};

/* A prepared statement of one connection. */
struct db_prepared {
    const struct db_stmt *key;
    MYSQL_STMT *stmt;
    MYSQL_BIND *in, *out;
    unsigned long *lengths; /* of the text parameters */
    unsigned params;
    struct db_row row;
    struct db_prepared *next;
};

/* Why the running transaction cannot be committed. */
enum db_doom { DB_DOOM_NONE, DB_DOOM_DEADLOCK, DB_DOOM_LOCK_WAIT, DB_DOOM_LOST };

struct db {
    const struct db_settings *settings;
    struct db_pool *pool; /* where its connection belongs between statements; NULL: it has one of its own */
    bool lent;            /* the pool counts a connection as ours */
    MYSQL *mysql; /* NULL: not connected */
    struct db_prepared *prepared;
    bool in_transaction;
    bool in_row; /* a row function runs */
    enum db_doom doom;
};

/* Takes the pool's connection that was used last. When all are lent, waits a little for one; leaves db as it is when there is none. */
void db_pool_take(struct db *db);
/* Gives what is left of the connection back to its pool, if it has one and no transaction runs. */
void db_rest(struct db *db);
const struct db_settings *db_pool_settings(const struct db_pool *pool);

enum { DB_RETRY_WITHIN_MS = 1000 }; /* a loss that took longer was a timeout: trying again would take as long */

/* Connects unless connected; outside a transaction a connection that the server has closed meanwhile is replaced, so
 * that nothing is sent into a dead socket. */
int db_connect(struct db *db, struct err *err) must_use;
/* Closes the connection and forgets its statements. */
void db_disconnect(struct db *db);
/* Whether the connection is gone. */
bool db_errnum_lost(unsigned errnum);
/* Whether the statement cannot have reached the server. */
bool db_errnum_unsent(unsigned errnum);
/* Makes the err for a failed statement, dooms the transaction if it must be, and disconnects when the connection is lost.
 * `write`: a statement whose outcome is unknown when the connection broke. */
int db_fail(struct db *db, unsigned errnum, const char *text, bool write, struct err *err);
/* Refuses to go on in a transaction that is rolled back already, or from within a row function. */
int db_check_usable(const struct db *db, struct err *err) must_use;
/* Runs plain text in one round trip; *errnum_out is 0 or the error, which is in err too. */
int db_plain(struct db *db, const char *sql, bool write, unsigned *errnum_out, struct err *err) must_use;

/* The connection's prepared statement for `stmt`; NULL with *errnum_out set and err made otherwise. */
struct db_prepared *db_prepare(struct db *db, const struct db_stmt *stmt, unsigned *errnum_out,
                               struct err *err) must_use;
void db_prepared_free(struct db_prepared *prepared);

#endif
