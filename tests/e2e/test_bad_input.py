# SPDX-License-Identifier: Apache-2.0
"""What is no request of any route (test_contract.py has those): unknown paths, noise, and spellings that are unusual but right."""
import json
import os
import socket

from base import Case

# method | path (raw) | status | code
ROUTES = (
    ("GET", "/api/v1/nothing", 404, "Sandbox.NotFound"),
    ("GET", "/", 404, "Sandbox.NotFound"),
    ("GET", "/api/v1", 404, "Sandbox.NotFound"),
    ("GET", "/api/v1/sessions/", 404, "Sandbox.NotFound"),
    ("GET", "/api/v1//sessions", 404, "Sandbox.NotFound"),
    ("GET", "/api/v2/sessions", 404, "Sandbox.NotFound"),
    ("GET", "/API/V1/sessions", 404, "Sandbox.NotFound"),
    ("GET", "/sessions", 404, "Sandbox.NotFound"),
    ("GET", "/api/v1/sessions;x=1", 404, "Sandbox.NotFound"),
    ("GET", "/" + "a/" * 40, 404, "Sandbox.NotFound"),
    ("GET", "/api/v1/../../etc/passwd", 400, "Sandbox.InvalidParameter"),
    ("GET", "/api/v1/%2e%2e/%2e%2e/etc/passwd", 400, "Sandbox.InvalidParameter"),
    ("GET", "/api/v1/" + "x" * 8190, 413, "Sandbox.PayloadTooLarge"),
    ("GET", "/api/v1/sessions?" + "&".join(f"a{n}=1" for n in range(33)), 400, "Sandbox.InvalidParameter"),
)


class BadInput(Case):
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
                self.assert_error(answer, status, code)

    def test_other_spellings_are_fine(self):
        self.assertEqual(self.client.get("/sessions", headers={"Authorization": f"bearer {self.stack.token}"}).status, 200)
        answer = self.client.post("/sessions", json.dumps({"template_id": "none"}),
                                  headers={"Content-Type": "Application/JSON; charset=UTF-8"})
        self.assert_error(answer, 404, "Sandbox.TemplateNotFound")

    def test_refused_tokens(self):
        for what, value in (("empty", ""), ("no scheme", self.stack.token), ("empty bearer", "Bearer "), ("binary", "Bearer \xff\xfe"),
                            ("two", f"Bearer {self.stack.token} {self.stack.token}")):
            with self.subTest(what):
                answer = self.client.get("/sessions", headers={"Authorization": value})
                self.assert_error(answer, 401, "Sandbox.Unauthorized")
                self.assertIn("WWW-Authenticate", answer.headers)

    def test_huge_body(self):
        answer = self.client.post("/sessions", b'{"template_id": "' + b"x" * 30 * 1024 * 1024 + b'"}')
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
        """None of all this ended a worker."""
        self.assertEqual(self.stack.worker_deaths(), self.deaths)
