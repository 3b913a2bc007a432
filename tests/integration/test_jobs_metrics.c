/* SPDX-License-Identifier: Apache-2.0 */
/* What the jobs count, over their deaths. */
#include "config.h"

#include <check.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#include "lib/service/metrics.h"
#include "lib/service/sessions.h"
#include "tests/integration/jobs_stage.h"

static struct stage stage;
static struct session session;
static struct container container;
static char socket_path[256];
static struct fake_executor *fake;

static void set_up(void)
{
    stage_open(&stage, NULL);
    stage_add_running(&stage, &session, &container, socket_path);
    fake = fake_executor_start(socket_path);
}

static void tear_down(void)
{
    fake_executor_stop(fake);
    session_release(&session);
    container_release(&container);
    stage_close(&stage);
}

static double value(const char *series)
{
    struct err err = ERR_INIT;
    cleanup_strbuf struct strbuf text = STRBUF_INIT(1024 * 1024);
    ck_assert_int_eq(metrics_service_counters(&stage.context, &text, &err), 0);
    char *found = strstr(strbuf_str(&text), series);
    ck_assert_msg(found && (found[strlen(series)] == ' '), "no %s in %s", series, strbuf_str(&text));
    return strtod(found + strlen(series), NULL);
}
#define IS(series, expected) ck_assert_double_eq_tol(value("\n" series), expected, 1e-9)

static void script_answer(double duration_ms)
{
    const struct wire_event events[] = {
        { .type = WIRE_STARTED },
        { .type = WIRE_RESULT, .result = { .return_json = (char[]){ "1" }, .duration_ms = duration_ms } },
    };
    stage_script(fake, events, 2, 0, FAKE_CLOSE);
}

static void script_started(enum fake_ending ending)
{
    const struct wire_event events[] = { { .type = WIRE_STARTED } };
    stage_script(fake, events, 1, 5, ending);
}

static void run(int64_t max_retries, enum execution_status expected)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    stage_execute(&stage, &session, "pass", max_retries, id);
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, expected);
    execution_release(&execution);
}

START_TEST(test_jobs_metrics__executions_by_what_came_of_them)
{
    pid_t dispatchd = stage_start(&stage, "dispatchd");
    script_answer(250);
    run(0, EXECUTION_COMPLETED);
    script_started(FAKE_CLOSE);
    run(1, EXECUTION_CRASHED);
    stage_stop(dispatchd, SIGTERM); /* what it counts, it counts after the commit that we saw */
    IS("sandbox_executions_total{language=\"python\",status=\"completed\"}", 1);
    IS("sandbox_executions_total{language=\"python\",status=\"crashed\"}", 1);
    IS("sandbox_executions_total{language=\"python\",status=\"failed\"}", 0);
    IS("sandbox_execution_retries_total", 1);
    IS("sandbox_execution_duration_seconds_sum{language=\"python\"}", 0.25);
    IS("sandbox_execution_duration_seconds_count{language=\"python\"}", 1); /* the crashed one has none */
    IS("sandbox_execution_queue_wait_seconds_count", 2); /* a retry waits for its own reasons */
    IS("sandbox_dispatch_step_seconds_count{step=\"claim\"}", 3);
    IS("sandbox_dispatch_step_seconds_count{step=\"executor\"}", 0); /* it cannot have run longer than we waited for it */
    IS("sandbox_dispatch_step_seconds_count{step=\"store\"}", 3);
}
END_TEST

START_TEST(test_jobs_metrics__steps_of_the_dispatcher)
{
    pid_t dispatchd = stage_start(&stage, "dispatchd");
    script_answer(0);
    for (int i = 0; i < 3; i++)
        run(0, EXECUTION_COMPLETED);
    stage_stop(dispatchd, SIGTERM);
    static const char *const steps[] = { "claim", "executor", "store" };
    for (size_t i = 0; i < 3; i++) {
        char series[96];
        snprintf(series, sizeof(series), "\nsandbox_dispatch_step_seconds_count{step=\"%s\"}", steps[i]);
        ck_assert_double_eq_tol(value(series), 3, 1e-9);
        snprintf(series, sizeof(series), "\nsandbox_dispatch_step_seconds_sum{step=\"%s\"}", steps[i]);
        ck_assert_double_gt(value(series), 0);
        ck_assert_double_lt(value(series), 60);
    }
}
END_TEST

START_TEST(test_jobs_metrics__waiting_is_measured_by_the_database)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    script_answer(1);
    stage_execute(&stage, &session, "pass", 0, id);
    stage_sql(&stage, "UPDATE executions SET created_at = UTC_TIMESTAMP(3) - INTERVAL 100 SECOND");
    pid_t dispatchd = stage_start(&stage, "dispatchd");
    stage_await_execution(&stage, id, &execution);
    stage_stop(dispatchd, SIGTERM);
    execution_release(&execution);
    IS("sandbox_execution_queue_wait_seconds_bucket{le=\"30\"}", 0);
    IS("sandbox_execution_queue_wait_seconds_bucket{le=\"+Inf\"}", 1);
    ck_assert_double_ge(value("\nsandbox_execution_queue_wait_seconds_sum"), 100);
}
END_TEST

START_TEST(test_jobs_metrics__a_killed_dispatcher_loses_no_count)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    pid_t dispatchd = stage_start(&stage, "dispatchd");
    script_answer(1);
    run(0, EXECUTION_COMPLETED);
    script_started(FAKE_STALL);
    stage_execute(&stage, &session, "pass", 0, id);
    stage_await_posts(fake, 2);
    stage_stop(dispatchd, SIGKILL);
    IS("sandbox_executions_total{language=\"python\",status=\"completed\"}", 1);
    script_answer(1);
    dispatchd = stage_start(&stage, "dispatchd");
    stage_await_execution(&stage, id, &execution);
    stage_stop(dispatchd, SIGTERM);
    execution_release(&execution);
    IS("sandbox_executions_total{language=\"python\",status=\"completed\"}", 2);
    IS("sandbox_execution_queue_wait_seconds_count", 2); /* the take-over is no second wait */
}
END_TEST

/* Executions of a session that ends are counted by whoever ends it. */
START_TEST(test_jobs_metrics__ended_by_reap)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    stage_execute(&stage, &session, "pass", 0, id);
    stage_sql(&stage, "UPDATE sessions SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND");
    pid_t reap = stage_start(&stage, "reap");
    stage_await_execution(&stage, id, &execution);
    stage_stop(reap, SIGTERM);
    execution_release(&execution);
    IS("sandbox_executions_total{language=\"python\",status=\"failed\"}", 1);
    IS("sandbox_job_steps_failed_total{job=\"reap\"}", 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jobs_metrics");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_set_timeout(all, 120);
    tcase_add_test(all, test_jobs_metrics__executions_by_what_came_of_them);
    tcase_add_test(all, test_jobs_metrics__steps_of_the_dispatcher);
    tcase_add_test(all, test_jobs_metrics__waiting_is_measured_by_the_database);
    tcase_add_test(all, test_jobs_metrics__a_killed_dispatcher_loses_no_count);
    tcase_add_test(all, test_jobs_metrics__ended_by_reap);
    suite_add_tcase(suite, all);
    return stage_main(srunner_create(suite));
}
