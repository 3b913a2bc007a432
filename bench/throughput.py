# SPDX-License-Identifier: Apache-2.0
"""20 clients that each run hello again and again in a session of their own and wait for the answer; beside them one that submits and does not
wait. In turn with rounds of `python3 -c`, as many at once as there are CPUs: what the machine could start at most."""
import os
import statistics
import subprocess
import time

from measure import at_least, at_most
from stacks import LANGUAGES, Spent

CLIENTS, SUBMIT_PAUSE_MS = 20, 50
WAITING, SUBMITTING = 0, 1
RAW = "python3 -c 'print(1)', all CPUs, a second"


def raw_rate(seconds):
    """How many bare interpreters run to their end in a second, with one under way for each CPU."""
    script = f'end=$(($(date +%s%N)+{int(seconds * 1e9)})); n=0; while [ "$(date +%s%N)" -lt $end ]; do for i in 1 2 3 4 5; do /usr/bin/python3 -c "print(1)" >/dev/null; done; n=$((n+5)); done; echo $n'
    began = time.perf_counter()
    runs = [subprocess.Popen(["bash", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) for _ in range(os.cpu_count())]
    count = sum(int(run.communicate()[0]) for run in runs)
    return count / (time.perf_counter() - began)


def clients_of(stack, sessions):
    _, code, expected = LANGUAGES["python"]
    body = {"code": code, "language": "python"}
    lines = [stack.line("POST", f"/sessions/{session}/execute?wait=30", body) for session in sessions[:CLIENTS]]
    submitting = stack.line("POST", f"/sessions/{sessions[CLIENTS]}/execute", body)
    clients = [stack.client_of_load(WAITING, line, expected) for line in lines]
    clients.append(stack.client_of_load(SUBMITTING, submitting, '"execution_id":"exec_', SUBMIT_PAUSE_MS))
    for line in [*lines, submitting]:
        line.close()
    return clients


def cpu_time(report, spent, count):
    """Of each execution, by part; what is nobody else's is that of sandboxes, and of the kernel for them."""
    sums = {name: sum(round_ms[name] for round_ms in spent) / count for name in spent[0]}
    whole = sums.pop("machine")
    report.value("CPU time of one hello", whole, "ms")
    for name, took in sums.items():
        report.value(f"CPU time of one hello: {name}", took, "ms")
    report.value("CPU time of one hello: sandboxes, and the rest", whole - sum(sums.values()), "ms")


def run(stack, report):
    sessions = stack.sessions(CLIENTS + 1, resources={"cpu": "0.5"})
    clients = clients_of(stack, sessions)
    stack.load(clients, 1)  # warms
    stack.until(lambda: set(stack.statuses(sessions)) <= {"completed"}, 60, "what was submitted has ended")
    before = sum(stack.statuses(sessions).values())
    took, rates, raws, shares, spent, wrongs = {WAITING: [], SUBMITTING: []}, [], [], [], [], {WAITING: 0, SUBMITTING: 0}
    for _ in range(stack.count(5, 3)):
        raws.append(raw_rate(stack.count(2, 1)))
        before_ms = Spent(stack)
        samples, wrong, elapsed, share = stack.load(clients, stack.count(6, 3))
        spent.append({**before_ms.since(), "clients": share * elapsed * 1000})
        for group in took:
            took[group] += samples.get(group, [])
            wrongs[group] += wrong.get(group, (0, ""))[0]
        for count, first in wrong.values():
            report.note(f"{count} wrong answers, the first: {first}")
        rates.append(len(samples.get(WAITING, [])) / elapsed)
        shares.append(share / os.cpu_count() * 100)
    stack.until(lambda: set(stack.statuses(sessions)) <= {"completed", "failed", "timeout", "crashed"}, 60, "what was submitted has ended")
    ended = stack.statuses(sessions)
    sent = len(took[WAITING]) + len(took[SUBMITTING]) + sum(wrongs.values())
    report.value(f"hello, {CLIENTS} sessions, {CLIENTS} clients, a second", statistics.median(rates), "/s", limit=RAW, goal=at_least(250))
    report.value(RAW, statistics.median(raws), "/s")
    report.add("hello under this load, until answered", took[WAITING], goal=at_most(150, at="p95"))
    report.add("submit without waiting, beside it", took[SUBMITTING], goal=at_most(10, at="p95"))
    cpu_time(report, spent, sent)
    report.wrong(sum(wrongs.values()), f"wrong answers of {sent}")
    report.wrong(sum(ended.values()) - ended.get("completed", 0), "executions that did not end right")
    report.wrong(abs(sum(ended.values()) - before - sent), f"executions more or fewer than were sent ({sent})")
    report.note(f"a client sends when it is answered; the one beside them every {SUBMIT_PAUSE_MS} ms; all clients took {statistics.median(shares):.1f} % of the machine's CPU time")
    stack.end(sessions)
