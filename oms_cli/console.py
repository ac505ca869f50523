"""The only printer: results to stdout, talk to stderr. Tables on a terminal, tab-separated lines in a pipe, JSON on `--json`.

Personal data and secrets are masked here once more, whatever a job handed over.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo

log = logging.getLogger("oms")

#: the zone in which people read times; `office` sets the business zone
zone: ZoneInfo | None = None

#: a time that a job has written out already
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
_NUMBER = re.compile(r"-?[\d,]+(\.\d+)?")
_PERSONAL = ("name", "phone", "mobile", "address", "zip", "cipher")


# ---------------------------------------------------------------- values


def plain(value: Any, *, reveal: bool = False) -> Any:
    """A value as JSON types: records as dicts, enums as words, receivers and tokens masked unless `reveal`."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, Path):
        return str(value)
    names = getattr(type(value), "__struct_fields__", None)
    if names is not None:
        # a record that writes its own repr hides what it holds
        hides = "__repr__" in type(value).__dict__
        return repr(value) if hides else {n: plain(getattr(value, n), reveal=reveal) for n in names}
    if isinstance(value, Mapping):
        return {
            (k if isinstance(k, str) else str(plain(k))): _masked(v) if k == "receiver" and not reveal else plain(v, reveal=reveal)
            for k, v in value.items()
        }  # fmt: skip
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v, reveal=reveal) for v in value]
    return str(value)


def _masked(receiver: Any) -> Any:
    if isinstance(receiver, Mapping):
        return {k: "***" if k in _PERSONAL and v else plain(v) for k, v in receiver.items()}
    return plain(receiver)


def cell(value: Any) -> str:
    """A value as a person reads it in a table: local times, lists with commas, no line breaks or tabs."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S%z")
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return cell(datetime.fromisoformat(value))
    if isinstance(value, Decimal):
        return f"{value:,}" if sys.stdout.isatty() else str(value)
    if isinstance(value, Mapping):
        return " ".join(f"{k}={_inner(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return ",".join(cell(v) for v in value)
    return " ".join(str(plain(value)).split())


def _inner(value: Any) -> str:
    """A table inside a fact, on as little room as possible: ``WH-EAST:SKU-1:2``."""
    if isinstance(value, Mapping):
        return ",".join(f"{k}:{_inner(v)}" for k, v in value.items())
    return cell(value)


# ---------------------------------------------------------------- ways out


def _write(stream: TextIO, text: str) -> None:
    """Write a line; a reader that went away (`| head`) ends us quietly, as the signal would."""
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError:
        # what Python still flushes at its end goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise SystemExit(141) from None


def out(text: str) -> None:
    """A line of result."""
    _write(sys.stdout, text)


def note(text: str) -> None:
    """A line of talk."""
    _write(sys.stderr, text)


def document(value: Any, *, reveal: bool = False, stream: TextIO | None = None) -> None:
    """One JSON document on one line."""
    import msgspec

    _write(stream or sys.stdout, msgspec.json.encode(plain(value, reveal=reveal)).decode())


def watched() -> bool:
    """Whether a person is looking; under cron or in a script nobody is."""
    return sys.stdout.isatty() or sys.stderr.isatty()


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show on a terminal that something is going on."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


@contextmanager
def stepping(what: str) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on a terminal; gives the function that moves it: (text, steps done, steps in all)."""
    if not sys.stderr.isatty():
        yield lambda _text, _done, _all: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(20), TimeElapsedColumn(), TextColumn("{task.fields[text]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None, text="")
        yield lambda text, done, of: bar.update(task, completed=done, total=of, text=text)


# ---------------------------------------------------------------- shapes


def show(
    value: Any, *, json: bool = False, columns: Sequence[str] = (), hide: Sequence[str] = (), reveal: bool = False
) -> int:
    """Show what a job or a question gave, and return the exit code.

    Args:
        value: a Result; or a list (JSON lines); or one document.
        columns: what a table shows, in this order; JSON always has all fields.
        hide: what the tables inside a document leave out.
    """
    if hasattr(value, "outcome") and hasattr(value, "exit_code"):
        return _show_result(value, json=json)
    if isinstance(value, (list, tuple)):
        for item in value if json else ():
            document(item, reveal=reveal)
        if not json:
            table(value, columns=columns)
        return 0
    if json:
        document(value, reveal=reveal)
    else:
        _show_document(plain_keeping_times(value, reveal=reveal), hide)
    return 0


def plain_keeping_times(value: Any, *, reveal: bool = False) -> Any:
    """Like `plain`, with times left as times so that people see them in their zone."""
    if isinstance(value, (datetime, Decimal)):
        return value
    if isinstance(value, Mapping):
        return {
            str(k): _masked(v) if k == "receiver" and not reveal else plain_keeping_times(v, reveal=reveal)
            for k, v in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [plain_keeping_times(v, reveal=reveal) for v in value]
    names = getattr(type(value), "__struct_fields__", None)
    if names is not None and "__repr__" not in type(value).__dict__:
        return {n: plain_keeping_times(getattr(value, n), reveal=reveal) for n in names}
    return plain(value, reveal=reveal)


def table(items: Sequence[Any], *, columns: Sequence[str] = (), title: str = "") -> None:
    """Rows: a table on a terminal, else a header and tab-separated lines."""
    dicts = [row if isinstance(row := plain_keeping_times(i), dict) else {"value": row} for i in items]
    if not dicts:
        if watched():
            note(f"{title}: none" if title else "none")
        return
    names = list(columns) or list(dict.fromkeys(k for d in dicts for k in d))
    lines = [[cell(d.get(n)) for n in names] for d in dicts]
    if sys.stdout.isatty():
        _rich_table(names, lines, title)
        return
    if title:
        out(f"# {title}")
    out("\t".join(names))
    for line in lines:
        out("\t".join(line))


def _rich_table(names: Sequence[str], lines: Sequence[Sequence[str]], title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    used = [n for n, name in enumerate(names) if any(line[n] for line in lines)]
    for n in used:
        numbers = all(_NUMBER.fullmatch(line[n]) for line in lines if line[n])
        made.add_column(names[n], overflow="fold", justify="right" if numbers else "left")
    for line in lines:
        made.add_row(*(Text(line[n]) for n in used))
    Console().print(made)


def _show_document(value: Mapping[str, Any], hide: Sequence[str], indent: str = "") -> None:
    for key, inner in value.items():
        if isinstance(inner, list) and inner and isinstance(inner[0], Mapping):
            out("")
            table([{k: v for k, v in row.items() if k not in hide} for row in inner], title=key)
        elif isinstance(inner, Mapping) and any(isinstance(v, (Mapping, list)) for v in inner.values()):
            out(f"{indent}{key}:")
            _show_document(inner, hide, indent + "  ")
        else:
            out(f"{indent}{key}: {cell(inner) or '-'}")


def _show_result(result: Any, *, json: bool) -> int:
    counts = " ".join(f"{name}={n}" for name, n in result.counts.items())
    line = " · ".join(p for p in (result.job, result.outcome, "dry run" if result.dry_run else "", counts) if p)
    if json:
        document(result)
    else:
        # a run that went well says nothing when nobody looks, also what it held: `oms status` has that
        if result.items and (result.dry_run or result.outcome != "done" or watched()):
            table(result.items, columns=("ref", "did", "reason", "shop", "facts"))
        if sys.stdout.isatty():
            out(line)
        elif watched():
            note(line)
    if not watched():
        log.info("%s run=%s", line, result.run_id)
    if result.error and not json:
        note(f"error: {result.error}")
    if result.exit_code and result.hint and not json and watched():
        note(f"next: {result.hint}")
    return int(result.exit_code)
