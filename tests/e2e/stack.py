# SPDX-License-Identifier: Apache-2.0
"""The stack under test, seen from the operator's side: processes, database, containers."""
import os
import pathlib
import re
import signal
import subprocess
import time

from client import Client

TOP = pathlib.Path(__file__).resolve().parents[2]


class Stack:
    def __init__(self, environment=os.environ):
        self.home = pathlib.Path(environment["SANDBOX_HOME"])
        self.port = int(environment["SANDBOX_PORT"])
        self.runtime = environment["SANDBOX_RUNTIME"]
        self.sanitized = "sanitizers" in environment.get("SANDBOX_CONFIGURE", "")
        self.run_dir = pathlib.Path(f"/run/sandbox-{self.port}")
        self.lib_dir = pathlib.Path(f"/var/lib/sandbox-{self.port}")
        self.token = (self.home / "token").read_text().strip()
        self._weaker = None
        words = (self.home / "run" / "stack").read_text().split()
        self.web = words[2]  # "lighttpd" or "apache"
        self.authority = str(self.home / "tls" / "ca.pem") if words[3] == "1" else None
        self.address = f"{'https' if self.authority else 'http'}://localhost:{self.port}"

    def client(self, token=None, timeout=100):
        return Client(self.port, token or self.token, timeout, self.authority)

    # --- processes

    def pid(self, part):
        """The pid of a part that runs, else None."""
        try:
            pid, start = (self.home / "run" / f"{part}.pid").read_text().split()
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            return None
        return int(pid) if stat[19] == start and stat[0] != "Z" else None

    def kill(self, part):
        pid = self.pid(part)
        if pid is None:
            raise AssertionError(f"{part} does not run")
        os.kill(pid, signal.SIGKILL)
        self.until(lambda: self.pid(part) is None, 10, f"{part} ends")

    @property
    def worker_log(self):
        """The log of what keeps the web workers, and of themselves."""
        return self.home / "log" / ("api.log" if self.web == "apache" else "lighttpd.log")

    def worker_deaths(self):
        """How many workers have ended that nobody had told to, ever."""
        words = ('"event":"worker died"',) if self.web == "apache" else ("child signalled", "child exited")
        text = self.worker_log.read_text(errors="replace")
        return sum(text.count(word) for word in words)

    def worker_pids(self):
        """Those that serve: not the parent that Apache's have."""
        program = str(self.lib_dir / "bin" / "sandbox-api").encode()
        found = []
        for place in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if (place / "cmdline").read_bytes().split(b"\0")[0] == program and int(place.name) != self.pid("api"):
                    found.append(int(place.name))
            except OSError:
                continue
        return found

    def start(self):
        """Starts what does not run."""
        done = subprocess.run([str(TOP / "quickstart.sh"), "start"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=180,
                              env={**os.environ, "SANDBOX_SKIP_IMAGES": "yes"})
        if done.returncode != 0:
            raise AssertionError(f"quickstart.sh start: {done.stdout}")

    @staticmethod
    def until(condition, limit, what):
        end = time.monotonic() + limit
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"not within {limit} s: {what}")
            time.sleep(0.02)

    # --- database and tools

    def sql(self, query):
        done = subprocess.run(["mariadb", "--no-defaults", f"--socket={self.run_dir}/db/db.sock", "--user=root", "--batch",
                               "--skip-column-names", "sandbox", "--execute", query],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise AssertionError(f"{query}: {done.stderr}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def ctl(self, *arguments):
        done = subprocess.run([str(self.lib_dir / "bin" / "sandboxctl"), "--config", str(self.run_dir / "sandbox.conf"),
                               *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise AssertionError(f"sandboxctl {arguments}: {done.stderr}{done.stdout}")
        return done.stdout.strip()

    def make_token(self, owner, scopes="sessions,templates"):
        return self.ctl("token", "create", "--owner", owner, "--scopes", scopes)

    # --- containers

    def image_missing(self, template):
        if self.runtime != "docker":
            return False
        image = self.sql(f"SELECT image FROM templates WHERE id = '{template}'")[0][0]
        return subprocess.run(["docker", "image", "inspect", image], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=30).returncode != 0

    def engine_containers(self):
        """Ids of the containers that really exist."""
        where = str(self.lib_dir / "c")
        if self.runtime == "docker":
            done = subprocess.run(["docker", "ps", "--all", "--filter", f"label=sandbox.installation={where}", "--format",
                                   '{{.Label "sandbox.container"}}'], stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=30, check=True)
            return set(done.stdout.split())
        found = {entry.name for entry in pathlib.Path(where).glob("*") if re.fullmatch("[0-9a-f]{12}", entry.name)}
        for _, text in self._processes():
            found.update(re.findall(re.escape(where) + "/([0-9a-f]{12})/", text))
        return found

    @staticmethod
    def _processes():
        """Pid, and command line with environment, of every process."""
        for place in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                text = (place / "cmdline").read_bytes() + b"\0" + (place / "environ").read_bytes()
            except OSError:
                continue
            yield int(place.name), text.decode(errors="replace")

    def kill_container(self, container):
        """Ends a sandbox behind everybody's back."""
        if self.runtime == "docker":
            found = subprocess.run(["docker", "ps", "-q", "--filter", f"label=sandbox.container={container}"],
                                   capture_output=True, text=True, timeout=30, check=True).stdout.split()
            subprocess.run(["docker", "kill", *found], capture_output=True, timeout=30, check=True)
            return
        outer = int((self.lib_dir / "c" / container / "pid").read_text().split()[0])
        # bubblewrap's child is process 1 of the sandbox
        inner = pathlib.Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
        for pid in [*map(int, inner), outer]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def live_containers(self):
        """Ids of the containers that the database says exist."""
        return {row[0] for row in self.sql("SELECT id FROM containers WHERE status IN ('warm', 'running')")}

    def busy_containers(self):
        return int(self.sql("SELECT COUNT(*) FROM containers WHERE status IN ('creating', 'deleting')")[0][0])

    def settle(self, limit=45):
        """Waits until engine and database agree and nothing is under way."""
        self.until(lambda: self.busy_containers() == 0 and self.engine_containers() == self.live_containers(), limit,
                   "engine and database agree on the containers")

    @property
    def weaker(self):
        """Whether the weaker isolation is in force."""
        if self._weaker is None:
            text = self.client().get("/health/detailed").body.decode()
            self._weaker = '"isolation_weaker":true' in text.replace(" ", "")
        return self._weaker
