/* SPDX-License-Identifier: Apache-2.0 */
/* Builds JSON objects on json-c. */
#include "lib/wire/compose.h"

#include <math.h>
#include <string.h>

void compose_start(struct compose *compose)
{
    compose->object = json_object_new_object();
    compose->failed = !compose->object;
}

static void add(struct compose *compose, const char *name, struct json_object *value)
{
    if (value && !compose->failed &&
        json_object_object_add_ex(compose->object, name, value, JSON_C_OBJECT_ADD_CONSTANT_KEY) == 0)
        return;
    json_object_put(value);
    compose->failed = true;
}

void compose_text(struct compose *compose, const char *name, const char *text)
{
    if (text)
        add(compose, name, json_object_new_string(text));
}

void compose_bytes(struct compose *compose, const char *name, const char *text, size_t len)
{
    add(compose, name, len > INT32_MAX ? NULL : json_object_new_string_len(text, (int)len));
}

void compose_int(struct compose *compose, const char *name, int64_t number)
{
    add(compose, name, json_object_new_int64(number));
}

void compose_bool(struct compose *compose, const char *name, bool value)
{
    add(compose, name, json_object_new_boolean(value));
}

void compose_number(struct compose *compose, const char *name, double number)
{
    struct json_object *value = json_object_new_double(isfinite(number) ? number : 0);
    if (value)
        json_object_set_serializer(value, json_object_double_to_json_string, (void *)"%.3f", NULL);
    add(compose, name, value);
}

void compose_raw(struct compose *compose, const char *name, const char *json)
{
    if (json)
        add(compose, name, json_raw(json, strlen(json)));
}

void compose_object(struct compose *compose, const char *name, struct compose *inner)
{
    add(compose, name, inner->failed ? NULL : steal(inner->object));
    json_release(&inner->object);
}

int compose_finish(struct compose *compose, bool newline, struct strbuf *out, struct err *err)
{
    cleanup_json struct json_object *object = steal(compose->object);
    size_t len = 0;
    const char *text = compose->failed ? NULL
                                       : json_object_to_json_string_length(
                                             object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    if (!text)
        return err_internal(err, 0, "out of memory for a message");
    strbuf_add(out, text, len);
    if (newline)
        strbuf_add_char(out, '\n');
    if (!strbuf_ok(out))
        return err_set(err, ERR_TOO_LARGE, "The message is larger than %zu bytes.", out->max);
    return 0;
}

bool compose_copy(const char *text, char **out)
{
    if (text && !(*out = strdup(text)))
        return false;
    return true;
}
