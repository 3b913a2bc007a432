# SPDX-License-Identifier: Apache-2.0
"""What a run came to: the table, the verdict, JSON."""
import json
import subprocess

NAMED = 40  # problems that are printed; the JSON has all


def percentiles(samples):
    ordered = sorted(samples)
    return [ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000 for part in (0.5, 0.95, 0.99)] if ordered else None


def latency_rows(books, faults):
    rows = []
    for what in sorted({entry[2] for entry in books.latencies}):
        for calm, name in ((True, "quiet"), (False, "faults")):
            samples = [took for sent, took, label in books.latencies if label == what and faults.quiet(sent, took) == calm]
            rows.append((what, name, len(samples), percentiles(samples)))
    return rows


def memory_rows(parts):
    """Of each part the process that lived longest: at its begin (once warm), and at its end."""
    rows = []
    for name in [*parts.commands, "worker"]:
        lives = [(pid, sizes) for (of, pid), sizes in parts.sizes.items() if of == name]
        if not lives:
            continue
        pid, sizes = max(lives, key=lambda life: life[1][-1][0] - life[1][0][0])
        warm = next((size for size in sizes if size[0] - sizes[0][0] >= 10), sizes[0])
        rows.append((name, len(lives), pid, sizes[-1][0] - sizes[0][0], warm[1], sizes[-1][1], warm[2], sizes[-1][2]))
    return rows


def show(options, books, parts, faults, audit, commit):
    print(f"\nsoak: seed {options.seed}, {options.minutes:g} minutes, {options.runtime}, {options.clients} clients, {commit}")
    for what, value, fine in audit.rows:
        print(f"  {what:58} {value}{'' if fine else '   <- WRONG'}")
    for what, n in sorted(books.counts.items()):
        print(f"  {what:58} {n}")
    print(f"\n  {'latency, ms':44}{'n':>7}{'p50':>10}{'p95':>10}{'p99':>10}")
    for what, name, count, values in latency_rows(books, faults):
        print(f"  {what + ', ' + name:44}{count:7}" + ("".join(f"{value:10.1f}" for value in values) if values else ""))
    print(f"\n  {'resident (anonymous), KiB; longest life':44}{'started':>8}{'lived':>8}{'warm':>17}{'end':>17}{'growth':>8}")
    for name, lives, _, lived, warm, last, warm_anon, last_anon in memory_rows(parts):
        print(f"  {name:44}{lives:8}{lived:7.0f}s{f'{warm} ({warm_anon})':>17}{f'{last} ({last_anon})':>17}{last - warm:8}")
    problems = audit.problems
    if problems:
        print(f"\n{len(problems)} things do not add up:")
        for problem in problems[:NAMED]:
            print(f"  {problem[:500]}")
    print(f"\n{'FAILED' if problems else 'PASSED'}: seed {options.seed}")


def write(path, options, books, parts, faults, audit, commit):
    path.write_text(json.dumps({
        "seed": options.seed, "minutes": options.minutes, "runtime": options.runtime, "clients": options.clients, "commit": commit,
        "passed": not audit.problems, "problems": audit.problems, "table": audit.rows, "counts": books.counts,
        "faults": [{"at": begin, "until": end, "what": what} for begin, end, what in faults.log],
        "latency_ms": [{"what": what, "when": when, "n": n, "p50_p95_p99": values} for what, when, n, values in latency_rows(books, faults)],
        "memory_curves_kib": {f"{name} {pid}": sizes[::max(1, len(sizes) // 30)] for (name, pid), sizes in parts.sizes.items()},
        "memory_kib": [dict(zip(("part", "started", "pid", "lived_s", "warm", "end", "warm_anonymous", "end_anonymous"), row)) for row in memory_rows(parts)],
    }, indent=1) + "\n")


def commit_of(top):
    done = subprocess.run(["git", "-C", str(top), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return f"commit {done.stdout.strip() or 'unknown'}"
