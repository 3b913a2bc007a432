# SPDX-License-Identifier: Apache-2.0
"""What lies between clients and workers: odd requests get the same documented answers from lighttpd and from Apache."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from base import Case
from client import Client

HOST = b"Host: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
BODY = b'{"template_id": "none"}'
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
INVALID, METHOD, LARGE = "Sandbox.InvalidParameter", "Sandbox.MethodNotAllowed", "Sandbox.PayloadTooLarge"
NONE, TEMPLATE, SESSION = "Sandbox.NotFound", "Sandbox.TemplateNotFound", "Sandbox.SessionNotFound"
AUTH = b"{AUTH}"  # stands for the token's header


def get(target, headers=b"", method=b"GET", version=b"HTTP/1.1"):
    return b"%s %s %s\r\n" % (method, target, version) + HOST + AUTH + headers + b"\r\n"


def post(headers, body):
    return b"POST /api/v1/sessions HTTP/1.1\r\n" + HOST + AUTH + JSON + headers + b"\r\n" + body


def push(length):
    return b"POST /api/v1/internal/executions/exec_20260101_00000000/result HTTP/1.1\r\n" + HOST + AUTH + JSON \
        + b"Content-Length: %d\r\n\r\n" % length


def chunks(body, size=7):
    parts = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


CHUNKED = b"Transfer-Encoding: chunked\r\n"
# what | request | statuses, where the servers differ: lighttpd's, Apache's | error code
ODD = (
    ("HTTP/1.0", b"GET /health HTTP/1.0\r\n\r\n", 200, None),
    ("no host", b"GET /health HTTP/1.1\r\n\r\n", 400, INVALID),
    ("two hosts", b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, INVALID),
    ("absolute form", get(b"http://localhost/health"), 200, None),
    ("absolute form, https", get(b"https://localhost/api/v1/nothing"), 404, NONE),
    ("absolute form of another host", get(b"http://example.org/health"), (400, 200), None),
    ("TRACE", get(b"/health", method=b"TRACE"), 405, METHOD),
    ("CONNECT", b"CONNECT localhost:443 HTTP/1.1\r\n" + HOST + b"\r\n", 400, INVALID),
    ("PATCH", get(b"/api/v1/sessions", method=b"PATCH"), 405, METHOD),
    ("PROPFIND", get(b"/health", method=b"PROPFIND"), 405, METHOD),
    ("no method", get(b"/api/v1/sessions", method=b"FOO"), 501, METHOD),
    ("a method in small letters", get(b"/health", method=b"get"), 501, METHOD),
    ("POST", post(LENGTH, BODY), 404, TEMPLATE),
    ("length twice", post(LENGTH + LENGTH, BODY), 400, INVALID),
    ("two lengths", post(LENGTH + b"Content-Length: 5\r\n", BODY), 400, INVALID),
    ("a list of lengths", post(b"Content-Length: 23, 23\r\n", BODY), 400, INVALID),
    ("length below 0", post(b"Content-Length: -5\r\n", b""), 400, INVALID),
    ("length with a sign", post(b"Content-Length: +23\r\n", BODY), 400, INVALID),
    ("length beyond 64 bits", post(b"Content-Length: 99999999999999999999\r\n", BODY), 400, INVALID),
    ("far too large, before the body", post(b"Content-Length: 99999999\r\n", b""), 413, LARGE),
    ("a little too large", post(b"Content-Length: 3000000\r\n", b" " * 3000000), 413, LARGE),
    ("a large result of an executor", push(5000000) + b" " * 5000000, 401, "Internal.Unauthorized"),
    ("one far too large", push(99999999), 413, LARGE),
    ("chunks", post(CHUNKED, chunks(BODY)), 404, TEMPLATE),
    ("bad chunks", post(CHUNKED, b"ZZ\r\n{}\r\n0\r\n\r\n"), 400, INVALID),
    ("too many chunks", post(CHUNKED, chunks(b" " * 3000000, 65536)), 413, LARGE),
    ("length and chunks", post(LENGTH + CHUNKED, chunks(BODY)), (400, 404), (INVALID, TEMPLATE)),
    ("unknown coding", post(b"Transfer-Encoding: gzip\r\n", BODY), (501, 400), (METHOD, INVALID)),
    ("POST without a length", post(b"", b""), (411, 400), INVALID),
    ("expects 100", post(LENGTH + b"Expect: 100-continue\r\n", BODY), 404, TEMPLATE),
    ("GET with a body", get(b"/api/v1/sessions", LENGTH) + BODY, 413, LARGE),
    ("no HTTP", b"\0\1\2\3 garbage\r\n\r\n", 400, INVALID),
    ("HTTP/0.9", b"GET /health\r\n\r\n", 400, INVALID),
    ("a space in a header's name", b"GET /health HTTP/1.1\r\n" + HOST + b"X : y\r\n\r\n", 400, INVALID),
    ("no colon", b"GET /health HTTP/1.1\r\n" + HOST + b"nonsense\r\n\r\n", 400, INVALID),
    ("NUL in a header", b"GET /health HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n", 400, INVALID),
    ("lines end in LF", b"GET /health HTTP/1.1\nHost: x\n\n", 400, INVALID),
    ("a header of 9 KB", get(b"/health", b"X: " + b"y" * 9000 + b"\r\n"), 200, None),
    ("a header of 20 KB", get(b"/health", b"X: " + b"y" * 20000 + b"\r\n"), (431, 400), INVALID),
    ("150 headers", get(b"/health", b"".join(b"X%d: y\r\n" % n for n in range(150))), 200, None),
    ("an address of 9 KB", get(b"/api/v1/sessions?status=" + b"y" * 9000), 413, LARGE),
    ("an address of 20 KB", get(b"/api/v1/sessions?status=" + b"y" * 20000), (431, 414), INVALID),
    ("an escaped slash is none", get(b"/api/v1/sessions/a%2Fb"), 404, SESSION),
    ("not even here", get(b"/api/v1%2Fsessions"), 404, NONE),
    ("escaped NUL", get(b"/api/v1/sessions/%00"), 400, INVALID),
    ("bad escape", get(b"/api/v1/sessions/%zz"), 400, INVALID),
    ("bad UTF-8", get(b"/api/v1/sessions/%ff"), 400, INVALID),
    ("UTF-8 as it is", get("/api/v1/sessions/ä".encode()), 404, SESSION),
    ("escaped letters", get(b"/api/v1/%73essions"), 200, None),
    ("two dots", get(b"/api/v1/x/../sessions"), 400, INVALID),
    ("one dot", get(b"/api/v1/./sessions"), 400, INVALID),
    ("escaped dots", get(b"/api/v1/x/%2e%2e/sessions"), 400, INVALID),
    ("two slashes", get(b"//api/v1/sessions"), 404, NONE),
    ("no slash", get(b"api/v1/sessions"), 400, INVALID),
    ("bad escape in the query", get(b"/api/v1/sessions?limit=%3"), 400, INVALID),
    ("a range", get(b"/health", b"Range: bytes=0-3\r\n"), 200, None),
    ("a condition", get(b"/health", b"If-None-Match: *\r\nIf-Modified-Since: Tue, 24 Nov 2099 10:00:00 GMT\r\n"), 200, None),
    ("an upgrade", get(b"/health", b"Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"), 200, None),
    ("two tokens", b"GET /api/v1/sessions HTTP/1.1\r\n" + HOST + AUTH + AUTH + b"\r\n", 401, "Sandbox.Unauthorized"),
)


class Odd(Case):
    def exchange(self, request):
        """The first answer: status, headers, body."""
        with socket.create_connection(("127.0.0.1", self.stack.port), 10) as line:
            try:
                line.sendall(request.replace(AUTH, f"Authorization: Bearer {self.stack.token}\r\n".encode()))
            except OSError:
                pass  # it had read enough
            answer = b""
            while b"\r\n\r\n" not in answer:
                more = line.recv(65536)
                self.assertTrue(more, f"an answer, not {answer!r}")
                answer += more
            head, _, body = answer.partition(b"\r\n\r\n")
            status, *lines = head.decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            while not request.startswith(b"HEAD ") and len(body) < int(headers.get("content-length", 0)):
                body += line.recv(65536)
        return int(status.split(" ")[1]), headers, body

    def of_server(self, expected):
        return expected[self.stack.web == "apache"] if isinstance(expected, tuple) else expected

    def setUp(self):
        if self.stack.authority:
            self.skipTest("in the clear")

    def test_odd_requests(self):
        for what, request, status, code in ODD:
            with self.subTest(what):
                got, headers, body = self.exchange(request)
                self.assertEqual(got, self.of_server(status), (headers, body))
                if got >= 400:
                    self.check_refusal(headers, body, self.of_server(code))
        self.assertEqual(self.stack.worker_deaths(), self.deaths)

    def check_refusal(self, headers, body, code):
        self.assertEqual(headers["content-type"], "application/json")
        error = json.loads(body)
        self.assertTrue(code is None or error["error_code"] == code, error)
        for name in ("description", "error_detail", "solution"):
            self.assertTrue(error[name], error)

    def test_answers_without_body(self):
        status, headers, body = self.exchange(get(b"/health", method=b"HEAD"))
        self.assertEqual((status, body), (200, b""))
        # of the answer that GET would have had; how long a probe took is in it
        self.assertRegex(headers["content-length"], r"^\d\d$")
        status, headers, body = self.exchange(get(b"/api/v1/sessions", method=b"OPTIONS"))
        self.assertEqual((status, body), (204, b""))
        self.assertIn("POST", headers["allow"])
        status, _, body = self.exchange(get(b"*", method=b"OPTIONS"))
        self.assertEqual((status, body), (200, b""))

    def test_says_little_about_itself(self):
        for target in (b"/health", b"/api/v1/sessions/%zz", b"/%00"):
            _, headers, _ = self.exchange(get(target))
            self.assertIn(headers["server"], ("sandbox", "Apache"))
            self.assertNotIn("strict-transport-security", headers)

    def test_connections_are_kept(self):
        with socket.create_connection(("127.0.0.1", self.stack.port), 10) as line:
            line.sendall(get(b"/health").replace(AUTH, b"") * 40)
            answer = b""
            while answer.count(b'"took_ms"') < 40:
                more = line.recv(65536)
                self.assertTrue(more, f"40 answers, not {answer.count(b'took_ms')}")
                answer += more
        self.assertEqual(answer.count(b"HTTP/1.1 200"), 40)

    def test_address_of_the_client(self):
        """Nobody is believed about it who was not named."""
        status, _, _ = self.exchange(get(b"/api/v1/internal/nothing", b"X-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n"))
        self.assertNotEqual(status, 403)


def second_web_server(stack, change):
    """The process, its port and its directory: before the same workers, with the settings of the first as `change` makes them."""
    place, run = tempfile.TemporaryDirectory(), stack.run_dir
    os.chmod(place.name, 0o755)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for source in (run / stack.web).glob("*.conf"):
        text = source.read_text().replace(f":{stack.port}", f":{port}").replace(f"= {stack.port}", f"= {port}")
        text = change(text.replace(str(run / stack.web), place.name))
        # the workers are there already
        text = re.sub(r'^ *"(bin-path|bin-environment|max-procs)".*\n', "", text, flags=re.M).replace('api.sock",', 'api.sock-0",')
        (pathlib.Path(place.name) / source.name).write_text(text)
    command = ["apache2", "-D", "FOREGROUND", "-f"] if stack.web == "apache" else ["lighttpd", "-D", "-f"]
    main = pathlib.Path(place.name) / ("apache-server.conf" if stack.web == "apache" else "lighttpd.conf")
    server = subprocess.Popen([*command, str(main)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})

    def answers():
        try:
            return Client(port, stack.token).get("/health").status == 200
        except OSError:
            return False
    stack.until(answers, 10, "the second web server answers")
    return server, port, place


class Proxied(Case):
    """A second web server before the same workers, with the lines for a trusted proxy taken in: the clients say who they are."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.stack.authority:
            raise unittest.SkipTest("in the clear")
        cls.server, cls.port, cls.place = second_web_server(cls.stack, cls.believing)

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        cls.server.wait(10)
        cls.place.cleanup()
        super().tearDownClass()

    @staticmethod
    def believing(text):
        return re.sub(r"#(RemoteIP|extforward)", r"\1", text.replace("192.0.2.10", "127.0.0.1"))

    def ask(self, method, path, address, body=None):
        client = Client(self.port, self.stack.token)
        try:
            return client.request(method, path, body, headers={"X-Forwarded-For": address}, raw_path=True)
        finally:
            client.close()

    def test_internal_routes_are_for_private_networks(self):
        for address, status in (("203.0.113.9", 403), ("10.1.2.3", 404), ("172.20.0.5", 404), ("172.32.0.1", 403), ("192.168.7.7", 404),
                                ("203.0.113.9, 127.0.0.1", 403), ("2001:db8::1", 403), ("fd00::1", 404)):
            for path in ("/api/v1/internal/nothing", "/api/v1/%69nternal/nothing", "/api/v1/internal"):
                with self.subTest(f"{address} {path}"):
                    answer = self.ask("GET", path, address)
                    self.assert_error(answer, status, "Sandbox.Forbidden" if status == 403 else NONE)
        self.assertEqual(self.ask("GET", "/api/v1/internals", "203.0.113.9").status, 404)
        self.assertEqual(self.ask("GET", "/api/v1/templates", "203.0.113.9").status, 200)

    def test_address_in_the_audit_trail(self):
        session = self.ask("POST", "/api/v1/sessions", "203.0.113.9", {"template_id": "python-basic"}).json["session_id"]
        self._sessions.append(session)
        self.assertIn("203.0.113.9", self.stack.ctl("audit", "--object", session))


class Load:
    """Clients that ask and ask; what went wrong is kept."""

    def __init__(self, stack, count=4):
        self.stack, self.bad, self.good, self.stopping = stack, [], 0, False
        self.threads = [threading.Thread(target=self.ask) for _ in range(count)]

    def ask(self):
        client = self.stack.client()
        while not self.stopping:
            try:
                answer = client.get("/templates")
                if answer.status == 200:
                    self.good += 1
                else:
                    self.bad.append((time.monotonic(), repr(answer)))
            except OSError as error:
                self.bad.append((time.monotonic(), repr(error)))
        client.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        for thread in self.threads:
            thread.join(30)

    def await_more(self, count=200):
        wanted = self.good + count
        self.stack.until(lambda: self.good >= wanted, 20, f"{count} more good answers; bad ones: {self.bad[:5]}")


class Workers(Case):
    def tearDown(self):
        self.stack.start()

    def test_worker_killed_under_load(self):
        """Only requests that it had taken on may fail."""
        with Load(self.stack) as load:
            load.await_more()
            os.kill(self.stack.worker_pids()[0], signal.SIGKILL)
            load.await_more()
            self.stack.until(lambda: len(self.stack.worker_pids()) == 2, 10, "there is another worker")
            failed = len(load.bad)
            load.await_more()
        self.assertEqual(len(load.bad), failed, load.bad)
        self.assertLessEqual(failed, len(load.threads), load.bad)
        for _, answer in load.bad:
            self.assertRegex(answer, r"^50[0-4] .*Sandbox\.", load.bad)

    def test_new_workers_without_a_refusal(self):
        if self.stack.web != "apache":
            self.skipTest("lighttpd's workers are replaced with it")
        before = set(self.stack.worker_pids())
        with Load(self.stack) as load:
            load.await_more()
            for _ in range(2):
                os.kill(self.stack.pid("api"), signal.SIGHUP)
                load.await_more()
            self.stack.until(lambda: len(now := set(self.stack.worker_pids())) == 2 and not now & before, 20, "all are new")
            load.await_more()
        self.assertEqual(load.bad, [])

    def test_no_worker(self):
        if self.stack.web != "apache":
            self.skipTest("lighttpd has its workers back at once")
        self.stack.kill("api")
        self.stack.until(lambda: not self.stack.worker_pids(), 10, "the workers end with their parent")
        answer = self.client.get("/health")
        self.assert_error(answer, 503, "Sandbox.ServiceUnavailable")
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        self.assertTrue(re.fullmatch(r"\d+", answer.headers["Retry-After"]))
        self.stack.start()
        self.assertEqual(self.client.get("/health").status, 200)
