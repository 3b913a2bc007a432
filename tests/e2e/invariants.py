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


def broken(stack, engine=True):
    """What does not hold now; empty: all does. `engine`: the stack's own, too."""
    rows = stack.sql(" UNION ALL ".join(f"SELECT ({statement}), \"{name}\"" for name, statement in statements()))
    said = [f"{count} {name}" for count, name in rows if count != "0"]
    if engine and stack.engine_containers() != stack.live_containers():
        said.append(f"the engine has {sorted(stack.engine_containers())}, the rows {sorted(stack.live_containers())}")
    return said


def hold(stack, limit=60):
    """Waits until all of it holds, once nothing is asked for any more."""
    end = time.monotonic() + limit
    while said := broken(stack):
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit} s: {'; '.join(said)}")
        time.sleep(0.1)
