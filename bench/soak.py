#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The whole stack under steady load while parts of it are killed, stopped and taken away at random; at the end everything must add up.
The faults follow from the seed, which is printed: the same seed gives the same schedule. Exit code 0: it adds up; 1: something does not;
2: it could not be started. It runs in a home of its own, which it starts and stops. Ctrl-C ends the load early; the books are still made."""
import argparse
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TOP / "bench" / "soak"), str(TOP / "tests" / "e2e")]
import summary  # noqa: E402
from books import Audit  # noqa: E402
from faults import Faults  # noqa: E402
from load import Books, User  # noqa: E402
from parts import Parts, jobs_of_the_stack  # noqa: E402
from receiver import Receiver  # noqa: E402
from schedule import schedule  # noqa: E402
from stack import Stack  # noqa: E402

OWNERS = 5


def options_of(arguments):
    parser = argparse.ArgumentParser(prog="bench/soak.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="how long the load lasts (%(default)g)")
    parser.add_argument("--seed", type=int, default=None, help="of the schedule and of what clients do (random, and printed)")
    parser.add_argument("--runtime", choices=("process", "docker"), default="process", help="docker: with an engine of its own (%(default)s)")
    parser.add_argument("--home", type=pathlib.Path, default=TOP / "var-soak", help="where its stack keeps everything (%(default)s)")
    parser.add_argument("--port", type=int, default=21800, help="where its stack listens (%(default)s)")
    parser.add_argument("--clients", type=int, default=12, help="at once (%(default)s)")
    parser.add_argument("--pace", type=float, default=0.15, help="seconds between two requests of a client, on average (%(default)s)")
    parser.add_argument("--json", type=pathlib.Path, default=None, help="the result (HOME/soak.json)")
    parser.add_argument("--no-faults", action="store_true", help="load alone")
    parser.add_argument("--schedule", action="store_true", help="only print the faults of this seed")
    options = parser.parse_args(arguments)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1, 1_000_000)
    return options


def environment_of(options):
    home = options.home.resolve()
    return {**os.environ, "SANDBOX_HOME": str(home), "SANDBOX_PORT": str(options.port), "SANDBOX_RUNTIME": options.runtime,
            "SANDBOX_BUILD": os.environ.get("SANDBOX_BUILD", str(home / "build")), "SANDBOX_WEB": "lighttpd", "SANDBOX_STORAGE": "file",
            "SANDBOX_TLS": "0", "SANDBOX_SKIP_IMAGES": "yes"}


class Soak:
    def __init__(self, options):
        self.options, self.environment = options, environment_of(options)
        self.engine = None
        self.over = threading.Event()
        self.began = time.monotonic()

    def say(self, text):
        print(text, flush=True)

    def quickstart(self, command):
        done = subprocess.run([str(TOP / "quickstart.sh"), command], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, start_new_session=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"soak: quickstart.sh {command}: {done.stdout}")

    def run(self):
        """The exit code."""
        built = pathlib.Path(self.environment["SANDBOX_BUILD"], "jobs", "sandbox-dispatchd").exists()
        self.prepare_home()
        try:
            self.prepare_engine()
            self.say(f"soak: starting the stack in {self.environment['SANDBOX_HOME']}" + ("" if built else ", building it first"))
            self.quickstart("start" if built else "up")
            return self.soak()
        finally:
            self.quickstart("stop")
            if self.engine:
                self.engine.remove()

    def prepare_home(self):
        """With an empty database; but only a home of ours is emptied."""
        home = pathlib.Path(self.environment["SANDBOX_HOME"])
        mark = home / "soak-home"
        if not mark.exists() and (home / "db").exists():
            raise SystemExit(f"soak: {home} holds a stack that is not the soak's: choose another --home")
        home.mkdir(parents=True, exist_ok=True)
        mark.touch()
        self.quickstart("stop")
        for name in ("db", "db-tmp", "log"):
            shutil.rmtree(home / name, ignore_errors=True)

    def prepare_engine(self):
        if self.options.runtime != "docker":
            return
        from engine import Engine
        self.engine = Engine(pathlib.Path(self.environment["SANDBOX_HOME"]), self.options.port, self.say)
        self.engine.prepare()
        self.environment.update(self.engine.environment())
        os.environ.update(self.engine.environment())

    def soak(self):
        options = self.options
        self.stack = Stack(self.environment)
        jobs = jobs_of_the_stack()
        self.parts = Parts(self.stack, ["mariadbd", *jobs, self.stack.web], self.say)
        faults = [] if options.no_faults else schedule(options.seed, options.minutes * 60, jobs, self.engine is not None)
        self.faults = Faults(faults, self.stack, self.parts, self.engine, self.say)
        self.stack.ctl("template", "pool", "nodejs-basic", "1")
        self.owners = {owner: self.stack.make_token(owner) for owner in (f"soak-{options.seed}-{time.time_ns() // 10**9}-{n}" for n in range(OWNERS))}
        self.say(f"soak: seed {options.seed}: {options.minutes:g} minutes, {len(faults)} faults, {options.clients} clients")
        self.books, self.receiver = Books(), Receiver(options.seed)
        self.books.callback = self.receiver.url
        names = list(self.owners)
        self.users = [User(n, options.seed, self.stack, self.owners[names[n % OWNERS]], names[n % OWNERS], self.books, self.over, options.pace)
                      for n in range(options.clients)]
        signal.signal(signal.SIGINT, lambda *_: self.interrupt())
        signal.signal(signal.SIGTERM, lambda *_: self.interrupt())
        self.parts.start_watching()
        for user in self.users:
            user.start()
        self.faults.start()
        self.watch(options.minutes * 60)
        return self.close()

    def interrupt(self):
        self.say("soak: interrupted; the books are made")
        self.over.set()

    def watch(self, seconds):
        end, told, before = self.began_now() + seconds, time.monotonic(), 0
        while not self.over.wait(min(1, max(0, end - time.monotonic()))) and time.monotonic() < end:
            if time.monotonic() - told >= 10:
                told, jobs = time.monotonic(), self.books.jobs
                ended = sum(job.result is not None for job in jobs)
                self.say(f"{told - self.began:5.0f} s: {len(jobs)} executions (+{len(jobs) - before}), {ended} with a result, {len(self.books.sessions)} sessions, "
                         f"{sum(self.books.counts.values())} sent again, {len(self.books.wrong)} complaints, load {os.getloadavg()[0]:.1f}")
                before = len(jobs)

    def began_now(self):
        self.began = time.monotonic()
        return self.began

    def close(self):
        self.say("soak: faults and load end; what is under way is waited for")
        self.faults.stop()
        whole = Audit.until(self, self.parts.all_run, 30)
        self.over.set()
        for user in self.users:
            user.join(240)
        audit = Audit(self.stack, self.engine, self.books, self.owners, self.faults, self.receiver)
        audit.state("faults", f"{len(self.faults.log)}", self.faults.problems)
        audit.state("parts that ended by themselves", len(self.parts.deaths), self.parts.deaths)
        audit.state("parts that run at the end", sum(self.stack.pid(name) is not None for name in self.parts.commands), [] if whole else ["not all parts run"])
        audit.state("clients that came to an end", sum(not user.is_alive() for user in self.users),
                    [f"{user.name} hangs" for user in self.users if user.is_alive()])
        audit.make()
        self.parts.stop_watching()
        self.receiver.close()
        commit = summary.commit_of(TOP)
        summary.show(self.options, self.books, self.parts, self.faults, audit, commit)
        path = self.options.json or pathlib.Path(self.environment["SANDBOX_HOME"], "soak.json")
        summary.write(path, self.options, self.books, self.parts, self.faults, audit, commit)
        self.say(f"JSON in {path}")
        return 1 if audit.problems else 0


def main():
    options = options_of(sys.argv[1:])
    if options.schedule:
        for fault in schedule(options.seed, options.minutes * 60, jobs_of_the_stack(), options.runtime == "docker"):
            print(f"{fault.at:7.1f} s  {fault}")
        return 0
    if os.geteuid() != 0:
        raise SystemExit("soak: it kills processes of several users: run it as root")
    return Soak(options).run()


if __name__ == "__main__":
    sys.exit(main())
