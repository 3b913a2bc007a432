/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-dispatchd and an executor that accepts executions (202) and reports by itself. */
#include "config.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "lib/repo/push_repo.h"
#include "lib/service/cancelling.h"
#include "lib/util/clock.h"
#include "tests/integration/dispatch_scene.h"

static void set_up(void)
{
    static const char accepted[] = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n"
                                   "{\"status\":\"accepted\"}\n";
    scene_set_up();
    fake_executor_script(fake, accepted, sizeof(accepted) - 1, FAKE_CLOSE);
}

/* An execution that the executor has accepted. */
static void accept_one(int64_t max_retries, char id[EXECUTION_ID_SIZE])
{
    stage_execute(&stage, &session, "pass", max_retries, id);
    stage_await_count(&stage, "SELECT COUNT(*) FROM executions WHERE status = 'running' AND claimed_by IS NULL"
                              " AND pushed_until BETWEEN UTC_TIMESTAMP(3) + INTERVAL 20 SECOND AND UTC_TIMESTAMP(3) + INTERVAL 41 SECOND"
                              " AND due_at BETWEEN UTC_TIMESTAMP(3) AND UTC_TIMESTAMP(3) + INTERVAL 15 SECOND", 1);
    ck_assert_uint_eq(fake_executor_posts(fake), 1);
}

static void fall_silent(void)
{
    stage_sql(&stage, "UPDATE executions SET due_at = UTC_TIMESTAMP(3)");
}

static void expect_end(const char *id, enum execution_status status, const char *kind)
{
    struct execution execution = { 0 };
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, status);
    ck_assert_str_eq(execution.outcome.error_kind, kind);
    execution_release(&execution);
}

/* It is not sent again while its lease runs, not even by the next dispatcher. */
START_TEST(test_jobs_push__accepted_is_let_go)
{
    char id[EXECUTION_ID_SIZE];
    accept_one(3, id);
    stage_stop(dispatchd, SIGKILL);
    dispatchd = stage_start(&stage, "dispatchd");
    poll(NULL, 0, 1000);
    ck_assert_uint_eq(fake_executor_posts(fake), 1);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM executions WHERE status = 'running' AND claimed_by IS NULL"), 1);
}
END_TEST

START_TEST(test_jobs_push__silence_is_a_loss)
{
    char id[EXECUTION_ID_SIZE];
    accept_one(0, id);
    fall_silent();
    expect_end(id, EXECUTION_CRASHED, "crashed");
    ck_assert_uint_eq(fake_executor_posts(fake), 1);
}
END_TEST

START_TEST(test_jobs_push__silence_is_tried_again)
{
    char id[EXECUTION_ID_SIZE];
    accept_one(1, id);
    fall_silent();
    stage_await_count(&stage, "SELECT COUNT(*) FROM executions WHERE status = 'pending' AND pushed_until IS NULL AND attempts = 1", 1);
    stage_await_posts(fake, 2);
    stage_await_count(&stage, "SELECT COUNT(*) FROM executions WHERE status = 'running' AND claimed_by IS NULL AND attempts = 2", 1);
}
END_TEST

START_TEST(test_jobs_push__heartbeats_end_with_the_time_limit)
{
    char id[EXECUTION_ID_SIZE];
    struct err err = ERR_INIT;
    accept_one(3, id);
    stage_sql(&stage, "UPDATE executions SET pushed_until = UTC_TIMESTAMP(3)");
    int64_t seq = stage_count(&stage, "SELECT seq FROM executions");
    ck_assert_int_eq(push_repo_beat(stage.context.db, seq, &err), 0);
    expect_end(id, EXECUTION_TIMEOUT, "timeout");
    for (int64_t end = clock_mono_ms() + 5000; fake_executor_cancels(fake) == 0 && clock_mono_ms() < end;)
        poll(NULL, 0, 5);
    ck_assert_uint_ge(fake_executor_cancels(fake), 1);
    ck_assert_uint_eq(fake_executor_posts(fake), 1);
}
END_TEST

START_TEST(test_jobs_push__cancelled)
{
    char id[EXECUTION_ID_SIZE];
    struct err err = ERR_INIT;
    struct execution execution = { 0 };
    accept_one(3, id);
    ck_assert_int_eq(execution_service_cancel(&stage.context, "tester", id, &execution, &err), 0);
    execution_release(&execution);
    for (int64_t end = clock_mono_ms() + 5000; fake_executor_cancels(fake) == 0 && clock_mono_ms() < end;)
        poll(NULL, 0, 5);
    ck_assert_uint_ge(fake_executor_cancels(fake), 1);
    fall_silent();
    expect_end(id, EXECUTION_CANCELLED, "cancelled");
    poll(NULL, 0, 1500); /* a retry, were there one, would come after a second */
    ck_assert_uint_eq(fake_executor_posts(fake), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jobs_push");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, set_up, scene_tear_down);
    tcase_set_timeout(all, 120);
    tcase_add_test(all, test_jobs_push__accepted_is_let_go);
    tcase_add_test(all, test_jobs_push__silence_is_a_loss);
    tcase_add_test(all, test_jobs_push__silence_is_tried_again);
    tcase_add_test(all, test_jobs_push__heartbeats_end_with_the_time_limit);
    tcase_add_test(all, test_jobs_push__cancelled);
    suite_add_tcase(suite, all);
    return stage_main(srunner_create(suite));
}
