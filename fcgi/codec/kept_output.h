/* SPDX-License-Identifier: Apache-2.0 */
/* How much is kept of an output that comes whole: the same as of one that comes as a stream. */
#ifndef SANDBOX_FCGI_CODEC_KEPT_OUTPUT_H
#define SANDBOX_FCGI_CODEC_KEPT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/util/err.h"

/* Copies UTF-8 text (which may hold NUL): all of at most OUTPUT_BYTES_MAX bytes, else its head and its tail, half each, with a line
 * between that says how much was left out. *out is malloc()ed. */
int kept_output(const char *text, size_t len, char **out, size_t *len_out, bool *truncated_out, struct err *err);

#endif
