"""Xiaohongshu: the contract, and the traps of its own protocol."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.documents import LevelUpdate, NoticeParcel, OrderDocument, RefundAnswer, RefundDocument, ShipNotice
from adapters.errors import AdapterError, BadAnswer, NotAuthorised, NotVerified, Refused, Retryable, Unreadable
from adapters.platforms import xiaohongshu
from adapters.platforms.xiaohongshu import Xiaohongshu, push_sign, sign
from adapters.ports import AccessToken, Retry
from tests.adapters.contract import PlatformContract
from tests.adapters.fake_xiaohongshu import FakeXiaohongshu, bad, good, nested
from tests.adapters.fakes import BIG
from tests.adapters.kit import NOON, FixedClock, Rig, Seen, items, sample


class TestXiaohongshu(PlatformContract):
    fake = FakeXiaohongshu

    def without_lines(self, raw: str, empty: str) -> bytes:
        return json.dumps({**json.loads(raw), "skuList": json.loads(empty)}).encode()

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = payload["skuList"][0]
        return line

    @pytest.mark.parametrize("bias", [-70, -1, 1, 40])
    def test_a_wrong_total_loses_nothing_and_proves_nothing(self, rig: Rig, world: Any, bias: int) -> None:
        """An hour is three windows here; all rows are in the first, so that its readings name the total."""
        rig.adapter._values["page_size"] = 50
        world.bias = bias
        pull, batches = rig.pull()
        assert {i.number for i in items(batches)} == {str(r.number) for r in world.rows}
        assert pull.report.proof == ""
        assert f"the total is {120 + bias}, but 120 ids came" in pull.report.passes[0].verdict

    def test_a_token_refused_when_fresh_asks_for_the_merchant(self, rig: Rig, world: Any) -> None:
        """All methods have one path here."""

        def handler(seen: Seen) -> Any:
            return world(seen) if "Token" in seen.json["method"] else world.token_expired

        rig.server.handler = handler
        with pytest.raises(NotAuthorised):
            rig.pull()
        assert rig.tokens.made == 1


# ================================================================ signing

SECRET = "secret_example_0001"
APP = "app000000000001"


def test_calls_are_signed_as_the_worked_example() -> None:
    assert sign(APP, "order.getOrderList", "1773108920", SECRET) == "aff377b97486bc6e99eb68f2ad51931f"


@pytest.mark.parametrize(
    "altered",
    [
        (APP + "x", "order.getOrderList", "1773108920", SECRET),
        (APP, "order.getOrderlist", "1773108920", SECRET),
        (APP, "order.getOrderList", "1773108921", SECRET),
        (APP, "order.getOrderList", "1773108920", SECRET + "x"),
    ],
)
def test_the_signature_changes_with_every_part(altered: tuple[str, str, str, str]) -> None:
    assert sign(*altered) != "aff377b97486bc6e99eb68f2ad51931f"


def test_the_body_is_flat_and_neither_parameters_nor_token_are_signed() -> None:
    with Rig("xiaohongshu", FakeXiaohongshu(1), app_key=APP, secret=SECRET) as rig:
        rig.pull()
        body, path = rig.server.seen[0].json, rig.server.seen[0].path
    assert path == "/ark/open_api/v3/common_controller"
    assert body["sign"] == sign(APP, "order.getOrderList", body["timestamp"], SECRET)
    assert (body["appId"], body["version"], body["timestamp"]) == (APP, "2.0", str(int(NOON.timestamp())))
    assert (body["accessToken"], body["timeType"], body["pageNo"]) == ("token-1", 2, 1)


def test_a_base_url_may_end_in_the_entry() -> None:
    entry = "http://127.0.0.1:9/ark/open_api/v3/common_controller"
    with Rig("xiaohongshu", FakeXiaohongshu(1), base_url=entry) as rig:
        rig.pull()
        assert str(rig.server.seen[0].url) == entry


# ================================================================ reading


def order(**change: Any) -> OrderDocument:
    world = FakeXiaohongshu(1)
    with Rig("xiaohongshu", world) as rig:
        item = rig.adapter.translate("orders", json.dumps({**world.payload(world.rows[0]), **change}).encode())
        assert isinstance(item.document, OrderDocument), item.detail
        return item.document


def line(**change: Any) -> dict[str, Any]:
    return {"skuId": "51", "skuQuantity": 1, "totalPaidAmount": 1000, **change}


def test_a_window_is_half_an_hour_and_read_from_its_last_page() -> None:
    world = FakeXiaohongshu(170)
    start = world.rows[0].modified
    with Rig("xiaohongshu", world, options={"detail_threads": 1, "page_size": 50}) as rig:
        pull, batches = rig.pull(start=start, end=start + timedelta(hours=1))
        lists = [s.json for s in rig.server.seen if s.json["method"] == "order.getOrderList"]
    spans = {(b["startTime"], b["endTime"]) for b in lists}
    assert len(spans) == 3 and all(end - begin <= 1800 for begin, end in spans)
    assert [b["pageNo"] for b in lists[:6]] == [1, 4, 3, 2, 1, 1]
    assert len(items(batches)) == 170 and len(world.details) == 170
    assert pull.report.proof == "counted"


@pytest.mark.parametrize(
    ("code", "status", "hold"),
    [(1, "unpaid", ""), (2, "paid", "processing"), (3, "paid", "customs"), (4, "paid", ""), (5, "partly_shipped", ""), (6, "shipped", ""),
     (7, "completed", ""), (8, "cancelled", ""), (9, "cancelled", ""), (10, "shipped", ""), (11, "unknown", "")],
)  # fmt: skip
def test_each_state_has_its_word(code: int, status: str, hold: str) -> None:
    doc = order(orderStatus=code)
    assert (doc.status, doc.platform_hold) == (status, hold)
    assert any(d.why == "unknown_status" for d in doc.doubts) == (status == "unknown")


@pytest.mark.parametrize(
    ("code", "refund", "doubted"),
    [(1, "none", 0), (2, "asked", 0), (3, "full", 0), (4, "none", 0), (5, "none", 0), (6, "asked", 0), (7, "none", 0),
     (None, "none", 0), (8, "asked", 1)],
)  # fmt: skip
def test_each_after_sale_state_of_a_line_has_its_word(code: int | None, refund: str, doubted: int) -> None:
    doc = order(skuList=[line(skuAfterSaleStatus=code)])
    assert doc.lines[0].refund == refund
    assert sum(d.field == "lines.refund" for d in doc.doubts) == doubted


@pytest.mark.parametrize("change", [{"cancelStatus": 1}, {"orderStatus": 10}])
def test_what_is_asked_of_the_whole_order_is_asked_of_its_lines(change: dict[str, Any]) -> None:
    lines = [line(), line(skuId="52", skuAfterSaleStatus=3)]
    assert [n.refund for n in order(skuList=lines, **change).lines] == ["asked", "full"]


def test_amounts_are_sums_over_the_pieces() -> None:
    sold = line(skuQuantity=2, totalPaidAmount=17900, totalMerchantDiscount=1400, totalRedDiscount=500)
    doc = order(skuList=[sold], totalPayAmount=18500, totalShippingFree=600, totalMerchantDiscount=1400, totalRedDiscount=500)  # fmt: skip
    assert (doc.lines[0].unit_minor, doc.lines[0].paid_minor, doc.goods_minor) == (9900, 17900, 19800)
    assert [(a.minor, a.borne_by) for a in doc.adjustments] == [(-1400, "merchant"), (-500, "platform")]
    assert (doc.payable_minor, doc.subsidy_minor, doc.doubts) == (18500, 500, ())


def test_a_sum_that_does_not_divide_by_its_pieces_keeps_every_fen() -> None:
    doc = order(skuList=[line(skuQuantity=3, totalPaidAmount=1000)])
    assert (doc.lines[0].unit_minor, doc.goods_minor, doc.payable_minor) == (334, 1002, 1000)
    assert [(a.kind, a.minor) for a in doc.adjustments] == [("rounding", -2)]
    assert doc.doubts == ()


def test_what_the_sum_does_not_explain_is_marked() -> None:
    doc = order(totalPayAmount=950, totalChangePriceAmount=-50)
    assert [(d.why, d.raw) for d in doc.doubts] == [("sum_differs", "-50")]


def test_a_float_amount_is_marked_and_a_broken_one_refused() -> None:
    assert any(d.why == "float_money" for d in order(totalPayAmount=1000.0).doubts)
    world = FakeXiaohongshu(1)
    with Rig("xiaohongshu", world) as rig:
        raw = json.dumps({**world.payload(world.rows[0]), "totalPayAmount": "10.00"}).encode()
        item = rig.adapter.translate("orders", raw)
    assert (item.error, item.number) == ("bad_money", str(BIG))


def test_zero_times_are_not_set() -> None:
    doc = order(orderStatus=1, paidTime=0, promiseLastDeliveryTime=0, finishTime=0, cancelTime=0)
    assert (doc.paid_at, doc.ship_by, doc.ended_at, doc.paid_minor) == (None, None, None, 0)


def test_times_are_milliseconds_and_a_wrong_unit_is_no_time() -> None:
    assert order(createdTime=1763600000500).ordered_at == datetime.fromtimestamp(1763600000.5, UTC)
    world = FakeXiaohongshu(1)
    with Rig("xiaohongshu", world) as rig:
        raw = json.dumps({**world.payload(world.rows[0]), "createdTime": 1763600000}).encode()
        assert rig.adapter.translate("orders", raw).error == "bad_time"


def test_the_merge_key_is_the_platforms_address_of_one_buyer() -> None:
    assert order().merge_key == "u1|a1"
    assert order(openAddressId="").merge_key == order(userId=None).merge_key == ""
    assert order().receiver.cipher == "a1" and order().receiver.masked


def test_gifts_presales_bundles_and_codes() -> None:
    doc = order(orderType=4, skuList=[line(skuTag=1, erpcode="", skuDetailList=[{"erpCode": "ONE"}])])
    assert (doc.flags, doc.lines[0].gift, doc.lines[0].code) == (("presale",), True, "ONE")
    assert (
        order(skuList=[line(erpcode="SET", skuDetailList=[{"erpCode": "A"}, {"erpCode": "B"}])]).lines[0].code == "SET"
    )


def test_parcels_of_a_split_order_and_of_a_whole_one() -> None:
    lines = [line(), line(skuId="52")]
    packs = [
        {"deliveryOrderIndex": 0, "status": 6, "expressTrackingNo": "S1", "expressCompanyCode": "shunfeng", "skuIdList": ["51"]},
        {"deliveryOrderIndex": 1, "status": 4, "expressTrackingNo": "", "expressCompanyCode": "", "skuIdList": ["52"]},
    ]  # fmt: skip
    doc = order(orderStatus=5, skuList=lines, simpleDeliveryOrderList=packs, expressTrackingNo="S1")
    assert [(p.carrier, p.waybill, p.lines) for p in doc.parcels] == [("shunfeng", "S1", (("51", 0),))]
    assert [n.status for n in doc.lines] == ["shipped", "open"]
    whole = order(orderStatus=6, skuList=lines, expressTrackingNo="S1", expressCompanyCode="zto")
    assert [(p.waybill, len(p.lines)) for p in whole.parcels] == [("S1", 2)]
    assert [n.status for n in whole.lines] == ["shipped", "shipped"]


# ================================================================ judging


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (bad(-2000400), Refused),
        (bad(-2000101), Refused),
        (bad(-2000701), Refused),
        (bad(-2000702), Refused),
        (bad(-2000500), Retryable),
        (bad(-31337), BadAnswer),
        ({"error_code": 0, "success": False, "error_msg": "", "data": None}, BadAnswer),
        (nested(None, -2000400), Refused),
        (good({"code": 0, "success": False, "msg": "m"}), BadAnswer),
        (nested({"nothing": 1}), BadAnswer),
        ({"hello": 1}, Retryable),
    ],
)
def test_both_envelopes_are_judged(reply: dict[str, Any], kind: type[AdapterError]) -> None:
    with Rig("xiaohongshu", lambda _: reply, retry=Retry(waits_s=(1.0,))) as rig, pytest.raises(kind) as caught:
        rig.pull("refunds")
    assert type(caught.value) is kind


def test_a_token_call_that_speaks_of_the_token_is_refused_for_good() -> None:
    def handler(seen: Seen) -> Any:
        return bad(-2000400, "accessToken已过期" if "Token" not in seen.json["method"] else "refreshToken, accessToken")

    with Rig("xiaohongshu", handler) as rig, pytest.raises(NotAuthorised):
        rig.pull()


def test_without_a_refresh_token_the_merchant_must_authorise() -> None:
    with (
        Rig("xiaohongshu", FakeXiaohongshu(1), stored=None) as rig,
        pytest.raises(NotAuthorised, match="authorise the app"),
    ):
        rig.pull()


# ================================================================ refunds


def case(**change: Any) -> RefundDocument:
    told = json.loads(sample("xiaohongshu", "refunds_detail"))["data"]["data"]
    told["afterSaleInfo"].update(change)
    with Rig("xiaohongshu", FakeXiaohongshu()) as rig:
        item = rig.adapter.translate("refunds", json.dumps(told).encode())
    assert isinstance(item.document, RefundDocument), item.detail
    return item.document


@pytest.mark.parametrize(
    ("code", "money", "status"),
    [(1, 201, "asked"), (2, 301, "approved"), (3, 301, "goods_back"), (4, 2, "done"), (4, 1, "approved"), (4, None, "done"),
     (5, 401, "closed"), (6, 402, "closed"), (9, 302, "refused"), (9001, 302, "refused"), (12, 0, "approved"), (13, 0, "approved"),
     (14, 201, "asked"), (77, 0, "unknown")],
)  # fmt: skip
def test_each_case_state_has_its_word(code: int, money: int | None, status: str) -> None:
    doc = case(status=code, refundStatus=money)
    assert doc.status == status
    assert (doc.done_at is not None) == (status == "done")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1, "return"),
        (2, "exchange"),
        (4, "refund_only"),
        (5, "before_shipping"),
        (6, "price_protection"),
        (3, "unknown"),
    ],
)
def test_each_case_kind_has_its_word(code: int, kind: str) -> None:
    assert case(returnType=code).kind == kind


def test_an_exchange_that_ended_is_done_without_money() -> None:
    assert case(returnType=2, status=4, refundStatus=101).status == "done"


@pytest.mark.parametrize(("number", "fen"), [("199", 19900), ("0.1", 10), ("1234567.89", 123456789), ("19.9", 1990)])
def test_yuan_are_read_by_their_digits(number: str, fen: int) -> None:
    told = sample("xiaohongshu", "refunds_detail").decode()
    marked = json.dumps({**json.loads(told)["data"]["data"]}, ensure_ascii=False)
    raw = marked.replace('"expectedRefundAmountYuan": 199', f'"expectedRefundAmountYuan": {number}')
    assert raw != marked or number == "199"
    with Rig("xiaohongshu", FakeXiaohongshu()) as rig:
        doc = rig.adapter.translate("refunds", raw.encode()).document
    assert isinstance(doc, RefundDocument) and doc.amount_minor == fen and doc.doubts == ()


def test_cases_are_listed_in_milliseconds_and_looked_up() -> None:
    detail = json.loads(sample("xiaohongshu", "refunds_detail"))
    info = detail["data"]["data"]["afterSaleInfo"]
    at = datetime.fromtimestamp(info["updatedAt"] / 1000, UTC)

    def handler(seen: Seen) -> Any:
        if seen.json["method"] == "afterSale.listAfterSaleInfos":
            assert seen.json["endTime"] - seen.json["startTime"] <= 1_800_000 and seen.json["startTime"] > 10**12
            inside = seen.json["startTime"] <= info["updatedAt"] <= seen.json["endTime"]
            rows = [{"returnsId": info["returnsId"], "updatedAt": info["updatedAt"]}] if inside else None
            return nested({"afterSaleBasicInfos": rows, "totalCount": int(inside), "pageNo": 1, "pageSize": 100})
        assert seen.json["returnsId"] == info["returnsId"]
        return detail

    with Rig("xiaohongshu", handler, clock=FixedClock(at + timedelta(hours=3)), stored=AccessToken(access="t")) as rig:
        pull, batches = rig.pull("refunds", start=at - timedelta(hours=1), end=at + timedelta(hours=1))
    assert [i.number for i in items(batches)] == [info["returnsId"]]
    assert pull.report.proof == "counted"


ANSWER = RefundAnswer(key="k", platform_refund_no="R1", platform_order_no="P1", act="agree")


def told(act: str, case_type: int, state: int, **options: int) -> tuple[str, Any]:
    """What one answer becomes: its outcome, and the call that was made."""
    detail = json.loads(sample("xiaohongshu", "refunds_detail"))
    detail["data"]["data"]["afterSaleInfo"] |= {"returnsId": "R1", "returnType": case_type, "status": state}
    world = FakeXiaohongshu()

    def handler(seen: Seen) -> Any:
        return detail if seen.json["method"] == "afterSale.getAfterSaleInfo" else world(seen)

    with Rig("xiaohongshu", handler, options=options) as rig:
        answer = RefundAnswer(key="k", platform_refund_no="R1", platform_order_no="P1", act=act, reason="已发货")
        (result,) = rig.adapter.answer_refunds([answer])
    system = ("appId", "version", "timestamp", "sign", "accessToken", "returnsId")
    effect = [{k: v for k, v in e.items() if k not in system} for e in world.effects]
    return f"{result.outcome} {result.code}".strip(), effect


def test_what_is_asked_decides_how_an_answer_is_told() -> None:
    assert told("agree", 5, 1) == ("done", [{"method": "afterSale.auditReturns", "action": 1}])
    assert told("agree", 1, 1, return_address_id=7) == (
        "done",
        [{"method": "afterSale.auditReturns", "action": 2, "receiverInfo": {"sellerAddressRecordId": 7}}],
    )
    assert told("goods_received", 1, 3) == ("done", [{"method": "afterSale.confirmReceive", "action": 1}])
    words = {"reason": 9, "description": "已发货"}
    assert told("refuse", 4, 1, refuse_reason_id=9) == (
        "done",
        [{"method": "afterSale.auditReturns", "action": 3, **words}],
    )
    assert told("refuse", 1, 3, refuse_reason_id=9) == (
        "done",
        [{"method": "afterSale.confirmReceive", "action": 2, **words}],
    )


def test_an_answer_that_needs_an_option_is_refused_before_it_is_told() -> None:
    assert told("refuse", 4, 1) == ("refused option_not_set", [])
    assert told("agree", 1, 1) == ("refused option_not_set", [])


def test_a_case_that_cannot_be_read_is_not_answered() -> None:
    with Rig("xiaohongshu", lambda _: bad(-2000101)) as rig:
        (result,) = rig.adapter.answer_refunds([ANSWER])
    assert (result.outcome, result.code, len(rig.server.seen)) == ("refused", "no_case", 1)


# ================================================================ telling


def notice(*parcels: tuple[str, ...], complete: bool = True) -> ShipNotice:
    """Parcels as (waybill, sku, sku, ...)."""
    made = tuple(
        NoticeParcel(carrier="ZTO", waybill=bill, lines=tuple((sku, sku, "71", 2) for sku in skus))
        for bill, *skus in parcels
    )
    return ShipNotice(key="n", platform_order_no=str(BIG), parcels=made, complete=complete)


def test_a_part_of_an_order_names_its_skus_and_a_whole_one_does_not() -> None:
    with Rig("xiaohongshu", FakeXiaohongshu()) as rig:
        (whole,) = rig.adapter.ship_calls(notice(("Z1", "51", "52")))
        (part,) = rig.adapter.ship_calls(notice(("Z1", "51"), complete=False))
        two = rig.adapter.ship_calls(notice(("Z1", "51"), ("Z2", "52")))
    head = {"orderId": str(BIG), "expressNo": "Z1", "expressCompanyCode": "zto"}
    assert whole.params == {**head, "unpack": False}
    assert part.params == {**head, "unpack": True, "skuIdList": ["51"]}
    assert [c.params["skuIdList"] for c in two] == [["51"], ["52"]]


def test_a_sku_in_two_parcels_cannot_be_told() -> None:
    with Rig("xiaohongshu", FakeXiaohongshu(1)) as rig:
        (result,) = rig.adapter.ship([notice(("Z1", "51"), ("Z2", "51"))])
    assert (result.outcome, result.code, rig.server.seen) == ("refused", "split_line", [])


def test_levels_are_the_total_and_can_be_read_back() -> None:
    world = FakeXiaohongshu()
    with Rig("xiaohongshu", world) as rig:
        rig.adapter.set_levels([LevelUpdate(key="k", listing_id="51", product_id="71", qty=9)])
        assert rig.adapter.read_levels([LevelUpdate(key="k", listing_id="51", qty=9)]) == {"k": 17}
    assert [(e["skuId"], e["qty"]) for e in world.effects] == [("51", 9)]


# ================================================================ pushed messages

PUSH = {"app-key": APP, "timestamp": "1773108990", "sign": "2f82e4842f63480d1b5d2298bda0f2a1"}
MESSAGE = {"msgTag": "msg_fulfillment_status_change", "sellerId": "s", "data": '{"orderId":"P1","orderStatus":4}'}


def pushed(headers: dict[str, str], body: Any = None, secrets: tuple[str, ...] = (SECRET,), **more: Any) -> Any:
    clock = FixedClock(datetime.fromtimestamp(1773108995, UTC))
    with Rig("xiaohongshu", FakeXiaohongshu(), clock=clock) as rig:
        assert isinstance(rig.adapter, Xiaohongshu)
        raw = json.dumps([MESSAGE] if body is None else body).encode()
        return rig.adapter.verify_push(headers, raw, secrets, **{"path": "/open_api/msg", **more})


def test_a_message_is_proven_as_the_worked_example() -> None:
    got = pushed({name.title(): value for name, value in PUSH.items()}, secrets=("older", SECRET))
    assert (got.kind, got.number, got.topic) == ("orders", "P1", "msg_fulfillment_status_change")


def test_parameters_of_the_address_are_signed_too() -> None:
    signed = {**PUSH, "sign": push_sign("/open_api/msg", {"app-key": APP, "timestamp": "1773108990", "a": "1"}, SECRET)}
    text = f"/open_api/msg?a=1&app-key={APP}&timestamp=1773108990{SECRET}"
    assert signed["sign"] == hashlib.md5(text.encode()).hexdigest()
    assert pushed(signed, query={"a": "1"}).number == "P1"
    with pytest.raises(NotVerified):
        pushed(signed)


@pytest.mark.parametrize(
    ("headers", "secrets", "path"),
    [
        ({**PUSH, "timestamp": "1773108991"}, (SECRET,), "/open_api/msg"),
        ({**PUSH, "app-key": "other"}, (SECRET,), "/open_api/msg"),
        ({**PUSH, "sign": "0" * 32}, (SECRET,), "/open_api/msg"),
        ({**PUSH, "sign": ""}, (SECRET,), "/open_api/msg"),
        (PUSH, ("other",), "/open_api/msg"),
        (PUSH, (), "/open_api/msg"),
        (PUSH, (SECRET,), "/open_api/other"),
    ],
)
def test_a_message_with_one_trait_altered_is_not_proven(
    headers: dict[str, str], secrets: tuple[str, ...], path: str
) -> None:
    with pytest.raises(NotVerified):
        pushed(headers, secrets=secrets, path=path)


def test_an_old_message_is_not_taken() -> None:
    old = {**PUSH, "timestamp": "1773100000"}
    old["sign"] = push_sign("/open_api/msg", {k: old[k] for k in ("app-key", "timestamp")}, SECRET)
    with pytest.raises(NotVerified, match="too_old"):
        pushed(old)


def test_what_a_message_is_about() -> None:
    refund = {"msgTag": "msg_after_sale_create", "data": '{"returnsId":"R1"}'}
    assert (pushed(PUSH, [refund]).kind, pushed(PUSH, [refund]).number) == ("refunds", "R1")
    assert pushed(PUSH, [{"msgTag": "msg_item_update", "data": "{}"}]).kind == ""
    assert pushed(PUSH, [MESSAGE, MESSAGE]).number == ""
    for wrong in ([], {}, [{"msgTag": "x", "data": "not json"}]):
        with pytest.raises(Unreadable):
            pushed(PUSH, wrong)


def test_the_unit_of_the_list_is_one_line() -> None:
    assert xiaohongshu.LIST_UNITS_A_SECOND == 1
