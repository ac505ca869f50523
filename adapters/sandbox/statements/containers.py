"""The containers statements come in: CSV in an encoding, zip with names as Windows tools write them, xlsx.

The same rows give the same bytes: times inside the containers are the statement's own.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.sandbox.wire import BEIJING

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

Cell = str | int | float


def csv_text(rows: Sequence[Sequence[Cell]], raw: Collection[int] = ()) -> str:
    """Rows as CSV with Windows line ends; a cell with a comma or quote is quoted, but those at `raw` places never."""
    return "".join(
        ",".join(str(v) if i in raw else _quoted(str(v)) for i, v in enumerate(row)) + "\r\n" for row in rows
    )


def _quoted(text: str) -> str:
    if not any(c in text for c in ',"\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'


class _Entry(zipfile.ZipInfo):
    """A zip entry whose name is written in GBK without the flag for UTF-8, as Alipay's files have it."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode("gbk"), self.flag_bits


def gbk_zip(files: Sequence[tuple[str, bytes]], at: int) -> bytes:
    """A zip of (name, bytes), in that order, its entries dated `at`."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(_dated(_Entry(name, _stamp(at))), data)
    return out.getvalue()


def workbook(sheets: Sequence[tuple[str, Sequence[Sequence[Cell]]]], at: int) -> bytes:
    """An xlsx of (title, rows); numbers are number cells."""
    from openpyxl import Workbook

    book = Workbook()
    book.properties.created = book.properties.modified = datetime.fromtimestamp(at, BEIJING).replace(tzinfo=None)
    first = book.active
    assert first is not None
    for n, (title, rows) in enumerate(sheets):
        sheet: Worksheet = first if n == 0 else book.create_sheet()
        sheet.title = title
        for row in rows:
            sheet.append(list(row))
    raw = io.BytesIO()
    book.save(raw)
    return _redated(raw.getvalue(), at)


def _redated(data: bytes, at: int) -> bytes:
    """The same zip with all entries dated `at`: openpyxl writes the time of the machine, also into its properties."""
    out = io.BytesIO()
    stamp = datetime.fromtimestamp(at, BEIJING).strftime("%Y-%m-%dT%H:%M:%SZ")
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = _same_time(content, stamp)
            new.writestr(_dated(zipfile.ZipInfo(name, _stamp(at))), content)
    return out.getvalue()


def _same_time(core: bytes, stamp: str) -> bytes:
    head, mark, tail = core.partition(b"<dcterms:modified")
    inner, end, rest = tail.partition(b"</dcterms:modified>")
    return head + mark + inner[: inner.index(b">") + 1] + stamp.encode() + end + rest


def _dated(entry: zipfile.ZipInfo) -> zipfile.ZipInfo:
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _stamp(at: int) -> tuple[int, int, int, int, int, int]:
    when = datetime.fromtimestamp(at, BEIJING)
    return when.year, when.month, when.day, when.hour, when.minute, when.second
