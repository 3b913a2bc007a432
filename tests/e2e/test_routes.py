# SPDX-License-Identifier: Apache-2.0
"""Every route's happy path, field for field, and who may see what."""
import json
import time
import unittest

from base import Case
from client import EXECUTION_ID, SESSION_ID

RESOURCES = {"cpu": "1", "memory": "512Mi", "disk": "1Gi"}
HELLO = 'def handler(event):\n    name = event.get("name", "World")\n    print("Processing complete.")\n' \
        '    return {"statusCode": 200, "body": f"Hello, {name}!"}'


class Sessions(Case):
    def check_session(self, body):
        self.assertRegex(body["session_id"], SESSION_ID)
        self.assertIn(body["status"], ("creating", "running"))
        self.assertEqual(body["template_id"], "python-basic")
        self.assertEqual(body["runtime_type"], self.stack.runtime)
        self.assertIn(body["session_id"], body["workspace_path"])
        self.assertEqual({k: body["resources"][k] for k in RESOURCES}, RESOURCES)
        self.assert_time(body["created_at"])

    def test_life(self):
        answer = self.client.post("/sessions", {"template_id": "python-basic", "timeout": 300, "resources": RESOURCES,
                                                "env_vars": {"LOG_LEVEL": "info"}, "labels": {"team": "blue"}})
        self.assertEqual(answer.status, 201, repr(answer))
        self.check_session(answer.json)
        session = answer.json["session_id"]
        self.assertTrue(answer.headers["Location"].endswith(f"/api/v1/sessions/{session}"), answer.headers["Location"])
        self.assertTrue(answer.headers["X-Request-Id"])
        self.assertEqual(answer.headers.get_content_type(), "application/json")
        body = self.client.await_session(session)
        self.check_session(body)
        self.assertEqual(body["timeout"], 300)
        self.assertTrue(body["runtime_node"] and body["container_id"])
        for name in ("started_at", "expires_at", "last_activity_at"):
            self.assert_time(body[name])
        self.assertEqual(body["labels"], {"team": "blue"})
        self.assertNotIn("info", json.dumps(body.get("env_vars", "")))
        for turn in (1, 2):
            answer = self.client.delete(f"/sessions/{session}")
            self.assertEqual((answer.status, answer.json), (200, {"message": "Session terminated successfully"}), turn)
        body = self.client.session_status(session)
        self.assertEqual(body["status"], "terminated")
        self.assert_time(body["terminated_at"])
        answer = self.client.post(f"/sessions/{session}/execute", {"code": "1", "language": "python"})
        self.assert_error(answer, 404, "Sandbox.SessionNotFound")

    def test_defaults(self):
        session = self.session()
        body = self.client.session_status(session)
        self.assertEqual(body["timeout"], 300)
        self.assertEqual({k: body["resources"][k] for k in RESOURCES}, RESOURCES)

    def test_null_resources_are_the_defaults(self):
        answer = self.client.post("/sessions", {"template_id": "python-basic", "resources": None})
        self.assertEqual(answer.status, 201, repr(answer))
        self.client.delete(f"/sessions/{answer.json['session_id']}")

    def test_list(self):
        tag = f"t{time.time_ns()}"
        made = [self.session(labels={"tag": tag}) for _ in range(3)]
        page = self.client.get(f"/sessions?label.tag={tag}&limit=2").json
        self.assertEqual(page["total"], 3)
        self.assertEqual([s["session_id"] for s in page["sessions"]], made[:0:-1])
        page = self.client.get(f"/sessions?label.tag={tag}&limit=2&offset=2").json
        self.assertEqual([s["session_id"] for s in page["sessions"]], made[:1])
        self.client.delete(f"/sessions/{made[0]}")
        page = self.client.get(f"/sessions?label.tag={tag}&status=terminated").json
        self.assertEqual((page["total"], page["sessions"][0]["session_id"]), (1, made[0]))
        page = self.client.get(f"/sessions?label.tag={tag}&template_id=nodejs-basic").json
        self.assertEqual((page["total"], page["sessions"]), (0, []))

    def test_request_id_comes_back(self):
        answer = self.client.get("/templates", headers={"X-Request-Id": "my-request.1"})
        self.assertEqual(answer.headers["X-Request-Id"], "my-request.1")
        answer = self.client.get("/templates", headers={"X-Request-Id": "bad id\t<script>"})
        self.assertNotIn("<", answer.headers["X-Request-Id"])


class Executions(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.box = cls.session(env_vars={"COLOUR": "blue", "SHADE": "dark"})

    def test_life(self):
        answer = self.client.post(f"/sessions/{self.box}/execute", {
            "code": HELLO, "language": "python", "timeout": 30, "event": {"name": "Alice"}})
        self.assertEqual(answer.status, 200, repr(answer))
        body = answer.json
        self.assertEqual(set(body), {"execution_id", "status", "submitted_at"})
        self.assertRegex(body["execution_id"], EXECUTION_ID)
        self.assertEqual(body["status"], "submitted")
        self.assert_time(body["submitted_at"])
        self.check_result(self.client.result(body["execution_id"]), body["execution_id"])
        self.check_status(body["execution_id"])
        self.check_whole(body["execution_id"])

    def check_result(self, result, execution):
        self.assertEqual(result["execution_id"], execution)
        self.assert_success(result, {"statusCode": 200, "body": "Hello, Alice!"})
        self.assertEqual((result["stdout"], result["stderr"]), ("Processing complete.\n", ""))
        self.assertGreater(result["execution_time"], 0)
        self.assertEqual(set(result["metrics"]), {"duration_ms", "cpu_time_ms", "peak_memory_mb"})
        self.assertAlmostEqual(result["execution_time"] * 1000, result["metrics"]["duration_ms"], delta=1)
        self.assertGreater(result["metrics"]["cpu_time_ms"], 0)
        self.assertGreater(result["metrics"]["peak_memory_mb"], 1)
        self.assertEqual(result.get("artifacts", []), [])
        self.assertFalse(result.get("stdout_truncated", False))

    def check_status(self, execution):
        body = self.client.get(f"/executions/{execution}/status").json
        self.assertEqual((body["execution_id"], body["session_id"], body["status"]),
                         (execution, self.box, "completed"))
        self.assert_time(body["created_at"])
        self.assert_time(body["completed_at"])

    def check_whole(self, execution):
        body = self.client.get(f"/executions/{execution}").json
        self.assertEqual((body["execution_id"], body["session_id"], body["code"]), (execution, self.box, HELLO))
        self.assertIn("Hello, Alice!", json.dumps(body))

    def test_wait_answers_with_the_result(self):
        began = time.monotonic()
        answer = self.client.post(f"/sessions/{self.box}/execute?wait=10",
                                  {"code": "def handler(e):\n    return e", "language": "python", "event": [1, None, "ä"]})
        self.assertEqual(answer.status, 200, repr(answer))
        self.assert_success(answer.json, [1, None, "ä"])
        self.assertLess(time.monotonic() - began, 5)

    def test_wait_that_is_too_short(self):
        answer = self.client.post(f"/sessions/{self.box}/execute?wait=1",
                                  {"code": "import time\ntime.sleep(2.5)\nprint('late')", "language": "python"})
        self.assertIn(answer.status, (200, 202), repr(answer))
        execution = answer.json["execution_id"]
        self.assertNotIn("stdout", answer.json)
        answer = self.client.get(f"/executions/{execution}/result")
        self.assertEqual((answer.status, answer.json["status"]), (202, "running"), repr(answer))
        self.assertEqual(self.client.result(execution)["stdout"], "late\n")

    def test_list_of_a_session(self):
        box = self.session()
        made = [self.client.submit(box, f"print({n})") for n in range(3)]
        for execution in made:
            self.client.result(execution)
        page = self.client.get(f"/sessions/{box}/executions?limit=2").json
        self.assertEqual(page["total"], 3)
        self.assertEqual([e["execution_id"] for e in page["executions"]], made[:0:-1])
        page = self.client.get(f"/sessions/{box}/executions?status=failed").json
        self.assertEqual((page["total"], page["executions"]), (0, []))

    def test_environment(self):
        code = "import os\ndef handler(event):\n    return {k: os.environ.get(k) for k in ('COLOUR', 'SHADE', 'SIZE')}"
        result = self.client.run(self.box, code, env_vars={"SIZE": "10", "SHADE": "light"})
        self.assert_success(result, {"COLOUR": "blue", "SHADE": "light", "SIZE": "10"})
        names = self.client.run(self.box, "import os\ndef handler(event):\n    return sorted(os.environ)")["return_value"]
        self.assertFalse([n for n in names if "SECRET" in n or n.startswith("SANDBOX_")], names)

    def test_values_keep_their_digits(self):
        answer = self.client.post(f"/sessions/{self.box}/execute?wait=10", (
            '{"code": "def handler(event):\\n    return event", "language": "python", '
            '"event": {"big": 123456789012345678901234567890, "small": 1e-7, "text": "\\u0000\\ud83d\\ude00"}}'))
        self.assertEqual(answer.json["return_value"],
                         {"big": 123456789012345678901234567890, "small": 1e-7, "text": "\0\U0001f600"})

    def test_terminate_ends_what_runs(self):
        box = self.session()
        execution = self.client.submit(box, "import time\nprint('on', flush=True)\ntime.sleep(60)")
        self.stack.until(lambda: self.client.get(f"/executions/{execution}/status").json["status"] == "running", 10,
                         "the execution runs")
        self.assertEqual(self.client.delete(f"/sessions/{box}").status, 200)
        result = self.client.result(execution, limit=5)
        self.assertEqual(result["status"], "failed", result)
        self.assertIn("terminated", json.dumps(result))

    def test_queued_while_creating(self):
        answer = self.client.post("/sessions", {"template_id": "python-basic", "resources": {"cpu": "2"}})
        session = answer.json["session_id"]
        self._sessions.append(session)
        result = self.client.run(session, "def handler(event):\n    return 'queued'")
        self.assert_success(result, "queued")


class Owners(Case):
    def test_others_see_nothing(self):
        other = self.stack.client(self.stack.make_token("somebody-else"))
        box = self.session()
        execution = self.client.submit(box, "print(1)")
        self.client.result(execution)
        for method, path in (("GET", f"/sessions/{box}"), ("DELETE", f"/sessions/{box}"),
                             ("GET", f"/sessions/{box}/executions"), ("POST", f"/sessions/{box}/execute")):
            body = {"code": "1", "language": "python"} if method == "POST" else None
            self.assert_error(other.request(method, path, body), 404, "Sandbox.SessionNotFound")
        for path in ("", "/status", "/result", "/result?wait=1"):
            self.assert_error(other.get(f"/executions/{execution}{path}"), 404, "Sandbox.ExecutionNotFound")
        self.assertEqual(other.get("/sessions").json, {"sessions": [], "total": 0})
        self.assert_works(box)

    def test_scope(self):
        narrow = self.stack.client(self.stack.make_token("narrow", "templates"))
        self.assertEqual(narrow.get("/templates").status, 200)
        self.assert_error(narrow.post("/sessions", {"template_id": "python-basic"}), 403, "Sandbox.Forbidden")


class Others(Case):
    def test_templates(self):
        body = self.client.get("/templates?limit=10").json
        self.assertEqual([t["id"] for t in body["templates"]], ["nodejs-basic", "python-basic", "python-datascience"])
        self.assertEqual(body["total"], 3)
        for template in body["templates"]:
            self.assertTrue(template["name"] and template["image"])
            self.assertEqual(set(RESOURCES) - set(template["default_resources"]), set())
            self.assert_time(template["created_at"])
        one = self.client.get("/templates/python-datascience").json
        self.assertEqual({k: one["default_resources"][k] for k in RESOURCES}, {"cpu": "2", "memory": "2Gi", "disk": "5Gi"})
        self.assertEqual(one["name"], "Python Data Science")
        self.assertTrue(one["base_image"])
        self.assertTrue(any("pandas" in p for p in one["pre_installed_packages"]), one)

    def test_health(self):
        anonymous = self.stack.client()
        anonymous.token = None
        answer = anonymous.get("/health")
        self.assertEqual(answer.status, 200, repr(answer))
        answer = self.client.get("/health/detailed")
        self.assertEqual(answer.status, 200, repr(answer))
        text = json.dumps(answer.json)
        for word in ("database", "dispatchd", "provisiond", "reap", "pool", "purge", "probe", "webhookd", "node-01"):
            self.assertIn(word, text)


if __name__ == "__main__":
    unittest.main()
