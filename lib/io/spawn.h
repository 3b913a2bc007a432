/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes without a shell: an argument vector, a clean environment, chosen descriptors. */
#ifndef SANDBOX_IO_SPAWN_H
#define SANDBOX_IO_SPAWN_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"
#include "lib/util/strbuf.h"

enum { SPAWN_KEEP_FIRST = 4, SPAWN_KEEP_MAX = 4 };

struct spawn {
    const char *const *argv;    /* argv[0] is looked up in PATH; NULL-terminated */
    const char *const *envp;    /* NULL: PATH and LANG only */
    const char *log_path;       /* stdout and stderr are appended here; NULL: /dev/null */
    int detached;               /* own session, survives the caller, is nobody's child: the caller cannot wait */
    const int *keep;            /* descriptors the child keeps, as 4, 5, ... in this order */
    unsigned keep_count;        /* at most SPAWN_KEEP_MAX; everything else is closed */
    /* Runs in the child before exec, after descriptors are set up; returns 0 or an errno to report. May be NULL. Only
     * async-signal-safe calls, no malloc(): the caller may have threads. */
    int (*prepare)(void *arg);
    void *arg;
};

/* Starts the process. *pid_out is its id. A failure to exec is reported here, not later. */
int spawn_start(const struct spawn *spawn, pid_t *pid_out, struct err *err) must_use;
/* Starts, collects stdout (up to `out`'s ceiling) and waits up to timeout_ms; then it is killed: ERR_TIMEOUT.
 * *exit_out is the exit code, or 128 + signal. */
int spawn_collect(const struct spawn *spawn, int64_t timeout_ms, struct strbuf *out, int *exit_out,
                  struct err *err) must_use;

#endif
