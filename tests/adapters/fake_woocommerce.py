"""A small scripted WooCommerce site: orders in pages with totals in the header, their refunds, products in batches."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.adapters.fakes import BIG, Fake, Row
from tests.adapters.kit import NOON, Reply, Seen

DATE = "Thu, 20 Nov 2025 04:00:01 GMT"


def gmt(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"


def trouble(code: str, status: int = 400, message: str = "no") -> dict[str, Any]:
    return {"code": code, "message": message, "data": {"status": status}}


class FakeWoo(Fake):
    platform = "woocommerce"
    refused: Reply = trouble("rest_invalid_param")
    unknown_code: Reply = trouble("something_new")
    cursor_stuck = False

    @property
    def throttled_2s(self) -> Reply:  # type: ignore[override]
        return httpx.Response(429, content=b"<html>slow</html>", headers={"Retry-After": "2"})

    @property
    def busy(self) -> Reply:  # type: ignore[override]
        return httpx.Response(500, json=trouble("internal_server_error", 500))

    def payload(self, row: Row) -> dict[str, Any]:
        meta = []
        if row.shipped:
            meta = [
                {"id": 1, "key": "_tracking_number", "value": ",".join(w for _, w in row.shipped)},
                {"id": 2, "key": "_tracking_provider", "value": ",".join(c for c, _ in row.shipped)},
            ]
        created = gmt(NOON - timedelta(hours=3))
        return {
            "id": row.number, "status": "completed" if row.shipped else "processing", "currency": "USD", "date_created_gmt": created,
            "date_modified_gmt": gmt(row.modified), "date_paid_gmt": created, "date_completed_gmt": None, "discount_total": "0.00",
            "shipping_total": "0.00", "total": "10.00", "total_tax": "0.00", "customer_id": 7, "customer_note": "", "payment_method": "stripe",
            "billing": {"first_name": "Ada", "last_name": "Example", "address_1": "1 Sample St", "phone": "+1"}, "shipping": {},
            "line_items": [{
                "id": row.number + 1, "name": "Tee", "product_id": 71, "variation_id": 51, "quantity": 1, "subtotal": "10.00", "total": "10.00", "sku": "S1",
            }],
            "fee_lines": [], "refunds": [], "meta_data": meta, **row.change,
        }  # fmt: skip

    def broken(self) -> dict[str, Any]:
        return {"total": "ten"}

    def float_id(self) -> dict[str, Any]:
        return {"id": float(BIG)}

    def __call__(self, seen: Seen) -> Reply:
        path = seen.path.partition("/wp-json/wc/v3")[2]
        if path == "/orders":
            return self.listed(seen)
        number = re.search(r"/orders/(\d+)", path)
        if number and path.endswith("/notes"):
            self.effects.append((path, seen.json))
            return {"id": 5, "note": seen.json["note"]}
        if number:
            return self.one(seen, self.find(number[1]), number[1])
        if path.endswith("/batch"):
            return self.batch(path, seen.json["update"])
        if "/products/" in path:
            return {"id": 51, "stock_quantity": 17}
        raise AssertionError(path)

    def listed(self, seen: Seen) -> Reply:
        q = seen.query
        start = datetime.fromisoformat(q["modified_after"]).replace(tzinfo=UTC) + timedelta(seconds=1)
        end = datetime.fromisoformat(q["modified_before"]).replace(tzinfo=UTC) - timedelta(seconds=1)
        page, size = int(q["page"]), int(q["per_page"])
        part, total = self.select(start, end, page - 1, size)
        headers = {"X-WP-Total": str(total), "Date": DATE}
        if page * size < total or self.cursor_stuck:
            to = 2 if self.cursor_stuck else page + 1
            headers["Link"] = f'<https://shop.example.com/wp-json/wc/v3/orders?per_page={size}&page={to}>; rel="next"'
        body = json.dumps([self.payload(r) for r in part], ensure_ascii=False).encode()
        return httpx.Response(200, content=body, headers=headers)

    def one(self, seen: Seen, row: Row | None, number: str) -> Reply:
        if row is None:
            self.details.append(number)
            return httpx.Response(404, json=trouble("woocommerce_rest_shop_order_invalid_id", 404))
        if seen.method == "GET":
            self.details.append(number)
            return self.payload(row)
        meta = {m["key"]: m["value"] for m in seen.json["meta_data"]}
        row.shipped += zip(meta["_tracking_provider"].split(","), meta["_tracking_number"].split(","), strict=True)
        self.effects.append(seen.json)
        return self.payload(row)

    def batch(self, path: str, rows: list[dict[str, Any]]) -> Reply:
        self.effects.append((path, rows))
        return {
            "update": [
                {"id": r["id"], "error": {"code": "woocommerce_rest_product_invalid_id", "message": "Invalid ID.", "data": {"status": 400}}}
                if r["id"] == 666 else {"id": r["id"], "stock_quantity": r["stock_quantity"]}
                for r in rows
            ]
        }  # fmt: skip
