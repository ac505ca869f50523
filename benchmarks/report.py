"""The daily report over a great many orders of one day: the processor time of the whole command, from start to JSON.

The figures are made of whole orders by the rule that the job uses, and put into the reports store in its batches; only
the order store is left out, since a report does not read it.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

import msgspec

from benchmarks.measuring import Cost, timed
from benchmarks.office import T0, open_office, sku
from jobs.env import Env
from jobs.reporting.documents import Report
from jobs.rules import figures
from stores.records import (
    FullOrder,
    Line,
    Order,
    Progress,
    Refund,
    RefundKind,
    RefundStatus,
    ShipLine,
    Standing,
    Step,
)

#: most seconds of processor time that one report may take
BOUND_S = 1.0
ROOT = Path(__file__).parent.parent
ZONE = ZoneInfo("Asia/Shanghai")
DAY = T0.astimezone(ZONE).date()
PLATFORMS = ("taobao", "jd", "douyin", "wechat_shop")
SHOPS = 10
BATCH = 2_000
#: orders that differ in more than their number; from so many on a day has every cell that it can have
DIFFERENT = 20_000


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """One promise in seconds of processor time, by its repetitions."""

    name: str
    what: str
    bound_s: float
    costs: tuple[Cost, ...]
    orders: int
    #: cells that the day has, and seconds of processor time for putting one order into them
    cells: int
    put_us: float

    @property
    def cpu_s(self) -> float:
        return median(c.cpu_s for c in self.costs)

    @property
    def holds(self) -> bool:
        return self.cpu_s <= self.bound_s


def measure(orders: int, repeat: int) -> Span:
    """Put the orders in once, then run the command again and again."""
    with tempfile.TemporaryDirectory(prefix="oms-bench-") as name:
        folder = Path(name)
        (folder / "oms.toml").write_text(_settings(), encoding="utf-8")
        env = open_office(folder, T0)
        try:
            put = timed(lambda: _fill(env, orders))
            cells = sum(1 for table, _ in env.reports.dump() if table == "report_cells")
        finally:
            env.close()
        _run(folder, orders)
        costs = tuple(timed(lambda: _run(folder, orders)) for _ in range(repeat))
    return Span(
        name="report", what=f"oms report daily --json of a day of {orders:,} orders at {SHOPS} shops, a process of its own",
        bound_s=BOUND_S, costs=costs, orders=orders, cells=cells, put_us=put.cpu_s / orders * 1e6,
    )  # fmt: skip


def _settings() -> str:
    """What `open_office` has, as a command finds it."""
    from benchmarks.office import settings

    [key] = settings().privacy.keys
    shops = "".join(
        f'[shops.shop-{n}]\nplatform = "{PLATFORMS[n % 4]}"\nseller_id = "{n}"\napp_key = "k"\napp_secret = "s"\n'
        for n in range(SHOPS)
    )
    return f'[privacy]\nkeys = ["{key}"]\n{shops}'


def _run(folder: Path, orders: int) -> None:
    words = [sys.executable, "-m", "oms_cli", "--config", str(folder / "oms.toml"), "report", "daily", "--day", str(DAY), "--json"]  # fmt: skip
    # an installed program has its bytecode
    done = subprocess.run(
        words, capture_output=True, cwd=ROOT, check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    )
    found = msgspec.json.decode(done.stdout, type=Report)
    assert sum(t.orders for t in found.totals) == orders, found.totals


def _fill(env: Env, orders: int) -> None:
    standing = Standing(cursor="0", after=None, basis=f"{figures.VERSION} {ZONE.key}", at=T0)
    assert env.reports.start(standing, expect=None)
    made = [figures.contribution(full, steps, ZONE) for full, steps in _orders(min(orders, DIFFERENT))]
    for start in range(0, orders, BATCH):
        some = range(start, min(start + BATCH, orders))
        batch = [msgspec.structs.replace(made[n % DIFFERENT], order_no=f"B{n:036d}") for n in some]
        assert env.reports.put(batch, expect=standing, to=standing) is not None


def _orders(orders: int) -> Iterator[tuple[FullOrder, dict[str, Step]]]:
    """Orders of one day: two lines each, three in four shipped, some refunded or cancelled."""
    rnd = random.Random(1)
    midnight = datetime(DAY.year, DAY.month, DAY.day, tzinfo=ZONE).astimezone(T0.tzinfo)
    for n in range(orders):
        at = midnight + timedelta(seconds=rnd.randrange(60_000))
        left = at + timedelta(minutes=rnd.randrange(20, 400))
        progress = (Progress.SHIPPED, Progress.COMPLETED, Progress.SHIPPED, Progress.CANCELLED if n % 8 == 3 else Progress.AUDITED)[n % 4]  # fmt: skip
        yield _order(n, at, progress, rnd), _steps(n, left, progress)


def _order(n: int, at: datetime, progress: Progress, rnd: random.Random) -> FullOrder:
    no, shop, cents = f"B{n:036d}", n % SHOPS, rnd.randrange(1_000, 90_000)
    gone = progress in (Progress.SHIPPED, Progress.COMPLETED)
    order = Order(
        order_no=no, platform=PLATFORMS[shop % 4], seller_id=str(shop), shop=f"shop-{shop}", platform_order_no=str(n),
        progress=progress, payable_minor=cents, paid_minor=cents, subsidy_minor=n % 3 * 100, ordered_at=at,
        paid_at=at + timedelta(seconds=50), doc_modified_at=at, created_at=at, changed_at=at,
    )  # fmt: skip
    lines = tuple(
        Line(order_no=no, line_no=i, platform_line_no=str(i), listing_id="", qty=1, unit_minor=1, paid_minor=1)
        for i in (1, 2)
    )
    parts = tuple(
        ShipLine(
            order_no=no, ship_no=i, line_no=i, sku=sku(n * 31 + i * 397), qty=1, value_minor=cents // 2, shipped_qty=int(gone)
        )
        for i in (1, 2)
    )  # fmt: skip
    return FullOrder(
        order=order, lines=lines, ship_lines=parts, refunds=(_refund(no, order, at),) if n % 20 == 0 else ()
    )


def _refund(no: str, order: Order, at: datetime) -> Refund:
    return Refund(
        refund_no=f"R{no}", order_no=no, platform=order.platform, seller_id=order.seller_id, shop=order.shop, platform_refund_no=no,
        kind=RefundKind.RETURN, status=RefundStatus.DONE, amount_minor=500, reason=f"reason {int(no[1:]) % 12}", asked_at=at,
        doc_modified_at=at, created_at=at, changed_at=at,
    )  # fmt: skip


def _steps(n: int, left: datetime, progress: Progress) -> dict[str, Step]:
    if progress in (Progress.SHIPPED, Progress.COMPLETED):
        return {Progress.SHIPPED: _step(n, left, "merged", Progress.SHIPPED, "parcel_left")}
    if progress == Progress.CANCELLED:
        return {Progress.CANCELLED: _step(n, left, "created", Progress.CANCELLED, "platform.closed")}
    return {}


def _step(n: int, at: datetime, start: str, to: Progress, reason: str) -> Step:
    return Step(ref=str(n), version=5, at=at, run_id="", from_state=start, to_state=to, reason=reason)
