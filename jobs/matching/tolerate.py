"""Within a rule: one with one first, nearest first, then whole sets; and what stays ambiguous becomes a suggestion."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from jobs.matching.frames import Ints
from jobs.matching.pool import Mask, Pool, Units
from jobs.matching.tolerances import Rules, Scoped

#: in a set with more possible pairs than this only sums are compared
MANY = 10_000
_NONE = np.iinfo(np.int64).max


class Pairs(NamedTuple):
    """Possible partners: rows of the pool, how far apart they are, and the rule that allows it (−1: they are equal)."""

    line: Ints
    exp: Ints
    apart: Ints
    rule: Ints

    def where(self, which: Mask) -> Pairs:
        return Pairs(*(column[which] for column in self))


def within_rules(pool: Pool, rules: Rules) -> None:
    """All of it."""
    scoped = rules.scoped(pool.both.kinds, pool.both.currencies)
    for refund in ([pool.refund], []):
        units = Units(pool, [pool.order, *refund, pool.kind, pool.currency])
        possible = units.two_sided if refund else units.two_sided & units.agreeing_refunds()
        left = _nearest(pool, scoped, _pairs(pool, units, possible, scoped))
        _sums(pool, scoped, [pool.order, *refund, pool.kind, pool.currency], wild=not refund)
        _suggest(pool, left)


def _pairs(pool: Pool, units: Units, possible: Mask, rules: Scoped) -> Pairs:
    """Every line with every expected row of its set, where they are equal or a rule allows their difference."""
    sets = possible & (units.lines * units.exps <= MANY)
    rows, number = units.of(sets)
    order = np.lexsort((~pool.theirs[rows], number))
    rows, number = rows[order], number[order]
    lines, exps = units.lines[sets], units.exps[sets]
    start = np.cumsum(lines + exps) - (lines + exps)
    each = (lines * exps)[number[pool.theirs[rows]]] // np.maximum(lines[number[pool.theirs[rows]]], 1)
    line = np.repeat(rows[pool.theirs[rows]], each)
    of = np.repeat(number[pool.theirs[rows]], each)
    within = np.arange(len(line)) - np.repeat(np.cumsum(each) - each, each)
    exp = rows[start[of] + lines[of] + within]
    delta = pool.amount[line] - pool.amount[exp]
    rule = rules.rule_for(delta, pool.amount[exp], pool.at[line] - pool.at[exp], pool.kind[exp], pool.currency[exp])
    return Pairs(line, exp, np.abs(delta), rule).where((rule >= 0) | (delta == 0))


def _nearest(pool: Pool, rules: Scoped, pairs: Pairs) -> Pairs:
    """Match those that are each other's one nearest, until there are none; returns what is left, all of it ambiguous."""
    while len(pairs.line):
        pairs = pairs.where((pool.match[pairs.line] < 0) & (pool.match[pairs.exp] < 0))
        best = pairs.where(
            (pairs.apart == _least(pool, pairs.line, pairs.apart))
            | (pairs.apart == _least(pool, pairs.exp, pairs.apart))
        )
        both = best.where(
            (best.apart == _least(pool, best.line, best.apart)) & (best.apart == _least(pool, best.exp, best.apart))
        )
        alone = both.where(
            (_alike(pool, best, best.line)[both.line] == 1) & (_alike(pool, best, best.exp)[both.exp] == 1)
        )
        if not len(alone.line):
            break
        rows, number = np.concatenate([alone.line, alone.exp]), np.tile(np.arange(len(alone.line)), 2)
        pool.take(rows, number, rules.classes(alone.rule), "tolerance", alone.rule)
    return pairs


def _least(pool: Pool, rows: Ints, apart: Ints) -> Ints:
    """Per pair: the least distance that its row has to any partner."""
    least = np.full(len(pool.place), _NONE, dtype=np.int64)
    np.minimum.at(least, rows, apart)
    return least[rows]


def _alike(pool: Pool, best: Pairs, rows: Ints) -> Ints:
    """Per row of the pool: how many partners it has at its least distance."""
    nearest = best.apart == _least(pool, rows, best.apart)
    return np.bincount(rows[nearest], minlength=len(pool.place))


def _sums(pool: Pool, rules: Scoped, columns: list[Ints], *, wild: bool) -> None:
    """Sets whose sums are within a rule; their times are those of the earliest row of each side."""
    units = Units(pool, columns)
    possible = units.two_sided & (units.lines + units.exps > 2)
    if wild:
        possible &= units.agreeing_refunds()
    rows, number = units.of(possible)
    if not len(rows):
        return
    n = int(possible.sum())
    delta = units.difference()[possible]
    theirs = pool.theirs[rows]
    ours = -_added(n, number[~theirs], pool.signed[rows[~theirs]])
    first = _first(n, number[theirs], pool.at[rows[theirs]]) - _first(n, number[~theirs], pool.at[rows[~theirs]])
    some = np.zeros(n, dtype=np.int64)
    some[number] = rows
    rule = rules.rule_for(delta, ours, first, pool.kind[some], pool.currency[some])
    chosen = rule >= 0
    inside = chosen[number]
    pool.take(
        rows[inside], (np.cumsum(chosen) - 1)[number[inside]], rules.classes(rule[chosen]), "tolerance", rule[chosen]
    )


def _added(n: int, number: Ints, values: Ints) -> Ints:
    out = np.zeros(n, dtype=np.int64)
    np.add.at(out, number, values)
    return out


def _first(n: int, number: Ints, at: Ints) -> Ints:
    out = np.full(n, _NONE, dtype=np.int64)
    np.minimum.at(out, number, at)
    return out


def _suggest(pool: Pool, pairs: Pairs) -> None:
    """What has several equally good partners: all that hang together are one suggestion."""
    pairs = pairs.where((pool.match[pairs.line] < 0) & (pool.match[pairs.exp] < 0))
    if not len(pairs.line):
        return
    label = np.arange(len(pool.place))
    while True:
        least = label.copy()
        np.minimum.at(least, pairs.line, label[pairs.exp])
        np.minimum.at(least, pairs.exp, label[pairs.line])
        if np.array_equal(least, label):
            break
        label = least
    rows = np.unique(np.concatenate([pairs.line, pairs.exp]))
    pool.take(rows, np.unique(label[rows], return_inverse=True)[1], "suggested", "ambiguous")
