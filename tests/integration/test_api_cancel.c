/* SPDX-License-Identifier: Apache-2.0 */
/* Cancelling through the API; who runs executions is played by the tests. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/cancellation_repo.h"
#include "lib/repo/execution_repo.h"
#include "lib/service/cancelling.h"
#include "lib/util/clock.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

static char session_id[SESSION_ID_SIZE], execute_uri[160], cancel_uri[160], execution_id[EXECUTION_ID_SIZE];

/* A pending execution in a running session. */
static void submit(void)
{
    char uri[128];
    if (!session_id[0]) {
        api_create(api_me, session_id, uri);
        api_start(session_id);
        snprintf(execute_uri, sizeof(execute_uri), "%s/execute", uri);
    }
    struct json_object *execution = client_json(api_me, "POST", execute_uri, API_CODE, 200);
    snprintf(execution_id, sizeof(execution_id), "%s", text_of(execution, "execution_id"));
    snprintf(cancel_uri, sizeof(cancel_uri), "/api/v1/executions/%s/cancel", execution_id);
    json_object_put(execution);
}

static void expect_cancel(const char *status)
{
    struct json_object *answer = client_json(api_me, "POST", cancel_uri, NULL, 200);
    ck_assert_str_eq(text_of(answer, "execution_id"), execution_id);
    ck_assert_str_eq(text_of(answer, "status"), status);
    ck_assert_int_eq((int)json_object_object_length(answer), 2);
    json_object_put(answer);
    ck_assert_int_eq(api_me->room.waiting, 0);
}

static int64_t claim(struct db *db)
{
    struct claim_list claims = { 0 };
    struct err err = ERR_INIT;
    OK(execution_repo_claim(db, "test", NULL, 1, &claims, NULL, &err));
    ck_assert_uint_eq(claims.count, 1);
    int64_t seq = claims.items[0].execution.seq;
    claim_list_release(&claims);
    return seq;
}

START_TEST(test_api_cancel__pending_at_once)
{
    char uri[160];
    submit();
    for (int i = 0; i < 2; i++) /* repeatable */
        expect_cancel("cancelled");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'cancelled' AND completed_at IS NOT NULL"
                                    " AND error_kind = 'cancelled' AND exit_code IS NULL AND attempts = 0"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM cancellations"), 0);
    snprintf(uri, sizeof(uri), "/api/v1/executions/%s/result", execution_id);
    struct json_object *result = client_json(api_me, "GET", uri, NULL, 200);
    ck_assert_str_eq(text_of(result, "status"), "cancelled");
    ck_assert_str_eq(text_of(json_object_object_get(result, "error"), "kind"), "cancelled");
    json_object_put(result);
}
END_TEST

static void *cancel_soon(void *arg)
{
    const struct context context = { .settings = fixture_settings, .doorbell = -1,
                                     .db = db_new(&fixture_settings->database) };
    struct execution execution = { 0 };
    struct execution_list list = { 0 };
    struct err err = ERR_INIT;
    const struct page page = { .limit = 1 };
    (void)arg;
    fixture_wait("SELECT COUNT(*) FROM executions WHERE notify != ''", 1);
    OK(execution_repo_list(context.db, session_id, -1, &page, &list, &err));
    OK(execution_service_cancel(&context, "me", list.items[0].id, &execution, &err));
    execution_release(&execution);
    execution_list_release(&list);
    db_free(context.db);
    return NULL;
}

/* Who waits for it hears at once. */
START_TEST(test_api_cancel__wakes_who_waits)
{
    pthread_t thread;
    char uri[200];
    submit();
    expect_cancel("cancelled");
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
    snprintf(uri, sizeof(uri), "%s?wait=30", execute_uri);
    int64_t begun = clock_mono_ms();
    struct json_object *result = client_json(api_me, "POST", uri, API_CODE, 200);
    ck_assert_int_lt(clock_mono_ms() - begun, 15000);
    ck_assert_str_eq(text_of(result, "status"), "cancelled");
    json_object_put(result);
    pthread_join(thread, NULL);
}
END_TEST

/* Plays the dispatcher of an execution that runs: sees what is asked, ends it as `arg` says. */
static void *end_asked(void *arg)
{
    struct db *db = db_new(&fixture_settings->database);
    const struct execution_outcome outcome = { .has_exit_code = true };
    cleanup(seq_list_release) struct seq_list asked = { 0 }, others = { 0 };
    struct err err = ERR_INIT;
    char notify[ADDRESS_SIZE];
    bool changed = false;
    fixture_wait("SELECT COUNT(*) FROM cancellations", 1);
    fixture_wait("SELECT COUNT(*) FROM executions WHERE notify != ''", 1);
    OK(cancellation_repo_asked(db, "test", 10, &asked, &err));
    OK(cancellation_repo_asked(db, "other", 10, &others, &err));
    ck_assert_uint_eq(asked.count, 1);
    ck_assert_uint_eq(others.count, 0);
    OK(execution_repo_finish(db, asked.items[0], "test", *(enum execution_status *)arg, &outcome, &changed, &err));
    ck_assert(changed);
    OK(execution_repo_notify(db, asked.items[0], notify, &err));
    doorbell_ring(-1, notify, execution_id);
    db_free(db);
    return NULL;
}

START_TEST(test_api_cancel__running_waits_for_the_end)
{
    enum execution_status end = _i == 0 ? EXECUTION_CANCELLED : EXECUTION_COMPLETED;
    pthread_t thread;
    submit();
    claim(fixture_db);
    ck_assert_int_eq(pthread_create(&thread, NULL, end_asked, &end), 0);
    int64_t begun = clock_mono_ms();
    if (end == EXECUTION_CANCELLED) {
        expect_cancel("cancelled");
    } else {
        char *detail = NULL, *code = client_refused(api_me, "POST", cancel_uri, NULL, 409, &detail);
        ck_assert_str_eq(code, "Sandbox.Conflict");
        ck_assert_ptr_nonnull(strstr(detail, "completed"));
        free(detail);
        free(code);
    }
    ck_assert_int_lt(clock_mono_ms() - begun, 9000);
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(test_api_cancel__without_a_seat_it_does_not_wait)
{
    submit();
    claim(fixture_db);
    api_me->room.seats = 0;
    int64_t begun = clock_mono_ms();
    for (int i = 0; i < 2; i++)
        expect_cancel("running");
    ck_assert_int_lt(clock_mono_ms() - begun, 5000);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM cancellations"), 1);
}
END_TEST

START_TEST(test_api_cancel__refuses)
{
    static const char *const ends[] = { "completed", "failed", "timeout", "crashed" };
    struct client *other = client_new("other", "sessions", 4);
    char sql[100];
    submit();
    api_refused(other, "POST", cancel_uri, NULL, 404, "Sandbox.ExecutionNotFound");
    api_refused(api_me, "POST", "/api/v1/executions/exec_20260101_aaaaaaaa/cancel", NULL, 404, "Sandbox.ExecutionNotFound");
    api_refused(api_me, "POST", "/api/v1/executions/exec_x/cancel", NULL, 404, "Sandbox.ExecutionNotFound");
    api_refused(api_me, "GET", cancel_uri, NULL, 405, "Sandbox.MethodNotAllowed");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'pending'"), 1);
    for (size_t i = 0; i < 4; i++) {
        snprintf(sql, sizeof(sql), "UPDATE executions SET status = '%s'", ends[i]);
        fixture_sql(sql);
        char *detail = NULL, *code = client_refused(api_me, "POST", cancel_uri, NULL, 409, &detail);
        ck_assert_str_eq(code, "Sandbox.Conflict");
        ck_assert_ptr_nonnull(strstr(detail, ends[i]));
        free(detail);
        free(code);
    }
    client_free(other);
}
END_TEST

/* --- a loss that is stored meanwhile */

START_TEST(test_api_cancel__a_loss_is_overruled)
{
    struct err err = ERR_INIT;
    const struct execution_outcome outcome = { .error_kind = (char *)"crashed" };
    bool changed = false, overruled = true;
    uint64_t removed = 1;
    submit();
    int64_t seq = claim(fixture_db);
    OK(execution_repo_retry(fixture_db, seq, "test", 0, &changed, &err));
    OK(cancellation_repo_overrule(fixture_db, seq, &overruled, &err));
    ck_assert(changed && !overruled); /* nobody asked */
    ck_assert_int_eq(claim(fixture_db), seq);
    OK(cancellation_repo_ask(fixture_db, seq, &err));
    OK(cancellation_repo_overrule(fixture_db, seq, &overruled, &err));
    ck_assert(!overruled); /* it runs */
    OK(cancellation_repo_tidy(fixture_db, 10, &removed, &err));
    ck_assert_uint_eq(removed, 0);
    if (_i == 0)
        OK(execution_repo_retry(fixture_db, seq, "test", 0, &changed, &err));
    else
        OK(execution_repo_finish(fixture_db, seq, "test", EXECUTION_CRASHED, &outcome, &changed, &err));
    OK(cancellation_repo_overrule(fixture_db, seq, &overruled, &err));
    ck_assert(changed && overruled);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'cancelled' AND error_kind = 'cancelled'"
                                    " AND claimed_by IS NULL AND completed_at IS NOT NULL"), 1);
    OK(cancellation_repo_tidy(fixture_db, 10, &removed, &err));
    ck_assert_uint_eq(removed, 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM cancellations"), 0);
}
END_TEST

/* --- claims and cancels at once */

enum { SESSIONS = 40, EACH = 4, THREADS = 6 };

static bool losing; /* what is claimed is lost at once, to be tried again */

static int lose_work(struct db *db, void *arg, struct err *err)
{
    const struct execution_claim *claim = arg;
    bool changed = false, overruled = false;
    if (execution_repo_retry(db, claim->execution.seq, claim->execution.notify, 0, &changed, err) != 0)
        return -1;
    return changed ? cancellation_repo_overrule(db, claim->execution.seq, &overruled, err) : 0;
}

static void claim_or_cancel(int index)
{
    const struct context context = { .settings = fixture_settings, .doorbell = -1,
                                     .db = db_new(&fixture_settings->database) };
    struct err err = ERR_INIT;
    char me[8], id[32];
    snprintf(me, sizeof(me), "d%d", index);
    for (int i = 0; index % 2 == 0 && i < 30; i++) {
        cleanup(claim_list_release) struct claim_list claims = { 0 };
        OK(execution_repo_claim(context.db, me, NULL, 8, &claims, NULL, &err));
        for (size_t j = 0; losing && j < claims.count; j++) {
            snprintf(claims.items[j].execution.notify, ADDRESS_SIZE, "%s", me); /* carries the name */
            OK(db_transaction(context.db, lose_work, &claims.items[j], &err));
        }
    }
    for (int i = index / 2; index % 2 == 1 && i < SESSIONS * EACH; i += THREADS / 2) {
        cleanup(execution_release) struct execution execution = { 0 };
        snprintf(id, sizeof(id), "s%d.%d", i / EACH, i % EACH);
        OK(execution_service_cancel(&context, "me", id, &execution, &err));
    }
    db_free(context.db);
}

static void fill_and_run(void)
{
    char session[16], id[32];
    for (int i = 0; i < SESSIONS * EACH; i++) {
        snprintf(session, sizeof(session), "s%d", i / EACH);
        snprintf(id, sizeof(id), "s%d.%d", i / EACH, i % EACH);
        if (i % EACH == 0)
            fixture_session(session, "me", SESSION_RUNNING);
        fixture_execution(id, session, true);
    }
    fixture_threads(THREADS, claim_or_cancel);
}

START_TEST(test_api_cancel__a_claim_and_a_cancel_never_both_miss)
{
    fill_and_run();
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions e LEFT JOIN cancellations c ON c.execution_seq = e.seq"
                                    " WHERE (e.status = 'cancelled' AND e.attempts = 0 AND c.execution_seq IS NULL)"
                                    " OR (e.status = 'running' AND e.attempts = 1 AND c.execution_seq IS NOT NULL)"),
                     SESSIONS * EACH);
}
END_TEST

/* A loss that is stored while it is cancelled: whichever comes first, it does not run again. */
START_TEST(test_api_cancel__a_loss_and_a_cancel_never_both_miss)
{
    losing = true;
    fill_and_run();
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'cancelled' AND claimed_by IS NULL"), SESSIONS * EACH);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_cancel");
    TCase *tcase = tcase_create("api_cancel");
    tcase_add_checked_fixture(tcase, api_setup, api_teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_api_cancel__pending_at_once);
    tcase_add_test(tcase, test_api_cancel__wakes_who_waits);
    tcase_add_loop_test(tcase, test_api_cancel__running_waits_for_the_end, 0, 2);
    tcase_add_test(tcase, test_api_cancel__without_a_seat_it_does_not_wait);
    tcase_add_test(tcase, test_api_cancel__refuses);
    tcase_add_loop_test(tcase, test_api_cancel__a_loss_is_overruled, 0, 2);
    tcase_add_test(tcase, test_api_cancel__a_claim_and_a_cancel_never_both_miss);
    tcase_add_test(tcase, test_api_cancel__a_loss_and_a_cancel_never_both_miss);
    return fixture_run(suite);
}
