# SPDX-License-Identifier: Apache-2.0
"""What must hold after every fault: tests/invariants.sql, and the engine holds exactly the containers that the rows name."""
import time

from stack import TOP


def statements():
    """Pairs of what is counted and the statement that does."""
    name = ""
    for line in (TOP / "tests" / "invariants.sql").read_text().splitlines():
        if line.startswith("-- "):
            name = line[3:]
        elif line:
            yield name, line


def broken(stack):
    """What does not hold now; empty: all does."""
    said = [f"{found} {name}" for name, statement in statements() if (found := stack.sql(statement)[0][0]) != "0"]
    engine, rows = stack.engine_containers(), stack.live_containers()
    if engine != rows:
        said.append(f"only in the engine: {sorted(engine - rows)}, only in rows: {sorted(rows - engine)}")
    return said


def hold(stack, limit=60):
    """Waits until all of it holds, once nothing is asked for any more."""
    end = time.monotonic() + limit
    while said := broken(stack):
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit} s: {'; '.join(said)}")
        time.sleep(0.1)
