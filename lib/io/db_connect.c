/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting, noticing a lost connection, and the meaning of error numbers. */
#include <errmsg.h>
#include <mysqld_error.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "lib/io/db_internal.h"

#define AT(member) offsetof(struct db_settings, member)
const struct setting db_setting_table[] = {
    { .key = "socket", .type = SETTING_STRING, .offset = AT(socket), .preset = "/run/mysqld/mysqld.sock",
      .help = "MariaDB's unix socket; empty: connect to host and port." },
    { .key = "host", .type = SETTING_STRING, .offset = AT(host), .preset = "127.0.0.1",
      .help = "Host, when socket is empty." },
    { .key = "port", .type = SETTING_INT, .offset = AT(port), .preset = "3306", .min = 1, .max = 65535,
      .help = "TCP port, when socket is empty." },
    { .key = "name", .type = SETTING_STRING, .offset = AT(name), .preset = "sandbox",
      .help = "Name of the database." },
    { .key = "user", .type = SETTING_STRING, .offset = AT(user), .preset = "sandbox",
      .help = "Database user." },
    { .key = "password", .type = SETTING_STRING, .offset = AT(password), .preset = "", .secret = true,
      .help = "Its password; empty for unix_socket authentication." },
    { .key = "timeout_ms", .type = SETTING_INT, .offset = AT(timeout_ms), .preset = "5000", .min = 1000,
      .max = 3600000, .unit = "ms", .help = "How long to wait for a connection or an answer (whole seconds, 2 at least)." },
};
const size_t db_setting_count = sizeof(db_setting_table) / sizeof(db_setting_table[0]);

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void init_library(void)
{
    mysql_library_init(0, NULL, NULL); /* not thread-safe when left to the first mysql_init() */
}

/* One round trip, sent by the library right after the handshake. */
#define SESSION_SETUP                                                                                                  \
    "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,"                 \
    "NO_ENGINE_SUBSTITUTION', tx_isolation = 'READ-COMMITTED', innodb_lock_wait_timeout = %u, autocommit = 1"
enum { LOCK_WAIT_MAX_S = 3 };

static int set_options(MYSQL *mysql, const struct db_settings *settings)
{
    char session_setup[sizeof(SESSION_SETUP) + 16];
    unsigned seconds = (unsigned)((settings->timeout_ms + 999) / 1000);
    unsigned no = 0;
    if (seconds < 2)
        seconds = 2;
    /* the server gives up waiting for a lock before we give up waiting for its answer: else what happened is not known */
    snprintf(session_setup, sizeof(session_setup), SESSION_SETUP, seconds <= LOCK_WAIT_MAX_S ? seconds - 1 : LOCK_WAIT_MAX_S);
    return mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &seconds) ||
           mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &seconds) ||
           mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &seconds) ||
           mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &no) ||
           mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4") ||
           mysql_options(mysql, MYSQL_INIT_COMMAND, session_setup);
}

static int unavailable(struct err *err, const char *what, unsigned errnum, const char *text)
{
    err_set(err, ERR_UNAVAILABLE, "The database is not available.");
    return err_wrap(err, "%s: %u %s", what, errnum, text);
}

static int open_connection(struct db *db, struct err *err)
{
    const struct db_settings *settings = db->settings;
    const char *socket = settings->socket && settings->socket[0] ? settings->socket : NULL;
    pthread_once(&library_once, init_library);
    MYSQL *mysql = mysql_init(NULL);
    if (!mysql || set_options(mysql, settings) != 0) {
        if (mysql)
            mysql_close(mysql);
        return err_internal(err, 0, "cannot set up a database connection");
    }
    if (!mysql_real_connect(mysql, socket ? NULL : settings->host, settings->user, settings->password,
                            settings->name, (unsigned)settings->port, socket, 0)) {
        unavailable(err, "connect", mysql_errno(mysql), mysql_error(mysql));
        mysql_close(mysql);
        return -1;
    }
    db->mysql = mysql;
    return 0;
}

/* The server says nothing to an idle client: anything to read is its farewell. */
static bool is_stale(MYSQL *mysql)
{
    struct pollfd fd = { .fd = mysql_get_socket(mysql), .events = POLLIN };
    return poll(&fd, 1, 0) != 0;
}

int db_connect(struct db *db, struct err *err)
{
    if (!db->mysql)
        db_pool_take(db);
    while (db->mysql && !db->in_transaction && is_stale(db->mysql)) {
        db_disconnect(db);
        db_pool_take(db);
    }
    return db->mysql ? 0 : open_connection(db, err);
}

void db_disconnect(struct db *db)
{
    if (db->mysql)
        mysql_close(db->mysql); /* before its statements: closing one of them may wait for the rest of a result */
    db->mysql = NULL;
    while (db->prepared) {
        struct db_prepared *first = db->prepared;
        db->prepared = first->next;
        db_prepared_free(first);
    }
}

bool db_errnum_unsent(unsigned errnum)
{
    return errnum == CR_SERVER_GONE_ERROR;
}

bool db_errnum_lost(unsigned errnum)
{
    static const unsigned lost[] = { CR_SERVER_GONE_ERROR, CR_SERVER_LOST,      CR_SERVER_LOST_EXTENDED,
                                     CR_MALFORMED_PACKET,  CR_ERR_NET_READ,     CR_ERR_NET_WRITE,
                                     CR_COMMANDS_OUT_OF_SYNC, ER_CONNECTION_KILLED, ER_SERVER_SHUTDOWN,
                                     ER_NET_READ_ERROR, ER_NET_READ_INTERRUPTED, ER_NET_ERROR_ON_WRITE,
                                     ER_NET_WRITE_INTERRUPTED };
    for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++)
        if (lost[i] == errnum)
            return true;
    return false;
}

static int fail_lost(struct db *db, unsigned errnum, const char *text, bool write, struct err *err)
{
    bool uncertain = write && !db->in_transaction && !db_errnum_unsent(errnum);
    if (uncertain)
        err_set(err, ERR_UNCERTAIN, "The connection to the database broke; whether the change was made is "
                                    "not known.");
    else
        err_set(err, ERR_UNAVAILABLE, "The database is not available.");
    err_wrap(err, "connection lost: %u %s", errnum, text);
    if (db->in_transaction)
        db->doom = DB_DOOM_LOST;
    db_disconnect(db);
    return -1;
}

int db_fail(struct db *db, unsigned errnum, const char *text, bool write, struct err *err)
{
    if (db_errnum_lost(errnum))
        return fail_lost(db, errnum, text, write, err);
    switch (errnum) {
    case ER_DUP_ENTRY:
        err_set(err, ERR_CONFLICT, "It exists already.");
        return err_wrap(err, "%s", text);
    case ER_LOCK_DEADLOCK:
    case ER_LOCK_WAIT_TIMEOUT:
        if (db->in_transaction)
            db->doom = errnum == ER_LOCK_DEADLOCK ? DB_DOOM_DEADLOCK : DB_DOOM_LOCK_WAIT;
        err_set(err, ERR_TIMEOUT, "The database was too busy with other changes.");
        return err_wrap(err, "%s", text);
    case ER_OPTION_PREVENTS_STATEMENT: /* read-only: a replica, or a server under maintenance */
    case ER_DISK_FULL:
    case ER_RECORD_FILE_FULL: /* InnoDB's word for it */
    case ER_ERROR_ON_WRITE:
        return unavailable(err, "statement refused", errnum, text);
    default:
        return err_internal(err, 0, "database: %u %s", errnum, text);
    }
}

int db_check_usable(const struct db *db, struct err *err)
{
    if (db->in_row)
        return err_internal(err, 0, "a row function used its database connection");
    switch (db->doom) {
    case DB_DOOM_NONE:
        return 0;
    case DB_DOOM_LOST:
        return unavailable(err, "the transaction's connection was lost", 0, "");
    default:
        err_set(err, ERR_TIMEOUT, "The database was too busy with other changes.");
        return err_wrap(err, "the transaction was rolled back before");
    }
}
