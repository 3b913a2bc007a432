# SPDX-License-Identifier: Apache-2.0
"""What code can do to whoever fetches and brings its files: nothing outside is read or written, nothing hangs, nothing half is whole."""
import os
import pathlib
import time
import unittest

from files import FileCase, address_of, sha256, upload

INSIDE = [bytes([letter]) * 400000 for letter in b"ab"]  # the contents that a file under attack really has
SECRETS = ("/etc/passwd", "/proc/1/environ", "/run/sandbox/secret", "../../../etc/passwd")
# Swaps `name` between a file, another file and a link, until somebody makes `stop`.
SWAP = """
import os
def handler(event):
    turns = 0
    while not os.path.exists('stop'):
        for n, letter in enumerate('ab'):
            with open('/tmp/new', 'w') as file:
                file.write(letter * 400000)
            with open('.new', 'w') as file:
                file.write(letter * 400000)
            os.replace('.new', 'swapped')
            os.symlink(event[turns % len(event)], '.link')
            os.replace('.link', 'swapped')
            turns += 1
    os.remove('swapped')
    return turns
"""
# Swaps a directory for a link out of the workspace.
SWAP_DIRECTORY = """
import os, shutil
def handler(event):
    turns = 0
    os.makedirs('dir', exist_ok=True)
    while True:
        os.rename('dir', 'away')
        try:
            os.symlink(event[turns % len(event)], 'dir')
            os.remove('dir')
            os.rename('away', 'dir')
        except OSError:  # somebody who brings a file has made one
            shutil.rmtree('away')
        turns += 1
"""
FOUND = "import os\ndef handler(event):\n    return [os.path.join(top, name) for top in event for name in os.listdir(top) if name.startswith('pushed')]"


class FileAttacks(FileCase):
    def tearDown(self):
        try:
            if self.client.session_status(self.box)["status"] == "running":
                self.assert_works(self.box)
        finally:
            super().tearDown()

    def assert_all_inside(self):
        """Nothing that can be downloaded comes from elsewhere."""
        for path in self.listing():
            data = self.get(path)
            self.assertFalse(b"root:" in data or b"SANDBOX_" in data, path)

    def test_links(self):
        code = """
import os
def handler(event):
    for n, target in enumerate(event + ['/etc', '/', '.', '..', 'self', 'real', '/nowhere', '/proc/self/root/etc/passwd']):
        os.symlink(target, 'link%d' % n)
    os.symlink('self', 'self')
    open('real', 'w').write('real')
    os.makedirs('d')
    os.symlink('/etc', 'd/etc')
    made = []
    for target in ('/etc/passwd', '/usr/bin/env', '/proc/self/environ', '/bin/sh'):
        try:
            os.link(target, 'hard%d' % len(made))
            made.append(target)
        except OSError:
            pass
    return made
"""
        result, about = self.finish(code, event=list(SECRETS))
        self.assert_success(result, [])
        self.assertEqual([entry["path"] for entry in about["artifacts"]], ["real"])
        self.assertEqual(sorted(self.listing()), ["real"])
        for path in ("link0", "d/etc/passwd", "link4/passwd", "d/etc"):
            self.assert_error(self.client.get(address_of(self.box, path)), 404, "Sandbox.FileNotFound")
        # what is uploaded through a link goes nowhere else
        for path in ("d/etc/pushed", "link4/pushed", "link6/pushed"):
            upload(self.client, self.box, path, b"pushed")
        self.client.run(self.box, "pass")
        self.assertFalse(pathlib.Path("/etc/pushed").exists())
        for path in ("d/etc/pushed", "link4/pushed", "link6/pushed"):
            self.client.delete(address_of(self.box, path))
        self.client.run(self.box, "import os\nfor top, dirs, names in os.walk('.'):\n    for name in dirs + names:\n"
                                  "        if os.path.islink(os.path.join(top, name)):\n            os.remove(os.path.join(top, name))")

    def test_two_names_for_one_file(self):
        made = self.make("import os\nopen('one', 'w').write('first')\nos.link('one', 'two')")
        self.assertLessEqual(set(made), {"one", "two"})
        self.make("open('one', 'w').write('second')")
        for path in self.listing():
            self.assertEqual(self.get(path), b"second", path)

    def test_link_swapped_in_while_we_read(self):
        attack = self.client.submit(self.box, SWAP, event=list(SECRETS), timeout=60)
        self.stack.until(lambda: self.client.get(f"/executions/{attack}/status").json["status"] == "running", 15, "the attack runs")
        wanted, end, turns = {sha256(data) for data in INSIDE}, time.monotonic() + 4, 0
        while time.monotonic() < end:
            made = self.make(f"open('mine{turns % 5}', 'w').write('{turns}')")
            self.assertIn(f"mine{turns % 5}", made)
            answer = self.client.get(address_of(self.box, "swapped"))
            self.assertIn(answer.status, (200, 307, 404), repr(answer))
            if answer.status == 200:
                self.assertIn(sha256(answer.body), wanted, "half a file, or another")
                self.assertEqual(answer.headers["ETag"].strip('"'), sha256(answer.body))
            turns += 1
        self.assert_success(self.client.run(self.box, "open('stop', 'w').close()"))
        self.assert_success(self.client.result(attack, limit=30))
        self.assertGreater(turns, 3)
        self.assert_all_inside()
        self.assertNotIn("swapped", self.listing())

    def test_directory_swapped_while_we_push(self):
        targets = ["/tmp", "/etc", "/run", "/"]
        attack = self.client.submit(self.box, SWAP_DIRECTORY, event=targets, timeout=60)
        self.stack.until(lambda: self.client.get(f"/executions/{attack}/status").json["status"] == "running", 15, "the attack runs")
        end, turn = time.monotonic() + 2, 0
        while time.monotonic() < end:
            upload(self.client, self.box, f"dir/pushed{turn}", b"pushed")
            result = self.client.run(self.box, "print('ran')")
            if result["status"] != "success": # the directory was a link when the file was to be put there
                self.assertEqual((result["status"], bool(result["error"]["message"])), ("failed", True), result)
            turn += 1
        self.client.post(f"/executions/{attack}/cancel")
        self.assertEqual(self.client.result(attack, limit=60)["status"], "cancelled")
        # it may have ended with a link in the way of what is still to be put there: what the error advises helps
        for path in self.listing():
            if path.startswith("dir/"):
                self.assertEqual(self.client.request("DELETE", f"/sessions/{self.box}/files/{path}").status, 204)
        self.assertEqual(self.value(FOUND, event=targets), [])
        for top in targets:
            self.assertEqual([name for name in os.listdir(top) if name.startswith("pushed")], [])

    def test_what_is_no_file(self):
        code = """
import os, socket
os.mkfifo('fifo')
os.mkdir('d')
os.mkfifo('d/fifo')
with socket.socket(socket.AF_UNIX) as line:
    line.bind('socket')
try:
    os.mknod('device', 0o020666, os.makedev(1, 3))
except OSError:
    pass
open('real', 'w').write('real')
"""
        result, about = self.finish(code)
        self.assert_success(result)
        self.assertEqual([entry["path"] for entry in about["artifacts"]], ["real"])
        self.assertEqual(sorted(self.listing()), ["real"])
        # a stored file turns into a pipe: it is gone
        self.make("import os\nos.remove('real')\nos.mkfifo('real')")
        self.assertEqual(self.listing(), {})

    def test_sparse_terabyte(self):
        began = time.monotonic()
        result, _ = self.finish("import os\nopen('good', 'w').write('good')\nwith open('sparse', 'wb') as file:\n    os.truncate('sparse', 1 << 40)",
                                timeout=30)
        self.assertEqual(result["status"], "failed", result)
        self.assertLess(time.monotonic() - began, 15)
        self.assert_success(self.client.run(self.box, "import os\nos.remove('sparse')"))
        self.assert_stored("good", b"good")
        self.assertEqual(sorted(self.listing()), ["good"])

    def test_many_sparse_files(self):
        """Together over the limit, though they take no room."""
        began = time.monotonic()
        self.make("open('kept', 'w').write('kept')")  # so that none of them fits, and nobody has to wait for one to be stored
        result, _ = self.finish("for n in range(3000):\n    with open('s%d' % n, 'wb') as file:\n        file.truncate(1 << 30)", timeout=30)
        self.assertEqual((result["status"], result["error"]["kind"]), ("failed", "disk_full"), result)
        self.assertLess(time.monotonic() - began, 30)
        self.assert_success(self.client.run(self.box, "import os\nfor name in os.listdir('.'):\n    os.remove(name)"))

    def test_file_that_grows(self):
        grow = "import os\ndef handler(event):\n    n = 0\n    with open('log', 'a') as log:\n        while not os.path.exists('stop'):\n" \
               "            log.write('%07d\\n' % n)\n            log.flush()\n            n += 1\n    return n"
        attack = self.client.submit(self.box, grow, timeout=60)
        end, turns = time.monotonic() + 3, 0
        while time.monotonic() < end:
            self.assertIn(f"mine{turns % 5}", self.make(f"open('mine{turns % 5}', 'w').write('{turns}')", limit=20))
            answer = self.client.get(address_of(self.box, "log"))
            if answer.status == 200:
                self.assertEqual(answer.headers["ETag"].strip('"'), sha256(answer.body))
                self.assertTrue(answer.body == b"".join(b"%07d\n" % n for n in range(len(answer.body) // 8)) or len(answer.body) % 8)
            turns += 1
        self.assert_success(self.client.run(self.box, "open('stop', 'w').close()"))
        result = self.client.result(attack, limit=30)
        self.assert_success(result)
        self.assert_stored("log", b"".join(b"%07d\n" % n for n in range(result["return_value"])))

    def test_disk_limit(self):
        self.make("open('kept', 'w').write('kept' * 1000)")
        # over the limit with the first, which so does not fit any more: nobody has to wait for a gigabyte to be stored
        code = "import time\nblock, began = bytes(1 << 22), time.monotonic()\nwith open('fill', 'wb') as file:\n    for n in range(255):\n" \
               "        file.write(block)\n    file.write(block[:-1000])\nprint(time.monotonic() - began, flush=True)\n" \
               "for n in range(2000):\n    with open('more%d' % n, 'wb') as file:\n        file.write(block)\n    time.sleep(0.1)"
        result, about = self.finish(code, timeout=60, limit=120)
        self.assertEqual((result["status"], result["error"]["kind"]), ("failed", "disk_full"), result)
        self.assertTrue(result["error"]["message"], result)
        self.assertLess(result["execution_time"] - float(result["stdout"]), 3, "stopped within about a second")
        taken = sum(entry["size"] for entry in self.listing().values())
        self.assertLessEqual(taken, 1 << 30, "storage holds no more than the session may")
        # another cannot add, but one that deletes works, and then all is well
        self.assertEqual(self.finish("open('more', 'wb').write(bytes(1 << 22))")[0]["error"]["kind"], "disk_full")
        self.assert_success(self.client.run(self.box, "rm -f fill* more*", "shell"))
        self.assertEqual(sorted(self.listing()), ["kept"])
        self.assert_stored("kept", b"kept" * 1000)
        self.make("open('new', 'w').write('new')")

    def test_unlinked_files(self):
        """Space that no name leads to goes back when the execution ends."""
        code = "import os\nheld = []\nblock = bytes(1 << 22)\nfor n in range(4):\n    file = open('u%d' % n, 'wb')\n    os.remove('u%d' % n)\n" \
               "    held.append(file)\n    for _ in range(40):\n        file.write(block)\nopen('after', 'w').write('after')"
        result, _ = self.finish(code, timeout=60)
        self.assertIn(result["status"], ("success", "failed"), result)
        self.assertLessEqual(set(self.listing()), {"after"})

    def test_deep_and_long(self):
        code = "import os\nopen('top', 'w').write('top')\nfor n in range(200):\n    os.mkdir('d')\n    os.chdir('d')\nopen('deep', 'w').write('x')\n" \
               "os.chdir('/workspace')\nfor n in range(8):\n    os.mkdir('n' * 250)\n    os.chdir('n' * 250)\n    open('f' * 255, 'w').write(str(n))"
        result, about = self.finish(code)
        self.assert_success(result)
        # 251 * n + 255 bytes: fits for n up to 3
        wanted = ["top"] + ["/".join(["n" * 250] * depth + ["f" * 255]) for depth in range(1, 4)]
        self.assertEqual(sorted(self.listing()), sorted(wanted))
        # how many there are in a directory that is too deep is not looked at
        self.assertIn(about["artifacts_skipped"], (8 - 3, 8 - 3 + 1))
        self.client.run(self.box, "rm -rf d n*", "shell")

    def test_too_many_files(self):
        """A million where a session may have 100,000: a clear end, and room for everybody afterwards."""
        if not os.environ.get("SANDBOX_LONG") or self.stack.sanitized:
            self.skipTest("only with SANDBOX_LONG=1, and no sanitizers: two minutes")
        count = 1000000
        code = f"import os\nos.mkdir('m')\nfor n in range({count}):\n    os.close(os.open('m/%d' % n, os.O_CREAT | os.O_WRONLY))"
        other, began = self.session(), time.monotonic()
        execution = self.client.submit(self.box, code, timeout=120)
        while self.client.get(f"/executions/{execution}/status").json["status"] in ("pending", "running"):
            self.assert_works(other)
            self.assertLess(time.monotonic() - began, 300)
            time.sleep(0.5)
        result = self.client.result(execution)
        self.assertEqual((result["status"], result["error"]["kind"]), ("failed", "disk_full"), result)
        self.assertLessEqual(self.total(), 100000)
        self.assert_success(self.client.run(self.box, "rm -rf m", "shell", timeout=60, limit=120))
        self.assertEqual(self.total(), 0)
        self.make("open('new', 'w').write('new')")


if __name__ == "__main__":
    unittest.main()
