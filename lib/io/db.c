/* SPDX-License-Identifier: Apache-2.0 */
/* The connection object, parameters and columns, transactions, scripts. */
#include "lib/io/db.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/io/db_internal.h"
#include "lib/util/clock.h"

enum { DEADLOCK_RETRIES = 5 };

struct db *db_new(const struct db_settings *settings)
{
    struct db *db = calloc(1, sizeof(*db));
    if (db)
        db->settings = settings;
    return db;
}

struct db *db_new_pooled(struct db_pool *pool)
{
    struct db *db = calloc(1, sizeof(*db));
    if (db)
        *db = (struct db){ .settings = db_pool_settings(pool), .pool = pool };
    return db;
}

void db_free(struct db *db)
{
    if (!db)
        return;
    db_disconnect(db);
    free(db);
}

void db_freep(struct db **db)
{
    db_free(*db);
}

struct db_param db_int(int64_t value)
{
    return (struct db_param){ .type = DB_PARAM_INT, .number = value };
}

struct db_param db_double(double value)
{
    return (struct db_param){ .type = DB_PARAM_DOUBLE, .real = value };
}

struct db_param db_text(const char *text)
{
    return db_bytes(text, text ? strlen(text) : 0);
}

struct db_param db_bytes(const char *data, size_t len)
{
    if (!data)
        return db_null();
    return (struct db_param){ .type = DB_PARAM_TEXT, .text = data, .len = len };
}

struct db_param db_null(void)
{
    return (struct db_param){ .type = DB_PARAM_NULL };
}

bool db_row_null(const struct db_row *row, unsigned column)
{
    return row->columns[column].null;
}

int64_t db_row_int(const struct db_row *row, unsigned column)
{
    const struct db_column *value = &row->columns[column];
    return value->kind == COLUMN_REAL ? (int64_t)value->real : value->number;
}

double db_row_double(const struct db_row *row, unsigned column)
{
    const struct db_column *value = &row->columns[column];
    return value->kind == COLUMN_REAL ? value->real : (double)value->number;
}

const char *db_row_text(const struct db_row *row, unsigned column, size_t *len_out)
{
    const struct db_column *value = &row->columns[column];
    bool there = !value->null && value->kind == COLUMN_TEXT;
    if (len_out)
        *len_out = there ? value->len : 0;
    return there ? value->text : NULL;
}

char *db_row_dup(const struct db_row *row, unsigned column, bool *failed)
{
    size_t len = 0;
    const char *text = db_row_text(row, column, &len);
    if (!text)
        return NULL;
    char *copy = malloc(len + 1);
    if (copy)
        memcpy(copy, text, len + 1);
    else if (failed)
        *failed = true;
    return copy;
}

int db_plain(struct db *db, const char *sql, bool write, unsigned *errnum_out, struct err *err)
{
    if (mysql_real_query(db->mysql, sql, strlen(sql)) == 0) {
        *errnum_out = 0;
        return 0;
    }
    char text[MYSQL_ERRMSG_SIZE];
    snprintf(text, sizeof(text), "%s", mysql_error(db->mysql));
    *errnum_out = mysql_errno(db->mysql);
    db_fail(db, *errnum_out, text, write, err);
    return err_wrap(err, "%.80s", sql);
}

static int begin(struct db *db, struct err *err)
{
    for (int attempt = 0;; attempt++) {
        unsigned errnum = 0;
        if (db_check_usable(db, err) != 0 || db_connect(db, err) != 0)
            return -1;
        if (db_plain(db, "START TRANSACTION", false, &errnum, err) == 0)
            break;
        if (attempt > 0 || !db_errnum_lost(errnum))
            return -1;
    }
    db->in_transaction = true;
    db->doom = DB_DOOM_NONE;
    return 0;
}

static int commit(struct db *db, struct err *err)
{
    unsigned errnum = 0;
    if (db_check_usable(db, err) != 0) /* `work` overlooked a failure */
        return -1;
    db->in_transaction = false; /* from here on a loss is uncertain */
    if (db_plain(db, "COMMIT", true, &errnum, err) == 0)
        return 0;
    if (err->code == ERR_TIMEOUT)
        db->doom = DB_DOOM_DEADLOCK;
    return -1;
}

static void roll_back(struct db *db)
{
    db->in_transaction = false;
    if (db->mysql && mysql_real_query(db->mysql, "ROLLBACK", 8) != 0)
        db_disconnect(db); /* the server rolls back what its client left */
}

/* A little longer each time, and different for each of those who collided. */
static void pause_before(int attempt)
{
    int64_t us = (attempt + 1) * 1000 + clock_mono_us() % 3000;
    struct timespec wait = { .tv_nsec = us * 1000 };
    nanosleep(&wait, NULL);
}

static bool worth_another(enum db_doom doom, int attempt, int64_t took_ms)
{
    if (doom == DB_DOOM_DEADLOCK)
        return attempt < DEADLOCK_RETRIES;
    return doom == DB_DOOM_LOST && attempt == 0 && took_ms < DB_RETRY_WITHIN_MS;
}

static int transact(struct db *db, db_work_fn work, void *arg, struct err *err)
{
    for (int attempt = 0;; attempt++) {
        int64_t start = clock_mono_ms();
        if (begin(db, err) != 0)
            return -1;
        int status = work(db, arg, err);
        if (status == 0)
            status = commit(db, err);
        enum db_doom doom = db->doom;
        db->doom = DB_DOOM_NONE;
        if (status == 0)
            return 0;
        roll_back(db);
        if (!worth_another(doom, attempt, clock_mono_ms() - start))
            return status;
        pause_before(attempt);
    }
}

int db_transaction(struct db *db, db_work_fn work, void *arg, struct err *err)
{
    if (db->in_transaction)
        return work(db, arg, err);
    int status = transact(db, work, arg, err);
    db_rest(db);
    return status;
}

/* Takes every result of a script, so that the connection can be used again. */
static int finish_script(struct db *db, int *statement_out, struct err *err)
{
    for (*statement_out = 1;; ++*statement_out) {
        MYSQL_RES *result = mysql_store_result(db->mysql);
        if (result)
            mysql_free_result(result);
        int more = mysql_next_result(db->mysql);
        if (more < 0)
            return 0;
        if (more > 0) {
            char text[MYSQL_ERRMSG_SIZE];
            snprintf(text, sizeof(text), "%s", mysql_error(db->mysql));
            return db_fail(db, mysql_errno(db->mysql), text, true, err);
        }
    }
}

int db_script(struct db *db, const char *sql, struct err *err)
{
    unsigned errnum = 0;
    int statement = 1;
    if (db_check_usable(db, err) != 0 || db_connect(db, err) != 0)
        return -1;
    if (mysql_set_server_option(db->mysql, MYSQL_OPTION_MULTI_STATEMENTS_ON) != 0)
        return db_fail(db, mysql_errno(db->mysql), "cannot run a script", false, err);
    int status = db_plain(db, sql, true, &errnum, err);
    if (status == 0 && finish_script(db, &statement, err) != 0)
        status = err_wrap(err, "after statement %d of the script", statement);
    if (db->mysql && mysql_set_server_option(db->mysql, MYSQL_OPTION_MULTI_STATEMENTS_OFF) != 0)
        db_disconnect(db);
    db_rest(db);
    return status;
}

int db_ping(struct db *db, struct err *err)
{
    static const struct db_stmt ping = { "SELECT 1" };
    return db_query(db, &ping, NULL, 0, NULL, NULL, err);
}

int db_prepare_only(struct db *db, const struct db_stmt *stmt, struct err *err)
{
    unsigned errnum = 0;
    if (db_check_usable(db, err) != 0 || db_connect(db, err) != 0)
        return -1;
    int status = db_prepare(db, stmt, &errnum, err) ? 0 : -1;
    db_rest(db);
    return status;
}
