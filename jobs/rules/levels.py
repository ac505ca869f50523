"""How many pieces of a listing a shop shows: floor((on hand − held − demand − safety) × share), between zero and cap."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, Protocol


class Rule(Protocol):
    """Settings `[shops.X.levels]`."""

    @property
    def share(self) -> float: ...
    @property
    def safety(self) -> int: ...
    @property
    def cap(self) -> int: ...
    @property
    def floor(self) -> int: ...


class Component(NamedTuple):
    """One SKU of a listing: pieces in one listing sold, and its counters over the shop's warehouses."""

    sku: str
    qty: int
    on_hand: int
    held: int
    demand: int


class Target(NamedTuple):
    """What to show; `qty` None: nothing is told, see `why`."""

    qty: int | None
    why: str


def free(part: Component, safety: int) -> int:
    """Pieces of a SKU that nobody has a claim on."""
    return max(part.on_hand - part.held - part.demand - safety, 0)


def target(parts: Sequence[Component], rule: Rule, *, stale: bool, last: int | None) -> Target:
    """The level of a listing; a bundle is as deep as its scarcest part.

    Args:
        stale: the shop's orders were not pulled lately, so sold pieces may be missing: a level may fall, never rise.
        last: the level that was confirmed last, None when none was.
    """
    if not parts:
        return Target(None, "unmapped")
    whole = min(free(p, rule.safety) // p.qty for p in parts)
    # The share is a decimal as it was typed: as a float 0.29 × 100 would be 28.
    qty, why = int(whole * Decimal(str(rule.share))), "formula"
    if rule.cap and qty > rule.cap:
        qty, why = rule.cap, "cap"
    if qty < rule.floor:
        qty, why = 0, "floor"
    if stale and (last is None or qty > last):
        return Target(last, "frontier_old")
    return Target(qty, why)
