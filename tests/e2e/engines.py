# SPDX-License-Identifier: Apache-2.0
"""Container engines of a test's own, beside the one of the machine, with an image of a shell and nothing else."""
import base64
import crypt
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time

IMAGE = "sandbox-test/sh:1"
SHELL = pathlib.Path("/bin/sh").resolve()


def shell_image():
    """A tar of /bin/sh and the libraries it is linked with; and sleep, which needs no others."""
    libraries = subprocess.run(["ldd", str(SHELL)], capture_output=True, text=True, check=True).stdout.split()
    files = {"/bin/sh": SHELL, "/bin/sleep": pathlib.Path("/bin/sleep").resolve()} | {word: pathlib.Path(word).resolve() for word in libraries if word.startswith("/")}
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


class Registry:
    """A registry on loopback, which engines take for a safe one; who reads and writes needs a password."""
    USER, PASSWORD = "e2e", "se:cret"

    def __init__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="sbx-registry-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.name = f"localhost:{free.getsockname()[1]}"
        hashed = crypt.crypt(self.PASSWORD, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))
        (self.root / "htpasswd").write_text(f"{self.USER}:{hashed}\n")
        (self.root / "config.yml").write_text(json.dumps({
            "version": "0.1", "log": {"level": "warn"}, "storage": {"filesystem": {"rootdirectory": str(self.root / "data")}},
            "http": {"addr": self.name.replace("localhost", "127.0.0.1")},
            "auth": {"htpasswd": {"realm": "e2e", "path": str(self.root / "htpasswd")}}}))
        self.log = open(self.root / "log", "wb")
        self.process = subprocess.Popen(["docker-registry", "serve", str(self.root / "config.yml")], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)

    def credentials(self, password=PASSWORD):
        """A config.json."""
        auth = base64.b64encode(f"{self.USER}:{password}".encode()).decode()
        return json.dumps({"auths": {self.name: {"auth": auth}}})

    def push(self, engine, image, name):
        """Gives it the engine's image under this name; the name, as engines pull it."""
        (self.root / "config.json").write_text(self.credentials())
        full = f"{self.name}/{name}"
        engine.docker("tag", image, full)
        end = time.monotonic() + 10
        while engine.docker("--config", str(self.root), "push", full, check=time.monotonic() > end).returncode != 0:
            time.sleep(0.2)
        engine.docker("rmi", full)
        return full

    def remove(self):
        self.process.terminate()
        self.process.wait(10)
        self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)
