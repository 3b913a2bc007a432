/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox died of reaches its row and the executions that it was running. */
#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/service/provision.h"
#include "lib/service/sessions.h"
#include "lib/util/clock.h"
#include "tests/integration/invariants.h"

#define LOST "The sandbox was lost while it ran this code. "

static struct stage stage;
static pid_t provisiond, dispatchd;
static struct session session;
static char execution[EXECUTION_ID_SIZE], container[CONTAINER_ID_SIZE];

static const char waiting[] = "import time\ndef handler(event):\n    open('begun', 'w').close()\n    time.sleep(60)\n";

/* A session whose sandbox runs code that waits. */
static void set_up(void)
{
    const struct session_request request = { .template_id = "python-basic", .timeout_s = 300 };
    char path[256], sql[128];
    struct err err = ERR_INIT;
    stage_open(&stage, NULL);
    provisiond = stage_start(&stage, "provisiond");
    dispatchd = stage_start(&stage, "dispatchd");
    stage_await_count(&stage, "SELECT COUNT(*) FROM nodes WHERE status = 'ready'", 1);
    ck_assert_int_eq(session_service_create(&stage.context, "tester", &request, &session, &err), 0);
    memcpy(container, session.container_id, sizeof(container));
    stage.timeout_s = 60;
    stage_execute(&stage, &session, waiting, 0, execution);
    ck_assert_int_eq(stage_await_session(&stage, session.id), SESSION_RUNNING);
    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM executions WHERE status = 'running' AND container_id = '%s'", container);
    stage_await_count(&stage, sql, 1);
    snprintf(path, sizeof(path), "%s/%s/workspace/begun", stage.directory, container);
    for (int64_t end = clock_mono_ms() + 20000; access(path, F_OK) != 0 && clock_mono_ms() < end;)
        poll(NULL, 0, 5);
    ck_assert_int_eq(access(path, F_OK), 0);
}

static void tear_down(void)
{
    invariants_await(&stage);
    stage_stop(dispatchd, SIGTERM);
    stage_stop(provisiond, SIGTERM);
    session_release(&session);
    stage_close(&stage);
}

/* The executor, which is the process that the runtime has on record or, in namespaces, its child; and what it runs. */
static void signal_all(const char *name)
{
    char command[256];
    snprintf(command, sizeof(command), "p=$(cut -d' ' -f1 %s/%s/pid); kill -%s $p $(cat /proc/$p/task/$p/children)", stage.directory, container, name);
    ck_assert_int_eq(system(command), 0);
}

static void suspect(const char *assignment)
{
    char sql[256];
    snprintf(sql, sizeof(sql), "UPDATE containers SET %s suspect = 1 WHERE id = '%s'", assignment, container);
    stage_sql(&stage, sql);
    doorbell_ring(stage.context.doorbell, stage.settings->doorbell.provisiond, "suspect");
}

static void expect(const char *reason, bool at_once)
{
    struct execution ended = { 0 };
    char sql[512];
    stage_await_execution(&stage, execution, &ended);
    if (at_once)
        ck_assert_msg(strncmp(ended.outcome.error_message, LOST "T", sizeof(LOST)) == 0, "%s", ended.outcome.error_message);
    ck_assert_int_eq(ended.status, EXECUTION_CRASHED);
    ck_assert_str_eq(ended.outcome.error_kind, "crashed");
    execution_release(&ended);
    /* whichever comes first, the loss or its reason */
    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM executions WHERE status = 'crashed' AND error_message LIKE '" LOST "%s'", reason);
    stage_await_count(&stage, sql, 1);
    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM containers WHERE id = '%s' AND error LIKE '%s'", container, reason);
    ck_assert_int_eq(stage_count(&stage, sql), 1);
    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM audit WHERE object_id = '%s' AND action = 'replace' AND detail LIKE '%%%s'", session.id, reason);
    ck_assert_int_eq(stage_count(&stage, sql), 1);
    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM sessions WHERE id = '%s' AND restarts = 1 AND status IN ('creating', 'running')", session.id);
    ck_assert_int_eq(stage_count(&stage, sql), 1);
    ck_assert_int_eq(stage_await_session(&stage, session.id), SESSION_RUNNING);
}

START_TEST(test_deaths__killed)
{
    signal_all("KILL");
    expect("The sandbox stopped unexpectedly%", true);
}
END_TEST

START_TEST(test_deaths__frozen)
{
    signal_all("STOP");
    suspect("");
    expect("The sandbox stopped answering.", true);
}
END_TEST

START_TEST(test_deaths__another_secret)
{
    suspect("secret = REPEAT('0', 48), ");
    expect("The sandbox\\'s executor did not accept its secret.", true);
}
END_TEST

/* --- an engine that says how it ended --- */

static struct fake_executor *engine;

static void engine_up(void)
{
    char path[64], extra[128];
    snprintf(path, sizeof(path), "/run/sandbox-fake-engine-%d.sock", (int)getpid());
    snprintf(extra, sizeof(extra), "kind = \"docker\"; docker_socket = \"%s\";", path);
    stage_open(&stage, extra);
    engine = fake_executor_start(path);
}

static void engine_down(void)
{
    stage_close(&stage);
    fake_executor_stop(engine);
}

static void say_nothing(enum log_level level, const char *event, const struct err *err, const char *id_name, const char *id)
{
    (void)level, (void)event, (void)err, (void)id_name, (void)id;
}

/* A crashed execution, one that is tried again, and one that ended well, all in the container. */
static void add_executions(const char *session_id, const char *container_id)
{
    static const char *const states[] = { "status = 'crashed', error_kind = 'crashed', error_message = 'lost', ", "", "status = 'completed', " };
    for (int i = 0; i < 3; i++) {
        char sql[512];
        struct session owner = { .status = SESSION_RUNNING, .owner = "tester" };
        snprintf(owner.id, sizeof(owner.id), "%s", session_id);
        stage_execute(&stage, &owner, "pass", 3, execution);
        snprintf(sql, sizeof(sql), "UPDATE executions SET %s container_id = '%s' WHERE id = '%s'", states[i], container_id, execution);
        stage_sql(&stage, sql);
    }
}

static void examine(bool oom, int exit_code)
{
    char body[512], answer[768], path[256], sql[256];
    struct container running;
    struct err err = ERR_INIT;
    bool worked = false;
    snprintf(body, sizeof(body), "{\"ApiVersion\":\"1.43\",\"State\":{\"Status\":\"exited\",\"ExitCode\":%d,\"OOMKilled\":%s},"
             "\"Config\":{\"Labels\":{\"sandbox.installation\":\"%s\"}}}", exit_code, oom ? "true" : "false", stage.directory);
    snprintf(answer, sizeof(answer), "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n%s", body);
    fake_executor_answer_get(engine, answer, strlen(answer), FAKE_CLOSE);
    stage_add_running(&stage, &session, &running, path);
    snprintf(sql, sizeof(sql), "UPDATE sessions SET started_at = created_at; UPDATE containers SET suspect = 1");
    stage_sql(&stage, sql);
    memcpy(container, running.id, sizeof(container));
    add_executions(session.id, container);
    const struct provision_config config = { .db = stage.context.db, .settings = stage.settings, .node_id = "stage", .claimed_by = "test",
                                             .doorbell = stage.context.doorbell, .report = say_nothing };
    struct provisioner *provisioner = provision_new(&config, &err);
    ck_assert_ptr_nonnull(provisioner);
    ck_assert_msg(provision_step(provisioner, &worked, &err) == 0 && worked, "%s %s", err.text, err.detail);
    provision_free(provisioner);
}

START_TEST(test_deaths__killed_for_lack_of_memory_as_a_whole)
{
    examine(true, 137);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM containers WHERE status = 'deleting' AND exit_code = 137 AND oom_killed = 1"), 1);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM executions WHERE status IN ('crashed', 'pending') AND error_kind = 'crashed'"
                                         " AND error_message = '" LOST "The sandbox was killed for lack of memory (exit code 137).'"), 2);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM executions WHERE status = 'completed' AND error_message IS NULL"), 1);
}
END_TEST

START_TEST(test_deaths__ended_by_itself)
{
    examine(false, 3);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM containers WHERE status = 'deleting' AND exit_code = 3 AND oom_killed = 0"), 1);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM executions WHERE error_message = '" LOST
                                         "The sandbox stopped unexpectedly (exit code 3).'"), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("deaths");
    TCase *tcase = tcase_create("process");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 90);
    tcase_add_test(tcase, test_deaths__killed);
    tcase_add_test(tcase, test_deaths__frozen);
    tcase_add_test(tcase, test_deaths__another_secret);
    suite_add_tcase(suite, tcase);
    TCase *engines = tcase_create("engine");
    tcase_add_checked_fixture(engines, engine_up, engine_down);
    tcase_add_test(engines, test_deaths__killed_for_lack_of_memory_as_a_whole);
    tcase_add_test(engines, test_deaths__ended_by_itself);
    suite_add_tcase(suite, engines);
    return stage_main(srunner_create(suite));
}
