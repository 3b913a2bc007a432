# SPDX-License-Identifier: Apache-2.0
"""64 clients that send good and bad requests of every kind at once: no answer but the documented ones, no worker that ends or grows,
every execution that was accepted ends, and nothing is left behind. SANDBOX_HAMMER_S: how long (12; 15 under sanitizers; 60 in long mode, and on until memory is flat; memory is
judged from 30 on)."""
import collections
import json
import os
import pathlib
import re
import subprocess
import sys

from base import Case
from test_webhooks import Receiver

PROCESSES, CLIENTS = 4, 16
LEAK = 100  # bytes a request that would be found
ROUNDS = 10


class Hammer(Case):
    def setUp(self):
        self.seconds = int(os.environ.get("SANDBOX_HAMMER_S") or (15 if self.stack.sanitized else 60 if os.environ.get("SANDBOX_LONG") else 12))
        self.owner = "hammer"
        self.token = self.stack.make_token(self.owner, "sessions,templates,admin")
        self.counts, self.accepted, self.receiver = collections.Counter(), [], Receiver()
        self.addCleanup(self.receiver.stop)

    def tearDown(self):
        client = self.stack.client(self.token)
        while sessions := [s["session_id"] for status in ("creating", "running")
                           for s in client.get(f"/sessions?status={status}&limit=200").json["sessions"]]:
            for session in sessions:
                client.delete(f"/sessions/{session}")
        for (template,) in self.stack.sql("SELECT id FROM templates WHERE id LIKE 'hammer-%'"):
            client.delete(f"/templates/{template}")
        client.close()

    def memory(self):
        """What each worker holds of its own, in bytes."""
        held = {}
        for pid in self.stack.worker_pids():
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            held[pid] = int(re.search(r"RssAnon:\s+(\d+)", status)[1]) * 1024
        return held

    def hammer(self, seconds, round_number):
        """The number of answers."""
        processes = [subprocess.Popen([sys.executable, str(pathlib.Path(__file__).with_name("hammer.py")), str(seconds), str(CLIENTS),
                                       str(round_number * PROCESSES + n)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                      env={**os.environ, "HAMMER_TOKEN": self.token, "HAMMER_HOOK": self.receiver.url("/hammer")}) for n in range(PROCESSES)]
        wrong, before = [], sum(self.counts.values())
        for process in processes:
            output, _ = process.communicate(timeout=seconds + 180)
            self.assertEqual(process.returncode, 0)
            report = json.loads(output)
            self.counts.update(report["counts"])
            self.accepted += report["accepted"]
            wrong += report["wrong"]
        if wrong:
            self.fail(f"{len(wrong)} wrong answers:\n" + "\n".join(wrong[:15]))
        return sum(self.counts.values()) - before

    def unfinished(self):
        return int(self.stack.sql(f"SELECT COUNT(*) FROM executions WHERE owner = '{self.owner}' AND status IN ('pending', 'running')")[0][0])

    def round(self, number):
        """Some seconds of it: how many requests there were, and how many bytes more the workers hold after them. The first gives each
        thread of the workers each kind of request."""
        before = self.memory()
        requests = self.hammer(self.seconds / 3 if number > 0 else 0, number)
        after = self.memory()
        self.assertEqual(set(after), set(before), "workers have ended")
        grown = sum(after.values()) - sum(before.values())
        print(f"          {requests} requests: workers hold {sum(after.values()) >> 20} MiB, {grown / requests:.0f} bytes a request more", flush=True)
        return requests, grown

    def hammer_until_flat(self):
        """For so long, and on while there is growth: each thread keeps memory for each statement that it has used; a leak has no end."""
        # sanitizers keep freed memory for a while, and find leaks themselves; short rounds end before threads have what they keep: then
        # the first round, which gives it to them, is for nothing
        judged = not self.stack.sanitized and self.seconds >= 30
        for number in range(0 if judged else 1, ROUNDS):
            requests, grown = self.round(number)
            if number >= 3 and (grown < LEAK * requests or not judged):
                return
        self.fail(f"{grown / requests:.0f} bytes a request were not given back")

    def test_hammer(self):
        self.hammer_until_flat()
        print(f"          {dict(sorted(self.counts.items()))}; {len(self.accepted)} executions", flush=True)
        for status in ("200", "201", "202", "400", "401", "404", "413", "cut"):
            self.assertGreater(self.counts[status], 0, f"{status}: {self.counts}")
        self.stack.until(lambda: self.unfinished() == 0, 120, "every execution ends")
        found = {row[0] for row in self.stack.sql(f"SELECT id FROM executions WHERE owner = '{self.owner}'")}
        self.assertEqual(set(self.accepted) - found, set(), "executions that were accepted are not there")
        self.tearDown()
        self.stack.settle(limit=120)
        self.assertEqual(self.stack.sql(f"SELECT COUNT(*) FROM sessions WHERE owner = '{self.owner}' AND status IN ('creating', 'running')"), [["0"]])
        self.assertEqual(self.stack.sql("SELECT (SELECT COUNT(*) FROM cancellations), (SELECT COUNT(*) FROM templates WHERE id LIKE 'hammer-%')"),
                         [["0", "0"]])
        self.expect_webhooks()
        self.assertEqual(self.stack.worker_deaths(), self.deaths)

    def expect_webhooks(self):
        """One for each that asked for it, and each was told, perhaps twice."""
        mine = f"owner = '{self.owner}'"
        self.stack.until(lambda: self.stack.sql(f"SELECT COUNT(*) FROM webhooks WHERE {mine} AND status <> 'delivered'") == [["0"]], 120,
                         "every webhook is delivered")
        asked = self.stack.sql(f"SELECT CONCAT('msg_', id) FROM executions WHERE {mine} AND callback_url IS NOT NULL UNION ALL"
                               f" SELECT CONCAT('msg_', id) FROM sessions WHERE {mine} AND callback_url IS NOT NULL")
        self.assertGreater(len(asked), 0)
        self.assertEqual({identity for identity, in asked}, {headers["webhook-id"] for headers, _ in self.receiver.got("/hammer")})
