# SPDX-License-Identifier: Apache-2.0
"""The reference quickstart's complete workflow and SDK example, unchanged but for token and address."""
import ast
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from base import Case
from stack import TOP

# where the reference is laid: beside the project, or where SANDBOX_REFERENCE says
REFERENCE = pathlib.Path(os.environ.get("SANDBOX_REFERENCE", TOP.parent / "shared" / "reference")) \
    / "control-plane-quickstart.md"


def code_block(heading, language):
    """The first block of `language` under `heading`."""
    section = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", REFERENCE.read_text(), re.M | re.S).group(1)
    return re.search(rf"^```{language}\n(.*?)^```$", section, re.M | re.S).group(1)


class Reference(Case):
    def setUp(self):
        if not REFERENCE.exists():
            self.skipTest(f"{REFERENCE} is not here")
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def run_file(self, name, text, *command):
        path = pathlib.Path(self.directory.name) / name
        path.write_text(text)
        return subprocess.run([*command, str(path)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90,
                              env={"PATH": "/usr/bin:/bin", "API_TOKEN": self.stack.token, "LANG": "C.UTF-8",
                                   "API_BASE": f"{self.stack.address}/api/v1", **self.trust()})

    def trust(self):
        """What makes curl and requests trust the stack's certificate."""
        authority = self.stack.authority
        return {"CURL_CA_BUNDLE": authority, "REQUESTS_CA_BUNDLE": authority} if authority else {}

    def test_complete_workflow(self):
        done = self.run_file("workflow.sh", code_block("Complete Workflow Example", "bash"), "bash")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        lines = [line for line in done.stdout.splitlines() if not line.startswith("Execution status: ")]
        self.assertRegex(lines[0], r"^Created session: sess_[a-z0-9]{16}$")
        self.assertRegex(lines[1], r"^Submitted execution: exec_\d{8}_[a-z0-9]{8}$")
        decoder = json.JSONDecoder()
        rest = "\n".join(lines[2:])
        result, end = decoder.raw_decode(rest)
        message = json.loads(rest[end:])
        self.assertEqual((result["status"], result["return_value"]), ("success", {"result": 42}))
        self.assertLessEqual({"execution_id", "status", "stdout", "stderr", "exit_code", "execution_time", "return_value",
                              "metrics"}, set(result))
        self.assertEqual(message, {"message": "Session terminated successfully"})

    def test_sdk_example(self):
        text = code_block("Python SDK Example", "python")
        changed = text.replace("http://localhost:8000/api/v1", f"{self.stack.address}/api/v1") \
            .replace("your-token", self.stack.token)
        self.assertEqual(text.count("your-token"), 1)
        done = self.run_file("sdk.py", changed, "/usr/bin/python3")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        result = ast.literal_eval(done.stdout)
        self.assertEqual((result["status"], result["return_value"]), ("success", {"result": 42}))

    def test_examples_of_the_guide(self):
        """Each single example of execution, with the answer that the guide prints."""
        box = self.session()
        blocks = re.findall(r"-d '(\{.*?\n  \})'", REFERENCE.read_text(), re.S)
        bodies = [json.loads(block) for block in blocks]
        ran = 0
        for body in bodies:
            if "code" not in body:
                continue
            answer = self.client.post(f"/sessions/{box}/execute?wait=20", body)
            self.assertEqual((answer.status, answer.json["status"]), (200, "success"), repr(answer))
            ran += 1
        self.assertGreaterEqual(ran, 2)

    def test_upload_and_download(self):
        """As printed, but for the session's id and the file that is sent."""
        box = self.session()
        source = pathlib.Path(self.directory.name) / "input.csv"
        source.write_text("x,y\n" + "".join(f"{n},{n * n}\n" for n in range(100)))
        done = self.run_in(box, code_block("6. Uploading Files", "bash").replace("/path/to/input.csv", str(source)))
        self.assertEqual(json.loads(done.stdout), {"path": "data/input.csv", "size": source.stat().st_size}, done)
        result = self.client.run(box, "import os, shutil\nos.mkdir('output')\nshutil.copy('data/input.csv', 'output/result.csv')")
        self.assert_success(result)
        self.assertEqual(result["artifacts"], ["output/result.csv"])
        self.run_in(box, code_block("7. Downloading Files", "bash"))
        self.assertEqual((pathlib.Path(self.directory.name) / "result.csv").read_text(), source.read_text())

    def run_in(self, box, text):
        """With the directory of the test as the current one."""
        self.assertIn("sess_abc123def4567890", text)
        done = self.run_file("example.sh", f"cd {self.directory.name}\n" + text.replace("sess_abc123def4567890", box), "bash")
        self.assertEqual(done.returncode, 0, done)
        return done


if __name__ == "__main__":
    unittest.main()
