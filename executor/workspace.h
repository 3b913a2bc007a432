/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at the workspace: how much it holds, and what changed since a time. Reaches only what the sandbox's user reaches,
 * follows no link, and stops after a time. */
#ifndef SANDBOX_EXECUTOR_WORKSPACE_H
#define SANDBOX_EXECUTOR_WORKSPACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "lib/util/json.h"

struct workspace_look {
    int64_t bytes;               /* on disk */
    bool complete;               /* false: out of time, bytes is less than there is */
    struct json_object *changed; /* array of paths of files, or NULL; owned */
};

enum { WORKSPACE_CHANGED_MAX = 1000 };

/* `since` NULL: only sizes. Never fails: what cannot be read counts as empty. */
void workspace_look(const char *path, uid_t uid, gid_t gid, const struct timespec *since, struct workspace_look *out);

/* Calls on_file for every regular file, with its path from the workspace. False: out of time before all were seen. */
bool workspace_each(const char *path, uid_t uid, gid_t gid,
                    void (*on_file)(void *arg, const char *name, const struct stat *st), void *arg);

#endif
