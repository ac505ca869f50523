"""Ratios: the product's work and its floor, run in turns, so that a busy machine slows down both.

A ratio is ours divided by the floor, so that less is better; its promise is an upper bound on the median of the
repetitions. The verdict is on wall time; the ratio of processor time stands beside it.
"""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Callable, Sequence
from statistics import median

import msgspec


class Cost(msgspec.Struct, frozen=True):
    """What one run took: seconds on the wall, and of processor time in this process and its ended children."""

    wall_s: float
    cpu_s: float


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured ratio. `ours` and `floor` hold one cost per repetition, for `units` units of work each."""

    name: str
    #: what ours does, and what the floor does
    what: str
    against: str
    #: most that the median of the ratios may be
    bound: float
    ours: tuple[Cost, ...]
    floor: tuple[Cost, ...]
    units: int
    unit: str
    #: figure of another machine that comes nearest to the floor, in words
    near: str
    #: False: told beside the others for comparison, and decides nothing
    promised: bool = True

    @property
    def ratios(self) -> list[float]:
        """One per repetition, in order of size."""
        return sorted(a.wall_s / b.wall_s for a, b in zip(self.ours, self.floor, strict=True))

    @property
    def cpu_ratio(self) -> float:
        """Median ratio of processor time."""
        return median(a.cpu_s / max(b.cpu_s, 1e-9) for a, b in zip(self.ours, self.floor, strict=True))

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def holds(self) -> bool:
        return not self.promised or self.ratio <= self.bound

    def each_us(self, costs: Sequence[Cost], *, cpu: bool = False) -> float:
        """Median microseconds for one unit."""
        return median(c.cpu_s if cpu else c.wall_s for c in costs) / self.units * 1e6


def timed(act: Callable[[], object]) -> Cost:
    """Run something once, with the garbage of what was before swept away."""
    gc.collect()
    cpu, wall = _cpu(), time.perf_counter()
    act()
    return Cost(time.perf_counter() - wall, _cpu() - cpu)


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
