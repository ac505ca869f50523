"""A file's rows by a layout, as tuples in batches. Whole columns are read at once; a row is looked at only when it is bad."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from adapters.statements.errors import NotReadable
from adapters.statements.layout import Layout
from adapters.statements.opening import Chunk, Table, tables
from adapters.statements.rows import Rows, same_name

#: a file whose first rows are all bad is read by the wrong layout
_HOPELESS = 50


class Line(NamedTuple):
    """One movement of money. A wide row gives several, with one row number."""

    #: as an editor counts, from 1; JSON: of the object
    row_no: int
    kind: str
    order_ref: str
    refund_ref: str
    #: the row's own number at the platform
    ref: str
    #: what comes to us is positive
    amount_minor: int
    currency: str
    #: epoch milliseconds
    at: int
    status: str
    #: JSON list of the cells that were not used, by `raw_columns`
    raw: str
    fingerprint: bytes


class Parked(NamedTuple):
    """A row that could not be read. Reasons: cells, damaged, time, amount, no_amount, sum_differs, direction,
    direction_disagrees, reference, currency."""

    row_no: int
    column: str
    reason: str
    cells: dict[str, str]


class Statement:
    """One table of a file, found to be of a layout. Read `batches` to the end, then look at `parked`."""

    def __init__(self, table: Table, layout: Layout, header: list[str], rest: Iterator[Chunk], hash: str) -> None:
        self.name, self.hash, self.layout = table.name, hash, layout
        self._rows = Rows(layout, header)
        self._rest = rest
        self.raw_columns = self._rows.raw_columns
        self.parked: list[Parked] = []

    def batches(self) -> Iterator[list[tuple[object, ...]]]:
        """Lines in the order of the file, as plain tuples of `Line`.

        Raises:
            NotReadable: the layout does not fit after all, or the file is damaged further on.
        """
        any_good = False
        for chunk in self._rest:
            good, bad = self._rows.read(*chunk)
            self.parked += [Parked(*b) for b in bad]
            any_good = any_good or bool(good)
            if not any_good and len(self.parked) >= _HOPELESS:
                first = self.parked[0]
                raise NotReadable(
                    f"{self.name}: layout {self.layout.name} does not fit: row {first.row_no}, {first.column}: {first.reason}"
                )
            yield good


def statements(path: Path, layouts: Sequence[Layout]) -> Iterator[Statement]:
    """The statements in a file: of its tables those whose columns one of the layouts knows.

    Where tables of several layouts are in one file (sheets that tell the same money twice), only those of the layout
    with the least rank are read. Each must be read to its end before the next is asked for.

    Raises:
        NotReadable: no table fits; says which known columns were found.
    """
    fitting: dict[int, Layout] = {}
    seen: list[str] = []
    for n, table in enumerate(tables(path)):
        _, head = next(table.chunks, ((), []))
        found = _fit(head, layouts)
        if found is not None:
            fitting[n] = found[1]
        seen.append(f"{table.name}: {_told(head, layouts)}")
    if not fitting:
        raise NotReadable(f"no layout fits. Found {' | '.join(seen)[:400]}")
    least = min(x.rank for x in fitting.values())
    for n, table in enumerate(tables(path)):
        if n in fitting and fitting[n].rank == least:
            yield _statement(table, fitting[n])


def _statement(table: Table, layout: Layout) -> Statement:
    hashed = table.hash()
    numbers, head = next(table.chunks, ((), []))
    found = _fit(head, [layout])
    if found is None:
        raise NotReadable(f"{table.name}: changed while it was read")
    at = found[0]
    rest: Chunk = (numbers[at + 1 :], head[at + 1 :])
    return Statement(table, layout, head[at] or [], chain((rest,), table.chunks), hashed)


def _fit(head: Sequence[list[str] | None], layouts: Sequence[Layout]) -> tuple[int, Layout] | None:
    """Where the header is, and whose: the first row that has all columns of one; of several the one that needs most."""
    for n, cells in enumerate(head):
        names = {same_name(c) for c in cells or ()}
        fits = [x for x in layouts if all(same_name(need) in names for need in x.need)]
        if fits:
            return n, min(fits, key=lambda x: (-len(x.need), x.rank, x.name))
    return None


def _told(head: Sequence[list[str] | None], layouts: Sequence[Layout]) -> str:
    """What of a table could be a header: names that a layout knows. Other cells may be anybody's and are not told."""
    known = {same_name(need) for x in layouts for need in x.need}
    best = max((sorted(known & {same_name(c) for c in row}) for row in head if row), key=len, default=[])
    width = max((len(row) for row in head if row), default=0)
    return f"{width} columns, of the known ones {', '.join(best) or 'none'}"
