/* SPDX-License-Identifier: Apache-2.0 */
/* The words at the dispatcher's doorbell: what was said is what is heard; anything else is a look. */
#include <check.h>
#include <stdlib.h>

#include "lib/io/doorbell.h"
#include "lib/service/dispatch_bell.h"

static struct dispatch_word read_word(const char *text)
{
    struct dispatch_word word;
    dispatch_bell_read(text, &word);
    return word;
}

START_TEST(test_dispatch_bell__what_is_said_is_heard)
{
    struct err err = ERR_INIT;
    struct settings settings = { 0 };
    char address[DOORBELL_ADDRESS_SIZE], text[DOORBELL_TEXT_MAX + 1];
    cleanup_fd int bell = doorbell_open("127.0.0.1:0", address, &err);
    ck_assert_int_ge(bell, 0);
    settings.doorbell.dispatchd = address;
    const struct context context = { .settings = &settings, .doorbell = -1 };
    struct submit_result submitted = { .stored = true };
    dispatch_bell_submitted(&context, INT64_MAX, &submitted);
    ck_assert_int_eq(doorbell_take(bell, text), 1);
    ck_assert_int_eq(read_word(text).kind, DISPATCH_RUN);
    ck_assert_int_eq(read_word(text).seq, INT64_MAX);
    submitted.assigned = true; /* to another */
    char other[DOORBELL_ADDRESS_SIZE];
    cleanup_fd int its_bell = doorbell_open("127.0.0.1:0", other, &err);
    snprintf(submitted.doorbell, sizeof(submitted.doorbell), "%s", other);
    dispatch_bell_submitted(&context, 7, &submitted);
    ck_assert_int_eq(doorbell_take(bell, text), 0);
    ck_assert_int_eq(doorbell_take(its_bell, text), 1);
    ck_assert_int_eq(read_word(text).kind, DISPATCH_TAKE);
    ck_assert_int_eq(read_word(text).seq, 7);
    dispatch_bell_wait(&context, "exec_20260106_abcdefg");
    ck_assert_int_eq(doorbell_take(bell, text), 1);
    ck_assert_int_eq(read_word(text).kind, DISPATCH_WAIT);
    ck_assert_str_eq(read_word(text).id, "exec_20260106_abcdefg");
}
END_TEST

START_TEST(test_dispatch_bell__anything_else_is_a_look)
{
    static const char *const texts[] = { "", "run", "run ", "run 0", "run -1", "run +1", "run 1x", "run 99999999999999999999", "RUN 1", " run 1", "take", "take 0", "take 1 ",
                                         "wait", "wait exec_20260106_abcdefgh_and_more", "cancel", "sess_1", "exec_20260106_abcdefgh" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_msg(read_word(texts[i]).kind == DISPATCH_LOOK, "\"%s\"", texts[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dispatch_bell");
    TCase *tcase = tcase_create("words");
    tcase_add_test(tcase, test_dispatch_bell__what_is_said_is_heard);
    tcase_add_test(tcase, test_dispatch_bell__anything_else_is_a_look);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
