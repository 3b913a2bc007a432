/* SPDX-License-Identifier: Apache-2.0 */
/* Retention of rows: which go, in which order, and that however many others there are does not matter. */
#include <stdio.h>

#include "lib/repo/session_repo.h"
#include "tests/integration/db_fixture.h"
#include "tests/integration/purge_scene.h"

#define COUNT(rest) fixture_number("SELECT COUNT(*) FROM " rest)
#define AGO(seconds) "UTC_TIMESTAMP(3) - INTERVAL " #seconds " SECOND"
#define ADD_EXECUTIONS(prefix, session, made, ended, status, seqs)                                                             \
    "INSERT INTO executions (id, session_id, owner, status, runnable, language, timeout_s, max_retries, due_at, created_at, completed_at, code)" \
    " SELECT CONCAT('" prefix "', seq), '" session "', 'me', '" status "', 1, 'python', 30, 0, " made ", " made ", " ended ", 'x' FROM " seqs

static void setup(void)
{
    purge_scene_open();
    fixture_settings->retention.executions_s = 7200;
    fixture_settings->retention.sessions_s = 86400;
    fixture_settings->retention.containers_s = 3600;
}

static void pass(void)
{
    struct err err = ERR_INIT;
    OK(purge_once(&err));
}

START_TEST(test_purge_rows__executions_by_their_end)
{
    fixture_sql(ADD_EXECUTIONS("a", "other", AGO(90000), AGO(7201), "completed", "seq_1_to_1200") ";"
                ADD_EXECUTIONS("b", "other", AGO(90000), AGO(7100), "failed", "seq_1_to_3") ";" /* made long ago, ended since */
                ADD_EXECUTIONS("c", "other", AGO(90000), "NULL", "running", "seq_1_to_2") ";"
                ADD_EXECUTIONS("d", "other", AGO(90000), AGO(8000), "timeout", "seq_1_to_700") ";"
                ADD_EXECUTIONS("e", "other", AGO(60), AGO(50), "completed", "seq_1_to_600"));
    pass();
    ck_assert_int_eq(purge_done.executions, 1900);
    ck_assert_int_eq(COUNT("executions"), 605);
    ck_assert_int_eq(COUNT("executions WHERE id LIKE 'a%' OR id LIKE 'd%'"), 0);
    pass();
    ck_assert_int_eq(purge_done.executions, 0);
}
END_TEST

/* Files, executions, the row; a session that has its files stays, however old. */
START_TEST(test_purge_rows__sessions_go_last)
{
    struct err err = ERR_INIT;
    struct session session = { 0 };
    fixture_settings->retention.executions_s = 10 * 86400;
    fixture_sql(PURGE_ENDED("old", 90000) ";"
                ADD_EXECUTIONS("a", "old", AGO(95000), AGO(91000), "completed", "seq_1_to_1100") ";"
                ADD_EXECUTIONS("b", "other", AGO(95000), AGO(91000), "completed", "seq_1_to_5"));
    purge_add_files("old", 2);
    pass(); /* rows first, and its files are still there */
    ck_assert_int_eq(purge_done.sessions, 1);
    ck_assert_int_eq(purge_done.session_rows, 0);
    ck_assert_int_eq(COUNT("executions"), 1105);
    fixture_sql("UPDATE sessions SET purged_at = " AGO(80000) " WHERE id = 'old'"); /* not a day less the hour ago */
    pass();
    ck_assert_int_eq(purge_done.session_rows, 0);
    fixture_sql("UPDATE sessions SET purged_at = " AGO(86300) " WHERE id = 'old'");
    pass();
    ck_assert_int_eq(purge_done.session_rows, 1);
    ck_assert_int_eq(purge_done.executions, 1100);
    ck_assert_int_eq(COUNT("executions WHERE session_id = 'other'"), 5);
    FAILS(session_repo_get(fixture_db, NULL, "old", &session, &err), ERR_SESSION_NOT_FOUND);
    ck_assert_int_eq(COUNT("sessions WHERE id = 'other'"), 1);
}
END_TEST

START_TEST(test_purge_rows__many_sessions)
{
    fixture_sql("INSERT INTO sessions (id, owner, status, template_id, runtime_type, node_id, cpu_milli, memory_mb, disk_mb, max_processes, timeout_s,"
                " created_at, expires_at, last_activity_at, ended_at, purged_at) SELECT CONCAT('m', seq), 'me', 'timeout', 't', 'process', 'n1', 1, 1, 1, 1, 1, "
                AGO(200000) ", " AGO(200000) ", " AGO(200000) ", " AGO(190000) ", IF(seq % 2, " AGO(180000) ", NULL) FROM seq_1_to_500");
    pass();
    ck_assert_int_eq(purge_done.session_rows, 250);
    ck_assert_int_eq(COUNT("sessions WHERE id LIKE 'm%'"), 250);
}
END_TEST

START_TEST(test_purge_rows__containers_beats_and_leavings)
{
    fixture_sql("INSERT INTO containers (id, node_id, runtime_type, template_id, status, secret, image, languages, network_enabled, cpu_milli, memory_mb,"
                " disk_mb, max_processes, due_at, created_at, ended_at) SELECT CONCAT('g', seq), 'n1', 'process', 't', IF(seq > 1100, 'deleting', 'deleted'), '', '', '', 0, 1, 1, 1, 1, "
                AGO(9000) ", " AGO(9000) ", IF(seq > 1000, " AGO(3500) ", " AGO(3700) ") FROM seq_1_to_1200;"
                "INSERT INTO jobs (instance, name, pid, started_at, beat_at, interval_ms) VALUES ('a', 'reap', 1, " AGO(200000) ", " AGO(86500) ", 2000),"
                " ('b', 'reap', 1, " AGO(200000) ", " AGO(86300) ", 2000), ('c', 'purge', 1, " AGO(200000) ", " AGO(172800) ", 86400000);"
                "INSERT INTO nodes (id, runtime_type, status, isolation, isolation_weaker, cpu_milli, memory_mb, max_containers, last_seen_at)"
                " VALUES ('n1', 'process', 'ready', '', 0, 1, 1, 1, " AGO(0) ");"
                "INSERT INTO dispatchers VALUES ('n1', 'd1', '', '', " AGO(80000) "), ('n2', 'd2', '', '', " AGO(90000) ");"
                "INSERT INTO node_images (node_id, image) VALUES ('n1', 'i'), ('gone', 'i'), ('gone', 'j');"
                "INSERT INTO pool_demand (template_id, wanted, changed_at) VALUES ('python-basic', 1, " AGO(0) "), ('gone', 1, " AGO(0) ")");
    pass();
    ck_assert_int_eq(purge_done.containers, 1000);
    ck_assert_int_eq(COUNT("containers WHERE id LIKE 'g%'"), 200);
    ck_assert_int_eq(purge_done.rows, 5);
    ck_assert_int_eq(COUNT("jobs WHERE instance IN ('b', 'c')"), 2);
    ck_assert_int_eq(COUNT("dispatchers WHERE instance = 'd1'"), 1);
    ck_assert_int_eq(COUNT("node_images WHERE node_id = 'n1'"), 1);
    ck_assert_int_eq(COUNT("pool_demand WHERE template_id = 'python-basic'"), 1);
    fixture_sql("DELETE FROM node_images; DELETE FROM pool_demand; DELETE FROM jobs");
}
END_TEST

/* A pass that finds nothing reads a piece of the executions, not all of them. */
START_TEST(test_purge_rows__what_is_young_costs_nothing)
{
    struct err err = ERR_INIT;
    static const struct db_stmt reads = { "SELECT SUM(VARIABLE_VALUE) FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME LIKE 'HANDLER\\_READ\\_%'" };
    int64_t before = 0, after = 0;
    fixture_sql(ADD_EXECUTIONS("a", "other", AGO(60), AGO(50), "completed", "seq_1_to_5000"));
    pass();
    extern int take_int(void *arg, const struct db_row *row, struct err *err);
    OK(db_query(fixture_db, &reads, NULL, 0, take_int, &before, &err));
    pass();
    OK(db_query(fixture_db, &reads, NULL, 0, take_int, &after, &err));
    ck_assert_int_lt(after - before, 2500);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("purge_rows");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, setup, purge_scene_close);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, test_purge_rows__executions_by_their_end);
    tcase_add_test(all, test_purge_rows__sessions_go_last);
    tcase_add_test(all, test_purge_rows__many_sessions);
    tcase_add_test(all, test_purge_rows__containers_beats_and_leavings);
    tcase_add_test(all, test_purge_rows__what_is_young_costs_nothing);
    suite_add_tcase(suite, all);
    return fixture_run(suite);
}
