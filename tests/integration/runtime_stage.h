/* SPDX-License-Identifier: Apache-2.0 */
/* Stage of the runtimes' integration tests: an installation in a directory of its own, with tests/fakes/shell_executor as
 * executor, and eyes for what a container leaves behind. */
#ifndef SANDBOX_TESTS_RUNTIME_STAGE_H
#define SANDBOX_TESTS_RUNTIME_STAGE_H

#include <check.h>
#include <sys/types.h>

#include "lib/runtime/runtime.h"

#define STAGE_SECRET "a-secret-that-no-sandbox-may-read"
#define STAGE_IMAGE "sandbox/python:3.11-basic"

/* Variables of the environment: another engine than the machine's, runtime.docker_host and docker_tls. */
#define STAGE_DOCKER_HOST "STAGE_DOCKER_HOST"
#define STAGE_DOCKER_TLS "STAGE_DOCKER_TLS"

struct stage {
    char directory[64];
    char executor[4096];
    char ids[3][CONTAINER_ID_SIZE]; /* of containers to make */
    char marker[32]; /* in the environment of each of its executors: finds them whatever became of their records */
    struct runtime_settings settings;
    struct runtime *runtime;
    pid_t relay; /* 0: none is needed */
};

/* Opens an installation with the driver `kind`. */
void stage_open(struct stage *stage, const char *kind);
/* Destroys what is left, and removes the directory. */
void stage_close(struct stage *stage);
/* NULL when the driver can be opened and used here, else why not. Valid until the next call. */
const char *stage_missing(const char *kind);

struct runtime_spec stage_spec(const struct stage *stage, const char *id);
/* Creates the container and waits until its executor answers. */
void stage_create(struct stage *stage, const char *id);
/* Waits until its executor answers; microseconds it took. */
int64_t stage_await(struct stage *stage, const char *id);
/* Runs a shell script inside, as "user" or "root"; its output, in a static buffer. */
const char *stage_run(struct stage *stage, const char *id, const char *who, const char *script);
enum runtime_state stage_state(struct stage *stage, const char *id);
bool stage_listed(struct stage *stage, const char *id);
void stage_destroy(struct stage *stage, const char *id);

/* Processes on this machine that have the stage's marker. */
int stage_processes(const struct stage *stage);
/* Fails the test unless directory, processes, cgroups, uid ranges are all gone. */
void stage_assert_nothing_left(struct stage *stage);
/* Fails the test unless a newly opened runtime removes what killed ones have left of their trials. */
void stage_assert_no_probe(struct stage *stage);

/* Tests that every driver passes; they work on `stage_kind`. */
extern const char *stage_kind;
void stage_add_common(TCase *cases);
void stage_add_looks(TCase *cases);
/* Runs the suite; the program's exit status, 77 when `kind` cannot be had here. */
int stage_main(const char *kind, Suite *(*suite)(void));

#endif
