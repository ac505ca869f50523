"""refund: simple cases decide themselves, the platform is told once, goods come back to stock once."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs import agreements, effects, receiving, refunds
from jobs.env import Env
from jobs.errors import BadRequest, UnknownThing
from jobs.rules.numbers import refund_no
from stores.records import ParcelState, Progress, Refund, RefundState, RefundStatus
from tests.documents import SELLER, T0, refund_document
from tests.factories import open_env
from tests.fulfilment import (
    FakePlatform,
    books,
    document,
    handed_over,
    install,
    killed_at,
    number_of,
    planned,
    pull,
    shipped,
)


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(tmp_path)
    yield made
    made.close()


@pytest.fixture
def platform(env: Env) -> FakePlatform:
    return install(env, FakePlatform())


def asked(order: str = "1", number: str = "180", **changes: Any) -> Any:
    base: dict[str, Any] = {
        "platform_refund_no": number, "platform_order_no": order, "platform_line_no": f"{order}-1", "amount_minor": 10_000,
    }  # fmt: skip
    return refund_document(**{**base, **changes})


def no_of(order: str = "1", number: str = "180") -> str:
    return refund_no("taobao", SELLER, number, number_of(order))


def kept(env: Env, number: str | None = None) -> Refund:
    return env.orders.refunds([number or no_of()])[number or no_of()][0]


# ------------------------------------------------------------------ by rule


def test_a_refund_before_anything_left_is_approved_and_told(env: Env, platform: FakePlatform) -> None:
    pull(env, platform, document("1"), asked())
    result = refunds.decide(env)
    assert result.counts == {"approved": 1, "told": 1}
    assert (kept(env).decision, kept(env).decided_by, kept(env).status) == ("approved", "rule", RefundStatus.ASKED)
    assert [(a.platform_refund_no, a.platform_order_no, a.act) for a in platform.answers] == [("180", "1", "agree")]
    assert [s.reason for s in env.orders.history(no_of())] == ["pushed", "auto.unshipped"]
    assert refunds.decide(env).counts == {}


def test_an_unpaid_orders_refund_is_approved(env: Env, platform: FakePlatform) -> None:
    pull(env, platform, document("1", status="unpaid", paid_at=None, paid_minor=0), asked(amount_minor=0))
    refunds.decide(env)
    assert [s.reason for s in env.orders.history(no_of())][-1] == "auto.unpaid"


def test_a_parcel_that_is_still_here_is_stopped_first(env: Env, platform: FakePlatform) -> None:
    [parcel] = planned(env, platform, document("1"))
    pull(env, platform, asked())
    assert refunds.decide(env).counts == {"approved": 1, "told": 1}
    assert env.orders.parcels([parcel.parcel_no])[parcel.parcel_no].state == ParcelState.VOID
    assert [s.reason for s in env.orders.history(no_of())][-1] == "auto.unshipped_and_stopped"


def test_a_parcel_at_the_warehouse_is_asked_back_and_a_person_waits(env: Env, platform: FakePlatform) -> None:
    [parcel] = handed_over(env, platform, document("1"))
    pull(env, platform, asked())
    result = refunds.decide(env)
    assert result.counts == {"for_a_person": 1} and result.facts["waiting"] == {"stop_asked": [no_of()]}
    assert env.orders.parcels([parcel.parcel_no])[parcel.parcel_no].state == ParcelState.STOP_ASKED
    assert kept(env).decision == "" and platform.answers == []


def test_what_left_waits_for_a_person(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    pull(env, platform, asked(kind="return"))
    assert refunds.decide(env).facts["waiting"] == {"kind_return": [no_of()]}
    assert kept(env).decision == ""


def test_two_refunds_of_one_order_never_pass_what_was_paid(env: Env, platform: FakePlatform) -> None:
    pull(env, platform, document("1"), asked(amount_minor=6_000), asked(number="181", amount_minor=6_000))
    result = refunds.decide(env)
    assert result.counts["approved"] == 1 and result.facts["waiting"] == {"exceeds_paid": [no_of(number="181")]}
    assert refunds.approve(env, [no_of(number="181")], by="li").items[0].reason == "exceeds_paid"


def test_a_dry_run_names_what_it_would_approve_and_writes_nothing(env: Env, platform: FakePlatform) -> None:
    planned(env, platform, document("1"))
    pull(env, platform, asked())
    before = books(env)
    assert [(i.ref, i.reason) for i in refunds.decide(env, dry_run=True).items] == [(no_of(), "unshipped_and_stopped")]
    assert books(env) == before


def test_a_platform_that_takes_no_answer_is_named(env: Env) -> None:
    platform = install(env, FakePlatform(refunds=()))
    pull(env, platform, document("1"), asked())
    result = refunds.decide(env)
    assert result.counts == {"approved": 1, "unsupported": 1}
    assert env.ledger.effects(kind="agreement") == []


# ------------------------------------------------------------------ telling


def test_a_lost_answer_is_read_back_from_the_refund(env: Env, platform: FakePlatform) -> None:
    pull(env, platform, document("1"), asked())
    platform.script = ["lost"]
    platform.refunds["180"] = asked(status="done")
    refunds.decide(env)
    [effect] = env.ledger.effects(kind="agreement")
    assert (effect.state, effect.answer) == ("confirmed", "already is_done")
    assert len(platform.answers) == 1


def test_a_call_that_never_arrived_is_told_again(env: Env, platform: FakePlatform) -> None:
    pull(env, platform, document("1"), asked())
    platform.script = ["dropped"]
    refunds.decide(env)
    assert [e.state for e in env.ledger.effects(kind="agreement")] == ["confirmed"]
    assert len(platform.answers) == 1


def test_a_refund_that_was_withdrawn_meanwhile_is_not_answered(env: Env, platform: FakePlatform) -> None:
    pull(env, platform, document("1"), asked())
    platform.script = ["retry"]
    refunds.decide(env)
    pull(env, platform, asked(status="closed", modified_at=T0 + timedelta(minutes=1)))
    env.clock.advance(3600)
    refunds.decide(env)
    assert [e.state for e in env.ledger.effects(kind="agreement")] == ["void"]
    assert platform.answers == []


@pytest.mark.parametrize("name", [refunds.DECIDED, effects.SENDING, effects.ANSWERED])
def test_a_decision_killed_in_a_gap_is_told_once(
    env: Env, platform: FakePlatform, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull(env, platform, document("1"), asked())
    with killed_at(name, monkeypatch):
        refunds.decide(env)
    if platform.answers:
        platform.refunds["180"] = asked(status="approved")
    env.clock.advance(env.settings.shipping.lease + 1)
    refunds.decide(env)
    assert kept(env).decision == "approved" and len(platform.answers) == 1
    assert [e.state for e in env.ledger.effects(kind="agreement")] == ["confirmed"]


# ------------------------------------------------------------------ by hand


def test_a_person_refuses_with_a_reason_that_the_platform_hears(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    pull(env, platform, asked(kind="return"))
    with pytest.raises(BadRequest):
        refunds.reject(env, [no_of()], by="li", reason=" ")
    assert refunds.reject(env, [no_of()], by="li", reason="signed for two weeks ago").counts == {
        "rejected": 1,
        "told": 1,
    }
    assert [(a.act, a.reason) for a in platform.answers] == [("refuse", "signed for two weeks ago")]
    assert [e.act for e in env.ledger.audit_trail(ref=no_of())] == ["refund_refused"]
    again = refunds.approve(env, [no_of()], by="li")
    assert [(i.did, i.reason) for i in again.items] == [("refused", "is_refused")]


def test_a_refund_of_our_own_moves_on_by_our_word(env: Env, platform: FakePlatform) -> None:
    pull(env, platform, document("1"), asked(authority="us"))
    head = env.orders.heads([number_of("1")])[number_of("1")]
    assert head.refund_state == RefundState.ASKED
    refunds.reject(env, [no_of()], by="li", reason="no")
    assert kept(env).status == RefundStatus.REFUSED and platform.answers == []
    assert env.orders.heads([number_of("1")])[number_of("1")].refund_state == RefundState.NONE


def test_listing_filters_by_status_and_decision(env: Env, platform: FakePlatform) -> None:
    pull(env, platform, document("1"), asked())
    assert [r.refund_no for r in refunds.listing(env, statuses=["asked"], undecided=True)] == [no_of()]
    refunds.approve(env, [no_of()], by="li")
    assert refunds.listing(env, undecided=True) == []
    with pytest.raises(BadRequest):
        refunds.listing(env, statuses=["gone"])
    with pytest.raises(UnknownThing):
        refunds.approve(env, ["R-no-such"], by="li")


# ------------------------------------------------------------------ goods back


def returning(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1", ("SKU-1", 3)))
    pull(env, platform, asked(kind="return", status="approved", qty=3, amount_minor=15_000))


def level(env: Env) -> tuple[int, int]:
    found = env.stock.levels(skus=["SKU-1"])[0]
    return found.on_hand, found.defective


def test_good_pieces_return_to_stock_and_defective_ones_stay_aside(env: Env, platform: FakePlatform) -> None:
    returning(env, platform)
    assert level(env) == (97, 0)
    assert refunds.receive(env, no_of(), good={"SKU-1": 2}, defective={"SKU-1": 1}, by="li").counts == {
        "received": 1,
        "told": 1,
    }
    assert level(env) == (99, 1)
    _, [line] = env.orders.refunds([no_of()])[no_of()]
    assert (line.good_qty, line.defective_qty, kept(env).status) == (2, 1, RefundStatus.GOODS_BACK)
    assert [s.returned_qty for s in env.orders.load([number_of("1")])[number_of("1")].ship_lines] == [3]
    assert [a.act for a in platform.answers] == ["goods_received"]


def test_pieces_may_come_back_in_several_deliveries_and_never_too_many(env: Env, platform: FakePlatform) -> None:
    returning(env, platform)
    refunds.receive(env, no_of(), good={"SKU-1": 1}, defective={}, by="li")
    refunds.receive(env, no_of(), good={"SKU-1": 1}, defective={}, by="li")
    assert level(env) == (99, 0)
    with pytest.raises(BadRequest, match="SKU-1: 1 more"):
        refunds.receive(env, no_of(), good={"SKU-1": 2}, defective={}, by="li")
    assert level(env) == (99, 0)


@pytest.mark.parametrize(("good", "defective"), [({}, {}), ({"SKU-1": 0}, {}), ({"SKU-9": 1}, {}), ({}, {"SKU-1": -1})])
def test_a_receipt_that_makes_no_sense_is_refused(env: Env, platform: FakePlatform, good: Any, defective: Any) -> None:
    returning(env, platform)
    with pytest.raises(BadRequest):
        refunds.receive(env, no_of(), good=good, defective=defective, by="li")


def test_returns_go_where_the_settings_say(tmp_path: Path) -> None:
    env = open_env(tmp_path, refunds={"returns_to": "SOUTH"})
    returning(env, install(env, FakePlatform()))
    refunds.receive(env, no_of(), good={"SKU-1": 1}, defective={}, by="li")
    assert {(x.warehouse, x.on_hand) for x in env.stock.levels(skus=["SKU-1"])} == {("EAST", 97), ("SOUTH", 1)}
    env.close()


@pytest.mark.parametrize("name", [receiving.NOTED, receiving.STORED, receiving.SHOWN])
@pytest.mark.parametrize("how", ["again", "sweep"])
def test_a_receipt_killed_in_a_gap_is_finished_once(
    env: Env, platform: FakePlatform, name: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    returning(env, platform)
    with killed_at(name, monkeypatch):
        refunds.receive(env, no_of(), good={"SKU-1": 3}, defective={}, by="li")
    if how == "again" and name != receiving.SHOWN:
        result = refunds.receive(env, no_of(), good={"SKU-1": 3}, defective={}, by="li")
        assert result.counts["finished"] == 1
    refunds.decide(env)
    assert level(env) == (100, 0)
    assert [s.returned_qty for s in env.orders.load([number_of("1")])[number_of("1")].ship_lines] == [3]
    assert [a.act for a in platform.answers] == ["goods_received"]


def test_an_order_keeps_its_progress_while_its_refund_is_decided(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    pull(env, platform, asked(kind="refund_only"))
    refunds.approve(env, [no_of()], by="li")
    assert env.orders.heads([number_of("1")])[number_of("1")].progress == Progress.SHIPPED
    assert [e.payload["act"] for e in env.ledger.effects(kind=agreements.KIND)] == ["agree"]
