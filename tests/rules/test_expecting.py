"""What a platform should state about an order, as the order stands."""

from datetime import timedelta
from typing import Any

import pytest

from jobs.rules.expecting import Rate, expected_of
from stores.records import FullOrder, Membership, Progress, Refund, RefundKind, RefundState, RefundStatus
from stores.records.base import replace
from tests.factories import T0, make_full_order

DONE = {"progress": Progress.COMPLETED}


def told(full: FullOrder, basis: str = "completed", *rates: Rate) -> list[tuple[str, int, str]]:
    return [(e.kind, e.amount_minor, e.status) for e in expected_of(full, basis=basis, rates=rates)]


def a_refund(full: FullOrder, status: RefundStatus, amount: int = 3_000, **changes: Any) -> Refund:
    base: dict[str, Any] = {
        "refund_no": "R1", "order_no": full.order.order_no, "platform": "taobao", "seller_id": "1", "shop": "tmall",
        "platform_refund_no": "180", "kind": RefundKind.RETURN, "status": status, "amount_minor": amount, "asked_at": T0,
        "doc_modified_at": T0, "created_at": T0, "changed_at": T0,
    }  # fmt: skip
    return Refund(**{**base, **changes})


@pytest.mark.parametrize(
    ("progress", "basis", "status"),
    [
        (Progress.CREATED, "paid", "settled"),
        (Progress.SHIPPED, "completed", "pending"),
        (Progress.COMPLETED, "completed", "settled"),
        (Progress.CANCELLED, "paid", "settled"),
        (Progress.CANCELLED, "completed", "pending"),
    ],
)
def test_an_orders_money_is_due_when_the_platform_states_it(progress: Progress, basis: str, status: str) -> None:
    assert told(make_full_order(progress=progress), basis) == [("goods", 10_000, status)]


def test_an_order_that_was_never_paid_must_not_be_stated() -> None:
    cancelled = make_full_order(progress=Progress.CANCELLED, paid_at=None)
    assert told(cancelled, "paid") == [("goods", 10_000, "void")]
    assert told(make_full_order(progress=Progress.UNPAID, paid_at=None)) == []
    assert told(make_full_order(flags=("cod",), **DONE)) == []


@pytest.mark.parametrize(
    ("progress", "refund", "status"),
    [
        (Progress.COMPLETED, RefundStatus.DONE, "settled"),
        (Progress.COMPLETED, RefundStatus.APPROVED, "pending"),
        (Progress.COMPLETED, RefundStatus.REFUSED, "void"),
        (Progress.SHIPPED, RefundStatus.DONE, "pending"),
        (Progress.CANCELLED, RefundStatus.APPROVED, "pending"),
    ],
)
def test_a_refund_is_due_once_its_money_went_back_and_the_sale_is_stated(
    progress: Progress, refund: RefundStatus, status: str
) -> None:
    full = make_full_order(progress=progress)
    full = replace(full, refunds=(a_refund(full, refund),))
    assert told(full)[-1] == ("refund", -3_000, status)
    assert expected_of(full, basis="completed")[-1].refund_ref == "180"


def test_a_refund_before_the_sale_was_stated_is_booked_with_it() -> None:
    full = make_full_order(doc_modified_at=T0 + timedelta(days=5), **DONE)
    full = replace(full, refunds=(a_refund(full, RefundStatus.DONE),))
    assert [e.at for e in expected_of(full, basis="completed")] == [T0 + timedelta(days=5)] * 2
    assert expected_of(full, basis="paid")[-1].at == T0


def test_a_closed_order_of_whose_money_something_stayed_is_due() -> None:
    full = make_full_order(progress=Progress.CANCELLED)
    full = replace(full, refunds=(a_refund(full, RefundStatus.DONE, 9_200),))
    assert told(full) == [("goods", 10_000, "settled"), ("refund", -9_200, "settled")]
    assert told(full, "paid", Rate("commission", 250))[-1] == ("commission", -20, "pending")


def test_the_platforms_share_of_a_line_that_went_back_stays_with_it() -> None:
    full = make_full_order([("A", 1, 3_000), ("B", 1, 7_000)], subsidy_minor=1_001, **DONE)
    assert told(full)[1] == ("subsidy", 1_001, "settled")
    back = replace(full, lines=(replace(full.lines[0], refund_state=RefundState.FULL), full.lines[1]))
    assert told(back)[1] == ("subsidy", 701, "settled")


def test_fees_follow_their_rate_rounding_and_what_was_kept() -> None:
    full = make_full_order([("A", 1, 1_010), ("B", 1, 1_010)], **DONE)
    assert told(full, "completed", Rate("commission", 250))[1:] == [("commission", -51, "settled")]
    assert told(full, "completed", Rate("commission", 250, per_line=True))[1:] == [("commission", -50, "settled")]
    assert told(full, "completed", Rate("commission", 250, round_down=True))[1:] == [("commission", -50, "settled")]
    shipped = make_full_order([("A", 1, 1_000)], freight_minor=200, **DONE)
    assert told(shipped, "completed", Rate("commission", 1_000, of_freight=False))[1:] == [
        ("commission", -80, "settled")
    ]
    partly = replace(full, refunds=(a_refund(full, RefundStatus.DONE, 1_010),))
    assert told(partly, "completed", Rate("commission", 250))[-1] == ("commission", -25, "settled")
    assert told(make_full_order(progress=Progress.SHIPPED), "paid", Rate("commission", 250))[-1] == (
        "commission",
        -250,
        "pending",
    )


def test_orders_that_ship_together_name_their_parcel() -> None:
    full = make_full_order(**DONE)
    members = (Membership(order_no="x", parcel_no="P1", active=False), Membership(order_no="x", parcel_no="P2"))
    assert expected_of(replace(full, memberships=members), basis="completed")[0].group_ref == "P2"


def test_a_sale_is_dated_by_its_end_where_the_platform_tells_it_and_not_by_a_later_document() -> None:
    ended, touched = T0 + timedelta(hours=3), T0 + timedelta(hours=9)
    full = make_full_order(ended_at=ended, doc_modified_at=touched, **DONE)
    assert [e.at for e in expected_of(full, basis="completed")] == [ended]
    silent = make_full_order(doc_modified_at=touched, **DONE)
    assert [e.at for e in expected_of(silent, basis="completed")] == [touched]


def test_what_stays_of_an_order_whose_goods_all_came_back_is_due_though_it_stays_shipped() -> None:
    full = make_full_order(progress=Progress.SHIPPED, refund_state=RefundState.FULL)
    back = replace(full, refunds=(a_refund(full, RefundStatus.DONE, 9_000),))
    assert told(back) == [("goods", 10_000, "settled"), ("refund", -9_000, "settled")]
    whole = replace(full, refunds=(a_refund(full, RefundStatus.DONE, 10_000),))
    assert told(whole) == [("goods", 10_000, "pending"), ("refund", -10_000, "pending")]
