"""Vipshop's refunds: applications to cancel, and after-sale cases."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from adapters.documents import RefundAnswer, RefundDocument
from adapters.errors import Unsupported
from tests.adapters.fake_vipshop import FakeVipshop, failed, good
from tests.adapters.fakes import local
from tests.adapters.kit import NOON, Rig, items, sample

CASE: dict[str, Any] = json.loads(sample("vipshop", "refunds_cases"))["result"]["ascs"][0]


def refund(payload: dict[str, Any]) -> RefundDocument:
    with Rig("vipshop", FakeVipshop()) as rig:
        item = rig.adapter.translate("refunds", json.dumps(payload).encode())
    assert isinstance(item.document, RefundDocument), item.detail
    return item.document


@pytest.mark.parametrize(
    ("code", "status"),
    [("0", "asked"), ("1", "approved"), ("2", "refused"), ("3", "approved"), ("4", "refused"), ("9", "done"), ("10", "closed"), ("7", "unknown")],
)  # fmt: skip
def test_each_state_of_a_case_has_its_word(code: str, status: str) -> None:
    at_home = {**CASE["info"], "transport_info": None}
    doc = refund({**CASE, "info": at_home, "asc_brief": {**CASE["asc_brief"], "asc_status": code}})
    assert (doc.status, doc.goods) == (status, "unknown")
    on_its_way = refund({**CASE, "asc_brief": {**CASE["asc_brief"], "asc_status": code}})
    assert on_its_way.status == ("goods_back" if status == "approved" else status)
    assert (on_its_way.goods, on_its_way.waybill) == ("returned", "YT0000000000099")


@pytest.mark.parametrize(("code", "kind"), [(0, "return"), (1, "return"), (2, "unknown")])
def test_each_kind_of_a_case_has_its_word(code: int, kind: str) -> None:
    assert refund({**CASE, "asc_brief": {**CASE["asc_brief"], "asc_type": code}}).kind == kind


def test_amounts_of_a_case_are_read_by_their_digits() -> None:
    raw = json.dumps(CASE).replace('"refund_total": 199.0', '"refund_total": 1234567890.10')
    with Rig("vipshop", FakeVipshop()) as rig:
        item = rig.adapter.translate("refunds", raw.encode())
    assert isinstance(item.document, RefundDocument) and item.document.amount_minor == 123456789010


def application(audit: int, order_status: str = "10") -> RefundDocument:
    order = {"order_id": "1", "status": order_status, "payable_fee": "10.00", "created": "2025-11-20 09:00:00",
             "last_update_time": "2025-11-20 10:30:00"}  # fmt: skip
    return refund({"apply_sn": "C1", "order_id": "1", "audit_status": audit, "order": order})


@pytest.mark.parametrize(
    ("audit", "order_status", "status"),
    [(1, "10", "asked"), (2, "10", "approved"), (2, "97", "done"), (3, "10", "refused"), (4, "10", "closed"), (5, "10", "unknown")],
)  # fmt: skip
def test_each_state_of_an_application_has_its_word(audit: int, order_status: str, status: str) -> None:
    doc = application(audit, order_status)
    assert (doc.status, doc.kind, doc.amount_minor) == (status, "before_shipping", 1000)
    assert (doc.done_at is not None) == (status == "done")


def test_applications_are_read_with_their_orders_and_cases_with_their_amounts() -> None:
    world = FakeVipshop(1)
    world.applications["C1"] = {"apply_sn": "C1", "order_id": str(world.rows[0].number), "audit_status": 1}

    made = NOON - timedelta(minutes=90)

    def handler(seen: Any) -> Any:
        match seen.query["method"]:
            case "getAscs":
                order = {"order_id": str(world.rows[0].number), "asc_time": local(made)}
                brief = {**CASE["asc_brief"], **order}
                return good({"ascs": [{"asc_brief": brief}], "has_next": False})
            case "getAscInfo":
                return good(CASE["info"]) if seen.json["request"] == {"asc_sn": "AS2603100001"} else failed("vipapis.x")
            case _:
                return world(seen)

    with Rig("vipshop", handler) as rig:
        moved = world.rows[0].modified
        for scan, number, amount in (("cancels", "C1", 1000), ("cases", "SAS2603100001", 19900)):
            pull, batches = rig.pull("refunds", scan)
            # the fake tells its application for each day that is asked for
            item = items(batches)[-1]
            assert isinstance(item.document, RefundDocument)
            assert (item.number, item.document.amount_minor, pull.report.proof) == (number, amount, "exhausted")
            # neither tells its last change: that of the order stands for it, unless it was made later
            assert item.modified_at == item.document.modified_at == (moved if scan == "cancels" else made)
        reached = [s.json["request"] for s in rig.server.seen if s.query["method"] in ("getAscs", "batchGetCancelInfo")]
        assert reached[0]["start_time"] == local(NOON - timedelta(days=3, hours=2))
        assert next(r for r in reached if "query_start_time" in r)["query_start_time"] == local(
            NOON - timedelta(days=15, hours=2)
        )
        (again, gone) = rig.adapter.current(["C1", "C2"], kind="refunds")
        assert isinstance(again.document, RefundDocument) and again.document.amount_minor == 1000
        assert (gone.document, gone.error) == (None, "detail_failed")
        with pytest.raises(Unsupported):
            rig.adapter.current(["SAS1"], kind="refunds")


@pytest.mark.parametrize("told", [["getAscInfo"], ["getOrders"]])
def test_a_case_without_its_amount_or_order_is_asked_for_again(told: list[str]) -> None:
    def handler(seen: Any) -> Any:
        if seen.query["method"] in told:
            return failed("vipapis.miss-parameter")
        if seen.query["method"] == "getAscInfo":
            return good(CASE["info"])
        if seen.query["method"] == "getOrders":
            return good({"total": 1, "orders": [{"order_id": CASE["asc_brief"]["order_id"]}]})
        brief = {**CASE["asc_brief"], "asc_time": local(NOON - timedelta(minutes=90))}
        return good({"ascs": [{"asc_brief": brief}], "has_next": False})

    with Rig("vipshop", handler) as rig:
        pull, batches = rig.pull("refunds", "cases")
    assert {(i.number, i.error) for i in items(batches)} == {("SAS2603100001", "detail_failed")}
    assert pull.report.proof == ""


def test_an_application_is_audited_and_a_case_is_not_answered_here() -> None:
    world = FakeVipshop()
    answers = [
        RefundAnswer(key=act, platform_refund_no=no, platform_order_no="1", act=act, reason=reason)
        for act, no, reason in (("agree", "C1", ""), ("refuse", "C2", "已发"), ("agree", "SAS1", ""))
    ]
    with Rig("vipshop", world) as rig:
        got = rig.adapter.answer_refunds(answers)
    assert [(r.outcome, r.code) for r in got] == [("done", ""), ("done", ""), ("refused", "service_case")]
    assert world.effects == [
        {"apply_sn": "C1", "audit_status": 2},
        {"apply_sn": "C2", "audit_status": 3, "opinion": "已发..."},
    ]
