"""What is left after the one-to-one pass: few rows of both sides in one set of arrays, and the matches made of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.matching import CLASSES, PASSES
from jobs.matching.frames import Both, Codes, Ints, Side, dense

Mask = NDArray[np.bool_]


class Pool:
    """Rows without a partner so far. Lines come first, then expected rows; `-1` in a code: not named."""

    def __init__(self, both: Both, lines: Ints, expected: Ints) -> None:
        def column(name: str) -> Ints:
            parts = (getattr(both.lines, name)[lines], getattr(both.expected, name)[expected])
            return np.concatenate([p.astype(np.int64) for p in parts])

        self.both = both
        #: place of each row in its frame
        self.place = np.concatenate([lines, expected])
        self.theirs: Mask = np.arange(len(self.place)) < len(lines)
        self.order, self.refund, self.kind, self.currency = map(column, ("order", "refund", "kind", "currency"))
        self.status, self.amount, self.at, self.ids = map(column, ("status", "amount", "at", "ids"))
        self.twin = self._twins(both.lines, lines)
        #: theirs count up, ours count down: what a set of rows differs by is its sum
        self.signed = np.where(self.theirs, self.amount, -self.amount)
        self.match = np.full(len(self.place), -1, dtype=np.int64)
        #: rows of one order in a cluster carry the difference apart from other orders; −1: the match as a whole
        self.part = np.full(len(self.place), -1, dtype=np.int64)
        self._made: list[tuple[Ints, Ints, Ints]] = []
        self.matches = 0

    def _twins(self, side: Side, lines: Ints) -> Ints:
        """What makes two equal lines the same one told twice: one trade, or, where none is named, one instant."""
        trade, _ = factorized(side.other.iloc[lines])
        unnamed = trade < 0
        number, _ = dense([np.where(unnamed, side.at[lines], trade), unnamed])
        return np.concatenate([number, np.full(len(self.place) - len(lines), -1, dtype=np.int64)])

    def free(self) -> Ints:
        """Rows that are in no match and name an order."""
        return np.flatnonzero((self.match < 0) & (self.order >= 0))

    def take(self, rows: Ints, number: Ints, kind: str | Codes, by: str, rule: int | Codes = -1) -> None:
        """Make matches: rows with one number are one match.

        Args:
            number: 0.., one per row, each number used.
            kind: the class: a word for all, or a code per match.
            rule: index of the rule: for all, or per match.
        """
        if not len(rows):
            return
        n = int(number.max()) + 1
        self.match[rows] = self.matches + number
        code = CLASSES.index(kind) if isinstance(kind, str) else kind
        whole = np.full(n, PASSES.index(by), dtype=np.int64)
        self._made.append((np.broadcast_to(code, n), whole, np.broadcast_to(rule, n)))
        self.matches += n

    def take_each(self, rows: Ints, kind: str, by: str) -> None:
        """Make each row a match of its own."""
        self.take(rows, np.arange(len(rows)), kind, by)

    def made(self) -> tuple[Ints, Ints, Ints]:
        """Class, pass and rule of each match."""
        if not self._made:
            none = np.empty(0, dtype=np.int64)
            return none, none, none
        cls, by, rule = (np.concatenate(parts) for parts in zip(*self._made, strict=True))
        return cls.astype(np.int64), by, rule.astype(np.int64)


class Units:
    """Free rows cut into sets by some columns, with what is asked of a set."""

    def __init__(self, pool: Pool, columns: list[Ints], rows: Ints | None = None) -> None:
        """`columns` are whole columns of the pool."""
        self.pool = pool
        self.rows = pool.free() if rows is None else rows
        self.number, self.n = dense([c[self.rows] for c in columns])
        self._theirs = pool.theirs[self.rows]
        self.lines = np.bincount(self.number[self._theirs], minlength=self.n)
        self.exps = np.bincount(self.number[~self._theirs], minlength=self.n)

    @property
    def two_sided(self) -> Mask:
        return (self.lines > 0) & (self.exps > 0)

    def sums(self, values: Ints, which: Mask | None = None) -> Ints:
        """Sum per set of a value given per row, of all rows or of some."""
        out = np.zeros(self.n, dtype=np.int64)
        if which is None:
            np.add.at(out, self.number, values)
        else:
            np.add.at(out, self.number[which], values[which])
        return out

    def difference(self) -> Ints:
        """Theirs − ours, per set."""
        return self.sums(self.pool.signed[self.rows])

    def agreeing_refunds(self) -> Mask:
        """Sets in which not both sides name refunds, so that leaving the refund out makes no two refunds one."""
        named = self.pool.refund[self.rows] >= 0
        theirs = np.bincount(self.number[named & self._theirs], minlength=self.n)
        ours = np.bincount(self.number[named & ~self._theirs], minlength=self.n)
        agreeing: Mask = (theirs == 0) | (ours == 0)
        return agreeing

    def of(self, sets: Mask) -> tuple[Ints, Ints]:
        """Rows of the chosen sets, and their set's number among those chosen."""
        inside = sets[self.number]
        again = np.cumsum(sets) - 1
        return self.rows[inside], again[self.number[inside]]

    def repeats(self) -> Mask:
        """Per row: it is a line that repeats an earlier one of its set (same kind, amount and twin)."""
        pool, out = self.pool, np.zeros(len(self.rows), dtype=bool)
        mine = np.flatnonzero(self._theirs)
        if not len(mine):
            return out
        rows = self.rows[mine]
        same, _ = dense([self.number[mine], pool.kind[rows], pool.amount[rows], pool.twin[rows]])
        out[mine] = rank(same, (pool.ids[rows], pool.at[rows])) > 0
        return out


def rank(number: Ints, by: tuple[Ints, ...]) -> Ints:
    """Each row's place (0..) among the rows of its number, in the order of `by` (the last counts most)."""
    order = np.lexsort((*by, number))
    ranked = number[order]
    first = np.ones(len(ranked), dtype=bool)
    first[1:] = ranked[1:] != ranked[:-1]
    start = np.maximum.accumulate(np.where(first, np.arange(len(ranked)), 0))
    out = np.empty(len(ranked), dtype=np.int64)
    out[order] = np.arange(len(ranked)) - start
    return out


def factorized(series: pd.Series) -> tuple[Ints, int]:
    """Codes of a few references; −1: none named."""
    codes, found = pd.factorize(series.astype(object).fillna("").to_numpy(dtype=object))
    codes = codes.astype(np.int64)
    for n, text in enumerate(found):
        if text == "":
            codes[codes == n] = -1
            break
    return codes, len(found)
