/* SPDX-License-Identifier: Apache-2.0 */
/* One job of the stage is the victim: it dies at a failure point, and is started again without it. Everything aborts the running test when it
 * fails. Needs a build with --enable-failpoints. */
#ifndef SANDBOX_TESTS_INTEGRATION_FAILPOINT_SCENE_H
#define SANDBOX_TESTS_INTEGRATION_FAILPOINT_SCENE_H

#include "tests/integration/jobs_stage.h"

extern struct stage stage;
extern struct session session; /* the one that the scene is about */

/* A stage with provisiond and dispatchd. */
void scene_open(void);
/* The invariants hold; then everything ends. */
void scene_close(void);

/* Starts that job anew (or for the first time) so that it dies at the point. */
void victim_arm(const char *job, const char *point);
/* To be called while waiting: a victim that has died is started again. */
void victim_tend(void);
/* It died at its point, and was started again. */
void victim_has_died(void);

/* Waits, tending the victim, until the statement counts that many. */
void await_count(int64_t expected, const char *sql);

/* What a client does; `session` and `id_out` are what came of it. */
void client_creates(int64_t timeout_s);
void client_executes(const char *code, char id_out[EXECUTION_ID_SIZE]);
void client_ends(void);
/* The same by a web worker that dies at the point; then by one that lives if nothing was accepted. */
void client_creates_dying(const char *point, bool accepted);
void client_executes_dying(const char *point, bool accepted, const char *code, char id_out[EXECUTION_ID_SIZE]);
void client_ends_dying(const char *point);
void client_uploads(const char *path, const char *text);

void await_running(void);
/* Waits for the end of an execution; it is as it should be. */
struct execution await_completed(const char *id);
/* Its session ends, and with it the container. */
void await_gone(void);

#endif
