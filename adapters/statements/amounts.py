"""The amounts of rows: one, or the parts of a wide row, which must add up to the total it states."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adapters.statements.cells import Reader, amount_reader, decimal_of, exponent, fits, plain
from adapters.statements.layout import Layout, Names, Part

Columns = list[Sequence[str]]
#: sign and place of each term
_Terms = list[tuple[int, int]]


class Amounts:
    """Parts of rows as minor units."""

    def __init__(self, layout: Layout, place: Callable[[Names], int | None]) -> None:
        self._layout = layout
        self._parts = [(p.kind, _terms(p, place)) for p in layout.parts]
        self._total = _terms(layout.total, place) if layout.total else []
        self._named = [_name(p) for p in layout.parts]
        self.columns = [
            n for p in [*layout.parts, *([layout.total] if layout.total else [])] for n in (*p.plus, *p.minus)
        ]
        self._direction = place(layout.direction.column) if layout.direction else None
        if layout.direction:
            self.columns.append(layout.direction.column)
            self._into, self._out = fits(layout.direction.into), fits(layout.direction.out)
        #: one part and nothing to compare it with: a line per row
        self.is_plain = len(self._parts) == 1 and layout.total is None
        self._readers: dict[tuple[int, str], Reader] = {}
        self._decimal = "" if layout.decimal == "auto" else layout.decimal
        self._whole: list[int] = []

    def of(
        self, columns: Columns, currency: Sequence[str], wrong: dict[int, tuple[str, str]]
    ) -> list[tuple[str, list[int]]]:
        """(kind, minor units per row) per part; rows that cannot be read are added to `wrong`."""
        parts = [(kind, self._sum(columns, terms, currency, wrong)) for kind, terms in self._parts]
        if self.is_plain:
            kind, minors = parts[0]
            self._missing(columns, self._parts[0][1], minors, wrong)
            return [(kind, self._directed(columns, minors, wrong))]
        sums = [sum(values) for values in zip(*(minors for _, minors in parts), strict=True)]
        if not self._total:
            self._missing(columns, [t for _, terms in self._parts for t in terms], sums, wrong)
            self._whole = sums
            return parts
        total = self._sum(columns, self._total, currency, wrong)
        self._missing(columns, self._total, total, wrong)
        self._whole = self._directed(columns, total, wrong)
        for i, (told, parted) in enumerate(zip(self._whole, sums, strict=True)):
            if told != parted and any(minors[i] for _, minors in parts):
                wrong.setdefault(i, (_name(self._layout.total), "sum_differs"))
        return parts

    def rest(self, row: int) -> int:
        """What a row without parts states as a whole; of the rows read last."""
        return self._whole[row]

    def _sum(
        self, columns: Columns, terms: _Terms, currency: Sequence[str], wrong: dict[int, tuple[str, str]]
    ) -> list[int]:
        total: list[int] | None = None
        for sign, place in terms:
            minors = self._column(columns[place], currency, wrong)
            if total is None:
                total = minors if sign > 0 else [-m for m in minors]
            else:
                total = [t + sign * m for t, m in zip(total, minors, strict=True)]
        return total if total is not None else [0] * len(currency)

    def _column(self, cells: Sequence[str], currency: Sequence[str], wrong: dict[int, tuple[str, str]]) -> list[int]:
        if not "".join(cells).strip():
            return [0] * len(cells)
        first = currency[0]
        if currency.count(first) == len(currency):
            found = list(map(self._reader(first, cells).__getitem__, cells))
        else:
            found = [self._reader(k, cells)[c] for c, k in zip(cells, currency, strict=True)]
        if None in found:
            for i, minor in enumerate(found):
                if minor is None:
                    wrong.setdefault(i, ("amount", "damaged" if "\ufffd" in cells[i] else "amount"))
            return [m or 0 for m in found]
        return found

    def _reader(self, currency: str, cells: Sequence[str]) -> Reader:
        digits = exponent(currency)
        if not self._decimal:
            self._decimal = decimal_of(cells, digits)
        key = (digits, self._decimal)
        if key not in self._readers:
            self._readers[key] = amount_reader(self._layout.unit, *key)
        return self._readers[key]

    def _missing(
        self, columns: Columns, terms: _Terms, minors: Sequence[int], wrong: dict[int, tuple[str, str]]
    ) -> None:
        """A row in which every amount is empty says nothing."""
        if not terms:
            return
        places = sorted({place for _, place in terms})
        for i, minor in enumerate(minors):
            if not minor and not any(columns[p][i].strip() for p in places):
                wrong.setdefault(i, (self._named[0], "no_amount"))

    def _directed(self, columns: Columns, minors: list[int], wrong: dict[int, tuple[str, str]]) -> list[int]:
        """Give amounts their sign by the direction column, or check the one they have."""
        if self._direction is None or self._layout.direction is None:
            return minors
        signed, name = self._layout.direction.signed, _first(self._layout.direction.column)
        out: list[int] = []
        for i, (cell, minor) in enumerate(zip(columns[self._direction], minors, strict=True)):
            word = plain(cell)
            sign = 1 if self._into(word) else -1 if self._out(word) else 0
            if not sign:
                wrong.setdefault(i, (name, "direction"))
            elif (signed and minor * sign < 0) or (not signed and minor < 0):
                wrong.setdefault(i, (name, "direction_disagrees"))
            out.append(minor if signed else minor * sign)
        return out


def _terms(part: Part, place: Callable[[Names], int | None]) -> _Terms:
    signed = [(1, n) for n in part.plus] + [(-1, n) for n in part.minus]
    return [(sign, at) for sign, names in signed if (at := place(names)) is not None]


def _first(names: Names) -> str:
    return names if isinstance(names, str) else names[0]


def _name(part: Part | None) -> str:
    return "+".join(_first(n) for n in (*part.plus, *part.minus)) if part else ""
