/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of executions: order, fairness, leases, exactly-once claims, ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/repo/execution_repo.h"
#include "lib/repo/session_repo.h"
#include "tests/integration/db_fixture.h"

static size_t claim(const char *claimed_by, int64_t limit, struct claim_list *out)
{
    struct err err = ERR_INIT;
    OK(execution_repo_claim(fixture_db, claimed_by, NULL, limit, out, NULL, &err));
    return out->count;
}

static size_t claim_count(const char *claimed_by, int64_t limit)
{
    cleanup(claim_list_release) struct claim_list claims = { 0 };
    return claim(claimed_by, limit, &claims);
}

/* Executions "e0".."eN" of one session, the oldest first. */
static void queue(const char *session_id, int count)
{
    for (int i = 0; i < count; i++) {
        char id[EXECUTION_ID_SIZE];
        snprintf(id, sizeof(id), "%.10s.%d", session_id, i);
        fixture_execution(id, session_id, true);
    }
}

START_TEST(test_execution_repo__claim_brings_all_a_dispatcher_needs)
{
    struct err err = ERR_INIT;
    cleanup(claim_list_release) struct claim_list claims = { 0 };
    fixture_session("s1", "me", SESSION_RUNNING);
    struct submit_result submitted;
    struct execution execution = { .session_id = "s1", .owner = "me", .language = LANGUAGE_SHELL,
                                   .code = (char *)"echo 'ü'", .event_json = (char *)"{\"n\":12345678901234567890.10}",
                                   .env_json = (char *)"{\"B\":\"2\"}", .timeout_s = 7, .max_retries = 2, .notify = "127.0.0.1:9" };
    OK(execution_repo_submit(fixture_db, "abcdefgh", "n1", &execution, &submitted, &err));
    ck_assert(submitted.stored && execution.runnable && !submitted.touch_due && !submitted.assigned);
    ck_assert_uint_eq(claim("d1", 10, &claims), 1);
    const struct execution_claim *got = &claims.items[0];
    ck_assert_str_eq(got->execution.id, execution.id);
    ck_assert(got->execution.seq == execution.seq && got->execution.created_at == execution.created_at);
    ck_assert_str_eq(got->execution.session_id, "s1");
    ck_assert_str_eq(got->execution.owner, "me");
    ck_assert_int_eq(got->execution.language, LANGUAGE_SHELL);
    ck_assert_str_eq(got->execution.code, "echo 'ü'");
    ck_assert_str_eq(got->execution.event_json, "{\"n\":12345678901234567890.10}");
    ck_assert_str_eq(got->execution.env_json, "{\"B\":\"2\"}");
    ck_assert_str_eq(got->execution.notify, "127.0.0.1:9");
    ck_assert(got->execution.timeout_s == 7 && got->execution.max_retries == 2 && got->execution.attempts == 1);
    ck_assert_int_eq(got->execution.status, EXECUTION_RUNNING);
    ck_assert_int_gt(got->execution.started_at, 1700000000000);
    ck_assert_str_eq(got->session_env_json, "{\"A\":\"1\"}");
    ck_assert_str_eq(got->container_secret, "secret");
    ck_assert_int_eq(got->resources.memory_mb, 512);
    ck_assert_uint_eq(strlen(got->container_id), 12);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'running' AND attempts = 1 AND"
                                    " claimed_by = 'd1' AND started_at IS NOT NULL AND due_at > UTC_TIMESTAMP(3)"
                                    " + INTERVAL 10 SECOND"), 1);
    ck_assert_uint_eq(claim_count("d2", 10), 0);
}
END_TEST

START_TEST(test_execution_repo__not_runnable_and_not_due_ones_wait)
{
    struct err err = ERR_INIT;
    uint64_t changed = 0;
    fixture_session("s1", "me", SESSION_CREATING);
    fixture_execution("e1", "s1", false);
    ck_assert_uint_eq(claim_count("d1", 10), 0);
    bool started = false;
    OK(session_repo_start(fixture_db, "s1", &started, &err));
    ck_assert(started);
    OK(execution_repo_make_runnable(fixture_db, "s1", &changed, &err));
    ck_assert_uint_eq(changed, 1);
    ck_assert_uint_eq(claim_count("d1", 10), 0); /* its container is still being made */
    fixture_sql("UPDATE containers SET status = 'running' WHERE session_id = 's1'");
    fixture_sql("UPDATE executions SET due_at = UTC_TIMESTAMP(3) + INTERVAL 1 HOUR");
    ck_assert_uint_eq(claim_count("d1", 10), 0);
    fixture_sql("UPDATE executions SET due_at = UTC_TIMESTAMP(3)");
    ck_assert_uint_eq(claim_count("d1", 10), 1);
}
END_TEST

START_TEST(test_execution_repo__a_session_never_has_more_than_its_share)
{
    struct err err = ERR_INIT;
    bool changed = false;
    struct execution_outcome outcome = { .has_exit_code = true };
    fixture_session("busy", "me", SESSION_RUNNING);
    fixture_session("calm", "me", SESSION_RUNNING);
    queue("busy", 50);
    queue("calm", 2);
    cleanup(claim_list_release) struct claim_list claims = { 0 };
    ck_assert_uint_eq(claim("d1", 3, &claims), 3); /* the limit counts */
    ck_assert_str_eq(claims.items[0].execution.id, "busy.0");
    ck_assert_str_eq(claims.items[2].execution.id, "busy.2");
    ck_assert_uint_eq(claim_count("d1", 100), 3); /* one more of busy's four, and calm's two */
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE session_id = 'busy' AND status = 'running'"), 4);
    ck_assert_uint_eq(claim_count("d1", 100), 0);
    OK(execution_repo_finish(fixture_db, claims.items[0].execution.seq, "d1", EXECUTION_COMPLETED, &outcome,
                             &changed, &err));
    ck_assert(changed);
    cleanup(claim_list_release) struct claim_list next = { 0 };
    ck_assert_uint_eq(claim("d1", 100, &next), 1);
    ck_assert_str_eq(next.items[0].execution.id, "busy.4");
}
END_TEST

START_TEST(test_execution_repo__oldest_first)
{
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_session("s2", "me", SESSION_RUNNING);
    fixture_execution("second", "s2", true);
    fixture_execution("third", "s1", true);
    fixture_execution("first", "s1", true);
    fixture_sql("UPDATE executions SET due_at = '2026-01-01 00:00:00' + INTERVAL IF(id = 'first', 1, IF(id = 'second', 2, 3)) SECOND");
    static const char *const order[] = { "first", "third", "second" }; /* session by session */
    cleanup(claim_list_release) struct claim_list claims = { 0 };
    ck_assert_uint_eq(claim("d1", 10, &claims), 3);
    for (int i = 0; i < 3; i++)
        ck_assert_str_eq(claims.items[i].execution.id, order[i]);
}
END_TEST

START_TEST(test_execution_repo__a_lease_that_ran_out_is_taken_over_once)
{
    struct err err = ERR_INIT;
    bool changed = true;
    struct execution_outcome outcome = { .has_exit_code = true };
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_execution("e1", "s1", true);
    cleanup(claim_list_release) struct claim_list first = { 0 };
    ck_assert_uint_eq(claim("d1", 10, &first), 1);
    ck_assert_uint_eq(claim_count("d2", 10), 0);
    fixture_sql("UPDATE executions SET due_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND");
    OK(execution_repo_renew(fixture_db, "d2", &err)); /* not its own */
    cleanup(claim_list_release) struct claim_list second = { 0 };
    ck_assert_uint_eq(claim("d2", 10, &second), 1);
    ck_assert_int_eq(second.items[0].execution.attempts, 1);
    ck_assert_int_eq(second.items[0].execution.started_at, first.items[0].execution.started_at);
    OK(execution_repo_finish(fixture_db, first.items[0].execution.seq, "d1", EXECUTION_COMPLETED, &outcome,
                             &changed, &err));
    ck_assert(!changed); /* it is d2's now */
    OK(execution_repo_retry(fixture_db, first.items[0].execution.seq, "d1", 0, &changed, &err));
    ck_assert(!changed);
    OK(execution_repo_finish(fixture_db, first.items[0].execution.seq, "d2", EXECUTION_COMPLETED, &outcome,
                             &changed, &err));
    ck_assert(changed);
    OK(execution_repo_finish(fixture_db, first.items[0].execution.seq, "d2", EXECUTION_FAILED, &outcome,
                             &changed, &err));
    ck_assert(!changed); /* final stays final */
}
END_TEST

START_TEST(test_execution_repo__a_dispatcher_claims_on_its_own_nodes)
{
    struct err err = ERR_INIT;
    const struct string_list first = { (char *[]){ "n1", "n20", "" }, 3 }, second = { (char *[]){ "x", "n2" }, 2 };
    cleanup(claim_list_release) struct claim_list none = { 0 }, own = { 0 };
    fixture_session("s1", "me", SESSION_RUNNING), queue("s1", 1), fixture_sql("UPDATE containers SET node_id = 'n2'");
    OK(execution_repo_claim(fixture_db, "d1", &first, 10, &none, NULL, &err));
    ck_assert_uint_eq(none.count, 0);
    OK(execution_repo_claim(fixture_db, "d2", &second, 10, &own, NULL, &err));
    ck_assert(own.count == 1 && strcmp(own.items[0].node_id, "n2") == 0);
    fixture_sql("UPDATE executions SET due_at = UTC_TIMESTAMP(3)"); /* the lease runs out */
    OK(execution_repo_claim(fixture_db, "d1", &first, 10, &none, NULL, &err));
    ck_assert_uint_eq(none.count, 0);
}
END_TEST

START_TEST(test_execution_repo__renew_release_retry)
{
    struct err err = ERR_INIT;
    bool changed = false;
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_execution("e1", "s1", true);
    cleanup(claim_list_release) struct claim_list claims = { 0 };
    ck_assert_uint_eq(claim("d1", 10, &claims), 1);
    fixture_sql("UPDATE executions SET due_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND");
    OK(execution_repo_renew(fixture_db, "d1", &err));
    ck_assert_uint_eq(claim_count("d2", 10), 0);
    OK(execution_repo_release(fixture_db, "d1", &err));
    cleanup(claim_list_release) struct claim_list again = { 0 };
    ck_assert_uint_eq(claim("d1", 10, &again), 1);
    OK(execution_repo_retry(fixture_db, again.items[0].execution.seq, "d1", 3600000, &changed, &err));
    ck_assert(changed);
    ck_assert_uint_eq(claim_count("d1", 10), 0);
    fixture_sql("UPDATE executions SET due_at = UTC_TIMESTAMP(3)");
    cleanup(claim_list_release) struct claim_list third = { 0 };
    ck_assert_uint_eq(claim("d1", 10, &third), 1);
    ck_assert_int_eq(third.items[0].execution.attempts, 2);
    ck_assert_int_eq(third.items[0].execution.started_at, claims.items[0].execution.started_at);
}
END_TEST

START_TEST(test_execution_repo__outcome_comes_back_as_it_was)
{
    struct err err = ERR_INIT;
    bool changed = false;
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_execution("e1", "s1", true);
    cleanup(claim_list_release) struct claim_list claims = { 0 };
    ck_assert_uint_eq(claim("d1", 10, &claims), 1);
    enum { BIG = 1024 * 1024 };
    cleanup_free char *big = malloc(BIG);
    memset(big, 'x', BIG);
    struct execution_outcome outcome = {
        .stdout_text = (char *)"a\0b\xc3\xbc", .stdout_len = 5, .stderr_text = big, .stderr_len = BIG,
        .stderr_truncated = true, .has_exit_code = true, .exit_code = -1, .return_json = (char *)"[1.10, 2]",
        .error_kind = (char *)"timeout", .error_message = (char *)"It took too long.", .duration_ms = 1.5,
        .cpu_time_ms = 0.25, .peak_memory_mb = 32.5, .artifacts_json = (char *)"[\"a\"]" };
    OK(execution_repo_finish(fixture_db, claims.items[0].execution.seq, "d1", EXECUTION_TIMEOUT, &outcome,
                             &changed, &err));
    cleanup(execution_release) struct execution got = { 0 };
    OK(execution_repo_get(fixture_db, "me", "e1", EXECUTION_WHOLE, &got, &err));
    ck_assert_int_eq(got.status, EXECUTION_TIMEOUT);
    ck_assert_str_eq(got.code, "print(1)");
    ck_assert_uint_eq(got.outcome.stdout_len, 5);
    ck_assert_mem_eq(got.outcome.stdout_text, "a\0b\xc3\xbc", 6);
    ck_assert_uint_eq(got.outcome.stderr_len, BIG);
    ck_assert_mem_eq(got.outcome.stderr_text, big, BIG);
    ck_assert(!got.outcome.stdout_truncated && got.outcome.stderr_truncated && got.outcome.has_exit_code);
    ck_assert_int_eq(got.outcome.exit_code, -1);
    ck_assert_str_eq(got.outcome.return_json, "[1.10, 2]");
    ck_assert_str_eq(got.outcome.error_kind, "timeout");
    ck_assert_str_eq(got.outcome.error_message, "It took too long.");
    ck_assert_double_eq(got.outcome.duration_ms, 1.5);
    ck_assert_double_eq(got.outcome.cpu_time_ms, 0.25);
    ck_assert_double_eq(got.outcome.peak_memory_mb, 32.5);
    ck_assert_str_eq(got.outcome.artifacts_json, "[\"a\"]");
    ck_assert_int_ge(got.completed_at, got.started_at);
    cleanup(execution_release) struct execution summary = { 0 };
    OK(execution_repo_get(fixture_db, NULL, "e1", EXECUTION_SUMMARY, &summary, &err));
    ck_assert_ptr_null(summary.code);
    ck_assert_ptr_null(summary.outcome.stdout_text);
    FAILS(execution_repo_get(fixture_db, "you", "e1", EXECUTION_SUMMARY, &summary, &err), ERR_EXECUTION_NOT_FOUND);
    FAILS(execution_repo_get(fixture_db, "me", "e1 ", EXECUTION_SUMMARY, &summary, &err), ERR_EXECUTION_NOT_FOUND);
}
END_TEST

START_TEST(test_execution_repo__a_waiter_is_kept_until_the_end)
{
    struct err err = ERR_INIT;
    bool changed = false;
    char address[ADDRESS_SIZE];
    struct execution_outcome outcome = { 0 };
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_execution("e1", "s1", true);
    cleanup(claim_list_release) struct claim_list claims = { 0 };
    ck_assert_uint_eq(claim("d1", 10, &claims), 1);
    int64_t seq = claims.items[0].execution.seq;
    OK(execution_repo_set_notify(fixture_db, "e1", "127.0.0.1:9", &changed, &err));
    ck_assert(changed);
    OK(execution_repo_set_notify(fixture_db, "e1", "127.0.0.1:9", &changed, &err));
    ck_assert(changed); /* the same again is no end */
    OK(execution_repo_notify(fixture_db, seq, address, &err));
    ck_assert_str_eq(address, "127.0.0.1:9");
    OK(execution_repo_finish(fixture_db, seq, "d1", EXECUTION_FAILED, &outcome, &changed, &err));
    OK(execution_repo_set_notify(fixture_db, "e1", "127.0.0.1:10", &changed, &err));
    ck_assert(!changed);
}
END_TEST

START_TEST(test_execution_repo__ending_a_session_ends_its_executions)
{
    struct err err = ERR_INIT;
    bool changed = false, webhooks = false;
    cleanup(string_list_release) struct string_list notify = { 0 };
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_session("s2", "me", SESSION_RUNNING);
    uint64_t failed[LANGUAGES];
    fixture_execution("e1", "s1", true);
    fixture_execution("e2", "s1", true);
    fixture_execution("e3", "s1", false);
    fixture_execution("other", "s2", true);
    ck_assert_uint_eq(claim_count("d1", 1), 1);
    OK(execution_repo_set_notify(fixture_db, "e2", "127.0.0.1:9", &changed, &err));
    OK(execution_repo_fail_session(fixture_db, "s1", "session_ended", "The session ended.", &notify, failed, &webhooks, &err));
    ck_assert_uint_eq(failed[LANGUAGE_PYTHON], 3);
    ck_assert_uint_eq(failed[LANGUAGE_SHELL], 0);
    OK(execution_repo_fail_session(fixture_db, "s1", "other", "Too late.", &notify, failed, &webhooks, &err));
    ck_assert_uint_eq(failed[LANGUAGE_PYTHON], 0);
    ck_assert_uint_eq(notify.count, 1);
    ck_assert_str_eq(notify.items[0], "127.0.0.1:9 e2");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'failed' AND completed_at IS NOT NULL"
                                    " AND error_kind = 'session_ended' AND exit_code IS NULL"), 3);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE id = 'other' AND status = 'pending'"), 1);
}
END_TEST

START_TEST(test_execution_repo__list_pages_and_filters)
{
    struct err err = ERR_INIT;
    fixture_session("s1", "me", SESSION_RUNNING);
    queue("s1", 7);
    ck_assert_uint_eq(claim_count("d1", 100), 4);
    struct page page = { .limit = 2, .offset = 1 };
    cleanup(execution_list_release) struct execution_list all = { 0 }, pending = { 0 };
    OK(execution_repo_list(fixture_db, "s1", -1, &page, &all, &err));
    ck_assert_uint_eq(all.count, 2);
    ck_assert_int_eq(all.total, 7);
    ck_assert_str_eq(all.items[0].id, "s1.5");
    ck_assert_str_eq(all.items[1].id, "s1.4");
    page = (struct page){ .limit = 50 };
    OK(execution_repo_list(fixture_db, "s1", EXECUTION_PENDING, &page, &pending, &err));
    ck_assert_uint_eq(pending.count, 3);
    ck_assert_int_eq(pending.total, 3);
}
END_TEST

/* --- many dispatchers at once */

enum { SESSIONS = 200, EACH = 5, DISPATCHERS = 6 };
static int64_t claimed_total[DISPATCHERS];

static void dispatch(int index)
{
    char me[16];
    struct err err = ERR_INIT;
    cleanup_db struct db *db = db_new(&fixture_settings->database);
    snprintf(me, sizeof(me), "d%d", index);
    for (int idle = 0; idle < 3;) {
        cleanup(claim_list_release) struct claim_list claims = { 0 };
        OK(execution_repo_claim(db, me, NULL, 32, &claims, NULL, &err));
        idle = claims.count ? 0 : idle + 1;
        for (size_t i = 0; i < claims.count; i++) {
            struct execution_outcome outcome = { .stdout_text = me, .stdout_len = strlen(me), .has_exit_code = true };
            bool changed = false;
            OK(execution_repo_finish(db, claims.items[i].execution.seq, me, EXECUTION_COMPLETED, &outcome, &changed,
                                     &err));
            ck_assert(changed); /* nobody else had it */
            claimed_total[index]++;
        }
    }
}

START_TEST(test_execution_repo__thousand_are_claimed_exactly_once)
{
    for (int i = 0; i < SESSIONS; i++) {
        char id[SESSION_ID_SIZE];
        snprintf(id, sizeof(id), "s%d", i);
        fixture_session(id, "me", SESSION_RUNNING);
        queue(id, EACH);
    }
    fixture_threads(DISPATCHERS, dispatch);
    int64_t total = 0;
    for (int i = 0; i < DISPATCHERS; i++)
        total += claimed_total[i];
    ck_assert_int_eq(total, SESSIONS * EACH);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'completed' AND attempts = 1"), SESSIONS * EACH);
}
END_TEST

static void claim_only(int index)
{
    char me[16];
    struct err err = ERR_INIT;
    cleanup_db struct db *db = db_new(&fixture_settings->database);
    snprintf(me, sizeof(me), "d%d", index);
    for (int i = 0; i < 20; i++) {
        cleanup(claim_list_release) struct claim_list claims = { 0 };
        OK(execution_repo_claim(db, me, NULL, 32, &claims, NULL, &err));
    }
}

START_TEST(test_execution_repo__the_share_holds_among_dispatchers)
{
    fixture_session("s1", "me", SESSION_RUNNING);
    queue("s1", 40);
    fixture_threads(DISPATCHERS, claim_only);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'running'"), EXECUTION_CONCURRENT_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("execution_repo");
    TCase *tcase = fixture_case(suite, "executions");
    tcase_add_test(tcase, test_execution_repo__claim_brings_all_a_dispatcher_needs);
    tcase_add_test(tcase, test_execution_repo__not_runnable_and_not_due_ones_wait);
    tcase_add_test(tcase, test_execution_repo__a_session_never_has_more_than_its_share);
    tcase_add_test(tcase, test_execution_repo__oldest_first);
    tcase_add_test(tcase, test_execution_repo__a_lease_that_ran_out_is_taken_over_once);
    tcase_add_test(tcase, test_execution_repo__a_dispatcher_claims_on_its_own_nodes);
    tcase_add_test(tcase, test_execution_repo__renew_release_retry);
    tcase_add_test(tcase, test_execution_repo__outcome_comes_back_as_it_was);
    tcase_add_test(tcase, test_execution_repo__a_waiter_is_kept_until_the_end);
    tcase_add_test(tcase, test_execution_repo__ending_a_session_ends_its_executions);
    tcase_add_test(tcase, test_execution_repo__list_pages_and_filters);
    tcase_add_test(tcase, test_execution_repo__thousand_are_claimed_exactly_once);
    tcase_add_test(tcase, test_execution_repo__the_share_holds_among_dispatchers);
    return fixture_run(suite);
}
