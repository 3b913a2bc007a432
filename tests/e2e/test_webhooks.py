# SPDX-License-Identifier: Apache-2.0
"""callback_url from one end to the other, with a receiver that verifies as docs/api.md says."""
import http.server
import json
import pathlib
import ssl
import subprocess
import tempfile
import threading
import unittest
import uuid

from base import Case

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "api.md"


def documented():
    """The function of the documented example."""
    text = DOCUMENT.read_text(encoding="utf-8").split("<!-- tests/e2e/test_webhooks.py runs this -->\n```python\n")[1].split("\n```")[0]
    names = {}
    exec(compile(text, str(DOCUMENT), "exec"), names)  # pylint: disable=exec-used
    return names["verified"]


class Receiver:
    """Keeps what comes by its path; answers 500 so often first as the path's last part says (/NAME/500/2)."""

    def __init__(self, certificate=None):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.lock:
                    seen = receiver.seen.setdefault(self.path, [])
                    seen.append((dict(self.headers.items()), body))
                    _, _, *failing = self.path.split("/")
                    status = int(failing[0]) if failing and len(seen) <= int(failing[1]) else 200
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.lock, self.seen = threading.Lock(), {}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path):
        return f"{self.scheme}://127.0.0.1:{self.server.server_port}{path}"

    def got(self, path):
        with self.lock:
            return list(self.seen.get(path, ()))

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Webhooks(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.receiver, cls.verified = Receiver(), staticmethod(documented())
        cls.secret = cls.stack.ctl("webhook", "secret", "--owner", "quickstart").strip()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.receiver.stop()

    def await_events(self, path, count=1, limit=20):
        self.stack.until(lambda: len(self.receiver.got(path)) >= count, limit, f"{count} webhooks at {path}")
        return [self.verified(self.secret, headers, body) for headers, body in self.receiver.got(path)]

    def test_webhooks__an_execution(self):
        path = f"/{uuid.uuid4().hex}"
        session = self.session()
        execution = self.client.submit(session, "def handler(event):\n    print('hi')\n    return event['x'] + 1", event={"x": 41},
                                       callback_url=self.receiver.url(path))
        event, = self.await_events(path)
        result = self.client.result(execution)
        self.assertEqual(event["type"], "execution.completed")
        data = event["data"]
        self.assertEqual((data["execution_id"], data["session_id"], data["status"], data["attempts"], data["exit_code"], data["error"]),
                         (execution, session, "completed", 1, 0, None))
        self.assertEqual(data["output"], {"stdout": "hi\n", "stderr": "", "stdout_truncated": False, "stderr_truncated": False, "return_value": 42})
        self.assertAlmostEqual(data["execution_time"], result["execution_time"], delta=0.001)
        self.assert_time(event["timestamp"])
        self.assertEqual(self.client.get(f"/executions/{execution}").json["callback_url"], self.receiver.url(path))

    def test_webhooks__a_session_and_what_it_takes_along(self):
        path, other = f"/{uuid.uuid4().hex}", f"/{uuid.uuid4().hex}"
        session = self.session(callback_url=self.receiver.url(path))
        execution = self.client.submit(session, "import time\ntime.sleep(60)", timeout=100, callback_url=self.receiver.url(other))
        self.client.delete(f"/sessions/{session}")
        event, = self.await_events(path)
        self.assertEqual((event["type"], event["data"]["session_id"], event["data"]["status"]), ("session.terminated", session, "terminated"))
        event, = self.await_events(other)
        self.assertEqual((event["type"], event["data"]["execution_id"], event["data"]["error"]["kind"]), ("execution.failed", execution, "session_terminated"))

    def test_webhooks__a_receiver_that_fails_at_first(self):
        path = f"/{uuid.uuid4().hex}/500/1"
        execution = self.client.submit(self.session(), "1", callback_url=self.receiver.url(path))
        self.await_events(path)
        self.stack.until(lambda: self.stack.sql(f"SELECT answer, claimed_by FROM webhooks WHERE object_id = '{execution}'") == [["500", "NULL"]],
                         10, "the first has failed")
        self.stack.sql(f"UPDATE webhooks SET due_at = UTC_TIMESTAMP(3) WHERE object_id = '{execution}'")
        first, second = self.await_events(path, 2)
        self.assertEqual(first, second)
        identities = {headers["webhook-id"] for headers, _ in self.receiver.got(path)}
        self.assertEqual(identities, {"msg_" + execution})
        self.stack.until(lambda: self.stack.sql(f"SELECT status, attempts, answer FROM webhooks WHERE object_id = '{execution}'") ==
                         [["delivered", "2", "200"]], 10, "the second is delivered")
        self.assertIn("execution.completed", self.stack.ctl("webhook", "list", "--object", execution))

    def test_webhooks__one_that_was_changed_is_none(self):
        path = f"/{uuid.uuid4().hex}"
        self.client.submit(self.session(), "1", callback_url=self.receiver.url(path))
        self.await_events(path)
        (headers, body), = self.receiver.got(path)
        for changed_headers, changed_body in ((headers, body + b" "), ({**headers, "webhook-timestamp": "1767693604"}, body),
                                              ({**headers, "webhook-id": "msg_x"}, body)):
            with self.assertRaises(ValueError):
                self.verified(self.secret, changed_headers, changed_body)
        with self.assertRaises(ValueError):
            self.verified(self.stack.ctl("webhook", "secret", "--owner", "somebody-else").strip(), headers, body)

    def test_webhooks__none_goes_to_a_private_address(self):
        answer = self.client.post(f"/sessions/{self.session()}/execute", {"code": "1", "language": "python", "callback_url": "http://169.254.169.254/latest"})
        self.assert_error(answer, 400, "Sandbox.InvalidParameter", "/callback_url")
        self.assertIn("link-local", json.dumps(answer.json))

    def test_webhooks__a_certificate_that_nobody_signed(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "both.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out", f"{path}.crt"], stdin=subprocess.DEVNULL, capture_output=True, check=True)
            path.write_text(path.read_text() + pathlib.Path(f"{path}.crt").read_text())
            receiver = Receiver(path)
        self.addCleanup(receiver.stop)
        execution = self.client.submit(self.session(), "1", callback_url=receiver.url("/x"))
        self.stack.until(lambda: self.stack.sql(f"SELECT COUNT(*) FROM webhooks WHERE object_id = '{execution}' AND status = 'waiting'"
                                                " AND error LIKE '%certificate%'") == [["1"]], 20, "its certificate is refused")
        self.assertEqual(receiver.got("/x"), [])

    def test_webhooks__webhookd_is_killed(self):
        paths = [f"/{uuid.uuid4().hex}" for _ in range(10)]
        session = self.session()
        for number, path in enumerate(paths):
            self.client.submit(session, "1", callback_url=self.receiver.url(path))
            if number == 4:
                self.stack.kill("webhookd")
        self.stack.start()
        for path in paths:
            self.await_events(path, limit=45)


if __name__ == "__main__":
    unittest.main()
