/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are sent again: through the API, from several workers at once, and with the database in the way. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/repo/idempotency_repo.h"
#include "lib/service/retention.h"
#include "lib/service/sessions.h"
#include "lib/util/clock.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

#define KEY(text) "HTTP_IDEMPOTENCY_KEY=" text
#define KEYS "SELECT COUNT(*) FROM idempotency_keys"
#define SESSIONS "SELECT COUNT(*) FROM sessions"
#define EXECUTIONS "SELECT COUNT(*) FROM executions"

/* An answer's body as text. */
static char *call(const char *method, const char *uri, const char *body, int status, bool replayed)
{
    struct answer answer = client_call(api_me, method, uri, body);
    ck_assert_msg(answer.status == status, "%s: %d %s", uri, answer.status, answer.body ? json_text(answer.body) : "");
    ck_assert_msg((strstr(answer.headers, "Idempotency-Replayed: true\r\n") != NULL) == replayed, "%s", answer.headers);
    char *text = strdup(json_text(answer.body));
    answer_release(&answer);
    return text;
}

static void check_same(const char *uri, const char *body, int status)
{
    cleanup_free char *first = call("POST", uri, body, status, false);
    cleanup_free char *second = call("POST", uri, body, status, true);
    ck_assert_str_eq(first, second);
}

START_TEST(test_idempotency__sessions_are_made_once)
{
    api_me->param = KEY("a ~1");
    struct answer first = client_call(api_me, "POST", API_SESSIONS, API_CREATE);
    struct answer again = client_call(api_me, "POST", API_SESSIONS, API_CREATE);
    ck_assert_int_eq(first.status, 201);
    ck_assert_int_eq(again.status, 201);
    ck_assert_str_eq(json_text(first.body), json_text(again.body));
    const char *location = strstr(first.headers, "Location: ");
    ck_assert_ptr_nonnull(location);
    ck_assert_ptr_nonnull(strstr(again.headers, "Idempotency-Replayed: true\r\n"));
    ck_assert_ptr_null(strstr(first.headers, "Idempotency-Replayed"));
    char line[128];
    snprintf(line, sizeof(line), "%.*s", (int)strcspn(location, "\r"), location);
    ck_assert_ptr_nonnull(strstr(again.headers, line));
    ck_assert_int_eq(fixture_number(SESSIONS), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers"), 1);
    answer_release(&first);
    answer_release(&again);
    api_me->param = NULL;
    json_object_put(client_json(api_me, "POST", API_SESSIONS, API_CREATE, 201));
    ck_assert_int_eq(fixture_number(SESSIONS), 2);
}
END_TEST

START_TEST(test_idempotency__another_request_with_the_key_is_a_conflict)
{
    char id[SESSION_ID_SIZE], uri[128], execute[160];
    api_create(api_me, id, uri);
    snprintf(execute, sizeof(execute), "%s/execute", uri);
    api_me->param = KEY("k");
    json_object_put(client_json(api_me, "POST", API_SESSIONS, API_CREATE, 201));
    api_refused(api_me, "POST", API_SESSIONS, "{\"template_id\":\"python-basic\"}", 409, "Sandbox.Conflict");
    api_refused(api_me, "POST", execute, API_CODE, 409, "Sandbox.Conflict");
    api_me->param = KEY("l");
    json_object_put(client_json(api_me, "POST", execute, API_CODE, 200));
    strcat(execute, "-sync");
    api_refused(api_me, "POST", execute, API_CODE, 409, "Sandbox.Conflict");
    ck_assert_int_eq(fixture_number(EXECUTIONS), 1);
}
END_TEST

START_TEST(test_idempotency__keys_are_an_owners_own)
{
    struct client *other = client_new("other", "sessions", 0), *same = client_new("me", "sessions", 0);
    api_me->param = other->param = same->param = KEY("k");
    json_object_put(client_json(api_me, "POST", API_SESSIONS, API_CREATE, 201));
    json_object_put(client_json(other, "POST", API_SESSIONS, "{\"template_id\":\"nodejs-basic\"}", 201));
    json_object_put(client_json(same, "POST", API_SESSIONS, API_CREATE, 201));
    ck_assert_int_eq(fixture_number(SESSIONS), 2);
    client_free(other);
    client_free(same);
}
END_TEST

START_TEST(test_idempotency__bad_keys_are_refused)
{
    char longest[400] = KEY(""), *end = longest + strlen(longest);
    static const char *const bad[] = { KEY(""), KEY("a\tb"), KEY("\x7f"), KEY("h\xc3\xa9") };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        api_me->param = bad[i];
        struct json_object *answer = client_json(api_me, "POST", API_SESSIONS, API_CREATE, 400);
        ck_assert_str_eq(text_of(answer, "field"), "Idempotency-Key");
        json_object_put(answer);
    }
    api_me->param = longest;
    memset(end, 'x', 255);
    json_object_put(client_json(api_me, "POST", API_SESSIONS, API_CREATE, 201));
    end[255] = 'x';
    api_refused(api_me, "POST", API_SESSIONS, API_CREATE, 400, "Sandbox.InvalidParameter");
    ck_assert_int_eq(fixture_number(SESSIONS), 1);
}
END_TEST

START_TEST(test_idempotency__a_refused_request_keeps_nothing)
{
    api_me->param = KEY("k");
    api_refused(api_me, "POST", API_SESSIONS, "{\"template_id\":\"nope\"}", 404, "Sandbox.TemplateNotFound");
    api_refused(api_me, "POST", API_SESSIONS "/sess_0000000000000000/execute", API_CODE, 404, "Sandbox.SessionNotFound");
    fixture_settings->limits.sessions = 1;
    fixture_session("s1", "me", SESSION_RUNNING);
    api_refused(api_me, "POST", API_SESSIONS, API_CREATE, 429, "Sandbox.RateLimited");
    ck_assert_int_eq(fixture_number(KEYS), 0);
    fixture_settings->limits.sessions = 0;
    check_same(API_SESSIONS, API_CREATE, 201);
}
END_TEST

START_TEST(test_idempotency__a_day_old_counts_as_absent)
{
    struct err err = ERR_INIT;
    int64_t rows = 0;
    api_me->param = KEY("k");
    json_object_put(client_json(api_me, "POST", API_SESSIONS, API_CREATE, 201));
    fixture_sql("UPDATE idempotency_keys SET created_at = UTC_TIMESTAMP(3) - INTERVAL 86390 SECOND");
    OK(retention_pass(&api_me->context, &rows, &err));
    free(call("POST", API_SESSIONS, API_CREATE, 201, true));
    fixture_sql("UPDATE idempotency_keys SET created_at = UTC_TIMESTAMP(3) - INTERVAL 86401 SECOND");
    check_same(API_SESSIONS, "{\"template_id\":\"python-basic\"}", 201); /* overwritten, hash and all */
    ck_assert_int_eq(fixture_number(SESSIONS), 2);
    ck_assert_int_eq(fixture_number(KEYS), 1);
    fixture_sql("UPDATE idempotency_keys SET created_at = UTC_TIMESTAMP(3) - INTERVAL 86401 SECOND;"
                "INSERT INTO idempotency_keys (owner, idem_key, request_hash, created_at) SELECT 'o', seq, '', '2026-01-01' FROM seq_1_to_1200;"
                "INSERT INTO idempotency_keys (owner, idem_key, request_hash, created_at) VALUES ('o', 'young', '', UTC_TIMESTAMP(3))");
    OK(retention_pass(&api_me->context, &rows, &err));
    ck_assert_int_eq(fixture_number(KEYS), 1);
}
END_TEST

/* --- executions */

static char execute_uri[160];

static void open_session(void)
{
    char id[SESSION_ID_SIZE], uri[128];
    api_create(api_me, id, uri);
    api_start(id);
    snprintf(execute_uri, sizeof(execute_uri), "%s/execute", uri);
}

START_TEST(test_idempotency__executions_are_stored_once_and_not_counted_again)
{
    open_session();
    fixture_settings->limits.executions_per_minute = 1;
    api_me->param = KEY("e");
    check_same(execute_uri, API_CODE, 200);
    free(call("POST", execute_uri, API_CODE, 200, true));
    ck_assert_int_eq(fixture_number(EXECUTIONS), 1);
    api_me->param = KEY("f");
    api_refused(api_me, "POST", execute_uri, API_CODE, 429, "Sandbox.RateLimited");
}
END_TEST

START_TEST(test_idempotency__replays_answer_after_the_session_ended)
{
    open_session();
    api_me->param = KEY("e");
    cleanup_free char *first = call("POST", execute_uri, API_CODE, 200, false);
    fixture_sql("UPDATE sessions SET status = 'terminated', ended_at = UTC_TIMESTAMP(3)");
    cleanup_free char *again = call("POST", execute_uri, API_CODE, 200, true);
    ck_assert_str_eq(first, again);
}
END_TEST

#define FINISH "UPDATE executions SET status = 'completed', completed_at = UTC_TIMESTAMP(3), exit_code = 0, return_json = '42'"

START_TEST(test_idempotency__a_replay_with_wait_answers_the_same_executions_result)
{
    char waiting[192], sync[192];
    open_session();
    snprintf(waiting, sizeof(waiting), "%s?wait=1", execute_uri);
    snprintf(sync, sizeof(sync), "%s-sync", execute_uri);
    api_me->param = KEY("e");
    cleanup_free char *first = call("POST", execute_uri, API_CODE, 200, false);
    cleanup_free char *unfinished = call("POST", waiting, API_CODE, 200, true);
    ck_assert_str_eq(first, unfinished);
    fixture_sql(FINISH);
    cleanup_free char *result = call("POST", waiting, API_CODE, 200, true);
    ck_assert_ptr_nonnull(strstr(result, "\"return_value\":42"));
    cleanup_free char *plain = call("POST", execute_uri, API_CODE, 200, true); /* without: what was answered first */
    ck_assert_str_eq(first, plain);
    api_me->room.seats = 0;
    cleanup_free char *no_seat = call("POST", waiting, API_CODE, 200, true);
    ck_assert_str_eq(result, no_seat);
    api_me->param = KEY("s");
    free(call("POST", sync, API_CODE, 202, false)); /* no seat */
    fixture_sql(FINISH);
    cleanup_free char *done = call("POST", sync, API_CODE, 200, true);
    ck_assert_ptr_nonnull(strstr(done, "\"return_value\":42"));
    ck_assert_int_eq(fixture_number(EXECUTIONS), 2);
}
END_TEST

static void finish_soon(int index)
{
    if (index == 0) {
        free(call("POST", execute_uri, API_CODE, 200, true));
        return;
    }
    fixture_wait("SELECT COUNT(*) FROM executions WHERE notify <> ''", 1); /* the replay left its doorbell */
    struct err err = ERR_INIT;
    cleanup_db struct db *db = db_new(&fixture_settings->database);
    OK(db_script(db, FINISH, &err));
}

START_TEST(test_idempotency__a_replay_waits_for_what_runs)
{
    open_session();
    api_me->param = KEY("e");
    free(call("POST", execute_uri, API_CODE, 200, false));
    strcat(execute_uri, "?wait=30");
    int64_t start = clock_mono_ms();
    fixture_threads(2, finish_soon);
    ck_assert_int_lt(clock_mono_ms() - start, 10000);
}
END_TEST

/* --- at once */

enum { WORKERS = 16 };
static struct client *workers[WORKERS];
static char *answers[WORKERS];
static const char *rush_uri, *rush_body;
static int rush_status;

static void send_one(int index)
{
    struct answer answer = client_call(workers[index], "POST", rush_uri, rush_body);
    ck_assert_msg(answer.status == rush_status, "%d %s", answer.status, answer.body ? json_text(answer.body) : "");
    answers[index] = strdup(json_text(answer.body));
    answer_release(&answer);
}

/* The same request from all workers at once. All must be answered with `status`; the first one's answer is kept in answers[0]. */
static void rush(const char *uri, const char *body, int status)
{
    rush_uri = uri;
    rush_body = body;
    rush_status = status;
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = client_new("me", "sessions", 0);
        workers[i]->param = KEY("rush");
    }
    fixture_threads(WORKERS, send_one);
    for (int i = 0; i < WORKERS; i++)
        client_free(workers[i]);
}

static void rush_for_one(const char *uri, const char *body, int status)
{
    rush(uri, body, status);
    for (int i = 1; i < WORKERS; i++) {
        ck_assert_str_eq(answers[i], answers[0]);
        free(answers[i]);
    }
    free(answers[0]);
}

START_TEST(test_idempotency__equal_requests_at_once_make_one_session)
{
    rush_for_one(API_SESSIONS, API_CREATE, 201);
    ck_assert_int_eq(fixture_number(SESSIONS), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers"), 1);
}
END_TEST

START_TEST(test_idempotency__at_once_over_a_stale_row_too)
{
    fixture_sql("INSERT INTO idempotency_keys (owner, idem_key, request_hash, resource_id, answer, created_at)"
                " VALUES ('me', 'rush', 'x', 'sess_old', '{}', '2026-01-01')");
    rush_for_one(API_SESSIONS, API_CREATE, 201);
    ck_assert_int_eq(fixture_number(SESSIONS), 1);
}
END_TEST

START_TEST(test_idempotency__equal_requests_at_once_make_one_execution)
{
    open_session();
    rush_for_one(execute_uri, API_CODE, 200);
    ck_assert_int_eq(fixture_number(EXECUTIONS), 1);
}
END_TEST

/* All are refused, one after the other: each rolls back what the next one waits for. */
START_TEST(test_idempotency__equal_requests_that_fail_at_once)
{
    fixture_sql("UPDATE nodes SET max_containers = 0");
    rush(API_SESSIONS, API_CREATE, 503);
    for (int i = 0; i < WORKERS; i++) {
        ck_assert_ptr_nonnull(strstr(answers[i], "Sandbox.TooManyRequestsExection"));
        free(answers[i]);
    }
    ck_assert_int_eq(fixture_number(KEYS), 0);
}
END_TEST

static int hold_key(struct db *db, void *arg, struct err *err)
{
    cleanup(idempotency_row_release) struct idempotency_row row = { 0 };
    (void)arg;
    if (idempotency_repo_claim(db, "me", "k", "hash", &row, err) != 0)
        return -1;
    struct answer answer = client_call(api_me, "POST", API_SESSIONS, API_CREATE);
    ck_assert_int_eq(answer.status, 503);
    ck_assert_ptr_nonnull(strstr(answer.headers, "Retry-After: "));
    answer_release(&answer);
    return 0;
}

START_TEST(test_idempotency__a_key_that_stays_locked_is_503)
{
    struct err err = ERR_INIT;
    api_me->param = KEY("k");
    OK(db_transaction(fixture_db, hold_key, NULL, &err));
    ck_assert_int_eq(fixture_number(SESSIONS), 0);
}
END_TEST

/* A worker that dies in the middle: the encoder is called last before the commit. */
static char *die(const void *arg, const void *made)
{
    (void)arg;
    (void)made;
    raise(SIGKILL);
    return NULL;
}

START_TEST(test_idempotency__a_worker_that_dies_leaves_nothing)
{
    pid_t child = fork();
    if (child == 0) {
        struct err err = ERR_INIT;
        struct context context = api_me->context;
        struct session session = { 0 };
        struct idempotency once = { .encode = die };
        struct session_request request = { .template_id = "python-basic", .timeout_s = 300, .once = &once };
        context.db = db_new(&fixture_settings->database);
        if (idempotency_init(&once, "k", "POST " API_SESSIONS, API_CREATE, strlen(API_CREATE), &err) == 0 &&
            session_service_create(&context, "me", &request, &session, &err) == 0)
            _exit(0);
        _exit(1);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    api_me->param = KEY("k");
    check_same(API_SESSIONS, API_CREATE, 201); /* waits at most for the server to notice */
    ck_assert_int_eq(fixture_number(SESSIONS), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers"), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("idempotency");
    TCase *tcase = tcase_create("idempotency");
    tcase_add_checked_fixture(tcase, api_setup, api_teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_idempotency__sessions_are_made_once);
    tcase_add_test(tcase, test_idempotency__another_request_with_the_key_is_a_conflict);
    tcase_add_test(tcase, test_idempotency__keys_are_an_owners_own);
    tcase_add_test(tcase, test_idempotency__bad_keys_are_refused);
    tcase_add_test(tcase, test_idempotency__a_refused_request_keeps_nothing);
    tcase_add_test(tcase, test_idempotency__a_day_old_counts_as_absent);
    tcase_add_test(tcase, test_idempotency__executions_are_stored_once_and_not_counted_again);
    tcase_add_test(tcase, test_idempotency__replays_answer_after_the_session_ended);
    tcase_add_test(tcase, test_idempotency__a_replay_with_wait_answers_the_same_executions_result);
    tcase_add_test(tcase, test_idempotency__a_replay_waits_for_what_runs);
    tcase_add_test(tcase, test_idempotency__equal_requests_at_once_make_one_session);
    tcase_add_test(tcase, test_idempotency__at_once_over_a_stale_row_too);
    tcase_add_test(tcase, test_idempotency__equal_requests_at_once_make_one_execution);
    tcase_add_test(tcase, test_idempotency__equal_requests_that_fail_at_once);
    tcase_add_test(tcase, test_idempotency__a_key_that_stays_locked_is_503);
    tcase_add_test(tcase, test_idempotency__a_worker_that_dies_leaves_nothing);
    return fixture_run(suite);
}
