"""Which events a process is killed at: every one, some drawn at random, or one for each seam of each job."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from tests.kill.campaign import Made
from tests.kill.day import Day
from tests.kill.seams import AFTER, ANSWERED, BEFORE, EXECUTE, FILED, SEAMS, SENT, Event
from tests.kill.trial import Counted, Unkilled

#: the platform has accepted something of which nothing is written here yet
GAP = "accepted, unwritten"
COLUMNS = (*SEAMS, GAP)

#: jobs that call somebody outside in this day. The others move what is here and have no such seam, unless an alert
#: makes them call the robot, which need not come up
CALLING = frozenset(
    {
        "sync orders", "sync refunds", "sync verify", "refund decide", "refund approve", "merge run", "parcel handover",
        "push shipments", "push stock", "stock alerts", "reconcile orders",
    }
)  # fmt: skip
#: jobs whose calls have effects
TELLING = frozenset({"refund decide", "refund approve", "push shipments", "push stock"})
#: jobs that put a file in place: pick lists, rows with errors, repair plans
FILING = frozenset({"stock import", "parcel handover", "parcel import", "reconcile stock"})

_WRITES = ("INSERT", "UPDATE", "DELETE")


def must_be(day: Day) -> set[tuple[str, str]]:
    """(column, job) of the table that may not be zero."""
    jobs = {step.job for step in day.steps}
    wanted = {(seam, job) for job in jobs for seam in (EXECUTE, BEFORE, AFTER)}
    wanted |= {(seam, job) for job in CALLING for seam in (SENT, ANSWERED)}
    return wanted | {(FILED, job) for job in FILING} | {(GAP, job) for job in TELLING}


def table(made: Sequence[Made]) -> Counter[tuple[str, str]]:
    """(column, job) → processes that were killed there."""
    cells = Counter((m.seam, m.outcome.job) for m in made if m.outcome.killed)
    cells.update((GAP, m.outcome.job) for m in made if m.outcome.killed and m.in_the_gap)
    return cells


class Every:
    """Every event of every step."""

    def __init__(self, day: Day) -> None:
        self.steps = range(len(day.steps))

    def __call__(self, k: int, counted: Counted) -> Sequence[int]:
        return range(1, len(counted.events) + 1)


class Drawn:
    """Events of a day drawn at random, all alike."""

    def __init__(self, unkilled: Unkilled, total: int, seed: int) -> None:
        rng = random.Random(seed)
        places = [(k, n) for k, c in enumerate(unkilled.counted) for n in range(1, len(c.events) + 1)]
        self.chosen: dict[int, list[int]] = defaultdict(list)
        for k, n in sorted(rng.sample(places, min(total, len(places)))):
            self.chosen[k].append(n)
        self.steps = sorted(self.chosen)

    def __call__(self, k: int, counted: Counted) -> Sequence[int]:
        # its first run is a little earlier than the one that was drawn from, and may have fewer events
        return sorted({min(n, len(counted.events)) for n in self.chosen[k]})


class OneEach:
    """One event for each cell of the table that may not be zero, in the step where the job has most of them."""

    def __init__(self, day: Day, unkilled: Unkilled) -> None:
        self.wanted: dict[int, list[str]] = defaultdict(list)
        for column, job in sorted(must_be(day)):
            steps = [k for k, step in enumerate(day.steps) if step.job == job]
            self.wanted[max(steps, key=lambda k: len(_of(column, unkilled.counted[k])))].append(column)
        self.steps = sorted(self.wanted)

    def __call__(self, k: int, counted: Counted) -> Sequence[int]:
        found = {n for column in self.wanted.get(k, ()) for n in _middle(_of(column, counted), counted.events)}
        return sorted(found)


def _of(column: str, counted: Counted) -> list[int]:
    if column == GAP:
        return sorted(counted.accepted)
    return [n for n, (seam, _) in enumerate(counted.events, 1) if seam == column]


def _middle(numbers: Sequence[int], events: Sequence[Event]) -> list[int]:
    """One of them from the middle, of those that stand beside a write where there are any."""
    writing = [n for n in numbers if _writes(events, n)] or list(numbers)
    return [writing[len(writing) // 2]] if writing else []


def _writes(events: Sequence[Event], n: int) -> bool:
    near: Mapping[str, Sequence[Event]] = {
        EXECUTE: events[n - 1 : n], BEFORE: events[n - 2 : n - 1], AFTER: events[n - 3 : n - 2],
    }  # fmt: skip
    return any(what.startswith(_WRITES) for _, what in near.get(events[n - 1][0], ()))
