/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox-dispatchd and what is stored for it, with words that are lost and dispatchers that die. */
#include "config.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/repo/execution_repo.h"
#include "lib/service/dispatch_bell.h"
#include "lib/service/served_settings.h"
#include "lib/util/clock.h"
#include "lib/util/id.h"
#include "tests/integration/dispatch_scene.h"

#define OFFERS "SELECT COUNT(*) FROM dispatchers WHERE takes_until > UTC_TIMESTAMP(3)"
#define OPEN_FOR_IT "SELECT COUNT(*) FROM executions WHERE status = 'running' AND claimed_by IS NOT NULL"

static void script_answer(const char *value)
{
    const struct wire_event events[] = {
        { .type = WIRE_STARTED },
        { .type = WIRE_RESULT, .result = { .return_json = (char *)value, .duration_ms = 1.5, .cpu_time_ms = 1 } },
    };
    stage_script(fake, events, 2, 0, FAKE_CLOSE);
}

/* Stored, but nobody is told. */
static struct submit_result submit_silently(struct execution *out)
{
    struct submit_result submitted;
    struct err err = ERR_INIT;
    char random[EXECUTION_ID_RANDOM + 1], host[NODE_ID_SIZE];
    *out = (struct execution){ .language = LANGUAGE_PYTHON, .code = (char *)"pass", .timeout_s = 10 };
    id_random(random, EXECUTION_ID_RANDOM);
    memcpy(out->session_id, session.id, sizeof(out->session_id));
    memcpy(out->owner, session.owner, sizeof(out->owner));
    node_own_id(stage.settings, host);
    ck_assert_msg(execution_repo_submit(stage.context.db, random, host, out, &submitted, &err) == 0, "%s %s", err.text, err.detail);
    ck_assert(submitted.stored);
    return submitted;
}

static struct execution await_completed(const char *id)
{
    struct execution execution = { 0 };
    stage_await_execution(&stage, id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_COMPLETED);
    ck_assert_int_eq(execution.attempts, 1);
    return execution;
}

START_TEST(test_jobs_assigned__what_is_stored_for_it_runs_once)
{
    struct execution stored;
    stage_await_count(&stage, OFFERS, 1);
    script_answer("1");
    struct submit_result submitted = submit_silently(&stored);
    ck_assert(submitted.assigned);
    for (int i = 0; i < 3; i++) /* more than once, as networks do */
        dispatch_bell_submitted(&stage.context, stored.seq, &submitted);
    struct execution execution = await_completed(stored.id);
    execution_release(&execution);
    poll(NULL, 0, 1000); /* until it has looked for what is its own */
    ck_assert_uint_eq(fake_executor_posts(fake), 1);
}
END_TEST

START_TEST(test_jobs_assigned__a_word_that_is_lost_costs_a_moment)
{
    struct execution stored;
    stage_await_count(&stage, OFFERS, 1);
    script_answer("1");
    ck_assert(submit_silently(&stored).assigned);
    int64_t begun = clock_mono_ms();
    struct execution execution = await_completed(stored.id);
    execution_release(&execution);
    ck_assert_int_lt(clock_mono_ms() - begun, EXECUTION_LEASE_MS / 4); /* and not a lease */
}
END_TEST

START_TEST(test_jobs_assigned__what_a_dead_one_was_given_the_next_takes)
{
    struct execution stored;
    stage_await_count(&stage, OFFERS, 1);
    stage_stop(dispatchd, SIGKILL);
    script_answer("1");
    struct submit_result submitted = submit_silently(&stored);
    ck_assert(submitted.assigned); /* nobody knows yet */
    dispatch_bell_submitted(&stage.context, stored.seq, &submitted);
    dispatchd = stage_start(&stage, "dispatchd");
    int64_t begun = clock_mono_ms();
    struct execution execution = await_completed(stored.id);
    execution_release(&execution);
    ck_assert_int_lt(clock_mono_ms() - begun, EXECUTION_LEASE_MS / 2); /* it need not wait for the lease's end */
}
END_TEST

START_TEST(test_jobs_assigned__one_that_stops_is_given_nothing)
{
    struct execution stored;
    stage_await_count(&stage, OFFERS, 1);
    stage_stop(dispatchd, SIGTERM);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM dispatchers"), 0);
    ck_assert(!submit_silently(&stored).assigned);
    script_answer("1");
    dispatchd = stage_start(&stage, "dispatchd");
    struct execution execution = await_completed(stored.id);
    execution_release(&execution);
}
END_TEST

START_TEST(test_jobs_assigned__one_that_nobody_can_ring_is_given_nothing)
{
    static const char *const once[] = { "--once", NULL }, *const none[] = { NULL };
    stage_await_count(&stage, OFFERS, 1);
    stage_stop(dispatchd, SIGTERM);
    dispatchd = stage_start_with(&stage, "dispatchd", once, none);
    stage_await_count(&stage, "SELECT COUNT(*) FROM jobs WHERE name = 'dispatchd' AND instance LIKE '%:once'", 1);
    ck_assert_int_eq(stage_count(&stage, "SELECT COUNT(*) FROM dispatchers"), 0);
}
END_TEST

START_TEST(test_jobs_assigned__waits_for_its_place_if_that_is_gone)
{
    struct execution stored;
    stage_await_count(&stage, OFFERS, 1);
    script_answer("1");
    struct submit_result submitted = submit_silently(&stored);
    stage_sql(&stage, "UPDATE containers SET status = 'creating'");
    dispatch_bell_submitted(&stage.context, stored.seq, &submitted);
    stage_await_count(&stage, "SELECT COUNT(*) FROM executions WHERE status = 'pending' AND attempts = 0", 1);
    ck_assert_uint_eq(fake_executor_posts(fake), 0);
    stage_sql(&stage, "UPDATE containers SET status = 'running'");
    struct execution execution = await_completed(stored.id);
    execution_release(&execution);
}
END_TEST

START_TEST(test_jobs_assigned__cancelled_before_it_was_heard_of)
{
    const struct wire_event started[] = { { .type = WIRE_STARTED } };
    const struct wire_event killed[] = {
        { .type = WIRE_RESULT, .result = { .failure = WIRE_FAILURE_CANCELLED, .exit_code = -1, .message = (char *)"killed" } },
    };
    struct execution stored, execution = { 0 };
    stage_await_count(&stage, OFFERS, 1);
    stage_script(fake, started, 1, 5, FAKE_STALL);
    stage_script_cancelled(fake, killed, 1);
    ck_assert(submit_silently(&stored).assigned);
    char sql[128];
    snprintf(sql, sizeof(sql), "INSERT INTO cancellations (execution_seq, requested_at) VALUES (%lld, UTC_TIMESTAMP(3))", (long long)stored.seq);
    stage_sql(&stage, sql);
    stage_await_execution(&stage, stored.id, &execution);
    ck_assert_int_eq(execution.status, EXECUTION_CANCELLED);
    execution_release(&execution);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jobs_assigned");
    TCase *tcase = tcase_create("assigned");
    tcase_add_checked_fixture(tcase, scene_set_up, scene_tear_down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_jobs_assigned__what_is_stored_for_it_runs_once);
    tcase_add_test(tcase, test_jobs_assigned__a_word_that_is_lost_costs_a_moment);
    tcase_add_test(tcase, test_jobs_assigned__what_a_dead_one_was_given_the_next_takes);
    tcase_add_test(tcase, test_jobs_assigned__one_that_stops_is_given_nothing);
    tcase_add_test(tcase, test_jobs_assigned__one_that_nobody_can_ring_is_given_nothing);
    tcase_add_test(tcase, test_jobs_assigned__waits_for_its_place_if_that_is_gone);
    tcase_add_test(tcase, test_jobs_assigned__cancelled_before_it_was_heard_of);
    suite_add_tcase(suite, tcase);
    return stage_main(srunner_create(suite));
}
