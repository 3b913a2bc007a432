/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a text is JSON exactly as RFC 8259 has it. json-c also takes NaN, single quotes, "1." and raw control characters;
 * a text that is passed on as it is must not hold such. */
#ifndef SANDBOX_UTIL_JSON_STRICT_H
#define SANDBOX_UTIL_JSON_STRICT_H

#include <stdbool.h>
#include <stddef.h>

/* One value with white space around it, UTF-8, at most JSON_DEPTH_MAX deep (lib/util/json.h). */
bool json_strict_valid(const char *text, size_t len);

#endif
