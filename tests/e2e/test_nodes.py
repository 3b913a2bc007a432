# SPDX-License-Identifier: Apache-2.0
"""Container engines that an operator adds: sessions go to all of them, none to one that drains, and from one that is lost to another."""
import os
import shutil
import socket
import tempfile
import unittest

from base import Case
from engines import IMAGE, Engine, Registry, shell_image

TEMPLATE = "e2e-nodes"
NAMES = ("e2e-one", "e2e-two")


@unittest.skipUnless(os.environ.get("SANDBOX_RUNTIME") == "docker", "the nodes are Docker Engines")
class Nodes(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.engines = {}
        cls.admin = cls.stack.client(cls.stack.make_token("operator", "sessions,templates,admin"))
        try:
            cls.add_engines()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def add_engines(cls):
        image = shell_image()
        cls.engines = {name: Engine(image) for name in NAMES}
        for name, engine in cls.engines.items():
            engine.await_ready()
            cls.stack.ctl("nodes", "add", name, "--engine", engine.url, "--host", "node-01", "--max-containers", "4")
        answer = cls.admin.post("/templates", {"id": TEMPLATE, "name": "On all nodes", "image": IMAGE, "languages": ["shell"],
                                               "default_resources": {"cpu": "0.5", "memory": "256Mi"}})
        assert answer.status == 201, repr(answer)
        cls.stack.until(lambda: all(cls.node(name)["status"] == "ready" for name in NAMES), 10, "both nodes are served")
        cls.stack.until(lambda: cls.stack.sql(f"SELECT COUNT(*) FROM node_images WHERE image = '{IMAGE}'") == [["2"]], 20, "images are known")

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for name in NAMES:
            cls.stack.sql(f"UPDATE nodes SET error = NULL WHERE id = '{name}'")
            if name in cls.engines:
                cls.stack.ctl("nodes", "remove", name, "--force")
        cls.admin.request("DELETE", f"/templates/{TEMPLATE}")
        cls.admin.close()
        for engine in cls.engines.values():
            engine.remove()

    @classmethod
    def node(cls, name):
        return {node["node_id"]: node for node in cls.admin.get("/nodes").json["nodes"]}[name]

    def place(self, box):
        """Its node."""
        return self.stack.sql(f"SELECT node_id FROM sessions WHERE id = '{box}'")[0][0]

    def container(self, box):
        return self.client.session_status(box)["container_id"]

    def echoes(self, box):
        result = self.client.run(box, "echo it works", language="shell")
        self.assert_success(result)
        self.assertEqual(result["stdout"].strip(), "it works")

    def test_life(self):
        self.stack.until(lambda: all(self.node(name)["allocated"]["containers"] == 0 for name in NAMES), 10, "both are empty")
        boxes = [self.session(TEMPLATE) for _ in range(4)]
        places = {box: self.place(box) for box in boxes}
        self.assertEqual(sorted(places.values()), sorted(NAMES * 2), "spread by load")
        for box, name in places.items():
            self.assertIn(self.container(box), self.engines[name].containers())
            self.echoes(box)
        for name in NAMES:
            node = self.node(name)
            self.assertEqual((node["runtime_type"], node["served_by"], node["engine"]), ("docker", "node-01", self.engines[name].url), node)
            self.assertEqual(node["allocated"], {"cpu": "1", "memory_mb": 512, "containers": 2}, node)
            self.assertEqual(node["capacity"]["containers"], 4, node)
            self.assertGreater(node["capacity"]["memory_mb"], 0, node)
        self.logs_of(boxes[0])
        self.drains(NAMES[0])
        self.is_lost(NAMES[0], [box for box, name in places.items() if name == NAMES[0]])

    def test_engine_that_hangs_holds_up_nobody(self):
        with tempfile.TemporaryDirectory(prefix="sbx-") as place, socket.socket(socket.AF_UNIX) as deaf:
            deaf.bind(f"{place}/d.sock")
            deaf.listen(64)
            self.stack.ctl("nodes", "add", "e2e-deaf", "--engine", f"unix://{place}/d.sock", "--host", "node-01")
            try:
                self.stack.until(lambda: self.node("e2e-deaf")["served_by"] == "node-01", 10, "it is served")
                box = self.session(TEMPLATE)
                self.echoes(box)
                self.client.delete(f"/sessions/{box}")
                self.assertEqual(self.node("e2e-deaf")["status"], "offline")
                seen = self.node(NAMES[1])["last_seen_at"]
                self.stack.until(lambda: self.node(NAMES[1])["last_seen_at"] > seen, 6, "the others beat on")
            finally:
                self.stack.ctl("nodes", "remove", "e2e-deaf")

    def logs_of(self, box):
        answer = self.admin.get(f"/containers/{self.container(box)}/logs")
        self.assertEqual(answer.status, 200, repr(answer))

    def drains(self, name):
        self.stack.ctl("nodes", "drain", name)
        more = self.session(TEMPLATE)
        self.assertNotEqual(self.place(more), name)
        self.client.delete(f"/sessions/{more}")
        self.stack.ctl("nodes", "ready", name)

    def is_lost(self, name, boxes):
        self.engines[name].kill()
        self.stack.until(lambda: self.node(name)["status"] == "offline", 10, "its engine is missed")
        # the probe misses their executors three times in a row, every ten seconds: twice of that is not waited for
        self.stack.sql(f"UPDATE containers SET misses = 3 WHERE node_id = '{name}' AND status = 'running'")
        other = next(there for there in NAMES if there != name)
        for box in boxes:
            self.client.await_session(box)
            self.stack.until(lambda: self.place(box) == other, 15, f"{box} has moved")
            self.client.await_session(box)
            self.echoes(box)
        self.assertEqual(self.node(other)["allocated"]["containers"], 4)
        self.stack.ctl("nodes", "remove", name, "--force")
        self.assertEqual(self.stack.sql(f"SELECT COUNT(*) FROM containers WHERE node_id = '{name}' AND status <> 'deleted'"), [["0"]])
        self.stack.ctl("nodes", "add", name, "--engine", self.engines[name].url, "--host", "node-01")  # for the end


@unittest.skipUnless(os.environ.get("SANDBOX_RUNTIME") == "docker", "the nodes are Docker Engines")
@unittest.skipUnless(shutil.which("docker-registry"), "there is no docker-registry")
class Pulls(Case):
    NODE = "e2e-pulls"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = cls.stack.client(cls.stack.make_token("operator", "sessions,templates,admin"))
        cls.config = cls.stack.run_dir / "registries.json"
        cls.before = cls.config.read_text()
        cls.engine = cls.registry = None
        try:
            cls.engine, cls.registry = Engine(shell_image()), Registry()
            cls.engine.await_ready()
            cls.images = {tag: cls.registry.push(cls.engine, IMAGE, f"team/box:{tag}") for tag in ("1", "2")}
            cls.images["gone"] = f"{cls.registry.name}/team/box:gone"
            cls.engine.docker("rmi", IMAGE)
            cls.stack.ctl("nodes", "add", cls.NODE, "--engine", cls.engine.url, "--host", "node-01")
            cls.stack.until(lambda: cls.stack.sql(f"SELECT status FROM nodes WHERE id = '{cls.NODE}'") == [["ready"]], 10, "it is served")
            for tag, image in cls.images.items():
                cls.template(tag, image)
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.config.write_text(cls.before)
        if cls.stack.sql(f"SELECT COUNT(*) FROM nodes WHERE id = '{cls.NODE}'") == [["1"]]:
            cls.stack.ctl("nodes", "remove", cls.NODE, "--force")
        for tag in ("1", "2", "gone"):
            cls.admin.request("DELETE", f"/templates/e2e-pulls-{tag}")
        cls.admin.close()
        for part in (cls.engine, cls.registry):
            if part is not None:
                part.remove()

    @classmethod
    def template(cls, tag, image):
        answer = cls.admin.post("/templates", {"id": f"e2e-pulls-{tag}", "name": "Pulled", "image": image, "languages": ["shell"],
                                               "default_resources": {"cpu": "0.5", "memory": "256Mi"}})
        assert answer.status == 201, repr(answer)

    def create(self, tag):
        # so that it is made there, and not where no other test wants to find an image of ours
        self.stack.sql(f"INSERT IGNORE INTO node_images VALUES ('{self.NODE}', '{self.images[tag]}')")
        box = self.client.create(f"e2e-pulls-{tag}")
        self._sessions.append(box)
        self.assertEqual(self.stack.sql(f"SELECT node_id FROM sessions WHERE id = '{box}'"), [[self.NODE]])
        return box

    def pulled(self):
        return (self.stack.home / "log" / "provisiond.log").read_text(errors="replace").count('"event":"image pulled"')

    def test_image_is_pulled_once_for_all_who_wait(self):
        self.config.write_text(self.registry.credentials())
        before = self.pulled()
        boxes = [self.create("1") for _ in range(3)]
        for box in boxes:
            self.client.await_session(box)
        self.assertEqual(self.pulled(), before + 1)
        result = self.client.run(boxes[0], "echo it works", language="shell")
        self.assert_success(result)
        self.stack.until(lambda: self.stack.sql(f"SELECT COUNT(*) FROM node_images WHERE node_id = '{self.NODE}' AND image = '{self.images['1']}'")
                         == [["1"]], 5, "it is known to be there")

    def fails(self, tag):
        box = self.create(tag)
        session = self.client.await_session(box, ("failed",), limit=20)
        self.assertIn("its registry does not have it or wants other credentials", session["error"]["message"])

    def test_what_cannot_be_pulled_is_said(self):
        self.config.write_text(self.registry.credentials())
        self.fails("gone")
        self.config.write_text(self.registry.credentials("wrong"))
        self.fails("2")
        log = (self.stack.home / "log" / "provisiond.log").read_text(errors="replace")
        self.assertNotIn(self.registry.PASSWORD, log)
