/* SPDX-License-Identifier: Apache-2.0 */
/* A scanner that knows only where strings and brackets begin and end. */
#include "lib/util/json_span.h"

#include <string.h>

struct scan {
    const char *text;
    size_t len, at;
};

static char peek(const struct scan *scan)
{
    return scan->at < scan->len ? scan->text[scan->at] : '\0';
}

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->len && strchr(" \t\r\n", scan->text[scan->at]) && scan->text[scan->at])
        scan->at++;
}

static bool take(struct scan *scan, char c)
{
    skip_space(scan);
    if (peek(scan) != c)
        return false;
    scan->at++;
    return true;
}

/* Past the string that begins here. */
static void skip_string(struct scan *scan)
{
    for (scan->at++; scan->at < scan->len && scan->text[scan->at] != '"'; scan->at++)
        if (scan->text[scan->at] == '\\' && scan->at + 1 < scan->len)
            scan->at++;
    if (scan->at < scan->len)
        scan->at++;
}

/* Past the value that begins here: up to the comma or bracket that ends it. */
static void skip_value(struct scan *scan)
{
    size_t depth = 0;
    while (scan->at < scan->len) {
        char c = scan->text[scan->at];
        if (c == '"') {
            skip_string(scan);
            continue;
        }
        if (depth == 0 && (c == ',' || c == '}' || c == ']'))
            return;
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        scan->at++;
    }
}

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c) : NULL;
    return found ? (int)(found - digits) : -1;
}

/* The next character of a string's content, unescaped; -1 when it ends or holds what no ASCII name can. */
static int next_char(const char *content, size_t len, size_t *at)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    if (*at >= len)
        return -1;
    char c = content[(*at)++];
    if (c != '\\')
        return (unsigned char)c;
    c = *at < len ? content[(*at)++] : '\0';
    if (c != 'u') {
        const char *found = c ? strchr(names, c) : NULL;
        return found ? values[found - names] : -1;
    }
    int code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = *at < len ? hex_value(content[*at]) : -1;
        if (digit < 0)
            return -1;
        code = code * 16 + digit;
        (*at)++;
    }
    return code;
}

static bool name_is(const char *content, size_t len, const char *name)
{
    size_t at = 0;
    for (; *name; name++)
        if (next_char(content, len, &at) != (unsigned char)*name)
            return false;
    return at == len;
}

bool json_member_span(const char *text, size_t len, const char *name, size_t *start_out,
                      size_t *len_out)
{
    struct scan scan = { .text = text, .len = len };
    bool found = false;
    if (!take(&scan, '{'))
        return false;
    do {
        skip_space(&scan);
        if (peek(&scan) != '"')
            break;
        size_t start = scan.at + 1;
        skip_string(&scan);
        size_t end = scan.at > start ? scan.at - 1 : start;
        bool match = name_is(text + start, end - start, name);
        if (!take(&scan, ':'))
            break;
        skip_space(&scan);
        start = scan.at;
        skip_value(&scan);
        end = scan.at;
        while (end > start && strchr(" \t\r\n", text[end - 1]) && text[end - 1])
            end--;
        if (match) {
            found = true;
            *start_out = start;
            *len_out = end - start;
        }
    } while (take(&scan, ','));
    return found;
}
