"""Pulled documents go into the inbox, each in its own right: what could not be read is born parked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from adapters.documents import Pulled
from jobs.env import Env
from stores.records import InboxItem

if TYPE_CHECKING:
    from adapters.platforms.base import Platform

_encode = msgspec.json.Encoder().encode
BATCH = 500


class Kept(NamedTuple):
    """What became of pulled items: (key, new|changed|same|older|parked, reason), and what was new to us."""

    outcomes: list[tuple[str, str, str]]
    #: (number, modified_at) of new and changed items
    fresh: list[tuple[str, datetime]]


def inbox_key(kind: str, platform: str, seller_id: str, number: str) -> str:
    """The one unique key of a document."""
    return f"{kind}:{platform}:{seller_id}:{number}"


def hash_of(content: bytes) -> str:
    """The digest by which a document's content is known again."""
    return blake2b(content, digest_size=16).hexdigest()


def store(env: Env, alias: str, platform: Platform, kind: str, items: Sequence[Pulled]) -> Kept:
    """Put items into the inbox, in sets.

    An item without a number gets one made of its content (``?`` and a digest), so that it is kept once.
    """
    now = env.clock.now()
    seller = env.settings.shops[alias].seller_id
    rows = [_row(alias, platform.name, seller, kind, item, now) for item in items]
    outcomes: list[tuple[str, str, str]] = []
    fresh: list[tuple[str, datetime]] = []
    for at in range(0, len(rows), BATCH):
        part = rows[at : at + BATCH]
        for row, outcome in zip(part, env.inbox.put(part), strict=True):
            what = outcome.reason or outcome.result
            if row.parked:
                what = "parked" if what in ("new", "changed") else what
            elif what in ("new", "changed"):
                fresh.append((row.number, row.modified_at))
            outcomes.append((row.key, what, row.parked))
    return Kept(outcomes, fresh)


def _row(alias: str, platform: str, seller: str, kind: str, item: Pulled, now: datetime) -> InboxItem:
    document = _encode(item.document) if item.document is not None else b""
    number = item.number or "?" + blake2b(item.raw, digest_size=10).hexdigest()
    return InboxItem(
        key=inbox_key(kind, platform, seller, number), kind=kind, platform=platform, seller_id=seller, shop=alias,
        number=number, modified_at=item.modified_at or now,
        hash=hash_of(document or item.raw), document=document, raw=item.raw,
        parked=(item.error or "unreadable") if item.document is None else "",
    )  # fmt: skip
