/* SPDX-License-Identifier: Apache-2.0 */
/* Private to lib/util/metrics*.c: where a table's series are, and the file's form. */
#ifndef SANDBOX_UTIL_METRICS_LAYOUT_H
#define SANDBOX_UTIL_METRICS_LAYOUT_H

#include "lib/util/metrics.h"

/* The head of a file; the slots follow. */
struct metrics_head {
    char magic[8];
    uint64_t layout; /* hash of whatever decides what a slot means */
    uint64_t slots;
    int64_t started_ms; /* wall clock when it was made: since when is counted */
    uint64_t spare[12];
};
#define METRICS_MAGIC "SBXMETR1"

/* A metric's place: series (a, b) has `width` slots from first + (a * counts[1] + b) * width. A histogram's are its buckets (not
 * cumulative, the last without bound) and the sum in microseconds; how many there were is the sum of the buckets, so that both always agree. */
struct metrics_place {
    size_t first, width, buckets;
    size_t counts[METRIC_AXES];
};

struct metrics_layout {
    const struct metrics_table *table;
    struct metrics_place *places;
    size_t slots;
    uint64_t hash;
};

int metrics_layout_init(struct metrics_layout *layout, const struct metrics_table *table, struct err *err) must_use;
void metrics_layout_release(struct metrics_layout *layout);
/* First slot of a series; SIZE_MAX when there is no such series. */
size_t metrics_slot(const struct metrics_layout *layout, size_t metric, size_t a, size_t b);
/* DIRECTORY/NAME; NULL when out of memory. */
char *metrics_path(const char *directory, const char *name) must_use;
/* Whether `head` is of this layout. */
bool metrics_head_fits(const struct metrics_layout *layout, const struct metrics_head *head);
size_t metrics_file_size(const struct metrics_layout *layout);

#endif
