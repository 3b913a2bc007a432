/* SPDX-License-Identifier: Apache-2.0 */
/* Matches segments against the rows' patterns; a handful of rows needs no index. */
#include "fcgi/router.h"

#include <stdio.h>
#include <string.h>

/* What a pattern's names stand for. */
struct named {
    const char *id;
    size_t tail; /* the first segment of {name...}; the number of all when there is none */
};

static bool is_tail(const char *name, size_t len)
{
    return len > 5 && memcmp(name + len - 4, "...}", 4) == 0;
}

/* Whether `pattern` has these segments. */
static bool pattern_matches(const char *pattern, const char *const *segments, size_t count, struct named *out)
{
    const char *id = NULL;
    size_t tail = count;
    for (size_t i = 0; i < tail; i++) {
        if (*pattern++ != '/')
            return false;
        size_t len = strcspn(pattern, "/");
        if (is_tail(pattern, len)) {
            tail = i;
        } else if (*pattern == '{') {
            if (!*segments[i])
                return false;
            id = id ? id : segments[i];
        } else if (strlen(segments[i]) != len || memcmp(segments[i], pattern, len) != 0) {
            return false;
        }
        pattern += len;
    }
    if (*pattern)
        return false;
    *out = (struct named){ .id = id, .tail = tail };
    return true;
}

static void add_method(char *allow, size_t size, const char *method)
{
    size_t used = strlen(allow);
    snprintf(allow + used, size - used, "%s%s", used ? ", " : "", method);
}

static void collect(const struct route *route, const char *method, const struct named *named, struct route_match *out)
{
    bool get = strcmp(route->method, "GET") == 0;
    add_method(out->allow, sizeof(out->allow), route->method);
    if (get)
        add_method(out->allow, sizeof(out->allow), "HEAD");
    bool head = get && strcmp(method, "HEAD") == 0;
    if (!head && strcmp(route->method, method) != 0)
        return;
    out->route = route;
    out->id = named->id;
    out->head = head;
}

int router_find(const struct route *routes, size_t count, const char *method,
                const char *const *segments, size_t segment_count, struct route_match *out,
                struct err *err)
{
    *out = (struct route_match){ 0 };
    for (size_t i = 0; i < count; i++) {
        struct named named = { 0 };
        if (pattern_matches(routes[i].pattern, segments, segment_count, &named))
            collect(&routes[i], method, &named, out);
        if (out->route == &routes[i] && named.tail < segment_count) {
            out->tail = segments + named.tail;
            out->tail_count = segment_count - named.tail;
        }
    }
    if (!out->allow[0])
        return err_set(err, ERR_NOT_FOUND, "There is nothing at this path.");
    add_method(out->allow, sizeof(out->allow), "OPTIONS");
    if (!out->route && strcmp(method, "OPTIONS") != 0)
        return err_set(err, ERR_METHOD, "The methods of this path are %s.", out->allow);
    return 0;
}
