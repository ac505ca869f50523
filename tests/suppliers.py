"""An office in which pieces leave and come back, for the tests of what suppliers are owed."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from jobs.env import Env
from jobs.supplier_prices import take
from stores.records import Ask, Refund, RefundKind, RefundStatus, StockMove
from tests.factories import FixedClock, make_full_order, open_env, put_orders, put_stock

_numbers = count(1)
#: an hour of an October day in China
OCTOBER, NOVEMBER = (datetime(2026, month, 5, 4, tzinfo=UTC) for month in (10, 11))
PRICES = "supplier,sku,currency,price_minor,valid_from,valid_to\n"


def open_house(folder: Path) -> Env:
    """An office with stock, whose clock stands in October 2026."""
    env = open_env(folder, clock=FixedClock(OCTOBER))
    put_stock(env, {"EAST": {"SKU-1": 100, "SKU-2": 100, "SKU-3": 100}})
    return env


def at(env: Env, when: datetime) -> None:
    """Move the clock forward to a time."""
    env.clock.advance((when - env.clock.now()).total_seconds())


def prices(env: Env, *rows: str, name: str = "prices.csv") -> Path:
    """Import rows of prices: ``supplier,sku,currency,price_minor,valid_from,valid_to``."""
    path = env.root / name
    path.write_text(PRICES + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    assert take(env, path, by="ann").outcome == "done"
    return path


def ship(env: Env, sku: str = "SKU-1", qty: int = 1) -> str:
    """An order of some pieces leaves now; returns its number."""
    number = f"38900000000000{next(_numbers):05d}"
    full = make_full_order({sku: qty}, number=number)
    (order_no,) = put_orders(env, full)
    ask = Ask(reservation_id=f"{order_no}:1", order_no=order_no, attempt=1, warehouse="EAST", items=((sku, qty),))
    assert env.stock.reserve([ask], run_id="r")[0].granted
    assert env.stock.ship([(f"P{order_no[-19:]}", "EAST", [(order_no, sku, qty)])], run_id="r")[0].result == "done"
    return order_no


def give_back(env: Env, order_no: str, sku: str = "SKU-1", good: int = 0, defective: int = 0) -> None:
    """Pieces of an order come back now."""
    now = env.clock.now()
    refund_no = f"R{order_no[1:-6]}{next(_numbers):03d}{order_no[-3:]}"
    refund = Refund(
        refund_no=refund_no, order_no=order_no, platform="taobao", seller_id="2200001", shop="tmall", kind=RefundKind.RETURN,
        platform_refund_no=refund_no[-12:], authority="platform", status=RefundStatus.ASKED, amount_minor=100, asked_at=now,
        doc_modified_at=now, created_at=now, changed_at=now,
    )  # fmt: skip
    env.orders.add_refunds([(refund, ())], run_id="r", reason="test")
    moves = [
        StockMove(key=f"return:{refund_no}:{sku}:{kind}", kind=kind, warehouse="EAST", sku=sku, ref=refund_no, at=now, **pieces)
        for kind, pieces in (("return", {"on_hand": good}), ("defective", {"defective": defective}))
        if any(pieces.values())
    ]  # fmt: skip
    assert all(o.result == "done" for o in env.stock.move(moves, run_id="r"))
