/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and histograms in a file that all processes of one program map: they survive each of them, and counting takes no lock. */
#ifndef SANDBOX_UTIL_METRICS_H
#define SANDBOX_UTIL_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"
#include "lib/util/strbuf.h"

enum { METRIC_AXES = 2 };

/* What a series is told apart by: one label, or several that belong together. No axis: `count` is NULL. */
struct metric_axis {
    size_t (*count)(void);                            /* how many values; the same for the life of the process */
    void (*labels)(size_t index, struct strbuf *out); /* appends them by metrics_add_label() */
};

/* One metric. Everything else - slots, layout, text - follows from a table of these. */
struct metric {
    const char *name; /* "sandbox_executions_total" */
    const char *help;
    struct metric_axis axes[METRIC_AXES];
    const int64_t *bounds_us; /* upper bounds of a histogram's buckets, rising, ended by 0; NULL: a counter */
    bool sparse;              /* series that never counted are left out of the text */
};
struct metrics_table {
    const struct metric *metrics;
    size_t count;
};

struct metrics;

/* Maps DIRECTORY/NAME, made for the purpose if it is missing or of another layout (then a new file takes its place: whoever has
 * the old one mapped keeps it). The directory is made too, if that is allowed. Only its owner may be able to write in there.
 * NULL with err. The table is borrowed for the life of the object. */
struct metrics *metrics_open(const char *directory, const char *name, const struct metrics_table *table,
                             struct err *err) must_use;
void metrics_close(struct metrics *metrics);

/* Both never fail: NULL, and what is outside of the table, is not counted. `a` and `b` are indices of the axes, 0 where there is none. */
void metrics_add(struct metrics *metrics, size_t metric, size_t a, size_t b, uint64_t count);
void metrics_observe(struct metrics *metrics, size_t metric, size_t a, size_t b, int64_t us);

/* The sum of any number of files of one table, for reading. */
struct metrics_values;
struct metrics_values *metrics_values_new(const struct metrics_table *table, struct err *err) must_use;
void metrics_values_free(struct metrics_values *values);
void metrics_values_freep(struct metrics_values **values);
#define cleanup_metrics_values cleanup(metrics_values_freep)
/* Copies, never maps: the file may be anybody's. -1 when it is not there or not of this layout (then nothing is added). */
int metrics_values_add(struct metrics_values *values, const char *directory, const char *name, int64_t *started_ms_out);
/* One counter's value, one histogram's number of observations. */
uint64_t metrics_values_get(const struct metrics_values *values, size_t metric, size_t a, size_t b);
/* Appends every metric in the text format 0.0.4 of Prometheus. */
void metrics_values_text(const struct metrics_values *values, struct strbuf *out);

/* Parts of that format. */
void metrics_add_header(struct strbuf *out, const char *name, const char *type, const char *help);
/* NAME="VALUE", escaped, with a comma after what was there before. */
void metrics_add_label(struct strbuf *out, const char *name, const char *value);
/* `labels` as gathered by metrics_add_label(); "" for none. */
void metrics_add_sample(struct strbuf *out, const char *name, const char *labels, double value);

#endif
