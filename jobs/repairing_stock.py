"""The acts that repair what `comparing_stock` found, each a compensating step and each once per plan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from jobs import gaps
from jobs.batches import chunks
from jobs.comparing_stock import UNDO, Difference
from jobs.env import Env, RunHandle
from jobs.intake import demand_of
from jobs.push import want_all
from jobs.results import Item
from stores.contracts import Change
from stores.records import Demand, FullOrder, Progress, StockMove

FREED = gaps.declare(
    "reconcile.freed",
    before="what an order with too little stock still held was given back",
    after="the order goes back to be sourced",
    sweep="reconcile stock again: the order still counts on stock that nothing holds",
)
BACK = gaps.declare(
    "reconcile.back",
    before="the order is audited again",
    after="its demand is written",
    sweep="order source: an audited order is given stock whether or not its demand was counted",
)
SIZE = 500


def repair(env: Env, run: RunHandle, plan_hash: str, found: Sequence[Difference]) -> list[Item]:
    """Carry out the acts of these differences; orders and reservations first, so that counters follow what is left."""
    by_act: dict[str, list[Difference]] = {}
    for d in found:
        by_act.setdefault(d.act, []).append(d)
    out: list[Item] = []
    for part in chunks(by_act.get("unwant", []), SIZE):
        outcomes = env.stock.unwant([d.do["order_no"] for d in part])
        out += [_item(d, o.result, o.reason, o.ok) for d, o in zip(part, outcomes, strict=True)]
    for part in chunks(by_act.get("want", []), SIZE):
        # An order that holds stock by now keeps its demand: the store refuses.
        want_all(env, [(d.do["order_no"], d.do["wants"]) for d in part])
        out += [_item(d, "done", "", True) for d in part]
    for part in chunks(by_act.get("release", []), SIZE):
        ids = [(d.do["reservation"], d.do["warehouse"]) for d in part]
        released = env.stock.release(ids, run_id=run.id)
        out += [_item(d, o.result, o.reason, o.ok) for d, o in zip(part, released, strict=True)]
    moving = [*by_act.get("undo", []), *by_act.get("hold", [])]
    first = _first_times(env, {(d.do["warehouse"], d.do["sku"]) for d in by_act.get("undo", [])})
    for part in chunks(moving, SIZE):
        moved = env.stock.move([_move(d, plan_hash, first, env.clock.now()) for d in part], run_id=run.id)
        out += [_item(d, o.result, o.reason, o.ok) for d, o in zip(part, moved, strict=True)]
    for part in chunks(by_act.get("source_again", []), SIZE):
        out += _source_again(env, run, part)
    return out


def _first_times(env: Env, places: set[tuple[str, str]]) -> dict[tuple[str, str], datetime]:
    """When each place had its first entry."""
    out: dict[tuple[str, str], datetime] = {}
    if places:
        for batch in env.stock.journal():
            for e in batch:
                place = (e.warehouse, e.sku)
                if place in places:
                    out[place] = min(out.get(place, e.at), e.at)
    return out


def _move(d: Difference, plan_hash: str, first: dict[tuple[str, str], datetime], now: datetime) -> StockMove:
    """The compensating movement. One that undoes a counter's own change bears the place's first time: it moved no
    piece, so a count with a later as-of time must not add it again."""
    place = (d.do["warehouse"], d.do["sku"])
    key = f"{UNDO if d.act == 'undo' else 'reconcile:held:'}{plan_hash[:32]}"
    numbers: dict[str, Any] = {f: d.do[f] for f in ("on_hand", "held", "defective") if f in d.do}
    return StockMove(
        key=key, kind="adjust", warehouse=place[0], sku=place[1], ref=plan_hash[:32], reason=d.reason,
        at=first.get(place, now) if d.act == "undo" else now, **numbers,
    )  # fmt: skip


def _source_again(env: Env, run: RunHandle, part: Sequence[Difference]) -> list[Item]:
    """Put sourced orders back to audited, with what they still hold given back, so that they are sourced anew."""
    numbers = [d.do["order_no"] for d in part]
    fulls = env.orders.load(numbers)
    rest = [
        (r.reservation_id, r.warehouse)
        for rs in env.stock.reservations(numbers).values()
        for r in rs
        if r.state == "open"
    ]
    if rest:
        env.stock.release(rest, run_id=run.id)
    gaps.gap(FREED)
    changes = [_back(fulls[d.ref], d.expect["version"]) for d in part]
    outcomes = {o.key: o for o in env.orders.apply(changes, run_id=run.id)}
    gaps.gap(BACK)
    moved = env.orders.load([no for no, o in outcomes.items() if o.ok])
    demands = [
        Demand(order_no=no, sku=sku, qty=qty)
        for no, f in moved.items()
        for sku, qty in demand_of(f.order, f.ship_lines).items()
    ]
    if demands:
        env.stock.want(demands)
    return [_item(d, outcomes[d.ref].result, outcomes[d.ref].reason, outcomes[d.ref].ok) for d in part]


def _back(full: FullOrder, expect: int) -> Change:
    return Change(
        order_no=full.order.order_no, expect=expect, to=Progress.AUDITED, reason="reconcile.order_without_stock",
        set={"intent": ()}, waiting=(),
        ship_lines=tuple(
            msgspec.structs.replace(s, warehouse="") for s in full.ship_lines if s.status == "open" and not s.shipped_qty
        ),
    )  # fmt: skip


def _item(d: Difference, result: str, reason: str, ok: bool) -> Item:
    did = "repaired" if ok else "skipped"
    return Item(ref=d.ref, did=did, reason=d.reason if ok else reason or result, shop=d.shop, facts={"act": d.act})
