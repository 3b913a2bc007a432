/* SPDX-License-Identifier: Apache-2.0 */
/* Settings by table: each module owns its table, the file (libconfig) and the documented sample follow from the tables. */
#ifndef SANDBOX_UTIL_CONFIG_H
#define SANDBOX_UTIL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/util/err.h"

enum setting_type {
    SETTING_STRING, /* char * at `offset`, owned by the target, freed by config_release() */
    SETTING_INT,    /* int64_t */
    SETTING_BOOL,   /* bool */
};

struct setting {
    const char *key;
    enum setting_type type;
    size_t offset;       /* of the value in the group's target */
    const char *preset;  /* default, as text */
    int64_t min, max;    /* SETTING_INT: range */
    const char *unit;    /* "ms", "bytes", ... or NULL */
    bool secret;         /* never printed */
    const char *help;    /* one sentence */
    const char *choices; /* SETTING_STRING: allowed values, separated by '|', or NULL */
};

/* One group `name: { ... };` of the file. */
struct setting_group {
    const char *name;
    const struct setting *settings;
    size_t count;
    void *target;
    const char *help;
};

/* Fills every target with defaults, then with the file at `path` (NULL: defaults only). An unknown group or key, a
 * wrong type or a value out of range is ERR_INVALID and names file, line and key. On failure targets hold nothing. */
int config_load(const char *path, const struct setting_group *groups, size_t count, struct err *err);
/* Frees the strings in the targets. */
void config_release(const struct setting_group *groups, size_t count);
/* Writes the sample file: each group and key with its help, unit, range and default. */
void config_sample(FILE *out, const struct setting_group *groups, size_t count);

#endif
