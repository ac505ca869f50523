"""Own orders for tests: an office with an own shop, and files of orders; a test names only what it is about."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs import importing, push
from jobs.env import Env
from jobs.results import Result
from jobs.rules.numbers import order_no
from tests.factories import open_env

SELLER = "hotline-1"
SHOPS: Mapping[str, Any] = {
    "hotline": {"platform": "own", "seller_id": SELLER},
    "tmall": {"platform": "taobao", "seller_id": "2200001", "app_key": "k", "app_secret": "s"},
}
#: an order of 2 × 99.00, 10.00 off, 8.00 freight: 196.00
ROW: Mapping[str, object] = {
    "order_ref": "A1", "receiver": "李娜", "phone": "13800000000", "province": "浙江省", "city": "杭州市", "district": "西湖区",
    "address": "示例路1号", "sku": "SKU-1", "title": "毛衣", "qty": "2", "unit_price": "99.00", "discount": "10.00",
    "freight": "8.00", "paid": "yes", "ordered_at": "2026-03-01 09:30",
}  # fmt: skip


def office(folder: Path, **settings: Any) -> Env:
    """An office with an own shop beside one at a marketplace."""
    return open_env(folder, **{"shops": SHOPS, **settings})


def row(**changes: object) -> dict[str, object]:
    return {**ROW, **changes}


def more(ref: str = "A1", **line: object) -> dict[str, object]:
    """A further row of an order: only its goods."""
    return {"order_ref": ref, "sku": "SKU-2", "qty": "1", "unit_price": "5.00", **line}


def write(path: Path, *rows: Mapping[str, object], encoding: str = "utf-8") -> Path:
    """A CSV with all columns that the rows have."""
    header = list(dict.fromkeys(name for r in rows for name in r))
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, header, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def take(env: Env, *rows: Mapping[str, object], pushed: bool = True, **how: Any) -> Result:
    """Import rows, and push what came."""
    result = importing.take(env, write(env.root / "orders.csv", *rows), by="li", **how)
    if pushed and not how.get("dry_run"):
        push.push(env)
    return result


def number(ref: str = "A1") -> str:
    return order_no("own", SELLER, ref)
