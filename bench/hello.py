# SPDX-License-Identifier: Apache-2.0
"""Hello in a running session with ?wait=10, beside what the interpreters themselves need. One turn measures each once, in an order of its
own, with a moment of rest before each: what one leaves behind is nobody's burden in particular. Some are measured in a row, too. JavaScript is the first of a burst: its turn
is so long that the waiting Node.js is back."""
import random
import time

from measure import at_most
from stacks import LANGUAGES, spawn, timed

REST_S, BURST_REST_S, WARM_UP, IN_A_ROW = 0.02, 0.6, 3, 4
ROW = ", in a row"
PYTHON = "/usr/bin/python3"  # Debian's, as in the sandboxes of the process runtime
BARE, ISOLATED, NODE, BASH = "python3 -c 'print(1)'", "python3 -I -S -c 'print(1)'", "node -e 'console.log(1)'", "bash -c 'echo 1'"


class Side:
    """Something that is measured in turn with others: run() gives milliseconds, and those that are not the code's own (or None); or None."""

    def __init__(self):
        self.took, self.own = [], []

    def add(self, result):
        if result:
            self.took.append(result[0])
            self.own.append(result[1])

    def __call__(self):
        self.add(self.run())


class InARow(Side):
    """A side, again and again without rest. What comes right after the rest does not count."""

    def __init__(self, side):
        super().__init__()
        self.side = side

    def __call__(self):
        self.side.run()
        for _ in range(IN_A_ROW):
            self.add(self.side.run())


class Hello(Side):
    """Executions of one language in one session, over one kept connection."""

    def __init__(self, stack, language, session):
        super().__init__()
        _, code, self.expected = LANGUAGES[language]
        self.line = stack.line("POST", f"/sessions/{session}/execute?wait=10", {"code": code, "language": language})
        self.wrong = 0

    def run(self):
        took, text = self.line.ask(), self.line.got
        if not self.line.fine or b'"status":"success"' not in text or self.expected.encode() not in text:
            self.wrong += 1
            return None
        return took, took - self.line.answer["metrics"]["duration_ms"]

    def end(self, report, name):
        report.wrong(self.wrong, f"wrong answers to {name} hello")
        self.line.close()


class Bare(Side):
    def __init__(self, *command):
        super().__init__()
        self.command = command

    def run(self):
        return timed(lambda: spawn(*self.command))[0], None


def take_turns(count, sides, rest_s):
    for turn in range(count + WARM_UP):
        random.shuffle(sides)
        for side in sides:
            time.sleep(rest_s)
            side()
        if turn == WARM_UP - 1:  # what came before warmed caches on both sides
            for side in sides:
                side.took.clear()
                side.own.clear()


def show(report, side, name, limit, goals, how=""):
    report.add(f"{name} hello, ?wait=10{how}", side.took, limit=limit + how, goal=goals(limit + how))
    report.add(f"{name}: all but the code's own run{how}", side.own, goal=at_most(2.5))


def python_goals(limit):
    return [at_most(0.6, of=limit), at_most(6), at_most(3, of="p50", at="p99")]


def shell_goals(limit):
    return at_most(2, of=limit, plus=2)


def run(stack, report):
    session = stack.session()
    python, shell = Hello(stack, "python", session), Hello(stack, "shell", session)
    bare, isolated, bash = Bare(PYTHON, "-c", "print(1)"), Bare(PYTHON, "-I", "-S", "-c", "print(1)"), Bare("bash", "-c", "echo 1")
    sides = [python, shell, bare, isolated, bash]
    rows = [InARow(side) for side in (python, shell, bare, bash)]
    take_turns(stack.count(200, 60), sides + rows, REST_S)
    for how, (python_side, shell_side, bare_side, bash_side) in (("", (python, shell, bare, bash)), (ROW, rows)):
        show(report, python_side, "Python", BARE, python_goals, how)
        report.add(BARE + how, bare_side.took)
        if not how:
            report.add(ISOLATED, isolated.took)
        show(report, shell_side, "shell", BASH, shell_goals, how)
        report.add(BASH + how, bash_side.took)
    report.note(f"{REST_S * 1000:g} ms of rest before each; in a row: {IN_A_ROW} without rest, after one that does not count")
    python.end(report, "Python")
    shell.end(report, "shell")
    stack.end([session])


def javascript(stack, report):
    if stack.image_missing("nodejs-basic"):
        report.note("JavaScript was left out: there is no image of nodejs-basic")
        return
    session = stack.session("nodejs-basic")
    hello, node = Hello(stack, "javascript", session), Bare("node", "-e", "console.log(1)")
    take_turns(stack.count(50, 15), [hello, node], BURST_REST_S)
    show(report, hello, "JavaScript", NODE, lambda limit: at_most(0.25, of=limit))
    report.add(NODE, node.took)
    hello.end(report, "JavaScript")
    report.note(f"JavaScript: each the first of a burst, at least {BURST_REST_S:g} s after the one before")
    stack.end([session])
