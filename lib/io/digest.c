/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 by libcrypto. */
#include "lib/io/digest.h"

#include <pthread.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

struct digest {
    EVP_MD_CTX *context;
};

static int failed(struct err *err)
{
    return err_internal(err, 0, "libcrypto computed no SHA-256");
}

static const EVP_MD *fetched;

static void fetch(void)
{
    fetched = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/* Looked up once: EVP_sha256() would be at every use. For the process's life. */
static const EVP_MD *sha256(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fetch);
    return fetched ? fetched : EVP_sha256();
}

static void to_hex(const unsigned char digest[DIGEST_SIZE], char out[DIGEST_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[2 * DIGEST_SIZE] = '\0';
}

int digest_sha256_hex(const void *data, size_t len, char out[DIGEST_HEX_SIZE], struct err *err)
{
    unsigned char digest[DIGEST_SIZE];
    unsigned got = 0;
    if (EVP_Digest(data, len, digest, &got, sha256(), NULL) != 1 || got != DIGEST_SIZE)
        return failed(err);
    to_hex(digest, out);
    return 0;
}

int digest_hmac(const void *key, size_t key_len, const void *data, size_t len, unsigned char out[DIGEST_SIZE], struct err *err)
{
    unsigned got = 0;
    if (!HMAC(EVP_sha256(), key, (int)key_len, data, len, out, &got) || got != DIGEST_SIZE)
        return err_internal(err, 0, "libcrypto computed no HMAC");
    return 0;
}

void digest_base64(const unsigned char digest[DIGEST_SIZE], char out[DIGEST_BASE64_SIZE])
{
    EVP_EncodeBlock((unsigned char *)out, digest, DIGEST_SIZE);
}

struct digest *digest_new(struct err *err)
{
    struct digest *digest = calloc(1, sizeof(*digest));
    if (digest)
        digest->context = EVP_MD_CTX_new();
    if (!digest || !digest->context || EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1) {
        digest_free(digest);
        failed(err);
        return NULL;
    }
    return digest;
}

void digest_free(struct digest *digest)
{
    if (!digest)
        return;
    EVP_MD_CTX_free(digest->context);
    free(digest);
}

void digest_freep(struct digest **digest)
{
    digest_free(*digest);
}

int digest_add(struct digest *digest, const void *data, size_t len, struct err *err)
{
    return EVP_DigestUpdate(digest->context, data, len) == 1 ? 0 : failed(err);
}

int digest_end(struct digest *digest, char out[DIGEST_HEX_SIZE], struct err *err)
{
    unsigned char value[DIGEST_SIZE];
    unsigned got = 0;
    if (EVP_DigestFinal_ex(digest->context, value, &got) != 1 || got != DIGEST_SIZE)
        return failed(err);
    to_hex(value, out);
    return 0;
}
