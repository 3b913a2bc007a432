/* SPDX-License-Identifier: Apache-2.0 */
/* Executions that are stored for a dispatcher: when they are, and what it finds of them. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "lib/repo/dispatcher_repo.h"
#include "lib/repo/execution_repo.h"
#include "tests/integration/db_fixture.h"

#define RUNNING "SELECT COUNT(*) FROM executions WHERE status = 'running'"

static void offer(const char *instance, const char *node, const char *host)
{
    struct err err = ERR_INIT;
    char *items[] = { (char *)node };
    const struct string_list nodes = { items, 1 };
    OK(dispatcher_repo_offer(fixture_db, instance, "127.0.0.1:7", host, &nodes, &err));
}

static struct submit_result submit_on(struct db *db, const char *session_id, struct execution *out)
{
    static _Atomic unsigned number;
    struct err err = ERR_INIT;
    struct submit_result submitted;
    char random[EXECUTION_ID_RANDOM + 1];
    snprintf(random, sizeof(random), "r%07u", number++);
    *out = (struct execution){ .owner = "me", .language = LANGUAGE_PYTHON, .code = (char *)"1", .timeout_s = 30, .max_retries = 3 };
    snprintf(out->session_id, sizeof(out->session_id), "%s", session_id);
    OK(execution_repo_submit(db, random, "h1", out, &submitted, &err));
    return submitted;
}

static struct submit_result submit(const char *session_id, struct execution *out)
{
    return submit_on(fixture_db, session_id, out);
}

static size_t take(const char *by, const int64_t *seqs, size_t count, struct claim_list *out, bool *put_back)
{
    struct err err = ERR_INIT;
    OK(execution_repo_take(fixture_db, by, NULL, seqs, count, out, put_back, &err));
    return out->count;
}

START_TEST(test_execution_repo__assigned_to_who_takes_what_comes_for_the_node)
{
    struct execution execution;
    fixture_session("s1", "me", SESSION_RUNNING);
    offer("d0", "n1", "");
    offer("d1", "n1", "h1"); /* the last word counts */
    struct submit_result submitted = submit("s1", &execution);
    ck_assert(submitted.stored && submitted.assigned && execution.runnable);
    ck_assert_str_eq(submitted.doorbell, "127.0.0.1:7");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions e JOIN sessions s ON s.id = e.session_id WHERE e.status = 'running'"
                                    " AND e.claimed_by = 'd1' AND e.attempts = 1 AND e.container_id = s.container_id"
                                    " AND e.started_at IS NOT NULL AND e.due_at > UTC_TIMESTAMP(3) + INTERVAL 10 SECOND"), 1);
}
END_TEST

static const struct nobody_row {
    const char *why, *sql;
} nobody_rows[] = {
    { "nobody said so", "DELETE FROM dispatchers" },
    { "it said so too long ago", "UPDATE dispatchers SET takes_until = UTC_TIMESTAMP(3)" },
    { "for another node", "UPDATE dispatchers SET node_id = 'n2'" },
    { "it cannot be rung from here", "UPDATE dispatchers SET host = 'h2'" },
    { "the session does not run yet", "UPDATE sessions SET status = 'creating'" },
    { "its container is being replaced", "UPDATE sessions SET container_id = ''" },
};

START_TEST(test_execution_repo__pending_where_nobody_takes_it)
{
    struct execution execution;
    fixture_session("s1", "me", SESSION_RUNNING);
    offer("d1", "n1", "h1");
    fixture_sql(nobody_rows[_i].sql);
    struct submit_result submitted = submit("s1", &execution);
    ck_assert_msg(submitted.stored && !submitted.assigned && submitted.doorbell[0] == '\0', "%s", nobody_rows[_i].why);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'pending' AND claimed_by IS NULL AND attempts = 0"
                                    " AND container_id = '' AND started_at IS NULL AND due_at <= UTC_TIMESTAMP(3)"), 1);
}
END_TEST

START_TEST(test_execution_repo__withdrawn_it_is_given_nothing)
{
    struct err err = ERR_INIT;
    struct execution execution;
    fixture_session("s1", "me", SESSION_RUNNING);
    offer("d1", "n1", "h1");
    offer("d2", "n2", "h1");
    OK(dispatcher_repo_withdraw(fixture_db, "d1", &err));
    ck_assert(!submit("s1", &execution).assigned);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM dispatchers WHERE instance = 'd2'"), 1);
}
END_TEST

START_TEST(test_execution_repo__assigned_while_there_is_room_and_nothing_waits)
{
    struct execution execution;
    fixture_session("s1", "me", SESSION_RUNNING);
    fixture_session("s2", "me", SESSION_RUNNING);
    offer("d1", "n1", "h1");
    for (int i = 0; i < EXECUTION_CONCURRENT_MAX; i++)
        ck_assert(submit("s1", &execution).assigned);
    ck_assert(!submit("s1", &execution).assigned);
    ck_assert(submit("s2", &execution).assigned);
    fixture_sql("UPDATE executions SET status = 'completed' WHERE status = 'running'"); /* there is room, but one waits */
    ck_assert(!submit("s1", &execution).assigned);
    fixture_sql("UPDATE executions SET due_at = UTC_TIMESTAMP(3) + INTERVAL 1 HOUR WHERE status = 'pending'"); /* to be tried again */
    ck_assert(!submit("s1", &execution).assigned);
    fixture_sql("UPDATE executions SET status = 'completed'");
    ck_assert(submit("s1", &execution).assigned);
}
END_TEST

START_TEST(test_execution_repo__assigned_ones_are_taken_with_all_that_is_needed)
{
    struct execution execution;
    bool put_back = true;
    cleanup(claim_list_release) struct claim_list claims = { 0 }, again = { 0 }, none = { 0 };
    fixture_session("s1", "me", SESSION_RUNNING);
    offer("d1", "n1", "h1");
    submit("s1", &execution);
    ck_assert_uint_eq(take("d1", &execution.seq, 1, &claims, &put_back), 1);
    const struct execution_claim *got = &claims.items[0];
    ck_assert(!put_back && !got->taken_over && !got->lost && !got->silent && got->waited_us >= 0);
    ck_assert_str_eq(got->execution.id, execution.id);
    ck_assert_str_eq(got->execution.code, "1");
    ck_assert_int_eq(got->execution.attempts, 1);
    ck_assert_int_eq(got->execution.status, EXECUTION_RUNNING);
    ck_assert_str_eq(got->session_env_json, "{\"A\":\"1\"}");
    ck_assert_str_eq(got->container_secret, "secret");
    ck_assert_uint_eq(take("d1", &execution.seq, 1, &again, &put_back), 1); /* nothing changed */
    ck_assert_uint_eq(take("d2", &execution.seq, 1, &none, &put_back), 0);
    ck_assert(!put_back);
    ck_assert_int_eq(fixture_number(RUNNING " AND claimed_by = 'd1'"), 1);
}
END_TEST

START_TEST(test_execution_repo__many_are_taken_in_one_go)
{
    enum { MANY = 37 };
    struct err err = ERR_INIT;
    int64_t seqs[MANY + 1];
    bool put_back = false;
    cleanup(claim_list_release) struct claim_list claims = { 0 };
    cleanup(seq_list_release) struct seq_list ours = { 0 };
    offer("d1", "n1", "h1");
    for (int i = 0; i < MANY; i++) {
        char id[16];
        struct execution execution;
        snprintf(id, sizeof(id), "s%d", i);
        fixture_session(id, "me", SESSION_RUNNING);
        ck_assert(submit(id, &execution).assigned);
        seqs[i] = execution.seq;
    }
    seqs[MANY] = 999999; /* there is none */
    ck_assert_uint_eq(take("d1", seqs, MANY + 1, &claims, &put_back), MANY);
    ck_assert(!put_back);
    OK(execution_repo_unfinished(fixture_db, "d1", &ours, &err));
    ck_assert_uint_eq(ours.count, MANY);
}
END_TEST

static const char *const gone_rows[] = {
    "UPDATE containers SET status = 'deleting'",
    "UPDATE sessions SET container_id = ''",
    "UPDATE containers SET id = 'new'; UPDATE sessions SET container_id = 'new'",
};

START_TEST(test_execution_repo__assigned_ones_whose_place_is_gone_are_pending_again)
{
    struct execution execution, done;
    bool put_back = false, crowded;
    struct err err = ERR_INIT;
    cleanup(claim_list_release) struct claim_list claims = { 0 }, later = { 0 };
    fixture_session("s1", "me", SESSION_RUNNING);
    offer("d1", "n1", "h1");
    submit("s1", &done);
    submit("s1", &execution);
    fixture_sql("UPDATE executions SET status = 'completed', claimed_by = NULL ORDER BY seq LIMIT 1");
    fixture_sql(gone_rows[_i]);
    const int64_t seqs[] = { done.seq, execution.seq };
    ck_assert_uint_eq(take("d1", seqs, 2, &claims, &put_back), 0);
    ck_assert(put_back);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'pending' AND claimed_by IS NULL AND attempts = 0"
                                    " AND started_at IS NULL AND container_id = '' AND due_at <= UTC_TIMESTAMP(3)"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'completed'"), 1);
    fixture_sql("UPDATE sessions SET container_id = (SELECT id FROM containers); UPDATE containers SET status = 'running'");
    OK(execution_repo_claim_named(fixture_db, "d1", NULL, &execution.seq, 1, &later, &crowded, &err));
    ck_assert_uint_eq(later.count, 1);
    ck_assert_int_eq(later.items[0].execution.attempts, 1);
}
END_TEST

/* The second of two, while the first has not committed yet. */
static bool second_assigned;

static void *submit_second(void *arg)
{
    struct db *db = db_new(&fixture_settings->database);
    struct execution execution;
    (void)arg;
    second_assigned = submit_on(db, "s1", &execution).assigned;
    db_free(db);
    return NULL;
}

static int first_four(struct db *db, void *arg, struct err *err)
{
    static const struct timespec while_it_waits = { .tv_nsec = 200 * 1000 * 1000 };
    struct execution execution;
    (void)err;
    for (int i = 0; i < EXECUTION_CONCURRENT_MAX; i++)
        ck_assert(submit_on(db, "s1", &execution).assigned);
    ck_assert_int_eq(pthread_create(arg, NULL, submit_second, NULL), 0);
    nanosleep(&while_it_waits, NULL);
    return 0;
}

START_TEST(test_execution_repo__a_submission_sees_what_it_waited_for)
{
    struct err err = ERR_INIT;
    pthread_t second;
    fixture_session("s1", "me", SESSION_RUNNING);
    offer("d1", "n1", "h1");
    second_assigned = true;
    OK(db_transaction(fixture_db, first_four, &second, &err));
    pthread_join(second, NULL);
    ck_assert(!second_assigned);
}
END_TEST

/* A backlog must not make a submission, which holds the session's lock, any slower. */
START_TEST(test_execution_repo__a_submission_reads_no_backlog)
{
    static const struct db_stmt reads = { "SELECT CAST(SUM(VARIABLE_VALUE) AS SIGNED) FROM information_schema.SESSION_STATUS"
                                          " WHERE VARIABLE_NAME LIKE 'HANDLER\\_READ\\_%'" };
    struct err err = ERR_INIT;
    struct execution execution;
    int64_t before = 0, after = 0;
    extern int take_int(void *arg, const struct db_row *row, struct err *err);
    fixture_session("s1", "me", SESSION_RUNNING);
    offer("d1", "n1", "h1");
    fixture_sql("INSERT INTO executions (id, session_id, owner, status, runnable, language, timeout_s, max_retries, code, due_at, created_at)"
                " SELECT CONCAT('e', seq), 's1', 'me', 'pending', 1, 'python', 1, 1, '', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) FROM seq_1_to_3000");
    OK(db_query(fixture_db, &reads, NULL, 0, take_int, &before, &err));
    ck_assert(!submit("s1", &execution).assigned);
    OK(db_query(fixture_db, &reads, NULL, 0, take_int, &after, &err));
    ck_assert_int_lt(after - before, 1000); /* the look itself reads some hundreds of variables */
}
END_TEST

enum { RACERS = 4, ROUNDS = 40 };
static int64_t most[RACERS];

static int note_most(void *arg, const struct db_row *row, struct err *err)
{
    int64_t *seen = arg;
    (void)err;
    if (db_row_int(row, 0) > *seen)
        *seen = db_row_int(row, 0);
    return 0;
}

/* Three submit to one session, one claims what waits there; now and then something ends. */
static void race(int index)
{
    static const struct db_stmt running = { RUNNING },
                                end = { "UPDATE executions SET status = 'completed', claimed_by = NULL WHERE status = 'running' LIMIT 1" };
    struct err err = ERR_INIT;
    struct db *db = db_new(&fixture_settings->database);
    for (int i = 0; i < ROUNDS; i++) {
        struct execution execution;
        cleanup(claim_list_release) struct claim_list claims = { 0 };
        if (index > 0)
            submit_on(db, "s1", &execution);
        else
            OK(execution_repo_claim(db, "d2", NULL, 10, &claims, NULL, &err));
        OK(db_query(db, &running, NULL, 0, note_most, &most[index], &err));
        if (i % 2 == 0)
            OK(db_exec(db, &end, NULL, 0, NULL, &err));
    }
    db_free(db);
}

START_TEST(test_execution_repo__racing_submissions_and_claims_never_exceed_what_may_run)
{
    fixture_session("s1", "me", SESSION_RUNNING);
    offer("d1", "n1", "h1");
    fixture_threads(RACERS, race);
    for (int i = 0; i < RACERS; i++)
        ck_assert_int_le(most[i], EXECUTION_CONCURRENT_MAX);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions"), (RACERS - 1) * ROUNDS);
    ck_assert_int_gt(fixture_number("SELECT COUNT(*) FROM executions WHERE attempts = 1"), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("execution_assigned");
    TCase *tcase = fixture_case(suite, "assigned");
    tcase_add_test(tcase, test_execution_repo__assigned_to_who_takes_what_comes_for_the_node);
    tcase_add_loop_test(tcase, test_execution_repo__pending_where_nobody_takes_it, 0, (int)(sizeof(nobody_rows) / sizeof(nobody_rows[0])));
    tcase_add_test(tcase, test_execution_repo__withdrawn_it_is_given_nothing);
    tcase_add_test(tcase, test_execution_repo__assigned_while_there_is_room_and_nothing_waits);
    tcase_add_test(tcase, test_execution_repo__assigned_ones_are_taken_with_all_that_is_needed);
    tcase_add_test(tcase, test_execution_repo__many_are_taken_in_one_go);
    tcase_add_loop_test(tcase, test_execution_repo__assigned_ones_whose_place_is_gone_are_pending_again, 0,
                        (int)(sizeof(gone_rows) / sizeof(gone_rows[0])));
    tcase_add_test(tcase, test_execution_repo__a_submission_sees_what_it_waited_for);
    tcase_add_test(tcase, test_execution_repo__a_submission_reads_no_backlog);
    tcase_add_test(tcase, test_execution_repo__racing_submissions_and_claims_never_exceed_what_may_run);
    return fixture_run(suite);
}
