/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of storage that make no sense are refused before anything is asked. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/storage/storage.h"

static struct storage_settings good(void)
{
    return (struct storage_settings){ .driver = "s3", .directory = "/var", .s3_endpoint = "", .s3_public_endpoint = "",
                                      .s3_region = "us-east-1", .s3_bucket = "files", .s3_prefix = "", .s3_access_key = "a:b",
                                      .s3_secret_key = "s", .s3_style = "path", .s3_ca_file = "", .s3_spool = "/var/tmp" };
}

#define AT(member) offsetof(struct storage_settings, member)

static const struct {
    size_t at;
    const char *value;
    const char *refusal; /* word of it; NULL: it is good */
} cases[] = {
    { AT(s3_bucket), "", "s3_bucket" },
    { AT(s3_bucket), "ab", "s3_bucket" },
    { AT(s3_bucket), "a/b/c", "s3_bucket" },
    { AT(s3_bucket), "a.good-Bucket_9", NULL },
    { AT(s3_access_key), "", "s3_access_key" },
    { AT(s3_secret_key), "", "s3_secret_key" },
    { AT(s3_region), "", "s3_region" },
    { AT(s3_region), "eu west", "s3_region" },
    { AT(s3_prefix), "a/b-c", NULL },
    { AT(s3_prefix), "/a", "s3_prefix" },
    { AT(s3_prefix), "a/", "s3_prefix" },
    { AT(s3_prefix), "a//b", "s3_prefix" },
    { AT(s3_prefix), "a/../b", "s3_prefix" },
    { AT(s3_prefix), "a b", "s3_prefix" },
    { AT(s3_spool), "var/tmp", "s3_spool" },
    { AT(s3_endpoint), "https://s3.example.org", NULL },
    { AT(s3_endpoint), "http://127.0.0.1:9000/", NULL },
    { AT(s3_endpoint), "https://[::1]:9000", NULL },
    { AT(s3_endpoint), "s3.example.org", "s3_endpoint" },
    { AT(s3_endpoint), "ftp://s3.example.org", "s3_endpoint" },
    { AT(s3_endpoint), "https://", "s3_endpoint" },
    { AT(s3_endpoint), "https:///", "s3_endpoint" },
    { AT(s3_endpoint), "https://s3.example.org/path", "s3_endpoint" },
    { AT(s3_endpoint), "https://user@s3.example.org", "s3_endpoint" },
    { AT(s3_endpoint), "https://a b", "s3_endpoint" },
    { AT(s3_public_endpoint), "https://s3.example.org?x", "s3_public_endpoint" },
    { AT(directory), "var", "directory" },
};

START_TEST(test_storage_settings__each)
{
    struct err err = ERR_INIT;
    struct storage_settings settings = good();
    ck_assert_int_eq(storage_settings_check(&settings, &err), 0);
    *(const char **)((char *)&settings + cases[_i].at) = cases[_i].value;
    int status = storage_settings_check(&settings, &err);
    ck_assert_msg((status == 0) == !cases[_i].refusal, "\"%s\": %d %s", cases[_i].value, status, err.text);
    ck_assert(status == 0 || (err.code == ERR_INVALID && strstr(err.text, cases[_i].refusal)));
}
END_TEST

START_TEST(test_storage_settings__file_needs_nothing_of_s3)
{
    struct err err = ERR_INIT;
    struct storage_settings settings = good();
    settings.driver = "file";
    settings.s3_bucket = settings.s3_access_key = settings.s3_secret_key = "";
    ck_assert_int_eq(storage_settings_check(&settings, &err), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("storage_settings");
    TCase *tests = tcase_create("storage_settings");
    tcase_add_loop_test(tests, test_storage_settings__each, 0, sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tests, test_storage_settings__file_needs_nothing_of_s3);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
