"""Pinduoduo's dialect: signatures, lists, shapes, what it takes and what it refuses."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from adapters.sandbox.dialects import pdd
from adapters.sandbox.faults import ONLY
from adapters.sandbox.gate import Gate
from adapters.sandbox.wire import Request
from tests.sandbox.callers import Caller, arm, gate_of, make, place
from tests.sandbox.test_shapes import SHAPES, walk
from tests.sandbox.test_signing import world_of

SF = "SF0000000000001"
LIST = "pdd.order.number.list.increment.get"


class Pdd(Caller):
    platform = "pdd"

    def params(self, method: str, **args: object) -> dict[str, str]:
        words = {k: v if isinstance(v, str) else json.dumps(v) for k, v in args.items()}
        common = {"type": method, "client_id": self.shop.app_key, "timestamp": str(self.world.now), "data_type": "JSON"}
        return {**common, "version": "V1", "access_token": self.access, **words}

    def post(self, params: dict[str, str]) -> Any:
        return self.send(Request(path="/api/router", body=urlencode(params).encode()))

    def raw(self, method: str, **args: object) -> Any:
        params = self.params(method, **args)
        return self.post({**params, "sign": pdd.sign(params, self.shop.app_secret)})

    def call(self, method: str, **args: object) -> Any:
        """The inside of the reply, or the error_response."""
        reply = self.raw(method, **args)
        assert len(reply) == 1
        return next(iter(reply.values()))

    def list(self, start: int, end: int, **args: object) -> Any:
        asked = {
            "start_updated_at": start,
            "end_updated_at": end,
            "is_lucky_flag": 0,
            "order_status": 5,
            "refund_status": 5,
        }
        return self.call(LIST, **{**asked, **args})

    def ship(self, no: str, waybill: str = SF, carrier: str = "44") -> Any:
        return self.call("pdd.logistics.online.send", order_sn=no, logistics_id=carrier, tracking_number=waybill)

    def order(self, no: str) -> Any:
        return self.call("pdd.order.information.get", order_sn=no)["order_info"]


def caller_of(**wish: object) -> Pdd:
    return Pdd(gate_of(platforms=("pdd",), **wish))


# ================================================================ signing

VECTOR = {
    "access_token": "example-token", "client_id": "exampleclient01", "data_type": "JSON", "end_updated_at": "1763604000",
    "is_lucky_flag": "0", "order_status": "5", "page": "1", "page_size": "100", "refund_status": "5",
    "start_updated_at": "1763602200", "timestamp": "1763604300", "type": LIST, "use_has_next": "true", "version": "V1",
}  # fmt: skip
SIGN = "20D733A878023A96A165FFB69EDAF747"


@pytest.fixture
def asker() -> Pdd:
    return Pdd(Gate(world_of("pdd", "exampleclient01", "example-token", 1763604300)))


def test_the_worked_examples_are_signed_as_printed(asker: Pdd) -> None:
    assert pdd.sign(VECTOR, "example-secret") == SIGN
    official = {
        "access_token": "asd78172s8ds9a921j9qqwda12312w1w21211", "client_id": "1", "data_type": "XML", "order_status": "1",
        "page": "1", "page_size": "10", "timestamp": "1480411125", "type": "pdd.order.number.list.get",
    }  # fmt: skip
    assert pdd.sign(official, "testSecret") == "E4DE3ED21002510DED352819E7AE6775"
    assert "order_sn_increment_get_response" in asker.post({**VECTOR, "sign": SIGN})


def test_a_flat_json_body_is_signed_by_the_same_words(asker: Pdd) -> None:
    body = {**VECTOR, "page": 1, "page_size": 100, "use_has_next": True, "trade_type": None, "sign": SIGN}
    reply = asker.send(Request(path="/api/router", body=json.dumps(body).encode()))
    assert "order_sn_increment_get_response" in reply


@pytest.mark.parametrize("name", sorted(VECTOR))
def test_one_altered_trait_is_refused(asker: Pdd, name: str) -> None:
    whole = {**VECTOR, "sign": SIGN}
    for other in ({**whole, name: whole[name] + "1"}, {k: v for k, v in whole.items() if k != name}):
        assert "error_response" in asker.post(other)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sign": SIGN.lower()}, 20004), ({"sign": SIGN[:-1]}, 20004), ({"sign": ""}, 10001), ({"extra": "1"}, 20004),
        ({"client_id": "exampleclient02"}, 20032), ({"timestamp": "1763604901"}, 10017), ({"timestamp": "1763603699"}, 10017),
        ({"timestamp": "1763604301"}, 20004), ({"timestamp": "now"}, 10001), ({"type": "pdd.order.nothing"}, 10001),
        ({"data_type": "XML"}, 10001), ({"version": "V2"}, 10001),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_call_is_told_by_its_code(asker: Pdd, change: dict[str, str], code: int) -> None:
    assert asker.post({**VECTOR, "sign": SIGN, **change})["error_response"]["error_code"] == code


def test_a_secret_on_one_side_only_is_no_signature(asker: Pdd) -> None:
    text = "".join(f"{k}{VECTOR[k]}" for k in sorted(VECTOR))
    for wrong in (f"example-secret{text}", f"{text}example-secret"):
        sign = hashlib.md5(wrong.encode()).hexdigest().upper()
        assert asker.post({**VECTOR, "sign": sign})["error_response"]["error_code"] == 20004


# ================================================================ tokens


def test_tokens_end_are_renewed_and_voided_by_a_new_authorisation() -> None:
    caller = caller_of()
    first = caller.world.tokens["pdd"].latest
    assert first is not None
    caller.world.advance(caller.world.start + 86400)
    assert caller.list(caller.world.now - 60, caller.world.now)["error_code"] == 10019
    caller.access = ""
    assert caller.list(caller.world.now - 60, caller.world.now)["error_code"] == 20032
    fresh = caller.call("pdd.pop.auth.token.refresh", refresh_token=first.refresh)
    assert (fresh["expires_in"], fresh["owner_id"]) == (86400, caller.shop.seller_id)
    assert fresh["refresh_token_expires_at"] - fresh["expires_at"] == 29 * 86400
    caller.access = fresh["access_token"]
    assert "order_sn_list" in caller.list(caller.world.now - 60, caller.world.now)
    assert caller.call("pdd.pop.auth.token.refresh", refresh_token="other")["error_code"] == 10001
    assert caller.call("pdd.pop.auth.token.create", code="other")["error_code"] == 10001
    newer = caller.call("pdd.pop.auth.token.create", code=f"code-{caller.shop.seller_id}")
    assert caller.list(caller.world.now - 60, caller.world.now)["error_code"] == 20032
    caller.access = newer["access_token"]
    assert "order_sn_list" in caller.list(caller.world.now - 60, caller.world.now)


# ================================================================ lists


def test_lists_come_newest_first_and_tell_a_total_or_whether_there_is_more() -> None:
    caller = caller_of()
    for _ in range(5):
        place(caller.world, "pdd")
        caller.world.advance(caller.world.now + 60)
    start, end = caller.world.start, caller.world.now
    counted = [caller.list(start, end, page=n, page_size=2) for n in (1, 2, 3, 4)]
    assert [(c["total_count"], len(c["order_sn_list"])) for c in counted] == [(5, 2), (5, 2), (5, 1), (5, 0)]
    assert all("has_next" not in c for c in counted)
    flags = [caller.list(start, end, page=n, page_size=2, use_has_next=True) for n in (1, 2, 3)]
    assert [(f["has_next"], "total_count" in f) for f in flags] == [(True, False), (True, False), (False, False)]
    times = [o["updated_at"] for c in counted for o in c["order_sn_list"]]
    assert times == sorted(times, reverse=True) and len(times) == 5


@pytest.mark.parametrize(
    "change",
    [
        {"end_updated_at": 1_801}, {"end_updated_at": -1}, {"start_updated_at": -91 * 86400, "end_updated_at": -91 * 86400 + 60},
        {"page_size": 101}, {"page": 0}, {"page_size": "x"}, {"order_status": 4}, {"refund_status": 6}, {"is_lucky_flag": ""},
        {"start_updated_at": ""},
    ],
)  # fmt: skip
def test_what_is_out_of_bounds_is_refused(change: dict[str, Any]) -> None:
    caller = caller_of()
    base = {
        "start_updated_at": 0,
        "end_updated_at": 1800,
        "page": 1,
        "page_size": 100,
        "order_status": 5,
        "refund_status": 5,
    }
    asked = {**base, "is_lucky_flag": 0, **change}
    for name in ("start_updated_at", "end_updated_at"):
        asked[name] = asked[name] if asked[name] == "" else caller.world.start + asked[name]
    assert caller.call(LIST, **asked)["error_code"] == 10001


def test_only_what_is_confirmed_is_told_of() -> None:
    caller = caller_of()
    world = caller.world
    unpaid, group = place(world, "pdd", paid_at="never"), place(world, "pdd", hold="group_unfinished")
    review, plain = place(world, "pdd", hold="risk_control"), place(world, "pdd")
    rows = {o["order_sn"]: o for o in caller.list(world.start, world.now)["order_sn_list"]}
    assert set(rows) == {review.no, plain.no}
    assert [rows[o.no]["risk_control_status"] for o in (review, plain)] == [1, 0]
    assert [caller.call("pdd.order.information.get", order_sn=o.no)["error_code"] for o in (unpaid, group)] == [
        10001
    ] * 2
    told = {o["order"]: o["listed"] for o in world.all_orders()}
    assert told == {unpaid.no: False, group.no: False, review.no: True, plain.no: True}
    world.advance(world.now + 60)
    world.happen(group, "released", {}, why="script")
    assert caller.order(group.no)["confirm_time"] > caller.order(plain.no)["confirm_time"]


def test_lists_are_filtered_by_state_and_refund() -> None:
    caller = caller_of()
    world = caller.world
    paid, shipped, asked = (place(world, "pdd") for _ in range(3))
    caller.ship(shipped.no)
    world.happen(asked, "refund_asked", {}, why="script")
    for words, wanted in (
        ({"order_status": 1}, {paid.no, asked.no}), ({"order_status": 2}, {shipped.no}), ({"order_status": 3}, set()),
        ({"refund_status": 2}, {asked.no}), ({"refund_status": 1}, {paid.no, shipped.no}), ({"refund_status": 4}, set()),
    ):  # fmt: skip
        rows = caller.list(world.start, world.now, **words)["order_sn_list"]
        assert {o["order_sn"] for o in rows} == wanted, words


def test_the_receiver_is_told_only_while_the_order_waits_for_shipping() -> None:
    caller = caller_of()
    order = place(caller.world, "pdd", hold="risk_control")
    fields = ("receiver_name", "receiver_phone", "receiver_address", "receiver_name_mask", "province", "city", "town")

    def told() -> list[bool]:
        tree = caller.order(order.no)
        return [bool(tree[f]) for f in fields]

    assert not any(told())
    caller.world.happen(order, "released", {}, why="script")
    assert all(told())
    caller.ship(order.no)
    assert not any(told())
    assert caller.order(order.no)["open_address_id"]


def test_one_place_has_one_address_id_and_each_order_its_own_cipher() -> None:
    caller = caller_of()
    a, b, c = (place(caller.world, "pdd", buyer=x) for x in ("b1", "b1", "b2"))
    trees = [caller.order(o.no) for o in (a, b, c)]
    assert trees[0]["open_address_id"] == trees[1]["open_address_id"] != trees[2]["open_address_id"]
    assert len({t["receiver_name"] for t in trees}) == 3


def test_amounts_are_numbers_that_add_up() -> None:
    caller = caller_of()
    line = {"sku": "SKU-1001-A", "qty": 2, "unit": 5990, "shop_off": 1000, "platform_off": 505, "adjust": -100}
    tree = caller.order(place(caller.world, "pdd", lines=[line], freight=600).no)
    assert (tree["goods_amount"], tree["order_change_amount"], tree["seller_discount"]) == (118.8, 1, 10)
    assert (tree["platform_discount"], tree["discount_amount"], tree["postage"]) == (5.05, 15.05, 6)
    assert tree["pay_amount"] == 109.75
    assert "pdd" not in ONLY["float_money"] and "douyin" in ONLY["float_money"]


def test_answers_have_the_sampled_shape() -> None:
    caller = caller_of()
    listings = caller.world.catalogue.listings["pdd"]
    sold = {"listing": listings[0].listing, "qty": 2, "unit": 5990, "shop_off": 1000, "platform_off": 550}
    gift = {"listing": listings[1].listing, "gift": True, "unit": 0}
    words = {"remark": "工作日送", "memo": "优先发", "flag": 1}
    place(caller.world, "pdd", lines=[sold, gift], freight=600, **words)
    order = place(caller.world, "pdd")
    caller.world.happen(order, "refund_asked", {}, why="script")
    seen = walk(caller.raw(LIST, start_updated_at=caller.world.start, end_updated_at=caller.world.now, is_lucky_flag=0,
                           order_status=5, refund_status=5, use_has_next=True), "", {})  # fmt: skip
    number = {"int": "number", "float": "number"}
    found = {path: "|".join(sorted({number.get(t, t) for t in types})) for path, types in seen.items()}
    sampled = json.loads((SHAPES / "pdd.json").read_text(encoding="utf-8"))
    assert found == {path: types for path, types in sampled.items() if types != "empty list"}


# ================================================================ faults


def test_faults_speak_in_the_platforms_own_words() -> None:
    caller = caller_of()
    arm(caller.world, "throttled")
    assert caller.list(caller.world.start, caller.world.now)["error_code"] == 70031
    order = place(caller.world, "pdd")
    arm(caller.world, "duplicates")
    rows = caller.list(caller.world.start, caller.world.now)["order_sn_list"]
    assert [o["order_sn"] for o in rows] == [order.no] * 2
    arm(caller.world, "null_list")
    assert caller.list(caller.world.start - 60, caller.world.start - 30)["order_sn_list"] is None
    arm(caller.world, "wrong_total")
    assert caller.list(caller.world.start - 7, caller.world.now)["total_count"] in (0, 2)
    arm(caller.world, "token_expired")
    assert caller.list(caller.world.start, caller.world.now)["error_code"] == 10019


@pytest.mark.parametrize(
    ("mode", "field", "value"),
    [("money", "pay_amount", "abc"), ("id", "order_sn", None), ("time", "updated_at", "not-a-time")],
)
def test_an_unreadable_order_stays_so_until_it_is_healed(mode: str, field: str, value: str | None) -> None:
    caller = caller_of()
    order = place(caller.world, "pdd")
    good = caller.order(order.no)
    arm(caller.world, "unreadable_order", platform="pdd", order=order.no, mode=mode)
    bad = caller.order(order.no)
    assert bad.get(field) == value
    assert {k: v for k, v in bad.items() if k != field} == {k: v for k, v in good.items() if k != field}
    assert caller.world.faults.heal() == 1
    assert caller.order(order.no) == good


# ================================================================ writing


def test_a_notice_ships_the_whole_order_and_its_repeat_is_refused() -> None:
    caller = caller_of()
    order = place(caller.world, "pdd", lines=[{"sku": "SKU-1001-A", "qty": 3}])
    assert caller.ship(order.no) == {"is_success": True}
    assert (order.state, order.lines[0].shipped_qty) == ("shipped", 3)
    again = caller.ship(order.no)
    assert (again["error_code"], again["sub_code"]) == (50001, "30010")
    assert len(caller.world.book.of("effect", effect="ship")) == len(caller.world.book.of("repeat", effect="ship")) == 1
    tree = caller.order(order.no)
    assert (tree["order_status"], tree["logistics_id"], tree["tracking_number"]) == (2, 44, SF)
    caller.world.advance(caller.world.now + 86400 - 60)
    assert caller.order(order.no)["order_status"] == 3


def extra(caller: Pdd, no: str, *tracks: tuple[int, str], kind: int = 1) -> Any:
    rows = [{"shipping_id": c, "tracking_number": w} for c, w in tracks]
    words = {"order_sn": no, "extra_track_type": kind, "extra_track_list": rows}
    return caller.call("pdd.order.upload.extra.logistics", **words)


def test_further_parcels_are_named_after_the_first() -> None:
    caller = caller_of()
    order = place(caller.world, "pdd", lines=[{"sku": "SKU-1001-A", "qty": 2}])
    other = (85, "YT0000000000001")
    assert extra(caller, order.no, other)["sub_code"] == "30011"
    assert order.state == "paid"
    caller.ship(order.no)
    assert extra(caller, order.no, other) == {"success": True}
    assert extra(caller, order.no, other)["sub_code"] == "30010"
    assert extra(caller, order.no, (999, "YT0000000000002"))["sub_code"] == "30020"
    assert extra(caller, order.no, (85, "x"))["sub_code"] == "30021"
    assert extra(caller, order.no)["sub_code"] == "30022"
    assert extra(caller, "1", other)["sub_code"] == "30001"
    assert extra(caller, order.no, other, kind=4)["error_code"] == 10001
    tree = caller.order(order.no)
    assert tree["extra_delivery_list"] == [{"logistics_id": 85, "tracking_number": "YT0000000000001"}]
    first, second = caller.world.book.of("effect", effect="ship")
    assert (sum(first["pieces"].values()), second["pieces"]) == (2, {})


@pytest.mark.parametrize(
    ("words", "carrier", "waybill", "sub_code"),
    [
        ({"paid_at": "never"}, "44", SF, "30013"), ({"hold": "risk_control"}, "44", SF, "30014"),
        ({}, "999", SF, "30020"), ({}, "44", "x", "30021"),
    ],
)  # fmt: skip
def test_what_may_not_be_shipped_is_refused_and_stays(
    words: dict[str, Any], carrier: str, waybill: str, sub_code: str
) -> None:
    caller = caller_of()
    order = place(caller.world, "pdd", **words)
    state = order.state
    assert caller.ship(order.no, waybill, carrier)["sub_code"] == sub_code
    assert order.state == state
    assert caller.world.book.of("effect", effect="ship") == []


def test_levels_are_set_whole_or_by_difference_and_never_below_zero() -> None:
    caller = caller_of()
    listing = caller.world.catalogue.listings["pdd"][0]
    words = {"goods_id": listing.product, "sku_id": listing.listing}

    def say(**more: object) -> Any:
        return caller.call("pdd.goods.quantity.update", **{**words, **more})

    assert say(quantity=7) == {"is_success": True}
    assert say(quantity=-3, update_type=2) == {"is_success": True}
    assert caller.world.levels["pdd", listing.listing] == 4
    assert say(quantity=-5, update_type=2)["sub_code"] == "40002"
    assert say(quantity=-1)["sub_code"] == "40002"
    assert say(quantity=1, sku_id="1")["sub_code"] == "40001"
    assert say(quantity=1, update_type=3)["error_code"] == 10001
    assert caller.call("pdd.goods.quantity.update", goods_id=listing.product, quantity=9, outer_id=listing.code)
    assert caller.world.levels["pdd", listing.listing] == 9


def test_carriers_and_notes_are_those_of_the_shop() -> None:
    caller = caller_of()
    rows = caller.call("pdd.logistics.companies.get")["logistics_companies"]
    assert {(44, "顺丰速运"), (85, "圆通速递")} <= {(r["id"], r["logistics_company"]) for r in rows}
    order = place(caller.world, "pdd")
    assert caller.call("pdd.order.note.update", order_sn=order.no, note="老客户", tag=5)["success"] is True
    tree = caller.order(order.no)
    assert (tree["remark"], tree["remark_tag"], tree["remark_tag_name"]) == ("老客户", 5, "紫色")


# ================================================================ after-sales


def cases(caller: Pdd, **words: object) -> Any:
    span = {"start_updated_at": max(caller.world.start, caller.world.now - 1800), "end_updated_at": caller.world.now}
    asked = {"after_sales_status": 1, "after_sales_type": 1, **span, **words}
    return caller.call("pdd.refund.list.increment.get", **asked)


def test_a_refund_before_shipping_pays_everything_back_by_itself() -> None:
    caller = caller_of()
    order = place(caller.world, "pdd", freight=600)
    caller.world.happen(order, "refund_asked", {"answer_after": 600}, why="script")
    (row,) = cases(caller)["refund_list"]
    assert (row["after_sales_type"], row["after_sales_status"], row["order_sn"]) == (2, 2, order.no)
    assert row["refund_amount"] == pytest.approx(order.payable / 100)
    assert (caller.order(order.no)["refund_status"], caller.order(order.no)["after_sales_status"]) == (2, 2)
    caller.world.advance(caller.world.now + 600)
    (row,) = cases(caller)["refund_list"]
    assert row["after_sales_status"] == 10
    tree = caller.order(order.no)
    assert (tree["order_status"], tree["refund_status"], tree["after_sales_status"]) == (1, 4, 10)
    assert cases(caller, after_sales_status=2)["refund_list"] == []
    assert cases(caller, after_sales_type=3)["total_count"] == 0


def test_a_return_goes_its_way_in_the_platforms_numbers() -> None:
    caller = caller_of()
    order = place(caller.world, "pdd")
    caller.ship(order.no)
    caller.world.happen(order, "refund_asked", {"kind": "return"}, why="script")
    refund = caller.world.refunds["pdd", order.refunds[0]]
    seen = []
    for _ in range(24 * 6):
        tree = caller.order(order.no)
        state = (refund.status, tree["after_sales_status"], tree["refund_status"], tree["order_status"])
        seen += [state] if not seen or state != seen[-1] else []
        caller.world.advance(caller.world.now + 600)
        if caller.world.now > caller.world.start + 80000:
            break
    assert seen == [("asked", 3, 2, 2), ("agreed", 7, 3, 2), ("returned", 3, 3, 2), ("done", 10, 4, 2)]
    assert refund.waybill


def test_a_withdrawn_refund_is_closed_and_the_order_as_before() -> None:
    caller = caller_of()
    order = place(caller.world, "pdd")
    caller.world.happen(order, "refund_asked", {}, why="script")
    caller.world.happen(order, "refund_withdrawn", {}, why="script")
    (row,) = cases(caller)["refund_list"]
    tree = caller.order(order.no)
    assert (row["after_sales_status"], tree["after_sales_status"], tree["refund_status"]) == (11, 11, 1)


def test_an_order_sells_one_sku_and_its_number_has_its_day() -> None:
    made = make(platforms=("pdd",), orders=150).world
    made.advance(made.end)
    orders = list(made.orders.values())
    assert {sum(not x.gift for x in o.lines) for o in orders} == {1}
    assert any(x.gift for o in orders for x in o.lines)
    assert {o.no[:7] for o in orders} == {"251120-"} and {len(o.no) for o in orders} == {22}
