"""The command `oms`: finds the command, runs it, and is the one place where an error becomes text and an exit code."""

from __future__ import annotations

import difflib
import importlib
import logging
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from oms_cli import console
from oms_cli.office import given
from oms_cli.tree import CHAPTERS, LINES

WIDTH = max(map(len, LINES))


class Lazy(TyperGroup):
    """A group whose commands are imported on use; its help comes from the table of contents alone."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(LINES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.commands and cmd_name in LINES:
            self.commands[cmd_name] = load(cmd_name)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for chapter, commands in CHAPTERS:
            with formatter.section(chapter):
                # one column for all chapters
                formatter.write_dl([(name.ljust(WIDTH), line) for name, line in commands])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        word = args[0]
        if word not in LINES and not word.startswith("-"):
            near = difflib.get_close_matches(word, LINES, 1)
            ctx.fail(f"no such command: {word}" + (f"; did you mean {near[0]}?" if near else ""))
        return super().resolve_command(ctx, args)


def load(name: str) -> Any:
    """Import the command of that name and build it."""
    module = importlib.import_module(f"oms_cli.commands.{name}")
    made = get_command(module.app)
    made.name = name
    return made


app = typer.Typer(
    cls=Lazy,
    # registers the shells while a shell asks; else it would only add two options to the help
    add_completion="_OMS_COMPLETE" in os.environ,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExamples:\n  oms init\n  oms sync orders --shop 'tmall-*' --since 2h\n  oms order explain NUMBER",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        console.out(f"oms {version('oms')}")
        raise typer.Exit


@app.callback()
def root(
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Settings file.")] = None,
    override: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting; repeatable.")
    ] = None,
    version: Annotated[bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version.")] = False,
) -> None:  # fmt: skip
    """The order back office at the command line: pull, push, source, merge, ship, reconcile, and prove it."""
    from oms_cli.options import pairs

    given.config = config
    given.overrides = pairs(override)
    given.signum = 0


def run(words: list[str]) -> int:
    """Run one command line in this process; returns its exit code and raises what the command raises."""
    value = get_command(app).main(args=words, prog_name="oms", standalone_mode=False)
    return value if isinstance(value, int) else 0


def main(words: list[str] | None = None) -> int:
    """Run one command line; every error is told on stderr (as JSON under `--json`) and becomes an exit code."""
    words = sys.argv[1:] if words is None else words
    json = "--json" in words
    try:
        return run(words)
    except TyperException as error:
        return _usage(error, json=json)
    except Exception as error:
        if not hasattr(error, "exit_code"):
            return _crash(error, json=json)
        return tell(error, json=json)
    finally:
        logging.shutdown()


def tell(error: Any, *, json: bool) -> int:
    """Say what went wrong, where, and what to type next."""
    code, hint, shop = int(error.exit_code), str(getattr(error, "hint", "")), str(getattr(error, "shop", ""))
    if json:
        _as_json(type(error).__name__, str(error), code, hint, shop)
        return code
    console.note(f"error: {error}" + (f" (shop {shop})" if shop else ""))
    if hint:
        console.note(f"next:  {hint}")
    return code


def _usage(error: TyperException, *, json: bool) -> int:
    context: Any = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "oms"
    text = error.format_message()
    if json:
        _as_json("Usage", text, 2, f"{path} --help")
    elif type(error).__name__ == "NoArgsIsHelpError":
        console.note(text)
    else:
        console.note(f"error: {text}")
        console.note(f"next:  {path} --help")
    return 2


def _crash(error: Exception, *, json: bool) -> int:
    """A fault of ours: the whole trace, unless a program reads us."""
    if json:
        last = traceback.extract_tb(error.__traceback__)[-1]
        _as_json(type(error).__name__, f"{error} ({Path(last.filename).name}:{last.lineno})", 1, "")
    else:
        console.note("".join(traceback.format_exception(error)).rstrip())
        console.note("error: oms has a fault; what is above helps to find it")
    return 1


def _as_json(name: str, message: str, code: int, hint: str, shop: str = "") -> None:
    told = {"error": name, "message": message, "exit_code": code, "hint": hint, "shop": shop}
    console.document({k: v for k, v in told.items() if v != ""}, stream=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
