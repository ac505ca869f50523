"""What people do during the day: at the desk, and at the warehouses.

Whoever types a command that was cut types it again, for the same order or parcel; so what it is for is chosen before,
and written down in the office's folder.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from jobs.api import Oms
from jobs.demo import picked, write_rows
from jobs.errors import BadMove
from jobs.results import Result
from stores.records import RefundKind, RefundStatus

Act = Callable[[Oms, Path], Result | None]
Before = Callable[[Path], None]
WHO = "li"


# ------------------------------------------------------------------ choosing


def choose_order(name: str, progress: str) -> Before:
    """Write down the first order of that progress that is not held."""
    return _choose(name, f"SELECT min(order_no) FROM orders WHERE progress = '{progress}' AND held = 0")


def choose_parcel(name: str, state: str) -> Before:
    """Write down a parcel of that state with as many orders as there are."""
    most = "ORDER BY json_array_length(members) DESC, parcel_no LIMIT 1"
    return _choose(name, f"SELECT (SELECT parcel_no FROM parcels WHERE state = '{state}' {most})")


def _choose(name: str, sql: str) -> Before:
    def write(office: Path) -> None:
        with closing(sqlite3.connect(office / "data" / "orders.db")) as c:
            (found,) = c.execute(sql).fetchone()
        (office / name).write_text(found or "", encoding="utf-8")

    return write


def _chosen(office: Path, name: str) -> str:
    return (office / name).read_text(encoding="utf-8")


# ------------------------------------------------------------------ shops


def store_token(shop: dict[str, Any]) -> Act:
    """The merchant has authorised the app: its first token, which the adapter renews from then on."""

    def store(oms: Oms, _: Path) -> None:
        life = (datetime.fromisoformat(shop["token_expires"]) - oms.env.clock.now()).total_seconds()
        oms.shop_token(
            shop["alias"], access=shop["token"], refresh=shop["refresh_token"], expires_in_s=life // 1000 * 1000
        )

    return store


# ------------------------------------------------------------------ orders and parcels


def hold(until: datetime) -> Act:
    return lambda oms, office: oms.hold_orders([_chosen(office, "hold")], code="manual", by=WHO, until=until)


def edit(oms: Oms, office: Path) -> Result:
    return oms.edit_order(_chosen(office, "edit"), {"address": "改后路2号"}, by=WHO)


def cancel(oms: Oms, office: Path) -> Result:
    return oms.cancel_orders([_chosen(office, "cancel")], reason="buyer", by=WHO)


def undo(oms: Oms, office: Path) -> Result | None:
    try:
        return oms.merge_undo([_chosen(office, "undo")], by=WHO)
    except BadMove:
        return None  # typed again after it was done


def stop(oms: Oms, office: Path) -> Result:
    return oms.stop_parcels([_chosen(office, "stop")], reason="buyer", by=WHO)


# ------------------------------------------------------------------ refunds


def approve(oms: Oms, _: Path) -> Result | None:
    """Whoever looks after refunds says yes to what the rules left, and says so again after a cut."""
    waiting = oms.list_refunds(statuses=[RefundStatus.ASKED], limit=500)
    return oms.approve_refunds([r.refund_no for r in waiting], by=WHO) if waiting else None


def receive(oms: Oms, _: Path) -> Result | None:
    """The returns desk: all pieces of agreed returns are back and good."""
    last: Result | None = None
    for refund in oms.list_refunds(limit=500):
        if refund.kind == RefundKind.RETURN and refund.status in (RefundStatus.ASKED, RefundStatus.APPROVED):
            pieces = _left_out_there(oms, refund.order_no, refund.refund_no)
            if pieces:
                last = oms.receive_refund(refund.refund_no, good=pieces, defective={}, by=WHO)
    return last


def _left_out_there(oms: Oms, order_no: str, refund_no: str) -> dict[str, int]:
    """SKU → pieces of a refund's lines that were shipped and are not back."""
    lines = {x.line_no for x in oms.env.orders.refunds([refund_no])[refund_no][1]}
    pieces: dict[str, int] = {}
    for s in oms.env.orders.load([order_no])[order_no].ship_lines:
        left = s.shipped_qty - s.returned_qty
        if s.line_no in lines and left > 0:
            pieces[s.sku] = pieces.get(s.sku, 0) + left
    return pieces


# ------------------------------------------------------------------ stock


def count_stock(file: str, as_of: datetime) -> Act:
    return lambda oms, office: oms.stock_import(office / file, as_of=as_of, by=WHO)


def adjust(places: list[str]) -> Act:
    return lambda oms, _: oms.stock_adjust(places[0], "SKU-1001-A", 3, reason="found", by=WHO, key="adjust-1")


def transfer(places: list[str]) -> Act:
    return lambda oms, _: oms.stock_transfer(
        places[0], places[1], "SKU-1001-A", 2, reason="even out", by=WHO, key="transfer-1"
    )


# ------------------------------------------------------------------ the warehouses


def hand_over(place: str, n: int) -> Act:
    return lambda oms, office: oms.handover_parcels(warehouse=place, out=office / "out" / f"{n}-{place}.csv", by=WHO)


def write_waybills(n: int) -> Before:
    """The warehouses pack what their pick lists say, but what was stopped, and write a waybill for each parcel."""

    def write(office: Path) -> None:
        rows = [row for path in sorted((office / "out").glob(f"{n}-*.csv")) for row in picked(path)]
        if (office / "stop").exists():
            stopped = _chosen(office, "stop")
            rows = [{"parcel_no": stopped, "answer": "stopped"} if row["parcel_no"] == stopped else row for row in rows]
        # one row that belongs to nobody: it comes back with its error
        rows.append({"parcel_no": "P-UNKNOWN", "carrier": "SF", "waybill": "SF0000000000001"})
        write_rows(office / f"waybills-{n}.csv", ("parcel_no", "carrier", "waybill", "answer"), rows)

    return write


def import_waybills(n: int) -> Act:
    return lambda oms, office: oms.import_waybills(office / f"waybills-{n}.csv", by=WHO)
