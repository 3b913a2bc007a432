# SPDX-License-Identifier: Apache-2.0
"""The Python side of the executor: a process that imports once and forks an interpreter for each execution.

Descriptors of an interpreter: 0 /dev/null, 1 and 2 the captured output, 3 the result, 4 the job (a file in memory),
5 the pipe on which a byte says "go". Descriptor 3 of the forking process is its control socket. Requests are an 8-byte
number with the descriptors of the interpreter; answers are "P", the number and the pid, or "F" and the number.
"""
import _socket
import gc
import json
import linecache
import os
import struct
import sys
import time
import traceback
import types

CONTROL, RESULT, JOB, GO = 3, 3, 4, 5
NAME = "<code>"  # what tracebacks call the submitted code, which is never a file
MESSAGE_MAX = 2000
REHEARSALS = 10
SCAN = json.JSONDecoder().scan_once
ENCODER = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"))
ASCII_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
MAIN = sys.modules["__main__"]
USUAL = ("re", "math", "datetime", "collections", "functools", "itertools", "random", "statistics", "hashlib",
         "base64", "typing", "dataclasses", "pathlib", "_ctypes")


class Context:
    """What a handler gets as its second argument, if it takes one."""

    def __init__(self, job):
        self.execution_id = job["execution_id"]
        self.timeout_ms = job["timeout_ms"]
        self._end = time.monotonic() + job["timeout_ms"] / 1000

    def get_remaining_time_in_millis(self):
        return max(0, int((self._end - time.monotonic()) * 1000))


def import_usual():
    for name in USUAL:
        try:
            __import__(name)
        except Exception:  # an image may lack parts of the standard library
            pass
    gc.collect()
    gc.freeze()


def rehearse():
    """Does what an interpreter will do, with nothing of anybody's: what Python makes, or learns, at first use is made once."""
    sample = {"execution_id": "", "code": "def handler(event):\n    return event\n", "event": "{}", "timeout_ms": 1000,
              "env": {"HOME": "/", "PATH": "/bin"}}
    text = ENCODER.encode(sample)
    for _ in range(REHEARSALS):
        job = read_job(text)
        set_environment(job["env"])
        os.environ.clear()
        os.dup2(0, GO, False)
        lowest_free()
        struct.pack("i", os.getpid())
        module = load(job)
        value = call(module.__dict__["handler"], job)
        forget(module)
        ENCODER.encode(value).encode("utf-8", "backslashreplace")


def receive(control):
    """A request and its descriptors; (b"", []) when the executor is gone."""
    data, parts, _, _ = control.recvmsg(64, _socket.CMSG_SPACE(5 * 4))
    descriptors = []
    for level, kind, payload in parts:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            count = len(payload) // 4
            descriptors.extend(struct.unpack("%di" % count, payload[:count * 4]))
    return data, descriptors


def take_places(descriptors):
    """Gives them the numbers from 1 on. Those that came have higher numbers than these: serve() has taken all others."""
    target = 1
    for fd in descriptors:
        os.dup2(fd, target, target <= 2)
        os.close(fd)
        target += 1


def become_interpreter(control, request, descriptors):
    control.send(b"P" + request + struct.pack("i", os.getpid()))
    control.detach()  # its number is taken over below
    take_places(descriptors)
    os.setsid()


def fork_away(clone):
    """Forks so that the executor becomes the parent: True in the interpreter, False in the forking process."""
    if clone:
        try:
            return clone() == 0
        except OSError:
            pass
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        if status != 0:
            raise OSError("the second fork failed")
        return False
    try:
        if os.fork():
            os._exit(0)
    except OSError:
        os._exit(1)
    return True


def tell_forked(control, request, descriptors, clone):
    """Forks an interpreter: True in it. An executor that is gone is no reason to complain."""
    try:
        forked = fork_away(clone)
    except OSError:
        forked = None
    try:
        if forked:
            become_interpreter(control, request, descriptors)
        elif forked is None:
            control.send(b"F" + request)
    except OSError:
        os._exit(0)
    return bool(forked)


def serve():
    """Forks interpreters for as long as the executor lives. Returns in each interpreter, once, with what make_prctl() gave."""
    control = _socket.socket(fileno=CONTROL)
    while lowest_free() <= GO:
        os.dup(0)
    gc.disable()
    gc.freeze()
    prepared, clone, prctl, attend = False, None, None, None
    while True:
        if attend:
            clone = attend(control, clone)
        try:
            request, descriptors = receive(control)
        except OSError:
            request = b""
        if not request:
            os._exit(0)
        if tell_forked(control, request, descriptors, clone):
            return prctl
        for fd in descriptors:
            os.close(fd)
        if not prepared:  # the first interpreter is wanted at once; the others find everything imported
            import_usual()
            prepared, clone, prctl = True, make_clone(), make_prctl()
            rehearse()
            gc.freeze()
            attend = preloading() if "preloading" in globals() else None


def read_job(text):
    """Without what json.loads() does around it: nothing stands around a job."""
    return SCAN(text, 0)[0]


def wait_for_job():
    if os.read(GO, 1) != b"g":
        os._exit(0)
    job = read_job(os.pread(JOB, os.lseek(JOB, 0, os.SEEK_END), 0).decode("utf-8", "surrogatepass"))
    os.close(GO)
    os.close(JOB)
    return job


def be_visible(prctl):
    """Lets the executor see which files are held open: a process that changes its user loses that."""
    prctl = prctl or make_prctl()
    if prctl:
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


def set_environment(variables):
    """Of an interpreter, whose own is empty, but for what modules of the template have set: the forking process has seen to that."""
    for name, value in variables.items():
        os.environ[name] = value


def become_user(job, prctl):
    os.setresgid(job["gid"], job["gid"], job["gid"])
    os.setresuid(job["uid"], job["uid"], job["uid"])
    be_visible(prctl)
    set_environment(job["env"])
    paths = [path for path in job["env"].get("PYTHONPATH", "").split(":") if path]
    sys.path[:0] = [job["workspace"]] + paths
    sys.argv = [""]
    gc.enable()


def report(kind, text):
    data = (kind + text).encode("utf-8", "backslashreplace")
    while data:
        data = data[os.write(RESULT, data):]


def show(problem):
    """The traceback as Python prints it, without the frames of this file."""
    frame = problem.__traceback__
    while frame and frame.tb_frame.f_code.co_filename != NAME:
        frame = frame.tb_next
    own = problem.with_traceback(frame)
    traceback.print_exception(type(own), own, frame)


def fail(problem):
    kind = "M" if isinstance(problem, MemoryError) else "E"
    try:
        show(problem)
    except Exception:  # an exception that cannot even be printed
        pass
    try:
        text = "".join(traceback.format_exception_only(type(problem), problem)).strip().splitlines()[-1]
    except Exception:
        text = type(problem).__name__
    report(kind, text[:MESSAGE_MAX])
    return 1


def wants_context(handler):
    code = getattr(getattr(handler, "__func__", handler), "__code__", None)
    if code is None:
        return False
    bound = 1 if hasattr(handler, "__func__") else 0
    names = code.co_varnames[bound:code.co_argcount]
    required = len(names) - len(getattr(handler, "__defaults__", None) or ())
    return len(names) >= 2 and (required >= 2 or names[1] == "context")


def call(handler, job):
    event = None if job["event"] == "null" else json.loads(job["event"])
    value = handler(event, Context(job)) if wants_context(handler) else handler(event)
    if hasattr(type(value), "__await__"):
        import asyncio

        async def wait():
            return await value

        value = asyncio.run(wait())
    return value


def deliver(value):
    try:
        try:
            text = ENCODER.encode(value)
            text.encode("utf-8")
        except UnicodeEncodeError:  # a lone surrogate: JSON can say it, UTF-8 cannot
            text = ASCII_ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as problem:
        reason = "The return value is not JSON: %s" % (str(problem)[:MESSAGE_MAX] or type(problem).__name__)
        sys.stderr.write(reason + "\n")
        report("V", reason)
        return 1
    report("R", text)
    return 0


def exit_code(problem):
    code = problem.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xff
    sys.stderr.write("%s\n" % (code,))
    return 1


def load(job):
    linecache.cache[NAME] = (len(job["code"]), None, job["code"].splitlines(True), NAME)
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    exec(compile(job["code"], NAME, "exec", dont_inherit=True), module.__dict__)
    return module


def forget(module):
    sys.modules["__main__"] = MAIN
    del linecache.cache[NAME]
    module.__dict__.clear()


def execute(job):
    try:
        module = load(job)
        handler = module.__dict__.get("handler")
        if callable(handler):
            return deliver(call(handler, job))
        return 0
    except SystemExit as problem:
        return exit_code(problem)
    except BaseException as problem:
        return fail(problem)


def lowest_free():
    """The descriptor that the next open() gives."""
    probe = os.dup(1)
    os.close(probe)
    return probe


def flush_files(free_before):
    """What files that nobody closed have in their buffers, as taking the interpreter apart would write it out."""
    sys.modules["__main__"].__dict__.clear()
    if lowest_free() == free_before:
        return
    import gc
    import io
    for thing in gc.get_objects():
        if issubclass(type(thing), (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)):
            try:
                thing.flush()
            except Exception:  # closed, or on a file that is full
                pass


def leave(code, free_before):
    """Ends as Python would (threads, exit functions, buffers), but for taking the interpreter apart."""
    try:
        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()
        sys.modules["atexit"]._run_exitfuncs() if "atexit" in sys.modules else None
        flush_files(free_before)
    except BaseException:
        pass
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:  # closed by the code itself
            pass
    os._exit(code)


def main():
    os.umask(0o002)
    os.environ.clear()
    sys.stdout.reconfigure(line_buffering=True)  # what was printed before a kill is not lost
    try:
        os.setgroups([])
    except OSError:  # already empty, and not ours to change
        pass
    prctl = serve()
    if "renew" in globals():
        renew()
    job = wait_for_job()
    become_user(job, prctl)
    free = lowest_free()
    leave(execute(job), free)


main()
