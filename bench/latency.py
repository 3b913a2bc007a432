#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a client waits for, beside what the machine itself needs; both sides interleaved in one run.
latency.py [COUNT], against the stack of SANDBOX_HOME and SANDBOX_PORT. It only measures: no number makes it fail."""
import ctypes
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e"))
from stack import Stack  # noqa: E402

HELLO = 'def handler(event):\n    return "hello, world"'


def timed(action):
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1000


class Database:
    """A bare connection through libmariadb, for the cost of one commit."""

    def __init__(self, socket):
        self.library = ctypes.CDLL("libmariadb.so.3")
        self.library.mysql_init.restype = ctypes.c_void_p
        self.library.mysql_real_connect.restype = ctypes.c_void_p
        self.library.mysql_real_connect.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p,
                                                    ctypes.c_char_p, ctypes.c_uint, ctypes.c_char_p, ctypes.c_ulong]
        self.library.mysql_query.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        self.library.mysql_close.argtypes = [ctypes.c_void_p]
        self.handle = self.library.mysql_init(None)
        if not self.library.mysql_real_connect(self.handle, None, b"root", None, None, 0, str(socket).encode(), 0):
            raise SystemExit("bench: MariaDB does not answer")
        self.query("CREATE DATABASE IF NOT EXISTS sandbox_bench")
        self.query("CREATE OR REPLACE TABLE sandbox_bench.commits (id INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(200))")

    def query(self, text):
        if self.library.mysql_query(self.handle, text.encode()) != 0:
            raise SystemExit(f"bench: {text} failed")

    def commit(self):
        self.query("INSERT INTO sandbox_bench.commits (text) VALUES (REPEAT('x', 200))")

    def close(self):
        self.query("DROP DATABASE sandbox_bench")
        self.library.mysql_close(self.handle)


class Bench:
    def __init__(self, count):
        self.count = count
        self.stack = Stack()
        self.client = self.stack.client()
        self.rows = []

    def note(self, what, samples):
        self.rows.append((what, samples))

    def executions(self):
        """python3 -c 'print(1)' and a handler, in turn."""
        session = self.client.create()
        self.client.await_session(session)
        python, handler, inside = [], [], []

        def bare():
            subprocess.run(["/usr/bin/python3", "-c", "print(1)"], stdout=subprocess.DEVNULL, check=True)

        def execute():
            answer = self.client.post(f"/sessions/{session}/execute?wait=10", {"code": HELLO, "language": "python"})
            if answer.status != 200 or answer.json.get("return_value") != "hello, world":
                raise SystemExit(f"bench: {answer!r}")
            inside.append(answer.json["metrics"]["duration_ms"])

        for turn in range(self.count + 5):
            sample = timed(bare), timed(execute)
            if turn >= 5:  # the first ones warm caches on both sides
                python.append(sample[0])
                handler.append(sample[1])
        self.client.delete(f"/sessions/{session}")
        self.note("python3 -c 'print(1)'", python)
        self.note("execute?wait=10, hello-world handler", handler)
        self.note("  of it: the user code itself (metrics)", inside[5:])
        return statistics.median(handler) / statistics.median(python)

    def warm_count(self):
        return int(self.stack.sql("SELECT COUNT(*) FROM containers WHERE status = 'warm' AND template_id = 'python-basic'")[0][0])

    def creations(self):
        warm, cold = [], []
        for _ in range(max(10, self.count // 5)):
            self.stack.until(lambda: self.warm_count() >= 1 and self.stack.busy_containers() == 0, 30, "the pool is full")
            began = time.perf_counter()
            answer = self.client.post("/sessions", {"template_id": "python-basic"})
            took = (time.perf_counter() - began) * 1000
            if answer.status != 201:
                raise SystemExit(f"bench: {answer!r}")
            if answer.json["status"] == "running":
                warm.append(took)
            self.client.delete(f"/sessions/{answer.json['session_id']}")
            self.stack.until(lambda: self.stack.busy_containers() == 0, 30, "quiet")
            began = time.perf_counter()
            session = self.client.create(resources={"cpu": "0.5"})  # no warm one has this
            while self.client.session_status(session)["status"] == "creating":
                time.sleep(0.001)
            cold.append((time.perf_counter() - began) * 1000)
            self.client.delete(f"/sessions/{session}")
        self.note("create, warm pool hit", warm)
        self.note("create, cold, until running", cold)

    def limits(self):
        self.note("GET /health", [timed(lambda: self.client.get("/health")) for _ in range(self.count)])
        database = Database(self.stack.run_dir / "db" / "db.sock")
        self.note("limit: one MariaDB commit", [timed(database.commit) for _ in range(self.count)])
        database.close()
        with tempfile.NamedTemporaryFile(dir=self.stack.home) as file:
            def sync():
                file.write(b"x" * 4096)
                file.flush()
                os.fsync(file.fileno())
            self.note("limit: write 4 KiB and fsync", [timed(sync) for _ in range(self.count)])

    def show(self, ratio):
        print(f"{'':44}{'median':>10}{'p95':>10}{'min':>10}{'n':>6}")
        for what, samples in self.rows:
            if not samples:
                print(f"{what:44}{'none':>10}")
                continue
            ordered = sorted(samples)
            p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
            print(f"{what:44}{statistics.median(ordered):8.2f}ms{p95:8.2f}ms{ordered[0]:8.2f}ms{len(ordered):6}")
        print(f"\nhandler / python3: {ratio:.2f} (at most 1.00 is wanted); runtime {self.stack.runtime}")


def main():
    bench = Bench(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
    ratio = bench.executions()
    bench.creations()
    bench.limits()
    bench.show(ratio)


if __name__ == "__main__":
    main()
