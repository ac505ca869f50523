"""Own orders for tests: an office with an own shop, and files of orders; a test names only what it is about."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs import audit, handover, importing, merge, push, ship, source
from jobs.env import Env
from jobs.results import Result
from jobs.rules.numbers import order_no
from stores.records import Parcel, ParcelState
from tests.factories import open_env, put_stock
from tests.fulfilment import label

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


# ------------------------------------------------------------------ on their way


def planned(env: Env, *rows: Mapping[str, object]) -> list[Parcel]:
    """Own orders as far as planned parcels, by the jobs that do that."""
    put_stock(env, {"EAST": {"SKU-1": 100, "SKU-2": 100, "SKU-3": 100}})
    take(env, *(rows or (row(), more())))
    return moved_on(env)


def moved_on(env: Env) -> list[Parcel]:
    """What may move, as far as planned parcels."""
    audit.audit(env)
    source.source(env)
    env.clock.advance(env.settings.merge.window + 1)
    merge.merge(env, dry_run=False)
    return env.orders.find_parcels(states=[ParcelState.PLANNED])


def handed_over(env: Env, *rows: Mapping[str, object]) -> list[Parcel]:
    planned(env, *rows)
    return hand_over(env)


def hand_over(env: Env) -> list[Parcel]:
    handover.handover(env, warehouse="EAST", out=env.root / "east.csv", by="li")
    return env.orders.find_parcels(states=[ParcelState.HANDED_OVER])


def left(env: Env) -> None:
    """What is handed over gets its waybill and leaves."""
    label(env, *env.orders.find_parcels(states=[ParcelState.HANDED_OVER]))
    ship.ship(env)


def shipped(env: Env, *rows: Mapping[str, object]) -> None:
    handed_over(env, *rows)
    left(env)
