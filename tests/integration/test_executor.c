/* SPDX-License-Identifier: Apache-2.0 */
/* The real executor, started as root on this machine: what code gives, by table, and how long it takes to fail. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/util/clock.h"
#include "tests/integration/executor_client.h"
#include "tests/integration/executor_suite.h"

static struct executor executor;

static void start(void)
{
    executor_start(&executor, "none", 0);
}

static void start_limited(void)
{
    executor_start(&executor, "none", EXECUTOR_TEST_MEMORY_MB);
}

static void start_landlock(void)
{
    executor_start(&executor, "landlock", 0);
}

static void stop(void)
{
    executor_stop(&executor);
}

#define PY LANGUAGE_PYTHON
#define JS LANGUAGE_JAVASCRIPT
#define SH LANGUAGE_SHELL

/* What is NULL is not looked at; "" must be empty. */
struct expected {
    const char *name;
    enum language language;
    const char *code;
    const char *event;
    enum wire_failure failure;
    int exit_code;
    const char *value, *out, *err, *message;
};

static const struct expected cases[] = {
    { "hello", PY, "def handler(event):\n    return {'body': 'Hello, ' + event.get('name', 'World')}", "{\"name\":\"Alice\"}",
      WIRE_FAILURE_NONE, 0, "{\"body\":\"Hello, Alice\"}", "", "", NULL },
    { "no event", PY, "def handler(event):\n    return event is None", NULL, WIRE_FAILURE_NONE, 0, "true", "", "", NULL },
    { "big integers keep their digits", PY, "def handler(event):\n    return [event, event + 1]",
      "123456789012345678901234567890", WIRE_FAILURE_NONE, 0,
      "[123456789012345678901234567890,123456789012345678901234567891]", "", "", NULL },
    { "what is printed is no return value", PY, "import os\ndef handler(event):\n    print('{\"forged\": 1}')\n    return 2", NULL,
      WIRE_FAILURE_NONE, 0, "2", "{\"forged\": 1}\n", "", NULL },
    { "traceback with the source, without the runner", PY,
      "def inner():\n    return 1 / 0  # here\ndef handler(event):\n    return inner()", NULL, WIRE_FAILURE_EXCEPTION, 1, NULL, "",
      "Traceback (most recent call last):\n  File \"<code>\", line 4, in handler\n    return inner()\n", "ZeroDivisionError" },
    { "syntax error", PY, "def handler(:", NULL, WIRE_FAILURE_EXCEPTION, 1, NULL, "", "SyntaxError", "SyntaxError" },
    { "sys.exit(3)", PY, "import sys\ndef handler(event):\n    print('before')\n    sys.exit(3)", NULL,
      WIRE_FAILURE_EXCEPTION, 3, NULL, "before\n", "", "code 3" },
    { "sys.exit()", PY, "import sys\nsys.exit()", NULL, WIRE_FAILURE_NONE, 0, NULL, "", "", NULL },
    { "sys.exit(text)", PY, "import sys\nsys.exit('no good')", NULL, WIRE_FAILURE_EXCEPTION, 1, NULL, "", "no good\n", NULL },
    { "async handler", PY, "import asyncio\nasync def handler(event):\n    await asyncio.sleep(0.01)\n    return 'later'", NULL,
      WIRE_FAILURE_NONE, 0, "\"later\"", "", "", NULL },
    { "handler with context", PY,
      "def handler(event, context):\n    return [context.execution_id[:5], context.get_remaining_time_in_millis() > 1000]", NULL,
      WIRE_FAILURE_NONE, 0, "[\"exec_\",true]", "", "", NULL },
    { "a second argument of its own", PY, "def handler(event, factor=7):\n    return event * factor", "6", WIRE_FAILURE_NONE, 0,
      "42", "", "", NULL },
    { "plain script", PY, "if __name__ == '__main__':\n    print('script', end='')", NULL, WIRE_FAILURE_NONE, 0, NULL, "script", "",
      NULL },
    { "threads are waited for", PY,
      "import threading, time\ndef late():\n    time.sleep(0.1)\n    print('late')\nthreading.Thread(target=late).start()", NULL,
      WIRE_FAILURE_NONE, 0, NULL, "late\n", "", NULL },
    { "NaN", PY, "def handler(event):\n    return float('nan')", NULL, WIRE_FAILURE_RETURN_VALUE, 1, NULL, "", NULL, "not JSON" },
    { "bytes", PY, "def handler(event):\n    return b'x'", NULL, WIRE_FAILURE_RETURN_VALUE, 1, NULL, "", NULL, "bytes" },
    { "a circle", PY, "def handler(event):\n    a = []\n    a.append(a)\n    return a", NULL, WIRE_FAILURE_RETURN_VALUE, 1, NULL,
      "", NULL, "not JSON" },
    { "nested too deep", PY, "def handler(event):\n    a = 1\n    for _ in range(100):\n        a = [a]\n    return a", NULL,
      WIRE_FAILURE_RETURN_VALUE, 0, NULL, "", "", "nested" },
    { "a return value too large", PY, "def handler(event):\n    return 'x' * 5000000", NULL, WIRE_FAILURE_RETURN_VALUE, 0, NULL,
      "", "", "larger than" },
    { "a large return value", PY, "def handler(event):\n    return '\\\"' * 2000000", NULL, WIRE_FAILURE_NONE, 0, NULL, "", "",
      NULL },
    { "text of all kinds", PY, "import sys\ndef handler(event):\n    sys.stdout.buffer.write(b'a\\xff\\x00b')\n    return event",
      "\"\\u0000\\ud83d\\ude00 \xc3\xa9\"", WIRE_FAILURE_NONE, 0, "\"\\u0000\xf0\x9f\x98\x80 \xc3\xa9\"", "a\xef\xbf\xbd", "", NULL },
    { "a crash", PY, "import os, signal\nprint('x')\nos.kill(os.getpid(), signal.SIGSEGV)", NULL, WIRE_FAILURE_SIGNAL, -1, NULL,
      "x\n", "", "SIGSEGV" },
    { "main is main", PY, "import sys, pickle\nclass A: pass\ndef handler(event):\n    pickle.dumps(A())\n"
      "    return sys.modules['__main__'].A is A", NULL, WIRE_FAILURE_NONE, 0, "true", "", "", NULL },
    { "processes", PY, "import subprocess, multiprocessing\ndef f(x): return x * x\ndef handler(event):\n"
      "    with multiprocessing.Pool(2) as p:\n        return p.map(f, [1, 2, 3]) + "
      "[subprocess.check_output(['echo', 'sub']).decode()]", NULL, WIRE_FAILURE_NONE, 0, "[1,4,9,\"sub\\n\"]", "", "", NULL },
    { "the code is nowhere on disk", PY, "import os\ndef handler(event):\n    return os.listdir('.') + os.listdir(os.environ['TMPDIR'])",
      NULL, WIRE_FAILURE_NONE, 0, "[]", "", "", NULL },
    { "clean environment", PY, "import os\ndef handler(event):\n    return sorted(os.environ)", NULL, WIRE_FAILURE_NONE, 0,
      "[\"GIVEN\",\"HOME\",\"LANG\",\"PATH\",\"TMPDIR\"]", "", "", NULL },
    { "no descriptors but its own", PY,
      "import os\ndef handler(event):\n    fds = os.listdir('/proc/self/fd')\n    return sorted(int(f) for f in fds if "
      "os.path.exists('/proc/self/fd/' + f) or int(f) < 4)", NULL, WIRE_FAILURE_NONE, 0, "[0,1,2,3]", "", "", NULL },
    { "python: user and rights", PY,
      "import os\ndef handler(event):\n    s = dict(l.split(':\\t', 1) for l in open('/proc/self/status') if ':\\t' in l)\n"
      "    b = int(os.environ['GIVEN'])\n"
      "    return [[i - b for i in os.getresuid() + os.getresgid()], os.getgroups(), s['CapEff'].strip(), s['CapPrm'].strip(), "
      "s['NoNewPrivs'].strip(), s['Seccomp'].strip()]", NULL, WIRE_FAILURE_NONE, 0,
      "[[0,0,0,0,0,0],[],\"0000000000000000\",\"0000000000000000\",\"1\",\"2\"]", "", "", NULL },

    { "js", JS, "function handler(event) { return {a: event.x + 1}; }", "{\"x\":1}", WIRE_FAILURE_NONE, 0, "{\"a\":2}", "", "", NULL },
    { "js const", JS, "const handler = (event) => event;", "[1]", WIRE_FAILURE_NONE, 0, "[1]", "", "", NULL },
    { "js async", JS, "async function handler(e) { await new Promise(r => setTimeout(r, 10)); console.log('out'); return 1; }", NULL,
      WIRE_FAILURE_NONE, 0, "1", "out\n", "", NULL },
    { "js exports", JS, "module.exports.handler = async e => require('path').join('a', e);", "\"b\"", WIRE_FAILURE_NONE, 0,
      "\"a/b\"", "", "", NULL },
    { "js import()", JS, "exports.handler = async () => (await import('node:os')).EOL;", NULL, WIRE_FAILURE_NONE, 0, "\"\\n\"", "", "",
      NULL },
    { "js script", JS, "setTimeout(() => console.log('later'), 20)", NULL, WIRE_FAILURE_NONE, 0, NULL, "later\n", "", NULL },
    { "js leaves a timer", JS, "exports.handler = () => { setInterval(() => {}, 1000); return 1; }", NULL, WIRE_FAILURE_NONE, 0,
      "1", "", "", NULL },
    { "js nothing", JS, "exports.handler = () => undefined;", NULL, WIRE_FAILURE_NONE, 0, "null", "", "", NULL },
    { "js throws", JS, "function inner() { throw new Error('no good'); }\nexports.handler = () => inner();", NULL,
      WIRE_FAILURE_EXCEPTION, 1, NULL, "", "code.js:1", "Error: no good" },
    { "js rejects", JS, "exports.handler = async () => { throw 'text'; };", NULL, WIRE_FAILURE_EXCEPTION, 1, NULL, "", "text", "text" },
    { "js syntax error", JS, "function (", NULL, WIRE_FAILURE_EXCEPTION, 1, NULL, "", "SyntaxError", "SyntaxError" },
    { "js exit", JS, "process.exit(4)", NULL, WIRE_FAILURE_EXCEPTION, 4, NULL, "", "", "code 4" },
    { "js exit handlers", JS, "process.on('exit', c => console.log('bye', c)); exports.handler = () => 1;", NULL, WIRE_FAILURE_NONE, 0, "1",
      "bye 0\n", "", NULL },
    { "js exit handler throws", JS, "process.on('exit', () => { throw new Error('x'); }); setInterval(() => {}, 1000); exports.handler = () => 1;", NULL,
      WIRE_FAILURE_EXCEPTION, 1, NULL, "", NULL, NULL },
    { "js large output", JS, "exports.handler = () => { process.stdout.write('x'.repeat(400000) + 'END'); return 1; }", NULL,
      WIRE_FAILURE_NONE, 0, "1", "xEND", "", NULL },
    { "js large output, and throws", JS, "console.log('x'.repeat(400000) + 'END'); throw new Error('late');", NULL, WIRE_FAILURE_EXCEPTION, 1,
      NULL, "xEND", "late", "Error: late" },
    { "js unhandled rejection", JS, "Promise.reject(new Error('lost')); setTimeout(() => {}, 10000)", NULL, WIRE_FAILURE_EXCEPTION, 1, NULL,
      "", "code.js:1", "Error: lost" },
    { "js exit code", JS, "process.exitCode = 7; process.on('exit', c => console.log('bye', c)); exports.handler = () => 1;", NULL,
      WIRE_FAILURE_EXCEPTION, 7, NULL, "bye 7\n", "", "code 7" },
    { "js exit code set at the end", JS, "process.on('exit', c => { console.log('bye', c); process.exitCode = 8; }); console.log('script');", NULL,
      WIRE_FAILURE_EXCEPTION, 8, NULL, "script\nbye 0\n", "", "code 8" },
    { "js exit codes are a byte", JS, "process.exit(256 + 9)", NULL, WIRE_FAILURE_EXCEPTION, 9, NULL, "", "", "code 9" },
    { "js: an exit that is only said", JS,
      "process.on('exit', () => console.log('heard')); process.emit('exit', 5); console.log('goes on'); setTimeout(() => console.log('later'), 5)", NULL,
      WIRE_FAILURE_NONE, 0, NULL, "heard\ngoes on\nlater\nheard\n", "", NULL },
    { "js: an exit said at the end", JS,
      "let n = 0; process.on('exit', () => { if (n++ === 0) process.emit('exit', 5); }); process.on('exit', () => console.log('last', n));", NULL,
      WIRE_FAILURE_NONE, 0, NULL, "last 2\nlast 2\n", "", NULL },
    { "js killed by itself", JS, "exports.handler = () => { process.kill(process.pid, 'SIGKILL'); return new Promise(() => {}); }", NULL,
      WIRE_FAILURE_SIGNAL, -1, NULL, "", "", "SIGKILL" },
    { "js killed in an exit handler", JS, "process.on('exit', () => process.kill(process.pid, 'SIGKILL')); exports.handler = () => 1;", NULL,
      WIRE_FAILURE_SIGNAL, -1, NULL, "", "", "SIGKILL" },
    { "js killed by another signal", JS, "require('fs').writeSync(3, '\\0\\0'); process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 9000)", NULL,
      WIRE_FAILURE_SIGNAL, -1, NULL, "", "", "SIGTERM" },
    { "js: descriptors as they were", JS,
      "exports.handler = () => require('child_process').execFileSync('grep', ['flags', '/proc/self/fdinfo/1'], { stdio: ['ignore', 'inherit', 'inherit'] })", NULL,
      WIRE_FAILURE_NONE, 0, NULL, "flags:\t01\n", "", NULL },
    { "js return value too large", JS, "exports.handler = () => 'x'.repeat(5000000)", NULL, WIRE_FAILURE_RETURN_VALUE, 0, NULL, "", "",
      "larger than" },
    { "js return value just large enough", JS, "exports.handler = () => 'x'.repeat(4 * 1024 * 1024 - 2)", NULL, WIRE_FAILURE_NONE, 0, NULL, "", "", NULL },
    { "js return value one byte too large", JS, "exports.handler = () => 'x'.repeat(4 * 1024 * 1024 - 1)", NULL, WIRE_FAILURE_RETURN_VALUE, 0, NULL,
      "", "", "larger than" },
    { "js: what threads have begun is done", JS,
      "const fs = require('fs'); exports.handler = () => { for (let i = 0; i < 400; i++) fs.mkdir(`${process.env.TMPDIR}/made${i}`, () => 0); "
      "process.on('exit', () => { const end = Date.now() + 1; while (Date.now() < end); }); return 1; }", NULL, WIRE_FAILURE_NONE, 0, "1", "", "", NULL },
    { "js: and is there", JS,
      "const fs = require('fs'), made = fs.readdirSync(process.env.TMPDIR).filter(n => n.startsWith('made')); "
      "made.forEach(n => fs.rmdirSync(`${process.env.TMPDIR}/${n}`)); exports.handler = () => made.length", NULL, WIRE_FAILURE_NONE, 0, "400", "", "", NULL },
    { "js: nothing of what was done ahead", JS,
      "exports.handler = () => [Object.keys(require.cache).length, process.cwd() === process.env.HOME, process.listenerCount('exit'), "
      "typeof exports.x, typeof x, require.main === module, process.umask(), process.argv.length, process._exiting, process.exitCode === undefined, "
      "Object.keys(process).includes('emit'), module.filename === require('path').join(process.cwd(), 'code.js')];", NULL, WIRE_FAILURE_NONE, 0,
      "[0,true,0,\"undefined\",\"undefined\",true,2,2,false,true,false,true]", "", "", NULL },
    { "js NaN", JS, "exports.handler = () => ({a: NaN});", NULL, WIRE_FAILURE_RETURN_VALUE, 1, NULL, "", NULL, "NaN" },
    { "js bytes", JS, "exports.handler = () => [Buffer.from('x')];", NULL, WIRE_FAILURE_RETURN_VALUE, 1, NULL, "", NULL, "bytes" },
    { "js bigint", JS, "exports.handler = () => 1n;", NULL, WIRE_FAILURE_RETURN_VALUE, 1, NULL, "", NULL, "bigint" },
    { "js user and rights", JS,
      "exports.handler = () => [process.getuid() - process.env.GIVEN, process.geteuid() - process.env.GIVEN, process.getgid() - process.env.GIVEN, "
      "process.getgroups().length, "
      "/CapPrm:\\t0+\\n/.test(require('fs').readFileSync('/proc/self/status')), Object.keys(process.env).sort().join()]", NULL,
      WIRE_FAILURE_NONE, 0, "[0,0,0,1,true,\"GIVEN,HOME,LANG,PATH,TMPDIR\"]", "", "", NULL },
    { "js no other descriptors", JS,
      "exports.handler = () => require('child_process').execFileSync('ls', ['/proc/self/fd'], {encoding: 'utf8'}).trim().split('\\n').length",
      NULL, WIRE_FAILURE_NONE, 0, "4", "", "", NULL },

    { "shell", SH, "cat; echo; echo \"$EVENT\"; echo '{\"a\": 1}' >&3", "{\"x\":1}", WIRE_FAILURE_NONE, 0, "{\"a\": 1}\n",
      "{\"x\":1}\n{\"x\":1}\n", "", NULL },
    { "shell exit code", SH, "echo oops >&2; exit 5", NULL, WIRE_FAILURE_EXCEPTION, 5, NULL, "", "oops\n", "code 5" },
    { "shell bad return", SH, "echo \"{'a': 1}\" >&3", NULL, WIRE_FAILURE_RETURN_VALUE, 0, NULL, "", "", "not JSON" },
    { "shell no return", SH, "true", NULL, WIRE_FAILURE_NONE, 0, NULL, "", "", NULL },
    { "shell reopens its output", SH, "echo a > /dev/stdout; echo b > /dev/stderr", NULL, WIRE_FAILURE_NONE, 0, NULL, "a\n", "b\n", NULL },
    { "shell variables", SH, "env | grep -c -E '^(GIVEN|HOME|LANG|PATH|SHELL|TMPDIR|EVENT|PWD|SHLVL|_)='; env | wc -l; pwd; umask", NULL,
      WIRE_FAILURE_NONE, 0, NULL, "10\n10\n/tmp/sandbox-executor-", "", NULL },
    { "shell knows itself", SH, "echo \"$SHELL\" \"${BASH:0:1}\"; SHELL=mine; echo $SHELL", NULL, WIRE_FAILURE_NONE, 0, NULL, "/bin/sh /\nmine\n", "",
      NULL },
    { "shell's errors", SH, "no-such-command", NULL, WIRE_FAILURE_EXCEPTION, 127, NULL, "", "sandbox: line 1: no-such-command: command not found",
      NULL },
    { "shell killed by itself", SH, "kill -9 $$", NULL, WIRE_FAILURE_SIGNAL, -1, NULL, "", "", "SIGKILL" },
};

static void check_text(const char *what, const char *got, const char *wanted, const char *name)
{
    if (wanted && !*wanted)
        ck_assert_msg(!*got, "%s: %s should be empty: %.2000s", name, what, got);
    else if (wanted)
        ck_assert_msg(strstr(got, wanted), "%s: %s: \"%s\" is not in: %.2000s", name, what, wanted, got);
}

static void run_case(const struct expected *expected)
{
    char env[64];
    snprintf(env, sizeof(env), "{\"GIVEN\":\"%u\"}", executor.uid);
    struct wire_execute request = { .code = (char *)expected->code, .language = expected->language,
                                    .event_json = (char *)expected->event, .env_json = env };
    struct outcome outcome;
    const char *name = expected->name;
    executor_run(&executor, &request, &outcome);
    const struct wire_result *result = &outcome.result;
    ck_assert_msg(result->failure == expected->failure, "%s: \"%s\": %s\n%s", name, wire_failure_name(result->failure),
                  result->message ? result->message : "", strbuf_str(&outcome.err));
    ck_assert_msg(result->exit_code == expected->exit_code, "%s: exit code %d", name, (int)result->exit_code);
    if (expected->value)
        ck_assert_msg(result->return_json && strcmp(result->return_json, expected->value) == 0, "%s: returned %s", name,
                      result->return_json ? result->return_json : "nothing");
    ck_assert_msg(expected->failure == WIRE_FAILURE_NONE || !result->return_json, "%s: returned %s", name, result->return_json);
    check_text("stdout", strbuf_str(&outcome.out), expected->out, name);
    check_text("stderr", strbuf_str(&outcome.err), expected->err, name);
    check_text("message", result->message ? result->message : "", expected->message, name);
    ck_assert_msg(outcome.started && !strstr(strbuf_str(&outcome.err), "<runner>"), "%s: %s", name, strbuf_str(&outcome.err));
    outcome_release(&outcome);
}

START_TEST(test_executor__case)
{
    run_case(&cases[_i]);
}
END_TEST

/* Node.js that ends in order waits for the threads' work, and these rounds take seconds. */
START_TEST(test_executor__js_ends_at_once)
{
    static const char *const ends[] = { "exports.handler = () => 1;", "process.exit(0);", "setTimeout(() => process.exit(0), 1);" };
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct strbuf code = STRBUF_INIT(1024);
        struct outcome outcome;
        strbuf_addf(&code, "require('crypto').pbkdf2('a', 'b', 4000000, 64, 'sha512', () => {}); %s", ends[i]);
        struct wire_execute request = { .language = JS, .code = code.data };
        executor_run(&executor, &request, &outcome);
        ck_assert_msg(outcome.result.failure == WIRE_FAILURE_NONE, "%s", outcome.result.message);
        ck_assert_double_lt(outcome.result.duration_ms, 500);
        outcome_release(&outcome);
        strbuf_release(&code);
    }
}
END_TEST

/* What it says of its own time fits into the time it took. */
START_TEST(test_executor__says_where_time_went)
{
    static const enum language languages[] = { LANGUAGE_PYTHON, LANGUAGE_SHELL };
    for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++) {
        struct wire_execute request = { .language = languages[i],
                                        .code = (char *)(languages[i] == LANGUAGE_SHELL ? "sleep 0.1" : "import time; time.sleep(0.1)") };
        struct outcome outcome;
        int64_t before = clock_mono_us();
        executor_run(&executor, &request, &outcome);
        double all_ms = (double)(clock_mono_us() - before) / 1000;
        ck_assert_int_eq(outcome.result.failure, WIRE_FAILURE_NONE);
        ck_assert_double_gt(outcome.result.start_ms, 0);
        ck_assert_double_gt(outcome.result.collect_ms, 0);
        ck_assert_double_ge(outcome.result.duration_ms, 100);
        ck_assert_double_le(outcome.result.start_ms + outcome.result.duration_ms + outcome.result.collect_ms, all_ms);
        outcome_release(&outcome);
    }
}
END_TEST

START_TEST(test_executor__metrics_are_true)
{
    struct wire_execute request = {
        .code = (char *)"import os, time\ndef burn(s):\n    e = time.process_time() + s\n    while time.process_time() < e: pass\n"
                        "def handler(event):\n    if os.fork() == 0:\n        x = bytearray(80000000)\n        burn(0.2)\n"
                        "        os._exit(0)\n    burn(0.2)\n    os.wait()\n    open('made.txt', 'w').write('x')\n"
                        "    os.mkdir('d')\n    open('d/deep.txt', 'w').write('x')\n    time.sleep(0.1)",
    };
    struct outcome outcome;
    executor_run(&executor, &request, &outcome);
    ck_assert_int_eq(outcome.result.failure, WIRE_FAILURE_NONE);
    ck_assert_double_ge(outcome.result.cpu_time_ms, 395);
    ck_assert_double_le(outcome.result.cpu_time_ms, 600);
    ck_assert_double_ge(outcome.result.duration_ms, 295);
    ck_assert_double_ge(outcome.result.peak_memory_mb, 80);
    ck_assert_double_le(outcome.result.peak_memory_mb, 140);
    ck_assert(outcome.result.touched);
    outcome_release(&outcome);
    struct wire_execute next = { .code = (char *)"print(open('made.txt').read())" };
    executor_run(&executor, &next, &outcome);
    ck_assert_str_eq(strbuf_str(&outcome.out), "x\n");
    outcome_release(&outcome);
}
END_TEST

START_TEST(test_executor__python_memory)
{
    static const struct expected hog = { "hog", PY, "x = []\nwhile True:\n    x.append(bytearray(10000000))", NULL,
                                         WIRE_FAILURE_OUT_OF_MEMORY, 1, NULL, "", NULL, "300 MiB" };
    static const struct expected many = {
        "hog in pieces", PY, "import os, time\nfor _ in range(8):\n    if os.fork() == 0:\n        x = bytearray(100000000)\n"
        "        time.sleep(20)\ntime.sleep(20)", NULL, WIRE_FAILURE_OUT_OF_MEMORY, -1, NULL, "", NULL, "300 MiB" };
    static const struct expected fine = { "afterwards", PY, "print('fine')", NULL, WIRE_FAILURE_NONE, 0, NULL, "fine\n", "", NULL };
    static const struct expected script = { "js in 300 MiB", JS, "exports.handler = e => e", "1", WIRE_FAILURE_NONE, 0, "1", "", "",
                                            NULL };
    static const struct expected heap = { "js hog", JS, "const a = []; for (;;) a.push(new Array(1000).fill({}));", NULL,
                                          WIRE_FAILURE_OUT_OF_MEMORY, -1, NULL, "", NULL, "300 MiB" };
    run_case(&hog);
    run_case(&many);
    run_case(&heap);
    run_case(&fine);
    run_case(&script);
}
END_TEST

START_TEST(test_executor__landlock)
{
    static const struct expected closed[] = {
        { "proc", PY, "import os\ndef handler(event):\n    r = []\n    for p in ('/proc/1/environ', '/proc/self/status', '/root', '/tmp', "
          "'/home', '/var', '/sys', '/'):\n        try:\n            os.listdir(p) if os.path.isdir(p) else open(p)\n"
          "            r.append(p)\n        except OSError:\n            pass\n    return r", NULL, WIRE_FAILURE_NONE, 0, "[]", "", "", NULL },
        { "works", PY, "import tempfile, json, sqlite3\ndef handler(event):\n    open('f', 'w').write('x')\n"
          "    tempfile.TemporaryFile().write(b'x')\n    return open('/etc/hostname').read() != ''", NULL, WIRE_FAILURE_NONE, 0,
          "true", "", "", NULL },
        { "js", JS, "exports.handler = () => { require('fs').writeFileSync('g', 'x'); return 1; }", NULL, WIRE_FAILURE_NONE, 0, "1", "",
          "", NULL },
        { "shell", SH, "cat f g; ls /tmp; ls /proc; true", NULL, WIRE_FAILURE_NONE, 0, NULL, "xx", "denied", NULL },
    };
    for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++)
        run_case(&closed[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("executor");
    executor_suite_add(suite, "cases", start, stop, test_executor__case, sizeof(cases) / sizeof(cases[0]));
    executor_suite_add(suite, "ends", start, stop, test_executor__js_ends_at_once, 1);
    executor_suite_add(suite, "spans", start, stop, test_executor__says_where_time_went, 1);
    executor_suite_add(suite, "metrics", start, stop, test_executor__metrics_are_true, 1);
    executor_suite_add(suite, "memory", start_limited, stop, test_executor__python_memory, 1);
    executor_suite_add(suite, "landlock", start_landlock, stop, test_executor__landlock, 1);
    return executor_suite_run(suite);
}
