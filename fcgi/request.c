/* SPDX-License-Identifier: Apache-2.0 */
/* Request line and query: from the raw REQUEST_URI, because web servers differ in what they decode before us. */
#include "fcgi/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/utf8.h"

const char *request_param(const struct request *request, const char *name)
{
    size_t len = strlen(name);
    for (char *const *param = request->source->params; param && *param; param++)
        if (strncmp(*param, name, len) == 0 && (*param)[len] == '=')
            return *param + len + 1;
    return NULL;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes percent escapes (and '+' as a space) in place; false for a bad one, a control character or bad UTF-8. */
static bool decode(char *text, bool plus)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        char c = *from;
        if (c == '%') {
            int high = hex_value(from[1]), low = high < 0 ? -1 : hex_value(from[2]);
            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            from += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if ((unsigned char)c < 0x20 || c == 0x7f)
            return false;
        *to++ = c;
    }
    *to = '\0';
    return utf8_valid(text, (size_t)(to - text));
}

static int add_segment(struct request *request, char *segment, struct err *err)
{
    if (!decode(segment, false) || strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0)
        return err_field(err, "path", "The path holds a bad escape, a control character, bad UTF-8, \".\" or \"..\".");
    if (request->segment_count == REQUEST_SEGMENTS_MAX)
        return err_field(err, "path", "The path has more than %d parts.", REQUEST_SEGMENTS_MAX);
    request->segments[request->segment_count++] = segment;
    return 0;
}

static int split_path(struct request *request, struct err *err)
{
    char *at = request->path_text;
    if (*at != '/')
        return err_set(err, ERR_INVALID, "The path must begin with \"/\".");
    while (at) {
        char *segment = at + 1;
        at = strchr(segment, '/');
        if (at)
            *at = '\0';
        if (add_segment(request, segment, err) != 0)
            return -1;
    }
    return 0;
}

static int add_query(struct request *request, char *pair, struct err *err)
{
    char *equals = strchr(pair, '=');
    const char *value = "";
    if (equals) {
        *equals = '\0';
        value = equals + 1;
    }
    if (!decode(pair, true) || (equals && !decode(equals + 1, true)))
        return err_set(err, ERR_INVALID, "The query holds a bad escape or a control character.");
    if (request_query(request, pair))
        return err_field(err, pair, "The query parameter \"%.64s\" is given twice.", pair);
    if (request->query_count == REQUEST_QUERY_MAX)
        return err_set(err, ERR_INVALID, "There are more than %d query parameters.", REQUEST_QUERY_MAX);
    request->query[request->query_count++] = (struct query_param){ .name = pair, .value = value };
    return 0;
}

static int split_query(struct request *request, struct err *err)
{
    char *at = request->query_text;
    while (at && *at) {
        char *pair = at;
        at = strchr(pair, '&');
        if (at)
            *at++ = '\0';
        if (*pair && add_query(request, pair, err) != 0)
            return -1;
    }
    return 0;
}

/* Without "http://host" (the absolute form, RFC 9112 section 3.2.2). */
static const char *origin_form(const char *target)
{
    const char *authority = NULL;
    if (strncasecmp(target, "http://", 7) == 0)
        authority = target + 7;
    else if (strncasecmp(target, "https://", 8) == 0)
        authority = target + 8;
    if (!authority)
        return target;
    size_t len = strcspn(authority, "/?");
    return authority[len] == '/' ? authority + len : "/";
}

int request_open(struct request *request, const struct request_source *source, struct err *err)
{
    request->source = source;
    request->path[0] = request->path_text[0] = request->query_text[0] = '\0';
    request->segment_count = request->query_count = 0;
    request->body = STRBUF_INIT(0);
    const char *method = request_param(request, "REQUEST_METHOD");
    request->method = method ? method : "";
    const char *target = request_param(request, "REQUEST_URI");
    if (!target || !method)
        return err_set(err, ERR_INVALID, "The request has no method or no path.");
    target = origin_form(target);
    size_t len = strcspn(target, "?");
    if (strlen(target) >= REQUEST_TARGET_MAX)
        return err_set(err, ERR_TOO_LARGE, "The path and query must be shorter than %d bytes.",
                       REQUEST_TARGET_MAX);
    memcpy(request->path, target, len);
    request->path[len] = '\0';
    memcpy(request->path_text, request->path, len + 1);
    if (target[len] == '?')
        strcpy(request->query_text, target + len + 1);
    if (split_path(request, err) != 0)
        return -1;
    return split_query(request, err);
}

void request_release(struct request *request)
{
    strbuf_release(&request->body);
}

const char *request_query(const struct request *request, const char *name)
{
    for (size_t i = 0; i < request->query_count; i++)
        if (strcmp(request->query[i].name, name) == 0)
            return request->query[i].value;
    return NULL;
}

int request_query_int(const struct request *request, const char *name, int64_t min, int64_t max,
                      int64_t *out, struct err *err)
{
    const char *text = request_query(request, name);
    if (!text)
        return 0;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    bool digits = text[0] != '\0' && strspn(text, "0123456789") == strlen(text);
    if (!digits || *end || errno || number < min || number > max)
        return err_field(err, name, "The query parameter %s must be a whole number from %lld to %lld.", name,
                         (long long)min, (long long)max);
    *out = number;
    return 0;
}

static bool is_allowed(const char *allowed, const char *name)
{
    for (const char *at = allowed; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL) {
        size_t len = strcspn(at, "|");
        if (at[len - 1] == '*' ? strncmp(at, name, len - 1) == 0 && name[len - 1]
                               : strncmp(at, name, len) == 0 && name[len] == '\0')
            return true;
    }
    return false;
}

int request_check_query(const struct request *request, const char *allowed, struct err *err)
{
    for (size_t i = 0; i < request->query_count; i++)
        if (!is_allowed(allowed, request->query[i].name))
            return err_field(err, request->query[i].name, "Unknown query parameter \"%.64s\".",
                             request->query[i].name);
    return 0;
}
