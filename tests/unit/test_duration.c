/* SPDX-License-Identifier: Apache-2.0 */
/* Durations. */
#include "lib/util/duration.h"
#include "tests/unit/unit_test.h"

START_TEST(test_duration__reads_and_writes)
{
    static const struct {
        const char *text;
        int64_t ms;
        const char *again;
    } cases[] = { { "500ms", 500, "500ms" }, { "1ms", 1, "1ms" }, { "5s", 5000, "5s" }, { "10m", 600000, "10m" },
                  { "2h", 7200000, "2h" }, { "60s", 60000, "1m" }, { "1500ms", 1500, "1500ms" }, { "0090m", 5400000, "90m" },
                  { "24h", 86400000, "24h" }, { "9223372036854775807ms", INT64_MAX, "9223372036854775807ms" } };
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        char text[DURATION_TEXT_SIZE];
        int64_t ms = 0;
        ck_assert_msg(duration_parse(cases[i].text, &ms), "%s", cases[i].text);
        ck_assert_int_eq(ms, cases[i].ms);
        duration_format(ms, text);
        ck_assert_str_eq(text, cases[i].again);
    }
}
END_TEST

START_TEST(test_duration__refuses_the_rest)
{
    static const char *const wrong[] = { "", "5", "s", "ms", "0s", "-5s", "+5s", " 5s", "5 s", "5s ", "5S", "5sec", "1.5s", "1m30s", "5d",
                                         "9223372036854775808ms", "9223372036854775807s", "99999999999999999999m" };
    for (size_t i = 0; i < UNIT_TEST_COUNT(wrong); i++) {
        int64_t ms = 7;
        ck_assert_msg(!duration_parse(wrong[i], &ms), "\"%s\"", wrong[i]);
        ck_assert_int_eq(ms, 7);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_duration__reads_and_writes, test_duration__refuses_the_rest };
    return unit_test_run("duration", tests, UNIT_TEST_COUNT(tests));
}
