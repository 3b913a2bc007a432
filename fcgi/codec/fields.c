/* SPDX-License-Identifier: Apache-2.0 */
/* Shared pieces of the codecs. */
#include "fcgi/codec/fields.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/limits.h"
#include "lib/util/clock.h"
#include "lib/util/json_names.h"

int fields_parse_body(const char *text, size_t len, const char *raw, struct json_object **out,
                      struct err *err)
{
    cleanup_json struct json_object *body = NULL;
    if (json_parse(text, len, &body, err) != 0)
        return -1;
    if (!json_object_is_type(body, json_type_object))
        return err_set(err, ERR_INVALID, "The body must be a JSON object.");
    if (json_check_names(text, len, raw, err) != 0)
        return -1;
    *out = steal(body);
    return 0;
}

static int read_cpu(struct json_object *value, const char *pointer, int64_t *out, struct err *err)
{
    char where[96];
    snprintf(where, sizeof(where), "%s/cpu", pointer);
    bool number = json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);
    if (!number && !json_object_is_type(value, json_type_string))
        return err_field(err, where, "cpu must be a number of CPUs such as \"1\" or \"0.5\".");
    return resources_parse_cpu(number ? json_text(value) : json_object_get_string(value), where, out, err);
}

static int read_size(const char *text, const char *pointer, const char *name, int64_t min, int64_t max,
                     int64_t *out, struct err *err)
{
    char where[96];
    snprintf(where, sizeof(where), "%s/%s", pointer, name);
    return text ? resources_parse_size(text, where, min, max, out, err) : 0;
}

int fields_read_resources(struct json_object *object, const char *pointer, struct resources *out,
                          struct err *err)
{
    struct json_object *cpu = NULL;
    const char *memory = NULL, *disk = NULL;
    const struct json_field fields[] = {
        { .name = "cpu", .type = JSON_FIELD_ANY, .out = &cpu },
        { .name = "memory", .type = JSON_FIELD_STRING, .out = &memory },
        { .name = "disk", .type = JSON_FIELD_STRING, .out = &disk },
        { .name = "max_processes", .type = JSON_FIELD_INT, .out = &out->max_processes,
          .min = PROCESSES_MIN, .max = PROCESSES_MAX },
    };
    if (json_read_fields(object, pointer, fields, sizeof(fields) / sizeof(fields[0]),
                         JSON_UNKNOWN_REFUSE, err) != 0)
        return -1;
    if (cpu && read_cpu(cpu, pointer, &out->cpu_milli, err) != 0)
        return -1;
    if (read_size(memory, pointer, "memory", MEMORY_MB_MIN, MEMORY_MB_MAX, &out->memory_mb, err) != 0)
        return -1;
    return read_size(disk, pointer, "disk", DISK_MB_MIN, DISK_MB_MAX, &out->disk_mb, err);
}

struct json_object *fields_resources(const struct resources *resources)
{
    char text[QUANTITY_TEXT_SIZE];
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    resources_format_cpu(resources->cpu_milli, text);
    fields_add_text(object, "cpu", text);
    resources_format_size(resources->memory_mb, text);
    fields_add_text(object, "memory", text);
    resources_format_size(resources->disk_mb, text);
    fields_add_text(object, "disk", text);
    if (resources->max_processes != PROCESSES_DEFAULT)
        fields_add_int(object, "max_processes", resources->max_processes);
    return object;
}

void fields_add(struct json_object *object, const char *name, struct json_object *value)
{
    if (json_object_object_add(object, name, value) != 0)
        json_object_put(value);
}

void fields_add_text(struct json_object *object, const char *name, const char *text)
{
    fields_add(object, name, text ? json_object_new_string(text) : NULL);
}

void fields_add_int(struct json_object *object, const char *name, int64_t value)
{
    fields_add(object, name, json_object_new_int64(value));
}

void fields_add_time(struct json_object *object, const char *name, int64_t wall_ms)
{
    char text[CLOCK_TEXT_SIZE];
    clock_format(wall_ms, text);
    fields_add_text(object, name, wall_ms ? text : NULL);
}

void fields_add_number(struct json_object *object, const char *name, double value, int decimals)
{
    char text[64];
    if (!isfinite(value) || fabs(value) > 1e15)
        value = 0;
    int len = snprintf(text, sizeof(text), "%.*f", decimals, value);
    while (strchr(text, '.') && (text[len - 1] == '0' || text[len - 1] == '.')) {
        bool point = text[--len] == '.';
        text[len] = '\0';
        if (point)
            break;
    }
    fields_add(object, name, json_object_new_double_s(value, text));
}

void fields_add_raw(struct json_object *object, const char *name, const char *json, const char *otherwise)
{
    const char *text = json ? json : otherwise;
    fields_add(object, name, json_raw(text, strlen(text)));
}

struct json_object *fields_listing(const char *name, struct json_object *items, int64_t total)
{
    struct json_object *object = json_object_new_object();
    if (!object) {
        json_object_put(items);
        return NULL;
    }
    fields_add(object, name, items);
    fields_add_int(object, "total", total);
    return object;
}
