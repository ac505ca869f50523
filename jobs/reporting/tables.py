"""A report as tables: one section as CSV, all of them as sheets of one xlsx. Amounts are decimal numbers beside a currency."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jobs import sheets
from jobs.errors import BadRequest
from jobs.reporting.documents import SECTIONS, Report
from jobs.rules.money import amount

if TYPE_CHECKING:
    from jobs.reporting.documents import Row

Table = tuple[tuple[str, ...], list[list[Any]]]
_MINOR = "_minor"


def table(report: Report, section: str) -> Table:
    """Header and rows of a section; columns that tell no row apart are left out.

    Raises:
        BadRequest: there is no such section.
    """
    kind = SECTIONS.get(section)
    if kind is None:
        raise BadRequest(f"no section {section!r}; there are {', '.join(SECTIONS)}")
    rows: Sequence[Row] = getattr(report, section) or ()
    names = [n for n in kind.__struct_fields__ if n not in _empty(rows)]
    return tuple(_title(n, names) for n in names), [[_value(r, n) for n in names] for r in rows]


def _title(name: str, names: Sequence[str]) -> str:
    """``payable_minor`` is ``payable``; beside a count of that name ``cancelled_minor`` is ``cancelled_amount``."""
    short = name.removesuffix(_MINOR)
    return f"{short}_amount" if short != name and short in names else short


def _empty(rows: Sequence[Row]) -> set[str]:
    """Dimensions that no row has."""
    return {
        n for n in ("day", "hour", "shop", "platform") if not any(getattr(r, n, None) not in (None, "") for r in rows)
    }


def _value(row: Row, name: str) -> Any:
    value = getattr(row, name)
    if name.endswith(_MINOR):
        return amount(value, getattr(row, "currency"))  # noqa: B009 - rows without money have no such column
    return value


def _local(made: Table, zone: str) -> Table:
    """With times as a spreadsheet takes them: without a zone, in the business's."""
    header, rows = made
    place = ZoneInfo(zone)
    return header, [
        [v.astimezone(place).replace(tzinfo=None, microsecond=0) if isinstance(v, datetime) else v for v in row]
        for row in rows
    ]


def write_csv(path: Path, report: Report, section: str) -> int:
    """One section; returns its rows."""
    header, rows = _local(table(report, section), report.zone)
    return sheets.write(path, header, rows)


def write_book(path: Path, report: Report) -> int:
    """Every section as a sheet; returns the rows in all.

    Raises:
        BadRequest: the name is not one of a spreadsheet.
    """
    if path.suffix.lower() != ".xlsx":
        raise BadRequest(f"{path}: a spreadsheet's name ends in .xlsx")
    return sheets.write_book(path, {section: _local(table(report, section), report.zone) for section in SECTIONS})
