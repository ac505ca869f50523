"""Whole valid documents for tests; a test names only what it is about."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from adapters.documents import LineDocument, OrderDocument, Pulled, ReceiverDocument, RefundDocument

T0 = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
SELLER = "2200001"


def line_document(**changes: Any) -> LineDocument:
    base: dict[str, Any] = {
        "platform_line_no": "9001", "listing_id": "480001", "product_id": "620001", "code": "SKU-1", "title": "毛衣",
        "qty": 2, "unit_minor": 5_000, "paid_minor": 9_000, "refund": "none",
    }  # fmt: skip
    return LineDocument(**{**base, **changes})


def order_document(**changes: Any) -> OrderDocument:
    """A paid order of one line: 2 × 50.00, 10.00 off, 8.00 freight, payable and paid 98.00."""
    from adapters.documents import AdjustmentDocument

    base: dict[str, Any] = {
        "platform": "taobao", "seller_id": SELLER, "platform_order_no": "3890012345678901234", "status": "paid",
        "status_raw": "WAIT_SELLER_SEND_GOODS", "ordered_at": T0 - timedelta(minutes=10), "paid_at": T0 - timedelta(minutes=9),
        "modified_at": T0 - timedelta(minutes=8), "ship_by": T0 + timedelta(hours=48), "goods_minor": 10_000, "freight_minor": 800,
        "adjustments": (AdjustmentDocument(kind="discount", minor=-1_000),), "payable_minor": 9_800, "paid_minor": 9_800,
        "buyer_id": "AAbuyer1", "merge_key": "k1",
        "receiver": ReceiverDocument(name="张三", phone="13800000001", address="示例路1号", province="浙江省", city="杭州市", district="西湖区"),
        "lines": (line_document(),),
    }  # fmt: skip
    return OrderDocument(**{**base, **changes})


def refund_document(**changes: Any) -> RefundDocument:
    base: dict[str, Any] = {
        "platform": "taobao", "seller_id": SELLER, "platform_refund_no": "180001", "platform_order_no": "3890012345678901234",
        "platform_line_no": "9001", "kind": "before_shipping", "status": "asked", "amount_minor": 9_000, "qty": 2,
        "asked_at": T0, "modified_at": T0,
    }  # fmt: skip
    return RefundDocument(**{**base, **changes})


def pulled(document: OrderDocument | RefundDocument) -> Pulled:
    """The document as an adapter would hand it over."""
    orders = isinstance(document, OrderDocument)
    number = document.platform_order_no if isinstance(document, OrderDocument) else document.platform_refund_no
    return Pulled(
        kind="orders" if orders else "refunds", number=number, modified_at=document.modified_at, document=document,
        raw=msgspec.json.encode(document),
    )  # fmt: skip
