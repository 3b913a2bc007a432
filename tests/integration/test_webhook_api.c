/* SPDX-License-Identifier: Apache-2.0 */
/* callback_url through the API: taken, shown, refused; and what ends through the API leaves its webhook. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/db_fixture.h"
#include "tests/integration/internal_stage.h"

#define URL "https://hooks.example/sandbox?team=blue"
#define EXECUTE "{\"code\":\"x\",\"language\":\"python\",\"callback_url\":\"" URL "\"}"

static void make_session(void)
{
    struct json_object *made = client_json(api_me, "POST", API_SESSIONS, "{\"template_id\":\"python-basic\",\"callback_url\":\"" URL "\"}", 201);
    FORMAT(session_id, "%s", text_of(made, "session_id"));
    FORMAT(session_uri, API_SESSIONS "/%s", session_id);
    json_object_put(made);
}

static void execute(void)
{
    char path[200];
    FORMAT(path, "%s/execute", session_uri);
    struct json_object *made = client_json(api_me, "POST", path, EXECUTE, 200);
    FORMAT(execution_id, "%s", text_of(made, "execution_id"));
    json_object_put(made);
}

static void shows(const char *path)
{
    struct json_object *shown = client_json(api_me, "GET", path, NULL, 200);
    ck_assert_str_eq(text_of(shown, "callback_url"), URL);
    json_object_put(shown);
}

START_TEST(test_webhook_api__taken_and_shown)
{
    char path[200];
    make_session();
    shows(session_uri);
    execute();
    FORMAT(path, "/api/v1/executions/%s", execution_id);
    shows(path);
    api_create(api_me, session_id, session_uri);
    struct json_object *plain = client_json(api_me, "GET", session_uri, NULL, 200);
    ck_assert(!json_object_object_get_ex(plain, "callback_url", NULL));
    json_object_put(plain);
}
END_TEST

/* At once where a literal address says it; without a key, always. */
START_TEST(test_webhook_api__refused_with_the_field)
{
    static const char *const bad[] = { "http://169.254.169.254/latest", "http://10.0.0.1/", "http://[fd00::1]/", "http://user@a.example/", "ftp://a.example/",
                                       "http://a.example:25/", "http:///a", "not a url" };
    char body[256], path[200];
    FORMAT(path, "%s/execute", session_uri);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        FORMAT(body, "{\"code\":\"x\",\"language\":\"python\",\"callback_url\":\"%s\"}", bad[i]);
        struct json_object *answer = client_json(api_me, "POST", path, body, 400);
        ck_assert_str_eq(text_of(answer, "field"), "/callback_url");
        json_object_put(answer);
    }
    fixture_settings->webhooks.key[0] = '\0';
    struct json_object *answer = client_json(api_me, "POST", path, EXECUTE, 400);
    ck_assert_str_eq(text_of(answer, "field"), "/callback_url");
    ck_assert_ptr_nonnull(strstr(text_of(answer, "error_detail"), "sends no webhooks"));
    json_object_put(answer);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE owner = 'me' AND session_id <> 'sess_other'"), 0);
}
END_TEST

/* Another one is another request. */
START_TEST(test_webhook_api__is_part_of_the_idempotent_body)
{
    char path[200];
    FORMAT(path, "%s/execute", session_uri);
    api_me->param = "HTTP_IDEMPOTENCY_KEY=hook";
    json_object_put(client_json(api_me, "POST", path, EXECUTE, 200));
    json_object_put(client_json(api_me, "POST", path, EXECUTE, 200));
    api_refused(api_me, "POST", path, "{\"code\":\"x\",\"language\":\"python\",\"callback_url\":\"https://other.example/\"}", 409, "Sandbox.Conflict");
    api_me->param = NULL;
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE callback_url = '" URL "'"), 1);
}
END_TEST

START_TEST(test_webhook_api__a_deleted_session_and_its_executions)
{
    make_session();
    execute();
    for (int i = 0; i < 2; i++)
        json_object_put(client_json(api_me, "DELETE", session_uri, NULL, 200));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM webhooks WHERE event = 'session.terminated' AND owner = 'me' AND url = '" URL "'"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM webhooks WHERE event = 'execution.failed' AND host = 'hooks.example'"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM webhooks"), 2);
}
END_TEST

START_TEST(test_webhook_api__a_reported_result)
{
    let_go();
    fixture_sql("UPDATE executions SET callback_url = '" URL "' WHERE session_id <> 'sess_other'");
    done(at("result"), "{\"status\":\"success\",\"stdout\":\"\"}", 201, "status", "completed");
    api_refused(box, "POST", at("result"), "{\"status\":\"failed\"}", 409, "Internal.StateConflict");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM webhooks WHERE event = 'execution.completed'"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM webhooks"), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("webhook_api");
    TCase *tcase = tcase_create("webhook_api");
    tcase_add_checked_fixture(tcase, internal_set_up, internal_tear_down);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_webhook_api__taken_and_shown);
    tcase_add_test(tcase, test_webhook_api__refused_with_the_field);
    tcase_add_test(tcase, test_webhook_api__is_part_of_the_idempotent_body);
    tcase_add_test(tcase, test_webhook_api__a_deleted_session_and_its_executions);
    tcase_add_test(tcase, test_webhook_api__a_reported_result);
    return fixture_run(suite);
}
