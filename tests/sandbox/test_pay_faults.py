"""Faults of requests at the payment channels: in their own words, and never a second effect of the same number."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from adapters.sandbox.gate import Gate
from adapters.sandbox.pay import CHANNELS
from adapters.sandbox.pay.alipay_calls import CALLS, OPENED
from adapters.sandbox.pay.till import Till
from tests.sandbox.callers import arm
from tests.sandbox.pay_callers import NOTIFY, Alipay, Listener, WechatPay, channels

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


_NONSENSE: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, 10**30, "", "x", "😀", "\u0000", "http://[", "http://a:b", "9" * 400, "1e400", [], {}, [{}], {"total": {}},
)  # fmt: skip


def test_no_signed_nonsense_breaks_the_channels() -> None:
    wechat, ali = channels()
    rng = random.Random(3)
    start = {
        "appid": wechat.info["app_id"],
        "mchid": wechat.info["merchant_id"],
        "description": "T",
        "out_trade_no": "OMS00001",
        "notify_url": NOTIFY,
        "amount": {"total": 1, "currency": "CNY"},
        "time_expire": "2026-09-01T12:00:00+08:00",
        "attach": "",
    }
    refund = {"out_trade_no": "OMS00001", "out_refund_no": "R1", "amount": {"refund": 1, "total": 1, "currency": "CNY"}}
    trade = {
        "out_trade_no": "OMS00001",
        "trade_no": "1",
        "total_amount": "1.00",
        "subject": "T",
        "out_request_no": "R1",
    }
    trade |= {
        "refund_amount": "1.00",
        "bill_type": "trade",
        "bill_date": "2026-08-31",
        "query_options": [],
        "time_expire": "",
    }
    for _ in range(150):
        path, tree = rng.choice([("/v3/pay/transactions/jsapi", start), ("/v3/refund/domestic/refunds", refund)])
        status, _body = wechat.raw("POST", path, spoilt(rng, tree))
        assert status in (200, 400, 403, 404)
        method = rng.choice([*CALLS, *OPENED])
        assert ali.post(
            ali.sign(ali.params(method, spoilt(rng, trade), notify_url=rng.choice(["", NOTIFY, "http://["])))
        )
    wechat.advance(7200)
    assert Listener().round(wechat.till) >= 0


def spoilt(rng: random.Random, tree: dict[str, Any]) -> Any:
    """The tree with one or two of its values replaced by nonsense, or nonsense alone."""
    if rng.random() < 0.05:
        return rng.choice(_NONSENSE)
    changed = {
        **tree,
        **{k: rng.choice(_NONSENSE) for k in rng.sample(sorted(tree), min(len(tree), rng.randint(1, 2)))},
    }
    for name, inner in changed.items():
        if isinstance(inner, dict) and inner and rng.random() < 0.5:
            changed[name] = spoilt(rng, inner)
    return changed


def test_orders_live_the_same_day_with_payments_and_without() -> None:
    def day(payments: int) -> list[dict[str, Any]]:
        wechat, ali = channels(orders=40, faults="all", seed=5, bills="all")
        for n in range(payments):
            wechat.send(wechat.request("GET", "/v3/certificates"))
            wechat.till.habits.plan = ""
            with_whatever_comes(wechat, n)
            ali.advance(600)
        wechat.world.advance(wechat.world.end + 86400)
        kinds = ("order", "event")
        told = [e for e in wechat.world.book.entries if e["kind"] in kinds]
        assert bool(wechat.world.book.of("payment")) == bool(payments)
        return [{k: v for k, v in e.items() if k != "seq"} for e in told] + wechat.world.all_orders()

    assert day(30) == day(0)


def with_whatever_comes(wechat: WechatPay, n: int) -> None:
    """Start a payment; the wire may do what it likes."""
    try:
        wechat.start(f"OMS000{n:02d}")
    except ValueError:
        return
