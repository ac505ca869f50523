"""The passes in their order, and the frame that comes out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.matching import CLASSES, PASSES, SIDES, Period, equals, exact, rest, sums, tolerate
from jobs.matching.frames import Both, Ints, dense, encode
from jobs.matching.pool import Pool
from jobs.matching.tolerances import Rules


def match(lines: pd.DataFrame, expected: pd.DataFrame, rules: Rules, period: Period, seen: Period) -> pd.DataFrame:
    """See `jobs.matching.match`."""
    both = encode(lines, expected)
    left, right = exact.one_to_one(both)
    cls = exact.classes(both, left, right, period, rules.day_cut_ms)
    pool = Pool(both, _others(left, len(lines)), _others(right, len(expected)))
    equals.exact(pool)
    equals.without_refund(pool)
    sums.per_kind(pool)
    sums.per_order(pool)
    sums.per_group(pool)
    tolerate.within_rules(pool, rules)
    rest.differing(pool)
    rest.one_sided(pool, period, seen, rules.day_cut_ms)
    return _frame(both, left, right, cls, pool, rest.refine(pool, period, rules.day_cut_ms), rules)


def _others(taken: Ints, n: int) -> Ints:
    free = np.ones(n, dtype=bool)
    free[taken] = False
    return np.flatnonzero(free)


def _frame(
    both: Both, left: Ints, right: Ints, cls: NDArray[np.int8], pool: Pool, classes: Ints, rules: Rules
) -> pd.DataFrame:
    """Pairs first, line and expected row in turns, then the matches of the pool; each column is filled once."""
    n = 2 * len(left)
    order = np.lexsort((pool.part, ~pool.theirs, pool.match))
    match_of = pool.match[order]
    _, by, rule = pool.made()
    total = n + len(order)
    side, ids, number = np.zeros(total, np.int8), np.empty(total, np.int64), np.empty(total, np.int64)
    side[1:n:2] = 1
    side[n:] = ~pool.theirs[order]
    ids[0:n:2], ids[1:n:2] = both.lines.ids[left], both.expected.ids[right]
    ids[n:] = pool.ids[order]
    number[0:n:2] = number[1:n:2] = np.arange(len(left))
    number[n:] = match_of + len(left)
    words = np.empty(total, np.int8), np.full(total, PASSES.index("exact"), np.int8), np.full(total, 0, np.int16)
    words[0][0:n:2] = words[0][1:n:2] = cls
    words[0][n:], words[1][n:], words[2][n:] = classes[match_of], by[match_of], rule[match_of] + 1
    delta = np.zeros(total, np.int64)
    delta[n:] = _deltas(pool, order)
    columns = {
        "side": _category(side, SIDES), "id": ids, "match_id": number, "class": _category(words[0], CLASSES),
        "pass_name": _category(words[1], PASSES), "rule_id": _category(words[2], ("", *rules.ids)), "delta": delta,
    }  # fmt: skip
    return pd.DataFrame(columns, copy=False)


def _deltas(pool: Pool, order: Ints) -> Ints:
    """What each match differs by, on its first row; in a cluster on the first row of each order."""
    out = np.zeros(len(order), dtype=np.int64)
    if len(order):
        number, n = dense([pool.match[order], pool.part[order]])
        sums = np.zeros(n, dtype=np.int64)
        np.add.at(sums, number, pool.signed[order])
        out[np.unique(number, return_index=True)[1]] = sums
    return out


def _category(codes: NDArray[np.integer], words: tuple[str, ...]) -> pd.Categorical[Any]:
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(list(words)), validate=False)
