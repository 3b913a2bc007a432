/* SPDX-License-Identifier: Apache-2.0 */
/* Table-driven settings on libconfig. */
#include "lib/util/config.h"

#include <inttypes.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/cleanup.h"

static void *slot(const struct setting_group *group, const struct setting *setting)
{
    return (char *)group->target + setting->offset;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t len = strlen(value);
    for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (strncmp(at, value, len) == 0 && (at[len] == '|' || at[len] == '\0'))
            return true;
    return false;
}

static int store_string(const struct setting_group *group, const struct setting *setting,
                        const char *value, struct err *err)
{
    if (setting->choices && !is_choice(setting->choices, value))
        return err_set(err, ERR_INVALID, "%s.%s must be one of %s.", group->name, setting->key,
                       setting->choices);
    char *copy = strdup(value);
    if (!copy)
        return err_internal(err, 0, "out of memory for a setting");
    char **where = slot(group, setting);
    free(*where);
    *where = copy;
    return 0;
}

static int store_int(const struct setting_group *group, const struct setting *setting, int64_t value,
                     struct err *err)
{
    if (value < setting->min || value > setting->max)
        return err_set(err, ERR_INVALID, "%s.%s must be between %" PRId64 " and %" PRId64 "%s%s.",
                       group->name, setting->key, setting->min, setting->max,
                       setting->unit ? " " : "", setting->unit ? setting->unit : "");
    *(int64_t *)slot(group, setting) = value;
    return 0;
}

static int store_preset(const struct setting_group *group, const struct setting *setting,
                        struct err *err)
{
    switch (setting->type) {
    case SETTING_STRING:
        *(char **)slot(group, setting) = NULL;
        return store_string(group, setting, setting->preset, err);
    case SETTING_INT:
        return store_int(group, setting, strtoll(setting->preset, NULL, 10), err);
    case SETTING_BOOL:
        *(bool *)slot(group, setting) = strcmp(setting->preset, "true") == 0;
        return 0;
    }
    return 0;
}

static int store_value(const struct setting_group *group, const struct setting *setting,
                       config_setting_t *value, struct err *err)
{
    int type = config_setting_type(value);
    switch (setting->type) {
    case SETTING_STRING:
        if (type == CONFIG_TYPE_STRING)
            return store_string(group, setting, config_setting_get_string(value), err);
        return err_set(err, ERR_INVALID, "%s.%s must be a string.", group->name, setting->key);
    case SETTING_INT:
        if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64)
            return store_int(group, setting, config_setting_get_int64(value), err);
        return err_set(err, ERR_INVALID, "%s.%s must be an integer.", group->name, setting->key);
    case SETTING_BOOL:
        if (type != CONFIG_TYPE_BOOL)
            return err_set(err, ERR_INVALID, "%s.%s must be true or false.", group->name,
                           setting->key);
        *(bool *)slot(group, setting) = config_setting_get_bool(value);
        return 0;
    }
    return 0;
}

static const struct setting *find_setting(const struct setting_group *group, const char *key)
{
    for (size_t i = 0; i < group->count; i++)
        if (strcmp(group->settings[i].key, key) == 0)
            return &group->settings[i];
    return NULL;
}

static int load_group(config_setting_t *node, const struct setting_group *groups, size_t count,
                      struct err *err)
{
    const char *name = config_setting_name(node);
    const struct setting_group *group = NULL;
    for (size_t i = 0; i < count; i++)
        if (strcmp(groups[i].name, name) == 0)
            group = &groups[i];
    if (!group || !config_setting_is_group(node))
        return err_set(err, ERR_INVALID, "line %d: there is no group of settings \"%s\".",
                       config_setting_source_line(node), name);
    for (int i = 0; i < config_setting_length(node); i++) {
        config_setting_t *value = config_setting_get_elem(node, (unsigned)i);
        const struct setting *setting = find_setting(group, config_setting_name(value));
        struct err inner = ERR_INIT;
        if (!setting)
            return err_set(err, ERR_INVALID, "line %d: %s has no setting \"%s\".",
                           config_setting_source_line(value), name, config_setting_name(value));
        if (store_value(group, setting, value, &inner) != 0)
            return err_set(err, inner.code, "line %d: %s", config_setting_source_line(value),
                           inner.text);
    }
    return 0;
}

static int load_file(config_t *file, const char *path, const struct setting_group *groups,
                     size_t count, struct err *err)
{
    if (!config_read_file(file, path)) {
        int line = config_error_line(file);
        return err_set(err, ERR_INVALID, "%s: line %d: %s", path, line, config_error_text(file));
    }
    config_setting_t *root = config_root_setting(file);
    for (int i = 0; i < config_setting_length(root); i++) {
        struct err inner = ERR_INIT;
        if (load_group(config_setting_get_elem(root, (unsigned)i), groups, count, &inner) != 0)
            return err_set(err, inner.code, "%s: %s", path, inner.text);
    }
    return 0;
}

int config_load(const char *path, const struct setting_group *groups, size_t count, struct err *err)
{
    int status = 0;
    for (size_t g = 0; g < count; g++)
        for (size_t i = 0; i < groups[g].count; i++)
            if (store_preset(&groups[g], &groups[g].settings[i], err) != 0)
                status = -1;
    if (status == 0 && path) {
        config_t file;
        config_init(&file);
        status = load_file(&file, path, groups, count, err);
        config_destroy(&file);
    }
    if (status != 0)
        config_release(groups, count);
    return status;
}

void config_release(const struct setting_group *groups, size_t count)
{
    for (size_t g = 0; g < count; g++)
        for (size_t i = 0; i < groups[g].count; i++)
            if (groups[g].settings[i].type == SETTING_STRING) {
                char **where = slot(&groups[g], &groups[g].settings[i]);
                free(*where);
                *where = NULL;
            }
}

static void sample_setting(FILE *out, const struct setting *setting)
{
    const char *quote = setting->type == SETTING_STRING ? "\"" : "";
    fprintf(out, "    # %s", setting->help);
    if (setting->choices)
        fprintf(out, " One of %s.", setting->choices);
    if (setting->type == SETTING_INT)
        fprintf(out, " %" PRId64 " to %" PRId64 "%s%s.", setting->min, setting->max,
                setting->unit ? " " : "", setting->unit ? setting->unit : "");
    bool big = setting->type == SETTING_INT && strtoll(setting->preset, NULL, 10) > INT32_MAX;
    fprintf(out, "\n    # %s = %s%s%s%s;\n", setting->key, quote, setting->preset, big ? "L" : "",
            quote);
}

void config_sample(FILE *out, const struct setting_group *groups, size_t count)
{
    for (size_t g = 0; g < count; g++) {
        fprintf(out, "%s# %s\n%s: {\n", g ? "\n" : "", groups[g].help, groups[g].name);
        for (size_t i = 0; i < groups[g].count; i++)
            sample_setting(out, &groups[g].settings[i]);
        fprintf(out, "};\n");
    }
}
