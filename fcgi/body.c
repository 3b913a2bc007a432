/* SPDX-License-Identifier: Apache-2.0 */
/* Request bodies: bounded, of the promised length, and JSON by their label. */
#include "config.h" /* strcasestr */

#include <string.h>
#include <strings.h>

#include "fcgi/request.h"

enum { LENGTH_BAD = -2 };

static int64_t promised_length(const struct request *request)
{
    const char *text = request_param(request, "CONTENT_LENGTH");
    if (!text || !*text)
        return BODY_LENGTH_UNKNOWN;
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

int body_reader_open(struct body_reader *reader, const struct request *request, size_t limit, struct err *err)
{
    *reader = (struct body_reader){ .source = request->source, .promised = promised_length(request), .limit = limit };
    if (reader->promised == LENGTH_BAD)
        return err_set(err, ERR_INVALID, "Content-Length is not a number.");
    return reader->promised > (int64_t)limit ? too_large(limit, err) : 0;
}

int body_reader_read(struct body_reader *reader, char *buf, size_t len, size_t *got_out, struct err *err)
{
    long got = reader->source->read(reader->source->arg, buf, len);
    if (got < 0)
        return err_set(err, ERR_INVALID, "The body ended before it was complete.");
    reader->got += got;
    if (reader->got > (int64_t)reader->limit)
        return too_large(reader->limit, err);
    if (got == 0 && reader->promised != BODY_LENGTH_UNKNOWN && reader->got != reader->promised)
        return err_set(err, ERR_INVALID, "The body has %lld bytes, but Content-Length says %lld.", (long long)reader->got,
                       (long long)reader->promised);
    *got_out = (size_t)got;
    return 0;
}

static int read_all(struct request *request, struct body_reader *reader, struct err *err)
{
    char chunk[16384];
    size_t got = 0;
    request->body = STRBUF_INIT(reader->limit + sizeof(chunk));
    do {
        if (body_reader_read(reader, chunk, sizeof(chunk), &got, err) != 0)
            return -1;
        strbuf_add(&request->body, chunk, got);
    } while (got > 0);
    return strbuf_ok(&request->body) ? 0 : err_internal(err, 0, "out of memory for a request body");
}

int request_read_body(struct request *request, size_t limit, struct err *err)
{
    struct body_reader reader;
    if (body_reader_open(&reader, request, limit, err) != 0 || (limit > 0 && check_type(request, err) != 0))
        return -1;
    return read_all(request, &reader, err);
}

bool request_has_no_body(const struct request *request)
{
    const char *type = request_param(request, "CONTENT_TYPE");
    int64_t length = promised_length(request);
    return length == 0 || (length == BODY_LENGTH_UNKNOWN && (!type || !type[0]));
}
