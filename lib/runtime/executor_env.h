/* SPDX-License-Identifier: Apache-2.0 */
/* The environment that every driver starts sandbox-executor with (names: lib/wire/environment.h). */
#ifndef SANDBOX_RUNTIME_EXECUTOR_ENV_H
#define SANDBOX_RUNTIME_EXECUTOR_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/runtime/runtime.h"

enum { EXECUTOR_ENV_MAX = 20 };

/* Where the executor finds its things, and what it must limit by itself. Strings are borrowed. */
struct executor_place {
    const char *run;       /* directory of socket and secret, as it sees it */
    const char *workspace;
    const char *tmp;
    const char *confine;   /* "none" or "landlock" */
    unsigned uid;          /* of the first slot */
    bool gives_secret;     /* in the environment: there is no file to put it into */
    bool limits_processes; /* nobody else does; its uids are used by this container alone */
    bool limits_memory;    /* nobody else does */
};

/* NULL-terminated "NAME=value" strings. */
struct executor_env {
    char *items[EXECUTOR_ENV_MAX + 1];
    size_t count;
};
#define cleanup_executor_env cleanup(executor_env_release)

int executor_env_make(const struct runtime_spec *spec, const struct executor_place *place,
                      struct executor_env *out, struct err *err) must_use;
void executor_env_release(struct executor_env *env);

#endif
