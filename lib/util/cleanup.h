/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound release: an owning local carries `cleanup(fn)`, steal() hands it over. */
#ifndef SANDBOX_UTIL_CLEANUP_H
#define SANDBOX_UTIL_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define cleanup(fn) __attribute__((cleanup(fn)))
#define must_use __attribute__((warn_unused_result))

/* Releases malloc()ed memory at the end of the scope. */
#define cleanup_free cleanup(cleanup_free_ptr)
/* Closes a descriptor >= 0 at the end of the scope. */
#define cleanup_fd cleanup(cleanup_close_fd)
/* Closes a stdio stream at the end of the scope. */
#define cleanup_file cleanup(cleanup_close_file)

/* Takes the pointer out of its owner, leaving NULL behind. */
#define steal(ptr)                                                                                 \
    __extension__({                                                                                \
        __typeof__(ptr) stolen_ = (ptr);                                                           \
        (ptr) = NULL;                                                                              \
        stolen_;                                                                                   \
    })

/* Takes the descriptor out of its owner, leaving -1 behind. */
static inline int steal_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

static inline void cleanup_free_ptr(void *ptr)
{
    free(*(void **)ptr);
}

static inline void cleanup_close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cleanup_close_file(FILE **file)
{
    if (*file)
        fclose(*file);
}

#endif
