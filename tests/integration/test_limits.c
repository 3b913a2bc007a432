/* SPDX-License-Identifier: Apache-2.0 */
/* Rates and quotas: in the repository, in the services, and as clients meet them. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/repo/rate_repo.h"
#include "lib/service/limits.h"
#include "lib/service/retention.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

static struct limit_settings *limits; /* of this test */

static void setup(void)
{
    api_setup();
    limits = &fixture_settings->limits;
    *limits = (struct limit_settings){ .session_lifetime_s = 21600 };
}

enum { SECOND_US = 1000000 };

static int64_t take(const char *id, int64_t every_us, int64_t burst)
{
    struct err err = ERR_INIT;
    int64_t wait_us = -1;
    OK(rate_repo_take(fixture_db, id, every_us, burst, &wait_us, &err));
    return wait_us;
}

START_TEST(test_rate_repo__a_burst_then_evenly)
{
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(take("a", 20 * SECOND_US, 3), 0);
    int64_t wait = take("a", 20 * SECOND_US, 3);
    ck_assert_int_gt(wait, 15 * SECOND_US);
    ck_assert_int_le(wait, 20 * SECOND_US);
    ck_assert_int_eq(take("b", 20 * SECOND_US, 3), 0); /* each for itself */
    fixture_sql("UPDATE rate_limits SET due_us = due_us - 20000000 WHERE id = 'a'"); /* that later */
    ck_assert_int_eq(take("a", 20 * SECOND_US, 3), 0);
    ck_assert_int_gt(take("a", 20 * SECOND_US, 3), 0);
}
END_TEST

START_TEST(test_rate_repo__a_quiet_hour_saves_no_more_than_a_burst)
{
    ck_assert_int_eq(take("a", 20 * SECOND_US, 3), 0);
    fixture_sql("UPDATE rate_limits SET due_us = due_us - 3600000000");
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(take("a", 20 * SECOND_US, 3), 0);
    ck_assert_int_gt(take("a", 20 * SECOND_US, 3), 0);
}
END_TEST

START_TEST(test_rate_repo__a_clock_that_was_set_back_locks_nobody_out)
{
    ck_assert_int_eq(take("a", 60 * SECOND_US, 1), 0);
    ck_assert_int_gt(take("a", 60 * SECOND_US, 1), 0);
    fixture_sql("UPDATE rate_limits SET due_us = due_us + 3600000000");
    ck_assert_int_eq(take("a", 60 * SECOND_US, 1), 0);
    ck_assert_int_gt(take("a", 60 * SECOND_US, 1), 0);
}
END_TEST

static int taken;

static void take_many(int index)
{
    struct err err = ERR_INIT;
    cleanup_db struct db *db = db_new(&fixture_settings->database);
    (void)index;
    for (int i = 0; i < 20; i++) {
        int64_t wait_us = 0;
        OK(rate_repo_take(db, "shared", 3 * SECOND_US, 50, &wait_us, &err));
        if (wait_us == 0)
            __atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED);
    }
}

START_TEST(test_rate_repo__exact_from_many_connections)
{
    taken = 0;
    fixture_threads(8, take_many);
    ck_assert_int_eq(taken, 50);
}
END_TEST

START_TEST(test_retention__rates_that_say_nothing_go)
{
    struct err err = ERR_INIT;
    int64_t rows = 0;
    fixture_sql("INSERT INTO rate_limits (id, due_us) SELECT CONCAT('old', seq), 5 FROM seq_1_to_1200");
    ck_assert_int_eq(take("new", SECOND_US, 1), 0);
    OK(retention_pass(&api_me->context, &rows, &err));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM rate_limits"), 1);
}
END_TEST

START_TEST(test_limits__requests_of_a_token)
{
    struct client *other = client_new("me", "sessions", 0); /* the same owner, another token */
    limits->requests_per_minute = 3;
    for (int i = 0; i < 3; i++)
        json_object_put(client_json(api_me, "GET", API_SESSIONS, NULL, 200));
    struct answer refused = client_call(api_me, "GET", API_SESSIONS, NULL);
    int seconds = 0;
    ck_assert_int_eq(refused.status, 429);
    ck_assert_str_eq(text_of(refused.body, "error_code"), "Sandbox.RateLimited");
    const char *header = strstr(refused.headers, "Retry-After: ");
    ck_assert_ptr_nonnull(header);
    ck_assert_int_eq(sscanf(header, "Retry-After: %d", &seconds), 1);
    ck_assert_int_ge(seconds, 15);
    ck_assert_int_le(seconds, 20);
    answer_release(&refused);
    json_object_put(client_json(other, "GET", API_SESSIONS, NULL, 200));
    json_object_put(client_json(api_me, "GET", "/health", NULL, 200)); /* asks for no token */
    client_free(other);
}
END_TEST

START_TEST(test_limits__the_unknown_are_not_counted)
{
    limits->requests_per_minute = 1;
    struct client nobody = *api_me;
    snprintf(nobody.token, sizeof(nobody.token), "sbx_%040d", 0);
    for (int i = 0; i < 3; i++)
        api_refused(&nobody, "GET", API_SESSIONS, NULL, 401, "Sandbox.Unauthorized");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM rate_limits"), 0);
}
END_TEST

START_TEST(test_limits__executions_of_an_owner)
{
    struct client *same = client_new("me", "sessions,admin", 0), *other = client_new("other", "sessions", 0);
    char id[SESSION_ID_SIZE], uri[128], theirs[160], mine[160];
    api_create(other, id, uri);
    snprintf(theirs, sizeof(theirs), "%s/execute", uri);
    api_create(api_me, id, uri);
    snprintf(mine, sizeof(mine), "%s/execute", uri);
    limits->executions_per_minute = 2;
    json_object_put(client_json(api_me, "POST", mine, API_CODE, 200));
    json_object_put(client_json(same, "POST", mine, API_CODE, 200));
    api_refused(api_me, "POST", mine, API_CODE, 429, "Sandbox.RateLimited");
    api_refused(same, "POST", mine, API_CODE, 429, "Sandbox.RateLimited"); /* the scope admin lifts nothing */
    json_object_put(client_json(other, "POST", theirs, API_CODE, 200));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions"), 3);
    client_free(same);
    client_free(other);
}
END_TEST

START_TEST(test_limits__none_asks_the_table_nothing)
{
    char id[SESSION_ID_SIZE], uri[128];
    api_create(api_me, id, uri);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM rate_limits"), 0);
}
END_TEST

/* A table that cannot be written is no reason to refuse anybody. */
START_TEST(test_limits__who_cannot_be_counted_passes)
{
    char id[SESSION_ID_SIZE], uri[128];
    *limits = (struct limit_settings){ .requests_per_minute = 1, .executions_per_minute = 1 };
    fixture_sql("RENAME TABLE rate_limits TO rate_limits_gone");
    api_create(api_me, id, uri);
    bool failing = api_me->context.rates_failing;
    strcat(uri, "/execute");
    json_object_put(client_json(api_me, "POST", uri, API_CODE, 200));
    fixture_sql("RENAME TABLE rate_limits_gone TO rate_limits");
    ck_assert(failing);
    json_object_put(client_json(api_me, "GET", API_SESSIONS, NULL, 200));
    ck_assert(!api_me->context.rates_failing);
    api_refused(api_me, "GET", API_SESSIONS, NULL, 429, "Sandbox.RateLimited");
}
END_TEST

START_TEST(test_limits__sessions_at_once)
{
    struct client *same = client_new("me", "sessions,admin", 0), *other = client_new("other", "sessions", 0);
    char id[SESSION_ID_SIZE], uri[128];
    limits->sessions = 2;
    api_create(api_me, id, uri);
    api_create(same, id, uri);
    struct answer refused = client_call(same, "POST", API_SESSIONS, API_CREATE);
    ck_assert_int_eq(refused.status, 429);
    ck_assert_ptr_nonnull(strstr(refused.headers, "Retry-After: 5\r\n"));
    ck_assert_ptr_nonnull(strstr(text_of(refused.body, "error_detail"), "2 sessions"));
    answer_release(&refused);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers"), 2);
    json_object_put(client_json(api_me, "DELETE", uri, NULL, 200)); /* an ended one does not count */
    api_create(other, id, uri);
    api_create(api_me, id, uri);
    client_free(same);
    client_free(other);
}
END_TEST

static struct client *rush[12];

static void create_in_rush(int index)
{
    for (int i = 0; i < 2; i++) {
        struct answer answer = client_call(rush[index], "POST", API_SESSIONS, API_CREATE);
        ck_assert_msg(answer.status == 201 || answer.status == 429, "%d", answer.status);
        answer_release(&answer);
    }
}

START_TEST(test_limits__sessions_are_exact_in_a_rush)
{
    limits->sessions = 7;
    for (int i = 0; i < 12; i++)
        rush[i] = client_new("me", "sessions", 0);
    fixture_threads(12, create_in_rush);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions"), 7);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers"), 7);
    for (int i = 0; i < 12; i++)
        client_free(rush[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits");
    TCase *tcase = tcase_create("limits");
    tcase_add_checked_fixture(tcase, setup, api_teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_rate_repo__a_burst_then_evenly);
    tcase_add_test(tcase, test_rate_repo__a_quiet_hour_saves_no_more_than_a_burst);
    tcase_add_test(tcase, test_rate_repo__a_clock_that_was_set_back_locks_nobody_out);
    tcase_add_test(tcase, test_rate_repo__exact_from_many_connections);
    tcase_add_test(tcase, test_retention__rates_that_say_nothing_go);
    tcase_add_test(tcase, test_limits__requests_of_a_token);
    tcase_add_test(tcase, test_limits__the_unknown_are_not_counted);
    tcase_add_test(tcase, test_limits__executions_of_an_owner);
    tcase_add_test(tcase, test_limits__none_asks_the_table_nothing);
    tcase_add_test(tcase, test_limits__who_cannot_be_counted_passes);
    tcase_add_test(tcase, test_limits__sessions_at_once);
    tcase_add_test(tcase, test_limits__sessions_are_exact_in_a_rush);
    return fixture_run(suite);
}
