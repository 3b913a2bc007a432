/* SPDX-License-Identifier: Apache-2.0 */
/* What a file is, by its content (libmagic). */
#ifndef SANDBOX_IO_CONTENT_TYPE_H
#define SANDBOX_IO_CONTENT_TYPE_H

#include <stddef.h>

enum {
    CONTENT_TYPE_SIZE = 128,
    CONTENT_TYPE_LOOK = 16 * 1024, /* so many bytes of a file's beginning say enough */
};

/* "text/csv", "image/png"; "application/octet-stream" when nothing is known of it or libmagic has no data, "application/x-empty" for
 * nothing. For text, with "; charset=utf-8" or what it is. Threads may call it at once; one at a time looks. */
void content_type_of(const void *data, size_t len, char out[CONTENT_TYPE_SIZE]);

#endif
