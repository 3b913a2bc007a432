/* SPDX-License-Identifier: Apache-2.0 */
/* A recursive-descent recognizer of JSON; recursion is bounded by JSON_DEPTH_MAX. */
#include "lib/util/json_strict.h"

#include <string.h>

#include "lib/util/json.h"
#include "lib/util/utf8.h"

struct scan {
    const char *at, *end;
    int depth;
};

static bool scan_value(struct scan *scan);

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
        scan->at++;
}

static bool take(struct scan *scan, char c)
{
    if (scan->at >= scan->end || *scan->at != c)
        return false;
    scan->at++;
    return true;
}

static bool take_word(struct scan *scan, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0)
        return false;
    scan->at += len;
    return true;
}

static size_t take_digits(struct scan *scan)
{
    const char *start = scan->at;
    while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
        scan->at++;
    return (size_t)(scan->at - start);
}

static bool scan_number(struct scan *scan)
{
    (void)take(scan, '-');
    if (!take(scan, '0') && take_digits(scan) == 0)
        return false;
    if (take(scan, '.') && take_digits(scan) == 0)
        return false;
    if (take(scan, 'e') || take(scan, 'E')) {
        if (!take(scan, '+'))
            (void)take(scan, '-');
        return take_digits(scan) > 0;
    }
    return true;
}

static bool scan_escape(struct scan *scan)
{
    if (scan->at >= scan->end)
        return false;
    char c = *scan->at++;
    if (c != 'u')
        return c != '\0' && strchr("\"\\/bfnrt", c);
    for (int i = 0; i < 4; i++, scan->at++)
        if (scan->at >= scan->end || *scan->at == '\0' || !strchr("0123456789abcdefABCDEF", *scan->at))
            return false;
    return true;
}

static bool scan_string(struct scan *scan)
{
    if (!take(scan, '"'))
        return false;
    while (scan->at < scan->end) {
        unsigned char c = (unsigned char)*scan->at;
        if (c == '"') {
            scan->at++;
            return true;
        }
        if (c == '\\') {
            scan->at++;
            if (!scan_escape(scan))
                return false;
            continue;
        }
        size_t step = c < 0x20 ? 0 : utf8_char(scan->at, (size_t)(scan->end - scan->at));
        if (step == 0)
            return false;
        scan->at += step;
    }
    return false;
}

static bool scan_member(struct scan *scan)
{
    skip_space(scan);
    if (!scan_string(scan))
        return false;
    skip_space(scan);
    return take(scan, ':') && scan_value(scan);
}

/* After the opening bracket. */
static bool scan_list(struct scan *scan, char close, bool (*item)(struct scan *))
{
    if (++scan->depth > JSON_DEPTH_MAX)
        return false;
    skip_space(scan);
    bool ok = take(scan, close);
    while (!ok) {
        if (!item(scan))
            return false;
        skip_space(scan);
        ok = take(scan, close);
        if (!ok && !take(scan, ','))
            return false;
    }
    scan->depth--;
    return true;
}

static bool scan_value(struct scan *scan)
{
    skip_space(scan);
    if (scan->at >= scan->end)
        return false;
    switch (*scan->at) {
    case '{':
        scan->at++;
        return scan_list(scan, '}', scan_member);
    case '[':
        scan->at++;
        return scan_list(scan, ']', scan_value);
    case '"':
        return scan_string(scan);
    case 't':
        return take_word(scan, "true");
    case 'f':
        return take_word(scan, "false");
    case 'n':
        return take_word(scan, "null");
    default:
        return scan_number(scan);
    }
}

bool json_strict_valid(const char *text, size_t len)
{
    struct scan scan = { .at = text, .end = text + len };
    if (!scan_value(&scan))
        return false;
    skip_space(&scan);
    return scan.at == scan.end;
}
