/* SPDX-License-Identifier: Apache-2.0 */
/* The executor's file calls: contents, pieces, and every way to lead them out of the workspace. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/model/workspace.h"
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
    ck_assert_int_eq(status_of("DELETE", "/files/data/in%20put.bin"), 204);
    ck_assert_int_eq(status_of("DELETE", "/files/data/in%20put.bin"), 404);
    ck_assert_int_eq(status_of("GET", "/files/data/in%20put.bin"), 404);
}
END_TEST

START_TEST(test_executor_files__pieces)
{
    struct answer answer;
    ck_assert_int_eq(call("PUT", "/files/p", "old", 3, &answer), 200);
    ck_assert_ptr_nonnull(strstr(answer.body.data, "{\"size\":3,\"version\":\""));
    answer_release(&answer);
    ck_assert_int_eq(call("PUT", "/files/p?transfer=t1&offset=0&final=0", "01234", 5, &answer), 200);
    ck_assert_str_eq(answer.body.data, "{\"size\":5}\n");
    answer_release(&answer);
    shell("cat p; chmod 600 p", "old"); /* not before it is whole */
    ck_assert_int_eq(status_of("PUT", "/files/p?transfer=t1&offset=4&final=1"), 409); /* a gap, or twice: it is over */
    ck_assert_int_eq(status_of("PUT", "/files/p?transfer=t1&offset=5&final=1"), 409);
    shell("cat p; ls -A | grep -v data", "oldp\n");
    ck_assert_int_eq(call("PUT", "/files/p?transfer=t2&offset=0&final=0", "01234", 5, &answer), 200);
    answer_release(&answer);
    ck_assert_int_eq(call("PUT", "/files/p?transfer=t2&offset=5&final=1&mode=488", "56789", 5, &answer), 200);
    answer_release(&answer);
    shell("cat p; stat -c %a p; ls -A | grep -v data", "0123456789750\np\n");
    ck_assert_int_eq(call("GET", "/files/p?offset=3&length=4", NULL, 0, &answer), 200);
    ck_assert_str_eq(answer.body.data, "3456");
    answer_release(&answer);
    ck_assert_int_eq(call("GET", "/files/p?offset=100", NULL, 0, &answer), 200);
    ck_assert_uint_eq(answer.body.len, 0);
    answer_release(&answer);
    ck_assert_int_eq(status_of("PUT", "/files/absent?transfer=t3&offset=5"), 409);
    ck_assert_int_eq(status_of("GET", "/files/absent"), 404);
}
END_TEST

/* Two at once, of one path: the later one is the one that counts, and no part of the other is left. */
START_TEST(test_executor_files__abandoned)
{
    ck_assert_int_eq(status_of("PUT", "/files/q?transfer=a&final=0"), 200);
    ck_assert_int_eq(status_of("PUT", "/files/q?transfer=b&final=0"), 200);
    ck_assert_int_eq(status_of("PUT", "/files/q?transfer=a&offset=1&final=1"), 409);
    ck_assert_int_eq(status_of("PUT", "/files/q?transfer=b&offset=1&final=1"), 200);
    shell("cat q; rm -f q p; ls -A | grep sandbox-part; true", "xx");
}
END_TEST

/* As Python itself does when it ends. */
START_TEST(test_executor_files__python_writes_out_what_nobody_closed)
{
    static const char *const codes[] = {
        "f = open('left', 'w')\nf.write('open')",
        "def handler(event):\n    global f\n    f = open('left', 'w')\n    f.write('open')",
        "class A: pass\na = A()\na.me = a\na.f = open('left', 'wb')\na.f.write(b'open')",
        "import builtins\nbuiltins.kept = open('left', 'r+b')\nbuiltins.kept.write(b'open')",
        "f = open('left', 'w')\nf.write('open')\nraise SystemExit(0)",
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        struct wire_execute request = { .language = LANGUAGE_PYTHON, .code = (char *)codes[i] };
        struct outcome outcome;
        executor_run(&executor, &request, &outcome);
        ck_assert_msg(outcome.result.failure == WIRE_FAILURE_NONE, "%s %s", outcome.result.message, strbuf_str(&outcome.err));
        outcome_release(&outcome);
        shell("cat left; : > left", "open");
    }
    shell("rm left", "");
}
END_TEST

START_TEST(test_executor_files__versions)
{
    struct answer answer;
    char version[FILE_SOURCE_SIZE], path[256];
    ck_assert_int_eq(call("PUT", "/files/v", "one", 3, &answer), 200);
    ck_assert_int_eq(sscanf(answer.body.data, "{\"size\":3,\"version\":\"%80[^\"]", version), 1);
    answer_release(&answer);
    snprintf(path, sizeof(path), "/files/v?version=%s", version);
    ck_assert_int_eq(status_of("GET", path), 200);
    shell("chmod 600 v", "");
    ck_assert_int_eq(status_of("GET", path), 409);
    ck_assert_int_eq(status_of("GET", "/files/v"), 200); /* private to another user of the sandbox */
    ck_assert_int_eq(status_of("GET", "/files/v?version=none"), 409);
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
    { "GET", "/files/file/x", 404 },       { "GET", "/files/dir", 409 },
    { "GET", "/files/dir/", 400 },         { "GET", "/files/link-file", 409 },
    { "PUT", "/files/file/x", 409 },          { "GET", "/files/link-dir/passwd", 409 },
    { "PUT", "/files/link-dir/new", 409 }, { "DELETE", "/files/link-dir/passwd", 409 },
    { "GET", "/files/pipe", 409 },         { "PUT", "/files/file%0a", 400 },
    { "GET", "/files/closed/x", 403 },     { "PUT", "/files/closed/x", 403 },
    { "GET", "/files/unreadable", 403 },   { "DELETE", "/files/dir", 409 },
    { "PUT", "/files/dir", 409 },          { "GET", "/files/file?offset=-1", 400 },
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
    tcase_add_test(tcase, test_executor_files__abandoned);
    tcase_add_test(tcase, test_executor_files__python_writes_out_what_nobody_closed);
    tcase_add_test(tcase, test_executor_files__versions);
    tcase_add_loop_test(tcase, test_executor_files__refused, 0, sizeof(refused) / sizeof(refused[0]));
    suite_add_tcase(suite, tcase);
    return executor_suite_run(suite);
}
