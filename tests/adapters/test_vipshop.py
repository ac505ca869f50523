"""Vipshop: the contract, its signature, and the traps of its own protocol."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from adapters.core.wire import Call
from adapters.documents import LevelUpdate, NoticeParcel, OrderDocument, ShipNotice
from adapters.errors import AdapterError, BadAnswer, NotAuthorised, QuotaSpent, Refused, Retryable, Unsupported
from adapters.platforms import vipshop
from adapters.ports import Retry
from tests.adapters.contract import END, PlatformContract
from tests.adapters.fake_vipshop import SOV, FakeVipshop, failed, good
from tests.adapters.fakes import Fake, local
from tests.adapters.kit import NOON, SAMPLES, FixedClock, Rig, as_json, items, sample


class TestVipshop(PlatformContract):
    fake = FakeVipshop

    def without_lines(self, raw: str, empty: str) -> bytes:
        return json.dumps({**json.loads(raw), "order_products": json.loads(empty)}).encode()

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = payload["order_products"][0]
        return line

    def test_a_notice_read_back_with_another_waybill_is_unknown(self, rig: Rig, world: Fake) -> None:
        """No order names its waybill here: one that has left counts as told, whoever told it."""
        world.rows[0].shipped = [("zhongtong", "ZTO9")]
        (result,) = rig.adapter.shipped([self.notice(world.rows[0].number)])
        assert (result.outcome, result.facts["status"]) == ("done", "22")

    def notice(self, number: int, *, waybill: str = "SF001") -> ShipNotice:
        parcel = NoticeParcel(carrier="SF", waybill=waybill, lines=(("51", "51", "71", 1),))
        return ShipNotice(key="n1", platform_order_no=str(number), parcels=(parcel,))


# ================================================================ signature

QUERY = {
    "accessToken": "ATEXAMPLE0001", "appKey": "a1b2c3d4", "format": "json", "method": "getOrders", "service": SOV,
    "timestamp": "1773108920", "version": "1.0.0",
}  # fmt: skip
BODY = (
    '{"request":{"query_start_time":"2026-03-10 00:00:00","query_end_time":"2026-03-10 23:59:59","limit":200,"page":1}}'
)
SECRET, PRINTED = "vop_secret_example_01", "E1E6D1D863BE0CA67B658DE766B12292"


def test_signs_as_the_worked_example_and_only_so() -> None:
    assert vipshop.sign(QUERY, BODY, SECRET) == PRINTED
    assert vipshop.sign(dict(reversed(QUERY.items())), BODY, SECRET) == PRINTED
    assert vipshop.sign({**QUERY, "sign": "x", "language": ""}, BODY, SECRET) == PRINTED
    for name, value in QUERY.items():
        rest = {k: v for k, v in QUERY.items() if k != name}
        for other in (rest, {**rest, name: value[:-1] + chr(ord(value[-1]) ^ 1)}, {**rest, name.upper(): value}):
            assert vipshop.sign(other, BODY, SECRET) != PRINTED
    assert vipshop.sign({**QUERY, "language": "zh"}, BODY, SECRET) != PRINTED
    assert PRINTED not in (vipshop.sign(QUERY, BODY + " ", SECRET), vipshop.sign(QUERY, BODY, SECRET + " "))


def test_a_request_is_signed_over_the_very_bytes_that_are_sent() -> None:
    clock = FixedClock(datetime.fromtimestamp(1773108920, UTC))
    with Rig("vipshop", FakeVipshop(), clock=clock, app_key="a1b2c3d4", secret=SECRET) as rig:
        asked = {
            "query_start_time": "2026-03-10 00:00:00",
            "query_end_time": "2026-03-10 23:59:59",
            "limit": 200,
            "page": 1,
        }
        request = rig.adapter.request(Call(api=f"{SOV}.getOrders", params={"request": asked}), "ATEXAMPLE0001")
    assert request.body.decode() == BODY
    assert request.query == {**QUERY, "sign": PRINTED}
    assert request.url == "https://vop.vipapis.com/"


# ================================================================ the envelope


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("vipapis.sys_other_error", Retryable), ("vipapis.response-timeOut", Retryable), ("vipapis.base-api.error", Retryable),
        ("vipapis.app-flow-overrun", QuotaSpent), ("vipapis.oauth-invalidate-failure", NotAuthorised),
        ("vipapis.sign-not-match", Refused), ("vipapis.miss-parameter", Refused), ("vipapis.parameter-notmatch", Refused),
        ("vipapis.request-data-max", Refused), ("vipapis.path.Error", Refused),
        ("vipapis.ext-attr-invalidate-failure", Refused), ("vipapis.appkey-not-exist", Refused),
        ("vipapis.api-invalidate-permission", Refused), ("vipapis.white-ip-not-exist", Refused),
        ("vipapis.ip-in-blackList", Refused), ("vipapis.appKey-in-blackList", Refused), ("vipapis.new.thing", BadAnswer),
    ],
)  # fmt: skip
def test_codes_say_what_to_do(code: str, kind: type[AdapterError]) -> None:
    world = FakeVipshop()

    def handler(seen: Any) -> Any:
        return world(seen) if world.renews(seen) else failed(code)

    with Rig("vipshop", handler, retry=Retry(waits_s=(1.0,))) as rig, pytest.raises(kind) as caught:
        rig.pull()
    assert caught.value.code == code


def test_a_spent_quota_is_back_the_next_day_in_beijing() -> None:
    with Rig("vipshop", lambda _: failed("vipapis.app-flow-overrun")) as rig, pytest.raises(QuotaSpent) as caught:
        rig.pull()
    assert caught.value.until == datetime(2025, 11, 20, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize("code", ["vipapis.sys_other_error", "vipapis.response-timeOut"])
def test_a_timeout_inside_may_have_shipped(code: str) -> None:
    world = FakeVipshop(1)
    with Rig("vipshop", world) as rig:
        rig.server.next(failed(code))
        assert rig.adapter.ship([TestVipshop().notice(world.rows[0].number)])[0].outcome == "unknown"


def test_an_answer_without_a_code_is_no_answer() -> None:
    with Rig("vipshop", lambda _: {"result": {}}, retry=Retry(waits_s=())) as rig, pytest.raises(Retryable):
        rig.pull()


# ================================================================ lists and what they leave out


def test_lines_come_for_fifty_orders_with_one_call() -> None:
    world = FakeVipshop(120)
    with Rig("vipshop", world) as rig:
        pull, batches = rig.pull()
    assert [len(numbers) for numbers in world.lines_of] == [50, 50, 20]
    assert all(len(i.document.lines) == 1 for i in items(batches) if isinstance(i.document, OrderDocument))
    assert pull.report.proof == "counted"


def test_an_order_whose_lines_were_not_told_leaves_the_window_open() -> None:
    world = FakeVipshop(3)

    def handler(seen: Any) -> Any:
        told = world(seen)
        if seen.query["method"] == "getOrderDetail":
            told["result"] = told["result"][1:]  # type: ignore[index,call-overload]
        return told

    with Rig("vipshop", handler) as rig:
        pull, batches = rig.pull()
    first, *rest = items(batches)
    assert (first.document, first.error, first.modified_at) == (None, "detail_failed", world.rows[0].modified)
    assert all(i.document for i in rest) and len(rest) == 2
    assert pull.report.proof == "" and "details" in pull.report.reason


def test_lines_that_fail_for_many_are_asked_for_one_by_one() -> None:
    world = FakeVipshop(3)

    def handler(seen: Any) -> Any:
        if seen.query["method"] == "getOrderDetail" and (
            len(seen.json["order_ids"]) > 1 or seen.json["order_ids"] == [str(world.rows[1].number)]
        ):
            return failed("vipapis.request-data-max")
        return world(seen)

    with Rig("vipshop", handler) as rig:
        _, batches = rig.pull()
        (now,) = rig.adapter.current([str(world.rows[1].number)])
    assert [i.error for i in items(batches)] == ["", "detail_failed", ""]
    assert (now.document, now.error) == (None, "detail_failed")


def test_a_list_and_its_lines_make_the_orders_of_the_note() -> None:
    def handler(seen: Any) -> Any:
        return sample("vipshop", "heads" if seen.query["method"] == "getOrders" else "lines")

    with Rig("vipshop", handler, token=lambda: "t") as rig:
        start = datetime(2026, 3, 9, 16, tzinfo=UTC)
        rig.clock.set(start + timedelta(days=2))
        pull, batches = rig.pull(start=start, end=start + timedelta(hours=12))
    golden = json.loads((SAMPLES / "vipshop" / "orders_whole.documents.json").read_text(encoding="utf-8"))
    assert as_json(items(batches)) == golden
    assert pull.report.proof == "counted"


def test_a_null_in_the_place_of_a_list_is_an_empty_page() -> None:
    with Rig("vipshop", lambda _: good({"total": 0, "orders": None})) as rig:
        pull, batches = rig.pull()
    assert (items(batches), pull.report.proof) == ([], "counted")


def test_orders_are_asked_for_by_the_time_of_the_settings() -> None:
    with Rig("vipshop", FakeVipshop(2), options={"date_type": 3}) as rig:
        rig.pull(light=True)
        asked = rig.server.seen[0].json["request"]
    assert (asked["date_type"], asked["limit"], asked["page"], asked["query_end_time"]) == (3, 100, 1, local(END))


# ================================================================ orders

SAMPLE: dict[str, Any] = json.loads(sample("vipshop", "orders_whole"))["result"]["orders"][0]
VENDOR: dict[str, Any] = json.loads(sample("vipshop", "orders_jitx"))["result"]["orders"][0]


def parsed(payload: dict[str, Any], **change: Any) -> OrderDocument:
    with Rig("vipshop", FakeVipshop()) as rig:
        item = rig.adapter.translate("orders", json.dumps({**payload, **change}).encode())
    assert isinstance(item.document, OrderDocument), item.detail
    return item.document


CODES = {
    "unpaid": ["0"],
    "paid": ["1", "11", "24", "30", "31", "10", "12", "13", "14", "20", "21", "96", "118", "119"],
    "shipped": ["22", "28", "44", "23", "25", "40", "45", "46", "47", "51", "52", "53", "54", "56", "57", "58", "117",
                "41", "42", "48", "100", "55", "70", "71", "72"],
    "completed": ["60", "61"],
    "cancelled": ["49", "59", "97", "98", "99"],
    "unknown": ["300", "", "1000"],
}  # fmt: skip
ASKED = {
    "23",
    "40",
    "45",
    "46",
    "47",
    "51",
    "52",
    "53",
    "54",
    "56",
    "57",
    "58",
    "117",
    "55",
    "70",
    "71",
    "72",
    "118",
    "119",
}


@pytest.mark.parametrize(("status", "code"), [(s, c) for s, codes in CODES.items() for c in codes])
def test_each_code_has_its_state_and_what_it_says_of_the_money(status: str, code: str) -> None:
    doc = parsed(SAMPLE, status=code)
    assert doc.status == status
    assert {x.refund for x in doc.lines} == {"asked" if code in ASKED else "full" if code in ("49", "59") else ""}
    assert parsed(SAMPLE, status=f"STATUS_{code}").status == status
    assert (doc.paid_minor == 22900) == (status not in ("unpaid", "unknown"))


@pytest.mark.parametrize(
    ("code", "status"),
    [("10", "paid"), ("22", "shipped"), ("23", "shipped"), ("97_10", "cancelled"), ("97_22", "cancelled"), ("97_23", "cancelled"), ("60", "unknown")],
)  # fmt: skip
def test_each_code_of_jitx_has_its_state(code: str, status: str) -> None:
    doc = parsed(VENDOR, order_status=code)
    assert doc.status == status
    assert [p.waybill for p in doc.parcels] == (["YT0000000000099"] if status == "shipped" else [])


@pytest.mark.parametrize(("kind", "flags"), [(1, ()), (2, ("exchange",)), (3, ("presale",)), (4, ("exchange",))])
def test_kinds_of_jitx_orders_are_flags_and_what_is_forbidden_is_held(kind: int, flags: tuple[str, ...]) -> None:
    assert parsed(VENDOR, order_type=kind).flags == flags
    assert parsed(VENDOR, is_forbidden_delivery=1).platform_hold == "forbidden"
    assert parsed(VENDOR).platform_hold == ""


def test_the_sampled_order_has_the_amounts_of_the_note() -> None:
    doc = parsed(SAMPLE)
    assert (doc.goods_minor, doc.freight_minor, doc.payable_minor) == (24300, 600, 22900)
    assert [(a.kind, a.minor) for a in doc.adjustments] == [("discount", -1400), ("promotion", -600)]
    assert [(x.qty, x.unit_minor, x.paid_minor) for x in doc.lines] == [(2, 9900, 18400), (1, 4500, 3900)]
    assert sum(x.paid_minor or 0 for x in doc.lines) + doc.freight_minor == doc.payable_minor
    assert not any(d.why == "sum_differs" for d in doc.doubts)
    assert (doc.receiver.cipher, doc.receiver.masked, doc.merge_key) == ("enc:rm01", True, "")


def test_sums_that_differ_and_money_of_unknown_meaning_are_doubted() -> None:
    assert ("goods_minor", "sum_differs", "100") in {
        (d.field, d.why, d.raw) for d in parsed(SAMPLE, total_fee="244.00").doubts
    }
    assert ("payable_minor", "sum_differs", "-100") in {
        (d.field, d.why, d.raw) for d in parsed(SAMPLE, payable_fee="228.00").doubts
    }
    assert ("paid_minor", "meaning_unproven", "vipmoney=500") in {
        (d.field, d.why, d.raw) for d in parsed(SAMPLE, vipmoney="5.00").doubts
    }


def test_wishes_of_a_line_stand_with_the_buyers_words() -> None:
    products = [{**SAMPLE["order_products"][0], "customization": "绣字"}]
    assert parsed(SAMPLE, order_products=products).buyer_remark == "请发顺丰; 绣字"


def test_jitx_is_read_by_the_half_hour_and_told_nothing() -> None:
    def handler(seen: Any) -> Any:
        return sample("vipshop", "orders_jitx")

    start = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
    with Rig("vipshop", handler, options={"model": "jitx"}, seller_id="550", token=lambda: "t") as rig:
        rig.clock.set(start + timedelta(days=1))
        pull, batches = rig.pull(start=start, end=start + timedelta(minutes=29))
        asked = rig.server.seen[0]
        assert asked.query["service"] == "vipapis.jitx.JitXService"
        wanted = {"vendor_id": 550, "start_time": int(start.timestamp()), "end_time": int(start.timestamp()) + 1740}
        assert {k: asked.json["request"][k] for k in wanted} == wanted
        rig.pull(start=start, end=start + timedelta(minutes=90))
        spans = {s.json["request"]["end_time"] - s.json["request"]["start_time"] for s in rig.server.seen}
        assert max(spans) < 1800
        (now,) = rig.adapter.current(["26031070451069"])
        assert rig.server.seen[-1].query["method"] == "getOrdersByOrderSn" and now.document is not None
        for tell in (
            lambda: rig.adapter.ship([TestVipshop().notice(1)]),
            lambda: rig.adapter.set_levels([LevelUpdate(key="k", listing_id="1", qty=1)]),
            lambda: rig.pull_kind("refunds"),
        ):
            with pytest.raises(Unsupported, match="vipshop"):
                tell()
    assert [i.number for i in items(batches)] == ["26031070451069"]
    assert pull.report.proof == "counted"


# ================================================================ telling


def test_one_notice_names_all_parcels_of_a_whole_order_by_carrier() -> None:
    parcels = tuple(
        NoticeParcel(carrier=c, waybill=w, lines=(("51", "51", "71", 1), ("52", "52", "72", 2)))
        for c, w in (("SF", "S1"), ("YTO", "Y1"), ("SF", "S2"))
    )
    goods = [{"sku_id": "51", "amount": 1}, {"sku_id": "52", "amount": 2}]
    with Rig("vipshop", FakeVipshop()) as rig:
        (call,) = rig.adapter.ship_calls(ShipNotice(key="n", platform_order_no="1", parcels=parcels))
        part = ShipNotice(key="n", platform_order_no="1", parcels=parcels, complete=False)
        (refused,) = rig.adapter.ship([part])
    first, second = call.params["request"]["ships"]
    assert first == {
        "order_id": "1", "carrier_code": "shunfeng", "carrier_name": "顺丰速运", "package_type": 2,
        "packages": [{"transport_no": w, "package_product_list": goods} for w in ("S1", "S2")],
    }  # fmt: skip
    assert (second["carrier_code"], second["package_type"], len(second["packages"])) == ("yuantong", 1, 1)
    assert (refused.outcome, refused.code) == ("refused", "partial_unsupported")


def test_a_notice_that_fails_under_a_good_code_is_refused() -> None:
    world = FakeVipshop(1)
    with Rig("vipshop", world) as rig:
        rig.server.next(good({"success_num": 0, "fail_num": 1, "fail_data": {"result_desc": "运单号格式错误"}}))
        (result,) = rig.adapter.ship([TestVipshop().notice(world.rows[0].number)])
    assert (result.outcome, result.code) == ("refused", "not_shipped")
    assert "运单号格式错误" in result.message


def test_levels_are_totals_and_are_read_over_all_warehouses() -> None:
    world = FakeVipshop()
    updates = [LevelUpdate(key=f"k{sku}", listing_id=sku, qty=7) for sku in ("51", "77")]
    with Rig("vipshop", world, options={"warehouse": "VIP_NH"}) as rig:
        assert [r.outcome for r in rig.adapter.set_levels(updates)] == ["done", "done"]
        assert rig.adapter.read_levels(updates) == {"k51": 7}
    assert world.effects[0] == {"sku_id": "51", "quantity": 7, "warehouse": "VIP_NH"}


# ================================================================ statements and tokens


def test_a_statement_is_read_page_by_page_until_one_comes_short() -> None:
    asked: list[dict[str, Any]] = []

    def handler(seen: Any) -> Any:
        asked.append(seen.json["detailRequest"])
        count = 100 if asked[-1]["page"] == 1 else 2
        rows = [{"order_id": f"{asked[-1]['page']}-{n}", "amount": "1.10"} for n in range(count)]
        return good({"details": rows, "total": 102})

    with Rig("vipshop", handler, seller_id="550") as rig:
        rows = list(rig.adapter.statement(NOON - timedelta(days=1), NOON))
    assert (len(rows), rows[0], rows[-1]) == (
        102,
        b'{"order_id": "1-0", "amount": "1.10"}',
        b'{"order_id": "2-1", "amount": "1.10"}',
    )
    assert [(a["page"], a["vendor_id"]) for a in asked] == [(1, 550), (2, 550)]
    assert asked[0]["et_query_time"] == local(NOON - timedelta(seconds=1))


def test_a_token_is_renewed_with_the_address_of_the_settings() -> None:
    with Rig("vipshop", FakeVipshop(), options={"client_ip": "192.0.2.7"}) as rig:
        token = rig.adapter.renew_token()
        (seen,) = rig.server.seen
    assert token.access == "token-2"
    wanted = {
        "refresh_token": "refresh-1",
        "client_id": "12129701",
        "client_secret": "example-secret",
        "request_client_ip": "192.0.2.7",
    }
    assert seen.json == wanted
    assert (seen.query["service"], "accessToken" in seen.query) == ("vipapis.oauth.OauthService", False)
    with Rig("vipshop", FakeVipshop(), stored=None) as rig, pytest.raises(NotAuthorised):
        rig.pull()


def test_there_are_no_pushed_messages() -> None:
    with Rig("vipshop", lambda _: httpx.Response(500)) as rig, pytest.raises(Unsupported, match="vipshop"):
        rig.adapter.verify_push({}, b"{}", ["s"])
