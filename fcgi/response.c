/* SPDX-License-Identifier: Apache-2.0 */
/* Writes answers in CGI form: a Status header, the others, an empty line, the body. */
#include "config.h" /* vasprintf */

#include "fcgi/response.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/error_info.h"
#include "lib/util/strbuf.h"
#include "lib/util/utf8.h"

enum { HEADERS_MAX = 16 * 1024 };

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 206, "Partial Content" },
    { 304, "Not Modified" },
    { 307, "Temporary Redirect" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 409, "Conflict" },
    { 413, "Content Too Large" },
    { 415, "Unsupported Media Type" },
    { 416, "Range Not Satisfiable" },
    { 429, "Too Many Requests" },
    { 500, "Internal Server Error" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
};

size_t response_statuses(void)
{
    return sizeof(reasons) / sizeof(reasons[0]);
}

int response_status_at(size_t index)
{
    return reasons[index].status;
}

static const char *reason_of(int status)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

void response_release(struct response *response)
{
    json_release(&response->body);
    free(steal(response->text));
    strbuf_release(&response->headers);
    free(response->stream.arg);
    response->stream = (struct response_stream){ 0 };
    response->cache_control = NULL;
}

void response_header(struct response *response, const char *format, ...)
{
    cleanup_free char *line = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&line, format, args);
    va_end(args);
    if (len < 0)
        line = NULL;
    if (response->headers.max == 0)
        response->headers = STRBUF_INIT(HEADERS_MAX);
    strbuf_addf(&response->headers, "%s\r\n", line ? line : "");
    response->headers.failed |= !line;
}

void response_json(struct response *response, int status, struct json_object *body)
{
    response_release(response);
    response->status = status;
    response->body = body;
}

int response_text(struct response *response, int status, const char *type, struct strbuf *text, struct err *err)
{
    size_t len = text->len;
    char *taken = strbuf_ok(text) ? strbuf_steal(text) : NULL;
    if (!taken)
        return err_internal(err, 0, "an answer is too long, or out of memory for it");
    response_release(response);
    response->status = status;
    response->text = taken;
    response->text_len = len;
    response->text_type = type;
    return 0;
}

/* Error texts quote the client and are cut at a length: what is no UTF-8 is repaired. */
static void add_text(struct json_object *object, const char *name, const char *text)
{
    cleanup_strbuf struct strbuf repaired = STRBUF_INIT(4096);
    utf8_repair(text, strlen(text), &repaired);
    json_object_object_add(object, name, json_object_new_string(strbuf_str(&repaired)));
}

void response_error(struct response *response, const struct err *err)
{
    const struct error_info *info = response->internal ? error_info_internal(err->code) : error_info(err->code);
    struct json_object *body = json_object_new_object();
    if (body) {
        add_text(body, "error_code", info->name);
        add_text(body, "description", info->description);
        add_text(body, "error_detail", err->text);
        add_text(body, "solution", info->solution);
        if (err->field[0])
            add_text(body, "field", err->field);
        add_text(body, "request_id", response->request_id);
    }
    response_json(response, info->http_status, body);
    response->location[0] = '\0';
    response->error_code = info->name;
    response->retry_after_s = err->retry_after_s ? err->retry_after_s : info->retryable ? RETRY_AFTER_S : 0;
    response->replayed = false;
    response->challenge = info->http_status == 401;
}

static void add_headers(const struct response *response, size_t body_len, struct strbuf *out)
{
    strbuf_addf(out, "Status: %d %s\r\n", response->status, reason_of(response->status));
    strbuf_addf(out, "X-Request-Id: %s\r\n", response->request_id);
    strbuf_addf(out, "Cache-Control: %s\r\nX-Content-Type-Options: nosniff\r\n",
                response->cache_control ? response->cache_control : "no-store");
    if (response->location[0])
        strbuf_addf(out, "Location: %s\r\n", response->location);
    if (response->allow[0])
        strbuf_addf(out, "Allow: %s\r\n", response->allow);
    if (response->retry_after_s)
        strbuf_addf(out, "Retry-After: %d\r\n", response->retry_after_s);
    if (response->replayed)
        strbuf_add_str(out, "Idempotency-Replayed: true\r\n");
    if (response->challenge)
        strbuf_add_str(out, "WWW-Authenticate: Bearer\r\n");
    if (response->body || response->text)
        strbuf_addf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n",
                    response->text ? response->text_type : "application/json", body_len);
    strbuf_add(out, strbuf_str(&response->headers), response->headers.len);
    strbuf_add_str(out, "\r\n");
}

static int send_plain(struct response *response, bool head, const struct response_sink *sink)
{
    cleanup_strbuf struct strbuf headers = STRBUF_INIT(2 * HEADERS_MAX);
    const char *text = response->body ? json_text(response->body) : response->text ? response->text : "";
    if (!text || response->headers.failed) { /* no memory for the body's text, or for headers */
        const struct err err = { .code = ERR_INTERNAL, .text = "An internal error occurred." };
        response_error(response, &err);
        text = response->body ? json_text(response->body) : "";
        text = text ? text : "";
    }
    size_t len = response->text ? response->text_len : strlen(text);
    add_headers(response, len, &headers);
    if (!strbuf_ok(&headers) || sink->write(sink->arg, headers.data, headers.len) != 0)
        return -1;
    return head || len == 0 ? 0 : sink->write(sink->arg, text, len);
}

/* A stream under way. */
struct flow {
    struct response *response;
    const struct response_sink *sink;
    bool begun; /* its headers are out */
    bool gone;  /* the client is */
};

static int begin(struct flow *flow)
{
    if (!flow->begun)
        flow->gone = send_plain(flow->response, true, flow->sink) != 0;
    flow->begun = true;
    return flow->gone ? -1 : 0;
}

static int put(void *arg, const char *data, size_t len, struct err *err)
{
    struct flow *flow = arg;
    if (begin(flow) == 0)
        flow->gone = flow->sink->write(flow->sink->arg, data, len) != 0;
    return flow->gone ? err_set(err, ERR_UNAVAILABLE, "The client is gone.") : 0;
}

static int send_stream(struct response *response, const struct response_sink *sink, struct err *failure)
{
    struct flow flow = { .response = response, .sink = sink };
    struct err err = ERR_INIT;
    int status = response->stream.run(response->stream.arg, put, &flow, &err);
    if (status == 0)
        return begin(&flow); /* an empty body has had no piece */
    if (flow.gone)
        return -1;
    *failure = err;
    if (!flow.begun) {
        response_error(response, &err);
        return send_plain(response, false, sink);
    }
    if (sink->abort)
        sink->abort(sink->arg);
    return -1;
}

int response_send(struct response *response, bool head, const struct response_sink *sink, struct err *failure)
{
    if (response->stream.run && !head && !response->headers.failed)
        return send_stream(response, sink, failure);
    return send_plain(response, head, sink);
}
