"""The world: its clock, its orders on their timeline, and what may be done to it from outside.

Time stands still until the caller advances it; then every event up to the new time happens in order. Not thread-safe:
one thread owns a world.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.sandbox import life, traits
from adapters.sandbox.book import Book
from adapters.sandbox.faults import Faults
from adapters.sandbox.goods import Catalogue
from adapters.sandbox.homes import HOMES, Home
from adapters.sandbox.state import Order, Refund
from adapters.sandbox.statements.ledger import Statements
from adapters.sandbox.tokens import TokenBox
from adapters.sandbox.wire import iso

if TYPE_CHECKING:
    from adapters.sandbox.pay.till import Till


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """One seller at one platform, the keys of its app, and where it sells."""

    alias: str
    platform: str
    seller_id: str
    app_key: str
    app_secret: str
    home: Home = HOMES["CN"]


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """An order that will be placed at its `created` time, and what will then happen to it at fixed times."""

    order: Order
    events: tuple[tuple[int, str, dict[str, Any]], ...] = ()


class World:
    """Everything there is. `now` is in epoch seconds."""

    def __init__(
        self,
        *,
        seed: int,
        start: int,
        end: int,
        shops: Sequence[Shop],
        catalogue: Catalogue,
        planned: Iterable[Planned] = (),
        faults: Faults | None = None,
        book: Callable[[Callable[[], int]], Book] = Book,
        differences: float = 0.0,
    ) -> None:
        self.seed, self.start, self.end, self.now = seed, start, end, start
        self.shops = {s.platform: s for s in shops}
        self.catalogue = catalogue
        self.faults = faults or Faults(seed)
        self.book = book(lambda: self.now)
        self.faults.book = self.book
        self.tokens = {s.platform: TokenBox(platform=s.platform, seed=str(seed)) for s in shops}
        self.orders: dict[tuple[str, str], Order] = {}
        self.refunds: dict[tuple[str, str], Refund] = {}
        #: (platform, listing id) → level as published
        self.levels: dict[tuple[str, str], int] = {}
        #: idempotency keys of deltas that were applied
        self.applied: set[tuple[str, str]] = set()
        #: goods that came back to the warehouse: platform, order, refund, pieces per SKU
        self.arrivals: list[dict[str, Any]] = []
        #: waybill → receiver key of the first order it was used for
        self.waybills: dict[str, str] = {}
        #: platform → sorted (time, order no)
        self._modified: dict[str, list[tuple[int, str]]] = {s.platform: [] for s in shops}
        self._created: dict[str, list[tuple[int, str]]] = {s.platform: [] for s in shops}
        self._heap: list[tuple[int, int, str, str, str, dict[str, Any]]] = []
        self._planned: dict[tuple[str, str], Order] = {}
        self._counts: dict[str, int] = {"request": 0}
        #: the settlement statements; `differences`: chance that an order is told wrongly in them
        self.statements = Statements(self, differences)
        #: where it is served, once it is
        self.address = ""
        #: payment channels, if the world has any
        self.till: Till | None = None
        #: encoded answers of orders by (platform, order no, form): (state it is of, bytes)
        self.encoded: dict[tuple[str, str, str], tuple[tuple[object, ...], msgspec.Raw]] = {}
        for plan in planned:
            self.plan(plan)

    # --- time

    def plan(self, plan: Planned) -> None:
        """Put an order on the timeline; what lies in the past happens at once, in order."""
        order = plan.order
        self._planned[order.key] = order
        self._push(order.created, order, "created", {})
        for at, name, args in plan.events:
            self._push(at, order, name, args)

    def schedule(self, at: int, order: Order, name: str, args: dict[str, Any]) -> None:
        """Let something happen to an order at a time."""
        self._push(at, order, name, args)

    def _push(self, at: int, order: Order, name: str, args: dict[str, Any]) -> None:
        heapq.heappush(self._heap, (at, self.count("event"), order.platform, order.no, name, args))

    def advance(self, to: int) -> int:
        """Move the clock forward to `to`; returns how many events happened.

        Raises:
            ValueError: `to` lies before the world's time.
        """
        if to < self.now:
            raise ValueError(f"the clock is at {iso(self.now)} and does not go back to {iso(to)}")
        done = 0
        while self._heap and self._heap[0][0] <= to:
            at, _, platform, no, name, args = heapq.heappop(self._heap)
            self._pay_until(at)
            # a hand-made event may lie in the past: it happens now
            self.now = max(self.now, at)
            if name == "created":
                self._place(self._planned.pop((platform, no)))
            else:
                self.happen(self.orders[platform, no], name, args, why="timeline")
            done += 1
        self._pay_until(to)
        self.now = to
        self.book.flush()
        return done

    def _pay_until(self, to: int) -> None:
        """Let everything happen at the till up to a time: it has a timeline of its own."""
        till = self.till
        while till is not None and till.next_at() <= to:
            self.now = max(self.now, till.next_at())
            till.step()

    @property
    def waiting(self) -> int:
        """Events still to come."""
        return len(self._heap)

    # --- orders

    def _place(self, order: Order) -> None:
        # a hand-made order may lie in the past: it becomes known now
        order.modified = max(order.created, self.now)
        self.orders[order.key] = order
        self.faults.mark(order)
        insort(self._created[order.platform], (order.created, order.no))
        insort(self._modified[order.platform], (order.modified, order.no))
        order.visible_from = order.modified + self.faults.delay_of(order)
        self.book.write("order", **order.to_book())

    def happen(self, order: Order, name: str, args: dict[str, Any], *, why: str) -> bool:
        """Apply an event to an order; the book says whether it was possible."""
        changed = life.EVENTS[name](self, order, args)
        if changed:
            self.changed(order, moves=name not in traits.find(order.platform).silent)
        facts = {k: v for k, v in args.items() if k != "receiver"}
        if "receiver" in args:
            facts["receiver"] = args["receiver"]["key"]
        self.book.write(
            "event",
            event=name,
            platform=order.platform,
            order=order.no,
            state=order.state,
            version=order.version,
            happened=changed,
            why=why,
            args=facts,
        )
        return changed

    def changed(self, order: Order, *, moves: bool = True) -> None:
        """Count a new version and move the order in the index by modified time."""
        order.version += 1
        if not moves:
            return
        index = self._modified[order.platform]
        index.pop(bisect_left(index, (order.modified, order.no)))
        order.modified = self.now
        insort(index, (order.modified, order.no))
        order.visible_from = order.modified + self.faults.delay_of(order)

    def window(self, platform: str, start: int, end: int, *, by: str = "modified") -> list[Order]:
        """Orders whose time lies in [start, end], oldest first; ties by number. Visibility is not looked at."""
        index = (self._modified if by == "modified" else self._created)[platform]
        lo, hi = bisect_left(index, (start, "")), bisect_right(index, (end, "\uffff"))
        return [self.orders[platform, no] for _, no in index[lo:hi]]

    def find(self, platform: str, no: str) -> Order | None:
        return self.orders.get((platform, no))

    def all_orders(self) -> list[dict[str, Any]]:
        """Every order as it stands, with its refunds, in order of creation; `listed`: lists show it now."""
        found = sorted(self.orders.values(), key=lambda o: (o.created, o.platform, o.no))
        return [self._as_it_stands(o) for o in found]

    def _as_it_stands(self, order: Order) -> dict[str, Any]:
        refunds = [self._refund_to_book(order.platform, no) for no in order.refunds]
        return {**order.to_book(), "listed": self.lists(order), "refunds": refunds}

    def lists(self, order: Order) -> bool:
        """Whether lists show an order as it stands."""
        known = traits.find(order.platform)
        hidden = known.hides_unpaid and not order.paid_at
        hidden = hidden or (known.hides_groups and order.hold == "group_unfinished")
        return order.visible_from <= self.now and not hidden

    def _refund_to_book(self, platform: str, no: str) -> dict[str, Any]:
        r = self.refunds[platform, no]
        return {"refund": r.no, "line": r.line_no, "kind": r.kind, "status": r.status, "amount": r.amount, "by": r.by}

    # --- refunds

    def count(self, name: str) -> int:
        """Count something up from 1."""
        self._counts[name] = self._counts.get(name, 0) + 1
        return self._counts[name]

    def next_refund_no(self, order: Order, kind: str) -> str:
        known = traits.find(order.platform)
        return known.refund_no(known.first_refund + self.count(f"refund {order.platform}") * 10, kind, order.no)

    def add_refund(self, refund: Refund, platform: str) -> None:
        self.refunds[platform, refund.no] = refund

    def refund_window(self, platform: str, start: int, end: int, *, by: str = "modified") -> list[Refund]:
        """Refunds whose time lies in [start, end], oldest first."""
        found = [r for (p, _), r in self.refunds.items() if p == platform]
        if by == "modified":
            return sorted((r for r in found if start <= r.modified <= end), key=lambda r: (r.modified, r.no))
        return sorted((r for r in found if start <= r.created <= end), key=lambda r: (r.created, r.no))

    # --- requests

    def next_request(self) -> str:
        """A number for the next request, counted from 1."""
        return f"r{self.count('request'):07d}"

    def snapshot(self) -> None:
        """Write how things stand: orders, payments if there is a till, and the statements of the days that are over."""
        told = self.statements.to_book()
        self._keep_orders_and_money()
        self.book.keep("statements.jsonl", told["rows"])
        self.book.keep("planted.jsonl", told["planted"])

    def _keep_orders_and_money(self) -> None:
        self.book.snapshot(self.all_orders())
        if self.till is not None:
            self.book.keep("money.jsonl", self.till.rows())

    def close(self) -> None:
        """Write the final state and close the book; statements that nobody asked for are not made for that."""
        if self.statements.told:
            self.snapshot()
        else:
            self._keep_orders_and_money()
        self.book.close()

    def status(self) -> dict[str, Any]:
        """Counts for people and tests."""
        states: dict[str, int] = {}
        for order in self.orders.values():
            states[order.state] = states.get(order.state, 0) + 1
        kinds: dict[str, int] = {}
        for entry in self.book.entries:
            kinds[entry["kind"]] = kinds.get(entry["kind"], 0) + 1
        return {
            "now": iso(self.now),
            "start": iso(self.start),
            "end": iso(self.end),
            "orders": len(self.orders),
            "orders_to_come": len(self._planned),
            "events_to_come": self.waiting,
            "states": states,
            "refunds": len(self.refunds),
            "requests": self._counts["request"],
            "book": kinds,
            "faults": self.faults.played,
        }
