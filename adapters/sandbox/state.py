"""The state of the world: orders, lines, refunds, parcels.

Money in the smallest unit of the shop's currency (fen at home), times in epoch seconds, 0 = not happened.
"""

from __future__ import annotations

from typing import Any

import msgspec

from adapters.sandbox.goods import Listing
from adapters.sandbox.wire import iso

#: progress of an order in the sandbox's own words; each dialect has its table
STATES = (
    "unpaid",
    "deposit",
    "held",
    "paid",
    "partly_shipped",
    "shipped",
    "completed",
    "cancelled",
)
SHIPPABLE = ("paid", "partly_shipped")


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """Where it goes, in clear. `key` names (buyer, address) for grouping."""

    key: str
    name: str
    phone: str
    province: str
    city: str
    district: str
    town: str
    detail: str
    zip: str = "000000"
    country: str = "CN"


class Line(msgspec.Struct, kw_only=True):
    """One order line. Discounts are positive and for the whole line; `adjust` is signed (a manual price change)."""

    no: str
    listing: Listing
    qty: int
    unit: int
    #: the line's own discount, borne by the merchant
    item_off: int = 0
    #: share of the order's merchant discount
    shop_off: int = 0
    #: share of the order's platform discount
    platform_off: int = 0
    #: share of a talent's discount (douyin)
    talent_off: int = 0
    adjust: int = 0
    #: share of the order's freight
    freight: int = 0
    #: tax on top of what the line costs, where the prices are without it
    tax: int = 0
    gift: bool = False
    shipped_qty: int = 0
    closed: bool = False
    #: none, asked, full
    refund: str = "none"
    refund_no: str = ""

    @property
    def goods(self) -> int:
        return self.unit * self.qty

    @property
    def off(self) -> int:
        return self.item_off + self.shop_off + self.platform_off + self.talent_off

    @property
    def paid(self) -> int:
        """What the buyer pays for the whole line, without freight and without tax on top."""
        return self.goods - self.off + self.adjust

    @property
    def left(self) -> int:
        """Pieces still to be shipped."""
        return 0 if self.closed else self.qty - self.shipped_qty


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """A shipped parcel: (line no, pieces) in it. `carrier` is the sandbox's own code."""

    carrier: str
    waybill: str
    at: int
    lines: tuple[tuple[str, int], ...]


class Refund(msgspec.Struct, kw_only=True):
    """One refund of one line, or of the whole order when `line_no` is empty.

    kind: before_shipping, return, refund_only · status: asked, agreed, returned, done, refused, closed.
    """

    no: str
    order_no: str
    line_no: str
    kind: str
    amount: int
    qty: int
    reason: str
    created: int
    modified: int
    status: str = "asked"
    done_at: int = 0
    agreed_at: int = 0
    carrier: str = ""
    waybill: str = ""
    #: who ended or moved it: platform, seller, buyer
    by: str = "buyer"


class Order(msgspec.Struct, kw_only=True):
    """One order of one shop as the platform knows it now."""

    platform: str
    no: str
    buyer: str
    receiver: Receiver
    lines: list[Line]
    freight: int
    created: int
    modified: int
    currency: str = "CNY"
    state: str = "unpaid"
    paid_at: int = 0
    #: when it stopped being held
    released_at: int = 0
    shipped_at: int = 0
    ended_at: int = 0
    ship_by: int = 0
    #: reason of the state `held`: group_unfinished, risk_control
    hold: str = ""
    #: why it was cancelled: timeout, buyer, refunded
    cancel: str = ""
    presale: bool = False
    deposit: int = 0
    cod: bool = False
    #: payment-channel promotion inside `payable` (douyin)
    channel_off: int = 0
    #: jd: what was really paid has arrived in the order data
    settled: bool = False
    remark: str = ""
    memo: str = ""
    flag: int = 0
    parcels: list[Parcel] = []
    refunds: list[str] = []
    #: what happens once it is shipped: (seconds later, event, arguments)
    after_ship: list[tuple[int, str, dict[str, Any]]] = []
    #: counts changes; 1 at creation
    version: int = 1
    #: address changes; ciphers change with it
    address_no: int = 0
    #: lists show it from this time on
    visible_from: int = 0

    @property
    def key(self) -> tuple[str, str]:
        return self.platform, self.no

    @property
    def goods(self) -> int:
        return sum(x.goods for x in self.lines)

    @property
    def payable(self) -> int:
        """Σ goods + freight + tax on top − discounts + manual changes."""
        return sum(x.paid for x in self.lines) + self.freight + self.tax

    @property
    def tax(self) -> int:
        """Tax on top of the prices."""
        return sum(x.tax for x in self.lines)

    @property
    def shop_off(self) -> int:
        return sum(x.item_off + x.shop_off for x in self.lines)

    @property
    def platform_off(self) -> int:
        return sum(x.platform_off for x in self.lines)

    @property
    def talent_off(self) -> int:
        return sum(x.talent_off for x in self.lines)

    @property
    def adjust(self) -> int:
        return sum(x.adjust for x in self.lines)

    @property
    def paid(self) -> int:
        """What the buyer has paid so far."""
        if self.paid_at:
            return 0 if self.cod else self.payable
        return self.deposit if self.state == "deposit" else 0

    def line(self, no: str) -> Line | None:
        return next((x for x in self.lines if x.no == no), None)

    def money(self) -> dict[str, int]:
        """The named components; goods + freight + tax − discounts + adjust = payable."""
        return {
            "goods": self.goods,
            "freight": self.freight,
            "shop_discount": self.shop_off,
            "platform_discount": self.platform_off,
            "talent_discount": self.talent_off,
            "adjust": self.adjust,
            "payable": self.payable,
            "paid": self.paid,
            **({"tax": self.tax} if self.tax else {}),
        }

    def to_book(self) -> dict[str, Any]:
        """The order as the book tells it; clear receiver data stays out, its key is in."""
        return {
            "platform": self.platform,
            "order": self.no,
            "state": self.state,
            "hold": self.hold,
            "cancel": self.cancel,
            "buyer": self.buyer,
            "receiver": self.receiver.key,
            "province": self.receiver.province,
            "created": iso(self.created),
            "paid_at": iso(self.paid_at) if self.paid_at else "",
            "modified": iso(self.modified),
            "version": self.version,
            "presale": self.presale,
            "money": self.money(),
            "lines": [line_to_book(x) for x in self.lines],
            "parcels": [
                {"carrier": p.carrier, "waybill": p.waybill, "lines": [list(x) for x in p.lines]} for p in self.parcels
            ],
            "refunds": list(self.refunds),
            **({"currency": self.currency} if self.currency != "CNY" else {}),
        }


def line_to_book(line: Line) -> dict[str, Any]:
    """A line with what it is made of; `pieces` per SKU is for the whole line."""
    return {
        "line": line.no,
        "listing": line.listing.listing,
        "code": line.listing.code,
        "qty": line.qty,
        "unit": line.unit,
        "off": line.off,
        "adjust": line.adjust,
        "paid": line.paid,
        "gift": line.gift,
        "shipped": line.shipped_qty,
        "closed": line.closed,
        "refund": line.refund,
        "pieces": line.listing.pieces(line.qty),
        "mapped": line.listing.known,
    }
