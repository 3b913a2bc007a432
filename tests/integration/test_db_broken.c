/* SPDX-License-Identifier: Apache-2.0 */
/* A database connection that breaks between a statement and its answer. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fakes/breaking_proxy.h"
#include "tests/integration/db_fixture.h"

static const struct db_stmt count_marked = { "SELECT COUNT(*), ? FROM t" };
static const struct db_stmt bump_marked = { "UPDATE t SET n = n + 1, s = ? WHERE id = 1" };

static void setup(void)
{
    fixture_setup();
    fixture_sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT, s LONGTEXT); "
                "INSERT INTO t VALUES (1, 0, 'x')");
}

static void teardown(void)
{
    fixture_sql("DROP TABLE IF EXISTS t");
    fixture_teardown();
}

/* A connection through a proxy that breaks on the word TRIGGER. */
struct broken {
    struct db_settings settings;
    char path[108];
    struct breaking_proxy *proxy;
    struct db *db;
};

static void break_on(struct broken *broken, const char *trigger, bool once)
{
    broken->settings = fixture_settings->database;
    snprintf(broken->path, sizeof(broken->path), "%s.proxy", broken->settings.socket);
    broken->proxy = breaking_proxy_start(broken->path, broken->settings.socket);
    broken->settings.socket = broken->path;
    broken->db = db_new(&broken->settings);
    breaking_proxy_break_on(broken->proxy, trigger, once);
}

static void end_broken(struct broken *broken)
{
    db_free(broken->db);
    breaking_proxy_stop(broken->proxy);
}

START_TEST(test_db_broken__a_read_that_loses_its_answer_is_tried_again)
{
    struct err err = ERR_INIT;
    struct broken broken;
    break_on(&broken, "TRIGGER", true);
    OK(DB_QUERY(broken.db, &count_marked, NULL, NULL, &err, db_text("TRIGGER")));
    ck_assert_int_eq(breaking_proxy_breaks(broken.proxy), 1);
    breaking_proxy_break_on(broken.proxy, "TRIGGER", false);
    FAILS(DB_QUERY(broken.db, &count_marked, NULL, NULL, &err, db_text("TRIGGER")), ERR_UNAVAILABLE);
    ck_assert_int_eq(breaking_proxy_breaks(broken.proxy), 3); /* tried twice, not for ever */
    end_broken(&broken);
}
END_TEST

START_TEST(test_db_broken__a_write_that_loses_its_answer_is_uncertain)
{
    struct err err = ERR_INIT;
    struct broken broken;
    break_on(&broken, "TRIGGER", true);
    FAILS(DB_EXEC(broken.db, &bump_marked, NULL, &err, db_text("TRIGGER")), ERR_UNCERTAIN);
    ck_assert_int_eq(fixture_number("SELECT n FROM t WHERE id = 1"), 1); /* done, and not twice */
    OK(db_ping(broken.db, &err));
    end_broken(&broken);
}
END_TEST

struct bumps {
    int runs, committed;
};

static int bump_work(struct db *db, void *arg, struct err *err)
{
    struct bumps *bumps = arg;
    bumps->runs++;
    return DB_EXEC(db, &bump_marked, NULL, err, db_text(bumps->runs == 1 ? "TRIGGER" : "again"));
}

START_TEST(test_db_broken__a_commit_that_loses_its_answer_is_uncertain)
{
    struct err err = ERR_INIT;
    struct broken broken;
    struct bumps bumps = { 0 };
    break_on(&broken, "\003COMMIT", true); /* the command alone, not the isolation level */
    FAILS(db_transaction(broken.db, bump_work, &bumps, &err), ERR_UNCERTAIN);
    ck_assert_int_eq(bumps.runs, 1);
    ck_assert_int_eq(fixture_number("SELECT n FROM t WHERE id = 1"), 1);
    end_broken(&broken);
}
END_TEST

START_TEST(test_db_broken__a_transaction_lost_before_its_commit_is_repeated)
{
    struct err err = ERR_INIT;
    struct broken broken;
    struct bumps bumps = { 0 };
    break_on(&broken, "TRIGGER", true);
    OK(db_transaction(broken.db, bump_work, &bumps, &err));
    ck_assert_int_eq(bumps.runs, 2);
    ck_assert_int_eq(fixture_number("SELECT n FROM t WHERE id = 1"), 1); /* what was lost was rolled back */
    end_broken(&broken);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("db_broken");
    TCase *tcase = tcase_create("db_broken");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_db_broken__a_read_that_loses_its_answer_is_tried_again);
    tcase_add_test(tcase, test_db_broken__a_write_that_loses_its_answer_is_uncertain);
    tcase_add_test(tcase, test_db_broken__a_commit_that_loses_its_answer_is_uncertain);
    tcase_add_test(tcase, test_db_broken__a_transaction_lost_before_its_commit_is_repeated);
    return fixture_run(suite);
}
