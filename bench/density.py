#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Many at once: sessions that are there, executions that are under way; what they take of memory and CPU, and how long a creation takes then.
Two parts of the bench; by itself against the stack of SANDBOX_HOME and SANDBOX_PORT, process runtime. Its settings must allow it
(docs/operations.md, "A thousand sessions"); what is missing is said before anything is made."""
import argparse
import os
import pathlib
import statistics
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e")]
import measure  # noqa: E402
from measure import Failed, at_most  # noqa: E402
from stack import Stack  # noqa: E402

SMALL = {"cpu": "0.5", "memory": "256Mi"}
TICKS = os.sysconf("SC_CLK_TCK")
JOBS = ("dispatchd", "provisiond", "reap", "pool", "purge", "probe", "webhookd")


# --- processes

def read(path):
    try:
        return pathlib.Path(path).read_bytes().decode(errors="replace")
    except OSError:
        return ""


def processes():
    """pid -> (parent, name, ticks of CPU, command line)"""
    found = {}
    for name in os.listdir("/proc"):
        text = read(f"/proc/{name}/stat") if name.isdigit() else ""
        if not text:
            continue
        comm, fields = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
        found[int(name)] = (int(fields[1]), comm, int(fields[11]) + int(fields[12]))
    return found


def of_container(stack, container, children):
    """The pids of a sandbox, bubblewrap first."""
    words = read(stack.lib_dir / "c" / container / "pid").split()
    pids = [int(words[0])] if words else []
    for pid in pids:
        pids += children.get(pid, ())
    return pids


def by_parent(table):
    children = {}
    for pid, row in table.items():
        children.setdefault(row[0], []).append(pid)
    return children


def memory_kb(pid, names=("Pss", "Rss", "Private_Clean", "Private_Dirty")):
    values = {}
    for line in read(f"/proc/{pid}/smaps_rollup").splitlines():
        name, _, rest = line.partition(":")
        if name in names:
            values[name] = int(rest.split()[0])
    return values


def status_of(pid):
    rows = dict(line.split(":\t", 1) for line in read(f"/proc/{pid}/status").splitlines() if ":\t" in line)
    return {name: int(rows.get(name, "0").split()[0]) for name in ("VmHWM", "VmRSS", "Threads")}


def role(comm, at):
    """What a process of a sandbox is: `at` counts from bubblewrap, in the order of the tree."""
    if comm == "bwrap":
        return "bubblewrap"
    if "executor" in comm or comm == "5":
        return "executor"
    return f"{comm} ({'forks the others' if at == 2 else 'waits'})" if comm.startswith("python") else comm


def parts_of(stack):
    """Name -> pids, of what is not a sandbox."""
    parts = {job: [stack.pid(job)] for job in JOBS if stack.pid(job)}
    parts["mariadbd"] = [pid for pid in (stack.pid("mariadbd"),) if pid]
    parts["web workers"] = stack.worker_pids()
    parts[stack.web] = [pid for pid in (stack.pid(stack.web),) if pid]
    return parts


def free_mb():
    return int(read("/proc/meminfo").partition("MemAvailable:")[2].split()[0]) // 1024


# --- clients

class Crowd:
    """A few clients at once, each with a connection of its own, that share a list of things to do."""

    def __init__(self, stack, clients):
        self.stack, self.clients = stack, clients

    def each(self, items, action):
        """action(client, item) for all; what it gave, in the order of the items."""
        left, results, failures, lock = list(enumerate(items))[::-1], [None] * len(items), [], threading.Lock()

        def one():
            client = self.stack.client()
            while not failures:
                with lock:
                    if not left:
                        break
                    at, item = left.pop()
                try:
                    results[at] = action(client, item)
                except Exception as problem:  # any: the others are to stop
                    failures.append(problem)
            client.close()

        threads = [threading.Thread(target=one) for _ in range(self.clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return results


def create(client, _):
    """Id, milliseconds to the answer, milliseconds until it runs."""
    began = time.perf_counter()
    answer = client.post("/sessions", {"template_id": "python-basic", "resources": SMALL, "timeout": 3600})
    took = (time.perf_counter() - began) * 1000
    if answer.status != 201:
        raise Failed(f"a session was refused: {answer!r}")
    session = answer.json["session_id"]
    client.await_session(session, pause=0.02)
    return session, took, (time.perf_counter() - began) * 1000


def execute(client, session):
    began = time.perf_counter()
    result = client.run(session, f"def handler(event):\n    return 'ran in {session}'")
    if result["status"] != "success" or result["return_value"] != f"ran in {session}":
        raise Failed(f"wrong answer: {result}")
    return (time.perf_counter() - began) * 1000


def remove(crowd, sessions):
    """Seconds until the answers were there, and until the last sandbox was gone."""
    began = time.monotonic()

    def end(client, session):
        answer = client.delete(f"/sessions/{session}")
        if answer.status not in (200, 204):
            raise Failed(f"{answer!r}")

    crowd.each(sessions, end)
    answered = time.monotonic() - began
    crowd.stack.until(lambda: crowd.stack.busy_containers() == 0, 300, "all sandboxes are gone")
    return answered, time.monotonic() - began


def containers_of(stack, sessions):
    rows = dict(stack.sql("SELECT session_id, id FROM containers WHERE status = 'running'"))
    return [rows[session] for session in sessions]


# --- parts

def sessions_memory(stack, sessions):
    """Role -> memory of each process, in the order of the tree; and the sum of each session, in kB."""
    table = processes()
    children, roles, sums = by_parent(table), {}, []
    for container in containers_of(stack, sessions):
        total = 0
        for at, pid in enumerate(of_container(stack, container, children)):
            values = memory_kb(pid)
            total += values.get("Pss", 0)
            roles.setdefault(role(table[pid][1], at), []).append(values)
        sums.append(total)
    return roles, sums


def say_memory(report, roles, sums):
    def middle(rows, *keys):
        return statistics.median(sum(row.get(key, 0) for key in keys) for row in rows) / 1024

    for name, rows in roles.items():
        report.value(f"PSS of {name}", middle(rows, "Pss"), "MiB")
        report.note(f"{name}: {len(rows) / len(sums):.2f} a session, {middle(rows, 'Rss'):.2f} MiB resident, "
                    f"{middle(rows, 'Private_Clean', 'Private_Dirty'):.2f} MiB of them its own alone")
    report.value("PSS of a session, median", statistics.median(sums) / 1024, "MiB", goal=at_most(12))
    report.value("PSS of a session, largest", max(sums) / 1024, "MiB")


def cpu_at_rest(stack, report, seconds):
    """Of a core, by part, while nothing is asked for."""
    mine = by_parent(processes())
    containers = [row[0] for row in stack.sql("SELECT id FROM containers WHERE status IN ('running', 'warm')")]
    inside = [pid for container in containers for pid in of_container(stack, container, mine)]
    before, began, used = processes(), time.monotonic(), {}
    time.sleep(seconds)
    after, took = processes(), time.monotonic() - began

    def note(name, pid):
        if pid in before and pid in after:
            used[name] = used.get(name, 0) + after[pid][2] - before[pid][2]

    for name, pids in parts_of(stack).items():
        for pid in pids:
            note(name, pid)
    for pid in inside:
        if pid in after:
            note(role(after[pid][1], 3), pid)
    percent = {name: ticks / TICKS / took * 100 for name, ticks in used.items()}
    report.value("CPU at rest, of a core", sum(percent.values()), "%")
    shares = ", ".join(f"{name} {share:.2f}" for name, share in sorted(percent.items(), key=lambda item: -item[1]) if share >= 0.005)
    report.note(f"CPU at rest over {took:.0f} s, % of a core: {shares or 'none'}")


def lists(stack, report):
    client = stack.client()
    for path in ("/sessions?limit=100", "/containers?limit=100", "/health/detailed"):
        samples = []
        for _ in range(20):
            began = time.perf_counter()
            answer = client.get(path)
            samples.append((time.perf_counter() - began) * 1000)
            if answer.status != 200:
                raise Failed(f"GET {path}: {answer!r}")
        report.add(f"GET {path}", samples)
    began = time.perf_counter()
    stack.ctl("status")
    report.value("sandboxctl status", (time.perf_counter() - began) * 1000, "ms")


def make(stack, report, crowd, count):
    began, made = time.monotonic(), crowd.each(range(count), create)
    report.note(f"{count} sessions made in {time.monotonic() - began:.1f} s by {crowd.clients} clients")
    report.add("create, until answered", [row[1] for row in made], goal=at_most(20, of="p50", at="p99"))
    report.add("create, until running", [row[2] for row in made], goal=at_most(20, of="p50", at="p99"))
    ids = [row[0] for row in made]
    report.add("first execution of each", crowd.each(ids, execute))
    return ids


def remove_all(stack, report, crowd):
    """Whatever sessions there are: also those of a part that ended early."""
    ids = [row[0] for row in stack.sql("SELECT id FROM sessions WHERE status IN ('creating', 'running')")]
    if ids:
        answered, gone = remove(crowd, ids)
        report.note(f"{len(ids)} sessions ended: answered after {answered:.1f} s, all sandboxes gone after {gone:.1f} s")


def sessions(stack, report, count=None, clients=4, rest=20, keep=False):
    """Sessions at once, each of which has run once. `keep`: they are left, and nothing but their making is measured."""
    count = count or stack.count(1000, 100)
    crowd = Crowd(stack, clients)
    check_limits(stack, count, 0)
    try:
        make(stack, report, crowd, count)
        if keep:
            return
        ids = [row[0] for row in stack.sql("SELECT id FROM sessions WHERE status = 'running'")]
        report.note(f"{len(ids)} sessions at once; {free_mb()} MiB of memory are left to the machine")
        time.sleep(2)  # a waiting interpreter each is there again
        say_memory(report, *sessions_memory(stack, ids))
        for name, pids in parts_of(stack).items():
            report.value(f"{name}, resident", sum(status_of(pid)["VmRSS"] for pid in pids) / 1024, "MiB")
        lists(stack, report)
        if rest:
            cpu_at_rest(stack, report, rest)
    finally:
        if not keep:
            remove_all(stack, report, crowd)


class Peak(threading.Thread):
    """Looks at a process twice a second: most memory, most threads, CPU."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.threads, self.done = pid, 0, threading.Event()
        pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins now
        self.ticks = processes()[pid][2]
        self.start()

    def run(self):
        while not self.done.wait(0.5):
            self.threads = max(self.threads, status_of(self.pid)["Threads"])

    def end(self):
        """MiB, threads, seconds of CPU."""
        self.done.set()
        self.join()
        return status_of(self.pid)["VmHWM"] / 1024, self.threads, (processes()[self.pid][2] - self.ticks) / TICKS


def submit_sleeper(client, job):
    session, number, seconds = job
    return client.submit(session, f"import time\ndef handler(event):\n    time.sleep({seconds})\n    return 'slept {number}'", timeout=300)


def check_sleeper(client, pair):
    execution, number = pair
    result = client.result(execution, 240)
    fine = result["status"] == "success" and result["return_value"] == f"slept {number}"
    return fine, result["metrics"]["duration_ms"] if fine else 0


def await_all(stack, limit):
    """How many ran at once, at most."""
    most, end = 0, time.monotonic() + limit
    while time.monotonic() < end:
        rows = dict(stack.sql("SELECT status, COUNT(*) FROM executions WHERE status IN ('pending', 'running') GROUP BY status"))
        most = max(most, int(rows.get("running", 0)))
        if not rows:
            return most
        time.sleep(0.5)
    raise Failed(f"executions had not ended after {limit} s")


def in_flight(stack, report, count=None, each=4, seconds=30, clients=4, keep=False):
    """Executions that sleep, `each` of them in a session at once."""
    count = count or stack.count(1000, 100)
    places = (count + each - 1) // each
    crowd = Crowd(stack, clients)
    check_limits(stack, places, count)
    try:
        ids = [row[0] for row in crowd.each(range(places), create)]
        peak, began = Peak(stack.pid("dispatchd")), time.monotonic()
        executions = crowd.each([(ids[number % places], number, seconds) for number in range(count)], submit_sleeper)
        submitted = time.monotonic() - began
        most = await_all(stack, seconds + 240)
        took = time.monotonic() - began
        memory, threads, cpu = peak.end()
        results = crowd.each(list(zip(executions, range(count))), check_sleeper)
        report.note(f"{count} executions of {seconds} s in {places} sessions: submitted in {submitted:.1f} s, {most} ran at once, the last ended after {took:.1f} s")
        report.wrong(sum(not fine for fine, _ in results), "of them did not end right")
        report.add("the code's own time", [duration for fine, duration in results if fine])
        report.value("dispatcher, resident at most", memory, "MiB", goal=at_most(32))
        report.value("dispatcher, threads at most", threads, "", goal=at_most(1))
        report.value("dispatcher, CPU", cpu, "s")
    finally:
        if not keep:
            remove_all(stack, report, crowd)


def check_limits(stack, places, executions):
    """What would be refused half-way."""
    needed = (places * 17 + executions * 4, (places * 5 + executions) * 2)
    room = int(stack.sql("SELECT COALESCE(SUM(max_containers), 0) FROM nodes WHERE status = 'ready'")[0][0])
    pids = int(read("/proc/sys/kernel/pid_max"))
    wanting = []
    if room < places + 10:
        wanting.append(f"nodes take {room} containers, {places + 10} are needed (node.max_containers; quickstart.sh: SANDBOX_CONTAINERS)")
    if free_mb() < needed[0]:
        wanting.append(f"{free_mb()} MiB of memory are free, {needed[0]} are needed")
    if pids < needed[1]:
        wanting.append(f"kernel.pid_max is {pids}, {needed[1]} are wanted")
    if wanting:
        raise Failed("; ".join(wanting))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("in_flight", "sessions"))
    parser.add_argument("--count", type=int, default=1000, help="executions, or sessions, at once (to try it: 20)")
    parser.add_argument("--each", type=int, default=4, help="in_flight: executions of a session at once")
    parser.add_argument("--seconds", type=int, default=30, help="in_flight: how long each sleeps")
    parser.add_argument("--clients", type=int, default=4, help="clients at once")
    parser.add_argument("--rest", type=int, default=20, help="sessions: seconds over which CPU at rest is measured; 0: not")
    parser.add_argument("--keep", action="store_true", help="leave the sessions; sessions: measure their making only")
    options = parser.parse_args()
    report, about = measure.Report(), measure.machine()
    report.section("density", f"Density: {options.part}, {options.count}", "process")
    try:
        if options.part == "sessions":
            sessions(Stack(), report, options.count, options.clients, options.rest, options.keep)
        else:
            in_flight(Stack(), report, options.count, options.each, options.seconds, options.clients, options.keep)
    except Failed as problem:
        report.wrong(1, f"this part ended early: {problem}")
    print(measure.table(report, about, []))
    sys.exit(report.wrong_count != 0)


if __name__ == "__main__":
    main()
