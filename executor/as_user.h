/* SPDX-License-Identifier: Apache-2.0 */
/* Acting as a sandbox's user for a moment: for files, and for killing. The executor has one thread, so nothing else sees it. */
#ifndef SANDBOX_EXECUTOR_AS_USER_H
#define SANDBOX_EXECUTOR_AS_USER_H

#include <sys/types.h>

#include "lib/util/err.h"

/* From here to as_user_end(), files are reached with the rights of uid:gid only. Sandboxed code can neither signal nor
 * trace us meanwhile: both look at other ids than these. */
void as_user_begin(uid_t uid, gid_t gid);
/* Another uid, between the two. */
void as_user_switch(uid_t uid);
void as_user_end(void);

/* SIGKILL to every process of `uid`, in one kernel call that no fork can outrun. `nobody` is a uid that no process has:
 * our real uid meanwhile, so that the kill reaches nothing else and user code cannot signal us. */
int as_user_kill_all(uid_t uid, uid_t nobody, struct err *err);

#endif
