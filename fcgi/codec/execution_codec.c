/* SPDX-License-Identifier: Apache-2.0 */
/* Executions: bodies in, answers out. */
#include "fcgi/codec/execution_codec.h"

#include <stdlib.h>
#include <string.h>

#include "fcgi/codec/fields.h"
#include "lib/util/json_span.h"

static int keep_code(const char *code, struct execution_request *out, struct err *err)
{
    out->code = strdup(code);
    return out->code ? 0 : err_internal(err, 0, "out of memory for code");
}

static int keep_event(const char *text, size_t len, struct execution_request *out, struct err *err)
{
    size_t start, span;
    if (!json_member_span(text, len, "event", &start, &span))
        return 0;
    if (span > EVENT_BYTES_MAX)
        return err_field(err, "/event", "event must have at most %d bytes.", EVENT_BYTES_MAX);
    out->event_json = strndup(text + start, span);
    return out->event_json ? 0 : err_internal(err, 0, "out of memory for an event");
}

static int read_request(struct json_object *body, const char *text, size_t len,
                        struct execution_request *out, struct err *err)
{
    const char *code = NULL, *language = NULL, *callback_url = NULL;
    struct json_object *event = NULL, *env_vars = NULL;
    const struct json_field fields[] = {
        { .name = "code", .type = JSON_FIELD_STRING, .required = true, .out = &code, .min = 1,
          .max = CODE_BYTES_MAX },
        { .name = "language", .type = JSON_FIELD_STRING, .required = true, .out = &language },
        { .name = "timeout", .type = JSON_FIELD_INT, .out = &out->timeout_s,
          .min = EXECUTION_TIMEOUT_MIN_S, .max = EXECUTION_TIMEOUT_MAX_S },
        { .name = "event", .type = JSON_FIELD_ANY, .out = &event },
        { .name = "env_vars", .type = JSON_FIELD_OBJECT, .out = &env_vars },
        { .name = "max_retries", .type = JSON_FIELD_INT, .out = &out->max_retries, .min = 0,
          .max = EXECUTION_RETRIES_MAX },
        { .name = "callback_url", .type = JSON_FIELD_STRING, .out = &callback_url, .min = 1, .max = CALLBACK_URL_MAX },
    };
    out->timeout_s = EXECUTION_TIMEOUT_DEFAULT_S;
    out->max_retries = EXECUTION_RETRIES_DEFAULT;
    if (json_read_fields(body, "", fields, sizeof(fields) / sizeof(fields[0]), JSON_UNKNOWN_REFUSE, err) != 0)
        return -1;
    int parsed = language_parse(language);
    if (parsed < 0)
        return err_field(err, "/language", "language must be python, javascript or shell.");
    out->language = (enum language)parsed;
    if (env_vars && fields_read_map(env_vars, "/env_vars", MAP_ENV_VARS, &out->env_json, err) != 0)
        return -1;
    if (callback_url && !(out->callback_url = strdup(callback_url)))
        return err_internal(err, 0, "out of memory for a URL");
    if (keep_code(code, out, err) != 0)
        return -1;
    return keep_event(text, len, out, err);
}

int execution_request_decode(const char *text, size_t len, struct execution_request *out, struct err *err)
{
    cleanup_json struct json_object *body = NULL;
    *out = (struct execution_request){ 0 };
    if (fields_parse_body(text, len, "event", &body, err) == 0 && read_request(body, text, len, out, err) == 0)
        return 0;
    execution_request_release(out);
    return -1;
}

struct json_object *execution_submitted_encode(const struct execution *execution)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    fields_add_text(object, "execution_id", execution->id);
    fields_add_text(object, "status", "submitted");
    fields_add_time(object, "submitted_at", execution->created_at);
    return object;
}

/* A time that is not yet is left out, as in the documented answers. */
static void add_reached(struct json_object *object, const char *name, int64_t wall_ms)
{
    if (wall_ms)
        fields_add_time(object, name, wall_ms);
}

struct json_object *execution_status_encode(const struct execution *execution)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    fields_add_text(object, "execution_id", execution->id);
    fields_add_text(object, "session_id", execution->session_id);
    fields_add_text(object, "status", execution_status_name(execution->status));
    fields_add_time(object, "created_at", execution->created_at);
    add_reached(object, "started_at", execution->started_at);
    add_reached(object, "completed_at", execution->completed_at);
    return object;
}

struct json_object *execution_cancelled_encode(const struct execution *execution)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    fields_add_text(object, "execution_id", execution->id);
    fields_add_text(object, "status", execution_status_name(execution->status));
    return object;
}

static struct json_object *metrics_encode(const struct execution_outcome *outcome)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    fields_add_number(object, "duration_ms", outcome->duration_ms, 3);
    fields_add_number(object, "cpu_time_ms", outcome->cpu_time_ms, 3);
    fields_add_number(object, "peak_memory_mb", outcome->peak_memory_mb, 2);
    return object;
}

static struct json_object *error_encode(const char *kind, const char *message)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    fields_add_text(object, "kind", kind);
    fields_add_text(object, "message", message);
    return object;
}

static void add_output(struct json_object *object, const char *name, const char *text, size_t len)
{
    fields_add(object, name, json_object_new_string_len(text ? text : "", text ? (int)len : 0));
}

/* What is stored: objects, or paths alone, as executors of their own report them and older rows have them. */
static const char *artifact_path(struct json_object *artifact)
{
    struct json_object *path = artifact;
    if (json_object_is_type(artifact, json_type_object) && !json_object_object_get_ex(artifact, "path", &path))
        return NULL;
    return json_object_is_type(path, json_type_string) ? json_object_get_string(path) : NULL;
}

static struct json_object *artifact_member(struct json_object *artifact, const char *name)
{
    struct json_object *member = NULL;
    if (json_object_is_type(artifact, json_type_object))
        json_object_object_get_ex(artifact, name, &member);
    return json_object_get(member);
}

static struct json_object *artifact_encode(struct json_object *artifact, const char *path)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    fields_add_text(object, "path", path);
    fields_add(object, "size", artifact_member(artifact, "size"));
    fields_add(object, "type", artifact_member(artifact, "mime_type"));
    fields_add(object, "sha256", artifact_member(artifact, "sha256"));
    return object;
}

/* Of the stored array, each artifact whole or its path. */
static struct json_object *artifacts_encode(const struct execution_outcome *outcome, bool whole)
{
    cleanup_json struct json_object *stored = NULL;
    const char *text = outcome->artifacts_json;
    struct err ignored = ERR_INIT;
    struct json_object *array = json_object_new_array();
    if (!array || !text || json_parse(text, strlen(text), &stored, &ignored) != 0 || !json_object_is_type(stored, json_type_array))
        return array;
    for (size_t i = 0; i < json_object_array_length(stored); i++) {
        struct json_object *artifact = json_object_array_get_idx(stored, i);
        const char *path = artifact_path(artifact);
        if (path)
            json_object_array_add(array, whole ? artifact_encode(artifact, path) : json_object_new_string(path));
    }
    return array;
}

static void add_outcome(struct json_object *object, const struct execution *execution)
{
    const struct execution_outcome *outcome = &execution->outcome;
    add_output(object, "stdout", outcome->stdout_text, outcome->stdout_len);
    add_output(object, "stderr", outcome->stderr_text, outcome->stderr_len);
    fields_add(object, "exit_code",
               outcome->has_exit_code ? json_object_new_int64(outcome->exit_code) : NULL);
    fields_add_number(object, "execution_time", outcome->duration_ms / 1000, 6);
    fields_add_raw(object, "return_value", outcome->return_json, "null");
    fields_add(object, "metrics", metrics_encode(outcome));
    fields_add(object, "stdout_truncated", json_object_new_boolean(outcome->stdout_truncated));
    fields_add(object, "stderr_truncated", json_object_new_boolean(outcome->stderr_truncated));
    fields_add(object, "artifacts", artifacts_encode(outcome, false));
    if (execution->attempts > 1)
        fields_add_int(object, "attempts", execution->attempts);
    if (execution->status != EXECUTION_COMPLETED)
        fields_add(object, "error", error_encode(outcome->error_kind, outcome->error_message));
}

struct json_object *execution_result_encode(const struct execution *execution)
{
    struct json_object *object = json_object_new_object();
    if (!object)
        return NULL;
    fields_add_text(object, "execution_id", execution->id);
    fields_add_text(object, "status", execution_outcome_name(execution->status));
    if (execution_status_final(execution->status))
        add_outcome(object, execution);
    return object;
}

static struct json_object *summary_encode(const struct execution *execution)
{
    struct json_object *object = execution_status_encode(execution);
    if (!object)
        return NULL;
    fields_add_text(object, "language", language_name(execution->language));
    fields_add_int(object, "timeout", execution->timeout_s);
    fields_add_int(object, "max_retries", execution->max_retries);
    fields_add_int(object, "attempts", execution->attempts);
    add_reached(object, "retry_at", execution->retry_at);
    if (execution->last_loss)
        fields_add(object, "last_error", error_encode("crashed", execution->last_loss));
    if (execution->callback_url)
        fields_add_text(object, "callback_url", execution->callback_url);
    return object;
}

struct json_object *execution_encode(const struct execution *execution)
{
    struct json_object *object = summary_encode(execution);
    if (!object)
        return NULL;
    bool final = execution_status_final(execution->status);
    fields_add_text(object, "code", execution->code);
    fields_add(object, "artifacts", artifacts_encode(&execution->outcome, true));
    fields_add_int(object, "artifacts_skipped", execution->outcome.artifacts_skipped);
    fields_add(object, "result", final ? execution_result_encode(execution) : NULL);
    return object;
}

struct json_object *execution_list_encode(const struct execution_list *list)
{
    struct json_object *items = json_object_new_array();
    for (size_t i = 0; items && i < list->count; i++)
        json_object_array_add(items, summary_encode(&list->items[i]));
    return items ? fields_listing("executions", items, list->total) : NULL;
}
