# SPDX-License-Identifier: Apache-2.0
"""A file of 100 MB up and down through the whole stack, beside what the web server alone moves; hello beside 10,000 files. All in turn.

Limits: for a download the same file as a static file of the same lighttpd; for an upload the same body to bench/empty_fcgi.c, which reads it
and throws it away, behind the same lighttpd with the same settings. With the s3 driver (bench --running, on a stack that has it) also the same
bytes to and from Swift itself, by Swift's own interface: what is between that and the stack's number is the stack's, the rest is Swift's."""
import http.client
import os
import pathlib
import re
import socket
import time
import urllib.parse

from files import BOUNDARY, address_of, multipart
from hello import Hello, take_turns
from measure import Failed, at_most
from stacks import Empty, read_memory, read_peak

SIZE = 100 << 20
MANY = "import os\nos.makedirs('many')\nfor n in range(10000):\n    with open('many/%d' % n, 'w') as file:\n        file.write(str(n))"


def exchange(port, method, path, headers=(), body=(), wanted=(200, 201, 307)):
    """Seconds, headers and number of body bytes; the answer is thrown away as it comes."""
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), 100) as line:
        length = sum(map(len, body))
        head = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers] + ([f"Content-Length: {length}"] if body else [])
        line.sendall("\r\n".join(head).encode() + b"\r\n\r\n")
        for piece in body:
            line.sendall(piece)
        room, got = memoryview(bytearray(1 << 20)), b""
        while b"\r\n\r\n" not in got:
            got += line.recv(65536)
        head, _, rest = got.partition(b"\r\n\r\n")
        count = len(rest)
        while taken := line.recv_into(room):
            count += taken
    took = time.perf_counter() - began
    if int(head.split()[1]) not in wanted:
        raise Failed(f"{method} {path}: {got[:500]}")
    return took, dict(re.findall(r"(?m)^([A-Za-z-]+): (.*?)\r?$", head.decode())), count


class WithStatic(Empty):
    """The web server alone: what throws uploads away, and a directory."""

    def __init__(self, stack):
        self.files = stack.lib_dir / "bench"
        self.files.mkdir(exist_ok=True)
        self.file = self.files / "file.bin"
        super().__init__(stack)

    def adapt(self, text):
        return text + f'\n$HTTP["url"] =~ "^/bench/" {{ fastcgi.server = () alias.url = ( "/bench/" => "{self.files}/" ) }}\n'

    def close(self):
        super().close()
        self.file.unlink(missing_ok=True)
        self.files.rmdir()


class Swift:
    """The S3 server itself, by its own interface."""

    def __init__(self, stack):
        place = stack.home / "swift"
        self.port = urllib.parse.urlsplit((place / "ready").read_text().strip()).port
        line = http.client.HTTPConnection("127.0.0.1", self.port)
        line.request("GET", "/auth/v1.0", headers={"X-Auth-User": "test:tester", "X-Auth-Key": (place / "secret").read_text().strip()})
        self.headers = [f"X-Auth-Token: {line.getresponse().headers['X-Auth-Token']}"]
        line.close()
        self.path = "/v1/AUTH_test/sandbox/bench-object"


class Transfers:
    def __init__(self, stack):
        self.stack, self.samples = stack, {}
        self.data = os.urandom(1 << 20) * (SIZE >> 20)
        self.client = stack.client()
        self.session = self.client.create()
        self.alone = WithStatic(stack)
        self.alone.file.write_bytes(self.data)
        self.driver = self.client.await_session(self.session)["workspace_path"].partition(":")[0]
        self.swift = Swift(stack) if self.driver == "s3" else None
        self.authorization = [f"Authorization: Bearer {stack.token}"]
        head, tail = multipart("file.bin", "file.bin")
        self.upload = {"headers": [*self.authorization, f"Content-Type: multipart/form-data; boundary={BOUNDARY}"], "body": (head, self.data, tail)}

    def note(self, what, took):
        self.samples.setdefault(what, []).append(took * 1000)

    def download(self):
        took, headers, count = exchange(self.stack.port, "GET", "/api/v1" + address_of(self.session, "file.bin"), self.authorization)
        if "Location" in headers:
            place = urllib.parse.urlsplit(headers["Location"])
            more, _, count = exchange(place.port, "GET", f"{place.path}?{place.query}")
            took += more
        if count != SIZE:
            raise Failed(f"{count} bytes came, not {SIZE}")
        return took

    def turn(self):
        upload = "/api/v1" + address_of(self.session, "upload")
        self.note("upload, web server alone", exchange(self.alone.port, "POST", upload, **self.upload)[0])
        self.note("upload, whole stack", exchange(self.stack.port, "POST", upload, **self.upload)[0])
        self.note("download, web server alone", exchange(self.alone.port, "GET", "/bench/file.bin")[0])
        self.note("download, whole stack", self.download())
        if self.swift:
            self.note("upload, Swift alone", exchange(self.swift.port, "PUT", self.swift.path, self.swift.headers, (self.data,))[0])
            self.note("download, Swift alone", exchange(self.swift.port, "GET", self.swift.path, self.swift.headers)[0])

    def measure(self, report):
        self.turn()
        self.samples.clear()  # the first warms all sides
        before = {pid: read_memory(pid)[0] for pid in self.stack.worker_pids()}
        for pid in before:
            pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins now
        for _ in range(self.stack.count(9, 3)):
            self.turn()
        for what, samples in self.samples.items():
            alone = what.partition(",")[0] + ", web server alone"
            whole = what.endswith("whole stack")
            report.add(what, samples, limit=alone if whole else None, goal=at_most(2, of=alone) if whole else None)
        report.value("worker: memory it gained at most", max(read_peak(pid) - size for pid, size in before.items()), "MB", goal=at_most(2))
        report.note(f"files of {SIZE >> 20} MB, driver {self.driver}")

    def close(self):
        self.alone.close()
        self.client.delete(f"/sessions/{self.session}")
        if self.swift:
            exchange(self.swift.port, "DELETE", self.swift.path, self.swift.headers, wanted=(204,))


def executions(stack, report):
    """In a session without files and in one with 10,000 of them, in turn."""
    names = "hello, no files", "hello beside 10,000 files"
    sessions = [stack.session() for _ in names]
    result = stack.client().run(sessions[1], MANY, timeout=60, limit=120)
    report.wrong(int(result["status"] != "success"), "executions that should make 10,000 files")
    sides = [Hello(stack, "python", session) for session in sessions]
    take_turns(stack.count(200, 50), list(sides), 0.02)
    for name, side in zip(names, sides):
        report.add(name, side.took, goal=at_most(1.1, of=names[0]) if name != names[0] else None)
        report.wrong(side.wrong, f"wrong answers: {name}")
        side.line.close()
    stack.end(sessions)


def run(stack, report):
    transfers = Transfers(stack)
    try:
        transfers.measure(report)
    finally:
        transfers.close()
    executions(stack, report)
