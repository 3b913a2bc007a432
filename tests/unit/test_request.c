/* SPDX-License-Identifier: Apache-2.0 */
/* fcgi/request: paths, queries and bodies, good and bad. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/request.h"

enum { PARAMS_MAX = 8 };

/* A request whose body comes in pieces, as from a socket. */
struct fake {
    char text[PARAMS_MAX][2 * REQUEST_TARGET_MAX];
    char *params[PARAMS_MAX + 1];
    int count;
    const char *body;
    size_t left;
    bool broken; /* the connection breaks where the body ends */
    struct request_source source;
    struct request request;
    struct err err;
};

static long read_fake(void *arg, char *buf, size_t len)
{
    struct fake *fake = arg;
    size_t take = fake->left < 7 ? fake->left : 7;
    ck_assert_uint_ge(len, take);
    if (take == 0)
        return fake->broken ? -1 : 0;
    memcpy(buf, fake->body, take);
    fake->body += take;
    fake->left -= take;
    return (long)take;
}

static struct fake *fake_new(void)
{
    struct fake *fake = calloc(1, sizeof(*fake));
    fake->source = (struct request_source){ .params = fake->params, .read = read_fake, .arg = fake };
    return fake;
}

static void fake_param(struct fake *fake, const char *name, const char *value)
{
    if (!value)
        return;
    ck_assert_int_lt(fake->count, PARAMS_MAX);
    snprintf(fake->text[fake->count], sizeof(fake->text[0]), "%s=%s", name, value);
    fake->params[fake->count] = fake->text[fake->count];
    fake->count++;
}

static int fake_open(struct fake *fake, const char *method, const char *uri)
{
    fake_param(fake, "REQUEST_METHOD", method);
    fake_param(fake, "REQUEST_URI", uri);
    return request_open(&fake->request, &fake->source, &fake->err);
}

static void fake_free(struct fake *fake)
{
    request_release(&fake->request);
    free(fake);
}

#define TEN "/1/2/3/4/5/6/7/8/9/0"
#define TEN_GOT "1|2|3|4|5|6|7|8|9|0|"
static const struct {
    const char *uri;
    const char *segments; /* joined by '|'; NULL: refused */
} paths[] = {
    { "/", "" },
    { "/a/b", "a|b" },
    { "/a/", "a|" },
    { "//a", "|a" },
    { "/a?x=1", "a" },
    { "/a%20b", "a b" },
    { "/a+b", "a+b" },
    { "/%e2%82%ac", "\xe2\x82\xac" },
    { "/%E2%82%AC/x", "\xe2\x82\xac|x" },
    { "/a%2Fb/c", "a/b|c" },
    { "/a%25b", "a%b" },
    { "/a%252e", "a%2e" },
    { "/...", "..." },
    { "http://host:8000/a/b?x", "a|b" },
    { "HTTPS://host", "" },
    { "http://host?x=1", "" },
    { "/\xc3\xa9", "\xc3\xa9" },
    { "", NULL },
    { "*", NULL },
    { "a", NULL },
    { "/%", NULL },
    { "/%4", NULL },
    { "/%zz", NULL },
    { "/%0", NULL },
    { "/%00", NULL },
    { "/a%00b", NULL },
    { "/%0a", NULL },
    { "/%0D%0ASet-Cookie:x", NULL },
    { "/%7f", NULL },
    { "/a\tb", NULL },
    { "/.", NULL },
    { "/a/..", NULL },
    { "/a/../b", NULL },
    { "/a/%2e%2e/b", NULL },
    { "/%2E", NULL },
    { "/%ff", NULL },
    { "/%c0%af", NULL },
    { "/%ed%a0%80", NULL },
    { "/\xff", NULL },
    { TEN TEN TEN TEN TEN TEN TEN TEN, TEN_GOT TEN_GOT TEN_GOT TEN_GOT TEN_GOT TEN_GOT TEN_GOT "1|2|3|4|5|6|7|8|9|0" },
    { TEN TEN TEN TEN TEN TEN TEN TEN "/1", NULL },
};

START_TEST(test_request__path)
{
    struct fake *fake = fake_new();
    int status = fake_open(fake, "GET", paths[_i].uri);
    ck_assert_msg((status == 0) == (paths[_i].segments != NULL), "%s: %s", paths[_i].uri, fake->err.text);
    if (status == 0) {
        char joined[256] = "";
        for (size_t i = 0; i < fake->request.segment_count; i++) {
            strcat(joined, i ? "|" : "");
            strcat(joined, fake->request.segments[i]);
        }
        ck_assert_str_eq(joined, paths[_i].segments);
    } else {
        ck_assert(fake->err.code == ERR_INVALID || fake->err.code == ERR_NOT_FOUND);
    }
    fake_free(fake);
}
END_TEST

START_TEST(test_request__needs_method_and_uri)
{
    for (int i = 0; i < 3; i++) {
        struct fake *fake = fake_new();
        ck_assert_int_eq(fake_open(fake, i & 1 ? "GET" : NULL, i & 2 ? "/a" : NULL), -1);
        ck_assert_int_eq(fake->err.code, ERR_INVALID);
        ck_assert_ptr_nonnull(fake->request.method);
        fake_free(fake);
    }
}
END_TEST

START_TEST(test_request__target_has_a_ceiling)
{
    char uri[REQUEST_TARGET_MAX + 2];
    for (size_t len = REQUEST_TARGET_MAX - 1; len <= REQUEST_TARGET_MAX + 1; len++) {
        struct fake *fake = fake_new();
        memset(uri, 'a', len);
        uri[0] = '/';
        uri[len] = '\0';
        int status = fake_open(fake, "GET", uri);
        ck_assert_int_eq(status, len < REQUEST_TARGET_MAX ? 0 : -1);
        if (status != 0)
            ck_assert_int_eq(fake->err.code, ERR_TOO_LARGE);
        fake_free(fake);
    }
}
END_TEST

static const struct {
    const char *query;
    const char *decoded; /* "name=value|..."; NULL: refused */
} queries[] = {
    { "", "" },
    { "a=1", "a=1" },
    { "a=1&b=2", "a=1|b=2" },
    { "a", "a=" },
    { "a=", "a=" },
    { "&&a=1&", "a=1" },
    { "a=b=c", "a=b=c" },
    { "a=x+y%2b", "a=x y+" },
    { "label.a%2Fb=%26", "label.a/b=&" },
    { "a=?x", "a=?x" },
    { "a=1&a=2", NULL },
    { "a=1&%61=2", NULL },
    { "a=%", NULL },
    { "%=1", NULL },
    { "a=%00", NULL },
    { "a=%0a", NULL },
    { "a=%ff", NULL },
};

START_TEST(test_request__query)
{
    struct fake *fake = fake_new();
    char uri[128];
    snprintf(uri, sizeof(uri), "/x?%s", queries[_i].query);
    int status = fake_open(fake, "GET", uri);
    ck_assert_msg((status == 0) == (queries[_i].decoded != NULL), "%s", uri);
    if (status == 0) {
        char joined[256] = "";
        for (size_t i = 0; i < fake->request.query_count; i++) {
            const struct query_param *param = &fake->request.query[i];
            snprintf(joined + strlen(joined), 100, "%s%s=%s", i ? "|" : "", param->name, param->value);
        }
        ck_assert_str_eq(joined, queries[_i].decoded);
        ck_assert_str_eq(fake->request.path, "/x");
    }
    fake_free(fake);
}
END_TEST

START_TEST(test_request__query_has_a_ceiling)
{
    char uri[512] = "/?";
    for (int i = 0; i <= REQUEST_QUERY_MAX; i++)
        snprintf(uri + strlen(uri), 10, "p%d&", i);
    struct fake *fake = fake_new();
    ck_assert_int_eq(fake_open(fake, "GET", uri), -1);
    ck_assert_int_eq(fake->err.code, ERR_INVALID);
    fake_free(fake);
}
END_TEST

START_TEST(test_request__unknown_query_is_refused_by_name)
{
    static const struct {
        const char *query, *allowed, *refused; /* NULL: fine */
    } cases[] = {
        { "", NULL, NULL },          { "a=1", NULL, "a" },         { "a=1", "a", NULL },
        { "a=1&b=2", "a|b", NULL },  { "a=1&c=2", "a|b", "c" },    { "ab=1", "a|abc", "ab" },
        { "label.x=1", "a|label.*", NULL }, { "label.=1", "label.*", "label." }, { "label=1", "label.*", "label" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake *fake = fake_new();
        char uri[64];
        snprintf(uri, sizeof(uri), "/?%s", cases[i].query);
        ck_assert_int_eq(fake_open(fake, "GET", uri), 0);
        int status = request_check_query(&fake->request, cases[i].allowed, &fake->err);
        ck_assert_msg((status == 0) == (cases[i].refused == NULL), "%s", uri);
        if (status != 0)
            ck_assert_str_eq(fake->err.field, cases[i].refused);
        fake_free(fake);
    }
}
END_TEST

START_TEST(test_request__query_int)
{
    static const struct {
        const char *text;
        int64_t value; /* -1: refused */
    } cases[] = {
        { "0", 0 },    { "60", 60 },  { "007", 7 },  { "61", -1 },  { "-1", -1 },
        { "", -1 },    { "1.5", -1 }, { "%201", -1 }, { "+1", -1 }, { "1x", -1 },
        { "0x10", -1 }, { "99999999999999999999", -1 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake *fake = fake_new();
        char uri[64];
        int64_t value = -7;
        snprintf(uri, sizeof(uri), "/?wait=%s", cases[i].text);
        ck_assert_int_eq(fake_open(fake, "GET", uri), 0);
        int status = request_query_int(&fake->request, "wait", 0, 60, &value, &fake->err);
        ck_assert_msg((status == 0) == (cases[i].value >= 0), "%s", uri);
        ck_assert_int_eq(value, status == 0 ? cases[i].value : -7);
        value = -7;
        ck_assert_int_eq(request_query_int(&fake->request, "limit", 0, 60, &value, &fake->err), 0);
        ck_assert_int_eq(value, -7);
        fake_free(fake);
    }
}
END_TEST

static const struct {
    const char *length, *type, *body;
    size_t limit;
    bool broken;
    enum err_code code;
} bodies[] = {
    { "2", "application/json", "{}", 10, false, ERR_NONE },
    { "10", "application/json", "0123456789", 10, false, ERR_NONE },
    { NULL, "application/json", "0123456789", 10, false, ERR_NONE },
    { "", "application/json", "{}", 10, false, ERR_NONE },
    { "0", "application/json", "", 10, false, ERR_NONE },
    { "2", "APPLICATION/JSON; charset=UTF-8", "{}", 10, false, ERR_NONE },
    { "2", "application/json;charset=\"utf-8\"", "{}", 10, false, ERR_NONE },
    { "2", "application/json; profile=x", "{}", 10, false, ERR_NONE },
    { "0", NULL, "", 0, false, ERR_NONE },
    { NULL, NULL, "", 0, false, ERR_NONE },
    { "2", NULL, "{}", 10, false, ERR_MEDIA_TYPE },
    { "2", "", "{}", 10, false, ERR_MEDIA_TYPE },
    { "2", "text/plain", "{}", 10, false, ERR_MEDIA_TYPE },
    { "2", "application/jsonp", "{}", 10, false, ERR_MEDIA_TYPE },
    { "2", "application/x-www-form-urlencoded", "{}", 10, false, ERR_MEDIA_TYPE },
    { "2", "application/json; charset=latin1", "{}", 10, false, ERR_MEDIA_TYPE },
    { "2", "application/json; charset=utf-16", "{}", 10, false, ERR_MEDIA_TYPE },
    { "11", "application/json", "0123456789a", 10, false, ERR_TOO_LARGE },
    { "999999999999", "application/json", "", 10, false, ERR_TOO_LARGE },
    { NULL, "application/json", "0123456789a", 10, false, ERR_TOO_LARGE },
    { "5", "application/json", "0123456789abcdefghijklmnopqrstuvwxyz", 10, false, ERR_TOO_LARGE },
    { "1", NULL, "x", 0, false, ERR_TOO_LARGE },
    { NULL, NULL, "x", 0, false, ERR_TOO_LARGE },
    { "5", "application/json", "{}", 10, false, ERR_INVALID },
    { "1", "application/json", "{}", 10, false, ERR_INVALID },
    { "5", "application/json", "{}", 10, true, ERR_INVALID },
    { "-1", "application/json", "{}", 10, false, ERR_INVALID },
    { "2x", "application/json", "{}", 10, false, ERR_INVALID },
    { " 2", "application/json", "{}", 10, false, ERR_INVALID },
    { "99999999999999999999999999999999", "application/json", "{}", 10, false, ERR_INVALID },
};

START_TEST(test_request__body)
{
    struct fake *fake = fake_new();
    fake_param(fake, "CONTENT_LENGTH", bodies[_i].length);
    fake_param(fake, "CONTENT_TYPE", bodies[_i].type);
    fake->body = bodies[_i].body;
    fake->left = strlen(fake->body);
    fake->broken = bodies[_i].broken;
    ck_assert_int_eq(fake_open(fake, "POST", "/x"), 0);
    int status = request_read_body(&fake->request, bodies[_i].limit, &fake->err);
    ck_assert_msg(fake->err.code == bodies[_i].code, "case %d: %d %s", _i, fake->err.code, fake->err.text);
    ck_assert_int_eq(status, bodies[_i].code == ERR_NONE ? 0 : -1);
    if (status == 0)
        ck_assert_str_eq(strbuf_str(&fake->request.body), bodies[_i].body);
    fake_free(fake);
}
END_TEST

START_TEST(test_request__param_needs_the_whole_name)
{
    struct fake *fake = fake_new();
    fake_param(fake, "HTTP_A_B", "1");
    fake_param(fake, "HTTP_A", "2");
    ck_assert_int_eq(fake_open(fake, "GET", "/"), 0);
    ck_assert_str_eq(request_param(&fake->request, "HTTP_A"), "2");
    ck_assert_ptr_null(request_param(&fake->request, "HTTP"));
    fake_free(fake);
}
END_TEST

#define LOOP(tcase, test, table) tcase_add_loop_test(tcase, test, 0, sizeof(table) / sizeof((table)[0]))

int main(void)
{
    Suite *suite = suite_create("request");
    TCase *tcase = tcase_create("request");
    LOOP(tcase, test_request__path, paths);
    tcase_add_test(tcase, test_request__needs_method_and_uri);
    tcase_add_test(tcase, test_request__target_has_a_ceiling);
    LOOP(tcase, test_request__query, queries);
    tcase_add_test(tcase, test_request__query_has_a_ceiling);
    tcase_add_test(tcase, test_request__unknown_query_is_refused_by_name);
    tcase_add_test(tcase, test_request__query_int);
    LOOP(tcase, test_request__body, bodies);
    tcase_add_test(tcase, test_request__param_needs_the_whole_name);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
