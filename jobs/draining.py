"""stock drain: where stock is reserved in Redis, take its journal over into the SQL books, and bring stopped warehouses back.

After a flush, a restart or a failover Redis may have lost its last second. A warehouse of which that may be so grants and
ships nothing until this job compared its journal with the books. What only the books know is put back; what orders say
they were granted and neither knows is held again, and parcels that left are taken out again, before anybody else is let in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from jobs import gaps
from jobs.batches import chunks
from jobs.comparing_stock import HOLDING, missing
from jobs.env import Env, RunHandle
from jobs.results import Item, Result
from stores.contracts import DrainedStock, Mended
from stores.records import Alert, Ask, Parcel, ParcelState
from stores.redis_server import DEMAND

MENDED = gaps.declare(
    "drain.mended",
    before="a stopped warehouse's counters are what the books and its own journal say",
    after="what orders were granted is held again, and the warehouse is open",
    sweep="stock drain: the warehouse is still stopped and is mended again",
)
#: what left longer ago is in the books: a drain runs every minute
LOST_S = 3600
SIZE = 500


def drain(env: Env) -> Result:
    """Take over what the journals say, and mend what is stopped; with stock on SQL there is nothing to do."""
    with env.run("stock drain") as run:
        stock = env.stock
        if not isinstance(stock, DrainedStock) or not stock.drained():
            return run.result
        for warehouse in stock.stopped():
            _bring_back(env, run, stock, warehouse)
            run.beat()
        taken = sum(stock.drain().values())
        if taken:
            run.result.count("drained", taken)
        return run.result


def _bring_back(env: Env, run: RunHandle, stock: DrainedStock, warehouse: str) -> None:
    mended = stock.mend(warehouse)
    gaps.gap(MENDED)
    again = {"held_again": 0, "shipped_again": 0, "short": 0}
    # how far Redis is behind nobody can tell where it is not: its last second is looked for in any case
    if warehouse != DEMAND:
        _hold_again(env, run, warehouse, again)
        _ship_again(env, run, warehouse, again)
    stock.reopen(warehouse)
    _tell(env, run, mended, again)


def _hold_again(env: Env, run: RunHandle, warehouse: str, again: dict[str, int]) -> None:
    """What open ship lines need here and no reservation holds."""
    for batch in env.orders.scan(progress=HOLDING):
        held = env.stock.reservations([f.order.order_no for f in batch])
        asks = []
        for full in batch:
            no = full.order.order_no
            need = {
                place.partition("/")[2]: qty
                for place, qty in missing(full, held.get(no, ())).items()
                if qty > 0 and place.partition("/")[0] == warehouse
            }
            if need:
                asks.append(
                    Ask(
                        reservation_id=f"{no}:{full.order.attempt}", order_no=no, attempt=full.order.attempt,
                        warehouse=warehouse, items=tuple(sorted(need.items())),
                    )
                )  # fmt: skip
        for part in chunks(asks, SIZE):
            for ask, answer in zip(part, env.stock.reserve(part, run_id=run.id), strict=True):
                again["held_again" if answer.granted else "short"] += 1
                if not answer.granted:
                    facts = {"warehouse": warehouse, "missing": answer.missing, "next": "oms reconcile stock"}
                    run.result.add(Item(ref=ask.order_no, did="differs", reason="order_without_stock", facts=facts))


def _ship_again(env: Env, run: RunHandle, warehouse: str, again: dict[str, int]) -> None:
    """Parcels that left not long ago: their pieces go out once, whatever was forgotten."""
    for parcels in _left(env, warehouse):
        orders = env.orders.load(sorted({no for p in parcels for no in p.members}), parts=("ship_lines",))
        out: list[tuple[str, str, Sequence[tuple[str, str, int]]]] = []
        for parcel in parcels:
            pieces: dict[tuple[str, str], int] = {}
            for no in parcel.members:
                for s in orders[no].ship_lines if no in orders else ():
                    if s.parcel_no == parcel.parcel_no and s.shipped_qty:
                        pieces[no, s.sku] = pieces.get((no, s.sku), 0) + s.shipped_qty
            if pieces:
                out.append((parcel.parcel_no, warehouse, [(no, sku, n) for (no, sku), n in sorted(pieces.items())]))
        for outcome in env.stock.ship(out, run_id=run.id) if out else ():
            if outcome.result == "done":
                again["shipped_again"] += 1
            elif not outcome.ok:
                run.result.add(
                    Item(ref=outcome.key, did="differs", reason=outcome.reason, facts={"warehouse": warehouse})
                )


def _left(env: Env, warehouse: str) -> Iterator[list[Parcel]]:
    since, after = env.clock.now() - timedelta(seconds=LOST_S), ""
    while found := env.orders.find_parcels(states=[ParcelState.SHIPPED], warehouse=warehouse, limit=SIZE, after=after):
        after = found[-1].parcel_no
        recent = [p for p in found if p.changed_at >= since]
        if recent:
            yield recent


def _tell(env: Env, run: RunHandle, mended: Mended, again: dict[str, int]) -> None:
    from jobs.alerts import tell

    name = "the demand of all orders" if mended.warehouse == DEMAND else mended.warehouse
    run.result.count(mended.found)
    for word, n in again.items():
        if n:
            run.result.count(word, n)
    if mended.found == "checked" and not any(again.values()):
        return
    now = env.clock.now()
    facts = {"redis_step": mended.redis_step, "books_step": mended.books_step, **again}
    run.result.add(Item(ref=name, did="differs", reason="redis_" + mended.found, facts=facts))
    tell(
        env,
        Alert(
            key=f"redis:{mended.warehouse}", kind="redis_behind", facts=facts, first_at=now, last_at=now,
            title=f"Redis had lost stock of {name}; it was made good from the books and the orders",
            hint="oms reconcile stock",
        ),
    )  # fmt: skip
