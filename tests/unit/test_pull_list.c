/* SPDX-License-Identifier: Apache-2.0 */
/* A container's list of changes against what the index knows. */
#include "config.h"

#include <check.h>
#include <string.h>

#include "lib/service/pull_list.h"

static struct pull_list list;
static struct err err;

static void add_file(const char *path, const char *version)
{
    struct wire_change change = { .type = WIRE_CHANGE_FILE, .mode = 0644, .size = 3, .mine = true };
    snprintf(change.path, sizeof(change.path), "%s", path);
    snprintf(change.version, sizeof(change.version), "%s", version);
    ck_assert_int_eq(pull_list_add(&list, &change, &err), 0);
}

static void add_end(bool all)
{
    const struct wire_change change = { .type = WIRE_CHANGE_END, .all = all, .skipped = 2, .mark = 77 };
    ck_assert_int_eq(pull_list_add(&list, &change, &err), 0);
    pull_list_sort(&list);
}

static void set_up(void)
{
    list = (struct pull_list){ 0 };
    err = ERR_INIT;
}

static void tear_down(void)
{
    pull_list_release(&list);
}

START_TEST(test_pull_list__only_another_version_is_new)
{
    add_file("b", "v2");
    add_file("a", "v1");
    add_file("c", "v3");
    add_end(false);
    ck_assert_str_eq(list.items[0].path, "a");
    ck_assert_int_eq(pull_list_compare(&list, "a", "v1", true, &err), 0);
    ck_assert_int_eq(pull_list_compare(&list, "b", "v1", false, &err), 0);
    ck_assert_int_eq(pull_list_compare(&list, "other", "v9", false, &err), 0);
    ck_assert_int_eq(pull_list_find(&list, "a")->state, PULL_KNOWN);
    ck_assert(pull_list_find(&list, "a")->ours);
    ck_assert_int_eq(pull_list_find(&list, "b")->state, PULL_NEW);
    ck_assert_int_eq(pull_list_find(&list, "c")->state, PULL_NEW);
    ck_assert_uint_eq(list.gone_count, 0); /* it was only not touched */
    ck_assert_int_eq(list.mark, 77);
    ck_assert_int_eq(list.skipped, 2);
}
END_TEST

START_TEST(test_pull_list__what_a_whole_list_lacks_is_gone)
{
    add_file("a", "v1");
    add_end(true);
    ck_assert_int_eq(pull_list_compare(&list, "a", "v1", false, &err), 0);
    ck_assert_int_eq(pull_list_compare(&list, "other", "v9", false, &err), 0);
    ck_assert_uint_eq(list.gone_count, 1);
    ck_assert_str_eq(list.gone[0].path, "other");
    ck_assert(!list.gone[0].below);
}
END_TEST

START_TEST(test_pull_list__a_list_that_was_cut_proves_nothing_gone)
{
    char path[32];
    for (int i = 0; i < WORKSPACE_FILES_MAX + 3; i++) {
        snprintf(path, sizeof(path), "%d", i);
        add_file(path, "v");
    }
    add_end(true);
    ck_assert_uint_eq(list.count, WORKSPACE_FILES_MAX);
    ck_assert_int_eq(list.dropped, 3);
    ck_assert_int_eq(pull_list_compare(&list, "other", "v9", false, &err), 0);
    ck_assert_uint_eq(list.gone_count, 0);
    ck_assert_ptr_nonnull(pull_list_find(&list, "99999"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pull_list");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_add_test(all, test_pull_list__only_another_version_is_new);
    tcase_add_test(all, test_pull_list__what_a_whole_list_lacks_is_gone);
    tcase_add_test(all, test_pull_list__a_list_that_was_cut_proves_nothing_gone);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
