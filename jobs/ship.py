"""parcel ship: labelled parcels leave. Stock is committed, their orders move, and the notices to the platforms are written.

Every step is done once per parcel whatever happened before; the parcel's own state changes last, so that a parcel
stopped half-way is found labelled and gone through again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from adapters.errors import AdapterError
from jobs import gaps
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.errors import JobError
from jobs.results import Item, Result
from jobs.rules import notices as rules
from jobs.rules.shipping import shipped_lines, shipped_progress
from jobs.schema import OWN
from stores.contracts import Change, ParcelChange
from stores.records import Alert, Effect, FullOrder, Parcel, ParcelState, Progress, ShipLine

COMMITTED = gaps.declare(
    "ship.committed",
    before="the parcel's pieces left the stock",
    after="its orders show what was shipped",
    sweep="parcel ship: the parcel is still labelled; the pieces leave once per parcel",
)
MOVED = gaps.declare(
    "ship.moved",
    before="its orders show what was shipped",
    after="the notices are written",
    sweep="parcel ship: the parcel is still labelled; a line shipped with this parcel is not counted again",
)
NOTICED = gaps.declare(
    "ship.noticed",
    before="the notices are written",
    after="the parcel is shipped",
    sweep="parcel ship: the parcel is still labelled; a notice has one key and is written once",
)
#: an order in these may have a parcel that leaves (shipped: a run before this one has moved it)
_LEAVES = frozenset({Progress.MERGED, Progress.PARTLY_SHIPPED, Progress.SHIPPED, Progress.COMPLETED})


def ship(
    env: Env, *, warehouse: str = "", parcels: Sequence[str] = (), limit: int = 0, dry_run: bool = False
) -> Result:
    """Ship what is labelled, in order of parcel numbers."""
    with env.run("parcel ship", dry_run=dry_run, warehouse=warehouse, parcels=parcels, limit=limit) as run:
        for found in _labelled(env, run, warehouse, parcels, limit):
            if dry_run:
                for p in found:
                    run.result.add(Item(ref=p.parcel_no, did="shipped", shop=p.shop, facts={"waybill": p.waybill}))
            else:
                _batch(env, run, found)
            run.beat()
        return run.result


def _labelled(env: Env, run: RunHandle, warehouse: str, named: Sequence[str], limit: int) -> Iterator[Sequence[Parcel]]:
    size, left = env.settings.shipping.batch, limit or 1 << 60
    if named:
        for part in chunks(sorted(set(named))[:left], size):
            known = env.orders.parcels(part)
            for number in part:
                if number not in known:
                    run.result.add(Item(ref=number, did="refused", reason="unknown_parcel"))
                elif known[number].state != ParcelState.LABELLED:
                    did = "same" if known[number].state == ParcelState.SHIPPED else "refused"
                    run.result.add(Item(ref=number, did=did, reason=f"is_{known[number].state}"))
            ready = [p for p in known.values() if p.state == ParcelState.LABELLED]
            if ready:
                yield sorted(ready, key=lambda p: p.parcel_no)
        return
    after = ""
    while left > 0 and not run.stopping:
        found = env.orders.find_parcels(
            states=[ParcelState.LABELLED], warehouse=warehouse, limit=min(size, left), after=after
        )
        if not found:
            return
        after, left = found[-1].parcel_no, left - len(found)
        yield found


def _batch(env: Env, run: RunHandle, parcels: Sequence[Parcel]) -> None:
    orders = load(env, [no for p in parcels for no in p.members])
    may = [p for p in parcels if _may_leave(env, run, p, orders)]
    good = _commit(env, run, may, orders)
    gaps.gap(COMMITTED)
    moved = _move_orders(env, run, good, orders)
    gaps.gap(MOVED)
    done = [p for p in good if all(no in moved for no in p.members)]
    orders |= load(env, [no for p in done for no in p.members])
    env.ledger.intend(notices(env, done, orders))
    gaps.gap(NOTICED)
    changes = [
        ParcelChange(parcel_no=p.parcel_no, expect=p.version, to=ParcelState.SHIPPED, reason="shipped") for p in done
    ]
    shops = {p.parcel_no: p.shop for p in parcels}
    for outcome in env.orders.apply_parcels(changes, run_id=run.id) if changes else ():
        did = "shipped" if outcome.ok else "waiting"
        run.result.add(Item(ref=outcome.key, did=did, reason=outcome.reason, shop=shops[outcome.key]))
    for p in good:
        if p not in done:
            run.result.add(Item(ref=p.parcel_no, did="waiting", reason="order_changed", shop=p.shop))


def load(env: Env, numbers: Sequence[str]) -> dict[str, FullOrder]:
    """Whole orders, read in sets."""
    out: dict[str, FullOrder] = {}
    for part in chunks(sorted(set(numbers)), 500):
        out |= env.orders.load(part)
    return out


def _may_leave(env: Env, run: RunHandle, parcel: Parcel, orders: Mapping[str, FullOrder]) -> bool:
    """A labelled parcel of an order that is over is a person's affair: the goods may be on their way."""
    wrong = {
        no: str(orders[no].order.progress) if no in orders else "unknown"
        for no in parcel.members
        if no not in orders or orders[no].order.progress not in _LEAVES
    }
    if wrong:
        _refuse(env, run, parcel, f"order_is_{next(iter(wrong.values()))}", wrong)
    return not wrong


def _commit(env: Env, run: RunHandle, parcels: Sequence[Parcel], orders: Mapping[str, FullOrder]) -> list[Parcel]:
    """Take the pieces out of stock, once per parcel; returns the parcels whose pieces are out."""
    asked = [(p.parcel_no, p.warehouse, _pieces(p, orders)) for p in parcels]
    good = []
    for parcel, outcome in zip(parcels, env.stock.ship(asked, run_id=run.id) if asked else (), strict=True):
        if outcome.ok:
            good.append(parcel)
        else:
            _refuse(env, run, parcel, outcome.reason, {})
    return good


def _refuse(env: Env, run: RunHandle, parcel: Parcel, reason: str, facts: dict[str, str]) -> None:
    from jobs.alerts import tell

    now = env.clock.now()
    run.result.add(Item(ref=parcel.parcel_no, did="refused", reason=reason, shop=parcel.shop, facts=facts))
    tell(
        env,
        Alert(
            key=f"ship:{parcel.parcel_no}", kind="parcel_not_shipped", title=f"parcel {parcel.parcel_no} cannot be shipped: {reason}",
            facts={"parcel_no": parcel.parcel_no, "shop": parcel.shop, **facts},
            hint=f"oms parcel show {parcel.parcel_no}", first_at=now, last_at=now,
        ),
    )  # fmt: skip


def _pieces(parcel: Parcel, orders: Mapping[str, FullOrder]) -> list[tuple[str, str, int]]:
    """(order_no, sku, pieces) of a parcel, lines of one SKU summed."""
    wanted: dict[tuple[str, str], int] = {}
    for no in parcel.members:
        for s in orders[no].ship_lines:
            if s.parcel_no == parcel.parcel_no and s.status == "open":
                wanted[no, s.sku] = wanted.get((no, s.sku), 0) + s.qty
    return [(no, sku, qty) for (no, sku), qty in sorted(wanted.items())]


def _move_orders(env: Env, run: RunHandle, parcels: Sequence[Parcel], orders: Mapping[str, FullOrder]) -> set[str]:
    """Write what left on the orders; returns those that show it. Several parcels of one order move it once."""
    leaving: dict[str, set[str]] = {}
    for parcel in parcels:
        for no in parcel.members:
            leaving.setdefault(no, set()).add(parcel.parcel_no)
    changes, shown = [], set()
    for no, numbers in sorted(leaving.items()):
        full = orders[no]
        lines = shipped_lines(full, numbers)
        if lines:
            changes.append(_moving(full, numbers, lines))
        else:
            shown.add(no)  # a run before this one has written it
    for part in chunks(changes, 500):
        shown |= {o.key for o in env.orders.apply(part, run_id=run.id) if o.ok}
    return shown


def _moving(full: FullOrder, numbers: set[str], lines: Sequence[ShipLine]) -> Change:
    fresh = {s.ship_no: s for s in full.ship_lines} | {s.ship_no: s for s in lines}
    head = full.order
    # An order that the platform has closed on its side by now keeps that.
    to = shipped_progress(full, list(fresh.values())) if head.progress in _MOVES else head.progress
    whole = [
        msgspec.structs.replace(x, status="shipped")
        for x in full.lines
        if x.status == "open"
        and rules.complete_pieces(x, [s for s in fresh.values() if s.line_no == x.line_no and s.sku]) >= x.qty
    ]
    return Change(
        order_no=head.order_no, expect=head.version, to=to if to != head.progress else None, reason="parcel_left",
        facts={"parcels": sorted(numbers)}, ship_lines=tuple(lines), lines=tuple(whole),
        # `order complete` looks at it at once, and then after its time.
        set={"due_at": None} if to == Progress.SHIPPED else {},
    )  # fmt: skip


_MOVES = frozenset({Progress.MERGED, Progress.PARTLY_SHIPPED})


# ------------------------------------------------------------------ notices


def notices(env: Env, parcels: Sequence[Parcel], orders: Mapping[str, FullOrder]) -> list[Effect]:
    """One record per order line and parcel. A part of a bundle whose rest is still here is recorded as told later."""
    pairs = sorted((no, p.parcel_no, p) for p in parcels for no in p.members)
    told = _told_before(env, [no for no in dict.fromkeys(no for no, _, _ in pairs) if _parcels(orders[no]) > 1])
    can = {shop: _capability(env, shop) for shop in {p.shop for p in parcels}}
    out: list[Effect] = []
    for no, parcel_no, parcel in pairs:
        full = orders[no]
        if full.order.platform == OWN:
            continue
        mine = told.setdefault(no, {})
        others: dict[int, int] = {}
        for (line_no, where), qty in mine.items():
            if where != parcel_no:
                others[line_no] = others.get(line_no, 0) + qty
        partial, parts = can[parcel.shop]
        whole = rules.whole_only(partial=partial, parts_per_order=parts, parcels=_parcels(full))
        for row in rules.told_with(full, parcel_no, others):
            mine.setdefault((row.line_no, parcel_no), row.qty)
            out.append(_effect(env, full, parcel, row, whole=whole))
    return out


def _parcels(full: FullOrder) -> int:
    return sum(m.active for m in full.memberships)


def _capability(env: Env, shop: str) -> tuple[bool, int]:
    """(single lines can be told, parcels per order) of a shop's platform; unknown shops are taken to allow anything."""
    try:
        can = env.platform(shop).capabilities.ship
    except (AdapterError, JobError):
        return True, 0
    return (can.partial, can.parts_per_order) if can else (True, 0)


def _told_before(env: Env, numbers: Sequence[str]) -> dict[str, dict[tuple[int, str], int]]:
    """order → (line_no, parcel_no) → pieces in records that are there already."""
    out: dict[str, dict[tuple[int, str], int]] = {}
    for part in chunks(numbers, 400):
        after = ""
        while page := env.ledger.effects(kind="ship_notice", refs=part, limit=500, after=after):
            after = page[-1].key
            for e in page:
                _, no, line_no, parcel_no = e.key.split(":")
                out.setdefault(no, {})[int(line_no), parcel_no] = int(e.payload["qty"])
    return out


def _effect(env: Env, full: FullOrder, parcel: Parcel, row: rules.Told, *, whole: bool) -> Effect:
    line = next(x for x in full.lines if x.line_no == row.line_no)
    now = env.clock.now()
    return Effect(
        key=rules.effect_key(row.order_no, row.line_no, parcel.parcel_no), kind="ship_notice", shop=full.order.shop,
        ref=row.order_no, group=rules.group_of(row.order_no, parcel.parcel_no, whole=whole),
        payload={
            "platform_order_no": full.order.platform_order_no, "parcel_no": parcel.parcel_no, "carrier": parcel.carrier,
            "waybill": parcel.waybill, "platform_line_no": line.platform_line_no, "listing_id": line.listing_id,
            "product_id": line.product_id, "qty": row.qty, "whole": whole,
        },
        state="intent" if row.qty else "void", answer="" if row.qty else "told_with_its_other_parts",
        settled_at=None if row.qty else now, created_at=now,
    )  # fmt: skip
