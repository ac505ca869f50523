"""Sheets in and out: CSV (UTF-8 with or without mark, GBK) and xlsx, by column name."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.errors import BadFile

#: a cell that begins so is a formula to a spreadsheet program
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def read(path: Path, needed: Sequence[str]) -> list[dict[str, str]]:
    """Rows as texts by column name, blanks around them taken off; empty rows are left out.

    Raises:
        BadFile: not there, not readable, or a needed column is missing.
    """
    try:
        rows = _read_xlsx(path) if path.suffix.lower() == ".xlsx" else _read_csv(path)
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror or error}") from error
    head = list(rows[0]) if rows else []
    missing = [c for c in needed if c not in head]
    if missing:
        raise BadFile(
            f"{path}: column {missing[0]!r} is missing; needed are {', '.join(needed)}; found {', '.join(head) or 'none'}"
        )
    return [row for row in rows if any(row.values())]


def _read_csv(path: Path) -> list[dict[str, str]]:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError as error:
            raise BadFile(f"{path}: neither UTF-8 nor GBK") from error
    return [{(k or "").strip(): _plain(v or "") for k, v in row.items()} for row in csv.DictReader(io.StringIO(text))]


def _read_xlsx(path: Path) -> list[dict[str, str]]:
    from zipfile import BadZipFile

    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, KeyError, ValueError) as error:
        raise BadFile(f"{path}: not a spreadsheet") from error
    try:
        rows = [
            ["" if v is None else str(v).strip() for v in row] for row in book.worksheets[0].iter_rows(values_only=True)
        ]
    finally:
        book.close()
    return [dict(zip(rows[0], [_plain(v) for v in row], strict=False)) for row in rows[1:]] if rows else []


def _plain(text: str) -> str:
    """A cell as text: blanks off, ``="123"`` unwrapped."""
    text = text.strip()
    return text[2:-1] if text.startswith('="') and text.endswith('"') else text


def safe(value: Any) -> Any:
    """A cell that no spreadsheet program takes for a formula; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def write(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a sheet whole or not at all: into a file beside it, then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    table = [[safe(row.get(c, "")) for c in columns] for row in rows]
    if path.suffix.lower() == ".xlsx":
        import openpyxl

        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet("oms")
        sheet.append(list(columns))
        for line in table:
            sheet.append(line)
        book.save(beside)
    else:
        with beside.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows([list(columns), *table])
    os.replace(beside, path)
