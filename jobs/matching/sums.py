"""Sets whose sums agree: per order and kind, per order, per parcel group and kind, per parcel group."""

from __future__ import annotations

import numpy as np

from jobs.matching.frames import Ints, dense
from jobs.matching.pool import Pool, Units, factorized


def per_kind(pool: Pool) -> None:
    """Split rows, or several of ours told as one; rows told twice are left out where the rest then agrees."""
    for refund in ([pool.refund], []):
        units = Units(pool, [pool.order, *refund, pool.kind, pool.currency])
        possible = units.two_sided if refund else units.two_sided & units.agreeing_refunds()
        agree = possible & (units.difference() == 0)
        pool.take(*units.of(agree), "matched", "order.kind")
        _without_repeats(pool, units, possible & ~agree)


def _without_repeats(pool: Pool, units: Units, possible: np.ndarray) -> None:
    again = units.repeats()
    signed = pool.signed[units.rows]
    agree = possible & (units.sums(signed, ~again) == 0) & (units.sums(again.astype(np.int64)) > 0)
    inside = agree[units.number]
    keep = inside & ~again
    if not keep.any():
        return
    pool.take(units.rows[keep], dense([units.number[keep]])[0], "matched", "order.kind")
    pool.take_each(units.rows[inside & again], "doubled", "doubled")


def per_order(pool: Pool) -> None:
    """Whatever the kinds: fees told apart that we expect in one, or the other way round."""
    _agreeing(pool, [pool.order, pool.currency], "order")


def per_group(pool: Pool) -> None:
    """Parcels of several orders, orders of several parcels: the cluster first, then what each order makes up for."""
    cluster = clusters(pool)
    if cluster is None:
        return
    for kind, name in (([pool.kind], "group.kind"), ([], "group")):
        rows = np.flatnonzero((pool.match < 0) & (cluster >= 0))
        taken = _agreeing(pool, [cluster, *kind, pool.currency], name, rows)
        pool.part[taken] = pool.order[taken]


def _agreeing(pool: Pool, columns: list[Ints], name: str, rows: Ints | None = None) -> Ints:
    units = Units(pool, columns, rows)
    chosen, number = units.of(units.two_sided & (units.difference() == 0))
    pool.take(chosen, number, "matched", name)
    return chosen


def clusters(pool: Pool) -> Ints | None:
    """The cluster of each row: orders that share a parcel group, directly or by a chain. None: there is no group."""
    expected = pool.both.expected
    wanted = np.zeros(pool.both.orders + 1, dtype=bool)
    wanted[pool.order[pool.free()]] = True
    # code −1 looks at the last place
    wanted[-1] = False
    places = np.flatnonzero(wanted[expected.order])
    group, n = factorized(expected.other.iloc[places])
    named = group >= 0
    if not named.any():
        return None
    order, group = expected.order[places][named].astype(np.int64), group[named]
    # orders that are reached through a shared group only
    label = _joined(order, group, pool.both.orders, n)
    out = np.full(len(pool.place), -1, dtype=np.int64)
    has = pool.order >= 0
    out[has] = label[pool.order[has]]
    return out


def _joined(order: Ints, group: Ints, orders: int, groups: int) -> Ints:
    """The least group that each order is joined with; −1: none."""
    by_group = np.arange(groups)
    while True:
        by_order = np.full(orders, groups, dtype=np.int64)
        np.minimum.at(by_order, order, by_group[group])
        least = by_group.copy()
        np.minimum.at(least, group, by_order[order])
        # jump along what is known already, so that long chains take few rounds
        least = np.minimum(least, least[least])
        if np.array_equal(least, by_group):
            return np.where(by_order == groups, -1, by_order)
        by_group = least
