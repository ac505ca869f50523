"""Each fault does what its name says, is written in the book when it was really played, and lets the persistent through."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from adapters.sandbox.control import Mistake
from adapters.sandbox.control import arm as arm_by_control
from adapters.sandbox.faults import ONLY, PLANS, Faults
from adapters.sandbox.gate import Gate
from adapters.sandbox.wire import beijing
from tests.sandbox.callers import CALLERS, Caller, Douyin, Jd, Stalled, Taobao, Wechat, arm, gate_of, make, place
from tests.sandbox.test_shipping import WAYBILL, notice

PLATFORMS = list(CALLERS)


def caller_of(platform: str, **wish: object) -> Caller:
    caller = CALLERS[platform](gate_of(platforms=(platform,), **wish))
    if not caller.access:
        caller.access = caller.world.tokens[platform].issue(caller.world.now).access
    return caller


def page(caller: Caller, number: int = 0, size: int = 50, **more: Any) -> tuple[list[Any], int]:
    """(rows or ids, total or -1) of one page of the whole world's time; number counts from 0."""
    start, end = caller.world.start, caller.world.now + 60
    if isinstance(caller, Taobao):
        reply = caller.trades(start, end, page_no=number + 1, page_size=size, **more)
        found = (reply.get("trades") or {}).get("trade") or []
        return (found if isinstance(found, list) else [found]), reply.get("total_results", -1)
    if isinstance(caller, Wechat):
        assert number == 0
        return caller.ids(start, end, page_size=size, **more)["order_id_list"] or [], -1
    if isinstance(caller, Jd):
        result = caller.search(start, end, page=str(number + 1), page_size=str(size), **more)["searchorderinfo_result"]
        return result["orderInfoList"] or [], result["orderTotal"]
    assert isinstance(caller, Douyin)
    data = caller.search(start, end, page=number, size=size, **more)["data"]
    return data["shop_order_list"] or [], data["total"]


def number(row: Any) -> str:
    """The order number of a row."""
    return row if isinstance(row, str) else str(row.get("tid") or row.get("orderId") or row.get("order_id"))


def lived(platform: str, orders: int = 120, faults: str = "none", **wish: object) -> Caller:
    caller = caller_of(platform, orders=orders, faults=faults, **wish)
    caller.world.advance(caller.world.end - 3600)
    caller.access = caller.world.tokens[platform].issue(caller.world.now).access
    return caller


def played(caller: Caller, name: str) -> list[dict[str, Any]]:
    return caller.world.book.of("fault", fault=name)


# --- requests

THROTTLED = {
    "taobao": lambda r: (
        (r["code"], r["sub_code"]) == (7, "accesscontrol.limited-by-api-access-count")
        and r["sub_msg"] == "This ban will last for 1 more seconds"
    ),
    "wechat_shop": lambda r: r["errcode"] == 45011,
    "jd": lambda r: r["code"] == "2",
    "douyin": lambda r: (r["code"], r["sub_code"].partition(":")[0]) == (60000, "isp.traffic-limited"),
}


def any_call(caller: Caller) -> Any:
    """One reading call, its whole reply."""
    now = caller.world.now
    if isinstance(caller, Taobao):
        return caller.trades(now - 60, now)
    if isinstance(caller, Wechat):
        return caller.ids(now - 60, now)
    if isinstance(caller, Jd):
        return caller.search(now - 60, now)
    assert isinstance(caller, Douyin)
    return caller.search(now - 60, now)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_throttled_speaks_in_the_platforms_own_envelope(platform: str) -> None:
    caller = caller_of(platform)
    arm(caller.world, "throttled", platform=platform)
    assert THROTTLED[platform](any_call(caller))
    assert not THROTTLED[platform]({"code": 0, "sub_code": "", "sub_msg": "", "errcode": 0, **any_call(caller)})
    (fault,) = played(caller, "throttled")
    assert (fault["platform"], fault["request_id"]) == (platform, f"r{int(caller.outcome.request_id[1:]) - 1:07d}")  # type: ignore[union-attr]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_too_many_calls_are_throttled_without_any_fault(platform: str) -> None:
    made = make(platforms=(platform,))
    now = [0.0]
    caller = CALLERS[platform](Gate(made.world, rate=2.0, clock=lambda: now[0]))
    if isinstance(caller, Wechat):
        caller.token()
    elif isinstance(caller, Douyin):
        caller.access = caller.raw("/token/create", grant_type="authorization_self", shop_id="7700001")["data"][
            "access_token"
        ]
    else:
        any_call(caller)
    any_call(caller)
    assert THROTTLED[platform](any_call(caller))
    now[0] += 0.5
    assert not THROTTLED[platform]({"code": 0, "sub_code": "", "sub_msg": "", "errcode": 0, **any_call(caller)})
    assert made.world.book.of("fault") == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_http_5xx_is_a_page_and_never_an_effect(platform: str) -> None:
    caller = caller_of(platform)
    order = place(caller.world, platform)
    arm(caller.world, "http_5xx")
    with pytest.raises(Stalled) as stalled:
        notice(caller, order.no)
    assert stalled.value.outcome.response.status == 502
    assert stalled.value.outcome.response.body.startswith(b"<html>")
    assert order.state == "paid"
    notice(caller, order.no)
    assert order.state == "shipped"
    assert len(played(caller, "http_5xx")) == 1


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_lost_answer_has_had_its_effect(platform: str) -> None:
    caller = caller_of(platform)
    order = place(caller.world, platform)
    arm(caller.world, "answer_lost", order=order.no)
    with pytest.raises(Stalled) as stalled:
        notice(caller, order.no)
    assert stalled.value.outcome.lost
    assert order.state == "shipped"
    (effect,) = caller.world.book.of("effect", effect="ship")
    (fault,) = played(caller, "answer_lost")
    assert fault["request_id"] == effect["request_id"]
    assert (fault["order"], fault["write"]) == (order.no, True)


def test_a_timeout_holds_the_answer_back_after_the_effect() -> None:
    caller = caller_of("taobao", delay_s=0.25)
    order = place(caller.world, "taobao")
    arm(caller.world, "timeout", method="logistics")
    notice(caller, order.no)
    assert caller.outcome is not None
    assert caller.outcome.hold_s == 0.25
    assert order.state == "shipped"
    notice(caller, order.no)
    assert caller.outcome.hold_s == 0.0


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_expired_token_is_refused_before_anything_happens(platform: str) -> None:
    caller = caller_of(platform)
    order = place(caller.world, platform)
    arm_by_control(caller.world, {"name": "token_expired", "platform": platform})
    reply = notice(caller, order.no)
    codes = {"errcode": 42001, "code": {"taobao": 27, "jd": "19", "douyin": 40003}.get(platform)}
    assert [reply[k] for k in codes if k in reply] == [codes["errcode"] if platform == "wechat_shop" else codes["code"]]
    assert order.state == "paid"
    assert len(played(caller, "token_expired")) == 1


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_token_ends_once_in_the_middle_of_a_day(platform: str) -> None:
    caller = caller_of(platform, faults="token_expired")
    refused = 0
    for _ in range(60):
        reply = any_call(caller)
        bad = reply.get("errcode") == 42001 or reply.get("code") in (27, "19", 40003)
        refused += bad
        if bad and isinstance(caller, Wechat):
            caller.token()
        elif bad:
            caller.access = caller.world.tokens[platform].issue(caller.world.now).access
    assert refused == 1
    assert len(played(caller, "token_expired")) == 1


@pytest.mark.parametrize("platform", ["taobao", "jd"])
def test_a_token_given_by_hand_works_again_once_the_seller_authorised_anew(platform: str) -> None:
    caller = caller_of(platform)
    arm_by_control(caller.world, {"name": "token_expired", "platform": platform})
    assert any_call(caller).get("code") in (27, "19")
    caller.world.advance(caller.world.now + 1800)
    assert any_call(caller).get("code") in (None, "0")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_one_request_suffers_only_so_often(platform: str) -> None:
    caller = caller_of(platform, faults="throttled,http_5xx,timeout,answer_lost")
    for name in ("throttled", "http_5xx", "timeout", "answer_lost"):
        caller.world.faults.rates[name] = 1.0
    failures = 0
    for _ in range(12):
        try:
            failures += THROTTLED[platform](
                {"code": 0, "sub_code": "", "sub_msg": "", "errcode": 0, **any_call(caller)}
            )
        except Stalled:
            failures += 1
    assert 1 <= failures <= 2
    assert len(caller.world.book.of("fault")) <= 2


def test_what_was_armed_plays_as_often_as_it_was_armed() -> None:
    caller = caller_of("taobao")
    arm(caller.world, "http_5xx", times=5, method="trades.sold")
    for _ in range(5):
        with pytest.raises(Stalled):
            any_call(caller)
    assert "code" not in any_call(caller)


# --- lists


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


# --- orders

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


# --- all together


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_small_day_with_all_faults_meets_most_of_them(platform: str) -> None:
    caller = lived(platform, orders=40, faults="all")
    start = caller.world.start
    while start < caller.world.now:
        for n in range(8):
            try:
                read(caller, start, start + 3 * 3600, n)
            except Stalled:
                continue
        # whoever was told that his token is over gets a new one
        caller.access = caller.world.tokens[platform].issue(caller.world.now).access
        start += 3 * 3600
    names = set(caller.world.faults.played)
    possible = {n for n in PLANS if platform in ONLY.get(n, (platform,))}
    # late ones are visible again by now, and pages are few
    missing = possible - names - {"late_visible", "shifting_pages", "timeout", "token_expired", "http_5xx", "null_list"}
    if platform == "wechat_shop":
        missing -= {"unreadable_order", "float_money", "unknown_sku", "single_object"}
    assert missing == set()


def read(caller: Caller, start: int, end: int, n: int) -> None:
    if isinstance(caller, Taobao):
        caller.trades(start, end, page_no=n + 1, page_size=5)
    elif isinstance(caller, Wechat):
        caller.ids(start, end, page_size=5 + n)
    elif isinstance(caller, Jd):
        caller.search(start, end, page=str(n + 1), page_size="5")
    elif isinstance(caller, Douyin):
        caller.search(start, end, page=n, size=5)


def test_the_same_questions_meet_the_same_faults() -> None:
    def run() -> list[dict[str, Any]]:
        caller = lived("taobao", orders=60, faults="all", seed=5)
        for n in range(4):
            try:
                page(caller, n, size=20)
            except Stalled:
                continue
        return caller.world.book.of("fault")

    assert run() == run() != []


def test_no_fault_plays_that_is_not_on() -> None:
    caller = lived("jd", faults="none")
    for n in range(3):
        page(caller, n)
    assert caller.world.book.of("fault") == []


def test_an_unknown_fault_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no such fault: nonsense"):
        Faults.read(1, "throttled,nonsense")
    with pytest.raises(Mistake, match="no such fault"):
        arm_by_control(make().world, {"name": "nonsense"})
    with pytest.raises(Mistake, match="no such fault"):
        arm_by_control(make().world, {"name": "nonsense", "on": True})


def test_a_fault_is_armed_for_one_order_and_one_method() -> None:
    caller = caller_of("taobao")
    one, other = place(caller.world, "taobao", buyer="b"), place(caller.world, "taobao", buyer="b")
    arm(caller.world, "answer_lost", method="logistics.offline.send", order=other.no)
    notice(caller, one.no, WAYBILL)
    with pytest.raises(Stalled):
        notice(caller, other.no, WAYBILL)
    assert beijing(caller.world.now).startswith("2025-11-20")
