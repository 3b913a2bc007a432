/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a list of changes: {"type": ...} with fields by type. Unknown fields are ignored, so that an older dispatcher reads a
 * newer executor; those that are known are held to their limits, as an image may bring an executor of its own. */
#include "lib/wire/changes.h"

#include <stdio.h>
#include <string.h>

#include "lib/util/json.h"
#include "lib/wire/compose.h"

#define MODIFIED_MS_MAX INT64_C(253402300799999)
enum { MODE_MAX = 0777 };

static const char *const type_names[] = { [WIRE_CHANGE_GONE] = "gone", [WIRE_CHANGE_FILE] = "file",
                                          [WIRE_CHANGE_END] = "end" };

static void compose_file(struct compose *line, const struct wire_change *change)
{
    compose_text(line, "path", change->path);
    compose_int(line, "size", change->size);
    compose_int(line, "mode", change->mode);
    compose_int(line, "modified_ms", change->modified_ms);
    compose_text(line, "version", change->version);
    compose_bool(line, "mine", change->mine);
}

int wire_change_encode(const struct wire_change *change, struct strbuf *out, struct err *err)
{
    struct compose line;
    compose_start(&line);
    compose_text(&line, "type", type_names[change->type]);
    switch (change->type) {
    case WIRE_CHANGE_GONE:
        compose_text(&line, "path", change->path);
        compose_bool(&line, "below", change->below);
        break;
    case WIRE_CHANGE_FILE:
        compose_file(&line, change);
        break;
    case WIRE_CHANGE_END:
        compose_bool(&line, "all", change->all);
        compose_int(&line, "skipped", change->skipped);
        compose_int(&line, "mark", change->mark);
        break;
    }
    return compose_finish(&line, true, out, err);
}

static int take_path(const char *path, struct wire_change *out, struct err *err)
{
    if (workspace_path_check(path, strlen(path), "/path", err) != 0)
        return -1;
    snprintf(out->path, sizeof(out->path), "%s", path);
    return 0;
}

static int take_version(const char *version, char out[FILE_SOURCE_SIZE], struct err *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~-";
    if (version[strspn(version, allowed)] != '\0')
        return err_field(err, "/version", "A version may hold letters, digits, '.', '_', '~' and '-' only.");
    snprintf(out, FILE_SOURCE_SIZE, "%s", version);
    return 0;
}

static int decode_gone(struct json_object *object, struct wire_change *out, struct err *err)
{
    const char *path = "";
    const struct json_field fields[] = {
        { "path", JSON_FIELD_STRING, true, .out = &path },
        { "below", JSON_FIELD_BOOL, true, .out = &out->below },
    };
    if (json_read_fields(object, "", fields, sizeof(fields) / sizeof(fields[0]), JSON_UNKNOWN_IGNORE, err) != 0)
        return -1;
    return take_path(path, out, err);
}

static int decode_file(struct json_object *object, struct wire_change *out, struct err *err)
{
    const char *path = "", *version = "";
    const struct json_field fields[] = {
        { "path", JSON_FIELD_STRING, true, .out = &path },
        { "size", JSON_FIELD_INT, true, .out = &out->size, .max = INT64_MAX },
        { "mode", JSON_FIELD_INT, true, .out = &out->mode, .max = MODE_MAX },
        { "modified_ms", JSON_FIELD_INT, true, .out = &out->modified_ms, .max = MODIFIED_MS_MAX },
        { "version", JSON_FIELD_STRING, true, .out = &version, .min = 1, .max = FILE_SOURCE_SIZE - 1 },
        { "mine", JSON_FIELD_BOOL, true, .out = &out->mine },
    };
    if (json_read_fields(object, "", fields, sizeof(fields) / sizeof(fields[0]), JSON_UNKNOWN_IGNORE, err) != 0 ||
        take_path(path, out, err) != 0)
        return -1;
    return take_version(version, out->version, err);
}

static int decode_end(struct json_object *object, struct wire_change *out, struct err *err)
{
    const struct json_field fields[] = {
        { "all", JSON_FIELD_BOOL, true, .out = &out->all },
        { "skipped", JSON_FIELD_INT, true, .out = &out->skipped, .max = INT64_MAX },
        { "mark", JSON_FIELD_INT, true, .out = &out->mark, .max = INT64_MAX },
    };
    return json_read_fields(object, "", fields, sizeof(fields) / sizeof(fields[0]), JSON_UNKNOWN_IGNORE, err);
}

static int decode_type(const char *name, enum wire_change_type *out, struct err *err)
{
    for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++)
        if (strcmp(type_names[i], name) == 0) {
            *out = (enum wire_change_type)i;
            return 0;
        }
    return err_field(err, "/type", "\"%.32s\" is not a known type of change.", name);
}

int wire_change_decode(const char *line, size_t len, struct wire_change *out, struct err *err)
{
    static int (*const decoders[])(struct json_object *object, struct wire_change *out, struct err *err) = {
        [WIRE_CHANGE_GONE] = decode_gone, [WIRE_CHANGE_FILE] = decode_file, [WIRE_CHANGE_END] = decode_end,
    };
    cleanup_json struct json_object *object = NULL;
    struct wire_change change = { 0 };
    const char *name = "";
    const struct json_field fields[] = { { "type", JSON_FIELD_STRING, true, .out = &name } };
    if (len >= WIRE_CHANGE_MAX)
        return err_set(err, ERR_INVALID, "A line of a list of changes is longer than %d bytes.", WIRE_CHANGE_MAX);
    if (json_parse(line, len, &object, err) != 0 ||
        json_read_fields(object, "", fields, 1, JSON_UNKNOWN_IGNORE, err) != 0 ||
        decode_type(name, &change.type, err) != 0 || decoders[change.type](object, &change, err) != 0)
        return -1;
    *out = change;
    return 0;
}

int wire_stored_encode(const struct wire_stored *stored, struct strbuf *out, struct err *err)
{
    struct compose body;
    compose_start(&body);
    compose_int(&body, "size", stored->size);
    compose_text(&body, "version", stored->version[0] ? stored->version : NULL);
    return compose_finish(&body, true, out, err);
}

int wire_stored_decode(const char *text, size_t len, struct wire_stored *out, struct err *err)
{
    cleanup_json struct json_object *object = NULL;
    struct wire_stored stored = { 0 };
    const char *version = "";
    const struct json_field fields[] = {
        { "size", JSON_FIELD_INT, true, .out = &stored.size, .max = INT64_MAX },
        { "version", JSON_FIELD_STRING, false, .out = &version, .min = 1, .max = FILE_SOURCE_SIZE - 1 },
    };
    if (len >= WIRE_CHANGE_MAX)
        return err_set(err, ERR_INVALID, "The answer is longer than %d bytes.", WIRE_CHANGE_MAX);
    if (json_parse(text, len, &object, err) != 0 ||
        json_read_fields(object, "", fields, sizeof(fields) / sizeof(fields[0]), JSON_UNKNOWN_IGNORE, err) != 0 ||
        take_version(version, stored.version, err) != 0)
        return -1;
    *out = stored;
    return 0;
}
