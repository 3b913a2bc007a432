/* SPDX-License-Identifier: Apache-2.0 */
/* Frame of the executor's test programs. */
#include "tests/integration/executor_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TEST_LIMIT_S = 60, EXIT_SKIPPED = 77 };

void executor_suite_add(Suite *suite, const char *name, void (*setup)(void), void (*teardown)(void), const TTest *test,
                        int loops)
{
    TCase *tcase = tcase_create(name);
    tcase_add_unchecked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, TEST_LIMIT_S);
    tcase_add_loop_test(tcase, test, 0, loops);
    suite_add_tcase(suite, tcase);
}

int executor_suite_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    if (geteuid() != 0) {
        puts("the executor needs root");
        srunner_free(runner);
        return EXIT_SKIPPED;
    }
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
