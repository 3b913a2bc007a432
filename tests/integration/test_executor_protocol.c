/* SPDX-License-Identifier: Apache-2.0 */
/* The real executor's calls: authorization, bad input, running once, streams fetched again, cancelling, acknowledging. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/util/clock.h"
#include "lib/wire/environment.h"
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

static int call(const char *method, const char *path, const char *secret, const char *body)
{
    struct answer answer;
    executor_call(&executor, method, path, secret, body, body ? strlen(body) : 0, &answer);
    answer_release(&answer);
    return answer.status;
}

#define REQUEST(fields) "{\"execution_id\":\"exec_bad\",\"language\":\"python\",\"code\":\"\",\"timeout_ms\":1000" fields "}"

static const struct {
    const char *method, *path, *secret, *body;
    int status;
} refused[] = {
    { "GET", "/health", "wrong", NULL, 401 },
    { "GET", "/health", "", NULL, 401 },
    { "GET", "/health", "0123456789abcdef0123456789abcde", NULL, 401 },
    { "GET", "/health", "0123456789abcdef0123456789abcdef0", NULL, 401 },
    { "GET", "/health", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", NULL, 401 },
    { "POST", "/execute", "wrong", REQUEST(""), 401 },
    { "GET", "/nothing", "wrong", NULL, 401 },
    { "GET", "/health", NULL, NULL, 200 },
    { "GET", "/nothing", NULL, NULL, 404 },
    { "GET", "/", NULL, NULL, 404 },
    { "GET", "/executions/", NULL, NULL, 404 },
    { "GET", "/executions/exec_unknown", NULL, NULL, 404 },
    { "DELETE", "/executions/exec_unknown", NULL, NULL, 404 },
    { "POST", "/executions/exec_unknown/cancel", NULL, NULL, 404 },
    { "POST", "/executions/a/b/cancel", NULL, NULL, 404 },
    { "POST", "/health", NULL, "{}", 405 },
    { "GET", "/execute", NULL, NULL, 405 },
    { "POST", "/execute", NULL, "", 400 },
    { "POST", "/execute", NULL, "{", 400 },
    { "POST", "/execute", NULL, "[]", 400 },
    { "POST", "/execute", NULL, "\xff\xfe", 400 },
    { "POST", "/execute", NULL, "{}", 400 },
    { "POST", "/execute", NULL, REQUEST(",\"unknown\":1"), 400 },
    { "POST", "/execute", NULL, REQUEST(",\"event\":\"{\""), 400 },
    { "POST", "/execute", NULL, REQUEST(",\"event\":{}"), 400 },
    { "POST", "/execute", NULL, REQUEST(",\"event\":\"NaN\""), 400 },
    { "POST", "/execute", NULL, REQUEST(",\"env_vars\":{\"A\":1}"), 400 },
    { "POST", "/execute", NULL, REQUEST(",\"env_vars\":{\"A=B\":\"1\"}"), 400 },
    { "POST", "/execute", NULL, REQUEST(",\"limits\":{\"disk_mb\":-1}"), 400 },
    { "POST", "/execute", NULL, "{\"execution_id\":\"../x\",\"language\":\"python\",\"code\":\"\",\"timeout_ms\":1}", 400 },
    { "POST", "/execute", NULL, "{\"execution_id\":\"x\",\"language\":\"ruby\",\"code\":\"\",\"timeout_ms\":1}", 400 },
    { "POST", "/execute", NULL, "{\"execution_id\":\"x\",\"language\":\"python\",\"code\":\"\",\"timeout_ms\":0}", 400 },
};

START_TEST(test_executor_protocol__refused)
{
    int status = call(refused[_i].method, refused[_i].path, refused[_i].secret, refused[_i].body);
    ck_assert_msg(status == refused[_i].status, "%s %s: %d instead of %d", refused[_i].method, refused[_i].path, status,
                  refused[_i].status);
}
END_TEST

START_TEST(test_executor_protocol__too_large)
{
    struct answer answer;
    size_t len = WIRE_REQUEST_MAX + 1;
    char *body = malloc(len);
    memset(body, ' ', len);
    int fd = executor_send(&executor, "POST", "/execute", NULL, body, len);
    executor_receive(fd, &answer);
    ck_assert_int_eq(answer.status, 413);
    answer_release(&answer);
    free(body);
    ck_assert_int_eq(call("GET", "/health", NULL, NULL), 200);
}
END_TEST

START_TEST(test_executor_protocol__health)
{
    struct answer answer;
    struct wire_health health;
    struct err err = ERR_INIT;
    executor_call(&executor, "GET", "/health", NULL, NULL, 0, &answer);
    ck_assert_int_eq(wire_health_decode(answer.body.data, answer.body.len, &health, &err), 0);
    ck_assert_ptr_nonnull(strstr(health.isolation, "seccomp"));
    ck_assert_int_eq(health.running, 0);
    answer_release(&answer);
}
END_TEST

static void run_id(const char *id, const char *code, struct outcome *out)
{
    struct wire_execute request = { .execution_id = (char *)id, .code = (char *)code, .language = LANGUAGE_SHELL };
    executor_run(&executor, &request, out);
}

START_TEST(test_executor_protocol__runs_once)
{
    static const char code[] = "echo x >> ran; wc -l < ran";
    struct outcome first, again;
    run_id("exec_once", code, &first);
    run_id("exec_once", code, &again);
    ck_assert_str_eq(strbuf_str(&first.out), "1\n");
    ck_assert_str_eq(strbuf_str(&first.stream), strbuf_str(&again.stream));
    outcome_release(&first);
    outcome_release(&again);
    ck_assert_int_eq(call("DELETE", "/executions/exec_once", NULL, NULL), 200);
    ck_assert_int_eq(call("DELETE", "/executions/exec_once", NULL, NULL), 200);
    ck_assert_int_eq(call("GET", "/executions/exec_once", NULL, NULL), 404);
    ck_assert_int_eq(call("POST", "/execute", NULL,
                          "{\"execution_id\":\"exec_once\",\"language\":\"shell\",\"code\":\"\",\"timeout_ms\":1000}"), 409);
    run_id("exec_twice", "cat ran", &first);
    ck_assert_str_eq(strbuf_str(&first.out), "x\n");
    outcome_release(&first);
}
END_TEST

START_TEST(test_executor_protocol__once_while_it_runs)
{
    struct wire_execute request = { .execution_id = (char *)"exec_live", .language = LANGUAGE_SHELL,
                                    .code = (char *)"echo a; echo x >> live; sleep 0.5; wc -l < live" };
    struct outcome first, second;
    int one = executor_run_start(&executor, &request), two = executor_run_start(&executor, &request);
    executor_run_finish(two, &second);
    executor_run_finish(one, &first);
    ck_assert_str_eq(strbuf_str(&first.out), "a\n1\n");
    ck_assert_str_eq(strbuf_str(&first.stream), strbuf_str(&second.stream));
    outcome_release(&first);
    outcome_release(&second);
}
END_TEST

START_TEST(test_executor_protocol__fetched_again)
{
    struct outcome whole;
    struct answer answer;
    char path[64];
    run_id("exec_again", "for i in 1 2 3 4 5; do echo $i; sleep 0.05; done", &whole);
    for (size_t offset = 0; offset <= whole.stream.len; offset += 37) {
        snprintf(path, sizeof(path), "/executions/exec_again?offset=%zu", offset);
        executor_call(&executor, "GET", path, NULL, NULL, 0, &answer);
        ck_assert_int_eq(answer.status, 200);
        ck_assert_str_eq(strbuf_str(&answer.body), whole.stream.data + offset);
        answer_release(&answer);
    }
    snprintf(path, sizeof(path), "/executions/exec_again?offset=%zu", whole.stream.len + 1);
    ck_assert_int_eq(call("GET", path, NULL, NULL), 400);
    ck_assert_int_eq(call("GET", "/executions/exec_again?offset=-1", NULL, NULL), 400);
    ck_assert_int_eq(call("GET", "/executions/exec_again?offset=x", NULL, NULL), 400);
    outcome_release(&whole);
}
END_TEST

/* A reader that goes away does not end the execution; one that comes later follows it live. */
START_TEST(test_executor_protocol__reader_lost)
{
    struct wire_execute request = { .execution_id = (char *)"exec_lost", .language = LANGUAGE_SHELL,
                                    .code = (char *)"echo a; sleep 0.5; echo b" };
    struct answer answer;
    struct outcome outcome;
    char first[512];
    int fd = executor_run_start(&executor, &request);
    ck_assert_int_gt(recv(fd, first, sizeof(first), 0), 0);
    close(fd);
    executor_call(&executor, "GET", "/executions/exec_lost", NULL, NULL, 0, &answer);
    outcome_parse(answer.body.data, answer.body.len, &outcome);
    ck_assert_str_eq(strbuf_str(&outcome.out), "a\nb\n");
    ck_assert_int_eq(outcome.result.failure, WIRE_FAILURE_NONE);
    answer_release(&answer);
    outcome_release(&outcome);
}
END_TEST

START_TEST(test_executor_protocol__cancel)
{
    static const enum language languages[] = { LANGUAGE_SHELL, LANGUAGE_PYTHON, LANGUAGE_JAVASCRIPT };
    static const char *const codes[] = { "echo so far; sleep 30", "import time\nprint('so far')\ntime.sleep(30)",
                                         "console.log('so far'); setTimeout(() => {}, 30000)" };
    char id[32], path[64], seen[4096] = "";
    snprintf(id, sizeof(id), "exec_cancel_%d", _i);
    struct wire_execute request = { .execution_id = id, .language = languages[_i], .code = (char *)codes[_i],
                                    .timeout_ms = 40000 };
    struct outcome outcome;
    int64_t before = clock_mono_ms();
    int fd = executor_run_start(&executor, &request);
    while (!strstr(seen, "so far"))
        ck_assert_int_ge(recv(fd, seen, sizeof(seen) - 1, MSG_PEEK), 0);
    snprintf(path, sizeof(path), "/executions/%s", id);
    ck_assert_int_eq(call("DELETE", path, NULL, NULL), 409);
    snprintf(path, sizeof(path), "/executions/%s/cancel", id);
    ck_assert_int_eq(call("POST", path, NULL, NULL), 200);
    executor_run_finish(fd, &outcome);
    ck_assert_int_eq(outcome.result.failure, WIRE_FAILURE_CANCELLED);
    ck_assert_int_eq(outcome.result.exit_code, -1);
    ck_assert_str_eq(strbuf_str(&outcome.out), "so far\n");
    ck_assert_int_lt(clock_mono_ms() - before, 5000);
    ck_assert_int_eq(executor_user_processes(&executor), 0);
    ck_assert_int_eq(call("POST", path, NULL, NULL), 200); /* nothing happens any more */
    outcome_release(&outcome);
}
END_TEST

/* An engine that stops ends its containers so: nobody cancelled what ran there. */
START_TEST(test_executor_protocol__terminated)
{
    struct wire_execute request = { .language = LANGUAGE_SHELL, .code = (char *)"echo so far; sleep 30", .timeout_ms = 40000 };
    char seen[4096] = "";
    struct executor own;
    executor_start(&own, "none", 0);
    int fd = executor_run_start(&own, &request);
    while (!strstr(seen, "so far"))
        ck_assert_int_ge(recv(fd, seen, sizeof(seen) - 1, MSG_PEEK), 0);
    executor_stop(&own);
    struct answer answer;
    executor_receive(fd, &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_ptr_null(strstr(strbuf_str(&answer.body), "\"result\""));
    answer_release(&answer);
}
END_TEST

START_TEST(test_executor_protocol__all_slots)
{
    int fds[EXECUTOR_SLOTS];
    char id[32], path[64];
    for (int i = 0; i < EXECUTOR_SLOTS; i++) {
        snprintf(id, sizeof(id), "exec_slot_%d", i);
        struct wire_execute request = { .execution_id = id, .language = i % 2 ? LANGUAGE_SHELL : LANGUAGE_PYTHON,
                                        .code = (char *)(i % 2 ? "sleep 30" : "import time\ntime.sleep(30)"), .timeout_ms = 40000 };
        fds[i] = executor_run_start(&executor, &request);
    }
    int64_t deadline = clock_mono_ms() + 20000;
    int status;
    while ((status = call("POST", "/execute", NULL, REQUEST(""))) == 200)
        ck_assert_int_lt(clock_mono_ms(), deadline);
    ck_assert_int_eq(status, 503);
    for (int i = 0; i < EXECUTOR_SLOTS; i++) {
        struct outcome outcome;
        snprintf(path, sizeof(path), "/executions/exec_slot_%d/cancel", i);
        ck_assert_int_eq(call("POST", path, NULL, NULL), 200);
        executor_run_finish(fds[i], &outcome);
        ck_assert_int_eq(outcome.result.failure, WIRE_FAILURE_CANCELLED);
        outcome_release(&outcome);
    }
    ck_assert_int_eq(executor_user_processes(&executor), 0);
}
END_TEST

START_TEST(test_executor_protocol__heartbeat)
{
    struct outcome outcome;
    run_id("exec_beat", "sleep 5.3", &outcome);
    ck_assert_ptr_nonnull(strstr(strbuf_str(&outcome.stream), "\"heartbeat\""));
    outcome_release(&outcome);
}
END_TEST

static void add(Suite *suite, const TTest *test, int loops)
{
    executor_suite_add(suite, test->name, start, stop, test, loops);
}

int main(void)
{
    Suite *suite = suite_create("executor protocol");
    add(suite, test_executor_protocol__refused, sizeof(refused) / sizeof(refused[0]));
    add(suite, test_executor_protocol__too_large, 1);
    add(suite, test_executor_protocol__health, 1);
    add(suite, test_executor_protocol__runs_once, 1);
    add(suite, test_executor_protocol__once_while_it_runs, 1);
    add(suite, test_executor_protocol__fetched_again, 1);
    add(suite, test_executor_protocol__reader_lost, 1);
    add(suite, test_executor_protocol__cancel, 3);
    add(suite, test_executor_protocol__terminated, 1);
    add(suite, test_executor_protocol__all_slots, 1);
    add(suite, test_executor_protocol__heartbeat, 1);
    return executor_suite_run(suite);
}
