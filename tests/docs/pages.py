"""The pages of the docs, cut into their fenced blocks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tests.house.source import ROOT

#: a block, and the words on why it is not run, in the line above it
_BLOCK = re.compile(r"(?:^<!-- not run: (?P<why>[^\n]*?) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.S | re.M)
#: is made from the commands' own help; `tests/house` compares the two and parses every example
GENERATED = "docs/commands.md"


class Block(NamedTuple):
    """One fenced block: what it is of (console, python, toml, json, text), and why it is not run, if so."""

    page: str
    line: int
    kind: str
    text: str
    not_run: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """What is typed."""
        return [x.removeprefix("$ ") for x in self.text.splitlines() if x.startswith("$ ")]


def pages() -> list[str]:
    """README and docs, as paths from the root."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [str(p.relative_to(ROOT)) for p in found if str(p.relative_to(ROOT)) != GENERATED]


def blocks(page: str, kind: str = "") -> list[Block]:
    """The blocks of a page in order, all or of one kind."""
    text = Path(ROOT / page).read_text(encoding="utf-8")
    made = [
        Block(page, text.count("\n", 0, m.start("kind")) + 1, m["kind"], m["text"], m["why"] or "")
        for m in _BLOCK.finditer(text)
    ]
    return [b for b in made if not kind or b.kind == kind]


def typed(page: str) -> list[str]:
    """The commands of a page's console blocks that are run, in the order in which a reader types them."""
    return [c for b in blocks(page, "console") if not b.not_run for c in b.commands]
