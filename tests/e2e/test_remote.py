# SPDX-License-Identifier: Apache-2.0
"""An engine that is reached over TCP with TLS alone, as one on another host is: sessions, executions and files through it."""
import os
import shutil
import socket
import subprocess
import tempfile
import unittest

from base import Case
from files import fetch, upload
from stack import TOP

TEMPLATE = "e2e-remote"
NODE = "e2e-remote"
IMAGE = "sandbox/shell:test"
SCRIPT = TOP / "tests" / "tls-engine.sh"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@unittest.skipUnless(os.environ.get("SANDBOX_RUNTIME") == "docker", "the node is a Docker Engine")
@unittest.skipUnless(shutil.which("openssl"), "openssl makes the certificates")
class Remote(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = cls.stack.client(cls.stack.make_token("operator", "sessions,templates,admin"))
        cls.engine = tempfile.mkdtemp(prefix="te-", dir="/var/tmp")
        cls.port = free_port()
        try:
            cls.script("start", str(cls.port))
            cls.stack.ctl("nodes", "add", NODE, "--engine", f"tcp://127.0.0.1:{cls.port}", "--tls-dir", f"{cls.engine}/client", "--max-containers", "4")
            answer = cls.admin.post("/templates", {"id": TEMPLATE, "name": "Far away", "image": IMAGE, "languages": ["shell"],
                                                   "default_resources": {"cpu": "0.5", "memory": "256Mi"}})
            assert answer.status == 201, repr(answer)
            cls.stack.until(lambda: cls.stack.sql(f"SELECT COUNT(*) FROM node_images WHERE node_id = '{NODE}' AND image = '{IMAGE}'") == [["1"]],
                            20, "its images are known")
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        try:
            cls.stack.ctl("nodes", "remove", NODE, "--force")
            cls.admin.request("DELETE", f"/templates/{TEMPLATE}")
        finally:
            cls.admin.close()
            cls.script("stop")

    @classmethod
    def script(cls, command, *more):
        subprocess.run(["sh", str(SCRIPT), command, cls.engine, *more], check=True, timeout=60, stdin=subprocess.DEVNULL)

    def containers(self):
        said = subprocess.run(["docker", "-H", f"unix://{self.engine}/docker.sock", "ps", "--format", "{{.Names}}"], capture_output=True, text=True, check=True)
        return {name.removeprefix("sandbox-") for name in said.stdout.split()}

    def says(self, box, code, wanted):
        result = self.client.run(box, code, language="shell")
        self.assert_success(result)
        self.assertEqual(result["stdout"], wanted)
        return result

    def test_life(self):
        boxes = [self.session(TEMPLATE) for _ in range(2)]
        ours = {self.client.session_status(box)["container_id"] for box in boxes}
        self.assertEqual(self.containers(), ours, "they are there, and nothing else is")
        for number, box in enumerate(boxes):
            data = os.urandom(300_000) + bytes([number])
            self.assertEqual(upload(self.client, box, "in.bin", data).status, 200)
            self.says(box, "cat in.bin > out.bin; echo $?; cat /proc/net/dev | grep -c eth; true", "0\n0\n")
            self.assertEqual(fetch(self.client, box, "out.bin").body, data)
        many = [self.client.submit(box, f"sleep 0.2; echo {n}", language="shell") for n in range(6) for box in boxes]
        self.assertEqual([self.client.result(execution)["stdout"] for execution in many], [f"{n}\n" for n in range(6) for _ in boxes])
        self.cancelled(boxes[0])
        self.looked_at(boxes[1])
        self.survives_provisiond(boxes[1])
        for box in boxes:
            self.client.delete(f"/sessions/{box}")
        self.stack.until(lambda: not self.containers(), 15, "they are removed")

    def cancelled(self, box):
        execution = self.client.submit(box, "sleep 60", language="shell")
        self.stack.until(lambda: self.client.get(f"/executions/{execution}").json["status"] == "running", 10, "it runs")
        self.assertIn(self.client.post(f"/executions/{execution}/cancel").status, (200, 202))
        self.assertEqual(self.client.result(execution)["status"], "cancelled")

    def looked_at(self, box):
        answer = self.admin.get(f"/containers/{self.client.session_status(box)['container_id']}/logs")
        self.assertEqual(answer.status, 200, repr(answer))
        self.assertIn("HTTP server listening", answer.body.decode())

    def survives_provisiond(self, box):
        """The way to the executor ends with it; what runs is fetched when it is back."""
        execution = self.client.submit(box, "sleep 2; echo still here", language="shell")
        self.stack.until(lambda: self.client.get(f"/executions/{execution}").json["status"] == "running", 10, "it runs")
        self.stack.kill("provisiond")
        self.stack.start()
        self.assertEqual(self.client.result(execution)["stdout"], "still here\n")
