/* SPDX-License-Identifier: Apache-2.0 */
/* ?trace=1 through the API; who runs executions is played by the test. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/trace.h"
#include "lib/repo/execution_repo.h"
#include "lib/util/clock.h"
#include "tests/integration/api_client.h"
#include "tests/integration/db_fixture.h"

static struct client *admin; /* the same owner */
static char session_uri[128];

static void setup(void)
{
    char id[SESSION_ID_SIZE];
    api_setup();
    admin = client_new("me", "sessions,admin", 4);
    api_create(api_me, id, session_uri);
    api_start(id);
}

static void teardown(void)
{
    client_free(admin);
    api_teardown();
}

/* Each step but "send" takes a millisecond. */
static char *dispatched(const struct execution *execution)
{
    struct trace trace = { 0 };
    struct err err = ERR_INIT;
    if (!execution->trace_json)
        return NULL;
    OK(trace_decode(execution->trace_json, &trace, &err));
    ck_assert_int_gt(trace.at[TRACE_BEGUN], 0);
    ck_assert_int_ge(trace.at[TRACE_ADMITTED], trace.at[TRACE_BEGUN]);
    trace_mark(&trace, TRACE_HEARD);
    trace_mark_at(&trace, TRACE_CLAIMED, trace.at[TRACE_HEARD] + 1000);
    trace_mark_at(&trace, TRACE_ANSWERED, trace.at[TRACE_HEARD] + 6000);
    trace_took(&trace, TRACE_START, 1);
    trace_took(&trace, TRACE_RUN, 1);
    trace_took(&trace, TRACE_COLLECT, 1);
    return trace_text(&trace);
}

static void end(const struct execution *execution, struct execution_outcome *outcome)
{
    *outcome = (struct execution_outcome){ .has_exit_code = true, .duration_ms = 1, .trace_json = dispatched(execution) };
    usleep(10000); /* as long as it says that it took, and longer */
}

static struct json_object *call_dispatched(const char *method, const char *uri, const char *body)
{
    return client_dispatched(admin, method, uri, body, end);
}

/* The names of the steps; that they sum up is checked. */
static void expect_steps(struct json_object *result, const char *names, int64_t *total_out)
{
    cleanup_strbuf struct strbuf text = STRBUF_INIT(1024);
    struct json_object *trace = NULL, *steps = NULL, *total = NULL;
    int64_t sum = 0;
    ck_assert(json_object_object_get_ex(result, "trace", &trace));
    ck_assert_msg(json_object_object_get_ex(trace, "steps", &steps) && json_object_object_get_ex(trace, "total_us", &total), "%s", json_text(result));
    for (size_t i = 0; i < json_object_array_length(steps); i++) {
        struct json_object *step = json_object_array_get_idx(steps, i);
        int64_t us = json_object_get_int64(json_object_object_get(step, "us"));
        strbuf_addf(&text, "%s%s", i ? " " : "", text_of(step, "step"));
        ck_assert_int_ge(us, 0);
        sum += us;
    }
    ck_assert_str_eq(strbuf_str(&text), names);
    ck_assert_int_eq(sum, json_object_get_int64(total));
    ck_assert_int_eq(json_object_get_int(json_object_object_get(trace, "attempts")), 1);
    *total_out = sum;
}

#define WAITED "guard insert ring claim send start run collect store wake answer"
#define LATER "guard ring claim send start run collect"

START_TEST(test_api_trace__says_where_the_time_went)
{
    static const char *const ways[] = { "/execute?wait=10&trace=1", "/execute-sync?trace=1" };
    for (size_t i = 0; i < 2; i++) {
        char uri[200];
        int64_t total, later;
        snprintf(uri, sizeof(uri), "%s%s", session_uri, ways[i]);
        int64_t before = clock_mono_us();
        struct json_object *result = call_dispatched("POST", uri, API_CODE);
        int64_t took = clock_mono_us() - before;
        expect_steps(result, WAITED, &total);
        ck_assert_int_le(total, took);
        ck_assert_int_ge(total, 10000);
        snprintf(uri, sizeof(uri), "/api/v1/executions/%s/result?trace=1", text_of(result, "execution_id"));
        json_object_put(result);
        result = client_json(admin, "GET", uri, NULL, 200);
        expect_steps(result, LATER, &later);
        ck_assert_int_lt(later, total);
        json_object_put(result);
        *strchr(uri, '?') = '\0';
        result = client_json(api_me, "GET", uri, NULL, 200);
        ck_assert(!json_object_object_get_ex(result, "trace", NULL));
        json_object_put(result);
    }
}
END_TEST

/* From its submission until the answer to who waited in the end. */
START_TEST(test_api_trace__result_is_waited_for)
{
    char uri[200];
    int64_t total;
    snprintf(uri, sizeof(uri), "%s/execute?trace=1", session_uri);
    struct json_object *submitted = client_json(admin, "POST", uri, API_CODE, 200);
    ck_assert(!json_object_object_get_ex(submitted, "trace", NULL));
    usleep(20000);
    snprintf(uri, sizeof(uri), "/api/v1/executions/%s/result?wait=10&trace=1", text_of(submitted, "execution_id"));
    struct json_object *result = call_dispatched("GET", uri, NULL);
    expect_steps(result, "guard ring claim send start run collect store wake answer", &total);
    ck_assert_int_ge(total, 30000);
    json_object_put(result);
    json_object_put(submitted);
}
END_TEST

START_TEST(test_api_trace__who_did_not_ask_has_none)
{
    char uri[200];
    snprintf(uri, sizeof(uri), "%s/execute-sync?trace=0", session_uri);
    struct json_object *result = call_dispatched("POST", uri, API_CODE), *trace = NULL;
    ck_assert(!json_object_object_get_ex(result, "trace", NULL));
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions WHERE trace_json IS NULL"), 1);
    snprintf(uri, sizeof(uri), "/api/v1/executions/%s/result?trace=1", text_of(result, "execution_id"));
    json_object_put(result);
    for (int i = 0; i < 2; i++) {
        result = client_json(admin, "GET", uri, NULL, 200);
        ck_assert(json_object_object_get_ex(result, "trace", &trace));
        ck_assert_ptr_null(trace);
        json_object_put(result);
        fixture_sql("UPDATE executions SET trace_json = '{\"begun\": \"nonsense'"); /* no reason to withhold a result */
    }
}
END_TEST

/* Sent again it is answered with what is known of the one that ran; the moments of the second request are not its. */
START_TEST(test_api_trace__sent_again)
{
    char uri[200];
    int64_t first, again;
    snprintf(uri, sizeof(uri), "%s/execute?wait=10&trace=1", session_uri);
    admin->param = "HTTP_IDEMPOTENCY_KEY=trace-1";
    struct json_object *result = call_dispatched("POST", uri, API_CODE);
    expect_steps(result, WAITED, &first);
    json_object_put(result);
    result = client_json(admin, "POST", uri, API_CODE, 200);
    expect_steps(result, LATER, &again);
    ck_assert_int_lt(again, first);
    json_object_put(result);
}
END_TEST

START_TEST(test_api_trace__is_for_admins)
{
    static const char *const ways[] = { "/execute?trace=1", "/execute?wait=5&trace=1", "/execute-sync?trace=1" };
    char uri[200];
    for (size_t i = 0; i < 3; i++) {
        snprintf(uri, sizeof(uri), "%s%s", session_uri, ways[i]);
        api_refused(api_me, "POST", uri, API_CODE, 403, "Sandbox.Forbidden");
    }
    ck_assert_int_eq(fixture_number("SELECT COUNT(*) FROM executions"), 0);
    static const char *const wrong[] = { "2", "-1", "", "yes", "1.0" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        snprintf(uri, sizeof(uri), "%s/execute?trace=%s", session_uri, wrong[i]);
        api_refused(admin, "POST", uri, API_CODE, 400, "Sandbox.InvalidParameter");
    }
    snprintf(uri, sizeof(uri), "%s/execute?trace=1", session_uri);
    struct json_object *submitted = client_json(admin, "POST", uri, API_CODE, 200);
    snprintf(uri, sizeof(uri), "/api/v1/executions/%s/result?trace=1", text_of(submitted, "execution_id"));
    api_refused(api_me, "GET", uri, NULL, 403, "Sandbox.Forbidden");
    json_object_put(client_json(admin, "GET", uri, NULL, 202));
    struct client *other = client_new("other", "sessions,admin", 4);
    api_refused(other, "GET", uri, NULL, 404, "Sandbox.ExecutionNotFound");
    client_free(other);
    json_object_put(submitted);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_trace");
    TCase *tcase = tcase_create("api_trace");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_api_trace__says_where_the_time_went);
    tcase_add_test(tcase, test_api_trace__result_is_waited_for);
    tcase_add_test(tcase, test_api_trace__who_did_not_ask_has_none);
    tcase_add_test(tcase, test_api_trace__sent_again);
    tcase_add_test(tcase, test_api_trace__is_for_admins);
    return fixture_run(suite);
}
