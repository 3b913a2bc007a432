# SPDX-License-Identifier: Apache-2.0
"""Python, JavaScript and shell: handlers, plain scripts, events, return values, outcomes."""
import unittest

from base import Case


class Python(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.box = cls.session()

    def run_code(self, code, **fields):
        return self.client.run(self.box, code, **fields)

    def test_handler_forms(self):
        for what, code in (("plain", "def handler(event):\n    return event['n'] * 2"),
                           ("async", "import asyncio\nasync def handler(event):\n    await asyncio.sleep(0)\n"
                                     "    return event['n'] * 2"),
                           ("context", "def handler(event, context):\n    return event['n'] * 2"),
                           ("lambda", "handler = lambda event: event['n'] * 2")):
            with self.subTest(what):
                self.assert_success(self.run_code(code, event={"n": 21}), 42)

    def test_plain_script(self):
        result = self.run_code("print('plain')")
        self.assert_success(result)
        self.assertEqual((result["stdout"], result["return_value"]), ("plain\n", None))

    def test_values(self):
        for value in (None, True, 0, -1.5, "", "ä\u2028\U0001f600\0", [], {}, [[1, {"a": [None]}]], 2 ** 70):
            with self.subTest(repr(value)):
                result = self.run_code("def handler(event):\n    return event", event=value)
                self.assert_success(result)
                self.assertEqual(result["return_value"], value)

    def test_values_json_cannot_say(self):
        for expression in ("float('nan')", "b'x'", "{1, 2}", "object()", "float('inf')"):
            with self.subTest(expression):
                result = self.run_code(f"def handler(event):\n    return {expression}")
                self.assertEqual(result["status"], "failed", result)
                self.assertEqual(result["error"]["kind"], "return_value", result)
                self.assertTrue(result["error"]["message"])

    def test_output_cannot_forge_a_return_value(self):
        code = "import os, sys\nprint('{\"return_value\": 1}')\nfor fd in range(3, 40):\n    try:\n" \
               "        os.write(fd, b'{\"return_value\": 666}\\n')\n    except OSError:\n        pass\n" \
               "def handler(event):\n    return 'mine'"
        result = self.run_code(code)
        self.assertNotEqual(result["return_value"], 666, result)
        self.assertNotEqual(result["return_value"], {"return_value": 666}, result)

    def test_exception(self):
        result = self.run_code("def handler(event):\n    print('before')\n    raise ValueError('too bad')")
        self.assertEqual((result["status"], result["stdout"]), ("failed", "before\n"), result)
        self.assertIn("ValueError: too bad", result["stderr"])
        self.assertIn("line 3", result["stderr"])
        self.assertEqual(result["error"]["kind"], "exception", result)
        self.assertNotEqual(result["exit_code"], 0)

    def test_syntax_error(self):
        result = self.run_code("def handler(event:\n    pass")
        self.assertEqual(result["status"], "failed")
        self.assertIn("SyntaxError", result["stderr"])

    def test_exit_codes(self):
        result = self.run_code("import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(7)")
        self.assertEqual((result["status"], result["exit_code"], result["stdout"], result["stderr"]),
                         ("failed", 7, "out\n", "err\n"), result)
        self.assertEqual(self.run_code("import sys\nsys.exit(0)")["status"], "success")

    def test_signal(self):
        result = self.run_code("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
        self.assertEqual(result["status"], "failed", result)
        self.assertEqual(result["error"]["kind"], "signal", result)

    def test_timeout_keeps_output(self):
        result = self.run_code("import time\nprint('so far', flush=True)\ntime.sleep(30)", timeout=1)
        self.assertEqual((result["status"], result["exit_code"], result["stdout"]), ("timeout", -1, "so far\n"), result)
        self.assertLess(result["execution_time"], 3)

    def test_nothing_is_carried_over(self):
        self.run_code("import sys, builtins\nsys.leak = 1\nbuiltins.leak = 1\nimport json\njson.dumps = None")
        result = self.run_code("import sys, builtins, json\ndef handler(event):\n"
                               "    return [hasattr(sys, 'leak'), hasattr(builtins, 'leak'), json.dumps is None]")
        self.assert_success(result, [False, False, False])

    def test_the_workspace_stays(self):
        self.assert_success(self.run_code("open('note.txt', 'w').write('kept')"))
        result = self.run_code("import os\ndef handler(event):\n    return [os.getcwd(), open('note.txt').read()]")
        self.assertEqual(result["return_value"][1], "kept", result)
        if not self.stack.weaker:  # there, every sandbox has its own path
            self.assertEqual(result["return_value"][0], "/workspace")

    def test_artifacts(self):
        result = self.run_code("import os\nos.makedirs('out', exist_ok=True)\nopen('out/result.csv', 'w').write('1')")
        self.assert_success(result)
        self.assertIn("out/result.csv", result["artifacts"])

    def test_metrics_are_true(self):
        code = "import time\nx = bytearray(60 * 1024 * 1024)\nend = time.process_time() + 0.4\n" \
               "while time.process_time() < end:\n    pass\ntime.sleep(0.2)"
        metrics = self.run_code(code)["metrics"]
        self.assertTrue(380 <= metrics["cpu_time_ms"] <= 700, metrics)
        self.assertGreater(metrics["duration_ms"], 580)
        self.assertTrue(60 <= metrics["peak_memory_mb"] <= (400 if self.stack.sanitized else 110), metrics)

    def test_no_input_blocks(self):
        result = self.run_code("import sys\nprint(repr(sys.stdin.read()))", timeout=5)
        self.assertEqual((result["status"], result["stdout"]), ("success", "''\n"), result)


class JavaScript(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.stack.image_missing("nodejs-basic"):
            raise unittest.SkipTest("the image of nodejs-basic is not built: images/build.sh nodejs-basic")
        cls.box = cls.session("nodejs-basic")

    def run_code(self, code, **fields):
        return self.client.run(self.box, code, "javascript", **fields)

    def test_handler_forms(self):
        for what, code in (("function", "function handler(event) { return event.n * 2 }"),
                           ("async", "async function handler(event) { await null; return event.n * 2 }"),
                           ("exports", "module.exports.handler = (event) => event.n * 2"),
                           ("const", "const handler = (event) => event.n * 2")):
            with self.subTest(what):
                self.assert_success(self.run_code(code, event={"n": 21}), 42)

    def test_plain_script(self):
        result = self.run_code("console.log('plain'); console.error('err')")
        self.assert_success(result)
        self.assertEqual((result["stdout"], result["stderr"], result["return_value"]), ("plain\n", "err\n", None))

    def test_exception(self):
        result = self.run_code("function handler(event) { throw new TypeError('too bad') }")
        self.assertEqual(result["status"], "failed", result)
        self.assertIn("TypeError: too bad", result["stderr"])

    def test_rejection_and_exit(self):
        self.assertEqual(self.run_code("Promise.reject(new Error('no'))")["status"], "failed")
        result = self.run_code("process.exit(3)")
        self.assertEqual((result["status"], result["exit_code"]), ("failed", 3), result)

    def test_timeout(self):
        result = self.run_code("console.log('so far'); while (true) {}", timeout=1)
        self.assertEqual((result["status"], result["stdout"]), ("timeout", "so far\n"), result)

    def test_nothing_is_carried_over(self):
        self.run_code("globalThis.leak = 1; JSON.stringify = null")
        self.assert_success(self.run_code("function handler() { return [typeof leak, typeof JSON.stringify] }"),
                            ["undefined", "function"])


class Shell(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.box = cls.session()

    def run_code(self, code, **fields):
        return self.client.run(self.box, code, "shell", **fields)

    def test_script(self):
        result = self.run_code("echo out; echo err >&2")
        self.assert_success(result)
        self.assertEqual((result["stdout"], result["stderr"], result["return_value"]), ("out\n", "err\n", None))

    def test_event_and_return_value(self):
        result = self.run_code('cat; printf "%s" "$EVENT"; printf \'{"sum": 42}\' >&3', event={"x": 1})
        self.assert_success(result, {"sum": 42})
        self.assertEqual(result["stdout"].replace(" ", ""), '{"x":1}{"x":1}')

    def test_exit_code(self):
        result = self.run_code("exit 9")
        self.assertEqual((result["status"], result["exit_code"]), ("failed", 9), result)

    def test_bad_return_value(self):
        result = self.run_code("echo 'not json' >&3")
        self.assertEqual((result["status"], result["error"]["kind"]), ("failed", "return_value"), result)
