"""Money that does not fit its order waits in a queue until a plan revives the order or gives the money back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs import late_money, paying, payments_told, reconcile_payments, sending_back
from jobs.env import Env
from jobs.errors import BadRequest
from jobs.results import Result
from stores.contracts import Change
from stores.records import Payment, Progress
from tests.killing import killed_at
from tests.paying import LOST, FakeChannel, open_office, own_order, payment_of, put_own


@pytest.fixture
def office(tmp_path: Path) -> Iterator[tuple[Env, FakeChannel]]:
    env, channel = open_office(tmp_path)
    yield env, channel
    env.close()


def cancelled_and_paid(env: Env, channel: FakeChannel, number: str = "1001") -> Payment:
    """An order that was closed while its buyer paid."""
    [order] = put_own(env, own_order(number))
    paying.create(env, [order], channel="wx")
    full = env.orders.load([order])[order]
    closed = tuple(
        type(s)(**{f: getattr(s, f) for f in s.__struct_fields__} | {"status": "closed"}) for s in full.ship_lines
    )
    env.orders.apply(
        [Change(order_no=order, expect=1, to=Progress.CANCELLED, reason="expired", ship_lines=closed)], run_id="t"
    )
    channel.bank.pay(payment_of(env, order).payment_no)
    paying.query(env, [payment_of(env, order).payment_no])
    return payment_of(env, order)


def carry_out(env: Env, folder: Path, act: str) -> Result:
    plan = folder / "late.json"
    late_money.late(env, act=act, plan_out=plan)
    return late_money.late(env, apply=plan, by="li")


def test_money_after_a_cancel_is_kept_told_and_listed(office: tuple[Env, FakeChannel]) -> None:
    env, channel = office
    payment = cancelled_and_paid(env, channel)
    assert (payment.status, payment.late, payment.plan) == ("paid", "after_cancel", "")
    assert env.orders.heads([payment.order_no])[payment.order_no].progress == Progress.CANCELLED
    [item] = late_money.late(env).items
    assert (item.ref, item.reason, item.facts["holds_minor"]) == (payment.payment_no, "after_cancel", 10_000)
    assert [a.kind for a in env.ledger.alerts()] == ["payment_late"]
    assert paying.create(env, [payment.order_no], channel="wx").items[0].reason == "is_cancelled"


def test_a_plan_gives_it_back_once(office: tuple[Env, FakeChannel], tmp_path: Path) -> None:
    env, channel = office
    payment = cancelled_and_paid(env, channel)
    carry_out(env, tmp_path, "refund")
    assert channel.bank.backed(payment.payment_no) == 10_000
    kept = env.orders.payments([payment.payment_no])[payment.payment_no]
    assert (kept.plan, kept.backed_minor) == ("refund", 10_000)
    again = late_money.late(env, apply=tmp_path / "late.json", by="li")
    assert [(i.did, i.reason) for i in again.items] == [("skipped", "decided")]
    assert late_money.late(env).items == [] and len(channel.bank.asked_backs) == 1


def test_a_plan_revives_the_order_which_takes_its_money(office: tuple[Env, FakeChannel], tmp_path: Path) -> None:
    env, channel = office
    payment = cancelled_and_paid(env, channel)
    assert [i.did for i in carry_out(env, tmp_path, "revive").items] == ["revived"]
    full = env.orders.load([payment.order_no])[payment.order_no]
    assert (full.order.progress, full.order.paid_minor) == (Progress.CREATED, 10_000)
    assert [s.status for s in full.ship_lines] == ["open"] and env.stock.demand() == {"SKU-1": 2}
    assert late_money.late(env).items == []


def test_money_that_came_twice_is_late_and_only_goes_back(office: tuple[Env, FakeChannel], tmp_path: Path) -> None:
    env, channel = office
    [order] = put_own(env, own_order("1001"))
    paying.create(env, [order], channel="wx")
    first = payment_of(env, order).payment_no
    env.clock.advance(901)
    reconcile_payments.reconcile(env)
    paying.create(env, [order], channel="wx")
    second = payment_of(env, order).payment_no
    for number in (second, first):
        channel.bank.pay(number)
        paying.query(env, [number])
    kept = env.orders.payments([first, second])
    assert (kept[second].late, kept[first].late) == ("", "twice")
    assert env.orders.heads([order])[order].paid_minor == 10_000
    assert (
        late_money.late(env, act="revive", plan_out=tmp_path / "r.json").items[0].facts["cannot_revive"] == "is_twice"
    )
    carry_out(env, tmp_path, "refund")
    assert (channel.bank.backed(first), channel.bank.backed(second)) == (10_000, 0)


def test_another_amount_by_the_channels_own_word_is_late(office: tuple[Env, FakeChannel], tmp_path: Path) -> None:
    env, channel = office
    [order] = put_own(env, own_order("1001"))
    paying.create(env, [order], channel="wx")
    channel.bank.pay(payment_of(env, order).payment_no, 9_000)
    paying.query(env, open_only=True)
    payment = payment_of(env, order)
    assert (payment.late, payment.paid_minor) == ("wrong_amount", 9_000)
    assert env.orders.heads([order])[order].progress == Progress.UNPAID
    assert paying.create(env, [order], channel="wx").items[0].reason == "money_is_late"
    carry_out(env, tmp_path, "refund")
    assert channel.bank.backed(payment.payment_no) == 9_000
    # once it is back the buyer may try again
    assert paying.create(env, [order], channel="wx").items[0].did == "started"
    channel.bank.pay(payment_of(env, order).payment_no)
    paying.query(env, open_only=True)
    assert env.orders.heads([order])[order].progress == Progress.CREATED


@pytest.mark.parametrize("gap", [late_money.PLANNED, sending_back.PROMISED, sending_back.ANSWERED])
def test_killed_in_a_gap_late_money_goes_back_once(office: tuple[Env, FakeChannel], tmp_path: Path, gap: str) -> None:
    env, channel = office
    payment = cancelled_and_paid(env, channel)
    with killed_at(gap):
        carry_out(env, tmp_path, "refund")
    env.clock.advance(61)
    reconcile_payments.reconcile(env)
    assert channel.bank.backed(payment.payment_no) == 10_000 and len(channel.bank.backs) == 1
    assert payment_of(env, payment.order_no).backed_minor == 10_000


@pytest.mark.parametrize("gap", [late_money.REVIVED, payments_told.SURE])
def test_killed_in_a_gap_a_revived_order_has_its_demand(
    office: tuple[Env, FakeChannel], tmp_path: Path, gap: str
) -> None:
    env, channel = office
    payment = cancelled_and_paid(env, channel)
    with killed_at(gap):
        carry_out(env, tmp_path, "revive")
    env.clock.advance(61)
    reconcile_payments.reconcile(env)
    assert env.stock.demand() == {"SKU-1": 2} and payment_of(env, payment.order_no).next_check_at is None


def test_money_whose_way_back_came_to_nothing_waits_for_another_plan(
    office: tuple[Env, FakeChannel], tmp_path: Path
) -> None:
    env, channel = office
    payment = cancelled_and_paid(env, channel)
    channel.refunds_become = "closed"
    carry_out(env, tmp_path, "refund")
    reconcile_payments.reconcile(env)
    [item] = late_money.late(env).items
    assert list(item.facts["tried"].values()) == ["CLOSED"]
    channel.refunds_become = "success"
    channel.lost["refund"] = [LOST]
    carry_out(env, tmp_path, "refund")
    env.clock.advance(61)
    reconcile_payments.reconcile(env)
    assert channel.bank.backed(payment.payment_no) == 10_000 and late_money.late(env).items == []


def test_what_changed_since_the_plan_is_left_alone(office: tuple[Env, FakeChannel], tmp_path: Path) -> None:
    env, channel = office
    payment = cancelled_and_paid(env, channel)
    refund, revive = tmp_path / "refund.json", tmp_path / "revive.json"
    late_money.late(env, plan_out=refund)
    late_money.late(env, act="revive", plan_out=revive)
    late_money.late(env, apply=revive, by="li")
    assert [i.did for i in late_money.late(env, apply=refund, by="wu").items] == ["skipped"]
    assert channel.bank.asked_backs == []
    assert env.orders.payments([payment.payment_no])[payment.payment_no].plan == "revive"
    for words in ({"act": "keep"}, {"apply": refund}, {"apply": refund, "plan_out": revive, "by": "li"}):
        with pytest.raises(BadRequest):
            late_money.late(env, **words)  # type: ignore[arg-type]
