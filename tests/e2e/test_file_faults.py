# SPDX-License-Identifier: Apache-2.0
"""What dies or goes away while files are moved: results come, files stay whole, nothing is lost or listed twice."""
import http.client
import os
import signal
import socket
import threading
import time
import unittest

import invariants
from files import BOUNDARY, FileCase, address_of, multipart, sha256, upload

MANY = "import os\nos.makedirs('many')\nfor n in range(%d):\n    with open('many/%%d' %% n, 'w') as file:\n        file.write('content of %%d' %% n)"
SUMS = "import hashlib, os\ndef handler(event):\n    return {name: hashlib.sha256(open(os.path.join(event, name), 'rb').read()).hexdigest()" \
       " for name in sorted(os.listdir(event))}"


class FileFaults(FileCase):
    def setUp(self):
        super().setUp()
        default = 1000 if self.stack.sanitized or self.driver == "s3" else 4000
        self.count = int(os.environ.get("E2E_FILES") or (10000 if os.environ.get("SANDBOX_LONG") else default))

    def tearDown(self):
        self.stack.start()
        invariants.hold(self.stack)
        super().tearDown()

    def rows(self, what="COUNT(*)", where="TRUE"):
        return int(self.stack.sql(f"SELECT {what} FROM workspace_files WHERE session_id = '{self.box}' AND {where}")[0][0])

    def kill_dispatchd(self):
        self.stack.kill("dispatchd")
        self.stack.start()

    def check_many(self):
        self.assertEqual(self.total(), self.count)
        self.assertEqual(set(self.listing()), {f"many/{n}" for n in range(self.count)})
        for n in (0, 1, self.count // 2, self.count - 1):
            self.assert_stored(f"many/{n}", b"content of %d" % n)
        sums = self.stack.sql(f"SELECT workspace_files, workspace_bytes FROM sessions WHERE id = '{self.box}'")[0]
        self.assertEqual(sums, [str(self.count), str(self.rows("SUM(size)"))], "the session's sums")
        self.assertEqual(self.rows("COUNT(DISTINCT object_id)"), self.count)

    def test_killed_while_it_fetches_many(self):
        execution = self.client.submit(self.box, MANY % self.count, timeout=60)
        for part in (5, 2):
            self.stack.until(lambda: self.rows() > self.count // part, 90, "some are stored")
            self.assertEqual(self.client.get(f"/executions/{execution}/result").status, 202, "no result before its files")
            self.kill_dispatchd()
        self.assert_success(self.client.result(execution, limit=120))
        about = self.client.get(f"/executions/{execution}").json
        self.assertEqual(len(about["artifacts"]) + about["artifacts_skipped"], self.count)
        self.check_many()

    def test_killed_while_it_fetches_a_large_one(self):
        size = (30 if self.stack.sanitized or self.driver == "s3" else 150) << 20
        execution = self.client.submit(self.box, f"with open('large', 'wb') as file:\n    for n in range({size >> 20}):\n"
                                                 "        file.write(bytes([n]) * (1 << 20))", timeout=60)
        for pause in (0.4, 0.7, 1.0):
            time.sleep(pause)
            self.kill_dispatchd()
        self.assert_success(self.client.result(execution, limit=120))
        self.assertEqual(sorted(self.listing()), ["large"])
        self.assertEqual(sha256(self.get("large")), sha256(b"".join(bytes([n]) * (1 << 20) for n in range(size >> 20))))

    def test_killed_while_it_brings_files(self):
        wanted = {}
        for n in range(200):
            data = os.urandom(100 if n % 20 else 3 << 20)
            wanted[str(n)] = sha256(data)
            self.put(f"up/{n}", data)
        execution = self.client.submit(self.box, SUMS, event="up", timeout=60)
        for left in (150, 50):
            self.stack.until(lambda: self.rows(where="pending") < left, 60, "some are there")
            self.kill_dispatchd()
        self.assert_success(self.client.result(execution, limit=60), wanted)
        self.assertEqual(self.total(), 200)

    def test_container_killed(self):
        """Its successor has everything: contents, permissions, and what was uploaded meanwhile."""
        self.make("mkdir -p bin && printf '#!/bin/sh\\necho it runs\\n' > bin/run && chmod 755 bin/run && seq 1000 > numbers", "shell")
        self.put("up", b"up")
        old = self.client.session_status(self.box)["container_id"]
        self.stack.kill_container(old)
        self.put("meanwhile", b"meanwhile")
        result = self.client.run(self.box, "bin/run && cat up meanwhile && tail -n 1 numbers && stat -c %a bin/run", "shell", limit=90, max_retries=3)
        for _ in range(2):  # the first may be the one that finds out
            if result["status"] == "success":
                break
            result = self.client.run(self.box, "bin/run && cat up meanwhile && tail -n 1 numbers && stat -c %a bin/run", "shell", limit=90, max_retries=3)
        self.assert_success(result)
        self.assertEqual(result["stdout"], "it runs\nupmeanwhile1000\n755\n")
        self.assertNotEqual(self.client.session_status(self.box)["container_id"], old)
        self.assertEqual(sorted(self.listing()), ["bin/run", "meanwhile", "numbers", "up"])

    def test_worker_killed_in_mid_upload(self):
        """The file is what it was, or what it becomes; never something between."""
        contents = [b"old content", os.urandom(1 << 20) * 40]
        self.put("file", contents[0])
        for pause in (0.05, 0.1, 0.2, 0.3):
            answers = []
            sender = threading.Thread(target=self.send, args=(contents[1], answers))
            victims = self.stack.worker_pids()
            sender.start()
            time.sleep(pause)
            for pid in victims:
                os.kill(pid, signal.SIGKILL)
            sender.join(60)
            self.client.close()
            self.stack.until(lambda: len(set(self.stack.worker_pids()) - set(victims)) == len(victims), 15, "new workers")
            self.stack.until(lambda: self.client.get("/health").status == 200, 15, "they answer")
            now = self.get("file")
            self.assertIn(now, contents[1:] if answers == [200] else contents)
            self.assertEqual(self.listing()["file"]["etag"].strip('"'), sha256(now))
        self.put("file", b"new content")
        self.assert_stored("file", b"new content")
        self.assertEqual(sorted(self.listing()), ["file"])

    def send(self, data, answers):
        client = self.stack.client()
        try:
            answers.append(upload(client, self.box, "file", data).status)
        except (OSError, http.client.HTTPException) as error:
            answers.append(error)
        client.close()

    def test_cut_upload(self):
        """Whoever hangs up in the middle changes nothing."""
        self.put("file", b"old content")
        head, _ = multipart("x", "file")
        for sent in (b"", head[:40], head, head + b"x" * 100, head + b"x" * (4 << 20)):
            with socket.create_connection(("127.0.0.1", self.stack.port), 20) as line:
                line.sendall(f"POST /api/v1{address_of(self.box, 'upload')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.stack.token}\r\n"
                             f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {8 << 20}\r\n\r\n".encode() + sent)
        self.assert_works(self.box)
        self.assert_stored("file", b"old content")
        self.assertEqual(sorted(self.listing()), ["file"])


class Storage(FileCase):
    """Storage is taken away, and comes back."""

    def setUp(self):
        super().setUp()
        self.taken = False
        self.place = self.stack.lib_dir / "workspaces"
        self.away = self.stack.lib_dir / "workspaces-away"

    def tearDown(self):
        self.bring_back()
        super().tearDown()

    def take_away(self):
        self.taken = True
        if self.driver == "s3":
            self.stack.kill("swift")
        else:
            self.place.rename(self.away)

    def bring_back(self):
        if not self.taken:
            return
        self.taken = False
        if self.away.exists():
            self.away.rename(self.place)
        self.stack.start()

    def storage_status(self):
        answer = self.client.get("/health/detailed")
        return answer.status, answer.json["storage"]["status"]

    def test_taken_away(self):
        self.put("old", b"old content")
        self.assert_works(self.box)  # now its sandbox has the file, too
        self.assertEqual(self.storage_status(), (200, "healthy"))
        self.take_away()
        answer = upload(self.client, self.box, "old", b"new content")
        self.assert_error(answer, 503, "Sandbox.ServiceUnavailable")
        self.assertRegex(answer.headers["Retry-After"], r"^\d+$")
        self.assert_error(self.client.get(address_of(self.box, "old")), 503, "Sandbox.ServiceUnavailable")
        self.stack.until(lambda: self.storage_status() == (503, "unhealthy"), 15, "health tells")
        self.assertEqual(sorted(self.listing()), ["old"])
        # what needs no storage goes on; what does, says so
        self.assertEqual(self.client.run(self.box, "print(1)", limit=60)["status"], "success")
        execution = self.client.submit(self.box, "open('made', 'w').write('made')")
        time.sleep(1.5)
        self.bring_back()
        result = self.client.result(execution, limit=60)
        if result["status"] != "success":
            self.assertEqual((result["status"], result["error"]["kind"]), ("failed", "storage"), result)
            self.assert_success(self.client.run(self.box, "print(2)"))  # stored with the next
        self.stack.until(lambda: self.storage_status() == (200, "healthy"), 15, "health tells")
        self.assert_stored("old", b"old content")
        self.assert_stored("made", b"made")
        self.put("old", b"new content")
        self.assert_stored("old", b"new content")

    def test_back_in_time(self):
        """A short absence in mid-work is nobody's concern but the log's."""
        execution = self.client.submit(self.box, MANY % 1000, timeout=60)
        time.sleep(0.3)
        self.take_away()
        time.sleep(0.5)
        self.bring_back()
        result = self.client.result(execution, limit=90)
        if result["status"] != "success":
            self.assertEqual(result["error"]["kind"], "storage", result)
            self.assert_success(self.client.run(self.box, "print(2)", limit=60))
        self.assertEqual(self.total(), 1000)
        self.assert_stored("many/999", b"content of 999")


if __name__ == "__main__":
    unittest.main()
