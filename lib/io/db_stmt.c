/* SPDX-License-Identifier: Apache-2.0 */
/* Prepared statements: the cache, binding, running, fetching. */
#include <mysqld_error.h>
#include <stdlib.h>
#include <string.h>

#include "lib/io/db_internal.h"
#include "lib/util/clock.h"

enum {
    TEXT_SLACK = 32,            /* beyond the longest value: the NUL, and room for converted types */
    TEXT_KEEP = 64 * 1024,      /* larger row buffers are given back after use */
    STATEMENTS_KEPT = 48,       /* of a connection, those used last */
};

void db_prepared_free(struct db_prepared *prepared)
{
    if (prepared->stmt)
        mysql_stmt_close(prepared->stmt);
    for (unsigned i = 0; prepared->row.columns && i < prepared->row.count; i++)
        free(prepared->row.columns[i].text);
    free(prepared->row.columns);
    free(prepared->in);
    free(prepared->out);
    free(prepared->lengths);
    free(prepared);
}

static void cleanup_prepared(struct db_prepared **prepared)
{
    if (*prepared)
        db_prepared_free(*prepared);
}

static int column_kind(enum enum_field_types type)
{
    switch (type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_YEAR:
        return COLUMN_INT;
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_DOUBLE:
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL:
        return COLUMN_REAL;
    default:
        return COLUMN_TEXT;
    }
}

static int allocate_row(struct db_prepared *prepared, unsigned columns)
{
    free(prepared->out);
    free(prepared->row.columns);
    prepared->out = calloc(columns + 1, sizeof(*prepared->out));
    prepared->row.columns = calloc(columns + 1, sizeof(*prepared->row.columns));
    prepared->row.count = prepared->out && prepared->row.columns ? columns : 0;
    return prepared->out && prepared->row.columns ? 0 : -1;
}

static int allocate(struct db_prepared *prepared, struct err *err)
{
    prepared->params = (unsigned)mysql_stmt_param_count(prepared->stmt);
    prepared->in = calloc(prepared->params + 1, sizeof(*prepared->in));
    prepared->lengths = calloc(prepared->params + 1, sizeof(*prepared->lengths));
    if (!prepared->in || !prepared->lengths || allocate_row(prepared, mysql_stmt_field_count(prepared->stmt)) != 0)
        return err_internal(err, 0, "out of memory for a statement");
    return 0;
}

/* The one for `stmt`, which comes to the front. The last goes when there are too many: each holds 10 to 15 KB here, and more in the server. */
static struct db_prepared *find_prepared(struct db *db, const struct db_stmt *stmt)
{
    struct db_prepared **at = &db->prepared;
    for (int count = 1; *at; at = &(*at)->next, count++) {
        struct db_prepared *known = *at;
        if (known->key == stmt) {
            *at = known->next;
            known->next = db->prepared;
            return db->prepared = known;
        }
        if (count == STATEMENTS_KEPT) {
            *at = known->next; /* NULL */
            db_prepared_free(known);
            return NULL;
        }
    }
    return NULL;
}

struct db_prepared *db_prepare(struct db *db, const struct db_stmt *stmt, unsigned *errnum_out,
                               struct err *err)
{
    static const my_bool yes = 1;
    *errnum_out = 0;
    struct db_prepared *known = find_prepared(db, stmt);
    if (known)
        return known;
    cleanup(cleanup_prepared) struct db_prepared *prepared = calloc(1, sizeof(*prepared));
    if (!prepared || !(prepared->stmt = mysql_stmt_init(db->mysql))) {
        err_internal(err, 0, "out of memory for a statement");
        return NULL;
    }
    mysql_stmt_attr_set(prepared->stmt, STMT_ATTR_UPDATE_MAX_LENGTH, &yes);
    if (mysql_stmt_prepare(prepared->stmt, stmt->sql, strlen(stmt->sql)) != 0) {
        char text[MYSQL_ERRMSG_SIZE];
        snprintf(text, sizeof(text), "%s", mysql_stmt_error(prepared->stmt));
        *errnum_out = mysql_stmt_errno(prepared->stmt);
        db_prepared_free(steal(prepared)); /* before its connection goes */
        db_fail(db, *errnum_out, text, false, err);
        return NULL;
    }
    if (allocate(prepared, err) != 0)
        return NULL;
    prepared->key = stmt;
    prepared->next = db->prepared;
    db->prepared = prepared;
    return steal(prepared);
}

static int bind_params(struct db_prepared *prepared, const struct db_param *params, size_t count,
                       struct err *err)
{
    if (count != prepared->params)
        return err_internal(err, 0, "%zu parameters for: %.120s", count, prepared->key->sql);
    for (size_t i = 0; i < count; i++) {
        MYSQL_BIND *bind = &prepared->in[i];
        *bind = (MYSQL_BIND){ 0 };
        switch (params[i].type) {
        case DB_PARAM_NULL:
            bind->buffer_type = MYSQL_TYPE_NULL;
            break;
        case DB_PARAM_INT:
            bind->buffer_type = MYSQL_TYPE_LONGLONG;
            bind->buffer = (void *)&params[i].number;
            break;
        case DB_PARAM_DOUBLE:
            bind->buffer_type = MYSQL_TYPE_DOUBLE;
            bind->buffer = (void *)&params[i].real;
            break;
        case DB_PARAM_TEXT:
            prepared->lengths[i] = params[i].len;
            bind->buffer_type = MYSQL_TYPE_STRING;
            bind->buffer = (void *)params[i].text;
            bind->buffer_length = params[i].len;
            bind->length = &prepared->lengths[i];
            break;
        }
    }
    if (count > 0 && mysql_stmt_bind_param(prepared->stmt, prepared->in))
        return err_internal(err, 0, "cannot bind parameters: %s", mysql_stmt_error(prepared->stmt));
    return 0;
}

/* That INSERT ... SELECT ... RETURNING has columns is known only when it has run. */
static int send_statement(struct db_prepared *prepared)
{
    if (mysql_stmt_execute(prepared->stmt) != 0)
        return -1;
    unsigned columns = mysql_stmt_field_count(prepared->stmt);
    if (prepared->row.count == 0 && columns > 0 && allocate_row(prepared, columns) != 0)
        return -1;
    return prepared->row.count > 0 && mysql_stmt_store_result(prepared->stmt) != 0 ? -1 : 0;
}

static bool is_read(const struct db_stmt *stmt)
{
    return strncmp(stmt->sql, "SELECT", 6) == 0 || strncmp(stmt->sql, "(SELECT", 7) == 0;
}

/* One try; *again_out: nothing was changed and a fresh connection may do better. */
static struct db_prepared *run_once(struct db *db, const struct db_stmt *stmt,
                                    const struct db_param *params, size_t count, bool *again_out,
                                    struct err *err)
{
    unsigned errnum = 0;
    bool write = !is_read(stmt), free_to_retry = !db->in_transaction;
    int64_t start = clock_mono_ms();
    *again_out = false;
    if (db_connect(db, err) != 0)
        return NULL;
    struct db_prepared *prepared = db_prepare(db, stmt, &errnum, err);
    if (!prepared) {
        *again_out = free_to_retry && db_errnum_lost(errnum);
        return NULL;
    }
    if (bind_params(prepared, params, count, err) != 0)
        return NULL;
    if (send_statement(prepared) == 0)
        return prepared;
    char text[MYSQL_ERRMSG_SIZE];
    snprintf(text, sizeof(text), "%s", mysql_stmt_error(prepared->stmt));
    errnum = mysql_stmt_errno(prepared->stmt);
    /* the library still expects the rest of a result that ended with an error (a deadlock while rows were locked and sent), and waits for it */
    bool torn = !db_errnum_lost(errnum) && mysql_stmt_field_count(prepared->stmt) > 0;
    if (torn)
        db_disconnect(db);
    else if (!db_errnum_lost(errnum))
        mysql_stmt_free_result(prepared->stmt);
    else
        *again_out = free_to_retry && (!write || db_errnum_unsent(errnum));
    if (errnum == ER_LOCK_DEADLOCK) /* alone it was a transaction, and is rolled back */
        *again_out = free_to_retry;
    if (clock_mono_ms() - start >= DB_RETRY_WITHIN_MS)
        *again_out = false;
    db_fail(db, errnum, text, write, err);
    if (torn && db->in_transaction && db->doom == DB_DOOM_NONE)
        db->doom = DB_DOOM_LOST;
    return NULL;
}

static struct db_prepared *run(struct db *db, const struct db_stmt *stmt, const struct db_param *params,
                               size_t count, struct err *err)
{
    bool again = false;
    if (db_check_usable(db, err) != 0)
        return NULL;
    struct db_prepared *prepared = run_once(db, stmt, params, count, &again, err);
    if (!prepared && again)
        prepared = run_once(db, stmt, params, count, &again, err);
    if (!prepared && err->code != ERR_UNAVAILABLE)
        err_wrap(err, "%.80s", stmt->sql);
    return prepared;
}

int db_exec(struct db *db, const struct db_stmt *stmt, const struct db_param *params, size_t count,
            uint64_t *affected_out, struct err *err)
{
    struct db_prepared *prepared = run(db, stmt, params, count, err);
    if (prepared) {
        if (affected_out)
            *affected_out = mysql_stmt_affected_rows(prepared->stmt);
        mysql_stmt_free_result(prepared->stmt);
    }
    db_rest(db);
    return prepared ? 0 : -1;
}

/* Points the result at the columns' buffers, which hold the longest value of this result. */
static int bind_columns(struct db_prepared *prepared, struct err *err)
{
    const MYSQL_FIELD *fields = mariadb_stmt_fetch_fields(prepared->stmt);
    for (unsigned i = 0; i < prepared->row.count; i++) {
        struct db_column *column = &prepared->row.columns[i];
        MYSQL_BIND *bind = &prepared->out[i];
        *bind = (MYSQL_BIND){ .is_null = &column->null, .error = &column->cut, .length = &column->len };
        column->kind = column_kind(fields[i].type);
        if (column->kind == COLUMN_INT) {
            bind->buffer_type = MYSQL_TYPE_LONGLONG;
            bind->buffer = &column->number;
            continue;
        }
        if (column->kind == COLUMN_REAL) {
            bind->buffer_type = MYSQL_TYPE_DOUBLE;
            bind->buffer = &column->real;
            continue;
        }
        unsigned long need = fields[i].max_length + TEXT_SLACK;
        if (column->cap < need) {
            free(column->text);
            column->text = malloc(need);
            column->cap = column->text ? need : 0;
        }
        if (!column->text)
            return err_internal(err, 0, "out of memory for a row");
        bind->buffer_type = MYSQL_TYPE_STRING;
        bind->buffer = column->text;
        bind->buffer_length = column->cap - 1;
    }
    if (mysql_stmt_bind_result(prepared->stmt, prepared->out))
        return err_internal(err, 0, "cannot bind columns: %s", mysql_stmt_error(prepared->stmt));
    return 0;
}

static void end_row(struct db_row *row)
{
    for (unsigned i = 0; i < row->count; i++) {
        struct db_column *column = &row->columns[i];
        if (column->null) {
            column->number = 0;
            column->real = 0;
        } else if (column->kind == COLUMN_TEXT) {
            column->text[column->len] = '\0';
        }
    }
}

static void shrink(struct db_row *row)
{
    for (unsigned i = 0; i < row->count; i++)
        if (row->columns[i].cap > TEXT_KEEP) {
            free(steal(row->columns[i].text));
            row->columns[i].cap = 0;
        }
}

static int each_row(struct db *db, struct db_prepared *prepared, db_row_fn on_row, void *arg,
                    struct err *err)
{
    int status = bind_columns(prepared, err);
    while (status == 0) {
        int got = mysql_stmt_fetch(prepared->stmt);
        if (got == MYSQL_NO_DATA)
            break;
        if (got != 0)
            return err_internal(err, 0, "cannot fetch a row of: %.120s", prepared->key->sql);
        end_row(&prepared->row);
        db->in_row = true; /* the row's buffers go with the connection */
        status = on_row(arg, &prepared->row, err);
        db->in_row = false;
    }
    return status;
}

int db_query(struct db *db, const struct db_stmt *stmt, const struct db_param *params, size_t count,
             db_row_fn on_row, void *arg, struct err *err)
{
    struct db_prepared *prepared = run(db, stmt, params, count, err);
    int status = prepared ? 0 : -1;
    if (prepared) {
        if (on_row && prepared->row.count > 0)
            status = each_row(db, prepared, on_row, arg, err);
        mysql_stmt_free_result(prepared->stmt);
        shrink(&prepared->row);
    }
    db_rest(db);
    return status;
}
