/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "lib/model/error_info.h"
#include "lib/util/err.h"
#include "tests/unit/unit_test.h"

START_TEST(test_err__details_grow_in_front)
{
    struct err err = ERR_INIT;
    ck_assert_int_eq(err_set(&err, ERR_CONFLICT, "No %d.", 5), -1);
    ck_assert_str_eq(err.text, "No 5.");
    err_wrap(&err, "inner %s", "a");
    ck_assert_int_eq(err_wrap(&err, "outer"), -1);
    ck_assert_str_eq(err.detail, "outer: inner a");
    ck_assert_str_eq(err.text, "No 5.");
    ck_assert_int_eq(err.code, ERR_CONFLICT);
}
END_TEST

START_TEST(test_err__a_new_error_forgets_the_old)
{
    struct err err = ERR_INIT;
    err_field(&err, "/a/b", "Bad.");
    ck_assert_str_eq(err.field, "/a/b");
    ck_assert_int_eq(err.code, ERR_INVALID);
    err_internal(&err, ENOENT, "reading %s", "x");
    ck_assert_str_eq(err.field, "");
    ck_assert_str_eq(err.text, "An internal error occurred.");
    ck_assert_str_eq(err.detail, "reading x: No such file or directory");
    err_internal(&err, 0, "plain");
    ck_assert_str_eq(err.detail, "plain");
}
END_TEST

START_TEST(test_err__long_texts_are_cut)
{
    struct err err = ERR_INIT;
    char big[4096];
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    err_field(&err, big, "%s", big);
    ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
    ck_assert_uint_eq(strlen(err.field), sizeof(err.field) - 1);
    for (int i = 0; i < 10; i++)
        err_wrap(&err, "%s", big);
    ck_assert_uint_eq(strlen(err.detail), sizeof(err.detail) - 1);
}
END_TEST

START_TEST(test_error_info__every_code_is_described)
{
    for (int code = ERR_NONE + 1; code < ERR_CODES; code++) {
        const struct error_info *info = error_info((enum err_code)code);
        ck_assert_msg(strncmp(info->name, "Sandbox.", 8) == 0, "code %d", code);
        ck_assert(info->http_status >= 400 && info->http_status < 600);
        ck_assert(info->description[0] && info->solution[0]);
        ck_assert_msg(code == ERR_INTERNAL || info != error_info(ERR_INTERNAL), "code %d has no row", code);
        ck_assert_msg(!info->retryable || info->http_status == 503 || info->http_status == 429, "code %d", code);
    }
    ck_assert_ptr_eq(error_info((enum err_code)-1), error_info(ERR_INTERNAL));
    ck_assert_ptr_eq(error_info(ERR_NONE), error_info(ERR_INTERNAL));
    ck_assert_ptr_eq(error_info(ERR_CODES), error_info(ERR_INTERNAL));
    ck_assert_str_eq(error_info(ERR_NO_ROOM)->name, "Sandbox.TooManyRequestsExection"); /* clients match on it */
}
END_TEST

START_TEST(test_error_info__executors_have_names_of_their_own)
{
    static const struct {
        enum err_code code;
        const char *name;
        int status;
    } rows[] = {
        { ERR_INVALID, "Internal.InvalidParameter", 400 },          { ERR_UNAUTHORIZED, "Internal.Unauthorized", 401 },
        { ERR_EXECUTION_NOT_FOUND, "Internal.InvalidExecution", 404 }, { ERR_SESSION_NOT_FOUND, "Internal.InvalidExecution", 404 },
        { ERR_CONFLICT, "Internal.StateConflict", 409 },            { ERR_TOO_LARGE, "Sandbox.PayloadTooLarge", 413 },
        { ERR_UNAVAILABLE, "Sandbox.ServiceUnavailable", 503 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_str_eq(error_info_internal(rows[i].code)->name, rows[i].name);
        ck_assert_int_eq(error_info_internal(rows[i].code)->http_status, rows[i].status);
        ck_assert(error_info_internal(rows[i].code)->solution[0] != '\0');
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { test_err__details_grow_in_front, test_err__a_new_error_forgets_the_old,
                                   test_err__long_texts_are_cut, test_error_info__every_code_is_described,
                                   test_error_info__executors_have_names_of_their_own };
    return unit_test_run("err", tests, UNIT_TEST_COUNT(tests));
}
