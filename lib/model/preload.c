/* SPDX-License-Identifier: Apache-2.0 */
/* Names of modules, by their grammar. */
#include "lib/model/preload.h"

#include <string.h>

#include "lib/util/json.h"

#define FIRST "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define REST FIRST "0123456789"

bool preload_name_valid(const char *name)
{
    if (strlen(name) > PRELOAD_NAME_MAX)
        return false;
    for (;;) {
        if (!*name || !strchr(FIRST, *name))
            return false;
        name += strspn(name, REST);
        if (*name != '.')
            return *name == '\0';
        name++;
    }
}

int preload_list(const char *json, struct strbuf *out, struct err *err)
{
    cleanup_json struct json_object *array = NULL;
    if (!json)
        return 0;
    if (json_parse(json, strlen(json), &array, err) != 0)
        return -1;
    size_t count = json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
    for (size_t i = 0; i < count; i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(array, i));
        if (!name || !preload_name_valid(name))
            return err_set(err, ERR_INVALID, "\"%.128s\" is not the name of a Python module.", name ? name : "null");
        strbuf_addf(out, "%s%s", i ? "," : "", name);
    }
    return strbuf_ok(out) ? 0 : err_internal(err, 0, "too long a list of modules");
}

/* Whether `name` is among the `count` before it in a list whose commas have become NULs. */
static bool is_among(const char *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++, list += strlen(list) + 1)
        if (strcmp(list, name) == 0)
            return true;
    return false;
}

int preload_json(const char *list, struct strbuf *out, struct err *err)
{
    cleanup_free char *copy = strdup(list);
    if (!copy)
        return err_internal(err, 0, "out of memory for a list of modules");
    size_t count = 0;
    char *rest = copy;
    strbuf_add_char(out, '[');
    for (char *name; *list && (name = strsep(&rest, ",")); count++) {
        if (!preload_name_valid(name))
            return err_set(err, ERR_INVALID, "\"%.128s\" is not the name of a Python module.", name);
        if (is_among(copy, count, name))
            return err_set(err, ERR_INVALID, "%s is there twice.", name);
        strbuf_addf(out, "%s\"%s\"", count ? "," : "", name);
    }
    strbuf_add_char(out, ']');
    if (count > PRELOAD_MODULES_MAX)
        return err_set(err, ERR_INVALID, "There are more than %d modules.", PRELOAD_MODULES_MAX);
    return strbuf_ok(out) ? 0 : err_internal(err, 0, "out of memory for a list of modules");
}
