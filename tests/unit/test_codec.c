/* SPDX-License-Identifier: Apache-2.0 */
/* fcgi/codec: every field's good and bad values, and the documented answers, field for field. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/codec/execution_codec.h"
#include "fcgi/codec/fields.h"
#include "fcgi/codec/session_codec.h"

/* NULL field: accepted. */
struct refusal {
    const char *body, *field;
};

static const struct refusal sessions[] = {
    { "{\"template_id\":\"python-basic\"}", NULL },
    { "{\"template_id\":\"python-basic\",\"resources\":null}", NULL },
    { "{\"template_id\":\"a\",\"timeout\":null,\"env_vars\":null,\"labels\":null}", NULL },
    { "{\"template_id\":\"a\",\"timeout\":60}", NULL },
    { "{\"template_id\":\"a\",\"timeout\":3600}", NULL },
    { "{\"template_id\":\"a\",\"resources\":{}}", NULL },
    { "{\"template_id\":\"a\",\"resources\":{\"cpu\":0.5,\"memory\":\"8Gi\",\"disk\":\"50Gi\",\"max_processes\":32}}", NULL },
    { "{\"template_id\":\"a\",\"resources\":{\"cpu\":\"4\",\"memory\":\"256Mi\"}}", NULL },
    { "{\"template_id\":\"a\",\"resources\":{\"cpu\":null}}", NULL },
    { "{\"template_id\":\"a\",\"env_vars\":{\"_A1\":\"\",\"LD_PRELOAD\":\"x\"}}", NULL },
    { "{\"template_id\":\"a\",\"labels\":{\"app/tier.x-y_z\":\"1\"}}", NULL },
    { "", "" },
    { "null", "" },
    { "[]", "" },
    { "\"x\"", "" },
    { "{", "" },
    { "{}x", "" },
    { "{'template_id':'a'}", "" },
    { "{\"template_id\":\"a\",\"timeout\":NaN}", "" },
    { "{\"template_id\":\"a\xff\"}", "" },
    { "\xef\xbb\xbf{\"template_id\":\"a\"}", "" },
    { "{}", "/template_id" },
    { "{\"template_id\":null}", "/template_id" },
    { "{\"template_id\":7}", "/template_id" },
    { "{\"template_id\":\"\"}", "/template_id" },
    { "{\"template_id\":\"A\"}", "/template_id" },
    { "{\"template_id\":\"-a\"}", "/template_id" },
    { "{\"template_id\":\"a b\"}", "/template_id" },
    { "{\"template_id\":\"a\\u0000\"}", "/template_id" },
    { "{\"template_id\":\"a23456789012345678901234567890123456789012345678901234567890123x\"}", "/template_id" },
    { "{\"template_id\":\"a\",\"template_id\":\"a\"}", "/template_id" },
    { "{\"template_id\":\"a\",\"labels\":{\"a\":\"1\",\"a\":\"1\"}}", "/labels/a" },
    { "{\"template_id\":\"a\",\"timeout\":59}", "/timeout" },
    { "{\"template_id\":\"a\",\"timeout\":3601}", "/timeout" },
    { "{\"template_id\":\"a\",\"timeout\":-300}", "/timeout" },
    { "{\"template_id\":\"a\",\"timeout\":300.5}", "/timeout" },
    { "{\"template_id\":\"a\",\"timeout\":\"300\"}", "/timeout" },
    { "{\"template_id\":\"a\",\"timeout\":true}", "/timeout" },
    { "{\"template_id\":\"a\",\"timeout\":99999999999999999999999}", "/timeout" },
    { "{\"template_id\":\"a\",\"resources\":[]}", "/resources" },
    { "{\"template_id\":\"a\",\"resources\":{\"gpu\":1}}", "/resources/gpu" },
    { "{\"template_id\":\"a\",\"resources\":{\"cpu\":0.4}}", "/resources/cpu" },
    { "{\"template_id\":\"a\",\"resources\":{\"cpu\":\"5\"}}", "/resources/cpu" },
    { "{\"template_id\":\"a\",\"resources\":{\"cpu\":1e9}}", "/resources/cpu" },
    { "{\"template_id\":\"a\",\"resources\":{\"cpu\":-1}}", "/resources/cpu" },
    { "{\"template_id\":\"a\",\"resources\":{\"cpu\":[]}}", "/resources/cpu" },
    { "{\"template_id\":\"a\",\"resources\":{\"cpu\":\"one\"}}", "/resources/cpu" },
    { "{\"template_id\":\"a\",\"resources\":{\"memory\":\"255Mi\"}}", "/resources/memory" },
    { "{\"template_id\":\"a\",\"resources\":{\"memory\":\"9Gi\"}}", "/resources/memory" },
    { "{\"template_id\":\"a\",\"resources\":{\"memory\":512}}", "/resources/memory" },
    { "{\"template_id\":\"a\",\"resources\":{\"memory\":\"512MB\"}}", "/resources/memory" },
    { "{\"template_id\":\"a\",\"resources\":{\"disk\":\"51Gi\"}}", "/resources/disk" },
    { "{\"template_id\":\"a\",\"resources\":{\"disk\":\"\"}}", "/resources/disk" },
    { "{\"template_id\":\"a\",\"resources\":{\"max_processes\":31}}", "/resources/max_processes" },
    { "{\"template_id\":\"a\",\"resources\":{\"max_processes\":1025}}", "/resources/max_processes" },
    { "{\"template_id\":\"a\",\"env_vars\":[]}", "/env_vars" },
    { "{\"template_id\":\"a\",\"env_vars\":\"A=1\"}", "/env_vars" },
    { "{\"template_id\":\"a\",\"env_vars\":{\"1A\":\"x\"}}", "/env_vars" },
    { "{\"template_id\":\"a\",\"env_vars\":{\"\":\"x\"}}", "/env_vars" },
    { "{\"template_id\":\"a\",\"env_vars\":{\"A=B\":\"x\"}}", "/env_vars" },
    { "{\"template_id\":\"a\",\"env_vars\":{\"A\\u0000B\":\"x\"}}", "" },
    { "{\"template_id\\u0000\":\"a\"}", "" },
    { "{\"template_id\":\"a\",\"env_vars\":{\"A\":1}}", "/env_vars/A" },
    { "{\"template_id\":\"a\",\"env_vars\":{\"A\":null}}", "/env_vars/A" },
    { "{\"template_id\":\"a\",\"env_vars\":{\"A\":\"x\\u0000y\"}}", "/env_vars/A" },
    { "{\"template_id\":\"a\",\"labels\":{\"a b\":\"x\"}}", "/labels" },
    { "{\"template_id\":\"a\",\"labels\":{\"a/b\":1}}", "/labels/a~1b" },
    { "{\"template_id\":\"a\",\"colour\":\"red\"}", "/colour" },
    { "{\"template_id\":\"a\",\"a/b~\":\"red\"}", "/a~1b~0" },
};

START_TEST(test_codec__session_fields)
{
    const struct refusal *c = &sessions[_i];
    struct session_request request;
    struct err err = ERR_INIT;
    int status = session_request_decode(c->body, strlen(c->body), &request, &err);
    ck_assert_msg((status == 0) == (c->field == NULL), "%s: %s", c->body, err.text);
    if (status != 0) {
        ck_assert_int_eq(err.code, ERR_INVALID);
        ck_assert_msg(strcmp(err.field, c->field) == 0, "%s: %s", c->body, err.field);
        ck_assert_uint_gt(strlen(err.text), 0);
        ck_assert_ptr_null(request.env_json);
    }
    session_request_release(&request);
}
END_TEST

START_TEST(test_codec__session_values)
{
    const char *body = "{\"template_id\":\"python-basic\",\"timeout\":600,\"resources\":{\"cpu\":1.25,\"memory\":\"1Gi\"},"
                       "\"env_vars\":{\"LOG_LEVEL\":\"inf\\u00f6\"},\"labels\":{\"a/b\":\"c\"}}";
    struct session_request request;
    struct err err = ERR_INIT;
    ck_assert_int_eq(session_request_decode(body, strlen(body), &request, &err), 0);
    ck_assert_str_eq(request.template_id, "python-basic");
    ck_assert_int_eq(request.timeout_s, 600);
    ck_assert_int_eq(request.resources.cpu_milli, 1250);
    ck_assert_int_eq(request.resources.memory_mb, 1024);
    ck_assert_int_eq(request.resources.disk_mb, 0);
    ck_assert_int_eq(request.resources.max_processes, 0);
    ck_assert_str_eq(request.env_json, "{\"LOG_LEVEL\":\"inf\xc3\xb6\"}");
    ck_assert_str_eq(request.labels_json, "{\"a/b\":\"c\"}");
    session_request_release(&request);
}
END_TEST

/* A map with `count` names of 3 characters, each with a value of `len`. */
static char *map_body(int count, int len)
{
    char *body = malloc(64 + (size_t)count * ((size_t)len + 16));
    char *at = body + sprintf(body, "{\"template_id\":\"a\",\"env_vars\":{");
    for (int i = 0; i < count; i++) {
        at += sprintf(at, "%s\"V%02d\":\"", i ? "," : "", i);
        memset(at, 'x', (size_t)len);
        at += len;
        *at++ = '"';
    }
    strcpy(at, "}}");
    return body;
}

START_TEST(test_codec__map_ceilings)
{
    static const struct {
        int count, len;
        bool fine;
    } cases[] = { { 64, 10, true }, { 65, 10, false }, { 1, 10 * 1024 - 3, true }, { 1, 10 * 1024 - 2, false },
                  { 64, 157, true }, { 64, 158, false } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *body = map_body(cases[i].count, cases[i].len);
        struct session_request request;
        struct err err = ERR_INIT;
        int status = session_request_decode(body, strlen(body), &request, &err);
        ck_assert_msg((status == 0) == cases[i].fine, "%d of %d: %s", cases[i].count, cases[i].len, err.text);
        if (status != 0)
            ck_assert_str_eq(err.field, "/env_vars");
        session_request_release(&request);
        free(body);
    }
}
END_TEST

#define CODE "{\"code\":\"x\",\"language\":\"python\""
static const struct refusal executions[] = {
    { CODE "}", NULL },
    { CODE ",\"timeout\":1,\"event\":{},\"max_retries\":0}", NULL },
    { CODE ",\"timeout\":3600,\"event\":null,\"max_retries\":3}", NULL },
    { CODE ",\"event\":7,\"env_vars\":{\"A\":\"1\"}}", NULL },
    { "{\"code\":\"x\",\"language\":\"javascript\"}", NULL },
    { "{\"code\":\"x\",\"language\":\"shell\"}", NULL },
    { "{\"language\":\"python\"}", "/code" },
    { "{\"code\":\"\",\"language\":\"python\"}", "/code" },
    { "{\"code\":null,\"language\":\"python\"}", "/code" },
    { "{\"code\":1,\"language\":\"python\"}", "/code" },
    { "{\"code\":[\"x\"],\"language\":\"python\"}", "/code" },
    { "{\"code\":\"a\\u0000b\",\"language\":\"python\"}", "/code" },
    { "{\"code\":\"a\xc3(\",\"language\":\"python\"}", "" },
    { "{\"code\":\"x\"}", "/language" },
    { "{\"code\":\"x\",\"language\":\"Python\"}", "/language" },
    { "{\"code\":\"x\",\"language\":\"ruby\"}", "/language" },
    { "{\"code\":\"x\",\"language\":\"\"}", "/language" },
    { CODE ",\"timeout\":0}", "/timeout" },
    { CODE ",\"timeout\":3601}", "/timeout" },
    { CODE ",\"timeout\":\"30\"}", "/timeout" },
    { CODE ",\"timeout\":1.5}", "/timeout" },
    { CODE ",\"max_retries\":4}", "/max_retries" },
    { CODE ",\"max_retries\":-1}", "/max_retries" },
    { CODE ",\"env_vars\":{\"A\":1}}", "/env_vars/A" },
    { CODE ",\"event\":{\"a\\u0000b\":1}}", NULL },
    { CODE ",\"event\\u0000\":1}", "" },
    { CODE ",\"env_vars\":{\"A\\u0000\":\"\"}}", "" },
    { CODE ",\"event\":NaN}", "" },
    { CODE ",\"event\":[Infinity]}", "" },
    { CODE ",\"event\":{'a':1}}", "" },
    { CODE ",\"event\":01}", "" },
    { CODE ",\"event\":\"a\tb\"}", "" },
    { CODE ",\"session_id\":\"x\"}", "/session_id" },
};

START_TEST(test_codec__execution_fields)
{
    const struct refusal *c = &executions[_i];
    struct execution_request request;
    struct err err = ERR_INIT;
    int status = execution_request_decode(c->body, strlen(c->body), &request, &err);
    ck_assert_msg((status == 0) == (c->field == NULL), "%s: %s", c->body, err.text);
    if (status != 0) {
        ck_assert_int_eq(err.code, ERR_INVALID);
        ck_assert_msg(strcmp(err.field, c->field) == 0, "%s: %s", c->body, err.field);
    }
    execution_request_release(&request);
}
END_TEST

START_TEST(test_codec__event_keeps_its_bytes)
{
    static const char event[] = "{ \"big\": 123456789012345678901234567890, \"f\": 1.50e+3,\n \"s\": \"\\u00e9\" }";
    char body[512];
    snprintf(body, sizeof(body), "{\"event\": %s , \"code\":\"x\",\"language\":\"shell\"}", event);
    struct execution_request request;
    struct err err = ERR_INIT;
    ck_assert_int_eq(execution_request_decode(body, strlen(body), &request, &err), 0);
    ck_assert_str_eq(request.event_json, event);
    ck_assert_int_eq(request.language, LANGUAGE_SHELL);
    ck_assert_int_eq(request.timeout_s, 30);
    ck_assert_int_eq(request.max_retries, 3);
    execution_request_release(&request);
}
END_TEST

/* A body whose code has `code` bytes and whose event has `event`. */
static char *big_body(size_t code, size_t event)
{
    char *body = malloc(code + event + 128), *at = body;
    at += sprintf(at, "{\"language\":\"python\",\"code\":\"");
    memset(at, 'c', code);
    at += code;
    at += sprintf(at, "\",\"event\":\"");
    memset(at, 'e', event - 2);
    at += event - 2;
    strcpy(at, "\"}");
    return body;
}

START_TEST(test_codec__execution_ceilings)
{
    static const struct {
        size_t code, event;
        const char *field;
    } cases[] = { { CODE_BYTES_MAX, 10, NULL }, { CODE_BYTES_MAX + 1, 10, "/code" },
                  { 1, EVENT_BYTES_MAX, NULL }, { 1, EVENT_BYTES_MAX + 1, "/event" } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *body = big_body(cases[i].code, cases[i].event);
        struct execution_request request;
        struct err err = ERR_INIT;
        int status = execution_request_decode(body, strlen(body), &request, &err);
        ck_assert_int_eq(status, cases[i].field ? -1 : 0);
        if (cases[i].field)
            ck_assert_str_eq(err.field, cases[i].field);
        execution_request_release(&request);
        free(body);
    }
}
END_TEST

static void expect_json(struct json_object *object, const char *text)
{
    ck_assert_ptr_nonnull(object);
    ck_assert_str_eq(json_text(object), text);
    json_object_put(object);
}

static struct session example_session(void)
{
    return (struct session){ .id = "sess_abc123def4567890", .owner = "me", .status = SESSION_RUNNING,
                             .template_id = "python-basic", .runtime_type = RUNTIME_DOCKER, .node_id = "node-01",
                             .container_id = "a1b2c3d4e5f6", .resources = { 1000, 512, 1024, 128 },
                             .timeout_s = 300, .created_at = 1767693600000, .started_at = 1767693602000,
                             .expires_at = 1767693900000, .last_activity_at = 1767693602000 };
}

START_TEST(test_codec__session_answers)
{
    struct session session = example_session();
    expect_json(session_encode(&session, "s3://sandbox-workspace", SESSION_VIEW_CREATED),
                "{\"session_id\":\"sess_abc123def4567890\",\"status\":\"running\",\"template_id\":\"python-basic\","
                "\"runtime_type\":\"docker\",\"workspace_path\":\"s3://sandbox-workspace/sessions/sess_abc123def4567890/\","
                "\"resources\":{\"cpu\":\"1\",\"memory\":\"512Mi\",\"disk\":\"1Gi\"},\"created_at\":\"2026-01-06T10:00:00Z\"}");
    session.env_json = "{\"SECRET\":\"x\"}";
    session.error = "No image";
    session.resources.max_processes = 64;
    expect_json(session_encode(&session, "file:///w/", SESSION_VIEW_FULL),
                "{\"session_id\":\"sess_abc123def4567890\",\"status\":\"running\",\"template_id\":\"python-basic\","
                "\"runtime_type\":\"docker\",\"runtime_node\":\"node-01\",\"container_id\":\"a1b2c3d4e5f6\","
                "\"workspace_path\":\"file:///w/sessions/sess_abc123def4567890/\","
                "\"resources\":{\"cpu\":\"1\",\"memory\":\"512Mi\",\"disk\":\"1Gi\",\"max_processes\":64},"
                "\"created_at\":\"2026-01-06T10:00:00Z\",\"started_at\":\"2026-01-06T10:00:02Z\",\"timeout\":300,"
                "\"expires_at\":\"2026-01-06T10:05:00Z\",\"last_activity_at\":\"2026-01-06T10:00:02Z\","
                "\"terminated_at\":null,\"restarts\":0,\"labels\":{},\"error\":{\"kind\":\"session_failed\",\"message\":\"No image\"}}");
}
END_TEST

static struct execution example_execution(void)
{
    return (struct execution){ .id = "exec_20260106_abc12345", .session_id = "sess_abc123def4567890",
                               .status = EXECUTION_COMPLETED, .language = LANGUAGE_PYTHON, .code = "x",
                               .timeout_s = 30, .max_retries = 3, .attempts = 1, .created_at = 1767693900000,
                               .started_at = 1767693901000, .completed_at = 1767693902000,
                               .outcome = { .stdout_text = "a\0b", .stdout_len = 3, .has_exit_code = true,
                                            .return_json = "{ \"n\":123456789012345678901234567890 }",
                                            .duration_ms = 75.23, .cpu_time_ms = 68.12, .peak_memory_mb = 42.5 } };
}

#define RESULT                                                                                                    \
    "{\"execution_id\":\"exec_20260106_abc12345\",\"status\":\"success\",\"stdout\":\"a\\u0000b\",\"stderr\":\"\"," \
    "\"exit_code\":0,\"execution_time\":0.07523,\"return_value\":{ \"n\":123456789012345678901234567890 },"       \
    "\"metrics\":{\"duration_ms\":75.23,\"cpu_time_ms\":68.12,\"peak_memory_mb\":42.5},"                          \
    "\"stdout_truncated\":false,\"stderr_truncated\":false,\"artifacts\":[]}"
#define TIMES "\"created_at\":\"2026-01-06T10:05:00Z\",\"started_at\":\"2026-01-06T10:05:01Z\",\"completed_at\":\"2026-01-06T10:05:02Z\""

START_TEST(test_codec__execution_answers)
{
    struct execution execution = example_execution();
    expect_json(execution_submitted_encode(&execution),
                "{\"execution_id\":\"exec_20260106_abc12345\",\"status\":\"submitted\",\"submitted_at\":\"2026-01-06T10:05:00Z\"}");
    expect_json(execution_status_encode(&execution),
                "{\"execution_id\":\"exec_20260106_abc12345\",\"session_id\":\"sess_abc123def4567890\",\"status\":\"completed\"," TIMES "}");
    expect_json(execution_result_encode(&execution), RESULT);
    expect_json(execution_encode(&execution),
                "{\"execution_id\":\"exec_20260106_abc12345\",\"session_id\":\"sess_abc123def4567890\",\"status\":\"completed\"," TIMES ","
                "\"language\":\"python\",\"timeout\":30,\"max_retries\":3,\"attempts\":1,\"code\":\"x\",\"artifacts\":[],\"artifacts_skipped\":0,\"result\":" RESULT "}");
    execution.status = EXECUTION_RUNNING;
    expect_json(execution_result_encode(&execution),
                "{\"execution_id\":\"exec_20260106_abc12345\",\"status\":\"running\"}");
}
END_TEST

START_TEST(test_codec__execution_tried_again)
{
    struct execution execution = example_execution();
    execution.attempts = 2, execution.retry_at = 1767693904000, execution.last_loss = (char *)"Why";
    cleanup_json struct json_object *object = execution_encode(&execution);
    ck_assert_ptr_nonnull(strstr(json_text(object), "\"retry_at\":\"2026-01-06T10:05:04Z\",\"last_error\":{\"kind\":\"crashed\",\"message\":\"Why\"}"));
    ck_assert_ptr_nonnull(strstr(json_text(object), "\"artifacts\":[],\"attempts\":2}}"));
}
END_TEST

START_TEST(test_codec__failed_execution_says_why)
{
    struct execution execution = example_execution();
    execution.status = EXECUTION_FAILED;
    execution.outcome = (struct execution_outcome){ .error_kind = "session_terminated", .error_message = "Why",
                                                    .artifacts_json = "[\"a.txt\"]" };
    expect_json(execution_result_encode(&execution),
                "{\"execution_id\":\"exec_20260106_abc12345\",\"status\":\"failed\",\"stdout\":\"\",\"stderr\":\"\","
                "\"exit_code\":null,\"execution_time\":0,\"return_value\":null,"
                "\"metrics\":{\"duration_ms\":0,\"cpu_time_ms\":0,\"peak_memory_mb\":0},\"stdout_truncated\":false,"
                "\"stderr_truncated\":false,\"artifacts\":[\"a.txt\"],\"error\":{\"kind\":\"session_terminated\",\"message\":\"Why\"}}");
}
END_TEST

START_TEST(test_codec__numbers)
{
    static const struct {
        double value;
        int decimals;
        const char *text;
    } cases[] = { { 0, 3, "{\"n\":0}" },        { 100, 0, "{\"n\":100}" },   { 100, 3, "{\"n\":100}" },
                  { 0.1 + 0.2, 6, "{\"n\":0.3}" }, { 1234.5678, 3, "{\"n\":1234.568}" }, { -0.5, 2, "{\"n\":-0.5}" },
                  { 1.0 / 0.0, 3, "{\"n\":0}" }, { 0.0 / 0.0, 3, "{\"n\":0}" }, { 1e300, 3, "{\"n\":0}" } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_object *object = json_object_new_object();
        fields_add_number(object, "n", cases[i].value, cases[i].decimals);
        expect_json(object, cases[i].text);
    }
}
END_TEST

#define LOOP(tcase, test, table) tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof((table)[0]))

int main(void)
{
    Suite *suite = suite_create("codec");
    TCase *tcase = tcase_create("codec");
    LOOP(tcase, test_codec__session_fields, sessions);
    tcase_add_test(tcase, test_codec__session_values);
    tcase_add_test(tcase, test_codec__map_ceilings);
    LOOP(tcase, test_codec__execution_fields, executions);
    tcase_add_test(tcase, test_codec__event_keeps_its_bytes);
    tcase_add_test(tcase, test_codec__execution_ceilings);
    tcase_add_test(tcase, test_codec__session_answers);
    tcase_add_test(tcase, test_codec__execution_answers);
    tcase_add_test(tcase, test_codec__execution_tried_again);
    tcase_add_test(tcase, test_codec__failed_execution_says_why);
    tcase_add_test(tcase, test_codec__numbers);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
