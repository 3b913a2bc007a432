/* SPDX-License-Identifier: Apache-2.0 */
/* lib/util/json_span: a member's value, byte for byte. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/json_span.h"

static const struct {
    const char *text, *value; /* NULL: no such member */
} cases[] = {
    { "{}", NULL },
    { "{\"event\":1}", "1" },
    { " { \"event\" : 1 } ", "1" },
    { "{\"event\":{\"a\":[1,2,{\"event\":3}]}}", "{\"a\":[1,2,{\"event\":3}]}" },
    { "{\"a\":{\"event\":1}}", NULL },
    { "{\"a\":[\"event\",1],\"b\":2}", NULL },
    { "{\"code\":\"\\\"event\\\":1,{\",\"event\":\t[ 1 ]\n}", "[ 1 ]" },
    { "{\"event\":\"}\\\\\"}", "\"}\\\\\"" },
    { "{\"event\":\"a\\\"},b\"}", "\"a\\\"},b\"" },
    { "{\"event\":123456789012345678901234567890}", "123456789012345678901234567890" },
    { "{\"event\":1.10000000000000000000000001e400 , \"x\":1}", "1.10000000000000000000000001e400" },
    { "{\"event\":null}", "null" },
    { "{\"event\":1,\"event\":2}", "2" },
    { "{\"\\u0065vent\":7}", "7" },
    { "{\"eve\\u006Et\":7}", "7" },
    { "{\"events\":1,\"even\":2,\"\":3,\"event\\u0000\":4}", NULL },
    { "{\"x\":1,\"event\":true}", "true" },
    { "{\"event\":\"\xc3\xa9\"}", "\"\xc3\xa9\"" },
};

START_TEST(test_json_span__cases)
{
    const char *text = cases[_i].text;
    size_t start = 0, len = 0;
    bool found = json_member_span(text, strlen(text), "event", &start, &len);
    ck_assert_msg(found == (cases[_i].value != NULL), "%s", text);
    if (found) {
        ck_assert_uint_eq(len, strlen(cases[_i].value));
        ck_assert_int_eq(memcmp(text + start, cases[_i].value, len), 0);
    }
}
END_TEST

/* Whatever the text, the answer lies within it: every cut of every case, in a buffer of just that size. */
START_TEST(test_json_span__stays_within_broken_text)
{
    const char *text = cases[_i].text;
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        char *copy = malloc(cut ? cut : 1);
        size_t start = 0, len = 0;
        memcpy(copy, text, cut);
        if (json_member_span(copy, cut, "event", &start, &len))
            ck_assert_uint_le(start + len, cut);
        free(copy);
    }
}
END_TEST

int main(void)
{
    enum { CASES = sizeof(cases) / sizeof(cases[0]) };
    Suite *suite = suite_create("json_span");
    TCase *tcase = tcase_create("json_span");
    tcase_add_loop_test(tcase, test_json_span__cases, 0, CASES);
    tcase_add_loop_test(tcase, test_json_span__stays_within_broken_text, 0, CASES);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
