/* SPDX-License-Identifier: Apache-2.0 */
/* The API's handlers and services against a real MariaDB; who runs executions is played by the tests. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/io/doorbell.h"
#include "lib/repo/container_repo.h"
#include "lib/repo/execution_repo.h"
#include "lib/repo/session_repo.h"
#include "lib/service/sessions.h"
#include "lib/util/clock.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

#define SESSIONS "/api/v1/sessions"
#define CREATE "{\"template_id\":\"python-basic\",\"resources\":null}"
#define CODE "{\"code\":\"x\",\"language\":\"python\",\"event\":{ \"n\":123456789012345678901234567890 }}"

static struct client *me;

static void setup(void)
{
    fixture_setup();
    fixture_node("n1", 16000, 16384, 20);
    me = client_new("me", "sessions", 4);
}

static void teardown(void)
{
    client_free(me);
    fixture_teardown();
}

static void expect_refused(struct client *client, const char *method, const char *uri, const char *body, int status,
                           const char *code)
{
    char *got = client_refused(client, method, uri, body, status, NULL);
    ck_assert_str_eq(got, code);
    free(got);
}

/* The id of a new session; `uri_out` gets its path. */
static void create(struct client *client, char id[SESSION_ID_SIZE], char uri_out[128])
{
    struct json_object *session = client_json(client, "POST", SESSIONS, CREATE, 201);
    snprintf(id, SESSION_ID_SIZE, "%s", text_of(session, "session_id"));
    snprintf(uri_out, 128, SESSIONS "/%s", id);
    json_object_put(session);
}

static void start(const char *id)
{
    struct err err = ERR_INIT;
    bool changed = false;
    OK(session_repo_start(fixture_db, id, &changed, &err));
    ck_assert(changed);
    OK(execution_repo_make_runnable(fixture_db, id, NULL, &err));
    fixture_sql("UPDATE containers SET status = 'running' WHERE status = 'creating'");
}

START_TEST(test_api__create_session)
{
    struct answer answer = client_call(me, "POST", SESSIONS, CREATE);
    ck_assert_int_eq(answer.status, 201);
    char location[128];
    snprintf(location, sizeof(location), "Location: " SESSIONS "/%s\r\n", text_of(answer.body, "session_id"));
    ck_assert_ptr_nonnull(strstr(answer.headers, location));
    ck_assert_str_eq(text_of(answer.body, "status"), "creating");
    ck_assert_str_eq(text_of(answer.body, "runtime_type"), "process");
    ck_assert_str_eq(json_text(json_object_object_get(answer.body, "resources")),
                     "{\"cpu\":\"1\",\"memory\":\"512Mi\",\"disk\":\"1Gi\"}");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions s JOIN containers c ON c.session_id = s.id AND c.id = s.container_id "
                                    "WHERE s.status = 'creating' AND c.status = 'creating' AND c.node_id = 'n1' AND s.node_id = 'n1' "
                                    "AND LENGTH(c.secret) = 48 AND c.template_id = 'python-basic'"), 1);
    answer_release(&answer);
}
END_TEST

START_TEST(test_api__create_takes_a_warm_container)
{
    fixture_container("c00000000001", "n1", "", CONTAINER_WARM);
    struct json_object *first = client_json(me, "POST", SESSIONS, CREATE, 201);
    struct json_object *second = client_json(me, "POST", SESSIONS, CREATE, 201);
    struct json_object *other = client_json(me, "POST", SESSIONS, "{\"template_id\":\"python-basic\",\"resources\":{\"cpu\":2}}", 201);
    ck_assert_str_eq(text_of(first, "status"), "running");
    ck_assert_str_eq(text_of(second, "status"), "creating");
    ck_assert_str_eq(text_of(other, "status"), "creating");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions s JOIN containers c ON c.id = 'c00000000001' AND c.session_id = s.id "
                                    "AND s.container_id = c.id WHERE s.status = 'running' AND c.status = 'running' "
                                    "AND s.started_at IS NOT NULL"), 1);
    json_object_put(first);
    json_object_put(second);
    json_object_put(other);
}
END_TEST

START_TEST(test_api__create_without_room)
{
    fixture_sql("UPDATE nodes SET max_containers = 1");
    json_object_put(client_json(me, "POST", SESSIONS, CREATE, 201));
    struct answer answer = client_call(me, "POST", SESSIONS, CREATE);
    ck_assert_int_eq(answer.status, 503);
    ck_assert_str_eq(text_of(answer.body, "error_code"), "Sandbox.TooManyRequestsExection");
    ck_assert_ptr_nonnull(strstr(answer.headers, "Retry-After: "));
    answer_release(&answer);
    ck_assert_int_eq(fixture_number("SELECT (SELECT COUNT(*) FROM sessions) + (SELECT COUNT(*) FROM containers)"), 2);
    fixture_sql("UPDATE nodes SET last_seen_at = UTC_TIMESTAMP(3) - INTERVAL 1 HOUR");
    expect_refused(me, "POST", SESSIONS, CREATE, 503, "Sandbox.ServiceUnavailable");
    expect_refused(me, "POST", SESSIONS, "{\"template_id\":\"no-such\"}", 404, "Sandbox.TemplateNotFound");
}
END_TEST

START_TEST(test_api__list_sessions)
{
    for (int i = 0; i < 3; i++)
        json_object_put(client_json(me, "POST", SESSIONS, i == 1 ? "{\"template_id\":\"python-basic\",\"labels\":{\"app/x\":\"a b\"}}" : CREATE, 201));
    static const struct {
        const char *query;
        int count, total;
    } cases[] = { { "", 3, 3 }, { "?limit=2", 2, 3 }, { "?limit=2&offset=2", 1, 3 }, { "?status=running", 0, 0 },
                  { "?status=creating", 3, 3 }, { "?template_id=python-basic", 3, 3 }, { "?template_id=x", 0, 0 },
                  { "?label.app/x=a+b", 1, 1 }, { "?label.app%2Fx=a", 0, 0 }, { "?offset=99", 0, 3 } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char uri[128];
        snprintf(uri, sizeof(uri), SESSIONS "%s", cases[i].query);
        struct json_object *list = client_json(me, "GET", uri, NULL, 200);
        ck_assert_msg((int)json_object_array_length(json_object_object_get(list, "sessions")) == cases[i].count, "%s", uri);
        ck_assert_int_eq(json_object_get_int(json_object_object_get(list, "total")), cases[i].total);
        json_object_put(list);
    }
    expect_refused(me, "GET", SESSIONS "?label.a=1&label.b=2", NULL, 400, "Sandbox.InvalidParameter");
    expect_refused(me, "GET", SESSIONS "?status=gone", NULL, 400, "Sandbox.InvalidParameter");
    expect_refused(me, "GET", SESSIONS "?limit=0", NULL, 400, "Sandbox.InvalidParameter");
    expect_refused(me, "GET", SESSIONS "?colour=red", NULL, 400, "Sandbox.InvalidParameter");
}
END_TEST

/* What belongs to somebody else does not exist. */
START_TEST(test_api__other_owner)
{
    struct client *other = client_new("other", "sessions", 4);
    char id[SESSION_ID_SIZE], uri[128], more[160];
    create(me, id, uri);
    snprintf(more, sizeof(more), "%s/execute", uri);
    struct json_object *execution = client_json(me, "POST", more, CODE, 200);
    expect_refused(other, "GET", uri, NULL, 404, "Sandbox.SessionNotFound");
    expect_refused(other, "DELETE", uri, NULL, 404, "Sandbox.SessionNotFound");
    expect_refused(other, "POST", more, CODE, 404, "Sandbox.SessionNotFound");
    snprintf(more, sizeof(more), "%s/executions", uri);
    expect_refused(other, "GET", more, NULL, 404, "Sandbox.SessionNotFound");
    static const char *const tails[] = { "", "/status", "/result", "/result?wait=5" };
    for (size_t i = 0; i < 4; i++) {
        snprintf(more, sizeof(more), "/api/v1/executions/%s%s", text_of(execution, "execution_id"), tails[i]);
        expect_refused(other, "GET", more, NULL, 404, "Sandbox.ExecutionNotFound");
    }
    struct json_object *list = client_json(other, "GET", SESSIONS, NULL, 200);
    ck_assert_int_eq(json_object_get_int(json_object_object_get(list, "total")), 0);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions WHERE status = 'creating'"), 1);
    json_object_put(list);
    json_object_put(execution);
    client_free(other);
}
END_TEST

START_TEST(test_api__tokens_and_scopes)
{
    struct client *templates = client_new("me", "templates", 0);
    expect_refused(templates, "GET", SESSIONS, NULL, 403, "Sandbox.Forbidden");
    json_object_put(client_json(templates, "GET", "/api/v1/templates", NULL, 200));
    fixture_sql("UPDATE tokens SET revoked_at = UTC_TIMESTAMP(3)");
    expect_refused(me, "GET", SESSIONS, NULL, 401, "Sandbox.Unauthorized");
    me->token[0] = '\0';
    struct answer answer = client_call(me, "GET", SESSIONS, NULL);
    ck_assert_int_eq(answer.status, 401);
    ck_assert_ptr_nonnull(strstr(answer.headers, "WWW-Authenticate: Bearer\r\n"));
    answer_release(&answer);
    expect_refused(me, "GET", "/health/detailed", NULL, 401, "Sandbox.Unauthorized");
    json_object_put(client_json(me, "GET", "/health", NULL, 200));
    expect_refused(me, "GET", "/api/v1/nothing", NULL, 404, "Sandbox.NotFound");
    client_free(templates);
}
END_TEST

START_TEST(test_api__execute_and_end)
{
    char id[SESSION_ID_SIZE], uri[128], more[160];
    create(me, id, uri);
    snprintf(more, sizeof(more), "%s/execute", uri);
    struct json_object *waiting = client_json(me, "POST", more, CODE, 200);
    ck_assert_str_eq(text_of(waiting, "status"), "submitted");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE runnable = 0"), 1);
    start(id);
    json_object_put(client_json(me, "POST", more, CODE, 200));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE runnable = 1 AND notify = '' AND "
                                    "event_json = '{ \"n\":123456789012345678901234567890 }'"), 2);
    for (int i = 0; i < 2; i++) {
        struct json_object *done = client_json(me, "DELETE", uri, NULL, 200);
        ck_assert_str_eq(text_of(done, "message"), "Session terminated successfully");
        json_object_put(done);
    }
    char *detail = NULL, *code = client_refused(me, "POST", more, CODE, 404, &detail);
    ck_assert_str_eq(code, "Sandbox.SessionNotFound");
    ck_assert_ptr_nonnull(strstr(detail, "does not exist or has been terminated"));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'failed'"), 2);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'deleting'"), 1);
    snprintf(more, sizeof(more), "/api/v1/executions/%s/result", text_of(waiting, "execution_id"));
    struct json_object *result = client_json(me, "GET", more, NULL, 200);
    ck_assert_str_eq(text_of(result, "status"), "failed");
    ck_assert_str_eq(text_of(json_object_object_get(result, "error"), "kind"), "session_terminated");
    ck_assert_ptr_null(json_object_object_get(result, "exit_code"));
    json_object_put(result);
    json_object_put(waiting);
    free(detail);
    free(code);
}
END_TEST

static void *play_dispatcher(void *arg)
{
    struct db *db = db_new(&fixture_settings->database);
    struct claim_list claims = { 0 };
    struct err err = ERR_INIT;
    int64_t until = clock_mono_ms() + 10000;
    (void)arg;
    while (claims.count == 0 && clock_mono_ms() < until)
        OK(execution_repo_claim(db, "test", 1, &claims, &err));
    ck_assert_uint_eq(claims.count, 1);
    struct execution *execution = &claims.items[0].execution;
    const struct execution_outcome outcome = { .stdout_text = "a\0\xc3\xa9", .stdout_len = 4, .has_exit_code = true,
                                               .return_json = "[1e2, 123456789012345678901]", .duration_ms = 12.5 };
    bool changed = false;
    char notify[ADDRESS_SIZE];
    OK(execution_repo_finish(db, execution->seq, "test", EXECUTION_COMPLETED, &outcome, &changed, &err));
    ck_assert(changed);
    OK(execution_repo_notify(db, execution->seq, notify, &err));
    doorbell_ring(-1, notify, execution->id);
    claim_list_release(&claims);
    db_free(db);
    return NULL;
}

/* Runs the call while somebody plays the dispatcher; gives the answer's body and how long it took. */
static struct json_object *call_dispatched(const char *method, const char *uri, const char *body, int64_t *ms_out)
{
    pthread_t dispatcher;
    ck_assert_int_eq(pthread_create(&dispatcher, NULL, play_dispatcher, NULL), 0);
    int64_t begun = clock_mono_ms();
    struct json_object *answer = client_json(me, method, uri, body, 200);
    *ms_out = clock_mono_ms() - begun;
    pthread_join(dispatcher, NULL);
    return answer;
}

static void expect_result(struct json_object *result)
{
    ck_assert_str_eq(text_of(result, "status"), "success");
    ck_assert_str_eq(json_text(json_object_object_get(result, "stdout")), "\"a\\u0000\xc3\xa9\"");
    ck_assert_int_eq(json_object_get_int(json_object_object_get(result, "exit_code")), 0);
    ck_assert_int_eq(me->room.waiting, 0);
}

START_TEST(test_api__execute_waits_for_the_result)
{
    char id[SESSION_ID_SIZE], uri[128], more[160];
    int64_t ms;
    create(me, id, uri);
    start(id);
    snprintf(more, sizeof(more), "%s/execute?wait=10", uri);
    struct json_object *result = call_dispatched("POST", more, CODE, &ms);
    expect_result(result);
    ck_assert_int_lt(ms, 5000);
    snprintf(more, sizeof(more), "/api/v1/executions/%s", text_of(result, "execution_id"));
    json_object_put(result);
    struct json_object *whole = client_json(me, "GET", more, NULL, 200);
    ck_assert_str_eq(text_of(whole, "code"), "x");
    ck_assert_str_eq(text_of(whole, "status"), "completed");
    expect_result(json_object_object_get(whole, "result"));
    json_object_put(whole);
    snprintf(more, sizeof(more), "%s/execute-sync", uri);
    result = call_dispatched("POST", more, CODE, &ms);
    expect_result(result);
    json_object_put(result);
    snprintf(more, sizeof(more), "%s/executions?status=completed", uri);
    struct json_object *list = client_json(me, "GET", more, NULL, 200);
    ck_assert_int_eq(json_object_get_int(json_object_object_get(list, "total")), 2);
    json_object_put(list);
}
END_TEST

START_TEST(test_api__result_waits)
{
    char id[SESSION_ID_SIZE], uri[128], more[160];
    int64_t ms;
    create(me, id, uri);
    start(id);
    snprintf(more, sizeof(more), "%s/execute", uri);
    struct json_object *submitted = client_json(me, "POST", more, CODE, 200);
    snprintf(more, sizeof(more), "/api/v1/executions/%s/result?wait=0", text_of(submitted, "execution_id"));
    struct json_object *pending = client_json(me, "GET", more, NULL, 202);
    ck_assert_str_eq(text_of(pending, "status"), "pending");
    json_object_put(pending);
    more[strlen(more) - 1] = '9';
    struct json_object *result = call_dispatched("GET", more, NULL, &ms);
    expect_result(result);
    json_object_put(result);
    result = client_json(me, "GET", more, NULL, 200);
    expect_result(result);
    json_object_put(result);
    json_object_put(submitted);
}
END_TEST

/* No seat, or a process that ends: the answer comes at once. */
START_TEST(test_api__waiting_needs_a_seat)
{
    char id[SESSION_ID_SIZE], uri[128], more[160];
    create(me, id, uri);
    snprintf(more, sizeof(more), "%s/execute?wait=30", uri);
    for (int i = 0; i < 2; i++) {
        me->room.seats = i;
        me->room.closing = i == 1;
        int64_t begun = clock_mono_ms();
        struct json_object *answer = client_json(me, "POST", more, CODE, 200);
        ck_assert_str_eq(text_of(answer, "status"), "submitted");
        ck_assert_int_lt(clock_mono_ms() - begun, 5000);
        ck_assert_int_eq(me->room.waiting, 0);
        json_object_put(answer);
    }
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE notify = ''"), 2);
}
END_TEST

START_TEST(test_api__waiting_has_an_end)
{
    char id[SESSION_ID_SIZE], uri[128], more[160];
    create(me, id, uri);
    snprintf(more, sizeof(more), "%s/execute?wait=1", uri);
    int64_t begun = clock_mono_ms();
    struct json_object *answer = client_json(me, "POST", more, CODE, 200);
    ck_assert_str_eq(text_of(answer, "status"), "submitted");
    ck_assert_int_ge(clock_mono_ms() - begun, 1000);
    json_object_put(answer);
    expect_refused(me, "POST", strcat(strcpy(more, uri), "/execute?wait=61"), CODE, 400, "Sandbox.InvalidParameter");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions"), 1);
}
END_TEST

START_TEST(test_api__waiting_ends_with_the_client)
{
    char id[SESSION_ID_SIZE], uri[128], more[160];
    struct execution execution = { 0 };
    struct err err = ERR_INIT;
    int ends[2];
    create(me, id, uri);
    snprintf(more, sizeof(more), "%s/execute", uri);
    struct json_object *submitted = client_json(me, "POST", more, CODE, 200);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    close(ends[1]);
    ck_assert(wait_room_enter(&me->room));
    const struct wait wait = { .room = &me->room, .limit_ms = 30000, .client_fd = ends[0] };
    int64_t begun = clock_mono_ms();
    OK(wait_for_execution(&me->context, &wait, "me", text_of(submitted, "execution_id"), &execution, &err));
    ck_assert_int_eq(execution.status, EXECUTION_PENDING);
    ck_assert_int_lt(clock_mono_ms() - begun, 5000);
    wait_room_leave(&me->room);
    execution_release(&execution);
    json_object_put(submitted);
    close(ends[0]);
}
END_TEST

static void *end_session(void *arg)
{
    const struct context context = { .settings = fixture_settings, .doorbell = -1,
                                     .db = db_new(&fixture_settings->database) };
    const struct session_ending how = { SESSION_FAILED, "session_failed", "The image is missing." };
    struct err err = ERR_INIT;
    bool changed = false;
    fixture_wait("SELECT COUNT(*) FROM executions", 1);
    OK(session_service_end(&context, arg, &how, &changed, &err));
    ck_assert(changed);
    OK(session_service_end(&context, arg, &how, &changed, &err));
    ck_assert(!changed);
    db_free(context.db);
    return NULL;
}

/* A session that cannot start takes its executions along, and who waits for one hears of it at once. */
START_TEST(test_api__failed_session_wakes_waiters)
{
    char id[SESSION_ID_SIZE], uri[128], more[160];
    pthread_t ender;
    create(me, id, uri);
    snprintf(more, sizeof(more), "%s/execute?wait=30", uri);
    ck_assert_int_eq(pthread_create(&ender, NULL, end_session, id), 0);
    int64_t begun = clock_mono_ms();
    struct json_object *result = client_json(me, "POST", more, CODE, 200);
    ck_assert_int_lt(clock_mono_ms() - begun, 15000);
    pthread_join(ender, NULL);
    ck_assert_str_eq(text_of(result, "status"), "failed");
    ck_assert_str_eq(text_of(json_object_object_get(result, "error"), "message"), "The image is missing.");
    struct json_object *session = client_json(me, "GET", uri, NULL, 200);
    ck_assert_str_eq(text_of(session, "status"), "failed");
    ck_assert_str_eq(text_of(json_object_object_get(session, "error"), "message"), "The image is missing.");
    char *detail = NULL, *code = client_refused(me, "POST", more, CODE, 404, &detail);
    ck_assert_ptr_nonnull(strstr(detail, "The image is missing."));
    json_object_put(session);
    json_object_put(result);
    free(detail);
    free(code);
}
END_TEST

START_TEST(test_api__ids_are_exact)
{
    char id[SESSION_ID_SIZE], uri[128], upper[128];
    create(me, id, uri);
    strcpy(upper, uri);
    for (char *c = upper + sizeof(SESSIONS); *c; c++)
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
    expect_refused(me, "GET", upper, NULL, 404, "Sandbox.SessionNotFound");
    expect_refused(me, "GET", strcat(uri, "%20"), NULL, 404, "Sandbox.SessionNotFound");
    expect_refused(me, "GET", "/api/v1/executions/exec_20260101_ABCDEFGH", NULL, 404, "Sandbox.ExecutionNotFound");
    expect_refused(me, "GET", "/api/v1/executions/exec_", NULL, 404, "Sandbox.ExecutionNotFound");
    expect_refused(me, "GET", "/api/v1/templates/PYTHON-BASIC", NULL, 404, "Sandbox.TemplateNotFound");
}
END_TEST

START_TEST(test_api__health)
{
    struct json_object *report = client_json(me, "GET", "/api/v1/health/detailed", NULL, 503);
    ck_assert_str_eq(text_of(report, "status"), "unhealthy"); /* no jobs */
    json_object_put(report);
    fixture_sql("INSERT INTO jobs (instance, name, pid, started_at, beat_at, interval_ms) SELECT n, n, 1, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), 60000 "
                "FROM (SELECT 'dispatchd' n UNION SELECT 'provisiond' UNION SELECT 'reap') t");
    report = client_json(me, "GET", "/health/detailed", NULL, 200);
    ck_assert_str_eq(text_of(report, "status"), "degraded"); /* no pool */
    json_object_put(report);
    fixture_sql("INSERT INTO jobs (instance, name, pid, started_at, beat_at, interval_ms) VALUES ('p', 'pool', 1, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), 60000)");
    report = client_json(me, "GET", "/health/detailed", NULL, 200);
    ck_assert_str_eq(text_of(report, "status"), "healthy");
    json_object_put(report);
    fixture_sql("UPDATE nodes SET last_seen_at = UTC_TIMESTAMP(3) - INTERVAL 20 SECOND");
    report = client_json(me, "GET", "/health/detailed", NULL, 503);
    struct json_object *nodes = json_object_object_get(json_object_object_get(report, "nodes"), "items");
    ck_assert_str_eq(text_of(json_object_array_get_idx(nodes, 0), "state"), "down");
    json_object_put(report);
}
END_TEST

/* A database that is not there: 503 with Retry-After everywhere, and soon. */
START_TEST(test_api__no_database)
{
    struct db_settings nowhere = fixture_settings->database;
    nowhere.socket = (char[]){ "/nonexistent/socket" };
    struct client lost = *me;
    lost.context.db = db_new(&nowhere);
    static const char *const uris[] = { "/health", SESSIONS, "/api/v1/templates", "/health/detailed" };
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        struct answer answer = client_call(&lost, "GET", uris[i], NULL);
        ck_assert_int_eq(answer.status, 503);
        ck_assert_str_eq(text_of(answer.body, "error_code"), "Sandbox.ServiceUnavailable");
        ck_assert_ptr_nonnull(strstr(answer.headers, "Retry-After: "));
        answer_release(&answer);
    }
    db_free(lost.context.db);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api");
    TCase *tcase = tcase_create("api");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_api__create_session);
    tcase_add_test(tcase, test_api__create_takes_a_warm_container);
    tcase_add_test(tcase, test_api__create_without_room);
    tcase_add_test(tcase, test_api__list_sessions);
    tcase_add_test(tcase, test_api__other_owner);
    tcase_add_test(tcase, test_api__tokens_and_scopes);
    tcase_add_test(tcase, test_api__execute_and_end);
    tcase_add_test(tcase, test_api__execute_waits_for_the_result);
    tcase_add_test(tcase, test_api__result_waits);
    tcase_add_test(tcase, test_api__waiting_needs_a_seat);
    tcase_add_test(tcase, test_api__waiting_has_an_end);
    tcase_add_test(tcase, test_api__waiting_ends_with_the_client);
    tcase_add_test(tcase, test_api__failed_session_wakes_waiters);
    tcase_add_test(tcase, test_api__ids_are_exact);
    tcase_add_test(tcase, test_api__health);
    tcase_add_test(tcase, test_api__no_database);
    return fixture_run(suite);
}
