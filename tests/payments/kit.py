"""What the tests of payment channels share: the samples, and a channel with a scripted server behind it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx

from adapters.payments import find
from adapters.payments.base import ChannelConnection
from adapters.payments.documents import BackAsk, PayAsk
from adapters.ports import Retry
from tests.adapters.kit import FixedClock, Reply, Seen, Server

SAMPLES = Path(__file__).with_name("samples")
#: the day of the samples' bills
DAY = date(2026, 9, 1)
#: Beijing 10:16 of that day: within five minutes of the samples' notifications
NOON = datetime(2026, 9, 1, 2, 16, tzinfo=UTC)
#: Beijing 11:00 of the next day: the bills are made
NEXT_DAY = datetime(2026, 9, 2, 3, 0, tzinfo=UTC)

__all__ = ["DAY", "NEXT_DAY", "NOON", "SAMPLES", "Reply", "Rig", "Seen", "back_ask", "pay_ask", "sample", "sample_text"]


def sample(channel: str, name: str) -> bytes:
    return (SAMPLES / channel / name).read_bytes()


def sample_text(channel: str, name: str) -> str:
    return sample(channel, name).decode().strip()


def pay_ask(**changes: Any) -> PayAsk:
    values: dict[str, Any] = {
        "payment_no": "OMS20260901000009", "amount_minor": 8800, "title": "T恤 & 帽", "method": "native",
        "payer": "o-payer-1", "client_ip": "192.0.2.7", "expires_at": datetime(2026, 9, 1, 4, 0, tzinfo=UTC),
    }  # fmt: skip
    return PayAsk(**{**values, **changes})


def back_ask(**changes: Any) -> BackAsk:
    values: dict[str, Any] = {
        "back_no": "OMSR20260901000009", "payment_no": "OMS20260901000009", "amount_minor": 1200, "total_minor": 8800,
        "reason": "质量问题",
    }  # fmt: skip
    return BackAsk(**{**values, **changes})


class Rig:
    """A channel with its secrets in a dict, a clock that stands, and a scripted server behind it."""

    def __init__(self, channel: str, handler: Callable[[Seen], Reply], secrets: dict[str, str], **changes: Any) -> None:
        self.server = Server(handler)
        self.secrets = secrets
        self.keys: dict[str, str] = changes.pop("keys", {})
        self.clock = FixedClock(changes.pop("now", NOON))
        values: dict[str, Any] = {
            "alias": "pay-1", "secret": lambda name: self.secrets[name], "public_keys": lambda: self.keys,
            "clock": self.clock, "transport": httpx.MockTransport(self.server), "notify_url": "https://shop.example/pay",
            "retry": Retry(),
        }  # fmt: skip
        self.channel = find(channel)(ChannelConnection(**{**values, **changes}))

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.shut()
