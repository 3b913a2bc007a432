/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 4648: what credentials are written in. */
#ifndef SANDBOX_UTIL_BASE64_H
#define SANDBOX_UTIL_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/util/strbuf.h"

/* Appends what `text` (the ordinary alphabet, padded or not) stands for; false: it is no base64. */
bool base64_decode(const char *text, size_t len, struct strbuf *out) must_use;
/* Appends the URL-safe alphabet, padded. */
void base64url_encode(const void *data, size_t len, struct strbuf *out);

#endif
