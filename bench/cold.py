#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A creation that finds nothing warm, until its session is `running`, beside `docker run -d` of the same image: in turn within one run.
cold.py [ROUNDS [JSON]], against the stack of SANDBOX_HOME and SANDBOX_PORT with SANDBOX_RUNTIME=docker. Between the two everything made is
removed, and waited for. It only measures: no number makes it fail."""
import statistics
import subprocess
import sys
import time
import uuid

sys.dont_write_bytecode = True
sys.path.insert(0, __file__.rpartition("/")[0] + "/../tests/e2e")
import measure  # noqa: E402
from stack import Stack  # noqa: E402

TEMPLATE, WANTED = "python-basic", 1.25
RESOURCES = {"cpu": "0.5"}  # no warm one has this
# what our sandboxes have, for comparison: limits, no network, a root that is read only, a few capabilities
HARDENED = ["--network", "none", "--read-only", "--cap-drop", "ALL", "--cap-add", "SETUID", "--cap-add", "SETGID", "--cap-add", "KILL",
            "--security-opt", "no-new-privileges", "--memory", "512m", "--cpus", "0.5", "--pids-limit", "128", "--tmpfs", "/tmp"]


def timed(action):
    began = time.perf_counter()
    result = action()
    return (time.perf_counter() - began) * 1000, result


class Cold:
    def __init__(self):
        self.stack = Stack()
        if self.stack.runtime != "docker":
            raise SystemExit("bench: cold.py needs a stack with SANDBOX_RUNTIME=docker")
        self.client = self.stack.client()
        self.image = self.stack.sql(f"SELECT image FROM templates WHERE id = '{TEMPLATE}'")[0][0]

    def settle(self):
        self.stack.until(lambda: self.stack.busy_containers() == 0, 120, "nothing is being made or removed")

    def create(self):
        """As a client that asks again as soon as it may."""
        session = self.client.create(TEMPLATE, resources=RESOURCES)
        while (status := self.client.session_status(session)["status"]) == "creating":
            time.sleep(0.002)
        if status != "running":
            raise SystemExit(f"bench: {self.client.session_status(session)}")
        return session

    def run(self, arguments):
        return subprocess.run(["docker", "run", "-d", "--name", f"bench-{uuid.uuid4().hex[:12]}", *arguments, self.image, "sleep", "600"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=True).stdout.strip()

    def remove(self, container):
        subprocess.run(["docker", "rm", "-f", container], stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=True)

    def turn(self, rows):
        for name, make, remove in (("create, cold, until running", self.create, lambda made: self.client.delete(f"/sessions/{made}")),
                                   ("docker run -d of the same image", lambda: self.run([]), self.remove),
                                   ("docker run -d, hardened as ours", lambda: self.run(HARDENED), self.remove)):
            self.settle()
            took, made = timed(make)
            rows.setdefault(name, []).append(took)
            remove(made)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    cold, rows = Cold(), {}
    cold.turn({})  # the first warms all sides
    for _ in range(rounds):
        cold.turn(rows)
    cold.settle()
    ours, theirs, alike = (statistics.median(samples) for samples in rows.values())
    facts = [f"ratio of the medians {ours / theirs:.2f} (at most {WANTED} is wanted); to one with the same limits {ours / alike:.2f}"]
    measure.show(f"cold creation beside docker run, {rounds} rounds in turn, image {cold.image}", rows, facts, sys.argv[2] if len(sys.argv) > 2 else None)


if __name__ == "__main__":
    main()
