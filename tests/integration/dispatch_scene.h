/* SPDX-License-Identifier: Apache-2.0 */
/* A stage on which sandbox-dispatchd runs beside one running session, whose executor does what the test says. */
#ifndef SANDBOX_TESTS_INTEGRATION_DISPATCH_SCENE_H
#define SANDBOX_TESTS_INTEGRATION_DISPATCH_SCENE_H

#include "tests/integration/jobs_stage.h"

extern struct stage stage;
extern struct session session;
extern struct container container;
extern char socket_path[256]; /* where its executor listens */
extern struct fake_executor *fake;
extern pid_t dispatchd;

void scene_set_up(void);
void scene_tear_down(void);

#endif
