"""WooCommerce: the contract, and the traps of its own protocol."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from adapters.documents import LevelUpdate, NoticeParcel, OrderDocument, RefundDocument, ShipNotice
from adapters.errors import Unsupported
from adapters.platforms._woocommerce_orders import STATUSES
from tests.adapters.contract import PlatformContract
from tests.adapters.fake_woocommerce import FakeWoo, trouble
from tests.adapters.kit import Rig, items, sample


class TestWooCommerce(PlatformContract):
    fake = FakeWoo
    told_wait_s = 2.0
    ship_reads = 1
    has_tokens = False
    # a key pair does not end, and nothing renews it
    test_an_expired_token_is_renewed_once_and_the_call_repeated = None  # type: ignore[assignment]
    test_a_token_refused_when_fresh_asks_for_the_merchant = None  # type: ignore[assignment]
    test_a_token_near_its_end_is_renewed_before_the_call = None  # type: ignore[assignment]
    test_the_token_of_another_seller_is_not_used = None  # type: ignore[assignment]

    def without_lines(self, raw: str, empty: str) -> bytes:
        payload = json.loads(raw)
        payload["line_items"] = json.loads(empty)
        return json.dumps(payload).encode()

    def only_line(self, payload: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = payload["line_items"][0]
        return line


def order(options: dict[str, Any] | None = None, **change: Any) -> OrderDocument:
    """The one order of a small world, changed; `line__x` changes its line."""
    world = FakeWoo(1)
    payload = world.payload(world.rows[0])
    payload["line_items"][0].update({k.removeprefix("line__"): v for k, v in change.items() if k.startswith("line__")})
    payload.update({k: v for k, v in change.items() if not k.startswith("line__")})
    with Rig("woocommerce", world, options=options or {}) as rig:
        item = rig.adapter.translate("orders", json.dumps(payload).encode())
        assert isinstance(item.document, OrderDocument), item.detail
        return item.document


# ================================================================ states, money, places


@pytest.mark.parametrize(
    ("word", "status", "line"),
    [("pending", "unpaid", "open"), ("on-hold", "unpaid", "open"), ("failed", "unpaid", "open"), ("checkout-draft", "unpaid", "open"),
     ("auto-draft", "unpaid", "open"), ("processing", "paid", "open"), ("completed", "completed", "shipped"), ("cancelled", "cancelled", "closed"),
     ("trash", "cancelled", "closed"), ("refunded", "cancelled", "closed"), ("refund-requested", "unknown", "open")],
)  # fmt: skip
def test_each_state_has_its_word(word: str, status: str, line: str) -> None:
    doc = order(status=word)
    assert (doc.status, doc.status_raw, doc.lines[0].status) == (status, word, line)
    assert any(d.why == "unknown_status" for d in doc.doubts) == (word not in STATUSES)


def test_what_was_refunded_after_it_was_complete_had_left() -> None:
    doc = order(status="refunded", date_completed_gmt="2025-11-20T03:00:00")
    assert (doc.status, doc.lines[0].status, doc.lines[0].refund) == ("completed", "shipped", "full")


def test_words_of_plugins_mean_what_the_shop_says() -> None:
    mine = {"statuses": "partial-shipped=partly_shipped, on-the-way=shipped"}
    assert order(mine, status="partial-shipped").status == "partly_shipped"
    assert order(mine, status="on-the-way").lines[0].status == "shipped"
    assert order(mine, status="lost").status == "unknown"
    for wrong in ("x=gone", "x", "x=refunded"):
        with pytest.raises(Unsupported, match="statuses"):
            Rig("woocommerce", FakeWoo(), options={"statuses": wrong})


def test_cash_on_delivery_is_paid_for_at_the_door() -> None:
    doc = order(payment_method="cod", date_paid_gmt=None)
    assert (doc.status, doc.paid_minor, doc.paid_at, doc.flags) == ("paid", 0, None, ("cod",))


def test_times_without_a_zone_are_utc() -> None:
    doc = order(date_created_gmt="2025-11-20T01:02:03", date_created="2025-11-19T20:02:03")
    assert doc.ordered_at.isoformat() == "2025-11-20T01:02:03+00:00"


def test_a_price_that_does_not_divide_is_explained() -> None:
    doc = order(line__quantity=3, line__subtotal="10.00", line__total="10.00")
    assert (doc.lines[0].unit_minor, doc.goods_minor, doc.lines[0].paid_minor) == (333, 999, 1000)
    assert [(a.kind, a.minor) for a in doc.adjustments] == [("rounding", 1)]
    assert not [d for d in doc.doubts if d.why == "sum_differs"]


def test_fees_are_charges_and_negative_ones_discounts() -> None:
    doc = order(fee_lines=[{"name": "Wrap", "total": "2.00"}, {"name": "Club", "total": "-1.50"}], total="10.50")
    assert doc.charges_minor == 200
    assert [(a.kind, a.minor, a.title) for a in doc.adjustments] == [("fee", -150, "Club")]
    assert not [d for d in doc.doubts if d.why == "sum_differs"]


def test_what_does_not_add_up_is_marked() -> None:
    assert [d.raw for d in order(total="10.01").doubts if d.why == "sum_differs"] == ["1"]


@pytest.mark.parametrize("qty", [0, -1, 1.5, "two"])
def test_a_number_of_pieces_that_is_none_is_not_taken(qty: Any) -> None:
    world = FakeWoo(1)
    payload = world.payload(world.rows[0])
    payload["line_items"][0]["quantity"] = qty
    with Rig("woocommerce", world) as rig:
        assert rig.adapter.translate("orders", json.dumps(payload).encode()).error == "bad_number"


def test_an_order_without_an_address_of_its_own_goes_to_who_pays() -> None:
    billing = {"first_name": "Bo", "address_1": "2 Bill St", "phone": "+1 2"}
    empty = dict.fromkeys(("first_name", "last_name", "company", "address_1", "address_2", "city", "postcode"), "")
    assert order(shipping={**empty, "phone": "+1 9"}, billing=billing).receiver.address == "2 Bill St"
    doc = order(shipping={**empty, "address_1": "3 Ship St"}, billing=billing)
    assert (doc.receiver.address, doc.receiver.phone) == ("3 Ship St", "+1 2")


def test_only_registered_customers_orders_may_merge() -> None:
    assert order().merge_key.startswith("7|")
    assert order(customer_id=0).merge_key == order(customer_id=0).buyer_id == ""


def test_a_line_is_listed_by_its_variation_else_its_product() -> None:
    assert (order().lines[0].listing_id, order().lines[0].product_id) == ("51", "71")
    assert order(line__variation_id=0).lines[0].listing_id == "71"
    gone = order(line__variation_id=0, line__product_id=0, line__sku=None).lines[0]
    assert (gone.listing_id, gone.product_id, gone.code) == ("", "", "")


# ================================================================ lists


def test_the_exclusive_ends_of_a_window_are_a_second_further() -> None:
    with Rig("woocommerce", FakeWoo(1)) as rig:
        rig.pull()
        asked = rig.server.seen[0].query
    assert (asked["modified_after"], asked["modified_before"]) == ("2025-11-20T01:59:59", "2025-11-20T03:00:01")
    assert (asked["dates_are_gmt"], asked["status"], asked["orderby"], asked["order"]) == (
        "true",
        "any",
        "modified",
        "asc",
    )


def test_the_total_of_the_header_proves_a_window() -> None:
    with Rig("woocommerce", FakeWoo(250)) as rig:
        pull, _ = rig.pull(end=None)
        pages = [(s.query["page"], s.query["per_page"]) for s in rig.server.seen]
    assert (pull.report.proof, pull.report.total_before) == ("counted", 250)
    assert pages == [("1", "100"), ("3", "100"), ("2", "100"), ("1", "100"), ("1", "1")]


def test_without_a_total_nothing_is_proven() -> None:
    world = FakeWoo(5)

    def bare(seen: Any) -> Any:
        full = world(seen)
        return httpx.Response(200, content=full.content) if isinstance(full, httpx.Response) else full

    with Rig("woocommerce", bare) as rig:
        pull, batches = rig.pull()
    assert (len(items(batches)), pull.report.proof) == (5, "")


# ================================================================ refunds


def refund_world(currency: str = "USD") -> tuple[FakeWoo, Any]:
    """Three orders, one of them with refunds; and who answers about them."""
    world = FakeWoo(3)
    world.rows[1].change = {
        "id": 1723,
        "currency": currency,
        "refunds": [{"id": 1726, "reason": "", "total": "-10.00"}],
    }
    found = json.loads(sample("woocommerce", "refunds_list"))

    def handler(seen: Any) -> Any:
        if seen.path.endswith("/orders/1723/refunds"):
            return json.dumps(found).encode()
        if seen.path.endswith("/orders/1723/refunds/1724"):
            return found[1]
        if seen.path.endswith("/orders/1723"):
            return world.payload(world.rows[1])
        return world(seen)

    return world, handler


def test_refunds_are_read_of_the_orders_that_have_some_in_their_currency() -> None:
    _, handler = refund_world("KWD")
    with Rig("woocommerce", handler) as rig:
        pull, batches = rig.pull("refunds")
        asked = {s.path.rpartition("v3")[2] for s in rig.server.seen}
    documents = [i.document for i in items(batches)]
    assert [(d.platform_refund_no, d.currency, d.amount_minor) for d in documents if isinstance(d, RefundDocument)] == [
        ("1723-1726", "KWD", 10000), ("1723-1724", "KWD", 9000),
    ]  # fmt: skip
    assert asked == {"/orders", "/orders/1723/refunds"}
    assert pull.report.proof == "exhausted"


def test_pages_without_refunds_do_not_end_the_reading() -> None:
    world, handler = refund_world()
    world.rows[1].modified += timedelta(minutes=50)
    with Rig("woocommerce", handler, options={"page_size": 1}) as rig:
        _, batches = rig.pull("refunds")
        pages = [s.query["page"] for s in rig.server.seen if s.path.endswith("/orders")]
    assert pages == ["1", "2", "3"] * 2
    assert len(items(batches)) == 2


def test_one_refund_is_looked_up_with_its_orders_currency() -> None:
    _, handler = refund_world("EUR")
    with Rig("woocommerce", handler) as rig:
        (item,) = rig.adapter.current(["1723-1724"], "refunds")
    assert isinstance(item.document, RefundDocument)
    assert (item.document.currency, item.document.platform_line_no) == ("EUR", "311")
    assert item.document.doubts == ()


def test_a_refund_of_two_lines_is_two_documents_that_make_its_sum() -> None:
    with Rig("woocommerce", FakeWoo()) as rig:
        first, second = (i.document for i in rig.adapter.parse("refunds", sample("woocommerce", "two_lines")))
    assert isinstance(first, RefundDocument) and isinstance(second, RefundDocument)
    assert (first.platform_refund_no, second.platform_refund_no) == ("1727-1731", "1727-1731-1")
    assert (first.platform_line_no, second.platform_line_no, second.listing_id) == ("315", "316", "23")
    # 6.00 of freight went back as well
    assert (first.amount_minor, second.amount_minor, first.qty) == (2215 - 1077, 1077, 2)


def test_the_refunds_of_an_order_that_is_gone_are_none() -> None:
    _, handler = refund_world()

    def gone(seen: Any) -> Any:
        if seen.path.endswith("/refunds"):
            return httpx.Response(404, json=trouble("woocommerce_rest_shop_order_invalid_id", 404))
        return handler(seen)

    with Rig("woocommerce", gone) as rig:
        pull, batches = rig.pull("refunds")
    assert (items(batches), pull.report.proof) == ([], "exhausted")


def test_a_refund_without_its_order_is_parked() -> None:
    bare = {**json.loads(sample("woocommerce", "refunds_list"))[0], "_links": {}}
    with Rig("woocommerce", FakeWoo()) as rig:
        assert rig.adapter.translate("refunds", json.dumps(bare).encode()).error == "missing_field"
        newer = rig.adapter.translate("refunds", json.dumps({**bare, "parent_id": 9}).encode())
    assert newer.number == "9-1726"


def test_an_order_refunded_in_part_is_read_with_its_refunds_which_name_the_lines() -> None:
    world, handler = refund_world()
    line = {"name": "x", "product_id": 87, "variation_id": 0, "subtotal": "5.00", "total": "5.00"}
    lines = [{"id": 311, "quantity": 1, **line}, {"id": 312, "quantity": 1, **line}]
    world.rows[1].change |= {"line_items": lines}
    with Rig("woocommerce", handler) as rig:
        pull, batches = rig.pull()
        (looked,) = rig.adapter.current(["1723"])
        again = rig.adapter.translate("orders", looked.raw)
        paths = [s.path.rpartition("v3")[2] for s in rig.server.seen]
    found = next(i for i in items(batches) if i.number == "1723")
    for item in (found, looked, again):
        assert isinstance(item.document, OrderDocument)
        assert [x.refund for x in item.document.lines] == ["full", ""]
        assert item.modified_at == world.rows[1].modified
        assert not [d for d in item.document.doubts if d.why == "refunds_apart"]
    assert pull.report.proof == "counted"
    assert paths == ["/orders", "/orders/1723", "/orders/1723/refunds", "/orders/1723", "/orders/1723/refunds"]


def test_without_its_refunds_an_order_says_that_they_are_apart() -> None:
    world, handler = refund_world()

    def gone(seen: Any) -> Any:
        if seen.path.endswith("/refunds"):
            return httpx.Response(404, json=trouble("woocommerce_rest_shop_order_invalid_id", 404))
        return handler(seen)

    with Rig("woocommerce", gone) as rig:
        (looked,) = rig.adapter.current(["1723"])
    assert isinstance(looked.document, OrderDocument)
    assert "refunds_apart" in {d.why for d in looked.document.doubts}
    assert world.details == []


# ================================================================ shipping and levels


def notice(number: int, *waybills: str) -> ShipNotice:
    made = tuple(NoticeParcel(carrier="SF", waybill=w, lines=()) for w in waybills)
    return ShipNotice(key="k", platform_order_no=str(number), parcels=made)


def test_waybills_are_left_with_the_order_that_is_completed() -> None:
    world = FakeWoo(1)
    number = world.rows[0].number
    with Rig("woocommerce", world) as rig:
        assert rig.adapter.ship([notice(number, "A1", "A2")])[0].outcome == "done"
        assert rig.adapter.shipped([notice(number, "A1", "A2")])[0].outcome == "done"
        assert [s.method for s in rig.server.seen] == ["GET", "PUT", "GET"]
    assert world.effects == [{
        "status": "completed",
        "meta_data": [{"key": "_tracking_number", "value": "A1,A2"}, {"key": "_tracking_provider", "value": "SF Express,SF Express"}],
    }]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "outcome", "code"),
    [({"status": "cancelled"}, "refused", "order_cancelled"), ({"status": "pending"}, "refused", "order_unpaid"),
     ({"status": "refunded"}, "refused", "order_cancelled"), ({"status": "odd"}, "refused", "order_unknown"),
     ({"status": "completed"}, "refused", "already_completed"),
     ({"status": "completed", "meta_data": [{"key": "_tracking_number", "value": "A1"}]}, "already", "already_completed")],
)  # fmt: skip
def test_only_what_ships_is_completed(change: dict[str, Any], outcome: str, code: str) -> None:
    world = FakeWoo(1)
    world.rows[0].change = change
    with Rig("woocommerce", world) as rig:
        result = rig.adapter.ship([notice(world.rows[0].number, "A1")])[0]
    assert (result.outcome, result.code, world.effects) == (outcome, code, [])


def test_the_buyer_is_told_only_if_the_shop_wants_it() -> None:
    world = FakeWoo(1)
    with Rig("woocommerce", world, options={"tell_buyer": True}) as rig:
        rig.adapter.ship([notice(world.rows[0].number, "A1")])
    assert world.effects[1] == (
        f"/orders/{world.rows[0].number}/notes",
        {"note": "SF Express A1", "customer_note": True},
    )


def test_levels_go_by_product_and_a_failed_one_is_named() -> None:
    world = FakeWoo()
    updates = [
        LevelUpdate(key="a", listing_id="51", product_id="71", qty=1), LevelUpdate(key="b", listing_id="93", product_id="93", qty=2),
        LevelUpdate(key="c", listing_id="666", product_id="71", qty=3), LevelUpdate(key="d", listing_id="94", qty=4),
    ]  # fmt: skip
    with Rig("woocommerce", world) as rig:
        got = {r.key: (r.outcome, r.code) for r in rig.adapter.set_levels(updates)}
    assert got == {
        "a": ("done", ""),
        "b": ("done", ""),
        "c": ("refused", "woocommerce_rest_product_invalid_id"),
        "d": ("done", ""),
    }
    assert [(path, [r["id"] for r in rows]) for path, rows in world.effects] == [
        ("/products/71/variations/batch", [51, 666]), ("/products/batch", [93, 94]),
    ]  # fmt: skip
    assert world.effects[1][1][0] == {"id": 93, "manage_stock": True, "stock_quantity": 2}


def test_a_batch_is_cut_at_a_hundred() -> None:
    with Rig("woocommerce", FakeWoo()) as rig:
        calls = rig.adapter.level_calls([LevelUpdate(key=str(n), listing_id=str(n), qty=1) for n in range(1, 251)])
    assert [len(c.updates) for c in calls] == [100, 100, 50]


def test_levels_are_read_back_of_variations_and_products() -> None:
    with Rig("woocommerce", FakeWoo()) as rig:
        shown = rig.adapter.read_levels([
            LevelUpdate(key="v", listing_id="51", product_id="71", qty=1), LevelUpdate(key="p", listing_id="71", product_id="71", qty=1),
        ])  # fmt: skip
        paths = [s.path.rpartition("v3")[2] for s in rig.server.seen]
    assert (shown, paths) == ({"v": 17, "p": 17}, ["/products/71/variations/51", "/products/71"])
