"""Payment channels are found by their file names in this package, and by entry points of the group ``oms.channels``.

A file that begins with ``_`` or ``base``, and `documents`, is no channel. An entry point names the class, or a module that
holds it; its name is the channel's name. A file of ours wins over an entry point of the same name.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from adapters.errors import UnknownPlatform

if TYPE_CHECKING:
    from adapters.payments.base import Channel

GROUP = "oms.channels"


def _files() -> list[str]:
    names = (module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
    return sorted(n for n in names if n != "documents" and not n.startswith(("_", "base")))


def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def names() -> list[str]:
    """All channels, sorted. Imports none of them."""
    return sorted({*_files(), *_entries()})


def find(name: str) -> type[Channel]:
    """Import the adapter of a channel.

    Raises:
        UnknownPlatform: there is none of that name, or what is found there is not an adapter of that name.
    """
    if name in _files():
        found: object = importlib.import_module(f"{__name__}.{name}")
    elif name in _entries():
        found = _entries()[name].load()
    else:
        raise UnknownPlatform(f"payment channel {name!r}; known: {', '.join(names())}")
    return _adapter(name, found)


def _adapter(name: str, found: object) -> type[Channel]:
    from adapters.payments.base import Channel

    candidates = [found] if isinstance(found, type) else list(vars(found).values())
    for candidate in candidates:
        if isinstance(candidate, type) and issubclass(candidate, Channel) and vars(candidate).get("name") == name:
            return candidate
    raise UnknownPlatform(f"{name!r}: no payment channel with that name where it should be")
