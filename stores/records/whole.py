"""An order with everything a stage needs."""

from __future__ import annotations

from stores.records.base import Record
from stores.records.orders import Hold, Line, Order, ShipLine
from stores.records.parcels import Membership
from stores.records.refunds import Refund


class FullOrder(Record, frozen=True, kw_only=True):
    """An order with everything a stage needs to decide; read in sets, never one by one."""

    order: Order
    lines: tuple[Line, ...] = ()
    ship_lines: tuple[ShipLine, ...] = ()
    holds: tuple[Hold, ...] = ()
    memberships: tuple[Membership, ...] = ()
    refunds: tuple[Refund, ...] = ()
    buyer_remark: str = ""
    seller_remark: str = ""
