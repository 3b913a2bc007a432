/* SPDX-License-Identifier: Apache-2.0 */
/* Reads If-None-Match, Range and If-Range. */
#include "fcgi/conditional.h"

#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* The end of the entity tag (with its quotes) at `at`; NULL when there is none. */
static const char *tag_end(const char *at)
{
    if (*at != '"')
        return NULL;
    for (at++; *at && *at != '"'; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f)
            return NULL;
    return *at ? at + 1 : NULL;
}

bool conditional_unchanged(const char *if_none_match, const char *etag)
{
    if (!if_none_match)
        return false;
    const char *at = skip_blanks(if_none_match);
    if (*at == '*')
        return *skip_blanks(at + 1) == '\0';
    while (*at) {
        if (*at == ',') { /* empty members are allowed */
            at = skip_blanks(at + 1);
            continue;
        }
        at += strncmp(at, "W/", 2) == 0 ? 2 : 0;
        const char *end = tag_end(at);
        if (!end)
            return false;
        if ((size_t)(end - at) == strlen(etag) && memcmp(at, etag, (size_t)(end - at)) == 0)
            return true;
        at = skip_blanks(end);
        if (*at && *at != ',')
            return false;
    }
    return false;
}

/* Digits as a number, INT64_MAX when it is larger; false when there are none. */
static bool read_number(const char **at, int64_t *out)
{
    const char *from = *at;
    *out = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        int digit = **at - '0';
        *out = *out > (INT64_MAX - digit) / 10 ? INT64_MAX : *out * 10 + digit;
    }
    return *at > from;
}

/* The only range of a header. */
struct wish {
    bool has_first, has_last;
    int64_t first, last; /* without a first: the last so many bytes */
};

static bool read_wish(const char *range, struct wish *out)
{
    static const char unit[] = "bytes=";
    if (strncasecmp(range, unit, sizeof(unit) - 1) != 0)
        return false;
    const char *at = skip_blanks(range + sizeof(unit) - 1);
    out->has_first = read_number(&at, &out->first);
    if (*at++ != '-')
        return false;
    out->has_last = read_number(&at, &out->last);
    return *skip_blanks(at) == '\0' && (out->has_first || out->has_last);
}

static enum range_kind measure(const struct wish *wish, int64_t size, struct byte_range *out)
{
    int64_t first = wish->first, last = size - 1;
    if (!wish->has_first)
        first = wish->last < size ? size - wish->last : 0;
    else if (wish->has_last && wish->last < last)
        last = wish->last;
    if (first > last)
        return RANGE_UNSATISFIABLE;
    *out = (struct byte_range){ .first = first, .length = last - first + 1 };
    return RANGE_PART;
}

enum range_kind conditional_range(const char *range, const char *if_range, const char *etag, int64_t size, struct byte_range *out)
{
    struct wish wish;
    *out = (struct byte_range){ .length = size };
    if (!range || (if_range && strcmp(skip_blanks(if_range), etag) != 0) || !read_wish(range, &wish))
        return RANGE_WHOLE;
    return measure(&wish, size, out);
}
