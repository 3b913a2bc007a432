/* SPDX-License-Identifier: Apache-2.0 */
/* Modules imported ahead by the real executor: well-behaved ones, and those that must not cost anybody anything. They lie in a
 * mount of our own over Python's directory for local packages. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util/clock.h"
#include "lib/wire/environment.h"
#include "tests/integration/executor_client.h"
#include "tests/integration/executor_suite.h"

enum { EXIT_SKIPPED = 77, READY_MS = 20000 };

static struct executor executor;
static int log_fd = -1;
static char packages[256], log_text[1 << 18];

/* name, source, what the log gives as the reason (NULL: it is imported) */
static const struct module {
    const char *name, *source, *reason;
} modules[] = {
    { "pre_good", "import os, sys\nPID = os.getpid()\nSEEN = [os.getcwd(), os.getuid(), sorted(os.environ)]\nPATH = list(sys.path)\n"
      "os.environ['PRE_GOOD'] = 'kept'\nimport random\nDRAWN = random.random()", NULL },
    { "pre_package.inner", NULL, NULL },
    { "pre_slow", "import time\ntime.sleep(2)", NULL },
    { "pre_warning", "import warnings\nwarnings.warn('mind me', UserWarning)", NULL },
    { "pre_short_thread", "import threading\nt = threading.Thread(target=int)\nt.start()\nt.join()", NULL },
    { "pre_thread", "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,), daemon=True).start()", "it leaves threads" },
    { "pre_file", "f = open('/dev/null')", "it leaves descriptors open" },
    { "pre_socket", "import socket\na = socket.socketpair()", "it leaves descriptors open" },
    { "pre_process", "import subprocess\np = subprocess.Popen(['sleep', '1000'])", "it leaves a process" },
    { "pre_print", "print('hello from the module')", "it writes to its output" },
    { "pre_native_print", "import os\nos.write(2, b'native')", "it writes to its output" },
    { "pre_raise", "raise ValueError('not today')", "ValueError: not today" },
    { "pre_needs", "import pre_no_such_thing", "there is no module pre_no_such_thing" },
    { "pre_absent", NULL, "there is no module pre_absent" },
    { "pre_exit", "raise SystemExit(3)", "SystemExit: 3" },
    { "pre_exit_hard", "import os\nos._exit(0)", "it ends the process with code 0" },
    { "pre_crash", "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "it ends the process with signal 11" },
    { "pre_group", "import os, signal\nos.killpg(0, signal.SIGKILL)", "it ends the process with signal 9" },
};
enum { MODULES = sizeof(modules) / sizeof(modules[0]) };

static void write_module(const char *name, const char *source)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s.py", packages, name);
    FILE *file = fopen(path, "w");
    if (!file)
        abort(); /* not always in a test */
    fputs(source, file);
    fclose(file);
}

/* false: this machine does not let us. */
static bool mount_packages(void)
{
    FILE *from = popen("python3 -I -c 'import site; print(site.getsitepackages()[0], end=\"\")'", "r"); /* PATH is the executor's: main() */
    size_t got = from ? fread(packages, 1, sizeof(packages) - 1, from) : 0;
    packages[got] = '\0';
    if (!from || pclose(from) != 0 || got == 0)
        return false;
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return false;
    (void)mkdir(packages, 0755);
    return mount("none", packages, "tmpfs", 0, "mode=755") == 0;
}

static void write_modules(void)
{
    char path[512];
    for (int i = 0; i < MODULES; i++)
        if (modules[i].source)
            write_module(modules[i].name, modules[i].source);
    snprintf(path, sizeof(path), "%s/pre_package", packages);
    if (mkdir(path, 0755) != 0)
        abort();
    write_module("pre_package/__init__", "");
    write_module("pre_package/inner", "");
}

static void start_with(const char *names, const char *confine)
{
    char path[] = "/tmp/sandbox-test-log-XXXXXX";
    int own_stderr = dup(STDERR_FILENO);
    close(mkstemp(path));
    log_fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
    ck_assert_int_ge(log_fd, 0);
    unlink(path);
    dup2(log_fd, STDERR_FILENO);
    setenv(EXECUTOR_ENV_LOG_LEVEL, "warn", 1);
    setenv(EXECUTOR_ENV_PRELOAD, names, 1);
    executor_start(&executor, confine, 0);
    dup2(own_stderr, STDERR_FILENO);
    close(own_stderr);
}

static void finish(void)
{
    executor_stop(&executor);
    close(log_fd);
}

static bool is_preparing(void)
{
    struct answer answer;
    struct wire_health health;
    struct err err = ERR_INIT;
    executor_call(&executor, "GET", "/health", NULL, NULL, 0, &answer);
    ck_assert_int_eq(wire_health_decode(answer.body.data, answer.body.len, &health, &err), 0);
    answer_release(&answer);
    return health.preparing;
}

static void await_ready(void)
{
    int64_t end = clock_mono_ms() + READY_MS;
    while (is_preparing()) {
        ck_assert_msg(clock_mono_ms() < end, "modules are not ready");
        usleep(5000);
    }
}

/* Runs a handler's body; the caller frees what it returned. */
static char *evaluate(const char *body)
{
    char code[2048];
    struct outcome outcome;
    struct wire_execute request = { .language = LANGUAGE_PYTHON, .code = code };
    snprintf(code, sizeof(code), "def handler(event):\n    import sys, os\n    %s", body);
    executor_run(&executor, &request, &outcome);
    ck_assert_msg(outcome.result.failure == WIRE_FAILURE_NONE, "%s: %s", body, strbuf_str(&outcome.err));
    char *value = strdup(outcome.result.return_json);
    outcome_release(&outcome);
    return value;
}

static void expect(const char *body, const char *wanted)
{
    char *value = evaluate(body);
    ck_assert_msg(strcmp(value, wanted) == 0, "%s\nis %s\nnot %s", body, value, wanted);
    free(value);
}

static const char *read_log(void)
{
    ssize_t got = pread(log_fd, log_text, sizeof(log_text) - 1, 0);
    log_text[got > 0 ? got : 0] = '\0';
    return log_text;
}

START_TEST(test_executor_preload__imported_and_confined)
{
    start_with("pre_good,pre_package.inner,pre_warning,pre_short_thread", _i ? "landlock" : "none");
    await_ready();
    expect("return [n in sys.modules for n in ('pre_good', 'pre_package.inner', 'pre_warning', 'pre_short_thread')]", "[true,true,true,true]");
    expect("import pre_good; return pre_good.SEEN[:2]", "[\"/\",0]");
    expect("import pre_good; return [p for p in pre_good.PATH if p.startswith(os.getcwd())]", "[]");
    expect("return sys.path[0] == os.getcwd()", "true");
    expect("return os.environ['PRE_GOOD']", "\"kept\"");
    expect("return [sys.argv, os.umask(0), len({i - os.getuid() for i in os.getresuid() + os.getresgid()})]", "[[\"\"],2,1]");
    if (_i == 0)
        expect("n = os.listdir('/proc/self/fd'); return sorted(int(f) for f in n if int(f) < 4 or os.path.exists('/proc/self/fd/' + f))",
               "[0,1,2,3]");
    ck_assert_str_eq(read_log(), "");
    finish();
}
END_TEST

START_TEST(test_executor_preload__left_out)
{
    const struct module *module = &modules[_i];
    char names[256], wanted[256];
    if (!module->reason)
        return;
    snprintf(names, sizeof(names), "pre_good,%s,pre_warning", module->name);
    start_with(names, "none");
    await_ready();
    expect("return ['pre_good' in sys.modules, 'pre_warning' in sys.modules]", "[true,true]");
    snprintf(wanted, sizeof(wanted), "return '%s' in sys.modules", module->name);
    expect(wanted, "false");
    snprintf(wanted, sizeof(wanted), "a module is not imported ahead module=%s reason=\"%s\"\n", module->name, module->reason);
    ck_assert_msg(strstr(read_log(), wanted), "\"%s\" is not in:\n%s", wanted, log_text);
    ck_assert_msg(strchr(log_text, '\n')[1] == '\0', "more than a line:\n%s", log_text);
    finish();
}
END_TEST

START_TEST(test_executor_preload__all_bad_at_once)
{
    char names[1024] = "pre_thread";
    for (int i = 0; i < MODULES; i++)
        if (modules[i].reason && strcmp(modules[i].name, "pre_thread") != 0)
            sprintf(names + strlen(names), ",%s", modules[i].name);
    start_with(names, "landlock"); /* where no /proc counts threads */
    await_ready();
    expect("return [n for n in sys.modules if n.startswith('pre_')]", "[]");
    ck_assert_ptr_nonnull(strstr(read_log(), "module=pre_thread reason=\"it leaves threads\""));
    finish();
}
END_TEST

START_TEST(test_executor_preload__nobody_waits_for_it)
{
    start_with("pre_slow", "none");
    int64_t begun = clock_mono_ms();
    for (int i = 0; i < 3; i++)
        expect("return 'pre_slow' in sys.modules", "false");
    ck_assert_int_lt(clock_mono_ms() - begun, 1500);
    ck_assert(is_preparing());
    await_ready();
    expect("return 'pre_slow' in sys.modules", "true");
    finish();
}
END_TEST

static void expect_different(const char *body)
{
    char *first = evaluate(body), *second = evaluate(body);
    ck_assert_msg(strcmp(first, second) != 0, "%s is %s twice", body, first);
    free(first);
    free(second);
}

START_TEST(test_executor_preload__nothing_random_carries_over)
{
    start_with("random,uuid,ssl,tempfile,numpy.random,pre_good", "none");
    await_ready();
    expect("return ['random' in sys.modules, 'ssl' in sys.modules]", "[true,true]");
    expect_different("import random; return random.random()");
    expect_different("import uuid; return str(uuid.uuid4())");
    expect_different("import ssl; return ssl.RAND_bytes(8).hex()");
    expect_different("import tempfile; return tempfile.mktemp()");
    char *numpy = evaluate("return 'numpy.random' in sys.modules");
    if (strcmp(numpy, "true") == 0) { /* else the machine has none */
        expect_different("import numpy; return numpy.random.rand()");
        expect_different("import numpy; return float(numpy.random.default_rng().random())");
    }
    free(numpy);
    expect("import pre_good; pre_good.MARK = 1; return hasattr(pre_good, 'MARK')", "true");
    expect("import pre_good; return hasattr(pre_good, 'MARK')", "false");
    finish();
}
END_TEST

START_TEST(test_executor_preload__killed)
{
    start_with("pre_good", "none");
    for (int i = 0; i < 3; i++) {
        await_ready();
        if (i == 2) /* it was ended twice with its modules: no more of that, but code runs */
            break;
        char *pid = evaluate("import pre_good; return pre_good.PID");
        ck_assert_int_eq(kill(atoi(pid), SIGKILL), 0);
        while (kill(atoi(pid), 0) == 0) /* until the executor has seen it */
            usleep(1000);
        free(pid);
        expect("return 1", "1");
        expect("return 1", "1");
    }
    expect("return 1", "1");
    finish();
}
END_TEST

START_TEST(test_executor_preload__hangs)
{
    write_module("pre_hangs", "import time\ntime.sleep(1000)");
    start_with("pre_hangs,pre_good", "none");
    int64_t end = clock_mono_ms() + 40000;
    while (is_preparing() && clock_mono_ms() < end) {
        expect("return 1", "1");
        usleep(200000);
    }
    expect("return 'pre_good' in sys.modules", "true");
    ck_assert_ptr_nonnull(strstr(read_log(), "module=pre_hangs reason=\"it takes too long\""));
    finish();
}
END_TEST

static Suite *make_suite(void)
{
    Suite *suite = suite_create("executor_preload");
    TCase *tcase = tcase_create("preload");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, test_executor_preload__imported_and_confined, 0, 2);
    tcase_add_loop_test(tcase, test_executor_preload__left_out, 0, MODULES);
    tcase_add_test(tcase, test_executor_preload__all_bad_at_once);
    tcase_add_test(tcase, test_executor_preload__nobody_waits_for_it);
    tcase_add_test(tcase, test_executor_preload__nothing_random_carries_over);
    tcase_add_test(tcase, test_executor_preload__killed);
    if (getenv("SANDBOX_LONG"))
        tcase_add_test(tcase, test_executor_preload__hangs);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
    if (geteuid() != 0 || !mount_packages()) {
        puts("needs root, Python, and a mount of its own");
        return EXIT_SKIPPED;
    }
    write_modules();
    return executor_suite_run(make_suite());
}
