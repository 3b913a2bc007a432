# SPDX-License-Identifier: Apache-2.0
"""Templates from their making to their end, the containers that come of them, and nodes that are drained, in a stack that runs."""
import unittest

from base import Case

NAME = "e2e-template"


class Templates(Case):
    def setUp(self):
        image = self.client.get("/templates/python-basic").json["image"]
        self.body = {"id": NAME, "name": "Made by a test", "image": image, "languages": ["python", "shell"],
                     "default_resources": {"cpu": "0.5", "memory": "256Mi"}, "pool": {"target": 1}}
        self.admin = self.stack.client(self.stack.make_token("operator", "sessions,templates,admin"))

    def tearDown(self):
        self.admin.request("PUT", "/nodes/node-01", {"status": "ready"})
        for session in self.client.get(f"/sessions?template_id={NAME}").json["sessions"]:
            self.client.delete(f"/sessions/{session['session_id']}")
        self.client.delete(f"/templates/{NAME}")
        self.admin.close()

    def put(self, body):
        answer = self.client.request("PUT", f"/templates/{NAME}", body)
        self.assertEqual(answer.status, 200, repr(answer))
        return answer.json

    def containers(self, query):
        answer = self.admin.get(f"/containers?template_id={NAME}&{query}")
        self.assertEqual(answer.status, 200, repr(answer))
        return answer.json["containers"]

    def make(self):
        answer = self.client.post("/templates", self.body)
        self.assertEqual((answer.status, answer.headers["Location"]), (201, f"/api/v1/templates/{NAME}"), repr(answer))

    def await_warm(self):
        self.stack.until(lambda: len(self.containers("status=warm")) == 1, 40, "one is warm")
        return self.containers("status=warm")[0]["container_id"]

    def test_life(self):
        self.make()
        warm = self.await_warm()
        owner = self.stack.client(self.stack.make_token("somebody-else", "sessions"))
        self.assert_error(owner.get(f"/containers/{warm}"), 404, "Sandbox.ContainerNotFound")
        self.assertEqual(owner.get("/containers").json, {"containers": [], "total": 0})
        owner.close()
        session = self.client.post("/sessions", {"template_id": NAME}).json
        self.assertEqual(session["status"], "running", session)
        self.assertEqual(session["resources"], {"cpu": "0.5", "memory": "256Mi", "disk": "1Gi"})
        self.assert_works(session["session_id"])
        container = self.client.get(f"/containers/{warm}").json
        self.assertEqual((container["status"], container["session_id"], container["node_name"], container["error"]),
                         ("running", session["session_id"], "node-01", None), container)
        self.assertEqual(self.containers("status=running")[0]["container_id"], warm)
        self.assert_error(self.client.delete(f"/templates/{NAME}"), 409, "Sandbox.Conflict")
        self.put({"deprecated": True})
        self.assert_error(self.client.post("/sessions", {"template_id": NAME}), 409, "Sandbox.Conflict")
        self.assert_works(session["session_id"])
        self.client.delete(f"/sessions/{session['session_id']}")
        self.assertEqual(self.client.delete(f"/templates/{NAME}").status, 204)
        self.assert_error(self.client.get(f"/templates/{NAME}"), 404, "Sandbox.TemplateNotFound")
        self.stack.until(lambda: self.containers("limit=1") == [], 40, "all its containers are gone")
        gone = self.client.get(f"/containers/{warm}").json
        self.assertEqual(gone["status"], "deleted", gone)
        self.assertIn(warm, [c["container_id"] for c in self.containers("status=deleted")])

    def test_changes_reach_the_pool(self):
        self.make()
        before = self.await_warm()
        self.put({"default_resources": {"cpu": "1"}})
        self.stack.until(lambda: [c["container_id"] for c in self.containers("status=warm")] not in ([], [before]), 40, "another one is warm")
        self.assertEqual(self.containers("status=warm")[0]["resources"]["cpu"], "1")
        self.put({"pool": {"target": 0}})
        self.stack.until(lambda: self.containers("limit=1") == [], 40, "none is warm")

    def test_drain(self):
        self.make()
        self.await_warm()
        session = self.client.create(NAME)
        node = self.admin.request("PUT", "/nodes/node-01", {"status": "draining"}).json
        self.assertEqual((node["node_id"], node["status"]), ("node-01", "draining"), node)
        self.assert_error(self.client.post("/sessions", {"template_id": NAME}), 503, "Sandbox.ServiceUnavailable")
        self.stack.until(lambda: [c["status"] for c in self.containers("limit=9")] == ["running"], 40, "the warm ones are gone")
        self.assert_works(session)
        self.assertEqual(self.admin.get("/nodes").json["nodes"][0]["status"], "draining")
        node = self.admin.request("PUT", "/nodes/node-01", {"status": "ready"}).json
        self.assertEqual(node["status"], "ready", node)
        self.await_warm()


if __name__ == "__main__":
    unittest.main()
