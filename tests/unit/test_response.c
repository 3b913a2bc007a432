/* SPDX-License-Identifier: Apache-2.0 */
/* fcgi/response: headers, and errors as clients see them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/response.h"
#include "lib/model/error_info.h"
#include "lib/util/strbuf.h"

static int keep(void *arg, const char *data, size_t len)
{
    strbuf_add(arg, data, len);
    return 0;
}

static int refuse(void *arg, const char *data, size_t len)
{
    (void)arg;
    (void)data;
    (void)len;
    return -1;
}

/* What goes over the wire. */
static char *sent(struct response *response, bool head)
{
    struct strbuf out = STRBUF_INIT(65536);
    struct err failure = ERR_INIT;
    const struct response_sink sink = { .write = keep, .arg = &out };
    ck_assert_int_eq(response_send(response, head, &sink, &failure), 0);
    return strbuf_steal(&out);
}

#define COMMON "X-Request-Id: r1\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"

START_TEST(test_response__headers_and_body)
{
    struct response response = { .request_id = "r1", .location = "/api/v1/sessions/x" };
    struct json_object *body = json_object_new_object();
    json_object_object_add(body, "a", json_object_new_int(1));
    response_json(&response, 201, body);
    char *text = sent(&response, false);
    ck_assert_str_eq(text, "Status: 201 Created\r\n" COMMON "Location: /api/v1/sessions/x\r\n"
                           "Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
    free(text);
    text = sent(&response, true);
    ck_assert_ptr_nonnull(strstr(text, "Content-Length: 7\r\n\r\n"));
    ck_assert_ptr_null(strstr(text, "{"));
    free(text);
    response_release(&response);
}
END_TEST

START_TEST(test_response__no_body)
{
    struct response response = { .request_id = "r1", .allow = "GET, OPTIONS" };
    response_json(&response, 204, NULL);
    char *text = sent(&response, false);
    ck_assert_str_eq(text, "Status: 204 No Content\r\n" COMMON "Allow: GET, OPTIONS\r\n\r\n");
    free(text);
    response_release(&response);
}
END_TEST

START_TEST(test_response__error)
{
    struct response response = { .request_id = "r1" };
    struct err err = ERR_INIT;
    err_field(&err, "/code", "code is required.");
    err_wrap(&err, "PRIVATE");
    response_json(&response, 200, json_object_new_object());
    response_error(&response, &err);
    char *text = sent(&response, false);
    ck_assert_ptr_nonnull(strstr(text, "Status: 400 Bad Request\r\n"));
    ck_assert_ptr_nonnull(strstr(text, "{\"error_code\":\"Sandbox.InvalidParameter\",\"description\":"
                                       "\"Invalid request parameter\",\"error_detail\":\"code is required.\","));
    ck_assert_ptr_nonnull(strstr(text, "\"field\":\"/code\",\"request_id\":\"r1\"}"));
    ck_assert_ptr_null(strstr(text, "PRIVATE"));
    ck_assert_ptr_null(strstr(text, "Retry-After"));
    free(text);
    response_release(&response);
}
END_TEST

/* Each code: a status, an answer with the documented fields, Retry-After exactly when trying again helps. */
START_TEST(test_response__every_code)
{
    struct response response = { .request_id = "r1" };
    struct err err = { .code = (enum err_code)_i, .text = "t" };
    response_error(&response, &err);
    ck_assert_int_eq(response.status, error_info(err.code)->http_status);
    static const char *const names[] = { "error_code", "description", "error_detail", "solution", "request_id" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct json_object *value = NULL;
        ck_assert(json_object_object_get_ex(response.body, names[i], &value));
        ck_assert_int_gt(json_object_get_string_len(value), 0);
    }
    char *text = sent(&response, false);
    ck_assert_ptr_null(strstr(text, "Unknown"));
    ck_assert_int_eq(strstr(text, "Retry-After: ") != NULL, error_info(err.code)->retryable);
    ck_assert_int_eq(strstr(text, "WWW-Authenticate: Bearer\r\n") != NULL, response.status == 401);
    free(text);
    response_release(&response);
}
END_TEST

/* A quoted name may be cut within a character. */
START_TEST(test_response__error_texts_are_utf8)
{
    struct response response = { .request_id = "r1" };
    struct err err = ERR_INIT;
    err_field(&err, "/\xc3", "Unknown field \"%.2s\".", "a\xc3\xa9");
    response_error(&response, &err);
    char *text = sent(&response, false);
    ck_assert_ptr_nonnull(strstr(text, "Unknown field \\\"a\xef\xbf\xbd\\\"."));
    ck_assert_ptr_nonnull(strstr(text, "\"field\":\"/\xef\xbf\xbd\""));
    free(text);
    response_release(&response);
}
END_TEST

START_TEST(test_response__client_is_gone)
{
    struct response response = { .request_id = "r1" };
    struct err failure = ERR_INIT;
    const struct response_sink sink = { .write = refuse };
    response_json(&response, 200, json_object_new_object());
    ck_assert_int_eq(response_send(&response, false, &sink, &failure), -1);
    response_release(&response);
}
END_TEST

/* A body in two pieces, that may fail: before the first, or before the second. */
enum fault { NO_FAULT, AT_ONCE, IN_THE_MIDDLE, EMPTY };
struct source { enum fault fault; };

static int run_source(void *arg, response_put_fn put, void *put_arg, struct err *err)
{
    const struct source *source = arg;
    if (source->fault == EMPTY)
        return 0;
    if (source->fault == AT_ONCE)
        return err_internal(err, 0, "PRIVATE");
    if (put(put_arg, "ab", 2, err) != 0)
        return -1;
    if (source->fault == IN_THE_MIDDLE)
        return err_set(err, ERR_UNAVAILABLE, "The storage does not answer.");
    return put(put_arg, "c", 1, err);
}

struct seen {
    struct strbuf text;
    bool aborted, gone;
};

static int keep_seen(void *arg, const char *data, size_t len)
{
    struct seen *seen = arg;
    strbuf_add(&seen->text, data, len);
    return seen->gone ? -1 : 0;
}

static void abort_seen(void *arg)
{
    ((struct seen *)arg)->aborted = true;
}

static void stream_make(struct response *response, enum fault fault)
{
    struct source *source = malloc(sizeof(*source));
    source->fault = fault;
    response_json(response, 200, NULL);
    response->cache_control = "private, no-cache";
    response_header(response, "Content-Length: %d", 3);
    response->stream = (struct response_stream){ .run = run_source, .arg = source };
}

START_TEST(test_response__streams)
{
    static const struct {
        enum fault fault;
        bool head, gone;
        int status;
        const char *end;
        bool aborted;
        enum err_code failure;
    } streams[] = {
        { NO_FAULT, false, false, 0, "Content-Length: 3\r\n\r\nabc", false, ERR_NONE },
        { NO_FAULT, true, false, 0, "Content-Length: 3\r\n\r\n", false, ERR_NONE },
        { EMPTY, false, false, 0, "Content-Length: 3\r\n\r\n", false, ERR_NONE },
        { AT_ONCE, false, false, 0, "\"request_id\":\"r1\"}", false, ERR_INTERNAL },
        { IN_THE_MIDDLE, false, false, -1, "\r\n\r\nab", true, ERR_UNAVAILABLE },
        { NO_FAULT, false, true, -1, "\r\n\r\n", false, ERR_NONE },
    };
    struct seen seen = { .text = STRBUF_INIT(65536), .gone = streams[_i].gone };
    const struct response_sink sink = { .write = keep_seen, .abort = abort_seen, .arg = &seen };
    struct response response = { .request_id = "r1" };
    struct err failure = ERR_INIT;
    stream_make(&response, streams[_i].fault);
    ck_assert_int_eq(response_send(&response, streams[_i].head, &sink, &failure), streams[_i].status);
    const char *text = strbuf_str(&seen.text), *end = streams[_i].end;
    ck_assert_msg(strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0, "%s", text);
    ck_assert_int_eq(seen.aborted, streams[_i].aborted);
    ck_assert_int_eq(failure.code, streams[_i].failure);
    if (streams[_i].fault == AT_ONCE) {
        ck_assert_ptr_nonnull(strstr(text, "Status: 500 "));
        ck_assert_ptr_null(strstr(text, "Content-Length: 3\r\n"));
        ck_assert_ptr_null(strstr(text, "PRIVATE"));
    } else {
        ck_assert_ptr_nonnull(strstr(text, "Cache-Control: private, no-cache\r\n"));
    }
    strbuf_release(&seen.text);
    response_release(&response);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("response");
    TCase *tcase = tcase_create("response");
    tcase_add_test(tcase, test_response__headers_and_body);
    tcase_add_test(tcase, test_response__no_body);
    tcase_add_test(tcase, test_response__error);
    tcase_add_loop_test(tcase, test_response__every_code, 1, ERR_CODES);
    tcase_add_test(tcase, test_response__error_texts_are_utf8);
    tcase_add_test(tcase, test_response__client_is_gone);
    tcase_add_loop_test(tcase, test_response__streams, 0, 6);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
