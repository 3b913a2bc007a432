/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions and ranges of a request for a file (RFC 9110, sections 13 and 14). Pure: header values in, decisions out; a value of NULL is a
 * header that is not there. ETags are given with their quotes, and are strong ones. */
#ifndef SANDBOX_FCGI_CONDITIONAL_H
#define SANDBOX_FCGI_CONDITIONAL_H

#include <stdbool.h>
#include <stdint.h>

/* Whether If-None-Match says that the client has it already: "*", or a list in which `etag` is, weak or strong. A list that is none
 * matches nothing. */
bool conditional_unchanged(const char *if_none_match, const char *etag);

enum range_kind {
    RANGE_WHOLE, /* no range, or one that is to be ignored: several, another unit, garbage; or If-Range says so */
    RANGE_PART,
    RANGE_UNSATISFIABLE, /* beyond the end, or one that ends before it begins */
};
struct byte_range { int64_t first, length; };

/* What of a file of `size` bytes is asked for: "bytes=a-b", "bytes=a-", "bytes=-n". *out is set in any case: all of it unless RANGE_PART.
 * If-Range counts as a strong comparison; with a date in it the range is ignored, which is always right. */
enum range_kind conditional_range(const char *range, const char *if_range, const char *etag, int64_t size, struct byte_range *out);

#endif
