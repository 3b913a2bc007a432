/* SPDX-License-Identifier: Apache-2.0 */
/* The body of POST /execute: {execution_id, code, language, event, env_vars, timeout_ms, limits}. The event travels as a
 * string that holds its JSON text, so that its digits arrive as the client wrote them. */
#include "lib/wire/execute.h"

#include <string.h>

#include "lib/model/limits.h"
#include "lib/wire/compose.h"
#include "lib/util/json_strict.h"

enum { ID_MAX = 64, MEMORY_MB_CEILING = 1 << 20, DISK_MB_CEILING = 1 << 24, PROCESSES_CEILING = 1 << 22 };

int wire_execute_encode(const struct wire_execute *request, struct strbuf *out, struct err *err)
{
    struct compose body, limits;
    compose_start(&limits);
    compose_int(&limits, "memory_mb", request->memory_mb);
    compose_int(&limits, "disk_mb", request->disk_mb);
    compose_int(&limits, "max_processes", request->max_processes);
    compose_start(&body);
    compose_text(&body, "execution_id", request->execution_id);
    compose_text(&body, "language", language_name(request->language));
    compose_text(&body, "code", request->code);
    compose_text(&body, "event", request->event_json);
    compose_raw(&body, "env_vars", request->env_json);
    compose_int(&body, "timeout_ms", request->timeout_ms);
    compose_object(&body, "limits", &limits);
    return compose_finish(&body, false, out, err);
}

/* The id becomes part of a path and of log lines. */
static int check_id(const char *id, struct err *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    if (id[strspn(id, allowed)] != '\0')
        return err_field(err, "/execution_id", "execution_id may hold letters, digits, '_' and '-' only.");
    return 0;
}

static int check_env(struct json_object *env, struct err *err)
{
    size_t bytes = 0;
    if (!env)
        return 0;
    json_object_object_foreach(env, name, value)
    {
        if (!json_object_is_type(value, json_type_string))
            return err_field(err, "/env_vars", "The value of the variable \"%.64s\" must be a string.", name);
        const char *text = json_object_get_string(value);
        if (strlen(text) != (size_t)json_object_get_string_len(value))
            return err_field(err, "/env_vars", "The variable \"%.64s\" must not contain a NUL character.", name);
        if (name[0] == '\0' || strchr(name, '='))
            return err_field(err, "/env_vars", "\"%.64s\" is not a name of a variable.", name);
        bytes += strlen(name) + strlen(text);
    }
    if (bytes > 2 * ENV_BYTES_MAX) /* the session's and the execution's */
        return err_field(err, "/env_vars", "env_vars must not be larger than %d bytes.", 2 * ENV_BYTES_MAX);
    return 0;
}

static int read_limits(struct json_object *limits, struct wire_execute *request, struct err *err)
{
    const struct json_field fields[] = {
        { "memory_mb", JSON_FIELD_INT, .out = &request->memory_mb, .max = MEMORY_MB_CEILING },
        { "disk_mb", JSON_FIELD_INT, .out = &request->disk_mb, .max = DISK_MB_CEILING },
        { "max_processes", JSON_FIELD_INT, .out = &request->max_processes, .max = PROCESSES_CEILING },
    };
    if (!limits)
        return 0;
    return json_read_fields(limits, "/limits", fields, sizeof(fields) / sizeof(fields[0]), JSON_UNKNOWN_REFUSE, err);
}

struct request_text {
    const char *id, *language, *code, *event;
    struct json_object *env, *limits;
};

static int read_request(struct json_object *object, struct request_text *text, struct wire_execute *request,
                        struct err *err)
{
    const struct json_field fields[] = {
        { "execution_id", JSON_FIELD_STRING, true, .out = &text->id, .min = 1, .max = ID_MAX },
        { "language", JSON_FIELD_STRING, true, .out = &text->language },
        { "code", JSON_FIELD_STRING, true, .out = &text->code, .max = CODE_BYTES_MAX },
        { "event", JSON_FIELD_STRING, false, .out = &text->event, .min = 1, .max = EVENT_BYTES_MAX },
        { "env_vars", JSON_FIELD_OBJECT, false, .out = &text->env },
        { "timeout_ms", JSON_FIELD_INT, true, .out = &request->timeout_ms, .min = 1,
          .max = (int64_t)EXECUTION_TIMEOUT_MAX_S * 1000 },
        { "limits", JSON_FIELD_OBJECT, false, .out = &text->limits },
    };
    if (json_read_fields(object, "", fields, sizeof(fields) / sizeof(fields[0]), JSON_UNKNOWN_REFUSE, err) != 0)
        return -1;
    int language = language_parse(text->language);
    if (language < 0)
        return err_field(err, "/language", "language must be python, javascript or shell.");
    request->language = (enum language)language;
    if (text->event && !json_strict_valid(text->event, strlen(text->event)))
        return err_field(err, "/event", "event must be a string that holds JSON text.");
    if (check_id(text->id, err) != 0 || check_env(text->env, err) != 0)
        return -1;
    return read_limits(text->limits, request, err);
}

int wire_execute_decode(const char *text, size_t len, struct wire_execute *out, struct err *err)
{
    cleanup_json struct json_object *object = NULL;
    struct wire_execute request = { 0 };
    struct request_text found = { 0 };
    if (json_parse(text, len, &object, err) != 0 || read_request(object, &found, &request, err) != 0)
        return -1;
    if (!compose_copy(found.id, &request.execution_id) || !compose_copy(found.code, &request.code) ||
        !compose_copy(found.event, &request.event_json) ||
        !compose_copy(found.env ? json_text(found.env) : NULL, &request.env_json)) {
        wire_execute_release(&request);
        return err_internal(err, 0, "out of memory for a request");
    }
    *out = request;
    return 0;
}

void wire_execute_release(struct wire_execute *request)
{
    free(request->execution_id);
    free(request->code);
    free(request->event_json);
    free(request->env_json);
    *request = (struct wire_execute){ 0 };
}
