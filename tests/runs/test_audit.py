"""order audit: passes, holds with reasons, remembers releases, clears what has no cause any more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jobs import audit, orders
from jobs.env import Env
from jobs.errors import BadSettings
from stores.contracts import Change
from stores.records import FullOrder, Hold, Line, Mark, Progress, RefundState
from tests.factories import SHOPS, T0, make_full_order, open_env, put_orders
from tests.killing import killed_at


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = open_env(tmp_path)
    yield made
    made.close()


def head(env: Env, number: str) -> Any:
    return env.orders.heads([number])[number]


def edit(env: Env, number: str, **fields: Any) -> None:
    """What a push does to an order."""
    lines = fields.pop("lines", ())
    change = Change(
        order_no=number, expect=head(env, number).version, reason="platform.touched", set=fields, lines=lines
    )
    assert env.orders.apply([change], run_id="push")[0].ok


def big(**changes: Any) -> FullOrder:
    return make_full_order(payable_minor=600_000, paid_minor=600_000, **changes)


def test_a_plain_order_is_audited(env: Env) -> None:
    (number,) = put_orders(env, make_full_order())
    result = audit.audit(env)
    assert (result.counts, result.exit_code) == ({"audited": 1}, 0)
    assert head(env, number).progress == Progress.AUDITED
    assert [(s.from_state, s.to_state, s.reason) for s in env.orders.history(number)][1:] == [
        ("created", "audited", "audit.passed")
    ]


def test_an_order_that_wants_a_person_is_held_with_every_reason(env: Env) -> None:
    full = big(flags=("presale",), marks=(Mark(field="payment", why="float_money"),))
    (number,) = put_orders(env, full)
    result = audit.audit(env)
    assert (result.counts, result.exit_code) == ({"held": 1}, 0)
    assert result.items[0].reason == "audit.amount+audit.doubt+audit.presale"
    assert {h.code for h in env.orders.holds(number)} == {"audit.amount", "audit.doubt", "audit.presale"}
    assert (head(env, number).progress, head(env, number).held) == (Progress.CREATED, 3)


def test_auditing_twice_changes_nothing(env: Env) -> None:
    put_orders(env, big(number="1"), make_full_order(number="2"))
    audit.audit(env)
    before = list(env.orders.dump())
    assert audit.audit(env).counts == {}
    assert list(env.orders.dump()) == before


def test_a_dry_run_lists_and_writes_nothing(env: Env) -> None:
    numbers = put_orders(env, big(number="1"), make_full_order(number="2"))
    before = list(env.orders.dump())
    result = audit.audit(env, dry_run=True)
    assert {(i.ref, i.did) for i in result.items} == {(numbers[0], "held"), (numbers[1], "audited")}
    assert list(env.orders.dump()) == before
    assert env.ledger.runs() == []


def test_a_hold_released_by_a_person_is_remembered(env: Env) -> None:
    (number,) = put_orders(env, big())
    audit.audit(env)
    orders.release(env, [number], by="li")
    assert audit.audit(env).counts == {"audited": 1}
    assert env.orders.history(number)[-1].facts == {"released": ["audit.amount"]}


def test_a_release_does_not_stand_for_another_circumstance(env: Env) -> None:
    (number,) = put_orders(env, big())
    audit.audit(env)
    orders.release(env, [number], by="li")
    edit(env, number, payable_minor=900_000)
    assert audit.audit(env).counts == {"held": 1}


def test_a_hold_is_cleared_when_its_cause_is_gone_and_the_order_goes_on(env: Env) -> None:
    (number,) = put_orders(env, make_full_order(refund_state=RefundState.ASKED))
    audit.audit(env)
    edit(env, number, refund_state=RefundState.NONE)
    assert audit.audit(env).counts == {"cleared": 1, "audited": 1}
    assert head(env, number).progress == Progress.AUDITED


def test_a_cleared_hold_is_no_release_by_a_person(env: Env) -> None:
    (number,) = put_orders(env, big())
    audit.audit(env)
    edit(env, number, payable_minor=100)
    assert audit.audit(env).counts == {"cleared": 1, "audited": 1}
    change = Change(
        order_no=number,
        expect=head(env, number).version,
        to=Progress.CREATED,
        reason="again",
        set={"payable_minor": 600_000},
    )
    env.orders.apply([change], run_id="push")
    assert audit.audit(env).counts == {"held": 1}


def test_a_hold_follows_the_facts_it_stands_for(env: Env) -> None:
    (number,) = put_orders(env, big())
    audit.audit(env)
    edit(env, number, payable_minor=700_000)
    assert audit.audit(env).counts == {"renewed": 1}
    assert [h.facts["payable_minor"] for h in env.orders.holds(number)] == [700_000]


def test_a_hold_by_a_person_is_none_of_the_audits_business(env: Env) -> None:
    (number,) = put_orders(env, make_full_order())
    orders.hold(env, [number], code="manual", by="li")
    assert audit.audit(env).counts == {}
    assert head(env, number).held == 1


def test_an_unmapped_order_goes_on_when_its_listing_is_mapped(tmp_path: Path) -> None:
    path = tmp_path / "listings.csv"
    path.write_text("platform,listing,sku,qty,share\n", encoding="utf-8")
    env = open_env(tmp_path, products={"listings": "listings.csv"})
    (number,) = put_orders(env, make_full_order([("", 2, 900), ("SKU-2", 1, 100)], line={"code": ""}))
    assert audit.audit(env).items[0].reason == "audit.unmapped"
    orders.release(env, [number], by="li")
    assert audit.audit(env).counts == {"held": 1}
    path.write_text("platform,listing,sku,qty,share\n,L-1,A,1,1\n,L-1,B,3,2\n", encoding="utf-8")
    assert audit.audit(env).counts == {"cleared": 1, "audited": 1}
    lines = env.orders.load([number])[number].ship_lines
    assert [(s.ship_no, s.sku, s.qty, s.value_minor) for s in lines] == [
        (1, "A", 2, 300),
        (2, "SKU-2", 1, 100),
        (3, "B", 6, 600),
    ]
    assert env.stock.demand() == {"A": 2, "SKU-2": 1, "B": 6}
    env.close()


def test_goods_whose_money_went_back_do_not_ship_and_the_rest_goes_on(env: Env) -> None:
    full = make_full_order([("SKU-1", 1, 100), ("SKU-2", 1, 100)], refund_state=RefundState.PARTLY)
    back: Line = msgspec.structs.replace(full.lines[0], refund_state=RefundState.FULL)
    (number,) = put_orders(env, msgspec.structs.replace(full, lines=(back, full.lines[1])))
    assert audit.audit(env).counts == {"audited": 1}
    assert [s.status for s in env.orders.load([number])[number].ship_lines] == ["closed", "open"]
    assert env.stock.demand() == {"SKU-2": 1}


def test_named_orders_are_looked_at_again_and_the_others_left_alone(env: Env) -> None:
    numbers = put_orders(env, make_full_order(number="1"), make_full_order(number="2"), big(number="3"))
    assert audit.audit(env, orders=[numbers[0], "3"]).counts == {"audited": 1, "held": 1}
    assert head(env, numbers[1]).progress == Progress.CREATED
    result = audit.audit(env, orders=[numbers[0], "3"], dry_run=True)
    assert {(i.ref, i.reason) for i in result.items} == {(numbers[0], "is_audited"), (numbers[2], "held")}


def test_a_limit_bounds_the_run(env: Env) -> None:
    put_orders(env, *(make_full_order(number=str(n)) for n in range(1, 6)))
    assert audit.audit(env, limit=2).counts == {"audited": 2}
    assert audit.audit(env).counts == {"audited": 3}


def test_the_most_urgent_orders_go_first(env: Env) -> None:
    from datetime import timedelta

    numbers = put_orders(
        env, *(make_full_order(number=str(n), ship_by=T0 + timedelta(hours=9 - n)) for n in range(1, 4))
    )
    audit.audit(env, limit=1)
    assert head(env, numbers[2]).progress == Progress.AUDITED


def test_a_shop_that_is_not_named_is_left_alone(tmp_path: Path) -> None:
    env = open_env(tmp_path, shops={**SHOPS, "other": {**SHOPS["tmall"], "seller_id": "2"}})
    put_orders(env, make_full_order(number="1"), big(number="2"))
    audit.audit(env, orders=["2"])
    assert audit.audit(env, shops=["other"]).counts == {}
    assert audit.audit(env, shops=["tm*"], dry_run=True).counts == {"audited": 1}
    env.close()


def test_an_asked_stop_ends_the_run_between_two_batches(env: Env) -> None:
    put_orders(env, make_full_order())
    env.stop.set()
    result = audit.audit(env)
    assert (result.outcome, result.counts) == ("interrupted", {})


def test_an_order_that_somebody_moves_meanwhile_is_passed_over(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    (number,) = put_orders(env, make_full_order())
    look = audit.Auditor.look

    def moved(self: audit.Auditor, full: FullOrder) -> Any:
        edit(env, number, platform_status="moved")
        return look(self, full)

    monkeypatch.setattr(audit.Auditor, "look", moved)
    assert audit.audit(env).counts == {"passed_over": 1}
    assert head(env, number).progress == Progress.CREATED


def test_an_order_that_breaks_a_rule_of_the_store_is_held_and_the_others_go_on(
    env: Env, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = put_orders(env, *(make_full_order(number=str(n)) for n in range(1, 6)))
    changed = audit._change

    def broken(env_: Env, verdict: audit.Verdict, token: str | None) -> Change:
        change = changed(env_, verdict, token)
        if change.order_no != numbers[3]:
            return change
        bad = msgspec.structs.replace(verdict.full.ship_lines[0], qty=-1)
        return msgspec.structs.replace(change, ship_lines=(bad,))

    monkeypatch.setattr(audit, "_change", broken)
    result = audit.audit(env)
    assert result.counts == {"audited": 4, "held": 1}
    assert [h.code for h in env.orders.holds(numbers[3])] == ["audit.bad_item"]


def test_a_bad_pattern_in_the_settings_is_named(tmp_path: Path) -> None:
    env = open_env(tmp_path, audit={"remark_patterns": ["(x"]})
    with pytest.raises(BadSettings, match=r"\(x"):
        audit.audit(env)
    assert env.ledger.runs()[0].outcome == "failed"
    env.close()


def test_an_audit_killed_after_mending_is_finished_by_the_next_one(tmp_path: Path) -> None:
    path = tmp_path / "listings.csv"
    path.write_text("platform,listing,sku,qty,share\n,L-1,A,1,\n", encoding="utf-8")
    env = open_env(tmp_path, products={"listings": "listings.csv"})
    (number,) = put_orders(env, make_full_order([("", 2, 900)], line={"code": ""}))
    with killed_at(audit.MENDED):
        audit.audit(env)
    assert head(env, number).progress == Progress.CREATED
    env.clock.advance(env.settings.audit.lease + 1)
    assert audit.audit(env).counts == {"audited": 1}
    assert env.stock.demand() == {"A": 2}
    env.close()


def test_a_platforms_hold_keeps_the_order_from_the_audit(env: Env) -> None:
    full = make_full_order(flags=("hold_risk_control", "platform_hold"))
    hold = Hold(order_no=full.order.order_no, code="platform", owner="platform", since=T0)
    put_orders(env, msgspec.structs.replace(full, holds=(hold,)))
    assert audit.audit(env).counts == {}
