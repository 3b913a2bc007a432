/* SPDX-License-Identifier: Apache-2.0 */
/* States of sessions, containers and executions, their names, and which changes are legal. */
#ifndef SANDBOX_MODEL_STATES_H
#define SANDBOX_MODEL_STATES_H

#include <stdbool.h>

/* A session: creating -> running -> terminated | timeout | failed (final); running -> creating when its container died and another is
 * made. */
enum session_status {
    SESSION_CREATING,   /* accepted; its container is being made */
    SESSION_RUNNING,    /* its container answers */
    SESSION_TERMINATED, /* ended by its owner */
    SESSION_TIMEOUT,    /* ended by its time limit */
    SESSION_FAILED,     /* could not start, or lost its container; `error` says why */
    SESSION_STATUSES
};

/* A container: creating -> warm | running -> deleting -> deleted. `failed` means it could not be made or died;
 * what is left of it in the engine is removed in `deleting`. */
enum container_status {
    CONTAINER_CREATING,
    CONTAINER_WARM,    /* answers, belongs to no session yet */
    CONTAINER_RUNNING, /* answers, belongs to a session */
    CONTAINER_DELETING,
    CONTAINER_DELETED,
    CONTAINER_STATUSES
};

/* An execution: pending -> running -> completed | failed | timeout | crashed | cancelled (final);
 * running -> pending is a retry after a lost executor; pending ends with what that one reports after all. */
enum execution_status {
    EXECUTION_PENDING,
    EXECUTION_RUNNING,
    EXECUTION_COMPLETED,
    EXECUTION_FAILED,
    EXECUTION_TIMEOUT,
    EXECUTION_CRASHED,
    EXECUTION_CANCELLED,
    EXECUTION_STATUSES
};

enum language { LANGUAGE_PYTHON, LANGUAGE_JAVASCRIPT, LANGUAGE_SHELL, LANGUAGES };

enum runtime_type { RUNTIME_PROCESS, RUNTIME_DOCKER, RUNTIME_KUBERNETES, RUNTIME_TYPES };

const char *session_status_name(enum session_status status);
const char *container_status_name(enum container_status status);
const char *execution_status_name(enum execution_status status);
/* The word used in a result: "success" for completed, else the status' name. */
const char *execution_outcome_name(enum execution_status status);
const char *language_name(enum language language);
const char *runtime_type_name(enum runtime_type type);

/* Name to value; -1 for an unknown name. */
int session_status_parse(const char *name);
int container_status_parse(const char *name);
int execution_status_parse(const char *name);
int language_parse(const char *name);
int runtime_type_parse(const char *name);

bool session_status_final(enum session_status status);
bool execution_status_final(enum execution_status status);
bool session_may_change(enum session_status from, enum session_status to);
bool container_may_change(enum container_status from, enum container_status to);
bool execution_may_change(enum execution_status from, enum execution_status to);

#endif
