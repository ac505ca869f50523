"""Rules that hold an order for a person. Each looks at one order and finds something, or nothing.

A finding is a reason code and the facts that led to it. Its facts say which circumstance was seen, never personal
data: a person's release stands for that code with those facts, so that another circumstance holds anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from stores.records import FullOrder, Mark, RefundState, ShipLine

#: every code of an audit hold begins so
PREFIX = "audit."


class Finding(NamedTuple):
    """Why an order must be seen by a person. `facts` hold plain JSON values only."""

    code: str
    facts: dict[str, Any]


class Limits(NamedTuple):
    """The settings of the rules; an empty value switches its rule off."""

    #: currency → minor units
    amount_above: Mapping[str, int]
    #: minor units; 0: any unexplained rest holds
    unexplained_above: int
    remark_patterns: tuple[re.Pattern[str], ...]
    any_buyer_remark: bool
    blacklist: frozenset[str]
    address_words: tuple[str, ...]
    hold_flags: frozenset[str]


class Deciding(NamedTuple):
    """One row of the table of doubts: a mark with this reason, on a field like this, decides something."""

    why: str
    field: re.Pattern[str]
    decides: str


def _row(why: str, field: str, decides: str) -> Deciding:
    return Deciding(why, re.compile(field), decides)


#: Doubts that would decide money, state or shipping. What is not here is shown by `explain` only. `sum_differs` is
#: left out: it is the unexplained rest, which has a rule of its own with a limit.
DECIDING: tuple[Deciding, ...] = (
    _row("float_money", r".*", "money"),
    _row("unit_unproven", r".*(payable|paid|goods|freight|unit)_minor", "money"),
    _row("not_sent", r"(payable|paid)_minor", "money"),
    _row("unknown_status", r".*", "state"),
    _row("float_id", r".*", "shipping"),
    _row("not_sent", r"receiver(\..*)?|lines\[\d+\]\.(qty|listing_id)", "shipping"),
    _row("derived", r"receiver(\..*)?|lines\[\d+\]\.(qty|listing_id)", "shipping"),
)

Rule = Callable[[FullOrder, Limits], Finding | None]


def amount(full: FullOrder, limits: Limits) -> Finding | None:
    """Payable above the limit of its currency."""
    head = full.order
    above = limits.amount_above.get(head.currency, 0)
    if not above or head.payable_minor <= above:
        return None
    facts = {"payable_minor": head.payable_minor, "currency": head.currency, "above": above}
    return Finding("audit.amount", facts)


def unexplained(full: FullOrder, limits: Limits) -> Finding | None:
    """A rest of the money that no named part explains."""
    rest = full.order.unexplained_minor
    if abs(rest) <= limits.unexplained_above:
        return None
    return Finding("audit.unexplained", {"unexplained_minor": rest, "above": limits.unexplained_above})


def remark(full: FullOrder, limits: Limits) -> Finding | None:
    """A remark that fits one of the patterns. The facts name pattern and side, not the words."""
    for pattern in limits.remark_patterns:
        for side, text in (("buyer", full.buyer_remark), ("seller", full.seller_remark)):
            if text and pattern.search(text):
                return Finding("audit.remark", {"pattern": pattern.pattern, "side": side, "digest": _digest(text)})
    return None


def buyer_remark(full: FullOrder, limits: Limits) -> Finding | None:
    """Any remark of the buyer, where the settings want it seen."""
    if not limits.any_buyer_remark or not full.buyer_remark.strip():
        return None
    return Finding("audit.buyer_remark", {"digest": _digest(full.buyer_remark)})


def blacklist(full: FullOrder, limits: Limits) -> Finding | None:
    """A buyer on the list."""
    key = full.order.buyer_key
    return Finding("audit.blacklist", {"buyer_key": key}) if key and key in limits.blacklist else None


def address(full: FullOrder, limits: Limits) -> Finding | None:
    """A listed word in the coarse address."""
    if not limits.address_words:
        return None
    region = full.order.region
    for part in ("province", "city", "district", "town"):
        text = getattr(region, part)
        for word in limits.address_words:
            if word in text:
                return Finding("audit.address", {"word": word, "part": part, "text": text})
    return None


def refund_pending(full: FullOrder, limits: Limits) -> Finding | None:
    """A refund that is asked for or done in full, or that paid back part of a line which would still ship.

    A line refunded in full whose goods are off the list needs nobody: the rest ships.
    """
    state = full.order.refund_state
    if state == RefundState.NONE:
        return None
    touched = {x.line_no for x in full.lines if x.refund_state != RefundState.NONE}
    if state == RefundState.PARTLY and not any(s.line_no in touched and s.status == "open" for s in full.ship_lines):
        return None
    cases = {r.platform_refund_no: r.asked_at.isoformat() for r in full.refunds}
    return Finding("audit.refund_pending", {"refund_state": str(state), "lines": sorted(touched), "cases": cases})


def unmapped(full: FullOrder, limits: Limits) -> Finding | None:
    """A line whose listing is no SKU of ours."""
    for s in full.ship_lines:
        if not s.sku and s.status == "open":
            break
    else:
        return None
    lines = {s.line_no for s in full.ship_lines if s.status == "open" and not s.sku}
    named = sorted({x.code or x.listing_id for x in full.lines if x.line_no in lines})
    return Finding("audit.unmapped", {"lines": sorted(lines), "listings": named})


def nothing_to_ship(full: FullOrder, limits: Limits) -> Finding | None:
    """An order without an open ship line."""
    for s in full.ship_lines:
        if s.status == "open":
            return None
    return Finding("audit.nothing_to_ship", {"ship_lines": len(full.ship_lines)})


def platform_hold(full: FullOrder, limits: Limits) -> Finding | None:
    """The platform forbids shipping and no hold of its own says so any more.

    Push opens a hold named ``platform`` with the flag; who released that one by hand has decided already.
    """
    if "platform_hold" not in full.order.flags or any(h.code == "platform" for h in full.holds):
        return None
    return Finding("audit.platform_hold", {"flags": [f for f in full.order.flags if f.startswith("hold_")]})


def doubt(full: FullOrder, limits: Limits) -> Finding | None:
    """A field we doubt that would decide money, state or shipping."""
    if not full.order.marks:
        return None
    found = sorted([m.field, m.why, d] for m in full.order.marks if (d := decides(m)))
    return Finding("audit.doubt", {"marks": found}) if found else None


def decides(mark: Mark) -> str:
    """What a doubtful field decides: money, state, shipping, or nothing (empty)."""
    return _decides(mark.why, mark.field)


@lru_cache(maxsize=4096)
def _decides(why: str, field: str) -> str:
    """Few doubts stand in many orders."""
    return next((row.decides for row in DECIDING if row.why == why and row.field.fullmatch(field)), "")


def flags(full: FullOrder, limits: Limits) -> list[Finding]:
    """One finding per flag that the settings hold: ``audit.presale`` and the like."""
    return [Finding(PREFIX + flag, {"flag": flag}) for flag in full.order.flags if flag in limits.hold_flags]


RULES: tuple[Rule, ...] = (
    amount, unexplained, remark, buyer_remark, blacklist, address, refund_pending, unmapped, nothing_to_ship, platform_hold,
    doubt,
)  # fmt: skip
#: no release lets these pass: there is nothing that could be shipped
INSISTENT = frozenset({"audit.unmapped", "audit.nothing_to_ship"})


def findings(full: FullOrder, limits: Limits) -> list[Finding]:
    """Everything the rules find, whatever was released before; in the order of the rules."""
    found = [f for rule in RULES if (f := rule(full, limits))]
    return found + flags(full, limits) if limits.hold_flags and full.order.flags else found


def standing(full: FullOrder, found: Iterable[Finding]) -> list[Finding]:
    """Findings that hold the order: those a person released with the same facts are left out."""
    released = [(h.code, h.facts) for h in full.holds if h.released_at is not None]
    return [f for f in found if f.code in INSISTENT or (f.code, f.facts) not in released]


def limits(
    *, amount_above: Mapping[str, int], unexplained_above: int, remark_patterns: Sequence[str], any_buyer_remark: bool,
    blacklist: Sequence[str], address_words: Sequence[str], hold_flags: Sequence[str],
) -> Limits:  # fmt: skip
    """Limits from settings; the patterns are compiled once.

    Raises:
        ValueError: a pattern is no regular expression; the message names it.
    """
    compiled = []
    for text in remark_patterns:
        try:
            compiled.append(re.compile(text))
        except re.error as error:
            raise ValueError(f"remark pattern {text!r}: {error}") from error
    return Limits(
        dict(amount_above), unexplained_above, tuple(compiled), any_buyer_remark, frozenset(blacklist),
        tuple(w for w in address_words if w), frozenset(hold_flags),
    )  # fmt: skip


def unshipped_refunds(full: FullOrder) -> tuple[ShipLine, ...]:
    """Open ship lines of order lines whose money went back in full: they must not leave."""
    back = {x.line_no for x in full.lines if x.refund_state == RefundState.FULL}
    return tuple(s for s in full.ship_lines if s.line_no in back and s.status == "open" and not s.shipped_qty)


def _digest(text: str) -> str:
    """Tells one text from another without showing it."""
    return blake2b(text.encode(), digest_size=4).hexdigest()
