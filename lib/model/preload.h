/* SPDX-License-Identifier: Apache-2.0 */
/* Python modules that a template wants imported before code comes. Pure. */
#ifndef SANDBOX_MODEL_PRELOAD_H
#define SANDBOX_MODEL_PRELOAD_H

#include <stdbool.h>

#include "lib/util/err.h"
#include "lib/util/strbuf.h"

enum {
    PRELOAD_MODULES_MAX = 32,
    PRELOAD_NAME_MAX = 128,
    PRELOAD_LIST_SIZE = PRELOAD_MODULES_MAX * (PRELOAD_NAME_MAX + 1), /* of all names with commas between, and a NUL */
    PRELOAD_JSON_SIZE = PRELOAD_MODULES_MAX * (PRELOAD_NAME_MAX + 3) + 2, /* as a JSON array without blanks, and a NUL */
};

/* Whether it can be imported by that name: identifiers of ASCII, with dots between them. */
bool preload_name_valid(const char *name);
/* A JSON array of such names (NULL: none), with commas between, appended. */
int preload_list(const char *json, struct strbuf *out, struct err *err) must_use;
/* "numpy,pandas" as such an array, appended; "" is none. ERR_INVALID: a name is none, is there twice, or there are too many. */
int preload_json(const char *list, struct strbuf *out, struct err *err) must_use;

#endif
