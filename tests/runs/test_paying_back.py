"""Money back for approved refunds: by plan, through the channel it came by, never more than came, done on the channel's word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from adapters.errors import KeysRefused, Refused
from jobs import notified, paying, paying_back, reconcile_payments, sending_back
from jobs.env import Env
from jobs.errors import BadRequest, PlanOutdated, UnknownThing
from jobs.results import Result
from stores.records import Progress, RefundKind, RefundState, RefundStatus
from tests.killing import at_gap, killed_at
from tests.paying import (
    DOWN,
    GOOD,
    LOST,
    FakeChannel,
    open_office,
    own_order,
    payment_of,
    put_own,
    refund_of,
    told,
)

#: longer than a lease
PAST = 61.0


@pytest.fixture
def office(tmp_path: Path) -> Iterator[tuple[Env, FakeChannel]]:
    env, channel = open_office(tmp_path)
    yield env, channel
    env.close()


def paid(env: Env, channel: FakeChannel, number: str = "1001", amount: int = 10_000, coupon: int = 0) -> str:
    """An order whose buyer has paid."""
    [order] = put_own(env, own_order(number, amount))
    paying.create(env, [order], channel="wx")
    payment = payment_of(env, order).payment_no
    channel.bank.pay(payment, coupon=coupon)
    paying.query(env, [payment])
    assert env.orders.heads([order])[order].progress == Progress.CREATED
    return order


def pay_back(env: Env, tmp_path: Path, *numbers: str) -> Result:
    """Write the plan and carry it out."""
    plan = tmp_path / "back.json"
    paying_back.pay(env, numbers, plan_out=plan)
    return paying_back.pay(env, apply=plan, by="li")


def status(env: Env, refund: str) -> RefundStatus:
    return env.orders.refunds([refund])[refund][0].status


def test_without_a_plan_it_only_lists_what_is_due(office: tuple[Env, FakeChannel]) -> None:
    env, channel = office
    order = paid(env, channel)
    refund = refund_of(env, order, 3_000)
    other = refund_of(env, order, 1_000, "R2", kind=RefundKind.RETURN)
    result = paying_back.pay(env)
    through = {payment_of(env, order).payment_no: 3_000}
    assert {i.ref: (i.did, i.reason, i.facts.get("through")) for i in result.items} == {
        refund: ("due", "", through), other: ("waiting", "goods_not_back", None),
    }  # fmt: skip
    assert channel.bank.asked_backs == [] and env.orders.find_backs() == []


def test_a_plan_pays_through_the_channel_and_the_refund_is_done_on_its_word(
    office: tuple[Env, FakeChannel], tmp_path: Path
) -> None:
    env, channel = office
    order = paid(env, channel)
    refund = refund_of(env, order, 3_000)
    channel.refunds_become = "processing"
    pay_back(env, tmp_path)
    [back] = env.orders.find_backs()
    assert (back.status, back.refund_no, status(env, refund)) == ("processing", refund, RefundStatus.APPROVED)
    assert env.orders.heads([order])[order].refunded_minor == 0
    document = channel.becomes(back.back_no, "success")
    notified.listen(env, lambda x: x.handle("wx", GOOD, told(back=document)))
    head, payment = env.orders.heads([order])[order], payment_of(env, order)
    assert (status(env, refund), head.refunded_minor, head.receivable_minor) == (RefundStatus.DONE, 3_000, 7_000)
    assert head.refund_state == RefundState.PARTLY
    assert (payment.backed_minor, payment.promised_minor) == (3_000, 0)
    # what is done is not due any more, and told again it changes nothing
    before = list(env.orders.dump())
    notified.listen(env, lambda x: x.handle("wx", GOOD, told(back=document, ident="EV-9")))
    assert paying_back.pay(env).items == [] and list(env.orders.dump()) == before


def test_a_plan_is_carried_out_once_and_not_when_things_have_changed(
    office: tuple[Env, FakeChannel], tmp_path: Path
) -> None:
    env, channel = office
    order = paid(env, channel)
    refund = refund_of(env, order, 3_000)
    plan = tmp_path / "back.json"
    paying_back.pay(env, plan_out=plan)
    paying_back.pay(env, apply=plan, by="li")
    again = paying_back.pay(env, apply=plan, by="li")
    assert [(i.ref, i.did, i.reason) for i in again.items] == [(refund, "skipped", "is_done")]
    assert len(channel.bank.asked_backs) == 1
    held = json.loads(plan.read_text())
    held["items"][0]["back"][0][2] = 9_999
    plan.write_text(json.dumps(held))
    with pytest.raises(PlanOutdated):
        paying_back.pay(env, apply=plan, by="li")
    with pytest.raises(BadRequest):
        paying_back.pay(env, apply=plan)
    with pytest.raises(BadRequest):
        paying_back.pay(env, [refund], apply=plan, by="li")
    with pytest.raises(UnknownThing):
        paying_back.pay(env, ["R0"])


def test_where_the_platform_has_the_authority_nothing_of_ours_moves_money(
    office: tuple[Env, FakeChannel], tmp_path: Path
) -> None:
    env, channel = office
    refund = refund_of(env, paid(env, channel), 3_000, authority="platform")
    result = paying_back.pay(env, [refund], plan_out=tmp_path / "p.json")
    assert [i.reason for i in result.items] == ["settled_by_the_platform"]
    assert paying_back.pay(env).items == []
    assert paying_back.by_hand(env, [refund], ref="x", by="li").items[0].reason == "settled_by_the_platform"


def test_a_return_is_paid_once_its_goods_are_back(office: tuple[Env, FakeChannel], tmp_path: Path) -> None:
    env, channel = office
    order = paid(env, channel)
    refund = refund_of(env, order, 10_000, kind=RefundKind.RETURN, status=RefundStatus.GOODS_BACK)
    pay_back(env, tmp_path)
    assert status(env, refund) == RefundStatus.DONE
    assert env.orders.heads([order])[order].refund_state == RefundState.FULL


def test_a_coupon_that_we_bore_comes_back_with_its_share(office: tuple[Env, FakeChannel], tmp_path: Path) -> None:
    env, channel = office
    order = paid(env, channel, coupon=500)
    assert env.orders.heads([order])[order].receivable_minor == 9_500
    refund_of(env, order, 10_000)
    pay_back(env, tmp_path)
    head = env.orders.heads([order])[order]
    assert (head.refunded_minor, head.receivable_minor, head.subsidy_minor) == (10_000, 0, 0)


def test_two_refunds_of_one_order_never_count_on_the_same_money(
    office: tuple[Env, FakeChannel], tmp_path: Path
) -> None:
    env, channel = office
    order = paid(env, channel)
    refund_of(env, order, 6_000, "R1")
    refund_of(env, order, 6_000, "R2")
    result = paying_back.pay(env)
    assert sorted((i.did, i.reason) for i in result.items) == [("due", ""), ("waiting", "exceeds_paid")]
    pay_back(env, tmp_path)
    assert channel.bank.backed(payment_of(env, order).payment_no) == 6_000


# ------------------------------------------------------------------ what goes wrong


def test_a_lost_answer_is_read_back_and_never_asked_twice_under_another_number(
    office: tuple[Env, FakeChannel], tmp_path: Path
) -> None:
    env, channel = office
    refund = refund_of(env, paid(env, channel), 3_000)
    channel.lost["refund"] = [LOST]
    pay_back(env, tmp_path)
    [back] = env.orders.find_backs()
    assert (back.status, status(env, refund)) == ("asked", RefundStatus.APPROVED)
    # another plan has nothing to do with it while it is in hand
    assert pay_back(env, tmp_path, refund).counts.get("due", 0) == 0
    env.clock.advance(PAST)
    reconcile_payments.reconcile(env)
    assert status(env, refund) == RefundStatus.DONE and list(channel.bank.backs) == [back.back_no]
    assert len(channel.bank.asked_backs) == 1


def test_what_surely_was_not_taken_is_sent_again_under_the_same_number(
    office: tuple[Env, FakeChannel], tmp_path: Path
) -> None:
    env, channel = office
    refund = refund_of(env, paid(env, channel), 3_000)
    channel.errors["refund"] = [DOWN, KeysRefused("clock")]
    pay_back(env, tmp_path)
    for _ in range(2):
        env.clock.advance(PAST)
        reconcile_payments.reconcile(env)
    assert status(env, refund) == RefundStatus.DONE
    assert [a.back_no for a in channel.bank.asked_backs] == [b.back_no for b in env.orders.find_backs()]


@pytest.mark.parametrize("how", ["refused", "closed"])
def test_what_came_to_nothing_is_told_and_goes_under_a_new_number_by_a_new_plan(
    office: tuple[Env, FakeChannel], tmp_path: Path, how: str
) -> None:
    env, channel = office
    order = paid(env, channel)
    refund = refund_of(env, order, 3_000)
    if how == "refused":
        channel.errors["refund"] = [Refused("no money on the account", code="NOT_ENOUGH")]
    else:
        channel.refunds_become = "closed"
    pay_back(env, tmp_path)
    assert env.orders.find_backs()[0].status == how and payment_of(env, order).promised_minor == 0
    assert [a.kind for a in env.ledger.alerts()] == ["payment_back"]
    env.clock.advance(3600)
    reconcile_payments.reconcile(env)
    assert status(env, refund) == RefundStatus.APPROVED, "nothing goes again by itself"
    channel.refunds_become = "success"
    pay_back(env, tmp_path)
    assert status(env, refund) == RefundStatus.DONE
    assert sorted(b.status for b in env.orders.find_backs()) == sorted([how, "success"])


def test_an_abnormal_one_keeps_its_money_promised_until_the_channel_says_what_became_of_it(
    office: tuple[Env, FakeChannel], tmp_path: Path
) -> None:
    env, channel = office
    order = paid(env, channel)
    refund = refund_of(env, order, 3_000)
    channel.refunds_become = "abnormal"
    pay_back(env, tmp_path)
    [back] = env.orders.find_backs()
    assert (back.status, payment_of(env, order).promised_minor) == ("abnormal", 3_000)
    assert paying_back.pay(env).items == []
    assert paying_back.by_hand(env, [refund], ref="cash 7", by="li").items[0].reason == "in_hand"
    channel.becomes(back.back_no, "success")
    env.clock.advance(3600)
    reconcile_payments.reconcile(env)
    assert status(env, refund) == RefundStatus.DONE


@pytest.mark.parametrize("gap", [sending_back.PROMISED, sending_back.SENDING, sending_back.ANSWERED])
def test_killed_in_a_gap_the_money_goes_once(office: tuple[Env, FakeChannel], tmp_path: Path, gap: str) -> None:
    env, channel = office
    order = paid(env, channel)
    refund = refund_of(env, order, 3_000)
    with killed_at(gap):
        pay_back(env, tmp_path)
    # typed again at once: it is in hand
    pay_back(env, tmp_path)
    env.clock.advance(PAST)
    reconcile_payments.reconcile(env)
    assert status(env, refund) == RefundStatus.DONE
    assert channel.bank.backed(payment_of(env, order).payment_no) == 3_000 and len(channel.bank.backs) == 1


def test_a_second_run_between_sending_and_the_answer_pays_nothing_twice(
    office: tuple[Env, FakeChannel], tmp_path: Path
) -> None:
    env, channel = office
    order = paid(env, channel)
    refund = refund_of(env, order, 3_000)
    plan = tmp_path / "other.json"
    paying_back.pay(env, plan_out=plan)

    def other() -> None:
        env.clock.advance(PAST)
        paying_back.pay(env, apply=plan, by="wu")
        reconcile_payments.reconcile(env)

    with at_gap(sending_back.SENDING, other):
        pay_back(env, tmp_path)
    assert status(env, refund) == RefundStatus.DONE
    assert channel.bank.backed(payment_of(env, order).payment_no) == 3_000
    assert payment_of(env, order).backed_minor == 3_000


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount_minor": 1}, "wrong_amount"),
        ({"payment_no": "Y0"}, "other_payment"),
        ({"currency": "USD"}, "other_currency"),
    ],
)
def test_a_word_about_a_refund_that_does_not_fit_changes_nothing(
    office: tuple[Env, FakeChannel], tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    env, channel = office
    refund = refund_of(env, paid(env, channel), 3_000)
    channel.refunds_become = "processing"
    pay_back(env, tmp_path)
    [back] = env.orders.find_backs()
    document = msgspec.structs.replace(channel.becomes(back.back_no, "success"), **change)
    notified.listen(env, lambda x: x.handle("wx", GOOD, told(back=document)))
    assert status(env, refund) == RefundStatus.APPROVED
    assert [e.reason for e in env.inbox.parked()] == [reason]


def test_a_refund_made_at_the_channels_own_desk_is_told(office: tuple[Env, FakeChannel]) -> None:
    env, channel = office
    order = paid(env, channel)
    notified.listen(env, lambda x: x.handle("wx", GOOD, told(back_no="BOTHER")))
    assert [e.reason for e in env.inbox.parked()] == ["unknown_back"]
    assert payment_of(env, order).backed_minor == 0


def test_a_notification_that_only_names_a_refund_has_the_channel_asked(
    office: tuple[Env, FakeChannel], tmp_path: Path
) -> None:
    env, channel = office
    refund = refund_of(env, paid(env, channel), 3_000)
    channel.refunds_become = "processing"
    pay_back(env, tmp_path)
    [back] = env.orders.find_backs()
    channel.becomes(back.back_no, "success")
    notified.listen(env, lambda x: x.handle("wx", GOOD, told(back_no=back.back_no)))
    assert status(env, refund) == RefundStatus.APPROVED
    reconcile_payments.reconcile(env)
    assert status(env, refund) == RefundStatus.DONE


# ------------------------------------------------------------------ by hand


def by_cash(env: Env, number: str = "2001") -> str:
    """An order that was paid in cash."""
    cash = own_order(number, progress=Progress.CREATED, paid_minor=10_000, receivable_minor=10_000)
    return put_own(env, cash)[0]


def test_what_was_not_paid_through_a_channel_is_recorded_by_hand(office: tuple[Env, FakeChannel]) -> None:
    env, channel = office
    order = by_cash(env)
    refund = refund_of(env, order, 4_000)
    assert paying_back.pay(env).items[0].reason == "not_paid_through_a_channel"
    with pytest.raises(BadRequest):
        paying_back.by_hand(env, [refund], ref=" ", by="li")
    assert paying_back.by_hand(env, [refund], ref="cash 17", by="li").counts == {"paid_back": 1}
    head = env.orders.heads([order])[order]
    assert (status(env, refund), head.refunded_minor) == (RefundStatus.DONE, 4_000)
    step = env.orders.history(refund)[-1]
    assert (step.reason, step.facts) == ("paid_back.by_hand", {"by": "li", "ref": "cash 17"})
    assert channel.bank.asked_backs == []


def test_by_hand_never_passes_what_was_paid(office: tuple[Env, FakeChannel]) -> None:
    env, _ = office
    order = by_cash(env)
    one, two = refund_of(env, order, 6_000, "R1"), refund_of(env, order, 6_000, "R2")
    result = paying_back.by_hand(env, [one, two], ref="cash", by="li")
    assert [i.reason for i in result.items] == ["exceeds_paid", "exceeds_paid"], (
        "each counts on what the other was promised"
    )
    assert env.orders.heads([order])[order].refunded_minor == 0


def test_cut_off_by_hand_and_typed_again_the_order_shows_it(office: tuple[Env, FakeChannel]) -> None:
    env, _ = office
    order = by_cash(env)
    refund = refund_of(env, order, 4_000)
    with killed_at(paying_back.BY_HAND):
        paying_back.by_hand(env, [refund], ref="cash 17", by="li")
    assert paying_back.by_hand(env, [refund], ref="cash 17", by="li").counts == {"same": 1}
    assert env.orders.heads([order])[order].refunded_minor == 4_000
