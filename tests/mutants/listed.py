"""The list of mutants: what is broken, where, and the test that must notice."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import NamedTuple

LIST = Path(__file__).with_name("mutants.toml")
ROOT = Path(__file__).parent.parent.parent


class Mutant(NamedTuple):
    """One breakage of one line. `killed_by`: node id of the test that turns red; empty: not known yet."""

    name: str
    file: str
    before: str
    after: str
    why: str
    killed_by: str = ""


class BadMutant(ValueError):
    """A mutant that does not fit the product any more; the text says how."""


def load(path: Path = LIST) -> list[Mutant]:
    """The mutants in the list's order."""
    return [Mutant(**row) for row in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]]


def mutated(mutant: Mutant, text: str) -> str:
    """The file's text with the one breakage in it.

    Raises:
        BadMutant: the line is not there exactly once, or nothing would change.
    """
    if "\n" in mutant.before + mutant.after or mutant.before == mutant.after:
        raise BadMutant(f"{mutant.name}: before and after must be two pieces of one line")
    there = text.count(mutant.before)
    if there != 1:
        raise BadMutant(f"{mutant.name}: stands {there} times in {mutant.file}: {mutant.before}")
    return text.replace(mutant.before, mutant.after)
