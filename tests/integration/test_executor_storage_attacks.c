/* SPDX-License-Identifier: Apache-2.0 */
/* The real executor against code that hides what it holds of the disk; test_executor_file_attacks.c has what is in plain sight. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util/clock.h"
#include "lib/wire/environment.h"
#include "tests/integration/executor_client.h"
#include "tests/integration/executor_suite.h"

enum { DISK_MB = 20 };

static struct executor executor;

static void start_as(const char *confine)
{
    setenv(EXECUTOR_ENV_FILES_MAX, "5000", 1);
    executor_start(&executor, confine, 0);
}

static void start(void)
{
    start_as("none");
}

static void start_landlock(void)
{
    start_as("landlock");
}

static void stop(void)
{
    executor_stop(&executor);
}

static void run(enum language language, const char *code, struct outcome *out)
{
    struct wire_execute request = { .language = language, .code = (char *)code, .timeout_ms = 15000, .disk_mb = DISK_MB };
    executor_run(&executor, &request, out);
}

static void shell(const char *code)
{
    struct outcome outcome;
    run(LANGUAGE_SHELL, code, &outcome);
    ck_assert_msg(outcome.result.failure == WIRE_FAILURE_NONE, "%s: %s %s", code, outcome.result.message, strbuf_str(&outcome.err));
    outcome_release(&outcome);
}

struct attempt {
    const char *name, *code, *wanted; /* the message's part; or what the handler returns */
};

/* Each is stopped; the watcher looks once a second. */
static const struct attempt fills[] = {
    { "unlinked files", "import os, time\nkept = []\nfor i in range(10):\n    f = open('u%d' % i, 'wb')\n    os.unlink(f.name)\n"
      "    f.write(b'x' * 5000000)\n    f.flush()\n    kept.append(f)\ntime.sleep(20)", "20 MiB" },
    { "files that never had a name", "import os, time\nkept = [os.open('.', os.O_TMPFILE | os.O_RDWR) for i in range(10)]\n"
      "for fd in kept:\n    os.write(fd, b'x' * 5000000)\ntime.sleep(20)", "20 MiB" },
    { "unlinked files of a child", "import subprocess\nsubprocess.run(['sh', '-c', 'for i in 1 2 3 4; do eval \"exec $((i + 3))>u$i\"; rm u$i; "
      "head -c 9000000 /dev/zero >&$((i + 3)); done; sleep 20'])", "20 MiB" },
    { "mapped files without a name", "import mmap, os, time\nkept = []\nfor i in range(10):\n    f = open('m%d' % i, 'w+b')\n"
      "    f.truncate(5000000)\n    m = mmap.mmap(f.fileno(), 5000000)\n    m[:] = b'x' * 5000000\n    os.unlink(f.name)\n    f.close()\n"
      "    kept.append(m)\ntime.sleep(20)", "20 MiB" },
    { "a directory that is closed", "import os, time\nos.mkdir('shut')\nfor i in range(6):\n"
      "    open('shut/f%d' % i, 'wb').write(b'x' * 5000000)\nos.chmod('shut', 0)\ntime.sleep(20)", "20 MiB" },
    { "very deep directories", "import os, time\nfor i in range(200):\n    os.mkdir('d')\n    os.chdir('d')\ntime.sleep(20)", "nested too deep" },
    { "names of one file", "import os\nopen('one', 'wb').write(b'x' * 15000000)\nos.link('one', 'two')\nopen('three', 'wb').write(b'x' * 9000000)",
      "20 MiB" },
    { "a process that hides", "import os, shutil, subprocess, sys\nshutil.copy('/bin/sleep', 'hidden')\nos.chmod('hidden', 0o111)\n"
      "subprocess.run(['./hidden', '20'])", "hides" },
};

START_TEST(test_executor_storage_attacks__stopped)
{
    const struct attempt *attempt = &fills[_i];
    struct outcome outcome;
    int64_t before = clock_mono_ms();
    run(LANGUAGE_PYTHON, attempt->code, &outcome);
    ck_assert_msg(outcome.result.failure == WIRE_FAILURE_DISK_FULL, "%s: %s: %s %s", attempt->name,
                  wire_failure_name(outcome.result.failure), outcome.result.message, strbuf_str(&outcome.err));
    ck_assert_msg(strstr(outcome.result.message, attempt->wanted), "%s: %s", attempt->name, outcome.result.message);
    ck_assert_int_lt(clock_mono_ms() - before, 10000);
    outcome_release(&outcome);
    shell("chmod -R u+rwX . ; rm -rf ./*"); /* making room is allowed */
    shell("echo fine > fine; sleep 1.3; rm fine");
}
END_TEST

/* What stays below the limits is left alone. */
static const char *const allowed[] = {
    "import os, time\nopen('one', 'wb').write(b'x' * 15000000)\nfor i in range(50):\n    os.link('one', 'l%d' % i)\ntime.sleep(1.5)",
    "import os, time\nf = open('u', 'wb')\nos.unlink('u')\nf.write(b'x' * 5000000)\nf.flush()\ntime.sleep(1.5)",
    "import multiprocessing, time\np = multiprocessing.get_context('fork').Process(target=time.sleep, args=(4,))\np.start()\np.join()",
    "import os\nfor i in range(4000):\n    open('e%d' % i, 'w').close()",
};

START_TEST(test_executor_storage_attacks__allowed)
{
    struct outcome outcome;
    run(LANGUAGE_PYTHON, allowed[_i], &outcome);
    ck_assert_msg(outcome.result.failure == WIRE_FAILURE_NONE, "%s\n%s %s", allowed[_i], outcome.result.message, strbuf_str(&outcome.err));
    outcome_release(&outcome);
}
END_TEST

static const struct attempt refused[] = {
    { "hiding", "import ctypes\ndef handler(event):\n    libc = ctypes.CDLL(None, use_errno=True)\n    return [libc.prctl(4, 0, 0, 0, 0), "
      "ctypes.get_errno(), libc.prctl(3, 0, 0, 0, 0)]", "[-1,1,1]" },
    { "devices", "import os, stat\ndef handler(event):\n    got = 0\n    for kind in (stat.S_IFBLK, stat.S_IFCHR):\n        try:\n"
      "            os.mknod('dev', kind | 0o666, os.makedev(8, 0))\n            got += 1\n        except PermissionError:\n            pass\n"
      "    return got", "0" },
    { "links to what is not its own", "import os\ndef handler(event):\n    got = 0\n    for path in ('/etc/passwd', '/etc/shadow', "
      "os.getcwd() + '/../run/secret'):\n        try:\n            os.link(path, 'stolen')\n            got += 1\n        except OSError:\n"
      "            pass\n    return got", "0" },
};

START_TEST(test_executor_storage_attacks__refused)
{
    struct outcome outcome;
    run(LANGUAGE_PYTHON, refused[_i].code, &outcome);
    ck_assert_msg(outcome.result.failure == WIRE_FAILURE_NONE, "%s: %s", refused[_i].name, strbuf_str(&outcome.err));
    ck_assert_msg(strcmp(outcome.result.return_json, refused[_i].wanted) == 0, "%s: %s", refused[_i].name, outcome.result.return_json);
    outcome_release(&outcome);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("executor storage attacks");
    const struct {
        const TTest *test;
        int loops;
        bool landlock;
    } rows[] = {
        { test_executor_storage_attacks__stopped, sizeof(fills) / sizeof(fills[0]), false },
        { test_executor_storage_attacks__allowed, sizeof(allowed) / sizeof(allowed[0]), false },
        { test_executor_storage_attacks__refused, sizeof(refused) / sizeof(refused[0]), true },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        executor_suite_add(suite, rows[i].test->name, start, stop, rows[i].test, rows[i].loops);
        if (rows[i].landlock)
            executor_suite_add(suite, rows[i].test->name, start_landlock, stop, rows[i].test, rows[i].loops);
    }
    return executor_suite_run(suite);
}
