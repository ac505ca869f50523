"""Matching against `pandas.merge` of the same keys as whole numbers; and `python -m benchmarks.matching N`: its peak memory.

The floor is the cheapest merge that there is: one column of int64 on both sides that is the whole key (order, refund,
kind, currency, amount), inner, with nothing beside it but the number of the row. It finds the pairs, and leaves the
rest alone.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from benchmarks import figures
from benchmarks.job import peak_kb
from benchmarks.measuring import Cost, Figure, timed
from benchmarks.memory import Most
from benchmarks.statements import PERIOD, frames, rules
from jobs.matching import match
from jobs.matching.frames import encode, keys

BOUND = 3.0
#: peak of a process that makes both frames and matches them
MOST_KB = 2 * 1024 * 1024
ROOT = Path(__file__).parent.parent


def measure(rows: int, repeat: int) -> Iterator[Figure | Most]:
    """Merge and match in turns: references as categories that both frames share, then as texts."""
    for text in (False, True):
        yield _figure(rows, repeat, text=text)
    yield Most(
        name="match.memory", what=f"{rows:,} lines against {rows:,} expected rows", peak_kb=_peak(rows), most_kb=MOST_KB
    )


def _figure(rows: int, repeat: int, *, text: bool) -> Figure:
    lines, expected = frames(rows, text=text)
    left, right = _keyed(lines, expected)
    found = rules()
    ours: list[Cost] = []
    floor: list[Cost] = []
    for _ in range(repeat):
        floor.append(timed(lambda: pd.merge(left, right, on="key")))
        ours.append(timed(lambda: match(lines, expected, found, period=PERIOD)))
    return Figure(
        name="match.text" if text else "match",
        what="match: frames with references as " + ("texts" if text else "categories") + ", every row classified",
        against="pandas.merge of one int64 column that is the whole key, inner",
        bound=BOUND, ours=tuple(ours), floor=tuple(floor), units=max(rows // 1000, 1), unit="thousand expected rows", near=figures.MERGE,
        # texts must be read first, which the floor need not do
        promised=not text,
    )  # fmt: skip


def _keyed(lines: pd.DataFrame, expected: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    left, right = keys(encode(lines, expected))
    return (
        pd.DataFrame({"key": left, "line_id": lines["line_id"]}),
        pd.DataFrame({"key": right, "exp_id": expected["exp_id"]}),
    )


def _peak(rows: int) -> int:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.matching", str(rows)], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return int(done.stdout)


if __name__ == "__main__":
    match(*frames(int(sys.argv[1])), rules(), period=PERIOD)
    sys.stdout.write(f"{peak_kb()}\n")
