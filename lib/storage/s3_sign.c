/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4: the canonical request, the string to sign, the key of the day. */
#include "lib/storage/s3_sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <time.h>

#include "lib/io/digest.h"

enum { TEXT_MAX = 64 * 1024, DAY_LEN = 8 };

#define ALGORITHM "AWS4-HMAC-SHA256"

void s3_date(int64_t now_s, char out[S3_DATE_SIZE])
{
    time_t now = (time_t)now_s;
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(out, S3_DATE_SIZE, "%Y%m%dT%H%M%SZ", &parts);
}

void s3_encode(struct strbuf *out, const char *text, bool keep_slash)
{
    static const char kept[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text; text++) {
        if (strchr(kept, *text) || (keep_slash && *text == '/'))
            strbuf_add_char(out, *text);
        else
            strbuf_addf(out, "%%%02X", (unsigned char)*text);
    }
}

static int by_name(const void *a, const void *b)
{
    const struct s3_pair *one = a, *other = b;
    int order = strcmp(one->name, other->name);
    return order ? order : strcmp(one->value, other->value);
}

/* A sorted copy. All our names consist of characters that are not encoded, so that names may be compared as they are. */
static int sort_pairs(const struct s3_pair *pairs, size_t count, struct s3_pair out[S3_PAIRS_MAX], struct err *err)
{
    if (count > S3_PAIRS_MAX)
        return err_internal(err, 0, "%zu headers or parameters are too many to sign", count);
    if (count > 0)
        memcpy(out, pairs, count * sizeof(*pairs));
    qsort(out, count, sizeof(*out), by_name);
    return 0;
}

int s3_query(const struct s3_pair *pairs, size_t count, struct strbuf *out, struct err *err)
{
    struct s3_pair sorted[S3_PAIRS_MAX];
    if (sort_pairs(pairs, count, sorted, err) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        strbuf_add_str(out, i ? "&" : "");
        s3_encode(out, sorted[i].name, false);
        strbuf_add_char(out, '=');
        s3_encode(out, sorted[i].value, false);
    }
    return strbuf_ok(out) ? 0 : err_internal(err, 0, "the query of a request to S3 is too long");
}

static void add_signed_headers(struct strbuf *out, const struct s3_pair *sorted, size_t count)
{
    for (size_t i = 0; i < count; i++)
        strbuf_addf(out, "%s%s", i ? ";" : "", sorted[i].name);
}

static int canonical_hash(const struct s3_to_sign *request, const struct s3_pair *query, size_t query_count,
                          const struct s3_pair *headers, char out[DIGEST_HEX_SIZE], struct err *err)
{
    cleanup_strbuf struct strbuf text = STRBUF_INIT(TEXT_MAX);
    strbuf_addf(&text, "%s\n%s\n", request->method, request->path);
    if (s3_query(query, query_count, &text, err) != 0)
        return -1;
    strbuf_add_char(&text, '\n');
    for (size_t i = 0; i < request->header_count; i++)
        strbuf_addf(&text, "%s:%s\n", headers[i].name, headers[i].value);
    strbuf_add_char(&text, '\n');
    add_signed_headers(&text, headers, request->header_count);
    strbuf_addf(&text, "\n%s", request->payload);
    if (!strbuf_ok(&text))
        return err_internal(err, 0, "a request to S3 is too long to sign");
    return digest_sha256_hex(text.data, text.len, out, err);
}

static int hmac(const void *key, size_t key_len, const char *text, unsigned char out[DIGEST_SIZE], struct err *err)
{
    unsigned got = 0;
    if (!HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, strlen(text), out, &got) || got != DIGEST_SIZE)
        return err_internal(err, 0, "libcrypto computed no HMAC");
    return 0;
}

static int signature(const struct s3_credentials *credentials, const char *date, const char *scope, const char *hash,
                     char out[DIGEST_HEX_SIZE], struct err *err)
{
    cleanup_strbuf struct strbuf secret = STRBUF_INIT(1024), text = STRBUF_INIT(1024);
    unsigned char key[DIGEST_SIZE];
    char day[DAY_LEN + 1];
    snprintf(day, sizeof(day), "%.*s", DAY_LEN, date);
    strbuf_addf(&secret, "AWS4%s", credentials->secret_key);
    strbuf_addf(&text, ALGORITHM "\n%s\n%s\n%s", date, scope, hash);
    if (!strbuf_ok(&secret) || !strbuf_ok(&text))
        return err_internal(err, 0, "the credentials of S3 are too long");
    if (hmac(secret.data, secret.len, day, key, err) != 0 || hmac(key, sizeof(key), credentials->region, key, err) != 0 ||
        hmac(key, sizeof(key), "s3", key, err) != 0 || hmac(key, sizeof(key), "aws4_request", key, err) != 0 ||
        hmac(key, sizeof(key), text.data, key, err) != 0)
        return -1;
    for (size_t i = 0; i < DIGEST_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", key[i]);
    return 0;
}

static void write_scope(struct strbuf *out, const struct s3_credentials *credentials, const char *date)
{
    strbuf_addf(out, "%.*s/%s/s3/aws4_request", DAY_LEN, date, credentials->region);
}

int s3_sign(const struct s3_to_sign *request, const struct s3_credentials *credentials, struct strbuf *out, struct err *err)
{
    cleanup_strbuf struct strbuf scope = STRBUF_INIT(256);
    struct s3_pair headers[S3_PAIRS_MAX];
    char date[S3_DATE_SIZE], hash[DIGEST_HEX_SIZE], sign[DIGEST_HEX_SIZE];
    s3_date(request->now_s, date);
    write_scope(&scope, credentials, date);
    if (sort_pairs(request->headers, request->header_count, headers, err) != 0 ||
        canonical_hash(request, request->query, request->query_count, headers, hash, err) != 0 ||
        signature(credentials, date, strbuf_str(&scope), hash, sign, err) != 0)
        return -1;
    strbuf_addf(out, ALGORITHM " Credential=%s/%s,SignedHeaders=", credentials->access_key, strbuf_str(&scope));
    add_signed_headers(out, headers, request->header_count);
    strbuf_addf(out, ",Signature=%s", sign);
    return strbuf_ok(out) ? 0 : err_internal(err, 0, "the signature of a request to S3 is too long");
}

int s3_sign_query(const struct s3_to_sign *request, const struct s3_credentials *credentials, int64_t expires_s, struct strbuf *out,
                  struct err *err)
{
    enum { OURS = 5 };
    cleanup_strbuf struct strbuf credential = STRBUF_INIT(1024), names = STRBUF_INIT(1024), scope = STRBUF_INIT(256);
    struct s3_pair headers[S3_PAIRS_MAX], query[S3_PAIRS_MAX];
    char date[S3_DATE_SIZE], expires[24], hash[DIGEST_HEX_SIZE], sign[DIGEST_HEX_SIZE];
    size_t count = request->query_count;
    if (count + OURS > S3_PAIRS_MAX || sort_pairs(request->headers, request->header_count, headers, err) != 0)
        return err_internal(err, 0, "%zu parameters are too many to sign", count);
    if (count > 0)
        memcpy(query, request->query, count * sizeof(*query));
    s3_date(request->now_s, date);
    snprintf(expires, sizeof(expires), "%lld", (long long)expires_s);
    write_scope(&scope, credentials, date);
    strbuf_addf(&credential, "%s/%s", credentials->access_key, strbuf_str(&scope));
    add_signed_headers(&names, headers, request->header_count);
    if (!strbuf_ok(&credential) || !strbuf_ok(&names))
        return err_internal(err, 0, "the credentials of S3 are too long");
    query[count++] = (struct s3_pair){ "X-Amz-Algorithm", ALGORITHM };
    query[count++] = (struct s3_pair){ "X-Amz-Credential", strbuf_str(&credential) };
    query[count++] = (struct s3_pair){ "X-Amz-Date", date };
    query[count++] = (struct s3_pair){ "X-Amz-Expires", expires };
    query[count++] = (struct s3_pair){ "X-Amz-SignedHeaders", strbuf_str(&names) };
    if (canonical_hash(request, query, count, headers, hash, err) != 0 ||
        signature(credentials, date, strbuf_str(&scope), hash, sign, err) != 0 || s3_query(query, count, out, err) != 0)
        return -1;
    strbuf_addf(out, "&X-Amz-Signature=%s", sign);
    return strbuf_ok(out) ? 0 : err_internal(err, 0, "an address at S3 is too long");
}
