"""A marketplace that lists what it holds, and a day of orders played by the jobs; for the tests of the laws."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from adapters.core.shapes import PullReport, Scan
from adapters.documents import Batch, Document, OrderDocument, Pulled
from jobs import audit, complete, merge, push, shipments, source, sync
from jobs.env import Env
from jobs.errors import Busy
from stores.records import ParcelState
from tests.documents import pulled
from tests.factories import open_env, put_stock
from tests.fulfilment import FakePlatform, document, install, label, number_of

SCAN = Scan(name="modified")
OPENING = {"EAST": {"SKU-1": 100, "SKU-2": 100, "SKU-3": 100}}


class Listed:
    """A pull whose pages hold `items`; it counts to `told` and has its proof only when that is what came."""

    def __init__(self, items: Sequence[Pulled], told: int) -> None:
        self._items = items
        proof = "counted" if told == len(items) else ""
        self.report = PullReport(
            pages=1, items=len(items), distinct=len(items), total_before=told, total_after=told, proof=proof,
            reason="" if proof else "total_differs",
        )  # fmt: skip

    def __iter__(self) -> Iterator[Batch]:
        for item in self._items:
            yield Batch(items=(item,), total=self.report.total_after)


class Market(FakePlatform):
    """`listed`: what a page shows; `lost_on_page`: numbers that are counted and yet on no page."""

    def __init__(self, **capabilities: Any) -> None:
        super().__init__(**capabilities)
        self.scans = {"orders": (SCAN,), "refunds": (SCAN,)}
        self.unreadable: dict[str, Pulled] = {}
        self.lost_on_page: set[str] = set()
        self.fail: Exception | None = None

    def pull(self, kind: str, scan: Any, start: datetime, end: datetime, **_: Any) -> Listed:
        if self.fail:
            raise self.fail
        known: Mapping[str, Document] = self.orders if kind == "orders" else self.refunds
        held = [pulled(d) for n, d in sorted(known.items()) if n not in self.unreadable]
        held += self.unreadable.values() if kind == "orders" else ()
        there = [p for p in held if p.modified_at and start <= p.modified_at < end]
        return Listed([p for p in there if p.number not in self.lost_on_page], len(there))

    def sells(self, *documents: OrderDocument) -> None:
        """Orders are placed; the office knows nothing of them."""
        self.orders |= {d.platform_order_no: d for d in documents}


class Office(NamedTuple):
    """An office and its one shop's marketplace."""

    env: Env
    market: Market


def office(folder: Path, **settings: Any) -> Office:
    """An office with stock and a marketplace; every store in a file of its own."""
    env = open_env(folder, **_given(folder, settings))
    put_stock(env, OPENING)
    return Office(env, install(env, Market()))  # type: ignore[arg-type]


def reopened(o: Office, **settings: Any) -> Office:
    """The same office and marketplace in a process that knows nothing."""
    o.env.close()
    env = open_env(o.env.root, clock=o.env.clock, **_given(o.env.root, settings))
    return Office(env, install(env, o.market))  # type: ignore[arg-type]


def _given(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    # nobody pulls the plug here, so no commit waits for the disk
    urls = {name: f"sqlite:{folder / 'data' / name}.db?lasting=no" for name in ("orders", "inbox", "stock", "ledger")}
    more = {"stores": {**urls, **settings.pop("stores", {})}, "privacy": {"keys": (b64encode(b"k" * 32).decode(),)}}
    return {"sync": {"first": "5d", "window": "1d"}, **more, **settings}


def orders(n: int) -> list[OrderDocument]:
    """Paid orders of one to three SKUs, each of another buyer; what differs follows from the number."""
    made = []
    for i in range(1, n + 1):
        lines = [(f"SKU-{1 + (i + k) % 3}", 1 + (i + k) % 2) for k in range(1 + i % 3)]
        made.append(document(f"38900000000000{i:05d}", *lines))
    return made


# ------------------------------------------------------------------ the stages


def hand_over(o: Office) -> None:
    from jobs import handover

    for name in sorted(o.env.settings.warehouses):
        handover.handover(o.env, warehouse=name, out=o.env.root / f"{name}.csv", by="li")


def pack(o: Office) -> None:
    """The warehouse's waybills for whatever it was handed."""
    found = o.env.orders.find_parcels(states=[ParcelState.HANDED_OVER])
    if found:
        label(o.env, *found)


def ship(o: Office) -> None:
    from jobs import ship

    ship.ship(o.env)


STAGES: dict[str, Callable[[Office], object]] = {
    "sync": lambda o: sync.sync(o.env, "orders"),
    "push": lambda o: push.push(o.env),
    "audit": lambda o: audit.audit(o.env),
    "source": lambda o: source.source(o.env),
    "merge": lambda o: merge.merge(o.env),
    "handover": hand_over,
    "pack": pack,
    "ship": ship,
    "notices": lambda o: shipments.push(o.env),
    "complete": lambda o: complete.complete(o.env),
}
#: longer than every lease and the merge window
LATER_S = 2000.0


def play(o: Office, *names: str) -> None:
    """Run these stages; each begins when the leases and windows of those before are over."""
    for name in names:
        o.env.clock.advance(LATER_S)
        try:
            STAGES[name](o)
        except Busy:
            o.env.clock.advance(LATER_S)
            STAGES[name](o)


def settle(o: Office, rounds: int = 3) -> None:
    """Let the day come to rest: whatever was left by earlier stages is found by the next round."""
    for _ in range(rounds):
        play(o, *STAGES)


# ------------------------------------------------------------------ what must be true at the end


def check_day(o: Office, documents: Sequence[OrderDocument]) -> None:
    """Every order left in one parcel, was told once, and the stock is short by exactly its pieces."""
    heads = o.env.orders.heads([number_of(d.platform_order_no) for d in documents])
    assert {h.progress for h in heads.values()} == {"shipped"} and len(heads) == len(documents)
    assert sorted(n for n, _ in o.market.shipped_log) == sorted(d.platform_order_no for d in documents)
    sold: dict[str, int] = {}
    for line in (line for d in documents for line in d.lines):
        sold[line.code] = sold.get(line.code, 0) + line.qty
    levels = {x.sku: x for x in o.env.stock.levels(warehouses=["EAST"])}
    assert {s: levels[s].on_hand for s in levels} == {s: 100 - sold.get(s, 0) for s in levels}
    assert {x.held for x in levels.values()} == {0}
    assert o.env.stock.demand() == {}
