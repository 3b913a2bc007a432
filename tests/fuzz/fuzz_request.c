/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes what a client controls of a request: path and query, headers, the body's length. Input: the target, a newline, the value of
 * one header, a newline, the body. */
#include "fcgi/request.h"
#include "fcgi/response.h"
#include "fcgi/router.h"
#include "lib/util/utf8.h"
#include "tests/fuzz/fuzz.h"

struct input {
    const char *data;
    size_t left;
};

static long read_input(void *arg, char *buf, size_t len)
{
    struct input *input = arg;
    size_t take = input->left < len ? input->left : len;
    if (take)
        memcpy(buf, input->data, take);
    input->data += take;
    input->left -= take;
    return (long)take;
}

static int drop(void *arg, const char *data, size_t len)
{
    fuzz_require(utf8_valid(data, len), "an answer that is no UTF-8");
    (void)arg;
    return 0;
}

/* Every error must become an answer. */
static void answer(const struct err *err)
{
    struct response response = { .request_id = "fuzz" };
    struct err failure = ERR_INIT;
    const struct response_sink sink = { .write = drop };
    fuzz_require(err->code != ERR_NONE && err->code != ERR_INTERNAL, "a refusal without a reason");
    response_error(&response, err);
    fuzz_require(response_send(&response, false, &sink, &failure) == 0, "an error that cannot be sent");
    response_release(&response);
}

/* What has passed holds nothing that a path or a query must not. */
static void check(const struct request *request)
{
    for (size_t i = 0; i < request->segment_count; i++) {
        const char *segment = request->segments[i];
        fuzz_require(utf8_valid(segment, strlen(segment)), "a path that is no UTF-8");
        fuzz_require(strcmp(segment, "..") != 0 && strcmp(segment, ".") != 0, "a path that climbs");
        fuzz_require(!strpbrk(segment, "\r\n\t\x7f"), "a path with a control character");
    }
    for (size_t i = 0; i < request->query_count; i++) {
        const char *value = request->query[i].value;
        fuzz_require(utf8_valid(value, strlen(value)) && !strpbrk(value, "\r\n\t\x7f"), "a query with a control character");
    }
}

static int open_and_read(struct request *request, const struct request_source *source, struct err *err)
{
    struct route_match match;
    int64_t number = 1;
    if (request_open(request, source, err) != 0)
        return -1;
    check(request);
    if (router_find(route_table, route_count, request->method, request->segments, request->segment_count, &match, err) != 0 ||
        request_query_int(request, "limit", 1, 200, &number, err) != 0 ||
        request_check_query(request, match.route->query, err) != 0)
        return -1;
    fuzz_require(number >= 1 && number <= 200, "a number out of its range");
    return request_read_body(request, match.route->body_limit, err);
}

/* The next line of the input as "NAME=line"; cut at a NUL, as FastCGI parameters are. */
static char *take_param(const char *name, const char **at, size_t *left)
{
    const char *newline = *left ? memchr(*at, '\n', *left) : NULL;
    size_t len = newline ? (size_t)(newline - *at) : *left;
    size_t name_len = strlen(name);
    char *param = malloc(name_len + len + 1);
    memcpy(param, name, name_len);
    if (len)
        memcpy(param + name_len, *at, len);
    param[name_len + len] = '\0';
    *at += newline ? len + 1 : len;
    *left -= newline ? len + 1 : len;
    return param;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const methods[] = { "REQUEST_METHOD=POST", "REQUEST_METHOD=GET", "REQUEST_METHOD=PUT", "REQUEST_METHOD=DELETE" };
    struct input input = { .data = (const char *)data, .left = size };
    char *uri = take_param("REQUEST_URI=", &input.data, &input.left);
    char *header = take_param(size % 2 ? "CONTENT_LENGTH=" : "CONTENT_TYPE=", &input.data, &input.left);
    char method[32];
    snprintf(method, sizeof(method), "%s", methods[size / 2 % 4]);
    char *params[] = { uri, header, method, size % 2 ? (char[]){ "CONTENT_TYPE=application/json" } : NULL, NULL };
    const struct request_source source = { .params = params, .read = read_input, .arg = &input };
    struct request *request = malloc(sizeof(*request));
    struct err err = ERR_INIT;
    if (open_and_read(request, &source, &err) != 0)
        answer(&err);
    request_release(request);
    free(request);
    free(uri);
    free(header);
    return 0;
}
