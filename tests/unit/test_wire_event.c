/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire/execute.h"
#include "lib/util/json_strict.h"
#include "lib/util/utf8.h"

static void there_and_back(const struct wire_event *in, struct wire_event *out)
{
    struct strbuf line = STRBUF_INIT(WIRE_EVENT_MAX);
    struct err err = ERR_INIT;
    ck_assert_int_eq(wire_event_encode(in, &line, &err), 0);
    ck_assert_int_eq(line.data[line.len - 1], '\n');
    ck_assert_ptr_null(memchr(line.data, '\n', line.len - 1));
    ck_assert_msg(wire_event_decode(line.data, line.len - 1, out, &err) == 0, "%s: %s", err.text, line.data);
    ck_assert_int_eq(out->type, in->type);
    strbuf_release(&line);
}

#define TEXT(in, out) { in, sizeof(in) - 1, out, sizeof(out) - 1 }
static const struct {
    const char *in;
    size_t in_len;
    const char *out;
    size_t out_len;
} texts[] = {
    TEXT("", ""),
    TEXT("plain\n\"quoted\" \\ / \t", "plain\n\"quoted\" \\ / \t"),
    TEXT("a\0b", "a\0b"),
    TEXT("\xc3\xa9\xf0\x9f\x98\x80", "\xc3\xa9\xf0\x9f\x98\x80"),
    TEXT("a\xff" "b", "a\xef\xbf\xbd" "b"),
    TEXT("\xc3", "\xef\xbf\xbd"),
    TEXT("\xe2\x82", "\xef\xbf\xbd"),
    TEXT("\xe2\x82z", "\xef\xbf\xbdz"),
    TEXT("\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"),
    TEXT("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"),
    TEXT("\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"),
    TEXT("\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd"),
};

START_TEST(test_wire_event__output)
{
    const struct wire_event in = { .type = _i % 2 ? WIRE_STDOUT : WIRE_STDERR, .data = (char *)texts[_i].in,
                                   .data_len = texts[_i].in_len, .skipped = _i };
    struct wire_event out;
    there_and_back(&in, &out);
    ck_assert_uint_eq(out.data_len, texts[_i].out_len);
    ck_assert_mem_eq(out.data, texts[_i].out, texts[_i].out_len);
    ck_assert_int_eq(out.skipped, _i);
    wire_event_release(&out);
}
END_TEST

START_TEST(test_wire_event__largest_output)
{
    enum { LEN = 512 * 1024 };
    char *data = malloc(LEN);
    memset(data, 1, LEN); /* six bytes each, encoded */
    const struct wire_event in = { .type = WIRE_STDOUT, .data = data, .data_len = LEN };
    struct wire_event out;
    there_and_back(&in, &out);
    ck_assert_mem_eq(out.data, data, LEN);
    wire_event_release(&out);
    free(data);
}
END_TEST

START_TEST(test_wire_event__result)
{
    for (int failure = 0; failure < WIRE_FAILURES; failure++) {
        const struct wire_event in = {
            .type = WIRE_RESULT,
            .result = { .failure = (enum wire_failure)failure, .message = failure ? (char *)"why \"so\"" : NULL, .exit_code = failure - 1,
                        .signal = failure, .return_json = failure ? NULL : (char *)"{\"n\": 123456789012345678901234567890, \"z\":\"\\u0000\"}",
                        .start_ms = failure ? 0.25 : 0, .duration_ms = 1.5, .collect_ms = failure ? 0 : 2, .cpu_time_ms = 0.125, .peak_memory_mb = NAN, .stdout_truncated = failure & 1,
                        .stderr_truncated = failure & 2, .touched = failure & 4 } };
        struct wire_event out;
        there_and_back(&in, &out);
        ck_assert_int_eq(out.result.failure, in.result.failure);
        ck_assert_int_eq(out.result.exit_code, in.result.exit_code);
        ck_assert_int_eq(out.result.signal, in.result.signal);
        ck_assert_pstr_eq(out.result.message, in.result.message);
        ck_assert_pstr_eq(out.result.return_json, in.result.return_json);
        ck_assert_int_eq(out.result.touched, in.result.touched);
        ck_assert_double_eq(out.result.start_ms, in.result.start_ms);
        ck_assert_double_eq(out.result.duration_ms, 1.5);
        ck_assert_double_eq(out.result.collect_ms, in.result.collect_ms);
        ck_assert_double_eq(out.result.cpu_time_ms, 0.125);
        ck_assert_double_eq(out.result.peak_memory_mb, 0);
        ck_assert_int_eq(out.result.stdout_truncated, in.result.stdout_truncated);
        ck_assert_int_eq(out.result.stderr_truncated, in.result.stderr_truncated);
        wire_event_release(&out);
    }
}
END_TEST

#define RESULT(fields) \
    "{\"type\":\"result\",\"exit_code\":0,\"duration_ms\":1,\"cpu_time_ms\":1,\"peak_memory_mb\":1" fields "}"
static const struct {
    const char *text;
    bool right;
} lines[] = {
    { "{\"type\":\"started\"}", true },
    { "{\"type\":\"heartbeat\",\"new\":{}}", true },
    { "{\"type\":\"stdout\",\"data\":\"\"}", true },
    { RESULT(",\"failure\":\"\""), true },
    { RESULT(",\"failure\":\"timeout\",\"later\":1"), true },
    { RESULT(",\"failure\":\"\",\"return\":null,\"touched\":null"), true },
    { "", false },
    { "{}", false },
    { "[]", false },
    { "null", false },
    { "{\"type\":1}", false },
    { "{\"type\":\"other\"}", false },
    { "{\"type\":\"stdout\"}", false },
    { "{\"type\":\"stdout\",\"data\":null}", false },
    { "{\"type\":\"stdout\",\"data\":1}", false },
    { "{\"type\":\"stdout\",\"data\":\"\",\"skipped\":-1}", false },
    { "{\"type\":\"stdout\",\"data\":\"\",\"skipped\":\"1\"}", false },
    { RESULT(""), false },
    { RESULT(",\"failure\":\"unheard of\""), false },
    { RESULT(",\"failure\":\"\",\"return\":1"), false },
    { RESULT(",\"failure\":\"\",\"return\":\"\""), false },
    { RESULT(",\"failure\":\"\",\"return\":\"NaN\""), false },
    { RESULT(",\"failure\":\"\",\"return\":\"[1\""), false },
    { RESULT(",\"failure\":\"\",\"touched\":[1]"), false },
    { RESULT(",\"failure\":\"\",\"touched\":1"), false },
    { RESULT(",\"failure\":\"\",\"start_ms\":null,\"collect_ms\":1"), true },
    { RESULT(",\"failure\":\"\",\"start_ms\":\"1\""), false },
    { RESULT(",\"failure\":\"\",\"collect_ms\":[]"), false },
    { RESULT(",\"failure\":\"\",\"message\":1"), false },
    { "{\"type\":\"result\",\"failure\":\"\"}", false },
    { "{\"type\":\"started\"} {}", false },
};

START_TEST(test_wire_event__line)
{
    struct wire_event out = { .data_len = 77 };
    struct err err = ERR_INIT;
    int status = wire_event_decode(lines[_i].text, strlen(lines[_i].text), &out, &err);
    ck_assert_msg((status == 0) == lines[_i].right, "%s", lines[_i].text);
    if (status != 0) {
        ck_assert_int_eq(err.code, ERR_INVALID);
        ck_assert_uint_eq(out.data_len, 77); /* untouched */
        return;
    }
    wire_event_release(&out);
}
END_TEST

START_TEST(test_wire_event__health)
{
    const struct wire_health in = { .version = "1.2.3", .isolation = "all of it", .uptime_ms = 5, .running = 2, .preparing = true };
    struct wire_health out;
    struct strbuf text = STRBUF_INIT(1024);
    struct err err = ERR_INIT;
    ck_assert_int_eq(wire_health_encode(&in, &text, &err), 0);
    ck_assert_int_eq(wire_health_decode(text.data, text.len, &out, &err), 0);
    ck_assert_str_eq(out.version, in.version);
    ck_assert_str_eq(out.isolation, in.isolation);
    ck_assert_int_eq(out.uptime_ms, 5);
    ck_assert_int_eq(out.running, 2);
    ck_assert(out.preparing);
    ck_assert_int_ne(wire_health_decode("{}", 2, &out, &err), 0);
    ck_assert_int_ne(wire_health_decode("<html>", 6, &out, &err), 0);
    strbuf_release(&text);
}
END_TEST

static const struct {
    const char *text;
    bool valid;
} json[] = {
    { "null", true }, { " true\t", true }, { "0", true }, { "-0.5e+10", true }, { "123456789012345678901234567890", true },
    { "\"\\u12aF\\n\xc3\xa9\"", true }, { "[1,[2,{}],\"\"]", true }, { "{\"a\":{\"b\":[]}}", true },
    { "\"\\ud800\"", true }, /* the grammar allows it */
    { "", false }, { " ", false }, { "NaN", false }, { "Infinity", false }, { "-Infinity", false }, { "01", false },
    { "-", false }, { "1.", false }, { ".5", false }, { "1e", false }, { "+1", false }, { "'a'", false }, { "\"a", false },
    { "\"\t\"", false }, { "\"\\x\"", false }, { "\"\\u12\"", false }, { "\"\xff\"", false }, { "\"\xc0\x80\"", false },
    { "[1,]", false }, { "[1 2]", false }, { "[", false }, { "{\"a\"}", false }, { "{a:1}", false }, { "{\"a\":1,}", false },
    { "nul", false }, { "True", false }, { "1 2", false }, { "/**/1", false }, { "\xef\xbb\xbf" "1", false },
};

START_TEST(test_wire_event__strict_json)
{
    ck_assert_msg(json_strict_valid(json[_i].text, strlen(json[_i].text)) == json[_i].valid, "%s", json[_i].text);
}
END_TEST

START_TEST(test_wire_event__strict_json_depth)
{
    char text[131];
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    ck_assert(json_strict_valid(text + 1, 128));
    ck_assert(!json_strict_valid(text, 130));
    ck_assert(!json_strict_valid("1\0", 2));
}
END_TEST

START_TEST(test_wire_event__utf8_open_tail)
{
    static const struct {
        const char *text;
        size_t open;
    } tails[] = { { "", 0 }, { "a", 0 }, { "a\xc3", 1 }, { "\xc3\xa9", 0 }, { "\xe2\x82", 2 }, { "x\xf0\x9f\x98", 3 },
                  { "\xff", 0 }, { "\x80", 0 }, { "\xe2\x82\xac", 0 }, { "\xc0", 0 }, { "\xed\xa0", 0 }, { "\x80\x80\x80\x80", 0 } };
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++)
        ck_assert_msg(utf8_open_tail(tails[i].text, strlen(tails[i].text)) == tails[i].open, "row %zu", i);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wire event");
    TCase *tcase = tcase_create("wire event");
    tcase_add_loop_test(tcase, test_wire_event__output, 0, sizeof(texts) / sizeof(texts[0]));
    tcase_add_test(tcase, test_wire_event__largest_output);
    tcase_add_test(tcase, test_wire_event__result);
    tcase_add_loop_test(tcase, test_wire_event__line, 0, sizeof(lines) / sizeof(lines[0]));
    tcase_add_test(tcase, test_wire_event__health);
    tcase_add_loop_test(tcase, test_wire_event__strict_json, 0, sizeof(json) / sizeof(json[0]));
    tcase_add_test(tcase, test_wire_event__strict_json_depth);
    tcase_add_test(tcase, test_wire_event__utf8_open_tail);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
