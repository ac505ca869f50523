"""An office with one shop, its completed orders, and statements of them as the platform would write them."""

import base64
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jobs.env import Env
from stores.records import FullOrder, Progress
from tests.factories import T0, make_full_order, open_env

SHOP = "tmall"
DAY = "2026-03-01"
BEIJING = ZoneInfo("Asia/Shanghai")
BOOKED = T0 - timedelta(hours=1)
HEAD = (
    "账务流水号", "业务流水号", "商户订单号", "商品名称", "发生时间", "对方账号", "收入金额（+元）", "支出金额（-元）", "账户余额（元）",
    "交易渠道", "业务类型", "备注",
)  # fmt: skip
STORES = ("orders", "inbox", "stock", "ledger", "settlement")
KEY = base64.b64encode(b"k" * 32).decode()


def an_office(folder: Path, **settings: Any) -> Env:
    """Stores that need not outlive a power cut."""
    urls = {n: f"sqlite:{folder / 'data' / n}.db?lasting=no" for n in STORES}
    return open_env(folder, stores=urls, privacy={"keys": [KEY]}, **settings)


def number(n: int) -> str:
    return str(3_890_000_000_000_000_000 + n)


def sold(n: int, minor: int, *, at: datetime = BOOKED, **changes: Any) -> FullOrder:
    """A completed order of one line."""
    given = {
        "progress": Progress.COMPLETED,
        "ordered_at": at - timedelta(hours=1),
        "paid_at": at,
        "doc_modified_at": at,
    }
    return make_full_order([("SKU-1", 1, minor)], number=number(n), **{**given, **changes})


def row(n: int, minor: int, *, kind: str = "交易付款", at: datetime = BOOKED, ref: str = "", note: str = "", title: str = "毛衣") -> list[str]:  # fmt: skip
    """A row of the ledger: money of order n."""
    into, out = (f"{minor / 100:.2f}", " ") if minor >= 0 else (" ", f"{minor / 100:.2f}")
    return [
        ref or f"2026030100{n:010d}{kind}"[:20].encode("ascii", "ignore").decode() + f"{abs(minor)}", f"B{n}", f"T200P{number(n)}", title,
        at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S"), "b*1", into, out, "100.00", "支付宝", kind, note,
    ]  # fmt: skip


def ledger(path: Path, rows: Iterable[Sequence[str]]) -> Path:
    """The rows as the file the platform writes."""
    lines = ["#支付宝账务明细查询", ",".join(HEAD), *(",".join(f"{c}\t" for c in r) for r in rows), "#结束"]
    path.write_bytes("\r\n".join([*lines, ""]).encode("gb18030"))
    return path


def books(env: Env) -> list[tuple[str, dict[str, Any]]]:
    """Everything in the settlement store but the log of acts, the fence, and how far the feed was read."""
    out = ("acts", "act_journal", "fences", "rule_versions", "cursors", "expectations")
    return [(t, r) for t, r in env.settlement.dump() if t not in out]


def classes(env: Env) -> dict[str, int]:
    """Class → matches or open items."""
    found: dict[str, int] = {}
    for r in env.settlement.summary():
        found[r["class"]] = found.get(r["class"], 0) + r["count"]
    return found
