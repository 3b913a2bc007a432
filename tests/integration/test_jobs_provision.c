/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-provisiond, -pool and -reap as processes, on a real database, with the process runtime and the real executor. */
#include "config.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/repo/session_repo.h"
#include "lib/service/sessions.h"
#include "lib/util/clock.h"
#include "lib/util/id.h"
#include "tests/integration/jobs_stage.h"

#define LIVE_ROWS "SELECT COUNT(*) FROM containers WHERE status <> 'deleted'"
#define WARM_ROWS "SELECT COUNT(*) FROM containers WHERE status = 'warm'"

static struct stage stage;
static pid_t provisiond;

static void await_node(const char *status)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM nodes WHERE status = '%s'", status);
    stage_await_count(&stage, sql, 1);
}

static void set_up(void)
{
    stage_open(&stage, NULL);
    provisiond = stage_start(&stage, "provisiond");
    await_node("ready");
}

static void tear_down(void)
{
    if (provisiond)
        stage_stop(provisiond, SIGTERM);
    stage_close(&stage);
}

static struct session create(int64_t timeout_s)
{
    struct session_request request = { .template_id = "python-basic", .timeout_s = timeout_s };
    struct session session = { 0 };
    struct err err = ERR_INIT;
    ck_assert_msg(session_service_create(&stage.context, "tester", &request, &session, &err) == 0, "%s %s", err.text,
                  err.detail);
    return session;
}

static void end(const char *id)
{
    struct err err = ERR_INIT;
    ck_assert_int_eq(session_service_terminate(&stage.context, "tester", id, &err), 0);
}

/* What went wrong with a session, as its user reads it. */
static void read_error(const char *id, char out[256])
{
    struct session session = { 0 };
    struct err err = ERR_INIT;
    ck_assert_int_eq(session_repo_get(stage.context.db, NULL, id, &session, &err), 0);
    ck_assert_ptr_nonnull(session.error);
    snprintf(out, 256, "%s", session.error);
    session_release(&session);
}

/* It runs in another container than that one, of which nothing is left. */
static void expect_replaced(const char *id, const char *old, int64_t restarts)
{
    char sql[400];
    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM sessions s JOIN containers c ON c.id = s.container_id JOIN containers o ON o.id = '%s' WHERE s.id = '%s' AND s.status = 'running' AND c.status = 'running' AND c.id <> o.id AND o.status = 'deleted'"
             " AND s.restarts = %d AND s.started_at <= s.replaced_at AND c.session_id = s.id", old, id, (int)restarts);
    stage_await_count(&stage, sql, 1);
}

/* How many containers the engine holds; the first one's id, if wanted. */
static size_t engine_count(char id_out[CONTAINER_ID_SIZE])
{
    struct err err = ERR_INIT;
    struct runtime *runtime = runtime_open(&stage.settings->runtime, &err);
    struct runtime_status *list = NULL;
    size_t count = 0;
    ck_assert_msg(runtime && runtime_list(runtime, &list, &count, &err) == 0, "%s %s", err.text, err.detail);
    if (count > 0 && id_out)
        memcpy(id_out, list[0].container_id, CONTAINER_ID_SIZE);
    free(list);
    runtime_free(runtime);
    return count;
}

/* The engine's only container is gone, behind everybody's back. */
static void lose_container(char id_out[CONTAINER_ID_SIZE])
{
    struct err err = ERR_INIT;
    ck_assert_uint_eq(engine_count(id_out), 1);
    struct runtime *runtime = runtime_open(&stage.settings->runtime, &err);
    ck_assert_int_eq(runtime_destroy(runtime, id_out, &err), 0);
    runtime_free(runtime);
}

static void await_engine(size_t expected)
{
    size_t seen = 0;
    for (int64_t limit = clock_mono_ms() + 30000; clock_mono_ms() < limit; poll(NULL, 0, 20))
        if ((seen = engine_count(NULL)) == expected)
            return;
    ck_abort_msg("the engine holds %zu containers, not %zu", seen, expected);
}

START_TEST(test_jobs_provision__a_session_from_start_to_end)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    pid_t dispatchd = stage_start(&stage, "dispatchd");
    struct session session = create(300);
    ck_assert_int_eq(session.status, SESSION_CREATING);
    stage_execute(&stage, &session, "def handler(event):\n    return 6 * 7\n", 3, id); /* waits for the start */
    ck_assert_int_eq(stage_await_session(&stage, session.id), SESSION_RUNNING);
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    ck_assert_str_eq(execution.outcome.return_json, "42");
    ck_assert_uint_eq(engine_count(NULL), 1);
    end(session.id);
    stage_await_count(&stage, LIVE_ROWS, 0);
    ck_assert_uint_eq(engine_count(NULL), 0);
    execution_release(&execution);
    session_release(&session);
    stage_stop(dispatchd, SIGTERM);
}
END_TEST

START_TEST(test_jobs_provision__ended_while_it_is_made)
{
    for (int i = 0; i < 8; i++) {
        struct session session = create(300);
        poll(NULL, 0, i * 8);
        end(session.id);
        session_release(&session);
    }
    stage_await_count(&stage, LIVE_ROWS, 0);
    await_engine(0);
}
END_TEST

START_TEST(test_jobs_provision__a_container_without_a_row_is_removed)
{
    struct err err = ERR_INIT;
    stage_stop(provisiond, SIGTERM);
    struct runtime *runtime = runtime_open(&stage.settings->runtime, &err);
    struct runtime_spec spec = { .container_id = "0123456789ab", .secret = "00112233445566778899aabbccddeeff", .image = "", .oci_runtime = "",
                                 .languages = "python", .read_only_root = true, .resources = { 1000, 512, 1024, 64 } };
    ck_assert_ptr_nonnull(runtime);
    ck_assert_msg(runtime_create(runtime, &spec, &err) == 0, "%s %s", err.text, err.detail);
    runtime_free(runtime);
    ck_assert_uint_eq(engine_count(NULL), 1);
    provisiond = stage_start(&stage, "provisiond");
    await_engine(0);
}
END_TEST

START_TEST(test_jobs_provision__a_container_that_died_is_replaced)
{
    char container_id[CONTAINER_ID_SIZE], id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    pid_t dispatchd = stage_start(&stage, "dispatchd");
    struct session session = create(300);
    ck_assert_int_eq(stage_await_session(&stage, session.id), SESSION_RUNNING);
    lose_container(container_id);
    session.status = SESSION_RUNNING;
    stage_execute(&stage, &session, "pass", 3, id);
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    ck_assert_int_eq(execution.attempts, 2);
    expect_replaced(session.id, container_id, 1);
    execution_release(&execution);
    session_release(&session);
    stage_stop(dispatchd, SIGTERM);
}
END_TEST

/* Waits until the running code has made a file in its workspace; returns the container's id. */
static void await_file(const char *name, char container_id[CONTAINER_ID_SIZE])
{
    char path[256];
    ck_assert_uint_eq(engine_count(container_id), 1);
    snprintf(path, sizeof(path), "%s/%s/workspace/%s", stage.directory, container_id, name);
    for (int64_t limit = clock_mono_ms() + 20000; clock_mono_ms() < limit; poll(NULL, 0, 5))
        if (access(path, F_OK) == 0)
            return;
    ck_abort_msg("%s did not appear", path);
}

static const char appending[] = "import time\ndef handler(event):\n    open('runs', 'a').write('x')\n    time.sleep(1.5)\n"
                                "    print('done')\n    return open('runs').read()\n";

START_TEST(test_jobs_provision__a_killed_dispatcher_runs_nothing_twice)
{
    char id[EXECUTION_ID_SIZE], container_id[CONTAINER_ID_SIZE];
    struct execution execution = { 0 };
    pid_t dispatchd = stage_start(&stage, "dispatchd");
    struct session session = create(300);
    stage_execute(&stage, &session, appending, 3, id);
    ck_assert_int_eq(stage_await_session(&stage, session.id), SESSION_RUNNING);
    await_file("runs", container_id);
    stage_stop(dispatchd, SIGKILL);
    dispatchd = stage_start(&stage, "dispatchd");
    poll(NULL, 0, 300);
    stage_stop(dispatchd, SIGKILL);
    dispatchd = stage_start(&stage, "dispatchd");
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    ck_assert_str_eq(execution.outcome.return_json, "\"x\"");
    ck_assert_str_eq(execution.outcome.stdout_text, "done\n");
    ck_assert_int_eq(execution.attempts, 1);
    execution_release(&execution);
    session_release(&session);
    stage_stop(dispatchd, SIGTERM);
}
END_TEST

START_TEST(test_jobs_provision__a_killed_executor_costs_one_try)
{
    char id[EXECUTION_ID_SIZE], container_id[CONTAINER_ID_SIZE], command[256];
    struct execution execution = { 0 };
    pid_t dispatchd = stage_start(&stage, "dispatchd");
    struct session session = create(300);
    stage_execute(&stage, &session, appending, _i, id);
    ck_assert_int_eq(stage_await_session(&stage, session.id), SESSION_RUNNING);
    await_file("runs", container_id);
    /* the executor is the process that the runtime has on record, or, in namespaces, its child */
    snprintf(command, sizeof(command), "p=$(cut -d' ' -f1 %s/%s/pid); kill -9 $p $(cat /proc/$p/task/$p/children)",
             stage.directory, container_id);
    ck_assert_int_eq(system(command), 0);
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, _i ? EXECUTION_COMPLETED : EXECUTION_CRASHED);
    ck_assert_int_eq(execution.attempts, 1 + _i);
    expect_replaced(session.id, container_id, 1);
    await_engine(1);
    execution_release(&execution);
    session_release(&session);
    stage_stop(dispatchd, SIGTERM);
}
END_TEST

START_TEST(test_jobs_provision__a_dead_container_is_found_at_start)
{
    char container_id[CONTAINER_ID_SIZE];
    struct session session = create(300);
    ck_assert_int_eq(stage_await_session(&stage, session.id), SESSION_RUNNING);
    stage_stop(provisiond, SIGKILL);
    lose_container(container_id);
    provisiond = stage_start(&stage, "provisiond");
    expect_replaced(session.id, container_id, 1);
    session_release(&session);
}
END_TEST

START_TEST(test_jobs_provision__pool_is_filled_claimed_refilled_and_drained)
{
    pid_t pool = stage_start(&stage, "pool");
    stage_sql(&stage, "UPDATE templates SET pool_target = 2 WHERE id = 'python-basic'");
    stage_await_count(&stage, WARM_ROWS, 2);
    struct session session = create(300);
    ck_assert_int_eq(session.status, SESSION_RUNNING); /* at once */
    stage_await_count(&stage, WARM_ROWS, 2);
    await_engine(3);
    stage_sql(&stage, "UPDATE templates SET pool_target = 0 WHERE id = 'python-basic'");
    stage_await_count(&stage, WARM_ROWS, 0);
    end(session.id);
    await_engine(0);
    session_release(&session);
    stage_stop(pool, SIGTERM);
}
END_TEST

/* Nine tenths of the node are the pool's: a session that is too large for the rest has the oldest one's room, and runs. */
START_TEST(test_jobs_provision__pool_gives_way_to_a_session)
{
    struct session_request request = { .template_id = "python-basic", .timeout_s = 300, .resources = { .cpu_milli = 20000 } };
    struct session session;
    struct err err = ERR_INIT;
    stage_sql(&stage, "DELETE FROM pool_demand");
    stage_sql(&stage, "UPDATE templates SET pool_target = 4, cpu_milli = 30000 WHERE id = 'python-basic'");
    pid_t pool = stage_start(&stage, "pool");
    stage_await_count(&stage, WARM_ROWS, 3);
    ck_assert_msg(session_service_create(&stage.context, "tester", &request, &session, &err) == 0, "%s", err.text);
    ck_assert_int_eq(session.status, SESSION_CREATING);
    ck_assert_str_eq(session.container_id, "");
    ck_assert_int_eq(stage_await_session(&stage, session.id), SESSION_RUNNING);
    ck_assert_int_eq(stage_count(&stage, "SELECT MIN(seq) FROM containers"),
                     stage_count(&stage, "SELECT MIN(seq) FROM containers WHERE status IN ('deleting', 'deleted')"));
    ck_assert_int_eq(stage_count(&stage, WARM_ROWS), 2);
    stage_stop(pool, SIGTERM);
    stage_sql(&stage, "UPDATE templates SET cpu_milli = 1000 WHERE id = 'python-basic'");
    end(session.id);
    session_release(&session);
}
END_TEST

START_TEST(test_jobs_provision__a_session_over_its_time_is_ended)
{
    pid_t reap = stage_start(&stage, "reap");
    struct session session = create(1);
    stage_await_count(&stage, "SELECT COUNT(*) FROM sessions WHERE status = 'timeout'", 1);
    stage_await_count(&stage, LIVE_ROWS, 0);
    await_engine(0);
    session_release(&session);
    stage_stop(reap, SIGTERM);
}
END_TEST

START_TEST(test_jobs_provision__without_a_provisioner_a_session_fails_and_says_so)
{
    char error[256];
    stage_stop(provisiond, SIGTERM);
    provisiond = 0;
    struct session session = create(300);
    stage_sql(&stage, "UPDATE nodes SET last_seen_at = last_seen_at - INTERVAL 1 MINUTE");
    stage_sql(&stage, "UPDATE sessions SET created_at = created_at - INTERVAL 31 SECOND");
    pid_t reap = stage_start(&stage, "reap");
    ck_assert_int_eq(stage_await_session(&stage, session.id), SESSION_FAILED);
    read_error(session.id, error);
    ck_assert_msg(strstr(error, "no provisioner is running"), "%s", error);
    session_release(&session);
    stage_stop(reap, SIGTERM);
}
END_TEST

/* --- a node that cannot --- */

static void broken_set_up(void)
{
    stage_open(&stage, "kind = \"process\"; process_isolation = \"required\"; bwrap = \"/nonexistent/bwrap\";");
    provisiond = stage_start(&stage, "provisiond");
}

START_TEST(test_jobs_provision__an_engine_that_is_missing_is_said)
{
    char error[256];
    struct err err = ERR_INIT;
    struct session_request request = { .template_id = "python-basic", .timeout_s = 300 };
    struct session session = { 0 };
    await_node("offline");
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM nodes WHERE error IS NOT NULL"), 1);
    ck_assert_int_eq(session_service_create(&stage.context, "tester", &request, &session, &err), -1);
    ck_assert_int_eq(err.code, ERR_UNAVAILABLE);
    /* one that was accepted just before */
    stage_sql(&stage, "UPDATE nodes SET status = 'ready', error = NULL, last_seen_at = UTC_TIMESTAMP(3)");
    session = create(300);
    stage_sql(&stage, "UPDATE containers SET created_at = created_at - INTERVAL 25 SECOND");
    ck_assert_int_eq(stage_await_session(&stage, session.id), SESSION_FAILED);
    read_error(session.id, error);
    ck_assert_msg(strncmp(error, "The sandbox could not be started: ", 34) == 0, "%s", error);
    session_release(&session);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jobs_provision");
    TCase *all = tcase_create("all"), *broken = tcase_create("broken");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 180);
    tcase_add_test(all, test_jobs_provision__a_session_from_start_to_end);
    tcase_add_test(all, test_jobs_provision__ended_while_it_is_made);
    tcase_add_test(all, test_jobs_provision__a_container_without_a_row_is_removed);
    tcase_add_test(all, test_jobs_provision__a_container_that_died_is_replaced);
    tcase_add_test(all, test_jobs_provision__a_killed_dispatcher_runs_nothing_twice);
    tcase_add_loop_test(all, test_jobs_provision__a_killed_executor_costs_one_try, 0, 2);
    tcase_add_test(all, test_jobs_provision__a_dead_container_is_found_at_start);
    tcase_add_test(all, test_jobs_provision__pool_is_filled_claimed_refilled_and_drained);
    tcase_add_test(all, test_jobs_provision__pool_gives_way_to_a_session);
    tcase_add_test(all, test_jobs_provision__a_session_over_its_time_is_ended);
    tcase_add_test(all, test_jobs_provision__without_a_provisioner_a_session_fails_and_says_so);
    suite_add_tcase(suite, all);
    tcase_add_checked_fixture(broken, broken_set_up, tear_down);
    tcase_set_timeout(broken, 120);
    tcase_add_test(broken, test_jobs_provision__an_engine_that_is_missing_is_said);
    suite_add_tcase(suite, broken);
    return stage_main(srunner_create(suite));
}
