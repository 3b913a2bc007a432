/* SPDX-License-Identifier: Apache-2.0 */
/* Reads parameters in place: what is undone is never longer than what stood there. */
#include "fcgi/header_params.h"

#include <string.h>
#include <strings.h>

static const char blank[] = " \t";
static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

char *header_params_begin(char **at)
{
    char *value = *at + strspn(*at, blank);
    size_t len = strcspn(value, ";"), end = len;
    while (end > 0 && strchr(blank, value[end - 1]))
        end--;
    *at = value + len;
    if (end < len)
        value[end] = '\0';
    else if (value[len] == ';') {
        value[len] = '\0';
        *at = value + len + 1;
    }
    return value;
}

/* What follows an opening quote; NULL when it is not closed. */
static char *take_quoted(char *from)
{
    char *to = from;
    for (; *from != '"'; from++) {
        if (*from == '\\' && (from[1] == '"' || from[1] == '\\'))
            from++;
        if (!*from)
            return NULL;
        *to++ = *from;
    }
    from++;
    *to = '\0';
    return from;
}

/* The end of a value that begins at *value; NULL for a bad one. *stop_out is the character there, which may be overwritten by NUL. */
static char *take_value(char **value, char *stop_out)
{
    if (**value == '"') {
        char *end = take_quoted(++*value);
        *stop_out = end ? *end : '\0';
        return end;
    }
    char *end = *value + strcspn(*value, "; \t\"");
    *stop_out = *end;
    if (end == *value || *end == '"')
        return NULL;
    *end = '\0';
    return end;
}

int header_params_next(char **at, struct header_param *out)
{
    char *name = *at + strspn(*at, "; \t");
    if (!*name) {
        *at = name;
        return 0;
    }
    size_t len = strspn(name, token);
    if (len == 0 || name[len] != '=')
        return -1;
    char *value = name + len + 1, stop = '\0';
    char *end = take_value(&value, &stop);
    if (!end)
        return -1;
    name[len] = '\0';
    *out = (struct header_param){ .name = name, .value = value };
    *at = end;
    if (stop == '\0')
        return 1;
    if (*end == '\0')
        *at = ++end;
    if (stop == ';')
        return 1;
    end += strspn(end, blank);
    *at = end;
    return *end == ';' || *end == '\0' ? 1 : -1;
}

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c) : NULL;
    return found ? (int)(found - digits) : -1;
}

bool header_params_extended(char *value)
{
    static const char charset[] = "UTF-8'";
    char *to = value, *from = value + sizeof(charset) - 1;
    if (strncasecmp(value, charset, sizeof(charset) - 1) != 0 || !(from = strchr(from, '\'')))
        return false;
    for (from++; *from; from++) {
        int high = *from == '%' ? hex_value(from[1]) : -1, low = high < 0 ? -1 : hex_value(from[2]);
        if (*from == '%' ? low < 0 || high + low == 0 : *from == '\'' || !strchr(token, *from))
            return false;
        *to++ = *from == '%' ? (char)(high * 16 + low) : *from;
        from += low >= 0 ? 2 : 0;
    }
    *to = '\0';
    return true;
}

void header_params_form_name(char *value)
{
    static const struct { char text[4]; char c; } escapes[] = { { "%22", '"' }, { "%0D", '\r' }, { "%0A", '\n' } };
    char *to = value;
    for (char *from = value; *from;) {
        char c = *from++;
        for (size_t i = 0; c == '%' && i < 3; i++)
            if (strncmp(from, escapes[i].text + 1, 2) == 0) {
                c = escapes[i].c;
                from += 2;
            }
        *to++ = c;
    }
    *to = '\0';
}
