# SPDX-License-Identifier: Apache-2.0
"""Uploads through the whole stack: by curl and by hand, every kind of bad form and path, limits, clients that leave, workers that die."""
import hashlib
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time

from base import Case

LARGEST = 100 * 1024 * 1024
INVALID = "Sandbox.InvalidParameter"
TYPE = "multipart/form-data; boundary=XyZ"


def part(name, content=b"", rest=""):
    head = f'--XyZ\r\nContent-Disposition: form-data; name="{name}"{rest}\r\n\r\n'.encode("utf-8", "surrogateescape")
    return head + (content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")) + b"\r\n"


def file(content=b"x", name="f"):
    return part("file", content, f'; filename="{name}"\r\nContent-Type: application/octet-stream')


END = b"--XyZ--\r\n"


class UploadCase(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.box = cls.session()
        cls.path = f"/sessions/{cls.box}/files/upload"

    def send(self, body, kind=TYPE, **headers):
        return self.client.post(self.path, body, headers={"Content-Type": kind, **headers})

    def put(self, content, path):
        answer = self.send(part("path", path) + file(content) + END)
        self.assertEqual(answer.status, 200, repr(answer))
        self.assertEqual(answer.json, {"path": path, "size": len(content)})

    def rows(self):
        return self.stack.sql("SELECT COUNT(*), IFNULL(SUM(size), 0), (SELECT COUNT(*) FROM storage_garbage), (SELECT workspace_seq FROM sessions WHERE id = "
                              f"'{self.box}') FROM workspace_files WHERE session_id = '{self.box}'")

    def stored(self, path):
        """What the index says of the file, and what downloading it gives."""
        row = self.stack.sql(f"SELECT size, sha256 FROM workspace_files WHERE session_id = '{self.box}' AND path = '{path}' AND deleted = 0")[0]
        content = self.client.get(f"/sessions/{self.box}/files/{path}").body
        self.assertEqual([str(len(content)), hashlib.sha256(content).hexdigest()], [str(value) for value in row])
        return content


class Uploads(UploadCase):
    # --- good ones

    def curl(self, *form):
        command = ["curl", "-sS", "-w", "\n%{http_code}", f"http://127.0.0.1:{self.stack.port}/api/v1{self.path}",
                   "-H", f"Authorization: Bearer {self.stack.token}", *(word for field in form for word in ("-F", field))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body

    def test_curl(self):
        with tempfile.TemporaryDirectory() as directory:
            name = pathlib.Path(directory) / 'a "quoted" näme.csv'
            name.write_bytes(os.urandom(300000))
            for form, path in ((("file=@{}",), name.name), (("file=@{}", "path=data/b.csv"), "data/b.csv"), (("path=data/c.csv", "file=@{}"), "data/c.csv"),
                               (("file=@{};type=text/csv;filename=d.csv",), "d.csv")):
                quoted = '"' + str(name).replace('"', '\\"') + '"'
                status, body = self.curl(*(field.format(quoted) for field in form))
                self.assertEqual(status, 200, body)
                row = self.stack.sql(f"SELECT size, sha256 FROM workspace_files WHERE session_id = '{self.box}' AND path = '{path}'")
                self.assertEqual([str(v) for v in row[0]], ["300000", hashlib.sha256(name.read_bytes()).hexdigest()])

    def test_contents(self):
        for content in (b"", b"\n", b"\r\n", b"\r", b"--Xy", b"\r\n--Xy", b"\r\n--XyY\r\n--X", bytes(range(256)) * 1000, b"\r\n" * 100000):
            with self.subTest(content[:20]):
                self.put(content, "c/content")
                self.assertEqual(self.stored("c/content"), content)

    def test_execution_sees_it(self):
        self.put(b"41", "in/number.txt")
        result = self.client.run(self.box, "def handler(event):\n    return int(open('in/number.txt').read()) + 1")
        self.assert_success(result, 42)

    # --- bad ones

    def refused(self, body, status=400, code=INVALID, field=None, kind=TYPE):
        answer = self.send(body, kind)
        self.assert_error(answer, status, code, field)

    def test_bad_paths(self):
        self.put(b"x", "there")
        self.put(b"x", "here/there")
        before = self.rows()
        bad = ("", "/etc/passwd", "..", "../x", "a/../b", "a/..", ".", "./a", "a/./b", "a//b", "a/", "/", "a\0b", "a\nb", "a\tb", "a\x7f", "\udcff", "a\udcc3",
               "\udced\udca0\udc80", "x" * 1025, "x" * 256, "/".join("x" * 65))
        for path in bad:
            for body in (part("path", path) + file() + END, file() + part("path", path) + END):
                with self.subTest(path[:30]):
                    self.refused(body, field="path")
        for name in ("..", "a/", "%0A", "", "x" * 256):
            with self.subTest(name[:30]):
                self.refused(file(name=name) + END, field="path")
        for path in ("there/x", "here", "here/there/x/y"):
            with self.subTest(path):
                self.refused(file() + part("path", path) + END, 409, "Sandbox.Conflict")
        self.assertEqual(self.rows(), before)

    def test_nothing_is_decoded_twice(self):
        self.put(b"x", "%2e%2e%2fup")
        self.put(b"y", "%252e")
        self.assertEqual(self.stack.sql(f"SELECT COUNT(*) FROM workspace_files WHERE session_id = '{self.box}' AND path IN ('%2e%2e%2fup', '%252e')")[0][0], "2")

    def test_paths_just_right(self):
        for path in ("x" * 255, "/".join(("z" * 255,) * 4)[:1020] + "/xyz", "/".join("y" * 64), "...", ".hidden", "ä €", "a\\b"):
            with self.subTest(path[:30]):
                self.put(b"x", path)

    def test_bad_forms(self):
        before = self.rows()
        long = "X: " + "y" * 8192
        for what, body, field in (
                ("nothing", b"", None), ("garbage", b"garbage" * 1000, None), ("no file", END, "file"), ("only a path", part("path", "a") + END, "file"),
                ("two files", file() + file() + END, "file"), ("two paths", part("path", "a") + part("path", "b") + file() + END, "path"),
                ("an unknown field", file() + part("colour", "red") + END, "colour"), ("no closing boundary", file(), None), ("cut in the file", file()[:-10], None),
                ("cut in the headers", file()[:30], None), ("another boundary", file().replace(b"XyZ", b"Zyx") + END, None),
                ("part headers over the limit", b"--XyZ\r\n" + long.encode() + b"\r\n" + file()[7:] + END, None),
                ("a header without a colon", b"--XyZ\r\nNothing\r\n" + file()[7:] + END, None), ("no name", file().replace(b' name="file";', b"") + END, None),
                ("bare line feeds", (file() + END).replace(b"\r\n", b"\n"), None),
                ("base64", file().replace(b"Content-Type: application/octet-stream", b"Content-Transfer-Encoding: base64") + END, None),
                ("much after the closing boundary", file() + END + b"z" * 65537, None), ("much before the first", b"z" * 65537 + b"\r\n" + file() + END, None)):
            with self.subTest(what):
                self.refused(body, field=field)
        self.refused(file() + END, kind="multipart/form-data")
        self.refused(file() + END, kind="multipart/form-data; boundary=" + "x" * 71)
        for kind in ("application/json", "multipart/mixed; boundary=XyZ", "text/plain", "application/x-www-form-urlencoded"):
            self.refused(file() + END, 415, "Sandbox.UnsupportedMediaType", kind=kind)
        self.assertEqual(self.rows(), before)

    def test_a_session_that_ended(self):
        box = self.client.create()
        self.client.delete(f"/sessions/{box}")
        answer = self.client.post(f"/sessions/{box}/files/upload", file() + END, headers={"Content-Type": TYPE})
        self.assert_error(answer, 404, "Sandbox.SessionNotFound")

    # --- limits

    def worker_memory(self):
        return {pid: int(next(line.split()[1] for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("RssAnon")))
                for pid in self.stack.worker_pids()}

    def test_size_just_right_and_one_more(self):
        content = bytes(LARGEST)
        self.put(content[:LARGEST // 100], "large")
        before = self.worker_memory()
        self.put(content, "large")
        grown = {pid: kib - before.get(pid, kib) for pid, kib in self.worker_memory().items()}
        self.assertLessEqual(max(grown.values()), 2048, "KiB that a worker has grown by")
        rows = self.rows()
        self.refused(file(content + b"x", "large") + END, 413, "Sandbox.PayloadTooLarge")
        self.refused(file(content + bytes(2000000), "large") + END, 413, "Sandbox.PayloadTooLarge")
        self.client.close()
        self.assertEqual(self.rows(), rows)

    def test_disk_of_the_session(self):
        box = self.client.create(resources={"disk": "1Gi"})
        self._sessions.append(box)
        self.stack.sql(f"UPDATE sessions SET workspace_bytes = 1073741824 - 10 WHERE id = '{box}'")
        for size, status in ((11, 413), (10, 200), (1, 413)):
            answer = self.client.post(f"/sessions/{box}/files/upload", file(b"x" * size, f"f{size}") + END, headers={"Content-Type": TYPE})
            self.assertEqual(answer.status, status, repr(answer))

    # --- at once, and cut off

    def test_two_at_once(self):
        contents = [bytes([n]) * 3000000 for n in range(4)]
        clients = [self.stack.client() for _ in contents]
        answers = [None] * len(contents)

        def send(n):
            answers[n] = clients[n].post(self.path, part("path", "raced") + file(contents[n]) + END, headers={"Content-Type": TYPE}).status
        threads = [threading.Thread(target=send, args=(n,)) for n in range(len(contents))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for client in clients:
            client.close()
        self.assertEqual(answers, [200] * len(contents))
        self.assertIn(self.stored("raced"), contents)

    def begin(self, length, body):
        line = socket.create_connection(("127.0.0.1", self.stack.port), 10)
        line.sendall((f"POST /api/v1{self.path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.stack.token}\r\nContent-Type: {TYPE}\r\n"
                      f"Content-Length: {length}\r\n\r\n").encode() + body)
        return line

    def test_a_gigabyte_after_the_closing_boundary(self):
        """It is refused before it has all come; a web server that counts the chunks says that it is too large."""
        before, chunk, sent = self.rows(), b"10000\r\n" + b"z" * 65536 + b"\r\n", 0
        form = file() + END
        with socket.create_connection(("127.0.0.1", self.stack.port), 30) as line:
            try:
                line.sendall((f"POST /api/v1{self.path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.stack.token}\r\nContent-Type: {TYPE}\r\n"
                              f"Transfer-Encoding: chunked\r\n\r\n{len(form):x}\r\n").encode() + form + b"\r\n")
                while sent < 1 << 30:
                    line.sendall(chunk)
                    sent += len(chunk)
            except OSError:
                pass
            try:
                answer = line.recv(65536)
            except OSError:
                answer = b""
        self.assertRegex(answer[:12], rb"^(HTTP/1.1 4(00|13))?$")
        self.assertEqual(self.rows(), before)
        self.put(b"x", "afterwards")

    def test_a_client_that_leaves(self):
        self.put(b"old", "left")
        before = self.rows()
        with self.begin(1000000, part("path", "left") + file(b"n" * 500000)):
            time.sleep(0.2)
            self.assertEqual(self.stored("left"), b"old")
        self.assertEqual(self.rows(), before)
        self.put(b"new", "left")
        self.assertEqual(self.stored("left"), b"new")

    def test_workers_still_live(self):
        self.assertEqual(self.stack.worker_deaths(), self.deaths)


class Killed(UploadCase):
    def unfinished(self):
        place = self.stack.lib_dir / "workspaces" / "sessions" / self.box
        return any(part.stat().st_size > 1000000 for part in place.glob("*.part"))

    def test_worker_killed_in_the_middle(self):
        if (self.stack.home / "run" / "stack").read_text().split()[4:] == ["s3"]:
            self.skipTest("only files show when it is in the middle")
        self.put(b"old", "killed")
        before, answers = self.rows(), []
        other = self.stack.client()

        def send():
            try:
                answers.append(other.post(self.path, part("path", "killed") + file(bytes(LARGEST)) + END, headers={"Content-Type": TYPE}).status)
            except OSError:
                answers.append(0)
        thread = threading.Thread(target=send)
        thread.start()
        self.stack.until(self.unfinished, 30, "an upload is under way")
        for pid in self.stack.worker_pids():
            os.kill(pid, signal.SIGKILL)
        thread.join()
        other.close()
        self.assertIn(answers[0], (0, 500, 502, 503))
        self.stack.until(lambda: self.client.get("/health").status == 200, 20, "workers again")
        self.assertEqual(self.rows(), before)
        self.assertEqual(self.stored("killed"), b"old")
        self.put(b"new", "killed")
        self.assertEqual(self.stored("killed"), b"new")
