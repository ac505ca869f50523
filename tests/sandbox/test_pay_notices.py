"""Notifications: signed, on their channel's schedule, delivered in rounds to a listener that comes and goes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import nullcontext
from itertools import pairwise
from urllib.parse import parse_qsl

import httpx
import pytest

from adapters.sandbox.pay import CHANNELS, alipay, wechatpay
from adapters.sandbox.pay.post import PostOffice
from tests.sandbox.pay_callers import Listener, channels
from tests.sandbox.pay_listening import caller_of, give_back, run, start, told

# --- without faults


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_payment_is_told_once_when_it_is_acknowledged(channel: str) -> None:
    caller, listener = caller_of(channel), Listener()
    start(caller)
    run(caller, listener, 600)
    (one,) = told(caller, listener)
    assert (one["good"], one["kind"], one["no"], one["amount"], one["paid"]) == (
        True,
        "payment",
        "OMS00001",
        8800,
        True,
    )
    paid_at = caller.till.payments[channel, "OMS00001"].paid_at
    assert paid_at < one["at"] <= paid_at + 6
    (entry,) = caller.world.book.of("notice")
    assert (entry["status"], entry["good"], entry["end"], entry["notice"]) == (200, True, "acknowledged", one["id"])


@pytest.mark.parametrize("channel", CHANNELS)
def test_an_unpaid_payment_and_a_closed_one_tell_nothing(channel: str) -> None:
    caller, listener = caller_of(channel), Listener()
    caller.till.habits.plan = "never"
    start(caller)
    run(caller, listener, 600)
    assert listener.got == []


@pytest.mark.parametrize(("channel", "waits"), [("wechatpay", wechatpay.WAITS), ("alipay", alipay.WAITS)])
def test_what_is_refused_comes_again_at_the_documented_intervals_and_then_no_more(
    channel: str, waits: tuple[int, ...]
) -> None:
    caller, listener = caller_of(channel), Listener(lambda _url: (500, b'{"code":"FAIL","message":"no"}'))
    start(caller)
    run(caller, listener, 2 * 86400, 15)
    got = told(caller, listener)
    assert [b["at"] - a["at"] for a, b in pairwise(got)] == list(waits)
    assert len({g["id"] for g in got}) == 1
    assert all(g["good"] for g in got)
    assert caller.world.book.entries[-1]["end"] == "given_up"
    signatures = {h.get("wechatpay-signature", b.decode()[-300:]) for _, h, b in listener.got}
    assert len(signatures) == len(got)


def test_the_documented_intervals_are_those_of_the_notes() -> None:
    minute, hour = 60, 3600
    assert (
        *(15, 15, 30, 3 * minute, 10 * minute, 20 * minute, 30 * minute, 30 * minute, 30 * minute, 60 * minute),
        *(3 * hour, 3 * hour, 3 * hour, 6 * hour, 6 * hour),
    ) == wechatpay.WAITS
    assert (4 * minute, 10 * minute, 10 * minute, hour, 2 * hour, 6 * hour, 15 * hour) == alipay.WAITS
    assert 25 * hour > sum(alipay.WAITS) > 24 * hour


@pytest.mark.parametrize(
    ("channel", "status", "body", "good"),
    [
        ("wechatpay", 200, b"", True),
        ("wechatpay", 204, b"", True),
        ("wechatpay", 201, b"", False),
        ("wechatpay", 302, b"", False),
        ("alipay", 200, b"success", True),
        ("alipay", 200, b"success\n", False),
        ("alipay", 200, b"SUCCESS", False),
        ("alipay", 201, b"success", False),
        ("alipay", 204, b"", False),
    ],
)
def test_only_the_documented_answer_ends_the_deliveries(channel: str, status: int, body: bytes, good: bool) -> None:
    caller, listener = caller_of(channel), Listener(lambda _url: (status, body))
    start(caller)
    run(caller, listener, 3600)
    assert (len(listener.got) == 1) is good


@pytest.mark.parametrize("channel", CHANNELS)
def test_refunds_are_told_where_the_channel_does(channel: str) -> None:
    caller, listener = caller_of(channel), Listener()
    start(caller)
    run(caller, listener, 300)
    give_back(caller, 1200)
    listener.round(caller.till)
    first, second = told(caller, listener)
    assert (first["kind"], second["kind"]) == ("payment", "refund")
    give_back(caller, 7600, back="R2")
    listener.round(caller.till)
    # alipay tells of a whole refund only when the payment was made in a browser or an app
    assert len(listener.got) == (3 if channel == "wechatpay" else 2)


def test_alipay_tells_a_wap_payments_end_in_full() -> None:
    _, ali = channels()
    listener = Listener()
    ali.start("OMS00001", kind="wap")
    run(ali, listener, 300)
    ali.refund("OMS00001", "R1", "88.00")
    run(ali, listener, 60)
    form = dict(parse_qsl(listener.got[-1][2].decode()))
    assert (form["trade_status"], form["refund_fee"], form["out_biz_no"]) == ("TRADE_CLOSED", "88.00", "R1")
    assert form["gmt_close"]
    ali.till.habits.plan = "never"
    ali.start("OMS00002", kind="wap", timeout_express="5m")
    run(ali, listener, 400)
    form = dict(parse_qsl(listener.got[-1][2].decode()))
    assert (form["trade_status"], form["out_trade_no"]) == ("TRADE_CLOSED", "OMS00002")
    assert not {"gmt_payment", "refund_fee"} & form.keys()


def test_wechatpay_signs_a_share_with_its_certificate_while_switching_over() -> None:
    wechat, _ = channels()
    listener = Listener()
    wechat.till.merchants["wechatpay"].certificate_share = 0.5
    for n in range(30):
        wechat.start(f"OMS000{n:02d}")
    run(wechat, listener, 400)
    assert {h["wechatpay-serial"] for _, h, _ in listener.got} == {
        *wechat.info["public_keys"],
        *wechat.info["certificates"],
    }
    assert all(t["good"] for t in told(wechat, listener))


# --- the post office


def test_a_listener_that_is_down_loses_nothing_that_a_query_cannot_tell() -> None:
    wechat, ali = channels()
    up = False

    def answer(_url: str) -> tuple[int, bytes]:
        if not up:
            raise httpx.ConnectError("nobody there")
        return 200, b"success"

    listener = Listener(answer)
    for n in range(10):
        wechat.start(f"OMS0000{n}")
        ali.start(f"OMS0000{n}")
    run(wechat, listener, 3600, 60)
    assert all(not e["good"] and e["status"] == 0 for e in wechat.world.book.of("notice"))
    for n in range(10):
        assert wechat.query(f"OMS0000{n}")[1]["trade_state"] == "SUCCESS"
        assert ali.query(f"OMS0000{n}")["trade_status"] == "TRADE_SUCCESS"
    up = True
    run(wechat, listener, 86400, 600)
    ends = {(n.channel, n.payment_no): n.end for n in wechat.till.notices.all}
    assert ends == {(c, f"OMS0000{n}"): "acknowledged" for c in CHANNELS for n in range(10)}


def test_a_listener_that_hangs_is_asked_once_a_round() -> None:
    wechat, _ = channels()

    def hang(_url: str) -> tuple[int, bytes]:
        raise httpx.ReadTimeout("five seconds")

    listener = Listener(hang)
    for n in range(5):
        wechat.start(f"OMS0000{n}")
    wechat.advance(300)
    assert listener.round(wechat.till) == 1
    assert [n.tries for n in wechat.till.notices.all].count(1) == 1
    assert listener.round(wechat.till) == 0


def test_two_rounds_at_once_deliver_nothing_twice() -> None:
    wechat, _ = channels()
    got: list[str] = []

    async def send(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        await asyncio.sleep(0)
        got.append(json.loads(body)["id"])
        return 200, b""

    for n in range(5):
        wechat.start(f"OMS0000{n}")
    wechat.advance(300)

    async def both() -> None:
        office = PostOffice(lambda: nullcontext(send))
        await asyncio.gather(office.round(wechat.till), office.round(wechat.till))

    asyncio.run(both())
    assert len(got) == len(set(got)) == 5


def test_without_a_notify_url_nothing_is_told() -> None:
    _, ali = channels(faults="notify_forged")
    ali.call("alipay.trade.precreate", {"out_trade_no": "OMS00001", "total_amount": "1.00", "subject": "T"})
    ali.advance(300)
    assert ali.query("OMS00001")["trade_status"] == "TRADE_SUCCESS"
    assert ali.till.notices.all == []
