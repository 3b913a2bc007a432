#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the whole stack beside the raw limits of the machine, in one run: starts a stack in a home of its own, runs the parts in turn, and
stops it, also on Ctrl-C. A goal that is missed is said and is no failure; answers that were wrong are: exit code 1. 2: it could not run."""
import argparse
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TOP / "bench"), str(TOP / "tests" / "e2e")]
import measure  # noqa: E402
import svg  # noqa: E402

# name, module and function, title, runtimes (all where none is said)
PARTS = (
    ("limits", "limits:run", "Raw limits", ()),
    ("hello", "hello:run", "Hello in a running session", ()),
    ("javascript", "hello:javascript", "JavaScript hello, first of a burst", ()),
    ("trace", "steps:run", "Where the time of a hello goes", ()),
    ("create", "create:warm", "Sessions: created, used, removed", ()),
    ("burst", "create:bursts", "Sessions: 20 at once, and cold", ()),
    ("load", "throughput:run", "20 clients at once", ()),
    ("get", "get:run", "GET of one session", ("process",)),
    ("memory", "get:memory", "Memory after many requests", ("process",)),
    ("in_flight", "density:in_flight", "1,000 executions in flight", ("process",)),
    ("sessions", "density:sessions", "1,000 sessions at once", ("process",)),
    ("files", "transfer:run", "Files of 100 MB, and 10,000 of them", ("process",)),
)
RUNTIMES = {"process": ("process",), "docker": ("docker",), "both": ("process", "docker")}
CONTAINERS, THREADS = "1200", "32"


def options_of(arguments):
    listed = "\n".join(f"  {name:12}{title}{f' ({runtimes[0]} runtime only)' if runtimes else ''}" for name, _, title, runtimes in PARTS)
    parser = argparse.ArgumentParser(prog="./quickstart.sh bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog=f"parts:\n{listed}\n\nhome, port: SANDBOX_HOME, SANDBOX_PORT (./var-bench, 22800)")
    parser.add_argument("--quick", action="store_true", help="fewer samples: a few minutes")
    parser.add_argument("--only", metavar="PART,...", help="these parts")
    parser.add_argument("--runtime", choices=RUNTIMES, default="both", help="both: docker where an engine answers or can be started (%(default)s)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="everything, with all samples")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="FILE", help="the tables; into docs/performance.md, in place of those it has")
    parser.add_argument("--svg", type=pathlib.Path, metavar="DIR", help="pictures of the distributions")
    parser.add_argument("--running", action="store_true", help="measure the stack that runs in that home, and leave it running")
    parser.add_argument("--from", type=pathlib.Path, metavar="FILE", action="append", dest="earlier",
                        help="measure nothing: show what earlier runs wrote with --json, all of these together (may be repeated)")
    options = parser.parse_args(arguments)
    names = [name for name, *_ in PARTS]
    options.parts = options.only.split(",") if options.only else names
    for name in options.parts:
        if name not in names:
            parser.error(f'there is no part "{name}"; there are {", ".join(names)}')
    return options


class Interrupted(BaseException):
    """By a signal: nothing that handles what goes wrong may take it for that."""


def say(text):
    print(text, flush=True)


def environment_of(runtime):
    home = os.environ.get("SANDBOX_HOME", str(TOP / "var-bench"))
    return {"SANDBOX_CONTAINERS": CONTAINERS, "SANDBOX_THREADS": THREADS, **os.environ, "SANDBOX_HOME": home,
            "SANDBOX_PORT": os.environ.get("SANDBOX_PORT", "22800"), "SANDBOX_BUILD": os.environ.get("SANDBOX_BUILD", f"{home}/build"),
            "SANDBOX_RUNTIME": runtime, "SANDBOX_WEB": "lighttpd", "SANDBOX_STORAGE": "file", "SANDBOX_TLS": "0"}


def quickstart(command, environment):
    """Its output, if it failed; else None. Not in our process group: an interrupt is for us."""
    done = subprocess.run([str(TOP / "quickstart.sh"), command], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, start_new_session=True, check=False)
    return None if done.returncode == 0 else done.stdout


def numbers_in(text):
    """Settings that are numbers, `section.name` to value: those that decide how much may be done. Of the sample, what it says in its comments."""
    found, section = {}, None
    for block, name, value in re.findall(r"(\w+) *: *\{|(\w+) *= *(\d+) *;", text):
        section = block or section
        found.update({f"{section}.{name}": value} if name else {})
    return found


def other_settings(text, sample):
    documented = numbers_in(sample)
    return ", ".join(f"{name} {value} ({documented.get(name, 'not there')})" for name, value in numbers_in(text).items() if documented.get(name) != value)


def configuration_of(stack):
    """Where the settings differ from the documented sample, and what decides durability."""
    other = other_settings((stack.run_dir / "sandbox.conf").read_text(), (TOP / "etc" / "sandbox.conf").read_text())
    flush = stack.sql("SELECT @@innodb_flush_log_at_trx_commit, @@version")[0]
    if flush[0] != "1":
        raise SystemExit("bench: innodb_flush_log_at_trx_commit is not 1: such numbers are worth nothing")
    health = stack.client().get("/health/detailed").json
    isolation = next((node.get("isolation") for node in health["nodes"]["items"]), "unknown")
    return [f"MariaDB {flush[1]}, innodb_flush_log_at_trx_commit = 1; {stack.web}, {len(stack.worker_pids())} workers; isolation of {stack.runtime}: {isolation}",
            f"settings other than the sample's (in brackets): {other}"]


class Bench:
    def __init__(self, options):
        self.options, self.report, self.configuration = options, measure.Report(say), []
        self.about = measure.machine()

    def run(self):
        """The exit code."""
        say(measure.heading(self.about))
        try:
            for runtime in RUNTIMES[self.options.runtime]:
                chosen = [part for part in PARTS if part[0] in self.options.parts and (not part[3] or runtime in part[3])]
                if chosen:
                    self.with_stack(runtime, chosen)
        except Interrupted:
            self.show()
            return 130
        return self.show()

    def with_stack(self, runtime, parts):
        environment = environment_of(runtime)
        os.environ.update(environment)
        try:
            if not self.options.running:
                say(f"bench: starting the stack, runtime {runtime}, in {environment['SANDBOX_HOME']}")
                if problem := quickstart("start", environment):
                    if runtime == "docker" and self.options.runtime == "both":
                        say(f"bench: no Docker Engine here, its part is left out: {problem.strip().splitlines()[-1]}")
                        return
                    raise SystemExit(f"bench: quickstart.sh start: {problem}")
            self.measure(runtime, parts, environment)
        finally:
            if not self.options.running and (problem := quickstart("stop", environment)):
                say(f"bench: quickstart.sh stop: {problem}")

    def measure(self, runtime, parts, environment):
        from stacks import BenchStack
        stack = BenchStack(environment, self.options.quick, say)
        if stack.runtime == "docker" and stack.image_missing("nodejs-basic"):
            say("bench: building the image of nodejs-basic")
            subprocess.run([str(TOP / "images" / "build.sh"), "nodejs-basic"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        self.configuration += configuration_of(stack)
        for name, where, title, _ in parts:
            module, function = where.split(":")
            section, began = self.report.section(name, title, runtime), time.monotonic()
            say(f"bench: {runtime}: {title}")
            try:
                getattr(__import__(module), function)(stack, self.report)
            except (measure.Failed, AssertionError, OSError, subprocess.SubprocessError, ValueError, KeyError) as problem:
                self.report.wrong(1, f"this part ended early: {type(problem).__name__}: {problem}")
            section.took_s = time.monotonic() - began

    def show(self):
        """The exit code."""
        return show(self.options, self.report, self.about, list(dict.fromkeys(self.configuration)))


def show(options, *everything):
    """Prints and writes what is asked for; the exit code."""
    report, about, _ = everything
    say("\n" + measure.table(*everything))
    if options.json:
        options.json.write_text(measure.as_json(*everything))
    if options.markdown:
        measure.write_markdown(options.markdown, measure.markdown(*everything))
    if options.svg:
        say("pictures: " + " ".join(str(path) for path in svg.write_all(report, about, options.svg)))
    return 1 if report.wrong_count else 0


def interrupt(*_):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say("bench: interrupted; the stack is stopped")
    raise Interrupted


def main():
    options = options_of(sys.argv[1:])
    if options.earlier:
        return show(options, *measure.from_json([path.read_text() for path in options.earlier], say))
    if os.geteuid() != 0:
        raise SystemExit("bench: it starts a stack: run it as root")
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    return Bench(options).run()


if __name__ == "__main__":
    sys.exit(main())
