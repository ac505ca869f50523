"""Refunds: what decides itself, and what may come back."""

from typing import Any

import msgspec
import pytest

from jobs.rules.refunds import decide, received
from jobs.schema import RefundsSection
from stores.records import Mark, Progress, Refund, RefundKind, RefundLine, RefundStatus
from tests.factories import T0, make_full_order


def refund(**changes: Any) -> Refund:
    base: dict[str, Any] = {
        "refund_no": "R1", "order_no": "1", "platform": "taobao", "seller_id": "2200001", "shop": "tmall", "platform_refund_no": "1",
        "kind": RefundKind.BEFORE_SHIPPING, "status": RefundStatus.ASKED, "amount_minor": 9_000, "asked_at": T0,
        "doc_modified_at": T0, "created_at": T0, "changed_at": T0,
    }  # fmt: skip
    return Refund(**{**base, **changes})


@pytest.mark.parametrize(
    ("progress", "stop", "expected"),
    [
        (Progress.UNPAID, "", ("approved", "unpaid")),
        (Progress.SOURCED, "", ("approved", "unshipped")),
        (Progress.MERGED, "stopped", ("approved", "unshipped")),
        (Progress.MERGED, "asked", ("", "shipped_or_at_warehouse")),
        (Progress.SHIPPED, "", ("", "shipped_or_at_warehouse")),
    ],
)
def test_an_order_still_with_us_decides_itself(progress: Progress, stop: str, expected: tuple[str, str]) -> None:
    assert decide(refund(), make_full_order(progress=progress), RefundsSection(), stop) == expected


@pytest.mark.parametrize(
    ("changes", "rule", "reason"),
    [
        ({"marks": (Mark(field="amount", why="float_money"),)}, {}, "doubtful"),
        ({"amount_minor": 10_001}, {}, "more_than_paid"),
        ({}, {"auto_up_to_minor": 8_999}, "above_limit"),
        ({}, {"auto_unshipped": False}, "by_setting"),
    ],
)
def test_doubt_money_and_settings_leave_it_to_a_person(changes: Any, rule: Any, reason: str) -> None:
    assert decide(refund(**changes), make_full_order(), RefundsSection(**rule), "") == ("", reason)


def test_pieces_that_came_back_are_graded_within_what_was_shipped() -> None:
    full = make_full_order()
    shipped = tuple(msgspec.structs.replace(s, shipped_qty=2, warehouse="EAST") for s in full.ship_lines)
    full = msgspec.structs.replace(full, ship_lines=shipped)
    line = RefundLine(refund_no="R1", order_no=full.order.order_no, line_no=1, qty=2, amount_minor=9_000)
    back = received(full, [line], {"SKU-1": 1}, {"SKU-1": 1})
    assert [(x.good_qty, x.defective_qty) for x in back.lines] == [(1, 1)]
    assert back.warehouse_of == {"SKU-1": "EAST"}
    with pytest.raises(ValueError, match="3 came back, 2"):
        received(full, [line], {"SKU-1": 3}, {})
    with pytest.raises(ValueError, match="SKU-9"):
        received(full, [line], {"SKU-9": 1}, {})
