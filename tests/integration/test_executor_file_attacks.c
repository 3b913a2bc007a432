/* SPDX-License-Identifier: Apache-2.0 */
/* Code that wants the executor to read or write elsewhere, to hang, to take half a file for a whole one, or to hold more than it may. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/model/workspace.h"
#include "lib/util/clock.h"
#include "lib/wire/environment.h"
#include "tests/integration/executor_client.h"
#include "tests/integration/executor_suite.h"

enum { FILES_MAX = 500, ROUNDS = 400 };
static struct executor executor;

static void start(void)
{
    char most[16];
    snprintf(most, sizeof(most), "%d", FILES_MAX);
    setenv(EXECUTOR_ENV_FILES_MAX, most, 1);
    executor_start(&executor, "none", 0);
}

static void stop(void)
{
    executor_stop(&executor);
}

static void run(enum language language, const char *code, struct outcome *out)
{
    struct wire_execute request = { .language = language, .code = (char *)code, .timeout_ms = 30000, .disk_mb = 20 };
    executor_run(&executor, &request, out);
}

static void shell(const char *code)
{
    struct outcome outcome;
    run(LANGUAGE_SHELL, code, &outcome);
    ck_assert_msg(outcome.result.failure == WIRE_FAILURE_NONE, "%s: %s %s", code, outcome.result.message, strbuf_str(&outcome.err));
    outcome_release(&outcome);
}

static int put(const char *path, const char *body)
{
    struct answer answer;
    executor_call(&executor, "PUT", path, NULL, body, strlen(body), &answer);
    int status = answer.status;
    answer_release(&answer);
    return status;
}

/* An execution that goes on until a file "stop" is there. */
static int loop(const char *id, const char *code)
{
    struct wire_execute request = { .execution_id = (char *)id, .language = LANGUAGE_PYTHON, .code = (char *)code, .timeout_ms = 60000 };
    return executor_run_start(&executor, &request);
}

static void end_loop(int fd)
{
    struct outcome outcome;
    ck_assert_int_eq(put("/files/stop", ""), 200);
    executor_run_finish(fd, &outcome);
    ck_assert_msg(outcome.result.failure == WIRE_FAILURE_NONE, "%s %s", outcome.result.message, strbuf_str(&outcome.err));
    outcome_release(&outcome);
    shell("rm -rf * .[a-z]*");
}

/* A name that is now a file, now a link to the executor's secret: what is read is the file, or nothing. */
START_TEST(test_executor_file_attacks__a_link_swapped_in_while_read)
{
    char code[512];
    int seen = 0;
    snprintf(code, sizeof(code), "import os\nos.makedirs('d', exist_ok=True)\nwhile not os.path.exists('stop'):\n"
             "    open('d/new', 'w').write('harmless')\n    os.rename('d/new', 'd/f')\n    os.symlink('%s/run/secret', 'd/l')\n    os.rename('d/l', 'd/f')\n"
             "    os.rename('d', 'real')\n    os.symlink('%s/run', 'd')\n    os.unlink('d')\n    os.rename('real', 'd')\n", executor.directory, executor.directory);
    int fd = loop("exec_swap", code);
    for (int i = 0; i < ROUNDS || (seen == 0 && i < 50 * ROUNDS); i++) {
        struct answer answer;
        executor_call(&executor, "GET", i % 2 ? "/files/d/f" : "/files/d/secret", NULL, NULL, 0, &answer);
        ck_assert_msg(answer.status == 200 || answer.status == 404 || answer.status == 409, "%d", answer.status);
        if (answer.status == 200) {
            ck_assert_str_eq(answer.body.data ? answer.body.data : "", answer.body.len ? "harmless" : "");
            seen++;
        }
        answer_release(&answer);
    }
    ck_assert_int_gt(seen, 0);
    end_loop(fd);
}
END_TEST

/* A directory that is now one, now a link out of the workspace: nothing is written there. */
START_TEST(test_executor_file_attacks__a_link_swapped_in_while_written)
{
    char code[1024], planted[128];
    snprintf(code, sizeof(code), "import os\nos.makedirs('d', exist_ok=True)\nwhile not os.path.exists('stop'):\n    try:\n        os.rename('d', 'real')\n"
             "        os.symlink('%s/tmp', 'd')\n        os.unlink('d')\n        os.rename('real', 'd')\n"
             "    except OSError:\n        os.system('rm -rf real')\n        os.makedirs('d', exist_ok=True)\n", executor.directory);
    snprintf(planted, sizeof(planted), "%s/tmp/planted", executor.directory);
    int done = 0, fd = loop("exec_swap_write", code);
    for (int i = 0; i < ROUNDS || (done == 0 && i < 50 * ROUNDS); i++) {
        int status = put("/files/d/planted", "x");
        ck_assert_msg(status == 200 || status == 404 || status == 409, "%d", status);
        done += status == 200;
    }
    ck_assert_int_gt(done, 0);
    ck_assert_int_ne(access(planted, F_OK), 0);
    end_loop(fd);
}
END_TEST

/* Read in two pieces under one version, a file that is written over and over is of one content, or refused. */
START_TEST(test_executor_file_attacks__a_file_that_changes_while_it_is_read)
{
    struct answer first, second;
    char version[FILE_SOURCE_SIZE], path[200];
    int whole = 0, refused = 0;
    int fd = loop("exec_write", "import os, time\nn = 0\nwhile not os.path.exists('stop'):\n    n += 1\n"
                                "    f = os.open('g', os.O_CREAT | os.O_WRONLY)\n    os.write(f, (b'%d' % (n % 10)) * 100000)\n"
                                "    os.close(f)\n    time.sleep(0.006 * (n % 3))\n");
    for (int i = 0; i < ROUNDS; i++) {
        struct wire_execute request = { .language = LANGUAGE_SHELL, .code = (char *)"true" };
        struct outcome outcome;
        char id[32];
        snprintf(id, sizeof(id), "exec_look_%d", i);
        request.execution_id = id;
        if (i % 40 == 0) { /* the version is in the list */
            executor_run(&executor, &request, &outcome);
            outcome_release(&outcome);
            snprintf(path, sizeof(path), "/executions/%s/changes", id);
            executor_call(&executor, "GET", path, NULL, NULL, 0, &first);
            const char *at = strstr(first.body.data, "\"version\":\"");
            if (at)
                sscanf(at, "\"version\":\"%80[^\"]", version);
            answer_release(&first);
            if (!at)
                continue;
        }
        snprintf(path, sizeof(path), "/files/g?offset=0&length=50000&version=%s", version);
        executor_call(&executor, "GET", path, NULL, NULL, 0, &first);
        snprintf(path, sizeof(path), "/files/g?offset=50000&length=50000&version=%s", version);
        executor_call(&executor, "GET", path, NULL, NULL, 0, &second);
        refused += first.status == 409 || second.status == 409;
        if (first.status == 200 && second.status == 200 && first.body.len == 50000 && second.body.len == 50000 &&
            !strchr(version, '~')) { /* which says that it is too young to be sure */
            ck_assert_int_eq(first.body.data[0], second.body.data[49999]);
            whole++;
        }
        answer_release(&first);
        answer_release(&second);
    }
    ck_assert_int_gt(refused, 0);
    ck_assert_int_ge(whole, 0);
    end_loop(fd);
}
END_TEST

static const char *const harmless[] = {
    "mkfifo pipe; ln -s /etc/passwd link; ln -s / root; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")'",
    "mknod null c 1 3; mknod disk b 8 0; true",
    "ln /etc/passwd hard; ln /etc/hostname hard2; true",
    "touch \"$(printf 'one\\ntwo')\" \"$(printf 'bad\\377utf')\"",
    "d=x; for i in $(seq 200); do d=$d/x; done; mkdir -p $d 2>/dev/null; touch $d/f; true",
    "touch $(head -c 255 /dev/zero | tr '\\0' n)",
};

/* Their list comes to an end, and names nothing but regular files of the workspace. */
START_TEST(test_executor_file_attacks__what_is_no_file)
{
    struct answer answer;
    struct outcome outcome;
    char id[32], path[64];
    snprintf(id, sizeof(id), "exec_harmless_%d", _i);
    struct wire_execute request = { .execution_id = id, .language = LANGUAGE_SHELL, .code = (char *)harmless[_i] };
    executor_run(&executor, &request, &outcome);
    outcome_release(&outcome);
    snprintf(path, sizeof(path), "/executions/%s/changes", id);
    executor_call(&executor, "GET", path, NULL, NULL, 0, &answer);
    ck_assert_int_eq(answer.status, 200);
    ck_assert_msg(strstr(answer.body.data, "\"type\":\"end\"") != NULL, "%s", answer.body.data);
    static const char *const never[] = { "\"type\":\"file\",\"path\":\"pipe\"", "\"type\":\"file\",\"path\":\"link\"", "passwd",
                                         "\"type\":\"file\",\"path\":\"root\"", "\"type\":\"file\",\"path\":\"sock\"", "two", "bad",
                                         "\"type\":\"file\",\"path\":\"null\"", "\"type\":\"file\",\"path\":\"hard" };
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        ck_assert_msg(strstr(answer.body.data, never[i]) == NULL, "%s: %s", never[i], answer.body.data);
    answer_release(&answer);
    snprintf(path, sizeof(path), "/executions/%s?mark=1000000", id);
    executor_call(&executor, "DELETE", path, NULL, NULL, 0, &answer);
    answer_release(&answer);
    shell("rm -rf * .[a-z]*");
}
END_TEST

static const struct {
    enum language language;
    const char *code, *message;
} hogs[] = {
    { LANGUAGE_SHELL, "for i in $(seq 1000000); do : > f$i; done", "more than 500 files" },
    { LANGUAGE_SHELL, "for i in $(seq 1000000); do mkfifo p$i || exit 1; done", "more than 500 files" },
    { LANGUAGE_SHELL, "for i in $(seq 40); do mkdir d$i; for j in $(seq 40); do mkdir d$i/$j; done; done", "more than 500 files" },
    { LANGUAGE_SHELL, "for i in $(seq 30); do truncate -s 5M s$i; done; sleep 10", "more than its 20 MiB" },
    { LANGUAGE_SHELL, "truncate -s 1T sparse", NULL },
    { LANGUAGE_SHELL, "yes >> grow", "more than its 20 MiB" },
};

START_TEST(test_executor_file_attacks__more_than_it_may_hold)
{
    struct outcome outcome;
    int64_t before = clock_mono_ms();
    run(hogs[_i].language, hogs[_i].code, &outcome);
    if (hogs[_i].message) {
        ck_assert_msg(outcome.result.failure == WIRE_FAILURE_DISK_FULL, "%s: %s", wire_failure_name(outcome.result.failure), outcome.result.message);
        ck_assert_msg(strstr(outcome.result.message, hogs[_i].message) != NULL, "%s", outcome.result.message);
    } else {
        ck_assert_int_ne(outcome.result.failure, WIRE_FAILURE_NONE);
    }
    ck_assert_int_lt(clock_mono_ms() - before, 20000);
    outcome_release(&outcome);
    shell("find . -mindepth 1 -delete"); /* who makes room is let */
    shell("echo fine > fine; rm fine");
}
END_TEST

/* Directories that come and go while they are measured (each second) hide nothing: code that makes them is not stopped for it. */
START_TEST(test_executor_file_attacks__directories_that_come_and_go)
{
    struct outcome outcome;
    run(LANGUAGE_PYTHON, "import os, time\nend = time.monotonic() + 4\nwhile time.monotonic() < end:\n    for i in range(50):\n        os.makedirs('d%d/e' % i)\n"
                         "    for i in range(50):\n        os.rename('d%d' % i, 'f%d' % i)\n        os.symlink('/etc', 'd%d' % i)\n"
                         "    for i in range(50):\n        os.unlink('d%d' % i)\n        os.rmdir('f%d/e' % i)\n        os.rmdir('f%d' % i)\n", &outcome);
    ck_assert_msg(outcome.result.failure == WIRE_FAILURE_NONE, "%s %s", outcome.result.message, strbuf_str(&outcome.err));
    outcome_release(&outcome);
}
END_TEST

/* FS_IOC_FSSETXATTR and FS_IOC_SETFLAGS: what a project's quota hangs on. */
START_TEST(test_executor_file_attacks__no_other_project)
{
    struct outcome outcome;
    run(LANGUAGE_PYTHON, "import fcntl\ndef handler(event):\n    got = []\n    f = open('f', 'w')\n    for c in (0x401c5820, 0x40086602):\n"
                         "        try:\n            fcntl.ioctl(f, c, bytes(64))\n            got.append(c)\n        except PermissionError:\n"
                         "            pass\n        except OSError as e:\n            got.append(str(e))\n    return got", &outcome);
    ck_assert_msg(outcome.result.failure == WIRE_FAILURE_NONE, "%s", outcome.result.message);
    ck_assert_str_eq(outcome.result.return_json, "[]");
    outcome_release(&outcome);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("executor file attacks");
    executor_suite_add(suite, "read", start, stop, test_executor_file_attacks__a_link_swapped_in_while_read, 1);
    executor_suite_add(suite, "write", start, stop, test_executor_file_attacks__a_link_swapped_in_while_written, 1);
    executor_suite_add(suite, "change", start, stop, test_executor_file_attacks__a_file_that_changes_while_it_is_read, 1);
    executor_suite_add(suite, "no file", start, stop, test_executor_file_attacks__what_is_no_file, sizeof(harmless) / sizeof(harmless[0]));
    executor_suite_add(suite, "hogs", start, stop, test_executor_file_attacks__more_than_it_may_hold, sizeof(hogs) / sizeof(hogs[0]));
    executor_suite_add(suite, "come and go", start, stop, test_executor_file_attacks__directories_that_come_and_go, 1);
    executor_suite_add(suite, "project", start, stop, test_executor_file_attacks__no_other_project, 1);
    return executor_suite_run(suite);
}
