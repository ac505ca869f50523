"""WooCommerce's trees: the order and the refund of REST version 3.

Source: the order and refund controllers of woocommerce/woocommerce and the pages of woocommerce-rest-api-docs. Amounts are
text with the site's decimals, without tax but for the totals; some figures are JSON numbers; times stand twice, on the
site's clock and as GMT, both without a zone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from adapters.sandbox import carriers
from adapters.sandbox.homes import Home
from adapters.sandbox.payloads import spoil
from adapters.sandbox.state import Line, Order, Refund
from adapters.sandbox.wire import digest, token_text

STATUS = {
    "unpaid": "pending",
    "deposit": "pending",
    "held": "on-hold",
    "paid": "processing",
    "partly_shipped": "processing",
    "shipped": "completed",
    "completed": "completed",
}
_BROKEN = {"money": "total", "id": "id", "time": "date_modified_gmt"}
_FORM = "%Y-%m-%dT%H:%M:%S"
_BASE = "https://shop.example.com/wp-json/wc/v3/orders"


def status(order: Order) -> str:
    if order.state == "cancelled":
        return "refunded" if order.cancel == "refunded" else "cancelled"
    return STATUS[order.state]


def _gmt(at: int) -> str | None:
    return datetime.fromtimestamp(at, UTC).strftime(_FORM) if at else None


class Writer:
    """Writes the trees of one site."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def _local(self, at: int) -> str | None:
        return datetime.fromtimestamp(at, self._home.clock).strftime(_FORM) if at else None

    def _text(self, minor: int) -> str:
        return self._home.text(minor)

    def _number(self, minor: int) -> float | int:
        """A figure that PHP writes as a number: whole ones without a point."""
        value = minor / 10**self._home.digits
        return int(value) if value == int(value) else value

    def order(self, order: Order, refunds: list[Refund]) -> dict[str, Any]:
        """One order; `refunds`: those that were paid back."""
        off = sum(x.off for x in order.lines)
        place = self._place(order)
        return {
            "id": int(order.no),
            "parent_id": 0,
            "number": order.no,
            "order_key": f"wc_order_{token_text(13, 'key', order.no)}",
            "created_via": "checkout",
            "version": "10.3.0",
            "status": status(order),
            "currency": order.currency,
            "date_created": self._local(order.created),
            "date_created_gmt": _gmt(order.created),
            "date_modified": self._local(order.modified),
            "date_modified_gmt": _gmt(order.modified),
            "discount_total": self._text(off),
            "discount_tax": self._text(0),
            "shipping_total": self._text(order.freight),
            "shipping_tax": self._text(0),
            "cart_tax": self._text(order.tax),
            "total": self._text(order.payable),
            "total_tax": self._text(order.tax),
            "prices_include_tax": False,
            # one buyer in nine is a guest
            "customer_id": 0 if digest("guest", order.buyer) % 9 == 0 else 20 + digest("customer", order.buyer) % 10**6,
            "customer_ip_address": "203.0.113.7",
            "customer_user_agent": "Mozilla/5.0",
            "customer_note": order.remark,
            "billing": {**place, "email": "buyer@example.com", "phone": order.receiver.phone},
            "shipping": {**place, "phone": ""},
            "payment_method": "stripe",
            "payment_method_title": "Card",
            "transaction_id": f"ch_{token_text(12, 'charge', order.no)}" if order.paid_at else "",
            "date_paid": self._local(order.paid_at),
            "date_paid_gmt": _gmt(order.paid_at),
            "date_completed": self._local(order.shipped_at),
            "date_completed_gmt": _gmt(order.shipped_at),
            "cart_hash": "",
            "meta_data": _meta(order),
            "line_items": [self._line(x) for x in order.lines],
            "tax_lines": self._taxes(order),
            "shipping_lines": self._shipping(order),
            "fee_lines": [],
            "coupon_lines": self._coupons(order, off),
            "refunds": [
                {"id": int(r.no.partition("-")[2]), "reason": r.reason, "total": self._text(-r.amount)} for r in refunds
            ],
            "payment_url": f"https://shop.example.com/checkout/order-pay/{order.no}/?pay_for_order=true",
            "is_editable": order.state == "unpaid",
            "needs_payment": order.state == "unpaid",
            "needs_processing": True,
            "currency_symbol": "$",
            "_links": {"self": [{"href": f"{_BASE}/{order.no}"}], "collection": [{"href": _BASE}]},
        }

    def _place(self, order: Order) -> dict[str, Any]:
        r = order.receiver
        given, _, family = r.name.partition(" ")
        street, _, more = r.detail.partition(", ")
        return {
            "first_name": given,
            "last_name": family,
            "company": "",
            "address_1": street,
            "address_2": more,
            "city": r.city,
            "state": r.province,
            "postcode": r.zip,
            "country": r.country,
        }

    def _line(self, line: Line) -> dict[str, Any]:
        """Totals are after discounts, subtotals before; the price is a number that may be rounded."""
        listing = line.listing
        whole = {"id": 75, "total": self._text(line.tax), "subtotal": self._text(line.tax)}
        return {
            "id": _line_id(line),
            "name": listing.title,
            "product_id": int(listing.product),
            "variation_id": 0 if listing.listing == listing.product else int(listing.listing),
            "quantity": line.qty,
            "tax_class": "",
            "subtotal": self._text(line.goods),
            "subtotal_tax": self._text(line.tax),
            "total": self._text(line.paid),
            "total_tax": self._text(line.tax),
            "taxes": [whole] if line.tax else [],
            "meta_data": [
                {
                    "id": 1,
                    "key": "pa_kind",
                    "value": "x",
                    "display_key": listing.variant[0],
                    "display_value": listing.variant[1],
                }
            ],
            "sku": listing.code or None,
            "price": self._number(line.paid // line.qty),
            "image": {"id": "", "src": ""},
            "parent_name": None,
        }

    def _taxes(self, order: Order) -> list[dict[str, Any]]:
        if not order.tax:
            return []
        tax = {
            "id": 318,
            "rate_code": "US-CA-STATE TAX",
            "rate_id": 75,
            "label": "State Tax",
            "compound": False,
            "tax_total": self._text(order.tax),
            "shipping_tax_total": self._text(0),
            "rate_percent": self._home.tax / 100,
            "meta_data": [],
        }
        return [tax]

    def _shipping(self, order: Order) -> list[dict[str, Any]]:
        way = {
            "id": 317,
            "method_title": "Flat Rate",
            "method_id": "flat_rate",
            "instance_id": "1",
            "total": self._text(order.freight),
            "total_tax": self._text(0),
            "taxes": [],
            "meta_data": [],
        }
        return [way]

    def _coupons(self, order: Order, off: int) -> list[dict[str, Any]]:
        if not off:
            return []
        coupon = {
            "id": 319,
            "code": "welcome",
            "discount": self._text(off),
            "discount_tax": self._text(0),
            "meta_data": [],
            "discount_type": "fixed_cart",
            "nominal_amount": self._number(off),
            "free_shipping": False,
        }
        return [coupon]

    def refund(self, order: Order, refund: Refund) -> dict[str, Any]:
        """One refund; what went back for a line is negative there."""
        line = order.line(refund.line_no) or order.lines[0]
        no = int(refund.no.partition("-")[2])
        freight = refund.amount - line.paid - line.tax
        item = {**self._line(line), "id": no + 1, "quantity": -refund.qty}
        for name, minor in (
            ("subtotal", line.paid),
            ("subtotal_tax", line.tax),
            ("total", line.paid),
            ("total_tax", line.tax),
        ):
            item[name] = self._text(-minor)
        item["taxes"] = []
        item["meta_data"] = [{"id": 2, "key": "_refunded_item_id", "value": str(_line_id(line))}]
        ways = [{**self._shipping(order)[0], "id": no + 2, "total": self._text(-freight)}] if freight else []
        return {
            "id": no,
            "date_created": self._local(refund.done_at),
            "date_created_gmt": _gmt(refund.done_at),
            "amount": self._text(refund.amount),
            "reason": refund.reason,
            "refunded_by": 1,
            "refunded_payment": False,
            "meta_data": [],
            "line_items": [item],
            "shipping_lines": ways,
            "tax_lines": [],
            "fee_lines": [],
            "_links": {
                "self": [{"href": f"{_BASE}/{order.no}/refunds/{no}"}],
                "collection": [{"href": f"{_BASE}/{order.no}/refunds"}],
                "up": [{"href": f"{_BASE}/{order.no}"}],
            },
        }


def _line_id(line: Line) -> int:
    return int(line.no)


def _meta(order: Order) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"id": 13106, "key": "_wc_order_attribution_source_type", "value": "typein"}]
    if order.parcels:
        numbers = ",".join(p.waybill for p in order.parcels)
        names = ",".join(carriers.of(p.carrier).at(order.platform) for p in order.parcels)
        found += [
            {"id": 13107, "key": "_tracking_number", "value": numbers},
            {"id": 13108, "key": "_tracking_provider", "value": names},
        ]
    return found


def spoilt(tree: dict[str, Any], broken: str, floats: str) -> dict[str, Any]:
    """The tree with the order's faults."""
    if floats:
        tree["total"] = float(tree["total"])
    return spoil(tree, broken, _BROKEN)
