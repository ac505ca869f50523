"""Documents as they were pulled, and their state."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stores.records.base import Record


class InboxItem(Record, frozen=True, kw_only=True):
    """A document as it was pulled: neutral JSON beside the untouched raw bytes."""

    #: ``{kind}:{platform}:{seller_id}:{number}``, the one unique key
    key: str
    kind: str
    platform: str
    seller_id: str
    shop: str
    #: the platform's order or refund number
    number: str
    modified_at: datetime
    #: of the neutral document
    hash: str
    #: neutral document as JSON; empty for what could not be read
    document: bytes
    raw: bytes
    #: set when it could not be read: reason code; the item is born parked
    parked: str = ""


class InboxEntry(Record, frozen=True, kw_only=True):
    """An inbox item's changing state, with its document when it was claimed."""

    key: str
    kind: str
    platform: str
    seller_id: str
    shop: str
    number: str
    modified_at: datetime
    hash: str
    #: waiting, pushed or parked
    status: str
    reason: str = ""
    facts: dict[str, Any] = {}
    first_seen_at: datetime
    seen_at: datetime
    attempts: int = 0
    document: bytes = b""
