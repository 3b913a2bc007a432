/* SPDX-License-Identifier: Apache-2.0 */
/* Interpreters that wait, and the process that forks them: out of the code's reach, replaced when harmed, and no two alike. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
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

static void run(const char *code, struct outcome *out)
{
    struct wire_execute request = { .language = LANGUAGE_PYTHON, .code = (char *)code };
    executor_run(&executor, &request, out);
    ck_assert_msg(out->result.failure == WIRE_FAILURE_NONE, "%s %s", out->result.message, strbuf_str(&out->err));
}

/* Runs `code` when the forking process and an interpreter that waits are its siblings; `others` are their numbers. */
static void run_beside(const char *code, struct outcome *out)
{
    static const char frame[] =
        "import os, time\nme = os.getpid()\ndef parent(pid):\n    try:\n"
        "        return int(open('/proc/%%s/stat' %% pid).read().rsplit(')', 1)[1].split()[1])\n    except OSError:\n        return 0\n"
        "end = time.time() + 10\nothers = []\nwhile time.time() < end and not (os.path.exists('beside') and len(others) >= 2):\n"
        "    time.sleep(0.02)\n    others = [int(p) for p in os.listdir('/proc') if p.isdigit() and int(p) != me and parent(p) == %d\n"
        "              and 'python' in open('/proc/%%s/comm' %% p).read()]\nassert len(others) >= 2\n%s";
    struct strbuf text = STRBUF_INIT(65536);
    strbuf_addf(&text, frame, (int)executor.pid, code);
    struct wire_execute request = { .execution_id = (char *)"exec_beside", .language = LANGUAGE_PYTHON, .code = text.data };
    struct outcome other;
    int fd = executor_run_start(&executor, &request);
    run("open('beside', 'w').close()", &other); /* after which the next one waits */
    outcome_release(&other);
    executor_run_finish(fd, out);
    ck_assert_msg(out->result.failure == WIRE_FAILURE_NONE, "%s %s", out->result.message, strbuf_str(&out->err));
    strbuf_release(&text);
}

START_TEST(test_executor_interpreters__out_of_reach)
{
    static const char code[] =
        "import ctypes, signal\nlibc = ctypes.CDLL(None)\n"
        "def handler(event):\n    got = []\n    for pid in others:\n"
        "        for name in ('mem', 'environ', 'maps', 'syscall', 'fd/0', 'fd/1', 'fd/3', 'fd/4', 'fd/5'):\n"
        "            for mode in (os.O_RDONLY, os.O_WRONLY):\n                try:\n"
        "                    os.open('/proc/%d/%s' % (pid, name), mode | os.O_NONBLOCK)\n                    got.append(name)\n"
        "                except OSError:\n                    pass\n"
        "        for call in (lambda: os.kill(pid, signal.SIGKILL), lambda: os.kill(pid, 0), lambda: os.listdir('/proc/%d/fd' % pid),\n"
        "                     lambda: os.setpriority(os.PRIO_PROCESS, pid, 19), lambda: os.sched_setaffinity(pid, {0})):\n"
        "            try:\n                call()\n                got.append('call')\n            except OSError:\n                pass\n"
        "        import resource\n        try:\n            resource.prlimit(pid, resource.RLIMIT_CPU, (1, 1))\n"
        "            got.append('prlimit')\n        except OSError:\n            pass\n"
        "        got += ['ptrace'] * (libc.ptrace(16, pid, 0, 0) != -1)\n"
        "    return got";
    struct outcome outcome;
    run_beside(code, &outcome);
    ck_assert_str_eq(outcome.result.return_json, "[]");
    outcome_release(&outcome);
}
END_TEST

/* A child of the executor from the start, whose thread has its own number: what a fork of the library would have seen to. */
START_TEST(test_executor_interpreters__whole)
{
    static const char code[] =
        "import os, threading, subprocess, signal, resource\ndef handler(event):\n    got = []\n"
        "    t = threading.Thread(target=lambda: got.append(1))\n    t.start()\n    t.join()\n    pid = os.fork()\n"
        "    if pid == 0:\n        os._exit(3)\n    lock = threading.RLock()\n    with lock, lock:\n        pass\n"
        "    try:\n        os.raise_signal = signal.raise_signal\n        signal.signal(signal.SIGUSR1, lambda *a: got.append(2))\n"
        "        os.raise_signal(signal.SIGUSR1)\n    except AttributeError:\n        pass\n"
        "    return [os.getppid(), threading.get_native_id() == os.getpid(), got, os.waitpid(pid, 0)[1] >> 8,\n"
        "            subprocess.check_output(['echo', 'x']).decode(), threading.active_count(), os.getsid(0) == os.getpid(),\n"
        "            sorted(os.listdir('/proc/self/fd'))[:4]]";
    char expected[128];
    snprintf(expected, sizeof(expected), "[%d,true,[1,2],3,\"x\\n\",1,true,[\"0\",\"1\",\"2\",\"3\"]]", (int)executor.pid);
    for (int i = 0; i < 4; i++) { /* the first is forked before anything was imported */
        struct outcome outcome;
        run(code, &outcome);
        ck_assert_str_eq(outcome.result.return_json, expected);
        outcome_release(&outcome);
    }
}
END_TEST

START_TEST(test_executor_interpreters__no_two_alike)
{
    static const char code[] =
        "import random, uuid, secrets, tempfile, os\ndef handler(event):\n"
        "    values = [random.random(), random.getrandbits(64), str(uuid.uuid4()), secrets.token_hex(8), os.path.basename(tempfile.mktemp()),\n"
        "              str(random.Random().random()), random.SystemRandom().random()]\n"
        "    random.seed(7)\n    return values";
    enum { RUNS = 5 };
    struct outcome outcomes[RUNS];
    for (int i = 0; i < RUNS; i++)
        run(code, &outcomes[i]);
    for (int i = 0; i < RUNS; i++) {
        char *rest = NULL;
        for (char *value = strtok_r(outcomes[i].result.return_json, "[,]", &rest); value; value = strtok_r(NULL, "[,]", &rest))
            for (int k = i + 1; k < RUNS; k++)
                ck_assert_msg(!strstr(outcomes[k].result.return_json, value), "%s twice", value);
    }
    for (int i = 0; i < RUNS; i++)
        outcome_release(&outcomes[i]);
}
END_TEST

/* What was not to be imported ahead, or seen by others, is there and whole. */
START_TEST(test_executor_interpreters__modules_are_their_own)
{
    struct outcome outcome;
    run("import json, re, math, random, os, sys, linecache, traceback\njson.JSONEncoder.encode = lambda *a: '1'\njson.loads = None\n"
        "re.compile = None\nmath.pi = 3\nos.read = os.dup2 = None\nlinecache.cache.clear()\ntraceback.print_exception = None\n"
        "sys.modules['datetime'] = None\nsys.setswitchinterval(1)\nimport builtins\nbuiltins.len = None", &outcome);
    outcome_release(&outcome);
    run("import json, re, math, os, datetime, sys, asyncio, subprocess, threading\nasync def handler(event):\n    await asyncio.sleep(0)\n"
        "    return [json.loads('[1]'), bool(re.compile('a').match('a')), round(math.pi, 2), len([1]), sys.getswitchinterval() < 1,\n"
        "            sorted(name for name in os.environ), '__main__' in sys.modules, sys.modules['__main__'].__dict__.get('sample')]", &outcome);
    ck_assert_str_eq(outcome.result.return_json, "[[1],true,3.14,1,true,[\"HOME\",\"LANG\",\"PATH\",\"TMPDIR\"],true,null]");
    outcome_release(&outcome);
}
END_TEST

static int kill_children(int wanted)
{
    char path[64], list[1024] = "";
    int count = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)executor.pid, (int)executor.pid);
    int64_t deadline = clock_mono_ms() + 10000;
    while (count < wanted && clock_mono_ms() < deadline) {
        FILE *file = fopen(path, "r");
        list[file && fgets(list, sizeof(list), file) ? strlen(list) : 0] = '\0';
        if (file)
            fclose(file);
        count = 0;
        for (const char *at = list; (at = strchr(at, ' ')); at++)
            count++;
        usleep(5000);
    }
    char *rest = NULL;
    for (char *pid = strtok_r(list, " ", &rest); pid; pid = strtok_r(NULL, " ", &rest)) {
        ck_assert_int_eq(kill(atoi(pid), SIGKILL), 0);
        while (kill(atoi(pid), 0) == 0 && clock_mono_ms() < deadline) /* until the executor has seen it */
            usleep(2000);
    }
    return count;
}

/* The forking process, its interpreter and Node.js at once; then one execution after the other as if nothing had been. */
START_TEST(test_executor_interpreters__replaced)
{
    for (int i = 0; i < 3; i++) {
        struct outcome outcome;
        ck_assert_int_ge(kill_children(3), 3);
        for (int k = 0; k < 2; k++) {
            run("def handler(event):\n    return 'again'", &outcome);
            ck_assert_str_eq(outcome.result.return_json, "\"again\"");
            outcome_release(&outcome);
        }
    }
}
END_TEST

/* The next Node.js is in another phase of its start each time. */
START_TEST(test_executor_interpreters__taken_while_starting)
{
    enum { RUNS = 60 };
    for (int i = 0; i < RUNS; i++) {
        struct wire_execute request = { .language = LANGUAGE_JAVASCRIPT, .code = (char *)"exports.handler = e => [e, process.getuid() > 0];", .event_json = (char *)"7" };
        struct outcome outcome;
        executor_run(&executor, &request, &outcome);
        ck_assert_msg(outcome.result.failure == WIRE_FAILURE_NONE, "%s %s", outcome.result.message, strbuf_str(&outcome.err));
        ck_assert_str_eq(outcome.result.return_json, "[7,true]");
        outcome_release(&outcome);
        usleep((useconds_t)i * 1000);
    }
}
END_TEST

static void start_without_javascript(void)
{
    setenv(EXECUTOR_ENV_LANGUAGES, "python", 1);
    setenv(EXECUTOR_ENV_LINGER_MS, "1500", 1);
    executor_start(&executor, "none", 0);
}

/* How many of the executor's children are Node.js. */
static int nodes(void)
{
    char path[64], list[1024] = "", *rest = NULL;
    int count = 0;
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)executor.pid, (int)executor.pid);
    FILE *file = fopen(path, "r");
    list[file && fgets(list, sizeof(list), file) ? strlen(list) : 0] = '\0';
    if (file)
        fclose(file);
    for (char *pid = strtok_r(list, " ", &rest); pid; pid = strtok_r(NULL, " ", &rest)) {
        char program[256] = "";
        snprintf(path, sizeof(path), "/proc/%s/exe", pid);
        ssize_t len = readlink(path, program, sizeof(program) - 1);
        count += len > 4 && strcmp(program + len - 4, "node") == 0;
    }
    return count;
}

static void await_nodes(int wanted)
{
    int64_t deadline = clock_mono_ms() + 10000;
    while (nodes() != wanted && clock_mono_ms() < deadline)
        usleep(2000);
    ck_assert_int_eq(nodes(), wanted);
}

/* Where the template has no JavaScript, the first execution starts Node.js, and one more is kept for a while. */
START_TEST(test_executor_interpreters__linger)
{
    struct wire_execute request = { .language = LANGUAGE_JAVASCRIPT, .code = (char *)"globalThis.n = (globalThis.n || 0) + 1; exports.handler = () => n;" };
    ck_assert_int_eq(nodes(), 0);
    for (int i = 0; i < 3; i++) {
        struct outcome outcome;
        executor_run(&executor, &request, &outcome);
        ck_assert_str_eq(outcome.result.return_json, "1");
        outcome_release(&outcome);
        request.execution_id = NULL;
        await_nodes(1);
    }
    int64_t begin = clock_mono_ms();
    await_nodes(0); /* and let go */
    ck_assert_int_ge(clock_mono_ms() - begin, 500);
    struct outcome outcome;
    executor_run(&executor, &request, &outcome);
    ck_assert_str_eq(outcome.result.return_json, "1");
    outcome_release(&outcome);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("executor interpreters");
    executor_suite_add(suite, "reach", start, stop, test_executor_interpreters__out_of_reach, 1);
    executor_suite_add(suite, "whole", start, stop, test_executor_interpreters__whole, 1);
    executor_suite_add(suite, "alike", start, stop, test_executor_interpreters__no_two_alike, 1);
    executor_suite_add(suite, "modules", start, stop, test_executor_interpreters__modules_are_their_own, 1);
    executor_suite_add(suite, "replaced", start, stop, test_executor_interpreters__replaced, 1);
    executor_suite_add(suite, "starting", start, stop, test_executor_interpreters__taken_while_starting, 1);
    executor_suite_add(suite, "linger", start_without_javascript, stop, test_executor_interpreters__linger, 1);
    return executor_suite_run(suite);
}
