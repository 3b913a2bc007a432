# SPDX-License-Identifier: Apache-2.0
"""What operators and owners see of containers: their logs, and what they use."""
import datetime
import re
import time
import unittest
import urllib.parse

from base import Case

LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \[(DEBUG|INFO|WARN|ERROR)\] .+$")


class Containers(Case):
    def container_of(self, session):
        """Its id."""
        return self.stack.sql(f"SELECT container_id FROM sessions WHERE id = '{session}'")[0][0]

    def logs(self, container, query="", client=None):
        answer = (client or self.client).get(f"/containers/{container}/logs{query}")
        self.assertEqual(answer.status, 200, repr(answer))
        self.assertEqual(answer.headers["Content-Type"], "text/plain; charset=utf-8")
        lines = answer.body.decode().splitlines()
        for line in lines:
            self.assertRegex(line, LINE)
        return lines

    def test_logs_tell_what_happened(self):
        session = self.session()
        container = self.container_of(session)
        execution = self.client.submit(session, "print('a-secret-output')\nA_SECRET_NAME = 1")
        self.assert_success(self.client.result(execution))
        lines = self.logs(container)
        text = "\n".join(lines)
        self.assertRegex(lines[0], r"^\S+Z \[INFO\] sandbox-executor starting\b")
        self.assertRegex(text, r"\[INFO\] Workspace mounted at /\S*workspace\n")
        self.assertRegex(text, r"\[INFO\] HTTP server listening on \S+")
        self.assertIn(f"[INFO] execution started execution_id={execution} ", text)
        self.assertRegex(text, rf"\[INFO\] execution ended execution_id={execution} .*outcome=success exit_code=0")
        self.assertNotIn("secret", text.lower())

    def test_logs_tail(self):
        session = self.session()
        container = self.container_of(session)
        executions = [self.client.submit(session, "1") for _ in range(3)]
        for execution in executions:
            self.client.result(execution)
        # the last that is said without being asked for
        self.stack.until(lambda: "interpreters ready" in "\n".join(self.logs(container)), 20, "interpreters are ready")
        whole = self.logs(container, "?tail=10000")
        self.assertGreaterEqual(len(whole), 9)
        self.assertEqual(self.logs(container, "?tail=1"), whole[-1:])
        self.assertEqual(self.logs(container, "?tail=4"), whole[-4:])
        for tail in ("0", "10001", "x"):
            self.assert_error(self.client.get(f"/containers/{container}/logs?tail={tail}"), 400, "Sandbox.InvalidParameter", "tail")

    def test_logs_since(self):
        session = self.session()
        container = self.container_of(session)
        whole = self.logs(container)
        time.sleep(1.1)  # lines have times to the second
        now = datetime.datetime.now(datetime.timezone.utc)
        execution = self.client.submit(session, "1")
        self.client.result(execution)
        for text in (now.strftime("%Y-%m-%dT%H:%M:%SZ"), now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                     now.astimezone(datetime.timezone(datetime.timedelta(hours=2))).isoformat(),
                     now.astimezone(datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))).isoformat()):
            lines = self.logs(container, "?since=" + urllib.parse.quote(text))
            self.assertIn(f"execution_id={execution}", "\n".join(lines), text)
            self.assertFalse(set(lines) & set(whole), text)
        later = (now + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.assertEqual(self.logs(container, f"?since={later}"), [])
        self.assertEqual(self.logs(container, "?since=1970-01-01T00:00:00Z&tail=1"), self.logs(container, "?tail=1"))
        for text in ("yesterday", "2026-02-30T00:00:00Z", ""):
            self.assert_error(self.client.get(f"/containers/{container}/logs?since={text}"), 400, "Sandbox.InvalidParameter", "since")

    def test_logs_are_their_owners(self):
        session = self.session()
        container = self.container_of(session)
        other = self.stack.client(self.stack.make_token("somebody-else", "sessions"))
        admin = self.stack.client(self.stack.make_token("operator", "sessions,admin"))
        self.assert_error(other.get(f"/containers/{container}/logs"), 404, "Sandbox.ContainerNotFound")
        self.assertTrue(self.logs(container, client=admin))
        for name in ("ffffffffffff", "x", container.upper() if container.upper() != container else "0" * 13):
            self.assert_error(self.client.get(f"/containers/{name}/logs"), 404, "Sandbox.ContainerNotFound")
        other.close()
        admin.close()
        self.client.delete(f"/sessions/{session}")
        self.stack.until(lambda: self.stack.sql(f"SELECT status FROM containers WHERE id = '{container}'") == [["deleted"]],
                         30, "container deleted")
        self.assert_error(self.client.get(f"/containers/{container}/logs"), 404, "Sandbox.ContainerNotFound")

    def need_meters(self):
        if self.stack.sql("SELECT COUNT(*) FROM nodes WHERE isolation_weaker = 1")[0][0] != "0":
            raise unittest.SkipTest("weaker isolation: nothing here measures")

    def test_use_appears(self):
        self.need_meters()
        session = self.session()
        container = self.container_of(session)

        def look():
            answer = self.client.get(f"/containers/{container}")
            self.assertEqual(answer.status, 200, repr(answer))
            return answer.json

        self.stack.until(lambda: look()["usage"] is not None, 20, "use is measured")
        item = look()
        self.assertEqual((item["session_id"], item["status"]), (session, "running"))
        self.assertGreater(item["usage"]["memory_mb"], 0)
        self.assertGreaterEqual(item["usage"]["cpu"], 0)
        self.assertGreaterEqual(item["usage"]["cpu_time_ms"], 0)
        self.assert_time(item["usage"]["measured_at"])
        listed = [c for c in self.client.get("/containers?limit=200").json["containers"] if c["container_id"] == container]
        self.assertEqual(len(listed), 1)
        self.assertGreater(listed[0]["usage"]["memory_mb"], 0)

    def test_use_is_measured(self):
        self.need_meters()
        session = self.session()
        container = self.container_of(session)

        def measured(condition):
            return self.stack.sql("SELECT COUNT(*) FROM containers WHERE measured_at > UTC_TIMESTAMP(3) - INTERVAL 15 SECOND"
                                  f" AND memory_used_mb BETWEEN 1 AND memory_mb AND {condition} AND id = '{container}'") == [["1"]]

        self.stack.until(lambda: measured("cpu_time_ms >= 0"), 20, "measured")
        before = int(self.stack.sql(f"SELECT cpu_time_ms FROM containers WHERE id = '{container}'")[0][0])
        code = "import time\nend = time.process_time() + 0.4\nwhile time.process_time() < end: pass"
        self.assert_success(self.client.run(session, code, limit=130, timeout=120))
        self.stack.until(lambda: measured(f"cpu_time_ms >= {before + 350} AND cpu_used_milli > 0"), 40, "measured again")
