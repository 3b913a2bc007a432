/* SPDX-License-Identifier: Apache-2.0 */
/* Times and identifiers. */
#include <string.h>

#include "lib/util/clock.h"
#include "lib/util/id.h"
#include "tests/unit/unit_test.h"

START_TEST(test_clock__formats_rfc3339)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = { { 0, "1970-01-01T00:00:00Z" }, { 999, "1970-01-01T00:00:00Z" }, { 1767693600000, "2026-01-06T10:00:00Z" },
                  { 951782400000, "2000-02-29T00:00:00Z" }, { 253402300799999, "9999-12-31T23:59:59Z" } };
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        char text[CLOCK_TEXT_SIZE];
        clock_format(cases[i].ms, text);
        ck_assert_str_eq(text, cases[i].text);
    }
}
END_TEST

START_TEST(test_clock__goes_forward)
{
    int64_t us = clock_mono_us(), ms = clock_mono_ms();
    ck_assert_int_ge(clock_mono_us(), us);
    ck_assert_int_ge(clock_mono_ms(), ms);
    ck_assert_int_gt(clock_wall_ms(), 1700000000000);
}
END_TEST

START_TEST(test_id__random_ids_are_well_formed_and_differ)
{
    char ids[500][32];
    for (int i = 0; i < 500; i++) {
        id_prefixed(ids[i], "sess_", 16);
        ck_assert(id_valid(ids[i], "sess_", 16));
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(ids[i], ids[k]);
    }
}
END_TEST

START_TEST(test_id__letters_are_drawn_evenly)
{
    enum { DRAWN = 36000 };
    static char text[DRAWN + 1];
    int counts[256] = { 0 };
    id_random(text, DRAWN);
    for (int i = 0; i < DRAWN; i++)
        counts[(unsigned char)text[i]]++;
    for (const char *c = "abcdefghijklmnopqrstuvwxyz0123456789"; *c; c++)
        ck_assert_msg(counts[(unsigned char)*c] > 750 && counts[(unsigned char)*c] < 1250, "%c: %d", *c,
                      counts[(unsigned char)*c]);
}
END_TEST

START_TEST(test_id__malformed_ones_are_refused)
{
    static const char *const bad[] = { "", "sess_", "sess_abc", "sess_abcdefghijklmno", "sess_abcdefghijklmnopq", "sess_ABCDEFGHIJKLMNOP",
                                       "exec_abcdefghijklmnop", "sess_abcdefghijklmno\n", "sess_abcdefghijklmno-", " sess_abcdefghijklmnop" };
    for (size_t i = 0; i < UNIT_TEST_COUNT(bad); i++)
        ck_assert_msg(!id_valid(bad[i], "sess_", 16), "accepted \"%s\"", bad[i]);
    ck_assert(id_valid("sess_abcdefghijklmn09", "sess_", 16));
}
END_TEST

START_TEST(test_id__hex)
{
    char text[49];
    id_hex(text, 48);
    ck_assert_uint_eq(strlen(text), 48);
    ck_assert_uint_eq(strspn(text, "0123456789abcdef"), 48);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_clock__formats_rfc3339, test_clock__goes_forward,
                                   test_id__random_ids_are_well_formed_and_differ, test_id__letters_are_drawn_evenly,
                                   test_id__malformed_ones_are_refused, test_id__hex };
    return unit_test_run("clock_id", tests, UNIT_TEST_COUNT(tests));
}
