# SPDX-License-Identifier: Apache-2.0
"""Sessions: a creation that a warm sandbox answers; create, execute, result, delete; 20 creations at once; and those that find nothing warm,
beside `docker run -d` of the same image or bubblewrap of /bin/true."""
import selectors
import time

from limits import BWRAP, Docker, bubblewrap_works
from measure import Failed, at_most
from stacks import LANGUAGES, Database, spawn, timed

TEMPLATE, WARM, BURST = "python-basic", 8, 20
COLD = {"cpu": "0.5"}  # no warm one has this
COMMIT = "one MariaDB commit"
# what our sandboxes have: limits, no network, a root that is read only, a few capabilities
HARDENED = ["--network", "none", "--read-only", "--cap-drop", "ALL", "--cap-add", "SETUID", "--cap-add", "SETGID", "--cap-add", "KILL",
            "--security-opt", "no-new-privileges", "--memory", "512m", "--cpus", "0.5", "--pids-limit", "128", "--tmpfs", "/tmp"]


def pooled(measure):
    """With a pool that fills again, and is given back as it was."""
    def wrapped(stack, report):
        before = stack.pool()
        try:
            return measure(stack, report)
        finally:
            stack.set_pool(before)
    return wrapped


def create(stack, line):
    line.prepare("POST", "/sessions", {"template_id": TEMPLATE})
    line.status = 201
    took = line.ask()
    if not line.fine:
        raise Failed(f"{line.got[:500]}")
    return took, line.answer["session_id"], line.answer["status"] == "running"


def step(line, status, *request):
    line.status = status
    line.prepare(*request)
    took = line.ask()
    if not line.fine:
        raise Failed(f"{request[:2]}: {line.got[:500]}")
    return took


def cycle(stack, line):
    """Milliseconds of the four steps together, and whether the answer was right."""
    _, code, expected = LANGUAGES["python"]
    began = time.perf_counter()
    _, session, hit = create(stack, line)
    step(line, 200, "POST", f"/sessions/{session}/execute", {"code": code, "language": "python"})
    step(line, 200, "GET", f"/executions/{line.answer['execution_id']}/result?wait=10")
    right = expected.encode() in line.got
    step(line, line.deleted, "DELETE", f"/sessions/{session}")
    return (time.perf_counter() - began) * 1000, right, hit


@pooled
def warm(stack, report):
    """Creations and whole cycles in turn, beside commits; with a moment for the pool between."""
    stack.set_pool({"min": WARM, "target": WARM, "max_idle": 3600})
    line, database = stack.line(), Database(stack.run_dir / "db" / "db.sock")
    created, cycles, commits, misses, wrong = [], [], [], 0, 0
    line.deleted = deleted_status(stack, line)
    for turn in range(stack.count(100, 25) + 2):
        stack.quiet(WARM)
        time.sleep(0.05)
        commit = timed(database.commit)[0]
        took, session, hit = create(stack, line)
        step(line, line.deleted, "DELETE", f"/sessions/{session}")
        stack.quiet(WARM)
        time.sleep(0.05)
        whole, right, hit_too = cycle(stack, line)
        misses, wrong = misses + (not hit) + (not hit_too), wrong + (not right)
        if turn >= 2:
            commits.append(commit)
            created += [took] if hit else []
            cycles += [whole] if hit_too else []
    database.close()
    line.close()
    report.add("create, warm hit", created, limit=COMMIT, goal=at_most(3))
    report.add("create + execute + result + delete, warm", cycles, limit=COMMIT, goal=at_most(15))
    report.add(COMMIT, commits)
    report.wrong(wrong, "wrong answers in cycles")
    report.note(f"{misses} creations missed the pool of {WARM} and are not among the samples")


def deleted_status(stack, line):
    """What an ended session is answered with."""
    _, session, _ = create(stack, line)
    line.prepare("DELETE", f"/sessions/{session}")
    line.ask()
    return int(line.got[9:12])


def at_once(stack, lines):
    """Milliseconds of each, and the answers."""
    chosen = selectors.DefaultSelector()
    for line in lines:
        chosen.register(line.socket, selectors.EVENT_READ, line)
    took = []
    for line in lines:
        line.send()
    while len(took) < len(lines):
        for key, _ in chosen.select(60):
            if (milliseconds := key.data.receive()) is not None:
                took.append(milliseconds)
                chosen.unregister(key.fileobj)
    return took, [line.answer for line in lines]


@pooled
def burst(stack, report):
    """As many creations at once as are warm, each on a connection of its own that was opened before."""
    stack.set_pool({"min": BURST, "target": BURST, "max_idle": 3600})
    lines = [stack.line(path="/templates") for _ in range(BURST)]
    samples, hits = [], 0
    for line in lines:
        line.ask()
        line.status = 201
        line.prepare("POST", "/sessions", {"template_id": TEMPLATE})
    for turn in range(stack.count(8, 3) + 1):
        stack.quiet(BURST, 300)
        time.sleep(1)
        took, answers = at_once(stack, lines)
        if turn >= 1:
            samples += took
            hits += sum(answer["status"] == "running" for answer in answers)
        stack.end([answer["session_id"] for answer in answers])
    report.add(f"create, {BURST} at once, warm", samples, goal=at_most(20))
    report.wrong(len(samples) - hits, f"of {len(samples)} creations at once were not answered running")


def cold_session(client):
    """As a client that asks again as soon as it may."""
    session = client.create(TEMPLATE, resources=COLD)
    client.await_session(session, pause=0.002)
    return session


def cold(stack, report):
    client, docker = stack.client(), Docker(stack) if stack.runtime == "docker" else None
    ours, theirs, alike, limit = [], [], [], "docker run -d" if docker else "bubblewrap of /bin/true"
    bare = (lambda: docker.started()) if docker else (lambda: spawn(*BWRAP)) if bubblewrap_works() else None
    for turn in range(stack.count(20, 5) + 1):
        stack.quiet()
        took, session = timed(lambda: cold_session(client))
        client.delete(f"/sessions/{session}")
        stack.quiet()
        other = timed(bare)[0] if bare else None
        same = timed(lambda: docker.started(*HARDENED))[0] if docker else None
        if docker:
            docker.remove_made()
        if turn >= 1:
            ours.append(took)
            theirs.append(other)
            alike.append(same)
    report.add("create, cold, until running", ours, limit=limit, goal=at_most(1.25, of=limit) if docker else None)
    if bare:
        report.add(limit, theirs)
    if docker:
        report.add("docker run -d with limits like ours", alike)
        docker.close()


def bursts(stack, report):
    burst(stack, report)
    cold(stack, report)
