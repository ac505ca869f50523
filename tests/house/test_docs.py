"""The docs: links lead somewhere, every page can be reached from the README."""

from __future__ import annotations

import re
from pathlib import Path

from tests.house.source import ROOT

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def links(page: Path) -> list[Path]:
    """Local files a page links to."""
    found = LINK.findall(page.read_text(encoding="utf-8"))
    return [(page.parent / target).resolve() for target in found if "://" not in target]


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_links_lead_somewhere() -> None:
    assert [(p.name, str(t)) for p in pages() for t in links(p) if not t.exists()] == []


def test_every_page_can_be_reached() -> None:
    reached = {ROOT / "README.md"}
    waiting = [ROOT / "README.md"]
    while waiting:
        for target in links(waiting.pop()):
            if target.suffix == ".md" and target not in reached:
                reached.add(target)
                waiting.append(target)
    assert [str(p.relative_to(ROOT)) for p in pages() if p not in reached] == []
