# SPDX-License-Identifier: Apache-2.0
"""Which faults come when: made from the seed alone, so that the same seed gives the same schedule."""
import dataclasses
import random

# kind: (weight, shortest and longest seconds that it lasts)
KINDS = {
    "job killed": (8, 0, 0),
    "job stopped": (4, 2, 12),
    "job twice": (3, 4, 8),
    "worker killed": (3, 0, 0),
    "web server killed": (1, 0, 0),
    "database killed": (2, 0, 0),
    "database away": (1, 20, 20),
    "database stopped": (1, 2, 8),
    "everything killed": (1, 0, 0),
    "sandbox killed": (5, 0, 0),
    "executor killed": (4, 0, 0),
    "sandbox paused": (3, 3, 25),
    "storage away": (2, 3, 8),
    "engine killed": (1, 1, 3),
    "engine restarted": (1, 1, 3),
}
ENGINE_ONLY = ("engine killed", "engine restarted")
OF_JOBS = ("job killed", "job stopped", "job twice")
FIRST_S, LAST_S = 12, 12      # quiet at begin and end
GAP_S = (2, 9)                # between the end of one and the next
TOGETHER = 0.3                # how many come while another one lasts
QUIET_EACH_S, QUIET_S = 100, 20  # a longer pause now and then, to measure the quiet


@dataclasses.dataclass(frozen=True)
class Fault:
    at: float      # seconds from the start
    kind: str
    lasts: float
    target: str    # the job; "" where a draw decides among what there is then
    draw: float    # 0 to 1

    def __str__(self):
        text = self.kind + (f" ({self.target})" if self.target else "")
        return text + (f" for {self.lasts:.1f} s" if self.lasts else "")


def schedule(seed, seconds, jobs, engine):
    """All faults of a run of so many seconds. `engine`: there is one that may be restarted."""
    draw = random.Random(f"faults {seed}")
    kinds = [kind for kind in KINDS if engine or kind not in ENGINE_ONLY]
    # dealt like cards, first each kind once: a short run sees many kinds, a long one each as often as it weighs
    deck, faults, at, quiet_at = draw.sample(kinds, len(kinds)), [], FIRST_S, QUIET_EACH_S
    while True:
        if not deck:
            deck = [kind for kind in kinds for _ in range(KINDS[kind][0])]
            draw.shuffle(deck)
        kind = deck.pop()
        _, shortest, longest = KINDS[kind]
        fault = Fault(round(at, 2), kind, round(draw.uniform(shortest, longest), 2),
                      draw.choice(sorted(jobs)) if kind in OF_JOBS else "", draw.random())
        if fault.at + fault.lasts > seconds - LAST_S:
            return faults
        faults.append(fault)
        pause = draw.uniform(*GAP_S)
        at += draw.uniform(0, fault.lasts + 1) if draw.random() < TOGETHER else fault.lasts + pause
        if at > quiet_at:
            at, quiet_at = at + QUIET_S, at + QUIET_S + QUIET_EACH_S
