"""Whole valid records for tests, and an office on embedded stores; a test names only what it is about."""

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from jobs.env import Env
from jobs.rules import numbers
from jobs.schema import Settings
from stores.contracts import NewOrder
from stores.records import Demand, FullOrder, Line, Order, Progress, Receiver, Region, ShipLine

T0 = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
SELLER = "2200001"
SHOPS = {"tmall": {"platform": "taobao", "seller_id": SELLER, "app_key": "k", "app_secret": "s"}}
WAREHOUSES = {
    "EAST": {"regions": ["浙江", "上海"], "priority": 10, "carrier": "SF"},
    "SOUTH": {"regions": ["广东"], "priority": 20, "carrier": "YTO"},
}


class FixedClock:
    """Stands still until it is advanced; sleeping advances it."""

    def __init__(self, at: datetime = T0) -> None:
        self._at = at
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return self._at

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._at += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)


def open_env(folder: Path, *, clock: Any = None, transport: object | None = None, **settings: Any) -> Env:
    """An office in `folder`: every store an embedded one in a file of its own, the clock standing at T0."""
    given = {"shops": SHOPS, "warehouses": WAREHOUSES, **settings}
    return Env(Settings(**given), folder / "oms.toml", clock=clock or FixedClock(), transport=transport)


def make_order(**changes: Any) -> Order:
    """A paid order of 100.00 in goods that adds up; `number` sets the platform's number and ours with it."""
    number = str(changes.pop("number", "3890000000000000001"))
    base: dict[str, Any] = {
        "platform": "taobao", "seller_id": SELLER, "shop": "tmall", "platform_order_no": number,
        "progress": Progress.CREATED, "goods_minor": 10_000, "payable_minor": 10_000, "paid_minor": 10_000,
        "receivable_minor": 10_000, "buyer_key": "buyer-1", "merge_key": "key-1",
        "region": Region(province="浙江省", city="杭州市", district="西湖区"), "ordered_at": T0 - timedelta(minutes=10),
        "paid_at": T0 - timedelta(minutes=9), "ship_by": T0 + timedelta(hours=48), "doc_modified_at": T0 - timedelta(minutes=8),
        "doc_hash": "h1", "created_at": T0, "changed_at": T0,
    }  # fmt: skip
    merged = {**base, **changes}
    merged.setdefault(
        "order_no", numbers.order_no(merged["platform"], merged["seller_id"], merged["platform_order_no"])
    )
    return Order(**merged)


def make_full_order(
    skus: Mapping[str, int] | Sequence[tuple[str, int, int]] = (("SKU-1", 2, 10_000),), *, line: Mapping[str, Any] | None = None,
    holds: Sequence[Any] = (), refunds: Sequence[Any] = (), buyer_remark: str = "", seller_remark: str = "", **changes: Any,
) -> FullOrder:  # fmt: skip
    """An order with one line and one ship line per SKU: (sku, pieces, paid for the line), or sku → pieces at 50.00."""
    rows = [(s, q, q * 5_000) for s, q in skus.items()] if isinstance(skus, Mapping) else list(skus)
    goods = sum(paid for _, _, paid in rows)
    money = {"goods_minor": goods, "payable_minor": goods, "paid_minor": goods, "receivable_minor": goods}
    order = make_order(**{**money, **changes})
    lines, ship_lines = [], []
    for n, (sku, qty, paid) in enumerate(rows, 1):
        base: dict[str, Any] = {
            "order_no": order.order_no, "line_no": n, "platform_line_no": f"9{n:03d}", "listing_id": f"L-{sku or n}", "code": sku,
            "title": "毛衣", "qty": qty, "unit_minor": paid // qty, "paid_minor": paid,
        }  # fmt: skip
        made = Line(**{**base, **(line or {})})
        lines.append(made)
        ship_lines.append(
            ShipLine(
                order_no=order.order_no, ship_no=n, line_no=n, sku=sku, qty=qty, value_minor=paid,
                status="closed" if made.status == "closed" else "open",
            )
        )  # fmt: skip
    return FullOrder(
        order=order, lines=tuple(lines), ship_lines=tuple(ship_lines), holds=tuple(holds), refunds=tuple(refunds),
        buyer_remark=buyer_remark, seller_remark=seller_remark,
    )  # fmt: skip


def put_orders(env: Env, *fulls: FullOrder, receiver: Receiver | None = None) -> list[str]:
    """Store orders as push would, with their demand; returns their numbers."""
    who = receiver or Receiver(name="张三", phone="13800000001", address="示例路1号", cipher="oaid-1")
    batch = [
        NewOrder(
            order=f.order, lines=f.lines, ship_lines=f.ship_lines, receiver=who, buyer_remark=f.buyer_remark,
            seller_remark=f.seller_remark, holds=f.holds,
        )
        for f in fulls
    ]  # fmt: skip
    for at in range(0, len(batch), 500):
        outcomes = env.orders.add(batch[at : at + 500], run_id="test")
        assert all(o.ok for o in outcomes), outcomes
    demands = [d for f in fulls for d in _demand(f)]
    if demands:
        env.stock.want(demands)
    return [f.order.order_no for f in fulls]


def _demand(full: FullOrder) -> list[Demand]:
    wanted: dict[str, int] = {}
    for s in full.ship_lines:
        if s.sku and s.status == "open":
            wanted[s.sku] = wanted.get(s.sku, 0) + s.qty
    return [Demand(order_no=full.order.order_no, sku=sku, qty=qty) for sku, qty in wanted.items()]


def put_stock(env: Env, levels: Mapping[str, Mapping[str, int]]) -> None:
    """Count stock: warehouse → sku → pieces."""
    now = env.clock.now()
    rows = [
        (f"count:{w}:{s}:{now.isoformat()}", w, s, qty, now) for w, skus in levels.items() for s, qty in skus.items()
    ]
    outcomes = env.stock.count(rows, run_id="test", reason="opening")
    assert all(o.ok for o in outcomes), outcomes


def at_progress(full: FullOrder, progress: Progress) -> FullOrder:
    """The same order, further along."""
    return msgspec.structs.replace(full, order=msgspec.structs.replace(full.order, progress=progress))
