#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Where a hello's time goes: traced executions, one after the other, and the steps of them all as a table.
Against the stack of SANDBOX_HOME and SANDBOX_PORT (and SANDBOX_RUNTIME). It only measures: no number makes it fail."""
import argparse
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "e2e"))
from stack import Stack  # noqa: E402

HELLO = {"python": 'def handler(event):\n    return "hello"', "javascript": 'exports.handler = () => "hello";', "shell": "echo hello"}
OUTSIDE = "outside"  # of the worker: client, network, web server


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def traced(client, session, language):
    """One execution: its steps in order, and what its client saw, in microseconds."""
    began = time.perf_counter()
    answer = client.post(f"/sessions/{session}/execute?wait=20&trace=1", {"code": HELLO[language], "language": language})
    took = (time.perf_counter() - began) * 1e6
    trace = answer.json.get("trace") if answer.status == 200 else None
    if not trace or answer.json["status"] != "success":
        raise SystemExit(f"trace: {answer!r}")
    return {step["step"]: step["us"] for step in trace["steps"]}, trace["total_us"], took


def measure(options):
    client = Stack().client()
    session = client.create()
    client.await_session(session)
    steps, totals, clients = {}, [], []
    for turn in range(options.count + 5):
        time.sleep(options.gap / 1000)
        one, total, took = traced(client, session, options.language)
        if turn < 5:  # the first ones warm caches
            continue
        for name, us in (*one.items(), (OUTSIDE, took - total)):
            steps.setdefault(name, []).append(us)
        totals.append(total)
        clients.append(took)
    client.delete(f"/sessions/{session}")
    return steps, totals, clients


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="executions (200)")
    parser.add_argument("--gap", type=float, default=50, help="ms between them (50)")
    parser.add_argument("--language", choices=sorted(HELLO), default="python")
    options = parser.parse_args()
    steps, totals, clients = measure(options)
    print(f"{options.count} times hello, {options.language}, {options.gap:g} ms apart\n\n| step | p50 us | p95 us |\n| --- | ---: | ---: |")
    for name, values in (*steps.items(), ("total", totals), ("as the client saw it", clients)):
        if name != OUTSIDE:
            print(f"| {name} | {percentile(values, 0.5):.0f} | {percentile(values, 0.95):.0f} |")
    overhead = [total - run for total, run in zip(totals, steps["run"])]
    print(f"| all but run | {percentile(overhead, 0.5):.0f} | {percentile(overhead, 0.95):.0f} |")
    print(f"| client, network, web server | {percentile(steps[OUTSIDE], 0.5):.0f} | {percentile(steps[OUTSIDE], 0.95):.0f} |")


if __name__ == "__main__":
    main()
