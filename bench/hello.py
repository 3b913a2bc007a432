# SPDX-License-Identifier: Apache-2.0
"""Hello in a running session with ?wait=10, beside what the interpreters themselves need. One turn measures each once, in an order of its
own, with a moment of rest before each: what one leaves behind is nobody's burden in particular. JavaScript is the first of a burst: its turn
is so long that the waiting Node.js is back."""
import random
import time

from measure import at_most
from stacks import LANGUAGES, spawn, timed

REST_S, BURST_REST_S, WARM_UP = 0.02, 0.6, 3
PYTHON = "/usr/bin/python3"  # Debian's, as in the sandboxes of the process runtime
BARE, ISOLATED, NODE, BASH = "python3 -c 'print(1)'", "python3 -I -S -c 'print(1)'", "node -e 'console.log(1)'", "bash -c 'echo 1'"


class Hello:
    """Executions of one language in one session, over one kept connection."""

    def __init__(self, stack, language, session):
        _, code, self.expected = LANGUAGES[language]
        self.line = stack.line("POST", f"/sessions/{session}/execute?wait=10", {"code": code, "language": language})
        self.took, self.own, self.wrong = [], [], 0

    def run(self):
        took, text = self.line.ask(), self.line.got
        if not self.line.fine or b'"status":"success"' not in text or self.expected.encode() not in text:
            self.wrong += 1
            return None
        return took, took - self.line.answer["metrics"]["duration_ms"]

    def __call__(self):
        if result := self.run():
            self.took.append(result[0])
            self.own.append(result[1])

    def report(self, report, name, limit, goals):
        report.add(f"{name} hello, ?wait=10", self.took, limit=limit, goal=goals)
        report.add(f"{name}: all but the code's own run", self.own, goal=at_most(2.5))
        report.wrong(self.wrong, f"wrong answers to {name} hello")
        self.line.close()


class Bare:
    def __init__(self, *command):
        self.command, self.took = command, []

    def __call__(self):
        self.took.append(timed(lambda: spawn(*self.command))[0])


def take_turns(count, sides, rest_s):
    for turn in range(count + WARM_UP):
        random.shuffle(sides)
        for side in sides:
            time.sleep(rest_s)
            side()
        if turn == WARM_UP - 1:  # what came before warmed caches on both sides
            for side in sides:
                side.took.clear()
                getattr(side, "own", []).clear()


def run(stack, report):
    session = stack.session()
    python, shell = Hello(stack, "python", session), Hello(stack, "shell", session)
    bare, isolated, bash = Bare(PYTHON, "-c", "print(1)"), Bare(PYTHON, "-I", "-S", "-c", "print(1)"), Bare("bash", "-c", "echo 1")
    take_turns(stack.count(300, 80), [python, shell, bare, isolated, bash], REST_S)
    python.report(report, "Python", BARE, [at_most(0.6, of=BARE), at_most(6), at_most(3, of="p50", at="p99")])
    report.add(BARE, bare.took)
    report.add(ISOLATED, isolated.took)
    shell.report(report, "shell", BASH, at_most(2, of=BASH, plus=2))
    report.add(BASH, bash.took)
    stack.end([session])


def javascript(stack, report):
    if stack.image_missing("nodejs-basic"):
        report.note("JavaScript was left out: there is no image of nodejs-basic")
        return
    session = stack.session("nodejs-basic")
    hello, node = Hello(stack, "javascript", session), Bare("node", "-e", "console.log(1)")
    take_turns(stack.count(50, 15), [hello, node], BURST_REST_S)
    hello.report(report, "JavaScript", NODE, at_most(0.25, of=NODE))
    report.add(NODE, node.took)
    report.note(f"JavaScript: each the first of a burst, at least {BURST_REST_S:g} s after the one before")
    stack.end([session])
