/* SPDX-License-Identifier: Apache-2.0 */
/* The API's handlers and services against a real MariaDB: sessions, owners, tokens, health. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

START_TEST(test_api__create_session)
{
    struct answer answer = client_call(api_me, "POST", API_SESSIONS, API_CREATE);
    ck_assert_int_eq(answer.status, 201);
    char location[128];
    snprintf(location, sizeof(location), "Location: " API_SESSIONS "/%s\r\n", text_of(answer.body, "session_id"));
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
    struct json_object *first = client_json(api_me, "POST", API_SESSIONS, API_CREATE, 201);
    struct json_object *second = client_json(api_me, "POST", API_SESSIONS, API_CREATE, 201);
    struct json_object *other = client_json(api_me, "POST", API_SESSIONS, "{\"template_id\":\"python-basic\",\"resources\":{\"cpu\":2}}", 201);
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
    json_object_put(client_json(api_me, "POST", API_SESSIONS, API_CREATE, 201));
    struct answer answer = client_call(api_me, "POST", API_SESSIONS, API_CREATE);
    ck_assert_int_eq(answer.status, 503);
    ck_assert_str_eq(text_of(answer.body, "error_code"), "Sandbox.TooManyRequestsExection");
    ck_assert_ptr_nonnull(strstr(answer.headers, "Retry-After: "));
    answer_release(&answer);
    ck_assert_int_eq(fixture_number("SELECT (SELECT COUNT(*) FROM sessions) + (SELECT COUNT(*) FROM containers)"), 2);
    fixture_sql("UPDATE nodes SET last_seen_at = UTC_TIMESTAMP(3) - INTERVAL 1 HOUR");
    api_refused(api_me, "POST", API_SESSIONS, API_CREATE, 503, "Sandbox.ServiceUnavailable");
    api_refused(api_me, "POST", API_SESSIONS, "{\"template_id\":\"no-such\"}", 404, "Sandbox.TemplateNotFound");
}
END_TEST

START_TEST(test_api__list_sessions)
{
    for (int i = 0; i < 3; i++)
        json_object_put(client_json(api_me, "POST", API_SESSIONS, i == 1 ? "{\"template_id\":\"python-basic\",\"labels\":{\"app/x\":\"a b\"}}" : API_CREATE, 201));
    static const struct {
        const char *query;
        int count, total;
    } cases[] = { { "", 3, 3 }, { "?limit=2", 2, 3 }, { "?limit=2&offset=2", 1, 3 }, { "?status=running", 0, 0 },
                  { "?status=creating", 3, 3 }, { "?template_id=python-basic", 3, 3 }, { "?template_id=x", 0, 0 },
                  { "?label.app/x=a+b", 1, 1 }, { "?label.app%2Fx=a", 0, 0 }, { "?offset=99", 0, 3 } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char uri[128];
        snprintf(uri, sizeof(uri), API_SESSIONS "%s", cases[i].query);
        struct json_object *list = client_json(api_me, "GET", uri, NULL, 200);
        ck_assert_msg((int)json_object_array_length(json_object_object_get(list, "sessions")) == cases[i].count, "%s", uri);
        ck_assert_int_eq(json_object_get_int(json_object_object_get(list, "total")), cases[i].total);
        json_object_put(list);
    }
    api_refused(api_me, "GET", API_SESSIONS "?label.a=1&label.b=2", NULL, 400, "Sandbox.InvalidParameter");
    api_refused(api_me, "GET", API_SESSIONS "?status=gone", NULL, 400, "Sandbox.InvalidParameter");
    api_refused(api_me, "GET", API_SESSIONS "?limit=0", NULL, 400, "Sandbox.InvalidParameter");
    api_refused(api_me, "GET", API_SESSIONS "?colour=red", NULL, 400, "Sandbox.InvalidParameter");
}
END_TEST

/* What belongs to somebody else does not exist. */
START_TEST(test_api__other_owner)
{
    struct client *other = client_new("other", "sessions", 4);
    char id[SESSION_ID_SIZE], uri[128], more[160];
    api_create(api_me, id, uri);
    snprintf(more, sizeof(more), "%s/execute", uri);
    struct json_object *execution = client_json(api_me, "POST", more, API_CODE, 200);
    api_refused(other, "GET", uri, NULL, 404, "Sandbox.SessionNotFound");
    api_refused(other, "DELETE", uri, NULL, 404, "Sandbox.SessionNotFound");
    api_refused(other, "POST", more, API_CODE, 404, "Sandbox.SessionNotFound");
    snprintf(more, sizeof(more), "%s/executions", uri);
    api_refused(other, "GET", more, NULL, 404, "Sandbox.SessionNotFound");
    static const char *const tails[] = { "", "/status", "/result", "/result?wait=5" };
    for (size_t i = 0; i < 4; i++) {
        snprintf(more, sizeof(more), "/api/v1/executions/%s%s", text_of(execution, "execution_id"), tails[i]);
        api_refused(other, "GET", more, NULL, 404, "Sandbox.ExecutionNotFound");
    }
    struct json_object *list = client_json(other, "GET", API_SESSIONS, NULL, 200);
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
    api_refused(templates, "GET", API_SESSIONS, NULL, 403, "Sandbox.Forbidden");
    json_object_put(client_json(templates, "GET", "/api/v1/templates", NULL, 200));
    fixture_sql("UPDATE tokens SET revoked_at = UTC_TIMESTAMP(3)");
    api_refused(api_me, "GET", API_SESSIONS, NULL, 401, "Sandbox.Unauthorized");
    api_me->token[0] = '\0';
    struct answer answer = client_call(api_me, "GET", API_SESSIONS, NULL);
    ck_assert_int_eq(answer.status, 401);
    ck_assert_ptr_nonnull(strstr(answer.headers, "WWW-Authenticate: Bearer\r\n"));
    answer_release(&answer);
    api_refused(api_me, "GET", "/health/detailed", NULL, 401, "Sandbox.Unauthorized");
    json_object_put(client_json(api_me, "GET", "/health", NULL, 200));
    api_refused(api_me, "GET", "/api/v1/nothing", NULL, 404, "Sandbox.NotFound");
    client_free(templates);
}
END_TEST

START_TEST(test_api__execute_and_end)
{
    char id[SESSION_ID_SIZE], uri[128], more[160];
    api_create(api_me, id, uri);
    snprintf(more, sizeof(more), "%s/execute", uri);
    struct json_object *waiting = client_json(api_me, "POST", more, API_CODE, 200);
    ck_assert_str_eq(text_of(waiting, "status"), "submitted");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE runnable = 0"), 1);
    api_start(id);
    json_object_put(client_json(api_me, "POST", more, API_CODE, 200));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE runnable = 1 AND notify = '' AND "
                                    "event_json = '{ \"n\":123456789012345678901234567890 }'"), 2);
    for (int i = 0; i < 2; i++) {
        struct json_object *done = client_json(api_me, "DELETE", uri, NULL, 200);
        ck_assert_str_eq(text_of(done, "message"), "Session terminated successfully");
        json_object_put(done);
    }
    char *detail = NULL, *code = client_refused(api_me, "POST", more, API_CODE, 404, &detail);
    ck_assert_str_eq(code, "Sandbox.SessionNotFound");
    ck_assert_ptr_nonnull(strstr(detail, "does not exist or has been terminated"));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'failed'"), 2);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'deleting'"), 1);
    snprintf(more, sizeof(more), "/api/v1/executions/%s/result", text_of(waiting, "execution_id"));
    struct json_object *result = client_json(api_me, "GET", more, NULL, 200);
    ck_assert_str_eq(text_of(result, "status"), "failed");
    ck_assert_str_eq(text_of(json_object_object_get(result, "error"), "kind"), "session_terminated");
    ck_assert_ptr_null(json_object_object_get(result, "exit_code"));
    json_object_put(result);
    json_object_put(waiting);
    free(detail);
    free(code);
}
END_TEST

/* Seconds from now until the only session ends, within the test's own time. */
#define LEFT "SELECT expires_at BETWEEN UTC_TIMESTAMP(3) + INTERVAL %d - 20 SECOND AND UTC_TIMESTAMP(3) + INTERVAL %d SECOND FROM sessions"

static void expect_left(int seconds)
{
    char sql[256];
    snprintf(sql, sizeof(sql), LEFT, seconds, seconds);
    ck_assert_msg(fixture_number(sql) == 1, "it does not end in %d s", seconds);
}

START_TEST(test_api__renew)
{
    char id[SESSION_ID_SIZE], uri[128], more[160];
    api_create(api_me, id, uri);
    snprintf(more, sizeof(more), "%s/renew", uri);
    for (int i = 0; i < 2; i++) { /* creating, and running */
        struct json_object *session = client_json(api_me, "POST", more, i ? "{\"timeout\":60}" : "{\"timeout\":3600}", 200);
        ck_assert_str_eq(text_of(session, "session_id"), id);
        ck_assert_int_eq(json_object_get_int(json_object_object_get(session, "timeout")), i ? 60 : 3600);
        json_object_put(session);
        expect_left(i ? 60 : 3600);
        if (i == 0)
            api_start(id);
    }
    fixture_sql("UPDATE sessions SET created_at = UTC_TIMESTAMP(3) - INTERVAL 5 HOUR - INTERVAL 50 MINUTE");
    json_object_put(client_json(api_me, "POST", more, "{\"timeout\":3600}", 200));
    expect_left(600); /* six hours are the longest life */
    fixture_settings->limits.session_lifetime_s = 0;
    json_object_put(client_json(api_me, "POST", more, "{\"timeout\":3600}", 200));
    expect_left(3600);
}
END_TEST

START_TEST(test_api__renew_refuses)
{
    static const char *const bodies[] = { "{}", "{\"timeout\":59}", "{\"timeout\":3601}", "{\"timeout\":\"60\"}", "[]",
                                          "{\"timeout\":null}", "{\"timeout\":60,\"x\":1}", "" };
    struct client *other = client_new("other", "sessions", 4);
    char id[SESSION_ID_SIZE], uri[128], more[160], *detail = NULL;
    api_create(api_me, id, uri);
    snprintf(more, sizeof(more), "%s/renew", uri);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        api_refused(api_me, "POST", more, bodies[i], 400, "Sandbox.InvalidParameter");
    api_refused(other, "POST", more, "{\"timeout\":60}", 404, "Sandbox.SessionNotFound");
    api_refused(api_me, "GET", more, NULL, 405, "Sandbox.MethodNotAllowed");
    api_refused(api_me, "POST", API_SESSIONS "/sess_x/renew", "{\"timeout\":60}", 404, "Sandbox.SessionNotFound");
    expect_left(300);
    /* the reaper may have seen it already */
    fixture_sql("UPDATE sessions SET expires_at = UTC_TIMESTAMP(3)");
    char *code = client_refused(api_me, "POST", more, "{\"timeout\":60}", 409, &detail);
    ck_assert_ptr_nonnull(strstr(detail, "its time is over"));
    free(code);
    json_object_put(client_json(api_me, "DELETE", uri, NULL, 200));
    api_refused(api_me, "POST", more, "{\"timeout\":60}", 409, "Sandbox.Conflict");
    free(detail);
    client_free(other);
}
END_TEST

START_TEST(test_api__ids_are_exact)
{
    char id[SESSION_ID_SIZE], uri[128], upper[128];
    api_create(api_me, id, uri);
    strcpy(upper, uri);
    for (char *c = upper + sizeof(API_SESSIONS); *c; c++)
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
    api_refused(api_me, "GET", upper, NULL, 404, "Sandbox.SessionNotFound");
    api_refused(api_me, "GET", strcat(uri, "%20"), NULL, 404, "Sandbox.SessionNotFound");
    api_refused(api_me, "GET", "/api/v1/executions/exec_20260101_ABCDEFGH", NULL, 404, "Sandbox.ExecutionNotFound");
    api_refused(api_me, "GET", "/api/v1/executions/exec_", NULL, 404, "Sandbox.ExecutionNotFound");
    api_refused(api_me, "GET", "/api/v1/templates/PYTHON-BASIC", NULL, 404, "Sandbox.TemplateNotFound");
}
END_TEST

START_TEST(test_api__health)
{
    struct json_object *report = client_json(api_me, "GET", "/api/v1/health/detailed", NULL, 503);
    ck_assert_str_eq(text_of(report, "status"), "unhealthy"); /* no jobs */
    json_object_put(report);
    fixture_sql("INSERT INTO jobs (instance, name, pid, started_at, beat_at, interval_ms) SELECT n, n, 1, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), 60000 "
                "FROM (SELECT 'dispatchd' n UNION SELECT 'provisiond' UNION SELECT 'reap') t");
    report = client_json(api_me, "GET", "/health/detailed", NULL, 200);
    ck_assert_str_eq(text_of(report, "status"), "degraded"); /* no pool */
    json_object_put(report);
    fixture_sql("INSERT INTO jobs (instance, name, pid, started_at, beat_at, interval_ms) SELECT n, n, 1, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), 60000 "
                "FROM (SELECT 'pool' n UNION SELECT 'purge' UNION SELECT 'probe' UNION SELECT 'webhookd') t");
    report = client_json(api_me, "GET", "/health/detailed", NULL, 200);
    ck_assert_str_eq(text_of(report, "status"), "healthy");
    json_object_put(report);
    fixture_sql("UPDATE nodes SET last_seen_at = UTC_TIMESTAMP(3) - INTERVAL 20 SECOND");
    report = client_json(api_me, "GET", "/health/detailed", NULL, 503);
    struct json_object *nodes = json_object_object_get(json_object_object_get(report, "nodes"), "items");
    ck_assert_str_eq(text_of(json_object_array_get_idx(nodes, 0), "state"), "offline");
    json_object_put(report);
}
END_TEST

/* A database that is not there: 503 with Retry-After everywhere, and soon. */
START_TEST(test_api__no_database)
{
    struct db_settings nowhere = fixture_settings->database;
    nowhere.socket = (char[]){ "/nonexistent/socket" };
    struct client lost = *api_me;
    lost.context.db = db_new(&nowhere);
    static const char *const uris[] = { "/health", API_SESSIONS, "/api/v1/templates", "/health/detailed" };
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
    tcase_add_checked_fixture(tcase, api_setup, api_teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_api__create_session);
    tcase_add_test(tcase, test_api__create_takes_a_warm_container);
    tcase_add_test(tcase, test_api__create_without_room);
    tcase_add_test(tcase, test_api__list_sessions);
    tcase_add_test(tcase, test_api__other_owner);
    tcase_add_test(tcase, test_api__tokens_and_scopes);
    tcase_add_test(tcase, test_api__execute_and_end);
    tcase_add_test(tcase, test_api__renew);
    tcase_add_test(tcase, test_api__renew_refuses);
    tcase_add_test(tcase, test_api__ids_are_exact);
    tcase_add_test(tcase, test_api__health);
    tcase_add_test(tcase, test_api__no_database);
    return fixture_run(suite);
}
