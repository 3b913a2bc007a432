/* SPDX-License-Identifier: Apache-2.0 */
/* fcgi/conditional: conditions and ranges, good and bad. */
#include <check.h>
#include <stdlib.h>

#include "fcgi/conditional.h"

#define TAG "\"abc\""

static const struct {
    const char *value;
    bool unchanged;
} conditions[] = {
    { NULL, false },
    { "", false },
    { TAG, true },
    { " " TAG " ", true },
    { "W/" TAG, true },
    { "*", true },
    { " * ", true },
    { "\"x\", " TAG, true },
    { "\"x\",W/\"y\"\t,\tW/" TAG ",\"z\"", true },
    { ",, ," TAG, true },
    { "\"x,\"," TAG, true },
    { "\"\"," TAG, true },
    { "\"x\", \"y\"", false },
    { "abc", false },
    { "\"abc", false },
    { "abc\"", false },
    { "\"abcd\"", false },
    { "\"ab\"", false },
    { "\"ABC\"", false },
    { "w/" TAG, false },
    { "W/ " TAG, false },
    { "*, " TAG, false },
    { "**", false },
    { "\"x\" " TAG, false },
    { "x, " TAG, false },
    { "\"x y\", " TAG, false },
    { "Tue, 24 Nov 2026 10:00:00 GMT", false },
};

START_TEST(test_conditional__if_none_match)
{
    ck_assert_msg(conditional_unchanged(conditions[_i].value, TAG) == conditions[_i].unchanged, "%s", conditions[_i].value);
}
END_TEST

static const struct {
    const char *range, *if_range;
    int64_t size;
    enum range_kind kind;
    int64_t first, length;
} ranges[] = {
    { NULL, NULL, 100, RANGE_WHOLE, 0, 100 },
    { NULL, TAG, 100, RANGE_WHOLE, 0, 100 },
    { "bytes=0-0", NULL, 100, RANGE_PART, 0, 1 },
    { "bytes=0-99", NULL, 100, RANGE_PART, 0, 100 },
    { "bytes=10-19", NULL, 100, RANGE_PART, 10, 10 },
    { "BYTES= 10-19 ", NULL, 100, RANGE_PART, 10, 10 },
    { "bytes=99-", NULL, 100, RANGE_PART, 99, 1 },
    { "bytes=0-", NULL, 100, RANGE_PART, 0, 100 },
    { "bytes=-1", NULL, 100, RANGE_PART, 99, 1 },
    { "bytes=-100", NULL, 100, RANGE_PART, 0, 100 },
    { "bytes=-101", NULL, 100, RANGE_PART, 0, 100 },
    { "bytes=-99999999999999999999999999", NULL, 100, RANGE_PART, 0, 100 },
    { "bytes=50-99999999999999999999999999", NULL, 100, RANGE_PART, 50, 50 },
    { "bytes=50-9223372036854775807", NULL, 100, RANGE_PART, 50, 50 },
    { "bytes=00010-0019", NULL, 100, RANGE_PART, 10, 10 },
    { "bytes=4294967296-4294967297", NULL, 5000000000, RANGE_PART, 4294967296, 2 },
    { "bytes=100-", NULL, 100, RANGE_UNSATISFIABLE, 0, 100 },
    { "bytes=100-200", NULL, 100, RANGE_UNSATISFIABLE, 0, 100 },
    { "bytes=99999999999999999999999999-", NULL, 100, RANGE_UNSATISFIABLE, 0, 100 },
    { "bytes=-0", NULL, 100, RANGE_UNSATISFIABLE, 0, 100 },
    { "bytes=0-", NULL, 0, RANGE_UNSATISFIABLE, 0, 0 },
    { "bytes=0-0", NULL, 0, RANGE_UNSATISFIABLE, 0, 0 },
    { "bytes=-5", NULL, 0, RANGE_UNSATISFIABLE, 0, 0 },
    { "bytes=0-1,5-6", NULL, 100, RANGE_WHOLE, 0, 100 },
    { "bytes=0-1,", NULL, 100, RANGE_WHOLE, 0, 100 },
    { "bytes=", NULL, 100, RANGE_WHOLE, 0, 100 },
    { "bytes=-", NULL, 100, RANGE_WHOLE, 0, 100 },
    { "bytes=5", NULL, 100, RANGE_WHOLE, 0, 100 },
    { "bytes=9-5", NULL, 100, RANGE_UNSATISFIABLE, 0, 100 },
    { "bytes=+1-5", NULL, 100, RANGE_WHOLE, 0, 100 },
    { "bytes=1 - 5", NULL, 100, RANGE_WHOLE, 0, 100 },
    { "bytes=--5", NULL, 100, RANGE_WHOLE, 0, 100 },
    { "bytes=0x1-5", NULL, 100, RANGE_WHOLE, 0, 100 },
    { "bytes 0-5", NULL, 100, RANGE_WHOLE, 0, 100 },
    { "bytes=a-b", NULL, 100, RANGE_WHOLE, 0, 100 },
    { "lines=0-5", NULL, 100, RANGE_WHOLE, 0, 100 },
    { "0-5", NULL, 100, RANGE_WHOLE, 0, 100 },
    { "", NULL, 100, RANGE_WHOLE, 0, 100 },
    { "bytes=0-4", TAG, 100, RANGE_PART, 0, 5 },
    { "bytes=100-", TAG, 100, RANGE_UNSATISFIABLE, 0, 100 },
    { "bytes=0-4", "W/" TAG, 100, RANGE_WHOLE, 0, 100 },
    { "bytes=0-4", "\"old\"", 100, RANGE_WHOLE, 0, 100 },
    { "bytes=100-", "\"old\"", 100, RANGE_WHOLE, 0, 100 },
    { "bytes=0-4", "*", 100, RANGE_WHOLE, 0, 100 },
    { "bytes=0-4", TAG ", \"x\"", 100, RANGE_WHOLE, 0, 100 },
    { "bytes=0-4", "Tue, 24 Nov 2026 10:00:00 GMT", 100, RANGE_WHOLE, 0, 100 },
    { "bytes=0-4", "", 100, RANGE_WHOLE, 0, 100 },
};

START_TEST(test_conditional__range)
{
    struct byte_range got;
    enum range_kind kind = conditional_range(ranges[_i].range, ranges[_i].if_range, TAG, ranges[_i].size, &got);
    ck_assert_msg(kind == ranges[_i].kind, "%s: %d", ranges[_i].range, kind);
    ck_assert_int_eq(got.first, ranges[_i].first);
    ck_assert_int_eq(got.length, ranges[_i].length);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("conditional");
    TCase *tcase = tcase_create("conditional");
    tcase_add_loop_test(tcase, test_conditional__if_none_match, 0, sizeof(conditions) / sizeof(conditions[0]));
    tcase_add_loop_test(tcase, test_conditional__range, 0, sizeof(ranges) / sizeof(ranges[0]));
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
