# SPDX-License-Identifier: Apache-2.0
"""Container engines of a test's own, beside the one of the machine, with an image of a shell and nothing else."""
import io
import os
import pathlib
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time

IMAGE = "sandbox-test/sh:1"
SHELL = pathlib.Path("/bin/sh").resolve()


def shell_image():
    """A tar of /bin/sh and the libraries it is linked with."""
    libraries = subprocess.run(["ldd", str(SHELL)], capture_output=True, text=True, check=True).stdout.split()
    files = {"/bin/sh": SHELL} | {word: pathlib.Path(word).resolve() for word in libraries if word.startswith("/")}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in ("tmp", "workspace", "run"):
            tar.addfile(_directory(name))
        for name, path in files.items():
            info = tar.gettarinfo(str(path), name.lstrip("/"))
            info.mode = 0o755
            with open(path, "rb") as content:
                tar.addfile(info, content)
    return out.getvalue()


def _directory(name):
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE
    info.mode = 0o755
    return info


class Engine:
    """One dockerd. Its containers need no network."""

    def __init__(self, image=None, arguments=()):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="sbx-engine-"))
        self.socket = self.root / "d.sock"
        self.url = f"unix://{self.socket}"
        self.log = open(self.root / "log", "wb")
        self.arguments = arguments
        self.process = None
        self._image = image
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["dockerd", "--host", self.url, "--data-root", str(self.root / "data"), "--exec-root", str(self.root / "exec"),
             "--pidfile", str(self.root / "pid"), "--bridge=none", "--iptables=false", "--ip6tables=false", *self.arguments],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)

    def await_ready(self, limit=20):
        end = time.monotonic() + limit
        while self.docker("version", check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"dockerd does not start: {(self.root / 'log').read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)
        if self._image is not None:
            self.docker("import", "-", IMAGE, content=self._image)

    def docker(self, *arguments, content=None, check=True):
        done = subprocess.run(["docker", "--host", self.url, *arguments], input=content if content is not None else b"",
                              capture_output=True, timeout=60)
        if check and done.returncode != 0:
            raise AssertionError(f"docker {arguments}: {done.stderr.decode(errors='replace')}")
        return done

    def containers(self):
        return set(self.docker("ps", "--filter", "label=sandbox.container", "--format", '{{.Label "sandbox.container"}}').stdout.decode().split())

    def _everything(self):
        """Pids of the engine, of its containerd, and of what both keep."""
        found = set()
        for place in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if str(self.root).encode() in (place / "cmdline").read_bytes():
                    found.add(int(place.name))
            except OSError:
                continue
        return found

    def _inside(self):
        ids = self.docker("ps", "-q", check=False).stdout.decode().split()
        pids = self.docker("inspect", "--format", "{{.State.Pid}}", *ids, check=False).stdout.decode().split() if ids else []
        return {int(pid) for pid in pids if int(pid) > 1}

    def kill(self):
        """As if its machine had lost its power."""
        for pid in sorted(self._inside()) + sorted(self._everything() - {os.getpid()}):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(10)

    def remove(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
        for pid in self._everything() - {os.getpid()}:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.log.close()
        mounts = [line.split()[1] for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((m for m in mounts if m.startswith(str(self.root))), reverse=True):
            subprocess.run(["umount", "--lazy", mount], capture_output=True, timeout=30)
        shutil.rmtree(self.root, ignore_errors=True)
