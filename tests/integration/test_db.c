/* SPDX-License-Identifier: Apache-2.0 */
/* The database connection: values, errors, and every way to lose it. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/db_fixture.h"

static const struct db_stmt insert = { "INSERT INTO t (id, n, r, s) VALUES (?, ?, ?, ?)" };
static const struct db_stmt select_one = { "SELECT n, r, s, id FROM t WHERE id = ?" };
static const struct db_stmt bump = { "UPDATE t SET n = n + 1 WHERE id = ?" };

static void setup(void)
{
    fixture_setup();
    fixture_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT, r DOUBLE, s LONGTEXT)");
}

static void teardown(void)
{
    fixture_sql("DROP TABLE IF EXISTS t");
    fixture_teardown();
}

static void add(int64_t id, int64_t n)
{
    struct err err = ERR_INIT;
    OK(DB_EXEC(fixture_db, &insert, NULL, &err, db_int(id), db_int(n), db_double(0), db_text("x")));
}

/* --- values */

struct seen {
    int rows;
    int64_t n;
    double r;
    char *s;
    size_t len;
    bool n_null;
};

static int see(void *arg, const struct db_row *row, struct err *err)
{
    struct seen *seen = arg;
    bool failed = false;
    (void)err;
    seen->rows++;
    seen->n = db_row_int(row, 0);
    seen->n_null = db_row_null(row, 0);
    seen->r = db_row_double(row, 1);
    db_row_text(row, 2, &seen->len);
    free(seen->s);
    seen->s = db_row_dup(row, 2, &failed);
    return failed ? -1 : 0;
}

START_TEST(test_db__values_come_back_as_they_went)
{
    struct err err = ERR_INIT;
    struct seen seen = { 0 };
    enum { BIG = 3 * 1024 * 1024 };
    cleanup_free char *big = malloc(BIG);
    memset(big, 'y', BIG);
    OK(DB_EXEC(fixture_db, &insert, NULL, &err, db_int(1), db_int(INT64_MIN), db_double(-1.5), db_bytes("a\0\xc3\xbc", 4)));
    OK(DB_EXEC(fixture_db, &insert, NULL, &err, db_int(2), db_null(), db_null(), db_text(NULL)));
    OK(DB_EXEC(fixture_db, &insert, NULL, &err, db_int(3), db_int(7), db_double(0), db_bytes(big, BIG)));
    OK(DB_EXEC(fixture_db, &insert, NULL, &err, db_int(4), db_int(8), db_double(0), db_text("")));
    OK(DB_QUERY(fixture_db, &select_one, see, &seen, &err, db_int(1)));
    ck_assert(seen.n == INT64_MIN && !seen.n_null && seen.r == -1.5 && seen.len == 4);
    ck_assert_mem_eq(seen.s, "a\0\xc3\xbc", 5);
    OK(DB_QUERY(fixture_db, &select_one, see, &seen, &err, db_int(2)));
    ck_assert(seen.n == 0 && seen.n_null && seen.r == 0 && seen.len == 0 && !seen.s);
    OK(DB_QUERY(fixture_db, &select_one, see, &seen, &err, db_int(3)));
    ck_assert_uint_eq(seen.len, BIG);
    ck_assert_mem_eq(seen.s, big, BIG);
    OK(DB_QUERY(fixture_db, &select_one, see, &seen, &err, db_int(4)));
    ck_assert(seen.len == 0 && seen.s && seen.rows == 4);
    OK(DB_QUERY(fixture_db, &select_one, see, &seen, &err, db_int(5)));
    ck_assert_int_eq(seen.rows, 4);
    free(seen.s);
}
END_TEST

START_TEST(test_db__session_is_set_up)
{
    ck_assert_int_eq(fixture_number("SELECT @@tx_isolation = 'READ-COMMITTED' AND @@time_zone = '+00:00'"
                                    " AND @@sql_mode LIKE '%STRICT_ALL_TABLES%' AND @@character_set_client = 'utf8mb4'"
                                    " AND @@innodb_lock_wait_timeout = 3"), 1);
}
END_TEST

START_TEST(test_db__errors_have_their_codes)
{
    struct err err = ERR_INIT;
    static const struct db_stmt wrong = { "INSERT INTO t (id, n) VALUES (?, 'no number')" };
    add(1, 1);
    FAILS(DB_EXEC(fixture_db, &insert, NULL, &err, db_int(1), db_int(1), db_null(), db_null()), ERR_CONFLICT);
    FAILS(DB_EXEC(fixture_db, &wrong, NULL, &err, db_int(2)), ERR_INTERNAL);
    FAILS(DB_EXEC(fixture_db, &bump, NULL, &err), ERR_INTERNAL); /* a parameter is missing */
    uint64_t affected = 9;
    OK(DB_EXEC(fixture_db, &bump, &affected, &err, db_int(404)));
    ck_assert_uint_eq(affected, 0);
    OK(DB_EXEC(fixture_db, &bump, &affected, &err, db_int(1)));
    ck_assert_uint_eq(affected, 1);
}
END_TEST

static int nosy_row(void *arg, const struct db_row *row, struct err *err)
{
    (void)arg;
    (void)row;
    return db_ping(fixture_db, err);
}

START_TEST(test_db__a_row_function_cannot_use_its_connection)
{
    struct err err = ERR_INIT;
    add(1, 1);
    FAILS(DB_QUERY(fixture_db, &select_one, nosy_row, NULL, &err, db_int(1)), ERR_INTERNAL);
    OK(db_ping(fixture_db, &err));
}
END_TEST

/* --- losing the connection */

static int64_t connection_id(void)
{
    static const struct db_stmt id = { "SELECT CONNECTION_ID(), 0.0, ''" };
    struct err err = ERR_INIT;
    struct seen seen = { 0 };
    OK(db_query(fixture_db, &id, NULL, 0, see, &seen, &err));
    free(seen.s);
    return seen.n;
}

static void kill_connection(int64_t id)
{
    char sql[64], gone[128];
    snprintf(sql, sizeof(sql), "KILL CONNECTION %lld", (long long)id);
    snprintf(gone, sizeof(gone), "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %lld", (long long)id);
    struct err err = ERR_INIT;
    cleanup_db struct db *other = db_new(&fixture_settings->database);
    OK(db_script(other, sql, &err));
    fixture_wait(gone, 0);
}

START_TEST(test_db__a_killed_connection_is_replaced_unnoticed)
{
    struct err err = ERR_INIT;
    add(1, 0);
    int64_t before = connection_id();
    kill_connection(before);
    OK(DB_EXEC(fixture_db, &bump, NULL, &err, db_int(1))); /* a write: it was not sent into the dead socket */
    ck_assert_int_ne(connection_id(), before);
    kill_connection(connection_id());
    OK(db_ping(fixture_db, &err));
    ck_assert_int_eq(fixture_number("SELECT n FROM t WHERE id = 1"), 1);
}
END_TEST

static pid_t server_pid(void)
{
    long pid = 0;
    FILE *file = fopen(getenv("SANDBOX_TEST_DB_PID_FILE"), "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld", &pid), 1);
    fclose(file);
    return (pid_t)pid;
}

START_TEST(test_db__service_resumes_when_the_server_is_back)
{
    struct err err = ERR_INIT;
    add(1, 0);
    pid_t server = server_pid();
    ck_assert_int_eq(kill(server, SIGKILL), 0);
    while (kill(server, 0) == 0)
        poll(NULL, 0, 10);
    FAILS(DB_EXEC(fixture_db, &bump, NULL, &err, db_int(1)), ERR_UNAVAILABLE);
    ck_assert_str_eq(err.text, "The database is not available.");
    FAILS(db_ping(fixture_db, &err), ERR_UNAVAILABLE);
    ck_assert_int_eq(system(getenv("SANDBOX_TEST_DB_START")), 0);
    OK(DB_EXEC(fixture_db, &bump, NULL, &err, db_int(1)));
    ck_assert_int_eq(fixture_number("SELECT n FROM t WHERE id = 1"), 1);
}
END_TEST

/* --- transactions */

static int refuse(struct db *db, void *arg, struct err *err)
{
    (void)arg;
    if (DB_EXEC(db, &bump, NULL, err, db_int(1)) != 0)
        return -1;
    return err_set(err, ERR_CONFLICT, "No.");
}

static int nested(struct db *db, void *arg, struct err *err)
{
    struct err inner = ERR_INIT;
    (void)arg;
    if (DB_EXEC(db, &bump, NULL, err, db_int(1)) != 0 || db_transaction(db, refuse, NULL, &inner) == 0)
        return -1;
    *err = inner;
    return -1;
}

START_TEST(test_db__failed_work_rolls_back)
{
    struct err err = ERR_INIT;
    add(1, 0);
    FAILS(db_transaction(fixture_db, refuse, NULL, &err), ERR_CONFLICT);
    FAILS(db_transaction(fixture_db, nested, NULL, &err), ERR_CONFLICT);
    ck_assert_int_eq(fixture_number("SELECT n FROM t WHERE id = 1"), 0);
    OK(DB_EXEC(fixture_db, &bump, NULL, &err, db_int(1))); /* and the connection is out of it */
    ck_assert_int_eq(fixture_number("SELECT n FROM t WHERE id = 1"), 1);
}
END_TEST

static pthread_barrier_t both_hold_one;
static int deadlock_runs[2];

static int cross(struct db *db, void *arg, struct err *err)
{
    int index = *(int *)arg;
    deadlock_runs[index]++;
    if (DB_EXEC(db, &bump, NULL, err, db_int(index + 1)) != 0)
        return -1;
    if (deadlock_runs[index] == 1)
        pthread_barrier_wait(&both_hold_one);
    return DB_EXEC(db, &bump, NULL, err, db_int(2 - index));
}

static void cross_thread(int index)
{
    struct err err = ERR_INIT;
    cleanup_db struct db *db = db_new(&fixture_settings->database);
    OK(db_transaction(db, cross, &index, &err));
}

START_TEST(test_db__a_deadlock_is_repeated)
{
    add(1, 0);
    add(2, 0);
    pthread_barrier_init(&both_hold_one, NULL, 2);
    fixture_threads(2, cross_thread);
    ck_assert_int_ge(deadlock_runs[0] + deadlock_runs[1], 3);
    ck_assert_int_eq(fixture_number("SELECT SUM(n) FROM t WHERE n = 2"), 4);
}
END_TEST

static int careless(struct db *db, void *arg, struct err *err)
{
    struct err ignored = ERR_INIT;
    static const struct db_stmt deadlocked = {
        "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'as in a deadlock'"
    };
    ++*(int *)arg;
    if (DB_EXEC(db, &bump, NULL, err, db_int(1)) != 0)
        return -1;
    if (DB_EXEC(db, &deadlocked, NULL, &ignored) == 0)
        return -1;
    return 0; /* as if nothing had happened */
}

START_TEST(test_db__an_overlooked_deadlock_is_not_committed)
{
    struct err err = ERR_INIT;
    int runs = 0;
    add(1, 0);
    FAILS(db_transaction(fixture_db, careless, &runs, &err), ERR_TIMEOUT);
    ck_assert_int_eq(runs, 6);
    ck_assert_int_eq(fixture_number("SELECT n FROM t WHERE id = 1"), 0);
}
END_TEST

START_TEST(test_db__scripts_say_where_they_fail)
{
    struct err err = ERR_INIT;
    FAILS(db_script(fixture_db, "INSERT INTO t (id) VALUES (1); INSERT INTO t (id) VALUES (1); SELECT 1", &err), ERR_CONFLICT);
    ck_assert_ptr_nonnull(strstr(err.detail, "after statement 1"));
    OK(db_script(fixture_db, "SELECT 1; SELECT 2; -- the end\n", &err));
    OK(db_ping(fixture_db, &err));
    static const struct db_stmt two = { "SELECT 1; SELECT 2" };
    FAILS(db_query(fixture_db, &two, NULL, 0, NULL, NULL, &err), ERR_INTERNAL); /* one statement at a time elsewhere */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("db");
    TCase *tcase = tcase_create("db");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_db__values_come_back_as_they_went);
    tcase_add_test(tcase, test_db__session_is_set_up);
    tcase_add_test(tcase, test_db__errors_have_their_codes);
    tcase_add_test(tcase, test_db__a_row_function_cannot_use_its_connection);
    tcase_add_test(tcase, test_db__a_killed_connection_is_replaced_unnoticed);
    tcase_add_test(tcase, test_db__failed_work_rolls_back);
    tcase_add_test(tcase, test_db__a_deadlock_is_repeated);
    tcase_add_test(tcase, test_db__an_overlooked_deadlock_is_not_committed);
    tcase_add_test(tcase, test_db__scripts_say_where_they_fail);
    tcase_add_test(tcase, test_db__service_resumes_when_the_server_is_back);
    return fixture_run(suite);
}
