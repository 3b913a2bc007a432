/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a sandbox-executor as it would be started in a container, and talks to it over its socket. */
#ifndef SANDBOX_TESTS_EXECUTOR_CLIENT_H
#define SANDBOX_TESTS_EXECUTOR_CLIENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/util/strbuf.h"
#include "lib/wire/execute.h"

enum { EXECUTOR_TEST_NPROC = 60, EXECUTOR_TEST_MEMORY_MB = 300 };

struct executor {
    pid_t pid;
    unsigned uid; /* of the first slot; another for each run, as executors of the same users would kill each other's code */
    char directory[64]; /* holds run/ (socket, secret), workspace/, tmp/ */
};

/* `confine`: "none" or "landlock"; `memory_mb`: SANDBOX_MEMORY_MB. Waits until it answers. It logs errors, or what the test's own
 * SANDBOX_LOG_LEVEL says, and takes its SANDBOX_FILES_MAX, SANDBOX_PRELOAD, SANDBOX_LANGUAGES (python, javascript unless given) and SANDBOX_LINGER_MS. */
void executor_start(struct executor *executor, const char *confine, int memory_mb);
/* SIGTERM; checks that it ends well and leaves no process of its users. */
void executor_stop(struct executor *executor);

/* A whole answer. */
struct answer {
    int status; /* HTTP */
    struct strbuf body;
};
/* A call as it stands; `secret` NULL: the right one; `body` may be NULL. */
void executor_call(const struct executor *executor, const char *method, const char *path, const char *secret,
                   const char *body, size_t len, struct answer *out);
void answer_release(struct answer *answer);
/* Sends and does not wait: a descriptor to read the answer from. */
int executor_send(const struct executor *executor, const char *method, const char *path, const char *secret,
                  const char *body, size_t len);
void executor_receive(int fd, struct answer *out);

/* What became of an execution. */
struct outcome {
    bool started;
    struct strbuf out, err;
    int64_t out_skipped, err_skipped;
    struct wire_result result;
    struct strbuf stream; /* as received */
};
/* Asks for `request` (execution_id, timeout_ms are filled in when missing) and reads to the end. */
void executor_run(const struct executor *executor, struct wire_execute *request, struct outcome *out);
int executor_run_start(const struct executor *executor, struct wire_execute *request);
void executor_run_finish(int fd, struct outcome *out);
void outcome_parse(const char *stream, size_t len, struct outcome *out);
void outcome_release(struct outcome *outcome);
/* Processes of the slots' users that are not zombies. */
int executor_user_processes(const struct executor *executor);

#endif
