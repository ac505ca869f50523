"""Youzan: the contract, and the traps of its own protocol."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from adapters.documents import LevelUpdate, NoticeParcel, OrderDocument, RefundAnswer, RefundDocument, ShipNotice
from adapters.errors import (
    AdapterError,
    BadAnswer,
    NotAuthorised,
    NotVerified,
    Refused,
    Retryable,
    Throttled,
    Unreadable,
)
from adapters.platforms.youzan import event_sign
from adapters.ports import Retry
from tests.adapters.contract import PlatformContract
from tests.adapters.fake_youzan import FakeYouzan, bad, gateway
from tests.adapters.fakes import BIG, local
from tests.adapters.kit import NOON, Rig, Seen, items, sample


class TestYouzan(PlatformContract):
    fake = FakeYouzan

    def without_lines(self, raw: str, empty: str) -> bytes:
        payload = json.loads(raw)
        payload["full_order_info"]["orders"] = json.loads(empty)
        return json.dumps(payload).encode()

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = payload["full_order_info"]["orders"][0]
        return line


# ================================================================ reading


def order(options: dict[str, Any] | None = None, **change: Any) -> OrderDocument:
    """The one order of a small world; names of changes have __ for a dot."""
    world = FakeYouzan(1)
    world.rows[0].change = {path.replace("__", "."): value for path, value in change.items()}
    with Rig("youzan", world, options=options or {}) as rig:
        item = rig.adapter.translate("orders", json.dumps(world.payload(world.rows[0])).encode())
        assert isinstance(item.document, OrderDocument), item.detail
        return item.document


def info(**change: Any) -> dict[str, Any]:
    return {f"full_order_info__order_info__{name}": value for name, value in change.items()}


def line(**change: Any) -> dict[str, Any]:
    return {"oid": "9", "item_id": 71, "sku_id": 51, "num": 1, "price": "10.00", "payment": "10.00", **change}


def test_the_token_rides_in_the_query_and_the_version_in_the_path() -> None:
    with Rig("youzan", FakeYouzan(1)) as rig:
        rig.pull()
        (seen,) = rig.server.seen
    assert (seen.path, seen.query) == ("/api/youzan.trades.sold.get/4.0.4", {"access_token": "token-1"})
    assert set(seen.json) == {"page_no", "page_size", "start_update", "end_update"}
    assert (seen.json["start_update"], seen.json["page_no"]) == ("2025-11-20 10:00:00", 1)


def test_pages_are_read_from_the_last_one() -> None:
    with Rig("youzan", FakeYouzan(250)) as rig:
        rig.pull()
        asked = [(s.json["page_no"], s.json["page_size"]) for s in rig.server.seen]
    assert asked == [(1, 100), (3, 100), (2, 100), (1, 100), (1, 1)]


@pytest.mark.parametrize(
    ("word", "status", "hold"),
    [("WAIT_BUYER_PAY", "unpaid", ""), ("TRADE_PAID", "paid", ""), ("WAIT_CONFIRM", "paid", "group_unfinished"),
     ("WAIT_SELLER_SEND_GOODS", "paid", ""), ("WAIT_BUYER_CONFIRM_GOODS", "shipped", ""), ("TRADE_SUCCESS", "completed", ""),
     ("TRADE_CLOSED", "cancelled", ""), ("NEW_WORD", "unknown", "")],
)  # fmt: skip
def test_each_state_has_its_word(word: str, status: str, hold: str) -> None:
    doc = order(**info(status=word))
    assert (doc.status, doc.platform_hold) == (status, hold)
    assert any(d.why == "unknown_status" for d in doc.doubts) == (status == "unknown")


def refunded(*states: object, oid: str = "9") -> list[dict[str, Any]]:
    return [{"refund_id": f"r{s}", "refund_state": s, "oids": [{"oid": oid}]} for s in states]


@pytest.mark.parametrize(
    ("states", "refund", "number"),
    [((1,), "asked", "r1"), ((10,), "asked", "r10"), ((20,), "asked", "r20"), ((30,), "asked", "r30"), ((40,), "asked", "r40"),
     ((50,), "none", ""), ((60,), "full", "r60"), ((50, 60), "full", "r60"), ((60, 1), "asked", "r1"), ((1, 50), "asked", "r1"),
     ((77,), "asked", "r77"), ((), "none", "")],
)  # fmt: skip
def test_the_cases_of_a_line_say_its_state(states: tuple[int, ...], refund: str, number: str) -> None:
    doc = order(full_order_info__orders=[line()], refund_order=refunded(*states))
    assert (doc.lines[0].refund, doc.lines[0].refund_no) == (refund, number)
    assert any(d.field == "lines.refund" for d in doc.doubts) == (77 in states)


@pytest.mark.parametrize(("state", "refund"), [(0, "none"), (1, "none"), (11, "asked"), (2, "none"), (12, "full")])
def test_without_cases_only_what_is_said_of_all_lines_counts(state: int, refund: str) -> None:
    assert order(**info(refund_state=state)).lines[0].refund == refund


def sent(oid: str, waybill: str, state: int = 1) -> dict[str, Any]:
    dists = [{"express_info": {"express_id": 7, "express_no": waybill}}]
    return {"express_state": state, "oids": [{"oid": oid}], "dists": dists}


def test_an_order_with_a_parcel_that_waits_for_the_rest_is_partly_shipped() -> None:
    lines = [line(), line(oid="10", sku_id=52)]
    doc = order(full_order_info__orders=lines, delivery_order=[sent("9", "SF1"), sent("10", "SF2", state=0)])
    assert doc.status == "partly_shipped"
    assert [(p.carrier, p.waybill, p.lines) for p in doc.parcels] == [("7", "SF1", (("9", 0),))]
    assert [n.status for n in doc.lines] == ["shipped", "open"]


def test_discounts_are_the_merchants_and_a_changed_price_is_signed() -> None:
    doc = order(
        full_order_info__pay_info={"total_fee": "10.00", "post_fee": "6.00", "payment": "12.50"},
        order_promotion={"item_discount_fee": "1.00", "order_discount_fee": "2.00", "adjust_fee": "-0.50"},
    )
    assert [(a.kind, a.minor) for a in doc.adjustments] == [("item_discount", -100), ("order_discount", -200), ("price_change", -50)]  # fmt: skip
    assert {a.borne_by for a in doc.adjustments} == {"merchant"}
    assert not any(d.why == "sum_differs" for d in doc.doubts) and doc.freight_minor == 600
    odd = order(full_order_info__pay_info={"total_fee": "10.00", "post_fee": "0.00", "payment": "9.00"})
    assert [d.raw for d in odd.doubts if d.why == "sum_differs"] == ["-100"]


def test_nothing_is_written_in_three_ways() -> None:
    doc = order(
        order_promotion=None, refund_order=None, delivery_order=None, **info(pay_time="", success_time=None),
        full_order_info__remark_info={"buyer_message": "null", "star": None, "trade_memo": None},
        full_order_info__orders=[line(outer_sku_id="null", outer_item_id="I", sku_properties_name="[]")],
    )  # fmt: skip
    assert (doc.paid_at, doc.paid_minor, doc.ended_at, doc.ship_by) == (None, 0, None, None)
    assert (doc.buyer_remark, doc.seller_remark, doc.seller_flag, doc.lines[0].code) == ("", "", 0, "I")


def test_an_item_without_specifications_is_listed_by_its_own_id() -> None:
    doc = order(full_order_info__orders=[line(sku_id=0)])
    assert (doc.lines[0].listing_id, doc.lines[0].product_id) == ("71", "71")


def test_specifications_are_json_in_text_and_what_is_none_stays() -> None:
    spec = '[{"k":"颜色","v":"米白"},{"k":"尺码","v":"M"}]'
    assert order(full_order_info__orders=[line(sku_properties_name=spec)]).lines[0].variant == "颜色:米白;尺码:M"
    assert order(full_order_info__orders=[line(sku_properties_name="米白")]).lines[0].variant == "米白"


def test_encrypted_receivers_are_ciphers_and_older_ones_clear() -> None:
    hidden = order().receiver
    assert (hidden.name, hidden.phone, hidden.cipher, hidden.masked) == ("", "", "$rn==$1$|$rt==$1$|$ra==$1$", True)
    clear = {"receiver_name": "张三", "receiver_tel": "13800000001", "delivery_address": "示例路1号"}
    shown = order(full_order_info__address_info=clear).receiver
    assert (shown.name, shown.phone, shown.cipher, shown.masked) == ("张三", "13800000001", "", False)


def test_no_merge_key_without_the_merchants_word() -> None:
    assert order().merge_key == ""
    assert order({"merge_by_cipher": True}).merge_key == "yz1|$rn==$1$|$rt==$1$|$ra==$1$"
    assert order({"merge_by_cipher": True}, full_order_info__buyer_info=None).merge_key == ""


def test_the_buyer_is_the_open_id_else_the_number() -> None:
    assert order().buyer_id == "yz1"
    assert order(full_order_info__buyer_info={"buyer_id": 1266260001}).buyer_id == "1266260001"
    assert order(full_order_info__buyer_info={"buyer_id": 0}).buyer_id == ""


def test_the_latest_shipping_time_is_derived_and_marked() -> None:
    doc = order()
    assert doc.paid_at is not None and doc.ship_by == doc.paid_at + timedelta(hours=48)
    assert any((d.field, d.why) == ("ship_by", "derived") for d in doc.doubts)
    assert order({"ship_within_h": 0.0}).ship_by is None


def test_a_float_amount_is_marked() -> None:
    doc = order(full_order_info__pay_info__payment=10.0)
    assert doc.payable_minor == 1000 and any(d.why == "float_money" for d in doc.doubts)


# ================================================================ judging


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        *((gateway(code), Refused) for code in (4201, 4204, 4001, 4004, 4005, 4007, 4009, 5001)),
        *((bad(code), Refused) for code in (5000, 106000003, 106100110, 106100114, 106100115)),
        *((bad(code), Refused) for code in (102570020, 102510001, 102570007, 102599996, 105000016, 105000003, 102570038)),
        (gateway(4203), NotAuthorised),
        (gateway(4101), Throttled),
        ({"msg": "请求被限流", "code": 500100004}, Throttled),
        (bad(123000042), Throttled),
        *((bad(code), Retryable) for code in (5002, 5003, 106000001, 106100118, -100)),
        ({"error_response": {"msg": "m", "code": 5000}}, Refused),
        (bad(31337), BadAnswer),
        ({"code": 200, "success": False, "data": None}, BadAnswer),
        ({"response": {"nothing": 1}}, BadAnswer),
        ({"hello": 1}, Retryable),
    ],
)  # fmt: skip
def test_each_envelope_is_judged_by_its_code(reply: dict[str, Any], kind: type[AdapterError]) -> None:
    with Rig("youzan", lambda _: reply, retry=Retry(waits_s=(1.0,))) as rig, pytest.raises(kind) as caught:
        rig.pull()
    assert type(caught.value) is kind


def test_the_trace_is_kept_for_the_platforms_support() -> None:
    with Rig("youzan", lambda _: gateway(4001)) as rig, pytest.raises(Refused) as caught:
        rig.pull()
    assert caught.value.request_id == "yz-g"


def test_an_older_envelope_is_read_too() -> None:
    world = FakeYouzan(3)

    def handler(seen: Seen) -> Any:
        told = world(seen)
        return {"response": told["data"]} if isinstance(told, dict) and "trade" in seen.path else told

    with Rig("youzan", handler) as rig:
        pull, batches = rig.pull()
    assert len(items(batches)) == 3 and pull.report.proof == "counted"


# ================================================================ tokens


def test_a_token_is_renewed_by_refresh_or_by_the_shop_itself() -> None:
    world = FakeYouzan(1)
    with Rig("youzan", world) as rig:
        rig.server.next(world.token_expired)
        rig.pull()
        asked = next(s for s in rig.server.seen if s.path == "/auth/token")
    keys = {"client_id": "12129701", "client_secret": "example-secret"}
    assert asked.json == {**keys, "authorize_type": "refresh_token", "refresh_token": "refresh-1"}
    assert asked.query == {}
    with Rig("youzan", world, stored=None, options={"self_use": True}) as rig:
        rig.pull()
        asked = rig.server.seen[0]
    assert asked.json == {**keys, "authorize_type": "silent", "grant_id": "7700001", "refresh": True}
    with Rig("youzan", world, stored=None) as rig, pytest.raises(NotAuthorised, match="authorise the app once"):
        rig.pull()


# ================================================================ refunds

CASE = json.loads(sample("youzan", "refunds_detail"))["data"]


def case(**change: Any) -> RefundDocument:
    with Rig("youzan", FakeYouzan()) as rig:
        item = rig.adapter.translate("refunds", json.dumps({**CASE, **change}).encode())
    assert isinstance(item.document, RefundDocument), item.detail
    return item.document


@pytest.mark.parametrize(
    ("word", "status"),
    [("WAIT_SELLER_AGREE", "asked"), ("WAIT_BUYER_RETURN_GOODS", "approved"), ("WAIT_SELLER_CONFIRM_GOODS", "goods_back"),
     ("SELLER_REFUSE_BUYER", "asked"), ("SELLER_REFUSE_BUYER_RETURN_GOODS", "asked"), ("SUCCESS", "done"), ("CLOSED", "closed"),
     ("NEW_WORD", "unknown")],
)  # fmt: skip
def test_each_case_state_has_its_word(word: str, status: str) -> None:
    doc = case(status=word)
    assert (doc.status, doc.done_at is not None) == (status, status == "done")


@pytest.mark.parametrize(
    ("change", "kind", "goods"),
    [
        ({"return_goods": False, "reason": 12, "logistics": None}, "refund_only", "not_received"),
        ({"return_goods": False, "reason": 53, "logistics": None}, "refund_only", "received"),
        ({"return_goods": True, "reason": 104, "logistics": None}, "return", "unknown"),
        ({"return_goods": True, "logistics": {"logistics_no": "YT1", "company_code": "2"}}, "return", "returned"),
    ],
)
def test_what_is_asked_and_where_the_goods_are(change: dict[str, Any], kind: str, goods: str) -> None:
    doc = case(**change)
    assert (doc.kind, doc.goods) == (kind, goods)


@pytest.mark.parametrize(("fee", "fen"), [("199.00", 19900), (199.5, 19950), (0.1, 10), (7, 700)])
def test_a_fee_may_be_text_or_a_number(fee: object, fen: int) -> None:
    assert case(refund_fee=fee).amount_minor == fen


def test_cases_are_listed_and_looked_up() -> None:
    world = FakeYouzan()
    world.cases = {CASE["refund_id"]: {**CASE, "modified": local(NOON - timedelta(minutes=90))}}
    with Rig("youzan", world) as rig:
        pull, batches = rig.pull("refunds")
    (item,) = items(batches)
    assert isinstance(item.document, RefundDocument) and item.document.platform_line_no == CASE["oid"]
    assert pull.report.proof == "counted"


def told(act: str, returns: bool, status: str, **options: str) -> tuple[str, Any]:
    """What one answer becomes: its outcome, and the call that was made."""
    world = FakeYouzan()
    world.cases = {"1": {**CASE, "refund_id": "1", "return_goods": returns, "status": status, "version": 5}}
    answer = RefundAnswer(key="k", platform_refund_no="1", platform_order_no="2", act=act, reason="已发货")
    with Rig("youzan", world, options=options) as rig:
        (result,) = rig.adapter.answer_refunds([answer])
    return f"{result.outcome} {result.code}".strip(), [(m.split("/")[0].removeprefix("youzan.trade."), b) for m, b in world.effects]  # fmt: skip


def test_what_is_asked_decides_how_an_answer_is_told() -> None:
    lock, words = {"refund_id": "1", "version": 5}, {"remark": "已发货"}
    where = {"name": "n", "mobile": "m", "address": "a"}
    options = {f"return_{k}": v for k, v in where.items()}
    assert told("agree", False, "WAIT_SELLER_AGREE") == ("done", [("refund.agree", lock)])
    assert told("agree", True, "WAIT_SELLER_AGREE", **options) == ("done", [("returngoods.agree", {**lock, **where})])
    assert told("agree", True, "WAIT_SELLER_AGREE") == ("refused option_not_set", [])
    assert told("goods_received", True, "WAIT_SELLER_CONFIRM_GOODS") == ("done", [("refund.agree", lock)])
    assert told("refuse", False, "WAIT_SELLER_AGREE") == ("done", [("refund.refuse", {**lock, **words})])
    assert told("refuse", True, "WAIT_SELLER_CONFIRM_GOODS") == ("done", [("returngoods.refuse", {**lock, **words})])


def test_a_case_that_cannot_be_read_is_not_answered() -> None:
    with Rig("youzan", lambda _: bad(106100110)) as rig:
        (result,) = rig.adapter.answer_refunds([RefundAnswer(key="k", platform_refund_no="1", platform_order_no="2", act="agree")])  # fmt: skip
    assert (result.outcome, result.code, len(rig.server.seen)) == ("refused", "no_case", 1)


# ================================================================ telling


def notice(*parcels: tuple[str, ...]) -> ShipNotice:
    made = tuple(NoticeParcel(carrier="SF", waybill=w, lines=tuple((no, "51", "71", 1) for no in lines)) for w, *lines in parcels)  # fmt: skip
    return ShipNotice(key="n", platform_order_no=str(BIG), parcels=made)


def test_each_parcel_names_its_lines() -> None:
    with Rig("youzan", FakeYouzan(1)) as rig:
        one, two = rig.adapter.ship_calls(notice(("S1", "9", "10"), ("S2", "11")))
        (whole,) = rig.adapter.ship_calls(notice(("S1",)))
        (refused,) = rig.adapter.ship([notice(("S1", "9"), ("S2", "9"))])
        assert rig.server.seen == []
    assert one.params == {"tid": str(BIG), "is_no_express": 0, "out_stype": "7", "out_sid": "S1", "oids": "9,10"}
    assert two.params["oids"] == "11" and "oids" not in whole.params
    assert (refused.outcome, refused.code) == ("refused", "split_line")


def test_levels_are_set_and_an_item_without_specifications_has_the_sku_0() -> None:
    world = FakeYouzan()
    with Rig("youzan", world) as rig:
        rig.adapter.set_levels([LevelUpdate(key="a", listing_id="51", product_id="71", qty=9), LevelUpdate(key="b", listing_id="72", product_id="72", qty=0)])  # fmt: skip
    assert world.effects == [
        {"item_id": 71, "sku_id": 51, "quantity": 9, "type": 0},
        {"item_id": 72, "sku_id": 0, "quantity": 0, "type": 0},
    ]


# ================================================================ pushed messages

CLIENT, SECRET = "0123456789abcdef01", "exampleClientSecret0000000001"
BODY = (
    '{"client_id":"0123456789abcdef01","id":"E20260310101520010600001","kdt_id":900001,"kdt_name":"示例店","mode":1,'
    '"msg":"%7B%22tid%22%3A%22E20260310101520010600001%22%7D","msg_id":"aaaaaaaa-0000-0000-0000-000000000001","sendCount":1,'
    '"status":"WAIT_SELLER_SEND_GOODS","test":false,"type":"trade_TradePaid","version":1773108950}'
)
SIGN = "e2eee6a809117211426e3987fe88ab71"


def pushed(body: str, headers: dict[str, str], secrets: tuple[str, ...] = (SECRET,), client: str = CLIENT) -> Any:
    with Rig("youzan", FakeYouzan(), app_key=client) as rig:
        return rig.adapter.verify_push(headers, body.encode(), secrets)


def test_a_message_is_proven_as_the_worked_example() -> None:
    got = pushed(BODY, {"event-sign": SIGN}, ("older", SECRET))
    assert (got.kind, got.number, got.topic) == ("orders", "E20260310101520010600001", "trade_TradePaid")
    assert got.delivery == "aaaaaaaa-0000-0000-0000-000000000001"


def test_an_older_message_is_proven_by_its_field() -> None:
    old = json.dumps({**json.loads(BODY), "sign": "1e37745eeca894827bd78ac21f5f5315"}, ensure_ascii=False)
    assert pushed(old, {}).number == "E20260310101520010600001"
    with pytest.raises(NotVerified):
        pushed(old.replace("%7B", "%7b"), {})


@pytest.mark.parametrize(
    ("body", "headers", "secrets", "client"),
    [
        (BODY + " ", {"Event-Sign": SIGN}, (SECRET,), CLIENT),
        (BODY.replace("示例店", "示例铺"), {"Event-Sign": SIGN}, (SECRET,), CLIENT),
        (BODY, {"Event-Sign": SIGN[:-1] + "0"}, (SECRET,), CLIENT),
        (BODY, {"Event-Sign": SIGN}, ("other",), CLIENT),
        (BODY, {"Event-Sign": SIGN}, (), CLIENT),
        (BODY, {"Event-Sign": SIGN}, (SECRET,), "0123456789abcdef02"),
        (BODY, {}, (SECRET,), CLIENT),
        ("no json", {}, (SECRET,), CLIENT),
    ],
)
def test_a_message_with_one_trait_altered_is_not_proven(
    body: str, headers: dict[str, str], secrets: tuple[str, ...], client: str
) -> None:
    with pytest.raises(NotVerified):
        pushed(body, headers, secrets, client)


@pytest.mark.parametrize("msg", [quote('{"refund_id":"77"}'), '{"refund_id":"77"}', {"refund_id": "77"}])
def test_what_a_message_is_about(msg: Any) -> None:
    def tell(topic: str, about: Any) -> Any:
        body = json.dumps({"type": topic, "id": "1", "msg": about, "msg_id": "m"})
        return pushed(body, {"Event-Sign": event_sign(CLIENT, body, SECRET)})

    got = tell("trade_refund_BuyerCreated", msg)
    assert (got.kind, got.number) == ("refunds", "77")
    assert tell("youzan_trade_RefundSuccess", "?").number == ""
    assert tell("item_ItemUpdate", msg).kind == ""


def test_a_proven_message_that_says_nothing_is_unreadable() -> None:
    for body in ("no json", "{}"):
        with pytest.raises(Unreadable):
            pushed(body, {"Event-Sign": event_sign(CLIENT, body, SECRET)})
