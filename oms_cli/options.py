"""The options that commands share, and how their words become values."""

from __future__ import annotations

import getpass
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from jobs.api import Oms

_HELP = {"help_option_names": ["-h", "--help"]}


class Group(TyperGroup):
    """A group whose help gives each command's first line whole, wrapped instead of cut."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        rows = [(name, (command.help or "").strip().splitlines()[0]) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def group(help: str) -> typer.Typer:
    """A command that holds others."""
    made = typer.Typer(
        cls=Group, help=help, add_completion=False, rich_markup_mode=None, no_args_is_help=True, context_settings=_HELP
    )

    # with a callback Typer keeps a group a group, also when it holds one command
    @made.callback()
    def _() -> None:
        pass

    return made


def single() -> typer.Typer:
    """A command that holds none."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=_HELP)


def example(*lines: str) -> str:
    """The examples at the end of a command's help, kept line by line."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


# ---------------------------------------------------------------- completion


def _shops(incomplete: str) -> list[str]:
    from jobs.settings import load

    try:
        return [a for a in load().settings.shops if a.startswith(incomplete)]
    except Exception:
        # while typing there is nobody to tell; the command itself will say it
        return []


def _platforms(incomplete: str) -> list[str]:
    from jobs.shops import platform_names

    return [n for n in platform_names() if n.startswith(incomplete)]


def _warehouses(incomplete: str) -> list[str]:
    from jobs.settings import load

    try:
        return [w for w in load().settings.warehouses if w.startswith(incomplete)]
    except Exception:
        # see _shops
        return []


# ---------------------------------------------------------------- options

Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings file (else OMS_CONFIG, else oms.toml upward).")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document.")]
JsonLines = Annotated[bool, typer.Option("--json", help="JSON lines, one document per row.")]
Shops = Annotated[
    list[str] | None,
    typer.Option("--shop", metavar="GLOB", autocompletion=_shops, help="Only shops with this alias; repeatable."),
]
Platforms = Annotated[
    list[str] | None,
    typer.Option("--platform", metavar="GLOB", autocompletion=_platforms, help="Only shops of this platform; repeatable."),
]  # fmt: skip
OrdersFile = Annotated[
    str, typer.Option("--orders", metavar="FILE|-", help="Read order numbers from a file or stdin, one per line.")
]
Numbers = Annotated[list[str] | None, typer.Argument(metavar="NUMBER", help="Order numbers, ours or the platform's.")]
Since = Annotated[
    str, typer.Option("--since", metavar="WHEN", help="From this time: ISO, or 2h (ago), today, yesterday.")
]
Until = Annotated[str, typer.Option("--until", metavar="WHEN", help="Before this time, same forms.")]
Limit = Annotated[int, typer.Option("--limit", min=0, metavar="N", help="At most so many; 0: all.")]
Top = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most so many rows.")]
Follow = Annotated[
    bool, typer.Option("--follow", help="Stay, and work whenever the bus tells of something; SIGTERM ends it.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Walk the same path, list the items, change nothing.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it, for the record (default: your login).")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the record.")]
Warehouse = Annotated[
    str, typer.Option("--warehouse", metavar="NAME", autocompletion=_warehouses, help="Only this warehouse.")
]


# ---------------------------------------------------------------- values


def names(given: list[str] | None) -> tuple[str, ...]:
    return tuple(given or ())


def who(by: str) -> str:
    """The name that goes on record."""
    return by or getpass.getuser()


def moment(oms: Oms, text: str) -> datetime | None:
    """A time as the user wrote it, on the house's clock and in the business zone; empty is None.

    Raises:
        jobs.errors.BadRequest: it is no time.
    """
    from oms_cli.moments import parse

    return parse(text, now=oms.env.clock.now(), zone=oms.env.settings.business.zone) if text else None


def numbers(given: list[str] | None, file: str) -> tuple[str, ...]:
    """Numbers from the command line and from a file or stdin; blank lines and what follows a # are skipped.

    Raises:
        jobs.errors.BadFile: the file cannot be read, or it holds no number.
    """
    found = list(given or ())
    if file:
        found += _from_file(file)
    return tuple(dict.fromkeys(found))


def some_numbers(given: list[str] | None, file: str, what: str = "NUMBER") -> tuple[str, ...]:
    """Like `numbers`, where at least one is needed."""
    from jobs.errors import BadRequest

    found = numbers(given, file)
    if not found:
        raise BadRequest(f"say which: {what} or a file of them")
    return found


def _from_file(file: str) -> list[str]:
    from jobs.errors import BadFile

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{file}: {error}", hint=f"ls -l {file}") from error
    found = [word for line in text.splitlines() if (word := line.split("#")[0].strip().split("\t")[0].strip())]
    if not found:
        raise BadFile(f"{file}: no number in it", hint="oms order list --json | jq -r .order_no")
    return found


def pairs(given: list[str] | None) -> dict[str, str]:
    """``name=value`` words as a dict.

    Raises:
        jobs.errors.BadRequest: a word has no ``=``.
    """
    from jobs.errors import BadRequest

    made: dict[str, str] = {}
    for word in given or ():
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise BadRequest(f"{word!r} is not NAME=VALUE")
        made[name.strip()] = value
    return made


def pieces(given: list[str] | None) -> dict[str, int]:
    """``SKU=PIECES`` words as a dict.

    Raises:
        jobs.errors.BadRequest: a word has no ``=`` or its pieces are no positive whole number.
    """
    from jobs.errors import BadRequest

    made: dict[str, Any] = {}
    for sku, text in pairs(given).items():
        if not text.isdecimal() or int(text) == 0:
            raise BadRequest(f"{sku}={text}: pieces are a whole number above zero")
        made[sku] = int(text)
    return made
