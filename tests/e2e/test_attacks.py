# SPDX-License-Identifier: Apache-2.0
"""Hostile code: each attack ends as documented, and the next execution in that session works."""
import pathlib
import time
import unittest

from base import Case


class Attacks(Case):
    def setUp(self):
        self.box = self.session()

    def tearDown(self):
        try:
            self.assert_works(self.box)
        finally:
            self.client.delete(f"/sessions/{self.box}")

    def run_code(self, code, language="python", **fields):
        return self.client.run(self.box, code, language, **fields)

    def host_processes(self):
        return sum(1 for _ in pathlib.Path("/proc").glob("[0-9]*"))

    # --- processor, memory, processes, output, disk

    def test_endless_loop(self):
        result = self.run_code("while True:\n    pass", timeout=1)
        self.assertEqual((result["status"], result["exit_code"]), ("timeout", -1), result)
        self.assertEqual(result["error"]["kind"], "timeout", result)

    def test_loop_that_ignores_signals(self):
        code = "import signal\nfor n in range(1, 65):\n    try:\n        signal.signal(n, signal.SIG_IGN)\n" \
               "    except (OSError, ValueError):\n        pass\nwhile True:\n    pass"
        self.assertEqual(self.run_code(code, timeout=1)["status"], "timeout")

    def test_fork_bomb(self):
        before = self.host_processes()
        result = self.run_code("import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass", timeout=3)
        self.assertIn(result["status"], ("timeout", "failed"), result)
        self.stack.until(lambda: self.host_processes() < before + 20, 15, "the bomb's processes are gone")

    def test_shell_fork_bomb(self):
        result = self.run_code(":(){ :|:& };:; sleep 1", "shell", timeout=3)
        self.assertIn(result["status"], ("timeout", "failed", "success"), result)

    def test_threads(self):
        code = "import threading, time\ncount = 0\ntry:\n    for n in range(3000):\n" \
               "        threading.Thread(target=time.sleep, args=(20,), daemon=True).start()\n        count += 1\n" \
               "except RuntimeError:\n    pass\nprint(count)"
        result = self.run_code(code, timeout=15)
        self.assertEqual(result["status"], "success", result)
        self.assertLess(int(result["stdout"]), 1024)

    def test_memory_hog(self):
        result = self.run_code("hog = []\nwhile True:\n    hog.append(bytearray(16 * 1024 * 1024))", timeout=30)
        self.assertEqual(result["status"], "failed", result)
        if not self.stack.weaker:
            self.assertEqual(result["error"]["kind"], "out_of_memory", result)

    def test_memory_hog_in_a_child(self):
        code = "import subprocess, sys\n" \
               "sys.exit(subprocess.run([sys.executable, '-c', 'x=[]\\nwhile True: x.append(bytearray(1<<24))']).returncode != 0)"
        self.assertEqual(self.run_code(code, timeout=30)["status"], "failed")

    def test_output_flood(self):
        code = "import sys\nprint('first')\nfor n in range(1000):\n    sys.stdout.write('x' * 104857 + '\\n')\nprint('last')"
        result = self.run_code(code, timeout=60)
        self.assert_success(result)
        self.assertTrue(result["stdout_truncated"])
        self.assertLessEqual(len(result["stdout"].encode()), 1024 * 1024 + 200)
        self.assertGreater(len(result["stdout"]), 900 * 1024)
        self.assertTrue(result["stdout"].startswith("first\nxxx") and result["stdout"].endswith("last\n"))
        self.assertFalse(result.get("stderr_truncated", False))

    def test_binary_output(self):
        result = self.run_code("import os\nos.write(1, bytes(range(256)) * 10)\nos.write(2, b'\\xff\\xfe\\0')")
        self.assert_success(result)
        self.assertIn("\ufffd", result["stdout"])

    def test_huge_file(self):
        code = "f = open('big', 'wb')\nblock = bytes(1 << 24)\nwritten = 0\ntry:\n    while written < 3 << 30:\n" \
               "        f.write(block)\n        f.flush()\n        written += len(block)\nexcept OSError as e:\n" \
               "    print(type(e).__name__)\nimport os\nos.truncate('big', 0)\nprint(written <= 1100 * 1024 * 1024)"
        result = self.run_code(code, timeout=60)
        if result["status"] == "success":
            self.assertIn("True", result["stdout"], result)
        else:
            self.assertEqual(result["status"], "failed", result)

    # --- staying on

    def test_daemon(self):
        code = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n" \
               "        for fd in range(3):\n            os.close(fd)\n        while True:\n" \
               "            open('beat', 'w').write(str(time.time()))\n            time.sleep(0.02)\n    os._exit(0)\n" \
               "time.sleep(0.3)\nprint('parent done')"
        result = self.run_code(code, timeout=10)
        self.assertEqual((result["status"], result["stdout"]), ("success", "parent done\n"), result)
        look = "def handler(event):\n    try:\n        return open('beat').read()\n    except OSError:\n        return None"
        first = self.run_code(look)["return_value"]
        time.sleep(0.2)
        self.assertIsNotNone(first)
        self.assertEqual(self.run_code(look)["return_value"], first)

    def test_shell_background_job(self):
        began = time.monotonic()
        result = self.run_code("setsid sleep 50 & nohup sleep 50 & echo out", "shell", timeout=10)
        self.assertEqual((result["status"], result["stdout"]), ("success", "out\n"), result)
        self.assertLess(time.monotonic() - began, 8)

    def test_killing_everything(self):
        """Reaches the code's own processes at most; its own end is left to it."""
        result = self.run_code("import os\nif os.fork() == 0:\n    import time\n    time.sleep(30)\nos.kill(-1, 9)")
        self.assert_success(result)
        self.assertLess(result["execution_time"], 5)

    # --- looking around

    def test_environment_of_process_1(self):
        code = "def handler(event):\n    try:\n        return open('/proc/1/environ').read()\n    except OSError as e:\n" \
               "        return type(e).__name__"
        self.assertIn(self.run_code(code)["return_value"], ("PermissionError", "FileNotFoundError"))

    def test_no_secret_is_in_reach(self):
        secrets = [row[0] for row in self.stack.sql("SELECT secret FROM containers WHERE status IN ('warm', 'running')")]
        code = """
import os
def handler(event):
    seen = []
    def read(path):
        try:
            with open(path, 'rb') as file:
                return file.read(100000).decode(errors='replace')
        except (OSError, ValueError):
            return ''
    places = ['/proc/%s/%s' % (p, f) for p in range(1, 300) for f in ('environ', 'cmdline', 'fd/3', 'fd/4')]
    for top in ('/run', '/tmp', '/workspace', '/etc'):
        for base, _, files in os.walk(top):
            places += [os.path.join(base, name) for name in files]
    for place in places:
        seen += [place for secret in event if secret in read(place)]
    return seen
"""
        self.assert_success(self.run_code(code, event=secrets, timeout=60), [])

    def test_executor_is_out_of_reach(self):
        code = """
import os, socket
def handler(event):
    found = []
    for path in ('/run/sandbox/secret', '/run/sandbox/executor.sock', '/var/run/docker.sock', event['db'], event['web']):
        try:
            open(path).close()
            found.append(path)
        except OSError:
            pass
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(path)
                found.append('socket ' + path)
        except OSError:
            pass
    try:
        os.kill(1, 0)
        found.append('kill 1')
    except OSError:
        pass
    return found
"""
        event = {"db": f"{self.stack.run_dir}/db/db.sock", "web": f"{self.stack.run_dir}/web/api.sock-0"}
        self.assert_success(self.run_code(code, event=event), [])

    def test_files_of_other_sessions(self):
        other = self.session()
        mark = f"secret-of-another-session-{time.time_ns()}"
        self.client.run(other, f"open('{mark}', 'w').write('{mark}')")
        code = """
import os
def handler(event):
    return [base for base, dirs, files in os.walk('/') if event in files and not base.startswith('/proc')]
"""
        self.assert_success(self.run_code(code, event=mark, timeout=60), [])

    def test_files_of_the_host(self):
        code = """
def handler(event):
    seen = []
    for path in event:
        try:
            seen.append(open(path).read(10) and path)
        except OSError:
            pass
    for path in ('/etc/x', '/usr/x', '/bin/x', '/x', '/proc/sys/kernel/core_pattern', '/sys/x', '/dev/x'):
        try:
            open(path, 'w').close()
            seen.append('wrote ' + path)
        except OSError:
            pass
    return seen
"""
        event = ["/etc/shadow", str(self.stack.home / "token"), str(self.stack.home / "db-password"),
                 f"{self.stack.run_dir}/sandbox.conf"]
        self.assert_success(self.run_code(code, event=event), [])

    def test_network(self):
        code = """
import socket
def handler(event):
    reached = []
    for family, kind, address in ((socket.AF_INET, socket.SOCK_STREAM, ('127.0.0.1', event)),
                                  (socket.AF_INET6, socket.SOCK_STREAM, ('::1', event))):
        try:
            with socket.socket(family, kind) as line:
                line.settimeout(2)
                line.connect(address)
                reached.append(address)
        except OSError:
            pass
    try:
        reached += [name for _, name in socket.if_nameindex() if name != 'lo']
    except OSError:
        pass
    return reached
"""
        value = self.run_code(code, event=self.stack.port)["return_value"]
        if self.stack.weaker:  # the host's interfaces may be seen there, though nothing can be sent
            value = [entry for entry in value if not isinstance(entry, str)]
        # tunnels that the kernel puts into every new namespace carry nothing
        self.assertEqual([entry for entry in value if entry not in ("tunl0", "sit0", "ip6tnl0", "gre0", "gretap0", "erspan0",
                                                                    "ip_vti0", "ip6_vti0", "ip6gre0")], [])

    def test_privileges(self):
        code = """
import ctypes, os
def handler(event):
    won = []
    for name, call in (('setuid', lambda: os.setuid(0)), ('setgid', lambda: os.setgid(0)), ('chroot', lambda: os.chroot('/tmp')),
                       ('mknod', lambda: os.mknod('/tmp/dev', 0o020666, os.makedev(1, 1))), ('nice', lambda: os.nice(-5)),
                       ('hostname', lambda: os.sethostname(b'x') if hasattr(os, 'sethostname') else os.chroot('/'))):
        try:
            call()
            won.append(name)
        except OSError:
            pass
    libc = ctypes.CDLL(None, use_errno=True)
    for name, arguments in (('mount', (b'none', b'/tmp', b'tmpfs', 0, None)), ('unshare', (0x10000000,)), ('ptrace', (16, 1, 0, 0))):
        if getattr(libc, name)(*arguments) == 0:
            won.append(name)
    return won + ([] if os.getuid() and os.getgid() else ['root'])
"""
        result = self.run_code(code)
        self.assertEqual(result["status"], "success", result)
        self.assertEqual([w for w in result["return_value"] if w != "unshare"], [])


if __name__ == "__main__":
    unittest.main()
