/* SPDX-License-Identifier: Apache-2.0 */
/* Executions from their submission to the claim of those that were named. */
#include <stdio.h>
#include <string.h>

#include "lib/repo/execution_repo.h"
#include "tests/integration/db_fixture.h"

/* What came of an execution that is submitted to a session. */
static bool submit(const char *session_id, const char *owner, const char *random, struct execution *out)
{
    struct err err = ERR_INIT;
    struct submit_result submitted;
    *out = (struct execution){ .language = LANGUAGE_PYTHON, .code = (char *)"1", .timeout_s = 30, .max_retries = 3 };
    snprintf(out->session_id, sizeof(out->session_id), "%s", session_id);
    snprintf(out->owner, sizeof(out->owner), "%s", owner);
    OK(execution_repo_submit(fixture_db, random, "n1", out, &submitted, &err));
    return submitted.stored;
}

START_TEST(test_execution_repo__submitted_to_open_sessions_of_the_owner_only)
{
    struct err err = ERR_INIT;
    struct execution execution;
    struct submit_result submitted;
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_session("s2", "me", SESSION_CREATING);
    fixture_session("s3", "me", SESSION_TERMINATED);
    ck_assert(submit("s1", "me", "aaaaaaaa", &execution));
    ck_assert(execution.runnable && execution.seq > 0);
    ck_assert_int_eq(strncmp(execution.id, "exec_20", 7), 0);
    ck_assert_str_eq(execution.id + 13, "_aaaaaaaa");
    ck_assert(submit("s2", "me", "bbbbbbbb", &execution));
    ck_assert(!execution.runnable);
    ck_assert(!submit("s3", "me", "cccccccc", &execution));
    ck_assert(!submit("s1", "you", "dddddddd", &execution));
    ck_assert(!submit("s9", "me", "eeeeeeee", &execution));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions"), 2);
    fixture_sql("UPDATE sessions SET last_activity_at = last_activity_at - INTERVAL 5 SECOND WHERE id = 's1'");
    ck_assert(submit("s1", "me", "ffffffff", &execution));
    FAILS(execution_repo_submit(fixture_db, "ffffffff", "n1", &execution, &submitted, &err), ERR_CONFLICT);
    OK(execution_repo_submit(fixture_db, "gggggggg", "n1", &execution, &submitted, &err));
    ck_assert(submitted.stored && submitted.touch_due);
}
END_TEST

static size_t claim_named(const char *claimed_by, const int64_t *seqs, size_t count, struct claim_list *out, bool *crowded)
{
    struct err err = ERR_INIT;
    OK(execution_repo_claim_named(fixture_db, claimed_by, NULL, seqs, count, out, crowded, &err));
    return out->count;
}

START_TEST(test_execution_repo__named_ones_are_claimed_with_all_that_is_needed)
{
    struct execution execution;
    bool crowded = true;
    cleanup(claim_list_release) struct claim_list claims = { 0 }, none = { 0 };
    fixture_session("s1", "me", SESSION_RUNNING);
    ck_assert(submit("s1", "me", "aaaaaaaa", &execution));
    ck_assert_uint_eq(claim_named("d1", &execution.seq, 1, &claims, &crowded), 1);
    ck_assert(!crowded);
    const struct execution_claim *got = &claims.items[0];
    ck_assert_str_eq(got->execution.id, execution.id);
    ck_assert_str_eq(got->execution.code, "1");
    ck_assert_int_eq(got->execution.attempts, 1);
    ck_assert_int_eq(got->execution.status, EXECUTION_RUNNING);
    ck_assert_str_eq(got->session_env_json, "{\"A\":\"1\"}");
    ck_assert_str_eq(got->container_secret, "secret");
    ck_assert_str_eq(got->node_id, "n1");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions e JOIN sessions s ON s.id = e.session_id WHERE e.status = 'running'"
                                    " AND e.claimed_by = 'd1' AND e.attempts = 1 AND e.container_id = s.container_id"
                                    " AND e.started_at IS NOT NULL AND e.due_at > UTC_TIMESTAMP(3)"), 1);
    ck_assert_uint_eq(claim_named("d2", &execution.seq, 1, &none, &crowded), 0);
    ck_assert(crowded); /* it cannot tell why */
}
END_TEST

START_TEST(test_execution_repo__named_ones_keep_their_place_in_line)
{
    struct execution list[6];
    int64_t seqs[6];
    bool crowded = false;
    cleanup(claim_list_release) struct claim_list last = { 0 }, all = { 0 }, other = { 0 };
    fixture_session("s1", "me", SESSION_RUNNING);
    for (int i = 0; i < 6; i++) {
        char random[9];
        snprintf(random, sizeof(random), "aaaaaaa%d", i);
        ck_assert(submit("s1", "me", random, &list[i]));
        seqs[i] = list[i].seq;
    }
    ck_assert_uint_eq(claim_named("d1", &seqs[1], 1, &last, &crowded), 0); /* there is room, but an older one was not named */
    ck_assert(crowded);
    ck_assert_uint_eq(claim_named("d1", &seqs[0], 1, &other, &crowded), 1);
    ck_assert(!crowded);
    ck_assert_uint_eq(claim_named("d1", seqs, 6, &all, &crowded), 3); /* one runs, two have no room */
    ck_assert(crowded);
    ck_assert_int_eq(all.items[0].execution.seq, seqs[1]);
    ck_assert_int_eq(all.items[2].execution.seq, seqs[3]);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'running'"), EXECUTION_CONCURRENT_MAX);
}
END_TEST

START_TEST(test_execution_repo__named_ones_elsewhere_or_closed_are_left)
{
    struct err err = ERR_INIT;
    struct execution one, two;
    bool crowded = false;
    char *other[] = { "n2" };
    const struct string_list nodes = { other, 1 };
    cleanup(claim_list_release) struct claim_list claims = { 0 }, gone = { 0 };
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_session("s2", "me", SESSION_CREATING);
    ck_assert(submit("s1", "me", "aaaaaaaa", &one) && submit("s2", "me", "bbbbbbbb", &two));
    const int64_t seqs[] = { one.seq, two.seq, 999999 };
    OK(execution_repo_claim_named(fixture_db, "d1", &nodes, seqs, 3, &claims, &crowded, &err));
    ck_assert_uint_eq(claims.count, 0);
    fixture_sql("UPDATE containers SET status = 'deleting'");
    ck_assert_uint_eq(claim_named("d1", seqs, 3, &gone, &crowded), 0);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'pending' AND attempts = 0"), 2);
}
END_TEST

enum { RACERS = 4, RACED = 24 };
static int64_t raced[RACED];
static size_t won[RACERS];

static void race(int index)
{
    struct err err = ERR_INIT;
    struct db *db = db_new(&fixture_settings->database);
    cleanup(claim_list_release) struct claim_list claims = { 0 };
    char name[8];
    bool crowded;
    snprintf(name, sizeof(name), "d%d", index);
    OK(execution_repo_claim_named(db, name, NULL, raced, RACED, &claims, &crowded, &err));
    won[index] = claims.count;
    db_free(db);
}

START_TEST(test_execution_repo__of_those_who_race_for_a_named_one_one_gets_it)
{
    for (int i = 0; i < RACED; i++) {
        char id[16], random[9];
        struct execution execution;
        snprintf(id, sizeof(id), "s%d", i);
        snprintf(random, sizeof(random), "aaaaaa%02d", i);
        fixture_session(id, "me", SESSION_RUNNING);
        ck_assert(submit(id, "me", random, &execution));
        raced[i] = execution.seq;
    }
    fixture_threads(RACERS, race);
    size_t all = 0;
    for (int i = 0; i < RACERS; i++) {
        char sql[128];
        snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM executions WHERE claimed_by = 'd%d' AND status = 'running' AND attempts = 1", i);
        ck_assert_int_eq(fixture_number(sql), (int64_t)won[i]);
        all += won[i];
    }
    ck_assert_uint_eq(all, RACED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("execution_named");
    TCase *tcase = fixture_case(suite, "named");
    tcase_add_test(tcase, test_execution_repo__submitted_to_open_sessions_of_the_owner_only);
    tcase_add_test(tcase, test_execution_repo__named_ones_are_claimed_with_all_that_is_needed);
    tcase_add_test(tcase, test_execution_repo__named_ones_keep_their_place_in_line);
    tcase_add_test(tcase, test_execution_repo__named_ones_elsewhere_or_closed_are_left);
    tcase_add_test(tcase, test_execution_repo__of_those_who_race_for_a_named_one_one_gets_it);
    return fixture_run(suite);
}
