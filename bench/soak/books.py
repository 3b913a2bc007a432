# SPDX-License-Identifier: Apache-2.0
"""The bookkeeping at the end: what the clients were told against what the API and the database say, and what there is against the rows."""
import collections
import json
import pathlib
import re
import time

from faults import engine_containers
from load import FINAL

TOP = pathlib.Path(__file__).resolve().parents[2]
DRAIN_S = 150
LOGGED = 25          # kinds of complaints in the logs that are shown
AWAY = ("The database is not available.", "The outcome of the database's change is not known.")
FATAL = ("AddressSanitizer", "runtime error:", "LeakSanitizer", "double free", "malloc()", "corrupted", "stack smashing", "Assertion")
# how an execution may end that is not as its code would have it; each needs a reason
EXCUSES = {
    "failed": ("session_terminated", "session_timeout", "session_failed", "workspace", "storage"),
    "crashed": None,
    "timeout": None,
    "cancelled": None,
}


class Audit:
    def __init__(self, stack, engine, books, owners, faults, receiver):
        self.stack, self.engine, self.books, self.owners, self.faults = stack, engine, books, owners, faults
        self.rows, self.problems, self.excused = [], list(), collections.Counter()
        self.clients, self.receiver = {}, receiver
        self.mine = f"owner IN ({', '.join(repr(owner) for owner in owners)})"   # the home may remember earlier runs

    def state(self, what, value, wrong=()):
        """A row of the table; what is `wrong` is named."""
        self.rows.append((what, str(value), not wrong))
        self.problems.extend(wrong)

    def until(self, condition, limit_s):
        end = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.2)
        return True

    def number(self, query):
        return int(self.stack.sql(query)[0][0])

    def get(self, owner, path):
        """An answer that is no 503; the stack is whole again."""
        client = self.clients.setdefault(owner, self.stack.client(self.owners[owner]))
        end = time.monotonic() + 30
        while (answer := client.get(path)).status >= 500 and time.monotonic() < end:
            time.sleep(0.2)
        return answer

    def make(self):
        for step in (self.drain, self.executions, self.twice, self.sessions, self.told, self.invariants, self.emptied, self.capacity, self.webhooks, self.jobs, self.logs, self.tables):
            try:
                step()
            except Exception as problem:  # the other steps say something all the same
                self.state(step.__name__, "could not be looked at", [f"{step.__name__}: {type(problem).__name__}: {problem}"])

    # --- executions

    def drain(self):
        query = f"SELECT COUNT(*) FROM executions WHERE {self.mine} AND status IN ('pending', 'running')"
        began = time.monotonic()
        self.until(lambda: self.number(query) == 0, DRAIN_S)
        left = self.stack.sql("SELECT id, session_id, status, attempts, claimed_by, due_at, UTC_TIMESTAMP(3) FROM executions "
                              f"WHERE {self.mine} AND status IN ('pending', 'running')")
        self.state("queue drained within", f"{time.monotonic() - began:.1f} s", [f"not ended: {row}" for row in left])

    def accepted(self):
        """Ids that clients were told, and what became of requests that were never answered: their keys say."""
        told = {job.id: job for job in self.books.jobs if job.id}
        for job in (job for job in self.books.jobs if not job.id):
            rows = self.stack.sql(f"SELECT resource_id FROM idempotency_keys WHERE owner = '{job.owner}' AND idem_key = '{job.key}'")
            if rows and rows[0][0]:
                job.id = rows[0][0]
                told[job.id] = job
        return told

    def executions(self):
        told, wrong = self.accepted(), []
        stored = {row[0]: row[1] for row in self.stack.sql(f"SELECT id, status FROM executions WHERE {self.mine}")}
        ended = {name for name, status in stored.items() if status not in ("pending", "running")}
        wrong += [f"{name} was accepted, and is not there" for name in told if name not in stored]
        wrong += [f"{name} is there, and no client was told" for name in stored if name not in told]
        self.state("executions accepted", len(told), wrong)
        self.state("executions ended", len(ended), [f"{name} has not ended" for name in told if name not in ended])
        wrong, right, by_kind = [], 0, collections.Counter()
        for name, job in told.items():
            problem, good = self.outcome(name, job)
            right += good
            by_kind[job.kind.name] += 1
            wrong += [f"{name} ({job.kind.name}, {job.session}): {problem}"] if problem else []
        self.state("  as their code has it", f"{right} ({', '.join(f'{kind} {n}' for kind, n in sorted(by_kind.items()))})", wrong)
        for what, n in sorted(self.excused.items()):
            self.state(f"  {what}", n)
        self.artifacts(told)

    def artifacts(self, told):
        """A file is named by who made it; by something that ran beside it, if at all by somebody else, which is counted."""
        named, wrong, beside = collections.defaultdict(set), [], 0
        for name, job in told.items():
            for path in (job.stored or {}).get("artifacts", ()):
                named[job.session, path].add(name)
        for name, job in told.items():
            if job.kind.name != "artifact" or (job.stored or {}).get("status") != "success":
                continue
            who = named[job.session, job.kind.path(job)]
            beside += bool(who) and name not in who
            if not who:
                wrong.append(f"{name}: nothing names its file {job.kind.path(job)}")
        self.state("  files that only something beside them names", beside, wrong)

    def outcome(self, name, job):
        """What is wrong with how it ended, or None; and whether it ended as its code would have it."""
        answer = self.get(job.owner, f"/executions/{name}")
        if answer.status != 200:
            return f"cannot be looked at: {answer!r}", False
        about = answer.json
        result, job.attempts = about["result"], about["attempts"]
        job.stored = result
        if not result or result["status"] not in FINAL:
            return f"no result: {about['status']}", False
        if job.result and any(job.result[field] != result[field] for field in ("status", "stdout", "return_value")):
            return f"the client was told {job.result['status']}, now it is {result['status']}", False
        if result["status"] == job.kind.status and not (job.kind.status == "failed" and (result.get("error") or {}).get("kind") in EXCUSES["failed"]):
            return job.kind.check(result, job), True
        error = result.get("error") or {}
        if not error.get("kind") or not error.get("message"):
            return f"{result['status']} without a reason: {error}", False
        excuses = EXCUSES.get(result["status"], ())
        if excuses is not None and error["kind"] not in excuses:
            return f"{result['status']}: {error}; stderr {result['stderr'][-200:]!r}", False
        if result["status"] == "cancelled" and not job.cancel:
            return "cancelled, and nobody cancelled it", False
        if result["status"] == "timeout" and self.faults.quiet(job.sent, about["timeout"]):
            return f"timeout, and no fault was near: {error}", False
        self.excused[f"{result['status']} ({error['kind']})"] += 1
        return None, False

    def twice(self):
        """Marks in the files that marked code leaves: never more than attempts."""
        wrong, looked, again = [], 0, 0
        for job in self.books.jobs:
            if not job.id:
                continue
            again += job.attempts > 1
            if not job.kind.marked:
                continue
            answer = self.get(job.owner, f"/sessions/{job.session}/files/runs/{job.token}")
            value = job.result and job.result["return_value"]
            runs = max(len(answer.body) if answer.status == 200 else 0, value["runs"] if isinstance(value, dict) else 0)
            looked += runs > 0
            if runs > max(1, job.attempts):
                wrong.append(f"{job.id} ran {runs} times, attempts say {job.attempts}")
            if answer.status != 200 and job.result and job.result["status"] == "success":
                wrong.append(f"{job.id}: its file runs/{job.token} is not stored: {answer!r}"[:300])
        self.state("tried more than once (attempts)", again)
        self.state("marks looked at, none ran twice unsaid", looked, wrong)

    # --- sessions and containers

    def sessions(self):
        wrong, by_status = [], collections.Counter()
        rows = {row[0]: row[1:] for row in self.stack.sql("SELECT id, status, IFNULL(error, ''), expires_at < UTC_TIMESTAMP(3) - INTERVAL 10 SECOND, "
                                                          f"restarts FROM sessions WHERE {self.mine}")}
        known = {session.id: session for session in self.books.sessions}
        wrong += [f"{name} was made, and is not there" for name in known if name not in rows]
        wrong += [f"{name} is there, and no client was told" for name in rows if name not in known]
        for name, (status, error, overdue, _) in rows.items():
            session = known.get(name)
            by_status[status] += 1
            if status in ("creating", "running") and overdue == "1":
                wrong.append(f"{name} is {status} beyond its time limit")
            if status == "failed" and not error:
                wrong.append(f"{name} has failed without a reason")
            if session and session.ended and status in ("creating", "running"):
                wrong.append(f"{name} was deleted by its client, and is {status}")
            if status == "timeout" and session and time.monotonic() - session.made < session.limit_s - 1:
                wrong.append(f"{name} ended before its time limit")
        restarts = sum(int(row[3]) for row in rows.values())
        self.state("sessions", f"{len(rows)} ({', '.join(f'{status} {n}' for status, n in sorted(by_status.items()))}; {restarts} got new sandboxes)", wrong)
        for error, n in collections.Counter(row[1] for row in rows.values() if row[0] == "failed").items():
            self.state(f"  failed: {error[:90]}", n)

    def told(self):
        self.state("clients' complaints", len(self.books.wrong), self.books.wrong)

    def agree(self):
        try:
            rows = {row[0] for row in self.stack.sql("SELECT id FROM containers WHERE status IN ('warm', 'running')")}
            moving = self.number("SELECT COUNT(*) FROM containers WHERE status IN ('creating', 'deleting')")
            return moving == 0 and engine_containers(self.stack, self.engine) == rows
        except AssertionError:
            return False

    def differences(self):
        there = engine_containers(self.stack, self.engine)
        rows = {row[0]: row[1:] for row in self.stack.sql("SELECT id, status, session_id, attempts, IFNULL(claimed_by, '-'), due_at, UTC_TIMESTAMP(3), "
                                                          "IFNULL(error, '') FROM containers WHERE status <> 'deleted'")}
        return ([f"container {name} is there without a row" for name in there if name not in rows]
                + [f"container {name} has a row and is not there: {row}" for name, row in rows.items() if name not in there]
                + [f"container {name} stays {row}" for name, row in rows.items() if name in there and row[0] in ("creating", "deleting")])

    def invariants(self):
        """What tests/invariants.sql says, once everything has settled."""
        text = (TOP / "tests" / "invariants.sql").read_text()
        found = re.findall(r"(?m)^-- (.*)\n(SELECT .*)$", text)
        self.until(lambda: all(self.number(query) == 0 for _, query in found), 30)
        wrong = [f"{n} {what}" for what, query in found if (n := self.number(query))]
        self.state("invariants of the rows", len(found), wrong if found else ["no invariants found"])

    def emptied(self):
        """With the pool as it is; then with no sessions and no pool."""
        same = self.until(self.agree, 60)
        count = self.number("SELECT COUNT(*) FROM containers WHERE status IN ('warm', 'running')")
        self.state("engine and database agree", f"{count} containers", [] if same else self.differences())
        self.given()
        for session in self.stack.sql("SELECT id, owner FROM sessions WHERE status IN ('creating', 'running')"):
            if session[1] in self.owners:
                self.get(session[1], "/health")
                self.clients[session[1]].delete(f"/sessions/{session[0]}")
        for template in self.stack.sql("SELECT id FROM templates"):
            self.stack.ctl("template", "pool", template[0], "0")
        empty = self.until(lambda: self.number("SELECT COUNT(*) FROM containers WHERE status <> 'deleted'") == 0, 60)
        left = engine_containers(self.stack, self.engine)
        self.state("containers without sessions and pool", len(left), self.differences() if left or not empty else [])

    def given(self):
        """What nodes say they have given away is what their containers have."""
        def sums():
            rows = self.stack.sql("SELECT n.id, COUNT(c.id), IFNULL(SUM(c.memory_mb), 0) FROM nodes n LEFT JOIN containers c "
                                  "ON c.node_id = n.id AND c.status <> 'deleted' GROUP BY n.id")
            return {row[0]: (int(row[1]), int(row[2])) for row in rows}

        def said():
            return {node["node_id"]: (node["allocated"]["containers"], node["allocated"]["memory_mb"]) for node in self.stack.client().get("/nodes").json["nodes"]}
        same = self.until(lambda: sums() == said(), 10)
        self.state("nodes' containers and MiB", ", ".join(f"{n} and {memory}" for n, memory in said().values()), [] if same else [f"{sums()}, not {said()}"])

    def capacity(self):
        """Without a container, no node has anything given away."""
        answer = self.stack.client().get("/nodes")
        nodes = answer.json["nodes"]
        used = [node for node in nodes if node["allocated"]["containers"] or node["allocated"]["memory_mb"]]
        ready = [node["node_id"] for node in nodes if node["status"] != "ready"]
        self.state("nodes", f"{len(nodes)}, all empty" if not used else f"{len(used)} of {len(nodes)} not empty",
                   [f"{node['node_id']} has given away {node['allocated']}" for node in used] + [f"{node} is not ready" for node in ready])

    # --- webhooks

    def webhooks(self):
        """What ended and named a URL is told there once at least, under one id."""
        mine = f"url = '{self.receiver.url}'"
        # one that was refused is tried again later, perhaps much later
        self.until(lambda: all(self.receiver.refused[row[0]] for row in self.stack.sql(f"SELECT id FROM webhooks WHERE {mine} AND status = 'waiting'")), 60)
        rows = self.stack.sql(f"SELECT id, event, object_id, status, attempts, IFNULL(error, '') FROM webhooks WHERE {mine}")
        by_object = collections.Counter(row[2] for row in rows)
        ended = {row[0] for table in ("executions", "sessions") for row in self.stack.sql(
            f"SELECT id FROM {table} WHERE callback_url = '{self.receiver.url}' AND status NOT IN ('pending', 'running', 'creating')")}
        wrong = [f"{name} ended, and its webhook is not there" for name in ended if not by_object[name]]
        wrong += [f"{name} has {n} webhooks" for name, n in by_object.items() if n > 1]
        for identity, event, name, status, attempts, error in rows:
            taken = self.receiver.taken[identity]
            if status == "delivered" and not taken:
                wrong.append(f"webhook {identity} ({event} of {name}) is delivered, and did not come")
            if status == "given_up" or (status == "waiting" and not self.receiver.refused[identity]):
                wrong.append(f"webhook {identity} ({event} of {name}) is {status} after {attempts} tries: {error}")
        again = sum(n > 1 for n in self.receiver.taken.values())
        self.state("webhooks", f"{len(rows)} ({sum(row[3] == 'delivered' for row in rows)} delivered, {len(self.receiver.refused)} refused once, "
                   f"{again} came more than once)", wrong)

    # --- jobs and database

    def jobs(self):
        status = {}

        def healthy():
            answer = self.stack.client().get("/health/detailed")
            status.update(answer.json)
            return answer.status == 200 and answer.json["status"] == "healthy"
        fine = self.until(healthy, 30)
        self.state("health", status.get("status"), [] if fine else [f"health: {status}"])

    def logs(self):
        """What the programs complained about, by event; that the database was away is no news."""
        seen = collections.Counter()
        for path in sorted((self.stack.home / "log").glob("*.log")):
            for line in path.open(errors="replace"):
                if '"level":"error"' not in line and '"level":"warn"' not in line:
                    if any(word in line for word in FATAL):
                        self.problems.append(f"{path.name}: {line.strip()[:300]}")
                    continue
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if entry.get("text") not in AWAY:
                    seen[f"{entry.get('program')}, {entry.get('event')}: {entry.get('text', '')}"[:100]] += 1
        for what, n in seen.most_common(LOGGED):
            self.state(f"log: {what}", n)

    def tables(self):
        names = [row[0] for row in self.stack.sql("SHOW TABLES")]
        rows = self.stack.sql("CHECK TABLE " + ", ".join(names) + " EXTENDED")
        bad = [f"CHECK TABLE: {row}" for row in rows if row[2] not in ("status", "note") or (row[2] == "status" and row[3] != "OK")]
        self.state("tables checked", len(names), bad)
        for query, what in (("SELECT COUNT(*) FROM cancellations", "cancellations left"), ("SELECT COUNT(*) FROM container_questions", "questions left")):
            self.until(lambda query=query: self.number(query) == 0, 75)
            left = self.number(query)
            self.state(what, left, [f"{left} {what}"] if left else [])
