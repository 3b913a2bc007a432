/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of webhooks. */
#include "lib/wire/webhook.h"

#include <string.h>

#include "lib/util/clock.h"
#include "lib/wire/compose.h"

enum { BODY_MAX = 512 * 1024 }; /* what is told is bounded, but for escapes */

static void add_text(struct compose *compose, const char *name, const char *text)
{
    if (text)
        compose_text(compose, name, text);
    else
        compose_raw(compose, name, "null");
}

static void add_time(struct compose *compose, const char *name, int64_t wall_ms)
{
    char text[CLOCK_TEXT_SIZE];
    clock_format(wall_ms, text);
    add_text(compose, name, wall_ms ? text : NULL);
}

static void add_error(struct compose *compose, const char *kind, const char *message)
{
    struct compose error;
    if (!kind && !message) {
        compose_raw(compose, "error", "null");
        return;
    }
    compose_start(&error);
    add_text(&error, "kind", kind);
    add_text(&error, "message", message);
    compose_object(compose, "error", &error);
}

static void add_output(struct compose *compose, const struct execution_outcome *outcome)
{
    struct compose output;
    compose_start(&output);
    compose_bytes(&output, "stdout", outcome->stdout_text ? outcome->stdout_text : "", outcome->stdout_len);
    compose_bytes(&output, "stderr", outcome->stderr_text ? outcome->stderr_text : "", outcome->stderr_len);
    compose_bool(&output, "stdout_truncated", outcome->stdout_truncated);
    compose_bool(&output, "stderr_truncated", outcome->stderr_truncated);
    compose_raw(&output, "return_value", outcome->return_json ? outcome->return_json : "null");
    compose_object(compose, "output", &output);
}

/* The envelope around `data`, which is given up. */
static char *wrap(const char *type, int64_t at_ms, struct compose *data)
{
    cleanup_strbuf struct strbuf text = STRBUF_INIT(BODY_MAX);
    struct err ignored = ERR_INIT;
    struct compose whole;
    compose_start(&whole);
    compose_text(&whole, "type", type);
    add_time(&whole, "timestamp", at_ms);
    compose_object(&whole, "data", data);
    return compose_finish(&whole, false, &text, &ignored) == 0 ? strbuf_steal(&text) : NULL;
}

char *wire_webhook_execution(const char *type, const struct execution *execution, bool output)
{
    const struct execution_outcome *outcome = &execution->outcome;
    struct compose data;
    compose_start(&data);
    compose_text(&data, "execution_id", execution->id);
    compose_text(&data, "session_id", execution->session_id);
    compose_text(&data, "status", execution_status_name(execution->status));
    compose_text(&data, "language", language_name(execution->language));
    compose_int(&data, "attempts", execution->attempts);
    add_time(&data, "created_at", execution->created_at);
    add_time(&data, "started_at", execution->started_at);
    add_time(&data, "completed_at", execution->completed_at);
    if (outcome->has_exit_code)
        compose_int(&data, "exit_code", outcome->exit_code);
    else
        compose_raw(&data, "exit_code", "null");
    compose_number(&data, "execution_time", outcome->duration_ms / 1000);
    add_error(&data, outcome->error_kind, outcome->error_message);
    if (output)
        add_output(&data, outcome);
    else
        compose_raw(&data, "output", "null");
    return wrap(type, execution->completed_at, &data);
}

char *wire_webhook_session(const char *type, const struct session *session)
{
    struct compose data;
    compose_start(&data);
    compose_text(&data, "session_id", session->id);
    compose_text(&data, "template_id", session->template_id);
    compose_text(&data, "status", session_status_name(session->status));
    compose_int(&data, "restarts", session->restarts);
    add_time(&data, "created_at", session->created_at);
    add_time(&data, "started_at", session->started_at);
    add_time(&data, "terminated_at", session->ended_at);
    const char *kind = session->status == SESSION_TIMEOUT ? "session_idle" : "session_failed";
    add_error(&data, session->error ? kind : NULL, session->error);
    return wrap(type, session->ended_at, &data);
}
