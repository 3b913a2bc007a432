#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""GET of one session beside an empty FastCGI answer (bench/empty_fcgi.c) behind the same web server with the same settings: in turn on one
connection, then with 32 connections.  get_session.py EMPTY_FCGI [COUNT], against the stack of SANDBOX_HOME and SANDBOX_PORT (lighttpd).
It only measures: no number makes it fail."""
import os
import pathlib
import re
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e"))
from stack import Stack  # noqa: E402

CONNECTIONS, ROUND_S, ROUNDS = 32, 2.0, 5


class Line:
    """A connection that is kept, and one request that is sent again and again."""
    fine = b"HTTP/1.1 200"

    def __init__(self, port, path, token):
        self.request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.began = 0.0
        self.got = b""

    def send(self):
        self.began = time.perf_counter()
        self.got = b""
        self.socket.sendall(self.request)

    def receive(self):
        """Milliseconds since it was sent, once the answer is complete; else None."""
        self.got += self.socket.recv(65536)
        head, _, body = self.got.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if not length or len(body) < int(length[1]):
            return None
        took = (time.perf_counter() - self.began) * 1000
        if not head.startswith(self.fine):
            raise SystemExit(f"bench: {self.got[:300]}")
        return took

    def ask(self):
        self.send()
        while (took := self.receive()) is None:
            pass
        return took


class Empty:
    """The same lighttpd with the same settings, but another program and port."""

    def __init__(self, stack, program):
        self.directory = stack.run_dir / "web"
        self.program = stack.lib_dir / "bin" / "empty_fcgi"
        shutil.copy(program, self.program)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        text = (stack.run_dir / "lighttpd" / "lighttpd.conf").read_text()
        text = re.sub(r"(server\.port\s*=\s*)\d+", rf"\g<1>{self.port}", text)
        text = text.replace("/web/api.sock", "/web/empty.sock").replace(str(stack.lib_dir / "bin" / "sandbox-api"), str(self.program))
        self.settings = stack.run_dir / "lighttpd" / "bench-empty.conf"
        self.settings.write_text(self.adapt(text))
        self.server = subprocess.Popen(["/usr/sbin/lighttpd", "-D", "-f", str(self.settings)], stdin=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        stack.until(self.answers, 10, "the empty answer")

    def adapt(self, text):
        """What else a measurement wants of its settings."""
        return text

    def answers(self):
        try:
            Line(self.port, "/", "x").ask()
        except OSError:
            return False
        return True

    def close(self):
        self.server.terminate()
        self.server.wait(20)
        self.program.unlink()
        self.settings.unlink()


def at_once(where):
    """All connections busy for some seconds: latencies, and answers a second."""
    lines = [Line(*where) for _ in range(CONNECTIONS)]
    samples, began = [], time.perf_counter()
    with selectors.DefaultSelector() as selector:
        for line in lines:
            selector.register(line.socket, selectors.EVENT_READ, line)
            line.send()
        while time.perf_counter() - began < ROUND_S:
            for key, _ in selector.select(5):
                took = key.data.receive()
                if took is not None:
                    samples.append(took)
                    key.data.send()
    rate = len(samples) / (time.perf_counter() - began)
    for line in lines:
        line.socket.close()
    return samples, rate


def show(what, session, empty, rates=None):
    print(f"\n{what:36}{'median':>10}{'p95':>10}" + (f"{'a second':>12}" if rates else ""))
    numbers = {}
    for name, samples in (("GET /sessions/{id}", session), ("empty FastCGI answer", empty)):
        ordered = sorted(samples)
        numbers[name] = statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
        print(f"  {name:34}{numbers[name][0]:8.3f}ms{numbers[name][1]:8.3f}ms" + (f"{rates[name]:12.0f}" if rates else ""))
    (a, b), (c, d) = numbers.values()
    print(f"  {'difference':34}{a - c:8.3f}ms{b - d:8.3f}ms" + (f"{rates['GET /sessions/{id}'] / rates['empty FastCGI answer']:11.2f}x" if rates else ""))


def measure(session_at, empty_at, count):
    one, other = Line(*session_at), Line(*empty_at)
    pairs = [(one.ask(), other.ask()) for _ in range(count + 100)][100:]  # the first ones warm both sides
    show(f"one connection, {count} each, in turn", [a for a, _ in pairs], [b for _, b in pairs])
    sessions, empties, rates = [], [], {"GET /sessions/{id}": [], "empty FastCGI answer": []}
    for _ in range(ROUNDS):
        for where, samples, name in ((session_at, sessions, "GET /sessions/{id}"), (empty_at, empties, "empty FastCGI answer")):
            taken, rate = at_once(where)
            samples += taken
            rates[name].append(rate)
    show(f"{CONNECTIONS} connections, {ROUNDS} rounds in turn", sessions, empties, {name: statistics.median(r) for name, r in rates.items()})
    print("\nat most 1 ms more is wanted, on one connection")


def main():
    stack = Stack()
    if stack.web != "lighttpd" or stack.authority:
        raise SystemExit("bench: this compares behind lighttpd without TLS")
    client = stack.client()
    session = client.create()
    empty = Empty(stack, sys.argv[1])
    try:
        client.await_session(session)
        print(f"load before: {os.getloadavg()[0]:.2f}")
        measure((stack.port, f"/api/v1/sessions/{session}", stack.token), (empty.port, f"/api/v1/sessions/{session}", stack.token),
                int(sys.argv[2]) if len(sys.argv) > 2 else 2000)
    finally:
        empty.close()
        client.delete(f"/sessions/{session}")


if __name__ == "__main__":
    main()
