# SPDX-License-Identifier: Apache-2.0
"""Malformed, wrong, oversized and binary input: the documented 4xx, and never a 500, a crash or a hang."""
import json
import os
import socket

from base import Case

INVALID = (400, "Sandbox.InvalidParameter")
TOO_LARGE = (413, "Sandbox.PayloadTooLarge")

# what | body of POST /sessions | status and code | field
CREATE = (
    ("empty body", b"", INVALID, None),
    ("not JSON", b"{", INVALID, None),
    ("binary", bytes(range(256)), INVALID, None),
    ("NUL", b"\0", INVALID, None),
    ("bad UTF-8", b'{"template_id": "\xff\xfe"}', INVALID, None),
    ("UTF-16 text", '{"template_id": "python-basic"}'.encode("utf-16"), INVALID, None),
    ("two values", b'{"template_id": "python-basic"} {}', INVALID, None),
    ("NaN", b'{"template_id": "python-basic", "timeout": NaN}', INVALID, None),
    ("a comment", b'{"template_id": "python-basic" /* x */}', INVALID, None),
    ("array", [], INVALID, None),
    ("string", '"python-basic"', INVALID, None),
    ("null", "null", INVALID, None),
    ("deep", b'{"template_id":' + b"[" * 5000 + b"]" * 5000 + b"}", INVALID, None),
    ("no template", {}, INVALID, "/template_id"),
    ("template is null", {"template_id": None}, INVALID, "/template_id"),
    ("template is a number", {"template_id": 7}, INVALID, "/template_id"),
    ("unknown field", {"template_id": "python-basic", "colour": 1}, INVALID, "/colour"),
    ("unknown resource", {"template_id": "python-basic", "resources": {"gpu": "1"}}, INVALID, "/resources/gpu"),
    ("timeout is text", {"template_id": "python-basic", "timeout": "300"}, INVALID, "/timeout"),
    ("timeout has a fraction", {"template_id": "python-basic", "timeout": 60.5}, INVALID, "/timeout"),
    ("timeout too small", {"template_id": "python-basic", "timeout": 59}, INVALID, "/timeout"),
    ("timeout too large", {"template_id": "python-basic", "timeout": 3601}, INVALID, "/timeout"),
    ("timeout huge", b'{"template_id": "python-basic", "timeout": 1e300}', INVALID, "/timeout"),
    ("timeout over 64 bits", b'{"template_id": "python-basic", "timeout": 99999999999999999999}', INVALID, "/timeout"),
    ("timeout is true", {"template_id": "python-basic", "timeout": True}, INVALID, "/timeout"),
    ("cpu too small", {"template_id": "python-basic", "resources": {"cpu": "0.1"}}, INVALID, "/resources/cpu"),
    ("cpu too large", {"template_id": "python-basic", "resources": {"cpu": "5"}}, INVALID, "/resources/cpu"),
    ("cpu is nonsense", {"template_id": "python-basic", "resources": {"cpu": "one"}}, INVALID, "/resources/cpu"),
    ("cpu is NaN", {"template_id": "python-basic", "resources": {"cpu": "nan"}}, INVALID, "/resources/cpu"),
    ("memory without unit", {"template_id": "python-basic", "resources": {"memory": "512"}}, INVALID, "/resources/memory"),
    ("memory negative", {"template_id": "python-basic", "resources": {"memory": "-512Mi"}}, INVALID, "/resources/memory"),
    ("memory too large", {"template_id": "python-basic", "resources": {"memory": "9Gi"}}, INVALID, "/resources/memory"),
    ("disk too small", {"template_id": "python-basic", "resources": {"disk": "1Mi"}}, INVALID, "/resources/disk"),
    ("too few processes", {"template_id": "python-basic", "resources": {"max_processes": 1}}, INVALID,
     "/resources/max_processes"),
    ("resources is an array", {"template_id": "python-basic", "resources": []}, INVALID, "/resources"),
    ("env_vars not strings", {"template_id": "python-basic", "env_vars": {"A": 1}}, INVALID, "/env_vars/A"),
    ("env_vars is an array", {"template_id": "python-basic", "env_vars": ["A"]}, INVALID, "/env_vars"),
    ("env_vars too many", {"template_id": "python-basic", "env_vars": {f"A{n}": "" for n in range(65)}}, INVALID, "/env_vars"),
    ("env_vars too large", {"template_id": "python-basic", "env_vars": {"A": "x" * 10241}}, INVALID, "/env_vars"),
    ("labels not strings", {"template_id": "python-basic", "labels": {"A": None}}, INVALID, "/labels/A"),
)

# what | body of POST /sessions/{id}/execute | status and code | field
EXECUTE = (
    ("no code", {"language": "python"}, INVALID, "/code"),
    ("no language", {"code": "1"}, INVALID, "/language"),
    ("unknown language", {"code": "1", "language": "cobol"}, INVALID, "/language"),
    ("code is a number", {"code": 1, "language": "python"}, INVALID, "/code"),
    ("code has a NUL", {"code": "a\0b", "language": "python"}, INVALID, "/code"),
    ("code too long", {"code": "#" * (100 * 1024 + 1), "language": "python"}, (400, None), None),
    ("code too long in bytes", {"code": "#" + "ä" * (51 * 1024), "language": "python"}, (400, None), None),
    ("event too large", {"code": "1", "language": "python", "event": "x" * (1024 * 1024 + 1)}, (400, None), None),
    ("timeout 0", {"code": "1", "language": "python", "timeout": 0}, INVALID, "/timeout"),
    ("timeout too large", {"code": "1", "language": "python", "timeout": 3601}, INVALID, "/timeout"),
    ("retries too many", {"code": "1", "language": "python", "max_retries": 4}, INVALID, "/max_retries"),
    ("retries negative", {"code": "1", "language": "python", "max_retries": -1}, INVALID, "/max_retries"),
    ("unknown field", {"code": "1", "language": "python", "lang": "x"}, INVALID, "/lang"),
    ("env_vars name", {"code": "1", "language": "python", "env_vars": {"A=B": "x"}}, INVALID, None),
    ("env_vars NUL", {"code": "1", "language": "python", "env_vars": {"A": "x\0y"}}, INVALID, None),
)

# method | path (raw) | status | code
ROUTES = (
    ("GET", "/api/v1/nothing", 404, "Sandbox.NotFound"),
    ("GET", "/", 404, "Sandbox.NotFound"),
    ("GET", "/api/v1/sessions/", 404, "Sandbox.NotFound"),
    ("GET", "/api/v1/../../etc/passwd", 400, "Sandbox.InvalidParameter"),
    ("GET", "/api/v1/%2e%2e/%2e%2e/etc/passwd", 400, "Sandbox.InvalidParameter"),
    ("GET", "/api/v1/sessions/%00", 400, "Sandbox.InvalidParameter"),
    ("PATCH", "/api/v1/sessions", 405, "Sandbox.MethodNotAllowed"),
    ("PUT", "/api/v1/sessions", 405, "Sandbox.MethodNotAllowed"),
    ("DELETE", "/api/v1/sessions", 405, "Sandbox.MethodNotAllowed"),
    ("POST", "/api/v1/templates/python-basic", 405, "Sandbox.MethodNotAllowed"),
    ("GET", "/api/v1/sessions/sess_invalid123", 404, "Sandbox.SessionNotFound"),
    ("GET", "/api/v1/sessions/sess_0000000000000000", 404, "Sandbox.SessionNotFound"),
    ("DELETE", "/api/v1/sessions/sess_0000000000000000", 404, "Sandbox.SessionNotFound"),
    ("GET", "/api/v1/sessions/sess_%00%ff%27%20OR%201=1", None, None),
    ("GET", "/api/v1/sessions/" + "x" * 3000, 404, "Sandbox.SessionNotFound"),
    ("GET", "/api/v1/sessions/sess_0000000000000000/executions", 404, "Sandbox.SessionNotFound"),
    ("GET", "/api/v1/executions/exec_20260101_00000000", 404, "Sandbox.ExecutionNotFound"),
    ("GET", "/api/v1/executions/exec_x/status", 404, "Sandbox.ExecutionNotFound"),
    ("GET", "/api/v1/executions/1;DROP%20TABLE/result", 404, "Sandbox.ExecutionNotFound"),
    ("GET", "/api/v1/templates/none", 404, "Sandbox.TemplateNotFound"),
    ("GET", "/api/v1/sessions?limit=0", 400, "Sandbox.InvalidParameter"),
    ("GET", "/api/v1/sessions?limit=201", 400, "Sandbox.InvalidParameter"),
    ("GET", "/api/v1/sessions?limit=ten", 400, "Sandbox.InvalidParameter"),
    ("GET", "/api/v1/sessions?limit=", 400, "Sandbox.InvalidParameter"),
    ("GET", "/api/v1/sessions?limit=99999999999999999999", 400, "Sandbox.InvalidParameter"),
    ("GET", "/api/v1/sessions?offset=-1", 400, "Sandbox.InvalidParameter"),
    ("GET", "/api/v1/sessions?status=sleeping", 400, "Sandbox.InvalidParameter"),
    ("GET", "/api/v1/sessions?colour=blue", 400, "Sandbox.InvalidParameter"),
    ("GET", "/api/v1/sessions?limit=%zz", 400, "Sandbox.InvalidParameter"),
    ("GET", "/api/v1/sessions?status=%ff", 400, "Sandbox.InvalidParameter"),
    ("GET", "/api/v1/executions/exec_20260101_00000000/result?wait=61", 400, "Sandbox.InvalidParameter"),
    ("GET", "/api/v1/executions/exec_20260101_00000000/result?wait=-1", 400, "Sandbox.InvalidParameter"),
)


class BadInput(Case):
    def check(self, answer, expected, field=None):
        status, code = expected
        self.assertLess(answer.status, 500, repr(answer))
        if code is None:
            self.assertIn(answer.status, (status, 413), repr(answer))
            self.assertIn(answer.json["error_code"], (INVALID[1], TOO_LARGE[1]))
        else:
            self.assert_error(answer, status, code, field)
        self.assertTrue(answer.headers["X-Request-Id"], "X-Request-Id")
        self.assertEqual(answer.json.get("request_id"), answer.headers["X-Request-Id"])

    def test_create(self):
        for what, body, expected, field in CREATE:
            with self.subTest(what):
                self.check(self.client.post("/sessions", body), expected, field)
        self.assertEqual(self.client.get("/templates").status, 200)

    def test_unknown_template(self):
        for name in ("none", "", "python-basic ", "x" * 300, "python_basic", "ä", "' OR 1=1 --"):
            with self.subTest(name):
                answer = self.client.post("/sessions", {"template_id": name})
                self.assertIn((answer.status, answer.json["error_code"]),
                              ((404, "Sandbox.TemplateNotFound"), INVALID), repr(answer))

    def test_execute(self):
        box = self.session()
        for what, body, expected, field in EXECUTE:
            with self.subTest(what):
                self.check(self.client.post(f"/sessions/{box}/execute", body), expected, field)
        for wait in ("61", "-1", "x", "", "1.5", "1e1"):
            with self.subTest(wait=wait):
                self.check(self.client.post(f"/sessions/{box}/execute?wait={wait}",
                                            {"code": "1", "language": "python"}), INVALID)
        self.assertEqual(self.client.get(f"/sessions/{box}/executions").json["total"], 0)
        self.assert_works(box)

    def test_largest_code_and_event_are_fine(self):
        box = self.session()
        code = "def handler(event):\n    return len(event)\n#"
        code += "x" * (100 * 1024 - len(code))
        result = self.client.run(box, code, event="y" * (1024 * 1024 - 2))
        self.assert_success(result, 1024 * 1024 - 2)

    def test_routes(self):
        for method, path, status, code in ROUTES:
            with self.subTest(f"{method} {path[:60]}"):
                answer = self.client.request(method, path, raw_path=True)
                if status is None:
                    self.assertIn(answer.status, (400, 404), repr(answer))
                    continue
                self.assert_error(answer, status, code)
                if status == 405:
                    self.assertTrue(answer.headers["Allow"])

    def test_tokens(self):
        path = "/sessions"
        for what, value in (("none", None), ("empty", ""), ("no scheme", self.stack.token), ("wrong", "Bearer wrong"),
                            ("basic", "Basic dTpw"), ("empty bearer", "Bearer "), ("long", "Bearer " + "x" * 4000),
                            ("binary", "Bearer \xff\xfe"), ("two", f"Bearer {self.stack.token} {self.stack.token}")):
            with self.subTest(what):
                answer = self.client.get(path, headers={"Authorization": value})
                self.assert_error(answer, 401, "Sandbox.Unauthorized")
                self.assertIn("WWW-Authenticate", answer.headers)
        self.assertEqual(self.client.get(path, headers={"Authorization": f"bearer {self.stack.token}"}).status, 200)

    def test_content_types(self):
        body = json.dumps({"template_id": "none"})
        for kind in ("text/plain", "application/xml", "multipart/form-data; boundary=x", "application/jsonx", None):
            with self.subTest(kind):
                answer = self.client.post("/sessions", body, headers={"Content-Type": kind})
                self.assert_error(answer, 415, "Sandbox.UnsupportedMediaType")
        answer = self.client.post("/sessions", body, headers={"Content-Type": "Application/JSON; charset=UTF-8"})
        self.assert_error(answer, 404, "Sandbox.TemplateNotFound")

    def test_large_bodies(self):
        for size in (2 * 1024 * 1024 + 1, 5 * 1024 * 1024, 30 * 1024 * 1024):
            with self.subTest(size):
                answer = self.client.post("/sessions", b'{"template_id": "' + b"x" * size + b'"}')
                self.assert_error(answer, 413, "Sandbox.PayloadTooLarge")
                self.client.close()

    def test_noise(self):
        """Bytes that are no HTTP, and requests that break off."""
        token = f"Authorization: Bearer {self.stack.token}\r\n".encode()
        head = b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + token
        for noise in (os.urandom(3000), b"GET\r\n\r\n", b"GET /api/v1/health HTTP/9.9\r\n\r\n", b"\r\n" * 50,
                      head + b"Content-Length: -5\r\n\r\n", head + b"Content-Length: 100\r\n\r\n{",
                      head + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
                      head + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
                      b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20000 + b"\r\n\r\n"):
            with self.subTest(noise[:40]), socket.create_connection(("127.0.0.1", self.stack.port), 5) as line:
                line.settimeout(1.0)
                line.sendall(noise)
                try:
                    answer = line.recv(4000)
                except (TimeoutError, ConnectionResetError):
                    answer = b""
                self.assertFalse(answer.split(b" ")[1:2] and answer.split(b" ")[1].startswith(b"500"), answer)
        self.assertEqual(self.client.get("/health").status, 200)

    def test_workers_still_live(self):
        """None of all this ended a worker: lighttpd would have said so in its log."""
        log = (self.stack.home / "log" / "lighttpd.log").read_text(errors="replace")
        self.assertNotIn("child signalled", log)
        self.assertNotIn("child exited", log)
