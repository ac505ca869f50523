"""The audit's rules, one table row per circumstance; releases are remembered by code and facts."""

from typing import Any

import msgspec
import pytest

from jobs.rules import audit
from stores.records import Hold, Mark, Refund, RefundKind, RefundState, RefundStatus, Region
from tests.factories import T0, make_full_order

BASE: dict[str, Any] = {
    "amount_above": {"CNY": 500_000}, "unexplained_above": 0, "remark_patterns": ("发票|开票",), "any_buyer_remark": False,
    "blacklist": ("bad-buyer",), "address_words": ("村",), "hold_flags": ("presale", "group_unfinished"),
}  # fmt: skip


def codes(full: Any, **changes: Any) -> list[str]:
    return [f.code for f in audit.findings(full, audit.limits(**{**BASE, **changes}))]


def test_a_plain_order_passes() -> None:
    assert codes(make_full_order()) == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"payable_minor": 500_000}, []),
        ({"payable_minor": 500_001}, ["audit.amount"]),
        ({"payable_minor": 500_001, "currency": "USD"}, []),
        ({"unexplained_minor": 1}, ["audit.unexplained"]),
        ({"unexplained_minor": -1}, ["audit.unexplained"]),
        ({"buyer_key": "bad-buyer"}, ["audit.blacklist"]),
        ({"buyer_key": ""}, []),
        ({"region": Region(province="浙江省", city="杭州市", town="河口村")}, ["audit.address"]),
        ({"region": Region()}, []),
        ({"flags": ("presale",)}, ["audit.presale"]),
        ({"flags": ("gift",)}, []),
        ({"flags": ("group_unfinished", "presale")}, ["audit.group_unfinished", "audit.presale"]),
        ({"flags": ("hold_risk_control", "platform_hold")}, ["audit.platform_hold"]),
        ({"refund_state": RefundState.ASKED}, ["audit.refund_pending"]),
        ({"refund_state": RefundState.FULL}, ["audit.refund_pending"]),
    ],
)
def test_a_head_is_held_for_what_it_says(changes: dict[str, Any], found: list[str]) -> None:
    assert codes(make_full_order(**changes)) == found


@pytest.mark.parametrize(
    ("remarks", "settings", "found"),
    [
        ({"buyer_remark": "请开票"}, {}, ["audit.remark"]),
        ({"seller_remark": "补发票"}, {}, ["audit.remark"]),
        ({"buyer_remark": "尽快"}, {}, []),
        ({"buyer_remark": "尽快"}, {"any_buyer_remark": True}, ["audit.buyer_remark"]),
        ({"buyer_remark": "  "}, {"any_buyer_remark": True}, []),
        ({"seller_remark": "尽快"}, {"any_buyer_remark": True}, []),
        ({"buyer_remark": "请开票"}, {"remark_patterns": ()}, []),
    ],
)
def test_a_remark_is_held_when_it_wants_a_person(
    remarks: dict[str, Any], settings: dict[str, Any], found: list[str]
) -> None:
    assert codes(make_full_order(**remarks), **settings) == found


def test_a_tolerated_rest_does_not_hold() -> None:
    assert codes(make_full_order(unexplained_minor=5), unexplained_above=5) == []


def test_facts_never_show_a_remark() -> None:
    full = make_full_order(buyer_remark="张三 13800000001 开票")
    shown = str(audit.findings(full, audit.limits(**{**BASE, "any_buyer_remark": True})))
    assert "13800000001" not in shown
    assert "张三" not in shown


def test_an_unmapped_line_is_held_with_the_listing_to_map() -> None:
    full = make_full_order([("SKU-1", 1, 100), ("", 1, 100)], line={"listing_id": "480009", "code": ""})
    finding = audit.unmapped(full, audit.limits(**BASE))
    assert finding == ("audit.unmapped", {"lines": [2], "listings": ["480009"]})


def test_an_order_whose_lines_all_closed_has_nothing_to_ship() -> None:
    assert codes(make_full_order(line={"status": "closed"})) == ["audit.nothing_to_ship"]


def test_a_partly_refunded_order_passes_when_the_refunded_goods_are_off_the_list() -> None:
    full = make_full_order([("SKU-1", 1, 100), ("SKU-2", 1, 100)], refund_state=RefundState.PARTLY)

    lines = (msgspec.structs.replace(full.lines[0], refund_state=RefundState.FULL), full.lines[1])
    still_there = msgspec.structs.replace(full, lines=lines)
    assert codes(still_there) == ["audit.refund_pending"]
    assert [s.ship_no for s in audit.unshipped_refunds(still_there)] == [1]
    closed = (msgspec.structs.replace(full.ship_lines[0], status="closed"), full.ship_lines[1])
    assert codes(msgspec.structs.replace(still_there, ship_lines=closed)) == []


def test_a_partial_repayment_of_a_line_that_still_ships_is_held() -> None:
    full = make_full_order(refund_state=RefundState.PARTLY, line={"refund_state": RefundState.PARTLY})
    assert codes(full) == ["audit.refund_pending"]
    assert audit.unshipped_refunds(full) == ()


@pytest.mark.parametrize(
    ("field", "why", "decides"),
    [
        ("payment", "float_money", "money"),
        ("lines[0].unit_minor", "unit_unproven", "money"),
        ("subsidy_minor", "unit_unproven", ""),
        ("payable_minor", "sum_differs", ""),
        ("payable_minor", "not_sent", "money"),
        ("lines[0].paid_minor", "not_sent", ""),
        ("status", "unknown_status", "state"),
        ("lines[0].listing_id", "float_id", "shipping"),
        ("receiver.address", "not_sent", "shipping"),
        ("buyer_remark", "not_sent", ""),
        ("ship_by", "derived", ""),
        ("lines[2].qty", "derived", "shipping"),
    ],
)
def test_a_doubt_holds_only_where_it_decides_money_state_or_shipping(field: str, why: str, decides: str) -> None:
    full = make_full_order(marks=(Mark(field=field, why=why, raw="1"),))
    assert audit.decides(full.order.marks[0]) == decides
    assert codes(full) == (["audit.doubt"] if decides else [])


def test_the_platforms_own_hold_is_not_repeated_by_the_audit() -> None:
    hold = Hold(order_no="x", code="platform", owner="platform", since=T0, released_at=T0)
    assert codes(make_full_order(flags=("platform_hold",), holds=(hold,))) == []


# ------------------------------------------------------------------ releases


def standing(full: Any) -> list[str]:
    found = audit.findings(full, audit.limits(**BASE))
    return [f.code for f in audit.standing(full, found)]


def released(code: str, facts: dict[str, Any]) -> Hold:
    return Hold(order_no="x", code=code, facts=facts, since=T0, released_at=T0)


def test_a_released_finding_with_the_same_facts_does_not_hold_again() -> None:
    facts = {"payable_minor": 600_000, "currency": "CNY", "above": 500_000}
    assert standing(make_full_order(payable_minor=600_000, holds=(released("audit.amount", facts),))) == []


def test_other_facts_hold_again() -> None:
    facts = {"payable_minor": 600_000, "currency": "CNY", "above": 500_000}
    assert standing(make_full_order(payable_minor=700_000, holds=(released("audit.amount", facts),))) == [
        "audit.amount"
    ]


def test_an_open_hold_is_no_release() -> None:
    hold = Hold(order_no="x", code="audit.presale", facts={"flag": "presale"}, since=T0)
    assert standing(make_full_order(flags=("presale",), holds=(hold,))) == ["audit.presale"]


def test_what_cannot_be_shipped_holds_whatever_was_released() -> None:
    full = make_full_order([("", 1, 100)], line={"code": "", "listing_id": "L"})
    facts = {"lines": [1], "listings": ["L"]}

    assert standing(msgspec.structs.replace(full, holds=(released("audit.unmapped", facts),))) == ["audit.unmapped"]


def test_a_refund_asked_for_anew_holds_although_an_earlier_one_was_released() -> None:
    def refund(number: str) -> Refund:
        return Refund(
            refund_no="R" + number, order_no="x", platform="taobao", seller_id="1", shop="s", platform_refund_no=number,
            kind=RefundKind.BEFORE_SHIPPING, status=RefundStatus.ASKED, asked_at=T0, doc_modified_at=T0, created_at=T0,
            changed_at=T0,
        )  # fmt: skip

    line = {"refund_state": RefundState.ASKED}
    first = make_full_order(refund_state=RefundState.ASKED, line=line, refunds=(refund("1"),))
    facts = audit.findings(first, audit.limits(**BASE))[0].facts

    holds = (released("audit.refund_pending", facts),)
    assert standing(msgspec.structs.replace(first, holds=holds)) == []
    again = msgspec.structs.replace(first, holds=holds, refunds=(refund("1"), refund("2")))
    assert standing(again) == ["audit.refund_pending"]


def test_a_pattern_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match=r"\(发票"):
        audit.limits(**{**BASE, "remark_patterns": ("(发票",)})
