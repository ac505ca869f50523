"""Pinduoduo: the contract, its signatures, and the traps of its own protocol."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.core.wire import Call
from adapters.documents import LevelUpdate, NoticeParcel, OrderDocument, RefundDocument, ShipNotice
from adapters.errors import AdapterError, BadAnswer, NotAuthorised, Refused, Retryable, Throttled
from adapters.platforms import pdd
from adapters.ports import Retry
from tests.adapters.contract import PlatformContract
from tests.adapters.fake_pdd import FakePdd, failed
from tests.adapters.kit import FixedClock, Rig, sample
from tests.adapters.test_signing import altered


class TestPdd(PlatformContract):
    fake = FakePdd

    def without_lines(self, raw: str, empty: str) -> bytes:
        return json.dumps({**json.loads(raw), "item_list": json.loads(empty)}).encode()

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = payload["item_list"][0]
        return line


# ================================================================ signatures

LIST = {
    "access_token": "example-token", "client_id": "exampleclient01", "data_type": "JSON", "end_updated_at": "1763604000",
    "is_lucky_flag": "0", "order_status": "5", "page": "1", "page_size": "100", "refund_status": "5",
    "start_updated_at": "1763602200", "timestamp": "1763604300", "type": "pdd.order.number.list.increment.get",
    "use_has_next": "true", "version": "V1",
}  # fmt: skip
NESTED = {
    "access_token": "example-token", "client_id": "exampleclient01", "data_type": "JSON", "timestamp": "1763604301",
    "data_list": '[{"data_tag":"251120-000000000000101","encrypted_data":"~AgAAAAExampleCipherName~0~"}]',
    "type": "pdd.open.decrypt.mask.batch", "version": "V1",
}  # fmt: skip
OFFICIAL = {
    "access_token": "asd78172s8ds9a921j9qqwda12312w1w21211", "client_id": "1", "data_type": "XML", "order_status": "1",
    "page": "1", "page_size": "10", "timestamp": "1480411125", "type": "pdd.order.number.list.get",
}  # fmt: skip
VECTORS = [
    (LIST, "example-secret", "20D733A878023A96A165FFB69EDAF747"),
    ({k: v for k, v in NESTED.items() if k != "version"}, "example-secret", "5E690C31DB466547741D97C14A7BA2B0"),
    (OFFICIAL, "testSecret", "E4DE3ED21002510DED352819E7AE6775"),
]


@pytest.mark.parametrize(("params", "secret", "printed"), VECTORS, ids=["list", "nested", "official"])
def test_signs_as_printed_and_no_vector_survives_one_altered_trait(
    params: dict[str, str], secret: str, printed: str
) -> None:
    assert pdd.sign({**params, "sign": "anything"}, secret) == printed
    assert [other for other in altered(params) if pdd.sign(other, secret) == printed] == []
    assert printed not in (pdd.sign(params, secret.upper()), pdd.sign(params, secret + " "), pdd.sign(params, ""))
    assert pdd.sign(dict(reversed(params.items())), secret) == printed


def test_what_goes_over_the_wire_is_what_was_signed() -> None:
    clock = FixedClock(datetime.fromtimestamp(1763604300, tz=UTC))
    with Rig("pdd", lambda _: {"x": {}}, clock=clock, app_key="exampleclient01", token=lambda: "example-token") as rig:
        params = {"start_updated_at": 1763602200, "end_updated_at": 1763604000, "page": 1, "page_size": 100}
        params |= {"is_lucky_flag": 0, "order_status": 5, "refund_status": 5, "use_has_next": True}
        rig.adapter.call(Call(api=LIST["type"], params={**params, "trade_type": None}))
        seen = rig.server.seen[0]
    assert seen.path == "/api/router" and not seen.query
    assert seen.form == {**LIST, "sign": VECTORS[0][2]}


def test_lists_go_as_the_json_text_that_is_signed() -> None:
    rows = [{"data_tag": "251120-000000000000101", "encrypted_data": "~AgAAAAExampleCipherName~0~"}]
    with Rig("pdd", lambda _: {"x": {}}) as rig:
        rig.adapter.call(Call(api=NESTED["type"], params={"data_list": rows}))
        form = rig.server.seen[0].form
    assert form["data_list"] == NESTED["data_list"]
    assert form["sign"] == pdd.sign(form, "example-secret")


def test_the_message_service_takes_base64_of_the_hex_text() -> None:
    digest = "NzIyNmQ4MGY1NjJjYjkzMzgwZjkxNzEzODYyZTVhM2E="
    assert pdd.push_digest("exampleclient01", 1763604300000, "example-secret") == digest
    assert pdd.push_address("exampleclient01", 1763604300000, "example-secret") == (
        f"wss://message-api.pinduoduo.com/message/exampleclient01/1763604300000/{digest}"
    )
    for other in (("exampleclient02", 1763604300000, "example-secret"), ("exampleclient01", 1763604300001, "example-secret"),
                  ("exampleclient01", 1763604300000, "example-secres")):  # fmt: skip
        assert pdd.push_digest(*other) != digest


# ================================================================ traps of this protocol


def order(**change: Any) -> OrderDocument:
    world = FakePdd(1)
    with Rig("pdd", world) as rig:
        item = rig.adapter.translate("orders", json.dumps({**world.payload(world.rows[0]), **change}).encode())
        assert isinstance(item.document, OrderDocument), item.detail
        return item.document


def case(**change: Any) -> RefundDocument:
    row = json.loads(sample("pdd", "refunds_list"))["refund_increment_get_response"]["refund_list"][0]
    with Rig("pdd", FakePdd()) as rig:
        item = rig.adapter.translate("refunds", json.dumps({**row, **change}).encode())
    assert isinstance(item.document, RefundDocument), item.detail
    return item.document


def test_pages_go_back_to_front_and_count_only_where_the_total_is_wanted() -> None:
    with Rig("pdd", FakePdd(120)) as rig:
        rig.pull()
        asked = [(s.form["page"], s.form["use_has_next"]) for s in rig.server.seen]
        spans = {int(s.form["end_updated_at"]) - int(s.form["start_updated_at"]) for s in rig.server.seen}
    assert (
        asked[:5] == [("1", "false"), ("2", "true"), ("1", "true"), ("1", "false"), ("1", "false")] or len(asked) == 3
    )
    assert max(spans) < 1800


def test_a_full_half_hour_is_read_from_its_last_page() -> None:
    with Rig("pdd", FakePdd(250, step_s=4)) as rig:
        pull, _ = rig.pull()
        first_window = [(s.form["page"], s.form["use_has_next"]) for s in rig.server.seen][:6]
    assert pull.report.proof == "counted"
    assert first_window == [("1", "false"), ("3", "true"), ("2", "true"), ("1", "true"), ("1", "false"), ("1", "false")]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        *((failed(code), Throttled) for code in (70031, 52101)),
        *((failed(code), Retryable) for code in (52102, 52103, 50000, 50001, 50002, 52001, 52002)),
        (failed(50001, "30001"), Retryable),
        *((failed(code), NotAuthorised) for code in (20031, 20032)),
        *(
            (failed(code), Refused)
            for code in (
                20004, 20005, 10000, 10001, 10017, 10018, 21001, 21002, 10016, 20034, 20035, 30000, 30001, 52004,
            )
        ),
        (failed(4711), BadAnswer),
    ],
)  # fmt: skip
def test_every_error_has_its_class(reply: dict[str, Any], kind: type[AdapterError]) -> None:
    with Rig("pdd", lambda _: reply, retry=Retry(waits_s=(1.0,))) as rig, pytest.raises(kind) as caught:
        rig.pull()
    assert caught.value.request_id == f"pdd-{reply['error_response']['error_code']}"


def test_missing_and_null_parts_of_an_error_are_no_matter() -> None:
    reply = {"error_response": {"error_code": 20004, "error_msg": "x"}}
    with Rig("pdd", lambda _: reply) as rig, pytest.raises(Refused, match="x"):
        rig.pull()


def test_a_write_that_failed_inside_is_refused_only_with_a_reason() -> None:
    update = [LevelUpdate(key="k", listing_id="51", product_id="71", qty=5)]
    for reply, outcome in (
        (failed(50001), "unknown"), (failed(50001, "40001"), "refused"), (failed(52102), "retry"),
        ({"goods_quantity_update_response": {"is_success": False}}, "refused"), ({"goods_quantity_update_response": {}}, "unknown"),
    ):  # fmt: skip
        with Rig("pdd", lambda _, r=reply: r, retry=Retry(waits_s=())) as rig:
            assert rig.adapter.set_levels(update)[0].outcome == outcome, reply


@pytest.mark.parametrize(
    ("fields", "status", "hold", "refund"),
    [
        ({"confirm_status": 0, "pay_time": ""}, "unpaid", "", "none"),
        ({"confirm_status": 0}, "paid", "group_unfinished", "none"),
        ({"confirm_status": 2}, "cancelled", "", "none"),
        ({"order_status": 1, "refund_status": 1}, "paid", "", "none"),
        ({"order_status": 1, "refund_status": 1, "risk_control_status": 1}, "paid", "risk_control", "none"),
        ({"order_status": 1, "refund_status": 2}, "paid", "", "asked"),
        ({"order_status": 1, "refund_status": 3}, "paid", "", "asked"),
        ({"order_status": 1, "refund_status": 4}, "cancelled", "", "full"),
        ({"order_status": 2, "refund_status": 1}, "shipped", "", "none"),
        ({"order_status": 2, "refund_status": 2}, "shipped", "", "asked"),
        ({"order_status": 2, "refund_status": 4}, "shipped", "", "full"),
        ({"order_status": 3, "refund_status": 1}, "completed", "", "none"),
        ({"order_status": 3, "refund_status": 3}, "completed", "", "asked"),
        ({"order_status": 3, "refund_status": 4, "risk_control_status": 1}, "completed", "", "full"),
        ({"order_status": 9}, "unknown", "", "none"),
    ],
)
def test_each_state_has_its_word(fields: dict[str, Any], status: str, hold: str, refund: str) -> None:
    doc = order(**fields)
    assert (doc.status, doc.platform_hold, doc.lines[0].refund) == (status, hold, refund)
    assert (status == "unknown") == any(d.why == "unknown_status" for d in doc.doubts)


OPEN = (2, 3, 4, 5, 6, 7, 8, 14, 15, 18, 21, 22, 27, 31, 32, 33)
NONE = (0, 9, 11, 12, 13, 16, 17, 24, 25)


@pytest.mark.parametrize(
    ("code", "refund"), [*((c, "asked") for c in OPEN), (10, "full"), *((c, "none") for c in NONE)]
)
def test_the_case_speaks_for_the_refund_only_where_the_refund_is_not_told(code: int, refund: str) -> None:
    assert order(refund_status=None, after_sales_status=code).lines[0].refund == refund
    assert order(refund_status=1, after_sales_status=code).lines[0].refund == "none"


CASES = {
    **dict.fromkeys((2, 3, 8, 14, 15, 21, 22, 27, 33), "asked"), **dict.fromkeys((4, 5, 7, 18, 32), "approved"),
    **dict.fromkeys((6, 9, 31), "refused"), **dict.fromkeys((10, 16), "done"),
    **dict.fromkeys((0, 11, 12, 13, 17, 24, 25), "closed"), 77: "unknown",
}  # fmt: skip


@pytest.mark.parametrize(("code", "status"), CASES.items())
def test_each_state_of_a_case_has_its_word(code: int, status: str) -> None:
    doc = case(after_sales_status=code, tracking_number="")
    assert doc.status == status
    assert (doc.done_at is not None) == (status == "done")


@pytest.mark.parametrize(
    ("code", "kind"), [(2, "refund_only"), (3, "return"), (4, "exchange"), (5, "reship"), (9, "unknown")]
)
def test_each_type_of_a_case_has_its_word(code: int, kind: str) -> None:
    assert case(after_sales_type=code).kind == kind


def test_goods_are_on_their_way_back_once_a_return_has_a_waybill() -> None:
    assert [case(after_sales_status=s, tracking_number="YT1").status for s in (3, 7, 10)] == [
        "goods_back",
        "goods_back",
        "done",
    ]
    assert case(after_sales_type=2, after_sales_status=2, tracking_number="YT1").status == "asked"
    told = [case(tracking_number="", user_shipping_status=s).goods for s in (1, 2, 0, None)]
    assert told == ["not_received", "received", "unknown", "unknown"]


@pytest.mark.parametrize(
    ("sent", "minor"), [("10", 1000), ("10.5", 1050), ("10.05", 1005), ('"10.50"', 1050), ("1e1", 1000), ("0.1", 10)]
)
def test_amounts_are_read_by_their_digits_and_never_doubted_for_being_numbers(sent: str, minor: int) -> None:
    world = FakePdd(1)
    raw = json.dumps({**world.payload(world.rows[0]), "pay_amount": "SENT"}).replace('"SENT"', sent).encode()
    with Rig("pdd", world) as rig:
        doc = rig.adapter.translate("orders", raw).document
    assert isinstance(doc, OrderDocument)
    assert doc.payable_minor == minor
    assert not any(d.why == "float_money" for d in doc.doubts)


@pytest.mark.parametrize("sent", ["10.005", "null", '""', "[]", "true", '"1,000.00"', "1e9999999", '"１０"'])
def test_an_amount_that_is_none_is_parked(sent: str) -> None:
    world = FakePdd(1)
    raw = json.dumps({**world.payload(world.rows[0]), "pay_amount": "SENT"}).replace('"SENT"', sent).encode()
    with Rig("pdd", world) as rig:
        item = rig.adapter.translate("orders", raw)
    assert item.document is None and item.error in ("bad_money", "missing_field")
    assert item.number == str(world.rows[0].number)


def test_the_parts_make_the_whole() -> None:
    service = [{"service_name": "sf_express_fee", "service_fee": 5}]
    doc = order(
        goods_amount=9, order_change_amount=1, seller_discount=2, platform_discount=1.5, capital_free_discount=0.5,
        postage=6, pay_amount=16, service_fee_detail=service,
    )  # fmt: skip
    assert [(a.kind, a.minor, a.borne_by) for a in doc.adjustments] == [
        ("price_change", -100, "merchant"), ("seller_discount", -200, "merchant"),
        ("platform_discount", -150, "platform"), ("leader_discount", -50, "unknown"),
    ]  # fmt: skip
    assert (doc.goods_minor, doc.freight_minor, doc.charges_minor, doc.subsidy_minor) == (1000, 600, 500, 150)
    assert doc.lines[0].paid_minor == 500
    assert not doc.doubts
    assert [d.raw for d in order(pay_amount=9).doubts if d.why == "sum_differs"] == ["-100"]


def test_a_gift_is_a_line_of_its_own_that_costs_nothing() -> None:
    gift = {"goods_id": 79, "sku_id": 59, "outer_id": "G", "goods_price": 1.0, "goods_count": 2}
    doc = order(gift_list=[gift])
    assert [(x.platform_line_no.rpartition("-")[2], x.gift, x.unit_minor, x.qty) for x in doc.lines] == [
        ("0", False, 1000, 1),
        ("g0", True, 0, 2),
    ]
    assert doc.goods_minor == 1000


def test_a_second_article_leaves_open_what_each_cost() -> None:
    goods = [{"goods_id": "71", "sku_id": s, "goods_price": 5, "goods_count": 1} for s in ("51", "52")]
    doc = order(item_list=goods)
    assert [x.paid_minor for x in doc.lines] == [None, None]
    assert doc.goods_minor == doc.payable_minor == 1000


@pytest.mark.parametrize(("step", "status", "paid"), [(0, "unpaid", 0), (1, "unpaid", 250), (2, "paid", 1000)])
def test_a_deposit_is_not_paid(step: int, status: str, paid: int) -> None:
    doc = order(trade_type=1, step_order_info={"step_trade_status": step, "advanced_paid_fee": 2.5})
    assert (doc.status, doc.paid_minor, doc.flags) == (status, paid, ("presale",))
    assert (doc.paid_at is None) == (status == "unpaid")


def test_the_address_id_is_the_merge_key_and_needs_no_asking() -> None:
    doc = order(open_address_id="same")
    assert (doc.merge_key, doc.merge_confirm, doc.buyer_id) == ("same", False, "same")
    assert order(open_address_id=None).merge_key == ""


def test_the_receiver_is_masked_and_its_cipher_kept() -> None:
    where = order(receiver_name="~c~0~", receiver_name_mask="张*", receiver_phone_mask="1****", town="西湖区").receiver
    assert (where.name, where.phone, where.cipher, where.district, where.masked) == (
        "张*",
        "1****",
        "~c~0~",
        "西湖区",
        True,
    )


def test_all_parcels_are_read_back() -> None:
    doc = order(
        logistics_id=44, tracking_number="S1", extra_delivery_list=[{"logistics_id": 85, "tracking_number": "Y1"}],
        gift_delivery_list={"logistics_id": 85, "tracking_number": "Y2"}, resend_delivery_list=[{"tracking_number": ""}],
    )  # fmt: skip
    assert [(p.carrier, p.waybill) for p in doc.parcels] == [("44", "S1"), ("85", "Y1"), ("85", "Y2")]


# ================================================================ telling


def parcel(waybill: str, *lines: str, carrier: str = "SF") -> NoticeParcel:
    return NoticeParcel(carrier=carrier, waybill=waybill, lines=tuple((no, "51", "71", 1) for no in lines))


def calls(*parcels: NoticeParcel) -> list[tuple[str, dict[str, Any]]]:
    with Rig("pdd", FakePdd()) as rig:
        return [
            (c.api, dict(c.params))
            for c in rig.adapter.ship_calls(ShipNotice(key="n", platform_order_no="1", parcels=parcels))
        ]


def test_the_first_parcel_ships_and_further_ones_are_named() -> None:
    told = calls(parcel("G1", "1-g0"), parcel("S1", "1-0"), parcel("Y1", "1-0", carrier="YTO"))
    assert told == [
        ("pdd.logistics.online.send", {"order_sn": "1", "logistics_id": "44", "tracking_number": "S1"}),
        (
            "pdd.order.upload.extra.logistics",
            {
                "order_sn": "1",
                "extra_track_type": 1,
                "extra_track_list": [{"shipping_id": 85, "tracking_number": "Y1"}],
            },
        ),
        (
            "pdd.order.upload.extra.logistics",
            {
                "order_sn": "1",
                "extra_track_type": 3,
                "extra_track_list": [{"shipping_id": 44, "tracking_number": "G1"}],
            },
        ),
    ]


def test_a_parcel_of_gifts_alone_still_ships_its_order() -> None:
    assert [api for api, _ in calls(parcel("G1", "1-g0"))] == ["pdd.logistics.online.send"]


def test_a_further_parcel_whose_answer_was_refused_is_told_again_beside_the_first() -> None:
    world = FakePdd(1)
    told: list[str] = []

    def handler(seen: Any) -> Any:
        if seen.form["type"] != "pdd.order.upload.extra.logistics":
            return world(seen)
        told.append(seen.form["extra_track_list"])
        if len(told) == 1:
            return failed(50001, "30020")
        world.rows[0].shipped.append(("85", "Y1"))
        return {"upload_extra_logistics_response": {"success": True}}

    number = str(world.rows[0].number)
    parcels = (parcel("S1", f"{number}-0"), parcel("Y1", f"{number}-0", carrier="YTO"))
    notice = ShipNotice(key="n", platform_order_no=number, parcels=parcels)
    with Rig("pdd", handler) as rig:
        assert rig.adapter.ship([notice])[0].outcome == "refused"
        assert rig.adapter.shipped([notice])[0].outcome == "unknown"
        assert rig.adapter.ship([notice])[0].outcome == "done"
        assert rig.adapter.shipped([notice])[0].outcome == "done"
    assert told[0] == told[1] == '[{"shipping_id":85,"tracking_number":"Y1"}]'


def test_levels_are_whole_numbers_of_one_sku_each() -> None:
    updates = [LevelUpdate(key=k, listing_id=k, product_id="71", qty=n) for n, k in enumerate(("51", "52"))]
    world = FakePdd()
    with Rig("pdd", world) as rig:
        assert {r.outcome for r in rig.adapter.set_levels(updates)} == {"done"}
    assert [(e["goods_id"], e["sku_id"], e["quantity"], e["update_type"]) for e in world.effects] == [
        ("71", "51", "0", "1"),
        ("71", "52", "1", "1"),
    ]


def test_a_first_token_needs_the_merchant() -> None:
    with Rig("pdd", FakePdd(), stored=None) as rig, pytest.raises(NotAuthorised, match="authorise the app once"):
        rig.pull()


def test_a_renewed_token_says_when_it_ends() -> None:
    reply = {
        "access_token": "a", "refresh_token": "r", "expires_in": 86400, "refresh_token_expires_in": "2592000",
        "owner_id": 7700001, "owner_name": "x", "scope": [],
    }  # fmt: skip
    with Rig("pdd", lambda _: {"pop_auth_token_refresh_response": reply}) as rig:
        token = rig.adapter.renew_token()
        form = rig.server.seen[0].form
    assert token.seller_id == "7700001"
    assert token.expires_at is not None and token.refresh_expires_at is not None
    assert (token.refresh_expires_at - token.expires_at).days == 29
    assert form["refresh_token"] == "refresh-1" and "access_token" not in form
