"""refund request: asked once, never beyond what was paid, carried out before any money may go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs import cancel, carrying, receiving, refunding, refunds, requesting
from jobs.env import Env
from jobs.errors import BadRequest
from jobs.results import Result
from stores.contracts import Change, RefundChange
from stores.records import ParcelState, Progress, Refund, RefundLine, RefundStatus
from tests.fulfilment import books, killed_at
from tests.own import hand_over, handed_over, left, more, moved_on, number, office, planned, row, shipped, take

A1 = number()


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = office(tmp_path)
    yield made
    made.close()


def ask(
    env: Env, order: str = A1, kind: str = "before_shipping", reason: str = "no_longer_wanted", **how: Any
) -> Result:
    return requesting.request(env, order, kind=kind, reason=reason, by="li", **how)


def the(env: Env, order: str = A1) -> tuple[Refund, tuple[RefundLine, ...]]:
    """The newest refund of an order."""
    known = env.orders.refunds([r.refund_no for r in env.orders.find_refunds(order_nos=[order])])
    return max(known.values(), key=lambda pair: pair[0].asked_at)


def whole(env: Env, order: str = A1) -> Any:
    return env.orders.load([order])[order]


def done(env: Env) -> None:
    """The money of the newest refund went back, as `refund pay` would say."""
    refund, _ = the(env)
    change = RefundChange(
        refund_no=refund.refund_no, order_no=refund.order_no, expect=refund.version, reason="paid_back",
        set={"status": RefundStatus.DONE},
    )  # fmt: skip
    assert env.orders.apply_refunds([change], run_id="test")[0].ok
    with env.run("test") as run:
        refunding.move_orders(env, run, [refund.order_no])


# ------------------------------------------------------------------ asking


def test_a_whole_order_before_shipping_is_all_that_was_paid_freight_inside(env: Env) -> None:
    take(env, row(), more())
    seen = ask(env, dry_run=True)
    assert seen.items[0].facts["amount"] == "201.00 CNY" and env.orders.find_refunds() == []
    assert ask(env, text="买错了").counts == {"asked": 1}
    refund, lines = the(env)
    assert (refund.authority, refund.status, refund.amount_minor, refund.reason) == ("us", "asked", 20_100, "no_longer_wanted: 买错了")  # fmt: skip
    assert [(x.line_no, x.qty, x.amount_minor) for x in lines] == [(1, 2, 19_579), (2, 1, 521)]
    head = whole(env).order
    assert (head.refund_state, head.held) == ("asked", 1)
    assert [e.act for e in env.ledger.audit_trail(ref=refund.refund_no)] == ["refund_request"]


def test_the_same_request_twice_is_one_and_another_key_is_another(env: Env) -> None:
    shipped(env)
    for _ in range(2):
        result = ask(env, kind="price_protection", amount="5", reason="price")
    assert result.counts == {"same": 1} and result.items == [] and "--key" in result.hint
    assert ask(env, kind="price_protection", amount="5", reason="price", key="again").counts == {"asked": 1}
    assert len(env.orders.find_refunds(order_nos=[A1])) == 2
    with pytest.raises(BadRequest, match="belongs to a price_protection"):
        ask(env, kind="return", key="again")


def test_pieces_one_by_one_give_the_line_to_the_fen(env: Env) -> None:
    shipped(env, row(qty="3", unit_price="33.33", discount="0", freight="0"))
    got = []
    for key in "abc":
        env.clock.advance(1)
        ask(env, kind="return", lines={"SKU-1": 1}, key=key)
        got.append(the(env)[0].amount_minor)
    assert sum(got) == 9_999
    with pytest.raises(BadRequest, match="line 1: 0 pieces"):
        ask(env, kind="return", lines={"1": 1}, key="d")


def test_requests_never_pass_what_was_paid(env: Env) -> None:
    shipped(env)
    ask(env, kind="price_protection", amount="190.00", reason="price")
    with pytest.raises(BadRequest, match="at most 1100"):
        ask(env, kind="price_protection", amount="11.01", reason="price")
    ask(env, kind="return")
    refund, lines = the(env)
    assert refund.amount_minor == 300 == 19_300 - 19_000  # the freight stays
    assert sum(x.amount_minor for x in lines) == 300
    with pytest.raises(BadRequest, match="no pieces are left"):
        ask(env, kind="price_protection", amount="0.01", reason="price", key="x")


def test_when_all_money_is_asked_back_nothing_more_can_be(env: Env) -> None:
    shipped(env)
    ask(env, kind="refund_only", amount="201.00", lines={"1": 1})
    with pytest.raises(BadRequest, match="nothing that was paid is left"):
        ask(env, kind="return", lines={"1": 1})


def test_two_requests_at_once_are_held_apart_by_the_store(env: Env) -> None:
    shipped(env)
    ask(env, kind="price_protection", amount="150", reason="price")
    refund, _ = the(env)
    other = [
        (_renamed(refund, refund.refund_no[:10] + "X" + refund.refund_no[11:]), ()),
        (_renamed(refund, refund.refund_no[:10] + "Y" + refund.refund_no[11:], amount_minor=5_100), ()),
        (_renamed(refund, refund.refund_no[:10] + "Z" + refund.refund_no[11:], amount_minor=1), ()),
    ]
    outcomes = env.orders.add_refunds(other, run_id="race", reason="requested")
    assert [(o.result, o.reason) for o in outcomes] == [
        ("refused", "exceeds_paid"),
        ("done", ""),
        ("refused", "exceeds_paid"),
    ]


def _renamed(refund: Refund, number: str, **changes: Any) -> Refund:
    from stores.records import replace

    return replace(refund, refund_no=number, platform_refund_no=number[9:20], **changes)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"kind": "gift"}, "one of before_shipping"),
        ({"reason": "mood"}, "one of no_longer_wanted"),
        ({"kind": "return"}, "fits no order that is created; before_shipping or price_protection does"),
        ({"kind": "price_protection"}, "say how much"),
        ({"amount": "0"}, "not above zero"),
        ({"amount": "x"}, "is no amount"),
        ({"amount": "201.01"}, "at most 20100"),
        ({"lines": {"SKU-9": 1}}, "no line 'SKU-9'; lines: 1 SKU-1, 2 SKU-2"),
        ({"lines": {"SKU-1": 3}}, "2 pieces are left"),
        ({"lines": {"7": 1}}, "there is no line 7"),
        ({"send": {"SKU-1": 1}}, "sends nothing"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_can(env: Env, how: dict[str, Any], words: str) -> None:
    take(env, row(), more())
    with pytest.raises(BadRequest, match=words):
        ask(env, **how)
    assert env.orders.find_refunds() == []


def test_an_unpaid_order_has_nothing_to_give_back(env: Env) -> None:
    take(env, row(paid="no"))
    with pytest.raises(BadRequest, match="nothing that was paid"):
        ask(env)


def test_money_of_an_order_that_was_cancelled_by_hand_is_asked_back_whole(env: Env) -> None:
    take(env, row(), more())
    cancel.cancel(env, [A1], reason="buyer called", by="li")
    ask(env, kind="refund_only")
    assert the(env)[0].amount_minor == 20_100
    refunds.decide(env)
    assert the(env)[0].status == RefundStatus.APPROVED


# ------------------------------------------------------------------ before shipping


def test_a_whole_order_is_cancelled_before_its_money_may_go(env: Env) -> None:
    [parcel] = planned(env)
    ask(env)
    assert refunds.decide(env).counts["approved"] == 1
    refund, _ = the(env)
    assert (refund.decision, refund.status) == ("approved", "approved")
    assert [s.reason for s in env.orders.history(refund.refund_no)] == [
        "requested",
        "auto.unshipped_and_stopped",
        "carried_out",
    ]
    assert whole(env).order.progress == Progress.CANCELLED
    assert env.orders.parcels([parcel.parcel_no])[parcel.parcel_no].state == ParcelState.VOID
    assert all(x.held == 0 for x in env.stock.levels()) and env.stock.demand() == {}
    done(env)
    head = whole(env).order
    assert (head.refund_state, head.refunded_minor, head.receivable_minor) == ("full", 20_100, 0)


def test_what_stays_of_an_order_ships_without_the_rest_and_without_waiting_for_the_money(env: Env) -> None:
    planned(env)
    ask(env, lines={"SKU-1": 1})
    refunds.decide(env)
    refund, lines = the(env)
    assert (refund.status, refund.amount_minor, [x.qty for x in lines]) == ("approved", 9_400, [1])
    full = whole(env)
    assert (full.order.progress, full.order.held, full.order.refund_state) == ("created", 0, "none")
    assert [(s.sku, s.qty, s.status) for s in full.ship_lines] == [("SKU-1", 1, "open"), ("SKU-2", 1, "open")]
    assert env.stock.demand() == {"SKU-1": 1, "SKU-2": 1}
    moved_on(env)
    hand_over(env)
    left(env)
    assert whole(env).order.progress == Progress.SHIPPED
    assert {x.sku: x.on_hand for x in env.stock.levels()} == {"SKU-1": 99, "SKU-2": 99, "SKU-3": 100}
    done(env)
    assert whole(env).order.refund_state == "partly"
    with pytest.raises(BadRequest, match="line 1: 1 pieces"):
        ask(env, kind="return", lines={"1": 2})
    ask(env, kind="return")
    assert the(env)[0].amount_minor == 20_100 - 9_400 - 800


def test_a_line_taken_off_stays_off_also_when_its_file_is_imported_again(env: Env) -> None:
    planned(env)
    ask(env, lines={"SKU-2": 0})
    refunds.decide(env)
    assert [x.status for x in whole(env).lines] == ["open", "closed"]
    env.clock.advance(60)
    assert take(env, row(address="示例路7号"), more()).counts["changed"] == 1
    assert [(x.status, x.qty) for x in whole(env).lines] == [("open", 2), ("closed", 1)]
    assert take(env, row(address="示例路7号", qty="1", unit_price="198.00"), more()).items[0].reason == "has_refunds"


def test_lines_off_one_after_another_cancel_the_order_with_the_last(env: Env) -> None:
    take(env, row(), more())
    ask(env, lines={"SKU-2": 1})
    refunds.decide(env)
    assert whole(env).order.progress == Progress.CREATED
    env.clock.advance(1)
    ask(env, lines={"SKU-1": 2})
    assert the(env)[0].amount_minor == 20_100 - 500
    refunds.decide(env)
    assert whole(env).order.progress == Progress.CANCELLED
    assert {r.status for r in whole(env).refunds} == {RefundStatus.APPROVED}


def test_a_parcel_at_the_warehouse_must_stop_before_anybody_agrees(env: Env) -> None:
    [parcel] = handed_over(env)
    ask(env)
    assert refunds.decide(env).facts["waiting"] == {"stop_asked": [the(env)[0].refund_no]}
    refund, _ = the(env)
    result = refunds.approve(env, [refund.refund_no], by="li", reason="known customer")
    assert [i.reason for i in result.items] == ["parcel_asked"] and the(env)[0].decision == ""
    from jobs.parcel_stop import stopped

    with env.run("test") as run:
        assert stopped(env, run, [parcel.parcel_no])
    assert refunds.approve(env, [refund.refund_no], by="li", reason="known customer").counts["approved"] == 1
    assert the(env)[0].status == RefundStatus.APPROVED and whole(env).order.progress == Progress.CANCELLED
    assert env.orders.history(refund.refund_no)[1].facts["reason"] == "known customer"


def test_what_left_before_the_decision_is_not_refunded_as_unshipped(env: Env) -> None:
    handed_over(env)
    ask(env)
    refund, _ = the(env)
    head = whole(env).order
    env.orders.apply([Change(order_no=A1, expect=head.version, reason="test", release=("refund_asked",))], run_id="t")
    left(env)
    assert whole(env).order.progress == Progress.SHIPPED
    assert [i.reason for i in refunds.approve(env, [refund.refund_no], by="li").items] == ["too_late"]
    assert refunds.decide(env).facts["waiting"] == {"shipped": [refund.refund_no]}
    refunds.reject(env, [refund.refund_no], by="li", reason="on its way")
    assert whole(env).order.refund_state == "none"


def test_a_refused_request_gives_its_money_and_pieces_free(env: Env) -> None:
    take(env, row(), more())
    ask(env)
    refunds.reject(env, [the(env)[0].refund_no], by="li", reason="talked out of it")
    head = whole(env).order
    assert (head.refund_state, head.held) == ("none", 0)
    env.clock.advance(1)
    assert ask(env).counts == {"same": 1}
    assert ask(env, key="2").counts == {"asked": 1}


# ------------------------------------------------------------------ goods back


def returned(env: Env, **how: Any) -> str:
    shipped(env)
    ask(env, kind="return", reason="wrong_size", **how)
    refund_no = the(env)[0].refund_no
    refunds.approve(env, [refund_no], by="li")
    assert the(env)[0].status == RefundStatus.APPROVED
    return refund_no


def test_a_return_waits_for_all_of_its_goods_of_whatever_grade(env: Env) -> None:
    refund_no = returned(env)
    receiving.receive(env, refund_no, good={"SKU-1": 1}, defective={}, by="li")
    assert the(env)[0].status == RefundStatus.APPROVED
    receiving.receive(env, refund_no, good={"SKU-2": 1}, defective={"SKU-1": 1}, by="li")
    refund, lines = the(env)
    assert (refund.status, refund.amount_minor) == ("goods_back", 19_300)
    assert [(x.good_qty, x.defective_qty) for x in lines] == [(1, 1), (1, 0)]
    level = {x.sku: x for x in env.stock.levels()}
    assert (level["SKU-1"].on_hand, level["SKU-1"].defective) == (99, 1)
    assert whole(env).order.refund_state == "asked"
    done(env)
    assert whole(env).order.refund_state == "full"


def test_a_return_that_stays_incomplete_is_lowered_to_what_came(env: Env) -> None:
    refund_no = returned(env)
    with pytest.raises(BadRequest, match="nothing came back"):
        receiving.receive(env, refund_no, good={}, defective={}, final=True, by="li")
    receiving.receive(env, refund_no, good={"SKU-1": 1}, defective={}, final=True, by="li")
    refund, lines = the(env)
    assert (refund.status, refund.amount_minor) == ("goods_back", 9_400)
    assert [(x.qty, x.amount_minor) for x in lines] == [(1, 9_400), (0, 0)]
    with pytest.raises(BadRequest, match="goods_back"):
        receiving.receive(env, refund_no, good={}, defective={}, final=True, by="li")


def test_goods_that_come_before_the_decision_wait_for_it(env: Env) -> None:
    shipped(env)
    ask(env, kind="return", lines={"SKU-2": 1})
    refund_no = the(env)[0].refund_no
    receiving.receive(env, refund_no, good={"SKU-2": 1}, defective={}, by="li")
    assert (the(env)[0].status, the(env)[0].decision) == ("asked", "")
    refunds.approve(env, [refund_no], by="li")
    refunds.decide(env)
    assert the(env)[0].status == RefundStatus.GOODS_BACK


def test_an_agreed_return_may_be_refused_while_nothing_came(env: Env) -> None:
    refund_no = returned(env)
    assert refunds.reject(env, [refund_no], by="li", reason="two months later").counts["rejected"] == 1
    assert the(env)[0].status == RefundStatus.REFUSED and whole(env).order.refund_state == "none"


def test_price_protection_keeps_no_order_waiting_once_it_is_agreed(env: Env) -> None:
    take(env, row(), more())
    ask(env, kind="price_protection", amount="7", reason="price")
    assert whole(env).order.held == 1
    refunds.approve(env, [the(env)[0].refund_no], by="li")
    refund, lines = the(env)
    assert refund.status == RefundStatus.APPROVED and [(x.qty, x.amount_minor) for x in lines] == [(0, 682), (0, 18)]
    assert (whole(env).order.held, whole(env).order.refund_state) == (0, "none")


# ------------------------------------------------------------------ cut off


GAPS = [
    (requesting.ASKED, "ask"), (refunds.DECIDED, "decide"), (carrying.FREED, "decide"), (carrying.OFF, "decide"),
    (carrying.ADVANCED, "decide"), (cancel.FREED, "decide all"), (cancel.CANCELLED, "decide all"),
]  # fmt: skip


@pytest.mark.parametrize(("gap", "act"), GAPS)
def test_killed_anywhere_and_started_twice_is_the_same_as_once(
    gap: str, act: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for folder in ("whole", "killed"):
        env = office(tmp_path / folder, privacy={"keys": ["A" * 43 + "="]})
        planned(env)
        how: dict[str, Any] = {} if act == "decide all" else {"lines": {"SKU-1": 1}}
        if folder == "killed" and act == "ask":
            with killed_at(gap, monkeypatch):
                ask(env, **how)
        ask(env, **how)
        if folder == "killed" and act != "ask":
            with killed_at(gap, monkeypatch):
                refunds.decide(env)
            env.clock.advance(130)
        refunds.decide(env)
        refunds.decide(env)
        assert the(env)[0].status == RefundStatus.APPROVED
        found.append({k: v for k, v in books(env).items() if "runs" not in k})
        env.close()
    assert _without_times(found[0]) == _without_times(found[1])


def _without_times(found: dict[str, Any]) -> dict[str, Any]:
    """Books but for the moments that a second start moves."""
    return {
        k: v
        for k, v in found.items()
        if k in ("orders", "order_lines", "ship_lines", "refunds", "refund_lines", "parcels", "stock")
    }
