/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request out of FastCGI parameters: split, decoded and checked before anything else looks at it. */
#ifndef SANDBOX_FCGI_REQUEST_H
#define SANDBOX_FCGI_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/err.h"
#include "lib/util/strbuf.h"

enum {
    REQUEST_TARGET_MAX = 8192, /* bytes of path and query together */
    REQUEST_SEGMENTS_MAX = 80, /* a file's path has up to 64, behind those of its route */
    REQUEST_QUERY_MAX = 32,
};

/* Where a request comes from: the web server, or a test. */
struct request_source {
    char *const *params; /* "NAME=value", NULL-terminated */
    /* Up to `len` bytes of the body; 0 at its end, -1 when the connection broke. */
    long (*read)(void *arg, char *buf, size_t len);
    void *arg;
};

struct query_param {
    const char *name, *value; /* decoded UTF-8 without NUL */
};

struct request {
    const struct request_source *source;
    const char *method;                         /* borrowed from the source */
    char path[REQUEST_TARGET_MAX];              /* as it came, without the query: for the log */
    const char *segments[REQUEST_SEGMENTS_MAX]; /* decoded; "/a//b" has an empty one, "/a/" ends in one */
    size_t segment_count;
    struct query_param query[REQUEST_QUERY_MAX];
    size_t query_count;
    char path_text[REQUEST_TARGET_MAX];  /* what segments point into */
    char query_text[REQUEST_TARGET_MAX]; /* what query points into */
    struct strbuf body;
};

/* Reads method, path and query. ERR_INVALID: a bad escape, NUL or control character, "." or "..", bad UTF-8, a query parameter given
 * twice (`field` says which, or is "path"); ERR_TOO_LARGE. The request can be logged and must be released in any case. */
int request_open(struct request *request, const struct request_source *source, struct err *err) must_use;
void request_release(struct request *request);

/* A FastCGI parameter such as "HTTP_AUTHORIZATION"; NULL when absent. */
const char *request_param(const struct request *request, const char *name);
/* A query parameter; NULL when absent. */
const char *request_query(const struct request *request, const char *name);
/* A query parameter that is a whole number within min..max; *out is untouched when it is absent. */
int request_query_int(const struct request *request, const char *name, int64_t min, int64_t max,
                      int64_t *out, struct err *err) must_use;
/* ERR_INVALID when there is a query parameter that is not in `allowed`: names separated by '|', "label.*" for all that begin
 * so; NULL for none. */
int request_check_query(const struct request *request, const char *allowed, struct err *err) must_use;

/* Whether the request says that it has no body: Content-Length is 0, or neither length nor type are named. */
bool request_has_no_body(const struct request *request);
/* Reads the body into request->body. `limit` 0: there must be none. ERR_TOO_LARGE beyond `limit`; ERR_INVALID when Content-Length is
 * not a number or not the truth; ERR_MEDIA_TYPE when it is not application/json in UTF-8. */
int request_read_body(struct request *request, size_t limit, struct err *err) must_use;

enum { BODY_LENGTH_UNKNOWN = -1 };
/* Reads a body piece by piece, whatever its type. */
struct body_reader {
    const struct request_source *source;
    int64_t promised; /* Content-Length, or BODY_LENGTH_UNKNOWN */
    int64_t got;
    size_t limit;
};
/* ERR_TOO_LARGE, ERR_INVALID: from what Content-Length says. */
int body_reader_open(struct body_reader *reader, const struct request *request, size_t limit, struct err *err) must_use;
/* Up to `len` bytes; *got_out is 0 at the end. ERR_TOO_LARGE beyond the limit; ERR_INVALID when it ends early, or is not as long as promised. */
int body_reader_read(struct body_reader *reader, char *buf, size_t len, size_t *got_out, struct err *err) must_use;

#endif
