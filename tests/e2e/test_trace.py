# SPDX-License-Identifier: Apache-2.0
"""?trace=1: where the time of one execution went."""
import time

from base import Case

CODE = {"code": "import time\ndef handler(event):\n    time.sleep(0.05)\n    return event['n'] + 1", "language": "python", "event": {"n": 41}}
WAITED = ["guard", "insert", "ring", "claim", "send", "start", "run", "collect", "store", "wake", "answer"]


class Trace(Case):
    def names(self, trace):
        """The steps' names; each number is checked for sense."""
        self.assertEqual(sum(step["us"] for step in trace["steps"]), trace["total_us"], trace)
        self.assertTrue(all(step["us"] >= 0 for step in trace["steps"]), trace)
        return [step["step"] for step in trace["steps"]]

    def us(self, trace, *names):
        return sum(step["us"] for step in trace["steps"] if step["step"] in names)

    def test_waited_for(self):
        box = self.session()
        for path in ("execute?wait=20&trace=1", "execute-sync?trace=1"):
            with self.subTest(path):
                began = time.monotonic()
                answer = self.client.post(f"/sessions/{box}/{path}", CODE)
                took_us = (time.monotonic() - began) * 1e6
                self.assert_success(answer.json, 42)
                trace = answer.json["trace"]
                self.assertEqual(self.names(trace), WAITED)
                self.assertEqual(trace["attempts"], 1)
                self.assertLessEqual(trace["total_us"], took_us)
                self.assertAlmostEqual(self.us(trace, "run") / 1000, answer.json["metrics"]["duration_ms"], delta=0.002)
                self.assertGreaterEqual(self.us(trace, "run"), 50000)

    def test_read_later(self):
        box = self.session()
        answer = self.client.post(f"/sessions/{box}/execute?trace=1", CODE)
        self.assertNotIn("trace", answer.json)
        execution = answer.json["execution_id"]
        waited = self.client.get(f"/executions/{execution}/result?wait=20&trace=1").json["trace"]
        self.assertEqual(self.names(waited)[-3:], ["store", "wake", "answer"])
        self.assertGreater(self.us(waited, "run"), 50000)
        later = self.client.get(f"/executions/{execution}/result?trace=1").json["trace"]
        self.assertEqual(self.names(later), self.names(waited)[:-3])
        self.assertNotIn("trace", self.client.get(f"/executions/{execution}/result").json)

    def test_files_are_steps(self):
        box = self.session()
        self.client.run(box, "open('here.txt', 'w').write('x')")
        self.assertEqual(self.client.delete(f"/sessions/{box}/files/here.txt").status, 204)
        answer = self.client.post(f"/sessions/{box}/execute?wait=20&trace=1", {"code": "open('there.txt', 'w').write('x')", "language": "python"})
        self.assertEqual(answer.json["artifacts"], ["there.txt"])
        names = self.names(answer.json["trace"])
        self.assertEqual(names[names.index("claim") + 1], "files_in")
        self.assertEqual(names[names.index("collect") + 1], "files_out")

    def test_failures_have_one(self):
        box = self.session()
        for code, status in (("1 / 0", "failed"), ("while True: pass", "timeout")):
            with self.subTest(status):
                answer = self.client.post(f"/sessions/{box}/execute?wait=20&trace=1", {"code": code, "language": "python", "timeout": 1})
                self.assertEqual(answer.json["status"], status)
                self.assertEqual(self.names(answer.json["trace"]), WAITED)

    def test_without_asking_there_is_none(self):
        box = self.session()
        answer = self.client.post(f"/sessions/{box}/execute?wait=20", CODE)
        self.assertNotIn("trace", answer.json)
        execution = answer.json["execution_id"]
        self.assertIsNone(self.client.get(f"/executions/{execution}/result?trace=1").json["trace"])

    def test_only_for_admins(self):
        box = self.session()
        execution = self.client.submit(box, "1")
        self.client.result(execution)
        plain = self.stack.client(self.stack.make_token("quickstart"))
        self.addCleanup(plain.close)
        before = self.client.get(f"/sessions/{box}/executions").json["total"]
        for path in ("execute?trace=1", "execute?wait=5&trace=1", "execute-sync?trace=1"):
            self.assert_error(plain.post(f"/sessions/{box}/{path}", CODE), 403, "Sandbox.Forbidden")
        self.assert_error(plain.get(f"/executions/{execution}/result?trace=1"), 403, "Sandbox.Forbidden")
        self.assertEqual(plain.get(f"/executions/{execution}/result?trace=0").status, 200)
        self.assertEqual(self.client.get(f"/sessions/{box}/executions").json["total"], before)
