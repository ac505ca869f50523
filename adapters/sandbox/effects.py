"""What the outside may do to the world: ship, set levels, answer refunds. Each says in one word what became of it.

Accepted effects are written to the book with their request id; a repeat of one changes nothing and is written as a
repeat; what is refused is written as a refusal. The dialects turn the words into their platform's answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from adapters.sandbox import carriers, life, traits
from adapters.sandbox.state import Line, Order, Parcel, Refund
from adapters.sandbox.world import World


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """One parcel of a ship notice. `carrier` is the platform's code; `lines` None: everything still to be shipped."""

    carrier: str
    waybill: str
    lines: tuple[tuple[str, int], ...] | None = None


def ship(world: World, platform: str, no: str, boxes: Sequence[Box], request_id: str) -> str:
    """Ship parcels of one order, all or none.

    Returns:
        ``done``; ``already`` (these very parcels are known); else why not: ``no_order``, ``no_carrier``,
        ``bad_waybill``, ``waybill_used``, ``not_paid``, ``held``, ``closed``, ``shipped`` (with other parcels),
        ``no_line``, ``line_closed``, ``too_many``, ``refunding``, ``empty``.
    """
    order = world.find(platform, no)
    word, parcels = ("no_order", []) if order is None else _boxes(world, order, boxes)
    if order is not None and word == "done":
        _apply(world, order, parcels, request_id)
    elif word == "already":
        world.book.write(
            "repeat", effect="ship", platform=platform, order=no, request_id=request_id, parcels=_told(order, parcels)
        )
    else:
        world.book.write("refusal", effect="ship", platform=platform, order=no, request_id=request_id, code=word)
    return word


def add_parcels(world: World, platform: str, no: str, boxes: Sequence[Box], request_id: str) -> str:
    """Name further parcels of an order that was shipped as a whole; its goods count as being in the first one.

    Returns:
        ``done``; ``already``; else why not: ``no_order``, ``not_shipped``, ``no_carrier``, ``bad_waybill``, ``empty``.
    """
    order = world.find(platform, no)
    word, parcels = ("no_order", []) if order is None else _boxes(world, order, boxes)
    if order is not None and word not in ("already", "no_carrier", "bad_waybill", "empty"):
        word = "done" if order.parcels and not any(x.left for x in order.lines) else "not_shipped"
    facts = {"effect": "ship", "platform": platform, "order": no, "request_id": request_id}
    if order is None or word not in ("done", "already"):
        world.book.write("refusal", code=word, **facts)
        return word
    told: dict[str, Any] = {"parcels": _told(order, parcels), "pieces": {}}
    if word == "done":
        for parcel in parcels:
            world.waybills.setdefault(parcel.waybill, order.receiver.key)
        order.parcels = [*order.parcels, *parcels]
        world.changed(order)
        told |= {"state": order.state, "version": order.version}
    world.book.write("effect" if word == "done" else "repeat", **facts, **told)
    return word


def _boxes(world: World, order: Order, boxes: Sequence[Box]) -> tuple[str, list[Parcel]]:
    """Judge every box against the order; the parcels they become."""
    if not boxes:
        return "empty", []
    parcels: list[Parcel] = []
    left = {x.no: x.left for x in order.lines}
    for box in boxes:
        carrier = carriers.find(order.platform, box.carrier)
        if carrier is None:
            return "no_carrier", []
        if not carrier.takes(box.waybill):
            return "bad_waybill", []
        asked = box.lines if box.lines is not None else tuple((no, qty) for no, qty in left.items() if qty)
        parcels.append(Parcel(carrier=carrier.code, waybill=box.waybill, at=world.now, lines=asked))
        for no, qty in asked:
            left[no] = left.get(no, 0) - qty
    if _all_known(order, parcels):
        return "already", parcels
    return _judge(world, order, parcels), parcels


def _all_known(order: Order, parcels: Sequence[Parcel]) -> bool:
    """Whether the order has each of these parcels already; one that names no line matches by its waybill."""
    have = {(p.carrier, p.waybill): dict(p.lines) for p in order.parcels}
    for parcel in parcels:
        known = have.get((parcel.carrier, parcel.waybill))
        if known is None or (parcel.lines and dict(parcel.lines) != known):
            return False
    return True


def _judge(world: World, order: Order, parcels: Sequence[Parcel]) -> str:
    states = {
        "unpaid": "not_paid",
        "deposit": "not_paid",
        "held": "held",
        "cancelled": "closed",
        "shipped": "shipped",
        "completed": "shipped",
    }
    if order.state in states:
        return states[order.state]
    left = {x.no: x.left for x in order.lines}
    if not any(p.lines for p in parcels):
        return "shipped"
    for parcel in parcels:
        used_for = world.waybills.get(parcel.waybill, order.receiver.key)
        if used_for != order.receiver.key and traits.find(order.platform).unique_waybills:
            return "waybill_used"
        for no, qty in parcel.lines:
            line = order.line(no)
            word = _judge_line(order, line, qty, left)
            if word:
                return word
            left[no] -= qty
    return "done"


def _judge_line(order: Order, line: Line | None, qty: int, left: dict[str, int]) -> str:
    if line is None:
        return "no_line"
    if line.closed:
        return "line_closed"
    if line.refund != "none" and traits.find(order.platform).strict:
        return "refunding"
    if qty < 1 or qty > left[line.no]:
        return "too_many"
    return ""


def _apply(world: World, order: Order, parcels: Sequence[Parcel], request_id: str) -> None:
    for parcel in parcels:
        if world.waybills.setdefault(parcel.waybill, order.receiver.key) != order.receiver.key:
            world.book.write(
                "suspect",
                why="waybill_of_another_receiver",
                platform=order.platform,
                order=order.no,
                waybill=parcel.waybill,
                request_id=request_id,
            )
        for no, qty in parcel.lines:
            line = order.line(no)
            assert line is not None
            line.shipped_qty += qty
            _refund_after_all(world, order, line)
    order.parcels = [*order.parcels, *parcels]
    life.shipped(world, order)
    world.changed(order)
    told = _told(order, parcels)
    total: dict[str, int] = {}
    for box in told:
        for sku, qty in box["pieces"].items():
            total[sku] = total.get(sku, 0) + qty
    world.book.write(
        "effect",
        effect="ship",
        platform=order.platform,
        order=order.no,
        request_id=request_id,
        parcels=told,
        pieces=total,
        state=order.state,
        version=order.version,
    )


def _refund_after_all(world: World, order: Order, line: Line) -> None:
    """A refund asked before shipping becomes one after it, because the goods left all the same."""
    refund = world.refunds.get((order.platform, line.refund_no)) if line.refund == "asked" else None
    if refund is not None and refund.kind == "before_shipping":
        refund.kind, refund.modified = "refund_only", world.now


def _told(order: Order | None, parcels: Sequence[Parcel]) -> list[dict[str, Any]]:
    """Parcels as the book tells them, with the pieces of each SKU inside."""
    told = []
    for parcel in parcels:
        pieces: dict[str, int] = {}
        for no, qty in parcel.lines:
            line = order.line(no) if order is not None else None
            for sku, n in line.listing.pieces(qty).items() if line is not None else ():
                pieces[sku] = pieces.get(sku, 0) + n
        told.append(
            {
                "carrier": parcel.carrier,
                "waybill": parcel.waybill,
                "lines": [list(x) for x in parcel.lines],
                "pieces": pieces,
            }
        )
    return told


def level(
    world: World, platform: str, listing: str, qty: int, request_id: str, *, delta: bool = False, key: str = ""
) -> str:
    """Publish a level: absolute, or as a delta that never goes below zero.

    Returns:
        ``done``, ``no_listing``, ``negative``, or ``repeated`` (this key was applied before; nothing changed).
    """
    facts = {
        "effect": "level",
        "platform": platform,
        "listing": listing,
        "qty": qty,
        "delta": delta,
        "request_id": request_id,
    }
    known = any(x.listing == listing for x in world.catalogue.listings[platform])
    if not known or (qty < 0 and not delta):
        word = "negative" if known else "no_listing"
        world.book.write("refusal", code=word, **facts)
        return word
    if key and (platform, key) in world.applied:
        world.book.write("repeat", **facts)
        return "repeated"
    if key:
        world.applied.add((platform, key))
    before = world.levels.get((platform, listing), 0)
    after = max(0, before + qty) if delta else qty
    world.levels[platform, listing] = after
    world.book.write("effect", before=before, after=after, **facts)
    return "done"


#: what the seller may say to a refund, by (act, kind, status): the refund's next step
_AGREE = {("before_shipping", "asked"): "pay", ("refund_only", "asked"): "pay", ("return", "asked"): "send"}


def answer_refund(world: World, platform: str, no: str, act: str, request_id: str, *, reason: str = "") -> str:
    """Answer a refund: `act` is agree, refuse or received.

    Returns:
        ``done``; ``already`` (it stands so); ``no_refund``; ``bad_state`` (the act does not fit its state).
    """
    refund = world.refunds.get((platform, no))
    facts = {
        "effect": "refund",
        "platform": platform,
        "refund": no,
        "act": act,
        "request_id": request_id,
        "reason": reason,
    }
    if refund is None:
        world.book.write("refusal", code="no_refund", **facts)
        return "no_refund"
    order = world.orders[platform, refund.order_no]
    word = _answer(world, order, refund, act)
    kind = {"done": "effect", "already": "repeat"}.get(word, "refusal")
    if word == "done":
        world.changed(order)
    code = {"code": word} if kind == "refusal" else {}
    world.book.write(kind, order=order.no, status=refund.status, amount=refund.amount, **code, **facts)
    return word


def _answer(world: World, order: Order, refund: Refund, act: str) -> str:
    if act == "refuse":
        if refund.status == "refused":
            return "already"
        if refund.status not in ("asked", "returned"):
            return "bad_state"
        life.close_refund(world, order, refund, "refused", "seller")
        return "done"
    if act == "received":
        if refund.status == "done":
            return "already"
        if refund.kind != "return" or refund.status not in ("agreed", "returned"):
            return "bad_state"
        life.pay_back(world, order, refund, "seller")
        return "done"
    if refund.status == "done" or (refund.kind == "return" and refund.status in ("agreed", "returned")):
        return "already"
    step = _AGREE.get((refund.kind, refund.status))
    if step is None:
        return "bad_state"
    if step == "pay":
        life.pay_back(world, order, refund, "seller")
    else:
        life.agree(world, order, refund, "seller")
    return "done"
