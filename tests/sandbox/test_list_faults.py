"""Faults inside lists and orders: each does what its name says and is written in the book when it was really played."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from adapters.sandbox.control import arm as arm_by_control
from tests.sandbox.callers import Caller, Taobao, Wechat, arm, place
from tests.sandbox.faulty import PLATFORMS, any_call, caller_of, lived, number, page, played


@pytest.mark.parametrize("platform", ["taobao", "jd", "douyin"])
def test_a_total_is_wrong_twice_and_then_right(platform: str) -> None:
    caller = lived(platform)
    true = page(caller)[1]
    arm_by_control(caller.world, {"name": "wrong_total", "on": True, "rate": 1.0})
    told = [page(caller)[1] for _ in range(4)]
    assert true not in told[:2]
    assert told[0] != told[1]
    assert told[2:] == [true, true]
    faults = played(caller, "wrong_total")
    assert [f["told"] for f in faults] == told[:2]
    assert {f["true"] for f in faults} == {true}


@pytest.mark.parametrize("platform", ["taobao", "jd", "douyin"])
def test_pages_shift_when_an_order_changes_while_they_are_read(platform: str) -> None:
    caller = lived(platform)
    caller.world.advance(caller.world.now + 300)
    newest = {"jd": {"sortType": "1"}, "douyin": {"order_asc": False}}.get(platform, {})
    before = [number(r) for n in range(3) for r in page(caller, n, **newest)[0]]
    arm(caller.world, "shifting_pages")
    caller.world.faults._counts.clear()
    first = [number(r) for r in page(caller, 0, **newest)[0]]
    assert played(caller, "shifting_pages") == []
    rest = [number(r) for n in (1, 2) for r in page(caller, n, **newest)[0]]
    (fault,) = played(caller, "shifting_pages")
    assert fault["order"] in before
    assert caller.world.orders[platform, fault["order"]].modified == caller.world.now
    after = [number(r) for n in range(3) for r in page(caller, n, **newest)[0]]
    # newest first: the changed order is in front now, and reading forward has met a row twice or missed one
    assert after[0] == fault["order"]
    assert first + rest != after
    assert len(set(first + rest)) < len(after) or first + rest != before
    (event,) = caller.world.book.of("event", event="touched")
    assert event["why"] == "fault"


def test_the_cursor_moves_on_when_an_order_changes_while_it_reads() -> None:
    caller = lived("wechat_shop")
    assert isinstance(caller, Wechat)
    arm(caller.world, "shifting_pages")
    start, end = caller.world.start, caller.world.now - 60
    first = caller.ids(start, end, page_size=50)
    second = caller.ids(start, end, page_size=50, next_key=first["next_key"])
    (fault,) = played(caller, "shifting_pages")
    again = caller.ids(start, end, page_size=100)
    assert fault["order"] not in again["order_id_list"]
    assert second["order_id_list"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_order_comes_twice_in_a_page(platform: str) -> None:
    caller = lived(platform, orders=20)
    arm(caller.world, "duplicates")
    rows = Counter(number(r) for r in page(caller)[0])
    (fault,) = played(caller, "duplicates")
    assert [no for no, n in rows.items() if n == 2] == [fault["order"]]
    assert set(Counter(number(r) for r in page(caller)[0]).values()) == {1}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_late_order_is_hidden_from_lists_but_not_from_its_detail(platform: str) -> None:
    caller = caller_of(platform)
    arm(caller.world, "late_visible")
    order = place(caller.world, platform, paid_at="never" if platform != "jd" else "2025-11-20T00:00:00+08:00")
    caller.world.faults.armed.clear()
    caller.world.happen(order, "touched", {}, why="script")
    arm(caller.world, "late_visible")
    caller.world.happen(order, "touched", {}, why="script")
    minutes = (order.visible_from - order.modified) // 60
    assert 2 <= minutes <= 20
    assert order.no not in [number(r) for r in page(caller)[0]]
    (fault,) = played(caller, "late_visible")
    assert (fault["order"], fault["seconds"]) == (order.no, minutes * 60)
    if isinstance(caller, Wechat):
        assert caller.order(order.no)["errcode"] == 0
    caller.world.advance(order.visible_from)
    assert order.no in [number(r) for r in page(caller)[0]]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_empty_list_is_null(platform: str) -> None:
    caller = caller_of(platform)
    arm(caller.world, "null_list")
    reply = any_call(caller)
    if platform == "douyin":
        reply = reply["data"]
    lists = {
        "taobao": lambda r: r["trades"]["trade"],
        "wechat_shop": lambda r: r["order_id_list"],
        "jd": lambda r: r["searchorderinfo_result"]["orderInfoList"],
        "douyin": lambda r: r["shop_order_list"],
    }
    assert lists[platform](reply) is None
    assert len(played(caller, "null_list")) == 1


def test_taobao_sends_a_list_of_one_as_the_object_alone() -> None:
    caller = caller_of("taobao")
    assert isinstance(caller, Taobao)
    order = place(caller.world, "taobao")
    arm(caller.world, "single_object", times=2)
    now = caller.world.now
    trade = caller.trades(now, now)["trades"]["trade"]
    assert isinstance(trade, dict)
    assert isinstance(trade["orders"]["order"], dict)
    assert trade["orders"]["order"]["oid"] == int(order.no)
    assert len(played(caller, "single_object")) == 2


BROKEN = {
    "taobao": lambda t: (t.get("payment"), t.get("tid"), t.get("modified")),
    "jd": lambda t: (t.get("orderTotalPrice"), t.get("orderId"), t.get("modified")),
    "douyin": lambda t: (t.get("pay_amount"), t.get("order_id"), t.get("update_time")),
    "wechat_shop": lambda t: (
        t["order_detail"]["price_info"]["order_price"],
        t.get("order_id"),
        t.get("update_time"),
    ),
}


def told(caller: Caller, no: str) -> dict[str, Any]:
    """The order as a reader of lists gets it."""
    if isinstance(caller, Wechat):
        found: dict[str, Any] = caller.order(no)["order"]
        return found
    rows: list[dict[str, Any]] = page(caller)[0]
    return rows[0]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(("mode", "place_of"), [("money", 0), ("id", 1), ("time", 2)])
def test_an_unreadable_order_stays_so_until_it_is_healed(platform: str, mode: str, place_of: int) -> None:
    caller = caller_of(platform)
    order = place(caller.world, platform)
    good = BROKEN[platform](told(caller, order.no))
    arm(caller.world, "unreadable_order", platform=platform, order=order.no, mode=mode)
    wrong = {"money": "abc", "id": None, "time": "not-a-time"}[mode]
    for _ in range(2):
        parts = BROKEN[platform](told(caller, order.no))
        assert parts[place_of] == wrong
        assert [p for i, p in enumerate(parts) if i != place_of] == [p for i, p in enumerate(good) if i != place_of]
    (fault,) = played(caller, "unreadable_order")
    assert (fault["order"], fault["mode"]) == (order.no, mode)
    assert caller.world.faults.heal() == 1
    assert BROKEN[platform](told(caller, order.no)) == good


def test_an_unreadable_field_that_was_not_asked_for_is_not_played() -> None:
    caller = caller_of("taobao")
    order = place(caller.world, "taobao")
    arm(caller.world, "unreadable_order", platform="taobao", order=order.no, mode="money")
    page(caller, fields="tid,modified")
    assert played(caller, "unreadable_order") == []
    page(caller, fields="tid,payment")
    assert len(played(caller, "unreadable_order")) == 1


@pytest.mark.parametrize("platform", PLATFORMS)
def test_float_money_is_a_json_float_of_the_same_amount(platform: str) -> None:
    caller = caller_of(platform)
    order = place(caller.world, platform, freight=610)
    arm(caller.world, "float_money", platform=platform, order=order.no)
    tree = told(caller, order.no)
    amount = {
        "taobao": lambda t: t["payment"],
        "jd": lambda t: t["shouldPay"],
        "douyin": lambda t: t["pay_amount"],
        "wechat_shop": lambda t: t["order_detail"]["price_info"]["order_price"],
    }[platform](tree)
    assert isinstance(amount, float)
    assert round(amount * (100 if platform in ("taobao", "jd") else 1)) == order.payable
    assert len(played(caller, "float_money")) == 1


def test_an_unknown_sku_is_in_no_catalogue() -> None:
    caller = lived("taobao", orders=400, faults="unknown_sku")
    ghosts = [o for o in caller.world.orders.values() if any(not x.listing.known for x in o.lines)]
    assert ghosts
    mapped = {r["listing"] for r in caller.world.catalogue.rows()} | {s.sku for s in caller.world.catalogue.skus}
    for order in ghosts:
        line = next(x for x in order.lines if not x.listing.known)
        assert line.listing.listing not in mapped
        assert line.listing.code not in mapped
        assert line.listing.pieces(1) == {}
    assert {x.code for o in ghosts for x in [y.listing for y in o.lines if not y.listing.known]} & {""}
    for n in range(8):
        page(caller, n)
    seen = {f["order"] for f in played(caller, "unknown_sku")}
    assert seen == {o.no for o in ghosts}
