/* SPDX-License-Identifier: Apache-2.0 */
/* Maps of strings: environment variables and labels. */
#include <stdio.h>
#include <string.h>

#include "fcgi/codec/fields.h"
#include "lib/model/limits.h"

static const struct map_rule {
    const char *what;    /* in messages */
    const char *first;   /* characters that a name may begin with; NULL: any of `others` */
    const char *others;
    size_t longest_name;
    const char *grammar; /* in messages */
} rules[] = {
    [MAP_ENV_VARS] = { "environment variable", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_",
                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789", 255,
                       "[A-Za-z_][A-Za-z0-9_]*" },
    [MAP_LABELS] = { "label", NULL,
                     "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-", 63,
                     "1 to 63 of [A-Za-z0-9._/-]" },
};

static bool name_fits(const struct map_rule *rule, const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= rule->longest_name && strspn(name, rule->others) == len &&
           (!rule->first || strchr(rule->first, name[0]));
}

static int check_entry(const struct map_rule *rule, const char *pointer, const char *name,
                       struct json_object *value, size_t *bytes, struct err *err)
{
    char where[128];
    if (!name_fits(rule, name))
        return err_field(err, pointer, "\"%.64s\" is no name for a%s %s: it must be %s.", name,
                         rule->what[0] == 'e' ? "n" : "", rule->what, rule->grammar);
    json_pointer_join(where, sizeof(where), pointer, name);
    if (!json_object_is_type(value, json_type_string))
        return err_field(err, where, "The value of %.64s must be a string.", name);
    size_t len = (size_t)json_object_get_string_len(value);
    if (strlen(json_object_get_string(value)) != len)
        return err_field(err, where, "The value of %.64s must not contain a NUL character.", name);
    *bytes += strlen(name) + len;
    return 0;
}

int fields_read_map(struct json_object *object, const char *pointer, enum map_kind kind, char **json_out,
                    struct err *err)
{
    size_t bytes = 0;
    if (json_object_object_length(object) > ENV_VARS_MAX)
        return err_field(err, pointer, "There are more than %d names.", ENV_VARS_MAX);
    json_object_object_foreach(object, name, value)
    {
        if (check_entry(&rules[kind], pointer, name, value, &bytes, err) != 0)
            return -1;
    }
    if (bytes > ENV_BYTES_MAX)
        return err_field(err, pointer, "Names and values have more than %d bytes.", ENV_BYTES_MAX);
    const char *text = json_text(object);
    char *copy = text ? strdup(text) : NULL;
    if (!copy)
        return err_internal(err, 0, "out of memory for a map");
    *json_out = copy;
    return 0;
}
