"""The contracts of what is kept. One contract suite (`tests/stores/contract_*.py`) runs against every engine.

Cut for the weakest engine to come (a sharded MySQL behind a proxy, MongoDB, Redis):

- no method takes a transaction or a connection; no caller relies on two stores being one file;
- every call takes a batch and returns one outcome per item, in the order given;
- the unit of atomicity is one order (or parcel, key, SKU set of one ask); a batch is only an optimisation;
- a claim is a lease with an expiry and a token that is checked when work is written, never a lock held during work;
- a store's times come from its own clock; callers pass durations.

All raise `stores.errors.StoreError` subclasses only.
"""

from __future__ import annotations

from stores.contracts.bus import Bus, Event
from stores.contracts.inbox import Inbox
from stores.contracts.ledger import Ledger
from stores.contracts.orders import (
    PARTS,
    REFUNDED_LINES,
    Change,
    Claimed,
    NewOrder,
    OrderQuery,
    Orders,
    ParcelChange,
    RefundChange,
)
from stores.contracts.payments import BackChange, PaymentChange, Payments
from stores.contracts.reports import Reports
from stores.contracts.settlement import OpenItems, Settlement
from stores.contracts.stock import DrainedStock, Mended, Stock

__all__ = [
    "PARTS",
    "REFUNDED_LINES",
    "BackChange",
    "Bus",
    "Change",
    "Claimed",
    "DrainedStock",
    "Event",
    "Inbox",
    "Ledger",
    "Mended",
    "NewOrder",
    "OpenItems",
    "OrderQuery",
    "Orders",
    "ParcelChange",
    "PaymentChange",
    "Payments",
    "RefundChange",
    "Reports",
    "Settlement",
    "Stock",
]
