/* SPDX-License-Identifier: Apache-2.0 */
/* Interpreters for one execution each. Python is forked from a process that has imported its modules, Node.js is started
 * ahead, shells are started when needed. Those that wait are root without rights but SETUID and SETGID, and become the
 * sandbox's user when their job comes. */
#ifndef SANDBOX_EXECUTOR_INTERPRETER_H
#define SANDBOX_EXECUTOR_INTERPRETER_H

#include <event2/event.h>

#include "executor/channel.h"
#include "executor/confine.h"
#include "executor/reaper.h"

struct interpreters;

struct interpreter {
    enum language language;
    pid_t pid; /* 0: not forked yet */
    struct channel channel;
    uint64_t number;
    bool asked;  /* the forking process has the request */
    int attempts;
    int generation; /* Python: which of the processes that fork it came from */
    /* Called once when pid is known (err NULL), or when there will be none. Not called by interpreter_take() itself. */
    void (*on_ready)(void *arg, const struct err *err);
    void *arg;
    struct interpreter *next;
};

/* Borrows everything. Starts nothing yet. */
struct interpreters *interpreters_new(struct event_base *base, const struct setup *setup, const struct confine *confine,
                                      struct err *err) must_use;
/* Ends those that wait. */
void interpreters_free(struct interpreters *interpreters);
/* Starts what is to be kept ready, and again after each use: when nothing else is to be done, for starting takes time. */
void interpreters_refill_later(struct interpreters *interpreters);

/* An interpreter of its own for the caller: a waiting one, or one that is being started (pid 0). Python and JavaScript.
 * ERR_NOT_FOUND: the image has no such interpreter. */
struct interpreter *interpreter_take(struct interpreters *interpreters, enum language language,
                                     void (*on_ready)(void *arg, const struct err *err), void *arg,
                                     struct err *err) must_use;
/* The caller's again no more: descriptors are closed, a waiting process ends by that. NULL is fine. */
void interpreter_drop(struct interpreters *interpreters, struct interpreter *interpreter);
/* A script for the shell. */
struct shell {
    const char *code;
    const char *event; /* its standard input */
    const char *const *envp;
    const struct limits *limits;
    uid_t uid;
};
/* A shell that runs it at once. */
struct interpreter *interpreter_shell(struct interpreters *interpreters, const struct shell *shell,
                                      struct err *err) must_use;

/* Whether Python's modules are still being imported, after which interpreters that wait are replaced by those that have them. */
bool interpreters_preparing(const struct interpreters *interpreters);
/* Whether the child was one of ours that no execution has taken. */
bool interpreters_reaped(struct interpreters *interpreters, const struct reaped *child);
/* Whether `pid` waits for a job (or forks others). */
bool interpreters_has(const struct interpreters *interpreters, pid_t pid);

#endif
