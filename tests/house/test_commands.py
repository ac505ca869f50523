"""The command tree: table of contents, files, help, tests and reference agree."""

from __future__ import annotations

import re
from typing import Any

import pytest

from oms_cli import reference
from oms_cli.tree import LINES
from tests.house import owed
from tests.house.source import ROOT

LEAVES = list(reference.leaves())
IDS = [path for path, _, _ in LEAVES]
#: commands whose output is not data
SPEAKS_NO_JSON = {"oms completion"}


def test_the_table_of_contents_lists_exactly_the_command_files() -> None:
    there = {p.stem for p in (ROOT / "oms_cli" / "commands").glob("*.py")} - {"__init__"}
    assert there == set(LINES)


@pytest.mark.parametrize("name", LINES)
def test_the_line_of_help_tells_what_the_command_tells(name: str) -> None:
    command = next(c for path, c, _ in reference.commands() if path == f"oms {name}")
    if hasattr(command, "commands"):
        assert command.help == LINES[name]
    else:
        assert command.help


@pytest.mark.parametrize("name", LINES)
def test_every_command_has_a_test_file(name: str) -> None:
    path = ROOT / "tests" / "commands" / f"test_{name}.py"
    if name in owed.COMMANDS:
        assert not path.exists(), f"paid: take {name} out of tests/house/owed.py"
        return
    assert path.exists(), f"write tests/commands/test_{name}.py"
    assert "def test_" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("path", "command", "context"), LEAVES, ids=IDS)
def test_every_command_has_help_with_an_example_of_itself(path: str, command: Any, context: Any) -> None:
    assert command.help and command.help.splitlines()[0].rstrip().endswith(".")
    assert f"  {path}" in (command.epilog or "") or f"({path}" in (command.epilog or "")


@pytest.mark.parametrize(("path", "command", "context"), LEAVES, ids=IDS)
def test_every_command_speaks_json(path: str, command: Any, context: Any) -> None:
    assert path in SPEAKS_NO_JSON or any("--json" in p.opts for p in command.params)


@pytest.mark.parametrize(("path", "command", "context"), LEAVES, ids=IDS)
def test_every_option_is_explained(path: str, command: Any, context: Any) -> None:
    assert [p.name for p in command.params if not getattr(p, "help", "")] == []


def test_the_reference_is_the_tree() -> None:
    assert reference.TARGET.read_text(encoding="utf-8") == reference.text(), "type: python -m oms_cli.reference"


def test_every_method_of_the_facade_has_a_command() -> None:
    """What scripts can do, commands can do: each public method of `Oms` is called in `oms_cli`."""
    from jobs.api import Oms

    text = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "oms_cli").rglob("*.py"))
    methods = [
        n
        for c in Oms.__mro__[:-1]
        for n, v in vars(c).items()
        if callable(v) and not n.startswith("_") and n != "close"
    ]
    assert [m for m in methods if not re.search(rf"\boms\.{m}\b", text)] == []
