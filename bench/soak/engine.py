# SPDX-License-Identifier: Apache-2.0
"""A Docker Engine of the soak's own, which it may kill: own data, own socket, no network. Its images come from the machine's engine, if that
has them, else they are built."""
import os
import pathlib
import signal
import subprocess
import time

IMAGES = ("sandbox/python:3.11-basic", "sandbox/nodejs:18-basic")
TOP = pathlib.Path(__file__).resolve().parents[2]


class Engine:
    def __init__(self, home, port, say):
        self.say = say
        self.data, self.log = home / "docker", home / "log" / "soak-dockerd.log"
        self.place = pathlib.Path(f"/run/sandbox-{port}-docker")
        self.socket, self.pid_file = self.place / "docker.sock", self.place / "docker.pid"
        self.child = None

    def environment(self):
        return {"SANDBOX_DOCKER_SOCKET": str(self.socket), "DOCKER_HOST": f"unix://{self.socket}"}

    def docker(self, *arguments):
        return subprocess.run(["docker", *arguments], env={**os.environ, **self.environment()}, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=60, check=True).stdout.strip()

    def answers(self):
        try:
            self.docker("version", "--format", "{{.Server.Version}}")
            return True
        except (subprocess.SubprocessError, OSError):
            return False

    def _forget_containerd(self):
        """It ends with an engine that is killed; its pid file stays, and its number may be another process' by now."""
        file = self.place / "exec" / "containerd" / "containerd.pid"
        try:
            if b"containerd" not in pathlib.Path(f"/proc/{int(file.read_text())}/cmdline").read_bytes():
                file.unlink()
        except (OSError, ValueError):
            file.unlink(missing_ok=True)

    def start(self):
        """None once it answers, else what is wrong."""
        for _ in range(3):
            problem = self._start()
            if problem is None:
                return None
        raise RuntimeError(problem)

    def _start(self):
        self.place.mkdir(mode=0o755, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.pid_file.unlink(missing_ok=True)   # of one that was killed
        self._forget_containerd()
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(["dockerd", "--data-root", str(self.data), "--exec-root", str(self.place / "exec"), "--pidfile", str(self.pid_file),
                                           "--host", f"unix://{self.socket}", "--bridge=none", "--iptables=false", "--ip6tables=false"],
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + 60
        while not self.answers():
            if self.child.poll() is not None or time.monotonic() > end:
                self.stop(signal.SIGKILL)
                return f"the engine does not start; see {self.log}"
            time.sleep(0.2)
        return None

    def stop(self, number):
        self.child.send_signal(number)
        try:
            self.child.wait(40)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def prepare(self):
        try:
            self.start()
        except RuntimeError as problem:
            raise SystemExit(f"soak: {problem}") from None
        missing = [image for image in IMAGES if not self.docker("images", "-q", image)]
        if not missing:
            return
        self.say(f"soak: bringing {' '.join(missing)} into the engine")
        others = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}
        with subprocess.Popen(["docker", "save", *missing], env=others, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as save:
            loaded = subprocess.run(["docker", "load"], env={**others, **self.environment()}, stdin=save.stdout, capture_output=True, check=False)
        if save.returncode != 0 or loaded.returncode != 0:
            built = subprocess.run([str(TOP / "images" / "build.sh"), "python-basic", "nodejs-basic"], env={**others, **self.environment()},
                                   stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            if built.returncode != 0:
                self.stop(signal.SIGTERM)
                raise SystemExit(f"soak: images/build.sh: {built.stdout[-2000:]}{built.stderr[-2000:]}")

    def remove(self):
        """The end: the engine, and the containerd that one of it may have left when it was killed."""
        self.stop(signal.SIGTERM)
        try:
            pid = int((self.place / "exec" / "containerd" / "containerd.pid").read_text())
            if b"containerd" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGTERM)
        except (OSError, ValueError):
            pass
