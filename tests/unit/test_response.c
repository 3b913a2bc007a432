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
    const struct response_sink sink = { .write = keep, .arg = &out };
    ck_assert_int_eq(response_send(response, head, &sink), 0);
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
    const struct response_sink sink = { .write = refuse };
    response_json(&response, 200, json_object_new_object());
    ck_assert_int_eq(response_send(&response, false, &sink), -1);
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
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
