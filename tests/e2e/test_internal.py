# SPDX-License-Identifier: Apache-2.0
"""The internal API from the network's side: an executor of the test's own that accepts executions and reports by itself."""
import http.server
import json
import os
import socketserver
import threading
import unittest

from base import Case
from client import Client

ACCEPTED = b'{"status": "accepted"}'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "unix"

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):  # /health
        self.reply(200, b'{"status": "healthy", "version": "test", "isolation": "none", "uptime_ms": 1, "running": 0}')

    def do_DELETE(self):
        self.reply(200, b"{}")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers["Authorization"] != f"Bearer {self.server.secret}":
            self.reply(401, b"{}")
        elif self.path == "/execute":
            self.server.accepted.append(json.loads(body))
            self.reply(202, ACCEPTED)
        else:
            self.server.cancelled.append(self.path.split("/")[2])
            self.reply(200, b"{}")


class Executor(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Takes the place of a container's executor."""
    daemon_threads = True

    def __init__(self, path, secret):
        self.secret, self.accepted, self.cancelled = secret, [], []
        os.unlink(path)
        super().__init__(str(path), Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class Internal(Case):
    def setUp(self):
        if self.stack.runtime != "process":
            raise unittest.SkipTest("the test's executor listens on the host")
        self.box = self.session()
        container = self.client.session_status(self.box)["container_id"]
        secret = self.stack.sql(f"SELECT secret FROM containers WHERE id = '{container}'")[0][0]
        found = [path for path in (self.stack.lib_dir / "c" / container).rglob("*.sock")]
        self.assertEqual(len(found), 1, found)
        self.executor = Executor(found[0], secret)
        self.pusher = Client(self.stack.port, secret)

    def tearDown(self):
        self.pusher.close()
        self.executor.close()
        self.client.delete(f"/sessions/{self.box}")

    def accepted(self, **fields):
        execution = self.client.submit(self.box, "print(1)", **fields)
        self.stack.until(lambda: any(one["execution_id"] == execution for one in self.executor.accepted), 10, "it is sent")
        self.stack.until(lambda: self.stack.sql("SELECT COUNT(*) FROM executions WHERE status = 'running' AND claimed_by IS NULL"
                                                f" AND id = '{execution}'") == [["1"]], 10, "it is let go")
        return execution

    def report(self, execution, call, body=None, status=200, **more):
        answer = self.pusher.post(f"/internal/executions/{execution}/{call}", body, **more)
        self.assertEqual(answer.status, status, repr(answer))
        return answer.json

    def test_a_whole_life(self):
        execution = self.accepted()
        self.assertEqual(self.report(execution, "status", {"status": "running"})["status"], "running")
        self.assertIs(self.report(execution, "heartbeat")["continue"], True)
        self.assertIs(self.report(execution, "heartbeat", {})["continue"], True)
        self.report(execution, "artifacts", {"artifacts": ["out/a.csv"]})
        waited = []
        waiter = threading.Thread(target=lambda: waited.append(
            self.stack.client().get(f"/executions/{execution}/result?wait=30").json))
        waiter.start()
        key = {"Idempotency-Key": "one"}
        body = '{"status": "success", "stdout": "hi\\n", "return_value": {"big": 123456789012345678901234567890},' \
               ' "metrics": {"duration_ms": 12.5, "cpu_time_ms": 3, "peak_memory_mb": 7}}'
        self.assertEqual(self.report(execution, "result", body, 201, headers=key)["status"], "completed")
        self.assertEqual(self.report(execution, "result", body, 200, headers=key)["status"], "completed")
        self.assert_error(self.pusher.post(f"/internal/executions/{execution}/result", {"status": "failed"}), 409,
                          "Internal.StateConflict")
        waiter.join(20)
        result = waited[0]
        self.assert_success(result, {"big": 123456789012345678901234567890})
        self.assertEqual((result["stdout"], result["artifacts"], result["execution_time"]), ("hi\n", ["out/a.csv"], 0.0125))
        self.assertEqual(self.client.get(f"/executions/{execution}").json["attempts"], 1)

    def test_large_results_pass_the_web_server(self):
        execution = self.accepted()
        body = {"status": "failed", "stdout": "\u00e9" * 3000000, "stderr": "x" * 1000000, "return_value": "y" * 4000000}
        self.report(execution, "result", json.dumps(body, ensure_ascii=False).encode(), 201,
                    headers={"Content-Type": "application/json"})
        result = self.client.result(execution)
        self.assertIs(result["stdout_truncated"], True)
        self.assertIs(result["stderr_truncated"], False)
        self.assertEqual(len(result["stderr"]), 1000000)
        self.assertEqual(len(result["return_value"]), 4000000)
        self.assertRegex(result["stdout"], "^\u00e9+\n\\[... [0-9]+ bytes left out ...\\]\n\u00e9+$")
        other = self.accepted()
        answer = self.pusher.post(f"/internal/executions/{other}/result", b'{"status":"success","stdout":"' + b"x" * 12600000 + b'"}')
        self.assertEqual(answer.status, 413, repr(answer))

    def test_cancelled(self):
        execution = self.accepted()
        answers = []
        canceller = threading.Thread(target=lambda: answers.append(self.stack.client().post(f"/executions/{execution}/cancel")))
        canceller.start()
        self.stack.until(lambda: execution in self.executor.cancelled, 5, "the executor is told")
        self.assertIs(self.report(execution, "heartbeat")["continue"], False)
        self.report(execution, "result", {"status": "cancelled", "stdout": "so far"}, 201)
        canceller.join(20)
        self.assertEqual((answers[0].status, answers[0].json["status"]), (200, "cancelled"))
        self.assertEqual(self.client.result(execution)["stdout"], "so far")

    def test_silence_is_a_crash(self):
        execution = self.accepted(max_retries=0)
        self.report(execution, "status", {"status": "running"})
        self.assertEqual(self.client.result(execution, limit=30)["status"], "crashed")
        self.assert_error(self.pusher.post(f"/internal/executions/{execution}/heartbeat"), 409, "Internal.StateConflict")

    def test_who_may(self):
        execution, other = self.accepted(), self.session()
        theirs = self.client.submit(other, "import time\ntime.sleep(30)")
        self.stack.until(lambda: self.client.get(f"/executions/{theirs}/status").json["status"] == "running", 10, "it runs")
        reports = (("executions/{}/status", {"status": "running"}), ("executions/{}/heartbeat", None),
                   ("executions/{}/result", {"status": "success"}), ("executions/{}/artifacts", {"artifacts": ["a"]}))
        sessions = (("sessions/{}/container_ready", None), ("sessions/{}/container_exited", {"exit_code": 0, "exit_reason": "normal"}))
        for calls, mine, foreign in ((reports, execution, (theirs, "exec_20260101_aaaaaaaa", "x")),
                                     (sessions, self.box, (other, "sess_aaaaaaaaaaaaaaaa", "x"))):
            for path, body in calls:
                path = "/internal/" + path
                for identity in foreign:
                    self.assert_error(self.pusher.post(path.format(identity), body), 404, "Internal.InvalidExecution")
                for identity in (mine, *foreign):
                    for token in (self.stack.token, "f" * 48, "x", None):
                        client = Client(self.stack.port, token)
                        self.assert_error(client.post(path.format(identity), body), 401, "Internal.Unauthorized")
                        client.close()
                self.assertEqual(self.pusher.get(path.format(mine)).status, 405)
        self.assert_error(self.pusher.get("/sessions"), 401, "Sandbox.Unauthorized")
        self.assertEqual(self.client.get(f"/executions/{theirs}/status").json["status"], "running")
        self.assertEqual(self.client.session_status(self.box)["status"], "running")

    def test_container_exited(self):
        execution, container = self.accepted(), self.client.session_status(self.box)["container_id"]
        path = f"/internal/sessions/{self.box}/"
        self.assertEqual(self.pusher.post(path + "container_ready").json["status"], "running")
        self.assertEqual(self.pusher.post(path + "container_exited", {"exit_code": 137, "exit_reason": "oom_killed"}).status, 200)
        self.stack.until(lambda: self.pusher.post(path + "container_ready").status in (401, 404), 1, "its word counts no longer")
        self.executor.close()
        body = self.client.await_session(self.box, ("running",))
        self.assertEqual(body["restarts"], 1)
        self.assertNotEqual(body["container_id"], container)
        self.assertEqual(self.client.result(execution)["stdout"], "1\n")  # in the new one
        self.assertEqual(self.client.get(f"/executions/{execution}").json["attempts"], 2)
        self.stack.until(lambda: self.pusher.post(path + "container_ready").status == 401, 20, "it is gone")
