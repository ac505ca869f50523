"""Shopify Payments' balance transactions as rows of a statement.

A row is told in the columns of its REST twin (`shopify_payments/balance/transactions`), which the downloaded files have
too: so a pulled statement and a downloaded one are one thing. Source: the published Admin GraphQL schema 2026-10.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from adapters.core.fields import Scalar, text, truth
from adapters.core.shapes import Page
from adapters.errors import Unsupported
from adapters.platforms._shopify_orders import Money, PageInfo, Ref, tail

#: a type of GraphQL whose REST twin is not its own word in small letters
TYPES: Mapping[str, str] = {"TRANSFER": "payout"}


class Payout(msgspec.Struct):
    id: Scalar = None
    status: Scalar = None


class Booked(msgspec.Struct):
    id: Scalar = None
    type: Scalar = None
    test: Scalar = None
    transactionDate: Scalar = None
    amount: Money | None = None
    fee: Money | None = None
    net: Money | None = None
    sourceId: Scalar = None
    sourceType: Scalar = None
    sourceOrderTransactionId: Scalar = None
    associatedOrder: Ref | None = None
    associatedPayout: Payout | None = None


class Connection(msgspec.Struct):
    nodes: list[Booked] | None = None
    pageInfo: PageInfo | None = None


class Account(msgspec.Struct):
    balanceTransactions: Connection | None = None


class Data(msgspec.Struct):
    shopifyPaymentsAccount: Account | None = None


class Body(msgspec.Struct):
    data: Data


def page(body: bytes, shop: str) -> Page:
    """The rows of a page, and the cursor of the next.

    Raises:
        Unsupported: the shop is paid through other gateways, which have statements of their own.
    """
    account = msgspec.json.decode(body, type=Body).data.shopifyPaymentsAccount
    if account is None:
        raise Unsupported("shopify: statements of a shop that is not on Shopify Payments", shop=shop)
    found = account.balanceTransactions
    if found is None or found.pageInfo is None:
        raise ValueError("no list in it")
    items = [msgspec.json.encode(_row(booked)) for booked in found.nodes or ()]
    return Page(
        items=items, more=truth(found.pageInfo.hasNextPage, "hasNextPage"), cursor=text(found.pageInfo.endCursor)
    )


def _row(b: Booked) -> dict[str, object]:
    amount, payout = b.amount or Money(), b.associatedPayout
    word = text(b.type)
    return {
        "id": tail(b.id, "id"),
        "type": TYPES.get(word, word.lower()),
        "test": truth(b.test, "test"),
        "payout_id": tail(payout.id, "associatedPayout.id") if payout and payout.id else None,
        "payout_status": text(payout.status).lower() if payout else None,
        "currency": text(amount.currencyCode),
        "amount": text(amount.amount),
        "fee": text(b.fee.amount) if b.fee else "0.0",
        "net": text(b.net.amount) if b.net else None,
        "source_id": text(b.sourceId) or None,
        "source_type": text(b.sourceType).lower() or None,
        "source_order_id": tail(b.associatedOrder.id, "associatedOrder.id") if b.associatedOrder else None,
        "source_order_transaction_id": text(b.sourceOrderTransactionId) or None,
        "processed_at": text(b.transactionDate),
    }
