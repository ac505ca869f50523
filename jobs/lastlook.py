"""The last look: what the platform says right now about orders that are about to leave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.documents import OrderDocument, Pulled
from jobs.env import Env, RunHandle
from jobs.rules import numbers
from jobs.storing import inbox_key, store

if TYPE_CHECKING:
    from jobs.push import Pusher

#: document status in which an order may leave
_MAY = ("paid", "partly_shipped")


def last_look(env: Env, run: RunHandle, pulled: Sequence[Pulled], shop: str) -> dict[str, str]:
    """Store current documents, apply what changed, and name the orders that may not ship now.

    Args:
        pulled: answers of `Platform.current` for one shop.

    Returns:
        order_no → reason, for those that may not ship: ``unread``, ``status_…``, ``held``, ``refund_…``.
    """
    platform = env.platform(shop)
    store(env, shop, platform, "orders", pulled)
    seller = env.settings.shops[shop].seller_id
    blocked: dict[str, str] = {}
    wanted: dict[str, str] = {}
    for item in pulled:
        if not item.number:
            continue
        number = numbers.order_no(platform.name, seller, item.number)
        wanted[number] = inbox_key("orders", platform.name, seller, item.number)
        if not isinstance(item.document, OrderDocument):
            blocked[number] = "unread"
        elif item.document.status not in _MAY:
            blocked[number] = f"status_{item.document.status}"
    _apply(env, run, list(wanted.values()))
    for number, full in env.orders.load(list(wanted)).items():
        if number not in blocked:
            reason = _why_not(full.order.held, str(full.order.refund_state))
            if reason:
                blocked[number] = reason
    return blocked


def _why_not(held: int, refund: str) -> str:
    if held:
        return "held"
    return f"refund_{refund}" if refund in ("asked", "full") else ""


def _apply(env: Env, run: RunHandle, keys: Sequence[str]) -> None:
    """Push the documents that changed at once, whoever else may be pushing: the version on the order decides."""
    from jobs.push import Pusher

    changed = [e for e in env.inbox.get(keys).values() if e.status == "waiting" and e.document]
    if changed:
        pusher: Pusher = Pusher(env, run)
        # The entries stay waiting: the next push finds their version on the order and settles them as `same`.
        pusher.orders(changed)
