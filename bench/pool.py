#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A pool of warm containers, and as many creations at once: how long each waits for its answer.  pool.py [ROUNDS [COUNT [JSON]]], against
the stack of SANDBOX_HOME and SANDBOX_PORT. Each creation has a connection of its own, opened before; all are sent at once, from one thread so
that no interpreter's lock is measured. Between rounds the sessions end and the pool fills again. The pool is given back as it was. It only
measures: no number makes it fail."""
import json
import selectors
import statistics
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rpartition("/")[0] + "/../tests/e2e")
import measure  # noqa: E402
from get_session import Line  # noqa: E402
from stack import Stack  # noqa: E402

TEMPLATE = "python-basic"
WANTED_MS = 20


class Creation(Line):
    """A connection whose request is a creation."""

    def __init__(self, port, token):
        super().__init__(port, "/api/v1/templates", token)
        self.ask()  # opens it all the way to a worker
        self.fine = b"HTTP/1.1 201"
        body = json.dumps({"template_id": TEMPLATE})
        self.request = (f"POST /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
                        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()

    @property
    def answer(self):
        return json.loads(self.got.partition(b"\r\n\r\n")[2])


class Pool:
    def __init__(self, count):
        self.stack, self.count = Stack(), count
        self.client = self.stack.client()
        self.before = self.client.get(f"/templates/{TEMPLATE}").json["pool"]

    def set(self, pool):
        answer = self.client.request("PUT", f"/templates/{TEMPLATE}", {"pool": pool})
        if answer.status != 200:
            raise SystemExit(f"bench: {answer!r}")

    def full(self):
        rows = self.stack.sql(f"SELECT COUNT(*) FROM containers WHERE status = 'warm' AND template_id = '{TEMPLATE}'")
        return int(rows[0][0]) >= self.count and self.stack.busy_containers() == 0

    def round(self, lines):
        """Milliseconds of each, and how many were a hit."""
        self.stack.until(self.full, 300, f"{self.count} warm containers")
        time.sleep(1)
        chosen = selectors.DefaultSelector()
        for line in lines:
            chosen.register(line.socket, selectors.EVENT_READ, line)
        took = []
        for line in lines:
            line.send()
        while len(took) < len(lines):
            for key, _ in chosen.select(60):
                if (milliseconds := key.data.receive()) is not None:
                    took.append(milliseconds)
                    chosen.unregister(key.fileobj)
        answers = [line.answer for line in lines]
        for answer in answers:
            self.client.delete(f"/sessions/{answer['session_id']}")
        return took, sum(answer["status"] == "running" for answer in answers)


def main():
    rounds, count = (int(sys.argv[1]) if len(sys.argv) > 1 else 10), (int(sys.argv[2]) if len(sys.argv) > 2 else 20)
    pool = Pool(count)
    pool.set({"min": count, "target": count, "max_idle": 3600})
    samples, medians, hits = [], [], 0
    try:
        lines = [Creation(pool.stack.port, pool.stack.token) for _ in range(count)]
        pool.round(lines)  # the first warms all sides
        for _ in range(rounds):
            took, warm = pool.round(lines)
            samples += took
            hits += warm
            medians.append(statistics.median(took))
    finally:
        pool.set(pool.before)
    median = statistics.median(samples)
    measure.show(f"{count} creations at once from {count} warm containers, {rounds} rounds, runtime {pool.stack.runtime}",
                 {"creation, warm": samples, "median of a round": medians},
                 [f"{hits} of {len(samples)} were answered running at once", f"median {median:.1f} ms (at most {WANTED_MS} is wanted)"],
                 sys.argv[3] if len(sys.argv) > 3 else None)


if __name__ == "__main__":
    main()
