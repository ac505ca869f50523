"""Statements of platforms, read by layouts that are data: one table per way a platform writes them (`layouts/*.toml`).

`read` opens a file (CSV, xlsx, JSON, zip, gzip), finds the layout that fits its columns, and hands over its rows as
tuples in batches; a row that cannot be read is parked with its place and reason, the others go in.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from adapters.statements.errors import NotReadable
from adapters.statements.layout import Layout, load

__all__ = ["Layout", "NotReadable", "all_layouts", "basis", "find", "of_platform"]

FOLDER = Path(__file__).parent / "layouts"


@cache
def _kept() -> tuple[Layout, ...]:
    return tuple(load(path) for path in sorted(FOLDER.glob("*.toml")))


def all_layouts(more: Path | None = None) -> dict[str, Layout]:
    """Every layout by name; one in the folder `more` (`*.toml`) takes the place of ours of the same name.

    Raises:
        NotReadable: a file of that folder is no layout; says which, where, and what is wrong.
    """
    found = {layout.name: layout for layout in _kept()}
    if more is not None and more.is_dir():
        found |= {layout.name: layout for layout in map(load, sorted(more.glob("*.toml")))}
    return found


def of_platform(platform: str, layouts: Iterable[Layout]) -> list[Layout]:
    """A platform's layouts, the one to prefer first."""
    return sorted((x for x in layouts if platform in (x.platform, *x.also)), key=lambda x: (x.rank, x.name))


def find(name: str, layouts: dict[str, Layout]) -> Layout:
    """A layout by its name.

    Raises:
        NotReadable: there is none; says which there are.
    """
    if name not in layouts:
        raise NotReadable(f"no layout {name!r}; there are: {', '.join(sorted(layouts))}")
    return layouts[name]


def basis(platform: str, layouts: Iterable[Layout]) -> str:
    """When a platform states an order's money: ``paid`` or ``completed``."""
    found = of_platform(platform, layouts)
    return found[0].basis if found else "paid"
