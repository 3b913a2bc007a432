/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 by libcrypto. */
#include "lib/service/digest.h"

#include <openssl/evp.h>

enum { DIGEST_SIZE = 32 };

int digest_sha256_hex(const void *data, size_t len, char out[DIGEST_HEX_SIZE], struct err *err)
{
    unsigned char digest[DIGEST_SIZE];
    unsigned got = 0;
    if (EVP_Digest(data, len, digest, &got, EVP_sha256(), NULL) != 1 || got != DIGEST_SIZE)
        return err_internal(err, 0, "libcrypto computed no SHA-256");
    for (size_t i = 0; i < DIGEST_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    return 0;
}
