# SPDX-License-Identifier: Apache-2.0
"""The processes of the stack, watched and started again as an init system would: by the command they were started with, a second after
their end. What ends though nobody ended it is remembered."""
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

RESTART_S = 1.0
TOP = pathlib.Path(__file__).resolve().parents[2]


def jobs_of_the_stack():
    """Names as etc/quickstart knows them."""
    text = (TOP / "etc" / "quickstart" / "stack.sh").read_text()
    return re.search(r"(?m)^JOBS=\((.*)\)", text)[1].split()


def start_time(pid):
    try:
        words = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if words[0] == "Z" else words[19]


def memory(pid):
    """KiB resident, and what of it is no file's."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return tuple(int(found[1]) if (found := re.search(rf"{name}:\s+(\d+)", status)) else 0 for name in ("VmRSS", "RssAnon"))


class Parts:
    def __init__(self, stack, names, say):
        self.stack, self.say = stack, say
        self.commands = {name: self._command(name) for name in names}
        self.expected = {}                # name -> until when its end is no surprise
        self.held = set()                 # not to be started now
        self.dead_since, self.children, self.deaths = {}, {}, []
        self.sizes = {}                   # (name, pid) -> [(seconds, resident, anonymous)]
        self.began = time.monotonic()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _command(self, name):
        pid = self.stack.pid(name)
        if pid is None:
            raise SystemExit(f"soak: {name} does not run")
        return [word.decode() for word in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]]

    def start_watching(self):
        self.thread.start()

    def stop_watching(self):
        self.over.set()
        self.thread.join(10)

    def _watch(self):
        measured = 0
        while not self.over.wait(0.2):
            for name in self.commands:
                try:
                    self._look_at(name)
                except OSError as problem:
                    self.say(f"{name} could not be started: {problem}")
            if time.monotonic() - measured >= 2:
                measured = time.monotonic()
                self._measure()

    def _look_at(self, name):
        if name in self.children:
            self.children[name].poll()
        if self.stack.pid(name) is not None:
            self.dead_since.pop(name, None)
            return
        now = time.monotonic()
        if name not in self.dead_since:
            self.dead_since[name] = now
            if self.expected.get(name, 0) < now:
                code = self.children[name].returncode if name in self.children else None
                self.deaths.append(f"{name} ended by itself at {now - self.began:.0f} s (exit code {code}); see {self.stack.home}/log/{name}.log")
                self.say(self.deaths[-1])
        if name not in self.held and now - self.dead_since[name] >= RESTART_S:
            self.start(name)

    def start(self, name):
        if name == self.stack.web:
            for pid in self.stack.worker_pids():  # of a web server that was killed: as etc/quickstart does
                self.signal_pid(pid, signal.SIGKILL)
            for entry in (self.stack.run_dir / "web").glob("*"):
                entry.unlink(missing_ok=True)
        with open(self.stack.home / "log" / f"{name}.log", "ab") as log:
            child = subprocess.Popen(self.commands[name], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                     preexec_fn=(lambda: os.nice(5)) if name == "provisiond" else None)
        self.children[name] = child
        (self.stack.home / "run" / f"{name}.pid").write_text(f"{child.pid} {start_time(child.pid)}\n")

    @staticmethod
    def signal_pid(pid, number):
        if pid <= 1:
            raise ValueError(f"{pid} is no process of ours")
        try:
            os.kill(pid, number)
            return True
        except ProcessLookupError:
            return False

    def signal(self, name, number):
        """Whether it ran."""
        pid = self.stack.pid(name)
        if pid is None:
            return False
        if number in (signal.SIGKILL, signal.SIGTERM):
            self.expected[name] = time.monotonic() + 30
        return self.signal_pid(pid, number)

    def _measure(self):
        found = [(name, self.stack.pid(name)) for name in self.commands] + [("worker", pid) for pid in self.stack.worker_pids()]
        for name, pid in found:
            size = memory(pid) if pid else None
            if size:
                self.sizes.setdefault((name, pid), []).append((time.monotonic() - self.began, *size))

    def all_run(self):
        return all(self.stack.pid(name) is not None for name in self.commands)
