# SPDX-License-Identifier: Apache-2.0
"""A small keep-alive HTTP client for the tests, and the steps that most of them share."""
import http.client
import json
import re
import ssl
import time

FINAL = ("success", "failed", "timeout", "crashed", "cancelled")
SESSION_ID = re.compile(r"^sess_[a-z0-9]{16}$")
EXECUTION_ID = re.compile(r"^exec_[0-9]{8}_[a-z0-9]{8}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:600]!r}"


class Client:
    """One connection, one token. Not for use by two threads at once."""

    def __init__(self, port, token, timeout=100, authority=None):
        """`authority`: a file with the certificate to trust, for HTTPS."""
        self.port, self.token, self.timeout = port, token, timeout
        self.tls = None if authority is None else ssl.create_default_context(cafile=authority)
        self.connection = None

    def request(self, method, path, body=None, headers=None, raw_path=False):
        sent = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if body is not None:
            sent["Content-Type"] = "application/json"
        for name, value in (headers or {}).items():
            if value is None:
                sent.pop(name, None)
            else:
                sent[name] = value
        if isinstance(body, str):
            body = body.encode()
        path = path if raw_path else "/api/v1" + path
        for last_try in (False, True):
            fresh = self.connection is None
            if fresh:
                self.connection = self._connect()
            try:
                self.connection.request(method, path, body=body, headers=sent)
                response = self.connection.getresponse()
                return Answer(response.status, response.headers, response.read())
            except (http.client.HTTPException, OSError):
                self.close()
                # an idle connection that the server had closed: nothing was read, so try a fresh one
                if fresh or last_try:
                    raise

    def _connect(self):
        if self.tls is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=self.timeout, context=self.tls)

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.request("POST", path, body, **more)

    def delete(self, path, **more):
        return self.request("DELETE", path, **more)

    # --- steps

    def create(self, template="python-basic", **fields):
        answer = self.post("/sessions", {"template_id": template, **fields})
        if answer.status != 201:
            raise AssertionError(f"create: {answer!r}")
        return answer.json["session_id"]

    def session_status(self, session):
        return self.get(f"/sessions/{session}").json

    def await_session(self, session, wanted=("running",), limit=35, pause=0.02):
        end = time.monotonic() + limit
        while True:
            answer = self.get(f"/sessions/{session}")
            body = answer.json if answer.status == 200 else {"status": repr(answer)}
            if body["status"] in wanted:
                return body
            if time.monotonic() > end or body["status"] in ("failed", "terminated", "timeout"):
                raise AssertionError(f"{session} is not {wanted} (within {limit} s): {body}")
            time.sleep(pause)

    def submit(self, session, code, language="python", **fields):
        answer = self.post(f"/sessions/{session}/execute", {"code": code, "language": language, **fields})
        if answer.status != 200:
            raise AssertionError(f"execute: {answer!r}")
        return answer.json["execution_id"]

    def result(self, execution, limit=60):
        end = time.monotonic() + limit
        while True:
            answer = self.get(f"/executions/{execution}/result?wait=10")
            if answer.status == 200:
                return answer.json
            if answer.status != 202:
                raise AssertionError(f"result of {execution}: {answer!r}")
            if time.monotonic() > end:
                raise AssertionError(f"{execution} has no result within {limit} s: {answer!r}")
            if not answer.headers.get("X-Waited"):
                time.sleep(0.02)

    def run(self, session, code, language="python", limit=60, **fields):
        return self.result(self.submit(session, code, language, **fields), limit)
