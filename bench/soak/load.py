# SPDX-License-Identifier: Apache-2.0
"""The clients: each has an owner's token and one session after the other, and does in it what a good client does - sends again what was
not answered, with the same Idempotency-Key - and writes down what it was told."""
import http.client
import random
import sys
import threading
import time
import urllib.parse

from client import Client
from files import address_of, upload
from work import deck

AGAIN_LIMIT_S = 120     # how long a request is sent again
PATIENCE_S = 100        # how long a result is waited for
CALLED_BACK = 0.2       # how many name a callback_url
FINAL = ("success", "failed", "timeout", "crashed", "cancelled")


class Gone(Exception):
    """The session, or what belongs to it, is not there any more."""


class Job:
    """An execution, from its first request to its result."""

    def __init__(self, kind, session, body, token, owner):
        self.kind, self.session, self.body, self.token, self.owner = kind, session, body, token, owner
        self.key = f"soak-{token}"
        self.id = self.result = self.upload = self.stored = None
        self.attempts = 0
        self.cancel = False
        self.sent = time.monotonic()


class Session:
    def __init__(self, identity, template, limit_s):
        self.id, self.template, self.limit_s = identity, template, limit_s
        self.made = time.monotonic()
        self.left = self.ended = False   # left to its timeout; ended by us


class Books:
    """What all clients were told."""

    def __init__(self):
        self.lock = threading.Lock()
        self.jobs, self.sessions, self.wrong, self.lost = [], [], [], []
        self.latencies = []     # (when it was sent, seconds, what)
        self.counts = {}
        self.began = time.monotonic()
        self.callback = None    # where webhooks go

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def note(self, text):
        with self.lock:
            self.wrong.append(f"{time.monotonic() - self.began:.0f} s: {text}")


class User(threading.Thread):
    def __init__(self, number, seed, stack, token, owner, books, over, pace_s):
        super().__init__(daemon=True, name=f"client-{number}")
        self.draw = random.Random(f"client {seed} {number}")
        self.client, self.owner, self.books, self.over, self.pace_s = Client(stack.port, token, 75, stack.authority), owner, books, over, pace_s
        self.number, self.serial, self.prefix = number, 0, f"{seed:x}-{number}-"
        self.decks = {template: deck(template, stack.runtime) for template in ("python-basic", "nodejs-basic")}
        self.session = None
        self.open = []          # jobs without a result

    def run(self):
        while not self.over.is_set():
            self.do(self.life)
        if self.session:
            self.do(self.end)
        for job in self.open:
            self.do(lambda job=job: self.resolve(job, PATIENCE_S))
        self.client.close()

    def do(self, action):
        try:
            action()
        except Gone:
            self.session = None
        except Exception as problem:  # whatever it is, it is told
            place = sys.exc_info()[2]
            while place.tb_next:
                place = place.tb_next
            self.books.note(f"client {self.number}: {type(problem).__name__}: {problem} (line {place.tb_lineno})"[:600])
            self.client.close()
            self.over.wait(1)

    # --- one request, until it is answered

    def ask(self, method, path, body=None, key=None, what=None, fine=(200,), send=None):
        """The answer, once there is one that is no "not now". `what`: a latency that is to be kept."""
        headers = {"Idempotency-Key": key} if key else {}
        began, pause = time.monotonic(), 0.1
        while True:
            try:
                answer = send() if send else self.client.request(method, path, body, headers)
            except (OSError, http.client.HTTPException) as problem:
                self.client.close()
                answer, trouble = None, f"{type(problem).__name__}"
            if answer is not None:
                if answer.status < 500:
                    break
                trouble = str(answer.status)
                self.look_at_refusal(method, path, answer)
            self.books.count(f"again: {trouble}")
            if time.monotonic() - began > AGAIN_LIMIT_S:
                raise RuntimeError(f"{method} {path}: no answer for {AGAIN_LIMIT_S} s, last {trouble} {answer!r}")
            time.sleep(pause * self.draw.uniform(0.5, 1))
            pause = min(2, pause * 2)
        if what:
            self.books.latencies.append((began, time.monotonic() - began, what))
        if answer.status == 404 and 404 not in fine:
            raise Gone(path)
        if answer.status not in fine:
            raise RuntimeError(f"{method} {path}: {answer!r}")
        return answer

    def look_at_refusal(self, method, path, answer):
        """500 with a request id is ours, and never right; 503 says when to come back."""
        try:
            body = answer.json
        except ValueError:
            body = {}
        if answer.status == 500 and body.get("request_id"):
            self.books.note(f"{method} {path}: 500 {body}")
        if answer.status == 503 and not answer.headers.get("Retry-After"):
            self.books.note(f"{method} {path}: 503 without Retry-After: {answer!r}")

    def token(self):
        self.serial += 1
        return f"{self.prefix}{self.serial}"

    # --- a session's life

    def life(self):
        if self.session is None:
            self.begin()
        for _ in range(self.draw.randrange(3, 25)):
            if self.over.is_set() or self.session is None:
                return
            self.act()
            self.over.wait(self.draw.uniform(0, 2 * self.pace_s))
        self.end()

    def begin(self):
        template = self.draw.choice(("python-basic",) * 4 + ("nodejs-basic",))
        body = {"template_id": template, "timeout": self.draw.choice((60, 300, 300, 600)), "env_vars": {"SOAK": self.name}}
        if self.draw.random() < 0.2:
            body["resources"] = {"cpu": "0.5"}   # no warm one has this
        if self.books.callback and self.draw.random() < CALLED_BACK:
            body["callback_url"] = self.books.callback
        answer = self.ask("POST", "/sessions", body, key=f"session-{self.token()}", what="create", fine=(201,))
        self.session = Session(answer.json["session_id"], template, body["timeout"])
        self.books.sessions.append(self.session)

    def end(self):
        session, self.session = self.session, None
        if session is None:
            return
        if self.draw.random() < 0.15 and not self.over.is_set():
            session.left = True
            return
        if self.draw.random() < 0.8:        # the others end with code that runs
            for job in self.open:
                if job.session == session.id:
                    self.resolve(job, PATIENCE_S)
        session.ended = True
        self.ask("DELETE", f"/sessions/{session.id}", fine=(200,))

    def act(self):
        chance = self.draw.random()
        if chance < 0.07 and self.open:
            self.cancel(self.draw.choice(self.open))
        elif chance < 0.12:
            self.ask("GET", f"/sessions/{self.session.id}", what="get", fine=(200,))
        elif chance < 0.30 and self.open:
            self.resolve(self.open[0], PATIENCE_S)
        else:
            self.execute()

    def execute(self):
        kind, token = self.draw.choice(self.decks[self.session.template]), self.token()
        job = Job(kind, self.session.id, kind.body(self.draw, token), token, self.owner)
        if self.books.callback and self.draw.random() < CALLED_BACK:
            job.body["callback_url"] = self.books.callback
        if kind.name == "uploaded":
            job.upload = self.draw.randbytes(self.draw.choice((0, 100, 70_000, 1_500_000)))
            self.ask("POST", "upload", send=lambda: upload(self.client, job.session, f"in/{token}", job.upload))
        way = self.draw.choice(("execute?wait=20",) * 4 + ("execute",) * 3 + ("execute-sync",))
        self.books.jobs.append(job)
        job.sent = time.monotonic()
        quick = kind.name in ("hello", "python", "shell") and way != "execute"
        try:
            answer = self.ask("POST", f"/sessions/{job.session}/{way}", job.body, key=job.key, fine=(200, 202), what="execute and wait" if quick else None)
        except Gone:
            self.books.lost.append(job)     # refused, or accepted and its session has ended since: its key tells
            raise
        except RuntimeError:
            self.books.lost.append(job)
            raise
        body = answer.json
        if job.id not in (None, body["execution_id"]):
            self.books.note(f"{job.key} is {job.id}, and {body['execution_id']}")
        job.id = body["execution_id"]
        if body["status"] in FINAL and "stdout" in body:
            self.take(job, body)
        else:
            self.open.append(job)
        if len(self.open) > 6:
            self.resolve(self.open[0], PATIENCE_S)

    def resolve(self, job, limit_s):
        """Waits for its result."""
        end = time.monotonic() + limit_s
        while True:
            answer = self.ask("GET", f"/executions/{job.id}/result?wait=10", fine=(200, 202))
            if answer.status == 200:
                self.open = [other for other in self.open if other is not job]
                return self.take(job, answer.json)
            if time.monotonic() > end:
                self.open = [other for other in self.open if other is not job]   # the books will ask again
                self.books.count("results that took long")
                return None

    def cancel(self, job):
        job.cancel = True
        self.ask("POST", f"/executions/{job.id}/cancel", fine=(200, 409), body=b"")

    def take(self, job, result):
        job.result = result
        if job.kind.name == "artifact" and result["status"] == "success":
            self.check_download(job)

    def check_download(self, job):
        path = f"out-{job.token}"
        answer = self.ask("GET", address_of(job.session, path), fine=(200, 404))
        wanted = job.token * int(job.body["code"].rpartition("* ")[2].rstrip(")"))
        if answer.status != 200 or answer.body != wanted.encode():
            self.books.note(f"{job.id}: artifact {urllib.parse.quote(path)}: {answer.status}, {len(answer.body)} bytes of {len(wanted)}")
