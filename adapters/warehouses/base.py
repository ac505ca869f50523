"""What a warehouse is told and what it answers, as data. A warehouse adapter turns it into its own layout and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

#: what a warehouse may answer to a stop request
ANSWERS = ("stopped", "too_late")


class PickLine(msgspec.Struct, frozen=True, kw_only=True):
    """One SKU of one parcel as the warehouse packs it. Receiver fields are personal data; `cipher` is the platform's
    own handle where it gives the receiver only to label printers."""

    handover_no: str
    parcel_no: str
    warehouse: str
    carrier: str
    #: the platform's latest time to ship, ISO with offset; empty: none
    ship_by: str = ""
    name: str = ""
    phone: str = ""
    province: str = ""
    city: str = ""
    district: str = ""
    town: str = ""
    address: str = ""
    zip: str = ""
    cipher: str = ""
    sku: str
    title: str = ""
    qty: int
    #: the platform's order numbers inside, joined with a blank
    orders: str = ""
    remark: str = ""

    def __repr__(self) -> str:
        return f"PickLine({self.parcel_no}, {self.sku} × {self.qty}, ***)"


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a warehouse says about one parcel: its waybill, or its answer to a stop request."""

    parcel_no: str
    carrier: str = ""
    waybill: str = ""
    #: empty, or one of `ANSWERS`
    answer: str = ""


class UnreadableReply(ValueError):
    """A row that says nothing we understand; the text is a reason code."""


class Warehouse(ABC):
    """One way of talking to warehouses."""

    name: ClassVar[str]
    title: ClassVar[str]
    #: where the layout is written down
    source: ClassVar[str]

    #: columns of a pick list in order
    pick_columns: ClassVar[Sequence[str]]
    #: header of a reply file, lower case → field of Reply
    reply_columns: ClassVar[Mapping[str, str]]
    #: fields without which a reply file cannot be read
    reply_needs: ClassVar[Sequence[str]] = ("parcel_no",)

    @abstractmethod
    def pick_row(self, line: PickLine) -> Sequence[object]:
        """One row of the pick list, in the order of `pick_columns`."""

    @abstractmethod
    def reply(self, cells: Mapping[str, str]) -> Reply:
        """Read one row of a reply file, its cells under the names of Reply's fields.

        Raises:
            UnreadableReply: with a reason code.
        """
