# SPDX-License-Identifier: Apache-2.0
"""Executions that are cancelled, and sessions that are renewed."""
import datetime
import time

from base import Case

# each says that it runs, and leaves a mark once that was written
ENDLESS = "import time\nprint('begun', flush=True)\nopen('%s', 'w').close()\nwhile True:\n    time.sleep(0.05)"
BUSY = "print('begun', flush=True)\nopen('%s', 'w').close()\ndef handler(event):\n    while True:\n        pass"
JAVASCRIPT = "console.log('begun'); require('fs').writeFileSync('%s', ''); while (true) {}"
SHELL = "echo begun; : > %s; (sleep 1000 &) ; while :; do :; done"
MARKED = "import os\ndef handler(event):\n    return os.path.exists(event)"


class Cancel(Case):
    marks = 0

    def tearDown(self):
        self.stack.start()

    def begun(self, box, code=ENDLESS, **fields):
        """An execution that runs and has said so."""
        Cancel.marks += 1
        mark = f"mark-{Cancel.marks}"
        execution = self.client.submit(box, code % mark, timeout=60, **fields)
        self.stack.until(lambda: self.client.run(box, MARKED, event=mark)["return_value"], 30, "it has begun")
        return execution

    def status(self, execution):
        return self.client.get(f"/executions/{execution}/status").json["status"]

    def cancel(self, execution, status=200):
        answer = self.client.post(f"/executions/{execution}/cancel")
        self.assertEqual(answer.status, status, repr(answer))
        return answer.json

    def check_cancelled(self, execution, stdout="begun\n"):
        result = self.client.result(execution, limit=10)
        self.assertEqual(result["status"], "cancelled", result)
        self.assertEqual(result["error"]["kind"], "cancelled", result)
        self.assertEqual(result["stdout"], stdout, result)

    def test_endless_ones(self):
        box = self.session()
        for language, code in (("python", ENDLESS), ("python", BUSY),
                               ("javascript", JAVASCRIPT), ("shell", SHELL)):
            if language == "javascript" and self.stack.runtime == "docker":
                continue  # not in this image
            with self.subTest(language=language, code=code):
                execution = self.begun(box, code, language=language)
                began = time.monotonic()
                self.assertEqual(self.cancel(execution), {"execution_id": execution, "status": "cancelled"})
                self.assertLess(time.monotonic() - began, 10 if self.stack.sanitized else 2)
                self.check_cancelled(execution)
                self.assertEqual(self.client.result(execution)["exit_code"], -1)
                self.assertEqual(self.cancel(execution)["status"], "cancelled")
                self.assert_works(box)
        self.stack.until(lambda: not self.stack.sql("SELECT execution_seq FROM cancellations"), 10, "no note is left")

    def test_pending_ones(self):
        box = self.session()
        running = [self.client.submit(box, ENDLESS % "mark", timeout=60) for _ in range(4)]
        self.stack.until(lambda: all(self.status(execution) == "running" for execution in running), 10, "they run")
        waiting = self.client.submit(box, "print('ran')")
        self.assertEqual(self.status(waiting), "pending")
        self.assertEqual(self.cancel(waiting)["status"], "cancelled")
        self.check_cancelled(waiting, stdout="")
        self.assertIsNone(self.client.result(waiting)["exit_code"])
        for execution in running:
            self.assertEqual(self.cancel(execution)["status"], "cancelled")
        self.assert_works(box)
        self.check_cancelled(waiting, stdout="")

    def test_refused(self):
        box = self.session()
        done = self.client.submit(box, "print(1)")
        self.assert_success(self.client.result(done))
        answer = self.client.post(f"/executions/{done}/cancel")
        self.assert_error(answer, 409, "Sandbox.Conflict")
        self.assertIn("completed", answer.json["error_detail"])
        self.assert_success(self.client.result(done))
        execution = self.begun(box)
        other = self.stack.client(self.stack.make_token("cancel-other"))
        self.assert_error(other.post(f"/executions/{execution}/cancel"), 404, "Sandbox.ExecutionNotFound")
        self.assert_error(self.client.post("/executions/exec_20260101_aaaaaaaa/cancel"), 404, "Sandbox.ExecutionNotFound")
        self.assertEqual(self.status(execution), "running")
        self.assertEqual(self.cancel(execution)["status"], "cancelled")

    def test_dispatcher_killed_in_between(self):
        box = self.session()
        execution = self.begun(box)
        self.stack.kill("dispatchd")
        self.stack.sql("INSERT INTO cancellations SELECT seq, UTC_TIMESTAMP(3) FROM executions"
                       f" WHERE id = '{execution}' AND status = 'running'")
        self.stack.start()
        self.check_cancelled(execution)
        self.assertEqual(self.client.get(f"/executions/{execution}").json["attempts"], 1)
        self.assert_works(box)

    def test_a_lost_sandbox(self):
        """Its execution is not tried again."""
        box = self.session()
        execution = self.begun(box)
        self.stack.sql("INSERT INTO cancellations SELECT seq, UTC_TIMESTAMP(3) FROM executions"
                       f" WHERE id = '{execution}' AND status = 'running'")
        self.stack.kill_container(self.client.session_status(box)["container_id"])
        result = self.client.result(execution, limit=20)
        self.assertIn(result["status"], ("cancelled", "failed"), result)  # failed: its session was found dead first
        self.assertEqual(self.client.get(f"/executions/{execution}").json["attempts"], 1)


class Renew(Case):
    def left(self, body):
        end = datetime.datetime.fromisoformat(body["expires_at"].replace("Z", "+00:00"))
        return (end - datetime.datetime.now(datetime.timezone.utc)).total_seconds()

    def test_renewed(self):
        box = self.session(timeout=60)
        for seconds in (1200, 90):
            answer = self.client.post(f"/sessions/{box}/renew", {"timeout": seconds})
            self.assertEqual(answer.status, 200, repr(answer))
            body = answer.json
            self.assertEqual((body["session_id"], body["status"], body["timeout"]), (box, "running", seconds))
            self.assertAlmostEqual(self.left(body), seconds, delta=5)
        self.assert_works(box)

    def test_refused(self):
        box = self.session()
        for body in ({}, {"timeout": 59}, {"timeout": 3601}, {"timeout": "60"}):
            self.assert_error(self.client.post(f"/sessions/{box}/renew", body), 400, "Sandbox.InvalidParameter", "/timeout")
        other = self.stack.client(self.stack.make_token("renew-other"))
        self.assert_error(other.post(f"/sessions/{box}/renew", {"timeout": 60}), 404, "Sandbox.SessionNotFound")
        self.client.delete(f"/sessions/{box}")
        self.assert_error(self.client.post(f"/sessions/{box}/renew", {"timeout": 60}), 409, "Sandbox.Conflict")
