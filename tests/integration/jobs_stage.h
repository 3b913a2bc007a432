/* SPDX-License-Identifier: Apache-2.0 */
/* A stage for tests of the jobs: settings of its own on the database of tests/with-mariadb.sh, jobs as child processes, rows. Everything
 * aborts the running test when it fails. */
#ifndef SANDBOX_TESTS_INTEGRATION_JOBS_STAGE_H
#define SANDBOX_TESTS_INTEGRATION_JOBS_STAGE_H

#include <sys/types.h>

#include "lib/model/entities.h"
#include "lib/service/context.h"
#include "lib/wire/execute.h"
#include "tests/fakes/fake_executor.h"

struct stage {
    char directory[64]; /* runtime.directory */
    char config[128];
    struct settings *settings;
    struct context context; /* db, doorbell to be woken on */
    int64_t timeout_s;      /* of executions; 10 */
    const char *callback_url; /* likewise; NULL */
    const char *trace_json;   /* moments before it is stored; NULL: not to be traced */
};

/* A fresh stage; rows of earlier ones are removed. `extra` (may be NULL) is added to the settings' runtime group. */
void stage_open(struct stage *stage, const char *extra);
/* Removes all containers that the stage's runtime still holds. */
void stage_close(struct stage *stage);

/* Runs the suites, clears up after stages that a failed test left, and returns main()'s status. */
struct SRunner;
int stage_main(struct SRunner *runner);

/* Starts $SANDBOX_BUILD/jobs/sandbox-NAME; it dies with the test. */
pid_t stage_start(struct stage *stage, const char *name);
/* Likewise, with failure points (lib/util/failpoint.h); NULL: none. */
pid_t stage_start_armed(struct stage *stage, const char *name, const char *failpoints);
/* With options (at most four) and variables ("NAME=VALUE"), each list ended by NULL. */
pid_t stage_start_with(struct stage *stage, const char *name, const char *const *options, const char *const *variables);
/* Sends a signal and waits for the end; the wait status. */
int stage_stop(pid_t pid, int signal);

/* Stores a running session with a running container, as if provisiond had made it; where its executor would listen. */
void stage_add_running(struct stage *stage, struct session *session_out, struct container *container_out,
                       char socket_path[256]);
/* What the executor answers every execution with: the events in a chunked body, its last `missing` bytes left out. */
void stage_script(struct fake_executor *fake, const struct wire_event *events, size_t count, size_t missing,
                  enum fake_ending ending);
/* How a stalled answer goes on, once it is cancelled. */
void stage_script_cancelled(struct fake_executor *fake, const struct wire_event *events, size_t count);
/* Waits (at most 20 s) until the executor has seen so many. */
void stage_await_posts(struct fake_executor *fake, size_t count);
/* Stores an execution and rings the dispatcher. */
void stage_execute(struct stage *stage, const struct session *session, const char *code, int64_t max_retries,
                   char id_out[EXECUTION_ID_SIZE]);
/* Waits (at most stage.timeout_s and 20 s) until the execution is final. */
void stage_await_execution(struct stage *stage, const char *id, struct execution *out);
/* Waits (at most 40 s) until the session has another status than creating; that status. */
enum session_status stage_await_session(struct stage *stage, const char *id);
/* The database of tests/with-mariadb.sh goes at once, or is stopped as by its operator; and comes back. */
void stage_kill_database(void);
void stage_stop_database(void);
void stage_start_database(struct stage *stage);
/* Runs one SQL statement; for what no service offers. */
void stage_sql(struct stage *stage, const char *sql);
/* First column of the first row, as a number. */
int64_t stage_count(struct stage *stage, const char *sql);
/* Waits (at most 30 s) until stage_count(sql) gives `expected`. */
void stage_await_count(struct stage *stage, const char *sql, int64_t expected);

#endif
