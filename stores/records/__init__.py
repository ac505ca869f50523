"""Records: what we keep, as frozen values. The only vocabulary that jobs and rules share with the stores.

Money is an int of the smallest unit beside an ISO 4217 currency; times are aware and UTC; quantities are pieces.
A change is a copy (`replace`). Nothing here knows an engine or a platform.
"""

from __future__ import annotations

from stores.records.base import Mark, Outcome, Record, replace
from stores.records.inbox import InboxEntry, InboxItem
from stores.records.orders import Adjustment, Edit, Hold, Line, Order, Receiver, Region, ShipLine, Step
from stores.records.parcels import Membership, Parcel, Waiting
from stores.records.payments import STANDING_BACKS, Back, Payment
from stores.records.refunds import Refund, RefundLine, Replacement, Sent
from stores.records.reports import Cell, Contribution, Standing
from stores.records.stock import Answer, Ask, Demand, JournalEntry, Level, Reservation, Snapshot, StockMove
from stores.records.sync import Lateness, Watermark, Window
from stores.records.whole import FullOrder
from stores.records.words import ParcelState, Progress, RefundKind, RefundState, RefundStatus
from stores.records.work import Alert, AuditEntry, Effect, Lease, Run, RunTally, Task, Token

__all__ = [
    "STANDING_BACKS",
    "Adjustment",
    "Alert",
    "Answer",
    "Ask",
    "AuditEntry",
    "Back",
    "Cell",
    "Contribution",
    "Demand",
    "Edit",
    "Effect",
    "FullOrder",
    "Hold",
    "InboxEntry",
    "InboxItem",
    "JournalEntry",
    "Lateness",
    "Lease",
    "Level",
    "Line",
    "Mark",
    "Membership",
    "Order",
    "Outcome",
    "Parcel",
    "ParcelState",
    "Payment",
    "Progress",
    "Receiver",
    "Record",
    "Refund",
    "RefundKind",
    "RefundLine",
    "RefundState",
    "RefundStatus",
    "Region",
    "Replacement",
    "Reservation",
    "Run",
    "RunTally",
    "Sent",
    "ShipLine",
    "Snapshot",
    "Standing",
    "Step",
    "StockMove",
    "Task",
    "Token",
    "Waiting",
    "Watermark",
    "Window",
    "replace",
]
