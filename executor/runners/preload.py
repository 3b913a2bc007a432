# SPDX-License-Identifier: Apache-2.0
"""What the template names is imported by a copy of the forking process, which takes over when it is whole.

Until then, and if it never is, the forking process goes on serving: a module that hangs, crashes, exits or leaves behind what must
not be forked costs no execution anything. The copy that tried it goes, with all that it had, and another one leaves it out.

The arguments are the first user id and the group of the sandbox's code, and the modules. The two processes talk on LINK. From the
copy: "I" and a module that it begins with, "S" a module, a NUL and why it is skipped, "R" when it is done; to the copy: "g", take
over. The executor hears of it on the control socket: "L" with a skipped module and why, "W" and the process that forks from now on.
"""
import gc
import os
import struct
import sys
import time

LINK = 63  # where no descriptor of an interpreter comes to stand
MODULE_S, ALL_S = 30, 120
SLOTS = 17  # user ids of the sandbox
REASON_MAX = 200
SETTLE_S = 0.2


class Skip(Exception):
    """A module is not wanted. `harmless`: it has left nothing, so that this copy can go on."""

    def __init__(self, reason, harmless=False):
        super().__init__(reason)
        self.harmless = harmless


def is_within_reach(path, uid, gid):
    """Whether the sandbox's code could have put it there. What is not there now could be there later."""
    while True:
        try:
            found = os.stat(path)
        except OSError:
            return True
        if (uid <= found.st_uid < uid + SLOTS or found.st_mode & 0o002 and not found.st_mode & 0o1000 or
                found.st_gid == gid and found.st_mode & 0o020):
            return True
        if path == "/":
            return False
        path = os.path.dirname(path)


def is_safe_directory(path, uid, gid, workspace):
    real = os.path.realpath(path)
    if not os.path.isabs(path) or real == workspace or real.startswith(workspace.rstrip("/") + "/"):
        return False
    try:  # files put next to others' in a directory that is everybody's
        if os.stat(real).st_mode & 0o002:
            return False
    except OSError:
        return False
    return not is_within_reach(real, uid, gid)


def open_descriptors():
    try:
        numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:  # no /proc
        numbers = range(os.sysconf("SC_OPEN_MAX"))
    found = set()
    for number in numbers:
        try:
            os.fstat(number)
            found.add(number)
        except OSError:
            pass
    return found


def fork_once():
    """By it, libraries that can be forked stop their threads: that is what they have asked to be told for. The child's number."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


def count_by_number():
    """Without /proc: numbers are given to threads and processes in order, from ours on."""
    import _ctypes
    own, last = os.getpid(), fork_once()
    tgkill = _ctypes.dlsym(_ctypes.dlopen(None, 2), "tgkill")
    if last < own:
        raise OSError("the numbers began anew")
    return sum(_ctypes.call_function(tgkill, (own, number, 0)) == 0 for number in range(own, last))


def count_threads():
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return count_by_number()


def has_threads():
    try:
        if count_threads() == 1:
            return False
        fork_once()
        end = time.monotonic() + SETTLE_S
        while count_threads() > 1:
            if time.monotonic() > end:
                return True
            time.sleep(0.005)
    except Exception:  # nobody can tell
        return True
    return False


def has_children():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    except ChildProcessError:
        return False


def flush_output():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass


class Watch:
    """Holds what a module leaves against what was there before."""

    def __init__(self):
        self.output = os.memfd_create("output", os.MFD_CLOEXEC)
        self.saved = [os.dup(1), os.dup(2)]
        for number in (1, 2):
            os.dup2(self.output, number)
        self.descriptors = open_descriptors()

    def look(self):
        flush_output()
        if os.fstat(self.output).st_size:
            raise Skip("it writes to its output")
        if open_descriptors() != self.descriptors:
            raise Skip("it leaves descriptors open")
        if has_children():
            raise Skip("it leaves a process")
        if has_threads():
            raise Skip("it leaves threads")

    def end(self):
        for number, saved in enumerate(self.saved, 1):
            os.dup2(saved, number, inheritable=True)
            os.close(saved)
        os.close(self.output)


def import_one(name):
    top = name.partition(".")[0]
    known = top in sys.modules
    try:
        __import__(name)
    except ModuleNotFoundError as problem:
        raise Skip("there is no module %s" % problem.name, problem.name == top and not known)
    except BaseException as problem:
        raise Skip("%s: %s" % (type(problem).__name__, problem))


def import_all(names, tell):
    """Tells of each; returns when all are there that can be had, and ends the process where one has done harm."""
    import _signal
    watch = Watch()
    for name in names:
        tell(b"I" + name.encode())
        _signal.alarm(MODULE_S * 2)  # nobody may be left who ends us
        try:
            import_one(name)
            watch.look()
        except Skip as skip:
            tell(b"S" + name.encode() + b"\0" + str(skip).encode("utf-8", "backslashreplace")[:REASON_MAX])
            if not skip.harmless:
                os._exit(0)
    _signal.alarm(0)
    watch.end()


def import_aside(names, uid, gid, tell):
    """Away from everything that the sandbox's code can write."""
    import warnings
    workspace, path, environment = os.getcwd(), list(sys.path), {"PATH": os.defpath, "LANG": "C.UTF-8"}
    shown = warnings.showwarning
    warnings.showwarning = silent = lambda *_, **__: None
    sys.path[:] = [entry for entry in path if is_safe_directory(entry, uid, gid, workspace)]
    safe = list(sys.path)
    os.chdir("/")
    os.environ.update(environment)
    import_all(names, tell)
    sys.path[:] = path + [entry for entry in sys.path if entry not in safe]
    if warnings.showwarning is silent:
        warnings.showwarning = shown
    found = {name: value for name, value in os.environ.items() if environment.get(name) != value}
    os.chdir(workspace)
    os.umask(0o002)
    rehearse()  # which leaves no environment
    os.environ.update(found)
    gc.collect()
    gc.freeze()


def say(status):
    code = os.waitstatus_to_exitcode(status) if hasattr(os, "waitstatus_to_exitcode") else status
    return "it ends the process with signal %d" % -code if code < 0 else "it ends the process with code %d" % code


class Preload:
    """The copy, as the forking process sees it."""

    def __init__(self, uid, gid, names):
        self.uid, self.gid, self.names = uid, gid, names
        self.pid, self.module, self.clone = 0, None, None
        self.end = self.due = time.monotonic() + ALL_S
        self.done = False

    def attend(self, control, clone):
        """Waits for a request that can be received. Gives the way to fork: the copy's own, when it takes over."""
        import select
        while not self.done:
            if not self.pid and self.start(control):
                return self.clone
            if self.done:
                break
            poll = select.poll()
            poll.register(control.fileno(), select.POLLIN)
            poll.register(LINK, select.POLLIN)
            ready = {number for number, _ in poll.poll(max(0, self.due - time.monotonic()) * 1000)}
            if LINK in ready:
                self.hear(control)
            elif not ready:
                self.lose(control, "it takes too long")
            if control.fileno() in ready:
                break
        return clone

    def start(self, control):
        """A copy that leaves out what was skipped: True in it, when it takes over."""
        if not self.names or time.monotonic() >= self.end:
            return self.finish(control)
        self.module, self.due = None, min(self.end, time.monotonic() + MODULE_S)
        try:
            ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
            self.pid = os.fork()
        except OSError:
            return self.finish(control)
        os.dup2((ours if self.pid else theirs).fileno(), LINK, inheritable=False)
        ours.close()
        theirs.close()
        if self.pid:
            return False
        self.be_copy()
        return True

    def be_copy(self):
        link = _socket.socket(fileno=LINK)
        try:
            os.setsid()
            import_aside(self.names, self.uid, self.gid, link.send)
            self.clone = make_clone()
            link.send(b"R")
            if link.recv(1) != b"g":
                os._exit(0)
        except BaseException:
            os._exit(1)
        link.close()
        self.done = True

    def hear(self, control):
        link = _socket.socket(fileno=LINK)
        try:
            message = link.recv(1024)
            if message[:1] == b"R":
                control.send(b"W" + struct.pack("i", self.pid))
                link.send(b"g")
                os._exit(0)
        except OSError:
            message = b""
        finally:
            link.detach()
        if not message:
            self.lose(control, None)
        elif message[:1] == b"I":
            self.module, self.due = message[1:].decode(), min(self.end, time.monotonic() + MODULE_S)
        else:
            name, _, reason = message[1:].partition(b"\0")
            self.skip(control, name.decode(), reason)

    def skip(self, control, name, reason):
        self.names.remove(name)
        self.module = None
        control.send(b"L" + name.encode() + b"\0" + reason)

    def lose(self, control, reason):
        """The copy is gone, or is to go."""
        os.close(LINK)
        if reason:
            os.kill(self.pid, 9)
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        if self.module:
            self.skip(control, self.module, (reason or say(status)).encode())
        elif status:  # whose doing it was is not known
            self.finish(control)

    def finish(self, control):
        """Nothing is to be had, or nothing more: the forking process stays what it is."""
        self.done = True
        control.send(b"W" + struct.pack("i", os.getpid()))
        return False


def preloading():
    return Preload(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]).attend


def renew():
    """In an interpreter: what must not be the same in two of them, and what the forking process keeps for itself."""
    try:
        os.close(LINK)
    except OSError:
        pass
    for name in ("random", "numpy.random"):
        module = sys.modules.get(name)
        try:
            module and module.seed()
        except Exception:
            pass
    if "tempfile" in sys.modules:
        sys.modules["tempfile"].tempdir = None
    sys.argv = [""]
