# SPDX-License-Identifier: Apache-2.0
"""kill -9 of every part in mid-work, a database and an engine that go away: nothing lost, nothing doubled, nothing left."""
import concurrent.futures
import http.client
import os
import signal
import socket
import subprocess
import threading
import time
import unittest

import invariants
from base import Case

APPEND = "import time\ndef handler(event):\n    with open('seen', 'a') as seen:\n        seen.write('%d\\n' % event)\n" \
         "    time.sleep(0.7)\n    return event * 2"
SEEN = "def handler(event):\n    return sorted(int(line) for line in open('seen'))"


class Faults(Case):
    def tearDown(self):
        self.stack.start()
        invariants.hold(self.stack)

    def submit_many(self, boxes, count):
        return [(box, n, self.client.submit(box, APPEND, event=n)) for n in range(count) for box in boxes]

    def check_many(self, boxes, submitted, count):
        for _, n, execution in submitted:
            self.assert_success(self.client.result(execution, limit=90), n * 2)
        for box in boxes:
            self.assert_success(self.client.run(box, SEEN), list(range(count)))

    def part_is_back(self, part):
        self.stack.until(lambda: self.stack.pid(part) is None, 5, f"{part} is gone")
        self.stack.start()
        self.assertIsNotNone(self.stack.pid(part))

    def test_dispatchd_killed_in_mid_work(self):
        boxes = [self.session() for _ in range(2)]
        submitted = self.submit_many(boxes, 6)
        for _ in range(2):
            time.sleep(0.5)
            self.stack.kill("dispatchd")
            self.part_is_back("dispatchd")
        self.check_many(boxes, submitted, 6)

    def test_provisiond_killed_while_creating(self):
        made = []
        for turn in range(6):
            # other resources than the warm ones, so that each is really made
            made.append(self.client.create(resources={"cpu": "0.5"}))
            if turn % 2:
                time.sleep(0.02 * turn)
                self.stack.kill("provisiond")
                self.part_is_back("provisiond")
        for session in made:
            self.client.await_session(session, limit=40)
            self.assert_works(session)
        for session in made[:3]:
            self.client.delete(f"/sessions/{session}")
        self.stack.kill("provisiond")
        for session in made[3:]:
            self.client.delete(f"/sessions/{session}")
        self.part_is_back("provisiond")
        self.stack.settle()

    def test_worker_killed_while_clients_wait(self):
        box = self.session()
        answers, known = [], []

        def wait(n):
            client = self.stack.client()
            try:
                answer = client.post(f"/sessions/{box}/execute?wait=20", {
                    "code": "import time\ndef handler(e):\n    time.sleep(1)\n    return e", "language": "python", "event": n})
                answers.append((n, answer))
            except (OSError, http.client.HTTPException) as error:
                answers.append((n, error))

        threads = [threading.Thread(target=wait, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        victims = self.stack.worker_pids()
        self.assertEqual(len(victims), 2, victims)
        os.kill(victims[0], signal.SIGKILL)
        for thread in threads:
            thread.join(60)
        for n, answer in answers:
            if not isinstance(answer, Exception) and answer.status == 200 and "return_value" in answer.json:
                known.append(n)
                self.assertEqual(answer.json["return_value"], n)
        # whatever was accepted has ended, though its client may have lost its answer
        self.stack.until(lambda: self.client.get(f"/sessions/{box}/executions?status=completed").json["total"]
                         == self.client.get(f"/sessions/{box}/executions").json["total"], 30, "all executions ended")
        self.stack.until(lambda: len(self.stack.worker_pids()) == 2, 10, "a new worker was started")
        self.assert_works(box)

    def timely(self, client, path, status, limit=1.5):
        began = time.monotonic()
        self.assertEqual(client.get(path).status, status)
        self.assertLess(time.monotonic() - began, limit, path)

    def test_silent_connections_hold_up_nobody(self):
        """A web server that connects to the workers and says nothing, or half of it, while requests come: each costs a thread, and no more."""
        box, silent = self.session(), []
        for turn in range(6):
            for path in self.stack.run_dir.glob("web/*.sock*"):
                line = socket.socket(socket.AF_UNIX)
                self.addCleanup(line.close)
                line.connect(str(path))
                line.send(b"\x01\x01\x00"[:turn % 2 * 3])
                silent.append(line)
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda _: self.timely(self.stack.client(), f"/sessions/{box}", 200), range(16)))
        self.assertTrue(silent)
        self.assert_works(box)

    def test_database_that_hangs_holds_up_who_needs_it(self):
        box, clients = self.session(), [self.stack.client() for _ in range(8)]
        pid = self.stack.pid("mariadbd")
        os.kill(pid, signal.SIGSTOP)
        try:
            waiting = [threading.Thread(target=lambda client: answers.append(client.get(f"/sessions/{box}").status), args=(client,)) for client in clients]
            answers = []
            for thread in waiting:
                thread.start()
            for _ in range(20):
                self.timely(self.client, "/nothing", 404)
            self.assertEqual(answers, [])
        finally:
            os.kill(pid, signal.SIGCONT)
        for thread in waiting:
            thread.join(30)
        self.assertEqual(answers, [200] * 8)
        self.assert_works(box)

    def test_web_server_killed(self):
        box = self.session()
        self.stack.kill(self.stack.web)
        self.client.close()
        self.part_is_back(self.stack.web)
        self.assertEqual(len(self.stack.worker_pids()), 2)
        self.assert_works(box)

    def test_database_killed_in_mid_work(self):
        box = self.session()
        execution = self.client.submit(box, "import time\ndef handler(event):\n    time.sleep(2)\n    return 'kept'")
        self.stack.until(lambda: self.client.get(f"/executions/{execution}/status").json["status"] == "running", 10, "it runs")
        self.stack.kill("mariadbd")
        for path in ("/sessions", f"/sessions/{box}", f"/executions/{execution}/result?wait=2", "/templates"):
            answer = self.client.get(path)
            self.assert_error(answer, 503, "Sandbox.ServiceUnavailable")
            self.assertRegex(answer.headers["Retry-After"], r"^\d+$")
        answer = self.client.post("/sessions", {"template_id": "python-basic"})
        self.assert_error(answer, 503, "Sandbox.ServiceUnavailable")
        self.assertEqual(self.client.get("/health").status, 503)
        time.sleep(2.5)
        self.part_is_back("mariadbd")
        for job in ("dispatchd", "provisiond", "reap", "pool", "purge", "probe", "webhookd"):
            self.assertIsNotNone(self.stack.pid(job), f"{job} lives on without its database")
        self.assert_success(self.client.result(execution, limit=40), "kept")
        self.assert_works(box)
        self.stack.settle()

    def test_everything_killed(self):
        boxes = [self.session()]
        submitted = self.submit_many(boxes, 4)
        time.sleep(0.3)
        for part in ("dispatchd", "provisiond", self.stack.web, "mariadbd", "reap", "pool", "purge", "probe", "webhookd"):
            self.stack.kill(part)
        self.client.close()
        self.stack.start()
        self.check_many(boxes, submitted, 4)
        self.stack.settle()

    def test_sandbox_dies_under_its_session(self):
        box = self.session()
        execution = self.client.submit(box, "import time\ntime.sleep(40)", timeout=50, max_retries=0)
        self.stack.until(lambda: self.client.get(f"/executions/{execution}/status").json["status"] == "running", 10, "it runs")
        self.stack.kill_container(self.client.session_status(box)["container_id"])
        result = self.client.result(execution, limit=20)
        self.assertEqual(result["status"], "crashed")
        self.assertIn("lost", result["error"]["message"])
        self.assert_works(box)
        self.assertEqual(self.client.session_status(box)["restarts"], 1)
        self.client.delete(f"/sessions/{box}")
        self.stack.settle()


class Engine(Case):
    def tearDown(self):
        self.stack.start()
        invariants.hold(self.stack)

    def await_failure(self, session, *words):
        began = time.monotonic()
        body = self.client.await_session(session, ("failed",), limit=35)
        self.assertLess(time.monotonic() - began, 32)
        for word in words:
            self.assertIn(word, body["error"]["message"].lower(), body)

    def test_image_missing(self):
        if self.stack.runtime != "docker":
            self.skipTest("the process runtime has no images")
        image = self.stack.sql("SELECT image FROM templates WHERE id = 'python-datascience'")[0][0]
        self.stack.ctl("template", "image", "python-datascience", "sandbox/none:1")
        try:
            session = self.client.create("python-datascience")
            execution = self.client.submit(session, "print(1)")
            self.await_failure(session, "image", "sandbox/none:1")
            self.assertEqual(self.client.result(execution, limit=10)["status"], "failed")
        finally:
            self.stack.ctl("template", "image", "python-datascience", image)
        self.stack.settle()

    def test_engine_down(self):
        if self.stack.runtime != "docker":
            self.skipTest("the process runtime has no engine")
        link = self.stack.run_dir / "docker.sock"
        if not link.is_symlink():
            self.skipTest("this stack reaches its engine without a link that could be taken away")
        target = os.readlink(link)
        # a provisioner that meets its engine down, and later up; the one before may keep a connection to it
        self.stack.kill("provisiond")
        link.unlink()
        provisiond = subprocess.Popen([self.stack.lib_dir / "bin" / "sandbox-provisiond", "--config",
                                       self.stack.run_dir / "sandbox.conf"], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(2):
                answer = self.client.post("/sessions", {"template_id": "python-basic", "resources": {"cpu": "0.5"}})
                if answer.status == 503:
                    self.assert_error(answer, 503, "Sandbox.ServiceUnavailable")
                else:
                    self.assertEqual(answer.status, 201, repr(answer))
                    self.await_failure(answer.json["session_id"], "engine")
            link.symlink_to(target)
            self.stack.until(self.creation_works, 40, "service resumes by itself")
        finally:
            provisiond.terminate()
            provisiond.wait(20)
        self.stack.start()
        self.stack.settle()

    def creation_works(self):
        answer = self.client.post("/sessions", {"template_id": "python-basic", "resources": {"cpu": "0.5"}})
        if answer.status != 201:
            return False
        body = self.client.await_session(answer.json["session_id"], ("running", "failed"))
        self.client.delete(f"/sessions/{answer.json['session_id']}")
        return body["status"] == "running"


if __name__ == "__main__":
    unittest.main()
