"""A mini program with its own mall: the contract, pushed messages, and the traps of its protocol."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.core import wechat
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
from adapters.platforms import wechat_miniprogram as mini
from adapters.ports import Retry
from tests.adapters.contract import PlatformContract
from tests.adapters.fake_wechat_miniprogram import MALL_URL, FakeMiniprogram, failed
from tests.adapters.fakes import BIG
from tests.adapters.kit import NOON, Rig, items


class TestWechatMiniprogram(PlatformContract):
    fake = FakeMiniprogram

    @pytest.fixture
    def rig(self, world: FakeMiniprogram) -> Iterator[Rig]:  # type: ignore[override]
        """Who paid is known, as after a last look: a notice is then one call."""
        with Rig(world.platform, world, options={"detail_threads": 1}) as rig:
            rig.adapter._remember([json.dumps(world.payload(row)).encode() for row in world.rows])
            yield rig

    def without_lines(self, raw: str, empty: str) -> bytes:
        """Without the mall, what a payment is for is its description."""
        return json.dumps({**json.loads(raw), "description": None if empty in ("null", "[]") else "T恤*1"}).encode()

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        return {}

    def test_levels_are_set_absolutely_and_one_bad_listing_stops_no_other(
        self, rig: Rig, world: FakeMiniprogram
    ) -> None:  # type: ignore[override]
        """The stock of the mall is nobody else's."""
        with pytest.raises(Unsupported, match="stock levels"):
            rig.adapter.set_levels([LevelUpdate(key="k", listing_id="51", qty=1)])
        assert not rig.server.seen

    def test_a_level_whose_answer_was_lost_is_unknown(self, rig: Rig) -> None:
        with pytest.raises(Unsupported, match="stock levels"):
            rig.adapter.read_levels([LevelUpdate(key="k", listing_id="51", qty=1)])

    def test_the_token_of_another_seller_is_not_used(self, rig: Rig) -> None:
        """A token is the app's own, by its secret: it names no seller."""
        assert rig.adapter.renew_token().seller_id == ""


# ================================================================ pushed messages

TOKEN, KEY, STAMP, NONCE = "mini_token", "Qm8tV3xZr1LkNp5sWbYe7HcGa2DfJuXo9TiRz0KvMwA", "1773122465", "88776655"
MESSAGE = (
    '{"ToUserName":"gh_0000000000bb","FromUserName":"oExampleOpenId0000000000021","CreateTime":1773122465,"MsgType":"event",'
    '"Event":"trade_manage_remind_shipping","transaction_id":"4200002000202603100000001001","merchant_id":"1900000001",'
    '"sub_merchant_id":"","merchant_trade_no":"M2603101201050001","pay_time":1773115265,"msg":"请尽快发货"}'
)
ENCRYPT = (
    "1j72085M56BYHlTw6M4r1Odrnu43NgYrHkDGfhuYmMUdLs051TqAZLmz0d33Ir3Oe8O5crUSALrGarhm5yXk4uIGs0hw+eEHU+NdAC2xALuyj1"
    "3QIWb+IPJsrZTcheDcShQ6c/zpHtwaw07BhAtBImvzSoNqbLRzqfygxSRwwa52sQRu6ZpCPPm1FTSuvklnMT38Mhj3oJ4YGs+ura3UdIAxG+2e"
    "Fq3L8IDpma7qX4G/8euunb5bAM5FkaVpDLp1+1hzcGs1XUG3nGj04CSG1XIlgS6hbMPcMzfVtMrh+Ltl/zcJubZacYVNkDm1NnAgE4UxLrgiqp"
    "ryg7+zQo3okvREwLVq69aG3dU3Q02fQO22HWtN0/11YO16hGRF8W5mr7bEK9lDTt3raIOYIJK1k/ECgUwAySnaWsCdHX4puXYDBqNt1KPXSCms"
    "xj9P5OZq5d4eI0b6wk4pcCrYCZOaD3qKjJLthdxc5SU743qQ4pBzAGNDLeoL/A/j3PUIxC4I"
)
PLAIN_SIGN, SEALED_SIGN = "3bc145dc7c84c7b421b97d55645f22f8f497b529", "fb2698d59ebdd7f973d1778077da3cb7cc4f742f"
ADDRESS = {"timestamp": STAMP, "nonce": NONCE, "signature": PLAIN_SIGN, "msg_signature": SEALED_SIGN}
SEALED = json.dumps({"ToUserName": "gh_0000000000bb", "Encrypt": ENCRYPT}).encode()


def test_the_worked_example_is_signed_and_opened_as_printed() -> None:
    assert wechat.signature(TOKEN, STAMP, NONCE) == PLAIN_SIGN
    assert wechat.signature(TOKEN, STAMP, NONCE, ENCRYPT) == SEALED_SIGN
    assert wechat.unseal(ENCRYPT, KEY) == (MESSAGE.encode(), "wx00000000000000bb")


def test_messages_are_hints_in_both_modes() -> None:
    with Rig("wechat_miniprogram", FakeMiniprogram(), app_key="wx00000000000000bb") as rig:
        for body, secrets in ((MESSAGE.encode(), [TOKEN]), (SEALED, ["old:x", f"{TOKEN}:{KEY}"])):
            got = rig.adapter.verify_push(ADDRESS, body, secrets)
            assert (got.topic, got.kind, got.number) == ("trade_manage_remind_shipping", "orders", "M2603101201050001")
        told = rig.adapter.verify_push(ADDRESS, b'{"Event":"trade_manage_remind_access_api","msg":"x"}', [TOKEN])
        assert (told.topic, told.kind, told.number) == ("trade_manage_remind_access_api", "", "")
        with pytest.raises(Unreadable):
            rig.adapter.verify_push(ADDRESS, b"<xml/>", [TOKEN])


@pytest.mark.parametrize(
    ("change", "body", "secret", "kind"),
    [
        ({"signature": PLAIN_SIGN[:-1] + "0"}, MESSAGE.encode(), TOKEN, NotVerified), ({"timestamp": "1773122466"}, MESSAGE.encode(), TOKEN, NotVerified),
        ({"nonce": "1"}, MESSAGE.encode(), TOKEN, NotVerified), ({}, MESSAGE.encode(), "other", NotVerified), ({"signature": ""}, MESSAGE.encode(), TOKEN, NotVerified),
        ({"msg_signature": PLAIN_SIGN}, SEALED, f"{TOKEN}:{KEY}", NotVerified), ({}, SEALED.replace(b"1j72", b"1j73"), f"{TOKEN}:{KEY}", NotVerified),
        ({}, SEALED, TOKEN, Unreadable), ({}, SEALED, f"{TOKEN}:{KEY[:-2]}AA", Unreadable),
    ],
)  # fmt: skip
def test_what_is_altered_is_not_believed(
    change: dict[str, str], body: bytes, secret: str, kind: type[AdapterError]
) -> None:
    with Rig("wechat_miniprogram", FakeMiniprogram(), app_key="wx00000000000000bb") as rig, pytest.raises(kind):
        rig.adapter.verify_push({**ADDRESS, **change}, body, [secret])


def test_a_sealed_message_for_another_app_is_refused() -> None:
    with Rig("wechat_miniprogram", FakeMiniprogram(), app_key="wx00000000000000cc") as rig, pytest.raises(NotVerified):
        rig.adapter.verify_push(ADDRESS, SEALED, [f"{TOKEN}:{KEY}"])


# ================================================================ errors


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *((c, Retryable) for c in (-1, 10060012, 10060019)), *((c, NotAuthorised) for c in (40001, 40014, 42001, 48001)), (45009, QuotaSpent), (45011, Throttled),
        *((c, Refused) for c in (10060001, 10060002, 10060003, 10060004, 10060005, 10060006, 10060007, 10060008, 10060009, 10060014, 10060023, 10060024)),
        *((c, Refused) for c in (10060025, 10060026, 10060028, 10060031, 268485194, 268485195, 268485196, 268485216, 268485224, 268485228)), (777, BadAnswer),
    ],
)  # fmt: skip
def test_each_error_says_what_to_do(code: int, kind: type[AdapterError]) -> None:
    def handler(seen: Any) -> Any:
        return FakeMiniprogram()(seen) if "token" in seen.path else failed(code)

    with Rig("wechat_miniprogram", handler, retry=Retry(waits_s=(1.0,))) as rig, pytest.raises(kind) as caught:
        rig.pull()
    if kind is Refused:
        assert caught.value.already == (code in (10060002, 10060023))  # type: ignore[attr-defined]


# ================================================================ payments and the mall


def order(mall: dict[str, Any] | None = None, **change: Any) -> OrderDocument:
    world = FakeMiniprogram(1)
    payment = {**world.payload(world.rows[0]), **change}
    raw = payment if mall is None else {"payment": payment, "mall": {**world.mall(world.rows[0]), **mall}}
    with Rig("wechat_miniprogram", world) as rig:
        item = rig.adapter.translate("orders", json.dumps(raw).encode())
        assert isinstance(item.document, OrderDocument), item.detail
        return item.document


def test_each_page_is_joined_with_the_mall_by_one_signed_call() -> None:
    world = FakeMiniprogram(60)
    with Rig("wechat_miniprogram", world, options={"mall_url": MALL_URL}) as rig:
        pull, batches = rig.pull()
        asked = [s for s in rig.server.seen if s.path == "/oms/orders"]
    docs = [i.document for i in items(batches)]
    assert pull.report.proof == "exhausted" and pull.report.distinct == 60
    assert {len(s.json["numbers"]) for s in asked} == {50, 10}
    for seen in asked:
        at = seen.headers["x-oms-time"]
        assert (
            seen.headers["x-oms-sign"]
            == hmac.new(b"example-secret", f"{at}\n".encode() + seen.body, hashlib.sha256).hexdigest()
        )
        assert "access_token" not in seen.query
    for doc in docs:
        assert isinstance(doc, OrderDocument)
        assert (doc.goods_minor, doc.freight_minor, doc.payable_minor, doc.paid_minor) == (1200, 200, 1000, 1000)
        assert [(a.kind, a.minor) for a in doc.adjustments] == [("coupon", -400)]
        assert (doc.lines[0].listing_id, doc.lines[0].qty, doc.lines[0].paid_minor, doc.receiver.phone) == (
            "51",
            2,
            800,
            "13800000021",
        )
        assert doc.merge_key and [d.field for d in doc.doubts] == ["ship_by"]


def test_a_payment_the_mall_does_not_know_waits_with_its_reasons() -> None:
    for doc in (order(), order(mall=None)):
        assert {(d.field, d.why) for d in doc.doubts} >= {("receiver", "not_sent"), ("lines[0].listing_id", "derived")}
        assert (doc.lines[0].listing_id, doc.lines[0].qty, doc.goods_minor, doc.merge_key) == ("T恤*1", 1, 1000, "")
    world = FakeMiniprogram(2)

    def handler(seen: Any) -> Any:
        return {"orders": [world.mall(world.rows[0])]} if seen.path == "/oms/orders" else world(seen)

    with Rig("wechat_miniprogram", handler, options={"mall_url": MALL_URL}) as rig:
        got = {i.number: i.document for i in items(rig.pull()[1])}
    assert [len([d for d in got[str(r.number)].doubts if d.field == "receiver"]) for r in world.rows] == [0, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [(httpx.Response(401, json={}), NotAuthorised), (httpx.Response(404, json={}), Refused), (httpx.Response(503), Retryable),
     ({"sorry": 1}, Retryable), (b"<html>", Retryable)],
)  # fmt: skip
def test_a_mall_that_does_not_answer_leaves_the_window_open(reply: Any, kind: type[AdapterError]) -> None:
    world = FakeMiniprogram(1)

    def handler(seen: Any) -> Any:
        return reply if seen.path == "/oms/orders" else world(seen)

    changes: dict[str, Any] = {"options": {"mall_url": MALL_URL}, "retry": Retry(waits_s=(1.0,))}
    with Rig("wechat_miniprogram", handler, **changes) as rig, pytest.raises(kind):
        rig.pull()


@pytest.mark.parametrize(
    ("state", "shipping", "status", "refund", "line_status"),
    [
        (1, {}, "paid", "none", "open"), (2, {"delivery_mode": 1, "finish_shipping": True}, "shipped", "none", "shipped"),
        (2, {"delivery_mode": 2, "finish_shipping": False}, "partly_shipped", "none", "open"), (2, {"delivery_mode": 2, "finish_shipping": True}, "shipped", "none", "shipped"),
        (2, {"delivery_mode": 1}, "shipped", "none", "shipped"), (3, {}, "completed", "none", "shipped"), (4, {}, "completed", "none", "shipped"),
        (5, {}, "cancelled", "full", "closed"), (6, {}, "completed", "none", "shipped"), (9, {}, "unknown", "none", "open"),
    ],
)  # fmt: skip
def test_each_state_has_its_word(
    state: int, shipping: dict[str, Any], status: str, refund: str, line_status: str
) -> None:
    doc = order(mall={}, order_state=state, shipping=shipping)
    assert (doc.status, doc.lines[0].refund, doc.lines[0].status) == (status, refund, line_status)
    assert any(d.why == "unknown_status" for d in doc.doubts) == (status == "unknown")


def test_the_time_of_a_change_is_the_malls_or_the_last_that_was_uploaded() -> None:
    base = int(order().modified_at.timestamp())
    uploaded = {"shipping_list": [{"tracking_no": "1", "express_company": "SF", "upload_time": base + 50}]}
    assert order(shipping=uploaded).modified_at == datetime.fromtimestamp(base + 50, UTC)
    assert order(mall={"modified": base + 70}, shipping=uploaded).modified_at == datetime.fromtimestamp(base + 70, UTC)
    assert order(mall={"modified": 0}, shipping=uploaded).modified_at == datetime.fromtimestamp(base + 50, UTC)


def test_totals_that_differ_are_marked() -> None:
    differs = order(mall={"payable": 1100, "freight": 300}, paid_amount=1000)
    assert [(d.field, d.raw) for d in differs.doubts if d.why == "sum_differs"] == [("paid_minor", "-100")]
    assert (differs.payable_minor, differs.paid_minor) == (1100, 1000)
    rest = order(mall={"discounts": []})
    assert [(d.field, d.raw) for d in rest.doubts if d.why == "sum_differs"] == [("payable_minor", "-400")]


def test_the_example_on_the_page_is_an_order_that_adds_up() -> None:
    page = Path(__file__, "..", "..", "..", "docs", "platforms", "wechat_miniprogram.md").resolve()
    (told,) = json.loads(page.read_text(encoding="utf-8").partition("```json\n")[2].partition("```")[0])["orders"]
    doc = order(mall=told, paid_amount=told["payable"], merchant_trade_no=told["number"])
    assert doc.doubts == () and doc.payable_minor == doc.paid_minor == 22900
    assert sum(n.paid_minor or 0 for n in doc.lines) + doc.freight_minor == doc.payable_minor


def test_a_mall_order_without_lines_is_parked() -> None:
    world = FakeMiniprogram(1)
    for lines in (None, []):
        raw = json.dumps(
            {"payment": world.payload(world.rows[0]), "mall": {**world.mall(world.rows[0]), "lines": lines}}
        )
        with Rig("wechat_miniprogram", world) as rig:
            item = rig.adapter.translate("orders", raw.encode())
        assert (item.error, item.number, item.modified_at) == ("missing_field", str(BIG), world.rows[0].modified)


def test_what_was_paid_in_thirty_days_is_read_again() -> None:
    world = FakeMiniprogram(3, start=NOON - timedelta(days=29))
    with Rig("wechat_miniprogram", world) as rig:
        pull, batches = rig.pull()
        spans = {s.json["pay_time_range"]["begin_time"] for s in rig.server.seen}
    assert len(items(batches)) == 3 and pull.report.distinct == 0 and pull.report.proof
    assert spans == {int((NOON - timedelta(days=30, hours=2)).timestamp())}


def test_a_payment_that_went_back_whole_is_a_refund() -> None:
    world = FakeMiniprogram(3)
    world.rows[1].change = {"order_state": 5}
    with Rig("wechat_miniprogram", world) as rig:
        _, batches = rig.pull("refunds")
        assert {s.json["order_state"] for s in rig.server.seen} == {5}
        (doc,) = [i.document for i in items(batches)]
        (same,) = rig.adapter.current([f"refund-{world.rows[1].number}"], kind="refunds")
        (other,) = rig.adapter.current([f"refund-{world.rows[0].number}"], kind="refunds")
    assert isinstance(doc, RefundDocument) and same.document == doc
    assert (doc.status, doc.amount_minor, doc.kind, doc.platform_order_no) == (
        "done",
        1000,
        "before_shipping",
        str(world.rows[1].number),
    )
    assert isinstance(other.document, RefundDocument) and (other.document.status, other.document.amount_minor) == (
        "closed",
        0,
    )


# ================================================================ telling


def notice(*waybills: str, carrier: str = "SF") -> ShipNotice:
    parcels = tuple(NoticeParcel(carrier=carrier, waybill=w, lines=((f"{BIG}-0", "51", "71", 1),)) for w in waybills)
    return ShipNotice(key="n", platform_order_no=str(BIG), parcels=parcels)


def test_a_notice_names_who_paid_and_a_masked_phone() -> None:
    world = FakeMiniprogram(1)
    world.rows[0].change = {"description": "长" * 130}
    with Rig("wechat_miniprogram", world, options={"mall_url": MALL_URL}) as rig:
        assert rig.adapter.ship([notice("SF1")])[0].outcome == "done"
        paths = [s.path for s in rig.server.seen]
    assert paths == [mini.DETAIL, "/oms/orders", mini.SHIP]
    parcel = {
        "tracking_no": "SF1",
        "express_company": "SF",
        "item_desc": "长" * 120,
        "contact": {"receiver_contact": "138****0021"},
    }
    assert world.effects == [
        {"order_key": {"order_number_type": 2, "transaction_id": f"42{BIG}"}, "logistics_type": 1, "delivery_mode": 1, "is_all_delivered": True,
         "shipping_list": [parcel], "upload_time": "2025-11-20T12:00:00.000+08:00", "payer": {"openid": "o1"}}
    ]  # fmt: skip


def test_several_parcels_are_a_split_shipment_and_a_known_payer_is_not_asked_for_again() -> None:
    world = FakeMiniprogram(1)
    with Rig("wechat_miniprogram", world) as rig:
        rig.adapter.current([str(BIG)])
        rig.adapter.ship([notice("Y1", "Y2", carrier="YUNDA")])
        assert [s.path for s in rig.server.seen] == [mini.DETAIL, mini.SHIP]
        assert rig.adapter.shipped([notice("Y1", "Y2")])[0].outcome == "done"
    assert world.effects[0]["delivery_mode"] == 2
    assert [(p["express_company"], p["tracking_no"], "contact" in p) for p in world.effects[0]["shipping_list"]] == [
        ("YD", "Y1", False),
        ("YD", "Y2", False),
    ]


def test_a_notice_for_no_payment_is_refused_and_nothing_is_told() -> None:
    world = FakeMiniprogram()
    with Rig("wechat_miniprogram", world) as rig:
        result = rig.adapter.ship([notice("SF1")])[0]
    assert (result.outcome, result.code) == ("refused", "no_payment") and not world.effects


def test_phones_show_their_last_four_digits() -> None:
    assert [mini.masked_phone(p) for p in ("13800000021", "1234")] == ["138****0021", "****1234"]
