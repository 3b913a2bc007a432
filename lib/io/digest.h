/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 and HMAC-SHA256, at once or piece by piece, by libcrypto. */
#ifndef SANDBOX_IO_DIGEST_H
#define SANDBOX_IO_DIGEST_H

#include <stddef.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

enum { DIGEST_SIZE = 32, DIGEST_HEX_SIZE = 65, DIGEST_BASE64_SIZE = 45 };

/* In hexadecimal, with NUL. */
int digest_sha256_hex(const void *data, size_t len, char out[DIGEST_HEX_SIZE], struct err *err) must_use;

/* HMAC-SHA256. */
int digest_hmac(const void *key, size_t key_len, const void *data, size_t len, unsigned char out[DIGEST_SIZE], struct err *err) must_use;
/* With NUL. */
void digest_base64(const unsigned char digest[DIGEST_SIZE], char out[DIGEST_BASE64_SIZE]);

struct digest;
/* NULL with err. */
struct digest *digest_new(struct err *err) must_use;
void digest_free(struct digest *digest);
void digest_freep(struct digest **digest);
#define cleanup_digest cleanup(digest_freep)
int digest_add(struct digest *digest, const void *data, size_t len, struct err *err) must_use;
/* Of all that was added; nothing can be added afterwards. */
int digest_end(struct digest *digest, char out[DIGEST_HEX_SIZE], struct err *err) must_use;

#endif
