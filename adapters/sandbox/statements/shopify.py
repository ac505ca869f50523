"""Shopify Payments: the balance transactions of an account, as GraphQL tells them.

Source: the published Admin GraphQL schema 2026-10, ShopifyPaymentsAccount.balanceTransactions; amount less fee is net.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from adapters.sandbox.graphql import connection
from adapters.sandbox.payloads.shopify import Writer, gid
from adapters.sandbox.statements.rows import Row
from adapters.sandbox.wire import digest, iso

if TYPE_CHECKING:
    from adapters.sandbox.world import World

_TYPES = {"goods": ("CHARGE", "CHARGE"), "refund": ("REFUND", "REFUND")}


def transactions(
    world: World, writer: Writer, low: int, high: int, args: Mapping[str, Any], skip: int
) -> dict[str, Any]:
    """A page of what was booked in [low, high], oldest first; the cursor is the number of rows before the next."""
    found = list(world.statements.between("shopify", low, high))
    made: dict[str, Any] = connection(
        [_row(writer, r) for r in found[skip:]], "ShopifyPaymentsBalanceTransactionConnection"
    )(args)
    made["pageInfo"]["endCursor"] = str(skip + len(made["nodes"]))
    return made


def _row(writer: Writer, row: Row) -> dict[str, Any]:
    kind, source = _TYPES.get(row.kind, ("ADJUSTMENT", "ADJUSTMENT"))
    fee = -row.of("service_fee")

    def money(minor: int) -> dict[str, Any]:
        return dict(writer.bag(minor)["shopMoney"])

    return {
        "__typename": "ShopifyPaymentsBalanceTransaction",
        "id": gid("ShopifyPaymentsBalanceTransaction", row.ref),
        "type": kind,
        "test": False,
        "transactionDate": iso(row.at),
        "amount": money(row.amount + fee),
        "fee": money(fee),
        "net": money(row.amount),
        "sourceId": digest("source", row.ref) % 10**12,
        "sourceType": source,
        "sourceOrderTransactionId": digest("transaction", row.ref) % 10**12,
        "associatedOrder": {
            "__typename": "ShopifyPaymentsAssociatedOrder",
            "id": gid("Order", row.order),
            "name": f"#{row.order[-6:]}",
        }
        if row.order
        else None,
        "associatedPayout": {"__typename": "Payout", "id": None, "status": "PENDING"},
    }
