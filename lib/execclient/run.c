/* SPDX-License-Identifier: Apache-2.0 */
/* One execution at an executor: the request out, the events in, the answer or the loss up. */
#include <errno.h>
#include <string.h>

#include "lib/execclient/execclient.h"
#include "lib/execclient/lines.h"
#include "lib/execclient/request.h"
#include "lib/util/clock.h"
#include "lib/util/failpoint.h"
#include "lib/util/json.h"

enum {
    HEAD_MAX = 1024,        /* kept of a body that may turn out to be an error answer */
    STRAY_MAX = 64 * 1024,  /* longest error answer that is read to its end */
};

struct exec_run {
    struct http_call *call;
    const struct exec_handlers *handlers; /* NULL: dropped */
    void *arg;
    struct strbuf body;
    struct lines lines;
    struct strbuf head;
    struct exec_answer answer;
    size_t events;     /* understood so far */
    size_t stray;      /* bytes that came after something that is no event */
    bool garbage;      /* something was no event */
    bool answered;     /* the result is there */
    int64_t overdue_at;
    struct err fault;  /* what was wrong with the stream */
};

void exec_answer_release(struct exec_answer *answer)
{
    wire_result_release(&answer->result);
    strbuf_release(&answer->out.text);
    strbuf_release(&answer->err.text);
}

static void run_free(struct exec_run *run)
{
    strbuf_release(&run->body);
    strbuf_release(&run->head);
    lines_release(&run->lines);
    exec_answer_release(&run->answer);
    free(run);
}

static void take_event(struct exec_run *run, struct wire_event *event)
{
    run->events++;
    if (event->type == WIRE_STDOUT)
        FAILPOINT("dispatch.output");
    if (event->type == WIRE_STDOUT)
        exec_output_add(&run->answer.out, event->data, event->data_len, event->skipped);
    else if (event->type == WIRE_STDERR)
        exec_output_add(&run->answer.err, event->data, event->data_len, event->skipped);
    else if (event->type == WIRE_RESULT) {
        run->answer.result = event->result;
        event->result = (struct wire_result){ 0 };
        run->answered = true;
    }
}

static int on_line(void *arg, const char *line, size_t len, struct err *err)
{
    struct exec_run *run = arg;
    struct wire_event event = { 0 };
    if (run->answered)
        return err_set(err, ERR_INVALID, "The executor sent more than it should.");
    if (wire_event_decode(line, len, &event, err) != 0) {
        run->garbage = true;
        run->fault = *err;
        return run->events > 0 ? -1 : 0; /* what begins so may be an error answer: the status tells, at the end */
    }
    if (!run->garbage)
        take_event(run, &event);
    wire_event_release(&event);
    return run->garbage ? err_set(err, ERR_INVALID, "The executor's answer makes no sense.") : 0;
}

static int on_data(void *arg, const char *data, size_t len)
{
    struct exec_run *run = arg;
    if (run->head.len < HEAD_MAX) {
        size_t room = HEAD_MAX - run->head.len;
        strbuf_add(&run->head, data, len < room ? len : room);
    }
    if (run->garbage && (run->stray += len) > STRAY_MAX)
        return -1;
    struct err err = ERR_INIT;
    if (lines_feed(&run->lines, data, len, on_line, run, &err) == 0)
        return 0;
    if (run->answered)
        return 0; /* what follows a result does not matter */
    run->fault = err;
    return -1;
}

/* The reason in an error answer, if it is one: {"error": "..."} or {"message": "..."}. */
static void read_reason(const struct exec_run *run, int status, struct err *out)
{
    struct err ignored = ERR_INIT;
    cleanup_json struct json_object *body = NULL;
    const char *reason = NULL, *message = NULL;
    const struct json_field fields[] = {
        { .name = "error", .type = JSON_FIELD_STRING, .out = &reason },
        { .name = "message", .type = JSON_FIELD_STRING, .out = &message },
    };
    if (json_parse(strbuf_str(&run->head), run->head.len, &body, &ignored) == 0 && body)
        (void)!json_read_fields(body, "", fields, 2, JSON_UNKNOWN_IGNORE, &ignored);
    if (message)
        reason = message;
    err_set(out, ERR_INVALID, "The executor refused the execution (HTTP %d)%s%.200s", status,
            reason ? ": " : ".", reason ? reason : "");
}

static enum exec_loss classify(const struct exec_run *run, int status, const struct err *err, struct err *out)
{
    if (status == 401 || status == 403) {
        err_set(out, ERR_UNAUTHORIZED, "The executor does not accept its secret (HTTP %d).", status);
        return EXEC_LOSS_UNAUTHORIZED;
    }
    if (status == 429 || status >= 500) {
        err_set(out, ERR_UNAVAILABLE, "The executor cannot run it now (HTTP %d).", status);
        return EXEC_LOSS_BUSY;
    }
    if (status >= 400) {
        read_reason(run, status, out);
        return EXEC_LOSS_REFUSED;
    }
    *out = run->fault.code != ERR_NONE ? run->fault : *err;
    if (status == 0 && err->code == ERR_UNAVAILABLE)
        return EXEC_LOSS_UNREACHABLE;
    if (err->code == ERR_TIMEOUT && clock_mono_ms() >= run->overdue_at)
        return EXEC_LOSS_OVERDUE;
    if (out->code == ERR_NONE)
        err_set(out, ERR_UNCERTAIN, "The executor's answer ended before its result.");
    return EXEC_LOSS_BROKEN;
}

static void on_done(void *arg, int status, const struct err *err)
{
    static const struct err none = ERR_INIT;
    struct exec_run *run = arg;
    if (run->handlers && run->answered && (status == 200 || status == 0)) {
        run->handlers->on_answer(run->arg, &run->answer);
    } else if (run->handlers && run->handlers->on_accepted && status == 202) {
        run->handlers->on_accepted(run->arg);
    } else if (run->handlers) {
        struct err reason = ERR_INIT;
        enum exec_loss loss = classify(run, status, err ? err : &none, &reason);
        run->handlers->on_lost(run->arg, loss, &reason);
    }
    run_free(run);
}

static struct exec_run *run_new(const struct exec_handlers *handlers, void *arg, int64_t timeout_ms)
{
    struct exec_run *run = calloc(1, sizeof(*run));
    if (!run)
        return NULL;
    run->handlers = handlers;
    run->arg = arg;
    run->body = STRBUF_INIT(WIRE_REQUEST_MAX);
    run->head = STRBUF_INIT(HEAD_MAX);
    run->lines = LINES_INIT(WIRE_EVENT_MAX);
    run->answer.out = EXEC_OUTPUT_INIT;
    run->answer.err = EXEC_OUTPUT_INIT;
    run->overdue_at = clock_mono_ms() + timeout_ms + EXEC_MARGIN_MS;
    return run;
}

int execclient_start(struct http *http, const struct exec_target *target, const struct wire_execute *request,
                     const struct exec_handlers *handlers, void *arg, struct exec_run **out, struct err *err)
{
    struct exec_run *run = run_new(handlers, arg, request->timeout_ms);
    if (!run)
        return err_internal(err, ENOMEM, "starting an execution");
    struct exec_request call;
    exec_request_init(&call, target, "POST", "/execute", NULL, NULL);
    if (wire_execute_encode(request, &run->body, err) != 0) {
        run_free(run);
        return -1;
    }
    call.http.body = strbuf_str(&run->body);
    call.http.body_len = run->body.len;
    call.http.timeout_ms = request->timeout_ms + EXEC_MARGIN_MS;
    call.http.silence_ms = target->silence_ms ? target->silence_ms : EXEC_SILENCE_MS;
    call.http.on_data = on_data;
    call.http.on_done = on_done;
    call.http.arg = run;
    if (http_start(http, &call.http, &run->call, err) != 0) {
        run_free(run);
        return -1;
    }
    *out = run;
    return 0;
}

void execclient_drop(struct http *http, struct exec_run *run)
{
    if (!run)
        return;
    run->handlers = NULL;
    http_cancel(http, run->call);
}
