"""Refunds: what decides itself, what a person decides, and that money and pieces never pass what was paid and shipped."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.rules.refunds import Policy, after_stop, committed, fits, place_back, room, rule
from stores.records import Mark, Progress, Refund, RefundKind, RefundLine, RefundStatus, ShipLine
from tests.factories import T0, make_order


def refund(**changes: Any) -> Refund:
    base: dict[str, Any] = {
        "refund_no": "R1", "order_no": "1", "platform": "taobao", "seller_id": "2200001", "shop": "tmall", "platform_refund_no": "1",
        "kind": RefundKind.BEFORE_SHIPPING, "status": RefundStatus.ASKED, "amount_minor": 9_000, "asked_at": T0,
        "doc_modified_at": T0, "created_at": T0, "changed_at": T0,
    }  # fmt: skip
    return Refund(**{**base, **changes})


def said(
    one: Refund, *others: Refund, in_parcel: bool = False, policy: Policy = Policy(), **order: Any
) -> tuple[str, str]:
    return tuple(rule(one, make_order(**order), (one, *others), in_parcel=in_parcel, policy=policy))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("progress", "in_parcel", "expected"),
    [
        (Progress.UNPAID, False, ("approve", "unpaid")),
        (Progress.CREATED, False, ("approve", "unshipped")),
        (Progress.SOURCED, False, ("approve", "unshipped")),
        (Progress.MERGED, True, ("stop", "in_parcel")),
        (Progress.CANCELLED, False, ("approve", "unshipped")),
        (Progress.PARTLY_SHIPPED, True, ("wait", "shipped")),
        (Progress.SHIPPED, False, ("wait", "shipped")),
        (Progress.COMPLETED, False, ("wait", "shipped")),
    ],
)
def test_what_has_not_left_decides_itself(progress: Progress, in_parcel: bool, expected: tuple[str, str]) -> None:
    assert said(refund(), in_parcel=in_parcel, progress=progress) == expected


@pytest.mark.parametrize(
    ("changes", "policy", "reason"),
    [
        ({"marks": (Mark(field="amount_minor", why="float_money"),)}, Policy(), "doubtful_amount"),
        ({"amount_minor": 10_001}, Policy(), "exceeds_paid"),
        ({"amount_minor": -1}, Policy(), "exceeds_paid"),
        ({"currency": "USD"}, Policy(), "other_currency"),
        ({}, Policy(auto_up_to_minor=8_999), "amount_above"),
        ({}, Policy(auto_unshipped=False), "unshipped"),
        ({"kind": RefundKind.RETURN}, Policy(), "kind_return"),
        ({"kind": RefundKind.PRICE_PROTECTION}, Policy(), "kind_price_protection"),
        ({"status": RefundStatus.UNKNOWN}, Policy(), "is_unknown"),
        ({"decision": "refused"}, Policy(), "decided"),
    ],
)
def test_doubt_money_and_settings_leave_it_to_a_person(changes: Any, policy: Policy, reason: str) -> None:
    assert said(refund(**changes), policy=policy) == ("wait", reason)


def test_a_setting_leaves_unpaid_orders_to_a_person() -> None:
    assert said(refund(), policy=Policy(auto_unpaid=False), progress=Progress.UNPAID) == ("wait", "unpaid")


def test_the_warehouses_answer_decides_a_stopped_parcel() -> None:
    assert after_stop("stopped") == ("approve", "unshipped_and_stopped")
    assert after_stop("asked") == ("wait", "stop_asked")
    assert after_stop("too_late") == ("wait", "too_late")


def test_what_was_agreed_to_before_takes_up_room() -> None:
    agreed = refund(refund_no="R2", amount_minor=2_000, decision="approved")
    asked = refund(refund_no="R3", amount_minor=5_000)
    closed = refund(refund_no="R4", amount_minor=5_000, status=RefundStatus.CLOSED)
    assert committed([agreed, asked, closed]) == 2_000
    assert room(make_order(), [agreed, asked, closed]) == 8_000
    assert not fits(make_order(), [agreed], refund(amount_minor=8_001))
    assert fits(make_order(), [agreed], refund(amount_minor=8_000))


amounts = st.lists(st.tuples(st.integers(0, 12_000), st.sampled_from(list(RefundStatus)), st.booleans()), max_size=6)


@given(paid=st.integers(0, 20_000), rows=amounts)
def test_refunds_that_fit_one_after_the_other_never_pass_what_was_paid(
    paid: int, rows: list[tuple[int, RefundStatus, bool]]
) -> None:
    order = make_order(paid_minor=paid)
    kept: list[Refund] = []
    for n, (amount, status, _) in enumerate(rows):
        one = refund(refund_no=f"R{n}", amount_minor=amount, status=status)
        if fits(order, kept, one):
            kept.append(msgspec.structs.replace(one, decision="approved"))
    assert committed(kept) <= paid


def ship_line(no: int, sku: str, shipped: int, returned: int = 0, line: int = 1) -> ShipLine:
    return ShipLine(
        order_no="1", ship_no=no, line_no=line, sku=sku, qty=shipped, shipped_qty=shipped, returned_qty=returned
    )


LINE = RefundLine(refund_no="R1", order_no="1", line_no=2, qty=1, amount_minor=1)


def test_pieces_go_back_to_the_lines_of_the_refund_first() -> None:
    back = place_back([ship_line(1, "A", 2, line=1), ship_line(2, "A", 1, line=2)], [LINE], {"A": 1}, {"A": 1})
    assert [(b.ship_no, b.good, b.defective) for b in back] == [(2, 1, 0), (1, 0, 1)]


def test_more_than_left_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="A: 1 more"):
        place_back([ship_line(1, "A", 2, returned=1)], [LINE], {"A": 1}, {"A": 1})
    with pytest.raises(ValueError, match="B: 1 more"):
        place_back([ship_line(1, "A", 2)], [LINE], {"B": 1}, {})


@given(
    lines=st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 5), st.integers(0, 5)), max_size=5),
    good=st.dictionaries(st.sampled_from("AB"), st.integers(1, 6)),
    bad=st.dictionaries(st.sampled_from("AB"), st.integers(1, 6)),
)
def test_every_piece_finds_its_line_or_all_are_refused(
    lines: list[tuple[str, int, int]], good: dict[str, int], bad: dict[str, int]
) -> None:
    parts = [ship_line(n, sku, shipped, min(back, shipped)) for n, (sku, shipped, back) in enumerate(lines, 1)]
    free: dict[str, int] = {}
    for p in parts:
        free[p.sku] = free.get(p.sku, 0) + p.shipped_qty - p.returned_qty
    possible = all(good.get(s, 0) + bad.get(s, 0) <= free.get(s, 0) for s in {*good, *bad})
    try:
        back = place_back(parts, [LINE], good, bad)
    except ValueError:
        assert not possible
        return
    assert possible
    for b in back:
        part = parts[b.ship_no - 1]
        assert b.good + b.defective <= part.shipped_qty - part.returned_qty
    for sku in {*good, *bad}:
        assert sum(b.good for b in back if b.sku == sku) == good.get(sku, 0)
        assert sum(b.defective for b in back if b.sku == sku) == bad.get(sku, 0)
