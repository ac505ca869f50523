"""Faults of whole requests, and what holds for all faults: written when really played, and the persistent get through."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.sandbox.control import Mistake
from adapters.sandbox.control import arm as arm_by_control
from adapters.sandbox.faults import ONLY, PLANS, Faults
from adapters.sandbox.gate import Gate
from adapters.sandbox.wire import beijing
from tests.sandbox.callers import CALLERS, Caller, Douyin, Jd, Stalled, Taobao, Wechat, arm, make, place
from tests.sandbox.faulty import PLATFORMS, any_call, caller_of, lived, page, played
from tests.sandbox.test_shipping import WAYBILL, notice

THROTTLED = {
    "taobao": lambda r: (
        (r["code"], r["sub_code"]) == (7, "accesscontrol.limited-by-api-access-count")
        and r["sub_msg"] == "This ban will last for 1 more seconds"
    ),
    "wechat_shop": lambda r: r["errcode"] == 45011,
    "jd": lambda r: r["code"] == "2",
    "douyin": lambda r: (r["code"], r["sub_code"].partition(":")[0]) == (60000, "isp.traffic-limited"),
}


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


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_small_day_with_all_faults_meets_most_of_them(platform: str) -> None:
    caller = lived(platform, orders=40, faults="all")
    start = caller.world.start
    while start < caller.world.now:
        for n in range(8):
            persist(caller, start, n)
        start += 3 * 3600
    names = set(caller.world.faults.played)
    possible = {n for n in PLANS if platform in ONLY.get(n, (platform,))}
    # late ones are visible again by now, and pages are few
    missing = possible - names - {"late_visible", "shifting_pages", "timeout", "token_expired", "http_5xx", "null_list"}
    if platform == "wechat_shop":
        missing -= {"unreadable_order", "float_money", "unknown_sku", "single_object"}
    assert missing == set()


def persist(caller: Caller, start: int, n: int) -> None:
    """Read a page, again when no answer came or it was refused."""
    for _ in range(5):
        try:
            reply = read(caller, start, start + 3 * 3600, n)
        except Stalled:
            continue
        if reply.get("errcode") in (0, None) and reply.get("code") in (None, "0", 10000):
            return
        caller.access = caller.world.tokens[caller.platform].issue(caller.world.now).access
    raise AssertionError("never got through")


def read(caller: Caller, start: int, end: int, n: int) -> Any:
    if isinstance(caller, Taobao):
        return caller.trades(start, end, page_no=n + 1, page_size=5)
    if isinstance(caller, Wechat):
        return caller.ids(start, end, page_size=5 + n)
    if isinstance(caller, Jd):
        return caller.search(start, end, page=str(n + 1), page_size="5")
    assert isinstance(caller, Douyin)
    return caller.search(start, end, page=n, size=5)


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
