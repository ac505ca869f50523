"""Suning: the contract, its signatures, and the traps of its own protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.core.wire import Call
from adapters.documents import LevelUpdate, NoticeParcel, OrderDocument, RefundAnswer, RefundDocument, ShipNotice
from adapters.errors import BadAnswer, NotAuthorised, Refused, Retryable, Unsupported
from adapters.platforms import suning
from adapters.ports import Retry
from tests.adapters.contract import PlatformContract
from tests.adapters.fake_suning import FakeSuning, failed, told
from tests.adapters.fakes import Fake, local
from tests.adapters.kit import NOON, FixedClock, Rig, items, sample


class TestSuning(PlatformContract):
    """With an app that carries tokens; without one nothing else changes."""

    fake = FakeSuning

    @pytest.fixture
    def rig(self, world: Fake) -> Iterator[Rig]:
        with Rig("suning", world, options={"detail_threads": 1, "oauth": True}) as rig:
            yield rig

    def without_lines(self, raw: str, empty: str) -> bytes:
        return json.dumps({**json.loads(raw), "orderDetail": json.loads(empty)}).encode()

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = payload["orderDetail"][0]
        return line


# ================================================================ signatures

KEY, SECRET = "a0000000000000000000000000000001", "b0000000000000000000000000000002"
METHOD, MOMENT = "suning.custom.ordmodtime.query", "2026-03-10 10:20:00"
BODY = (
    b'{"sn_request":{"sn_body":{"orderQuery":{"startTime":"2026-03-10 00:00:00","endTime":"2026-03-10 23:59:59",'
    b'"pageNo":"1","pageSize":"50"}}}}'
)
PRINTED = "17d11948658800ab449e6b9b01962518"


def test_signs_as_the_worked_example_and_only_so() -> None:
    parts = (SECRET, METHOD, MOMENT, KEY)
    assert suning.sign(*parts, BODY) == PRINTED
    for i, part in enumerate(parts):
        other = [*parts]
        other[i] = part[:-1] + chr(ord(part[-1]) ^ 1)
        assert suning.sign(*other, BODY) != PRINTED
    for body in (BODY + b" ", BODY.replace(b'"pageNo":"1"', b'"pageNo":"2"'), b"", BODY.replace(b",", b", ")):
        assert suning.sign(*parts, body) != PRINTED


def test_a_request_is_signed_over_the_very_bytes_that_are_sent() -> None:
    clock = FixedClock(datetime(2026, 3, 10, 2, 20, tzinfo=UTC))
    with Rig("suning", FakeSuning(), clock=clock, app_key=KEY, secret=SECRET) as rig:
        params = {"startTime": "2026-03-10 00:00:00", "endTime": "2026-03-10 23:59:59", "pageNo": "1", "pageSize": "50"}
        request = rig.adapter.request(Call(api=METHOD, params={"orderQuery": params}), "")
    assert request.body == BODY
    assert request.url == "https://open.suning.com/api/http/sopRequest"
    wanted = {"AppMethod": METHOD, "AppRequestTime": MOMENT, "AppKey": KEY, "VersionNo": "v1.2", "Format": "json"}
    assert {k: request.headers[k] for k in wanted} == wanted
    assert request.headers["signInfo"] == PRINTED
    assert "access_token" not in request.headers


def test_the_address_of_the_message_socket_is_signed_as_the_worked_example() -> None:
    printed = "70036c817b70b0817705501549ae516f"
    assert suning.push_sign(KEY, SECRET, "python", "1773108920000") == printed
    assert printed not in (
        suning.push_sign(KEY, SECRET, "java", "1773108920000"), suning.push_sign(KEY, SECRET, "python", "1773108920001"),
        suning.push_sign(SECRET, KEY, "python", "1773108920000"), suning.push_sign(KEY, SECRET, "python", "1773108920000", "1.1"),
    )  # fmt: skip


# ================================================================ the envelope


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("sys.check.request-apprequesttime:error", Retryable), ("biz.any.thing:operate failed,retry later", Retryable),
        ("sys.never.seen:before", Retryable), ("sys.check.header-param:forbidden", Refused),
        ("sys.check.query-time:outofrange", Refused), ("biz.orderquery.time-value:outofrange", Refused),
        ("sys.check.query-time:error", Refused), ("sys.check.page-param:error", Refused),
        ("sys.check.request-params:error", Refused), ("biz.orderquery.startTime-format:error", Refused),
        ("biz.orderquery.endTime-format:error", Refused), ("sys.check.starttime-value:null", Refused),
        ("biz.orderget.ordercode-format:error", Refused), ("biz.never.seen:before", BadAnswer),
    ],
)  # fmt: skip
def test_codes_say_what_to_do(code: str, kind: type[Exception]) -> None:
    with Rig("suning", lambda _: failed(code), retry=Retry(waits_s=(1.0,))) as rig, pytest.raises(kind) as caught:
        rig.pull()
    assert getattr(caught.value, "code", "") == code


@pytest.mark.parametrize(
    "code",
    [
        "biz.orderDelivery.order-status:error", "biz.orderDelivery.expressno-value:existence",
        "biz.orderDelivery.expresscompanycode-value:inexistence", "biz.orderDelivery.productcode-value:inexistence",
        "biz.orderDelivery.productcode-value:repeat", "biz.orderDelivery.default-sendaddress:inexistence",
        "biz.shutdown.order.cannot.delivery",
    ],
)  # fmt: skip
def test_a_notice_that_is_refused_is_not_told_again(code: str) -> None:
    world = FakeSuning(1)
    with Rig("suning", world) as rig:
        rig.server.next(failed(code))
        assert rig.adapter.ship([TestSuning().notice(world.rows[0].number)])[0].outcome == "refused"
    assert world.effects == []


def test_a_write_that_failed_for_an_unknown_reason_of_the_system_may_have_been_done() -> None:
    world = FakeSuning(1)
    with Rig("suning", world) as rig:
        rig.server.next(failed("sys.never.seen:before"))
        assert rig.adapter.ship([TestSuning().notice(world.rows[0].number)])[0].outcome == "unknown"


def test_no_result_is_an_empty_page_of_a_list_and_no_order_of_a_detail() -> None:
    with Rig("suning", lambda _: failed("biz.handler.data-get:no-result")) as rig:
        pull, batches = rig.pull()
        assert (items(batches), pull.report.proof, pull.report.total_before) == ([], "counted", 0)
        (gone,) = rig.adapter.current(["1"])
    assert (gone.document, gone.error) == (None, "detail_failed")


def test_without_a_token_nothing_is_asked_of_the_merchant() -> None:
    world = FakeSuning(3)
    with Rig("suning", world, stored=None) as rig:
        pull, _ = rig.pull()
        rig.adapter.ship([TestSuning().notice(world.rows[0].number)])
    assert pull.report.proof == "counted"
    assert not any("access_token" in s.headers for s in rig.server.seen)


def test_a_token_without_the_right_to_refresh_needs_the_merchant() -> None:
    with Rig("suning", FakeSuning(), stored=None, options={"oauth": True}) as rig, pytest.raises(NotAuthorised):
        rig.pull()


def test_pages_go_back_to_front_with_both_page_words() -> None:
    world = FakeSuning(120)
    with Rig("suning", world) as rig:
        rig.pull()
        asked = [s.json["sn_request"]["sn_body"]["orderQuery"] for s in rig.server.seen]
    assert [(a["pageNo"], a["pageSize"]) for a in asked] == [
        ("1", "50"),
        ("3", "50"),
        ("2", "50"),
        ("1", "50"),
        ("1", "1"),
    ]


def test_a_window_of_more_than_a_day_is_cut() -> None:
    with Rig("suning", FakeSuning()) as rig:
        rig.pull(start=NOON - timedelta(days=3), end=NOON)
        spans = [s.json["sn_request"]["sn_body"]["orderQuery"] for s in rig.server.seen]
    assert len(spans) == 4
    assert spans[0]["startTime"] == local(NOON - timedelta(days=3))


def test_the_elder_list_can_be_chosen() -> None:
    with Rig("suning", FakeSuning(2), options={"orders_api": "suning.custom.ord.query"}) as rig:
        pull, _ = rig.pull()
        assert {s.headers["AppMethod"] for s in rig.server.seen} == {"suning.custom.ord.query"}
    assert pull.report.distinct == 2


# ================================================================ orders


def order(**change: Any) -> OrderDocument:
    return parsed({**SAMPLE, **change})


def line(**change: Any) -> OrderDocument:
    return parsed({**SAMPLE, "countMoney": None, "orderDetail": [{**SAMPLE["orderDetail"][0], **change}]})


def parsed(payload: dict[str, Any]) -> OrderDocument:
    with Rig("suning", FakeSuning()) as rig:
        item = rig.adapter.translate("orders", json.dumps(payload).encode())
    assert isinstance(item.document, OrderDocument), item.detail
    return item.document


SAMPLE: dict[str, Any] = json.loads(sample("suning", "orders_list"))["sn_responseContent"]["sn_body"]["orderQuery"][0]


def test_the_sampled_order_has_the_amounts_of_the_note() -> None:
    doc = order()
    assert (doc.goods_minor, doc.freight_minor, doc.payable_minor, doc.paid_minor) == (24300, 600, 22400, 22400)
    assert [(a.kind, a.minor, a.borne_by) for a in doc.adjustments] == [
        ("shop_promotion", -2000, "merchant"), ("platform_promotion", -500, "platform"),
    ]  # fmt: skip
    assert [(x.qty, x.unit_minor, x.paid_minor) for x in doc.lines] == [(2, 9900, 18400), (1, 4500, 3400)]
    assert doc.subsidy_minor == 500
    assert not any(d.why == "sum_differs" for d in doc.doubts)


@pytest.mark.parametrize(
    ("code", "status"),
    [("10", "paid"), ("20", "shipped"), ("21", "partly_shipped"), ("30", "completed"), ("40", "cancelled"), ("99", "unknown"), ("", "unknown")],
)  # fmt: skip
def test_each_state_has_its_word(code: str, status: str) -> None:
    doc = order(orderTotalStatus=code)
    assert doc.status == status
    assert any(d.why == "unknown_status" for d in doc.doubts) == (status == "unknown")


@pytest.mark.parametrize(("code", "status"), [("10", "open"), ("20", "shipped"), ("30", "shipped"), ("40", "closed")])
def test_each_state_of_a_line_has_its_word(code: str, status: str) -> None:
    assert line(orderLineStatus=code).lines[0].status == status


@pytest.mark.parametrize(
    ("flag", "code", "refund"),
    [("0", "10", "none"), ("", "20", "none"), ("1", "10", "asked"), ("1", "20", "asked"), ("1", "40", "full"), ("0", "40", "none")],
)  # fmt: skip
def test_a_return_shows_on_its_line(flag: str, code: str, refund: str) -> None:
    assert line(returnOrderFlag=flag, orderLineStatus=code).lines[0].refund == refund


def test_a_wrong_unit_price_does_not_count() -> None:
    assert line(unitPrice="1.00000").lines[0].unit_minor == 9900


def test_a_price_that_does_not_divide_is_rounded_up_and_the_rest_named() -> None:
    doc = line(saleNum="3.00000", payAmount="106.00000", coupontotalMoney="0.00000", paymentList=[])
    assert (doc.lines[0].unit_minor, doc.goods_minor, doc.payable_minor) == (3334, 10002, 10600)
    assert [(a.kind, a.minor) for a in doc.adjustments] == [("rounding", -2)]
    assert not any(d.why == "sum_differs" for d in doc.doubts)


def test_a_total_that_differs_from_its_lines_is_doubted() -> None:
    doc = order(countMoney="225.00000")
    assert any(d.field == "payable_minor" and d.why == "sum_differs" and d.raw == "100" for d in doc.doubts)


def test_a_line_without_price_and_payment_is_a_gift() -> None:
    free = {"payAmount": "0.00000", "transportFee": "", "coupontotalMoney": "", "paymentList": None}
    assert line(**free).lines[0].gift
    assert not line().lines[0].gift


@pytest.mark.parametrize("wrong", ["1.50000", "0.00000", "-1.00000", "x", "1e99999999", "NaN", "Infinity"])
def test_pieces_that_are_no_pieces_are_an_error(wrong: str) -> None:
    payload = {**SAMPLE, "orderDetail": [{**SAMPLE["orderDetail"][0], "saleNum": wrong}]}
    with Rig("suning", FakeSuning()) as rig:
        item = rig.adapter.translate("orders", json.dumps(payload).encode())
    assert (item.document, item.error) == (None, "bad_number")


def test_stars_make_a_receiver_masked() -> None:
    assert order().receiver.masked
    clear = order(customerName="张三", mobNum="", phoneNum="021-55550001")
    assert (clear.receiver.masked, clear.receiver.phone) == (False, "021-55550001")


def test_a_detail_never_hides_what_comes_later() -> None:
    bare = {k: v for k, v in SAMPLE["orderDetail"][0].items() if k != "orderLineStatusChangeTime"}
    # long after: ten minutes before the question; soon after: the latest time that is told
    clock = FixedClock(datetime(2026, 3, 11, 12, 0, 7, 5000, tzinfo=UTC))
    early = FixedClock(datetime(2026, 3, 10, 2, 16, tzinfo=UTC))
    for now, expected in (
        (clock, datetime(2026, 3, 11, 11, 50, 7, tzinfo=UTC)),
        (early, datetime(2026, 3, 10, 2, 15, 50, tzinfo=UTC)),
    ):
        with Rig("suning", FakeSuning(), clock=now) as rig:
            item = rig.adapter.translate("orders", json.dumps({**SAMPLE, "orderDetail": [bare]}).encode())
        assert item.document is not None and item.modified_at == expected
        assert any(d.field == "modified_at" for d in item.document.doubts)


# ================================================================ refunds

CASE: dict[str, Any] = json.loads(sample("suning", "refunds_detail"))["sn_responseContent"]["sn_body"][
    "queryRefundinformation"
]["data"]


def case(**change: Any) -> RefundDocument:
    with Rig("suning", FakeSuning()) as rig:
        item = rig.adapter.translate("refunds", json.dumps({**CASE, **change}).encode())
    assert isinstance(item.document, RefundDocument), item.detail
    return item.document


@pytest.mark.parametrize(
    ("code", "status"),
    [("1", "asked"), ("2", "refused"), ("3", "approved"), ("4", "goods_back"), ("5", "approved"), ("6", "approved"), ("7", "closed"), ("8", "done"), ("9", "unknown")],
)  # fmt: skip
def test_each_state_of_a_return_has_its_word(code: str, status: str) -> None:
    doc = case(returnStatusValue=code)
    assert doc.status == status
    assert (doc.done_at is not None) == (status == "done")
    assert bool(doc.doubts) == (code in ("5", "9"))


@pytest.mark.parametrize(
    ("where", "money_only", "kind", "goods"),
    [("2", "1", "before_shipping", "not_received"), ("3", "1", "refund_only", "not_received"), ("4", "1", "refund_only", "received"),
     ("4", "0", "return", "received"), ("4", "", "unknown", "received")],
)  # fmt: skip
def test_each_kind_of_return_has_its_word(where: str, money_only: str, kind: str, goods: str) -> None:
    doc = case(returnType=where, onlyRefund=money_only)
    assert (doc.kind, doc.goods) == (kind, goods)
    assert case(expressNo="YT1").goods == "returned"


def test_returns_are_listed_by_number_and_read_one_by_one() -> None:
    def handler(seen: Any) -> Any:
        ((name, _),) = seen.json["sn_request"]["sn_body"].items()
        if name == "queryRefundlistinformation":
            return told(name, [{"returnApplyId": "8800000011"}], 1)
        return told(name, {"returnFlag": "Y", "data": {**CASE, "operateTime": local(NOON - timedelta(minutes=90))}})

    with Rig("suning", handler) as rig:
        pull, batches = rig.pull("refunds")
    (item,) = items(batches)
    assert isinstance(item.document, RefundDocument)
    assert (item.number, pull.report.proof) == ("8800000011", "counted")


@pytest.mark.parametrize(
    ("act", "change", "method"),
    [
        ("agree", {"onlyRefund": "1", "returnStatusValue": "1"}, "suning.custom.agreerefund.confirm"),
        ("agree", {"returnStatusValue": "1"}, "suning.custom.agreereturn.confirm"),
        ("goods_received", {"returnStatusValue": "4"}, "suning.custom.agreerefund.confirm"),
        ("refuse", {"returnStatusValue": "1"}, "suning.custom.rejectreturn.modify"),
        ("refuse", {"returnStatusValue": "4"}, "suning.custom.rejectrefund.modify"),
        ("refuse", {"onlyRefund": "1", "returnStatusValue": "1"}, "suning.custom.rejectrefund.modify"),
    ],
)
def test_the_answer_to_a_return_depends_on_how_far_it_is(act: str, change: dict[str, str], method: str) -> None:
    world = FakeSuning()
    world.cases["8800000011"] = {**CASE, **change}
    answer = RefundAnswer(key="a", platform_refund_no="8800000011", platform_order_no="1", act=act, reason="r")
    with Rig("suning", world, options={"return_address": "A1"}) as rig:
        (result,) = rig.adapter.answer_refunds([answer])
    assert result.outcome == "done"
    (effect,) = world.effects
    assert effect["method"] == method
    assert ("invAddrId" in str(effect)) == (method == "suning.custom.agreereturn.confirm")


def test_a_return_cannot_be_agreed_to_without_an_address_to_send_it_to() -> None:
    world = FakeSuning()
    world.cases["8800000011"] = {**CASE, "returnStatusValue": "1"}
    answers = [
        RefundAnswer(key=k, platform_refund_no=no, platform_order_no="1", act="agree")
        for k, no in (("a", "8800000011"), ("b", "77"))
    ]
    with Rig("suning", world) as rig:
        got = rig.adapter.answer_refunds(answers)
    assert [(r.outcome, r.code) for r in got] == [("refused", "missing_option"), ("refused", "not_found")]
    assert world.effects == []


# ================================================================ telling


def test_each_parcel_names_its_lines_and_none_is_in_two() -> None:
    one = NoticeParcel(carrier="SF", waybill="SF1", lines=(("11", "51", "", 1), ("12", "52", "", 2)))
    two = NoticeParcel(carrier="YTO", waybill="YT1", lines=(("13", "53", "", 1),))
    with Rig("suning", FakeSuning()) as rig:
        calls = rig.adapter.ship_calls(ShipNotice(key="n", platform_order_no="1", parcels=(one, two)))
        assert [c.params["orderDelivery"] for c in calls] == [
            {"orderCode": "1", "expressNo": "SF1", "expressCompanyCode": "S01", "orderLineNumbers": {"orderLineNumber": ["11", "12"]}},
            {"orderCode": "1", "expressNo": "YT1", "expressCompanyCode": "Y01", "orderLineNumbers": {"orderLineNumber": ["13"]}},
        ]  # fmt: skip
        torn = NoticeParcel(carrier="YTO", waybill="YT1", lines=(("12", "52", "", 1),))
        bare = NoticeParcel(carrier="YTO", waybill="YT1", lines=())
        wrong = [ShipNotice(key="n", platform_order_no="1", parcels=p) for p in ((one, torn), (bare,))]
        got = rig.adapter.ship(wrong)
    assert [(r.outcome, r.code) for r in got] == [("refused", "line_in_two_parcels"), ("refused", "missing_field")]
    assert rig.server.seen == []


def test_a_level_is_a_target_at_the_address_of_the_settings() -> None:
    world = FakeSuning()
    with Rig("suning", world, options={"stock_address": "W1"}) as rig:
        rig.adapter.set_levels([LevelUpdate(key="k", listing_id="51", qty=7)])
        rig.server.next(failed("biz.inventory.qty-value:modify failed"))
        (less,) = rig.adapter.set_levels([LevelUpdate(key="k", listing_id="51", qty=1)])
    assert world.effects == [{"productCode": "51", "destInvNum": "7", "invAddrId": "W1"}]
    assert less.outcome == "refused"


def test_pushed_messages_come_by_a_socket_and_are_not_verified_here() -> None:
    with Rig("suning", FakeSuning()) as rig, pytest.raises(Unsupported, match="suning"):
        rig.adapter.verify_push({}, b"{}", ["s"])
