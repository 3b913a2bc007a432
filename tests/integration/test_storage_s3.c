/* SPDX-License-Identifier: Apache-2.0 */
/* What only S3 can do wrong, against the server of tests/with-swift.sh, or of SANDBOX_TEST_S3_URL. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "tests/integration/storage_stage.h"

enum { MIB = 1024 * 1024 };

START_TEST(test_storage_s3__virtual_host)
{
    struct err err = ERR_INIT;
    char endpoint[256];
    struct storage_settings *settings = stage_begin("s3");
    if (strncmp(settings->s3_endpoint, "http://127.0.0.1:", 17) == 0) { /* our Swift calls itself localhost, too */
        snprintf(endpoint, sizeof(endpoint), "http://localhost:%s", settings->s3_endpoint + 17);
        settings->s3_endpoint = endpoint;
        settings->s3_style = "virtual-host";
    }
    ck_assert_msg(stage_write("one", 1, 17 * MIB, &err) == 0, "%s", err.detail);
    ck_assert(stage_holds("one", 1, 17 * MIB));
    stage_end();
}
END_TEST

/* For an operator: the detail names what S3 said. */
static void expect_refusal(enum err_code code, const char *word)
{
    struct err err = ERR_INIT;
    struct stage_read read = { .seed = 1 };
    ck_assert_int_eq(stage_write("one", 1, 10, &err), -1);
    ck_assert_msg(err.code == code && strstr(err.detail, word), "%d %s", err.code, err.detail);
    ck_assert_int_eq(stage_write("one", 1, 17 * MIB, &err), -1);
    ck_assert_int_eq(err.code, code);
    ck_assert_int_eq(stage_read(&read, "one", 0, -1, &err), -1);
    ck_assert_msg(err.code == code && strstr(err.detail, word), "%d %s", err.code, err.detail);
    ck_assert_int_eq(storage_check(stage_storage(), &err), -1);
    ck_assert_msg(err.code == code && strstr(err.detail, word), "%d %s", err.code, err.detail);
    ck_assert_ptr_null(strstr(err.text, word));
}

START_TEST(test_storage_s3__wrong_secret)
{
    stage_begin("s3")->s3_secret_key = "wrong";
    expect_refusal(ERR_INTERNAL, "SignatureDoesNotMatch");
    stage_end();
}
END_TEST

START_TEST(test_storage_s3__no_bucket)
{
    stage_begin("s3")->s3_bucket = "there-is-no-such-bucket";
    expect_refusal(ERR_INTERNAL, "NoSuchBucket");
    stage_end();
}
END_TEST

START_TEST(test_storage_s3__does_not_answer)
{
    struct storage_settings *settings = stage_begin("s3");
    settings->s3_endpoint = "http://127.0.0.1:9"; /* nobody listens there */
    settings->s3_timeout_ms = 1000;
    expect_refusal(ERR_UNAVAILABLE, "127.0.0.1");
    stage_end();
}
END_TEST

START_TEST(test_storage_s3__no_spool)
{
    struct err err = ERR_INIT;
    struct storage_write *write = NULL;
    stage_begin("s3")->s3_spool = "/nonexistent";
    ck_assert_int_eq(storage_write_begin(stage_storage(), stage_key("one"), &write, &err), -1);
    ck_assert_int_eq(err.code, ERR_INTERNAL);
    ck_assert_ptr_nonnull(strstr(err.detail, "/nonexistent"));
    stage_end();
}
END_TEST

int main(void)
{
    if (stage_driver_count() == 1) {
        puts("without S3: run it through tests/with-swift.sh, with Swift installed, or set SANDBOX_TEST_S3_URL");
        return 77;
    }
    Suite *suite = suite_create("storage_s3");
    TCase *cases = tcase_create("storage_s3");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, test_storage_s3__virtual_host);
    tcase_add_test(cases, test_storage_s3__wrong_secret);
    tcase_add_test(cases, test_storage_s3__no_bucket);
    tcase_add_test(cases, test_storage_s3__does_not_answer);
    tcase_add_test(cases, test_storage_s3__no_spool);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
