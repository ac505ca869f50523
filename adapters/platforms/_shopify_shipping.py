"""Which of an order's fulfilment orders hold the lines of a parcel. Names from the sources named in shopify.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from adapters.core.fields import FieldError, Scalar, count, ident, text
from adapters.platforms._shopify_orders import Ref, tail


class _Place(msgspec.Struct):
    location: Ref | None = None


class _HeldLine(msgspec.Struct):
    id: Scalar = None
    remainingQuantity: Scalar = None
    lineItem: Ref | None = None


class _HeldLines(msgspec.Struct):
    nodes: list[_HeldLine] = []


class _FulfilmentOrder(msgspec.Struct):
    id: Scalar = None
    status: Scalar = None
    assignedLocation: _Place | None = None
    lineItems: _HeldLines | None = None


class _FulfilmentOrders(msgspec.Struct):
    nodes: list[_FulfilmentOrder] = []


class _OpenOrder(msgspec.Struct):
    fulfillmentOrders: _FulfilmentOrders | None = None


class _OpenData(msgspec.Struct):
    order: _OpenOrder | None = None


class _OpenBody(msgspec.Struct):
    data: _OpenData


class Held:
    """What an order's fulfilment orders still hold of its lines; drawn down by each parcel."""

    def __init__(self, body: bytes) -> None:
        order = msgspec.json.decode(body, type=_OpenBody).data.order
        self._left: list[list[Any]] = []
        for fo in order.fulfillmentOrders.nodes if order and order.fulfillmentOrders else ():
            place = fo.assignedLocation.location if fo.assignedLocation else None
            for line in fo.lineItems.nodes if fo.lineItems else ():
                number = tail(line.lineItem.id if line.lineItem else None, "lineItem.id")
                left = count(line.remainingQuantity, "remainingQuantity", 0)
                where = text(place.id) if place else ""
                self._left.append([number, left, where, ident(fo.id, "id"), ident(line.id, "lineItems.id")])

    def take(self, lines: Sequence[tuple[str, int]]) -> list[list[dict[str, Any]]]:
        """Lay the pieces of a parcel onto them: per location the lines by fulfilment order.

        What nothing holds any more is laid on its last one, so that Shopify says no to it.

        Raises:
            FieldError: a line that no fulfilment order has.
        """
        laid: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for number, qty in lines:
            mine = [row for row in self._left if row[0] == number]
            if not mine:
                raise FieldError("lines", "no_line", "no fulfilment order holds it")
            rest = qty
            for row in sorted(mine, key=lambda r: -r[1]):
                part = rest if row is mine[-1] and not any(r[1] for r in mine) else min(rest, row[1])
                if part > 0:
                    row[1] -= min(part, row[1])
                    laid.setdefault(row[2], {}).setdefault(row[3], []).append({"id": row[4], "quantity": part})
                    rest -= part
            if rest:
                laid.setdefault(mine[-1][2], {}).setdefault(mine[-1][3], []).append(
                    {"id": mine[-1][4], "quantity": rest}
                )
        return [
            [{"fulfillmentOrderId": fo, "fulfillmentOrderLineItems": rows} for fo, rows in by_order.items()]
            for by_order in laid.values()
        ]
