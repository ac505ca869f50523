"""Only the console prints."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.house.source import PACKAGES, calls, files, module, tree

CONSOLE = "oms_cli.console"
WAYS = ("print", "typer.echo", "typer.secho", "sys.stdout.write", "sys.stderr.write", "rich.print", "pprint.pprint")


def prints(path: Path) -> list[str]:
    """Places of a file that write to the terminal."""
    said = [f"{module(path)}:{call.lineno} {name}" for call, name in calls(path) if name in WAYS]
    return said + [
        f"{module(path)}:{node.lineno} {ast.unparse(node)}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.stdout"
    ]


def test_only_the_console_prints() -> None:
    assert [p for path in files(*PACKAGES) if module(path) != CONSOLE for p in prints(path)] == []


def test_the_console_does() -> None:
    assert any(prints(path) for path in files("oms_cli") if module(path) == CONSOLE)
