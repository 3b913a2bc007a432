/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp filter around user code: system calls that reach into the kernel, other processes or the network are refused. */
#ifndef SANDBOX_EXECUTOR_SYSCALLS_H
#define SANDBOX_EXECUTOR_SYSCALLS_H

#include <linux/filter.h>
#include <stdbool.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

/* Makes the filter, once; program->filter is malloc()ed. */
int syscalls_filter(bool network, struct sock_fprog *program, struct err *err) must_use;
/* Puts it on the calling process, for good; no_new_privs must be set. 0 or -1 with errno. Async-signal-safe. */
int syscalls_apply(const struct sock_fprog *program) must_use;

#endif
