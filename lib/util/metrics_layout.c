/* SPDX-License-Identifier: Apache-2.0 */
/* From a table of metrics to slots. */
#include "lib/util/metrics_layout.h"

#include <string.h>

enum { LABELS_MAX = 4096 };

/* FNV-1a: not against forgery, only against another build's file. */
static void mix(uint64_t *hash, const void *data, size_t len)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < len; i++)
        *hash = (*hash ^ bytes[i]) * 0x100000001b3u;
}

static int mix_axis(uint64_t *hash, const struct metric_axis *axis, size_t count, struct err *err)
{
    cleanup_strbuf struct strbuf labels = STRBUF_INIT(LABELS_MAX);
    mix(hash, &count, sizeof(count));
    for (size_t i = 0; axis->count && i < count; i++) {
        strbuf_reset(&labels);
        axis->labels(i, &labels);
        if (!strbuf_ok(&labels))
            return err_internal(err, 0, "labels of a metric are too long");
        mix(hash, strbuf_str(&labels), labels.len + 1);
    }
    return 0;
}

static int place_metric(struct metrics_layout *layout, size_t index, struct err *err)
{
    const struct metric *metric = &layout->table->metrics[index];
    struct metrics_place *place = &layout->places[index];
    size_t series = 1;
    place->first = layout->slots;
    mix(&layout->hash, metric->name, strlen(metric->name) + 1);
    for (size_t i = 0; i < METRIC_AXES; i++) {
        place->counts[i] = metric->axes[i].count ? metric->axes[i].count() : 1;
        series *= place->counts[i];
        if (mix_axis(&layout->hash, &metric->axes[i], place->counts[i], err) != 0)
            return -1;
    }
    for (; metric->bounds_us && metric->bounds_us[place->buckets]; place->buckets++)
        mix(&layout->hash, &metric->bounds_us[place->buckets], sizeof(int64_t));
    place->buckets += metric->bounds_us != NULL;
    place->width = place->buckets + 1;
    layout->slots += series * place->width;
    return 0;
}

int metrics_layout_init(struct metrics_layout *layout, const struct metrics_table *table, struct err *err)
{
    *layout = (struct metrics_layout){ .table = table, .hash = 0xcbf29ce484222325u };
    layout->places = calloc(table->count, sizeof(*layout->places));
    if (!layout->places)
        return err_internal(err, 0, "out of memory for metrics");
    for (size_t i = 0; i < table->count; i++)
        if (place_metric(layout, i, err) != 0) {
            metrics_layout_release(layout);
            return -1;
        }
    return 0;
}

void metrics_layout_release(struct metrics_layout *layout)
{
    free(steal(layout->places));
}

size_t metrics_slot(const struct metrics_layout *layout, size_t metric, size_t a, size_t b)
{
    if (metric >= layout->table->count)
        return SIZE_MAX;
    const struct metrics_place *place = &layout->places[metric];
    if (a >= place->counts[0] || b >= place->counts[1])
        return SIZE_MAX;
    return place->first + (a * place->counts[1] + b) * place->width;
}

char *metrics_path(const char *directory, const char *name)
{
    struct strbuf path = STRBUF_INIT(4096);
    strbuf_addf(&path, "%s/%s", directory, name);
    return strbuf_steal(&path);
}

size_t metrics_file_size(const struct metrics_layout *layout)
{
    return sizeof(struct metrics_head) + layout->slots * sizeof(uint64_t);
}

bool metrics_head_fits(const struct metrics_layout *layout, const struct metrics_head *head)
{
    return memcmp(head->magic, METRICS_MAGIC, sizeof(head->magic)) == 0 && head->layout == layout->hash &&
           head->slots == layout->slots;
}
