/* SPDX-License-Identifier: Apache-2.0 */
/* Request bodies: bounded, of the promised length, and JSON by their label. */
#include "config.h" /* strcasestr */

#include <string.h>
#include <strings.h>

#include "fcgi/request.h"

enum { LENGTH_UNKNOWN = -1, LENGTH_BAD = -2 };

static int64_t promised_length(const struct request *request)
{
    const char *text = request_param(request, "CONTENT_LENGTH");
    if (!text || !*text)
        return LENGTH_UNKNOWN;
    int64_t length = 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || length > INT64_MAX / 100)
            return LENGTH_BAD;
        length = length * 10 + (*text - '0');
    }
    return length;
}

/* "; charset=utf-8", with or without quotes; other parameters are nobody's business. */
static bool charset_fits(const char *params)
{
    const char *found = strcasestr(params, "charset=");
    if (!found)
        return true;
    found += strlen("charset=");
    found += *found == '"';
    size_t len = strcspn(found, "\"; \t");
    return len == strlen("utf-8") && strncasecmp(found, "utf-8", len) == 0;
}

static int check_type(const struct request *request, struct err *err)
{
    static const char json[] = "application/json";
    const char *type = request_param(request, "CONTENT_TYPE");
    size_t len = sizeof(json) - 1;
    if (type && strncasecmp(type, json, len) == 0 && strchr("; \t", type[len]) &&
        charset_fits(type + len))
        return 0;
    return err_set(err, ERR_MEDIA_TYPE,
                   "The body must have the content type application/json (in UTF-8), not \"%.80s\".",
                   type ? type : "");
}

static int too_large(size_t limit, struct err *err)
{
    if (limit == 0)
        return err_set(err, ERR_TOO_LARGE, "This request takes no body.");
    return err_set(err, ERR_TOO_LARGE, "The body of this request may have at most %zu bytes.", limit);
}

/* Up to one byte more than the limit, which says that there is more. */
static int read_all(struct request *request, size_t limit, struct err *err)
{
    char chunk[16384];
    request->body = STRBUF_INIT(limit + sizeof(chunk));
    while (request->body.len <= limit) {
        long got = request->source->read(request->source->arg, chunk, sizeof(chunk));
        if (got < 0)
            return err_set(err, ERR_INVALID, "The body ended before it was complete.");
        if (got == 0)
            break;
        strbuf_add(&request->body, chunk, (size_t)got);
    }
    return strbuf_ok(&request->body) ? 0 : err_internal(err, 0, "out of memory for a request body");
}

int request_read_body(struct request *request, size_t limit, struct err *err)
{
    int64_t promised = promised_length(request);
    if (promised == LENGTH_BAD)
        return err_set(err, ERR_INVALID, "Content-Length is not a number.");
    if (promised > (int64_t)limit)
        return too_large(limit, err);
    if (limit > 0 && check_type(request, err) != 0)
        return -1;
    if (read_all(request, limit, err) != 0)
        return -1;
    if (request->body.len > limit)
        return too_large(limit, err);
    if (promised != LENGTH_UNKNOWN && (int64_t)request->body.len != promised)
        return err_set(err, ERR_INVALID, "The body has %zu bytes, but Content-Length says %lld.",
                       request->body.len, (long long)promised);
    return 0;
}

bool request_has_no_body(const struct request *request)
{
    const char *type = request_param(request, "CONTENT_TYPE");
    int64_t length = promised_length(request);
    return length == 0 || (length == LENGTH_UNKNOWN && (!type || !type[0]));
}
