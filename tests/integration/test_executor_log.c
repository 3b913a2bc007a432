/* SPDX-License-Identifier: Apache-2.0 */
/* What the real executor says in its log, and what it never says. */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util/clock.h"
#include "lib/wire/environment.h"
#include "tests/integration/executor_client.h"
#include "tests/integration/executor_suite.h"

static struct executor executor;
static int log_fd = -1, own_stderr = -1;
static char text[1 << 20];

static void start(void)
{
    char path[] = "/tmp/sandbox-test-log-XXXXXX";
    close(mkstemp(path));
    log_fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    ck_assert_int_ge(log_fd, 0);
    unlink(path);
    own_stderr = dup(STDERR_FILENO);
    ck_assert_int_eq(dup2(log_fd, STDERR_FILENO), STDERR_FILENO);
    setenv(EXECUTOR_ENV_LOG_LEVEL, "info", 1);
    executor_start(&executor, "none", 0);
    dup2(own_stderr, STDERR_FILENO);
}

static void stop(void)
{
    executor_stop(&executor);
}

static const char *read_log(void)
{
    ssize_t got = pread(log_fd, text, sizeof(text) - 1, 0);
    ck_assert_int_ge(got, 0);
    text[got] = '\0';
    return text;
}

static void await_line(const char *wanted)
{
    int64_t deadline = clock_mono_ms() + 20000;
    while (!strstr(read_log(), wanted)) {
        ck_assert_msg(clock_mono_ms() < deadline, "\"%s\" is not in:\n%s", wanted, text);
        usleep(5000);
    }
}

static void run(const char *id, const char *code)
{
    struct outcome outcome;
    struct wire_execute request = { .execution_id = (char *)id, .language = LANGUAGE_SHELL, .code = (char *)code };
    executor_run(&executor, &request, &outcome);
    outcome_release(&outcome);
}

START_TEST(test_executor_log__tells_a_life)
{
    char listening[128], mounted[128];
    snprintf(listening, sizeof(listening), " [INFO] HTTP server listening on unix:%s/run/executor.sock\n", executor.directory);
    snprintf(mounted, sizeof(mounted), " [INFO] Workspace mounted at %s/workspace\n", executor.directory);
    await_line(" [INFO] sandbox-executor starting version=");
    await_line(mounted);
    await_line(listening);
    await_line(" [INFO] interpreters ready languages=");
    run("exec_log_1", "echo a-secret-output; echo a-secret-error >&2; a_secret_variable=1");
    await_line(" [INFO] execution started execution_id=exec_log_1 language=shell\n");
    await_line(" [INFO] execution ended execution_id=exec_log_1 language=shell outcome=success exit_code=0 ");
    run("exec_log_2", "exit 3");
    await_line(" [INFO] execution ended execution_id=exec_log_2 language=shell outcome=exception exit_code=3 ");
    ck_assert_int_eq(kill(executor.pid, SIGTERM), 0);
    await_line(" [INFO] sandbox-executor stopping signal=15\n");
    ck_assert_ptr_null(strstr(text, "secret"));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        int64_t ms;
        size_t time = clock_parse_prefix(line, strlen(line), &ms);
        ck_assert_msg(time == 20 && strncmp(line + time, " [", 2) == 0, "%s", line);
    }
}
END_TEST

START_TEST(test_executor_log__refusals_are_bounded)
{
    int said = 0;
    for (int i = 0; i < 200; i++) {
        struct answer answer;
        executor_call(&executor, "GET", "/a-secret-path", i % 2 ? "a-secret-that-is-wrong" : NULL, NULL, 0, &answer);
        ck_assert_int_eq(answer.status, i % 2 ? 401 : 404);
        answer_release(&answer);
    }
    await_line(" [WARN] request refused method=GET status=401 error=Sandbox.Unauthorized\n");
    await_line(" [WARN] request refused method=GET status=404 error=Sandbox.NotFound\n");
    for (const char *at = text; (at = strstr(at, "request refused")); at++)
        said++;
    ck_assert_int_eq(said, 20);
    ck_assert_ptr_null(strstr(text, "secret"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("executor log");
    executor_suite_add(suite, "tells_a_life", start, stop, test_executor_log__tells_a_life, 1);
    executor_suite_add(suite, "refusals_are_bounded", start, stop, test_executor_log__refusals_are_bounded, 1);
    return executor_suite_run(suite);
}
