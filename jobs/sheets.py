"""Tables in files: CSV and xlsx, read as people save them and written so that no cell becomes a formula.

Reading takes UTF-8 with or without a mark and GB18030 (what Chinese spreadsheets save), comma, semicolon or tab.
Writing is whole or not at all: a temporary file beside the target takes its place at the end.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from jobs.errors import BadFile

#: a spreadsheet program takes a text that starts so for a formula or a command
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
#: digits a spreadsheet keeps of a number; a longer one has lost its end
_DIGITS = 15
#: column that an error file adds
REASON = "reason"


class Row(NamedTuple):
    """One row of a file: its line there, its cells by header, and what is wrong with a cell (header → reason code)."""

    line: int
    cells: dict[str, str]
    bad: dict[str, str] = {}


class Sheet(NamedTuple):
    """A table with a header."""

    header: tuple[str, ...]
    rows: list[Row]
    #: the headings as the file has them
    titles: tuple[str, ...] = ()


def safe(value: object) -> object:
    """A cell that no spreadsheet program runs: dangerous texts get an apostrophe in front."""
    if isinstance(value, str) and value.startswith(_DANGEROUS):
        return "'" + value
    return value


def plain(text: str) -> str:
    """The text behind `safe`, as it comes back from a spreadsheet; ``="0012"``, a text saved by a formula, unwrapped."""
    text = text.strip(" ")
    if text.startswith("'") and text[1:].startswith(_DANGEROUS):
        return text[1:].strip()
    text = text.strip()
    return text[2:-1].strip() if len(text) > 3 and text.startswith('="') and text.endswith('"') else text


# ------------------------------------------------------------------ reading


def read(path: Path, aliases: Mapping[str, str], *, need: Sequence[str] = ()) -> Sheet:
    """Read a table.

    Args:
        aliases: header in the file (lower case, trimmed) → our name; other columns keep theirs.
        need: our names that must be there.

    Raises:
        BadFile: not there, no table, unknown encoding, or a column is missing.
    """
    try:
        lines = list(_excel(path) if path.suffix.lower() in (".xlsx", ".xlsm") else _text(path))
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror or error}") from error
    if not lines:
        raise BadFile(f"{path}: it is empty; the first row must name the columns")
    titles = tuple("" if c is None else str(c).strip() for c in lines[0][1])
    header = tuple(aliases.get(t.lower(), t) for t in titles)
    missing = [name for name in need if name not in header]
    if missing:
        raise BadFile(f"{path}: no column {', '.join(missing)}; found: {', '.join(c for c in header if c)}")
    rows = [_row(number, header, cells) for number, cells in lines[1:]]
    return Sheet(header, [row for row in rows if any(row.cells.values())], titles)


def _row(number: int, header: Sequence[str], cells: Sequence[object]) -> Row:
    texts: dict[str, str] = {}
    bad: dict[str, str] = {}
    for name, value in zip(header, cells, strict=False):
        if name:
            texts[name], reason = _cell(value)
            if reason:
                bad[name] = reason
    return Row(number, texts, bad)


def _cell(value: object) -> tuple[str, str]:
    """A cell as text, and what is wrong with it: numbers of a spreadsheet are exact only up to 15 digits."""
    if value is None:
        return "", ""
    if isinstance(value, bool):
        return str(value).lower(), ""
    if isinstance(value, (int, float)):
        whole = isinstance(value, int) or value.is_integer()
        text = str(int(value)) if whole else repr(value)
        return text, "digits_lost" if whole and len(text.lstrip("-")) > _DIGITS else ""
    return plain(str(value)), ""


def _text(path: Path) -> Iterator[tuple[int, list[str]]]:
    data = path.read_bytes()
    text = _decoded(path, data)
    head = text.split("\n", 1)[0]
    delimiter = max((",", "\t", ";"), key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if any(c.strip() for c in cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise BadFile(f"{path}: line {reader.line_num}: {error}") from error


def _decoded(path: Path, data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadFile(f"{path}: neither UTF-8 nor GBK; save it as UTF-8")


def _excel(path: Path) -> Iterator[tuple[int, Sequence[object]]]:
    import zipfile

    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise BadFile(f"{path}: no spreadsheet ({type(error).__name__})") from error
    try:
        sheet = book.worksheets[0]
        for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
            if any(c is not None and str(c).strip() for c in cells):
                yield number, cells
    finally:
        book.close()


# ------------------------------------------------------------------ writing


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], *, private: bool = False) -> int:
    """Write a table as CSV (UTF-8 with mark, so that spreadsheets read it rightly) or, by its name, as xlsx.

    Args:
        private: only the owner may read the file (it holds personal data).

    Returns:
        Rows written, the header not counted.
    """
    with replacing(path, private=private) as part:
        if path.suffix.lower() in (".xlsx", ".xlsm"):
            return _write_excel(part, {"oms": (header, rows)})
        with part.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            count = 0
            for count, row in enumerate(rows, 1):  # noqa: B007 - the last count is the answer
                writer.writerow([safe(v) for v in row])
            return count


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.touch(mode=0o600 if private else 0o644)
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_book(path: Path, tables: Mapping[str, tuple[Sequence[str], Iterable[Sequence[object]]]]) -> int:
    """Write an xlsx with one sheet per table, by title; whole or not at all. Returns the rows of all."""
    with replacing(path) as part:
        return _write_excel(part, tables)


def _write_excel(part: Path, tables: Mapping[str, tuple[Sequence[str], Iterable[Sequence[object]]]]) -> int:
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    count = 0
    for title, (header, rows) in tables.items():
        sheet: Any = book.create_sheet(title)
        sheet.append(list(header))
        for row in rows:
            sheet.append([_excel_cell(sheet, value) for value in row])
            count += 1
    book.save(part)
    return count


def _excel_cell(sheet: Any, value: Any) -> Any:
    from openpyxl.cell import WriteOnlyCell

    made: Any = WriteOnlyCell(sheet, value=value)
    if isinstance(value, str):
        # Text stays text: neither a formula, nor a number that loses its last digits.
        made.data_type = "s"
        made.number_format = "@"
    return made


def errors_path(path: Path) -> Path:
    """Where the rows with errors of a file go: ``waybills.xlsx`` → ``waybills.errors.csv``."""
    return path.with_name(f"{path.stem}.errors.csv")


def write_errors(path: Path, sheet: Sheet, errors: Sequence[tuple[Row, str]]) -> Path | None:
    """Write the rows with errors beside the file, each with its reason, to be corrected and imported again.

    Without errors an error file of an earlier try is removed. Returns the file, or None.
    """
    target = errors_path(path)
    if not errors:
        target.unlink(missing_ok=True)
        return None
    header = [h for h in sheet.header if h and h != REASON]
    write(target, [*header, REASON], [[*(row.cells.get(h, "") for h in header), why] for row, why in errors])
    return target
