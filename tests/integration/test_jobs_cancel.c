/* SPDX-License-Identifier: Apache-2.0 */
/* Cancelling as sandbox-dispatchd does it, with an executor that does what the test says. */
#include "config.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "lib/service/cancelling.h"
#include "lib/service/reap.h"
#include "lib/util/clock.h"
#include "tests/integration/dispatch_scene.h"

/* Begins, says something, and goes on as `rest` says once it is cancelled. */
static void script_endless(const struct wire_event *rest)
{
    const struct wire_event events[] = {
        { .type = WIRE_STARTED },
        { .type = WIRE_STDOUT, .data = (char *)"so far\n", .data_len = 7 },
    };
    stage_script(fake, events, 2, 5, FAKE_STALL);
    stage_script_cancelled(fake, rest, 1);
}

static const struct wire_event killed = {
    .type = WIRE_RESULT,
    .result = { .failure = WIRE_FAILURE_CANCELLED, .exit_code = -1, .message = (char *)"The execution was cancelled." },
};
static const struct wire_event finished = { .type = WIRE_RESULT, .result = { .return_json = (char *)"7" } };

static enum execution_status cancel(const char *id)
{
    struct err err = ERR_INIT;
    struct execution execution = { 0 };
    ck_assert_msg(execution_service_cancel(&stage.context, "tester", id, &execution, &err) == 0, "%s %s", err.text,
                  err.detail);
    enum execution_status status = execution.status;
    execution_release(&execution);
    return status;
}

static void expect_refused(const char *id, const char *how)
{
    struct err err = ERR_INIT;
    struct execution execution = { 0 };
    ck_assert_int_eq(execution_service_cancel(&stage.context, "tester", id, &execution, &err), -1);
    ck_assert_int_eq(err.code, ERR_CONFLICT);
    ck_assert_msg(strstr(err.text, how) != NULL, "%s", err.text);
}

static void no_report(enum log_level level, const char *event, const struct err *err, const char *name, const char *id)
{
    (void)level, (void)event, (void)err, (void)name, (void)id;
}

START_TEST(test_jobs_cancel__a_running_one_keeps_its_output)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    struct err err = ERR_INIT;
    struct reap_done done;
    script_endless(&killed);
    stage_execute(&stage, &session, "pass", 3, id);
    stage_await_posts(fake, 1);
    int64_t begun = clock_mono_ms();
    ck_assert_int_eq(cancel(id), EXECUTION_RUNNING);
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_lt(clock_mono_ms() - begun, 5000);
    ck_assert_int_eq(execution.status, EXECUTION_CANCELLED);
    ck_assert_str_eq(execution.outcome.error_kind, "cancelled");
    ck_assert_str_eq(execution.outcome.stdout_text, "so far\n");
    ck_assert_int_eq(execution.outcome.exit_code, -1);
    ck_assert_uint_eq(fake_executor_posts(fake), 1);
    execution_release(&execution);
    ck_assert_int_eq(cancel(id), EXECUTION_CANCELLED);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM cancellations"), 1);
    ck_assert_int_eq(reap_pass(&stage.context, no_report, &done, &err), 0);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM cancellations"), 0);
}
END_TEST

START_TEST(test_jobs_cancel__what_ended_by_itself_stands)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    script_endless(&finished);
    stage_execute(&stage, &session, "pass", 3, id);
    stage_await_posts(fake, 1);
    ck_assert_int_eq(cancel(id), EXECUTION_RUNNING);
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    ck_assert_str_eq(execution.outcome.return_json, "7");
    execution_release(&execution);
    expect_refused(id, "completed");
}
END_TEST

/* With retries left, and without. */
START_TEST(test_jobs_cancel__a_lost_executor_leaves_it_cancelled)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    script_endless(&killed);
    fake_executor_on_cancel(fake, "", 0); /* the stream ends without a result */
    stage_execute(&stage, &session, "pass", _i, id);
    stage_await_posts(fake, 1);
    ck_assert_int_eq(cancel(id), EXECUTION_RUNNING);
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_CANCELLED);
    ck_assert_str_eq(execution.outcome.error_kind, "cancelled");
    ck_assert_int_eq(execution.attempts, 1);
    execution_release(&execution);
    poll(NULL, 0, 1500); /* a retry, were there one, would come after a second */
    ck_assert_uint_eq(fake_executor_posts(fake), 1);
}
END_TEST

START_TEST(test_jobs_cancel__one_that_waits_for_a_retry_does_not_run_again)
{
    char id[EXECUTION_ID_SIZE];
    script_endless(&killed);
    fake_executor_script(fake, "", 0, FAKE_CLOSE);
    stage_execute(&stage, &session, "pass", 3, id);
    stage_await_count(&stage, "SELECT COUNT(*) FROM executions WHERE status = 'pending' AND attempts = 1", 1);
    ck_assert_int_eq(cancel(id), EXECUTION_CANCELLED);
    poll(NULL, 0, 1500);
    ck_assert_uint_eq(fake_executor_posts(fake), 1);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM executions WHERE status = 'cancelled' AND attempts = 1"), 1);
}
END_TEST

/* The request is stored, and nobody is there who could have heard of it. */
START_TEST(test_jobs_cancel__killed_in_between_the_next_dispatcher_carries_on)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    script_endless(&killed);
    stage_execute(&stage, &session, "pass", 3, id);
    stage_await_posts(fake, 1);
    stage_stop(dispatchd, SIGKILL);
    ck_assert_int_eq(cancel(id), EXECUTION_RUNNING);
    dispatchd = stage_start(&stage, "dispatchd");
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_CANCELLED);
    ck_assert_str_eq(execution.outcome.stdout_text, "so far\n");
    ck_assert_int_eq(execution.attempts, 1);
    execution_release(&execution);
}
END_TEST

/* The executor does not know the execution yet, or the call is lost: it is told again. */
START_TEST(test_jobs_cancel__it_is_told_again)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    script_endless(&killed);
    fake_executor_hold(fake, true);
    stage_execute(&stage, &session, "pass", 0, id);
    stage_await_posts(fake, 1);
    ck_assert_int_eq(cancel(id), EXECUTION_RUNNING);
    for (int64_t end = clock_mono_ms() + 10000; fake_executor_cancels(fake) == 0 && clock_mono_ms() < end; poll(NULL, 0, 5))
        continue;
    fake_executor_hold(fake, false);
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_CANCELLED);
    ck_assert_uint_ge(fake_executor_cancels(fake), 2);
    ck_assert_uint_le(fake_executor_cancels(fake), 5); /* but not at every look */
    execution_release(&execution);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jobs_cancel");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, scene_set_up, scene_tear_down);
    tcase_set_timeout(all, 120);
    tcase_add_test(all, test_jobs_cancel__a_running_one_keeps_its_output);
    tcase_add_test(all, test_jobs_cancel__what_ended_by_itself_stands);
    tcase_add_loop_test(all, test_jobs_cancel__a_lost_executor_leaves_it_cancelled, 0, 2);
    tcase_add_test(all, test_jobs_cancel__one_that_waits_for_a_retry_does_not_run_again);
    tcase_add_test(all, test_jobs_cancel__killed_in_between_the_next_dispatcher_carries_on);
    tcase_add_test(all, test_jobs_cancel__it_is_told_again);
    suite_add_tcase(suite, all);
    return stage_main(srunner_create(suite));
}
