# SPDX-License-Identifier: Apache-2.0
"""Where a Python hello's time goes: traced executions (docs/api.md, ?trace=1) with 50 ms of rest before each; each step that the stack reports,
and what is outside of the worker that answers: client, network, web server."""
import time

from stacks import LANGUAGES

REST_S, WARM_UP = 0.05, 5


def traced(line, expected):
    """Milliseconds by step and as the client saw it; None if the answer is not right."""
    took, answer = line.ask(), line.answer
    trace = answer.get("trace")
    if not line.fine or expected.encode() not in line.got or not trace:
        return None
    steps = {step["step"]: step["us"] / 1000 for step in trace["steps"]}
    total = trace["total_us"] / 1000
    return {**steps, "all steps": total, "all but run": total - steps["run"], "outside of the worker": took - total, "as the client saw it": took}


def run(stack, report):
    _, code, expected = LANGUAGES["python"]
    session, samples, wrong = stack.session(), {}, 0
    line = stack.line("POST", f"/sessions/{session}/execute?wait=10&trace=1", {"code": code, "language": "python"})
    for _ in range(stack.count(300, 80) + WARM_UP):
        time.sleep(REST_S)
        one = traced(line, expected)
        wrong += one is None
        for name, took in (one or {}).items():
            samples.setdefault(name, []).append(took)
    for name, taken in samples.items():
        report.add(name, taken[WARM_UP:])
    report.wrong(wrong, "wrong answers to traced hellos")
    line.close()
    stack.end([session])
