#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A file of 100 MB up and down through the whole stack, beside what the web server alone moves; a hello-world execution beside 10,000 files.
transfer.py EMPTY_FCGI [ROUNDS], against the stack of SANDBOX_HOME and SANDBOX_PORT (lighttpd). Everything in turn within one run, medians.
It only measures: no number makes it fail.

Limits: for a download the same file as a static file of the same lighttpd; for an upload the same body to bench/empty_fcgi.c, which reads it
and throws it away, behind the same lighttpd with the same settings. With the s3 driver also the same bytes to and from Swift itself, by
Swift's own interface: what is between that and the stack's number is the stack's, the rest is Swift's."""
import http.client
import os
import pathlib
import re
import socket
import statistics
import sys
import time
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e"))
from files import BOUNDARY, address_of, multipart  # noqa: E402
from get_session import Empty  # noqa: E402
from stack import Stack  # noqa: E402

SIZE = 100 << 20
HELLO = 'def handler(event):\n    return "hello, world"'
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
        raise SystemExit(f"bench: {method} {path}: {got[:500]}")
    return took, dict(re.findall(r"(?m)^([A-Za-z-]+): (.*?)\r?$", head.decode())), count


class WithStatic(Empty):
    """The web server alone: what throws uploads away, and a directory."""

    def __init__(self, stack, program):
        self.files = stack.lib_dir / "bench"
        self.files.mkdir(exist_ok=True)
        self.file = self.files / "file.bin"
        super().__init__(stack, program)

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
    def __init__(self, stack, program, rounds):
        self.stack, self.rounds, self.samples = stack, rounds, {}
        self.data = os.urandom(1 << 20) * (SIZE >> 20)
        self.client = stack.client()
        self.session = self.client.create()
        self.alone = WithStatic(stack, program)
        self.alone.file.write_bytes(self.data)
        self.driver = self.client.await_session(self.session)["workspace_path"].partition(":")[0]
        self.swift = Swift(stack) if self.driver == "s3" else None
        self.authorization = [f"Authorization: Bearer {stack.token}"]
        head, tail = multipart("file.bin", "file.bin")
        self.upload = {"headers": [*self.authorization, f"Content-Type: multipart/form-data; boundary={BOUNDARY}"], "body": (head, self.data, tail)}

    def note(self, what, took):
        self.samples.setdefault(what, []).append(took)

    def download(self):
        took, headers, count = exchange(self.stack.port, "GET", "/api/v1" + address_of(self.session, "file.bin"), self.authorization)
        if "Location" in headers:
            place = urllib.parse.urlsplit(headers["Location"])
            more, _, count = exchange(place.port, "GET", f"{place.path}?{place.query}")
            took += more
        if count != SIZE:
            raise SystemExit(f"bench: {count} bytes came, not {SIZE}")
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

    def memory(self):
        """Of the workers, KiB: all that is resident, and what is no file's."""
        found = {}
        for pid in self.stack.worker_pids():
            text = pathlib.Path(f"/proc/{pid}/status").read_text()
            found[pid] = tuple(int(re.search(rf"{name}:\s+(\d+)", text)[1]) for name in ("VmRSS", "RssAnon"))
        return found

    def measure(self):
        for _ in range(20):
            self.client.get("/templates")
        cold = self.memory()
        self.turn()
        self.samples.clear()  # the first warms all sides
        warm = self.memory()
        for _ in range(self.rounds):
            self.turn()
        self.show(cold, warm, self.memory())

    def show(self, cold, warm, after):
        print(f"\n{SIZE >> 20} MB, driver {self.driver}, {self.rounds} rounds in turn{'median':>22}{'MB/s':>10}{'min':>10}{'max':>10}")
        medians = {}
        for what, samples in self.samples.items():
            medians[what] = statistics.median(samples)
            print(f"  {what:46}{medians[what]:9.3f}s{(SIZE >> 20) / medians[what]:10.0f}{min(samples):9.3f}s{max(samples):9.3f}s")
        for way in ("upload", "download"):
            for limit in ("web server", "Swift"):
                if f"{way}, {limit} alone" in medians:
                    print(f"  {way}: {medians[f'{way}, {limit} alone'] / medians[f'{way}, whole stack']:.2f} of what {limit} alone moves"
                          + (" (at least 0.50 is wanted)" if limit == "web server" else ""))
        for pid in after:
            print(f"  worker {pid}: VmRSS {cold[pid][0]} KiB, {warm[pid][0]} after one round, {after[pid][0]} at the end; "
                  f"of it RssAnon {cold[pid][1]}, {warm[pid][1]}, {after[pid][1]}"
                  f": {after[pid][0] - cold[pid][0]:+} KiB in all (at most 2048 is wanted)")

    def close(self):
        self.alone.close()
        self.client.delete(f"/sessions/{self.session}")
        if self.swift:
            exchange(self.swift.port, "DELETE", self.swift.path, self.swift.headers, wanted=(204,))


def executions(stack, count=200):
    """In a session without files and in one with 10,000 of them, in turn."""
    client = stack.client()
    boxes = {"no files": client.create(), "10,000 files": client.create()}
    try:
        for box in boxes.values():
            client.await_session(box)
        result = client.run(boxes["10,000 files"], MANY, timeout=60, limit=120)
        if result["status"] != "success":
            raise SystemExit(f"bench: {result}")
        samples = {name: [] for name in boxes}
        for turn in range(count + 10):
            for name, box in boxes.items():
                began = time.perf_counter()
                answer = client.post(f"/sessions/{box}/execute?wait=10", {"code": HELLO, "language": "python"})
                if answer.json.get("return_value") != "hello, world":
                    raise SystemExit(f"bench: {answer!r}")
                if turn >= 10:  # the first ones warm caches
                    samples[name].append((time.perf_counter() - began) * 1000)
        print(f"\nhello-world, execute?wait=10, {count} each in turn{'p50':>18}{'p95':>10}")
        medians = [statistics.median(taken) for taken in samples.values()]
        for name, taken in samples.items():
            print(f"  session with {name:38}{statistics.median(taken):8.2f}ms{sorted(taken)[int(count * 0.95)]:8.2f}ms")
        print(f"  p50 with files / without: {medians[1] / medians[0]:.3f} (at most 1.10 is wanted)")
    finally:
        for box in boxes.values():
            client.delete(f"/sessions/{box}")


def main():
    stack = Stack()
    if stack.web != "lighttpd" or stack.authority:
        raise SystemExit("bench: this compares behind lighttpd without TLS")
    print(f"load before: {os.getloadavg()[0]:.2f}")
    transfers = Transfers(stack, sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 9)
    try:
        transfers.measure()
    finally:
        transfers.close()
    executions(stack)


if __name__ == "__main__":
    main()
