"""Every named gap is declared once and passed somewhere, and nothing else is passed."""

from __future__ import annotations

import ast
import importlib

from jobs import gaps
from tests.house.source import calls, files, module, tree


def declared() -> dict[str, str]:
    """``module.NAME`` → gap, for each `NAME = gaps.declare("…")`."""
    found: dict[str, str] = {}
    for path in files("jobs"):
        for node in ast.walk(tree(path)):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=func, args=[first, *_])):
                    if ast.unparse(func).endswith("declare"):
                        found[f"{module(path)}.{name}"] = ast.literal_eval(first)
    return found


def passed() -> set[str]:
    """``module.NAME`` of each `gap(NAME)`."""
    return {
        f"{module(path)}.{ast.unparse(call.args[0])}"
        for path in files("jobs")
        if module(path) != "jobs.gaps"
        for call, name in calls(path)
        if name in ("gap", "gaps.gap") and call.args
    }


def test_gaps_declared_are_gaps_passed() -> None:
    assert set(declared()) == passed()


def test_each_gap_is_declared_once() -> None:
    names = list(declared().values())
    assert sorted(names) == sorted(set(names))


def test_each_gap_names_what_lies_on_both_sides_and_its_sweep() -> None:
    for name in {key.rpartition(".")[0] for key in declared()}:
        importlib.import_module(name)
    assert set(declared().values()) <= set(gaps.GAPS)
    assert all(all(parts) for parts in gaps.GAPS.values())
