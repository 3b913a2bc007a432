# SPDX-License-Identifier: Apache-2.0
"""Sandboxes that die under their sessions: the session goes on in another one, with its files."""
import hashlib
import os
import unittest

from base import Case

MAKE = """
import os
def handler(event):
    os.makedirs('deep/er', exist_ok=True)
    with open('deep/er/made.bin', 'wb') as made:
        made.write(bytes(range(256)) * 4096)
    os.chmod('deep/er/made.bin', 0o640)
    with open('run.sh', 'w') as script:
        script.write('#!/bin/sh\\necho it runs\\n')
    os.chmod('run.sh', 0o755)
"""
LOOK = """
import hashlib, os
def handler(event):
    return {name: [hashlib.sha256(open(name, 'rb').read()).hexdigest(), os.stat(name).st_mode & 0o777] for name in event if os.path.exists(name)}
"""
SLOW = "import time\ndef handler(event):\n    time.sleep(2)\n    return 'done'"


class Replace(Case):
    def container(self, box):
        return self.client.session_status(box)["container_id"]

    def kill(self, box):
        dead = self.container(box)
        self.stack.kill_container(dead)
        return dead

    def upload(self, box, path, content):
        boundary = "xxBOUNDARYxx"
        body = (f'--{boundary}\r\nContent-Disposition: form-data; name="path"\r\n\r\n{path}\r\n--{boundary}\r\n'
                f'Content-Disposition: form-data; name="file"; filename="f"\r\n\r\n').encode() + content + f"\r\n--{boundary}--\r\n".encode()
        answer = self.client.post(f"/sessions/{box}/files/upload", body,
                                  headers={"Content-Type": f"multipart/form-data; boundary={boundary}"})
        self.assertEqual(answer.status, 200, repr(answer))

    def look(self, box, *names):
        result = self.client.run(box, LOOK, event=list(names))
        self.assert_success(result)
        return result["return_value"]

    def starts(self, execution):
        self.stack.until(lambda: self.client.get(f"/executions/{execution}/status").json["status"] == "running", 15, "it runs")

    def test_files_are_there_again(self):
        box = self.session()
        self.assert_success(self.client.run(box, MAKE))
        names = ("deep/er/made.bin", "run.sh", "gone")
        before = self.look(box, *names)
        self.assertEqual(before["deep/er/made.bin"], [hashlib.sha256(bytes(range(256)) * 4096).hexdigest(), 0o640])
        self.assertEqual(before["run.sh"][1], 0o755)
        dead = self.kill(box)
        self.assertEqual(self.look(box, *names), before)
        body = self.client.session_status(box)
        self.assertEqual((body["status"], body["restarts"]), ("running", 1))
        self.assertNotEqual(body["container_id"], dead)
        result = self.client.run(box, "./run.sh", language="shell")
        self.assertEqual((result["status"], result["stdout"]), ("success", "it runs\n"), result)
        self.client.delete(f"/sessions/{box}")
        self.stack.settle()

    def test_what_was_uploaded_and_deleted(self):
        box = self.session()
        content = os.urandom(300000)
        self.upload(box, "in/data.bin", content)
        self.upload(box, "in/not.bin", b"x")
        both = self.look(box, "in/data.bin", "in/not.bin")
        self.assertEqual(both["in/data.bin"][0], hashlib.sha256(content).hexdigest())
        self.assertEqual(self.client.delete(f"/sessions/{box}/files/in/not.bin").status, 204)
        self.kill(box)
        self.upload(box, "late.bin", b"late")  # while it is dead
        seen = self.look(box, "in/data.bin", "in/not.bin", "late.bin")
        self.assertEqual(seen, {"in/data.bin": both["in/data.bin"], "late.bin": [hashlib.sha256(b"late").hexdigest(), seen["late.bin"][1]]})

    def test_in_the_middle_of_an_execution(self):
        for retries, status, attempts in ((0, "crashed", 1), (2, "success", 2)):
            box = self.session()
            execution = self.client.submit(box, SLOW, max_retries=retries)
            self.starts(execution)
            waiting = self.client.submit(box, "def handler(event):\n    return 'waited'")
            self.kill(box)
            result = self.client.result(execution)
            self.assertEqual(result["status"], status, result)
            self.assertEqual(self.client.get(f"/executions/{execution}").json["attempts"], attempts)
            if retries == 0:
                self.assertIn("lost", result["error"]["message"])
            self.assert_success(self.client.result(waiting), "waited")
            self.assert_works(box)
            self.client.delete(f"/sessions/{box}")
        self.stack.settle()

    def test_six_times(self):
        box = self.session()
        started = self.client.session_status(box)["started_at"]
        for restarts in range(1, 6):
            self.kill(box)
            self.assert_works(box)
            body = self.client.session_status(box)
            self.assertEqual((body["status"], body["restarts"], body["started_at"]), ("running", restarts, started))
        self.kill(box)
        execution = self.client.submit(box, "print(1)")
        body = self.client.await_session(box, ("failed",))
        self.assertIn("died 6 times", body["error"]["message"])
        self.assertIn("stopped unexpectedly", body["error"]["message"])
        self.assertEqual(self.client.result(execution)["status"], "failed")
        trail = self.stack.sql(f"SELECT actor, detail FROM audit WHERE object_id = '{box}' AND action = 'replace'")
        self.assertEqual(len(trail), 5)
        self.assertTrue(all(actor == "sandbox-provisiond" and "stopped unexpectedly" in detail for actor, detail in trail), trail)
        self.stack.settle()

    def test_provisiond_dies_meanwhile(self):
        box = self.session()
        for pause in (0, 0.05, 0.2):
            execution = self.client.submit(box, SLOW, max_retries=3)
            self.starts(execution)
            self.kill(box)
            self.stack.sql(f"SELECT SLEEP({pause})")
            self.stack.kill("provisiond")
            self.stack.start()
            self.assert_success(self.client.result(execution), "done")
        self.assertEqual(self.client.session_status(box)["restarts"], 3)
        self.client.delete(f"/sessions/{box}")
        self.stack.settle()

    def test_terminated_while_it_is_replaced(self):
        box = self.session()
        execution = self.client.submit(box, SLOW, max_retries=3)
        self.starts(execution)
        self.kill(box)
        self.client.delete(f"/sessions/{box}")
        self.assertEqual(self.client.session_status(box)["status"], "terminated")
        self.assertEqual(self.client.result(execution)["status"], "failed")
        self.stack.settle()


if __name__ == "__main__":
    unittest.main()
