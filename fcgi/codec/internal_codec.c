/* SPDX-License-Identifier: Apache-2.0 */
/* Executors' reports: bodies in, answers out. */
#include "fcgi/codec/internal_codec.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/codec/fields.h"
#include "fcgi/codec/kept_output.h"
#include "lib/util/json_span.h"

#define COUNT(array) (sizeof(array) / sizeof(array[0]))
enum { ERROR_KIND_MAX = 64, ERROR_MESSAGE_MAX = 16 * 1024 };

static int parse(const struct strbuf *body, const char *raw, const struct json_field *fields, size_t count,
                 struct json_object **out, struct err *err)
{
    if (fields_parse_body(strbuf_str(body), body->len, raw, out, err) != 0)
        return -1;
    return json_read_fields(*out, "", fields, count, JSON_UNKNOWN_REFUSE, err);
}

int report_status_decode(const struct strbuf *body, struct err *err)
{
    cleanup_json struct json_object *object = NULL;
    const char *status = NULL;
    const struct json_field field = { .name = "status", .type = JSON_FIELD_STRING, .required = true, .out = &status };
    if (parse(body, NULL, &field, 1, &object, err) != 0)
        return -1;
    return strcmp(status, "running") == 0 ? 0 : err_field(err, "/status", "status must be running; an end is a result.");
}

int report_empty_decode(const struct strbuf *body, struct err *err)
{
    cleanup_json struct json_object *object = NULL;
    return body->len == 0 ? 0 : parse(body, NULL, NULL, 0, &object, err);
}

/* Relative, without ".." or empty parts: what the API names files by. */
static bool path_fits(const char *path)
{
    for (const char *part = path;; part++) {
        size_t len = strcspn(part, "/");
        if (len == 0 || (len <= 2 && strspn(part, ".") >= len))
            return false;
        part += len;
        if (!*part)
            return true;
    }
}

static int check_artifacts(struct json_object *array, struct err *err)
{
    size_t count = json_object_array_length(array);
    if (count > ARTIFACTS_MAX)
        return err_field(err, "/artifacts", "artifacts may have at most %d paths.", ARTIFACTS_MAX);
    for (size_t i = 0; i < count; i++) {
        char pointer[48];
        struct json_object *item = json_object_array_get_idx(array, i);
        const char *path = json_object_is_type(item, json_type_string) ? json_object_get_string(item) : NULL;
        size_t len = path ? (size_t)json_object_get_string_len(item) : 0;
        snprintf(pointer, sizeof(pointer), "/artifacts/%zu", i);
        if (len == 0 || len > ARTIFACT_PATH_MAX || strlen(path) != len || !path_fits(path))
            return err_field(err, pointer, "An artifact is a path within the workspace of 1 to %d bytes.",
                             ARTIFACT_PATH_MAX);
    }
    return 0;
}

static int keep_artifacts(struct json_object *array, char **out, struct err *err)
{
    if (check_artifacts(array, err) != 0)
        return -1;
    const char *text = json_text(array);
    *out = text ? strdup(text) : NULL;
    return *out ? 0 : err_internal(err, 0, "out of memory for artifacts");
}

int report_artifacts_decode(const struct strbuf *body, char **json_out, struct err *err)
{
    cleanup_json struct json_object *object = NULL;
    struct json_object *array = NULL;
    const struct json_field field = { .name = "artifacts", .type = JSON_FIELD_ARRAY, .required = true, .out = &array };
    if (parse(body, NULL, &field, 1, &object, err) != 0)
        return -1;
    return keep_artifacts(array, json_out, err);
}

static int keep_text(struct json_object *value, const char *pointer, char **out, size_t *len_out, bool *truncated_out,
                     struct err *err)
{
    if (!value)
        return 0;
    if (!json_object_is_type(value, json_type_string))
        return err_field(err, pointer, "%s must be a string.", pointer + 1);
    return kept_output(json_object_get_string(value), (size_t)json_object_get_string_len(value), out, len_out,
                       truncated_out, err);
}

static int keep_return(const struct strbuf *body, char **out, struct err *err)
{
    size_t start, span;
    if (!json_member_span(strbuf_str(body), body->len, "return_value", &start, &span))
        return 0;
    if (span > RETURN_BYTES_MAX)
        return err_field(err, "/return_value", "return_value must have at most %d bytes.", RETURN_BYTES_MAX);
    *out = strndup(strbuf_str(body) + start, span);
    return *out ? 0 : err_internal(err, 0, "out of memory for a return value");
}

static int check_measure(double value, const char *pointer, struct err *err)
{
    if (value >= 0 && value <= 1e12)
        return 0;
    return err_field(err, pointer, "%s must not be negative.", strrchr(pointer, '/') + 1);
}

static int read_metrics(struct json_object *metrics, struct execution_outcome *out, struct err *err)
{
    const struct json_field fields[] = {
        { .name = "duration_ms", .type = JSON_FIELD_NUMBER, .out = &out->duration_ms },
        { .name = "cpu_time_ms", .type = JSON_FIELD_NUMBER, .out = &out->cpu_time_ms },
        { .name = "peak_memory_mb", .type = JSON_FIELD_NUMBER, .out = &out->peak_memory_mb },
    };
    if (metrics && json_read_fields(metrics, "/metrics", fields, COUNT(fields), JSON_UNKNOWN_REFUSE, err) != 0)
        return -1;
    if (check_measure(out->duration_ms, "/metrics/duration_ms", err) != 0 ||
        check_measure(out->cpu_time_ms, "/metrics/cpu_time_ms", err) != 0)
        return -1;
    return check_measure(out->peak_memory_mb, "/metrics/peak_memory_mb", err);
}

static const struct {
    const char *name;
    enum execution_status status;
    const char *kind; /* of the error, when the executor names none */
    int64_t exit_code;
    bool has_exit_code; /* when the executor names none */
} endings[] = {
    { "success", EXECUTION_COMPLETED, NULL, 0, true },
    { "failed", EXECUTION_FAILED, "exception", 0, false },
    { "timeout", EXECUTION_TIMEOUT, "timeout", -1, true },
    { "crashed", EXECUTION_CRASHED, "crashed", 0, false },
    { "cancelled", EXECUTION_CANCELLED, "cancelled", -1, true },
};

static int read_ending(const char *name, struct callback_result *out, const char **kind_out, struct err *err)
{
    for (size_t i = 0; i < COUNT(endings); i++) {
        if (strcmp(endings[i].name, name) != 0)
            continue;
        out->status = endings[i].status;
        out->outcome.exit_code = endings[i].exit_code;
        out->outcome.has_exit_code = endings[i].has_exit_code;
        *kind_out = endings[i].kind;
        return 0;
    }
    return err_field(err, "/status", "status must be success, failed, timeout, crashed or cancelled.");
}

/* A success has no error, whatever the executor says. */
static int read_error(struct json_object *error, const char *kind, struct execution_outcome *out, struct err *err)
{
    const char *message = NULL;
    const char *preset = kind;
    const struct json_field fields[] = {
        { .name = "kind", .type = JSON_FIELD_STRING, .out = &kind, .min = 1, .max = ERROR_KIND_MAX },
        { .name = "message", .type = JSON_FIELD_STRING, .out = &message, .min = 0, .max = ERROR_MESSAGE_MAX },
    };
    if (error && json_read_fields(error, "/error", fields, COUNT(fields), JSON_UNKNOWN_REFUSE, err) != 0)
        return -1;
    if (!preset)
        return 0;
    out->error_kind = strdup(kind);
    out->error_message = message ? strdup(message) : NULL;
    return out->error_kind && (!message || out->error_message) ? 0 : err_internal(err, 0, "out of memory for an error");
}

int report_result_decode(const struct strbuf *body, struct callback_result *out, struct err *err)
{
    cleanup_json struct json_object *object = NULL;
    struct json_object *output = NULL, *errors = NULL, *value = NULL, *metrics = NULL, *error = NULL, *artifacts = NULL;
    struct execution_outcome *outcome = &out->outcome;
    const char *status = NULL, *kind = NULL;
    int64_t exit_code = 0;
    double seconds = 0;
    bool coded = false;
    const struct json_field fields[] = {
        { .name = "status", .type = JSON_FIELD_STRING, .required = true, .out = &status },
        { .name = "stdout", .type = JSON_FIELD_ANY, .out = &output },
        { .name = "stderr", .type = JSON_FIELD_ANY, .out = &errors },
        { .name = "exit_code", .type = JSON_FIELD_INT, .out = &exit_code, .min = INT32_MIN, .max = INT32_MAX, .present = &coded },
        { .name = "execution_time", .type = JSON_FIELD_NUMBER, .out = &seconds },
        { .name = "metrics", .type = JSON_FIELD_OBJECT, .out = &metrics },
        { .name = "return_value", .type = JSON_FIELD_ANY, .out = &value },
        { .name = "error", .type = JSON_FIELD_OBJECT, .out = &error },
        { .name = "artifacts", .type = JSON_FIELD_ARRAY, .out = &artifacts },
    };
    if (parse(body, "return_value", fields, COUNT(fields), &object, err) != 0 ||
        read_ending(status, out, &kind, err) != 0 || check_measure(seconds, "/execution_time", err) != 0)
        return -1;
    if (coded) {
        outcome->exit_code = exit_code;
        outcome->has_exit_code = true;
    }
    if (read_metrics(metrics, outcome, err) != 0)
        return -1;
    if (outcome->duration_ms == 0) /* the more exact one counts */
        outcome->duration_ms = seconds * 1000;
    if (read_error(error, kind, outcome, err) != 0 ||
        keep_text(output, "/stdout", &outcome->stdout_text, &outcome->stdout_len, &outcome->stdout_truncated, err) != 0 ||
        keep_text(errors, "/stderr", &outcome->stderr_text, &outcome->stderr_len, &outcome->stderr_truncated, err) != 0 ||
        keep_return(body, &outcome->return_json, err) != 0)
        return -1;
    return artifacts ? keep_artifacts(artifacts, &outcome->artifacts_json, err) : 0;
}

int report_exit_decode(const struct strbuf *body, char out[EXIT_TEXT_SIZE], struct err *err)
{
    static const char *const reasons[] = { "normal", "sigterm", "sigkill", "oom_killed", "error" };
    cleanup_json struct json_object *object = NULL;
    const char *reason = NULL;
    int64_t exit_code = 0;
    const struct json_field fields[] = {
        { .name = "exit_code", .type = JSON_FIELD_INT, .required = true, .out = &exit_code, .min = -255, .max = 255 },
        { .name = "exit_reason", .type = JSON_FIELD_STRING, .required = true, .out = &reason },
    };
    if (parse(body, NULL, fields, COUNT(fields), &object, err) != 0)
        return -1;
    for (size_t i = 0; i < COUNT(reasons); i++) {
        if (strcmp(reasons[i], reason) != 0)
            continue;
        snprintf(out, EXIT_TEXT_SIZE, "The sandbox's container ended: %s (exit code %" PRId64 ").", reason, exit_code);
        return 0;
    }
    return err_field(err, "/exit_reason", "exit_reason must be normal, sigterm, sigkill, oom_killed or error.");
}

static struct json_object *named(const char *name, const char *id, const char *member, struct json_object *value)
{
    struct json_object *object = json_object_new_object();
    if (!object) {
        json_object_put(value);
        return NULL;
    }
    fields_add_text(object, name, id);
    fields_add(object, member, value);
    return object;
}

struct json_object *report_execution_encode(const char *id, const char *status)
{
    return named("execution_id", id, "status", json_object_new_string(status));
}

struct json_object *report_session_encode(const char *id, enum session_status status)
{
    return named("session_id", id, "status", json_object_new_string(session_status_name(status)));
}

struct json_object *report_artifacts_encode(const char *id, const char *json)
{
    return named("execution_id", id, "artifacts", json_raw(json, strlen(json)));
}

struct json_object *report_continue_encode(bool go_on)
{
    struct json_object *object = json_object_new_object();
    if (object)
        fields_add(object, "continue", json_object_new_boolean(go_on));
    return object;
}
