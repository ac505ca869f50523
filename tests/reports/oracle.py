"""The figures counted once more, by code that shares nothing with the product: from the rows of the orders' tables alone."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from jobs.env import Env

#: (day, hour, measure, shop, platform, key, currency) → [count, qty, minor]
Figures = dict[tuple[Any, ...], list[int]]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def counted(env: Env) -> Figures:
    """Every figure, from a full scan."""
    tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for table, row in env.orders.dump():
        tables[table].append(row)
    zone = ZoneInfo(env.settings.business.zone)
    of = {t: _by(tables[t], "order_no") for t in ("order_lines", "ship_lines", "refunds")}
    steps = _by(tables["history"], "ref")
    figures: Figures = defaultdict(lambda: [0, 0, 0])
    for order in tables["orders"]:
        no = order["order_no"]
        made = _Counting(order, zone, figures)
        made.bought(of["order_lines"][no], of["ship_lines"][no])
        made.gone(sorted(steps[no], key=lambda s: s["version"]), of["order_lines"][no], of["ship_lines"][no])
        made.back(of["refunds"][no])
    return {place: values for place, values in figures.items() if values != [0, 0, 0]}


def kept(env: Env) -> Figures:
    """Every figure as the reports store has it."""
    return {
        (r["day"], r["hour"], r["measure"], r["shop"], r["platform"], r["key"], r["currency"]): [r["count"], r["qty"], r["minor"]]
        for table, r in env.reports.dump()
        if table == "report_cells"
    }  # fmt: skip


def _by(rows: list[dict[str, Any]], name: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row[name]].append(row)
    return found


class _Counting:
    """One order."""

    def __init__(self, order: dict[str, Any], zone: ZoneInfo, figures: Figures) -> None:
        self.order, self.zone, self.figures = order, zone, figures

    def _moment(self, ms: int) -> datetime:
        return (EPOCH + timedelta(milliseconds=ms)).astimezone(self.zone)

    def _add(
        self, ms: int, measure: str, key: str, n: int, qty: int, minor: int, *, hourly: bool, currency: str = ""
    ) -> None:
        at, o = self._moment(ms), self.order
        place = (int(at.strftime("%Y%m%d")), at.hour if hourly else -1, measure, o["shop"], o["platform"], key, currency or o["currency"])  # fmt: skip
        for i, value in enumerate((n, qty, minor)):
            self.figures[place][i] += value

    @property
    def sold(self) -> int | None:
        o = self.order
        if o["paid_at"] is not None:
            return int(o["paid_at"])
        return int(o["ordered_at"]) if '"cod"' in o["flags"] and o["progress"] not in ("unpaid", "cancelled") else None

    def bought(self, lines: list[dict[str, Any]], parts: list[dict[str, Any]]) -> None:
        o, pieces = self.order, sum(x["qty"] for x in lines)
        self._add(o["ordered_at"], "ordered", "", 1, pieces, o["payable_minor"], hourly=True)
        self._add(o["ordered_at"], "state", o["progress"], 1, pieces, o["payable_minor"], hourly=False)
        if o["subsidy_minor"]:
            self._add(o["ordered_at"], "subsidy", "", 1, 0, o["subsidy_minor"], hourly=True)
        if self.sold is None:
            return
        self._add(self.sold, "sold", "", 1, pieces, o["paid_minor"], hourly=True)
        for sku in {p["sku"] for p in parts}:
            mine = [p for p in parts if p["sku"] == sku]
            self._add(self.sold, "sold_sku", sku, 1, sum(p["qty"] for p in mine), sum(p["value_minor"] for p in mine), hourly=False)  # fmt: skip

    def gone(self, steps: list[dict[str, Any]], lines: list[dict[str, Any]], parts: list[dict[str, Any]]) -> None:
        o = self.order
        moves = [s for s in steps if s["from_state"] != s["to_state"]]
        first = {state: next((s for s in moves if s["to_state"] == state), None) for state in ("partly_shipped", "shipped", "cancelled")}  # fmt: skip
        ours = [s["at"] for s in (first["partly_shipped"], first["shipped"]) if s and s["from_state"]]
        left = sum(p["shipped_qty"] for p in parts)
        if ours and left:
            self._add(min(ours), "shipped", "", 1, left, 0, hourly=True)
            for sku in {p["sku"] for p in parts if p["shipped_qty"]}:
                qty = sum(p["shipped_qty"] for p in parts if p["sku"] == sku)
                self._add(min(ours), "shipped_sku", sku, 1, qty, 0, hourly=False)
        whole = first["shipped"]
        if whole and whole["from_state"] and left and self.sold is not None:
            minutes = max(0, (whole["at"] - self.sold) // 60_000)
            self._add(whole["at"], "waited", str(minutes).zfill(6), 1, 0, 0, hourly=False)
        if first["cancelled"] and o["progress"] == "cancelled":
            step = first["cancelled"]
            why = {"platform.lines+closed": "platform.closed"}.get(step["reason"], step["reason"])
            key = why if step["from_state"] else "platform.closed"
            self._add(step["at"], "cancelled", key, 1, sum(x["qty"] for x in lines), o["payable_minor"], hourly=True)

    def back(self, refunds: list[dict[str, Any]]) -> None:
        for r in refunds:
            said = re.sub("[0-9]{11}", "***", r["reason"]).replace("|", "/")
            key = f"{r['kind']}|{r['status']}|{said}"
            self._add(r["asked_at"], "refund", key, 1, 0, r["amount_minor"], hourly=False, currency=r["currency"])
