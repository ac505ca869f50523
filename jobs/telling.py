"""Hints after commits: what was written is told on the bus, for whoever follows.

The status column is the truth. A bus that cannot be reached fails nothing: it is left alone for a while, and the sweeps
of the stages find what it would have told.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from stores.contracts import Change, Event, NewOrder
from stores.errors import StoreError

if TYPE_CHECKING:
    from jobs.env import Env
    from stores.contracts import Inbox, Orders
    from stores.records import InboxItem, Outcome, Progress

#: a document came or changed; its key is the inbox entry's
RECEIVED = "inbox.received"
#: a bus that failed is left alone so long
REST_S = 30.0

_log = logging.getLogger("oms.bus")


def topic(progress: Progress | str) -> str:
    """The topic of orders that came to be in this state."""
    return f"order.{progress}"


class Teller:
    """Publishes what happened, and takes no for an answer."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self._rests_until = 0.0

    def tell(self, told: Iterable[tuple[str, str]]) -> None:
        """(topic, key) of what was committed."""
        now = self._env.clock.now()
        events = [Event(topic=topic, key=key, at=now) for topic, key in told]
        if not events or time.monotonic() < self._rests_until:
            return
        try:
            bus = self._env.bus
            if bus is not None:
                bus.publish(events)
        except StoreError as error:
            self._rests_until = time.monotonic() + REST_S
            _log.warning("%s; nothing is told for %.0f s, the sweeps go on", error, REST_S)


class TellingOrders:
    """An order store that tells which orders came to which state."""

    def __init__(self, orders: Orders, teller: Teller) -> None:
        self._orders, self._teller = orders, teller

    def __getattr__(self, name: str) -> Any:
        return getattr(self._orders, name)

    def add(self, batch: Sequence[NewOrder], *, run_id: str) -> list[Outcome]:
        outcomes = self._orders.add(batch, run_id=run_id)
        new = {n.order.order_no: n.order.progress for n in batch}
        self._teller.tell((topic(new[o.key]), o.key) for o in outcomes if o.result == "done")
        return outcomes

    def apply(self, changes: Sequence[Change], *, run_id: str, lasting: bool = True) -> list[Outcome]:
        outcomes = self._orders.apply(changes, run_id=run_id, lasting=lasting)
        # whose hold ended is workable again where it stands
        moved = {c.order_no: c.to or (c.was if c.release else None) for c in changes}
        self._teller.tell((topic(to), o.key) for o in outcomes if o.result == "done" and (to := moved[o.key]))
        return outcomes


class TellingInbox:
    """An inbox that tells which documents came."""

    def __init__(self, inbox: Inbox, teller: Teller) -> None:
        self._inbox, self._teller = inbox, teller

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inbox, name)

    def put(self, items: Sequence[InboxItem]) -> list[Outcome]:
        outcomes = self._inbox.put(items)
        self._teller.tell((RECEIVED, o.key) for o in outcomes if o.result == "done")
        return outcomes

    def replay(self, keys: Sequence[str]) -> list[Outcome]:
        outcomes = self._inbox.replay(keys)
        self._teller.tell((RECEIVED, o.key) for o in outcomes if o.result == "done")
        return outcomes


def telling_orders(env: Env, orders: Orders) -> Orders:
    """The store as it is where there is no bus."""
    return cast("Orders", TellingOrders(orders, env.teller)) if env.settings.stores.bus else orders


def telling_inbox(env: Env, inbox: Inbox) -> Inbox:
    """As `telling_orders`."""
    return cast("Inbox", TellingInbox(inbox, env.teller)) if env.settings.stores.bus else inbox
