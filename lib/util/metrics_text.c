/* SPDX-License-Identifier: Apache-2.0 */
/* Files of counters, added up and written out. */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/util/metrics_layout.h"

enum { LABELS_MAX = 8192, US_IN_S = 1000000 };

struct metrics_values {
    struct metrics_layout layout;
    uint64_t *slots;
};

struct metrics_values *metrics_values_new(const struct metrics_table *table, struct err *err)
{
    struct metrics_values *values = calloc(1, sizeof(*values));
    if (values && metrics_layout_init(&values->layout, table, err) == 0)
        values->slots = calloc(values->layout.slots, sizeof(*values->slots));
    if (values && values->slots)
        return values;
    err_internal(err, 0, "out of memory for metrics");
    metrics_values_free(values);
    return NULL;
}

void metrics_values_free(struct metrics_values *values)
{
    if (!values)
        return;
    metrics_layout_release(&values->layout);
    free(values->slots);
    free(values);
}

void metrics_values_freep(struct metrics_values **values)
{
    metrics_values_free(*values);
}

/* The whole file, or NULL. Not mapped: it may be cut off at any moment. */
static struct metrics_head *copy_file(const struct metrics_layout *layout, const char *path)
{
    struct stat info;
    size_t size = metrics_file_size(layout);
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size != (off_t)size)
        return NULL;
    cleanup_free struct metrics_head *head = malloc(size);
    if (!head || pread(fd, head, size, 0) != (ssize_t)size || !metrics_head_fits(layout, head))
        return NULL;
    return steal(head);
}

int metrics_values_add(struct metrics_values *values, const char *directory, const char *name, int64_t *started_ms_out)
{
    cleanup_free char *path = metrics_path(directory, name);
    cleanup_free struct metrics_head *head = path ? copy_file(&values->layout, path) : NULL;
    if (!head)
        return -1;
    const uint64_t *slots = (const uint64_t *)(head + 1);
    for (size_t i = 0; i < values->layout.slots; i++)
        values->slots[i] += slots[i];
    if (started_ms_out)
        *started_ms_out = head->started_ms;
    return 0;
}

/* What a series has counted: itself, or all buckets. */
static uint64_t total(const struct metrics_values *values, size_t metric, size_t slot)
{
    const struct metrics_place *place = &values->layout.places[metric];
    uint64_t sum = 0;
    for (size_t i = 0; i < (place->buckets ? place->buckets : 1); i++)
        sum += values->slots[slot + i];
    return sum;
}

uint64_t metrics_values_get(const struct metrics_values *values, size_t metric, size_t a, size_t b)
{
    size_t slot = metrics_slot(&values->layout, metric, a, b);
    return slot == SIZE_MAX ? 0 : total(values, metric, slot);
}

static void add_escaped(struct strbuf *out, const char *text, bool quotes)
{
    for (; *text; text++) {
        if (*text == '\n')
            strbuf_add_str(out, "\\n");
        else if (*text == '\\' || (quotes && *text == '"'))
            strbuf_addf(out, "\\%c", *text);
        else
            strbuf_add_char(out, *text);
    }
}

void metrics_add_label(struct strbuf *out, const char *name, const char *value)
{
    strbuf_addf(out, "%s%s=\"", out->len ? "," : "", name);
    add_escaped(out, value, true);
    strbuf_add_char(out, '"');
}

void metrics_add_header(struct strbuf *out, const char *name, const char *type, const char *help)
{
    strbuf_addf(out, "# HELP %s ", name);
    add_escaped(out, help, false);
    strbuf_addf(out, "\n# TYPE %s %s\n", name, type);
}

/* NAME{LABELS}, and a space. */
static void add_series(struct strbuf *out, const char *name, const char *suffix, const char *labels)
{
    strbuf_addf(out, "%s%s%s%s%s ", name, suffix, labels[0] ? "{" : "", labels, labels[0] ? "}" : "");
}

void metrics_add_sample(struct strbuf *out, const char *name, const char *labels, double value)
{
    add_series(out, name, "", labels);
    strbuf_addf(out, "%.15g\n", value);
}

static void add_count(struct strbuf *out, const char *name, const char *suffix, const char *labels, uint64_t value)
{
    add_series(out, name, suffix, labels);
    strbuf_addf(out, "%" PRIu64 "\n", value);
}

static void add_histogram(const struct metric *metric, const struct metrics_place *place, const uint64_t *slots,
                          const char *labels, struct strbuf *out)
{
    uint64_t count = 0, sum = slots[place->buckets];
    for (size_t i = 0; i < place->buckets; i++) {
        cleanup_strbuf struct strbuf all = STRBUF_INIT(LABELS_MAX + 64);
        char bound[32] = "+Inf";
        if (metric->bounds_us[i])
            snprintf(bound, sizeof(bound), "%.15g", (double)metric->bounds_us[i] / US_IN_S);
        strbuf_add_str(&all, labels);
        metrics_add_label(&all, "le", bound);
        count += slots[i];
        add_count(out, metric->name, "_bucket", strbuf_str(&all), count);
    }
    add_series(out, metric->name, "_sum", labels);
    strbuf_addf(out, "%" PRIu64 ".%06" PRIu64 "\n", sum / US_IN_S, sum % US_IN_S);
    add_count(out, metric->name, "_count", labels, count);
}

static void add_one(const struct metrics_values *values, size_t index, size_t a, size_t b, struct strbuf *out)
{
    const struct metric *metric = &values->layout.table->metrics[index];
    const struct metrics_place *place = &values->layout.places[index];
    const size_t at[METRIC_AXES] = { a, b };
    size_t slot = metrics_slot(&values->layout, index, a, b);
    if (metric->sparse && total(values, index, slot) == 0)
        return;
    cleanup_strbuf struct strbuf labels = STRBUF_INIT(LABELS_MAX);
    for (size_t i = 0; i < METRIC_AXES; i++)
        if (metric->axes[i].count)
            metric->axes[i].labels(at[i], &labels);
    if (place->buckets)
        add_histogram(metric, place, &values->slots[slot], strbuf_str(&labels), out);
    else
        add_count(out, metric->name, "", strbuf_str(&labels), values->slots[slot]);
}

void metrics_values_text(const struct metrics_values *values, struct strbuf *out)
{
    for (size_t i = 0; i < values->layout.table->count; i++) {
        const struct metric *metric = &values->layout.table->metrics[i];
        const struct metrics_place *place = &values->layout.places[i];
        metrics_add_header(out, metric->name, metric->bounds_us ? "histogram" : "counter", metric->help);
        for (size_t a = 0; a < place->counts[0]; a++)
            for (size_t b = 0; b < place->counts[1]; b++)
                add_one(values, i, a, b, out);
    }
}
