"""Taobao: the contract, and the traps of its own protocol."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.documents import Doubt, LevelUpdate, NoticeParcel, OrderDocument, ShipNotice
from adapters.errors import AdapterError, BadAnswer, NotAuthorised, QuotaSpent, Refused, Retryable
from adapters.ports import Retry
from tests.adapters.contract import PlatformContract
from tests.adapters.fakes import BIG, FakeTaobao, read_local
from tests.adapters.kit import NOON, Rig, items


class TestTaobao(PlatformContract):
    fake = FakeTaobao
    told_wait_s = 2.0

    def without_lines(self, raw: str, empty: str) -> bytes:
        payload = json.loads(raw)
        payload["orders"]["order"] = json.loads(empty)
        return json.dumps(payload).encode()

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = payload["orders"]["order"][0]
        return line


# ================================================================ traps of this protocol


def order(**change: Any) -> OrderDocument:
    world = FakeTaobao(1)
    with Rig("taobao", world) as rig:
        item = rig.adapter.translate("orders", json.dumps({**world.payload(world.rows[0]), **change}).encode())
        assert isinstance(item.document, OrderDocument), item.detail
        return item.document


def line(**change: Any) -> dict[str, Any]:
    base = {"oid": BIG + 2, "num_iid": 71, "sku_id": "51", "price": "10.00", "num": 1, "payment": "10.00"}
    return {**base, **change}


def test_pages_are_asked_from_the_last_to_the_first_with_and_without_total() -> None:
    world = FakeTaobao(120)
    with Rig("taobao", world) as rig:
        rig.pull()
        asked = [(s.form["page_no"], s.form["use_has_next"]) for s in rig.server.seen]
    assert asked == [("1", "false"), ("3", "true"), ("2", "true"), ("1", "true"), ("1", "false")]


def test_a_window_longer_than_a_day_is_cut() -> None:
    world = FakeTaobao()
    with Rig("taobao", world) as rig:
        rig.pull(start=NOON - timedelta(days=3), end=NOON)
        spans = [
            (read_local(s.form["end_modified"]) - read_local(s.form["start_modified"])).total_seconds()
            for s in rig.server.seen
        ]
    assert len(spans) == 4
    assert all(span < 86400 for span in spans)


def test_times_on_the_wire_are_beijings() -> None:
    with Rig("taobao", FakeTaobao()) as rig:
        rig.pull(start=datetime(2025, 11, 19, 16, tzinfo=UTC), end=datetime(2025, 11, 19, 17, tzinfo=UTC))
        form = rig.server.seen[0].form
    assert (form["start_modified"], form["end_modified"]) == ("2025-11-20 00:00:00", "2025-11-20 01:00:00")


def test_a_line_without_its_share_is_computed_from_the_parts() -> None:
    lines = [line(payment="48.00", price="50.00", discount_fee="2.00", part_mjz_discount="3.07"), line(oid=BIG + 4)]
    doc = order(orders={"order": lines}, payment="54.93")
    assert doc.lines[0].paid_minor == 4493


def test_a_one_line_orders_payment_holds_the_freight() -> None:
    doc = order(payment="18.00", post_fee="8.00", orders={"order": [line(payment="18.00")]})
    assert doc.lines[0].paid_minor == 1000


def test_the_share_of_a_line_wins_where_it_is_sent() -> None:
    assert order(orders={"order": [line(divide_order_fee="9.99")]}).lines[0].paid_minor == 999


def test_a_sum_that_does_not_add_up_is_marked_not_bent() -> None:
    doc = order(payment="9.00")
    assert doc.payable_minor == 900
    assert [(d.field, d.raw) for d in doc.doubts if d.why == "sum_differs"] == [("payable_minor", "-100")]


def test_float_money_is_marked() -> None:
    doc = order(payment=10.0)
    assert doc.payable_minor == 1000
    assert any(d.why == "float_money" and d.field == "payment" for d in doc.doubts)


def test_a_deposit_is_not_paid() -> None:
    doc = order(
        status="WAIT_SELLER_SEND_GOODS", step_trade_status="FRONT_PAID_FINAL_NOPAID", step_paid_fee="3.00", type="step"
    )
    assert (doc.status, doc.paid_minor, doc.flags) == ("unpaid", 300, ("presale",))


def test_an_unpaid_order_owes_and_has_paid_nothing() -> None:
    doc = order(status="WAIT_BUYER_PAY", pay_time=None)
    assert (doc.status, doc.payable_minor, doc.paid_minor, doc.paid_at, doc.ship_by) == ("unpaid", 1000, 0, None, None)


def test_a_forbidden_order_is_paid_and_held() -> None:
    doc = order(status="PAID_FORBID_CONSIGN")
    assert (doc.status, doc.platform_hold) == ("paid", "risk_control")


def test_an_unknown_state_is_unknown_and_marked() -> None:
    doc = order(status="TRADE_ON_THE_MOON")
    assert doc.status == "unknown"
    assert any(d.why == "unknown_status" and d.raw == "TRADE_ON_THE_MOON" for d in doc.doubts)


def test_a_closed_line_is_closed_and_a_refunded_one_is_refunded() -> None:
    doc = order(orders={"order": [line(status="TRADE_CLOSED_BY_TAOBAO"), line(oid=BIG + 4, refund_status="SUCCESS")]})
    assert [(n.status, n.refund) for n in doc.lines] == [("closed", "none"), ("open", "full")]


@pytest.mark.parametrize(
    ("word", "state"),
    [("CLOSED", "none"), ("SELLER_REFUSE_BUYER", "asked"), ("WAIT_BUYER_CONFIRM_EXCHANGE_SELLER_SEND_GOODS", "asked")],
)
def test_refund_states_of_lines(word: str, state: str) -> None:
    assert order(orders={"order": [line(refund_status=word)]}).lines[0].refund == state


def test_a_city_directly_under_its_province_comes_in_the_district() -> None:
    where = order(receiver_state="河南省", receiver_city="", receiver_district="济源市").receiver
    assert (where.city, where.district) == ("济源市", "济源市")


def test_no_merge_key_comes_from_a_masked_nick() -> None:
    assert order(buyer_nick="m**7", receiver_name="王**", oaid="x").merge_key == ""
    doc = order(
        buyer_open_uid="AAuid", oaid="x", receiver_state="浙江省", receiver_city="杭州市", receiver_district="西湖区"
    )
    assert doc.merge_key == "AAuid|浙江省|杭州市|西湖区"
    assert doc.merge_confirm


def test_an_item_without_variants_is_its_own_listing() -> None:
    doc = order(orders={"order": [line(sku_id=None)]})
    assert (doc.lines[0].listing_id, doc.lines[0].product_id) == ("71", "71")


def test_the_latest_shipping_time_is_a_rule_and_says_so() -> None:
    doc = order()
    assert doc.paid_at is not None and doc.ship_by == doc.paid_at + timedelta(hours=48)
    assert Doubt(field="ship_by", why="derived") in doc.doubts
    with Rig("taobao", FakeTaobao(1), options={"ship_within_h": 0}) as rig:
        item = rig.adapter.translate("orders", json.dumps(FakeTaobao(1).payload(FakeTaobao(1).rows[0])).encode())
    assert isinstance(item.document, OrderDocument) and item.document.ship_by is None


def test_a_message_the_list_left_out_is_fetched() -> None:
    world = FakeTaobao(3)
    world.rows[1].change = {"has_buyer_message": True}

    def handler(seen: Any) -> Any:
        if seen.form["method"] == "taobao.trade.fullinfo.get":
            world.details.append(seen.form["tid"])
            payload = {**world.payload(world.rows[1]), "buyer_message": "早点发"}
            return {"trade_fullinfo_get_response": {"trade": payload}}
        return world(seen)

    with Rig("taobao", handler) as rig:
        pull, batches = rig.pull()
    assert world.details == [str(world.rows[1].number)]
    remarks = [i.document.buyer_remark for i in items(batches) if isinstance(i.document, OrderDocument)]
    assert sorted(remarks) == ["", "", "早点发"]
    assert pull.report.proof == "counted" and pull.report.distinct == 3


@pytest.mark.parametrize(
    "trades",
    [{"trade": None}, {}, None, {"trade": []}],
)
def test_nothing_in_the_window_comes_in_many_forms(trades: Any) -> None:
    with Rig("taobao", lambda _: {"trades_sold_increment_get_response": {"trades": trades, "total_results": 0}}) as rig:
        pull, batches = rig.pull()
    assert items(batches) == [] and pull.report.proof == "counted"


def test_simplified_answers_and_single_objects_are_read() -> None:
    payload = FakeTaobao(1).payload(FakeTaobao(1).rows[0])
    with Rig("taobao", FakeTaobao()) as rig:
        for trades in ([payload], {"trade": payload}):
            answer = json.dumps({"trades_sold_increment_get_response": {"trades": trades, "total_results": 1}}).encode()
            assert [i.number for i in rig.adapter.parse("orders", answer)] == [str(BIG)]


def test_an_answer_without_a_list_is_no_empty_list() -> None:
    with Rig("taobao", lambda _: {"something_else_response": {}}) as rig, pytest.raises(BadAnswer):
        rig.pull()


def error(code: int, sub: str = "", words: str = "") -> dict[str, Any]:
    return {"error_response": {"code": code, "msg": "m", "sub_code": sub, "sub_msg": words, "request_id": "r1"}}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (
            error(7, "accesscontrol.limited-by-app-access-count", "This ban will last for 43201 more seconds"),
            QuotaSpent,
        ),
        (error(25), Refused),
        (error(11), Refused),
        (error(15, "isv.trade-not-exist"), Refused),
        (error(530, "isv.something"), Refused),
        (error(15, "isp.remote-service-error"), Retryable),
        (error(10), Retryable),
        (error(530, "new.kind"), BadAnswer),
    ],
)
def test_codes_and_sub_codes_say_what_to_do(reply: dict[str, Any], kind: type[AdapterError]) -> None:
    with Rig("taobao", lambda _: reply, retry=Retry(waits_s=(1.0,))) as rig:
        with pytest.raises(kind) as caught:
            rig.pull()
        assert caught.value.request_id == "r1"
        assert rig.breaker.failures == (0 if kind in (Refused, QuotaSpent) else 1)


def test_a_remote_timeout_may_have_shipped() -> None:
    world = FakeTaobao(1)
    with Rig("taobao", world) as rig:
        rig.server.next(error(15, "isp.top-remote-connection-timeout"))
        notice = PlatformContract.notice(TestTaobao(), world.rows[0].number)
        assert rig.adapter.ship([notice])[0].outcome == "unknown"


def test_each_parcel_names_its_lines() -> None:
    world = FakeTaobao(1)
    number = str(world.rows[0].number)
    parcels = (
        NoticeParcel(carrier="DEPPON", waybill="D1", lines=(("11", "a", "p", 1), ("12", "b", "p", 2))),
        NoticeParcel(carrier="ZTO", waybill="Z1", lines=(("13", "c", "p", 1),)),
    )
    with Rig("taobao", world) as rig:
        calls = rig.adapter.ship_calls(ShipNotice(key="n", platform_order_no=number, parcels=parcels))
    assert [c.api for c in calls] == ["taobao.logistics.offline.send"] * 2
    assert [(c.params["company_code"], c.params["is_split"], c.params["sub_tid"]) for c in calls] == [
        ("DBKD", 1, "11,12"), ("ZTO", 1, "13"),
    ]  # fmt: skip


def test_a_line_in_two_parcels_takes_the_newer_call() -> None:
    parcels = tuple(NoticeParcel(carrier="SF", waybill=w, lines=(("11", "a", "p", 1),)) for w in ("S1", "S2"))
    with Rig("taobao", FakeTaobao()) as rig:
        (call,) = rig.adapter.ship_calls(ShipNotice(key="n", platform_order_no="1", parcels=parcels))
    assert call.api == "alibaba.ascp.logistics.offline.send"
    assert [p["goods"] for p in call.params["consign_pkgs"]] == [[{"sub_tid": "11", "num": 1}]] * 2


def test_a_notice_that_was_not_taken_is_refused() -> None:
    world = FakeTaobao(1)
    with Rig("taobao", world) as rig:
        rig.server.next({"logistics_offline_send_response": {"shipping": {"is_success": False}}})
        result = rig.adapter.ship([PlatformContract.notice(TestTaobao(), world.rows[0].number)])[0]
    assert (result.outcome, result.code) == ("refused", "not_successful")


def test_the_lines_tell_what_left_where_no_waybill_is_told() -> None:
    world = FakeTaobao(1)
    world.rows[0].change = {
        "status": "SELLER_CONSIGNED_PART",
        "orders": {"order": [line(status="WAIT_BUYER_CONFIRM_GOODS")]},
    }
    part = NoticeParcel(carrier="SF", waybill="S1", lines=((str(BIG + 2), "51", "71", 1),))
    notice = ShipNotice(key="n", platform_order_no=str(BIG), parcels=(part,), complete=False)
    other = ShipNotice(
        key="m", platform_order_no=str(BIG), complete=False,
        parcels=(NoticeParcel(carrier="SF", waybill="S2", lines=(("other", "x", "y", 1),)),),
    )  # fmt: skip
    with Rig("taobao", world) as rig:
        assert [r.outcome for r in rig.adapter.shipped([notice, other])] == ["done", "retry"]


def test_variants_of_one_item_go_together_by_twenty() -> None:
    updates = [LevelUpdate(key=str(i), listing_id=f"9{i}", product_id="71", qty=i) for i in range(25)]
    updates.append(LevelUpdate(key="alone", listing_id="72", product_id="72", qty=4))
    world = FakeTaobao()
    with Rig("taobao", world) as rig:
        assert {r.outcome for r in rig.adapter.set_levels(updates)} == {"done"}
    methods = [(f["method"], f.get("skuid_quantities", "").count(":")) for f in world.effects]
    assert sorted(methods) == [
        ("taobao.item.quantity.update", 0), ("taobao.skus.quantity.update", 5), ("taobao.skus.quantity.update", 20),
    ]  # fmt: skip
    assert all(f["type"] == "1" for f in world.effects)


def test_merge_groups_put_each_number_in_one_group() -> None:
    reply = {"top_oaid_merge_response": {"tid_list": {"string": ["1,3", "2"]}, "request_id": "r"}}
    with Rig("taobao", lambda _: reply) as rig:
        assert rig.adapter.merge_groups([("1", "a"), ("2", "b"), ("3", "a"), ("4", "c")]) == [
            ("1", "3"),
            ("2",),
            ("4",),
        ]
        assert json.loads(rig.server.seen[0].form["merge_list"])[0] == {"oaid": "a", "tid": "1"}


def test_a_token_that_cannot_be_renewed_asks_for_the_merchant() -> None:
    def handler(seen: Any) -> Any:
        return (
            {"error": "invalid_grant", "error_description": "refresh token expired"}
            if seen.path == "/token"
            else error(27)
        )

    with Rig("taobao", handler) as rig, pytest.raises(NotAuthorised, match="refresh token expired"):
        rig.pull()


def test_cash_on_delivery_is_to_ship_and_not_paid_yet() -> None:
    doc = order(type="cod", pay_time=None)
    assert (doc.status, doc.flags, doc.payable_minor, doc.paid_minor) == ("paid", ("cod",), 1000, 0)
