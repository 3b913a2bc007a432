/* SPDX-License-Identifier: Apache-2.0 */
/* Failure points: places where a test lets a process die, or wait, at exactly that step. Nothing at all unless configured with
 * --enable-failpoints.
 *
 * SANDBOX_FAILPOINTS of the environment arms them, read when the program starts: "NAME=ACTION[@N],..." with the actions
 *   kill      SIGKILL to the own process
 *   sleep:MS  the thread waits
 *   error     FAILPOINT_FAILS fails (at a FAILPOINT: nothing)
 * each time that the point is passed, or only the N-th time. Names are those of points that this very program has: another one ends it with
 * exit code 64 and a line on stderr. "list" prints all names, one a line, and ends it. */
#ifndef SANDBOX_UTIL_FAILPOINT_H
#define SANDBOX_UTIL_FAILPOINT_H

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

#ifdef SANDBOX_FAILPOINTS

struct failpoint {
    const char *name;
    int action;   /* one of failpoint.c */
    int nth;      /* the only pass that it is for; 0: each */
    int sleep_ms;
    int passed;   /* times, counted atomically */
};

/* The point was reached. */
void failpoint_pass(struct failpoint *point);
/* Likewise; -1 with ERR_UNAVAILABLE where it is to fail. */
int failpoint_fails(struct failpoint *point, struct err *err) must_use;
/* Arms points of this process as the environment would; "": none. -1 for what is not understood. */
int failpoint_arm(const char *text, struct err *err) must_use;

/* The linker gathers the pointers: the list of all points of a program. */
#define FAILPOINT_HERE(name_)                                                                                          \
    static struct failpoint failpoint_here = { .name = (name_) };                                                      \
    static struct failpoint *const failpoint_entry __attribute__((section("failpoints"), used)) = &failpoint_here

#define FAILPOINT(name_)                                                                                               \
    do {                                                                                                               \
        FAILPOINT_HERE(name_);                                                                                         \
        failpoint_pass(&failpoint_here);                                                                               \
    } while (0)
/* An expression: 0, or -1 and `err_` filled. */
#define FAILPOINT_FAILS(name_, err_)                                                                                   \
    (__extension__({                                                                                                   \
        FAILPOINT_HERE(name_);                                                                                         \
        failpoint_fails(&failpoint_here, (err_));                                                                      \
    }))

#else

#define FAILPOINT(name_) ((void)0)
#define FAILPOINT_FAILS(name_, err_) 0

#endif
#endif
