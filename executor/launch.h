/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a confined process: an interpreter, or the process that interpreters are forked from. */
#ifndef SANDBOX_EXECUTOR_LAUNCH_H
#define SANDBOX_EXECUTOR_LAUNCH_H

#include <stdbool.h>

#include "executor/confine.h"

enum { LAUNCH_FDS_MAX = 8, LAUNCH_PATH_SIZE = 256 };

#define LAUNCH_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct launch {
    const char *path;
    const char *const *argv;
    const char *const *envp;
    const char *directory;
    int fds[LAUNCH_FDS_MAX]; /* [n] becomes descriptor n; -1: /dev/null. All others are closed */
    int fd_count;
    const struct confine *confine;
    const struct limits *limits; /* or NULL */
    uid_t uid;                   /* 0: stays root, with SETUID and SETGID */
    gid_t gid;
};

/* Returns the child's pid, or -1 with err. What fails in the child is written to its descriptor 2; it exits with 126. */
pid_t launch(const struct launch *launch, struct err *err) must_use;

/* Finds a program in LAUNCH_PATH; false when there is none. */
bool launch_find(const char *name, char out[LAUNCH_PATH_SIZE]);

#endif
