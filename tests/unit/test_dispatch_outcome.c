/* SPDX-License-Identifier: Apache-2.0 */
/* What answers and losses mean for an execution. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/service/dispatch_outcome.h"

static const struct failure_row {
    enum wire_failure failure;
    enum execution_status status;
    const char *kind; /* NULL: none */
    bool has_exit_code;
} failure_rows[] = {
    { WIRE_FAILURE_NONE, EXECUTION_COMPLETED, NULL, true },
    { WIRE_FAILURE_EXCEPTION, EXECUTION_FAILED, "exception", true },
    { WIRE_FAILURE_SIGNAL, EXECUTION_FAILED, "signal", true },
    { WIRE_FAILURE_TIMEOUT, EXECUTION_TIMEOUT, "timeout", true },
    { WIRE_FAILURE_OUT_OF_MEMORY, EXECUTION_FAILED, "out_of_memory", true },
    { WIRE_FAILURE_DISK_FULL, EXECUTION_FAILED, "disk_full", true },
    { WIRE_FAILURE_RETURN_VALUE, EXECUTION_FAILED, "return_value", true },
    { WIRE_FAILURE_CANCELLED, EXECUTION_CANCELLED, "cancelled", true },
    { WIRE_FAILURE_NO_RUNTIME, EXECUTION_FAILED, "no_runtime", false },
    { WIRE_FAILURE_EXECUTOR, EXECUTION_FAILED, "executor", false },
};

START_TEST(test_dispatch_outcome__every_failure_has_its_status)
{
    ck_assert_uint_eq(sizeof(failure_rows) / sizeof(failure_rows[0]), WIRE_FAILURES);
    const struct failure_row *row = &failure_rows[_i];
    struct exec_answer answer = { .out = EXEC_OUTPUT_INIT, .err = EXEC_OUTPUT_INIT };
    struct verdict verdict;
    answer.result.failure = row->failure;
    answer.result.exit_code = 3;
    answer.result.message = strdup("why");
    answer.result.return_json = strdup("[1]");
    exec_output_add(&answer.out, "o\0o", 3, 0);
    exec_output_add(&answer.err, "e", 1, 7);
    verdict_of_answer(&answer, &verdict);
    ck_assert(!verdict.again && !verdict.suspect && !verdict.cancel);
    ck_assert_int_eq(verdict.status, row->status);
    ck_assert(execution_status_final(verdict.status));
    ck_assert_pstr_eq(verdict.outcome.error_kind, row->kind);
    ck_assert_int_eq(verdict.outcome.has_exit_code, row->has_exit_code);
    ck_assert_str_eq(verdict.outcome.error_message, "why");
    ck_assert_str_eq(verdict.outcome.return_json, "[1]");
    ck_assert_uint_eq(verdict.outcome.stdout_len, 3);
    ck_assert(!verdict.outcome.stdout_truncated && verdict.outcome.stderr_truncated);
    exec_answer_release(&answer);
    verdict_release(&verdict);
}
END_TEST

START_TEST(test_dispatch_outcome__retry_schedule)
{
    static const int64_t delays[] = { 1000, 2000, 4000, 8000, 10000, 10000 };
    for (int64_t attempts = 1; attempts <= 6; attempts++)
        ck_assert_int_eq(outcome_retry_delay_ms(attempts), delays[attempts - 1]);
}
END_TEST

START_TEST(test_dispatch_outcome__lost_executor_is_retried_then_crashed)
{
    struct err err = ERR_INIT;
    struct verdict verdict;
    for (int64_t attempts = 1; attempts <= 3; attempts++) {
        verdict_of_loss(EXEC_LOSS_BROKEN, &err, attempts, 3, &verdict);
        ck_assert(verdict.again && verdict.suspect);
        ck_assert_int_eq(verdict.delay_ms, outcome_retry_delay_ms(attempts));
        verdict_release(&verdict);
    }
    verdict_of_loss(EXEC_LOSS_BROKEN, &err, 4, 3, &verdict);
    ck_assert(!verdict.again);
    ck_assert_int_eq(verdict.status, EXECUTION_CRASHED);
    ck_assert_str_eq(verdict.outcome.error_kind, "crashed");
    verdict_release(&verdict);
    verdict_of_loss(EXEC_LOSS_UNREACHABLE, &err, 1, 0, &verdict);
    ck_assert(!verdict.again);
    ck_assert_int_eq(verdict.status, EXECUTION_CRASHED);
    verdict_release(&verdict);
}
END_TEST

START_TEST(test_dispatch_outcome__refused_is_final_with_the_reason)
{
    struct err err = ERR_INIT;
    struct verdict verdict;
    err_set(&err, ERR_INVALID, "no code");
    verdict_of_loss(EXEC_LOSS_REFUSED, &err, 1, 3, &verdict);
    ck_assert(!verdict.again && !verdict.suspect);
    ck_assert_int_eq(verdict.status, EXECUTION_FAILED);
    ck_assert_str_eq(verdict.outcome.error_kind, "executor");
    ck_assert_str_eq(verdict.outcome.error_message, "no code");
    verdict_release(&verdict);
}
END_TEST

START_TEST(test_dispatch_outcome__overdue_is_a_timeout_and_cancelled)
{
    struct err err = ERR_INIT;
    struct verdict verdict;
    verdict_of_loss(EXEC_LOSS_OVERDUE, &err, 1, 3, &verdict);
    ck_assert(!verdict.again && verdict.cancel);
    ck_assert_int_eq(verdict.status, EXECUTION_TIMEOUT);
    ck_assert(verdict.outcome.has_exit_code);
    ck_assert_int_eq(verdict.outcome.exit_code, -1);
    verdict_release(&verdict);
}
END_TEST

START_TEST(test_dispatch_outcome__env_is_overlaid)
{
    static const struct {
        const char *session, *execution, *merged;
    } rows[] = {
        { NULL, NULL, NULL },
        { "{\"A\":\"1\"}", NULL, "{\"A\":\"1\"}" },
        { NULL, "{\"B\":\"2\"}", "{\"B\":\"2\"}" },
        { "{\"A\":\"1\",\"B\":\"1\"}", "{\"B\":\"2\",\"C\":\"\"}", "{\"A\":\"1\",\"B\":\"2\",\"C\":\"\"}" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err err = ERR_INIT;
        char *merged = NULL;
        ck_assert_int_eq(outcome_merge_env(rows[i].session, rows[i].execution, &merged, &err), 0);
        ck_assert_pstr_eq(merged, rows[i].merged);
        free(merged);
    }
}
END_TEST

START_TEST(test_dispatch_outcome__broken_env_is_an_error)
{
    struct err err = ERR_INIT;
    char *merged = NULL;
    ck_assert_int_eq(outcome_merge_env("{\"A\":\"1\"}", "[1]", &merged, &err), -1);
    ck_assert_int_eq(outcome_merge_env("{", "{}", &merged, &err), -1);
    ck_assert_ptr_null(merged);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dispatch_outcome");
    TCase *all = tcase_create("all");
    tcase_add_loop_test(all, test_dispatch_outcome__every_failure_has_its_status, 0,
                        sizeof(failure_rows) / sizeof(failure_rows[0]));
    tcase_add_test(all, test_dispatch_outcome__retry_schedule);
    tcase_add_test(all, test_dispatch_outcome__lost_executor_is_retried_then_crashed);
    tcase_add_test(all, test_dispatch_outcome__refused_is_final_with_the_reason);
    tcase_add_test(all, test_dispatch_outcome__overdue_is_a_timeout_and_cancelled);
    tcase_add_test(all, test_dispatch_outcome__env_is_overlaid);
    tcase_add_test(all, test_dispatch_outcome__broken_env_is_an_error);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
