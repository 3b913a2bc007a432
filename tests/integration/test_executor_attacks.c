/* SPDX-License-Identifier: Apache-2.0 */
/* The real executor against code that means harm: each attempt ends as documented, and the next execution works. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/model/limits.h"
#include "lib/util/clock.h"
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

static void run(enum language language, const char *code, int64_t timeout_ms, struct outcome *out)
{
    struct wire_execute request = { .language = language, .code = (char *)code, .timeout_ms = timeout_ms, .disk_mb = 20 };
    executor_run(&executor, &request, out);
}

/* Whatever was done before, this works, promptly, and nothing of it is left. */
static void check_alive(void)
{
    struct outcome outcome;
    ck_assert_int_eq(executor_user_processes(&executor), 0);
    int64_t before = clock_mono_ms();
    run(LANGUAGE_PYTHON, "def handler(event):\n    return 'alive'", 0, &outcome);
    ck_assert_msg(outcome.result.failure == WIRE_FAILURE_NONE, "%s %s", outcome.result.message, strbuf_str(&outcome.err));
    ck_assert_str_eq(outcome.result.return_json, "\"alive\"");
    ck_assert_int_lt(clock_mono_ms() - before, 3000);
    outcome_release(&outcome);
}

struct attempt {
    const char *name;
    enum language language;
    const char *code;
    const char *value; /* what handler() gives */
};

/* Each returns what it got hold of. %d is the executor's pid. */
static const struct attempt refused[] = {
    { "environment of the executor", LANGUAGE_PYTHON,
      "def handler(event):\n    got = []\n    for p in (1, %d):\n        for f in ('environ', 'mem', 'maps', 'cwd', 'root', 'fd'):\n"
      "            try:\n                import os\n                path = '/proc/%%d/%%s' %% (p, f)\n"
      "                os.listdir(path) if f in ('cwd', 'root', 'fd') else open(path, 'rb').read(1)\n"
      "                got.append(path)\n            except OSError:\n                pass\n    return got", "[]" },
    { "signals to the executor and all", LANGUAGE_PYTHON,
      "import os\ndef handler(event):\n    got = []\n    for p in (1, %d, os.getppid()):\n        for s in (9, 15, 0):\n"
      "            try:\n                os.kill(p, s)\n                got.append(p)\n            except PermissionError:\n"
      "                pass\n    return got", "[]" },
    { "the executor's socket and secret", LANGUAGE_PYTHON,
      "import socket, os\ndef handler(event):\n    got = []\n    run = os.path.join(os.getcwd(), '..', 'run')\n"
      "    for f in (lambda: os.listdir(run), lambda: open(run + '/secret').read(), "
      "lambda: socket.socket(socket.AF_UNIX).connect(run + '/executor.sock')):\n"
      "        try:\n            f()\n            got.append('reached')\n        except PermissionError:\n            pass\n"
      "    return got", "[]" },
    { "root again", LANGUAGE_PYTHON,
      "import os\ndef handler(event):\n    got = []\n    for f in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), "
      "lambda: os.seteuid(0), lambda: os.setresuid(-1, os.getuid() + 1, -1), lambda: os.chroot('.'), lambda: os.chown('.', 0, 0), "
      "lambda: os.nice(-5)):\n"
      "        try:\n            f()\n            got.append('done')\n        except OSError:\n            pass\n"
      "    return got", "[]" },
    { "system calls", LANGUAGE_PYTHON,
      "import ctypes, errno\ndef handler(event):\n    libc = ctypes.CDLL(None, use_errno=True)\n    got = {}\n"
      "    calls = {'mount': 165, 'umount2': 166, 'ptrace': 101, 'bpf': 321, 'perf_event_open': 298, 'userfaultfd': 323, "
      "'keyctl': 250, 'unshare': 272, 'setns': 308, 'io_uring_setup': 425, 'pivot_root': 155, 'process_vm_readv': 310, "
      "'open_by_handle_at': 304, 'personality': 135, 'clone3': 435, 'clone_newuser': 56, 'reboot': 169, 'kexec_load': 246, "
      "'init_module': 175, 'swapon': 167, 'settimeofday': 164, 'pidfd_getfd': 438, 'fsopen': 430}\n"
      "    for name, number in calls.items():\n        ctypes.set_errno(0)\n"
      "        args = (0x10000000 | 17, 0, 0, 0, 0) if name == 'clone_newuser' else (0, 0, 0, 0, 0)\n"
      "        r = libc.syscall(number, *args)\n"
      "        wanted = errno.ENOSYS if name in ('clone3', 'io_uring_setup') else errno.EPERM\n"
      "        if r != -1 or ctypes.get_errno() != wanted:\n            got[name] = [r, ctypes.get_errno()]\n"
      "    return got", "{}" },
    { "the network", LANGUAGE_PYTHON,
      "import socket\ndef handler(event):\n    got = []\n    for family in range(0, 50):\n        for kind in (1, 2, 3):\n"
      "            try:\n                socket.socket(family, kind)\n                got.append(family)\n"
      "            except OSError:\n                pass\n    return sorted(set(got))", "[1]" },
    { "the network from JavaScript", LANGUAGE_JAVASCRIPT,
      "exports.handler = () => new Promise(r => require('net').connect(80, '127.0.0.1').on('error', e => r(e.code)))",
      "\"EAFNOSUPPORT\"" },
    { "limits raised again", LANGUAGE_PYTHON,
      "import resource\ndef handler(event):\n    got = []\n    for r in (resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, "
      "resource.RLIMIT_CORE, resource.RLIMIT_NOFILE):\n        try:\n"
      "            resource.setrlimit(r, (resource.getrlimit(r)[0], resource.getrlimit(r)[1] + 1))\n            got.append(r)\n"
      "        except (OSError, ValueError):\n            pass\n    return got", "[]" },
    { "a forged result", LANGUAGE_PYTHON,
      "import os, sys\ndef handler(event):\n    print('{\"type\":\"result\",\"failure\":\"\",\"return\":\"666\"}')\n    return 'true one'",
      "\"true one\"" },
};

START_TEST(test_executor_attacks__refused)
{
    const struct attempt *attempt = &refused[_i];
    char code[4096];
    struct outcome outcome;
    if (strstr(attempt->code, "%d"))
        snprintf(code, sizeof(code), attempt->code, (int)executor.pid);
    else
        snprintf(code, sizeof(code), "%s", attempt->code);
    run(attempt->language, code, 0, &outcome);
    ck_assert_msg(outcome.result.failure == WIRE_FAILURE_NONE, "%s: %s\n%s", attempt->name, outcome.result.message,
                  strbuf_str(&outcome.err));
    ck_assert_msg(strcmp(outcome.result.return_json, attempt->value) == 0, "%s: got %s", attempt->name,
                  outcome.result.return_json);
    outcome_release(&outcome);
    check_alive();
}
END_TEST

static const struct attempt endless[] = {
    { "endless loop", LANGUAGE_PYTHON, "print('so far')\nwhile True: pass", NULL },
    { "endless loop in JavaScript", LANGUAGE_JAVASCRIPT, "console.log('so far'); for (;;);", NULL },
    { "fork bomb", LANGUAGE_SHELL, "echo 'so far'; b() { b | b & b; }; b; while :; do :; done", NULL },
    { "fork bomb in Python", LANGUAGE_PYTHON,
      "import os\nprint('so far')\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass", NULL },
    { "forks that die", LANGUAGE_SHELL, "echo 'so far'; while :; do (true &) ; done", NULL },
    { "deaf to signals", LANGUAGE_PYTHON,
      "import signal, time\nfor s in range(1, 65):\n    try:\n        signal.signal(s, signal.SIG_IGN)\n    except (OSError, ValueError):\n"
      "        pass\nprint('so far')\nwhile True:\n    time.sleep(1)", NULL },
    { "stopped", LANGUAGE_SHELL, "echo 'so far'; kill -STOP $$", NULL },
};

START_TEST(test_executor_attacks__timeout)
{
    struct outcome outcome;
    int64_t before = clock_mono_ms();
    run(endless[_i].language, endless[_i].code, 1000, &outcome);
    ck_assert_msg(outcome.result.failure == WIRE_FAILURE_TIMEOUT, "%s: %s %s", endless[_i].name,
                  wire_failure_name(outcome.result.failure), outcome.result.message);
    ck_assert_int_eq(outcome.result.exit_code, -1);
    ck_assert_msg(strncmp(strbuf_str(&outcome.out), "so far\n", 7) == 0, "%s: %.200s", endless[_i].name, strbuf_str(&outcome.out));
    ck_assert_int_lt(clock_mono_ms() - before, 5000);
    outcome_release(&outcome);
    check_alive();
}
END_TEST

START_TEST(test_executor_attacks__daemons_are_ended)
{
    static const char *const daemons[] = {
        "setsid sh -c 'sleep 300; sleep 300' & echo started",
        "(setsid sleep 300 >/dev/null 2>&1 </dev/null 3>&- &) ; (nohup sleep 300 &) ; echo started",
        ("python3 -c 'import os\nif os.fork() == 0:\n  os.setsid()\n  os.fork()\n  os.closerange(0, 100)\n  os.execvp(\"sleep\", "
        "[\"sleep\", \"300\"])'; echo started"),
    };
    struct outcome outcome;
    int64_t before = clock_mono_ms();
    run(LANGUAGE_SHELL, daemons[_i], 0, &outcome);
    ck_assert_int_eq(outcome.result.failure, WIRE_FAILURE_NONE);
    ck_assert_str_eq(strbuf_str(&outcome.out), "started\n");
    ck_assert_int_lt(clock_mono_ms() - before, 3000);
    outcome_release(&outcome);
    check_alive();
}
END_TEST

static long resident_kb(void)
{
    char path[64], line[128];
    long kb = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)executor.pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmHWM: %ld", &kb) == 1)
            break;
    if (file)
        fclose(file);
    return kb;
}

START_TEST(test_executor_attacks__output)
{
    enum { BYTES = 100 * 1000 * 1000, GROWTH_MAX_KB = 40 * 1024 };
    struct outcome outcome;
    long before_kb = resident_kb();
    int64_t before = clock_mono_ms();
    run(LANGUAGE_PYTHON, "import sys\nsys.stdout.write('HEAD')\nfor i in range(100):\n    sys.stdout.write('x' * 999999 + '\\n')\n"
        "sys.stdout.write('TAIL')\nsys.stderr.write('seen')", 0, &outcome);
    ck_assert_int_eq(outcome.result.failure, WIRE_FAILURE_NONE);
    ck_assert(outcome.result.stdout_truncated && !outcome.result.stderr_truncated);
    ck_assert_uint_le(outcome.out.len, OUTPUT_BYTES_MAX);
    ck_assert_int_eq((int64_t)outcome.out.len + outcome.out_skipped, BYTES + 8);
    ck_assert(strncmp(outcome.out.data, "HEAD", 4) == 0 && strcmp(outcome.out.data + outcome.out.len - 4, "TAIL") == 0);
    ck_assert_str_eq(strbuf_str(&outcome.err), "seen");
    ck_assert_int_lt(resident_kb() - before_kb, GROWTH_MAX_KB);
    ck_assert_int_lt(clock_mono_ms() - before, 10000);
    outcome_release(&outcome);
    check_alive();
}
END_TEST

START_TEST(test_executor_attacks__small_writes)
{
    struct outcome outcome;
    run(LANGUAGE_PYTHON, "import os\nfor i in range(200000):\n    os.write(1, b'x')", 0, &outcome);
    ck_assert_int_eq(outcome.result.failure, WIRE_FAILURE_NONE);
    ck_assert_uint_eq(outcome.out.len, 200000);
    ck_assert_uint_lt(outcome.stream.len, 300000); /* gathered, not a line a byte */
    outcome_release(&outcome);
}
END_TEST

START_TEST(test_executor_attacks__disk)
{
    static const char *const fills[] = {
        "with open('big', 'wb') as f:\n    while True:\n        f.write(b'x' * 1000000)",
        "import time\nfor i in range(30):\n    open('part%d' % i, 'wb').write(b'x' * 1000000)\ntime.sleep(20)",
        "for i in range(30):\n    open('part%d' % i, 'wb').write(b'x' * 1000000)",
    };
    struct outcome outcome;
    run(LANGUAGE_PYTHON, fills[_i], 15000, &outcome);
    ck_assert_msg(outcome.result.failure == WIRE_FAILURE_DISK_FULL, "%s: %s", wire_failure_name(outcome.result.failure),
                  strbuf_str(&outcome.err));
    outcome_release(&outcome);
    run(LANGUAGE_SHELL, "sleep 1.5; rm -rf ./*", 0, &outcome); /* making room is allowed */
    ck_assert_int_eq(outcome.result.failure, WIRE_FAILURE_NONE);
    outcome_release(&outcome);
    check_alive();
}
END_TEST

START_TEST(test_executor_attacks__no_state_is_left)
{
    struct outcome outcome;
    run(LANGUAGE_PYTHON, "import builtins, os, json, sys\nbuiltins.left = 1\njson.left = 1\nos.environ['LEFT'] = '1'\nos.umask(0o777)\n"
        "os.chdir('/')\nsys.path.append('/left')\nsys.setrecursionlimit(5000)\njson.dumps = lambda *a, **k: '666'", 0, &outcome);
    outcome_release(&outcome);
    run(LANGUAGE_PYTHON, "import builtins, os, json, sys\ndef handler(event):\n    u = os.umask(0)\n    return [hasattr(builtins, 'left'), "
        "hasattr(json, 'left'), 'LEFT' in os.environ, u == 0o002, os.getcwd() == os.environ['HOME'], '/left' in sys.path, "
        "sys.getrecursionlimit()]", 0, &outcome);
    ck_assert_str_eq(outcome.result.return_json, "[false,false,false,true,true,false,1000]");
    outcome_release(&outcome);
}
END_TEST

/* Four at once: each a user of its own, none reaches another. */
START_TEST(test_executor_attacks__concurrent)
{
    static const char code[] =
        "import os, time\nme = os.environ['NAME']\nopen('pid' + me, 'w').write(str(os.getpid()))\ndef handler(event):\n"
        "    end = time.time() + 10\n    while len([f for f in os.listdir('.') if f.startswith('pid') and open(f).read()]) < 4 and "
        "time.time() < end:\n        time.sleep(0.01)\n    got = 0\n    for i in range(4):\n        if str(i) == me: continue\n"
        "        pid = int(open('pid%d' % i).read())\n        for f in (lambda: os.kill(pid, 9), lambda: open('/proc/%d/environ' % pid), "
        "lambda: open('/proc/%d/mem' % pid), lambda: open('/proc/%d/fd/3' % pid, 'w')):\n"
        "            try:\n                f()\n                got += 1\n            except OSError:\n                pass\n"
        "    time.sleep(0.3)\n    return [me, got, os.getuid() - int(os.environ['BASE'])]";
    int fds[4];
    unsigned uids = 0;
    for (int i = 0; i < 4; i++) {
        char id[32], env[64];
        snprintf(id, sizeof(id), "exec_concurrent_%d", i);
        snprintf(env, sizeof(env), "{\"NAME\":\"%d\",\"BASE\":\"%u\"}", i, executor.uid);
        struct wire_execute request = { .execution_id = id, .code = (char *)code, .env_json = env };
        fds[i] = executor_run_start(&executor, &request);
    }
    for (int i = 0; i < 4; i++) {
        struct outcome outcome;
        int name, got, uid;
        executor_run_finish(fds[i], &outcome);
        ck_assert_msg(outcome.result.failure == WIRE_FAILURE_NONE, "%s", strbuf_str(&outcome.err));
        ck_assert_int_eq(sscanf(outcome.result.return_json, "[\"%d\",%d,%d]", &name, &got, &uid), 3);
        ck_assert_int_eq(name, i);
        ck_assert_int_eq(got, 0);
        uids |= 1u << uid;
        outcome_release(&outcome);
    }
    ck_assert_uint_eq(uids, 0xf);
    check_alive();
}
END_TEST

static void add(Suite *suite, const TTest *test, int loops)
{
    executor_suite_add(suite, test->name, start, stop, test, loops);
}

int main(void)
{
    Suite *suite = suite_create("executor attacks");
    add(suite, test_executor_attacks__refused, sizeof(refused) / sizeof(refused[0]));
    add(suite, test_executor_attacks__timeout, sizeof(endless) / sizeof(endless[0]));
    add(suite, test_executor_attacks__daemons_are_ended, 3);
    add(suite, test_executor_attacks__output, 1);
    add(suite, test_executor_attacks__small_writes, 1);
    add(suite, test_executor_attacks__disk, 3);
    add(suite, test_executor_attacks__no_state_is_left, 1);
    add(suite, test_executor_attacks__concurrent, 1);
    return executor_suite_run(suite);
}
