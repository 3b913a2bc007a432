/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded JSON parsing and table-driven field reading on json-c. */
#include "lib/util/json.h"

#include <stdio.h>
#include <string.h>

#include "lib/util/json_strict.h"

void json_release(struct json_object **object)
{
    json_object_put(*object);
    *object = NULL;
}

static void cleanup_tokener(struct json_tokener **tokener)
{
    if (*tokener)
        json_tokener_free(*tokener);
}

int json_parse(const char *text, size_t len, struct json_object **out, struct err *err)
{
    if (len > INT32_MAX)
        return err_set(err, ERR_TOO_LARGE, "The JSON text is too large.");
    cleanup(cleanup_tokener) struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
    if (!tokener)
        return err_internal(err, 0, "out of memory for a JSON parser");
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    cleanup_json struct json_object *value = json_tokener_parse_ex(tokener, text, (int)len);
    enum json_tokener_error state = json_tokener_get_error(tokener);
    size_t end = json_tokener_get_parse_end(tokener);
    if (state == json_tokener_continue) {
        /* a bare number ends only where something else begins */
        value = json_tokener_parse_ex(tokener, "", 1);
        state = json_tokener_get_error(tokener);
        if (state == json_tokener_continue)
            return err_set(err, ERR_INVALID, "The JSON text ends too early.");
        end = len;
    }
    if (state != json_tokener_success)
        return err_set(err, ERR_INVALID, "Malformed JSON at byte %zu: %s.", end,
                       json_tokener_error_desc(state));
    for (; end < len; end++)
        if (!strchr(" \t\r\n", text[end]) || text[end] == '\0')
            return err_set(err, ERR_INVALID, "Malformed JSON: unexpected text at byte %zu.", end);
    if (!json_strict_valid(text, len)) /* json-c takes more than the standard does */
        return err_set(err, ERR_INVALID,
                       "Malformed JSON: NaN, Infinity, single quotes, numbers such as \"1.\" and raw control characters "
                       "are not allowed.");
    *out = steal(value);
    return 0;
}

static const char *type_name(enum json_field_type type)
{
    static const char *const names[] = {
        [JSON_FIELD_STRING] = "a string",  [JSON_FIELD_INT] = "an integer",
        [JSON_FIELD_BOOL] = "true or false", [JSON_FIELD_NUMBER] = "a number",
        [JSON_FIELD_OBJECT] = "an object", [JSON_FIELD_ARRAY] = "an array",
        [JSON_FIELD_ANY] = "a value",
    };
    return names[type];
}

static bool type_matches(struct json_object *value, enum json_field_type type)
{
    switch (type) {
    case JSON_FIELD_STRING:
        return json_object_is_type(value, json_type_string);
    case JSON_FIELD_INT:
        return json_object_is_type(value, json_type_int);
    case JSON_FIELD_BOOL:
        return json_object_is_type(value, json_type_boolean);
    case JSON_FIELD_NUMBER:
        return json_object_is_type(value, json_type_int) ||
               json_object_is_type(value, json_type_double);
    case JSON_FIELD_OBJECT:
        return json_object_is_type(value, json_type_object);
    case JSON_FIELD_ARRAY:
        return json_object_is_type(value, json_type_array);
    case JSON_FIELD_ANY:
        return true;
    }
    return false;
}

static int read_string(struct json_object *value, const struct json_field *field, struct err *err)
{
    const char *text = json_object_get_string(value);
    int64_t len = json_object_get_string_len(value);
    if ((int64_t)strlen(text) != len)
        return err_set(err, ERR_INVALID, "%s must not contain a NUL character.", field->name);
    if ((field->min != 0 || field->max != 0) && (len < field->min || len > field->max))
        return err_set(err, ERR_INVALID, "%s must be %lld to %lld bytes long.", field->name,
                         (long long)field->min, (long long)field->max);
    *(const char **)field->out = text;
    return 0;
}

static int read_int(struct json_object *value, const struct json_field *field, struct err *err)
{
    int64_t number = json_object_get_int64(value);
    if ((field->min != 0 || field->max != 0) && (number < field->min || number > field->max))
        return err_set(err, ERR_INVALID, "%s must be between %lld and %lld.", field->name,
                         (long long)field->min, (long long)field->max);
    *(int64_t *)field->out = number;
    return 0;
}

static int read_value(struct json_object *value, const struct json_field *field, struct err *err)
{
    if (!type_matches(value, field->type))
        return err_set(err, ERR_INVALID, "%s must be %s.", field->name, type_name(field->type));
    switch (field->type) {
    case JSON_FIELD_STRING:
        return read_string(value, field, err);
    case JSON_FIELD_INT:
        return read_int(value, field, err);
    case JSON_FIELD_BOOL:
        *(bool *)field->out = json_object_get_boolean(value);
        return 0;
    case JSON_FIELD_NUMBER:
        *(double *)field->out = json_object_get_double(value);
        return 0;
    case JSON_FIELD_OBJECT:
    case JSON_FIELD_ARRAY:
    case JSON_FIELD_ANY:
        *(struct json_object **)field->out = value;
        return 0;
    }
    return 0;
}

void json_pointer_join(char *out, size_t size, const char *pointer, const char *name)
{
    size_t used = (size_t)snprintf(out, size, "%s/", pointer);
    for (; *name && used + 3 < size; name++) {
        if (*name == '~' || *name == '/') {
            out[used++] = '~';
            out[used++] = *name == '~' ? '0' : '1';
        } else {
            out[used++] = *name;
        }
    }
    if (used < size)
        out[used] = '\0';
}

static int refuse_unknown(struct json_object *object, const char *pointer,
                          const struct json_field *fields, size_t count, struct err *err)
{
    json_object_object_foreach(object, name, value)
    {
        (void)value;
        size_t i = 0;
        while (i < count && strcmp(fields[i].name, name) != 0)
            i++;
        if (i < count)
            continue;
        char where[128];
        json_pointer_join(where, sizeof(where), pointer, name);
        return err_field(err, where, "Unknown field \"%.64s\".", name);
    }
    return 0;
}

int json_read_fields(struct json_object *object, const char *pointer, const struct json_field *fields,
                     size_t count, enum json_unknown unknown, struct err *err)
{
    if (!json_object_is_type(object, json_type_object))
        return err_field(err, pointer, "%s must be a JSON object.", *pointer ? pointer : "The body");
    if (unknown == JSON_UNKNOWN_REFUSE &&
        refuse_unknown(object, pointer, fields, count, err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct json_object *value = NULL;
        bool there = json_object_object_get_ex(object, fields[i].name, &value);
        if (there && !value && fields[i].type != JSON_FIELD_ANY)
            there = false;
        if (fields[i].present)
            *fields[i].present = there;
        bool refused = false;
        if (!there && fields[i].required)
            refused = err_set(err, ERR_INVALID, "%s is required.", fields[i].name) != 0;
        else if (there)
            refused = read_value(value, &fields[i], err) != 0;
        if (refused) {
            json_pointer_join(err->field, sizeof(err->field), pointer, fields[i].name);
            return -1;
        }
    }
    return 0;
}

static int print_raw(struct json_object *object, struct printbuf *out, int level, int flags)
{
    (void)level;
    (void)flags;
    return printbuf_memappend(out, json_object_get_string(object),
                              json_object_get_string_len(object));
}

struct json_object *json_raw(const char *text, size_t len)
{
    struct json_object *object = json_object_new_string_len(text, (int)len);
    if (object)
        json_object_set_serializer(object, print_raw, NULL, NULL);
    return object;
}

const char *json_text(struct json_object *object)
{
    return json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                      JSON_C_TO_STRING_NOSLASHESCAPE);
}
