"""Rows that agree in amount: as many of theirs as of ours, and those of theirs that are told once more."""

from __future__ import annotations

import numpy as np

from jobs.matching.frames import Ints, dense
from jobs.matching.pool import Pool, Units, rank


def exact(pool: Pool) -> None:
    """Same order, refund, kind, currency and amount."""
    units = Units(pool, [pool.order, pool.refund, pool.kind, pool.currency, pool.amount])
    pool.take(*units.of((units.lines == units.exps) & units.two_sided), "matched", "exact")
    _doubled(pool, units)


def without_refund(pool: Pool) -> None:
    """The same where one side does not say which refund it is. Only one with one: which is whose cannot be seen else."""
    units = Units(pool, [pool.order, pool.kind, pool.currency, pool.amount])
    one = (units.lines == 1) & (units.exps == 1)
    pool.take(*units.of(one & units.agreeing_refunds()), "matched", "exact.order")
    _doubled(pool, units, also=units.agreeing_refunds())


def _doubled(pool: Pool, units: Units, *, also: np.ndarray | None = None) -> None:
    """More of theirs than of ours, the surplus being the same again: as many as are ours match, the surplus is doubled.

    Where there are more different ones than ours, any of them may be the right one: nothing is decided here.
    """
    more = (units.lines > units.exps) & (units.exps > 0)
    if also is not None:
        more &= also
    if not more.any():
        return
    rows, number = units.of(more)
    lines = pool.theirs[rows]
    theirs, of = rows[lines], number[lines]
    again = _again(pool, theirs, of)
    different = np.bincount(of[again == 0], minlength=int(more.sum()))
    ours = np.bincount(number[~lines], minlength=int(more.sum()))
    decided = different <= ours
    # those not told before come first, then the repetitions of the earliest
    place = rank(of, (pool.ids[theirs], pool.at[theirs], again))
    surplus = np.zeros(len(rows), dtype=bool)
    surplus[lines] = place >= ours[of]
    chosen = decided[number]
    keep = np.flatnonzero(chosen & ~surplus)
    kept, _ = dense([number[keep]]) if len(keep) else (keep, 0)
    pool.take(rows[keep], kept, "matched", "exact")
    pool.take_each(rows[chosen & surplus], "doubled", "doubled")


def _again(pool: Pool, lines: Ints, number: Ints) -> Ints:
    """How often each line was told before in its set."""
    same, _ = dense([number, pool.twin[lines]])
    return rank(same, (pool.ids[lines], pool.at[lines]))
