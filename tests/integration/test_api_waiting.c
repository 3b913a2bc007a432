/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for results through the API; who runs executions is played by the tests. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/io/doorbell.h"
#include "lib/repo/execution_repo.h"
#include "lib/service/sessions.h"
#include "lib/util/clock.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

static void end(const struct execution *execution, struct execution_outcome *outcome)
{
    (void)execution;
    *outcome = (struct execution_outcome){ .stdout_text = "a\0\xc3\xa9", .stdout_len = 4, .has_exit_code = true,
                                           .return_json = "[1e2, 123456789012345678901]", .duration_ms = 12.5 };
}

/* Gives the answer's body and how long it took. */
static struct json_object *call_dispatched(const char *method, const char *uri, const char *body, int64_t *ms_out)
{
    int64_t begun = clock_mono_ms();
    struct json_object *answer = client_dispatched(api_me, method, uri, body, end);
    *ms_out = clock_mono_ms() - begun;
    return answer;
}

static void expect_result(struct json_object *result)
{
    ck_assert_str_eq(text_of(result, "status"), "success");
    ck_assert_str_eq(json_text(json_object_object_get(result, "stdout")), "\"a\\u0000\xc3\xa9\"");
    ck_assert_int_eq(json_object_get_int(json_object_object_get(result, "exit_code")), 0);
    ck_assert_int_eq(api_me->room.waiting, 0);
}

START_TEST(test_api_waiting__execute_waits_for_the_result)
{
    char id[SESSION_ID_SIZE], uri[128], more[160];
    int64_t ms;
    api_create(api_me, id, uri);
    api_start(id);
    snprintf(more, sizeof(more), "%s/execute?wait=10", uri);
    struct json_object *result = call_dispatched("POST", more, API_CODE, &ms);
    expect_result(result);
    ck_assert_int_lt(ms, 5000);
    snprintf(more, sizeof(more), "/api/v1/executions/%s", text_of(result, "execution_id"));
    json_object_put(result);
    struct json_object *whole = client_json(api_me, "GET", more, NULL, 200);
    ck_assert_str_eq(text_of(whole, "code"), "x");
    ck_assert_str_eq(text_of(whole, "status"), "completed");
    expect_result(json_object_object_get(whole, "result"));
    json_object_put(whole);
    snprintf(more, sizeof(more), "%s/execute-sync", uri);
    result = call_dispatched("POST", more, API_CODE, &ms);
    expect_result(result);
    json_object_put(result);
    snprintf(more, sizeof(more), "%s/executions?status=completed", uri);
    struct json_object *list = client_json(api_me, "GET", more, NULL, 200);
    ck_assert_int_eq(json_object_get_int(json_object_object_get(list, "total")), 2);
    json_object_put(list);
}
END_TEST

START_TEST(test_api_waiting__result_waits)
{
    char id[SESSION_ID_SIZE], uri[128], more[160];
    int64_t ms;
    api_create(api_me, id, uri);
    api_start(id);
    snprintf(more, sizeof(more), "%s/execute", uri);
    struct json_object *submitted = client_json(api_me, "POST", more, API_CODE, 200);
    snprintf(more, sizeof(more), "/api/v1/executions/%s/result?wait=0", text_of(submitted, "execution_id"));
    struct json_object *pending = client_json(api_me, "GET", more, NULL, 202);
    ck_assert_str_eq(text_of(pending, "status"), "pending");
    json_object_put(pending);
    more[strlen(more) - 1] = '9';
    struct json_object *result = call_dispatched("GET", more, NULL, &ms);
    expect_result(result);
    json_object_put(result);
    result = client_json(api_me, "GET", more, NULL, 200);
    expect_result(result);
    json_object_put(result);
    json_object_put(submitted);
}
END_TEST

/* No seat, or a process that ends: the answer comes at once. */
START_TEST(test_api_waiting__waiting_needs_a_seat)
{
    char id[SESSION_ID_SIZE], uri[128], more[160];
    api_create(api_me, id, uri);
    snprintf(more, sizeof(more), "%s/execute?wait=30", uri);
    for (int i = 0; i < 2; i++) {
        api_me->room.seats = i;
        api_me->room.closing = i == 1;
        int64_t begun = clock_mono_ms();
        struct json_object *answer = client_json(api_me, "POST", more, API_CODE, 200);
        ck_assert_str_eq(text_of(answer, "status"), "submitted");
        ck_assert_int_lt(clock_mono_ms() - begun, 5000);
        ck_assert_int_eq(api_me->room.waiting, 0);
        json_object_put(answer);
    }
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE notify = ''"), 2);
}
END_TEST

START_TEST(test_api_waiting__waiting_has_an_end)
{
    char id[SESSION_ID_SIZE], uri[128], more[160];
    api_create(api_me, id, uri);
    snprintf(more, sizeof(more), "%s/execute?wait=1", uri);
    int64_t begun = clock_mono_ms();
    struct json_object *answer = client_json(api_me, "POST", more, API_CODE, 200);
    ck_assert_str_eq(text_of(answer, "status"), "submitted");
    ck_assert_int_ge(clock_mono_ms() - begun, 1000);
    json_object_put(answer);
    api_refused(api_me, "POST", strcat(strcpy(more, uri), "/execute?wait=61"), API_CODE, 400, "Sandbox.InvalidParameter");
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions"), 1);
}
END_TEST

START_TEST(test_api_waiting__waiting_ends_with_the_client)
{
    char id[SESSION_ID_SIZE], uri[128], more[160];
    struct execution execution = { 0 };
    struct err err = ERR_INIT;
    int ends[2];
    api_create(api_me, id, uri);
    snprintf(more, sizeof(more), "%s/execute", uri);
    struct json_object *submitted = client_json(api_me, "POST", more, API_CODE, 200);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    close(ends[1]);
    ck_assert(wait_room_enter(&api_me->room));
    const struct wait wait = { .room = &api_me->room, .limit_ms = 30000, .client_fd = ends[0] };
    int64_t begun = clock_mono_ms();
    OK(wait_for_execution(&api_me->context, &wait, "me", text_of(submitted, "execution_id"), &execution, &err));
    ck_assert_int_eq(execution.status, EXECUTION_PENDING);
    ck_assert_int_lt(clock_mono_ms() - begun, 5000);
    wait_room_leave(&api_me->room);
    execution_release(&execution);
    json_object_put(submitted);
    close(ends[0]);
}
END_TEST

static void *end_session(void *arg)
{
    const struct context context = { .settings = fixture_settings, .doorbell = -1,
                                     .db = db_new(&fixture_settings->database) };
    const struct session_ending how = { .status = SESSION_FAILED, .kind = "session_failed", .reason = "The image is missing." };
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
START_TEST(test_api_waiting__failed_session_wakes_waiters)
{
    char id[SESSION_ID_SIZE], uri[128], more[160];
    pthread_t ender;
    api_create(api_me, id, uri);
    snprintf(more, sizeof(more), "%s/execute?wait=30", uri);
    ck_assert_int_eq(pthread_create(&ender, NULL, end_session, id), 0);
    int64_t begun = clock_mono_ms();
    struct json_object *result = client_json(api_me, "POST", more, API_CODE, 200);
    ck_assert_int_lt(clock_mono_ms() - begun, 15000);
    pthread_join(ender, NULL);
    ck_assert_str_eq(text_of(result, "status"), "failed");
    ck_assert_str_eq(text_of(json_object_object_get(result, "error"), "message"), "The image is missing.");
    struct json_object *session = client_json(api_me, "GET", uri, NULL, 200);
    ck_assert_str_eq(text_of(session, "status"), "failed");
    ck_assert_str_eq(text_of(json_object_object_get(session, "error"), "message"), "The image is missing.");
    char *detail = NULL, *code = client_refused(api_me, "POST", more, API_CODE, 404, &detail);
    ck_assert_ptr_nonnull(strstr(detail, "The image is missing."));
    json_object_put(session);
    json_object_put(result);
    free(detail);
    free(code);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_waiting");
    TCase *tcase = tcase_create("api_waiting");
    tcase_add_checked_fixture(tcase, api_setup, api_teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_api_waiting__execute_waits_for_the_result);
    tcase_add_test(tcase, test_api_waiting__result_waits);
    tcase_add_test(tcase, test_api_waiting__waiting_needs_a_seat);
    tcase_add_test(tcase, test_api_waiting__waiting_has_an_end);
    tcase_add_test(tcase, test_api_waiting__waiting_ends_with_the_client);
    tcase_add_test(tcase, test_api_waiting__failed_session_wakes_waiters);
    return fixture_run(suite);
}
