# SPDX-License-Identifier: Apache-2.0
"""What the measurements of creations share: a table, JSON, and the machine they were made on."""
import json
import os
import pathlib
import statistics
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[1]


def machine():
    names = [line.partition(":")[2].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    commit = subprocess.run(["git", "-C", str(TOP), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    return {"cpus": os.cpu_count(), "cpu": names[0] if names else "unknown", "kernel": os.uname().release, "commit": commit or "unknown",
            "load_average": round(os.getloadavg()[0], 2)}


def describe(samples):
    ordered = sorted(samples)
    return {"n": len(ordered), "median_ms": round(statistics.median(ordered), 3), "min_ms": round(ordered[0], 3), "max_ms": round(ordered[-1], 3),
            "p95_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 3)}


def show(title, rows, facts, path):
    """rows: name to milliseconds. `facts` are the sentences below; `path`: where JSON goes, or None."""
    about = machine()
    print(f"\n{title}\n  {about['cpus']} x {about['cpu']}, Linux {about['kernel']}, commit {about['commit']}, load average {about['load_average']}")
    print(f"  {'ms':52}{'n':>5}{'median':>10}{'p95':>10}{'min':>10}{'max':>10}")
    described = {name: describe(samples) for name, samples in rows.items() if samples}
    for name, row in described.items():
        print(f"  {name:52}{row['n']:5}{row['median_ms']:10.2f}{row['p95_ms']:10.2f}{row['min_ms']:10.2f}{row['max_ms']:10.2f}")
    for fact in facts:
        print(f"  {fact}")
    if path:
        pathlib.Path(path).write_text(json.dumps({"title": title, "machine": about, "rows": described, "facts": facts,
                                                  "samples_ms": {name: [round(sample, 3) for sample in samples] for name, samples in rows.items()}},
                                                 indent=1) + "\n")
