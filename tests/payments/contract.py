"""The contract of a payment channel. Each channel inherits it; a new one is done when it passes.

This folder asks: does money only move, and is it only believed to have moved, when the channel proves it? Worked examples
of the channels' documents are in test_<channel>.py, both second opinions and mutations in files of their own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

import httpx
import pytest

from adapters.errors import (
    AdapterError,
    AnswerLost,
    BadAnswer,
    KeysRefused,
    NotVerified,
    NotYet,
    Refused,
    Retryable,
    Uncertain,
    Unreadable,
    Unsupported,
)
from adapters.payments import find, names
from adapters.payments.documents import NOT_FOUND, PAYMENT_STATUSES, REFUND_STATUSES
from tests.payments.fakes import FakePay, Pay, both_bills
from tests.payments.kit import DAY, NEXT_DAY, NOON, Rig, Seen, back_ask, pay_ask, sample

NO = "OMS20260901000009"
BACK = "OMSR20260901000009"


class ChannelContract:
    """Tests every channel must pass; a subclass names its fake."""

    fake: ClassVar[type[FakePay]]

    # ================================================================ helpers
    @pytest.fixture
    def world(self) -> FakePay:
        fake = self.fake(NOON)
        fake.pays[NO] = Pay(NO, 8800, "paid")
        return fake

    @pytest.fixture
    def rig(self, world: FakePay) -> Iterator[Rig]:
        with world.rig() as rig:
            yield rig

    @property
    def cls(self) -> Any:
        return find(self.fake.channel)

    # ================================================================ what it says about itself
    def test_is_found_by_its_name_and_says_what_it_is(self) -> None:
        assert self.cls.name in names()
        assert self.cls.title and self.cls.source and self.cls.home.startswith("https://")
        assert self.cls.methods and self.cls.reads and set(self.cls.bill_kinds) <= {"trade", "funds"}
        assert self.cls.doubtful, "no wire protocol is known without doubt"

    def test_every_option_is_explained_and_an_unknown_one_refused(self, world: FakePay) -> None:
        assert all(option.help for option in self.cls.all_options().values())
        with pytest.raises(Unsupported, match="colour"):
            world.rig(options={"colour": "red"})
        with pytest.raises(Unsupported, match="answer_kb"):
            world.rig(options={"answer_kb": "much"})

    def test_a_method_or_currency_it_has_not_is_said_before_anything_is_sent(self, rig: Rig) -> None:
        for ask in (pay_ask(method="shells"), pay_ask(method=self.cls.methods[0], currency="USD")):
            with pytest.raises(Unsupported, match=self.cls.name):
                rig.channel.start(ask)
        with pytest.raises(Unsupported, match="leaflet"):
            rig.channel.bill(DAY, "leaflet")
        assert not rig.server.seen

    # ================================================================ starting
    def test_every_method_gives_the_buyers_device_something(self, rig: Rig) -> None:
        for method in self.cls.methods:
            start = rig.channel.start(pay_ask(payment_no=f"OMS-{method}", method=method))
            assert start.payment_no == f"OMS-{method}"
            assert start.code_url or start.url or start.params
            shown = repr(start)
            assert [v for v in (start.code_url, start.url, *start.params.values()) if v and v in shown] == []

    def test_nothing_can_be_started_for_no_money(self, rig: Rig) -> None:
        with pytest.raises(Refused, match="positive"):
            rig.channel.start(pay_ask(method=self.cls.methods[0], amount_minor=0))
        assert not rig.server.seen

    # ================================================================ asking
    def test_a_payment_is_told_as_it_is(self, rig: Rig, world: FakePay) -> None:
        for state, raws in (("unpaid", "unpaid"), ("closed", "closed"), ("paid", "paid")):
            world.pays[NO].state = state
            got = rig.channel.query(NO)
            assert (got.status, got.payment_no, got.amount_minor, got.currency) == (raws, NO, 8800, "CNY")
            assert got.status in PAYMENT_STATUSES
            assert (got.payer_minor, got.settled_minor) == ((8300, 8300) if state == "paid" else (0, 0))
            assert (got.paid_at == NOON) is (state == "paid")
            assert (got.merchant_id, got.app_id) == (world.merchant_id, world.app_id) and got.raw

    def test_a_payment_given_back_in_full_is_a_refund(self, rig: Rig, world: FakePay) -> None:
        world.pays[NO].refunded = 8800
        assert rig.channel.query(NO).status == "refund"

    def test_a_payment_the_channel_does_not_know_is_unpaid(self, rig: Rig) -> None:
        got = rig.channel.query("OMS-NEVER")
        assert (got.status, got.status_raw, got.payment_no) == ("unpaid", NOT_FOUND, "OMS-NEVER")

    def test_an_answer_about_another_payment_is_no_answer(self, rig: Rig, world: FakePay) -> None:
        world.pays["OMS-ASKED"] = Pay("OMS-OTHER", 8800, "paid")
        with pytest.raises(BadAnswer, match="another payment"):
            rig.channel.query("OMS-ASKED")

    @pytest.mark.parametrize("how", ["altered", "unsigned"])
    def test_an_altered_or_unsigned_answer_is_not_believed(self, rig: Rig, world: FakePay, how: str) -> None:
        rig.server.next(lambda seen: getattr(world, how)(world(seen)))
        with pytest.raises(NotVerified):
            rig.channel.query(NO)

    def test_asking_is_repeated_while_the_waits_allow(self, rig: Rig, world: FakePay) -> None:
        rig.server.next(httpx.ReadTimeout("x"), world.busy(), world.throttled())
        assert rig.channel.query(NO).status == "paid"
        assert rig.clock.sleeps == [10.0, 30.0, 60.0]

    def test_asking_gives_up_in_the_end(self, rig: Rig) -> None:
        rig.server.handler = lambda _: httpx.ReadTimeout("x")
        with pytest.raises(AnswerLost):
            rig.channel.query(NO)
        assert len(rig.server.seen) == 4

    def test_what_no_repetition_heals_is_not_repeated(self, rig: Rig, world: FakePay) -> None:
        for reply, error in ((world.keys_refused(), KeysRefused), (world.unknown_code(), BadAnswer)):
            rig.server.next(reply)
            with pytest.raises(error):
                rig.channel.query(NO)
        assert rig.clock.sleeps == []

    def test_an_answer_larger_than_the_settings_allow_is_not_read(self, world: FakePay) -> None:
        with world.rig(options={"answer_kb": 1}) as rig:
            rig.server.next(httpx.Response(200, content=b"x" * 1025))
            with pytest.raises(BadAnswer, match="more than 1024"):
                rig.channel.query(NO)

    def test_what_is_no_envelope_of_the_channel_says_nothing(self, rig: Rig) -> None:
        for body in (b"", b"<html>", b"[]", b"{}", b'"x"', b"[" * 100000, b"\xff"):
            rig.server.handler = lambda _, body=body: httpx.Response(200, content=body)  # type: ignore[misc]
            with pytest.raises((BadAnswer, AnswerLost)):
                rig.channel.query(NO)

    # ================================================================ closing
    def test_closing_says_what_became_of_the_payment(self, rig: Rig, world: FakePay) -> None:
        world.pays[NO].state = "unpaid"
        assert [rig.channel.close(NO), rig.channel.close(NO)] == ["closed", "closed"]
        world.pays[NO].state = "paid"
        assert rig.channel.close(NO) == "paid"
        assert rig.channel.close("OMS-NEVER").startswith("refused ")

    def test_closing_without_an_answer_is_unknown(self, rig: Rig) -> None:
        rig.server.handler = lambda _: httpx.ReadTimeout("x")
        assert rig.channel.close(NO) == "unknown"

    # ================================================================ giving back
    def test_a_refund_is_asked_for_once_and_read_back(self, rig: Rig, world: FakePay) -> None:
        got = rig.channel.refund(back_ask())
        assert got.status in ("processing", "success") and got.amount_minor == 1200
        read = rig.channel.refund_query(BACK, NO)
        assert read is not None and read.status in REFUND_STATUSES
        assert (read.status, read.back_no, read.payment_no) == ("success", BACK, NO)
        assert (read.amount_minor, read.settled_minor, read.done_at) == (1200, 1132, NOON)
        assert world.given == 1

    def test_asking_again_under_the_same_number_gives_nothing_more(self, rig: Rig, world: FakePay) -> None:
        rig.channel.refund(back_ask())
        assert rig.channel.refund(back_ask()).status == "processing"
        assert world.given == 1

    def test_a_refused_refund_says_why(self, rig: Rig, world: FakePay) -> None:
        rig.server.next(world.refused())
        with pytest.raises(Refused) as caught:
            rig.channel.refund(back_ask())
        assert "NOT_ENOUGH" in caught.value.code and world.given == 0

    def test_more_than_was_paid_is_never_asked_for(self, rig: Rig) -> None:
        with pytest.raises(Refused, match="more than was paid"):
            rig.channel.refund(back_ask(amount_minor=8801))
        assert not rig.server.seen

    @pytest.mark.parametrize("how", ["lost", "busy", "bad_gateway", "page", "altered", "unsigned", "unknown_code"])
    def test_a_refund_whose_outcome_is_unknown_is_not_repeated(self, rig: Rig, world: FakePay, how: str) -> None:
        def take_effect(seen: Seen) -> Any:
            reply = world(seen)
            match how:
                case "lost":
                    return httpx.ReadTimeout("gone")
                case "busy" | "unknown_code":
                    said: Any = getattr(world, how)()
                    return said(seen) if callable(said) else said
                case "bad_gateway":
                    return httpx.Response(502)
                case "page":
                    return b"<html>"
                case "altered":
                    assert isinstance(reply, httpx.Response)
                    return httpx.Response(200, content=reply.content.replace(b"12", b"13"), headers=reply.headers)
                case _:
                    return world.unsigned(reply)  # type: ignore[attr-defined]

        rig.server.next(take_effect)
        with pytest.raises(Uncertain):
            rig.channel.refund(back_ask())
        assert (len(rig.server.seen), world.given) == (1, 1)
        read = rig.channel.refund_query(BACK, NO)
        assert read is not None and read.status == "success"

    def test_a_refund_that_was_never_sent_is_sent_again(self, rig: Rig, world: FakePay) -> None:
        rig.server.next(httpx.ConnectError("refused"))
        rig.channel.refund(back_ask())
        assert (rig.clock.sleeps, world.given) == ([10.0], 1)

    def test_a_refund_that_can_never_be_sent_is_no_unknown_one(self, rig: Rig) -> None:
        rig.server.handler = lambda _: httpx.ConnectError("refused")
        with pytest.raises(Retryable) as caught:
            rig.channel.refund(back_ask())
        assert not isinstance(caught.value, Uncertain)

    def test_keys_that_are_refused_refuse_no_refund(self, rig: Rig, world: FakePay) -> None:
        rig.server.next(world.keys_refused())
        with pytest.raises(KeysRefused):
            rig.channel.refund(back_ask())

    # ================================================================ secrets
    def test_a_changed_key_is_used_at_the_next_call(self, rig: Rig) -> None:
        good = rig.secrets["private_key"]
        rig.secrets["private_key"] = "no key"
        with pytest.raises(KeysRefused, match="private_key"):
            rig.channel.query(NO)
        rig.secrets["private_key"] = good
        assert rig.channel.query(NO).status == "paid"

    def test_no_secret_reaches_errors_or_logs(self, rig: Rig, world: FakePay, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        rig.server.next(world.busy(), httpx.ReadTimeout("x"))
        words = [repr(rig.channel.query(NO)), repr(rig.channel.connection), repr(pay_ask()), repr(back_ask())]
        headers, body = world.paid_notice(NO)  # type: ignore[attr-defined]
        words.append(repr(rig.channel.notification(headers, body)))
        rig.server.handler = lambda _: httpx.Response(500)
        with pytest.raises(AdapterError) as caught:
            rig.channel.refund(back_ask())
        words += [str(caught.value), repr(caught.value), repr(caught.value.__cause__), caplog.text]
        parts = [secret.strip().splitlines()[-2] for secret in rig.secrets.values() if "\n" in secret]
        parts += [v for v in rig.secrets.values() if "\n" not in v and len(v) == 32] + ["o-payer-1", "192.0.2.7"]
        assert [part for part in parts for text in words if part in text] == []

    # ================================================================ notifications
    def test_a_notification_is_verified_and_read(self, rig: Rig, world: Any) -> None:
        headers, body = world.paid_notice(NO)
        got = rig.channel.notification(headers, body)
        assert got.kind == "payment" and got.payment is not None and got.id and got.sent_at == NOON
        assert (got.payment.status, got.payment.payment_no, got.payment.amount_minor) == ("paid", NO, 8800)
        assert (got.payment.payer_minor, got.payment.settled_minor) == (8300, 8300)
        assert rig.channel.notification(headers, body) == got, "the same again is the same"

    def test_header_names_may_be_in_any_case(self, rig: Rig, world: Any) -> None:
        headers, body = world.paid_notice(NO)
        for change in (str.upper, str.lower):
            assert rig.channel.notification({change(k): v for k, v in headers.items()}, body).payment is not None

    def test_a_notification_of_a_refund_names_it(self, rig: Rig, world: Any) -> None:
        world.give(BACK, NO, 1200)
        got = rig.channel.notification(*world.refund_notice(BACK))
        assert (got.kind, got.back_no) == ("refund", BACK)
        if got.refund is not None:
            assert (got.refund.status, got.refund.amount_minor) == ("success", 1200)
        else:
            assert got.payment is not None
            assert (got.payment.status, got.payment.refunded_minor) == ("refund", 1200)

    def test_a_notification_of_another_merchant_is_refused(self, world: Any) -> None:
        with world.rig(merchant_id="1") as rig, pytest.raises(NotVerified) as caught:
            rig.channel.notification(*world.paid_notice(NO))
        assert caught.value.reason == "other_merchant"

    @pytest.mark.parametrize("sign", [-1, 1])
    def test_a_notification_of_another_time_is_refused(self, rig: Rig, world: Any, sign: int) -> None:
        notice = world.paid_notice(NO)
        rig.clock.set(NOON + sign * timedelta(hours=25, seconds=1))
        with pytest.raises(NotVerified) as caught:
            rig.channel.notification(*notice)
        assert caught.value.reason == "too_old"

    def test_a_large_or_empty_notification_is_refused_unread(self, rig: Rig, world: Any) -> None:
        headers, _ = world.paid_notice(NO)
        for body in (b"", b"x" * (64 * 1024 + 1), b"[" * 60000, b"\xff\xfe"):
            with pytest.raises(NotVerified):
                rig.channel.notification(headers, body)

    def test_the_acknowledgement_is_a_success_only_when_it_is_one(self, rig: Rig) -> None:
        status, _, body = rig.channel.acknowledge(True)
        assert status in (200, 204) and body in (b"", b"success")
        status, _, body = rig.channel.acknowledge(False)
        assert 400 <= status < 600 and b"success" not in body

    # ================================================================ bills
    def bill_rig(self, world: FakePay, **changes: Any) -> Rig:
        both_bills(world)
        return world.rig(now=NEXT_DAY, **changes)

    @pytest.mark.parametrize("kind", ["trade", "funds"])
    def test_a_bill_is_fetched_and_read_whole(self, world: FakePay, kind: str) -> None:
        with self.bill_rig(world) as rig:
            data = rig.channel.bill(DAY, kind)
            assert data is not None and len(rig.server.seen) == 2
            bill = rig.channel.read_bill(data, day=DAY, kind=kind)
        assert (bill.channel, bill.merchant_id, bill.day, bill.kind) == (self.cls.name, world.merchant_id, DAY, kind)
        assert bill.rows and bill.problems == []
        assert [row.row_no for row in bill.rows] == list(range(1, len(bill.rows) + 1))

    @pytest.mark.parametrize("kind", ["trade", "funds"])
    def test_the_sample_reads_the_same_unpacked(self, rig: Rig, kind: str) -> None:
        bill = rig.channel.read_bill(sample(self.cls.name, f"{kind}.csv"), day=DAY, kind=kind)
        assert bill.rows and bill.problems == []

    def test_a_day_with_nothing_has_no_bill(self, world: FakePay) -> None:
        with self.bill_rig(world) as rig:
            assert rig.channel.bill(DAY - timedelta(days=9), "trade") is None

    def test_a_bill_that_is_not_made_yet_says_when_to_ask_again(self, world: FakePay) -> None:
        with self.bill_rig(world) as rig:
            rig.clock.set(NEXT_DAY - timedelta(hours=2))
            rig.server.next(world.not_made())  # type: ignore[attr-defined]
            with pytest.raises(NotYet) as caught:
                rig.channel.bill(DAY, "trade")
            assert caught.value.retry_after_s >= 60
            with pytest.raises(NotYet):
                rig.channel.bill(rig.clock.now().date(), "trade")
            assert len(rig.server.seen) == 1, "a day that is not over is not asked for"

    def test_a_bill_that_came_damaged_is_fetched_anew(self, world: FakePay) -> None:
        with self.bill_rig(world) as rig:
            rig.server.next(world, lambda seen: httpx.Response(200, content=_cut(world(seen))))
            data = rig.channel.bill(DAY, "trade")
            assert data is not None and rig.channel.read_bill(data, day=DAY, kind="trade").problems == []
            assert (len(rig.server.seen), rig.clock.sleeps) == (4, [10.0])

    def test_a_bill_larger_than_the_settings_allow_is_not_read(self, world: FakePay) -> None:
        with self.bill_rig(world, options={"unpacked_mb": 1}) as rig:
            world.bills["trade"] = b"`" * (1 << 20) + b"`"
            with pytest.raises(BadAnswer, match="more than"):
                rig.channel.bill(DAY, "trade")
            with pytest.raises(Unreadable) as caught:
                rig.channel.read_bill(world.bills["trade"], day=DAY, kind="trade")
            assert caught.value.reason == "too_big"

    def test_a_download_larger_than_the_settings_allow_is_stopped(self, world: FakePay) -> None:
        with self.bill_rig(world, options={"download_mb": 1}) as rig:
            rig.server.next(world, httpx.Response(200, content=b"x" * (1 << 20) + b"x"))
            with pytest.raises(BadAnswer, match="more than"):
                rig.channel.bill(DAY, "trade")

    def test_what_is_no_bill_is_said_to_be_none(self, rig: Rig) -> None:
        for data in (b"", b"x", b"\xff\xff\xff", b"PK\x03\x04", b"\x1f\x8b\x08", b"a,b\n1,2\n"):
            with pytest.raises(Unreadable):
                rig.channel.read_bill(data, day=DAY, kind="trade")

    def test_a_bill_of_another_kind_or_merchant_is_refused(self, world: FakePay) -> None:
        with world.rig() as rig, pytest.raises(Unreadable):
            rig.channel.read_bill(sample(self.cls.name, "funds.csv"), day=DAY, kind="trade")
        with world.rig(merchant_id="2999") as rig, pytest.raises(Unreadable) as caught:
            rig.channel.read_bill(sample(self.cls.name, "trade.csv"), day=DAY, kind="trade")
        assert caught.value.reason == "other_merchant"

    @pytest.mark.parametrize("kind", ["trade", "funds"])
    def test_a_bill_of_another_day_has_a_problem_in_every_row(self, rig: Rig, kind: str) -> None:
        day = DAY - timedelta(days=1)
        bill = rig.channel.read_bill(sample(self.cls.name, f"{kind}.csv"), day=day, kind=kind)
        assert len([p for p in bill.problems if f"of {DAY}" in p]) == len(bill.rows)

    @pytest.mark.parametrize("kind", ["trade", "funds"])
    def test_a_bill_without_one_of_its_lines_has_a_problem(self, rig: Rig, kind: str) -> None:
        lines = sample(self.cls.name, f"{kind}.csv").rstrip(b"\r\n").split(b"\n")
        whole = rig.channel.read_bill(b"\n".join(lines), day=DAY, kind=kind)
        for n in range(1, len(lines)):
            if lines[n].startswith(b"#--") or "导出时间".encode("gb18030") in lines[n]:
                continue
            data = b"\n".join(lines[:n] + lines[n + 1 :])
            try:
                bill = rig.channel.read_bill(data, day=DAY, kind=kind)
            except Unreadable:
                continue
            assert bill.problems, f"line {n} of {len(lines)} missing, and nobody noticed"
        assert whole.problems == []


def _cut(reply: Any) -> bytes:
    body: bytes = reply.content
    return body[:-20]
