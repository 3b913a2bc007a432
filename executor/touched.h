/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded table of paths with the number of the moment of their last touch. */
#ifndef SANDBOX_EXECUTOR_TOUCHED_H
#define SANDBOX_EXECUTOR_TOUCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct touched {
    const char *path;
    int64_t moment; /* of the last touch */
    bool below;     /* a directory of this name went away meanwhile */
};

struct touched_node;
/* All zero: empty. */
struct touched_table {
    struct touched_node **buckets;
    size_t mask, count, bytes;
    int64_t newest; /* no touch is later */
};

/* False: it does not fit, by number or memory, and is not in the table. */
bool touched_add(struct touched_table *table, const char *path, int64_t moment, bool below);
/* What was known at `moment` is known again of the path; what was stored by then is dropped. */
void touched_restore(struct touched_table *table, const char *path, int64_t moment, int64_t stored);
/* Those later than `moment`. */
void touched_each(const struct touched_table *table, int64_t moment, void (*on_path)(void *arg, const struct touched *touched), void *arg);
/* Drops those up to `moment`. */
void touched_drop(struct touched_table *table, int64_t moment);
void touched_release(struct touched_table *table);

#endif
