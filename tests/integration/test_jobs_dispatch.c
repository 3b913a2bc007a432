/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-dispatchd as a process, on a real database, with an executor that does what the test says. */
#include "config.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/io/doorbell.h"
#include "lib/service/sessions.h"
#include "lib/repo/execution_repo.h"
#include "lib/service/dispatch_bell.h"
#include "lib/util/clock.h"
#include "lib/wire/execute.h"
#include "tests/integration/dispatch_scene.h"

static void script_answer(const char *out, const char *value)
{
    const struct wire_event events[] = {
        { .type = WIRE_STARTED },
        { .type = WIRE_STDOUT, .data = (char *)out, .data_len = strlen(out) },
        { .type = WIRE_RESULT, .result = { .return_json = (char *)value, .duration_ms = 1.5, .cpu_time_ms = 1 } },
    };
    stage_script(fake, events, 3, 0, FAKE_CLOSE);
}

static void script_started(enum fake_ending ending)
{
    const struct wire_event events[] = { { .type = WIRE_STARTED } };
    stage_script(fake, events, 1, 5, ending);
}

static struct execution run(int64_t max_retries)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    stage_execute(&stage, &session, "pass", max_retries, id);
    stage_await_execution(&stage, id, &execution);
    return execution;
}

START_TEST(test_jobs_dispatch__stores_what_the_executor_says)
{
    script_answer("hello\n", "{\"n\":123456789012345678901234567890}");
    struct execution execution = run(3);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    ck_assert_int_eq(execution.attempts, 1);
    ck_assert_str_eq(execution.outcome.stdout_text, "hello\n");
    ck_assert_str_eq(execution.outcome.return_json, "{\"n\":123456789012345678901234567890}");
    ck_assert(execution.outcome.has_exit_code);
    ck_assert_int_eq(execution.outcome.exit_code, 0);
    ck_assert_uint_eq(fake_executor_posts(fake), 1);
    execution_release(&execution);
}
END_TEST

START_TEST(test_jobs_dispatch__rings_who_waits)
{
    char id[EXECUTION_ID_SIZE], text[DOORBELL_TEXT_MAX + 1];
    struct pollfd bell = { .fd = stage.context.doorbell, .events = POLLIN };
    script_answer("", "1");
    stage_execute(&stage, &session, "pass", 0, id);
    ck_assert_int_eq(poll(&bell, 1, 10000), 1);
    ck_assert_int_eq(doorbell_take(bell.fd, text), 1);
    ck_assert_str_eq(text, id);
    struct execution execution = { 0 };
    stage_await_execution(&stage, id, &execution); /* at once: the ring comes after the commit */
    execution_release(&execution);
}
END_TEST

/* Their word comes when the result has just been stored, by a dispatcher that did not know of them. */
START_TEST(test_jobs_dispatch__rings_who_came_at_the_end)
{
    char id[EXECUTION_ID_SIZE], text[DOORBELL_TEXT_MAX + 1], sql[256];
    struct pollfd bell = { .fd = stage.context.doorbell, .events = POLLIN };
    struct execution execution = { 0 };
    script_answer("", "1");
    stage_execute(&stage, &session, "pass", 0, id);
    stage_await_execution(&stage, id, &execution);
    execution_release(&execution);
    poll(NULL, 0, 300);
    doorbell_drain(bell.fd);
    snprintf(sql, sizeof(sql), "UPDATE executions SET notify = '%s' WHERE id = '%s'", stage.context.doorbell_address, id);
    stage_sql(&stage, sql);
    dispatch_bell_wait(&stage.context, "exec_20260101_nosuch00"); /* does no harm */
    dispatch_bell_wait(&stage.context, id);
    ck_assert_int_eq(poll(&bell, 1, 10000), 1);
    ck_assert_int_eq(doorbell_take(bell.fd, text), 1);
    ck_assert_str_eq(text, id);
}
END_TEST

START_TEST(test_jobs_dispatch__stores_large_output)
{
    size_t size = OUTPUT_BYTES_MAX;
    cleanup_free char *text = malloc(size + 1);
    memset(text, 'x', size);
    text[size] = '\0';
    script_answer(text, "null");
    struct execution execution = run(0);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    ck_assert_uint_eq(execution.outcome.stdout_len, size);
    execution_release(&execution);
}
END_TEST

START_TEST(test_jobs_dispatch__a_broken_stream_is_tried_again)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    script_started(FAKE_CLOSE);
    stage_execute(&stage, &session, "pass", 3, id);
    stage_await_posts(fake, 1);
    /* what clients see meanwhile: when, and why */
    stage_await_count(&stage, "SELECT COUNT(*) FROM executions WHERE status = 'pending' AND attempts = 1"
                              " AND due_at BETWEEN UTC_TIMESTAMP(3) AND UTC_TIMESTAMP(3) + INTERVAL 1 SECOND", 1);
    struct err err = ERR_INIT;
    ck_assert_int_eq(execution_repo_get(stage.context.db, NULL, id, EXECUTION_WHOLE, &execution, &err), 0);
    ck_assert(execution.retry_at > execution.started_at && execution.retry_at <= execution.started_at + 5000);
    ck_assert_ptr_nonnull(execution.last_loss);
    ck_assert_msg(strstr(execution.last_loss, "was lost while it ran this code") != NULL, "%s", execution.last_loss);
    execution_release(&execution);
    script_answer("second\n", "2");
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    ck_assert_int_eq(execution.attempts, 2);
    ck_assert_ptr_null(execution.last_loss);
    ck_assert_ptr_null(execution.outcome.error_kind);
    ck_assert_str_eq(execution.outcome.stdout_text, "second\n");
    execution_release(&execution);
}
END_TEST

START_TEST(test_jobs_dispatch__without_retries_it_crashed_and_the_container_is_suspect)
{
    script_started(FAKE_CLOSE);
    struct execution execution = run(0);
    ck_assert_int_eq(execution.status, EXECUTION_CRASHED);
    ck_assert_str_eq(execution.outcome.error_kind, "crashed");
    ck_assert(!execution.outcome.has_exit_code);
    ck_assert_int_eq(stage_count(&stage, "SELECT suspect FROM containers"), 1);
    execution_release(&execution);
}
END_TEST

/* Output came, and of the result a part. */
START_TEST(test_jobs_dispatch__half_a_result)
{
    const struct wire_event events[] = {
        { .type = WIRE_STARTED },
        { .type = WIRE_STDOUT, .data = (char *)"said", .data_len = 4 },
        { .type = WIRE_RESULT, .result = { .return_json = (char *)"[1, 2, 3]", .duration_ms = 1 } },
    };
    stage_script(fake, events, 3, 30, FAKE_CLOSE);
    struct execution execution = run(0);
    ck_assert_int_eq(execution.status, EXECUTION_CRASHED);
    ck_assert_str_eq(execution.outcome.error_kind, "crashed");
    ck_assert_ptr_null(execution.outcome.return_json);
    execution_release(&execution);
}
END_TEST

static const struct answer_row {
    const char *answer;
    enum execution_status status;
    const char *kind;
} answer_rows[] = {
    { "HTTP/1.1 400 Bad Request\r\nContent-Length: 19\r\n\r\n{\"error\":\"no code\"}", EXECUTION_FAILED, "executor" },
    { "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", EXECUTION_CRASHED, "crashed" },
    { "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", EXECUTION_CRASHED, "crashed" },
    { "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ngarbage\n", EXECUTION_CRASHED, "crashed" },
    { "", EXECUTION_CRASHED, "crashed" },
};

START_TEST(test_jobs_dispatch__answers_that_are_none)
{
    const struct answer_row *row = &answer_rows[_i];
    fake_executor_script(fake, row->answer, strlen(row->answer), FAKE_CLOSE);
    struct execution execution = run(0);
    ck_assert_int_eq(execution.status, row->status);
    ck_assert_str_eq(execution.outcome.error_kind, row->kind);
    ck_assert_ptr_nonnull(execution.outcome.error_message);
    execution_release(&execution);
}
END_TEST

START_TEST(test_jobs_dispatch__killed_in_the_middle_the_next_one_takes_over)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    script_started(FAKE_STALL);
    stage_execute(&stage, &session, "pass", 0, id);
    stage_await_posts(fake, 1);
    stage_stop(dispatchd, SIGKILL);
    script_answer("replayed\n", "3");
    dispatchd = stage_start(&stage, "dispatchd");
    int64_t begun = clock_mono_ms();
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_lt(clock_mono_ms() - begun, EXECUTION_LEASE_MS / 2); /* it need not wait for the lease's end */
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    ck_assert_int_eq(execution.attempts, 1); /* a take-over is no retry */
    ck_assert_str_eq(execution.outcome.stdout_text, "replayed\n");
    ck_assert_uint_eq(fake_executor_posts(fake), 2);
    execution_release(&execution);
}
END_TEST

START_TEST(test_jobs_dispatch__ends_at_once_on_sigterm)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    script_started(FAKE_STALL);
    stage_execute(&stage, &session, "pass", 0, id);
    stage_await_posts(fake, 1);
    int64_t begun = clock_mono_ms();
    int status = stage_stop(dispatchd, SIGTERM);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert_int_lt(clock_mono_ms() - begun, 3000);
    script_answer("", "4");
    dispatchd = stage_start(&stage, "dispatchd");
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    execution_release(&execution);
}
END_TEST

START_TEST(test_jobs_dispatch__an_ended_session_keeps_its_verdict)
{
    const struct session_ending how = { .status = SESSION_TERMINATED, .kind = "session_terminated", .reason = "The session was terminated." };
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    struct err err = ERR_INIT;
    bool changed = false;
    script_started(FAKE_STALL);
    stage_execute(&stage, &session, "pass", 3, id);
    stage_await_posts(fake, 1);
    ck_assert_int_eq(session_service_end(&stage.context, session.id, &how, &changed, &err), 0);
    ck_assert(changed);
    fake_executor_stop(fake); /* the container goes: the stream breaks */
    fake = fake_executor_start(socket_path);
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_FAILED);
    ck_assert_str_eq(execution.outcome.error_kind, "session_terminated");
    execution_release(&execution);
    poll(NULL, 0, 1500); /* a retry, were there one, would come after a second */
    ck_assert_uint_eq(fake_executor_posts(fake), 0);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM executions WHERE status = 'failed'"), 1);
}
END_TEST

/* The result arrives while there is nowhere to store it. */
START_TEST(test_jobs_dispatch__a_result_is_kept_while_the_database_is_away)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    script_answer("kept\n", "5");
    fake_executor_hold(fake, true);
    stage_execute(&stage, &session, "pass", 0, id);
    stage_await_posts(fake, 1);
    stage_kill_database();
    fake_executor_hold(fake, false);
    poll(NULL, 0, 700);
    ck_assert_int_eq(waitpid(dispatchd, NULL, WNOHANG), 0);
    stage_start_database(&stage);
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    ck_assert_str_eq(execution.outcome.stdout_text, "kept\n");
    ck_assert_int_eq(execution.attempts, 1);
    ck_assert_uint_eq(fake_executor_posts(fake), 1);
    execution_release(&execution);
}
END_TEST

START_TEST(test_jobs_dispatch__starts_without_a_database_and_waits_for_it)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    script_started(FAKE_STALL);
    stage_execute(&stage, &session, "pass", 0, id);
    stage_await_posts(fake, 1);
    stage_kill_database();
    stage_stop(dispatchd, SIGKILL);
    script_answer("after\n", "5");
    dispatchd = stage_start(&stage, "dispatchd");
    poll(NULL, 0, 500);
    ck_assert_int_eq(waitpid(dispatchd, NULL, WNOHANG), 0);
    stage_start_database(&stage);
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    ck_assert_str_eq(execution.outcome.stdout_text, "after\n");
    execution_release(&execution);
}
END_TEST

START_TEST(test_jobs_dispatch__many_at_once_each_once)
{
    enum { COUNT = 300 };
    script_answer("x", "6");
    for (int i = 0; i < COUNT; i++) {
        char id[EXECUTION_ID_SIZE];
        stage_execute(&stage, &session, "pass", 0, id);
    }
    stage_await_count(&stage, "SELECT COUNT(*) FROM executions WHERE status = 'completed' AND attempts = 1", COUNT);
    ck_assert_uint_eq(fake_executor_posts(fake), COUNT);
}
END_TEST

START_TEST(test_jobs_dispatch__beats)
{
    stage_await_count(&stage,
                      "SELECT COUNT(*) FROM jobs WHERE name = 'dispatchd' AND interval_ms > 0"
                      " AND beat_at > UTC_TIMESTAMP(3) - INTERVAL 3 SECOND",
                      1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jobs_dispatch");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, scene_set_up, scene_tear_down);
    tcase_set_timeout(all, 120);
    tcase_add_test(all, test_jobs_dispatch__stores_what_the_executor_says);
    tcase_add_test(all, test_jobs_dispatch__rings_who_waits);
    tcase_add_test(all, test_jobs_dispatch__rings_who_came_at_the_end);
    tcase_add_test(all, test_jobs_dispatch__stores_large_output);
    tcase_add_test(all, test_jobs_dispatch__a_broken_stream_is_tried_again);
    tcase_add_test(all, test_jobs_dispatch__half_a_result);
    tcase_add_test(all, test_jobs_dispatch__without_retries_it_crashed_and_the_container_is_suspect);
    tcase_add_loop_test(all, test_jobs_dispatch__answers_that_are_none, 0, sizeof(answer_rows) / sizeof(answer_rows[0]));
    tcase_add_test(all, test_jobs_dispatch__killed_in_the_middle_the_next_one_takes_over);
    tcase_add_test(all, test_jobs_dispatch__ends_at_once_on_sigterm);
    tcase_add_test(all, test_jobs_dispatch__an_ended_session_keeps_its_verdict);
    tcase_add_test(all, test_jobs_dispatch__many_at_once_each_once);
    tcase_add_test(all, test_jobs_dispatch__beats);
    tcase_add_test(all, test_jobs_dispatch__a_result_is_kept_while_the_database_is_away);
    tcase_add_test(all, test_jobs_dispatch__starts_without_a_database_and_waits_for_it);
    suite_add_tcase(suite, all);
    return stage_main(srunner_create(suite));
}
