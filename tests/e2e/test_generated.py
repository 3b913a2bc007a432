# SPDX-License-Identifier: Apache-2.0
"""Good and bad requests that schemathesis generates from docs/openapi.json, every operation: never a server error, only documented
statuses, content types and bodies, and what the document forbids is refused. SANDBOX_LONG=1: more of them."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from base import Case
from document import PATH
from tools import Missing, tools_python

LONG = bool(os.environ.get("SANDBOX_LONG"))
CONFIG = """
[auth.openapi]
token = { bearer = "${SCHEMATHESIS_TOKEN}" }
container = { bearer = "${SCHEMATHESIS_SECRET}" }
[checks]
enabled = false
not_a_server_error = { enabled = true, expected-statuses = ["2xx", "3xx", "4xx", 503] }
status_code_conformance.enabled = true
content_type_conformance.enabled = true
response_schema_conformance.enabled = true
negative_data_rejection.enabled = true
[phases.coverage]
unexpected-methods = []
[phases.stateful]
enabled = false
"""


class Generated(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        try:
            cls.python = tools_python(cls.stack.home)
        except Missing as missing:
            raise unittest.SkipTest(str(missing)) from missing

    def real_things(self):
        """One of each kind, of an owner of its own, and the secret of the session's container."""
        session, victim = self.session(), self.session()
        execution = self.client.submit(session, "def handler(event):\n    return 1")
        self.client.result(execution)
        self.client.request("DELETE", "/templates/generated")
        self.client.post("/templates", {"id": "generated", "name": "Generated", "image": "example/image"})
        secret, container = self.stack.sql(f"SELECT secret, id FROM containers WHERE session_id = '{session}'")[0]
        return secret, {"sessions": session, "victim": victim, "executions": execution, "templates": "generated", "containers": container,
                        "nodes": "node-01"}

    def examples(self):
        """Of each operation, by chance; what follows from the document's limits comes on top. Docker is slow at making sessions."""
        if self.stack.sanitized or self.stack.runtime == "docker":
            return 100 if LONG else 8
        return 400 if LONG else 30

    def test_generated__requests(self):
        secret, real = self.real_things()
        base = f"http://127.0.0.1:{self.stack.port}/api/v1"
        with tempfile.TemporaryDirectory() as place:
            config = pathlib.Path(place) / "schemathesis.toml"
            config.write_text(CONFIG)
            done = subprocess.run(
                [self.python, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(PATH), "--url", base, "--seed", "1",
                 "--generation-deterministic", "--max-examples", str(self.examples()),
                 "--max-failures", "20", "--request-timeout", "60", "--warnings", "off", "--no-color", "--workers", "1",
                 "--suppress-health-check", "all"],
                cwd=place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=3600 if LONG else 600,
                env={**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parent), "PYTHONDONTWRITEBYTECODE": "1",
                     "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "SCHEMATHESIS_BASE": base, "SCHEMATHESIS_TOKEN": self.stack.token,
                     "SCHEMATHESIS_SECRET": secret, "SCHEMATHESIS_REAL": json.dumps(real)})
        self.client.request("DELETE", "/templates/generated")
        self.assertEqual(done.returncode, 0, done.stdout[-20000:])
        self.assert_works(self.session())
