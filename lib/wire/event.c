/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of an execution's stream: {"type": ...} with fields by type. A return value travels as a string that holds its JSON
 * text. Unknown fields are ignored, so that an older dispatcher reads a newer executor. */
#include "lib/wire/execute.h"

#include <string.h>

#include "lib/wire/compose.h"
#include "lib/util/json_strict.h"
#include "lib/util/utf8.h"

static const char *const type_names[] = {
    [WIRE_STARTED] = "started",     [WIRE_STDOUT] = "stdout", [WIRE_STDERR] = "stderr",
    [WIRE_HEARTBEAT] = "heartbeat", [WIRE_RESULT] = "result",
};

static const char *const failure_names[WIRE_FAILURES] = {
    [WIRE_FAILURE_NONE] = "",
    [WIRE_FAILURE_EXCEPTION] = "exception",
    [WIRE_FAILURE_SIGNAL] = "signal",
    [WIRE_FAILURE_TIMEOUT] = "timeout",
    [WIRE_FAILURE_OUT_OF_MEMORY] = "out_of_memory",
    [WIRE_FAILURE_DISK_FULL] = "disk_full",
    [WIRE_FAILURE_RETURN_VALUE] = "return_value",
    [WIRE_FAILURE_CANCELLED] = "cancelled",
    [WIRE_FAILURE_NO_RUNTIME] = "no_runtime",
    [WIRE_FAILURE_EXECUTOR] = "executor",
};

const char *wire_failure_name(enum wire_failure failure)
{
    return failure_names[failure];
}

static int find(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

static void compose_data(struct compose *line, const struct wire_event *event)
{
    cleanup_strbuf struct strbuf repaired = STRBUF_INIT(WIRE_EVENT_MAX);
    const char *data = event->data ? event->data : "";
    size_t len = event->data_len;
    if (!utf8_valid(data, len)) {
        utf8_repair(data, len, &repaired);
        line->failed |= !strbuf_ok(&repaired);
        data = strbuf_str(&repaired);
        len = repaired.len;
    }
    compose_bytes(line, "data", data, len);
    if (event->skipped > 0)
        compose_int(line, "skipped", event->skipped);
}

static void compose_result(struct compose *line, const struct wire_result *result)
{
    compose_text(line, "failure", wire_failure_name(result->failure));
    compose_text(line, "message", result->message);
    compose_int(line, "exit_code", result->exit_code);
    compose_int(line, "signal", result->signal);
    compose_text(line, "return", result->return_json);
    if (result->start_ms > 0)
        compose_number(line, "start_ms", result->start_ms);
    compose_number(line, "duration_ms", result->duration_ms);
    if (result->collect_ms > 0)
        compose_number(line, "collect_ms", result->collect_ms);
    compose_number(line, "cpu_time_ms", result->cpu_time_ms);
    compose_number(line, "peak_memory_mb", result->peak_memory_mb);
    compose_bool(line, "stdout_truncated", result->stdout_truncated);
    compose_bool(line, "stderr_truncated", result->stderr_truncated);
    compose_bool(line, "touched", result->touched);
}

int wire_event_encode(const struct wire_event *event, struct strbuf *out, struct err *err)
{
    struct compose line;
    compose_start(&line);
    compose_text(&line, "type", type_names[event->type]);
    if (event->type == WIRE_STDOUT || event->type == WIRE_STDERR)
        compose_data(&line, event);
    if (event->type == WIRE_RESULT)
        compose_result(&line, &event->result);
    return compose_finish(&line, true, out, err);
}

static int decode_data(struct json_object *object, struct wire_event *event, struct err *err)
{
    struct json_object *data = NULL;
    const struct json_field fields[] = {
        { "data", JSON_FIELD_ANY, true, .out = &data }, /* any: a string field may hold no NUL */
        { "skipped", JSON_FIELD_INT, false, .out = &event->skipped, .max = INT64_MAX },
    };
    if (json_read_fields(object, "", fields, sizeof(fields) / sizeof(fields[0]), JSON_UNKNOWN_IGNORE, err) != 0)
        return -1;
    if (!json_object_is_type(data, json_type_string))
        return err_field(err, "/data", "data must be a string.");
    size_t len = (size_t)json_object_get_string_len(data);
    event->data = malloc(len + 1);
    if (!event->data)
        return err_internal(err, 0, "out of memory for output");
    memcpy(event->data, json_object_get_string(data), len + 1);
    event->data_len = len;
    return 0;
}

struct result_text {
    const char *failure, *message, *value;
};

static int read_result(struct json_object *object, struct result_text *text, struct wire_result *result,
                       struct err *err)
{
    const struct json_field fields[] = {
        { "failure", JSON_FIELD_STRING, true, .out = &text->failure },
        { "message", JSON_FIELD_STRING, false, .out = &text->message },
        { "exit_code", JSON_FIELD_INT, true, .out = &result->exit_code },
        { "signal", JSON_FIELD_INT, false, .out = &result->signal },
        { "return", JSON_FIELD_STRING, false, .out = &text->value },
        { "start_ms", JSON_FIELD_NUMBER, false, .out = &result->start_ms },
        { "duration_ms", JSON_FIELD_NUMBER, true, .out = &result->duration_ms },
        { "collect_ms", JSON_FIELD_NUMBER, false, .out = &result->collect_ms },
        { "cpu_time_ms", JSON_FIELD_NUMBER, true, .out = &result->cpu_time_ms },
        { "peak_memory_mb", JSON_FIELD_NUMBER, true, .out = &result->peak_memory_mb },
        { "stdout_truncated", JSON_FIELD_BOOL, false, .out = &result->stdout_truncated },
        { "stderr_truncated", JSON_FIELD_BOOL, false, .out = &result->stderr_truncated },
        { "touched", JSON_FIELD_BOOL, false, .out = &result->touched },
    };
    return json_read_fields(object, "", fields, sizeof(fields) / sizeof(fields[0]), JSON_UNKNOWN_IGNORE, err);
}

static int decode_result(struct json_object *object, struct wire_result *result, struct err *err)
{
    struct result_text text = { 0 };
    if (read_result(object, &text, result, err) != 0)
        return -1;
    int failure = find(failure_names, WIRE_FAILURES, text.failure);
    if (failure < 0)
        return err_field(err, "/failure", "\"%.32s\" is not a known failure.", text.failure);
    result->failure = (enum wire_failure)failure;
    if (text.value && !json_strict_valid(text.value, strlen(text.value)))
        return err_field(err, "/return", "return must be a string that holds JSON text.");
    if (!compose_copy(text.message, &result->message) || !compose_copy(text.value, &result->return_json))
        return err_internal(err, 0, "out of memory for a result");
    return 0;
}

static int decode_line(const char *line, size_t len, struct wire_event *event, struct err *err)
{
    cleanup_json struct json_object *object = NULL;
    const char *name = "";
    const struct json_field fields[] = { { "type", JSON_FIELD_STRING, true, .out = &name } };
    if (json_parse(line, len, &object, err) != 0 ||
        json_read_fields(object, "", fields, 1, JSON_UNKNOWN_IGNORE, err) != 0)
        return -1;
    int type = find(type_names, sizeof(type_names) / sizeof(type_names[0]), name);
    if (type < 0)
        return err_field(err, "/type", "\"%.32s\" is not a known type of event.", name);
    event->type = (enum wire_event_type)type;
    if (event->type == WIRE_RESULT)
        return decode_result(object, &event->result, err);
    if (event->type == WIRE_STDOUT || event->type == WIRE_STDERR)
        return decode_data(object, event, err);
    return 0;
}

int wire_event_decode(const char *line, size_t len, struct wire_event *out, struct err *err)
{
    struct wire_event event = { 0 };
    if (decode_line(line, len, &event, err) != 0) {
        wire_event_release(&event);
        return -1;
    }
    *out = event;
    return 0;
}

void wire_event_release(struct wire_event *event)
{
    free(event->data);
    wire_result_release(&event->result);
    *event = (struct wire_event){ 0 };
}

void wire_result_release(struct wire_result *result)
{
    free(result->message);
    free(result->return_json);
    *result = (struct wire_result){ 0 };
}
