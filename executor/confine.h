/* SPDX-License-Identifier: Apache-2.0 */
/* What stands around user code: no new privileges, a seccomp filter, resource limits and, where asked for, Landlock. */
#ifndef SANDBOX_EXECUTOR_CONFINE_H
#define SANDBOX_EXECUTOR_CONFINE_H

#include <linux/filter.h>
#include <sys/resource.h>

#include "executor/setup.h"
#include "lib/wire/execute.h"

struct confine {
    struct sock_fprog filter;
    int landlock; /* descriptor of a ruleset, or -1 */
};

int confine_init(const struct setup *setup, struct confine *out, struct err *err) must_use;
void confine_release(struct confine *confine);
/* Puts all of it but the limits of one execution on the calling process, for good, and leaves it SETUID and SETGID as its
 * only capabilities. 0 or -1 with errno. Async-signal-safe. */
int confine_apply(const struct confine *confine) must_use;

/* Limits of one execution. RLIM_INFINITY: none. */
struct limits {
    rlim_t data;  /* bytes of private memory of a process */
    rlim_t file;  /* bytes of a file */
    rlim_t nproc; /* processes and threads of the slot's user */
};
/* From the request, else from the setup. `own_memory`: memory is limited by
 * a resource limit. */
void limits_init(struct limits *limits, const struct setup *setup, const struct wire_execute *request, int own_memory);
/* Sets them on `pid` (0: the caller). 0 or -1 with errno. Async-signal-safe. */
int limits_apply(const struct limits *limits, pid_t pid) must_use;

#endif
