/* SPDX-License-Identifier: Apache-2.0 */
/* What the executor was told by its environment (lib/wire/environment.h). */
#ifndef SANDBOX_EXECUTOR_SETUP_H
#define SANDBOX_EXECUTOR_SETUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/model/states.h"
#include "lib/util/cleanup.h"
#include "lib/util/err.h"

struct setup {
    char *listen;
    char *secret;
    char *workspace;
    char *tmp;
    uid_t uid;
    gid_t gid;
    bool keep[LANGUAGES]; /* interpreters kept ready */
    int64_t linger_ms; /* Node.js, after it was used, where it is not kept */
    char *preload; /* Python modules to import ahead: names with NULs between, and an empty one at the end */
    int preload_count;
    bool network;
    bool landlock;
    int64_t nproc, memory_mb, disk_mb; /* 0: no limit */
    int64_t files_max; /* entries of the workspace */
    int log_level;
};

/* Reads the environment and the secret, then clears the environment. ERR_INVALID names the variable. */
int setup_read(struct setup *out, struct err *err) must_use;
void setup_release(struct setup *setup);

#endif
