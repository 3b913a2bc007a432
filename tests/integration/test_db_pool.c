/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that threads share, and the statements that one keeps. */
#include <pthread.h>
#include <stdio.h>

#include "tests/integration/db_fixture.h"

static const struct db_stmt insert = { "INSERT INTO t (id) VALUES (?)" };
static const struct db_stmt whose = { "SELECT CONNECTION_ID()" };

static void setup(void)
{
    fixture_setup();
    fixture_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id BIGINT PRIMARY KEY)");
}

static void teardown(void)
{
    fixture_sql("DROP TABLE IF EXISTS t");
    fixture_teardown();
}

static int see_number(void *arg, const struct db_row *row, struct err *err)
{
    (void)err;
    *(int64_t *)arg = db_row_int(row, 0);
    return 0;
}

static int64_t number(struct db *db, const struct db_stmt *stmt)
{
    struct err err = ERR_INIT;
    int64_t seen = -1;
    OK(db_query(db, stmt, NULL, 0, see_number, &seen, &err));
    return seen;
}

static int64_t connection_of(struct db *db)
{
    return number(db, &whose);
}

static void kill_connection(int64_t id)
{
    char sql[64];
    snprintf(sql, sizeof(sql), "KILL CONNECTION %lld", (long long)id);
    fixture_sql(sql);
}

/* What a transaction saw. */
struct pooled {
    struct db *other;
    int64_t within, beside, still;
    bool fails;
};

static int look_within(struct db *db, void *arg, struct err *err)
{
    struct pooled *pooled = arg;
    pooled->within = connection_of(db);
    pooled->beside = connection_of(pooled->other);
    pooled->still = connection_of(db);
    return pooled->fails ? err_internal(err, 0, "as asked") : 0;
}

START_TEST(test_db_pool__lends_for_a_statement_or_a_transaction)
{
    struct err err = ERR_INIT;
    struct db_pool *pool = db_pool_new(&fixture_settings->database, 4);
    struct db *one = db_new_pooled(pool), *other = db_new_pooled(pool);
    struct pooled pooled = { .other = other };
    int64_t first = connection_of(one);
    ck_assert_int_eq(connection_of(other), first);
    OK(db_transaction(one, look_within, &pooled, &err));
    ck_assert(pooled.within == first && pooled.still == first && pooled.beside != first);
    ck_assert_int_eq(connection_of(other), first); /* given back last */
    pooled.fails = true;
    FAILS(db_transaction(one, look_within, &pooled, &err), ERR_INTERNAL);
    ck_assert_int_eq(connection_of(other), first);
    FAILS(db_script(one, "SELECT 1; nonsense", &err), ERR_INTERNAL);
    ck_assert_int_eq(connection_of(other), first);
    db_free(one);
    db_free(other);
    db_pool_free(pool);
    fixture_wait("SELECT COUNT(*) FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND command = 'Sleep'", 1); /* the fixture's */
}
END_TEST

START_TEST(test_db_pool__replaces_what_was_closed)
{
    struct err err = ERR_INIT;
    struct db_pool *pool = db_pool_new(&fixture_settings->database, 4);
    struct db *one = db_new_pooled(pool), *other = db_new_pooled(pool);
    struct pooled pooled = { .other = other };
    OK(db_transaction(one, look_within, &pooled, &err)); /* two connections */
    kill_connection(pooled.within);
    kill_connection(pooled.beside);
    int64_t fresh = connection_of(one);
    ck_assert(fresh != pooled.within && fresh != pooled.beside);
    OK(DB_EXEC(other, &insert, NULL, &err, db_int(1)));
    ck_assert_int_eq(connection_of(other), fresh);
    db_free(one);
    db_free(other);
    db_pool_free(pool);
}
END_TEST

enum { CROWD = 12 };

static int hold(struct db *db, void *arg, struct err *err)
{
    pthread_barrier_t *all = arg;
    if (db_ping(db, err) != 0)
        return -1;
    pthread_barrier_wait(all);
    return 0;
}

struct holder {
    struct db_pool *pool;
    pthread_barrier_t *all;
    int status;
};

static void *hold_one(void *arg)
{
    struct holder *holder = arg;
    struct err err = ERR_INIT;
    struct db *db = db_new_pooled(holder->pool);
    holder->status = db_transaction(db, hold, holder->all, &err);
    db_free(db);
    return NULL;
}

/* Each waits for all others within its transaction: a bound without a way out would never end. */
START_TEST(test_db_pool__holds_up_nobody_for_long)
{
    struct db_pool *pool = db_pool_new(&fixture_settings->database, 2);
    pthread_barrier_t all;
    pthread_t threads[CROWD];
    struct holder holders[CROWD];
    pthread_barrier_init(&all, NULL, CROWD);
    for (int i = 0; i < CROWD; i++) {
        holders[i] = (struct holder){ .pool = pool, .all = &all };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, hold_one, &holders[i]), 0);
    }
    for (int i = 0; i < CROWD; i++) {
        pthread_join(threads[i], NULL);
        ck_assert_int_eq(holders[i].status, 0);
    }
    /* two are kept, and the fixture has its own */
    fixture_wait("SELECT COUNT(*) FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND command = 'Sleep'", 3);
    db_pool_free(pool);
    pthread_barrier_destroy(&all);
}
END_TEST

enum { MANY = 120 };

START_TEST(test_db_pool__statements_that_were_not_used_lately_go)
{
    static struct db_stmt many[MANY];
    static char texts[MANY][32];
    for (int i = 0; i < MANY; i++) {
        snprintf(texts[i], sizeof(texts[i]), "SELECT %d", i);
        many[i] = (struct db_stmt){ texts[i] };
    }
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < MANY; i++) {
            ck_assert_int_eq(number(fixture_db, &many[i]), i);
        }
    ck_assert_int_lt(fixture_number("SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.global_status WHERE VARIABLE_NAME = 'PREPARED_STMT_COUNT'"), MANY);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("db_pool");
    TCase *tcase = tcase_create("db_pool");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_db_pool__lends_for_a_statement_or_a_transaction);
    tcase_add_test(tcase, test_db_pool__replaces_what_was_closed);
    tcase_add_test(tcase, test_db_pool__holds_up_nobody_for_long);
    tcase_add_test(tcase, test_db_pool__statements_that_were_not_used_lately_go);
    return fixture_run(suite);
}
