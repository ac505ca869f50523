"""What no pass brought together: named by what is wrong with it."""

from __future__ import annotations

import numpy as np

from jobs.matching import CLASSES, Period
from jobs.matching.frames import Ints
from jobs.matching.pool import Mask, Pool, Units


def differing(pool: Pool) -> None:
    """Both sides have something for this order and kind: it is one difference, however many rows it has."""
    for refund in ([pool.refund], []):
        units = Units(pool, [pool.order, *refund, pool.kind, pool.currency])
        sets = units.two_sided if refund else units.two_sided & units.agreeing_refunds()
        pool.take(*units.of(sets), "amount_differs", "line")


def one_sided(pool: Pool, period: Period, seen: Period, edge_ms: int) -> None:
    """Theirs without ours and ours without theirs; near an edge beyond which nobody looked it may be the day's cut."""
    free = np.flatnonzero(pool.match < 0)
    near = _near_edge(pool.at[free], period, seen, edge_ms)
    theirs, named = pool.theirs[free], pool.order[free] >= 0
    pool.take_each(free[theirs & ~named], "not_an_order", "rest")
    pool.take_each(free[near & (named | ~theirs)], "day_cut", "edge")
    pool.take_each(free[theirs & named & ~near], "only_theirs", "rest")
    pool.take_each(free[~theirs & ~near], "only_ours", "rest")


def _near_edge(at: Ints, period: Period, seen: Period, edge_ms: int) -> Mask:
    start = (np.abs(at - period.start) <= edge_ms) & (seen.start >= period.start)
    end = (np.abs(at - period.end) <= edge_ms) & (seen.end <= period.end)
    return start | end


def refine(pool: Pool, period: Period, edge_ms: int) -> Ints:
    """Classes of all matches, where those that agree in amount may yet differ in state or in day."""
    cls, _, _ = pool.made()
    matched, status, cut = (CLASSES.index(w) for w in ("matched", "status_differs", "day_cut"))
    inside = (pool.at >= period.start) & (pool.at < period.end)
    a_low, a_high = _span(pool, pool.theirs, inside.astype(np.int64))
    b_low, b_high = _span(pool, ~pool.theirs, inside.astype(np.int64))
    apart = (a_low == a_high) & (b_low == b_high) & (a_low != b_low)
    first, last = _span(pool, pool.match >= 0, pool.at)
    cls = np.where((cls == matched) & apart & (last - first <= edge_ms), cut, cls)
    a_low, a_high = _span(pool, pool.theirs & (pool.status >= 0), pool.status)
    b_low, b_high = _span(pool, ~pool.theirs & (pool.status >= 0), pool.status)
    known = (a_high >= 0) & (b_high >= 0)
    other = known & (a_low == a_high) & (b_low == b_high) & (a_low != b_low)
    return np.where(((cls == matched) | (cls == cut)) & other, status, cls)


def _span(pool: Pool, which: Mask, values: Ints) -> tuple[Ints, Ints]:
    """Least and greatest value per match, of some rows."""
    rows = np.flatnonzero(which & (pool.match >= 0))
    low = np.full(pool.matches, np.iinfo(np.int64).max)
    high = np.full(pool.matches, np.iinfo(np.int64).min)
    np.minimum.at(low, pool.match[rows], values[rows])
    np.maximum.at(high, pool.match[rows], values[rows])
    return low, high
