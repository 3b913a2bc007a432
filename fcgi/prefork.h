/* SPDX-License-Identifier: Apache-2.0 */
/* A parent that keeps worker processes alive: it starts them, replaces those that die, and exchanges all of them on SIGHUP. */
#ifndef SANDBOX_FCGI_PREFORK_H
#define SANDBOX_FCGI_PREFORK_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

/* Seen from inside a worker process. */
struct prefork_worker {
    pid_t parent;
};

struct prefork {
    int processes;
    /* The life of a worker process; what it returns is the exit status. It calls prefork_ready() once it serves, and ends after
     * SIGTERM, SIGINT or SIGUSR1, which are blocked when it begins (sigwait). SIGHUP is ignored. */
    int (*work)(void *arg, const struct prefork_worker *self);
    void *arg;
};

/* Blocks the signals that the parent listens to. To be called before anything starts threads. */
void prefork_block_signals(void);

/* Runs `processes` workers until SIGTERM or SIGINT, then lets them finish: 0. -1: the first ones ended before they served.
 * A worker that dies is replaced, at once if it had lived for a while, else after a pause that doubles up to 10 s. On SIGHUP new
 * workers start; when all of them serve, the old ones finish, so that there are always some; when one of them cannot start, the old
 * ones stay. Events are logged. The parent keeps no threads and opens nothing. When it dies, so do its workers (by SIGTERM). */
int prefork_run(const struct prefork *prefork, struct err *err) must_use;

/* In a worker: it serves from now on. */
void prefork_ready(const struct prefork_worker *self);
/* In a worker: its parent is gone, and nobody else will listen at its socket. */
bool prefork_orphaned(const struct prefork_worker *self);

#endif
