/* SPDX-License-Identifier: Apache-2.0 */
/* The executor's file calls: contents, pieces, and every way to lead them out of the workspace. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/integration/executor_client.h"
#include "tests/integration/executor_suite.h"

static struct executor executor;

static void start(void)
{
    executor_start(&executor, "none", 0);
}

static void stop(void)
{
    executor_stop(&executor);
}

static int call(const char *method, const char *path, const char *body, size_t len, struct answer *out)
{
    executor_call(&executor, method, path, NULL, body, len, out);
    return out->status;
}

static int status_of(const char *method, const char *path)
{
    struct answer answer;
    int status = call(method, path, "x", strcmp(method, "PUT") == 0 ? 1 : 0, &answer);
    answer_release(&answer);
    return status;
}

static void shell(const char *code, const char *wanted)
{
    struct wire_execute request = { .language = LANGUAGE_SHELL, .code = (char *)code };
    struct outcome outcome;
    executor_run(&executor, &request, &outcome);
    ck_assert_msg(outcome.result.failure == WIRE_FAILURE_NONE && strcmp(strbuf_str(&outcome.out), wanted) == 0, "%s: %s %s", code,
                  strbuf_str(&outcome.out), strbuf_str(&outcome.err));
    outcome_release(&outcome);
}

START_TEST(test_executor_files__there_and_back)
{
    static const char content[] = "a\0b\xff\nc";
    struct answer answer;
    ck_assert_int_eq(call("PUT", "/files/data/in%20put.bin", content, sizeof(content), &answer), 200);
    answer_release(&answer);
    shell("stat -c '%a %s' 'data/in put.bin'; [ -O 'data/in put.bin' ] && [ -G 'data/in put.bin' ] && echo own; stat -c %a data | tail -c 4; echo more >> 'data/in put.bin'",
          "664 7\nown\n775\n");
    ck_assert_int_eq(call("GET", "/files/data/in%20put.bin", NULL, 0, &answer), 200);
    ck_assert_uint_eq(answer.body.len, sizeof(content) + 5);
    ck_assert_mem_eq(answer.body.data, content, sizeof(content));
    answer_release(&answer);
    ck_assert_int_eq(call("GET", "/files", NULL, 0, &answer), 200);
    ck_assert_ptr_nonnull(strstr(answer.body.data, "{\"path\":\"data/in put.bin\",\"size\":12,"));
    ck_assert_ptr_nonnull(strstr(answer.body.data, "\"complete\":true"));
    answer_release(&answer);
    ck_assert_int_eq(status_of("DELETE", "/files/data/in%20put.bin"), 204);
    ck_assert_int_eq(status_of("DELETE", "/files/data/in%20put.bin"), 404);
    ck_assert_int_eq(status_of("GET", "/files/data/in%20put.bin"), 404);
}
END_TEST

START_TEST(test_executor_files__pieces)
{
    struct answer answer;
    ck_assert_int_eq(call("PUT", "/files/p", "0123456789", 10, &answer), 200);
    answer_release(&answer);
    ck_assert_int_eq(call("PUT", "/files/p?offset=5", "abcdefgh", 8, &answer), 200);
    answer_release(&answer);
    ck_assert_int_eq(call("GET", "/files/p?offset=3&length=4", NULL, 0, &answer), 200);
    ck_assert_str_eq(answer.body.data, "34ab");
    answer_release(&answer);
    ck_assert_int_eq(call("GET", "/files/p?offset=100", NULL, 0, &answer), 200);
    ck_assert_uint_eq(answer.body.len, 0);
    answer_release(&answer);
    ck_assert_int_eq(call("PUT", "/files/p", "new", 3, &answer), 200);
    answer_release(&answer);
    shell("cat p", "new");
    ck_assert_int_eq(status_of("PUT", "/files/absent?offset=5"), 404);
}
END_TEST

static const struct {
    const char *method, *path;
    int status;
} refused[] = {
    { "GET", "/files/", 404 },           { "GET", "/files/..", 400 },
    { "GET", "/files/../run/secret", 400 }, { "GET", "/files/%2e%2e/run/secret", 400 },
    { "GET", "/files/..%2frun%2fsecret", 400 }, { "GET", "/files/dir/../../run/secret", 400 },
    { "GET", "/files//etc/passwd", 400 },  { "GET", "/files/./file", 400 },
    { "GET", "/files/file%00", 400 },      { "GET", "/files/absent", 404 },
    { "GET", "/files/file/x", 404 },       { "GET", "/files/dir", 400 },
    { "GET", "/files/dir/", 400 },         { "GET", "/files/link-file", 400 },
    { "PUT", "/files/link-file", 400 },    { "GET", "/files/link-dir/passwd", 400 },
    { "PUT", "/files/link-dir/new", 400 }, { "DELETE", "/files/link-dir/passwd", 400 },
    { "GET", "/files/pipe", 400 },         { "PUT", "/files/pipe", 400 },
    { "GET", "/files/closed/x", 403 },     { "PUT", "/files/closed/x", 403 },
    { "GET", "/files/unreadable", 403 },   { "DELETE", "/files/dir", 400 },
    { "PUT", "/files/dir", 400 },          { "GET", "/files/file?offset=-1", 400 },
    { "POST", "/files/file", 405 },        { "GET", "/files/file", 200 },
};

START_TEST(test_executor_files__refused)
{
    shell("echo content > file; mkdir -p dir; ln -sf /etc/passwd link-file; ln -sfn /etc link-dir; [ -p pipe ] || mkfifo pipe; "
          "mkdir -p closed; chmod 0 closed; touch unreadable; chmod 0 unreadable", "");
    int status = status_of(refused[_i].method, refused[_i].path);
    ck_assert_msg(status == refused[_i].status, "%s %s: %d", refused[_i].method, refused[_i].path, status);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("executor files");
    TCase *tcase = tcase_create("executor files");
    tcase_add_unchecked_fixture(tcase, start, stop);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, test_executor_files__there_and_back);
    tcase_add_test(tcase, test_executor_files__pieces);
    tcase_add_loop_test(tcase, test_executor_files__refused, 0, sizeof(refused) / sizeof(refused[0]));
    suite_add_tcase(suite, tcase);
    return executor_suite_run(suite);
}
