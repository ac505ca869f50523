"""Payment channels of the sandbox: WeChat Pay v3 and the Alipay gateway, their buyers, notifications and bills.

Written from the channels' documents alone, like the platforms. Each dialect is a module of this package with the
functions of `adapters.sandbox.dialects.Dialect` and `notice`, what it posts to a notify_url; the till (`till.py`) is
what they have in common: payments, refunds, buyers that pay as the world's clock moves, notifications on their
schedule, and the days' bills.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from adapters.sandbox.dialects import Dialect
from adapters.sandbox.faults import CHANNELS

__all__ = ["CHANNELS", "Channel", "find"]

if TYPE_CHECKING:
    from adapters.sandbox.pay.notices import Notice
    from adapters.sandbox.pay.state import Back, Payment
    from adapters.sandbox.pay.till import Till
    from adapters.sandbox.world import World


class Channel(Dialect, Protocol):
    """What a channel's module has beyond a platform's: its side of a notification."""

    #: waits between deliveries of one notification, in seconds; one more delivery than waits at most
    WAITS: tuple[int, ...]

    def notice_id(self, world: World, n: int) -> str:
        """Number of the world's n-th notification."""
        ...

    def told(self, till: Till, payment: Payment, back: Back | None, status: str, *, forged: bool) -> dict[str, Any]:
        """What a notification says of a payment or a refund now; `forged`: as if the payment had been paid."""
        ...

    def tell(self, tree: dict[str, Any], payment: Payment, amount: int) -> dict[str, Any]:
        """The same with another order amount."""
        ...

    def notice(self, till: Till, notice: Notice, now: int) -> tuple[Mapping[str, str], bytes]:
        """Headers and body of one delivery, signed anew; forged in the way its mode says."""
        ...

    def acknowledged(self, status: int, body: bytes) -> bool:
        """Whether an answer ends the deliveries."""
        ...


def find(name: str) -> Channel:
    """The module of a channel."""
    return cast(Channel, import_module(f"{__name__}.{name}"))
