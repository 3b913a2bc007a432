# SPDX-License-Identifier: Apache-2.0
"""What the machine itself needs, each in turn with the others: what the stack is made of cannot be faster than this."""
import os
import subprocess
import tempfile
import uuid

from stacks import Database, spawn, timed

BWRAP = ("bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "/bin/true")


class Docker:
    """A container of the engine that is there to exec in, and new ones."""

    def __init__(self, stack):
        self.image = stack.sql("SELECT image FROM templates WHERE id = 'python-basic'")[0][0]
        self.base = self.run()
        self.made = []

    def run(self, *arguments):
        return subprocess.run(["docker", "run", "-d", "--name", f"bench-{uuid.uuid4().hex[:12]}", "--entrypoint", "/bin/sleep", *arguments, self.image, "600"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=True).stdout.strip()

    def started(self, *arguments):
        self.made.append(self.run(*arguments))

    def execute(self):
        spawn("docker", "exec", self.base, "/bin/true")

    def remove_made(self):
        while self.made:
            subprocess.run(["docker", "rm", "-f", self.made.pop()], stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=True)

    def close(self):
        self.made.append(self.base)
        self.remove_made()


def bubblewrap_works():
    return subprocess.run(BWRAP, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def sync_of(file):
    def sync():
        file.write(b"x" * 4096)
        file.flush()
        os.fsync(file.fileno())
    return sync


def run(stack, report):
    database = Database(stack.run_dir / "db" / "db.sock")
    docker = Docker(stack) if stack.runtime == "docker" else None
    with tempfile.NamedTemporaryFile(dir=stack.home) as file:
        sides = {"one MariaDB commit of one row": database.commit, "write 4 KiB and fsync": sync_of(file)}
        if bubblewrap_works():
            sides["bubblewrap of /bin/true, own namespaces"] = lambda: spawn(*BWRAP)
        else:
            report.note("bubblewrap gets no namespaces here")
        if docker:
            sides.update({"docker exec of /bin/true": docker.execute, "docker run -d": docker.started})
        samples = {name: [] for name in sides}
        for turn in range((stack.count(30, 10) if docker else stack.count(300, 100)) + 2):
            for name, side in sides.items():
                took = timed(side)[0]
                if turn >= 2:
                    samples[name].append(took)
            if docker:
                docker.remove_made()
    for name, taken in samples.items():
        report.add(name, taken)
    database.close()
    if docker:
        docker.close()
