/* SPDX-License-Identifier: Apache-2.0 */
/* The main function of a unit test program: one suite from a list of tests. */
#ifndef SANDBOX_TESTS_UNIT_TEST_H
#define SANDBOX_TESTS_UNIT_TEST_H

#include <check.h>
#include <stdlib.h>

#define UNIT_TEST_COUNT(tests) (sizeof(tests) / sizeof((tests)[0]))

static inline int unit_test_run(const char *name, const TTest *const *tests, size_t count)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    suite_add_tcase(suite, tcase);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
