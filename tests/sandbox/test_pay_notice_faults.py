"""Faults of notifications: each is what its name says, and is in the book."""

from __future__ import annotations

import pytest

from adapters.sandbox.pay import CHANNELS
from tests.sandbox.callers import arm
from tests.sandbox.pay_callers import Listener, WechatPay, channels
from tests.sandbox.pay_listening import BACK, Caller, caller_of, give_back, run, start, told

FAULTS = (
    "notify_lost",
    "notify_late",
    "notify_doubled",
    "notify_forged",
    "notify_out_of_order",
    "notify_wrong_amount",
)


@pytest.mark.parametrize("channel", CHANNELS)
def test_lost_is_never_delivered_and_a_query_knows(channel: str) -> None:
    caller, listener = caller_of(channel), Listener()
    arm(caller.world, "notify_lost")
    start(caller)
    run(caller, listener, 86400, 3600)
    assert listener.got == []
    (fault,) = caller.world.book.of("fault", fault="notify_lost")
    assert (fault["platform"], fault["payment"], fault["client"]) == (channel, "OMS00001", "")
    assert caller.till.payments[channel, "OMS00001"].state == "paid"


@pytest.mark.parametrize("channel", CHANNELS)
def test_late_comes_hours_after_its_time(channel: str) -> None:
    caller, listener = caller_of(channel), Listener()
    arm(caller.world, "notify_late")
    start(caller)
    run(caller, listener, 7 * 3600, 60)
    (one,) = told(caller, listener)
    assert one["good"]
    assert one["at"] - caller.till.payments[channel, "OMS00001"].paid_at > 3600
    assert len(caller.world.book.of("fault", fault="notify_late", notice=one["id"])) == 1


@pytest.mark.parametrize("channel", CHANNELS)
def test_doubled_comes_twice_although_it_was_acknowledged(channel: str) -> None:
    caller, listener = caller_of(channel), Listener()
    arm(caller.world, "notify_doubled")
    start(caller)
    run(caller, listener, 600)
    first, second = told(caller, listener)
    assert first == second
    assert first["good"]
    assert [e["good"] for e in caller.world.book.of("notice")] == [True, True]


@pytest.mark.parametrize(
    ("channel", "mode"),
    [("wechatpay", "key"), ("wechatpay", "body"), ("wechatpay", "probe"), ("alipay", "key"), ("alipay", "body")],
)
def test_forged_says_paid_of_what_nobody_paid_and_does_not_verify(channel: str, mode: str) -> None:
    caller, listener = caller_of(channel), Listener()
    caller.till.habits.plan = "never"
    caller.world.faults.played["notify_forged"] = {"key": 0, "body": 1, "probe": 2}[mode]
    arm(caller.world, "notify_forged")
    start(caller)
    run(caller, listener, 3600, 60)
    (one,) = told(caller, listener)
    assert (one["good"], one["kind"], one["paid"], one["amount"]) == (False, "payment", True, 8800)
    (fault,) = caller.world.book.of("fault", fault="notify_forged")
    assert (fault["mode"], fault["notice"]) == (mode, one["id"])
    assert caller.till.payments[channel, "OMS00001"].state != "paid"
    if mode == "probe":
        assert listener.got[0][1]["wechatpay-signature"].startswith("WECHATPAY/SIGNTEST/")


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_forged_one_comes_beside_the_genuine_one(channel: str) -> None:
    caller, listener = caller_of(channel), Listener(lambda _url: (401, b""))
    arm(caller.world, "notify_forged")
    start(caller)
    run(caller, listener, 400)
    got = told(caller, listener)
    assert [g["good"] for g in got].count(False) == 1
    assert [g["good"] for g in got].count(True) > 1


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_wrong_amount_is_signed_and_only_a_query_tells_the_truth(channel: str) -> None:
    caller, listener = caller_of(channel), Listener()
    arm(caller.world, "notify_wrong_amount")
    start(caller)
    run(caller, listener, 600)
    (one,) = told(caller, listener)
    (fault,) = caller.world.book.of("fault", fault="notify_wrong_amount")
    assert one["good"]
    assert one["amount"] != 8800
    assert (fault["told"], fault["true"]) == (one["amount"], 8800)
    if isinstance(caller, WechatPay):
        assert caller.query("OMS00001")[1]["amount"]["total"] == 8800
    else:
        assert caller.query("OMS00001")["total_amount"] == "88.00"


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("mode", ["again", "held"])
def test_out_of_order_tells_the_refund_before_the_payment(channel: str, mode: str) -> None:
    caller, listener = caller_of(channel), Listener()
    arm(caller.world, "notify_out_of_order")
    if mode == "held":
        arm(caller.world, "notify_late")
    start(caller)
    run(caller, listener, 300)
    give_back(caller, 1200)
    run(caller, listener, 60)
    got = told(caller, listener)
    assert [g["kind"] for g in got][-2:] == ["refund", "payment"]
    assert len(got) == (3 if mode == "again" else 2)
    assert all(g["good"] for g in got)
    (fault,) = caller.world.book.of("fault", fault="notify_out_of_order")
    assert (fault["mode"], fault["notice"], fault["after"]) == (mode, got[-2]["id"], got[-1]["id"])


def test_every_fault_plays_at_both_channels_on_an_ordinary_day_and_each_is_in_the_book() -> None:
    wechat, ali = channels(faults="all")
    listener = Listener()
    for n in range(40):
        for caller in (wechat, ali):
            try_until_there(caller, f"OMS000{n:02d}")
        wechat.advance(300)
        listener.round(wechat.till)
    for caller in (wechat, ali):
        for n in range(12):
            persist_refund(caller, f"OMS000{n:02d}", f"R{n}")
    wechat.advance(120)
    listener.round(wechat.till)
    faults = [f for f in wechat.world.book.of("fault") if f["fault"].startswith("notify")]
    assert {(f["platform"], f["fault"]) for f in faults} == {(c, f) for c in CHANNELS for f in FAULTS}
    notices = {n.id: n for n in wechat.till.notices.all}
    assert {f["notice"] for f in faults} == {n.id for n in notices.values() if n.fault}
    assert {f["fault"] for f in faults} == {n.fault for n in notices.values()} - {""}


def try_until_there(caller: Caller, number: str) -> None:
    """Start a payment whatever the wire does."""
    for _ in range(6):
        try:
            start(caller, number)
        except (AssertionError, ValueError, KeyError):
            continue
        return
    raise AssertionError("never got through")


def persist_refund(caller: Caller, number: str, back: str) -> None:
    for _ in range(6):
        try:
            if isinstance(caller, WechatPay):
                status, _ = caller.refund(number, back, 100, notify_url=BACK)
                if status == 200:
                    return
            elif caller.refund(number, back, "1.00")["code"] == "10000":
                return
        except (ValueError, KeyError):
            continue
