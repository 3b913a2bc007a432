# SPDX-License-Identifier: Apache-2.0
"""An engine that is restarted under running sessions, with its containers and without; a container that is paused."""
import os
import unittest

import invariants
from base import Case
from engines import IMAGE, Engine, shell_image

TEMPLATE, NODE = "e2e-restarts", "e2e-restarted"
SLOW = "echo begun; sleep 3; echo ended"


@unittest.skipUnless(os.environ.get("SANDBOX_RUNTIME") == "docker", "it is about Docker Engines")
class Restarted(Case):
    arguments = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.engine = None
        cls.admin = cls.stack.client(cls.stack.make_token("operator", "sessions,templates,admin"))
        try:
            cls.engine = Engine(shell_image(), cls.arguments)
            cls.engine.await_ready()
            cls.stack.ctl("nodes", "add", NODE, "--engine", cls.engine.url, "--host", "node-01")
            cls.stack.until(lambda: cls.stack.sql(f"SELECT status FROM nodes WHERE id = '{NODE}'") == [["ready"]], 10, "it is served")
            cls.stack.until(lambda: cls.stack.sql(f"SELECT COUNT(*) FROM node_images WHERE image = '{IMAGE}'") == [["1"]], 20, "its image is known")
            answer = cls.admin.post("/templates", {"id": TEMPLATE, "name": "Restarted", "image": IMAGE, "languages": ["shell"],
                                                   "default_resources": {"cpu": "0.5", "memory": "256Mi"}})
            assert answer.status == 201, repr(answer)
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        if cls.stack.sql(f"SELECT COUNT(*) FROM nodes WHERE id = '{NODE}'") == [["1"]]:
            cls.stack.ctl("nodes", "remove", NODE, "--force")
        cls.admin.request("DELETE", f"/templates/{TEMPLATE}")
        cls.admin.close()
        if cls.engine is not None:
            cls.engine.remove()

    def box_at_work(self):
        box = self.session(TEMPLATE)
        self.assertEqual(self.stack.sql(f"SELECT node_id FROM sessions WHERE id = '{box}'"), [[NODE]])
        execution = self.client.submit(box, SLOW, language="shell", max_retries=3)
        self.stack.until(lambda: self.client.get(f"/executions/{execution}/status").json["status"] == "running", 10, "it runs")
        return box, execution

    def restart(self):
        self.engine.process.terminate()
        self.engine.process.wait(20)
        self.engine.start()
        self.engine.await_ready()

    def ends(self, box, execution, again):
        """It was tried again in another container, or not at all. An engine that is away for longer than all tries take leaves it crashed."""
        result = self.client.result(execution, limit=60)
        attempts = int(self.stack.sql(f"SELECT attempts FROM executions WHERE id = '{execution}'")[0][0])
        self.assertEqual(attempts > 1, again, attempts)
        if again and attempts == 4 and result["status"] == "crashed":
            self.assertIn("lost", result["error"]["message"])
        else:
            self.assert_success(result)
            self.assertEqual(result["stdout"], "begun\nended\n")
        self.client.await_session(box)
        self.assert_success(self.client.run(box, "echo works", language="shell"))
        self.assertEqual(self.client.session_status(box)["restarts"], 1 if again else 0)
        self.client.delete(f"/sessions/{box}")
        self.holds()

    def holds(self):
        self.stack.until(lambda: not [said for said in invariants.broken(self.stack, engine=False)], 60, "the invariants of the rows")
        self.stack.until(lambda: self.engine.containers() == {row[0] for row in self.stack.sql(
            f"SELECT id FROM containers WHERE node_id = '{NODE}' AND status IN ('warm', 'running')")}, 60, "this engine and the rows agree")


class Ordinary(Restarted):
    """Its containers die with it."""

    def test_restarted(self):
        box, execution = self.box_at_work()
        self.restart()
        self.ends(box, execution, again=True)

    def test_paused(self):
        box, execution = self.box_at_work()
        container = self.client.session_status(box)["container_id"]
        self.engine.docker("pause", self.engine.docker("ps", "-q", "--filter", f"label=sandbox.container={container}").stdout.decode().strip())
        # the dispatcher says so after 15 s of silence, the probe after three misses: neither is waited for
        self.stack.sql(f"UPDATE containers SET suspect = 1 WHERE id = '{container}'")
        self.ends(box, execution, again=True)


class LiveRestore(Restarted):
    """Its containers live on: nothing is lost, nothing is run again."""
    arguments = ("--live-restore",)

    def test_restarted(self):
        box, execution = self.box_at_work()
        self.restart()
        self.ends(box, execution, again=False)


del Restarted

if __name__ == "__main__":
    unittest.main()
