# SPDX-License-Identifier: Apache-2.0
"""GET /metrics over all workers and jobs: the numbers after known requests, killed workers, a database that is away."""
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import threading

from base import Case

SAMPLE = re.compile(r'^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
TEMPLATE = "/api/v1/templates/{id}"
ROUNDS = itertools.count()
OK = "def handler(event):\n    return 1"


def series(name, **labels):
    return name, tuple(sorted(labels.items()))


class Metrics(Case):
    def scrape(self):
        answer = self.client.get("/metrics")
        self.assertEqual(answer.status, 200, repr(answer))
        found = {}
        for line in answer.body.decode().splitlines():
            if line.startswith("#"):
                continue
            match = SAMPLE.match(line)
            self.assertTrue(match, line)
            key = series(match[1], **dict(LABEL.findall(match[2] or "")))
            self.assertNotIn(key, found)
            found[key] = float(match[3])
        return found

    def value(self, name, **labels):
        return self.scrape().get(series(name, **labels), 0.0)

    def await_rise(self, before, name, by, **labels):
        """Counted at last exactly so much more often."""
        key = series(name, **labels)
        self.stack.until(lambda: self.scrape().get(key, 0.0) >= before.get(key, 0.0) + by, 15, f"{name} {labels} rises by {by}")
        self.assertEqual(self.scrape()[key], before.get(key, 0.0) + by)

    def ask_both_workers(self, limit=20):
        """Looks at a template until each worker has answered; returns how often. The log knows who served which request."""
        sent, served = 0, set()
        log = self.stack.worker_log

        def ask(ids):
            client = self.stack.client()
            for name in ids:
                self.assertEqual(client.get("/templates/python-basic", headers={"X-Request-Id": name}).status, 200)
            client.close()

        def look():
            nonlocal sent
            number = next(ROUNDS)
            names = [[f"m{os.getpid()}.{number}.{t}.{i}" for i in range(10)] for t in range(8)]
            threads = [threading.Thread(target=ask, args=(ids,)) for ids in names]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            wanted = {name for ids in names for name in ids}
            sent += len(wanted)
            with open(log, encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    if f'"request_id":"m{os.getpid()}.{number}.' in line and '"event":"request"' in line:
                        served.add(json.loads(line)["pid"])
            return set(self.stack.worker_pids()) & served == served and len(served) >= 2

        self.stack.until(look, limit, "two workers serve requests")
        return sent

    def test_format(self):
        answer = self.client.get("/metrics")
        self.assertEqual(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        self.assertEqual(self.client.request("GET", "/metrics", raw_path=True).status, 200)
        self.scrape()
        if not shutil.which("promtool"):
            self.skipTest("promtool is not installed")
        done = subprocess.run(["promtool", "check", "metrics"], input=answer.body, capture_output=True, timeout=30, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))

    def test_admin_only(self):
        token = self.stack.make_token("metrics-test", "sessions,templates")
        client = self.stack.client(token)
        before = self.scrape()
        self.assert_error(client.get("/metrics"), 403, "Sandbox.Forbidden")
        self.assert_error(client.get("/metrics", headers={"Authorization": None}), 401, "Sandbox.Unauthorized")
        self.await_rise(before, "sandbox_auth_failures_total", 1, reason="scope")
        self.await_rise(before, "sandbox_auth_failures_total", 1, reason="missing")

    def test_workers_add_up_and_survive(self):
        labels = {"method": "GET", "route": TEMPLATE, "code": "200"}
        before = self.scrape()
        sent = self.ask_both_workers()
        self.await_rise(before, "sandbox_http_requests_total", sent, **labels)
        self.await_rise(before, "sandbox_http_request_duration_seconds_count", sent, method="GET", route=TEMPLATE)
        workers = self.stack.worker_pids()
        os.kill(workers[0], signal.SIGKILL)
        self.stack.until(lambda: workers[0] not in self.stack.worker_pids() and len(self.stack.worker_pids()) >= len(workers), 20,
                         "another worker takes its place")
        self.stack.until(lambda: self.client.get("/health").status == 200, 20, "it answers")
        self.assertEqual(self.value("sandbox_http_requests_total", **labels), before.get(series("sandbox_http_requests_total", **labels), 0) + sent)
        more = self.ask_both_workers(40)
        self.await_rise(before, "sandbox_http_requests_total", sent + more, **labels)

    def test_sessions_and_executions(self):
        self.stack.until(lambda: self.stack.busy_containers() == 0, 30, "nothing of the tests before is being removed")
        before = self.scrape()
        session = self.client.create("python-basic", resources={"cpu": "1", "memory": "300Mi"})  # none waits with so much
        self.client.await_session(session)
        self.assert_success(self.client.run(session, OK), 1)
        self.assertEqual(self.client.run(session, "raise ValueError(1)")["status"], "failed")
        self.await_rise(before, "sandbox_session_create_seconds_count", 1, outcome="cold")
        self.await_rise(before, "sandbox_pool_claims_total", 1, result="miss")
        self.await_rise(before, "sandbox_session_start_seconds_count", 1)
        self.await_rise(before, "sandbox_executions_total", 1, language="python", status="completed")
        self.await_rise(before, "sandbox_executions_total", 1, language="python", status="failed")
        self.await_rise(before, "sandbox_execution_duration_seconds_count", 2, language="python")
        self.await_rise(before, "sandbox_execution_queue_wait_seconds_count", 2)
        now = self.scrape()
        self.assertGreaterEqual(now[series("sandbox_sessions", status="running")], 1)
        self.assertEqual(now[series("sandbox_database_up")], 1)
        self.assertEqual(now[series("sandbox_node_up", node="node-01")], 1)
        self.assertGreaterEqual(now[series("sandbox_node_allocated", node="node-01", resource="containers")], 1)
        for job in ("dispatchd", "provisiond", "reap", "pool", "purge", "probe", "webhookd"):
            self.assertLess(now[series("sandbox_job_last_beat_seconds", job=job)], 15)
            self.assertIn(series("sandbox_metrics_start_time_seconds", program=job), now)
        running = self.client.submit(session, "import time\ntime.sleep(60)")
        self.stack.until(lambda: self.value("sandbox_executions_running") >= 1, 15, "an execution runs")
        self.assertEqual(self.client.delete(f"/sessions/{session}").status, 200)
        self.assertEqual(self.client.result(running)["status"], "failed")
        self.await_rise(before, "sandbox_executions_total", 2, language="python", status="failed")
        self.await_rise(before, "sandbox_containers_removed_total", 1)

    def test_dead_sandbox(self):
        before = self.scrape()
        session = self.session()
        container = self.client.session_status(session)["container_id"]
        self.stack.kill_container(container)
        execution = self.client.submit(session, OK, max_retries=0)
        self.assertNotEqual(self.client.result(execution)["status"], "success")
        self.await_rise(before, "sandbox_containers_failed_total", 1)

    def test_zz_database_away(self):
        self.assertEqual(self.value("sandbox_database_up"), 1)
        before = self.scrape()
        log = self.stack.home / "log" / "dispatchd.log"
        said = log.stat().st_size
        self.stack.kill("mariadbd")
        try:
            self.assert_error(self.client.get("/metrics"), 503, "Sandbox.ServiceUnavailable")
            self.assertEqual(self.client.get("/templates/python-basic").status, 503)
            self.stack.until(lambda: b"step failed" in log.read_bytes()[said:], 15, "a step fails")
        finally:
            self.stack.start()
        self.stack.until(lambda: self.client.get("/metrics").status == 200, 20, "the database is up")
        self.await_rise(before, "sandbox_http_requests_total", 1, method="GET", route=TEMPLATE, code="503")
        failed = series("sandbox_job_steps_failed_total", job="dispatchd")
        self.assertGreater(self.scrape()[failed], before.get(failed, 0.0))
