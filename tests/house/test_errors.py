"""Errors: every class has its exit code, a hint that can be typed, and a line in the docs."""

from __future__ import annotations

import ast
import importlib
import re
from collections import defaultdict

import pytest

from adapters.errors import AdapterError
from jobs.errors import JobError
from stores.errors import StoreError
from tests.house.source import PACKAGES, ROOT, files, module, tree

#: family → its exit codes
FAMILIES = {AdapterError: range(10, 20), StoreError: range(20, 30), JobError: (2, 4, *range(30, 40))}
#: codes that several unrelated classes share, because the caller does the same next
SHARED = {2: "the words or the settings must change", 13: "the shop needs a valid access token"}


def classes() -> list[type[Exception]]:
    """Every error class of the product, each once."""
    found: list[type[Exception]] = []
    for path in files(*PACKAGES):
        if path.name == "__main__.py" or not any(isinstance(n, ast.ClassDef) and n.bases for n in tree(path).body):
            continue
        own = vars(importlib.import_module(module(path))).values()
        found += [
            c for c in own if isinstance(c, type) and issubclass(c, tuple(FAMILIES)) and c.__module__ == module(path)
        ]
    return found


CLASSES = classes()


def test_there_are_errors_of_every_family() -> None:
    assert all(any(issubclass(c, family) for c in CLASSES) for family in FAMILIES)


@pytest.mark.parametrize("error", CLASSES, ids=lambda c: c.__name__)
def test_an_exit_code_lies_in_its_family(error: type[Exception]) -> None:
    family = next(f for f in FAMILIES if issubclass(error, f))
    assert error.exit_code in FAMILIES[family]  # type: ignore[attr-defined]


@pytest.mark.parametrize("error", CLASSES, ids=lambda c: c.__name__)
def test_the_first_line_of_the_docstring_is_the_message(error: type[Exception]) -> None:
    assert (error.__doc__ or "").strip().splitlines()[0].endswith(".")


def test_an_exit_code_means_one_thing() -> None:
    by_code: dict[int, list[type[Exception]]] = defaultdict(list)
    for error in CLASSES:
        by_code[error.exit_code].append(error)  # type: ignore[attr-defined]
    clashes = {
        code: [c.__name__ for c in found]
        for code, found in by_code.items()
        if code not in SHARED and not any(all(issubclass(c, top) for c in found) for top in found)
    }
    assert clashes == {}


def test_the_docs_list_every_exit_code_with_its_error() -> None:
    page = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    rows = {(int(code), name) for code, name in re.findall(r"^\| (\d+) \| `(\w+)` \|", page, re.M)}
    assert rows == {(e.exit_code, e.__name__) for e in CLASSES}  # type: ignore[attr-defined]
