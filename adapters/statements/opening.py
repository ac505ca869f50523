"""Files as tables of texts: zip, gzip, xlsx, JSON, CSV in GBK or UTF-8, read as a stream.

A table is a list of first rows, in which the header is looked for, and the batches of those that follow. What stands
around the table (titles, totals) is the layout's matter.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from adapters.statements.errors import Cut, NotReadable

#: rows handed over at once: as many as the processor's own memory holds while they are worked on
BATCH = 1_000
#: the header is among so many first rows
HEAD = 60
#: more than this is no statement but a bomb, unpacked bytes
LARGEST = 8 << 30
_MEMBERS = 400
#: bytes cut into lines at once; see BATCH
_BLOCK = 1 << 17
#: a text that goes on over more lines than this is a quote that was never closed
_LINES = 12

#: row numbers as the file's editor counts, and the cells of each; None instead of cells: they cannot be told apart
Chunk = tuple[Sequence[int], list[list[str] | None]]


class Table(NamedTuple):
    """One table of a file."""

    #: of the file, and of the member or sheet within it
    name: str
    #: SHA-256 of the bytes (of a sheet: of the workbook's and its place); to be asked before the rows are read
    hash: Callable[[], str]
    #: the first chunk is of HEAD rows at most
    chunks: Iterator[Chunk]


def tables(path: Path) -> Iterator[Table]:
    """The tables of a file, each to be read to its end (or left) before the next.

    Raises:
        NotReadable: not there, no table in it, or it cannot be unpacked.
    """
    try:
        with path.open("rb") as file:
            yield from _tables(path.name, file)
    except OSError as error:
        raise NotReadable(f"{path.name}: {error.strerror or type(error).__name__}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise Cut(f"{path.name}: damaged or locked ({type(error).__name__})") from error


def _tables(name: str, file: BinaryIO, depth: int = 0) -> Iterator[Table]:
    head = file.read(4)
    file.seek(0)
    if head == b"PK\x03\x04":
        yield from _packed(name, file, depth)
    elif head[:2] == b"\x1f\x8b":
        with gzip.GzipFile(fileobj=file) as inner:
            yield from _tables(name.removesuffix(".gz"), io.BytesIO(_bounded(inner, name)), depth + 1)
    elif not head:
        raise NotReadable(f"{name}: it is empty")
    else:
        yield Table(name, partial(digest, file), _texts(name, file))


def _packed(name: str, file: BinaryIO, depth: int) -> Iterator[Table]:
    with zipfile.ZipFile(file) as packed:
        inside = packed.infolist()
        if any(i.filename == "[Content_Types].xml" for i in inside):
            yield from _sheets(name, file)
            return
        if depth or len(inside) > _MEMBERS or sum(i.file_size for i in inside) > LARGEST:
            raise NotReadable(f"{name}: too much is packed in it")
        for member in inside:
            if member.is_dir() or not member.file_size:
                continue
            with packed.open(member) as inner:
                data = io.BytesIO(_bounded(inner, name))
            yield from _tables(f"{name}!{_gbk(member)}", data, depth + 1)


def _bounded(inner: Any, name: str) -> bytes:
    data: bytes = inner.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise NotReadable(f"{name}: too much is packed in it")
    return data


def _gbk(member: zipfile.ZipInfo) -> str:
    """A member's name: Chinese programs write GBK without saying so."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("gb18030")
    except UnicodeError:
        return member.filename


def digest(file: BinaryIO) -> str:
    """SHA-256 of a file from its beginning; it is left there."""
    file.seek(0)
    found = sha256()
    while block := file.read(1 << 20):
        found.update(block)
    file.seek(0)
    return found.hexdigest()


# ------------------------------------------------------------------ texts


def _texts(name: str, file: BinaryIO) -> Iterator[Chunk]:
    start = file.read(1 << 16)
    file.seek(0)
    encoding = _encoding(start)
    text = start.decode(encoding, errors="ignore")
    if text.lstrip("\ufeff \r\n\t")[:1] in ("{", "["):
        yield from _chunked(_objects(name, file.read().decode(encoding, errors="replace")))
    else:
        yield from _lines(file, encoding, text)


def _chunked(rows: Iterator[tuple[int, list[str] | None]]) -> Iterator[Chunk]:
    size = HEAD
    while part := list(islice(rows, size)):
        yield [n for n, _ in part], [cells for _, cells in part]
        size = BATCH


def _encoding(start: bytes) -> str:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    # the piece may end within a character
    for encoding in ("utf-8-sig", "gb18030"):
        for short in range(4):
            try:
                start[: len(start) - short].decode(encoding)
                return encoding
            except UnicodeDecodeError:
                continue
    # damaged somewhere: the one that reads more of it, and the damaged cells are parked
    return min(("utf-8-sig", "gb18030"), key=lambda e: start.decode(e, errors="replace").count("\ufffd"))


def _lines(file: BinaryIO, encoding: str, start: str) -> Iterator[Chunk]:
    """Cells of a delimited text. Chunks are cut by the C reader; only one that has a torn row is looked at by line."""
    # some pad their cells with tabs: those stand beside a comma and separate nothing
    head = [re.sub(r"\t+(?=,|$)|(?<=,)\t+", "", line) for line in start.splitlines()[:HEAD]]
    delimiter = max(",\t;", key=lambda d: max((line.count(d) for line in head), default=0))
    number = 1
    for lines in _split(file, encoding):
        rows = _cut(lines, delimiter)
        if rows is not None:
            yield range(number, number + len(rows)), rows
        else:
            found = list(_by_line(lines, delimiter, number))
            yield [n for n, _ in found], [cells for _, cells in found]
        number += len(lines)


def _split(file: BinaryIO, encoding: str) -> Iterator[list[str]]:
    """Lines without their ends, many at once: decoding and cutting a block costs a third of asking for line after line."""
    decode = codecs.getincrementaldecoder(encoding)("replace").decode
    rest, end, first = "", "", True
    while block := file.read(_BLOCK):
        text = rest + decode(block)
        end = end or ("\n" if "\n" in text else "\r" if "\r" in text else "")
        if not end:
            rest = text
            continue
        lines = text.split(end)
        rest = lines.pop()
        if first and len(lines) > HEAD:
            yield lines[:HEAD]
            lines = lines[HEAD:]
        first = False
        if lines:
            yield lines
    rest += decode(b"", True)
    if rest:
        yield rest.split(end) if end else [rest]


def _cut(lines: list[str], delimiter: str) -> list[list[str] | None] | None:
    """All rows of a batch at once; None when a row is not a line."""
    try:
        rows: list[list[str] | None] = list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return None
    return rows if len(rows) == len(lines) else None


def _by_line(lines: list[str], delimiter: str, number: int) -> Iterator[tuple[int, list[str] | None]]:
    """Rows of a batch in which a cell goes over lines, or a quote was not closed: then only its own line is lost."""
    wanted = _usual(lines, delimiter)
    at = 0
    while at < len(lines):
        row, took = _one(lines, at, delimiter, wanted)
        yield number + at, row
        at += took


def _usual(lines: Iterable[str], delimiter: str) -> int:
    counts: dict[int, int] = {}
    for line in lines:
        row = _alone(line, delimiter)
        if row:
            counts[len(row)] = counts.get(len(row), 0) + 1
    return max(counts, key=lambda n: counts[n], default=0)


def _one(lines: list[str], at: int, delimiter: str, wanted: int) -> tuple[list[str] | None, int]:
    row = _alone(lines[at], delimiter)
    if row is not None:
        return row, 1
    for took in range(2, _LINES):
        joined = "\n".join(lines[at : at + took])
        row = _alone(joined, delimiter)
        if row is not None and len(row) == wanted:
            return row, took
    return None, 1


def _alone(text: str, delimiter: str) -> list[str] | None:
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else [] if not rows else None


# ------------------------------------------------------------------ spreadsheets


def _sheets(name: str, file: BinaryIO) -> Iterator[Table]:
    import warnings

    import openpyxl

    hashed = digest(file)
    try:
        with warnings.catch_warnings():
            # a workbook without a style of its own is no matter of ours
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    except Exception as error:
        # the library raises whatever its parsers raise
        raise Cut(f"{name}: no spreadsheet ({type(error).__name__})") from error
    try:
        several = len(book.worksheets) > 1
        for n, sheet in enumerate(book.worksheets):
            mine = sha256(f"{hashed}:{n}".encode()).hexdigest() if several else hashed
            yield Table(f"{name}!{sheet.title}" if several else name, partial(str, mine), _chunked(_sheet(name, sheet)))
    finally:
        book.close()


def _sheet(name: str, sheet: Any) -> Iterator[tuple[int, list[str] | None]]:
    rows = sheet.iter_rows(values_only=True)
    number = 0
    while True:
        try:
            cells = next(rows, None)
        except Exception as error:
            # see _sheets
            raise Cut(f"{name}: row {number + 1} of a sheet cannot be read ({type(error).__name__})") from error
        if cells is None:
            return
        number += 1
        yield number, [_cell(c) for c in cells]


def _cell(value: Any) -> str:
    """A cell as text. A whole number of more than 15 digits has lost its end: it is marked so that no id is read of it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if len(str(abs(value))) <= 15 else f"{value}\ufffd"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        return repr(value) if "e" not in repr(value) else f"{value!r}\ufffd"
    if hasattr(value, "isoformat"):
        return str(value.isoformat(sep=" ")) if hasattr(value, "hour") and hasattr(value, "year") else str(value)
    return str(value)


# ------------------------------------------------------------------ JSON


def _objects(name: str, whole: str) -> Iterator[tuple[int, list[str] | None]]:
    """A list of objects somewhere in a JSON document, or one object a line: the keys of all make the header."""
    whole = whole.lstrip("\ufeff")
    try:
        items = _list_in(json.loads(whole, parse_float=str, parse_int=str, parse_constant=str))
        numbers = range(1, len(items) + 1)
    except ValueError:
        lines = [(n, line) for n, line in enumerate(whole.splitlines(), 1) if line.strip()]
        read = [(n, _object(line)) for n, line in lines]
        if not any(isinstance(item, dict) for _, item in read):
            raise NotReadable(f"{name}: no JSON, and no JSON line") from None
        items, numbers = [item for _, item in read], [n for n, _ in read]  # type: ignore[assignment]
    except RecursionError:
        raise NotReadable(f"{name}: nested too deeply") from None
    flat = [dict(_flat(item)) if isinstance(item, dict) else None for item in items]
    header = list(dict.fromkeys(key for item in flat if item for key in item))
    yield 0, header
    for number, item in zip(numbers, flat, strict=True):
        yield number, None if item is None else [item.get(key, "") for key in header]


def _object(line: str) -> Any:
    try:
        return json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None


def _list_in(value: Any) -> list[Any]:
    """The longest list of objects in a document."""
    best: list[Any] = []
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            if len(found) > len(best) and any(isinstance(x, dict) for x in found):
                best = found
            continue
        if isinstance(found, dict):
            waiting += found.values()
    return best


def _flat(item: dict[str, Any], path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """``{"a": {"b": 1}, "c": [{"d": 2}]}`` as ``a.b`` and ``c.0.d``."""
    if depth > 6:
        return
    for key, value in item.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{key}.", depth + 1)
        elif isinstance(value, list):
            yield from _flat({str(n): v for n, v in enumerate(value[:20])}, f"{path}{key}.", depth + 1)
        else:
            yield f"{path}{key}", "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
