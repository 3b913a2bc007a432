/* SPDX-License-Identifier: Apache-2.0 */
/* lib/util/json_names: names that stand twice, at every depth and however they are written. */
#include <string.h>

#include "lib/util/json.h"
#include "lib/util/json_names.h"
#include "lib/util/json_strict.h"
#include "lib/util/strbuf.h"
#include "tests/unit/unit_test.h"

static const struct {
    const char *text, *field; /* NULL: fine */
} cases[] = {
    { "null", NULL },
    { "{}", NULL },
    { "{\"a\":1,\"b\":1,\"A\":1,\"\":1}", NULL },
    { "{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}]}", NULL },
    { "{\"a\":\"a\",\"b\":[\"a\",\"a\"]}", NULL },
    { "{\"a\":1,\"a\":1}", "/a" },
    { "{\"a\":1,\"b\":2,\"c\":3,\"a\":null}", "/a" },
    { "{\"\":1,\"\":2}", "/" },
    { " { \"a\" : [ ] , \"a\" : { } } ", "/a" },
    { "{\"a\":1,\"\\u0061\":1}", "/a" },
    { "{\"a\\/b\":1,\"a/b\":1}", "/a~1b" },
    { "{\"a~\":1,\"a\\u007E\":1}", "/a~0" },
    { "{\"\\n\":1,\"\\u000a\":1}", "/\n" },
    { "{\"\xc3\xa9\":1,\"\\u00E9\":1}", "/\xc3\xa9" },
    { "{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":1}", "/\xf0\x9f\x98\x80" },
    { "{\"\\ud83d\\ude00\":1,\"\\ud83d\\ude01\":1}", NULL },
    { "{\"\\ud800\":1,\"\\udc00\":1}", "/\xef\xbf\xbd" }, /* json-c takes both for U+FFFD */
    { "{\"\\\\u0061\":1,\"a\":1}", NULL },
    { "{\"x\":{\"b\":1,\"b\":1}}", "/x/b" },
    { "{\"x\":[0,{\"b\":1,\"b\":1}]}", "/x/1/b" },
    { "[{\"a\":1},{\"b\":{\"c\":1,\"c\":2}}]", "/1/b/c" },
    { "{\"a\\u0000\":1}", "" },
    { "{\"x\":[{\"\\u0000b\":1}]}", "" },
    { "{\"raw\":{\"a\":1,\"a\":2,\"\\u0000\":3}}", NULL },
    { "{\"\\u0072aw\":{\"a\":1,\"a\":2}}", NULL },
    { "{\"raw\":{\"a\":1,\"a\":2},\"b\":1,\"b\":1}", "/b" },
    { "{\"raw\":[],\"raw\":[]}", "/raw" },
    { "{\"x\":{\"raw\":{\"a\":1,\"a\":2}}}", "/x/raw/a" },
};

START_TEST(test_json_names__cases)
{
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        struct err err = ERR_INIT;
        const char *text = cases[i].text;
        ck_assert_msg(json_strict_valid(text, strlen(text)), "%s", text);
        int status = json_check_names(text, strlen(text), "raw", &err);
        ck_assert_msg((status == 0) == (cases[i].field == NULL), "%s: %s", text, err.text);
        if (cases[i].field) {
            ck_assert_int_eq(err.code, ERR_INVALID);
            ck_assert_str_eq(err.field, cases[i].field);
        }
    }
}
END_TEST

/* Every cut of every case, in a buffer of just that size: some answer, and nothing read beyond. */
START_TEST(test_json_names__stays_within_broken_text)
{
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++)
        for (size_t cut = 0; cut <= strlen(cases[i].text); cut++) {
            struct err err = ERR_INIT;
            char *copy = malloc(cut ? cut : 1);
            memcpy(copy, cases[i].text, cut);
            if (json_check_names(copy, cut, "raw", &err) != 0)
                ck_assert_int_eq(err.code, ERR_INVALID);
            free(copy);
        }
}
END_TEST

/* As many names as a body can hold take no time that grows with their square. */
START_TEST(test_json_names__many)
{
    enum { NAMES = 150000 };
    char name[24];
    struct err err = ERR_INIT;
    cleanup_strbuf struct strbuf text = STRBUF_INIT(4 << 20);
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof(name), "%s\"%d\":0", i ? "," : "{", i);
        strbuf_add_str(&text, name);
    }
    strbuf_add_str(&text, "}");
    ck_assert(strbuf_ok(&text));
    ck_assert_int_eq(json_check_names(text.data, text.len, NULL, &err), 0);
    text.len--;
    strbuf_add_str(&text, ",\"77777\":1}");
    ck_assert_int_eq(json_check_names(text.data, text.len, NULL, &err), -1);
    ck_assert_str_eq(err.field, "/77777");
}
END_TEST

START_TEST(test_json_names__depth)
{
    char text[2 * JSON_DEPTH_MAX + 2] = "";
    struct err err = ERR_INIT;
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    ck_assert_int_eq(json_check_names(text, 2 * JSON_DEPTH_MAX, NULL, &err), 0);
    memset(text, '[', JSON_DEPTH_MAX + 1);
    ck_assert_int_eq(json_check_names(text, 2 * JSON_DEPTH_MAX + 1, NULL, &err), -1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_json_names__cases, test_json_names__stays_within_broken_text, test_json_names__many,
                                   test_json_names__depth };
    return unit_test_run("json_names", tests, UNIT_TEST_COUNT(tests));
}
