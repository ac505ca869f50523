"""What becomes of the orders of a parcel that a warehouse stopped.

An order whose change asked for the stop waits with a hold. Its document has been written meanwhile, so nobody comes
back to it: it is cancelled when the platform closed it or paid it back, else the rules look at it again. The others
were sourced again with the stop and merge anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from adapters.documents import OrderDocument
from jobs import changing, gaps
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.intake import Translator, demand_of
from jobs.listings import Listings
from jobs.push import want_all
from jobs.results import Item
from jobs.storing import inbox_key
from stores.contracts import Change
from stores.records import FullOrder, Parcel, Progress, RefundState

FREED = gaps.declare(
    "stopped.freed",
    before="the stock of a stopped order was given back",
    after="the order is cancelled, or audited again",
    sweep="parcel import of the same answers: the order still waits with its hold; stock is given back once",
)
MOVED = gaps.declare(
    "stopped.moved",
    before="a stopped order is cancelled or waits for its audit",
    after="its demand is what it should be",
    sweep="order source: an order is given stock whether or not its demand was counted; reconcile stock names the rest",
)
#: hold of an order whose parcel was asked back (jobs/changing.py)
STOP_HOLD = "stop_asked"
_decode: Callable[[bytes], OrderDocument] = msgspec.json.Decoder(OrderDocument).decode


def settle(env: Env, run: RunHandle, parcels: Sequence[Parcel]) -> None:
    """Move on the members that asked for the stop. Repeatable: who has moved on has no such hold any more."""
    for part in chunks(sorted({no for p in parcels for no in p.members}), 500):
        fulls = {no: f for no, f in env.orders.load(part).items() if _waits(f)}
        if fulls:
            _move(env, run, fulls)


def _waits(full: FullOrder) -> bool:
    held = any(h.code == STOP_HOLD and h.released_at is None for h in full.holds)
    return held and full.order.progress == Progress.SOURCED


def _move(env: Env, run: RunHandle, fulls: Mapping[str, FullOrder]) -> None:
    over = _over(env, fulls)
    held = env.stock.reservations(list(fulls))
    ids = [(r.reservation_id, r.warehouse) for rs in held.values() for r in rs if r.state == "open"]
    if ids:
        env.stock.release(ids, run_id=run.id)
    gaps.gap(FREED)
    translator = Translator(Listings.open(env), env.privacy.search_hash, env.clock.now())
    changes = [_change(translator, full, cancelled=no in over) for no, full in fulls.items()]
    outcomes = {o.key: o for o in env.orders.apply(changes, run_id=run.id)}
    gaps.gap(MOVED)
    moved = env.orders.load([no for no, o in outcomes.items() if o.ok])
    want_all(env, [(no, demand_of(full.order, full.ship_lines)) for no, full in moved.items()])
    for no, outcome in outcomes.items():
        did = ("cancelled" if no in over else "audit_again") if outcome.ok else "waiting"
        run.result.add(Item(ref=no, did=did, reason=outcome.reason, shop=fulls[no].order.shop))


def _over(env: Env, fulls: Mapping[str, FullOrder]) -> set[str]:
    """Orders that the platform closed, or paid back in full."""
    keys = {
        inbox_key("orders", f.order.platform, f.order.seller_id, f.order.platform_order_no): no
        for no, f in fulls.items()
    }
    found = env.inbox.get(list(keys))
    closed = {keys[key] for key, e in found.items() if e.document and _decode(e.document).status == "cancelled"}
    return closed | {no for no, f in fulls.items() if f.order.refund_state == RefundState.FULL}


def _change(translator: Translator, full: FullOrder, *, cancelled: bool) -> Change:
    head = full.order
    # While the parcel was at the warehouse its lines stayed as packed; now they follow what the platform says.
    lines = changing.closed(full) if cancelled else changing.remade(translator, full, full.lines)
    return Change(
        order_no=head.order_no, expect=head.version, to=Progress.CANCELLED if cancelled else Progress.CREATED,
        reason="stop.confirmed", set={"intent": (), "due_at": None}, waiting=(),
        release=tuple(h.code for h in full.holds if h.released_at is None) if cancelled else (STOP_HOLD,),
        ship_lines=lines,
    )  # fmt: skip
