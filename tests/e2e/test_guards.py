# SPDX-License-Identifier: Apache-2.0
"""Tokens, requests that are sent again, and the audit trail, as clients and operators meet them."""
import concurrent.futures
import http.client
import json
import os
import random
import signal
import threading

from base import Case

CODE = {"code": "def handler(event):\n    return event['n'] + 1", "language": "python", "event": {"n": 41}}


class SentAgain(Case):
    def test_session_is_made_once(self):
        label = f"once-{random.randrange(10**9)}"
        key = {"Idempotency-Key": f"a session, {label}"}
        body = {"template_id": "python-basic", "labels": {"test": label}}
        first = self.client.post("/sessions", body, headers=key)
        again = self.client.post("/sessions", body, headers=key)
        self._sessions.append(first.json["session_id"])
        self.assertEqual((first.status, again.status), (201, 201))
        self.assertEqual(first.body, again.body)
        self.assertEqual(first.headers["Location"], again.headers["Location"])
        self.assertIsNone(first.headers["Idempotency-Replayed"])
        self.assertEqual(again.headers["Idempotency-Replayed"], "true")
        self.assert_error(self.client.post("/sessions", {"template_id": "python-basic"}, headers=key), 409, "Sandbox.Conflict")
        self.assertEqual(self.client.get(f"/sessions?label.test={label}").json["total"], 1)

    def test_execution_runs_once(self):
        box = self.session()
        key = {"Idempotency-Key": f"run {box}"}
        first = self.client.post(f"/sessions/{box}/execute", CODE, headers=key)
        with_wait = self.client.post(f"/sessions/{box}/execute?wait=20", CODE, headers=key)
        plain = self.client.post(f"/sessions/{box}/execute", CODE, headers=key)
        self.assertEqual(with_wait.json["return_value"], 42)
        self.assertEqual(with_wait.json["execution_id"], first.json["execution_id"])
        self.assertEqual(with_wait.headers["Idempotency-Replayed"], "true")
        self.assertEqual(plain.body, first.body)
        self.assertEqual(self.client.get(f"/sessions/{box}/executions").json["total"], 1)

    def test_at_the_same_moment(self):
        box = self.session()
        key = {"Idempotency-Key": f"together {box}"}

        def send(_):
            client = self.stack.client()
            try:
                return client.post(f"/sessions/{box}/execute-sync", CODE, headers=key)
            finally:
                client.close()

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(send, range(8)))
        self.assertEqual({answer.json["return_value"] for answer in answers}, {42})
        self.assertEqual(len({answer.json["execution_id"] for answer in answers}), 1)
        self.assertEqual(self.client.get(f"/sessions/{box}/executions").json["total"], 1)

    def test_workers_killed_in_between(self):
        """Whenever a worker dies: with its key, each request makes one execution in the end."""
        box = self.session()
        rounds, stop = 20, threading.Event()

        def kill():
            while not stop.wait(random.uniform(0.02, 0.2)):
                victims = self.stack.worker_pids()
                if victims:
                    try:
                        os.kill(random.choice(victims), signal.SIGKILL)
                    except ProcessLookupError:
                        pass

        def insist(n):
            client = self.stack.client(timeout=20)
            for _ in range(100):
                try:
                    answer = client.post(f"/sessions/{box}/execute", {**CODE, "event": {"n": n}},
                                         headers={"Idempotency-Key": f"kill {box} {n}"})
                    if answer.status == 200:
                        return answer.json["execution_id"]
                except (OSError, http.client.HTTPException, ValueError):
                    pass
                stop.wait(0.05)
            return None

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                executions = list(pool.map(insist, range(rounds)))
        finally:
            stop.set()
            killer.join()
        self.assertNotIn(None, executions)
        self.stack.until(lambda: self.client.get("/health").status == 200, 20, "the workers are back")
        self.assertEqual(len(set(executions)), rounds)
        self.assertEqual(self.client.get(f"/sessions/{box}/executions").json["total"], rounds)
        for n, execution in enumerate(executions):
            self.assert_success(self.client.result(execution), n + 1)


class Operators(Case):
    def test_revoked_token_ends_at_once(self):
        token = self.stack.make_token("e2e-revoked")
        client = self.stack.client(token=token)
        self.assertEqual(client.get("/sessions").status, 200)
        rows = [line.split() for line in self.stack.ctl("token", "list").splitlines()]
        ident = next(row[0] for row in rows if row[1] == "e2e-revoked" and row[-1] == "-")
        self.stack.ctl("token", "revoke", ident)
        for _ in range(4):
            self.assert_error(client.get("/sessions"), 401, "Sandbox.Unauthorized")
        client.close()

    def test_audit_trail(self):
        request = f"e2e-audit-{random.randrange(10**9)}"
        created = self.client.post("/sessions", {"template_id": "python-basic"}, headers={"X-Request-Id": request})
        session = created.json["session_id"]
        self.client.delete(f"/sessions/{session}")
        entries = [json.loads(line) for line in self.stack.ctl("audit", "--object", session, "--json").splitlines()]
        self.assertEqual([entry["action"] for entry in entries], ["create", "terminate"])
        self.assertEqual(entries[0]["request_id"], request)
        self.assertEqual(entries[0]["address"], "127.0.0.1")
        self.assertRegex(entries[0]["token_id"], "^[a-z0-9]{12}$")
        self.assertNotIn(self.stack.token, self.stack.ctl("audit", "--limit", "100000"))
