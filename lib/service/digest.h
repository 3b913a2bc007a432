/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256. */
#ifndef SANDBOX_SERVICE_DIGEST_H
#define SANDBOX_SERVICE_DIGEST_H

#include <stddef.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

enum { DIGEST_HEX_SIZE = 65 };

/* In hexadecimal, with NUL. */
int digest_sha256_hex(const void *data, size_t len, char out[DIGEST_HEX_SIZE], struct err *err) must_use;

#endif
