# SPDX-License-Identifier: Apache-2.0
"""Many sessions at once, each executing several times: every result right, none lost, none doubled."""
import concurrent.futures
import os
import threading

from base import Case

CODE = """
def handler(event):
    with open("seen", "a") as seen:
        seen.write("%d\\n" % event["n"])
    return event["n"] * event["n"] + 1
"""
COUNT = "def handler(event):\n    return sorted(int(line) for line in open('seen'))"


class Many(Case):
    def setUp(self):
        default = "200" if self.stack.runtime == "process" and not self.stack.sanitized else "20"
        self.sessions = int(os.environ.get("E2E_SESSIONS") or default)
        self.turns = 5
        self.local = threading.local()

    def mine(self):
        """A client of this thread."""
        if not hasattr(self.local, "client"):
            self.local.client = self.stack.client()
        return self.local.client

    def create(self, _):
        return self.mine().create()

    def ready(self, session):
        self.mine().await_session(session, limit=120, pause=0.5)

    def use(self, job):
        index, session = job
        client = self.mine()
        numbers = [index * self.turns + turn for turn in range(self.turns)]
        executions = [client.submit(session, CODE, event={"n": n}) for n in numbers]
        for n, execution in zip(numbers, executions):
            result = client.result(execution, limit=120)
            if result["status"] != "success" or result["return_value"] != n * n + 1:
                return f"{session}: {n}: {result}"
        seen = client.run(session, COUNT, limit=120)["return_value"]
        return None if seen == numbers else f"{session}: ran {seen}, not {numbers}"

    def test_all_right(self):
        made = []
        try:
            with concurrent.futures.ThreadPoolExecutor(64) as pool:
                made = list(pool.map(self.create, range(self.sessions)))
                self.assertEqual(len(set(made)), self.sessions)
                list(pool.map(self.ready, made))
                wrong = [problem for problem in pool.map(self.use, enumerate(made)) if problem]
            self.assertEqual(wrong, [])
            rows = self.stack.sql("SELECT COUNT(*), COUNT(DISTINCT id), MAX(attempts) FROM executions WHERE session_id IN ("
                                  + ", ".join(f"'{session}'" for session in made) + ")")
            total = self.sessions * (self.turns + 1)
            self.assertEqual(rows, [[str(total), str(total), "1"]])
        finally:
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                list(pool.map(lambda session: self.mine().delete(f"/sessions/{session}"), made))
        self.stack.settle(limit=120)
