/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold after every fault: tests/invariants.sql, and the engine holds exactly the containers that the rows name. */
#ifndef SANDBOX_TESTS_INTEGRATION_INVARIANTS_H
#define SANDBOX_TESTS_INTEGRATION_INVARIANTS_H

#include "tests/integration/jobs_stage.h"

/* Waits (at most 40 s) until all of it holds; aborts the test with what does not. */
void invariants_await(struct stage *stage);
/* The same without an engine: for stages whose containers are rows only. */
void invariants_await_rows(struct stage *stage);

#endif
