"""The channels against the sandbox's, which was written from the same documents by somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from adapters.errors import NotVerified, NotYet, Uncertain, Unreadable
from adapters.payments import find
from adapters.payments.base import Channel, ChannelConnection
from adapters.payments.documents import NOT_FOUND, BackAsk, PayAsk
from adapters.ports import Retry
from adapters.sandbox.wire import Request
from tests.sandbox.callers import arm
from tests.sandbox.pay_callers import Alipay, Listener, WechatPay, channels

NAMES = ("wechatpay", "alipay")
DAY = date(2026, 9, 1)


class WorldClock:
    def __init__(self, caller: WechatPay | Alipay) -> None:
        self.caller = caller

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.caller.world.now, UTC)

    def sleep(self, seconds: float) -> None:
        self.caller.advance(int(seconds))


def over_the_gate(caller: WechatPay | Alipay) -> httpx.MockTransport:
    """The sandbox behind httpx's seam: paths come as they are on the wire, with the prefix."""

    def answer(request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode()
        path, _, query = target.partition("?")
        outcome = caller.send(
            Request(
                method=request.method,
                path=path.removeprefix(f"/{caller.name}"),
                query=query,
                body=request.content,
                target=target,
                content_type=request.headers.get("content-type", ""),
                headers=dict(request.headers.items()),
            )
        )
        if outcome.lost:
            raise httpx.ReadError("the connection closed without an answer")
        got = outcome.response
        kind = {"content-type": got.content_type} if got.content_type else {}
        return httpx.Response(got.status, content=got.body, headers={**got.headers, **kind})

    return httpx.MockTransport(answer)


class Seat:
    """One channel of ours with the sandbox behind it."""

    def __init__(self, name: str, **options: object) -> None:
        self.caller: Any = channels()[NAMES.index(name)]
        self.till = self.caller.till
        info = self.caller.info
        keys = {} if options.get("platform_keys") == "certificates" else info.get("public_keys", {})
        self.channel: Channel = find(name)(
            ChannelConnection(
                alias=name, base_url=info["base_url"], merchant_id=info["merchant_id"], app_id=info["app_id"],
                notify_url="http://127.0.0.1:9/pay/notify", secret=lambda key: info[key], public_keys=lambda: keys,
                clock=WorldClock(self.caller), retry=Retry(), transport=over_the_gate(self.caller), options=dict(options),
            )
        )  # fmt: skip
        self.method = "native" if name == "wechatpay" else "precreate"

    def start(self, number: str, amount: int = 8800, method: str = "") -> Any:
        expires = WorldClock(self.caller).now() + timedelta(hours=1)
        ask = PayAsk(
            payment_no=number, amount_minor=amount, title="T恤 & 帽", method=method or self.method, payer="oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
            client_ip="192.0.2.7", expires_at=expires,
        )  # fmt: skip
        return self.channel.start(ask)

    def back(self, number: str, payment_no: str, amount: int) -> Any:
        ask = BackAsk(back_no=number, payment_no=payment_no, amount_minor=amount, total_minor=8800, reason="质量问题")
        return self.channel.refund(ask)


@pytest.fixture(params=NAMES)
def seat(request: pytest.FixtureRequest) -> Iterator[Seat]:
    seat = Seat(request.param)
    yield seat
    seat.channel.shut()


def test_a_payment_is_started_paid_given_back_in_parts_and_billed(seat: Seat) -> None:
    seat.till.habits.coupon, seat.till.habits.coupon_amount = "NOCASH", 500
    assert seat.start("OMS00001").code_url
    seat.caller.advance(600)
    paid = seat.channel.query("OMS00001")
    assert (paid.status, paid.amount_minor, paid.payer_minor, paid.settled_minor) == ("paid", 8800, 8300, 8300)
    first = seat.back("R1", "OMS00001", 1200)
    assert first.status in ("processing", "success")
    assert seat.back("R1", "OMS00001", 1200).amount_minor == 1200
    seat.caller.advance(3600)
    read = seat.channel.refund_query("R1", "OMS00001")
    assert read is not None and (read.status, read.amount_minor, read.settled_minor) == ("success", 1200, 1132)
    assert seat.channel.query("OMS00001").status in ("refund", "paid")
    seat.caller.advance(86400)
    for kind in ("trade", "funds"):
        data = seat.channel.bill(DAY, kind)
        assert data is not None
        bill = seat.channel.read_bill(data, day=DAY, kind=kind)
        assert bill.problems == [], bill.problems
        if kind == "trade":
            assert [(r.kind, r.amount_minor, r.settled_minor) for r in bill.rows] == [
                ("payment", 8800, 8300), ("refund", 1200, 1132),
            ]  # fmt: skip
            assert bill.rows[1].back_no == "R1" and {r.payment_no for r in bill.rows} == {"OMS00001"}
        else:
            assert {r.kind for r in bill.rows} >= {"payment", "refund", "fee"}
    assert seat.channel.bill(DAY - timedelta(days=3), "trade") is None
    with pytest.raises(NotYet):
        seat.channel.bill(DAY + timedelta(days=1), "trade")


def test_every_method_of_a_channel_is_understood(seat: Seat) -> None:
    for method in type(seat.channel).methods:
        start = seat.start(f"OMS_{method}", method=method)
        if start.url and seat.caller.name == "alipay":
            with httpx.Client(transport=over_the_gate(seat.caller)) as browser:
                assert browser.get(start.url).status_code == 200
        assert start.code_url or start.url or start.params
    seat.caller.advance(600)
    for method in type(seat.channel).methods:
        assert seat.channel.query(f"OMS_{method}").status == "paid"


def test_a_payment_is_closed_unless_it_was_paid(seat: Seat) -> None:
    method = "native" if seat.caller.name == "wechatpay" else "page"
    seat.till.habits.plan = "never"
    assert seat.channel.query("OMS_NEVER").status_raw == NOT_FOUND
    start = seat.start("OMS00001", method=method)
    if start.url:
        with httpx.Client(transport=over_the_gate(seat.caller)) as browser:
            browser.get(start.url)
    assert [seat.channel.close("OMS00001"), seat.channel.close("OMS00001")] == ["closed", "closed"]
    assert seat.channel.query("OMS00001").status == "closed"
    seat.till.habits.plan = "prompt"
    seat.start("OMS00002")
    seat.caller.advance(600)
    assert seat.channel.close("OMS00002") == "paid"


def heard(seat: Seat, *, times: int = 1, within_s: int = 7200) -> list[tuple[Any, Any]]:
    """What is posted next, and what our channel makes of it in that moment."""
    listener, made = Listener(), []
    for _ in range(0, within_s, 5):
        seat.caller.advance(5)
        before = len(listener.got)
        listener.round(seat.till)
        for _, headers, body in listener.got[before:]:
            try:
                made.append((seat.channel.notification(headers, body), None))
            except (NotVerified, Unreadable) as error:
                made.append((None, error))
        if len(made) >= times:
            return made
    raise AssertionError(f"{len(made)} of {times} notifications")


def test_notifications_of_payments_and_refunds_are_believed(seat: Seat) -> None:
    seat.start("OMS00001")
    ((got, _),) = heard(seat)
    assert (got.kind, got.payment.payment_no, got.payment.status, got.payment.amount_minor) == (
        "payment", "OMS00001", "paid", 8800,
    )  # fmt: skip
    seat.back("R1", "OMS00001", 1200)
    ((got, _),) = heard(seat)
    assert (got.kind, got.back_no) == ("refund", "R1")
    assert got.refund is None or (got.refund.amount_minor, got.refund.status) == (1200, "success")


@pytest.mark.parametrize("mode", ["key", "body", "probe"])
def test_forged_notifications_are_not_believed(seat: Seat, mode: str) -> None:
    if mode == "probe" and seat.caller.name == "alipay":
        mode = "key"
    seat.till.habits.plan = "never"
    seat.caller.world.faults.played["notify_forged"] = ("key", "body", "probe").index(mode)
    arm(seat.caller.world, "notify_forged")
    seat.start("OMS00001")
    ((got, error),) = heard(seat)
    assert got is None and isinstance(error, NotVerified)
    assert error.reason == ("probe" if mode == "probe" else "signature")


def test_one_that_comes_twice_is_the_same_and_a_late_one_is_believed(seat: Seat) -> None:
    arm(seat.caller.world, "notify_doubled")
    seat.start("OMS00001")
    (first, _), (second, _) = heard(seat, times=2)
    assert first.id == second.id and first.payment.amount_minor == second.payment.amount_minor
    arm(seat.caller.world, "notify_late")
    seat.start("OMS00002")
    ((late, _),) = heard(seat, within_s=86400)
    assert late.payment.payment_no == "OMS00002"


def test_platform_certificates_are_fetched_and_believed() -> None:
    seat = Seat("wechatpay", platform_keys="certificates")
    seat.till.merchants["wechatpay"].certificate_share = 1.0
    with seat.channel:
        seat.start("OMS00001")
        seat.caller.advance(600)
        assert seat.channel.query("OMS00001").status == "paid"
        ((got, _),) = heard(seat)
        assert got.payment.payment_no == "OMS00001"


@pytest.mark.parametrize("fault", ["http_5xx", "throttled"])
def test_faults_of_the_wire_heal_for_what_only_asks(seat: Seat, fault: str) -> None:
    seat.start("OMS00001")
    seat.caller.advance(600)
    arm(seat.caller.world, fault)
    assert seat.channel.query("OMS00001").status == "paid"
    assert seat.caller.world.faults.played[fault] == 1


def test_a_lost_answer_leaves_a_refund_unknown_and_it_is_found_done_once(seat: Seat) -> None:
    seat.start("OMS00001")
    seat.caller.advance(600)
    arm(seat.caller.world, "answer_lost")
    with pytest.raises(Uncertain):
        seat.back("R1", "OMS00001", 1200)
    seat.caller.advance(3600)
    read = seat.channel.refund_query("R1", "OMS00001")
    assert read is not None and (read.status, read.amount_minor) == ("success", 1200)
    assert len(seat.till.backs) == 1
