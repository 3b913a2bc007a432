# SPDX-License-Identifier: Apache-2.0
"""Does what the schedule says, each at its time and in a thread of its own, and writes down when."""
import pathlib
import re
import signal
import subprocess
import threading
import time

BUSY = 0.8          # how many faults of sandboxes meet one that is busy
AFTERMATH_S = 6     # what follows a fault is not called quiet


def tree_of(pid):
    """Pids of a process and all below it."""
    found = [pid]
    for place in found:
        for task in pathlib.Path(f"/proc/{place}/task").glob("*"):
            try:
                found.extend(map(int, (task / "children").read_text().split()))
            except OSError:
                continue
    return found


class Faults:
    def __init__(self, faults, stack, parts, engine, say):
        self.faults, self.stack, self.parts, self.engine, self.say = faults, stack, parts, engine, say
        self.log = []               # (begin, end, text), seconds since the start
        self.problems = []
        self.busy, self.lock = set(), threading.Lock()
        self.began = time.monotonic()
        self.over = threading.Event()
        self.threads = []
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.began = time.monotonic()
        self.thread.start()

    def stop(self):
        """Nothing new begins; what lasts is taken back."""
        self.over.set()
        self.thread.join()
        for thread in self.threads:
            thread.join(60)

    def quiet(self, when, seconds):
        """Whether what began `when` and took so long met no fault."""
        begin = when - self.began
        return all(begin + seconds < fault_begin or begin > fault_end + AFTERMATH_S for fault_begin, fault_end, _ in self.log)

    def _run(self):
        for fault in self.faults:
            if self.over.wait(max(0, self.began + fault.at - time.monotonic())):
                return
            thread = threading.Thread(target=self._inject, args=(fault,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _inject(self, fault):
        target = fault.target or fault.kind.split()[0]
        with self.lock:
            if target in self.busy:
                return self.say(f"  passed over: {fault} ({target} has one already)")
            self.busy.add(target)
        begin = time.monotonic() - self.began
        entry = len(self.log)
        self.log.append((begin, begin + fault.lasts + 60, str(fault)))
        try:
            told = getattr(self, fault.kind.replace(" ", "_"))(fault)
        except Exception as problem:  # one that cannot be done stops no run
            told = f"could not be done: {type(problem).__name__}: {problem}"
            self.problems.append(f"{fault}: {told}")
        finally:
            self.log[entry] = (begin, time.monotonic() - self.began, f"{fault}{': ' + told if told else ''}")
            with self.lock:
                self.busy.discard(target)
        return self.say(f"  {begin:6.1f} s  {self.log[entry][2]}")

    def _last(self, fault):
        self.over.wait(fault.lasts)

    def _until(self, condition, limit_s):
        end = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    # --- jobs and the web tier

    def job_killed(self, fault):
        if not self.parts.signal(fault.target, signal.SIGKILL):
            return "it did not run"
        return None

    def job_stopped(self, fault):
        self.parts.signal(fault.target, signal.SIGSTOP)
        self._last(fault)
        self.parts.signal(fault.target, signal.SIGCONT)

    def job_twice(self, fault):
        """A second copy, with the same settings: it works too, waits, or ends because the other one is there; it never takes harm."""
        log = self.stack.home / "log" / f"{fault.target}-second.log"
        with open(log, "ab") as file:
            child = subprocess.Popen(self.parts.commands[fault.target], stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
        self._last(fault)
        if child.poll() is not None:
            return f"ended by itself with {child.returncode}"
        child.send_signal(signal.SIGTERM)
        try:
            return f"ended with {child.wait(20)}"
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            self.problems.append(f"second {fault.target} did not end within 20 s of SIGTERM ({log})")
            return "had to be killed"

    def worker_killed(self, fault):
        pids = sorted(self.stack.worker_pids())
        if not pids:
            return "there was none"
        self.parts.signal_pid(pids[int(fault.draw * len(pids))], signal.SIGKILL)
        return None

    def web_server_killed(self, fault):
        self.parts.signal(self.stack.web, signal.SIGKILL)

    def everything_killed(self, fault):
        """As when the machine loses its power, but for the sandboxes."""
        for name in self.parts.commands:
            self.parts.signal(name, signal.SIGKILL)

    # --- database and storage

    def database_killed(self, fault):
        self.parts.signal("mariadbd", signal.SIGKILL)

    def database_away(self, fault):
        self.parts.held.add("mariadbd")
        try:
            self.parts.signal("mariadbd", signal.SIGTERM)
            gone = self._until(lambda: self.stack.pid("mariadbd") is None, 60)
            self._last(fault)
            return None if gone else "did not end"
        finally:
            self.parts.held.discard("mariadbd")

    def database_stopped(self, fault):
        self.parts.signal("mariadbd", signal.SIGSTOP)
        self._last(fault)
        self.parts.signal("mariadbd", signal.SIGCONT)

    def storage_away(self, fault):
        place = self.stack.lib_dir / "workspaces"
        away = place.with_name("workspaces.away")
        place.rename(away)
        try:
            self._last(fault)
        finally:
            if place.exists():
                self.problems.append(f"{place} was made anew while it was away")
            else:
                away.rename(place)

    # --- sandboxes

    def _victim(self, fault):
        """Mostly one in which code runs."""
        rows = self.stack.sql("SELECT c.id, c.session_id, EXISTS (SELECT * FROM executions e WHERE e.session_id = c.session_id AND e.status = 'running') "
                              "FROM containers c WHERE c.status = 'running' ORDER BY c.seq")
        busy = [row for row in rows if row[2] == "1"]
        chosen = busy if busy and fault.draw * 10 % 1 < BUSY else rows
        return chosen[int(fault.draw * len(chosen))] if chosen else None

    def _pids(self, container):
        """Of what keeps a sandbox, and its process 1, on this machine."""
        if self.engine:
            pid = int(self.engine.docker("inspect", "--format", "{{.State.Pid}}", f"sandbox-{container}"))
            if pid <= 0:    # kill() would take it for all of us
                raise ProcessLookupError("it does not run")
            return pid, pid
        outer = int((self.stack.lib_dir / "c" / container / "pid").read_text().split()[0])
        inner = pathlib.Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
        return outer, int(inner[0]) if inner else outer

    def _with_victim(self, fault, action):
        try:
            victim = self._victim(fault)
        except AssertionError:
            return "the database does not answer"
        if victim is None:
            return "there was none"
        try:
            action(victim[0])
        except (OSError, subprocess.CalledProcessError) as problem:
            return f"{victim[0]} had ended meanwhile ({problem})"
        return f"{victim[0]} of {victim[1]}"

    def sandbox_killed(self, fault):
        return self._with_victim(fault, lambda container: self.engine.docker("kill", f"sandbox-{container}") if self.engine
                                 else self.parts.signal_pid(self._pids(container)[0], signal.SIGKILL))

    def executor_killed(self, fault):
        return self._with_victim(fault, lambda container: self.parts.signal_pid(self._pids(container)[1], signal.SIGKILL))

    def sandbox_paused(self, fault):
        def pause(container):
            if self.engine:
                self.engine.docker("pause", f"sandbox-{container}")
                self._last(fault)
                self.engine.docker("unpause", f"sandbox-{container}")
                return
            outer = self._pids(container)[0]
            pids = tree_of(outer)
            for pid in pids:
                self.parts.signal_pid(pid, signal.SIGSTOP)
            self._last(fault)
            for pid in pids:
                self.parts.signal_pid(pid, signal.SIGCONT)
        return self._with_victim(fault, pause)

    # --- the engine: the soak's own

    def engine_killed(self, fault):
        self.engine.stop(signal.SIGKILL)
        self._last(fault)
        return self.engine.start()

    def engine_restarted(self, fault):
        self.engine.stop(signal.SIGTERM)
        self._last(fault)
        return self.engine.start()


def engine_containers(stack, engine):
    """What really exists, with the processes of sandboxes (process runtime)."""
    if engine is None:
        return stack.engine_containers()
    where = str(stack.lib_dir / "c")
    text = engine.docker("ps", "--all", "--filter", f"label=sandbox.installation={where}", "--format", '{{.Label "sandbox.container"}}')
    rooms = {entry.name for entry in pathlib.Path(where).glob("*") if re.fullmatch("[0-9a-f]{12}", entry.name)}
    return set(text.split()) | rooms
