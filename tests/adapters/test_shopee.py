"""Shopee: the contract, its signatures, and the traps of its own protocol."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from adapters.core.rest import rest
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
)
from adapters.platforms import shopee
from adapters.ports import AccessToken, Retry
from tests.adapters.contract import PlatformContract
from tests.adapters.fake_shopee import FakeShopee, failed, good
from tests.adapters.fakes import BIG
from tests.adapters.kit import NOON, FixedClock, Rig, items, sample


class TestShopee(PlatformContract):
    fake = FakeShopee

    def without_lines(self, raw: str, empty: str) -> bytes:
        return json.dumps({**json.loads(raw), "item_list": json.loads(empty)}).encode()

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = payload["item_list"][0]
        return line

    def test_a_notice_read_back_with_another_waybill_is_unknown(self, rig: Rig, world: FakeShopee) -> None:  # type: ignore[override]
        """Orders name no waybill here: one that is shipped is all that can be seen."""
        world.rows[0].shipped = [("ZTO", "ZTO9")]
        assert rig.adapter.shipped([self.notice(world.rows[0].number)])[0].outcome == "done"


# ================================================================ signatures

OFFICIAL = "57615053704d6470644f554a78656d50484143644964436a5568777544524579"
EXAMPLE = "6b657965786d706c65303132333435363738396162636465666768696a6b6c6d"
VECTORS = [
    (OFFICIAL, ("2001887", "/api/v2/shop/get_shop_info", "1655714431", "59777174636562737266615546704c6d", "14701711"),
     "b914bea03c13799deb036bb9d10e689f5a6bade160c44af568646f1ef7d796c1"),
    (OFFICIAL, ("2001887", "/api/v2/global_product/get_category", "1655714431", "09777174636962737266615546704c6d", "1000000"),
     "a50a2229b148e76048e21ad69a9d619885a21bd4aa7738bc524e1207df73a151"),
    (OFFICIAL, ("2001887", "/api/v2/public/get_shops_by_partner", "1655714431"),
     "60ab8c4a535009ab33b8a0029ee18a667ef6eaeb16481ed3d573a5059122d4df"),
    (EXAMPLE, ("1007890", "/api/v2/order/get_order_list", "1788400000", "4c6f6e67546f6b656e4578616d706c65", "600112233"),
     "b88dbeea7820861e82db343a91e776f4e04e8e6103b16eb1bdee26e657685049"),
    (EXAMPLE, ("1007890", "/api/v2/auth/access_token/get", "1788400000"),
     "7c5afbf14d17171f5dde59c4d16a4fc9d6014b8e4f4664394b0b9bb89d7d2779"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "parts", "printed"), VECTORS, ids=["shop", "merchant", "public", "list", "token"])
def test_signs_as_printed_and_no_vector_survives_one_altered_part(
    key: str, parts: tuple[str, ...], printed: str
) -> None:
    assert shopee.sign(key, *parts) == printed
    assert shopee.sign(key + "0", *parts) != printed
    for i, part in enumerate(parts):
        assert shopee.sign(key, *parts[:i], part + "1", *parts[i + 1 :]) != printed


def test_a_call_carries_the_signature_of_its_kind() -> None:
    clock = FixedClock(datetime.fromtimestamp(1788400000, UTC))
    changes: dict[str, Any] = {"app_key": "1007890", "secret": EXAMPLE, "seller_id": "600112233", "clock": clock}
    with Rig("shopee", FakeShopee(), **changes) as rig:
        shop = rig.adapter.request(rest("GET", shopee.LIST, query={"cursor": ""}), "4c6f6e67546f6b656e4578616d706c65")
        public = rig.adapter.request(rest("POST", shopee.TOKEN, body={"a": 1}), "")
    assert (shop.query["sign"], shop.query["shop_id"], shop.body) == (VECTORS[3][2], "600112233", b"")
    assert (
        public.query["sign"] == VECTORS[4][2] and "access_token" not in public.query and "shop_id" not in public.query
    )


PUSHED = b'{"data":{"ordersn":"260903KP7HEXA1","status":"READY_TO_SHIP","update_time":1788395200},"shop_id":600112233,"code":3,"timestamp":1788395201}'
PUSH_SIGN = "6885e0757c980b392b34b3b4948816681f3b7c966478adc42d4c05e5bb8f1d37"
PUSH_URL = "https://oms.example.com/push/shopee"


def test_a_pushed_message_is_signed_over_its_address_and_its_bytes() -> None:
    public = shopee.push_sign(OFFICIAL, "https://example.com/shopee/push", b'{"shop_id":123,"code":1}')
    assert public == "5f2ca9f6c64e58aa5af5d28ae9e62a49363df59072cdc501232e444720923f89"
    with Rig("shopee", FakeShopee(), seller_id="600112233", options={"push_url": PUSH_URL}) as rig:
        got = rig.adapter.verify_push({"authorization": PUSH_SIGN}, PUSHED, ["other", EXAMPLE])
        assert (got.topic, got.kind, got.number) == ("3", "orders", "260903KP7HEXA1")
        for headers, body, secrets in (
            ({"Authorization": PUSH_SIGN}, PUSHED + b" ", [EXAMPLE]),
            ({"Authorization": PUSH_SIGN[:-1] + "0"}, PUSHED, [EXAMPLE]),
            ({"Authorization": PUSH_SIGN}, PUSHED, ["other"]),
            ({}, PUSHED, [EXAMPLE]),
        ):
            with pytest.raises(NotVerified):
                rig.adapter.verify_push(headers, body, secrets)
        other = b'{"shop_id":600112233,"code":12}'
        told = rig.adapter.verify_push({"Authorization": shopee.push_sign("k", PUSH_URL, other)}, other, ["k"])
        assert (told.topic, told.kind, told.number) == ("12", "", "")
    with (
        Rig("shopee", FakeShopee(), options={"push_url": PUSH_URL}) as rig,
        pytest.raises(NotVerified, match="shop_id"),
    ):
        rig.adapter.verify_push({"Authorization": PUSH_SIGN}, PUSHED, [EXAMPLE])
    with Rig("shopee", FakeShopee(), options={"push_url": PUSH_URL + "/"}) as rig, pytest.raises(NotVerified):
        rig.adapter.verify_push({"Authorization": PUSH_SIGN}, PUSHED, [EXAMPLE])
    with Rig("shopee", FakeShopee()) as rig, pytest.raises(NotVerified, match="push_url"):
        rig.adapter.verify_push({"Authorization": PUSH_SIGN}, PUSHED, [EXAMPLE])


# ================================================================ errors


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (failed("error_sign", "Wrong sign."), Refused), (failed("error_param", "page_size"), Refused), (failed("error_not_found"), Refused),
        (failed("error_data"), Refused), (failed("error_shop"), Refused), (failed("order.order_list_invalid_time"), Refused),
        (failed("error_permission"), NotAuthorised), (failed("shop_banned"), NotAuthorised), (failed("source_ip_undeclared"), NotAuthorised),
        (failed("error_rate_limit"), Throttled), (failed("common.error_rate_limit"), Throttled), (failed("error_limit"), QuotaSpent),
        (failed("error_server"), Retryable), (failed("error_network"), Retryable), (failed("order.error_inner"), Retryable),
        (failed("error_param", "Timestamp is expired."), Retryable), (failed("logistics.whatever"), Refused), (failed("what.ever"), BadAnswer),
        (httpx.Response(500), Retryable),
    ],
)  # fmt: skip
def test_each_error_says_what_to_do(reply: Any, kind: type[AdapterError]) -> None:
    with Rig("shopee", lambda _: reply, retry=Retry(waits_s=(1.0,))) as rig, pytest.raises(kind):
        rig.pull()


@pytest.mark.parametrize("error", ["error_auth", "invalid_acceess_token", "common.error_auth"])
def test_an_expired_token_is_healed_however_it_is_spelt(error: str) -> None:
    with Rig("shopee", FakeShopee(1)) as rig:
        rig.server.next(failed(error))
        assert rig.pull()[0].report.proof
        assert rig.tokens.made == 1


def test_a_spent_day_is_over_at_midnight_eight_hours_ahead() -> None:
    with Rig("shopee", lambda _: failed("error_limit")) as rig, pytest.raises(QuotaSpent) as caught:
        rig.pull()
    assert caught.value.until == NOON.replace(hour=16, minute=0)


# ================================================================ reading


def order(**change: Any) -> OrderDocument:
    world = FakeShopee(1)
    with Rig("shopee", world) as rig:
        item = rig.adapter.translate("orders", json.dumps({**world.payload(world.rows[0]), **change}).encode())
        assert isinstance(item.document, OrderDocument), item.detail
        return item.document


def line(**change: Any) -> dict[str, Any]:
    base = {
        "item_id": 71,
        "model_id": 51,
        "order_item_id": 9,
        "model_quantity_purchased": 2,
        "model_original_price": 10.0,
    }
    return {**base, "model_discounted_price": 10.0, "promotion_group_id": 0, **change}


def test_lists_name_numbers_and_details_come_fifty_at_a_time() -> None:
    world = FakeShopee(120)
    with Rig("shopee", world, options={"detail_threads": 1}) as rig:
        pull, _ = rig.pull()
        lists = [s.query for s in rig.server.seen if s.path == shopee.LIST]
        details = [s.query["order_sn_list"].count(",") + 1 for s in rig.server.seen if s.path == shopee.DETAIL]
        fields = {s.query["response_optional_fields"] for s in rig.server.seen if s.path == shopee.DETAIL}
    assert pull.report.proof == "exhausted"
    assert [q["cursor"] for q in lists] == ["", "1", "", "1"] and details == [50, 50, 20]
    assert {q["request_order_status_pending"] for q in lists} == {"true"}
    assert "item_list" in fields.pop() and not fields


def test_windows_are_at_most_fifteen_days() -> None:
    with Rig("shopee", FakeShopee()) as rig:
        rig.pull(start=NOON - timedelta(days=40), end=NOON)
        spans = {int(s.query["time_to"]) - int(s.query["time_from"]) for s in rig.server.seen}
    assert max(spans) <= 15 * 86400 and len(spans) == 2


def test_an_order_without_a_number_in_a_set_is_found_alone() -> None:
    world = FakeShopee(4)
    world.rows[2].change = {"order_sn": None}
    with Rig("shopee", world) as rig:
        pull, batches = rig.pull()
        bad = [i for i in items(batches) if i.error]
    assert [(b.number, b.error) for b in bad] == [(str(world.rows[2].number), "missing_field")]
    assert pull.report.proof == "exhausted" and pull.report.distinct == 4


@pytest.mark.parametrize(
    ("raw", "status", "hold", "refund", "line_status"),
    [
        ("UNPAID", "unpaid", "", "none", "open"), ("PENDING", "paid", "pending", "none", "open"), ("INVOICE_PENDING", "paid", "invoice_pending", "none", "open"),
        ("READY_TO_SHIP", "paid", "", "none", "open"), ("RETRY_SHIP", "paid", "", "none", "open"), ("PROCESSED", "paid", "", "none", "open"),
        ("SHIPPED", "shipped", "", "none", "shipped"), ("TO_CONFIRM_RECEIVE", "shipped", "", "none", "shipped"), ("IN_CANCEL", "paid", "", "asked", "open"),
        ("TO_RETURN", "shipped", "", "asked", "shipped"), ("CANCELLED", "cancelled", "", "full", "closed"), ("COMPLETED", "completed", "", "none", "shipped"),
        ("NEW_ONE", "unknown", "", "none", "open"),
    ],
)  # fmt: skip
def test_each_state_has_its_word(raw: str, status: str, hold: str, refund: str, line_status: str) -> None:
    doc = order(order_status=raw)
    assert (doc.status, doc.platform_hold, doc.lines[0].refund, doc.lines[0].status) == (
        status,
        hold,
        refund,
        line_status,
    )
    assert any(d.why == "unknown_status" for d in doc.doubts) == (status == "unknown")


@pytest.mark.parametrize(
    ("states", "status"),
    [
        (("LOGISTICS_PICKUP_DONE", "LOGISTICS_READY"), "partly_shipped"), (("LOGISTICS_DELIVERY_DONE", "LOGISTICS_REQUEST_CREATED"), "partly_shipped"),
        (("LOGISTICS_READY", "LOGISTICS_READY"), "paid"), (("LOGISTICS_PICKUP_DONE", "LOGISTICS_PICKUP_DONE"), "paid"),
    ],
)  # fmt: skip
def test_packages_that_left_beside_others_are_a_part(states: tuple[str, str], status: str) -> None:
    packages = [
        {"logistics_status": state, "item_list": [{"item_id": 71, "model_id": 51 + i, "model_quantity": 2}]}
        for i, state in enumerate(states)
    ]
    doc = order(package_list=packages, item_list=[line(), line(model_id=52)], total_amount=40)
    assert doc.status == status
    assert [n.status for n in doc.lines] == ["shipped" if "DONE" in s else "open" for s in states]
    assert order(order_status="UNPAID", package_list=packages).status == "unpaid"


@pytest.mark.parametrize(
    ("counts", "refund", "status", "doubted"),
    [
        ({"returned_qty": 2}, "full", "open", False), ({"returned_qty": 1, "cancelled_qty": 1}, "full", "open", False),
        ({"cancelled_qty": 2}, "full", "closed", False), ({"cancelled_qty": 1}, "asked", "open", True), ({"returned_qty": 1}, "none", "open", True),
        ({"return_requested_qty": 1}, "asked", "open", False), ({"cancel_requested_qty": 2}, "asked", "open", False), ({}, "none", "open", False),
    ],
)  # fmt: skip
def test_the_counts_of_a_line_say_what_went_back(
    counts: dict[str, int], refund: str, status: str, doubted: bool
) -> None:
    doc = order(item_list=[line(**counts)], total_amount=20)
    assert (doc.lines[0].refund, doc.lines[0].status) == (refund, status)
    assert any(d.field == "lines.refund" for d in doc.doubts) == doubted


@pytest.mark.parametrize(
    ("currency", "total", "price", "minor"),
    [("VND", "20000.0", "10000", 20000), ("SGD", "20.3", "10.15", 2030), ("TWD", "20", "10.00", 2000), ("IDR", "3e1", "15.0", 3000), ("JPY", '"20"', '"10"', 20)],
)  # fmt: skip
def test_amounts_are_read_by_their_digits_in_their_currency(currency: str, total: str, price: str, minor: int) -> None:
    raw = json.dumps({**FakeShopee().payload(FakeShopee(1).rows[0]), "item_list": [line()], "currency": currency})
    raw = raw.replace('"total_amount": 10.0', f'"total_amount": {total}').replace('_price": 10.0', f'_price": {price}')
    with Rig("shopee", FakeShopee()) as rig:
        doc = rig.adapter.translate("orders", raw.encode()).document
    assert isinstance(doc, OrderDocument)
    assert (doc.payable_minor, doc.goods_minor, doc.lines[0].paid_minor, doc.currency) == (
        minor,
        minor,
        minor,
        currency,
    )
    assert not doc.doubts


@pytest.mark.parametrize("total", ["10.005", "1e999", "NaN", '""', "null", "true"])
def test_an_amount_that_is_none_is_not_guessed(total: str) -> None:
    raw = json.dumps(FakeShopee().payload(FakeShopee(1).rows[0])).replace(
        '"total_amount": 10.0', f'"total_amount": {total}'
    )
    with Rig("shopee", FakeShopee()) as rig:
        assert rig.adapter.translate("orders", raw.encode()).document is None


def test_what_vouchers_took_off_is_named_and_not_told_by_line() -> None:
    doc = order(
        item_list=[line(model_discounted_price=9.0), line(model_id=52)], estimated_shipping_fee=1.5, total_amount=35
    )
    assert [(a.kind, a.minor, a.borne_by) for a in doc.adjustments] == [
        ("item_discount", -200, "merchant"),
        ("order_discount", -450, "unknown"),
    ]
    assert doc.goods_minor + doc.freight_minor - 200 - 450 == doc.payable_minor == 3500
    assert [n.paid_minor for n in doc.lines] == [None, None]
    assert {d.field for d in doc.doubts} == {"freight_minor", "adjustments.order_discount"}


def test_more_than_the_parts_is_an_unexplained_rest() -> None:
    doc = order(total_amount=12)
    assert [(d.field, d.raw) for d in doc.doubts] == [("payable_minor", "200")] and not doc.adjustments


def test_a_bundles_discount_stays_open_and_a_gift_costs_nothing() -> None:
    bundle = line(promotion_type="bundle_deal", model_discounted_price=0, promotion_group_id=3)
    gift = line(promotion_type="add_on_free_gift_sub", model_discounted_price=0, model_id=0, model_quantity_purchased=1)
    doc = order(item_list=[bundle, {**bundle, "promotion_group_id": 4}, gift], total_amount=32)
    assert [(n.gift, n.paid_minor) for n in doc.lines] == [(False, None), (False, None), (True, 0)]
    assert [n.platform_line_no for n in doc.lines] == ["9-51-3", "9-51-4", "9-0-0"]
    assert [(a.kind, a.minor) for a in doc.adjustments] == [("item_discount", -1000), ("order_discount", -800)]


def test_a_lines_own_number_and_an_item_without_models() -> None:
    doc = order(item_list=[line(line_item_id=77, model_id=0, model_sku="", item_sku="TEE")], total_amount=20)
    assert [(n.platform_line_no, n.listing_id, n.product_id, n.code) for n in doc.lines] == [("77", "71", "71", "TEE")]


def test_only_clear_addresses_have_a_merge_key() -> None:
    clear = {"name": "Ada", "phone": "6590000001", "region": "SG", "zipcode": "018956", "full_address": "1 Sample Road"}
    one, same = order(recipient_address=clear), order(recipient_address={**clear, "name": "ADA "})
    assert one.merge_key and one.merge_key == same.merge_key and not one.receiver.masked
    assert order(recipient_address={**clear, "phone": "****01"}).merge_key == ""
    assert order(recipient_address=clear, buyer_user_id=0).merge_key == ""
    assert order(recipient_address=clear, buyer_user_id=5).merge_key != one.merge_key
    assert order(recipient_address=None).receiver.masked is False


def test_unpaid_and_cash_on_delivery_have_paid_nothing() -> None:
    for change in ({"order_status": "UNPAID", "pay_time": 0}, {"cod": True, "pay_time": None}):
        doc = order(**change)
        assert (doc.paid_at, doc.paid_minor) == (None, 0)
    assert order(cod=True).flags == ("cod",)
    derived = order(ship_by_date=0)
    assert derived.ship_by is not None and any(d.field == "ship_by" for d in derived.doubts)


# ================================================================ refunds


def test_returns_are_paged_from_zero_and_cancelled_orders_are_read_as_refunds() -> None:
    world = FakeShopee(3)
    world.rows[1].change = {"order_status": "CANCELLED", "buyer_cancel_reason": "late"}
    world.rows[2].change = {"order_status": "CANCELLED", "pay_time": 0}

    def handler(seen: Any) -> Any:
        if seen.path != shopee.RETURNS:
            return world(seen)
        page = json.loads(sample("shopee", "refunds_list"))
        page["response"]["more"] = seen.query["page_no"] == "0"
        page["response"]["return"] = [page["response"]["return"][int(seen.query["page_no"])]]
        return page

    with Rig("shopee", handler) as rig:
        pull, returns = rig.pull("refunds", "returns")
        assert [s.query["page_no"] for s in rig.server.seen] == ["0", "1", "0", "1"]
        assert [i.number for i in items(returns)] == ["2609080K1EXA001", "2609080K1EXA002"]
        assert pull.report.proof == "exhausted"
        _, cancelled = rig.pull("refunds", "cancelled")
        assert {s.query["order_status"] for s in rig.server.seen if s.path == shopee.LIST} == {"CANCELLED"}
    docs = [i.document for i in items(cancelled)]
    told = {d.platform_refund_no: d for d in docs if isinstance(d, RefundDocument)}
    paid, unpaid = (told[f"cancel-{world.rows[i].number}"] for i in (1, 2))
    assert (paid.status, paid.kind, paid.amount_minor, paid.reason) == ("done", "before_shipping", 1000, "late")
    assert (unpaid.status, unpaid.amount_minor) == ("closed", 0)
    assert told[f"cancel-{world.rows[0].number}"].status == "closed"


@pytest.mark.parametrize(
    ("raw", "status"),
    [("REQUESTED", "asked"), ("PROCESSING", "asked"), ("ACCEPTED", "approved"), ("JUDGING", "asked"), ("SELLER_DISPUTE", "asked"),
     ("REFUND_PAID", "done"), ("CLOSED", "closed"), ("CANCELLED", "closed"), ("OTHER", "unknown")],
)  # fmt: skip
def test_each_state_of_a_return_has_its_word(raw: str, status: str) -> None:
    case = {**json.loads(sample("shopee", "refunds_list"))["response"]["return"][1], "status": raw}
    with Rig("shopee", FakeShopee()) as rig:
        doc = rig.adapter.translate("refunds", json.dumps(case).encode()).document
        sent = rig.adapter.translate(
            "refunds", json.dumps({**case, "return_solution": 0, "tracking_number": "X1"}).encode()
        ).document
    assert isinstance(doc, RefundDocument) and isinstance(sent, RefundDocument)
    assert doc.status == status and (doc.done_at is not None) == (status == "done")
    assert sent.status == ("goods_back" if status == "approved" else status) and sent.goods == "returned"


def test_a_cancelled_order_of_which_some_came_back_is_doubted() -> None:
    world = FakeShopee(1)
    for back, amount, status in ((1, 1000, "done"), (2, 0, "closed")):
        raw = {**world.payload(world.rows[0]), "order_status": "CANCELLED", "item_list": [line(returned_qty=back)]}
        with Rig("shopee", world) as rig:
            doc = rig.adapter.translate("refunds", json.dumps(raw).encode()).document
        assert isinstance(doc, RefundDocument)
        assert (doc.amount_minor, doc.status, bool(doc.doubts)) == (amount, status, back == 1)


def test_a_single_return_and_a_single_cancellation_are_asked_for_by_number() -> None:
    case = json.loads(sample("shopee", "refunds_list"))["response"]["return"][0]
    world = FakeShopee(1)
    world.rows[0].change = {"order_status": "CANCELLED"}

    def handler(seen: Any) -> Any:
        return good(case) if seen.path == shopee.RETURN else world(seen)

    with Rig("shopee", handler) as rig:
        (one,) = rig.adapter.current([case["return_sn"]], kind="refunds")
        (two,) = rig.adapter.current([f"cancel-{BIG}"], kind="refunds")
    assert isinstance(one.document, RefundDocument) and isinstance(two.document, RefundDocument)
    assert (one.document.status, two.document.status) == ("done", "done")


# ================================================================ telling


def test_a_notice_tells_the_number_alone() -> None:
    world = FakeShopee(1)
    parcel = NoticeParcel(carrier="SF", waybill="SF1", lines=((str(BIG + 1), "51", "71", 1),))
    with Rig("shopee", world) as rig:
        rig.adapter.ship([ShipNotice(key="n", platform_order_no=str(BIG), parcels=(parcel,))])
    assert world.effects == [{"order_sn": str(BIG), "non_integrated": {"tracking_number": "SF1"}}]


def test_levels_go_by_item_with_model_0_where_there_are_none() -> None:
    world = FakeShopee()
    updates = [LevelUpdate(key=f"k{i}", listing_id=str(1000 + i), product_id="71", qty=i) for i in range(51)]
    updates.append(LevelUpdate(key="lone", listing_id="72", product_id="72", qty=4))
    with Rig("shopee", world) as rig:
        assert {r.outcome for r in rig.adapter.set_levels(updates)} == {"done"}
    assert [(e["item_id"], len(e["stock_list"])) for e in world.effects] == [(71, 50), (71, 1), (72, 1)]
    assert world.effects[2]["stock_list"] == [{"model_id": 0, "seller_stock": [{"stock": 4}]}]


def test_a_level_that_is_refused_alone_is_refused_though_nothing_failed() -> None:
    reply = good({"success_list": [], "failure_list": [{"model_id": 0, "failed_reason": "banned"}]})
    with Rig("shopee", lambda _: reply) as rig:
        result = rig.adapter.set_levels([LevelUpdate(key="k", listing_id="72", product_id="72", qty=4)])[0]
    assert (result.outcome, result.code) == ("refused", "failure_list") and "banned" in result.message


# ================================================================ tokens


def test_renewal_gives_a_new_pair_and_sends_numbers() -> None:
    old = AccessToken(access="a", refresh="r1", expires_at=NOON - timedelta(seconds=1))
    with Rig("shopee", FakeShopee(1), stored=old, app_key="1007890") as rig:
        rig.pull()
        sent = rig.server.seen[0].json
        token = rig.tokens.token
    assert sent == {"refresh_token": "r1", "partner_id": 1007890, "shop_id": 7700001}
    assert token is not None and token.refresh == "refresh-2" and token.expires_at == NOON + timedelta(hours=4)


def test_without_a_refresh_token_the_merchant_is_asked() -> None:
    with Rig("shopee", FakeShopee(), stored=None) as rig, pytest.raises(NotAuthorised, match="authorise the app once"):
        rig.pull()
    half = {"error": "", "message": "", "access_token": "x", "expire_in": 1}
    old = AccessToken(access="a", refresh="r1", expires_at=NOON)
    with Rig("shopee", lambda _: half, stored=old) as rig, pytest.raises(NotAuthorised):
        rig.pull()
