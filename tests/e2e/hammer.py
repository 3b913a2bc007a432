#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One process of tests/e2e/test_hammer.py: some clients that send whatever there is to send, good and bad, for some seconds.
hammer.py SECONDS CLIENTS SEED; 0 seconds: each kind some times, one after the other. With SANDBOX_HOME, SANDBOX_PORT, SANDBOX_RUNTIME, HAMMER_TOKEN, HAMMER_HOOK in the environment. Prints one line of JSON:
answers counted by request and status, what was wrong, and the executions that were accepted."""
import collections
import json
import os
import random
import socket
import sys
import threading
import time
import uuid

sys.dont_write_bytecode = True
from client import Client  # noqa: E402
from contract import BAD_IDS, ENDPOINTS  # noqa: E402
from contract_fields import NO_BODIES, TRICKS, dump  # noqa: E402
from urllib.parse import quote  # noqa: E402

PORT = int(os.environ["SANDBOX_PORT"])
TOKEN = os.environ["HAMMER_TOKEN"]
HOOK = os.environ["HAMMER_HOOK"]  # takes webhooks
BUSY = ("Sandbox.TooManyRequestsExection", "Sandbox.ServiceUnavailable")
EACH = {"execute": 2, "execute_and_wait": 4, "huge_body": 4, "cut_body": 4, "create_or_end": 4}  # the others: more often
HANDLER = "def handler(event):\n    return event['n'] + 1"
WITH_BODY = [e for e in ENDPOINTS if e.body and e.scope != "container"]
WITH_ID = [e for e in ENDPOINTS if e.kind and e.scope != "container"]


class Hammer(threading.Thread):
    def __init__(self, seed, until, may_create=True):
        super().__init__()
        self.may_create = may_create
        self.random = random.Random(seed)
        self.name = f"hammer-{seed}"
        self.until = until
        self.client = Client(PORT, TOKEN)
        self.counts, self.wrong = collections.Counter(), []
        self.accepted, self.session, self.executions = [], None, []
        self.actions = [action for action, weight in (
            (self.look_around, 12), (self.look_at_session, 12), (self.look_at_execution, 12), (self.execute, 1), (self.execute_and_wait, 1),
            (self.create_or_end, 1), (self.change_template, 6), (self.containers, 6), (self.operators, 4), (self.health, 6), (self.no_body, 10),
            (self.files, 6), (self.upload, 2), (self.bad_upload, 4),
            (self.bad_field, 12), (self.bad_id, 8), (self.bad_token, 8), (self.bad_query, 6), (self.cut_body, 4), (self.huge_body, 1), (self.cancel, 1))
            for _ in range(weight)]

    def run(self):
        if self.until is None:
            self.create_or_end()
            for action in dict.fromkeys(self.actions):
                for _ in range(EACH.get(action.__name__, 12)):
                    self.do(action)
        else:
            while time.monotonic() < self.until:
                self.do(self.random.choice(self.actions))
        if self.session:
            self.do(lambda: self.ask("DELETE", f"/sessions/{self.session}", fine=(200,)))

    def do(self, action):
        try:
            action()
        except Exception as problem:  # whatever it is, it is told
            self.note(f"{action.__name__}: {type(problem).__name__}: {problem}")
            self.client.close()

    def note(self, text):
        if len(self.wrong) < 20:
            self.wrong.append(text[:500])

    def ask(self, method, path, body=None, fine=(), **more):
        """Sends it and looks at the answer: `fine` are the statuses that it may have besides 503."""
        answer = self.client.request(method, path, body, **more)
        self.counts[f"{answer.status}"] += 1
        if answer.status == 503 and answer.headers.get("Retry-After") and answer.json.get("error_code") in BUSY:
            return answer
        if answer.status not in fine:
            self.note(f"{method} {path[:100]}: {answer!r}")
        elif answer.status >= 400 and method != "HEAD" and not answer.json.get("error_code"):
            self.note(f"{method} {path[:100]}: no error_code: {answer!r}")
        return answer

    # --- good ones

    def create_or_end(self):
        if self.session and self.random.random() < 0.4:
            self.ask("DELETE", f"/sessions/{self.session}", fine=(200,))
            self.session = None
        elif not self.session and self.may_create:
            answer = self.ask("POST", "/sessions", {"template_id": "python-basic", "labels": {"who": self.name},
                                                     "callback_url": self.random.choice((None, HOOK))}, fine=(201,))
            self.session = answer.json["session_id"] if answer.status == 201 else None

    def look_around(self):
        path = self.random.choice(("/sessions?limit=5", f"/sessions?label.who={self.name}", "/sessions?status=running&limit=3&offset=2", "/templates",
                                   "/templates/python-basic", "/sessions?template_id=" + quote(self.random.choice(TRICKS).replace("\n", ""))))
        self.ask("GET", path, fine=(200,))

    def look_at_session(self):
        if not self.session:
            return self.create_or_end()
        self.ask("GET", f"/sessions/{self.session}" + self.random.choice(("", "/executions", "/executions?status=completed&limit=2")), fine=(200,))
        if self.random.random() < 0.2:
            # one whose container was lost has ended
            self.ask("POST", f"/sessions/{self.session}/renew", {"timeout": 600}, fine=(200, 409))
        return None

    def execute(self, wait=""):
        if not self.session or len(self.executions) > 20:
            self.executions = self.executions[-5:]
            return self.create_or_end()
        n = self.random.randrange(1000)
        path, body = f"/sessions/{self.session}/{wait or 'execute'}", {"code": HANDLER, "language": "python", "event": {"n": n}}
        if self.random.random() < 0.3:
            body["callback_url"] = HOOK
        headers = {"Idempotency-Key": str(uuid.uuid4())} if self.random.random() < 0.3 else {}
        answer = self.ask("POST", path, body, fine=(200, 202), headers=headers)
        if answer.status not in (200, 202):
            return None
        execution = answer.json["execution_id"]
        self.executions.append(execution)
        self.accepted.append(execution)
        if answer.json["status"] == "success" and answer.json["return_value"] != n + 1:
            self.note(f"{n} + 1 is {answer!r}")
        if headers:
            again = self.ask("POST", path, body, fine=(200, 202), headers=headers)
            if again.status in (200, 202) and again.json["execution_id"] != execution:
                self.note(f"{execution} was sent again with the same key and became {again!r}")
        return None

    def execute_and_wait(self):
        self.execute(self.random.choice(("execute?wait=5", "execute?wait=5&trace=1", "execute-sync")))

    def look_at_execution(self):
        if self.executions:
            path = f"/executions/{self.random.choice(self.executions)}" + self.random.choice(("", "/status", "/result", "/result?wait=1", "/result?trace=1"))
            self.ask("GET", path, fine=(200, 202))

    def cancel(self):
        if self.executions:
            self.ask("POST", f"/executions/{self.random.choice(self.executions)}/cancel", fine=(200, 409))

    def change_template(self):
        """What is not there (yet, or any more) is 404."""
        path = f"/templates/{self.name}"
        step = self.random.randrange(4)
        if step == 0:
            self.ask("POST", "/templates", {"id": self.name, "name": self.name, "image": "sandbox/python:3.11-basic"}, fine=(201, 409))
        elif step == 1:
            self.ask("PUT", path, {"name": self.name, "pool": {"max_idle": self.random.randrange(1000)}}, fine=(200, 404))
        else:
            self.ask("DELETE" if step == 2 else "GET", path, fine=(200, 204, 404))

    def containers(self):
        answer = self.ask("GET", "/containers" + self.random.choice(("", "?status=running", "?limit=3&offset=1", "?runtime_type=process")), fine=(200,))
        found = answer.json.get("containers") if answer.status == 200 else None
        if found:
            path = f"/containers/{self.random.choice(found)['container_id']}"
            self.ask("GET", path + self.random.choice(("", "", "/logs?tail=5")), fine=(200, 404))

    def files(self):
        """There are none, or as many as somebody put there."""
        if self.session:
            self.ask("GET", f"/sessions/{self.session}/files" + self.random.choice(("", "?prefix=a", "?limit=3&offset=1")), fine=(200,))
            path = f"/sessions/{self.session}/files/" + self.random.choice(("nothing", "a/b/c", "%C3%A4%20%25"))
            self.ask(self.random.choice(("GET", "HEAD", "DELETE")), path, fine=(404, 204, 200))
            self.ask("GET", f"/sessions/{self.session}/files/" + self.random.choice(("a//b", "a/", "a%2Fb", "%2e%2e/x")), fine=(400,))

    def form(self, *fields, end="--x--"):
        """Sends form data to the session: fields are (name, rest of the header, content)."""
        body = b"".join(f'--x\r\nContent-Disposition: form-data; name="{name}"{rest}\r\n\r\n'.encode() + content + b"\r\n" for name, rest, content in fields)
        return f"/sessions/{self.session}/files/upload", body + end.encode(), {"Content-Type": "multipart/form-data; boundary=x"}

    def upload(self):
        """Also two at once to one path, by what others do with it."""
        if self.session:
            content = self.random.randbytes(self.random.choice((0, 1, 70000, 2000000)))
            path, body, headers = self.form(("file", '; filename="a"', content), ("path", "", self.random.choice((b"a/b/c", b"nothing"))))
            answer = self.ask("POST", path, body, fine=(200,), headers=headers)
            if answer.status == 200 and answer.json["size"] != len(content):
                self.note(f"upload of {len(content)}: {answer!r}")

    def bad_upload(self):
        if self.session:
            file = ("file", '; filename="a"', b"x" * self.random.choice((1, 70000)))
            path, body, headers = self.random.choice((
                self.form(file, file), self.form(("path", "", b"b")), self.form(file, ("path", "", self.random.choice(TRICKS[:8]).encode() + b"/")),
                self.form(file, end=""), self.form(file, ("colour", "", b"")), self.form(file, end="--x--" + "y" * 70000), self.form(("file", "; " + "z" * 9000, b""))))
            self.ask("POST", path, body, fine=(400,), headers=headers)

    def operators(self):
        self.ask("GET", self.random.choice(("/nodes", "/metrics")), fine=(200,))

    def health(self):
        self.ask("GET", self.random.choice(("/health", "/health", "/health/detailed")), fine=(200,))

    # --- bad ones

    def no_body(self):
        e = self.random.choice(WITH_BODY)
        self.ask(e.method, e.nobody, self.random.choice(NO_BODIES)[1], fine=(400, 413), raw_path=True)

    def bad_field(self):
        e = self.random.choice(WITH_BODY)
        self.ask(e.method, e.nobody, dump(self.random.choice(e.body.bad)[1]), fine=(400, 404, 413), raw_path=True)

    def bad_id(self):
        e = self.random.choice(WITH_ID)
        identity = quote(self.random.choice(BAD_IDS[e.kind] + TRICKS), safe="")
        self.ask(e.method, e.to(identity), dump(e.body.good) if e.body else None, fine=(400, 404), raw_path=True)

    def bad_query(self):
        self.ask("GET", "/sessions?" + self.random.choice(("limit=0", "limit=x", "offset=-1", "status=' OR 1=1", "colour=blue", "label.=%00", "limit=1&limit=2")
                                                          ).replace(" ", "%20"), fine=(400,))

    def bad_token(self):
        token = self.random.choice(("", "Bearer", "Bearer x", "Basic dTpw", "Bearer sbx_" + "0" * 40, "Bearer ' OR 1=1 --", "Bearer " + "x" * 5000))
        e = self.random.choice([e for e in ENDPOINTS if e.scope not in (None, "container")])
        self.ask(e.method, e.nobody, dump(e.body.good) if e.body else None, fine=(401,), headers={"Authorization": token}, raw_path=True)

    def cut_body(self):
        e = self.random.choice(WITH_BODY)
        body = dump(e.body.good)
        head = (f"{e.method} {e.nobody} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body) + self.random.choice((1, 5000, 1500000))}\r\n\r\n")
        with socket.create_connection(("127.0.0.1", PORT), 10) as line:
            line.sendall(head.encode() + body[:self.random.randrange(len(body) + 1)])
        self.counts["cut"] += 1

    def huge_body(self):
        e = self.random.choice(WITH_BODY)
        size = self.random.choice((2 * 1024 * 1024 - 100, 2 * 1024 * 1024 + 1, 5 * 1024 * 1024))
        self.ask(e.method, e.nobody, b'{"x": "' + b"x" * size + b'"}', fine=(400, 413), raw_path=True)
        self.client.close()


def main():
    seconds, clients, seed = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    until = time.monotonic() + seconds if seconds else None
    slow = os.environ["SANDBOX_RUNTIME"] == "docker"  # its containers take the time that requests should have
    hammers = [Hammer(seed * 100 + n, until, n < 3 or not slow) for n in range(clients)]
    for hammer in hammers:
        hammer.start()
    for hammer in hammers:
        hammer.join()
    counts = sum((hammer.counts for hammer in hammers), collections.Counter())
    print(json.dumps({"counts": counts, "wrong": [text for hammer in hammers for text in hammer.wrong],
                      "accepted": [execution for hammer in hammers for execution in hammer.accepted]}))


if __name__ == "__main__":
    main()
