/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of the executor's test programs: each test with an executor of its own, all of them as root. */
#ifndef SANDBOX_TESTS_EXECUTOR_SUITE_H
#define SANDBOX_TESTS_EXECUTOR_SUITE_H

#include <check.h>

/* `setup` and `teardown` start and stop the executor around the `loops` rounds of the test. */
void executor_suite_add(Suite *suite, const char *name, void (*setup)(void), void (*teardown)(void), const TTest *test,
                        int loops);
/* Runs and frees the suite; the program's exit code: 77 (skipped) when not root. */
int executor_suite_run(Suite *suite);

#endif
