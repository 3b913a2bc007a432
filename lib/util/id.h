/* SPDX-License-Identifier: Apache-2.0 */
/* Random identifiers and secrets, from the kernel's random source (getrandom(2)). */
#ifndef SANDBOX_UTIL_ID_H
#define SANDBOX_UTIL_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `count` characters of [a-z0-9], uniformly drawn, and a NUL. */
void id_random(char *out, size_t count);
/* `prefix` followed by `count` random characters; `out` holds strlen(prefix) + count + 1. */
void id_prefixed(char *out, const char *prefix, size_t count);
/* Whether `text` is `prefix` and exactly `count` characters of [a-z0-9]. */
bool id_valid(const char *text, const char *prefix, size_t count);
/* `count` hexadecimal digits (4 bits of entropy each) and a NUL. */
void id_hex(char *out, size_t count);

#endif
