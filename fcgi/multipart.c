/* SPDX-License-Identifier: Apache-2.0 */
/* Finds boundaries. A delimiter begins with the only CR in it, so what was matched in vain is its beginning, and no other match can
 * have begun within: nothing of the input need be kept. */
#include "fcgi/multipart.h"

#include <string.h>
#include <strings.h>

#include "fcgi/header_params.h"

static int take_boundary(struct multipart *multipart, const char *boundary, struct err *err)
{
    static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'()+_,-./:=? ";
    size_t len = strlen(boundary);
    if (len < 1 || len > MULTIPART_BOUNDARY_MAX || strspn(boundary, allowed) != len || boundary[len - 1] == ' ')
        return err_set(err, ERR_INVALID, "The boundary must have 1 to %d of the characters that RFC 2046 allows.",
                       MULTIPART_BOUNDARY_MAX);
    memcpy(multipart->delimiter, "\r\n--", 4);
    memcpy(multipart->delimiter + 4, boundary, len + 1);
    multipart->delimiter_len = len + 4;
    return 0;
}

/* Finds the boundary among the parameters of the request's type. */
static int read_type(struct multipart *multipart, char *type, struct err *err)
{
    struct header_param param;
    const char *boundary = NULL;
    int more;
    if (strcasecmp(header_params_begin(&type), "multipart/form-data") != 0)
        return err_set(err, ERR_MEDIA_TYPE, "The body must have the content type multipart/form-data.");
    while ((more = header_params_next(&type, &param)) == 1) {
        if (strcasecmp(param.name, "boundary") != 0)
            continue;
        if (boundary)
            return err_set(err, ERR_INVALID, "The Content-Type gives two boundaries.");
        boundary = param.value;
    }
    if (more < 0 || !boundary)
        return err_set(err, ERR_INVALID, "The Content-Type multipart/form-data needs a boundary: multipart/form-data; boundary=...");
    return take_boundary(multipart, boundary, err);
}

int multipart_init(struct multipart *multipart, const char *content_type, const struct multipart_events *events, void *arg,
                   struct err *err)
{
    multipart->events = events;
    multipart->arg = arg;
    multipart->state = MULTIPART_CONTENT;
    multipart->in_part = false;
    multipart->matched = multipart->assumed = 2; /* the body's beginning is a line's beginning */
    multipart->ignored = multipart->headers_len = 0;
    size_t len = content_type ? strlen(content_type) : 0;
    if (len >= sizeof(multipart->headers))
        return err_set(err, ERR_INVALID, "The Content-Type is too long.");
    memcpy(multipart->headers, content_type ? content_type : "", len + 1);
    return read_type(multipart, multipart->headers, err);
}

static int ignore(struct multipart *multipart, size_t len, struct err *err)
{
    multipart->ignored += len;
    if (multipart->ignored <= MULTIPART_IGNORED_MAX)
        return 0;
    return err_set(err, ERR_INVALID, "There are more than %d bytes outside of the parts: before the first boundary, or after the last.",
                   MULTIPART_IGNORED_MAX);
}

static int give(struct multipart *multipart, const char *data, size_t len, struct err *err)
{
    if (len == 0)
        return 0;
    return multipart->in_part ? multipart->events->data(multipart->arg, data, len, err) : ignore(multipart, len, err);
}

static int end_content(struct multipart *multipart, struct err *err)
{
    bool in_part = multipart->in_part;
    multipart->state = MULTIPART_BOUNDARY;
    multipart->in_part = false;
    multipart->matched = multipart->assumed = 0;
    return in_part ? multipart->events->end(multipart->arg, err) : 0;
}

/* Goes on with a delimiter that began in an earlier piece; *used_out bytes belong to it. */
static int resume_match(struct multipart *multipart, const char *data, size_t len, size_t *used_out, struct err *err)
{
    size_t used = 0;
    while (used < len && multipart->matched < multipart->delimiter_len && data[used] == multipart->delimiter[multipart->matched]) {
        used++;
        multipart->matched++;
    }
    *used_out = used;
    if (multipart->matched == multipart->delimiter_len)
        return end_content(multipart, err);
    if (used == len)
        return 0;
    size_t matched = multipart->matched, assumed = multipart->assumed;
    multipart->matched = multipart->assumed = 0;
    return give(multipart, multipart->delimiter + assumed, matched - assumed, err);
}

/* Where the delimiter, or as much of it as the piece has, begins; `len` when nowhere. */
static size_t find_delimiter(const struct multipart *multipart, const char *data, size_t len, size_t *matched_out)
{
    *matched_out = 0;
    for (const char *at = data; (at = memchr(at, '\r', len - (size_t)(at - data))); at++) {
        size_t left = len - (size_t)(at - data);
        size_t want = left < multipart->delimiter_len ? left : multipart->delimiter_len;
        if (memcmp(at, multipart->delimiter, want) == 0) {
            *matched_out = want;
            return (size_t)(at - data);
        }
    }
    return len;
}

static int take_content(struct multipart *multipart, const char *data, size_t len, size_t *used_out, struct err *err)
{
    if (multipart->matched > 0)
        return resume_match(multipart, data, len, used_out, err);
    size_t plain = find_delimiter(multipart, data, len, &multipart->matched);
    *used_out = plain + multipart->matched;
    if (give(multipart, data, plain, err) != 0)
        return -1;
    return multipart->matched == multipart->delimiter_len ? end_content(multipart, err) : 0;
}

static int begin_headers(struct multipart *multipart)
{
    multipart->state = MULTIPART_HEADERS;
    multipart->headers_len = 0;
    return 0;
}

static int begin_part(struct multipart *multipart, struct err *err)
{
    struct multipart_part part;
    multipart->headers[multipart->headers_len] = '\0';
    if (multipart_read_headers(multipart->headers, multipart->headers_len, &part, err) != 0)
        return -1;
    multipart->state = MULTIPART_CONTENT;
    multipart->in_part = true;
    multipart->matched = multipart->assumed = 2; /* the empty line ends in what a boundary begins with */
    return multipart->events->begin(multipart->arg, &part, err);
}

static int take_header_byte(struct multipart *multipart, char c, struct err *err)
{
    char *headers = multipart->headers;
    size_t len = multipart->headers_len;
    bool after_cr = len > 0 && headers[len - 1] == '\r';
    if (len == MULTIPART_HEADERS_MAX)
        return err_set(err, ERR_INVALID, "The headers of a part have more than %d bytes.", MULTIPART_HEADERS_MAX);
    if (after_cr != (c == '\n'))
        return err_set(err, ERR_INVALID, "The lines of a part's headers must end in CR and LF, and have neither within.");
    headers[len++] = c;
    multipart->headers_len = len;
    if (len == 2 ? c == '\n' : len > 3 && memcmp(headers + len - 4, "\r\n\r\n", 4) == 0)
        return begin_part(multipart, err);
    return 0;
}

static int bad_line(struct err *err)
{
    return err_set(err, ERR_INVALID, "The line of a boundary must end in CR and LF right behind it.");
}

static int take_boundary_byte(struct multipart *multipart, char c, struct err *err)
{
    switch (multipart->state) {
    case MULTIPART_DASH:
        multipart->state = MULTIPART_DONE;
        return c == '-' ? 0 : bad_line(err);
    case MULTIPART_LINE_END:
        return c == '\n' ? begin_headers(multipart) : bad_line(err);
    default:
        break;
    }
    if (c == '-' && multipart->state == MULTIPART_BOUNDARY)
        multipart->state = MULTIPART_DASH;
    else if (c == '\r')
        multipart->state = MULTIPART_LINE_END;
    else if (c == ' ' || c == '\t')
        multipart->state = MULTIPART_PADDING;
    else
        return bad_line(err);
    return multipart->state == MULTIPART_PADDING ? ignore(multipart, 1, err) : 0;
}

int multipart_feed(struct multipart *multipart, const char *data, size_t len, struct err *err)
{
    int status = 0;
    for (size_t used; status == 0 && len > 0; data += used, len -= used) {
        used = 1;
        if (multipart->state == MULTIPART_CONTENT) {
            status = take_content(multipart, data, len, &used, err);
        } else if (multipart->state == MULTIPART_HEADERS) {
            status = take_header_byte(multipart, *data, err);
        } else if (multipart->state == MULTIPART_DONE) {
            used = len;
            status = ignore(multipart, len, err);
        } else {
            status = take_boundary_byte(multipart, *data, err);
        }
    }
    return status;
}

int multipart_finish(const struct multipart *multipart, struct err *err)
{
    if (multipart->state == MULTIPART_DONE)
        return 0;
    return err_set(err, ERR_INVALID, "The form data ends before its closing boundary \"%s--\".", multipart->delimiter + 2);
}
