"""What differs between counters, journal, reservations, demand and orders, with the repair each difference calls for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from jobs.env import Env
from jobs.intake import demand_of
from stores.records import FullOrder, Level, Order, Progress, Reservation

#: orders in these may hold stock; an audited one only while its intent is written
HOLDING = (Progress.SOURCED, Progress.MERGED, Progress.PARTLY_SHIPPED)
#: orders in these may want stock
WANTING = (Progress.CREATED, Progress.AUDITED)
#: key of journal entries that undo a counter's change without an entry: the journal is true without them
UNDO = "reconcile:counter:"
#: key of all entries that repaired something
REPAIR = "reconcile:"
FIELDS = ("on_hand", "held", "defective")
Place = tuple[str, str]
Numbers = tuple[int, int, int]


class Difference(NamedTuple):
    """One difference: what it is about, its evidence, and the act that repairs it (empty: a person must look)."""

    ref: str
    reason: str
    expect: dict[str, Any]
    act: str
    #: JSON values only, as the plan's file has them
    do: dict[str, Any]
    shop: str = ""

    def entry(self) -> dict[str, Any]:
        """The item of a plan."""
        return {"ref": self.ref, "reason": self.reason, "expect": self.expect, "act": self.act, "do": self.do}


def differences(env: Env) -> list[Difference]:
    """Everything that differs, sorted by reason and reference; only numbers of places are kept in memory."""
    found = [*_counters(env), *_reservations(env), *_unheld(env), *_demand(env), *_undemanded(env)]
    return sorted(found, key=lambda d: (d.reason, d.ref))


# ------------------------------------------------------------------ counters, journal, holds


def _counters(env: Env) -> Iterator[Difference]:
    before = env.stock.snapshot()
    journal, repairs = _sums(env, before.position)
    held: dict[Place, int] = {}
    for batch in env.stock.scan_reservations(state="open"):
        for r in batch:
            for sku, qty in left(r).items():
                held[r.warehouse, sku] = held.get((r.warehouse, sku), 0) + qty
    # What moved while the reservations were read is neither wrong nor right: the next run sees it still.
    busy = {
        (e.warehouse, e.sku)
        for batch in env.stock.journal(after=before.position, until=env.stock.snapshot().position)
        for e in batch
    }
    counters = {(x.warehouse, x.sku): _numbers(x) for x in before.levels}
    for place in sorted({*counters, *journal, *held}):
        counter, told = counters.get(place, (0, 0, 0)), journal.get(place, (0, 0, 0))
        ref = "/".join(place)
        where = {"warehouse": place[0], "sku": place[1]}
        if counter != told:
            change = {f: t - c for f, t, c in zip(FIELDS, told, counter, strict=True)}
            expect = {"counter": list(counter), "journal": list(told), "repairs": repairs.get(place, 0)}
            yield Difference(ref, "counter_not_journal", expect, "undo", where | change)
        if told[1] != held.get(place, 0) and place not in busy:
            missing = held.get(place, 0) - told[1]
            expect = {"journal_held": told[1], "reserved": held.get(place, 0), "repairs": repairs.get(place, 0)}
            yield Difference(ref, "held_not_reserved", expect, "hold", where | {"held": missing})


def _sums(env: Env, position: int) -> tuple[dict[Place, Numbers], dict[Place, int]]:
    """The journal summed up to a position, without the entries that undo changes of a counter no entry had made; and
    how often each place was repaired, so that the same damage done again makes another plan."""
    out: dict[Place, Numbers] = {}
    repairs: dict[Place, int] = {}
    for batch in env.stock.journal(until=position):
        for e in batch:
            place = (e.warehouse, e.sku)
            if e.key.startswith(REPAIR):
                repairs[place] = repairs.get(place, 0) + 1
            if not e.key.startswith(UNDO):
                a, b, c = out.get(place, (0, 0, 0))
                out[place] = (a + e.on_hand, b + e.held, c + e.defective)
    return out, repairs


def _numbers(x: Level) -> Numbers:
    return (x.on_hand, x.held, x.defective)


def left(r: Reservation) -> dict[str, int]:
    """Pieces that a reservation still holds, per SKU."""
    return {s: q - r.shipped.get(s, 0) for s, q in r.items if q > r.shipped.get(s, 0)}


# ------------------------------------------------------------------ reservations, orders


def _reservations(env: Env) -> Iterator[Difference]:
    """Open reservations of orders that are done, gone, or never took them."""
    for batch in env.stock.scan_reservations(state="open"):
        heads = env.orders.heads(list(dict.fromkeys(r.order_no for r in batch)))
        wrong = [r for r in batch if not _may_hold(heads.get(r.order_no))]
        # Stock is given back before an order says so: what is still open after its order was read is a difference.
        numbers = sorted({r.order_no for r in wrong})
        still = {
            (r.reservation_id, r.warehouse)
            for rs in (env.stock.reservations(numbers) if numbers else {}).values()
            for r in rs
            if r.state == "open"
        }
        for r in wrong:
            if (r.reservation_id, r.warehouse) in still:
                head = heads.get(r.order_no)
                expect = {
                    "progress": str(head.progress) if head else "", "reservation": r.reservation_id, "left": left(r),
                    "warehouse": r.warehouse,
                }  # fmt: skip
                do = {"reservation": r.reservation_id, "warehouse": r.warehouse}
                shop = head.shop if head else ""
                yield Difference(f"{r.order_no}@{r.warehouse}", "reservation_of_no_order", expect, "release", do, shop)


def _may_hold(head: Order | None) -> bool:
    if head is None:
        return False
    return head.progress in HOLDING or (head.progress == Progress.AUDITED and bool(head.intent))


def _unheld(env: Env) -> Iterator[Difference]:
    """Orders whose open reservations hold less or more than their open ship lines need."""
    for batch in env.orders.scan(progress=HOLDING):
        numbers = [f.order.order_no for f in batch]
        held = env.stock.reservations(numbers)
        short_of = {f.order.order_no: missing(f, held.get(f.order.order_no, ())) for f in batch}
        wrong = [no for no, places in short_of.items() if places]
        heads = env.orders.heads(wrong) if wrong else {}
        for full in batch:
            no, order = full.order.order_no, full.order
            # A version that rose meanwhile: it was cancelled or shipped while its reservations were read.
            if short_of[no] and no in heads and heads[no].version == order.version:
                short = {place: n for place, n in short_of[no].items() if n > 0}
                over = {place: -n for place, n in short_of[no].items() if n < 0}
                expect = {"progress": str(order.progress), "version": order.version}
                expect |= {"missing": short} if short else {}
                expect |= {"beyond": over} if over else {}
                reason = "order_without_stock" if short else "held_beyond_lines"
                act = "source_again" if order.progress == Progress.SOURCED else ""
                yield Difference(no, reason, expect, act, {"order_no": no}, order.shop)


def missing(full: FullOrder, reservations: Sequence[Reservation]) -> dict[str, int]:
    """warehouse/SKU → pieces that open ship lines need there beyond what is held for them; negative: held beyond."""
    if "platform_warehouse" in full.order.flags:
        return {}
    need: dict[str, int] = {}
    for s in full.ship_lines:
        if s.sku and s.status == "open" and s.qty > s.shipped_qty:
            place = f"{s.warehouse}/{s.sku}"
            need[place] = need.get(place, 0) + s.qty - s.shipped_qty
    for r in reservations:
        if r.state == "open":
            for sku, qty in left(r).items():
                place = f"{r.warehouse}/{sku}"
                need[place] = need.get(place, 0) - qty
    return {place: qty for place, qty in sorted(need.items()) if qty}


def _demand(env: Env) -> Iterator[Difference]:
    """Demand of orders that want nothing any more."""
    wrong: dict[str, dict[str, int]] = {}
    progress: dict[str, Order | None] = {}
    for batch in env.stock.scan_demand():
        heads = env.orders.heads(list(dict.fromkeys(d.order_no for d in batch)))
        for d in batch:
            head = heads.get(d.order_no)
            if head is None or head.progress not in WANTING:
                wrong.setdefault(d.order_no, {})[d.sku] = d.qty
                progress[d.order_no] = head
    for no, wanted in sorted(wrong.items()):
        head = progress[no]
        expect = {"progress": str(head.progress) if head else "", "wanted": wanted}
        yield Difference(no, "demand_of_no_order", expect, "unwant", {"order_no": no}, head.shop if head else "")


def _undemanded(env: Env) -> Iterator[Difference]:
    """Orders that wait for stock and whose demand is not what their lines want."""
    for batch in env.orders.scan(progress=WANTING):
        numbers = [f.order.order_no for f in batch]
        told = {no: {d.sku: d.qty for d in ds} for no, ds in env.stock.demand_of(numbers).items()}
        wrong = {
            f.order.order_no: demand_of(f.order, f.ship_lines)
            for f in batch
            if not f.order.intent and demand_of(f.order, f.ship_lines) != told.get(f.order.order_no, {})
        }
        held = env.stock.reservations(list(wrong)) if wrong else {}
        heads = env.orders.heads(list(wrong)) if wrong else {}
        for full in batch:
            no, order = full.order.order_no, full.order
            busy = any(r.state == "open" for r in held.get(no, ()))
            if no in wrong and not busy and no in heads and heads[no].version == order.version:
                expect = {"progress": str(order.progress), "version": order.version, "wanted": told.get(no, {})}
                do = {"order_no": no, "wants": wrong[no]}
                yield Difference(no, "demand_differs", expect, "want", do, order.shop)
