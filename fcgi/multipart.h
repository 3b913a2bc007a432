/* SPDX-License-Identifier: Apache-2.0 */
/* Reads multipart/form-data (RFC 7578) as it comes, in pieces of any size, in the memory of this struct and nothing else.
 *
 * Lines of headers and around boundaries end in CRLF; a bare LF or CR there is refused, for two readers could see different parts in
 * it. Content may hold anything but CRLF "--" and the boundary. Folded header lines are read as one. What stands before the first
 * boundary, behind the last one, and as blanks behind any, is passed over up to MULTIPART_IGNORED_MAX bytes in all, then refused.
 * Headers other than Content-Disposition, Content-Type and Content-Transfer-Encoding mean nothing (RFC 7578 section 4.8).
 *
 * All errors are ERR_INVALID but ERR_MEDIA_TYPE of multipart_init(), and what a callback makes; after one it must not be fed again. */
#ifndef SANDBOX_FCGI_MULTIPART_H
#define SANDBOX_FCGI_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/util/cleanup.h"
#include "lib/util/err.h"

enum {
    MULTIPART_BOUNDARY_MAX = 70,
    MULTIPART_HEADERS_MAX = 8192, /* bytes of one part's headers, with their line ends */
    MULTIPART_IGNORED_MAX = 65536,
};

/* Strings without NUL, valid during the callback; not checked for UTF-8 or for control characters that were escaped. */
struct multipart_part {
    const char *name;
    const char *filename;     /* of filename* where there is one; NULL: none */
    const char *content_type; /* "" when not named */
};

/* What a callback returns other than 0 (with err) ends it. Data comes in pieces that depend on how it was fed, never empty ones. */
struct multipart_events {
    int (*begin)(void *arg, const struct multipart_part *part, struct err *err);
    int (*data)(void *arg, const char *data, size_t len, struct err *err);
    int (*end)(void *arg, struct err *err);
};

enum multipart_state {
    MULTIPART_CONTENT,  /* of a part, or what stands before the first boundary */
    MULTIPART_BOUNDARY, /* behind a boundary */
    MULTIPART_DASH,     /* behind a boundary and "-" */
    MULTIPART_PADDING,  /* blanks behind a boundary */
    MULTIPART_LINE_END, /* behind these and CR */
    MULTIPART_HEADERS,
    MULTIPART_DONE,
};

struct multipart {
    const struct multipart_events *events;
    void *arg;
    enum multipart_state state;
    bool in_part;
    char delimiter[4 + MULTIPART_BOUNDARY_MAX + 1]; /* CRLF "--" and the boundary */
    size_t delimiter_len;
    size_t matched; /* bytes of the delimiter that the last ones fed were */
    size_t assumed; /* so many of these were never fed: a line's end that counts twice */
    size_t ignored;
    size_t headers_len;
    char headers[MULTIPART_HEADERS_MAX + 1];
};

/* `content_type`: the request's, or NULL. ERR_MEDIA_TYPE: another type; ERR_INVALID: no boundary, or one that is none. */
int multipart_init(struct multipart *multipart, const char *content_type, const struct multipart_events *events, void *arg,
                   struct err *err) must_use;
int multipart_feed(struct multipart *multipart, const char *data, size_t len, struct err *err) must_use;
/* The body ends here: ERR_INVALID when its last boundary has not come. */
int multipart_finish(const struct multipart *multipart, struct err *err) must_use;

/* Of multipart_headers.c: what a block of headers (changed in place, NUL behind it) says. */
int multipart_read_headers(char *headers, size_t len, struct multipart_part *out, struct err *err) must_use;

#endif
