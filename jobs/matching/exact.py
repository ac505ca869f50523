"""One with one: rows whose key is on each side exactly once. They are nearly all, so this reads every row but once or twice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jobs.matching import CLASSES, Period
from jobs.matching.frames import Both, Ints, Side, keys

_MATCHED, _STATUS, _CUT = (CLASSES.index(w) for w in ("matched", "status_differs", "day_cut"))


def one_to_one(both: Both) -> tuple[Ints, Ints]:
    """Places of the lines and of the expected rows that are each other's only partner.

    Both sides' keys are sorted as one, the side being the lowest bit: partners then stand beside each other.
    """
    left, right = keys(both)
    n = len(left)
    key = np.concatenate([left, right])
    key <<= 1
    key[n:] |= 1
    order = np.argsort(key)
    ranked = key[order]
    step = np.diff(ranked)
    # a line, then an expected row with the same key; −2 and −1 are rows without one
    pair = step == 1
    pair &= (ranked[:-1] & 1) == 0
    pair &= ranked[:-1] >= 0
    pair[1:] &= step[:-1] != 0
    pair[:-1] &= step[1:] != 0
    at = np.flatnonzero(pair)
    return order[at], order[at + 1] - n


def classes(both: Both, left: Ints, right: Ints, period: Period, edge_ms: int) -> NDArray[np.int8]:
    """The class of each pair of places: matched, unless their states or their days differ."""
    out = np.full(len(left), _MATCHED, dtype=np.int8)
    a, b = _marks(both.lines, period)[left], _marks(both.expected, period)[right]
    other = np.flatnonzero(a != b)
    a, b = a[other], b[other]
    cut = other[(a & 1) != (b & 1)]
    out[cut[np.abs(both.lines.at[left[cut]] - both.expected.at[right[cut]]) <= edge_ms]] = _CUT
    state_a, state_b = a >> 1, b >> 1
    out[other[(state_a != state_b) & (state_a > 0) & (state_b > 0)]] = _STATUS
    return out


def _marks(side: Side, period: Period) -> NDArray[np.uint8]:
    """State and whether the time is in the period, as one small number: what is compared of all pairs."""
    marks = (side.status + 1).astype(np.uint8)
    marks <<= 1
    marks |= (side.at >= period.start) & (side.at < period.end)
    return marks
