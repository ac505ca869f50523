"""An office to measure in: settings, a clock that is moved by hand, stock on the shelves, orders waiting in the inbox.

Orders are of one size: two lines, an adjustment, an address, one in five with a remark; three in four have masked
receivers, as three of four platforms send them. Three buyers in ten order twice within a merge window. All of it comes
of the order's number, so that two offices of one size hold the same.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from adapters.documents import (
    AdjustmentDocument,
    Doubt,
    LineDocument,
    OrderDocument,
    Pulled,
    ReceiverDocument,
)
from jobs.env import Env
from jobs.schema import Settings
from jobs.storing import store

T0 = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
SELLER = "2200001"
SHOP = "tmall"
SKUS = 1000
WAREHOUSES = {
    "EAST": {"regions": ["浙江", "上海"], "priority": 10, "carrier": "SF"},
    "SOUTH": {"regions": ["广东"], "priority": 20, "carrier": "YTO"},
    "NORTH": {"priority": 30, "carrier": "JD"},
}
_PLACES = (("浙江省", "杭州市", "西湖区"), ("广东省", "深圳市", "南山区"), ("四川省", "成都市", "武侯区"))
_KEY = base64.b64encode(bytes(range(32))).decode()
_PAGE = 500


class Clock:
    """Stands still until it is moved."""

    def __init__(self, at: datetime = T0) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def advance(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)


def settings(**changes: object) -> Settings:
    """One shop, three warehouses, every store an embedded one that waits for the disk, as an office has it."""
    shops = {SHOP: {"platform": "taobao", "seller_id": SELLER, "app_key": "k", "app_secret": "s", "token": "t"}}
    base = {"shops": shops, "warehouses": WAREHOUSES, "privacy": {"keys": [_KEY]}}
    return Settings.model_validate({**base, **changes})


def open_office(
    folder: Path, at: datetime = T0, *, transport: object | None = None, lasting: bool = True, **changes: object
) -> Env:
    """Open the office in a folder; its stores are opened and checked now, so that no measured run does it.

    Args:
        lasting: changes outlive a power cut, as in an office; only where speed is not measured they need not.
    """
    if not lasting:
        changes["stores"] = {
            n: f"sqlite:{folder / 'data' / n}.db?lasting=no" for n in ("orders", "inbox", "stock", "ledger", "reports")
        }
    env = Env(settings(**changes), folder / "oms.toml", clock=Clock(at), transport=transport)
    for opened in (env.orders, env.inbox, env.stock, env.ledger):
        assert opened
    return env


class NoPlatform:
    """Takes the adapter's place where documents are put into the inbox without one."""

    name = "taobao"


def fill(env: Env, orders: int) -> None:
    """Put orders into the inbox and pieces for all of them on the shelves."""
    for page in pages(orders):
        store(env, SHOP, NoPlatform(), "orders", page)  # type: ignore[arg-type]
    pieces = 10 * orders
    rows = [(f"open:{w}:{n}", w, sku(n), pieces, env.clock.now()) for w in WAREHOUSES for n in range(SKUS)]
    for at in range(0, len(rows), _PAGE):
        env.stock.count(rows[at : at + _PAGE], run_id="bench", reason="opening")


def pages(orders: int) -> Iterator[Sequence[Pulled]]:
    """The pages of pulled items that hold so many orders."""
    for at in range(0, orders, _PAGE):
        yield [pulled(document(n)) for n in range(at, min(at + _PAGE, orders))]


def pulled(made: OrderDocument) -> Pulled:
    """A document as an adapter hands it over."""
    raw = msgspec.json.encode(made)
    return Pulled(kind="orders", number=made.platform_order_no, modified_at=made.modified_at, document=made, raw=raw)


def sku(n: int) -> str:
    return f"SKU-{n % SKUS:04d}"


def document(n: int) -> OrderDocument:
    """The n-th order."""
    number = f"38{n * 7_919 % 10**12:012d}{n:05d}"
    lines = tuple(_line(number, n, i) for i in (1, 2))
    goods = sum(x.unit_minor * x.qty for x in lines)
    # three in ten orders come from the buyer of the one before
    buyer = n - 1 if n % 10 in (2, 5, 8) else n
    return OrderDocument(
        platform="taobao", seller_id=SELLER, platform_order_no=number, status="paid", status_raw="WAIT_SELLER_SEND_GOODS",
        ordered_at=T0 - timedelta(seconds=600 + n % 3000), paid_at=T0 - timedelta(seconds=540 + n % 3000),
        modified_at=T0 - timedelta(seconds=500 + n % 3000), ship_by=T0 + timedelta(hours=48, seconds=n % 3000),
        goods_minor=goods, freight_minor=800, adjustments=(AdjustmentDocument(kind="order_discount", minor=-1_000),),
        payable_minor=goods - 200, paid_minor=goods - 200, buyer_id=f"AA{buyer:016d}", merge_key=f"{buyer:024d}",
        receiver=_receiver(buyer), lines=lines, buyer_remark="请尽快发货，谢谢" if n % 5 == 0 else "",
        doubts=(Doubt(field="ship_by", why="derived"),),
    )  # fmt: skip


def _line(number: str, n: int, i: int) -> LineDocument:
    unit = 4_000 + n * 37 % 20_000
    return LineDocument(
        platform_line_no=f"{number}{i}", listing_id=f"4{n * 31 % SKUS:06d}{i}", product_id=f"6{n * 31 % SKUS:06d}",
        code=sku(n * 31 + i * 397), title=f"夏季新款纯棉短袖 T 恤 黑色 XL {n % 50}", variant="颜色分类:黑色;尺码:XL",
        qty=1 + (n + i) % 2, unit_minor=unit, paid_minor=unit * (1 + (n + i) % 2) - 500,
    )  # fmt: skip


def _receiver(buyer: int) -> ReceiverDocument:
    province, city, district = _PLACES[buyer % 3]
    masked = buyer % 4 != 0
    return ReceiverDocument(
        name="张**" if masked else f"张三{buyer}", phone="*******1234" if masked else f"138{buyer:08d}",
        address="文**路***号" if masked else f"文一西路{buyer}号3幢2单元", zip="310000", province=province, city=city,
        district=district, cipher=f"{buyer:048d}", masked=masked,
    )  # fmt: skip


def copy(folder: Path, to: Path) -> Path:
    """A fresh copy of a closed office."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to)
    return to
