/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/limits.h"
#include "lib/wire/execute.h"

static void check_same(const char *a, const char *b)
{
    ck_assert_int_eq(a == NULL, b == NULL);
    if (a)
        ck_assert_str_eq(a, b);
}

START_TEST(test_wire_execute__there_and_back)
{
    static const struct wire_execute requests[] = {
        { .execution_id = (char *)"exec_20260106_abc12345", .code = (char *)"", .timeout_ms = 1 },
        { .execution_id = (char *)"x", .code = (char *)"print('\xc3\xa9\\n\"/')\n\x01", .language = LANGUAGE_SHELL,
          .event_json = (char *)"{\"n\": 123456789012345678901234567890.10, \"s\":\"\\u0000\"}",
          .env_json = (char *)"{\"A\":\"1\",\"B\":\"\"}", .timeout_ms = 3600000, .memory_mb = 512, .disk_mb = 1024, .max_processes = 64 },
        { .execution_id = (char *)"x", .code = (char *)"1", .language = LANGUAGE_JAVASCRIPT, .event_json = (char *)" null ",
          .timeout_ms = 5 },
    };
    const struct wire_execute *in = &requests[_i];
    struct wire_execute out;
    struct strbuf text = STRBUF_INIT(WIRE_REQUEST_MAX);
    struct err err = ERR_INIT;
    ck_assert_int_eq(wire_execute_encode(in, &text, &err), 0);
    ck_assert_msg(wire_execute_decode(text.data, text.len, &out, &err) == 0, "%s %s", err.field, err.text);
    check_same(out.execution_id, in->execution_id);
    check_same(out.code, in->code);
    check_same(out.event_json, in->event_json);
    check_same(out.env_json, in->env_json);
    ck_assert_int_eq(out.language, in->language);
    ck_assert_int_eq(out.timeout_ms, in->timeout_ms);
    ck_assert_int_eq(out.memory_mb, in->memory_mb);
    ck_assert_int_eq(out.disk_mb, in->disk_mb);
    ck_assert_int_eq(out.max_processes, in->max_processes);
    wire_execute_release(&out);
    strbuf_release(&text);
}
END_TEST

START_TEST(test_wire_execute__largest)
{
    char *code = malloc(CODE_BYTES_MAX + 1), *event = malloc(EVENT_BYTES_MAX + 1);
    struct strbuf text = STRBUF_INIT(WIRE_REQUEST_MAX);
    struct wire_execute out;
    struct err err = ERR_INIT;
    memset(code, 1, CODE_BYTES_MAX);
    code[CODE_BYTES_MAX] = '\0';
    memset(event, '\\', EVENT_BYTES_MAX);
    event[0] = event[EVENT_BYTES_MAX - 1] = '"';
    event[EVENT_BYTES_MAX] = '\0';
    const struct wire_execute in = { .execution_id = (char *)"x", .code = code, .event_json = event, .timeout_ms = 1 };
    ck_assert_int_eq(wire_execute_encode(&in, &text, &err), 0);
    ck_assert_msg(wire_execute_decode(text.data, text.len, &out, &err) == 0, "%s %s", err.field, err.text);
    ck_assert_str_eq(out.event_json, event);
    wire_execute_release(&out);
    strbuf_release(&text);
    free(code);
    free(event);
}
END_TEST

#define WITH(fields) "{\"execution_id\":\"x\",\"language\":\"python\",\"code\":\"\",\"timeout_ms\":1" fields "}"

static const struct {
    const char *text, *field;
} malformed[] = {
    { "", "" },
    { "null", "" },
    { "[]", "" },
    { "{", "" },
    { "{}", "/execution_id" },
    { "{\"execution_id\":1}", "/execution_id" },
    { "{\"execution_id\":\"\",\"language\":\"python\",\"code\":\"\",\"timeout_ms\":1}", "/execution_id" },
    { "{\"execution_id\":\"a/b\",\"language\":\"python\",\"code\":\"\",\"timeout_ms\":1}", "/execution_id" },
    { "{\"execution_id\":\"a\\u0000b\",\"language\":\"python\",\"code\":\"\",\"timeout_ms\":1}", "/execution_id" },
    { "{\"execution_id\":\"x\",\"language\":\"Python\",\"code\":\"\",\"timeout_ms\":1}", "/language" },
    { "{\"execution_id\":\"x\",\"language\":\"python\",\"code\":1,\"timeout_ms\":1}", "/code" },
    { "{\"execution_id\":\"x\",\"language\":\"python\",\"code\":\"\\u0000\",\"timeout_ms\":1}", "/code" },
    { "{\"execution_id\":\"x\",\"language\":\"python\",\"code\":\"\",\"timeout_ms\":0}", "/timeout_ms" },
    { "{\"execution_id\":\"x\",\"language\":\"python\",\"code\":\"\",\"timeout_ms\":3600001}", "/timeout_ms" },
    { "{\"execution_id\":\"x\",\"language\":\"python\",\"code\":\"\",\"timeout_ms\":1.5}", "/timeout_ms" },
    { "{\"execution_id\":\"x\",\"language\":\"python\",\"code\":\"\"}", "/timeout_ms" },
    { WITH(",\"more\":1"), "/more" },
    { WITH(",\"event\":1"), "/event" },
    { WITH(",\"event\":\"\""), "/event" },
    { WITH(",\"event\":\"NaN\""), "/event" },
    { WITH(",\"event\":\"{'a':1}\""), "/event" },
    { WITH(",\"event\":\"1 2\""), "/event" },
    { WITH(",\"env_vars\":[]"), "/env_vars" },
    { WITH(",\"env_vars\":{\"A\":1}"), "/env_vars" },
    { WITH(",\"env_vars\":{\"A\":null}"), "/env_vars" },
    { WITH(",\"env_vars\":{\"\":\"1\"}"), "/env_vars" },
    { WITH(",\"env_vars\":{\"A=\":\"1\"}"), "/env_vars" },
    { WITH(",\"env_vars\":{\"A\":\"a\\u0000b\"}"), "/env_vars" },
    { WITH(",\"limits\":1"), "/limits" },
    { WITH(",\"limits\":{\"memory_mb\":-1}"), "/limits/memory_mb" },
    { WITH(",\"limits\":{\"disk_mb\":1e3}"), "/limits/disk_mb" },
    { WITH(",\"limits\":{\"max_processes\":9223372036854775807}"), "/limits/max_processes" },
    { WITH(",\"limits\":{\"cpu\":1}"), "/limits/cpu" },
    { WITH("") " x", "" },
    { "\xff", "" },
};

START_TEST(test_wire_execute__malformed)
{
    struct wire_execute out = { .timeout_ms = 77 };
    struct err err = ERR_INIT;
    ck_assert_msg(wire_execute_decode(malformed[_i].text, strlen(malformed[_i].text), &out, &err) != 0, "%s", malformed[_i].text);
    ck_assert_int_eq(err.code, ERR_INVALID);
    ck_assert_msg(strcmp(err.field, malformed[_i].field) == 0, "%s: %s (%s)", malformed[_i].text, err.field, err.text);
    ck_assert_int_eq(out.timeout_ms, 77); /* untouched */
}
END_TEST

START_TEST(test_wire_execute__encode_over_the_ceiling)
{
    const struct wire_execute in = { .execution_id = (char *)"x", .code = (char *)"123456789", .timeout_ms = 1 };
    struct strbuf text = STRBUF_INIT(20);
    struct err err = ERR_INIT;
    ck_assert_int_ne(wire_execute_encode(&in, &text, &err), 0);
    ck_assert_int_eq(err.code, ERR_TOO_LARGE);
    strbuf_release(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire execute");
    TCase *tcase = tcase_create("wire execute");
    tcase_add_loop_test(tcase, test_wire_execute__there_and_back, 0, 3);
    tcase_add_test(tcase, test_wire_execute__largest);
    tcase_add_loop_test(tcase, test_wire_execute__malformed, 0, sizeof(malformed) / sizeof(malformed[0]));
    tcase_add_test(tcase, test_wire_execute__encode_over_the_ceiling);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
