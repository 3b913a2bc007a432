/* SPDX-License-Identifier: Apache-2.0 */
/* A set of inode numbers of one file system, so that a file with several names, or held by several processes, counts once. */
#ifndef SANDBOX_EXECUTOR_INODES_H
#define SANDBOX_EXECUTOR_INODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero: empty. */
struct inodes {
    uint64_t *slots; /* 0: free */
    size_t size, count;
};

/* Whether it is new. Without memory everything is: a file counts twice rather than not at all. */
bool inodes_add(struct inodes *inodes, uint64_t inode);
void inodes_release(struct inodes *inodes);

#endif
