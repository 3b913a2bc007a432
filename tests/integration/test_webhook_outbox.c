/* SPDX-License-Identifier: Apache-2.0 */
/* Each way in which sandbox-dispatchd and sandbox-reap end things leaves one webhook, and sandbox-webhookd, killed or not, tells it. */
#include "config.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/service/cancelling.h"
#include "lib/service/reap.h"
#include "lib/util/clock.h"
#include "tests/fakes/receiver.h"
#include "tests/integration/dispatch_scene.h"

static void set_up(void)
{
    scene_set_up();
    stage.callback_url = "http://127.0.0.1:1024/hook";
}

static void no_report(enum log_level level, const char *event, const struct err *err, const char *name, const char *id)
{
    (void)level, (void)event, (void)err, (void)name, (void)id;
}

static void script_result(enum wire_failure failure)
{
    const struct wire_event events[] = {
        { .type = WIRE_STARTED },
        { .type = WIRE_RESULT, .result = { .failure = failure, .return_json = failure ? NULL : (char *)"1", .message = (char *)"why" } },
    };
    stage_script(fake, events, 2, 0, FAKE_CLOSE);
}

static void run(int64_t max_retries)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    stage_execute(&stage, &session, "pass", max_retries, id);
    stage_await_execution(&stage, id, &execution);
    execution_release(&execution);
}

/* There is one row in all, and it is that. */
static void expect_one(const char *event)
{
    char sql[256];
    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM webhooks w JOIN executions e ON e.id = w.object_id AND w.id = CONCAT('msg_', e.id)"
                               " WHERE w.event = '%s' AND w.status = 'waiting' AND w.attempts = 0 AND w.host = '127.0.0.1'", event);
    ck_assert_msg(stage_count(&stage, sql) == 1, "no %s", event);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM webhooks"), 1);
}

static const struct {
    enum wire_failure failure;
    const char *event;
} results[] = {
    { WIRE_FAILURE_NONE, "execution.completed" },
    { WIRE_FAILURE_EXCEPTION, "execution.failed" },
    { WIRE_FAILURE_TIMEOUT, "execution.timeout" },
    { WIRE_FAILURE_CANCELLED, "execution.cancelled" },
};

START_TEST(test_webhook_outbox__results)
{
    script_result(results[_i].failure);
    run(0);
    expect_one(results[_i].event);
}
END_TEST

START_TEST(test_webhook_outbox__without_a_url_there_is_none)
{
    stage.callback_url = NULL;
    script_result(WIRE_FAILURE_NONE);
    run(0);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM webhooks"), 0);
}
END_TEST

/* The deliverer is rung, after the commit. */
START_TEST(test_webhook_outbox__rings)
{
    struct err err = ERR_INIT;
    cleanup_fd int bell = doorbell_open(stage.settings->doorbell.webhookd, NULL, &err);
    struct pollfd ring = { .fd = bell, .events = POLLIN };
    script_result(WIRE_FAILURE_NONE);
    run(0);
    ck_assert_int_eq(poll(&ring, 1, 5000), 1);
    expect_one("execution.completed");
}
END_TEST

START_TEST(test_webhook_outbox__only_the_last_try_counts)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    fake_executor_script(fake, "", 0, FAKE_CLOSE);
    stage_execute(&stage, &session, "pass", 1, id);
    stage_await_count(&stage, "SELECT COUNT(*) FROM executions WHERE status = 'pending' AND attempts = 1", 1);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM webhooks"), 0);
    stage_sql(&stage, "UPDATE executions SET due_at = UTC_TIMESTAMP(3)");
    stage_await_execution(&stage, id, &execution);
    execution_release(&execution);
    expect_one("execution.crashed");
}
END_TEST

/* What is lost and was to be cancelled ends as that, once. */
START_TEST(test_webhook_outbox__lost_and_cancelled)
{
    char id[EXECUTION_ID_SIZE];
    struct err err = ERR_INIT;
    struct execution execution = { 0 };
    const struct wire_event started = { .type = WIRE_STARTED };
    stage_script(fake, &started, 1, 5, FAKE_STALL);
    fake_executor_on_cancel(fake, "", 0);
    stage_execute(&stage, &session, "pass", _i, id);
    stage_await_posts(fake, 1);
    ck_assert_int_eq(execution_service_cancel(&stage.context, "tester", id, &execution, &err), 0);
    execution_release(&execution);
    stage_await_execution(&stage, id, &execution);
    execution_release(&execution);
    expect_one("execution.cancelled");
}
END_TEST

START_TEST(test_webhook_outbox__cancelled_while_it_waits)
{
    char id[EXECUTION_ID_SIZE];
    struct err err = ERR_INIT;
    struct execution execution = { 0 };
    session.status = SESSION_CREATING; /* so that no dispatcher takes it */
    stage_execute(&stage, &session, "pass", 0, id);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(execution_service_cancel(&stage.context, "tester", id, &execution, &err), 0);
        execution_release(&execution);
    }
    expect_one("execution.cancelled");
}
END_TEST

/* A session and all it holds: those that run, those that wait; what has ended before is told already. */
START_TEST(test_webhook_outbox__a_session_past_its_time)
{
    char id[EXECUTION_ID_SIZE];
    struct err err = ERR_INIT;
    struct reap_done done = { 0 };
    script_result(WIRE_FAILURE_NONE);
    run(0);
    const struct wire_event started = { .type = WIRE_STARTED };
    stage_script(fake, &started, 1, 5, FAKE_STALL);
    for (int i = 0; i < 5; i++)
        stage_execute(&stage, &session, "pass", 0, id);
    stage.callback_url = NULL;
    stage_execute(&stage, &session, "pass", 0, id);
    stage_await_count(&stage, "SELECT COUNT(*) FROM executions WHERE status = 'running'", 4);
    stage_sql(&stage, "UPDATE sessions SET callback_url = 'https://[2001:db8::1]:8443/hook?a=b', expires_at = UTC_TIMESTAMP(3)");
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(reap_pass(&stage.context, no_report, &done, &err), 0);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM webhooks WHERE event = 'execution.completed'"), 1);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM webhooks WHERE event = 'execution.failed'"), 5);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM webhooks w JOIN sessions s ON s.id = w.object_id AND s.owner = w.owner"
                                         " WHERE event = 'session.timeout' AND w.url = s.callback_url AND w.host = '[2001:db8::1]'"), 1);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM webhooks"), 7);
}
END_TEST

/* In mid-delivery; the next one sends again, under the same id. */
START_TEST(test_webhook_outbox__webhookd_killed_in_mid_delivery)
{
    struct receiver_fake *receiver = receiver_start();
    char url[64], sql[160];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/hang", receiver_port(receiver));
    stage.callback_url = url;
    pid_t webhookd = stage_start(&stage, "webhookd");
    script_result(WIRE_FAILURE_NONE);
    run(0);
    for (int64_t end = clock_mono_ms() + 10000; receiver_hanging(receiver) == 0 && clock_mono_ms() < end; poll(NULL, 0, 5))
        continue;
    ck_assert_int_eq(receiver_hanging(receiver), 1);
    stage_stop(webhookd, SIGKILL);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM webhooks WHERE status = 'waiting' AND claimed_by IS NOT NULL"), 1);
    snprintf(sql, sizeof(sql), "UPDATE webhooks SET url = 'http://127.0.0.1:%d/ok'", receiver_port(receiver));
    stage_sql(&stage, sql);
    webhookd = stage_start(&stage, "webhookd");
    stage_await_count(&stage, "SELECT COUNT(*) FROM webhooks WHERE status = 'delivered' AND attempts = 2", 1);
    ck_assert_int_eq(receiver_seen(receiver, "webhook-id: msg_exec_"), 2);
    stage_stop(webhookd, SIGTERM);
    receiver_stop(receiver);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("webhook_outbox");
    TCase *tcase = tcase_create("webhook_outbox");
    tcase_add_checked_fixture(tcase, set_up, scene_tear_down);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, test_webhook_outbox__results, 0, sizeof(results) / sizeof(results[0]));
    tcase_add_test(tcase, test_webhook_outbox__without_a_url_there_is_none);
    tcase_add_test(tcase, test_webhook_outbox__rings);
    tcase_add_test(tcase, test_webhook_outbox__only_the_last_try_counts);
    tcase_add_loop_test(tcase, test_webhook_outbox__lost_and_cancelled, 0, 2);
    tcase_add_test(tcase, test_webhook_outbox__cancelled_while_it_waits);
    tcase_add_test(tcase, test_webhook_outbox__a_session_past_its_time);
    tcase_add_test(tcase, test_webhook_outbox__webhookd_killed_in_mid_delivery);
    return stage_main(srunner_create(suite));
}
