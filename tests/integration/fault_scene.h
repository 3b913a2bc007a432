/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs, a session and its clients, and something that happens to them. One job may be the victim: it dies at a failure point (in a build with
 * --enable-failpoints), and is started again without it. Everything aborts the running test when it fails. */
#ifndef SANDBOX_TESTS_INTEGRATION_FAULT_SCENE_H
#define SANDBOX_TESTS_INTEGRATION_FAULT_SCENE_H

#include "tests/integration/jobs_stage.h"

extern struct stage stage;
extern struct session session; /* the one that the scene is about */

/* A stage with provisiond and dispatchd. */
void scene_open(void);
/* A stage without jobs, and one job more with that configuration (NULL: the stage's). */
void scene_open_empty(void);
pid_t scene_start(const char *job, const char *config);
/* A copy of the stage's configuration with doorbells on which nobody else rings. */
void scene_deaf_config(const char *name, char path_out[160]);
/* The invariants hold; then everything ends. */
void scene_close(void);

/* Starts that job anew (or for the first time) so that it dies at the point. */
void victim_arm(const char *job, const char *point);
/* Ends that job; starts it again. */
void scene_stop(const char *job);
void scene_go_on(const char *job);
/* To be called while waiting: a victim that has died is started again. */
void victim_tend(void);
/* Of what was started by the scene; 0: none. */
pid_t scene_pid(const char *job);
/* It died at its point, and was started again. */
void victim_has_died(void);

/* Waits, tending the victim, until the statement counts that many. */
void await_count(int64_t expected, const char *sql);

/* What a client does; `session` and `id_out` are what came of it. */
void client_creates(int64_t timeout_s);
void client_executes(const char *code, char id_out[EXECUTION_ID_SIZE]);
void client_executes_told(const char *code, char *callback_url, char id_out[EXECUTION_ID_SIZE]);
void client_ends(void);
/* The same by a web worker that dies at the point; then by one that lives if nothing was accepted. */
void client_creates_dying(const char *point, bool accepted);
void client_executes_dying(const char *point, bool accepted, const char *code, char id_out[EXECUTION_ID_SIZE]);
void client_ends_dying(const char *point);
void client_uploads(const char *path, const char *text);

/* Code that leaves its mark in the workspace each time that it runs, speaks, and sleeps. */
enum { MARKING_SIZE = 512 };
void marking(int mark, double sleep_s, char out[MARKING_SIZE]);
/* The marks of all executions until now are those: "0 1 ", each as often as it ran. */
void expect_marks(const char *expected);
/* It is completed, by its first try: a take-over is no second one. */
void expect_once(const char *id);
void await_running(void);
/* Waits for the end of an execution, which is to be completed; the caller releases it. */
struct execution await_completed(const char *id);
/* The same, however it has ended. */
struct execution await_ended(const char *id);
/* Its session ends, and with it the container. */
void await_gone(void);

#endif
