/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to the jobs from outside: a database that goes, locks that others hold, doorbells that nobody hears, two of every job. The
 * real jobs and executors; after each, the invariants (tests/invariants.sql). docs/faults.md has the list. */
#include "config.h"

#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/service/executions.h"
#include "lib/service/sessions.h"
#include "lib/util/clock.h"
#include "tests/integration/fault_scene.h"
#include "tests/integration/invariants.h"

static bool long_mode(void)
{
    const char *wanted = getenv("SANDBOX_LONG");
    return wanted && wanted[0];
}

static enum err_code creation_error(void)
{
    struct err err = ERR_INIT;
    struct session made = { 0 };
    const struct session_request request = { .template_id = "python-basic", .timeout_s = 300 };
    if (session_service_create(&stage.context, "tester", &request, &made, &err) == 0)
        return ERR_NONE;
    return err.code;
}

/* --- the database --- */

/* One session runs code, one is being made, one is being removed; its clients are told, and then it all goes on. */
START_TEST(test_faults__the_database_goes_and_comes_back)
{
    char code[MARKING_SIZE], id[EXECUTION_ID_SIZE];
    struct session at_work;
    client_creates(300);
    await_running();
    client_ends();
    client_creates(300);
    await_running();
    marking(7, 1.5, code);
    client_executes(code, id);
    await_count(1, "SELECT COUNT(*) FROM executions WHERE status = 'running'");
    at_work = session;
    session = (struct session){ 0 };
    client_creates(300);
    if (_i == 0)
        stage_kill_database();
    else
        stage_stop_database();
    ck_assert_int_eq(creation_error(), ERR_UNAVAILABLE);
    poll(NULL, 0, long_mode() ? 20000 : 2000);
    ck_assert_int_eq(creation_error(), ERR_UNAVAILABLE);
    ck_assert_int_eq(waitpid(scene_pid("dispatchd"), NULL, WNOHANG), 0);
    ck_assert_int_eq(waitpid(scene_pid("provisiond"), NULL, WNOHANG), 0);
    stage_start_database(&stage);
    await_running();
    client_ends();
    session_release(&session);
    session = at_work;
    expect_once(id);
    expect_marks("7 ");
    client_ends();
}
END_TEST

/* --- locks --- */

/* One more client, which finds its session locked. */
struct meanwhile {
    char session_id[SESSION_ID_SIZE];
    struct err err;
};

static void *submit_meanwhile(void *arg)
{
    struct context context = stage.context;
    struct meanwhile *meanwhile = arg;
    struct execution made = { 0 };
    const struct execution_request request = { .language = LANGUAGE_PYTHON, .code = (char *)"pass", .timeout_s = 10 };
    context.db = db_new(&stage.settings->database);
    ck_assert_int_eq(execution_service_submit(&context, "tester", meanwhile->session_id, &request, false, &made, &meanwhile->err), -1);
    db_free(context.db);
    return NULL;
}

/* Somebody holds the rows of a session for longer than anybody waits: clients are told so, jobs try again, others are not held up. */
START_TEST(test_faults__rows_that_are_locked_for_long)
{
    char code[MARKING_SIZE], id[EXECUTION_ID_SIZE], other_id[EXECUTION_ID_SIZE];
    struct meanwhile meanwhile = { .err = ERR_INIT };
    pthread_t client;
    client_creates(300);
    await_running();
    struct session other = session;
    session = (struct session){ 0 };
    client_creates(300);
    await_running();
    marking(3, 1, code);
    client_executes(code, id);
    await_count(1, "SELECT COUNT(*) FROM executions WHERE status = 'running'");
    cleanup_db struct db *rival = db_new(&stage.settings->database);
    struct err err = ERR_INIT;
    char sql[600];
    snprintf(sql, sizeof(sql), "SET idle_transaction_timeout = 0; START TRANSACTION; SELECT * FROM sessions WHERE id = '%s' FOR UPDATE;"
             "SELECT * FROM containers WHERE session_id = '%s' FOR UPDATE; SELECT * FROM executions WHERE id = '%s' FOR UPDATE",
             session.id, session.id, id);
    ck_assert_int_eq(db_script(rival, sql, &err), 0);
    int64_t begun_ms = clock_mono_ms();
    memcpy(meanwhile.session_id, session.id, sizeof(session.id));
    ck_assert_int_eq(pthread_create(&client, NULL, submit_meanwhile, &meanwhile), 0);
    struct session locked = session;
    session = other;
    client_executes("print(1)", other_id); /* not held up */
    expect_once(other_id);
    pthread_join(client, NULL);
    ck_assert_msg(meanwhile.err.code == ERR_TIMEOUT, "%d %s %s", meanwhile.err.code, meanwhile.err.text, meanwhile.err.detail);
    while (clock_mono_ms() - begun_ms < 4000) /* the dispatcher, too, has waited in vain */
        poll(NULL, 0, 50);
    ck_assert_int_eq(db_script(rival, "ROLLBACK", &err), 0);
    client_ends();
    session_release(&session);
    session = locked;
    expect_once(id);
    expect_marks("3 ");
    client_ends();
}
END_TEST

/* --- the doorbell --- */

/* Nobody hears any ring: neither the jobs those of clients and of each other, nor clients those of the jobs. */
START_TEST(test_faults__no_ring_is_heard)
{
    char provisioning[160], dispatching[160], code[MARKING_SIZE], id[EXECUTION_ID_SIZE];
    scene_deaf_config("deaf-provisiond", provisioning);
    scene_deaf_config("deaf-dispatchd", dispatching);
    scene_start("provisiond", provisioning);
    scene_start("dispatchd", dispatching);
    stage_await_count(&stage, "SELECT COUNT(*) FROM nodes WHERE status = 'ready'", 1);
    int64_t begun = clock_mono_ms();
    client_creates(300);
    marking(1, 0, code);
    client_executes(code, id); /* before it runs: made runnable later */
    await_running();
    expect_once(id);
    expect_marks("1 ");
    client_ends();
    await_gone();
    ck_assert_int_lt(clock_mono_ms() - begun, 8000); /* four polling intervals, and what it all takes on a busy machine */
}
END_TEST

/* --- two of every job --- */

START_TEST(test_faults__two_of_every_job)
{
    enum { SESSIONS = 3, EACH = 4 };
    static const char *const jobs[] = { "provisiond", "dispatchd", "pool", "reap", "purge" };
    char second[160], code[MARKING_SIZE], ids[SESSIONS][EACH][EXECUTION_ID_SIZE];
    struct session sessions[SESSIONS] = { 0 };
    scene_deaf_config("second", second);
    stage_sql(&stage, "UPDATE templates SET pool_target = 2 WHERE id = 'python-basic'");
    for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
        scene_start(jobs[i], NULL);
        scene_start(jobs[i], second);
    }
    await_count(2, "SELECT COUNT(*) FROM containers WHERE status = 'warm'");
    for (int s = 0; s < SESSIONS; s++) {
        session = (struct session){ 0 };
        client_creates(300);
        sessions[s] = session;
        for (int i = 0; i < EACH; i++) {
            marking(i, 0.2, code);
            client_executes(code, ids[s][i]);
        }
    }
    for (int s = 0; s < SESSIONS; s++) {
        session = sessions[s];
        for (int i = 0; i < EACH; i++)
            expect_once(ids[s][i]);
        client_executes("def handler(event):\n    return len(open('marks').read())", ids[s][0]);
        struct execution execution = await_completed(ids[s][0]);
        ck_assert_str_eq(execution.outcome.return_json, "8"); /* each of four marked once */
        execution_release(&execution);
        client_ends();
        session_release(&session);
    }
    session = (struct session){ 0 };
    stage_sql(&stage, "UPDATE templates SET pool_target = 0");
    stage_sql(&stage, "DELETE FROM pool_demand"); /* which the burst raised for a while */
    await_count(0, "SELECT COUNT(*) FROM containers WHERE status <> 'deleted'");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("faults");
    TCase *all = tcase_create("all"), *own = tcase_create("own");
    tcase_add_checked_fixture(all, scene_open, scene_close);
    tcase_set_timeout(all, 120);
    tcase_add_loop_test(all, test_faults__the_database_goes_and_comes_back, 0, 2);
    tcase_add_test(all, test_faults__rows_that_are_locked_for_long);
    suite_add_tcase(suite, all);
    tcase_add_checked_fixture(own, scene_open_empty, scene_close);
    tcase_set_timeout(own, 120);
    tcase_add_test(own, test_faults__no_ring_is_heard);
    tcase_add_test(own, test_faults__two_of_every_job);
    suite_add_tcase(suite, own);
    return stage_main(srunner_create(suite));
}
