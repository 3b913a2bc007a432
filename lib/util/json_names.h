/* SPDX-License-Identifier: Apache-2.0 */
/* Members' names in JSON text: none may stand twice in one object, where readers differ in which they take, and none may hold
 * U+0000, at which json-c would cut it. */
#ifndef SANDBOX_UTIL_JSON_NAMES_H
#define SANDBOX_UTIL_JSON_NAMES_H

#include <stddef.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

/* Checks `text`, which was found valid before (json_strict_valid), in all its depths but for the value of the top object's member
 * `raw` (NULL: none). Names are compared as they are meant ("\u0061" is "a"). ERR_INVALID points to the name. Text that is no valid
 * JSON gives some answer. */
int json_check_names(const char *text, size_t len, const char *raw, struct err *err) must_use;

#endif
