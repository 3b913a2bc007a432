# SPDX-License-Identifier: Apache-2.0
"""GET of one session beside an empty FastCGI answer (bench/empty_fcgi.c) behind the same web server with the same settings: in turn on one
connection, then with 32. And what the programs keep in memory after many requests."""
import os
import pathlib
import statistics
import subprocess

from hello import Hello
from measure import Failed, at_least, at_most
from stacks import Empty, read_memory

CONNECTIONS = 32
EMPTY = "empty FastCGI answer"


def run(stack, report):
    session, empty = stack.session(), Empty(stack)
    try:
        path = f"/sessions/{session}"
        one_connection(stack, report, path, empty)
        at_once(stack, report, path, empty)
    finally:
        empty.close()
        stack.end([session])


def one_connection(stack, report, path, empty):
    ours, theirs, wrong, turns = stack.line(path=path), stack.line(path=path), 0, stack.count(3000, 800)
    theirs.close()
    theirs = type(ours)(empty.port, stack.token, path=path)
    samples = []
    for turn in range(turns + 200):
        samples.append((ours.ask(), theirs.ask()))
        wrong += not ours.fine or not theirs.fine
    report.add("GET one session, one connection", [a for a, _ in samples[200:]], limit=f"{EMPTY}, one connection")
    report.add(f"{EMPTY}, one connection", [b for _, b in samples[200:]])
    report.wrong(wrong, "wrong answers on one connection")
    ours.close()
    theirs.close()


def at_once(stack, report, path, empty):
    line = stack.line(path=path)
    sides = {"GET one session": (stack.port, path.rpartition("/")[2]), EMPTY: (empty.port, '"status":"empty"')}
    samples, rates, shares, wrong = {name: [] for name in sides}, {name: [] for name in sides}, {name: [] for name in sides}, 0
    for turn in range(stack.count(6, 3) + 1):
        for name, (port, text) in sides.items():
            taken, wrongs, elapsed, share = stack.load([stack.client_of_load(0, line, text)] * CONNECTIONS, 2 if turn else 0.5, port=port)
            wrong += sum(count for count, _ in wrongs.values())
            if turn:  # the first warms
                samples[name] += taken.get(0, [])
                rates[name].append(len(taken.get(0, [])) / elapsed)
                shares[name].append(share / os.cpu_count() * 100)
    for name in sides:
        limit = f"{EMPTY}, {CONNECTIONS} connections"
        ours = name != EMPTY
        report.value(f"{name}, {CONNECTIONS} connections, a second", statistics.median(rates[name]), "/s", limit=f"{limit}, a second" if ours else None,
                     goal=at_least(0.5, of=f"{limit}, a second") if ours else None)
        report.add(f"{name}, {CONNECTIONS} connections", samples[name], limit=limit if ours else None)
    report.wrong(wrong, f"wrong answers of {CONNECTIONS} connections")
    report.note(f"{CONNECTIONS} connections: rounds of 2 s in turn; of the machine's CPU time the clients took "
                + " and ".join(f"{statistics.median(shares[name]):.1f} % ({name})" for name in sides))
    line.close()


def executor_pid(stack, session):
    """Process 1 of the session's sandbox, or what bubblewrap started there."""
    container = stack.sql(f"SELECT container_id FROM sessions WHERE id = '{session}'")[0][0]
    if stack.runtime == "docker":
        shown = subprocess.run(["docker", "ps", "-q", "--filter", f"label=sandbox.container={container}"], capture_output=True, text=True, check=True).stdout.split()
        return int(subprocess.run(["docker", "inspect", "-f", "{{.State.Pid}}", *shown], capture_output=True, text=True, check=True).stdout)
    found = [int((stack.lib_dir / "c" / container / "pid").read_text().split()[0])]
    while found:
        pid = found.pop()
        if os.readlink(f"/proc/{pid}/exe").endswith("/sandbox-executor"):
            return pid
        found += map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    raise Failed(f"no executor of {session}")


def memory(stack, report):
    """Of workers: after so many requests each, from 32 connections. Of an executor: after 200 executions of hello."""
    session, wrong = stack.session(), 0
    hello = Hello(stack, "python", session)
    for _ in range(200):
        hello()
    report.wrong(hello.wrong, "wrong answers to Python hello")
    pid = executor_pid(stack, session)
    resident, anonymous, _ = read_memory(pid)
    report.value("executor, resident, after 200 executions", resident, "MB", goal=at_most(3))
    report.value("executor: of it no file's", anonymous, "MB")
    hello.line.close()
    line, workers, wanted = stack.line(path=f"/sessions/{session}"), stack.worker_pids(), stack.count(100_000, 20_000)
    client = stack.client_of_load(0, line, session)
    _, wrongs, elapsed, _ = stack.load([client] * CONNECTIONS, 300, wanted * len(workers))
    wrong += sum(count for count, _ in wrongs.values())
    now = [read_memory(pid) for pid in workers]
    report.value(f"worker, resident, after {wanted} requests", max(size[0] for size in now), "MB", goal=at_most(16))
    report.value("worker: of it no file's", max(size[1] for size in now), "MB")
    report.wrong(wrong, "wrong answers")
    report.note(f"the larger of {len(workers)} workers with {max(size[2] for size in now)} threads; {wanted * len(workers)} requests from {CONNECTIONS} connections in {elapsed:.0f} s")
    line.close()
    stack.end([session])
