# SPDX-License-Identifier: Apache-2.0
"""What every part of the bench shares: samples and values go in by name, with the limit beside them and the goals they have; out come a
table, JSON, and Markdown.

A part is a module with `run(stack, report)`: `stack` is a Stack of tests/e2e/stack.py with more (bench/stacks.py), `report` a Report:

    report.add("Python hello", samples_ms, limit="python3 -c 'print(1)'", goal=[at_most(0.6, of="python3 -c 'print(1)'"), at_most(6)])
    report.value("dispatcher, resident", 24.3, "MB", goal=at_most(32))
    report.wrong(2, "executions that did not end right")      # answers that were wrong: these make the bench fail
    report.note("250 sessions, 4 executions in each")         # a sentence under the table

`limit` and `of` name other rows of the same part, which may come later. A goal that is missed is said, and is no failure."""
import dataclasses
import json
import math
import os
import pathlib
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
PERCENTILES = (50, 95, 99)


class Failed(Exception):
    """A part cannot go on; the text says why."""


def percentile(ordered, share):
    """Of sorted samples: the smallest that `share` per cent of them do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]


@dataclasses.dataclass(frozen=True)
class Goal:
    """`at` ("p50", "p95", "p99", "mean", or "value") of a row, at most or at least `bound`: absolute, or times what `of` names (another row's
    same number, or "p50" and the like: the row's own), and `plus`."""
    bound: float
    least: bool = False
    of: str = None
    at: str = None
    plus: float = 0

    def number(self, row):
        return row.numbers[self.at or row.main]

    def wanted(self, row, find):
        if self.of is None:
            return self.bound
        other = row.numbers.get(self.of)
        if other is None:
            beside = find(self.of)
            other = None if beside is None else beside.numbers.get(self.at or row.main)
        return None if other is None else self.bound * other + self.plus

    def judge(self, row, find):
        """What it says, whether it is met (None: there is nothing to compare with), and how many times the bound the number is."""
        wanted, is_value = self.wanted(row, find), row.main == "value"
        text = f"{'' if is_value else (self.at or row.main) + ' '}{'≥' if self.least else '≤'} {self.bound:g}"
        text += f" × {self.of}" if self.of else f" {row.unit}".rstrip()
        text += f" + {self.plus:g} {row.unit}" if self.plus else ""
        if wanted is None:
            return {"goal": text, "wanted": None, "met": None, "ratio": None}
        number = self.number(row)
        return {"goal": text, "wanted": round(wanted, 4), "met": number >= wanted if self.least else number <= wanted,
                "ratio": round(number / wanted, 3) if wanted else None}


@dataclasses.dataclass(frozen=True)
class Judged:
    """A goal of an earlier run, as it was judged then; `of`, `at`, `bound` are for pictures."""
    found: dict
    of: str
    at: str
    bound: float

    def judge(self, _row, _find):
        return self.found


def at_most(bound, of=None, at=None, plus=0):
    return Goal(bound, False, of, at, plus)


def at_least(bound, of=None, at=None, plus=0):
    return Goal(bound, True, of, at, plus)


class Row:
    def __init__(self, name, unit, limit, goals):
        self.name, self.unit, self.limit = name, unit, limit
        self.goals = [] if goals is None else [goals] if isinstance(goals, Goal) else list(goals)
        self.samples, self.numbers, self.main = [], {}, "value"

    def take(self, samples):
        self.samples = sorted(samples)
        self.main = "p50"
        self.numbers = {f"p{share}": percentile(self.samples, share) for share in PERCENTILES}
        self.numbers.update(mean=sum(self.samples) / len(self.samples), min=self.samples[0], max=self.samples[-1])

    def ratio(self, find):
        """To the limit, by the main number."""
        beside = find(self.limit) if self.limit else None
        other = beside.numbers.get(self.main) if beside else None
        return self.numbers[self.main] / other if other else None


class Section:
    """What one part found on one runtime."""

    def __init__(self, name, title, runtime):
        self.name, self.title, self.runtime = name, title, runtime
        self.rows, self.notes, self.wrongs, self.took_s = {}, [], [], 0.0

    def find(self, name):
        return self.rows.get(name)

    def judged(self):
        """(row, judgement) of every goal."""
        return [(row, goal.judge(row, self.find)) for row in self.rows.values() for goal in row.goals]


class Report:
    def __init__(self, say=print):
        self.say, self.sections = say, []

    def section(self, name, title, runtime=""):
        self.sections.append(Section(name, title, runtime))
        return self.sections[-1]

    @property
    def current(self):
        return self.sections[-1] if self.sections else self.section("bench", "Measurements")

    def add(self, name, samples_ms, limit=None, goal=None, unit="ms"):
        """Samples of one thing; none at all are a wrong answer."""
        if not samples_ms:
            self.wrong(1, f"{name}: nothing was measured")
            return
        row = self.current.rows[name] = Row(name, unit, limit, goal)
        row.take(samples_ms)

    def value(self, name, value, unit, limit=None, goal=None):
        row = self.current.rows[name] = Row(name, unit, limit, goal)
        row.numbers = {"value": value}

    def note(self, text):
        self.current.notes.append(text)

    def wrong(self, count, text):
        """`count` answers that were wrong, 0 being a statement, too: that they were counted."""
        self.current.wrongs.append((count, text))
        if count:
            self.say(f"WRONG: {count} {text}")

    @property
    def wrong_count(self):
        return sum(count for section in self.sections for count, _ in section.wrongs)


def machine():
    names = [line.partition(":")[2].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = next((int(line.split()[1]) for line in pathlib.Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal")), 0)

    def git(*arguments):
        done = subprocess.run(["git", "-C", str(TOP), *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""
    return {"cpus": os.cpu_count(), "cpu": names[0] if names else "unknown", "memory_mb": memory // 1024, "kernel": os.uname().release,
            "python": sys.version.split()[0], "commit": git("rev-parse", "--short", "HEAD") or "unknown", "changed": bool(git("status", "--porcelain")),
            "load_average": round(os.getloadavg()[0], 2), "time": time.strftime("%FT%TZ", time.gmtime())}


def heading(about):
    return (f"{about['cpus']} x {about['cpu']}, {about['memory_mb']} MB, Linux {about['kernel']}; commit {about['commit']}"
            f"{' with changes' if about['changed'] else ''}; load average before {about['load_average']}; {about['time']}")


def digits(number):
    return f"{number:.0f}" if abs(number) >= 1000 else f"{number:.1f}" if abs(number) >= 100 else f"{number:.2f}" if abs(number) >= 0.1 or not number else f"{number:.3f}"


def verdict(judged):
    return "no comparison" if judged["met"] is None else "met" if judged["met"] else "MISSED"


def goal_text(judged):
    """`p50 ≤ 6 ms: met (0.91 of it)`."""
    return f"{judged['goal']}: {verdict(judged)}" + (f" ({judged['ratio']:.2f} of it)" if judged["ratio"] is not None else "")


def cells(section, row):
    """n, p50, p95, p99, ratio to the limit: as text."""
    ratio = row.ratio(section.find)
    if row.main == "value":
        return "", f"{digits(row.numbers['value'])} {row.unit}", "", "", "" if ratio is None else f"{ratio:.2f}"
    return (str(len(row.samples)), *(f"{digits(row.numbers[f'p{share}'])} {row.unit}" for share in PERCENTILES), "" if ratio is None else f"{ratio:.2f}")


def table(report, about, configuration):
    lines = [heading(about), *(f"  {line}" for line in configuration)]
    for section in report.sections:
        lines += ["", f"{section.title}{f' ({section.runtime})' if section.runtime else ''}, {section.took_s:.0f} s",
                  f"  {'':46}{'n':>7}{'p50':>12}{'p95':>12}{'p99':>12}{'x limit':>9}"]
        for row in section.rows.values():
            count, *percentiles, ratio = cells(section, row)
            lines.append(f"  {row.name:46}{count:>7}" + "".join(f"{cell:>12}" for cell in percentiles) + f"{ratio:>9}")
            lines += [f"      {goal_text(goal.judge(row, section.find))}" for goal in row.goals]
        lines += [f"  {note}" for note in section.notes]
        lines += [f"  {'WRONG: ' if count else ''}{count} {text}" for count, text in section.wrongs]
    return "\n".join([*lines, "", summary(report)])


def summary(report):
    judged = [(section, row, found) for section in report.sections for row, found in section.judged()]
    missed = [(section, row, found) for section, row, found in judged if found["met"] is False]
    lines = [f"{sum(found['met'] is True for _, _, found in judged)} goals met, {len(missed)} missed; {report.wrong_count} wrong answers"]
    lines += [f"  missed: {row.name}{f' ({section.runtime})' if section.runtime else ''}: {goal_text(found)}" for section, row, found in missed]
    return "\n".join(lines)


def markdown(report, about, configuration):
    """For docs/performance.md."""
    lines = [f"Measured with `./quickstart.sh bench` on {heading(about)}.", "", *(f"- {line}" for line in configuration)]
    for section in report.sections:
        lines += ["", f"**{section.title}**{f' ({section.runtime})' if section.runtime else ''}", "",
                  "| | n | p50, or value | p95 | p99 | × limit | goal |", "| --- | ---: | ---: | ---: | ---: | ---: | --- |"]
        for row in section.rows.values():
            goals = "; ".join(goal_text(goal.judge(row, section.find)) for goal in row.goals)
            lines.append("| " + " | ".join([row.name, *cells(section, row), goals.replace("|", "\\|")]) + " |")
        ends = [*section.notes, *(f"{count} {text}" for count, text in section.wrongs)]
        lines += ["", ". ".join(ends) + "."] if ends else []
    return "\n".join([*lines, "", *(line.strip() if n == 0 else f"- {line.strip()}" for n, line in enumerate(summary(report).splitlines()))]) + "\n"


def as_json(report, about, configuration):
    sections = []
    for section in report.sections:
        rows = [{"name": row.name, "unit": row.unit, "limit": row.limit, "ratio_to_limit": row.ratio(section.find),
                 "numbers": {name: round(number, 4) for name, number in row.numbers.items()}, "goals": [{**goal.judge(row, section.find), "of": goal.of, "at": goal.at, "bound": goal.bound} for goal in row.goals],
                 "samples": [round(sample, 4) for sample in row.samples]} for row in section.rows.values()]
        sections.append({"name": section.name, "title": section.title, "runtime": section.runtime, "took_s": round(section.took_s, 1), "rows": rows,
                         "notes": section.notes, "wrong": [{"count": count, "what": text} for count, text in section.wrongs]})
    return json.dumps({"machine": about, "configuration": configuration, "sections": sections, "wrong": report.wrong_count}, indent=1) + "\n"


def section_from(kept):
    section = Section(kept["name"], kept["title"], kept["runtime"])
    section.took_s, section.notes = kept["took_s"], kept["notes"]
    section.wrongs = [(wrong["count"], wrong["what"]) for wrong in kept["wrong"]]
    for row in kept["rows"]:
        goals = [Judged({name: goal[name] for name in ("goal", "wanted", "met", "ratio")}, goal["of"], goal["at"], goal["bound"]) for goal in row["goals"]]
        made = section.rows[row["name"]] = Row(row["name"], row["unit"], row["limit"], goals)
        if row["samples"]:
            made.take(row["samples"])
        else:
            made.numbers = row["numbers"]
    return section


def from_json(texts, say=print):
    """Report, machine and configuration of earlier runs together, e.g. of single parts: of the same part on the same runtime the last counts."""
    runs, sections, configuration = [json.loads(text) for text in texts], {}, {}
    for run in runs:
        sections.update({(section["name"], section["runtime"]): section_from(section) for section in run["sections"]})
        configuration.update(dict.fromkeys(run["configuration"]))
    report, about = Report(say), dict(runs[-1]["machine"])
    report.sections = list(sections.values())
    about["commit"] = ", ".join(dict.fromkeys(run["machine"]["commit"] for run in runs))
    about["changed"] = any(run["machine"]["changed"] for run in runs)
    about["load_average"] = max(run["machine"]["load_average"] for run in runs)
    return report, about, list(configuration)


BEGIN, END = "<!-- figures: ./quickstart.sh bench --markdown -->", "<!-- end of figures -->"


def write_markdown(path, text):
    """All of the file, or, where it has the two marks, what stands between them."""
    before = path.read_text() if path.exists() else ""
    if BEGIN in before and END in before:
        text = f"{before.partition(BEGIN)[0]}{BEGIN}\n\n{text}\n{END}{before.partition(END)[2]}"
    path.write_text(text)
