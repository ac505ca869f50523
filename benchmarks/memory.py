"""Peak memory of each job with few orders and with many: flat means that it does not grow with what is stored."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from benchmarks.job import STEPS, Used

BOUND = 1.2
ROOT = Path(__file__).parent.parent


class Peaks(msgspec.Struct, frozen=True, kw_only=True):
    """Peak resident memory of one job at both sizes."""

    name: str
    few: int
    many: int
    few_kb: int
    many_kb: int

    @property
    def ratio(self) -> float:
        return self.many_kb / self.few_kb

    @property
    def holds(self) -> bool:
        return self.ratio <= BOUND


class Most(msgspec.Struct, frozen=True, kw_only=True):
    """Peak resident memory of one thing, against a bound that is given."""

    name: str
    what: str
    peak_kb: int
    most_kb: int

    @property
    def ratio(self) -> float:
        return self.peak_kb / self.most_kb

    @property
    def holds(self) -> bool:
        return self.peak_kb <= self.most_kb


def measure(few: int, many: int, leave_out: Sequence[str] = ()) -> Iterator[Peaks]:
    """Play the chain with both sizes, job by job, each in a process of its own.

    Args:
        leave_out: jobs that nothing after them needs, such as the one whose every order is a call of its own.
    """
    with tempfile.TemporaryDirectory(prefix="oms-bench-") as name:
        for job, step in STEPS.items():
            if job in leave_out:
                continue
            used = [_run(job, Path(name, str(orders)), orders) for orders in (few, many)]
            if not step.aside:
                yield Peaks(name=job, few=few, many=many, few_kb=used[0].peak_kb, many_kb=used[1].peak_kb)


def _run(job: str, folder: Path, orders: int) -> Used:
    words = [sys.executable, "-m", "benchmarks.job", job, str(folder), str(orders)]
    done = subprocess.run(words, capture_output=True, cwd=ROOT, check=False)
    if done.returncode:
        raise RuntimeError(f"{job} with {orders} orders: {done.stderr.decode(errors='replace')[-600:]}")
    return msgspec.json.decode(done.stdout, type=Used)
