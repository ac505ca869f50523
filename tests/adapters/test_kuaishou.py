"""Kuaishou: the contract, its signatures and messages, and the traps of its own protocol."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from adapters.core.wire import Call
from adapters.documents import LevelUpdate, NoticeParcel, OrderDocument, RefundDocument, ShipNotice
from adapters.errors import (
    AdapterError,
    BadAnswer,
    NotAuthorised,
    NotVerified,
    QuotaSpent,
    Refused,
    Retryable,
    Throttled,
    Unreadable,
    Unsupported,
)
from adapters.platforms import kuaishou
from adapters.ports import Retry
from tests.adapters.contract import PlatformContract
from tests.adapters.fake_kuaishou import FakeKuaishou, asked, failed, good
from tests.adapters.fakes import BIG
from tests.adapters.kit import FixedClock, Rig, items, sample


class TestKuaishou(PlatformContract):
    fake = FakeKuaishou

    def without_lines(self, raw: str, empty: str) -> bytes:
        return json.dumps({**json.loads(raw), "orderItemInfo": json.loads(empty)}).encode()

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = payload["orderItemInfo"]
        return line


# ================================================================ signatures

VECTOR = {
    "access_token": "ChFvYXV0aC5hY2Nlc3NUb2tlbgEXAMPLE", "appkey": "ks0000000000000001", "method": "open.order.detail",
    "param": '{"oid":2607000000000001}', "signMethod": "MD5", "timestamp": "1773108920000", "version": "1",
}  # fmt: skip
SECRET = "sign_secret_example_0001"
SIGNS = {
    "MD5": "7004dc5636d269cdec4fff754a7b2a87",
    "HMAC_SHA256": "GcMFhVFKmufQXGCRi67NiiniJWO1ysmkVUzt+rqgSqU=",
}


def altered(params: dict[str, str]) -> Iterator[dict[str, str]]:
    """One trait at a time: a value with its last character changed, a parameter left out."""
    for name, value in params.items():
        rest = {k: v for k, v in params.items() if k != name}
        yield {**rest, name: value[:-1] + chr(ord(value[-1]) ^ 1)}
        yield rest


@pytest.mark.parametrize(("kind", "printed"), SIGNS.items())
def test_signs_as_printed_and_no_vector_survives_one_altered_trait(kind: str, printed: str) -> None:
    params = {**VECTOR, "signMethod": kind}
    assert kuaishou.sign({**params, "sign": "x", "uid": "not signed"}, SECRET) == printed
    assert [other for other in altered(params) if kuaishou.sign(other, SECRET) == printed] == []
    assert printed not in (kuaishou.sign(params, SECRET.upper()), kuaishou.sign(params, ""))
    assert kuaishou.sign(dict(reversed(params.items())), SECRET) == printed


@pytest.mark.parametrize("kind", SIGNS)
def test_what_goes_over_the_wire_is_what_was_signed(kind: str) -> None:
    rig = Rig(
        "kuaishou", lambda _: good({}), clock=FixedClock(datetime.fromtimestamp(1773108920, tz=UTC)),
        app_key=VECTOR["appkey"], token=lambda: VECTOR["access_token"], secret=f"app_secret {SECRET}",
        options={"sign_method": kind},
    )  # fmt: skip
    with rig:
        rig.adapter.call(Call(api="open.order.detail", params={"oid": 2607000000000001}))
        seen = rig.server.seen[0]
    assert (seen.method, seen.path, seen.body) == ("GET", "/open/order/detail", b"")
    assert seen.query == {**VECTOR, "signMethod": kind, "sign": SIGNS[kind]}


def test_what_changes_something_is_posted_as_a_form() -> None:
    with Rig("kuaishou", FakeKuaishou(1)) as rig:
        rig.adapter.ship([ShipNotice(key="n", platform_order_no=str(BIG), parcels=(parcel("S1"),))])
        seen = rig.server.seen[0]
    assert (seen.method, seen.path) == ("POST", "/open/seller/order/goods/deliver")
    assert seen.form["sign"] == kuaishou.sign(seen.form, "example-secret")
    assert not seen.query


def test_tokens_are_renewed_with_the_apps_secret_and_calls_signed_with_the_other() -> None:
    with Rig("kuaishou", FakeKuaishou(1), secret="app-secret sign-secret") as rig:
        rig.server.next(failed(28, "access_token已过期"))
        rig.pull()
        first, renewal = rig.server.seen[0], rig.server.seen[1]
    assert first.query["sign"] == kuaishou.sign(first.query, "sign-secret")
    assert renewal.form == {
        "app_id": "12129701", "app_secret": "app-secret", "grant_type": "refresh_token", "refresh_token": "refresh-1",
    }  # fmt: skip


# ================================================================ messages

KEY = "MDEyMzQ1Njc4OUFCQ0RFRg=="
SEALED = (
    "BtOh0Q6MvRQm1YUhWPtWI/SaD1HrWwSc/c+bOsaho10WKnne+6N2R4kdWMKahG+grkmATmE4gw0WhaO33kGWrk+L9WvpDmutI0HDoRD4kWAoYHs3yLTlzFnwITUFr5dx"
    "rZDANLHFGBTomLWHA/xXmPjrZ4RbuA3rKmkVmQyOaqlVf3FnoYMDl/FtsB807RUht39n3h9AN8YqecKUOhIXxJaVfxmlAl05i1tnOYAE/f1ZI7nAz34S3o1AuGyJ+uSK"
    "Qvg1oHNv1qKe1fcKnqgO3uba4h4Bf0iZskTPzcNduLoaI/pgZrJ8tJMc/5+BorYU"
)
WRONG_KEY = base64.b64encode(b"0123456789ABCDEG").decode()


def push(body: bytes, *keys: str) -> Any:
    with Rig("kuaishou", FakeKuaishou()) as rig:
        return rig.adapter.verify_push({}, body, keys or (KEY,))


def seal(message: dict[str, Any], key: str = KEY) -> bytes:
    """A message as the platform writes it."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    plain = json.dumps(message).encode()
    left = 16 - len(plain) % 16
    cipher = Cipher(algorithms.AES(base64.b64decode(key)), modes.CBC(bytes(16))).encryptor()
    return base64.b64encode(cipher.update(plain + bytes([left]) * left) + cipher.finalize())


def test_the_printed_message_opens_with_its_key_and_no_other() -> None:
    told = push(SEALED.encode(), WRONG_KEY, KEY)
    assert (told.topic, told.kind, told.number, told.delivery) == (
        "kwaishop_order_paySuccess",
        "orders",
        "2607000000000001",
        "e-0001",
    )
    for keys in ((WRONG_KEY,), ("no base64!",), ("",)):
        with pytest.raises(NotVerified):
            push(SEALED.encode(), *keys)


@pytest.mark.parametrize("body", [b"", b"not base64!", b"QUJD", SEALED[:-24].encode(), b"A" + SEALED[1:].encode()])
def test_an_altered_message_is_not_believed(body: bytes) -> None:
    with pytest.raises((NotVerified, Unreadable)):
        push(body)


def test_messages_say_what_they_are_about() -> None:
    info = json.dumps({"refundId": 77, "oid": 5})
    refund = push(seal({"eventId": "e2", "event": "kwaishop_aftersales_addRefund", "bizId": 5, "info": info}))
    assert (refund.kind, refund.number) == ("refunds", "77")
    order = push(seal({"eventId": "e3", "event": "kwaishop_order_addOrder", "bizId": 9, "info": "{}"}))
    assert (order.kind, order.number) == ("orders", "9")
    other = push(seal({"eventId": "e4", "event": "kwaishop_item_new", "bizId": 9, "info": ""}))
    assert (other.kind, other.number) == ("", "")
    beat = push(seal({"test": True}))
    assert (beat.topic, beat.kind) == ("heartbeat", "")
    with pytest.raises(Unreadable):
        push(seal({"event": "kwaishop_order_addOrder", "info": "not JSON"}))


# ================================================================ traps of this protocol


def order(fees: dict[str, Any] | None = None, base: dict[str, Any] | None = None, **change: Any) -> OrderDocument:
    world = FakeKuaishou(1)
    row = world.rows[0]
    row.change = {**change, "orderBaseInfo": base or {}}
    raw = json.dumps(world.payload(row)).encode()
    with Rig("kuaishou", world) as rig:
        if fees is not None:
            told = {"oid": row.number, "buyerPay": 1000, "platformBearAmount": 0, "merchantBearAmount": 0, **fees}
            raw = rig.adapter.supplement(raw, json.dumps(good(told)).encode())
        item = rig.adapter.translate("orders", raw)
        assert isinstance(item.document, OrderDocument), item.detail
        return item.document


def refund(**change: Any) -> RefundDocument:
    row = json.loads(sample("kuaishou", "refunds_list"))["data"]["refundOrderInfoList"][0]
    with Rig("kuaishou", FakeKuaishou()) as rig:
        item = rig.adapter.translate("refunds", json.dumps({**row, **change}).encode())
    assert isinstance(item.document, RefundDocument), item.detail
    return item.document


def test_lists_are_read_along_their_cursor_by_update_time() -> None:
    with Rig("kuaishou", FakeKuaishou(120)) as rig:
        pull, _ = rig.pull()
        lists = [asked(s) for s in rig.server.seen if s.path == "/open/order/cursor/list"]
    assert pull.report.proof == "exhausted"
    assert [a["cursor"] for a in lists] == ["", "1", "2", "", "1", "2"]
    span = {"orderViewStatus": 1, "pageSize": 50, "sort": 2, "queryType": 2, "cpsType": 0}
    assert all({**a, **span} == a and a["beginTime"] % 1000 == a["endTime"] % 1000 == 0 for a in lists)


def test_each_paid_order_asks_for_its_fees_once() -> None:
    world = FakeKuaishou(60)
    world.rows[3].change = {"orderBaseInfo": {"status": 10, "payTime": 0}}
    with Rig("kuaishou", world) as rig:
        pull, batches = rig.pull()
        fees = [asked(s)["orderId"] for s in rig.server.seen if s.path == "/open/seller/order/fee/detail"]
    assert sorted(fees) == [r.number for i, r in enumerate(world.rows) if i != 3]
    assert pull.report.proof == "exhausted"
    marked = [i.number for i in items(batches) if any(d.why == "not_sent" for d in i.document.doubts)]  # type: ignore[union-attr]
    assert marked == [str(world.rows[3].number)]


def test_an_order_whose_fees_did_not_come_is_marked_and_its_window_stays_open() -> None:
    world = FakeKuaishou(3)
    bad = str(world.rows[1].number)

    def handler(seen: Any) -> Any:
        if seen.path == "/open/seller/order/fee/detail" and str(asked(seen)["orderId"]) == bad:
            return failed(2001, "no")
        return world(seen)

    with Rig("kuaishou", handler) as rig:
        pull, batches = rig.pull()
        docs = {i.number: i.document for i in items(batches)}
        assert pull.report.proof == "" and pull.report.reason == "1 details could not be read"
        assert [n for n, d in docs.items() if any(x.why == "not_sent" for x in d.doubts)] == [bad]  # type: ignore[union-attr]
        rig.server.handler = world
        (now,) = rig.adapter.current([bad])
    assert isinstance(now.document, OrderDocument) and not now.document.doubts


def test_the_fees_of_another_order_are_not_taken() -> None:
    world = FakeKuaishou(1)

    def handler(seen: Any) -> Any:
        if seen.path == "/open/seller/order/fee/detail":
            return good({"oid": 1, "buyerPay": 5, "platformBearAmount": 0, "merchantBearAmount": 0})
        return world(seen)

    with Rig("kuaishou", handler) as rig:
        pull, batches = rig.pull()
    (item,) = items(batches)
    assert isinstance(item.document, OrderDocument)
    assert item.document.payable_minor == 1000 and pull.report.proof == ""


def test_a_light_pull_asks_for_no_fees() -> None:
    with Rig("kuaishou", FakeKuaishou(5)) as rig:
        rig.pull(light=True)
        assert {s.path for s in rig.server.seen} == {"/open/order/cursor/list"}


def test_a_sampled_order_with_its_fees_adds_up_to_who_bears_what() -> None:
    raw = json.loads(sample("kuaishou", "orders_list"))["data"]["orderList"][0]
    with Rig("kuaishou", FakeKuaishou()) as rig:
        whole = rig.adapter.supplement(json.dumps(raw).encode(), sample("kuaishou", "fees_detail"))
        doc = rig.adapter.translate("orders", whole).document
    assert isinstance(doc, OrderDocument) and not doc.doubts
    assert (doc.goods_minor, doc.freight_minor, doc.payable_minor, doc.subsidy_minor) == (29700, 800, 27900, 900)
    assert [(a.kind, a.minor, a.borne_by) for a in doc.adjustments] == [
        ("merchant_discount", -1700, "merchant"), ("platform_discount", -900, "platform"),
    ]  # fmt: skip
    assert [line.paid_minor for line in doc.lines] == [27100, 0]


def test_fees_that_do_not_add_up_are_marked() -> None:
    assert [d.raw for d in order({"buyerPay": 900}).doubts] == ["-100"]
    assert order({"buyerPay": 850, "merchantBearAmount": 100, "platformBearAmount": 50}).doubts == ()


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (failed(14, "Exceed qps limit, please retry"), Throttled),
        *((failed(14, m), QuotaSpent) for m in ("Exceed quota limit", "[1017] exceed quota limit of the day")),
        *((failed(r, "AUTHORIZATION_REVOKED"), NotAuthorised) for r in (24, 26, 100200102)),
        (failed(24, "access_token revoked"), NotAuthorised),
        (failed(2001, "x", code="807000", sub_msg="pageSize"), Refused),
        *((failed(r), Refused) for r in (21, 11, 300003, 300004, 300005, 300019, 300010, 300014, 300017, 300018)),
        *((failed(r), Refused) for r in (100200100, 100200101, 100200103, 100200104, 100200105, 100200106, 100200107)),
        (failed(100200500), Retryable),
        (failed(4711), BadAnswer),
    ],
)  # fmt: skip
def test_every_error_has_its_class(reply: dict[str, Any], kind: type[AdapterError]) -> None:
    with Rig("kuaishou", lambda _: reply, retry=Retry(waits_s=(1.0,))) as rig, pytest.raises(kind) as caught:
        rig.pull()
    assert caught.value.request_id == f"ks-{reply['result']}"


def test_a_spent_quota_lasts_until_midnight_in_beijing() -> None:
    with Rig("kuaishou", lambda _: failed(14, "Exceed quota limit")) as rig, pytest.raises(QuotaSpent) as caught:
        rig.pull()
    assert caught.value.until == datetime(2025, 11, 20, 16, tzinfo=UTC)


@pytest.mark.parametrize("message", ["access_token已过期", "invalid access token", "accessToken expired"])
def test_any_word_about_the_token_renews_it_once(message: str) -> None:
    with Rig("kuaishou", FakeKuaishou(1)) as rig:
        rig.server.next({"result": 2001, "code": "807000", "error_msg": message})
        assert rig.pull()[0].report.proof
        assert rig.tokens.made == 1


@pytest.mark.parametrize("code", [100200105, 100200101])
def test_a_token_that_cannot_be_renewed_asks_for_the_merchant(code: int) -> None:
    with Rig("kuaishou", FakeKuaishou(1)) as rig:
        rig.server.next(failed(28, "access_token已过期"), failed(code, "invalid_grant"))
        with pytest.raises(NotAuthorised):
            rig.pull()


@pytest.mark.parametrize(
    ("status", "word", "line"),
    [
        (0, "unknown", "open"), (10, "unpaid", "open"), (30, "paid", "open"), (40, "shipped", "shipped"),
        (50, "shipped", "shipped"), (70, "completed", "shipped"), (80, "cancelled", "closed"), (99, "unknown", "open"),
    ],
)  # fmt: skip
def test_each_state_has_its_word(status: int, word: str, line: str) -> None:
    doc = order({}, {"status": status})
    assert (doc.status, doc.lines[0].status) == (word, line)
    assert (word == "unknown") == any(d.why == "unknown_status" for d in doc.doubts)


def test_a_paid_order_with_a_parcel_has_left_in_part() -> None:
    assert order({}, orderLogisticsInfo=[{"expressNo": "S1", "expressCode": 4}]).status == "partly_shipped"


@pytest.mark.parametrize(
    ("base", "hold"),
    [
        ({"disableDeliveryReasonCode": [1]}, "group_unfinished"), ({"disableDeliveryReasonCode": [2, 1]}, "risk_control"),
        ({"disableDeliveryReasonCode": [9]}, "locked"), ({"disableDeliveryReasonCode": 1}, "group_unfinished"),
        ({"disableDeliveryReasonCode": [], "riskCode": 10001}, "risk_control"), ({"riskCode": 7}, ""), ({"riskCode": 0}, ""),
        ({"disableDeliveryReasonCode": None}, ""), ({"disableDeliveryReasonCode": [1], "status": 40}, ""),
    ],
)  # fmt: skip
def test_what_forbids_shipping_holds_the_order(base: dict[str, Any], hold: str) -> None:
    assert order({}, base).platform_hold == hold


REFUND_STATES = {
    10: "asked", 11: "asked", 20: "asked", 21: "asked", 22: "asked", 30: "asked", 40: "asked", 45: "asked", 50: "asked",
    60: "full", 70: "none", 99: "asked",
}  # fmt: skip


@pytest.mark.parametrize(("code", "refund_state"), REFUND_STATES.items())
def test_the_newest_refund_speaks_for_the_line(code: int, refund_state: str) -> None:
    sent = [{"refundId": 2, "refundStatus": code}, {"refundId": 1, "refundStatus": 60}]
    doc = order({}, orderRefundList=sent)
    assert doc.lines[0].refund == refund_state
    assert (code == 99) == bool(doc.doubts)
    assert order({}, orderRefundList=None).lines[0].refund == "none"


CASES = {
    10: "asked", 11: "asked", 20: "asked", 21: "asked", 22: "approved", 30: "approved", 40: "goods_back", 45: "approved",
    50: "approved", 60: "done", 70: "closed", 99: "unknown",
}  # fmt: skip


@pytest.mark.parametrize(("code", "status"), CASES.items())
def test_each_state_of_a_refund_has_its_word(code: int, status: str) -> None:
    doc = refund(status=code, negotiateStatus=1)
    assert doc.status == status
    assert (doc.done_at is not None) == (status == "done")
    assert (doc.goods == "returned") == (status == "goods_back")


def test_a_refund_that_failed_because_the_merchant_said_no_is_refused() -> None:
    assert refund(status=70, negotiateStatus=3).status == "refused"
    assert refund(status=10, negotiateStatus=3).status == "asked"


@pytest.mark.parametrize(("way", "kind"), [(1, "return"), (10, "refund_only"), (3, "exchange"), (8, "unknown")])
def test_each_way_of_a_refund_has_its_word(way: int, kind: str) -> None:
    assert refund(handlingWay=way).kind == kind


def test_refund_windows_are_a_day_or_what_the_option_says() -> None:
    spans = []
    for options in ({}, {"refund_span_h": 1.0}):
        with Rig("kuaishou", lambda _: good({"pcursor": "nomore", "refundOrderInfoList": []}), options=options) as rig:
            rig.pull("refunds", start=rig.clock.now().replace(hour=0), end=rig.clock.now())
            spans.append({(asked(s)["beginTime"], asked(s)["endTime"]) for s in rig.server.seen})
    assert [len(s) for s in spans] == [1, 5]
    assert all(end - begin < 3_600_000 for begin, end in spans[1])


def test_current_refunds_are_read_one_by_one() -> None:
    row = json.loads(sample("kuaishou", "refunds_list"))["data"]["refundOrderInfoList"][0]
    with Rig("kuaishou", lambda _: good(row)) as rig:
        (item,) = rig.adapter.current([str(row["refundId"])], kind="refunds")
        assert asked(rig.server.seen[0]) == {"refundId": row["refundId"]}
    assert isinstance(item.document, RefundDocument)


def test_the_address_id_is_the_merge_key_where_it_is_sent() -> None:
    assert order({}, orderAddress={"openAddressId": "a1"}).merge_key == "a1"
    assert order({}, orderAddress=None).merge_key == order({}).merge_key == ""


def test_a_sub_order_that_costs_something_is_no_gift_and_marked() -> None:
    sub = {
        "subOrderBaseInfo": {"oid": 5, "status": 40},
        "subOrderItemInfo": {"skuId": 52, "itemId": 72, "num": 1, "price": 100},
    }
    doc = order({}, subOrderInfo=sub)
    assert [(x.platform_line_no, x.gift, x.unit_minor, x.status, x.paid_minor) for x in doc.lines] == [
        (str(BIG), False, 1000, "open", None),
        ("5", False, 100, "shipped", None),
    ]
    assert [d.raw for d in doc.doubts] == ["-100"]


def test_parcels_of_gifts_count_and_each_waybill_is_named_once() -> None:
    tracks = [{"expressNo": "S1", "expressCode": 4}]
    sub = {"subOrderBaseInfo": {"oid": 5}, "subOrderItemInfo": {"itemId": 72, "num": 1}, "subOrderLogisticsInfo": [*tracks, {"expressNo": "Y1", "expressCode": 6}]}  # fmt: skip
    doc = order({}, subOrderInfo=[sub], orderLogisticsInfo=tracks)
    assert [(p.carrier, p.waybill) for p in doc.parcels] == [("4", "S1"), ("6", "Y1")]


# ================================================================ telling


def parcel(waybill: str, *lines: tuple[str, int], carrier: str = "SF") -> NoticeParcel:
    told = lines or ((str(BIG), 1),)
    return NoticeParcel(carrier=carrier, waybill=waybill, lines=tuple((no, "51", "71", qty) for no, qty in told))


def test_several_parcels_and_gifts_go_by_the_split_call() -> None:
    gift = str(BIG + 10)
    notice = ShipNotice(
        key="n", platform_order_no=str(BIG),
        parcels=(parcel("S1", (str(BIG), 2), (gift, 1)), parcel("Y1", (str(BIG), 1), carrier="YTO")),
    )  # fmt: skip
    with Rig("kuaishou", FakeKuaishou()) as rig:
        (call,) = rig.adapter.ship_calls(notice)
        (lone,) = rig.adapter.ship_calls(ShipNotice(key="n", platform_order_no=str(BIG), parcels=(parcel("S1"),)))
        gifted = ShipNotice(key="n", platform_order_no=str(BIG), parcels=(parcel("S1", (gift, 1)),))
        (only_gift,) = rig.adapter.ship_calls(gifted)
    assert call.api == only_gift.api == "open.order.goods.split.deliver"
    assert call.params == {
        "mainOrderId": BIG,
        "deliveryItemInfoList": [
            {"expressCode": 4, "expressNo": "S1", "deliveryGoodsInfoList": [{"oid": BIG, "deliveryNum": 2}, {"oid": BIG + 10, "deliveryNum": 1}]},
            {"expressCode": 6, "expressNo": "Y1", "deliveryGoodsInfoList": [{"oid": BIG, "deliveryNum": 1}]},
        ],
        "deliveryStatus": [{"oid": BIG, "confirmDeliveryStatus": 1}, {"oid": BIG + 10, "confirmDeliveryStatus": 1}],
    }  # fmt: skip
    assert (lone.api, lone.params) == (
        "open.seller.order.goods.deliver",
        {"orderId": BIG, "expressCode": 4, "expressNo": "S1"},
    )


def test_levels_are_told_as_differences_and_read_back_by_sku() -> None:
    world = FakeKuaishou()
    updates = [
        LevelUpdate(key=k, listing_id=sku, product_id="71", qty=9, delta=d)
        for k, sku, d in (("a", "51", 5), ("b", "52", -3), ("c", "53", 2))
    ]
    with Rig("kuaishou", world) as rig:
        assert [r.outcome for r in rig.adapter.set_levels(updates)] == ["done"] * 3
        assert rig.adapter.read_levels(updates) == {"a": 4, "b": 4}
        with pytest.raises(Unsupported, match="delta"):
            rig.adapter.set_levels([LevelUpdate(key="x", listing_id="51", product_id="71", qty=9)])
    assert [(e["skuId"], e["skuChangeStock"], e["changeType"]) for e in world.effects] == [
        (51, 5, 1),
        (52, 3, 2),
        (53, 2, 1),
    ]


def test_a_half_answer_is_no_level() -> None:
    with Rig("kuaishou", lambda _: httpx.Response(200, content=b'{"result":1,"data":{"skuInfos":5}}')) as rig:
        update = LevelUpdate(key="a", listing_id="51", product_id="71", qty=9, delta=1)
        assert rig.adapter.read_levels([update]) == {}
