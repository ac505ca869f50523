"""The report's figures: each order counted once, the cells are what the orders add up to, and they are the world's orders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from jobs.demo_proof.books import Books, Found, each_equal

_INTS = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: -1, 0xD1: -2, 0xD2: -4, 0xD3: -8}
_TEXTS = {0xD9: 1, 0xDA: 2, 0xDB: 4}
_ARRAYS = {0xDC: 2, 0xDD: 4}


def unpacked(data: bytes) -> Any:
    """What stands in msgpack: lists of whole numbers and words are all there is in it."""
    return _value(iter(data))


def _value(data: Iterator[int]) -> Any:
    head = next(data)
    if head < 0x80 or head >= 0xE0:
        return head if head < 0x80 else head - 256
    if head in _INTS:
        size = _INTS[head]
        return int.from_bytes(_bytes(data, abs(size)), signed=size < 0)
    if 0xA0 <= head < 0xC0 or head in _TEXTS:
        return _bytes(data, head & 0x1F if head < 0xC0 else _size(data, _TEXTS[head])).decode()
    if 0x90 <= head < 0xA0 or head in _ARRAYS:
        return [_value(data) for _ in range(head & 0x0F if head < 0xA0 else _size(data, _ARRAYS[head]))]
    raise ValueError(f"{head:#x} is not known")


def _bytes(data: Iterator[int], count: int) -> bytes:
    return bytes(next(data) for _ in range(count))


def _size(data: Iterator[int], count: int) -> int:
    return int.from_bytes(_bytes(data, count))


def figures(b: Books) -> Found:
    """The sums of what each order adds are the cells; every order adds once; orders and their money are those of the orders
    store; nothing is half counted, and the figures reflect the orders to the end."""
    orders = {o["order_no"]: o for o in [*b.table("orders"), *b.own]}
    rows = {r["order_no"]: r for r in b.reported("report_orders")}
    wrong = [
        f"{no}: {'not counted' if no in orders else 'counted, but no order'}" for no in orders.keys() ^ rows.keys()
    ]
    sums: Counter[tuple[Any, ...]] = Counter()
    ordered: Counter[str] = Counter()
    for no, row in rows.items():
        if no in orders and (row["shop"], row["platform"]) != (orders[no]["shop"], orders[no]["platform"]):
            wrong.append(f"{no}: counted for {row['shop']}")
        for day, hour, measure, key, currency, count, qty, minor in unpacked(row["parts"]):
            at = (day, measure, row["shop"], row["platform"], key, hour, currency)
            for what, n in (("count", count), ("qty", qty), ("minor", minor)):
                sums[*at, what] += n
            if measure == "ordered":
                ordered[no] += minor
    wrong += each_equal({no: o["payable_minor"] for no, o in orders.items()}, ordered, lambda no, a, z: f"{no}: {a} ordered, {z} counted")  # fmt: skip
    cells = Counter({
        (c["day"], c["measure"], c["shop"], c["platform"], c["key"], c["hour"], c["currency"], what): c[what]
        for c in b.reported("report_cells") for what in ("count", "qty", "minor")
    })  # fmt: skip
    wrong += each_equal(dict(sums), dict(cells), lambda k, a, z: f"cell {k}: orders make {a}, it says {z}")
    wrong += [f"{len(b.reported('report_counted'))} figures are half counted"] if b.reported("report_counted") else []
    end = str(max((r["seq"] for r in b.table("order_feed")), default=0))
    standing = b.reported("report_standing")
    if [s["cursor"] for s in standing] != [end] or any(s["after"] is not None for s in standing):
        wrong.append(f"read to {[s['cursor'] for s in standing]}, the orders' feed ends at {end}")
    shops = {(s["shop"], s["platform"]) for s in b.reported("report_shops")}
    wrong += [f"shop {'/'.join(s)}: not the same there and here" for s in shops ^ {(o["shop"], o["platform"]) for o in orders.values()}]  # fmt: skip
    return {"orders": len(rows), "cells": len(b.reported("report_cells"))}, wrong
