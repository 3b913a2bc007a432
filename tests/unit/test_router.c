/* SPDX-License-Identifier: Apache-2.0 */
/* fcgi/router: which row a request takes, and what the real table promises. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/request.h"
#include "fcgi/router.h"

#define FILE_PATTERN "/api/v1/sessions/{id}/files/{path...}"
static const struct {
    const char *method, *path;
    enum err_code code;
    const char *pattern; /* of the row that is found */
    const char *id;
    const char *allow; /* NULL: not looked at */
} cases[] = {
    { "GET", "/health", ERR_NONE, "/health", NULL, "GET, HEAD, OPTIONS" },
    { "HEAD", "/health", ERR_NONE, "/health", NULL, NULL },
    { "GET", "/api/v1/health", ERR_NONE, "/api/v1/health", NULL, NULL },
    { "GET", "/health/detailed", ERR_NONE, "/health/detailed", NULL, NULL },
    { "POST", "/api/v1/sessions", ERR_NONE, "/api/v1/sessions", NULL, NULL },
    { "GET", "/api/v1/sessions/sess_1", ERR_NONE, "/api/v1/sessions/{id}", "sess_1", NULL },
    { "HEAD", "/api/v1/sessions/sess_1", ERR_NONE, "/api/v1/sessions/{id}", "sess_1", NULL },
    { "DELETE", "/api/v1/sessions/a%2Fb", ERR_NONE, "/api/v1/sessions/{id}", "a/b", NULL },
    { "POST", "/api/v1/sessions/x/execute", ERR_NONE, "/api/v1/sessions/{id}/execute", "x", NULL },
    { "POST", "/api/v1/sessions/x/execute-sync", ERR_NONE, "/api/v1/sessions/{id}/execute-sync", "x", NULL },
    { "GET", "/api/v1/executions/e/result", ERR_NONE, "/api/v1/executions/{id}/result", "e", NULL },
    { "OPTIONS", "/api/v1/sessions", ERR_NONE, NULL, NULL, "POST, GET, HEAD, OPTIONS" },
    { "PUT", "/api/v1/sessions", ERR_METHOD, NULL, NULL, "POST, GET, HEAD, OPTIONS" },
    { "POST", "/api/v1/sessions/x", ERR_METHOD, NULL, NULL, "GET, HEAD, DELETE, OPTIONS" },
    { "GET", "/api/v1/sessions/x/execute", ERR_METHOD, NULL, NULL, "POST, OPTIONS" },
    { "HEAD", "/api/v1/sessions/x/execute", ERR_METHOD, NULL, NULL, "POST, OPTIONS" },
    { "get", "/health", ERR_METHOD, NULL, NULL, NULL },
    { "", "/health", ERR_METHOD, NULL, NULL, NULL },
    { "GET", "/api/v1/sessions/x/files", ERR_NONE, "/api/v1/sessions/{id}/files", "x", "GET, HEAD, OPTIONS" },
    { "GET", "/api/v1/sessions/x/files/a", ERR_NONE, FILE_PATTERN, "x", NULL },
    { "HEAD", "/api/v1/sessions/x/files/a/b%2Fc/d", ERR_NONE, FILE_PATTERN, "x", "GET, HEAD, DELETE, OPTIONS" },
    { "DELETE", "/api/v1/sessions/x/files/", ERR_NONE, FILE_PATTERN, "x", NULL },
    { "GET", "/api/v1/sessions/x/files//etc/passwd", ERR_NONE, FILE_PATTERN, "x", NULL },
    { "GET", "/api/v1/sessions/x/files/upload", ERR_NONE, FILE_PATTERN, "x", NULL },
    { "PUT", "/api/v1/sessions/x/files/a", ERR_METHOD, NULL, NULL, "GET, HEAD, DELETE, OPTIONS" },
    { "GET", "/api/v1/sessions//files/a", ERR_NOT_FOUND, NULL, NULL, "" },
    { "GET", "/", ERR_NOT_FOUND, NULL, NULL, "" },
    { "GET", "/health/", ERR_NOT_FOUND, NULL, NULL, "" },
    { "GET", "//health", ERR_NOT_FOUND, NULL, NULL, "" },
    { "GET", "/Health", ERR_NOT_FOUND, NULL, NULL, "" },
    { "GET", "/api/v1", ERR_NOT_FOUND, NULL, NULL, "" },
    { "GET", "/api/v1/sessions/", ERR_NOT_FOUND, NULL, NULL, "" },
    { "GET", "/api/v1/sessions//", ERR_NOT_FOUND, NULL, NULL, "" },
    { "POST", "/api/v1/sessions//execute", ERR_NOT_FOUND, NULL, NULL, "" },
    { "GET", "/api/v1/sessions%2Fx", ERR_NOT_FOUND, NULL, NULL, "" },
    { "GET", "/api/v1/sessions/x/execute/y", ERR_NOT_FOUND, NULL, NULL, "" },
    { "OPTIONS", "/nothing", ERR_NOT_FOUND, NULL, NULL, "" },
};

START_TEST(test_router__cases)
{
    char uri[256] = "REQUEST_URI=", method[32] = "REQUEST_METHOD=";
    strcat(uri, cases[_i].path);
    strcat(method, cases[_i].method);
    char *params[] = { uri, method, NULL };
    const struct request_source source = { .params = params };
    struct request request;
    struct route_match match;
    struct err err = ERR_INIT;
    ck_assert_int_eq(request_open(&request, &source, &err), 0);
    int status = router_find(route_table, route_count, request.method, request.segments,
                             request.segment_count, &match, &err);
    ck_assert_msg(err.code == cases[_i].code, "%s %s: %d", cases[_i].method, cases[_i].path, err.code);
    ck_assert_int_eq(status, cases[_i].code == ERR_NONE ? 0 : -1);
    ck_assert_pstr_eq(match.route ? match.route->pattern : NULL, cases[_i].pattern);
    ck_assert_pstr_eq(match.id, cases[_i].id);
    if (cases[_i].allow)
        ck_assert_str_eq(match.allow, cases[_i].allow);
    ck_assert_int_eq(match.head, match.route && strcmp(cases[_i].method, "HEAD") == 0);
    request_release(&request);
}
END_TEST

/* {path...} is all that follows, as it is. */
START_TEST(test_router__tail)
{
    static const char *const segments[] = { "api", "v1", "sessions", "x", "files", "a", "", "b/c" };
    struct route_match match;
    struct err err = ERR_INIT;
    for (size_t count = 6; count <= 8; count++) {
        ck_assert_int_eq(router_find(route_table, route_count, "DELETE", segments, count, &match, &err), 0);
        ck_assert_ptr_eq(match.tail, segments + 5);
        ck_assert_uint_eq(match.tail_count, count - 5);
    }
    ck_assert_int_eq(router_find(route_table, route_count, "GET", segments, 5, &match, &err), 0);
    ck_assert_uint_eq(match.tail_count, 0);
}
END_TEST

/* Only health is open; what takes a body is a POST; each row is complete and no row is there twice. */
START_TEST(test_router__table_is_sound)
{
    const struct route *route = &route_table[_i];
    ck_assert_ptr_nonnull(route->handler);
    ck_assert_int_eq(route->pattern[0], '/');
    ck_assert_uint_gt(strlen(route->summary), 0);
    if (route->access == ACCESS_OPEN)
        ck_assert_msg(strlen(route->pattern) >= 7 && strcmp(route->pattern + strlen(route->pattern) - 7, "/health") == 0,
                      "%s is open to everybody", route->pattern);
    ck_assert_int_eq(route->access == ACCESS_SCOPE, route->scope != 0);
    ck_assert(route->body_limit == 0 || strcmp(route->method, "POST") == 0 || strcmp(route->method, "PUT") == 0);
    for (int i = 0; i < _i; i++)
        ck_assert(strcmp(route->pattern, route_table[i].pattern) != 0 ||
                  strcmp(route->method, route_table[i].method) != 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("router");
    TCase *tcase = tcase_create("router");
    tcase_add_loop_test(tcase, test_router__cases, 0, sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tcase, test_router__tail);
    tcase_add_loop_test(tcase, test_router__table_is_sound, 0, (int)route_count);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
