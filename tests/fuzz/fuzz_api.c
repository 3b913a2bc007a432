/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what a client controls of a request: path and query, headers, body. Input: the target, a newline, the value of one header, a
 * newline, the body. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/codec/execution_codec.h"
#include "fcgi/codec/session_codec.h"
#include "fcgi/request.h"
#include "fcgi/response.h"
#include "fcgi/router.h"
#include "lib/util/json_span.h"
#include "lib/util/json_strict.h"
#include "lib/util/utf8.h"
#include "tests/fuzz/fuzz.h"

const char *const fuzz_seeds[] = {
    "/api/v1/sessions?limit=20&label.app=x\n60\n"
    "{\"template_id\":\"python-basic\",\"timeout\":300,\"resources\":{\"cpu\":\"1\",\"memory\":\"512Mi\",\"disk\":\"1Gi\","
    "\"max_processes\":64},\"env_vars\":{\"LOG_LEVEL\":\"info\"},\"labels\":{\"a/b\":\"c\"}}",
    "/api/v1/sessions/sess_abc123def4567890/execute?limit=7\napplication/json; charset=utf-8\n"
    "{\"code\":\"def handler(event):\\n    return 1\",\"language\":\"python\",\"timeout\":30,\"event\":{\"x\":10,"
    "\"y\":[1.5e3,true,null,\"\\u00e9\"]},\"env_vars\":{\"A\":\"1\"},\"max_retries\":2} ",
    NULL,
};

static void require(bool held, const char *what)
{
    if (held)
        return;
    fprintf(stderr, "fuzz_api: %s\n", what);
    abort();
}

struct input {
    const char *data;
    size_t left;
};

static long read_input(void *arg, char *buf, size_t len)
{
    struct input *input = arg;
    size_t take = input->left < len ? input->left : len;
    memcpy(buf, input->data, take);
    input->data += take;
    input->left -= take;
    return (long)take;
}

static int drop(void *arg, const char *data, size_t len)
{
    require(utf8_valid(data, len), "an answer that is no UTF-8");
    (void)arg;
    return 0;
}

/* Every error must become an answer. */
static void answer(const struct err *err)
{
    struct response response = { .request_id = "fuzz" };
    const struct response_sink sink = { .write = drop };
    require(err->code != ERR_NONE && err->code != ERR_INTERNAL, "a refusal without a reason");
    response_error(&response, err);
    require(response_send(&response, false, &sink) == 0, "an error that cannot be sent");
    response_release(&response);
}

static void decode(const char *text, size_t len)
{
    struct session_request session;
    struct execution_request execution;
    struct err err = ERR_INIT;
    size_t start, span;
    if (json_member_span(text, len, "event", &start, &span))
        require(start <= len && span <= len - start, "a span beyond its text");
    if (session_request_decode(text, len, &session, &err) != 0)
        answer(&err);
    session_request_release(&session);
    err = ERR_INIT;
    if (execution_request_decode(text, len, &execution, &err) != 0)
        answer(&err);
    else if (execution.event_json)
        require(json_strict_valid(execution.event_json, strlen(execution.event_json)), "an event that is no JSON");
    execution_request_release(&execution);
}

static int open_and_read(struct request *request, const struct request_source *source, struct err *err)
{
    struct route_match match;
    int64_t number;
    if (request_open(request, source, err) != 0 ||
        router_find(route_table, route_count, request->method, request->segments, request->segment_count, &match,
                    err) != 0 ||
        request_query_int(request, "limit", 1, 200, &number, err) != 0 ||
        request_check_query(request, "limit|label.*", err) != 0)
        return -1;
    return request_read_body(request, REQUEST_BODY_MAX, err);
}

/* The next line of the input as "NAME=line"; cut at a NUL, as FastCGI parameters are. */
static char *take_param(const char *name, const char **at, size_t *left)
{
    const char *newline = memchr(*at, '\n', *left);
    size_t len = newline ? (size_t)(newline - *at) : *left;
    size_t name_len = strlen(name);
    char *param = malloc(name_len + len + 1);
    memcpy(param, name, name_len);
    memcpy(param + name_len, *at, len);
    param[name_len + len] = '\0';
    *at += newline ? len + 1 : len;
    *left -= newline ? len + 1 : len;
    return param;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { .data = (const char *)data, .left = size };
    char *uri = take_param("REQUEST_URI=", &input.data, &input.left);
    char *header = take_param(size % 2 ? "CONTENT_LENGTH=" : "CONTENT_TYPE=", &input.data, &input.left);
    char *params[] = { uri, header, (char[]){ "REQUEST_METHOD=POST" },
                       size % 2 ? (char[]){ "CONTENT_TYPE=application/json" } : NULL, NULL };
    const struct request_source source = { .params = params, .read = read_input, .arg = &input };
    struct request *request = malloc(sizeof(*request));
    struct err err = ERR_INIT;
    decode(input.data, input.left);
    if (open_and_read(request, &source, &err) != 0)
        answer(&err);
    request_release(request);
    free(request);
    free(uri);
    free(header);
    return 0;
}
