/* SPDX-License-Identifier: Apache-2.0 */
/* Lines, and what each says of a layer. */
#include "lib/runtime/pull_progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/util/json.h"

enum { MEBI = 1024 * 1024 };

void pull_progress_init(struct pull_progress *progress)
{
    *progress = (struct pull_progress){ .line = STRBUF_INIT(PULL_LINE_MAX) };
}

void pull_progress_release(struct pull_progress *progress)
{
    strbuf_release(&progress->line);
}

static struct json_object *member(struct json_object *object, const char *name, enum json_type type)
{
    struct json_object *value = NULL;
    if (!json_object_is_type(object, json_type_object) || !json_object_object_get_ex(object, name, &value))
        return NULL;
    return json_object_is_type(value, type) ? value : NULL;
}

static const char *text(struct json_object *object, const char *name)
{
    struct json_object *value = member(object, name, json_type_string);
    return value ? json_object_get_string(value) : "";
}

static int64_t number(struct json_object *object, const char *name)
{
    struct json_object *value = member(object, name, json_type_int);
    int64_t bytes = value ? json_object_get_int64(value) : 0;
    return bytes > 0 && bytes < INT64_MAX / PULL_LAYERS_MAX ? bytes : 0;
}

static struct pull_layer *layer_of(struct pull_progress *progress, const char *id)
{
    if (!id[0] || strlen(id) >= sizeof(progress->layers[0].id))
        return NULL;
    for (size_t i = 0; i < progress->count; i++)
        if (strcmp(progress->layers[i].id, id) == 0)
            return &progress->layers[i];
    if (progress->count == PULL_LAYERS_MAX)
        return NULL;
    struct pull_layer *layer = &progress->layers[progress->count++];
    *layer = (struct pull_layer){ 0 };
    memcpy(layer->id, id, strlen(id) + 1);
    return layer;
}

static void note_layer(struct pull_progress *progress, struct json_object *line)
{
    const char *status = text(line, "status");
    struct json_object *detail = member(line, "progressDetail", json_type_object);
    if (strncmp(status, "Pulling from", 12) == 0) /* its id is the tag */
        return;
    struct pull_layer *layer = layer_of(progress, text(line, "id"));
    if (!layer)
        return;
    if (strcmp(status, "Downloading") == 0) {
        layer->current = number(detail, "current");
        layer->total = number(detail, "total");
    } else if (strcmp(status, "Download complete") == 0 || strcmp(status, "Extracting") == 0)
        layer->current = layer->total;
    else if (strcmp(status, "Pull complete") == 0 || strcmp(status, "Already exists") == 0)
        layer->done = true;
}

static void take_line(struct pull_progress *progress)
{
    cleanup_json struct json_object *line = NULL;
    struct err ignored = ERR_INIT;
    if (json_parse(strbuf_str(&progress->line), progress->line.len, &line, &ignored) != 0)
        return;
    const char *error = text(line, "error");
    if (!error[0])
        error = text(member(line, "errorDetail", json_type_object), "message");
    if (!error[0] && !member(line, "status", json_type_string))
        error = text(line, "message");
    if (error[0])
        snprintf(progress->error, sizeof(progress->error), "%s", error);
    note_layer(progress, line);
}

void pull_progress_end(struct pull_progress *progress)
{
    if (!progress->skipping && progress->line.len > 0)
        take_line(progress);
    progress->skipping = false;
    strbuf_reset(&progress->line);
}

void pull_progress_feed(struct pull_progress *progress, const char *data, size_t len)
{
    while (len > 0) {
        const char *end = memchr(data, '\n', len);
        size_t piece = end ? (size_t)(end - data) : len;
        strbuf_add(&progress->line, data, piece);
        progress->skipping = progress->skipping || !strbuf_ok(&progress->line);
        if (!end)
            return;
        pull_progress_end(progress);
        data = end + 1;
        len -= piece + 1;
    }
}

void pull_progress_text(const struct pull_progress *progress, char out[PULL_TEXT_SIZE])
{
    int64_t current = 0, total = 0;
    size_t done = 0;
    for (size_t i = 0; i < progress->count; i++) {
        current += progress->layers[i].current;
        total += progress->layers[i].total;
        done += progress->layers[i].done;
    }
    snprintf(out, PULL_TEXT_SIZE, "%zu of %zu layers, %" PRId64 " of %" PRId64 " MiB", done, progress->count, current / MEBI, total / MEBI);
}
