"""parcel ship: labelled parcels leave. Stock is committed, their orders move, and the notices to the platforms are written.

Every step is done once per parcel whatever happened before; the parcel's own state changes last, so that a parcel
stopped half-way is found labelled and gone through again.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from jobs import gaps
from jobs.env import Env, RunHandle
from jobs.results import Item, Result
from jobs.rules.shipping import shipped_lines, shipped_progress
from stores.contracts import Change, ParcelChange
from stores.records import Effect, FullOrder, Parcel, ParcelState

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


def ship(
    env: Env, *, warehouse: str = "", parcels: Sequence[str] = (), limit: int = 0, dry_run: bool = False
) -> Result:
    """Ship what is labelled, in order of parcel numbers."""
    with env.run("parcel ship", dry_run=dry_run, warehouse=warehouse, parcels=parcels, limit=limit) as run:
        after, left = "", limit or 1 << 60
        while left > 0 and not run.stopping:
            size = min(env.settings.shipping.batch, left)
            if parcels:
                found = [
                    p
                    for p in env.orders.parcels(parcels).values()
                    if p.state == ParcelState.LABELLED and p.parcel_no > after
                ]
                found = sorted(found, key=lambda p: p.parcel_no)[:size]
            else:
                found = env.orders.find_parcels(
                    states=[ParcelState.LABELLED], warehouse=warehouse, limit=size, after=after
                )
            if not found:
                break
            after, left = found[-1].parcel_no, left - len(found)
            if dry_run:
                for p in found:
                    run.result.add(Item(ref=p.parcel_no, did="shipped", shop=p.shop))
            else:
                _batch(env, run, found)
            run.beat()
        return run.result


def _batch(env: Env, run: RunHandle, parcels: Sequence[Parcel]) -> None:
    orders = env.orders.load(sorted({no for p in parcels for no in p.members}))
    asked = [(p.parcel_no, p.warehouse, _pieces(p, orders)) for p in parcels]
    good: list[Parcel] = []
    for parcel, outcome in zip(parcels, env.stock.ship(asked, run_id=run.id), strict=True):
        if outcome.ok:
            good.append(parcel)
        else:
            run.result.add(Item(ref=parcel.parcel_no, did="refused", reason=outcome.reason, shop=parcel.shop))
    gaps.gap(COMMITTED)
    moved = _move_orders(env, run, good, orders)
    gaps.gap(MOVED)
    done = [p for p in good if all(no in moved for no in p.members)]
    env.ledger.intend([e for p in done for e in notices(env, p, orders)])
    gaps.gap(NOTICED)
    changes = [
        ParcelChange(parcel_no=p.parcel_no, expect=p.version, to=ParcelState.SHIPPED, reason="shipped") for p in done
    ]
    shops = {p.parcel_no: p.shop for p in parcels}
    for outcome in env.orders.apply_parcels(changes, run_id=run.id):
        did = "shipped" if outcome.ok else "waiting"
        run.result.add(Item(ref=outcome.key, did=did, reason=outcome.reason, shop=shops[outcome.key]))
    for p in good:
        if p not in done:
            run.result.add(Item(ref=p.parcel_no, did="waiting", reason="order_changed", shop=p.shop))


def _pieces(parcel: Parcel, orders: dict[str, FullOrder]) -> list[tuple[str, str, int]]:
    """(order_no, sku, pieces) of a parcel, lines of one SKU summed."""
    wanted: dict[tuple[str, str], int] = {}
    for no in parcel.members:
        for s in orders[no].ship_lines:
            if s.parcel_no == parcel.parcel_no and s.status == "open":
                wanted[no, s.sku] = wanted.get((no, s.sku), 0) + s.qty
    return [(no, sku, qty) for (no, sku), qty in sorted(wanted.items())]


def _move_orders(env: Env, run: RunHandle, parcels: Sequence[Parcel], orders: dict[str, FullOrder]) -> set[str]:
    """Write what left on the orders; returns those that show it. Several parcels of one order move it once."""
    leaving: dict[str, set[str]] = {}
    for parcel in parcels:
        for no in parcel.members:
            leaving.setdefault(no, set()).add(parcel.parcel_no)
    changes, shown = [], set()
    for no, numbers in sorted(leaving.items()):
        full = orders[no]
        lines = shipped_lines(full, numbers)
        if not lines:
            shown.add(no)  # a run before this one has written it
            continue
        fresh = {s.ship_no: s for s in full.ship_lines} | {s.ship_no: s for s in lines}
        to = shipped_progress(full, list(fresh.values()))
        out = {s.line_no for s in fresh.values() if s.status == "open" and not s.shipped_qty}
        changes.append(
            Change(
                order_no=no, expect=full.order.version, to=to if to != full.order.progress else None, reason="parcel_left",
                facts={"parcels": sorted(numbers)}, ship_lines=lines,
                lines=tuple(
                    msgspec.structs.replace(x, status="shipped")
                    for x in full.lines
                    if x.status == "open" and x.line_no in {s.line_no for s in lines} and x.line_no not in out
                ),
            )
        )  # fmt: skip
    return shown | {o.key for o in env.orders.apply(changes, run_id=run.id) if o.ok}


def notices(env: Env, parcel: Parcel, orders: dict[str, FullOrder]) -> list[Effect]:
    """One record per order line and parcel; rows of one order and parcel make one notice."""
    out = []
    for no in parcel.members:
        full = orders[no]
        if full.order.platform == "own":
            continue
        known = {x.line_no: x for x in full.lines}
        for line_no in sorted(
            {s.line_no for s in full.ship_lines if s.parcel_no == parcel.parcel_no and s.status == "open"}
        ):
            line = known[line_no]
            out.append(
                Effect(
                    key=f"ship:{no}:{line_no}:{parcel.parcel_no}", kind="ship_notice", shop=parcel.shop, ref=no,
                    group=f"{no}:{parcel.parcel_no}",
                    payload={
                        "platform_order_no": full.order.platform_order_no, "parcel_no": parcel.parcel_no, "carrier": parcel.carrier,
                        "waybill": parcel.waybill, "platform_line_no": line.platform_line_no, "listing_id": line.listing_id,
                        "product_id": line.product_id, "qty": line.qty,
                    },
                    created_at=env.clock.now(),
                )
            )  # fmt: skip
    return out
