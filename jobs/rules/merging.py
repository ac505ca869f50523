"""Which orders share a parcel: same shop, buyer, address and warehouse, within a window, never past their latest time.

Nothing here reads a store. A part of an order is what one warehouse ships of it; an order in two warehouses has two
parts, each a parcel of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from jobs.rules.numbers import base32
from stores.records import (
    FullOrder,
    Membership,
    Order,
    Parcel,
    ParcelState,
    Progress,
    RefundState,
    ShipLine,
    Waiting,
    replace,
)

#: longest key that is kept readable; longer ones are digests
_KEY = 180

#: why an order's part gets a parcel of its own, or no parcel now
CODES: Mapping[str, str] = {
    "merge.alone": "no other order waits under its key",
    "merge.no_key": "the platform gives no key that says who and where, and masked texts make none",
    "merge.split_order": "the order ships from several warehouses: its parts are parcels of their own",
    "merge.no_buyer": "the platform does not say who bought it",
    "merge.flag": "one of its flags never merges",
    "merge.refund": "a refund is asked for or done: it drags no other order along",
    "merge.other_buyer": "same key, but another buyer",
    "merge.unconfirmed": "the platform could not say which orders may merge",
    "merge.not_confirmed": "the platform says that these orders do not share buyer and address",
    "merge.full": "the parcel has as many orders as the settings allow",
    "merge.split_by_hand": "an operator took it out",
    "merge.held": "it is held: it waits, the others go without it",
    "merge.moved": "it is not where it was when it began to wait",
}
#: these do not go into any parcel now
STAYS = frozenset({"merge.held", "merge.moved"})


class Group(NamedTuple):
    """Orders that go into one parcel (or one split order and its parcels)."""

    members: tuple[FullOrder, ...]
    #: warehouses; more than one only for a split order
    warehouses: tuple[str, ...]
    #: why the parcel is made now: ``merge.window`` or ``merge.press``
    reason: str
    #: why nobody else is in it, a code of CODES; empty when several are
    alone: str = ""
    #: the platform must confirm before the members share a parcel
    confirm: bool = False


class Limits(NamedTuple):
    max_orders: int
    never_flags: frozenset[str]


# ------------------------------------------------------------------ waiting


def warehouses_of(full: FullOrder) -> tuple[str, ...]:
    """Where an order's open ship lines come from, by name."""
    only = ""
    for s in full.ship_lines:
        if s.status == "open" and s.warehouse and s.warehouse != only:
            if only:
                return tuple(sorted({s.warehouse for s in full.ship_lines if s.status == "open" and s.warehouse}))
            only = s.warehouse
    return (only,) if only else ()


def waiting_key(order: Order, warehouse: str, *, never: bool) -> str:
    """The key an order's part waits under; `never`: under its own number, so that nobody joins it."""
    text = f"{order.order_no if never else order.merge_key}|{warehouse}|{order.shop}"
    return text if len(text) <= _KEY else f"#{blake2b(text.encode(), digest_size=20).hexdigest()}|{warehouse}"


def never_merges(order: Order, warehouses: Sequence[str]) -> bool:
    """Whether a sourced order can share no parcel whoever comes, so that it need not wait."""
    return len(warehouses) > 1 or not order.merge_key or not order.buyer_key


def waiting_rows(
    order: Order,
    warehouses: Sequence[str],
    *,
    since: datetime,
    window_ends_at: datetime,
    alone: bool = False,
    press: bool = True,
) -> tuple[Waiting, ...]:
    """Rows of the merge-key table for a sourced order, one per warehouse.

    Args:
        alone: wait under its own number, so that nobody joins it.
        press: a near latest time to ship ends the window early.
    """
    never = alone or never_merges(order, warehouses)
    return tuple(
        Waiting(
            key=waiting_key(order, w, never=never), order_no=order.order_no, warehouse=w, shop=order.shop, since=since,
            window_ends_at=window_ends_at, ship_by=order.ship_by if press else None,
        )
        for w in warehouses
    )  # fmt: skip


# ------------------------------------------------------------------ grouping


def stays(full: FullOrder) -> str:
    """Why an order gets no parcel now; empty when it may."""
    if full.order.progress != Progress.SOURCED:
        return "merge.moved"
    return "merge.held" if full.order.held else ""


def alone(full: FullOrder, never_flags: Collection[str]) -> str:
    """Why an order's part shares its parcel with nobody; empty when it may."""
    head = full.order
    if len(full.ship_lines) > 1 and len(warehouses_of(full)) > 1:
        return "merge.split_order"
    if not head.merge_key:
        return "merge.no_key"
    if not head.buyer_key:
        return "merge.no_buyer"
    if head.flags and any(flag in never_flags for flag in head.flags):
        return "merge.flag"
    return "merge.refund" if head.refund_state in (RefundState.ASKED, RefundState.FULL) else ""


def group(
    rows: Sequence[Waiting], fulls: Mapping[str, FullOrder], *, now: datetime, limits: Limits
) -> tuple[list[Group], dict[str, str]]:
    """Group the orders waiting under one key.

    The key is ripe when the window of one of them ended or its latest time presses; then everybody waiting goes.

    Returns:
        The groups in order of their first order's latest time, and order_no → code for those that stay.
    """
    left: dict[str, str] = {}
    single: list[Group] = []
    shared: dict[str, list[FullOrder]] = {}
    reason = "merge.window" if any(r.window_ends_at <= now for r in rows) else "merge.press"
    for row in rows:
        full = fulls.get(row.order_no)
        code = stays(full) if full else "merge.moved"
        if full is None or code or row.warehouse not in (places := warehouses_of(full)):
            left[row.order_no] = code or "merge.moved"
            continue
        code = alone(full, limits.never_flags)
        if code:
            single.append(Group((full,), places, reason, code))
        else:
            shared.setdefault(full.order.buyer_key, []).append(full)
    groups = single
    for members in shared.values():
        groups += _chunked(members, reason, limits.max_orders, several_buyers=len(shared) > 1)
    return sorted(groups, key=lambda g: urgency(g.members[0])) if len(groups) > 1 else groups, left


def _chunked(members: Sequence[FullOrder], reason: str, most: int, *, several_buyers: bool) -> list[Group]:
    ordered = sorted(members, key=urgency) if len(members) > 1 else members
    groups = []
    for at in range(0, len(ordered), most):
        part = tuple(ordered[at : at + most])
        code = "" if len(part) > 1 else "merge.full" if at else "merge.other_buyer" if several_buyers else "merge.alone"
        confirm = len(part) > 1 and any(m.order.merge_confirm for m in part)
        groups.append(Group(part, warehouses_of(part[0]), reason, code, confirm))
    return groups


def urgency(full: FullOrder) -> tuple[bool, float, str]:
    """Sorts by latest time to ship (none: last), then by number."""
    by = full.order.ship_by
    return (by is None, by.timestamp() if by else 0.0, full.order.order_no)


def confirmed(group_: Group, said: Iterable[Collection[str]]) -> list[Group]:
    """Cut a group along what the platform said: sets of platform order numbers that may share a parcel.

    A member that no set names goes alone.
    """
    home = {number: n for n, numbers in enumerate(said) for number in numbers}
    parts: dict[object, list[FullOrder]] = {}
    for member in group_.members:
        number = member.order.platform_order_no
        parts.setdefault(home.get(number, number), []).append(member)
    return [
        group_._replace(members=tuple(p), confirm=False, alone="" if len(p) > 1 else "merge.not_confirmed")
        for p in parts.values()
    ]


def each_alone(group_: Group, code: str) -> list[Group]:
    """A parcel for each member."""
    return [group_._replace(members=(m,), confirm=False, alone=code) for m in group_.members]


# ------------------------------------------------------------------ parcels


def parcel_no(lead: str, warehouse: str, rounds: int) -> str:
    """``P``, 16 characters of a digest, and the lead order's shard. The same group makes the same number again, until
    a merge of one of its members was undone."""
    digest = blake2b(f"{lead}\0{warehouse}\0{rounds}".encode(), digest_size=10).digest()
    return "P" + base32(digest, 16) + lead[-3:]


def parcels(
    group_: Group, carriers: Mapping[str, str], now: datetime, state: ParcelState = ParcelState.PLANNING
) -> tuple[Parcel, ...]:
    """The intended parcels of a group, one per warehouse.

    Raises:
        ValueError: the members do not belong together; nothing of the group may be written.
    """
    check(group_)
    orders = [m.order for m in group_.members]
    numbers = tuple(sorted([o.order_no for o in orders]))
    lead, rounds = numbers[0], sum([o.merge_round for o in orders])
    ship_by = orders[0].ship_by if len(orders) == 1 else min([o.ship_by for o in orders if o.ship_by], default=None)
    return tuple(
        Parcel(
            parcel_no=parcel_no(lead, w, rounds), shop=orders[0].shop, platform=orders[0].platform, warehouse=w,
            state=state, members=numbers, carrier=carriers.get(w, ""), ship_by=ship_by, created_at=now,
            changed_at=now,
        )
        for w in group_.warehouses
    )  # fmt: skip


def check(group_: Group) -> None:
    """The last look before orders of several buyers could share a parcel.

    Raises:
        ValueError: shop, buyer, key or warehouse differ, or a split order is not alone.
    """
    if len(group_.members) == 1:
        return
    for what, values in (
        ("shop", {m.order.shop for m in group_.members}),
        ("buyer_key", {m.order.buyer_key for m in group_.members}),
        ("merge_key", {m.order.merge_key for m in group_.members}),
        ("warehouse", {warehouses_of(m) for m in group_.members} | {group_.warehouses}),
    ):
        if len(values) != 1 or ("" in values and what in ("buyer_key", "merge_key")):
            raise ValueError(f"{what} differs")
    if len(group_.warehouses) != 1:
        raise ValueError("a split order shares no parcel")


def joined(full: FullOrder, made: Sequence[Parcel]) -> tuple[tuple[ShipLine, ...], tuple[Membership, ...]]:
    """What an order gets when it joins its parcels: ship lines that name them, and memberships."""
    by_place = {p.warehouse: p.parcel_no for p in made}
    lines = tuple(
        replace(s, parcel_no=by_place[s.warehouse])
        for s in full.ship_lines
        if s.status == "open" and s.warehouse in by_place
    )
    return lines, tuple(Membership(order_no=full.order.order_no, parcel_no=p.parcel_no) for p in made)


def leaving(full: FullOrder, parcel_nos: Collection[str]) -> tuple[tuple[ShipLine, ...], tuple[Membership, ...]]:
    """What an order gets when it leaves parcels: ship lines that name none, memberships that are over."""
    lines = tuple(replace(s, parcel_no="") for s in full.ship_lines if s.parcel_no in parcel_nos)
    over = tuple(replace(m, active=False) for m in full.memberships if m.parcel_no in parcel_nos and m.active)
    return lines, over


def active_parcels(full: FullOrder) -> frozenset[str]:
    """Numbers of the parcels an order is in."""
    return frozenset(m.parcel_no for m in full.memberships if m.active)
