/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef SANDBOX_UTIL_UTF8_H
#define SANDBOX_UTIL_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/util/strbuf.h"

/* Length of the well-formed character at the start of `len` bytes; 0 when there is none. */
size_t utf8_char(const char *text, size_t len);
bool utf8_valid(const char *text, size_t len);
/* Appends `len` bytes, each that is not part of a well-formed character replaced by U+FFFD. */
void utf8_repair(const char *text, size_t len, struct strbuf *out);
/* How many of the last bytes (0 to 3) begin a character that may be completed by what follows. */
size_t utf8_open_tail(const char *text, size_t len);

#endif
