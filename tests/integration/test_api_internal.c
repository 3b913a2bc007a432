/* SPDX-License-Identifier: Apache-2.0 */
/* The internal API: what a container's own executor may report, and what not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/io/doorbell.h"
#include "lib/repo/cancellation_repo.h"
#include "lib/repo/execution_repo.h"
#include "lib/repo/push_repo.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

#include "tests/integration/internal_stage.h"

/* --- who may */

static const char *const calls[][2] = {
    { "executions/%s/status", "{\"status\":\"running\"}" },    { "executions/%s/heartbeat", NULL },
    { "executions/%s/result", "{\"status\":\"success\"}" },     { "executions/%s/artifacts", "{\"artifacts\":[\"a\"]}" },
    { "sessions/%s/container_ready", NULL },                    { "sessions/%s/container_exited", "{\"exit_code\":0,\"exit_reason\":\"normal\"}" },
};

/* The same answer, whether the id exists or not. */
START_TEST(test_api_internal__a_secret_and_nothing_else_opens_it)
{
    static const char *const wrong[] = { "", "x", OURS "0", "0123456789ABCDEF0123456789abcdef0123456789abcdef",
                                         "0123456789abcdef0123456789abcdef0123456789abcdee", "________________________________________________" };
    const char *format = calls[_i][0], *body = calls[_i][1];
    bool session = strncmp(format, "sess", 4) == 0;
    char path[100], where[128];
    sent();
    for (int known = 0; known < 2; known++) {
        snprintf(path, sizeof(path), session ? "sessions/%s%s" : "executions/%s%s",
                 !known ? "nothing" : session ? session_id : execution_id, strrchr(format, '/'));
        FORMAT(where, "/api/v1/internal/%s", path);
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
            snprintf(box->token, sizeof(box->token), "%s", wrong[i]);
            api_refused(box, "POST", where, body, 401, "Internal.Unauthorized");
        }
        api_refused(api_me, "POST", where, body, 401, "Internal.Unauthorized"); /* a client's token */
    }
    fixture_sql("UPDATE containers SET secret = ''");
    box->token[0] = '\0';
    api_refused(box, "POST", where, body, 401, "Internal.Unauthorized");
}
END_TEST

START_TEST(test_api_internal__a_secret_is_no_token)
{
    static const char *const uris[] = { API_SESSIONS, "/api/v1/templates", "/health/detailed" };
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++)
        api_refused(box, "GET", uris[i], NULL, 401, "Sandbox.Unauthorized");
}
END_TEST

/* Another container's, nobody's, and a warm or replaced container's: all the same. */
START_TEST(test_api_internal__only_its_own_session)
{
    static const char *const executions[] = { "exec_20260101_otherone", "exec_20260101_nothing0", "x", "%C3%A9" };
    static const char *const sessions[] = { "sess_other", "sess_aaaaaaaaaaaaaaaa", "x" };
    const char *format = calls[_i][0], *body = calls[_i][1];
    bool session = strncmp(format, "sess", 4) == 0;
    const char *const *ids = session ? sessions : executions;
    char where[128];
    sent();
    for (size_t i = 0; i < (session ? 3 : 4); i++) {
        FORMAT(where, "/api/v1/internal/%s/%s%s", session ? "sessions" : "executions", ids[i], strrchr(format, '/'));
        api_refused(box, "POST", where, body, 404, "Internal.InvalidExecution");
    }
    fixture_sql("UPDATE sessions SET container_id = 'c99999999999'");
    FORMAT(where, "/api/v1/internal/%s/%s%s", session ? "sessions" : "executions", session ? session_id : execution_id, strrchr(format, '/'));
    api_refused(box, "POST", where, body, 404, "Internal.InvalidExecution");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status IN ('pending', 'running')"), 2);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions WHERE status = 'running'"), 2);
}
END_TEST

/* --- containers */

START_TEST(test_api_internal__container_ready)
{
    char more[160];
    FORMAT(more, "%s/execute", session_uri);
    json_object_put(client_json(api_me, "POST", more, API_CODE, 200));
    fixture_sql("UPDATE containers SET claimed_by = 'provisiond' WHERE status = 'creating'");
    for (int i = 0; i < 2; i++)
        done(at_session("container_ready"), i ? "{}" : NULL, 200, "status", "running");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions s JOIN containers c ON c.id = s.container_id JOIN executions e ON e.session_id = s.id"
                                    " WHERE s.owner = 'me' AND s.status = 'running' AND s.started_at IS NOT NULL AND c.status = 'running'"
                                    " AND c.claimed_by IS NULL AND c.ready_at IS NOT NULL AND e.runnable = 1"), 1);
    json_object_put(client_json(api_me, "DELETE", session_uri, NULL, 200));
    api_refused(box, "POST", at_session("container_ready"), NULL, 409, "Internal.StateConflict");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'deleting'"), 1);
}
END_TEST

START_TEST(test_api_internal__container_exited_before_it_ran)
{
    static const char *const reasons[] = { "normal", "sigterm", "sigkill", "oom_killed", "error" };
    char body[100], message[100];
    FORMAT(body, "{\"exit_code\":%d,\"exit_reason\":\"%s\"}", _i * 30, reasons[_i]);
    FORMAT(message, "The sandbox's container ended: %s (exit code %d).", reasons[_i], _i * 30);
    for (int i = 0; i < 2; i++)
        done(at_session("container_exited"), body, 200, "status", "failed");
    struct json_object *session = client_json(api_me, "GET", session_uri, NULL, 200);
    ck_assert_str_eq(text_of(json_object_object_get(session, "error"), "message"), message);
    json_object_put(session);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM containers WHERE status = 'deleting'"), 1);
}
END_TEST

/* A session that ran goes on in another container; to the old one's secret it is nobody's any more. */
START_TEST(test_api_internal__container_exited)
{
    char where[200];
    let_go();
    done(at_session("container_exited"), "{\"exit_code\":137,\"exit_reason\":\"oom_killed\"}", 200, "status", "creating");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions s JOIN containers c ON c.id = s.container_id JOIN containers o ON o.session_id = s.id"
                                    " WHERE s.owner = 'me' AND s.restarts = 1 AND c.status = 'creating' AND c.workspace_seq = -1 AND c.image = o.image"
                                    " AND o.status = 'deleting' AND o.secret = '" OURS "'"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE status = 'running' AND session_id <> 'sess_other'"), 1);
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM audit WHERE action = 'replace' AND object_kind = 'session' AND actor LIKE 'container:%'"
                                    " AND detail LIKE '%oom_killed (exit code 137).'"), 1);
    for (int i = 0; i < 2; i++)
        api_refused(box, "POST", at_session(i ? "container_exited" : "container_ready"), i ? "{\"exit_code\":0,\"exit_reason\":\"normal\"}" : NULL,
                    404, "Internal.InvalidExecution");
    FORMAT(where, "%s", at("result"));
    api_refused(box, "POST", where, "{\"status\":\"success\"}", 404, "Internal.InvalidExecution");
    struct json_object *session = client_json(api_me, "GET", session_uri, NULL, 200);
    ck_assert_str_eq(text_of(session, "status"), "creating");
    ck_assert_int_eq(json_object_get_int(json_object_object_get(session, "restarts")), 1);
    json_object_put(session);
}
END_TEST

START_TEST(test_api_internal__container_exited_after_the_end)
{
    static const char *const bad[] = { "{}", "{\"exit_code\":0}", "{\"exit_code\":0,\"exit_reason\":\"bored\"}", "{\"exit_code\":256,\"exit_reason\":\"normal\"}" };
    for (size_t i = 0; i < 4; i++)
        api_refused(box, "POST", at_session("container_exited"), bad[i], 400, "Internal.InvalidParameter");
    json_object_put(client_json(api_me, "DELETE", session_uri, NULL, 200));
    done(at_session("container_exited"), "{\"exit_code\":0,\"exit_reason\":\"normal\"}", 200, "status", "terminated");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM sessions WHERE status = 'terminated' AND error IS NULL"), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_internal");
    TCase *tcase = tcase_create("api_internal");
    tcase_add_checked_fixture(tcase, internal_set_up, internal_tear_down);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, test_api_internal__a_secret_and_nothing_else_opens_it, 0, 6);
    tcase_add_test(tcase, test_api_internal__a_secret_is_no_token);
    tcase_add_loop_test(tcase, test_api_internal__only_its_own_session, 0, 6);
    tcase_add_test(tcase, test_api_internal__container_ready);
    tcase_add_loop_test(tcase, test_api_internal__container_exited_before_it_ran, 0, 5);
    tcase_add_test(tcase, test_api_internal__container_exited);
    tcase_add_test(tcase, test_api_internal__container_exited_after_the_end);
    return fixture_run(suite);
}
