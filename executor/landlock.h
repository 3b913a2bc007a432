/* SPDX-License-Identifier: Apache-2.0 */
/* File access restricted by Landlock: the weaker confinement where there is no container around us. */
#ifndef SANDBOX_EXECUTOR_LANDLOCK_H
#define SANDBOX_EXECUTOR_LANDLOCK_H

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

/* Makes a ruleset: the system read-only, `workspace` and `tmp` writable, nothing of /proc, /sys or home directories.
 * *fd_out is a close-on-exec descriptor. ERR_UNAVAILABLE where the kernel has no Landlock. */
int landlock_ruleset(const char *workspace, const char *tmp, int *fd_out, struct err *err) must_use;
/* Puts it on the calling process, for good; no_new_privs must be set. 0 or -1 with errno. Async-signal-safe. */
int landlock_apply(int ruleset) must_use;

#endif
