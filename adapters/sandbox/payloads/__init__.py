"""The platforms' field trees: an order or a refund of the world as each platform writes it."""

from __future__ import annotations

from typing import Any


def spoil(tree: dict[str, Any], mode: str, fields: dict[str, str]) -> dict[str, Any]:
    """Make one field of a tree unreadable.

    mode: money (not a number), id (missing) or time (no time); `fields`: mode → path with dots.
    """
    if not mode:
        return tree
    *way, last = fields[mode].split(".")
    inner = tree
    for step in way:
        inner = inner.get(step, {})
    if mode == "id":
        inner.pop(last, None)
    else:
        inner[last] = "abc" if mode == "money" else "not-a-time"
    return tree
