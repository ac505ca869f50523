"""The one contract of all messengers, and the call they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import httpx
import msgspec

from adapters.core.transport import tls_context
from adapters.errors import AdapterError, Refused, Retryable

TIMEOUT_S = 10.0


class AlertMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is told: what happened, how often, and the command to type next. Never personal data."""

    title: str
    severity: str
    hint: str = ""
    count: int = 1


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send; url and secret are read at use."""

    kind: str
    url: Callable[[], str]
    secret: Callable[[], str]
    to: tuple[str, ...] = ()
    #: httpx.BaseTransport for tests; None: the network
    transport: httpx.BaseTransport | None = None

    def __repr__(self) -> str:
        return f"Target(kind={self.kind!r}, to={len(self.to)}, ***)"


class Notifier(ABC):
    """Sends one message per call."""

    def __init__(self, target: Target) -> None:
        self.target = target

    @abstractmethod
    def send(self, message: AlertMessage) -> None:
        """Send, or raise an AdapterError: Retryable when it may be tried again, Refused when not."""

    def post(self, url: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
        """POST JSON and return the JSON answer; errors become ours, without the address, which holds a secret."""
        try:
            with httpx.Client(
                transport=self.target.transport, timeout=TIMEOUT_S, verify=tls_context(), trust_env=False
            ) as http:
                answer = http.post(url, json=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # `from None`: the error carries the request, and the robot's address is its secret.
            raise Retryable(f"{self.target.kind}: {type(error).__name__}") from None
        if answer.status_code >= 500 or answer.status_code == 429:
            raise Retryable(f"{self.target.kind}: HTTP {answer.status_code}")
        if answer.status_code >= 400:
            raise Refused(f"{self.target.kind}: HTTP {answer.status_code}")
        try:
            found: dict[str, Any] = answer.json()
        except ValueError:
            found = {}
        return found


def text_of(message: AlertMessage) -> str:
    """The message as a few plain lines."""
    head = f"[{message.severity}] {message.title}"
    times = f" (×{message.count})" if message.count > 1 else ""
    return f"{head}{times}" + (f"\n→ {message.hint}" if message.hint else "")


__all__ = ["AdapterError", "AlertMessage", "Notifier", "Target", "text_of"]
