# SPDX-License-Identifier: Apache-2.0
"""The stack of the bench, and clients for it that cost little."""
import ctypes
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time

from measure import Failed
from stack import Stack

LANGUAGES = {  # template, code, what it returns
    "python": ("python-basic", 'def handler(event):\n    return "hello"', '"return_value":"hello"'),
    "javascript": ("nodejs-basic", 'exports.handler = () => "hello";', '"return_value":"hello"'),
    "shell": ("python-basic", "echo hello", '"stdout":"hello\\n"'),
}


def timed(action):
    """Milliseconds, and what it gave."""
    began = time.perf_counter()
    result = action()
    return (time.perf_counter() - began) * 1000, result


def spawn(*command):
    """Runs it to its end with as little around it as can be, no variables that slow it down either; its output goes nowhere."""
    nowhere = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
    pid = os.posix_spawnp(command[0], command, {"PATH": os.environ["PATH"], "HOME": "/", "LANG": "C.UTF-8"}, file_actions=nowhere)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
        raise Failed(f"{' '.join(command)} failed")


class Line:
    """A connection that is kept, and one request that can be sent again and again."""

    def __init__(self, port, token, method="GET", path="/health", body=None, status=200):
        self.token, self.status, self.got = token, status, b""
        self.prepare(method, path, body)
        self.socket = socket.create_connection(("127.0.0.1", port), 70)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.began = 0.0

    def prepare(self, method, path, body=None):
        text = b"" if body is None else json.dumps(body).encode()
        length = f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n" if text else ""
        self.request = f"{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.token}\r\n{length}\r\n".encode() + text

    def send(self):
        self.began = time.perf_counter()
        self.got = b""
        self.socket.sendall(self.request)

    def receive(self):
        """Milliseconds since it was sent, once the answer is complete; else None."""
        piece = self.socket.recv(65536)
        if not piece:
            raise Failed("the web server has closed the connection")
        self.got += piece
        head, end, body = self.got.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if not end or (len(body) < int(length[1]) if length else b" 204 " not in head[:16]):
            return None
        return (time.perf_counter() - self.began) * 1000

    def ask(self):
        self.send()
        while (took := self.receive()) is None:
            pass
        return took

    @property
    def fine(self):
        return self.got[9:12] == str(self.status).encode()

    @property
    def answer(self):
        return json.loads(self.got.partition(b"\r\n\r\n")[2])

    def close(self):
        self.socket.close()


class Database:
    """A bare connection through libmariadb, for the cost of one commit of one row."""

    def __init__(self, socket_path):
        self.library = ctypes.CDLL("libmariadb.so.3")
        self.library.mysql_init.restype = ctypes.c_void_p
        self.library.mysql_real_connect.restype = ctypes.c_void_p
        self.library.mysql_real_connect.argtypes = [ctypes.c_void_p, *[ctypes.c_char_p] * 4, ctypes.c_uint, ctypes.c_char_p, ctypes.c_ulong]
        self.library.mysql_query.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        self.library.mysql_close.argtypes = [ctypes.c_void_p]
        self.handle = self.library.mysql_init(None)
        if not self.library.mysql_real_connect(self.handle, None, b"root", None, None, 0, str(socket_path).encode(), 0):
            raise Failed("MariaDB does not answer")
        self.query("CREATE DATABASE IF NOT EXISTS sandbox_bench")
        self.query("CREATE OR REPLACE TABLE sandbox_bench.commits (id INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(200))")

    def query(self, text):
        if self.library.mysql_query(self.handle, text.encode()) != 0:
            raise Failed(f"{text} failed")

    def commit(self):
        self.query("INSERT INTO sandbox_bench.commits (text) VALUES (REPEAT('x', 200))")

    def close(self):
        self.query("DROP DATABASE sandbox_bench")
        self.library.mysql_close(self.handle)


class BenchStack(Stack):
    def __init__(self, environment, quick, say):
        super().__init__(environment)
        self.quick, self.say = quick, say
        self.programs = pathlib.Path(environment["SANDBOX_BUILD"]) / "bench"

    def count(self, full, quick):
        return quick if self.quick else full

    def line(self, *arguments, **more):
        return Line(self.port, self.token, *arguments, **more)

    # --- sessions

    def session(self, template="python-basic", client=None, **fields):
        """One that runs."""
        client = client or self.client()
        session = client.create(template, **fields)
        client.await_session(session, limit=60)
        return session

    def sessions(self, count, template="python-basic", **fields):
        client = self.client()
        made = [client.create(template, **fields) for _ in range(count)]
        for session in made:
            client.await_session(session, limit=120)
        return made

    def end(self, sessions):
        client = self.client()
        for session in sessions:
            client.delete(f"/sessions/{session}")
        client.close()

    def warm_count(self, template="python-basic"):
        return int(self.sql(f"SELECT COUNT(*) FROM containers WHERE status = 'warm' AND template_id = '{template}'")[0][0])

    def quiet(self, warm=0, limit=120):
        """Waits until nothing is made or removed, and so many are warm."""
        self.until(lambda: self.busy_containers() == 0 and self.warm_count() >= warm, limit, f"{warm} warm, and nothing under way")

    def pool(self, template="python-basic"):
        return self.client().get(f"/templates/{template}").json["pool"]

    def set_pool(self, pool, template="python-basic"):
        answer = self.client().request("PUT", f"/templates/{template}", {"pool": pool})
        if answer.status != 200:
            raise Failed(f"{answer!r}")

    def statuses(self, sessions):
        """Executions of these sessions, by status."""
        names = ", ".join(f"'{session}'" for session in sessions)
        return {status: int(count) for status, count in
                self.sql(f"SELECT status, COUNT(*) FROM executions WHERE session_id IN ({names}) GROUP BY status")}

    # --- load

    def client_of_load(self, group, line, text="", pause_ms=0):
        """A client for load(): what this Line would send, again and again."""
        return f"{group} {pause_ms} {line.status} {len(text)} {len(line.request)}\n".encode() + text.encode() + line.request

    def load(self, clients, seconds, count=0, port=None):
        """Milliseconds by group, wrong answers as (count, first) by group, seconds it took, and the share of one CPU that the clients took."""
        if not (self.programs / "http_load").exists():
            raise Failed(f"{self.programs}/http_load is missing: make bench/http_load bench/empty_fcgi")
        done = subprocess.run([str(self.programs / "http_load"), str(port or self.port), f"{seconds:g}", str(count)], input=b"".join(clients),
                              stdout=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise Failed("the clients ended early")
        samples, wrong, end = {}, {}, None
        for line in done.stdout.decode(errors="replace").splitlines():
            words = line.split(" ", 3)
            if words[0] == "wrong":
                wrong[int(words[1])] = int(words[2]), words[3]
            elif words[0] == "end":
                end = int(words[1]) / 1e6, int(words[2]) / int(words[1])
            else:
                samples.setdefault(int(words[0]), []).append(int(words[1]) / 1000)
        return samples, wrong, *end


class Empty:
    """The web server of the stack with the same settings, but with bench/empty_fcgi.c behind it, on a port of its own."""

    def __init__(self, stack):
        self.directory = stack.run_dir / "web"
        self.program = stack.lib_dir / "bin" / "empty_fcgi"
        shutil.copy(stack.programs / "empty_fcgi", self.program)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        text = (stack.run_dir / "lighttpd" / "lighttpd.conf").read_text()
        text = re.sub(r"(server\.port\s*=\s*)\d+", rf"\g<1>{self.port}", text)
        text = text.replace("/web/api.sock", "/web/empty.sock").replace(str(stack.lib_dir / "bin" / "sandbox-api"), str(self.program))
        self.settings = stack.run_dir / "lighttpd" / "bench-empty.conf"
        self.settings.write_text(self.adapt(text))
        self.server = subprocess.Popen(["/usr/sbin/lighttpd", "-D", "-f", str(self.settings)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.until(self.answers, 10, "the empty answer")

    def adapt(self, text):
        """What else a measurement wants of its settings."""
        return text

    def answers(self):
        try:
            line = Line(self.port, "x")
            line.ask()
            line.close()
        except OSError:
            return False
        return line.fine

    def close(self):
        self.server.terminate()
        self.server.wait(20)
        self.program.unlink()
        self.settings.unlink()


class Spent:
    """CPU time, in milliseconds, that the machine and the parts of the stack have spent since this was made."""
    MS_PER_TICK = 1000 / os.sysconf("SC_CLK_TCK")

    def __init__(self, stack):
        names = {"mariadbd": "MariaDB", stack.web: "web server", "dispatchd": "dispatcher"}
        self.parts = {title: [stack.pid(name)] for name, title in names.items()} | {"web workers": stack.worker_pids()}
        self.began = self.read()

    def read(self):
        user, nice, system, _, _, irq, softirq, *_ = map(int, pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:])
        now = {name: sum(sum(map(int, pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])) for pid in pids)
               for name, pids in self.parts.items()}
        return {"machine": user + nice + system + irq + softirq, **now}

    def since(self):
        return {name: (ticks - self.began[name]) * self.MS_PER_TICK for name, ticks in self.read().items()}


def read_memory(pid):
    """MB resident of a process, and of it what is no file's; and how many threads it has."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return tuple(int(re.search(rf"{name}:\s+(\d+)", text)[1]) / 1024 for name in ("VmRSS", "RssAnon")) + (int(re.search(r"Threads:\s+(\d+)", text)[1]),)


def read_peak(pid):
    """MB that were resident at most."""
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1]) / 1024
