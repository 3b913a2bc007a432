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

START_TEST(test_clock__parses_rfc3339)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = { { "1970-01-01T00:00:00Z", 0 }, { "2026-01-06T10:00:00Z", 1767693600000 },
                  { "2026-01-06T10:00:00.5Z", 1767693600500 }, { "2026-01-06T10:00:00.123456789Z", 1767693600123 },
                  { "2026-01-06T10:00:00.0009Z", 1767693600000 }, { "2026-01-06t10:00:00z", 1767693600000 },
                  { "2026-01-06T11:30:00+01:30", 1767693600000 }, { "2026-01-06T00:01:00-09:59", 1767693600000 },
                  { "2026-01-06T10:00:00-00:00", 1767693600000 }, { "2000-02-29T00:00:00Z", 951782400000 },
                  { "1969-12-31T23:59:59.999Z", -1 }, { "0000-01-01T00:00:00Z", -62167219200000 },
                  { "9999-12-31T23:59:59.999Z", 253402300799999 },
                  { "2016-12-31T23:59:60Z", 1483228800000 }, { "2016-12-31T23:59:60.7Z", 1483228800000 },
                  { "2017-01-01T01:59:60+02:00", 1483228800000 } };
    for (size_t i = 0; i < UNIT_TEST_COUNT(cases); i++) {
        int64_t ms = 7;
        ck_assert_msg(clock_parse(cases[i].text, &ms), "%s", cases[i].text);
        ck_assert_msg(ms == cases[i].ms, "%s: %lld", cases[i].text, (long long)ms);
    }
}
END_TEST

/* Every time of the calendar comes back as it was written. */
START_TEST(test_clock__reads_what_it_writes)
{
    for (int64_t day = 0; day < 2932897; day += 13) {
        char text[CLOCK_TEXT_SIZE];
        int64_t ms = -1, wanted = day * 86400000 + (day % 86400) * 1000;
        clock_format(wanted, text);
        ck_assert_msg(clock_parse(text, &ms) && ms == wanted, "%s: %lld", text, (long long)ms);
    }
}
END_TEST

START_TEST(test_clock__refuses_other_texts)
{
    static const char *const bad[] = {
        "", "2026", "2026-01-06", "2026-01-06T10:00:00", "2026-01-06 10:00:00Z", "2026-01-06T10:00Z", "2026-01-06T10:00:00 01:00",
        "2026-01-06T10:00:00+0100", "2026-01-06T10:00:00+01", "2026-01-06T10:00:00+24:00", "2026-01-06T10:00:00+01:60",
        "2026-01-06T10:00:00.Z", "2026-01-06T10:00:00,5Z", "2026-01-06T10:00:00ZZ", "2026-01-06T10:00:00Z ", " 2026-01-06T10:00:00Z",
        "2026-13-06T10:00:00Z", "2026-00-06T10:00:00Z", "2026-01-00T10:00:00Z", "2026-01-32T10:00:00Z", "2025-02-29T10:00:00Z",
        "1900-02-29T10:00:00Z", "2026-04-31T10:00:00Z", "2026-01-06T24:00:00Z", "2026-01-06T10:60:00Z", "2026-01-06T10:00:61Z",
        "2026-01-06T10:00:60Z", "2016-12-30T23:59:60Z", "2016-12-31T23:59:60+01:00", "10000-01-01T00:00:00Z",
        "123456789012345678901234567890-01-01T00:00:00Z", "-026-01-06T10:00:00Z", "+2026-01-06T10:00:00Z", "2026-1-06T10:00:00Z",
        "2026-01-06T1:00:00Z", "1767693600", "now", "\331\242026-01-06T10:00:00Z" };
    for (size_t i = 0; i < UNIT_TEST_COUNT(bad); i++) {
        int64_t ms = 7;
        ck_assert_msg(!clock_parse(bad[i], &ms), "accepted \"%s\"", bad[i]);
        ck_assert_int_eq(ms, 7);
    }
}
END_TEST

START_TEST(test_clock__a_prefix_ends_where_the_text_does)
{
    static const char text[] = "2026-01-06T10:00:00.25+01:00 [INFO] x";
    int64_t ms = 0;
    ck_assert_uint_eq(clock_parse_prefix(text, sizeof(text) - 1, &ms), 28);
    ck_assert_int_eq(ms, 1767690000250);
    for (size_t cut = 0; cut < 28; cut++)
        ck_assert_msg(clock_parse_prefix(text, cut, &ms) == 0, "%zu bytes were enough", cut);
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
    const TTest *const tests[] = { test_clock__formats_rfc3339, test_clock__parses_rfc3339,
                                   test_clock__reads_what_it_writes, test_clock__refuses_other_texts,
                                   test_clock__a_prefix_ends_where_the_text_does, test_clock__goes_forward,
                                   test_id__random_ids_are_well_formed_and_differ, test_id__letters_are_drawn_evenly,
                                   test_id__malformed_ones_are_refused, test_id__hex };
    return unit_test_run("clock_id", tests, UNIT_TEST_COUNT(tests));
}
