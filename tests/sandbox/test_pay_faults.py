"""Faults of requests at the payment channels: in their own words, and never a second effect of the same number."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.sandbox.gate import Gate
from adapters.sandbox.pay import CHANNELS
from adapters.sandbox.pay.till import Till
from tests.sandbox.callers import arm
from tests.sandbox.pay_callers import Alipay, WechatPay, channels

Caller = WechatPay | Alipay


def caller_of(channel: str, **wish: object) -> Caller:
    wechat, ali = channels(**wish)
    return wechat if channel == "wechatpay" else ali


def start(caller: Caller) -> Any:
    return caller.start("OMS00001")


def refund(caller: Caller) -> Any:
    return (
        caller.refund("OMS00001", "R1", 100)
        if isinstance(caller, WechatPay)
        else caller.refund("OMS00001", "R1", "1.00")
    )


def is_throttled(caller: Caller, told: Any) -> bool:
    assert caller.outcome is not None
    unsigned = "wechatpay-signature" not in caller.outcome.response.headers
    if isinstance(caller, WechatPay):
        return bool(told[0] == 429 and told[1]["code"] == "FREQUENCY_LIMITED" and unsigned)
    unsigned = "sign" not in json.loads(caller.outcome.response.body)
    return bool(told["code"] == "40005" and told["sub_code"] == "isv.app-call-limited" and unsigned)


@pytest.mark.parametrize("channel", CHANNELS)
def test_throttled_speaks_in_the_channels_own_words_and_does_nothing(channel: str) -> None:
    caller = caller_of(channel)
    arm(caller.world, "throttled", platform=channel)
    assert is_throttled(caller, start(caller))
    assert caller.till.payments == {}
    assert len(caller.world.book.of("fault", fault="throttled", platform=channel, order="OMS00001")) == 1


@pytest.mark.parametrize("channel", CHANNELS)
def test_too_many_calls_to_a_channel_are_throttled_without_any_fault(channel: str) -> None:
    caller = caller_of(channel)
    now = [0.0]
    caller.gate = Gate(caller.world, rate=1.0, clock=lambda: now[0])
    start(caller)
    assert is_throttled(caller, start(caller))
    now[0] += 1
    assert not is_throttled(caller, start(caller))


@pytest.mark.parametrize("channel", CHANNELS)
def test_an_error_page_is_never_an_effect(channel: str) -> None:
    caller = caller_of(channel)
    arm(caller.world, "http_5xx", platform=channel)
    with pytest.raises(ValueError, match=r"Expecting value|line 1"):
        start(caller)
    assert caller.outcome is not None
    assert caller.outcome.response.status == 502
    assert caller.till.payments == {}


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("fault", ["answer_lost", "timeout"])
def test_a_refund_whose_answer_did_not_come_was_made_and_is_not_made_again(channel: str, fault: str) -> None:
    caller = caller_of(channel)
    start(caller)
    caller.advance(300)
    arm(caller.world, fault, platform=channel, order="OMS00001")
    refund(caller)
    assert caller.outcome is not None
    assert (caller.outcome.lost, caller.outcome.hold_s > 0) == (fault == "answer_lost", fault == "timeout")
    refund(caller)
    assert made(caller.till) == [100]
    (played,) = caller.world.book.of("fault", fault=fault)
    assert (played["order"], played["write"]) == ("OMS00001", True)


def made(till: Till) -> list[int]:
    return [b.amount for b in till.backs.values()]


def test_the_channels_know_nothing_of_tokens_and_lists() -> None:
    wechat, ali = channels(faults="token_expired,null_list,duplicates,wrong_total")
    for n in range(30):
        wechat.start(f"OMS000{n:02d}")
        ali.start(f"OMS000{n:02d}")
    assert wechat.world.book.of("fault") == []
