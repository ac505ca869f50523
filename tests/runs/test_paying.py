"""Collecting our own orders: started once, paid once, whatever comes how often."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from adapters.errors import Refused
from jobs import asking, expire, notified, paying, payments_told, reconcile_payments
from jobs.env import Env
from jobs.errors import BadRequest, UnknownThing
from stores.contracts import Change
from stores.records import Progress
from tests.killing import killed_at
from tests.paying import DOWN, GOOD, FakeChannel, open_office, own_order, payment_of, put_own, told


@pytest.fixture
def office(tmp_path: Path) -> Iterator[tuple[Env, FakeChannel]]:
    env, channel = open_office(tmp_path)
    yield env, channel
    env.close()


def started(env: Env, *numbers: str) -> list[str]:
    """Orders whose buyers may pay, and their payments' numbers."""
    orders = put_own(env, *(own_order(n) for n in numbers))
    paying.create(env, orders, channel="wx", method="native")
    return [payment_of(env, no).payment_no for no in orders]


def heard(env: Env, channel: FakeChannel, body: bytes, headers: dict[str, str] | None = None) -> int:
    """A notification comes in at the socket; returns the status that is answered."""
    status: list[int] = []
    notified.listen(env, lambda x: status.append(x.handle("wx", GOOD if headers is None else headers, body).status))
    return status[0]


def head(env: Env, payment_no: str) -> tuple[Progress, int, int]:
    order = env.orders.payments([payment_no])[payment_no].order_no
    found = env.orders.heads([order])[order]
    return found.progress, found.paid_minor, found.receivable_minor


# ------------------------------------------------------------------ create


def test_a_payment_is_written_before_its_channel_is_asked_and_shown_with_what_the_buyer_needs(
    office: tuple[Env, FakeChannel],
) -> None:
    env, channel = office
    [order] = put_own(env, own_order("1001"))
    [item] = paying.create(env, [order], channel="wx", method="native").items
    payment = payment_of(env, order)
    assert (payment.status, payment.amount_minor, payment.channel, payment.attempt) == ("open", 10_000, "wx", 1)
    assert (item.did, item.facts["payment_no"], item.facts["code_url"]) == ("started", payment.payment_no, f"weixin://{payment.payment_no}")  # fmt: skip
    assert channel.bank.started[payment.payment_no].title == "订单 1001"
    assert len(payment.payment_no) == 20 and payment.payment_no[-3:] == order[-3:]


def test_asked_again_the_payment_that_is_open_is_given(office: tuple[Env, FakeChannel]) -> None:
    env, channel = office
    [number] = started(env, "1001")
    [item] = paying.create(env, ["1001"], channel="wx", method="jsapi").items
    assert (item.facts["payment_no"], item.facts["method"]) == (number, "native")
    assert len(env.orders.find_payments()) == 1 and list(channel.bank.started) == [number]


@pytest.mark.parametrize("gap", [paying.INTENDED, paying.STARTED])
def test_cut_off_and_typed_again_one_payment_is_started(office: tuple[Env, FakeChannel], gap: str) -> None:
    env, channel = office
    put_own(env, own_order("1001"))
    with killed_at(gap):
        paying.create(env, ["1001"], channel="wx")
    [item] = paying.create(env, ["1001"], channel="wx").items
    [payment] = env.orders.find_payments()
    assert item.facts["payment_no"] == payment.payment_no and list(channel.bank.started) == [payment.payment_no]


def test_a_further_attempt_begins_only_when_the_one_before_is_closed(office: tuple[Env, FakeChannel]) -> None:
    env, channel = office
    [first] = started(env, "1001")
    env.clock.advance(1000)
    reconcile_payments.reconcile(env)
    assert env.orders.payments([first])[first].status == "closed" and channel.bank.closed == {first}
    [item] = paying.create(env, ["1001"], channel="wx").items
    assert item.facts["payment_no"] != first
    assert sorted((p.attempt, p.status) for p in env.orders.find_payments()) == [(1, "closed"), (2, "open")]


def test_what_cannot_be_collected_says_why(office: tuple[Env, FakeChannel]) -> None:
    env, _ = office
    put_own(
        env, own_order("1", progress=Progress.CREATED), own_order("2", 0, goods_minor=0),
        own_order("3", currency="USD"), own_order("4", platform="taobao"),
    )  # fmt: skip
    result = paying.create(env, ["1", "2", "3", "4"], channel="wx")
    assert [i.reason for i in result.items] == ["is_created", "nothing_to_pay", "other_currency", "not_ours"]
    assert result.exit_code == 3 and env.orders.find_payments() == []
    with pytest.raises(BadRequest):
        paying.create(env, ["1"], channel="wx", method="cheque")
    with pytest.raises(UnknownThing):
        paying.create(env, ["1"], channel="nobody")


def test_a_channel_that_is_down_leaves_the_payment_open_to_be_started_again(office: tuple[Env, FakeChannel]) -> None:
    env, channel = office
    put_own(env, own_order("1001"))
    channel.errors["start"] = [DOWN]
    assert paying.create(env, ["1001"], channel="wx").items[0].reason == "Retryable"
    assert paying.create(env, ["1001"], channel="wx").items[0].did == "started"


def test_a_channel_that_refuses_for_good_lets_the_next_attempt_begin(office: tuple[Env, FakeChannel]) -> None:
    env, channel = office
    put_own(env, own_order("1001"))
    channel.errors["start"] = [Refused("no", code="PARAM_ERROR")]
    assert paying.create(env, ["1001"], channel="wx").items[0].reason == "channel_refused"
    [item] = paying.create(env, ["1001"], channel="wx").items
    assert item.did == "started" and sorted(p.attempt for p in env.orders.find_payments()) == [1, 2]


def test_a_payment_that_was_paid_meanwhile_is_found_paid_when_it_is_started_again(
    office: tuple[Env, FakeChannel],
) -> None:
    env, channel = office
    [number] = started(env, "1001")
    channel.bank.pay(number)
    paying.create(env, ["1001"], channel="wx")
    assert head(env, number)[0] == Progress.CREATED


# ------------------------------------------------------------------ notifications


def test_a_notification_pays_the_order_and_claims_its_demand_in_one_step(office: tuple[Env, FakeChannel]) -> None:
    env, channel = office
    [number] = started(env, "1001")
    assert heard(env, channel, told(channel.bank.pay(number, coupon=500))) == 200
    payment = env.orders.payments([number])[number]
    assert (payment.status, payment.paid_minor, payment.payer_minor, payment.next_check_at) == (
        "paid",
        10_000,
        9_500,
        None,
    )
    # the coupon is ours to bear: what reaches us is less than what counts as paid
    assert head(env, number) == (Progress.CREATED, 10_000, 9_500)
    assert env.stock.demand() == {"SKU-1": 2}
    assert [s.reason for s in env.orders.history(number)] == ["payment.asked", "payment.paid"]


def test_told_twice_late_or_out_of_order_changes_nothing(office: tuple[Env, FakeChannel]) -> None:
    env, channel = office
    [number] = started(env, "1001")
    document = channel.bank.pay(number)
    heard(env, channel, told(document))
    before = list(env.orders.dump())
    older = msgspec.structs.replace(document, status="unpaid", status_raw="NOTPAY")
    closed = msgspec.structs.replace(document, status="closed", status_raw="CLOSED")
    for body in (told(document), told(document, ident="EV-2"), told(older, ident="EV-0"), told(closed, ident="EV-3")):
        assert heard(env, channel, body) == 200
    assert list(env.orders.dump()) == before
    assert env.inbox.counts() == {("wx", "payments", "pushed"): 4}


def test_a_forged_notification_is_refused_and_nothing_is_kept_of_it(office: tuple[Env, FakeChannel]) -> None:
    env, channel = office
    [number] = started(env, "1001")
    body = told(channel.bank.pay(number))
    for _ in range(3):
        assert heard(env, channel, body, {"signature": "forged"}) == 401
    assert env.inbox.counts() == {} and head(env, number)[0] == Progress.UNPAID
    [alert] = env.ledger.alerts()
    assert alert.key == "payment_notification:wx:not_verified_signature"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount_minor": 1}, "wrong_amount"),
        ({"merchant_id": "1900000110"}, "other_merchant"),
        ({"app_id": "wx-other"}, "other_app"),
        ({"currency": "USD"}, "other_currency"),
        ({"payment_no": "Y000"}, "unknown_payment"),
    ],
)
def test_what_does_not_fit_is_recorded_with_its_reason_and_told_and_never_applied(
    office: tuple[Env, FakeChannel], change: dict[str, object], reason: str
) -> None:
    env, channel = office
    [number] = started(env, "1001")
    document = channel.bank.pay(number)
    assert heard(env, channel, told(msgspec.structs.replace(document, **change))) == 200
    assert head(env, number)[0] == Progress.UNPAID
    [entry] = env.inbox.parked()
    assert (entry.reason, entry.kind, entry.shop) == (reason, "payments", "wx")
    assert [a.kind for a in env.ledger.alerts()] == ["payment_refused"]
    # the channel's own answer is what counts, and it is asked for at once
    reconcile_payments.reconcile(env)
    if reason != "unknown_payment":
        assert head(env, number)[0] == Progress.CREATED


def test_what_is_signed_and_cannot_be_read_is_parked_for_a_person(office: tuple[Env, FakeChannel]) -> None:
    env, channel = office
    assert heard(env, channel, b"{not json") == 200
    [entry] = env.inbox.parked()
    assert entry.reason == "unreadable_not_json" and env.inbox.raw(entry.key) == b"{not json"


def test_an_unknown_channel_is_not_there_and_a_broken_one_is_to_come_again(tmp_path: Path) -> None:
    env, _ = open_office(tmp_path)
    del env.__dict__["channels"]
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "broken.toml").write_text("channel = ")
    for alias, status in (("nobody", 404), ("../oms", 404), ("broken", 503)):
        assert notified.take(env, alias, {}, b"").status == status
    env.close()


@pytest.mark.parametrize("gap", [notified.RECORDED, payments_told.PAID, payments_told.SURE, notified.APPLIED])
def test_killed_in_a_gap_the_order_is_paid_once_and_its_demand_claimed(
    office: tuple[Env, FakeChannel], gap: str
) -> None:
    env, channel = office
    [number] = started(env, "1001")
    body = told(channel.bank.pay(number))
    with killed_at(gap):
        heard(env, channel, body)
    env.clock.advance(61)
    reconcile_payments.reconcile(env)
    assert head(env, number) == (Progress.CREATED, 10_000, 10_000)
    assert env.stock.demand() == {"SKU-1": 2}
    assert [s.reason for s in env.orders.history(number)] == ["payment.asked", "payment.paid"]
    assert env.inbox.counts() == {("wx", "payments", "pushed"): 1}
    assert env.orders.payments([number])[number].next_check_at is None


# ------------------------------------------------------------------ asking


def test_a_lost_notification_is_made_good_by_asking(office: tuple[Env, FakeChannel]) -> None:
    env, channel = office
    [number] = started(env, "1001")
    channel.bank.pay(number)
    assert reconcile_payments.reconcile(env).counts.get("asked", 0) == 0, "minutes old first"
    env.clock.advance(301)
    assert reconcile_payments.reconcile(env).counts["paid"] == 1
    assert head(env, number)[0] == Progress.CREATED


def test_what_is_open_is_asked_about_when_it_is_due_and_no_more_often(tmp_path: Path) -> None:
    env, channel = open_office(tmp_path, payments={"expires": "2h"})
    started(env, "1001")
    for _ in range(120):
        env.clock.advance(60)
        reconcile_payments.reconcile(env)
    # every five minutes for an hour, then hourly, and at its end
    assert 12 <= len(channel.bank.queries) <= 15
    env.close()


def test_what_expired_is_asked_about_first_and_what_was_paid_is_paid(office: tuple[Env, FakeChannel]) -> None:
    env, channel = office
    paid, unpaid = started(env, "1001", "1002")
    channel.bank.pay(paid)
    env.clock.advance(901)
    reconcile_payments.reconcile(env)
    assert head(env, paid)[0] == Progress.CREATED and channel.bank.closed == {unpaid}
    assert env.orders.payments([unpaid])[unpaid].status == "closed"


def test_a_buyer_who_pays_while_it_is_being_closed_has_paid(office: tuple[Env, FakeChannel]) -> None:
    env, channel = office
    [number] = started(env, "1001")
    query = channel.query

    def paid_right_after(no: str) -> object:
        found = query(no)
        channel.bank.pay(no)
        return found

    channel.query = paid_right_after  # type: ignore[method-assign,assignment]
    env.clock.advance(901)
    reconcile_payments.reconcile(env)
    assert head(env, number)[0] == Progress.CREATED


@pytest.mark.parametrize("gap", [asking.ASKED, asking.CLOSED])
def test_a_question_cut_off_is_asked_again_after_its_lease(office: tuple[Env, FakeChannel], gap: str) -> None:
    env, _ = office
    [number] = started(env, "1001")
    env.clock.advance(901)
    with killed_at(gap):
        reconcile_payments.reconcile(env)
    assert reconcile_payments.reconcile(env).counts.get("asked", 0) == 0
    env.clock.advance(61)
    reconcile_payments.reconcile(env)
    assert env.orders.payments([number])[number].status == "closed"


def test_a_channel_in_trouble_stops_no_other(tmp_path: Path) -> None:
    env, channel = open_office(tmp_path)
    other = FakeChannel(channel.bank, "ali")
    env.channels.all["ali"] = other  # type: ignore[attr-defined]
    orders = put_own(env, own_order("1"), own_order("2"))
    paying.create(env, orders[:1], channel="wx")
    paying.create(env, orders[1:], channel="ali")
    for no in orders:
        channel.bank.pay(payment_of(env, no).payment_no)
    channel.errors["query"] = [DOWN]
    env.clock.advance(301)
    result = reconcile_payments.reconcile(env)
    assert [(i.ref, i.did) for i in result.items] == [("wx", "failed")]
    assert {p.channel: p.status for p in env.orders.find_payments()} == {"wx": "open", "ali": "paid"}
    env.clock.advance(61)
    reconcile_payments.reconcile(env)
    assert {p.status for p in env.orders.find_payments()} == {"paid"}
    env.close()


def test_an_order_does_not_expire_under_a_payment_that_its_channel_was_not_asked_about(
    office: tuple[Env, FakeChannel],
) -> None:
    env, channel = office
    [number] = started(env, "1001")
    channel.bank.pay(number)
    env.clock.advance(901)
    result = expire.expire(env)
    assert (result.counts.get("waiting"), head(env, number)[0]) == (1, Progress.UNPAID)
    reconcile_payments.reconcile(env)
    assert head(env, number)[0] == Progress.CREATED


def test_a_payment_of_an_order_that_was_cancelled_is_closed(office: tuple[Env, FakeChannel]) -> None:
    env, channel = office
    [number] = started(env, "1001")
    order = payment_of(env, env.orders.payments([number])[number].order_no).order_no
    env.orders.apply([Change(order_no=order, expect=1, to=Progress.CANCELLED, reason="cancel")], run_id="test")
    env.clock.advance(301)
    reconcile_payments.reconcile(env)
    assert channel.bank.closed == {number}


def test_query_asks_now_and_says_how_things_stand(office: tuple[Env, FakeChannel]) -> None:
    env, channel = office
    paid, open_ = started(env, "1001", "1002")
    channel.bank.pay(paid)
    found = {i.ref: i.did for i in paying.query(env, open_only=True).items}
    assert found == {paid: "paid", open_: "open"}
    assert {p.payment_no for p in paying.listing(env, statuses=["open"])} == {open_}
    with pytest.raises(BadRequest):
        paying.query(env)
    with pytest.raises(UnknownThing):
        paying.query(env, ["Y0"])
