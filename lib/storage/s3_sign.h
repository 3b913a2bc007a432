/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4 for S3: computes, and asks nobody for anything. */
#ifndef SANDBOX_STORAGE_S3_SIGN_H
#define SANDBOX_STORAGE_S3_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"
#include "lib/util/strbuf.h"

#define S3_UNSIGNED_PAYLOAD "UNSIGNED-PAYLOAD"

/* A parameter of the query, or a header; not encoded. */
struct s3_pair {
    const char *name, *value;
};

struct s3_credentials {
    const char *access_key, *secret_key, *region;
};

struct s3_to_sign {
    const char *method;
    const char *path;            /* as it is sent: encoded, from "/" */
    const struct s3_pair *query; /* in any order */
    size_t query_count;
    const struct s3_pair *headers; /* all that are signed, names in lower case; "host" must be among them */
    size_t header_count;
    const char *payload; /* SHA-256 of the body in hexadecimal, or S3_UNSIGNED_PAYLOAD */
    int64_t now_s;       /* since 1970 */
};

enum { S3_DATE_SIZE = 17, S3_PAIRS_MAX = 24 };

/* "20130524T000000Z": the header x-amz-date. */
void s3_date(int64_t now_s, char out[S3_DATE_SIZE]);
/* Percent-encodes all but A-Z a-z 0-9 - . _ ~, and "/" if `keep_slash`. */
void s3_encode(struct strbuf *out, const char *text, bool keep_slash);
/* "name=value&..." of the pairs, encoded, sorted as the signature wants it. */
int s3_query(const struct s3_pair *pairs, size_t count, struct strbuf *out, struct err *err) must_use;
/* Appends the value of the header Authorization. x-amz-date must be among the headers. */
int s3_sign(const struct s3_to_sign *request, const struct s3_credentials *credentials, struct strbuf *out, struct err *err) must_use;
/* Appends the whole query of an address that is good for `expires_s`. */
int s3_sign_query(const struct s3_to_sign *request, const struct s3_credentials *credentials, int64_t expires_s, struct strbuf *out,
                  struct err *err) must_use;

#endif
