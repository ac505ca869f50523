"""What bill readers share: amounts as text, rows that fail alone, sums, and sums compared with the file's own."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache

from adapters.core.fields import CHINA, FieldError, shape_of
from adapters.payments.documents import BillRow

_AMOUNT = re.compile(r"^([+-]?)(\d{1,15})(?:\.(\d{1,5}))?$", re.ASCII)
#: different cells of a file that are kept to be shared by its rows
MOST_WORDS = 20_000
#: problems of single rows are listed up to here, then counted
MOST_PROBLEMS = 200


@lru_cache(maxsize=4096)
def e5(text: str, field: str) -> int:
    """Read an amount in yuan as 1/100000 yuan: bills have fees with five decimals."""
    found = _AMOUNT.match(text.strip())
    if not found:
        raise FieldError(field, "bad_money", f"not an amount: {shape_of(text)}")
    sign, whole, part = found.groups()
    value = int(whole) * 100000 + int((part or "").ljust(5, "0"))
    return -value if sign == "-" else value


def minor(text: str, field: str) -> int:
    """Read an amount in yuan as fen."""
    value = e5(text, field)
    if value % 1000:
        raise FieldError(field, "bad_money", "more than two decimals")
    return value // 1000


def column(name: str) -> str:
    """A column's name as it is compared: full-width brackets and blanks vary from file to file."""
    return unicodedata.normalize("NFKC", name).strip().strip("`\ufeff").strip()


class Columns:
    """Finds cells by column name, where a column may have several names."""

    def __init__(self, header: Sequence[str]) -> None:
        self.names = [column(name) for name in header]
        self._places = {name: n for n, name in enumerate(self.names)}
        self._words: dict[str, str] = {}
        if len(self._places) != len(self.names):
            raise FieldError("header", "layout", "a column comes twice")

    def place(self, *names: str) -> int | None:
        """Where the first of these columns is; None when none is there."""
        return next((self._places[n] for n in names if n in self._places), None)

    def require(self, *names: str) -> int:
        found = self.place(*names)
        if found is None:
            raise FieldError(names[0], "layout", "the column is missing")
        return found

    def row(self, cells: Sequence[str]) -> dict[str, str]:
        if len(cells) != len(self.names):
            raise FieldError("row", "layout", f"{len(cells)} values for {len(self.names)} columns")
        # Most cells say the same in every row: one text serves all of them.
        words = self._words
        if len(words) < MOST_WORDS:
            return {name: words.setdefault(cell, cell) for name, cell in zip(self.names, cells, strict=True)}
        return {name: words.get(cell, cell) for name, cell in zip(self.names, cells, strict=True)}


class Problems:
    """Problems in words, the first `MOST_PROBLEMS` of them, then their number."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.more = 0
        #: reason codes of rows that could not be read
        self.codes: list[str] = []

    def tell(self, text: str) -> None:
        if len(self.told) < MOST_PROBLEMS:
            self.told.append(text)
        else:
            self.more += 1

    def row(self, number: int, error: FieldError) -> None:
        self.codes.append(error.code)
        self.tell(f"row {number}: {error}")

    def compare(self, what: str, told: int, counted: int, scale: int = 1) -> None:
        """Tell when the file says another sum than its rows; `scale`: units of the last place in one of the first."""
        if told != counted:
            show: Callable[[int], str] = (lambda n: str(n)) if scale == 1 else (lambda n: f"{n / scale:.5f}")
            self.tell(f"{what}: the file says {show(told)}, its rows add up to {show(counted)}")

    def all(self) -> list[str]:
        return [*self.told, f"and {self.more} more"] if self.more else list(self.told)


def read_rows(
    lines: Iterable[tuple[int, Sequence[str]]], read: Callable[[int, Sequence[str]], BillRow], problems: Problems, day: date
) -> list[BillRow]:  # fmt: skip
    """Read detail rows, each for itself; one that cannot be read becomes a problem, one of another day is told."""
    rows = []
    for number, cells in lines:
        try:
            row = read(number, cells)
        except FieldError as error:
            problems.row(number, error)
            continue
        if (local := row.at.astimezone(CHINA).date()) != day:
            problems.tell(f"row {number}: of {local}, not of {day}")
        rows.append(row)
    return rows


def trade_totals(rows: Sequence[BillRow]) -> dict[str, int]:
    """Sums over the rows of a trade bill; see `Bill.totals`."""
    paid = [r for r in rows if r.kind == "payment"]
    back = [r for r in rows if r.kind == "refund"]
    return {
        "rows": len(rows),
        "payments": len(paid),
        "refunds": len(back),
        "amount_minor": sum(r.amount_minor for r in paid),
        "settled_minor": sum(r.settled_minor for r in paid),
        "refund_asked_minor": sum(r.amount_minor for r in back),
        "refund_settled_minor": sum(r.settled_minor for r in back),
        "fee_e5": sum(r.fee_e5 for r in rows),
    }


def fund_totals(rows: Sequence[BillRow]) -> dict[str, int]:
    """Sums over the rows of a funds bill."""
    found = {"rows": len(rows)}
    for way in ("in", "out"):
        moved = [r.amount_minor for r in rows if r.direction == way]
        found |= {f"{way}_rows": len(moved), f"{way}_minor": sum(moved)}
    found["net_minor"] = found["in_minor"] - found["out_minor"]
    return found


def half_up(value: int, unit: int) -> int:
    """Round to whole units, halves away from zero."""
    whole = (abs(value) * 2 + unit) // (unit * 2)
    return whole if value >= 0 else -whole


def by_word(table: Mapping[str, str], word: str, default: str) -> str:
    """Look a word up; a word without an entry falls to the first key that it contains."""
    return table.get(word) or next((kind for key, kind in table.items() if key in word), default)
