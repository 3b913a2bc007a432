/* SPDX-License-Identifier: Apache-2.0 */
/* A dead container under a live session: what the rows say afterwards, whoever finds it, and whatever happens meanwhile. */
#include <stdio.h>
#include <string.h>

#include "lib/repo/container_repo.h"
#include "lib/repo/execution_repo.h"
#include "lib/repo/push_repo.h"
#include "lib/repo/session_repo.h"
#include "lib/service/opening.h"
#include "lib/service/replacing.h"
#include "lib/service/sessions.h"
#include "lib/util/clock.h"
#include "lib/util/id.h"
#include "tests/integration/db_fixture.h"

#define REASON "The sandbox was killed for lack of memory."
#define COUNT(where) fixture_number("SELECT COUNT(*) FROM " where)

static struct context context;
static char first[CONTAINER_ID_SIZE];

static struct context context_of(struct db *db)
{
    return (struct context){ .db = db, .settings = fixture_settings, .doorbell = -1, .now_ms = clock_wall_ms,
                             .random_id = id_random, .actor = { .name = "sandbox-provisiond" } };
}

static void current(char out[CONTAINER_ID_SIZE])
{
    struct err err = ERR_INIT;
    struct session session = { 0 };
    OK(session_repo_get(fixture_db, NULL, "s1", &session, &err));
    memcpy(out, session.container_id, CONTAINER_ID_SIZE);
    session_release(&session);
}

static void set_up(void)
{
    fixture_setup();
    context = context_of(fixture_db);
    fixture_sql("DELETE FROM workspace_files");
    fixture_node("n1", 8000, 8192, 20);
    fixture_session("s1", "me", SESSION_RUNNING);
    current(first);
}

static enum death_outcome die(const char *container_id)
{
    struct err err = ERR_INIT;
    const struct death death = { .session_id = "s1", .container_id = container_id, .reason = REASON };
    enum death_outcome outcome;
    OK(session_service_replace(&context, &death, &outcome, &err));
    return outcome;
}

static bool open_session(void)
{
    struct err err = ERR_INIT;
    char id[CONTAINER_ID_SIZE];
    current(id);
    struct opening opening = { .container_id = id, .session_id = "s1" };
    OK(db_transaction(fixture_db, opening_work, &opening, &err));
    return opening.opened;
}

static void claim(struct claim_list *out)
{
    struct err err = ERR_INIT;
    OK(execution_repo_claim(fixture_db, "test", NULL, 10, out, NULL, &err));
}

START_TEST(test_replacing__another_container_made_from_the_same)
{
    cleanup(claim_list_release) struct claim_list none = { 0 }, some = { 0 };
    fixture_execution("exec_20260101_00000001", "s1", true);
    fixture_sql("UPDATE sessions SET started_at = started_at - INTERVAL 1 MINUTE, workspace_seq = 3;"
                "UPDATE containers SET workspace_seq = 3, network_enabled = 1, oci_runtime = 'runsc', image = 'own:1';"
                "UPDATE templates SET image = 'newer:2' WHERE id = 'python-basic';"
                "INSERT INTO workspace_files (session_id, path, change_seq, pending, object_id, source, modified_at)"
                " VALUES ('s1', 'a', 3, 0, 'o', 'v', UTC_TIMESTAMP(3))");
    ck_assert_int_eq(die(first), DEATH_REPLACED);
    ck_assert_int_eq(COUNT("sessions s JOIN containers c ON c.id = s.container_id JOIN containers o ON o.session_id = s.id AND o.id <> c.id"
                           " WHERE s.status = 'creating' AND s.restarts = 1 AND s.started_at < s.replaced_at AND c.status = 'creating'"
                           " AND c.session_id = 's1' AND c.image = 'own:1' AND c.oci_runtime = 'runsc' AND c.network_enabled = 1"
                           " AND c.read_only_root = 1 AND c.languages = o.languages AND c.cpu_milli = o.cpu_milli AND c.memory_mb = o.memory_mb"
                           " AND c.disk_mb = o.disk_mb AND c.max_processes = o.max_processes AND c.secret <> o.secret"
                           " AND c.workspace_seq = -1 AND o.status = 'deleting'"), 1);
    ck_assert_int_eq(COUNT("workspace_files WHERE pending = 1 AND source = ''"), 1);
    ck_assert_int_eq(COUNT("executions WHERE status = 'pending' AND runnable = 0"), 1);
    ck_assert_int_eq(COUNT("audit WHERE action = 'replace' AND object_kind = 'session' AND object_id = 's1'"
                           " AND actor = 'sandbox-provisiond' AND detail LIKE '%" REASON "'"), 1);
    claim(&none);
    ck_assert_uint_eq(none.count, 0);
    ck_assert(open_session());
    ck_assert_int_eq(COUNT("sessions WHERE status = 'running' AND started_at < UTC_TIMESTAMP(3) - INTERVAL 50 SECOND"), 1);
    claim(&some);
    ck_assert_uint_eq(some.count, 1);
    ck_assert_str_ne(some.items[0].container_id, first);
    fixture_sql("UPDATE templates SET image = 'sandbox/python:3.11-basic' WHERE id = 'python-basic'");
}
END_TEST

START_TEST(test_replacing__found_twice_replaced_once)
{
    ck_assert_int_eq(die(first), DEATH_REPLACED);
    ck_assert_int_eq(die(first), DEATH_OF_NO_CONCERN);
    ck_assert_int_eq(COUNT("sessions WHERE restarts = 1"), 1);
    ck_assert_int_eq(COUNT("containers WHERE status = 'creating'"), 1);
}
END_TEST

static void find_it(int index)
{
    struct err err = ERR_INIT;
    const struct death death = { .session_id = "s1", .container_id = first, .reason = REASON };
    enum death_outcome outcome;
    struct db *db = db_new(&fixture_settings->database);
    struct context own = context_of(db);
    (void)index;
    OK(session_service_replace(&own, &death, &outcome, &err));
    db_free(db);
}

START_TEST(test_replacing__found_by_many_at_once)
{
    fixture_threads(8, find_it);
    ck_assert_int_eq(COUNT("sessions WHERE restarts = 1 AND status = 'creating'"), 1);
    ck_assert_int_eq(COUNT("containers"), 2);
    ck_assert_int_eq(COUNT("audit WHERE action = 'replace'"), 1);
}
END_TEST

START_TEST(test_replacing__a_warm_one_is_taken)
{
    cleanup(claim_list_release) struct claim_list some = { 0 };
    fixture_container("00000000aaaa", "n1", "", CONTAINER_WARM);
    fixture_sql("UPDATE containers SET cpu_milli = 2000 WHERE status = 'warm'");
    fixture_container("00000000bbbb", "n1", "", CONTAINER_WARM);
    fixture_execution("exec_20260101_00000001", "s1", true);
    fixture_execution("exec_20260101_00000002", "s1", true);
    fixture_sql("UPDATE executions SET status = 'running', attempts = 1, due_at = UTC_TIMESTAMP(3) + INTERVAL 9 SECOND, container_id ="
                " (SELECT container_id FROM sessions) WHERE id LIKE '%2'"); /* an executor of its own make has it */
    ck_assert_int_eq(die(first), DEATH_REPLACED);
    ck_assert_int_eq(COUNT("sessions s JOIN containers c ON c.id = s.container_id WHERE s.status = 'running' AND s.restarts = 1"
                           " AND c.id = '00000000bbbb' AND c.status = 'running' AND c.session_id = 's1' AND c.workspace_seq = -1"), 1);
    claim(&some);
    ck_assert_uint_eq(some.count, 2);
    ck_assert(some.items[0].lost != some.items[1].lost);
}
END_TEST

START_TEST(test_replacing__only_so_often)
{
    for (int i = 0; i < SESSION_RESTARTS_MAX; i++) {
        char id[CONTAINER_ID_SIZE];
        current(id);
        ck_assert_int_eq(die(id), DEATH_REPLACED);
        ck_assert(open_session());
    }
    fixture_execution("exec_20260101_00000001", "s1", true);
    char id[CONTAINER_ID_SIZE];
    current(id);
    ck_assert_int_eq(die(id), DEATH_FAILED);
    ck_assert_int_eq(COUNT("sessions WHERE status = 'failed' AND restarts = 5"
                           " AND error = 'The session\\'s sandbox died 6 times; the last time: " REASON "'"), 1);
    ck_assert_int_eq(COUNT("executions WHERE status = 'failed' AND error_kind = 'session_failed'"), 1);
    ck_assert_int_eq(COUNT("containers WHERE status <> 'deleting'"), 0);
}
END_TEST

START_TEST(test_replacing__one_that_never_ran_fails)
{
    fixture_sql("UPDATE sessions SET status = 'creating', started_at = NULL; UPDATE containers SET status = 'creating'");
    ck_assert_int_eq(die(first), DEATH_FAILED);
    ck_assert_int_eq(COUNT("sessions WHERE status = 'failed' AND restarts = 0 AND error = '" REASON "'"), 1);
    ck_assert_int_eq(COUNT("containers WHERE status = 'deleting'"), 1);
}
END_TEST

START_TEST(test_replacing__one_that_has_ended_stays_so)
{
    struct err err = ERR_INIT;
    if (_i == 0) {
        OK(session_service_terminate(&context, "me", "s1", &err));
        ck_assert_int_eq(die(first), DEATH_OF_NO_CONCERN);
    } else {
        ck_assert_int_eq(die(first), DEATH_REPLACED);
        OK(session_service_terminate(&context, "me", "s1", &err));
        ck_assert(!open_session());
    }
    ck_assert_int_eq(COUNT("sessions WHERE status = 'terminated'"), 1);
    ck_assert_int_eq(COUNT("containers WHERE status <> 'deleting'"), 0);
}
END_TEST

START_TEST(test_replacing__without_room_it_waits)
{
    struct err err = ERR_INIT;
    cleanup(string_list_release) struct string_list stuck = { 0 };
    fixture_execution("exec_20260101_00000001", "s1", true);
    fixture_sql(_i == 0 ? "UPDATE nodes SET max_containers = 1" : "UPDATE nodes SET status = 'draining'");
    ck_assert_int_eq(die(first), DEATH_REPLACED);
    ck_assert_int_eq(COUNT("sessions WHERE status = 'creating' AND container_id = '' AND restarts = 1"), 1);
    OK(session_service_place_waiting(&context, &err));
    ck_assert_int_eq(COUNT("containers WHERE status = 'creating'"), 0);
    fixture_sql("UPDATE sessions SET created_at = created_at - INTERVAL 1 HOUR, replaced_at = replaced_at - INTERVAL 29 SECOND");
    OK(session_repo_stuck(fixture_db, SESSION_START_LIMIT_S, 10, &stuck, &err));
    ck_assert_uint_eq(stuck.count, 0);
    fixture_sql("UPDATE sessions SET replaced_at = replaced_at - INTERVAL 2 SECOND");
    OK(session_repo_stuck(fixture_db, SESSION_START_LIMIT_S, 10, &stuck, &err));
    ck_assert_uint_eq(stuck.count, 1);
    fixture_sql(_i == 0 ? "UPDATE containers SET status = 'deleted'" : "UPDATE nodes SET status = 'ready'");
    for (int i = 0; i < 2; i++)
        OK(session_service_place_waiting(&context, &err));
    ck_assert_int_eq(COUNT("sessions s JOIN containers c ON c.id = s.container_id WHERE c.status = 'creating' AND c.workspace_seq = -1"
                           " AND s.restarts = 1"), 1);
    ck_assert_int_eq(COUNT("containers"), 2);
    ck_assert(open_session());
    ck_assert_int_eq(COUNT("executions WHERE runnable = 1"), 1);
}
END_TEST

/* What came before its container died is stored; what a dispatcher left is not sent to the new one as if nothing had happened. */
START_TEST(test_replacing__running_executions)
{
    struct err err = ERR_INIT;
    cleanup(claim_list_release) struct claim_list before = { 0 }, none = { 0 }, after = { 0 };
    const struct execution_outcome outcome = { .return_json = "1" };
    bool changed = false;
    fixture_execution("exec_20260101_00000001", "s1", true);
    fixture_execution("exec_20260101_00000002", "s1", true);
    claim(&before);
    ck_assert_uint_eq(before.count, 2);
    ck_assert_int_eq(die(first), DEATH_REPLACED);
    OK(execution_repo_finish(fixture_db, before.items[0].execution.seq, "test", EXECUTION_COMPLETED, &outcome, &changed, &err));
    ck_assert(changed);
    OK(execution_repo_release(fixture_db, "test", &err));
    claim(&none);
    ck_assert_uint_eq(none.count, 0); /* nowhere to go */
    ck_assert(open_session());
    claim(&after);
    ck_assert_uint_eq(after.count, 1);
    ck_assert(after.items[0].lost && after.items[0].taken_over);
    ck_assert_int_eq(after.items[0].execution.attempts, 1);
    OK(execution_repo_retry(fixture_db, after.items[0].execution.seq, "test", 0, &changed, &err));
    claim_list_release(&after);
    claim(&after);
    ck_assert_uint_eq(after.count, 1);
    ck_assert(!after.items[0].lost);
    ck_assert_int_eq(after.items[0].execution.attempts, 2);
    OK(execution_repo_release(fixture_db, "test", &err));
    claim_list_release(&after);
    claim(&after);
    ck_assert(after.count == 1 && after.items[0].taken_over && !after.items[0].lost);
}
END_TEST

static void quiet(enum log_level level, const char *event, const struct err *err, const char *id_name, const char *id)
{
    (void)level, (void)event, (void)err, (void)id_name, (void)id;
}

START_TEST(test_replacing__a_lost_node_is_left_if_there_is_another)
{
    struct err err = ERR_INIT;
    fixture_container("00000000bbbb", "n1", "", CONTAINER_WARM); /* of no use */
    fixture_sql("UPDATE nodes SET last_seen_at = last_seen_at - INTERVAL 2 MINUTE");
    OK(session_service_leave_lost_nodes(&context, quiet, &err));
    ck_assert_int_eq(COUNT("sessions WHERE status = 'running' AND restarts = 0"), 1); /* nowhere to go */
    fixture_node("n2", 8000, 8192, 20);
    fixture_execution("exec_20260101_00000001", "s1", true);
    cleanup(claim_list_release) struct claim_list claims = { 0 };
    claim(&claims);
    OK(session_service_leave_lost_nodes(&context, quiet, &err));
    ck_assert_int_eq(COUNT("sessions WHERE status = 'running'"), 1); /* somebody there is at work */
    fixture_sql("UPDATE executions SET due_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND");
    OK(session_service_leave_lost_nodes(&context, quiet, &err));
    ck_assert_int_eq(COUNT("sessions s JOIN containers c ON c.id = s.container_id WHERE s.status = 'creating' AND s.restarts = 1"
                           " AND s.node_id = 'n2' AND c.node_id = 'n2'"), 1);
    ck_assert_int_eq(COUNT("containers WHERE status = 'deleting' AND node_id = 'n1' AND error = 'Its node was lost.'"), 1);
    ck_assert_int_eq(COUNT("executions WHERE status = 'running' AND error_message LIKE '%Its node was lost.'"), 1);
}
END_TEST

/* The node was only cut off: what it still has to say comes too late, and what runs there goes. */
START_TEST(test_replacing__a_lost_node_that_comes_back)
{
    struct err err = ERR_INIT;
    const struct execution_outcome outcome = { .return_json = "1" };
    cleanup(claim_list_release) struct claim_list before = { 0 }, after = { 0 };
    cleanup(container_list_release) struct container_list work = { 0 }, callers = { 0 };
    struct container old;
    char prefix[9] = "";
    bool changed = true;
    fixture_execution("exec_20260101_00000001", "s1", true);
    claim(&before);
    OK(container_repo_get(fixture_db, first, &old, &err));
    memcpy(prefix, old.secret, 8);
    container_release(&old);
    fixture_sql("UPDATE nodes SET last_seen_at = last_seen_at - INTERVAL 2 MINUTE;"
                "UPDATE executions SET due_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND");
    fixture_node("n2", 8000, 8192, 20);
    OK(session_service_leave_lost_nodes(&context, quiet, &err));
    ck_assert(open_session());
    OK(execution_repo_claim(fixture_db, "elsewhere", &(struct string_list){ (char *[]){ "n2" }, 1 }, 10, &after, NULL, &err));
    ck_assert(after.count == 1 && after.items[0].lost);
    OK(execution_repo_finish(fixture_db, before.items[0].execution.seq, "test", EXECUTION_COMPLETED, &outcome, &changed, &err));
    ck_assert(!changed);
    OK(execution_repo_retry(fixture_db, after.items[0].execution.seq, "elsewhere", 0, &changed, &err));
    ck_assert(changed);
    ck_assert_int_eq(COUNT("executions WHERE status = 'pending' AND error_kind = 'crashed'"
                           " AND error_message = 'The sandbox was lost while it ran this code. Its node was lost.'"), 1);
    fixture_sql("UPDATE nodes SET last_seen_at = UTC_TIMESTAMP(3)");
    OK(push_repo_callers(fixture_db, prefix, &callers, &err));
    ck_assert_uint_eq(callers.count, 1);
    ck_assert_str_eq(callers.items[0].session_id, ""); /* its executor speaks for no session any more */
    OK(container_repo_claim_work(fixture_db, "n1", "n1", WORK_SESSIONS_FIRST, 1000, 10, &work, &err));
    ck_assert(work.count == 1 && work.items[0].status == CONTAINER_DELETING && strcmp(work.items[0].id, first) == 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replacing");
    TCase *tcase = tcase_create("replacing");
    tcase_add_checked_fixture(tcase, set_up, fixture_teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_replacing__another_container_made_from_the_same);
    tcase_add_test(tcase, test_replacing__found_twice_replaced_once);
    tcase_add_test(tcase, test_replacing__found_by_many_at_once);
    tcase_add_test(tcase, test_replacing__a_warm_one_is_taken);
    tcase_add_test(tcase, test_replacing__only_so_often);
    tcase_add_test(tcase, test_replacing__one_that_never_ran_fails);
    tcase_add_loop_test(tcase, test_replacing__one_that_has_ended_stays_so, 0, 2);
    tcase_add_loop_test(tcase, test_replacing__without_room_it_waits, 0, 2);
    tcase_add_test(tcase, test_replacing__running_executions);
    tcase_add_test(tcase, test_replacing__a_lost_node_is_left_if_there_is_another);
    tcase_add_test(tcase, test_replacing__a_lost_node_that_comes_back);
    return fixture_run(suite);
}
