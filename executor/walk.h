/* SPDX-License-Identifier: Apache-2.0 */
/* Goes through a directory tree of the workspace, one regular file or directory a step, with the rights of the sandbox's users only
 * and without following links; it can rest between steps. */
#ifndef SANDBOX_EXECUTOR_WALK_H
#define SANDBOX_EXECUTOR_WALK_H

#include <dirent.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "executor/setup.h"
#include "lib/util/strbuf.h"

enum { WALK_DEPTH_MAX = 128, WALK_PATH_MAX = 8192 };

struct walk {
    const struct setup *setup;
    struct strbuf path; /* of the entry, from the workspace; any bytes but NUL and newlines of its components' separators */
    struct stat st;
    DIR *stack[WALK_DEPTH_MAX];
    size_t lengths[WALK_DEPTH_MAX]; /* of the path of each directory on the stack */
    uid_t uids[WALK_DEPTH_MAX];     /* as whom it is looked at */
    int depth;
    int64_t entries;    /* seen so far, of all kinds */
    int64_t limit;      /* it ends after so many; 0: it does not */
    bool incomplete;    /* something could not be looked into: too deep, or no right to */
    bool insist;        /* opens directories that their owner closed to himself, for as long as it looks into them */
    int shut[WALK_DEPTH_MAX]; /* what to close them to again; -1: they were open */
};

/* Begins at `path` ("" for all), which must be a directory; one that is not there has no entries. */
void walk_begin(struct walk *walk, const struct setup *setup, const char *path);
/* Around one or many steps: the rights are changed, and changed back. */
void walk_enter(struct walk *walk);
void walk_leave(void);
/* The next entry is in path and st: a directory comes before what is in it (walk_directory() gives its descriptor then). False: that was
 * all. */
bool walk_next(struct walk *walk);
/* Of the directory that was the last entry, or, at the beginning, of where it begins; -1: it could not be opened. */
int walk_directory(const struct walk *walk);
void walk_end(struct walk *walk);

#endif
