# SPDX-License-Identifier: Apache-2.0
"""docs/openapi.json says what the program does: routes, scopes, parameters, error codes, limits and answers, held against each other."""
import json
import subprocess
import urllib.parse

from base import Case
from document import PATH, Document, body_edges, edges, put, surprises
from stack import TOP
from tools import Missing, tools_python

# Ids that nobody has: what is sent there is checked as always, and changes nothing.
NOBODY = {"sessions": "sess_0000000000000000", "executions": "exec_20260101_00000000", "templates": "no-such-template",
          "containers": "000000000000", "nodes": "no-such-node"}
# What makes a good body harmless, and lets each limit be reached alone.
BASE = {
    "POST /sessions": {"template_id": "no-such-template"},
    "POST /templates": {"id": "python-basic", "pool": {"min": 0, "target": 1000}},
    "PUT /templates/{id}": {"pool": {"min": 0, "target": 1000}},
}
HARMLESS = {("POST /sessions", "/template_id"), ("POST /templates", "/id")}  # a good value here would make something


class Contract(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.document = Document()
        done = subprocess.run([str(cls.stack.lib_dir / "bin" / "sandbox-api"), "--describe"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30, check=True)
        cls.program = json.loads(done.stdout)
        cls.operations = list(cls.document.operations())

    def nobody(self, operation):
        kind = operation.path.removeprefix("/internal").split("/")[1]
        return operation.path.replace("{id}", NOBODY.get(kind, ""))

    # --- tables

    def test_document__routes(self):
        routed = {(route["method"], route["path"]): route for route in self.program["routes"]}
        documented = {(operation.method, path): operation for operation in self.operations for path in operation.paths}
        self.assertEqual(sorted(routed), sorted(documented), "routes and documented operations")
        for key, route in routed.items():
            with self.subTest(" ".join(key)):
                operation = documented[key]
                self.assertEqual((operation.access, operation.scope), (route["access"], route["scope"]), "who may")
                self.assertEqual(sorted(operation.query), sorted(route["query"]), "query parameters")
                self.assertEqual("requestBody" in operation.node, route["body_limit"] > 0, "whether it takes a body")
                self.assertEqual(operation.body is not None, route["body"] == "json", "whether that is JSON")

    def test_document__error_codes(self):
        codes = {row["error_code"]: row for row in self.program["errors"]}
        self.assertEqual(sorted(self.document.whole["components"]["schemas"]["ErrorCode"]["enum"]), sorted(codes))
        for operation in self.operations:
            for status, response in operation.responses():
                for body in self.examples(response):
                    if "error_code" in body:
                        with self.subTest(f"{operation} {status}"):
                            self.assertEqual(codes[body["error_code"]]["status"], status)
                            self.assertEqual("Retry-After" in response["headers"], codes[body["error_code"]]["retryable"])

    def examples(self, response):
        for media in response.get("content", {}).values():
            if "example" in media:
                yield media["example"]
            for example in media.get("examples", {}).values():
                yield self.document.plain(example)["value"]

    def test_document__every_error_has_an_example(self):
        for operation in self.operations:
            for status, response in operation.responses():
                if status >= 400 and operation.path != "/health/detailed":
                    with self.subTest(f"{operation} {status}"):
                        self.assertTrue(list(self.examples(response)))

    def test_document__is_valid(self):
        """As the specification has it, and each example as its schema."""
        try:
            python = tools_python(self.stack.home)
        except Missing as missing:
            self.skipTest(str(missing))
        done = subprocess.run([python, str(TOP / "tests" / "check-openapi.py"), str(PATH)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_document__is_served(self):
        for path in ("/openapi.json", "/api/v1/openapi.json"):
            answer = self.client.request("GET", path, raw_path=True, headers={"Authorization": None})
            self.assertEqual(answer.status, 200, path)
            self.assertEqual(answer.headers["Content-Type"], "application/json")
            self.assertEqual(answer.json, self.document.whole, path)

    # --- limits

    def test_document__limits_of_bodies(self):
        """At each limit a value passes, one beyond is 400 and names the field."""
        self.secret = self.stack.sql(f"SELECT secret FROM containers WHERE session_id = '{self.session()}'")[0][0]
        for operation in self.operations:
            if operation.body is None:
                continue
            for pointer, value, allowed in body_edges(self.document, operation.body["schema"]):
                if not (allowed and (str(operation), pointer) in HARMLESS):
                    with self.subTest(f"{operation} {pointer} {str(value)[:40]} ({len(str(value))})"):
                        self.check_body(operation, pointer, value, allowed)

    def check_body(self, operation, pointer, value, allowed):
        body = {**operation.example(), **json.loads(json.dumps(BASE.get(str(operation), {})))}
        put(body, pointer, value)
        headers = {"Authorization": f"Bearer {self.secret}"} if operation.access == "container" else {}
        answer = self.client.request(operation.method, self.nobody(operation), body, headers=headers)
        self.check(answer, pointer, allowed)

    def check(self, answer, field, allowed):
        self.assertLess(answer.status, 500, repr(answer))
        error = answer.json if answer.status >= 400 else {}
        if allowed:
            self.assertNotIn(answer.status, (400, 401, 413), repr(answer))
        else:
            self.assertEqual(answer.status, 400, repr(answer))
            self.assertTrue(error.get("field", "").startswith(field), repr(answer))

    def test_document__limits_of_queries(self):
        for operation in self.operations:
            for name, schema in operation.query.items():
                good, bad = edges(self.document, schema)
                if schema.get("format") == "date-time":
                    good, bad = ["2026-01-06T10:00:00Z"], ["yesterday"]
                cases = [(value, True) for value in good] + [(value, False) for value in bad]
                for value, allowed in cases if schema.get("type") != "object" else ():
                    # all of a query is text: one of another type is the same as a wrong text
                    if isinstance(value, (str, int)) and not isinstance(value, bool) and (allowed or schema != {"type": "string"}):
                        with self.subTest(f"{operation} {name}={value}"):
                            self.check_query(operation, name, value, allowed)

    def check_query(self, operation, name, value, allowed):
        answer = self.client.request(operation.method, f"{self.nobody(operation)}?{urllib.parse.urlencode({name: value})}",
                                     {"code": "1", "language": "python"} if operation.body is not None else None)
        self.check(answer, name, allowed)

    # --- answers

    def test_document__answers_hold_what_it_says(self):
        """Nothing more and nothing less."""
        session = self.session(labels={"team": "document"}, resources={"max_processes": 64})
        failed = self.client.submit(session, "def handler(event):\n    return event['x']", event={})
        self.client.result(failed)
        container = self.client.session_status(session)["container_id"]
        self.client.request("DELETE", "/templates/document-test")
        for method, path, body, shape in (
                ("POST", "/sessions/{id}/renew", {"timeout": 300}, f"/sessions/{session}/renew"),
                ("GET", "/sessions", None, "/sessions?label.team=document"), ("GET", "/sessions/{id}", None, f"/sessions/{session}"),
                ("POST", "/sessions/{id}/execute", {"code": "1", "language": "python"}, f"/sessions/{session}/execute"),
                ("POST", "/sessions/{id}/execute-sync", {"code": "1", "language": "python"}, f"/sessions/{session}/execute-sync"),
                ("GET", "/sessions/{id}/executions", None, f"/sessions/{session}/executions"),
                ("GET", "/executions/{id}", None, f"/executions/{failed}"), ("GET", "/executions/{id}/status", None, f"/executions/{failed}/status"),
                ("GET", "/executions/{id}/result", None, f"/executions/{failed}/result"),
                ("POST", "/executions/{id}/cancel", None, f"/executions/{failed}/cancel"),
                ("POST", "/templates", {"id": "document-test", "name": "Document", "image": "example/image"}, "/templates"),
                ("PUT", "/templates/{id}", {"deprecated": True}, "/templates/document-test"), ("GET", "/templates", None, "/templates"),
                ("GET", "/templates/{id}", None, "/templates/python-basic"), ("DELETE", "/templates/{id}", None, "/templates/document-test"),
                ("GET", "/containers", None, "/containers"), ("GET", "/containers/{id}", None, f"/containers/{container}"),
                ("GET", "/containers/{id}/logs", None, f"/containers/{container}/logs"), ("GET", "/nodes", None, "/nodes"),
                ("PUT", "/nodes/{id}", {"status": "ready"}, "/nodes/node-01"), ("GET", "/health", None, "/health"),
                ("GET", "/health/detailed", None, "/health/detailed"), ("GET", "/metrics", None, "/metrics"),
                ("POST", "/sessions", {"template_id": "python-basic", "timeout": 1}, "/sessions")):
            with self.subTest(f"{method} {path}"):
                self.check_answer(method, path, self.client.request(method, shape, body))

    def check_answer(self, method, path, answer):
        operation = next(o for o in self.operations if (o.method, o.path) == (method, path))
        responses = dict(operation.responses())
        self.assertIn(answer.status, responses, repr(answer))
        response = responses[answer.status]
        for name in response["headers"]:
            if name not in ("Idempotency-Replayed",):
                self.assertIn(name, answer.headers)
        if "content" in response:
            media = answer.headers["Content-Type"].split(";")[0]
            self.assertIn(media, response["content"])
            if media == "application/json":
                self.assertEqual(list(surprises(self.document, response["content"][media]["schema"], answer.json)), [])
