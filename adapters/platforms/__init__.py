"""Platforms are found by their file names in this package, and by entry points of the group ``oms.platforms``.

A file that begins with ``_`` or ``base`` is no platform. An entry point names the class, or a module that holds it; its
name is the platform's name. A file of ours wins over an entry point of the same name.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from adapters.errors import UnknownPlatform

if TYPE_CHECKING:
    from adapters.platforms.base import Platform

GROUP = "oms.platforms"


def _files() -> list[str]:
    names = (module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
    return sorted(n for n in names if not n.startswith(("_", "base")))


def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def names() -> list[str]:
    """All platforms, sorted. Imports none of them."""
    return sorted({*_files(), *_entries()})


def find(name: str) -> type[Platform]:
    """Import the adapter of a platform.

    Raises:
        UnknownPlatform: there is none of that name, or what is found there is not an adapter of that name.
    """
    if name in _files():
        found: object = importlib.import_module(f"{__name__}.{name}")
    elif name in _entries():
        found = _entries()[name].load()
    else:
        raise UnknownPlatform(f"{name!r}; known: {', '.join(names())}")
    return _adapter(name, found)


def _adapter(name: str, found: object) -> type[Platform]:
    from adapters.platforms.base import Platform

    candidates = [found] if isinstance(found, type) else list(vars(found).values())
    for candidate in candidates:
        if isinstance(candidate, type) and issubclass(candidate, Platform) and vars(candidate).get("name") == name:
            return candidate
    raise UnknownPlatform(f"{name!r}: no class with that name where it should be")
