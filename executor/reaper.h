/* SPDX-License-Identifier: Apache-2.0 */
/* Collects every child that ended, as process 1 or subreaper must, and tells who is still there. */
#ifndef SANDBOX_EXECUTOR_REAPER_H
#define SANDBOX_EXECUTOR_REAPER_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

struct reaped {
    pid_t pid;
    uid_t uid; /* real uid it had */
    int status;
    struct rusage usage; /* with that of the children it waited for */
};

/* Calls on_exit for children that have ended, at most `max` of them. True: there may be more. */
bool reaper_run(int max, void (*on_exit)(void *arg, const struct reaped *child), void *arg);

/* Whether a child of ours (so, any descendant: orphans become our children) still has the real uid `uid`.
 * `skip` names children known to be something else. Call when nothing is left to reap. */
bool reaper_has(uid_t uid, bool (*skip)(void *arg, pid_t pid), void *arg);

/* Bytes of memory that processes of `uid` hold for themselves (anonymous and shared memory). */
long long reaper_memory(uid_t uid);

#endif
