/* SPDX-License-Identifier: Apache-2.0 */
/* Moments that sandbox-dispatchd takes of an execution, and how they are stored. */
#include "config.h"

#include <check.h>
#include <string.h>

#include "lib/model/trace.h"
#include "lib/util/clock.h"
#include "tests/integration/dispatch_scene.h"

static char before[128]; /* as a web worker stores them */
static int64_t begun_us;

static void set_up(void)
{
    scene_set_up();
    begun_us = clock_wall_us();
    snprintf(before, sizeof(before), "{\"begun\":%lld,\"admitted\":%lld}", (long long)begun_us, (long long)begun_us + 1);
    stage.trace_json = before;
}

static void script(double start_ms, double duration_ms, double collect_ms)
{
    const struct wire_event events[] = {
        { .type = WIRE_STARTED },
        { .type = WIRE_RESULT, .result = { .start_ms = start_ms, .duration_ms = duration_ms, .collect_ms = collect_ms } },
    };
    stage_script(fake, events, 2, 0, FAKE_CLOSE);
}

static void script_broken(void)
{
    const struct wire_event events[] = { { .type = WIRE_STARTED } };
    stage_script(fake, events, 1, 5, FAKE_CLOSE);
}

/* Runs one, and reads its moments; false: it has none. */
static bool run(int64_t max_retries, enum execution_status expected, struct trace *out)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    struct err err = ERR_INIT;
    stage_execute(&stage, &session, "pass", max_retries, id);
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, expected);
    bool traced = execution.outcome.trace_json != NULL;
    if (traced)
        ck_assert_msg(trace_decode(execution.outcome.trace_json, out, &err) == 0, "%s: %s", execution.outcome.trace_json, err.text);
    execution_release(&execution);
    return traced;
}

/* In order, and nothing but what the dispatcher knows. */
static void expect_moments(const struct trace *trace)
{
    ck_assert_int_eq(trace->at[TRACE_BEGUN], begun_us);
    ck_assert_int_eq(trace->at[TRACE_ADMITTED], begun_us + 1);
    ck_assert_int_gt(trace->at[TRACE_HEARD], begun_us);
    ck_assert_int_gt(trace->at[TRACE_CLAIMED], trace->at[TRACE_HEARD]);
    ck_assert_int_gt(trace->at[TRACE_ANSWERED], trace->at[TRACE_CLAIMED]);
    ck_assert_int_le(trace->at[TRACE_ANSWERED], clock_wall_us());
    static const enum trace_moment others[] = { TRACE_RUNG, TRACE_MOVED_IN, TRACE_MOVED_OUT, TRACE_STORED, TRACE_WOKEN, TRACE_ENCODED };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert_int_eq(trace->at[others[i]], 0);
}

START_TEST(test_jobs_trace__is_stored_with_the_outcome)
{
    struct trace trace = { 0 };
    script(0.125, 1.5, 0.25);
    ck_assert(run(0, EXECUTION_COMPLETED, &trace));
    expect_moments(&trace);
    ck_assert_int_eq(trace.took[TRACE_START], 125);
    ck_assert_int_eq(trace.took[TRACE_RUN], 1500);
    ck_assert_int_eq(trace.took[TRACE_COLLECT], 250);
}
END_TEST

START_TEST(test_jobs_trace__an_older_executor_says_less)
{
    struct trace trace = { 0 };
    script(0, 1.5, 0);
    ck_assert(run(0, EXECUTION_COMPLETED, &trace));
    expect_moments(&trace);
    ck_assert_int_eq(trace.took[TRACE_START] + trace.took[TRACE_COLLECT], 0);
    ck_assert_int_eq(trace.took[TRACE_RUN], 1500);
}
END_TEST

START_TEST(test_jobs_trace__who_did_not_ask_has_none)
{
    struct trace trace;
    stage.trace_json = NULL;
    script(1, 1, 1);
    ck_assert(!run(0, EXECUTION_COMPLETED, &trace));
}
END_TEST

/* Of a lost one that is tried again, the second attempt's; of one that is not, those of its loss. */
START_TEST(test_jobs_trace__the_last_attempt_counts)
{
    char id[EXECUTION_ID_SIZE];
    struct execution execution = { 0 };
    struct trace trace = { 0 };
    struct err err = ERR_INIT;
    script_broken();
    ck_assert(run(0, EXECUTION_CRASHED, &trace));
    expect_moments(&trace);
    ck_assert_int_eq(trace.took[TRACE_RUN], 0);
    stage_sql(&stage, "UPDATE containers SET suspect = 0");
    size_t posts = fake_executor_posts(fake);
    stage_execute(&stage, &session, "pass", 1, id);
    stage_await_posts(fake, posts + 1);
    int64_t first = clock_wall_us();
    script(1, 1, 1);
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    ck_assert_int_eq(execution.attempts, 2);
    ck_assert_int_eq(trace_decode(execution.outcome.trace_json, &trace, &err), 0);
    expect_moments(&trace);
    ck_assert_int_gt(trace.at[TRACE_HEARD], first + 500000); /* it is due after a second */
    execution_release(&execution);
}
END_TEST

/* The executor will report by itself: what is known is stored when it is let go. */
START_TEST(test_jobs_trace__of_an_executor_that_pushes)
{
    static const char accepted[] = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n"
                                   "{\"status\":\"accepted\"}\n";
    char id[EXECUTION_ID_SIZE];
    fake_executor_script(fake, accepted, sizeof(accepted) - 1, FAKE_CLOSE);
    stage_execute(&stage, &session, "pass", 0, id);
    stage_await_count(&stage, "SELECT COUNT(*) FROM executions WHERE status = 'running' AND claimed_by IS NULL"
                              " AND trace_json LIKE '{\"begun\":%,\"heard\":%,\"claimed\":%}' AND trace_json NOT LIKE '%answered%'", 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jobs_trace");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, set_up, scene_tear_down);
    tcase_set_timeout(all, 120);
    tcase_add_test(all, test_jobs_trace__is_stored_with_the_outcome);
    tcase_add_test(all, test_jobs_trace__an_older_executor_says_less);
    tcase_add_test(all, test_jobs_trace__who_did_not_ask_has_none);
    tcase_add_test(all, test_jobs_trace__the_last_attempt_counts);
    tcase_add_test(all, test_jobs_trace__of_an_executor_that_pushes);
    suite_add_tcase(suite, all);
    return stage_main(srunner_create(suite));
}
