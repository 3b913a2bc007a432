/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of routes and of errors as JSON. */
#include "fcgi/describe.h"

#include <string.h>

#include "fcgi/codec/fields.h"
#include "fcgi/guard.h"
#include "fcgi/router.h"
#include "lib/model/error_info.h"

static const char *access_name(enum access access)
{
    if (access == ACCESS_OPEN)
        return "open";
    return access == ACCESS_CONTAINER ? "container" : "token";
}

static const char *body_name(enum body_kind body)
{
    if (body == BODY_NONE)
        return NULL;
    return body == BODY_JSON ? "json" : "stream";
}

/* "a|b" as ["a", "b"] */
static struct json_object *names(const char *list)
{
    struct json_object *array = json_object_new_array();
    for (const char *at = list; array && at && *at;) {
        size_t len = strcspn(at, "|");
        json_object_array_add(array, json_object_new_string_len(at, (int)len));
        at += len + (at[len] == '|');
    }
    return array;
}

/* As OpenAPI writes it: {path...} is {path} there. */
static struct json_object *pattern_encode(const char *pattern)
{
    const char *dots = strstr(pattern, "...");
    cleanup_strbuf struct strbuf text = STRBUF_INIT(256);
    strbuf_add(&text, pattern, dots ? (size_t)(dots - pattern) : strlen(pattern));
    strbuf_add_str(&text, dots ? dots + 3 : "");
    return json_object_new_string(strbuf_str(&text));
}

static struct json_object *route_encode(const struct route *route)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    bool scoped = route->access == ACCESS_SCOPE;
    fields_add_text(object, "method", route->method);
    fields_add(object, "path", pattern_encode(route->pattern));
    fields_add_text(object, "access", access_name(route->access));
    fields_add_text(object, "scope", scoped ? guard_scope_name(route->scope) : NULL);
    fields_add(object, "query", names(route->query));
    fields_add_text(object, "body", body_name(route->body));
    fields_add_int(object, "body_limit", (int64_t)route->body_limit);
    fields_add_text(object, "summary", route->summary);
    return object;
}

static struct json_object *error_encode(const struct error_info *info)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    fields_add_text(object, "error_code", info->name);
    fields_add_int(object, "status", info->http_status);
    fields_add(object, "retryable", json_object_new_boolean(info->retryable));
    return object;
}

struct json_object *describe_contract(void)
{
    struct json_object *object = json_object_new_object();
    struct json_object *routes = json_object_new_array(), *errors = json_object_new_array();
    for (size_t i = 0; routes && i < route_count; i++)
        json_object_array_add(routes, route_encode(&route_table[i]));
    for (int code = ERR_NONE + 1; errors && code < ERR_CODES; code++) {
        json_object_array_add(errors, error_encode(error_info((enum err_code)code)));
        json_object_array_add(errors, error_encode(error_info_internal((enum err_code)code)));
    }
    if (!object) {
        json_object_put(routes);
        json_object_put(errors);
        return NULL;
    }
    fields_add(object, "routes", routes);
    fields_add(object, "errors", errors);
    return object;
}
