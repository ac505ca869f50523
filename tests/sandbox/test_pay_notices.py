"""Notifications: signed, on their channel's schedule, and every fault as its name says and as the book has it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from adapters.sandbox.pay import CHANNELS, alipay, wechatpay
from adapters.sandbox.pay.post import PostOffice
from tests.sandbox.callers import arm
from tests.sandbox.pay_callers import Alipay, Listener, WechatPay, channels

BACK = "http://127.0.0.1:9/back"
FAULTS = (
    "notify_lost",
    "notify_late",
    "notify_doubled",
    "notify_forged",
    "notify_out_of_order",
    "notify_wrong_amount",
)
Caller = WechatPay | Alipay


def caller_of(channel: str, **wish: object) -> Caller:
    wechat, ali = channels(**wish)
    return wechat if channel == "wechatpay" else ali


def start(caller: Caller, number: str = "OMS00001") -> None:
    if isinstance(caller, WechatPay):
        assert caller.start(number)[0] == 200
    else:
        assert caller.start(number)["code"] == "10000"


def give_back(caller: Caller, fen: int, number: str = "OMS00001", back: str = "R1") -> None:
    if isinstance(caller, WechatPay):
        assert caller.refund(number, back, fen, notify_url=BACK)[0] == 200
    else:
        assert caller.refund(number, back, f"{fen / 100:.2f}")["code"] == "10000"
    caller.advance(120)


def genuine(caller: Caller, headers: Mapping[str, str], body: bytes) -> bool:
    return caller.signed(headers, body) if isinstance(caller, WechatPay) else caller.genuine(body)


def read(caller: Caller, body: bytes) -> dict[str, Any]:
    """Id, kind, payment, amount in fen and whether it says paid."""
    if isinstance(caller, WechatPay):
        envelope, plain = caller.unseal(body)
        kind = envelope["resource"]["original_type"]
        amount = plain["amount"]["total"]
        return {
            "id": envelope["id"],
            "kind": "payment" if kind == "transaction" else kind,
            "no": plain["out_trade_no"],
            "amount": amount,
            "paid": plain.get("trade_state") == "SUCCESS",
        }
    form = dict(parse_qsl(body.decode()))
    return {
        "id": form["notify_id"],
        "kind": "refund" if "refund_fee" in form else "payment",
        "no": form["out_trade_no"],
        "amount": int(form["total_amount"].replace(".", "")),
        "paid": form["trade_status"] == "TRADE_SUCCESS",
    }


def told(caller: Caller, listener: Listener) -> list[dict[str, Any]]:
    return [
        {"at": at, "good": genuine(caller, headers, body), **read(caller, body)} for at, headers, body in listener.got
    ]


def run(caller: Caller, listener: Listener, seconds: int, step: int = 5) -> None:
    """Let time pass in small steps, each with its round of deliveries."""
    for _ in range(0, seconds, step):
        caller.advance(step)
        listener.round(caller.till)


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


# --- faults


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
        office = PostOffice(send)
        await asyncio.gather(office.round(wechat.till), office.round(wechat.till))

    asyncio.run(both())
    assert len(got) == len(set(got)) == 5


def test_without_a_notify_url_nothing_is_told() -> None:
    _, ali = channels(faults="notify_forged")
    ali.call("alipay.trade.precreate", {"out_trade_no": "OMS00001", "total_amount": "1.00", "subject": "T"})
    ali.advance(300)
    assert ali.query("OMS00001")["trade_status"] == "TRADE_SUCCESS"
    assert ali.till.notices.all == []
