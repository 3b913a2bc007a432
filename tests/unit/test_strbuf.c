/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "lib/util/strbuf.h"
#include "tests/unit/unit_test.h"

START_TEST(test_strbuf__appends)
{
    cleanup_strbuf struct strbuf buf = STRBUF_INIT(1000);
    ck_assert_str_eq(strbuf_str(&buf), "");
    strbuf_add_str(&buf, "a");
    strbuf_add(&buf, "b\0c", 3);
    strbuf_add_char(&buf, 'd');
    strbuf_addf(&buf, "%05d", 42);
    ck_assert(strbuf_ok(&buf));
    ck_assert_uint_eq(buf.len, 10);
    ck_assert_mem_eq(buf.data, "ab\0cd00042", 11);
}
END_TEST

START_TEST(test_strbuf__the_ceiling_is_exact_and_sticky)
{
    cleanup_strbuf struct strbuf buf = STRBUF_INIT(4);
    strbuf_add_str(&buf, "abcd");
    ck_assert(strbuf_ok(&buf));
    strbuf_add_char(&buf, 'e');
    ck_assert(!strbuf_ok(&buf));
    strbuf_add(&buf, "", 0);
    strbuf_addf(&buf, "%s", "");
    ck_assert(!strbuf_ok(&buf)); /* what was lost is not forgotten */
    ck_assert_str_eq(strbuf_str(&buf), "abcd");
    ck_assert_ptr_null(strbuf_steal(&buf));
    strbuf_reset(&buf);
    strbuf_add_str(&buf, "x");
    ck_assert(strbuf_ok(&buf));
    ck_assert_str_eq(strbuf_str(&buf), "x");
}
END_TEST

START_TEST(test_strbuf__a_huge_append_does_not_wrap)
{
    cleanup_strbuf struct strbuf buf = STRBUF_INIT(100);
    strbuf_add_str(&buf, "abc");
    strbuf_add(&buf, "x", SIZE_MAX - 1);
    ck_assert(!strbuf_ok(&buf));
    ck_assert_uint_eq(buf.len, 3);
}
END_TEST

START_TEST(test_strbuf__grows_up_to_odd_ceilings)
{
    cleanup_strbuf struct strbuf buf = STRBUF_INIT(100003);
    for (int i = 0; i < 100003; i++)
        strbuf_add_char(&buf, (char)('a' + i % 26));
    ck_assert(strbuf_ok(&buf));
    ck_assert_uint_eq(strlen(strbuf_str(&buf)), 100003);
    strbuf_add_char(&buf, 'x');
    ck_assert(!strbuf_ok(&buf));
}
END_TEST

START_TEST(test_strbuf__drop_front_and_steal)
{
    cleanup_strbuf struct strbuf buf = STRBUF_INIT(100);
    strbuf_drop_front(&buf, 5);
    strbuf_add_str(&buf, "abcdef");
    strbuf_drop_front(&buf, 2);
    ck_assert_str_eq(strbuf_str(&buf), "cdef");
    cleanup_free char *taken = strbuf_steal(&buf);
    ck_assert_str_eq(taken, "cdef");
    ck_assert_uint_eq(buf.len, 0);
    cleanup_free char *empty = strbuf_steal(&buf);
    ck_assert_str_eq(empty, "");
    strbuf_add_str(&buf, "again");
    strbuf_drop_front(&buf, 99);
    ck_assert_str_eq(strbuf_str(&buf), "");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_strbuf__appends, test_strbuf__the_ceiling_is_exact_and_sticky,
                                   test_strbuf__a_huge_append_does_not_wrap, test_strbuf__grows_up_to_odd_ceilings,
                                   test_strbuf__drop_front_and_steal };
    return unit_test_run("strbuf", tests, UNIT_TEST_COUNT(tests));
}
