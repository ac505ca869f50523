"""Changes, edits, cancels and refunds killed in their gaps: run again, the books are those of a run that was not killed."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from jobs import audit, cancel, changing, edits, push, receiving, reconcile_stock, refunding, refunds, source
from jobs.env import Env
from jobs.rules.numbers import refund_no
from stores.records import Progress, RefundStatus
from tests.documents import SELLER, T0, refund_document
from tests.factories import open_env, put_stock
from tests.fulfilment import FakePlatform, books, document, install, number_of, pull, shipped
from tests.killing import killed_at

#: longer than any lease of a job here
PAST = 130.0
NO = number_of("1")
REFUND = refund_no("taobao", SELLER, "180", NO)
Act = Callable[[Env, FakePlatform], object]
Books = dict[str, list[str]]


def ends(tmp_path: Path, gap: str, before: Act, act: Act, again: Act | None = None) -> tuple[Books, Books, Env]:
    """(books after a kill in the gap and a second run, books without a kill, the office that was killed)."""
    found: list[Books] = []
    offices = []
    for folder in ("whole", "killed"):
        env = open_env(tmp_path / folder)
        platform = install(env, FakePlatform())
        before(env, platform)
        if folder == "killed":
            with killed_at(gap):
                act(env, platform)
            env.clock.advance(PAST)
            (again or act)(env, platform)
        else:
            act(env, platform)
        found.append(books(env))
        offices.append(env)
    offices[0].close()
    return found[1], found[0], offices[1]


def sourced(env: Env, platform: FakePlatform) -> None:
    """An order whose stock is held."""
    put_stock(env, {"EAST": {"SKU-1": 100, "SKU-2": 100}})
    pull(env, platform, document("1", ("SKU-1", 2)))
    audit.audit(env)
    source.source(env)
    assert env.orders.heads([NO])[NO].progress == Progress.SOURCED


def other_pieces(env: Env, platform: FakePlatform) -> None:
    pull(env, platform, document("1", ("SKU-1", 1), ("SKU-2", 1), modified_at=T0 + timedelta(hours=1)))


def pushed_again(env: Env, platform: FakePlatform) -> None:
    push.push(env)


@pytest.mark.parametrize("gap", [changing.RELEASED, changing.WRITTEN])
def test_a_change_killed_in_a_gap_is_applied_once_by_the_next_push(tmp_path: Path, gap: str) -> None:
    killed, whole, env = ends(tmp_path, gap, sourced, other_pieces, pushed_again)
    assert killed == whole
    assert (env.stock.demand(), [x.held for x in env.stock.levels()]) == ({"SKU-1": 1, "SKU-2": 1}, [0, 0])
    env.close()


def test_a_change_that_came_too_late_is_told_though_its_push_was_killed_behind_it(tmp_path: Path) -> None:
    def left(env: Env, platform: FakePlatform) -> None:
        shipped(env, platform, document("1"))

    def elsewhere(env: Env, platform: FakePlatform) -> None:
        doc = platform.orders["1"]
        who = type(doc.receiver)(
            **{f: getattr(doc.receiver, f) for f in doc.receiver.__struct_fields__} | {"name": "李四"}
        )
        platform.change("1", receiver=who)
        pull(env, platform, platform.orders["1"])

    killed, whole, env = ends(tmp_path, changing.WRITTEN, left, elsewhere, pushed_again)
    assert killed == whole
    assert [a.kind for a in env.ledger.alerts()] == ["change_too_late"]
    env.close()


@pytest.mark.parametrize("gap", [cancel.FREED, cancel.CANCELLED])
def test_a_cancel_killed_in_a_gap_leaves_nothing_held_once_it_is_typed_again(tmp_path: Path, gap: str) -> None:
    def cancelled(env: Env, platform: FakePlatform) -> None:
        cancel.cancel(env, [NO], reason="buyer", by="li")

    killed, whole, env = ends(tmp_path, gap, sourced, cancelled)
    assert killed == whole
    assert (env.stock.demand(), [x.held for x in env.stock.levels()]) == ({}, [0, 0])
    env.close()


def test_demand_of_a_cancel_killed_before_giving_it_back_is_found_and_repaired(tmp_path: Path) -> None:
    def audited(env: Env, platform: FakePlatform) -> None:
        pull(env, platform, document("1", ("SKU-1", 2)))
        audit.audit(env)

    def cancelled(env: Env, platform: FakePlatform) -> None:
        cancel.cancel(env, [NO], reason="buyer", by="li")

    def repaired(env: Env, platform: FakePlatform) -> None:
        plan = env.root / "plan.json"
        reconcile_stock.reconcile(env, plan_out=plan)
        assert reconcile_stock.reconcile(env, apply=plan, by="li").counts == {"repaired": 1}

    killed, whole, env = ends(tmp_path, cancel.CANCELLED, audited, cancelled, repaired)
    assert killed == whole
    assert env.stock.demand() == {}
    env.close()


@pytest.mark.parametrize("gap", [edits.NOTED, edits.FREED, edits.SHOWN])
def test_an_edit_killed_in_a_gap_stands_once_it_is_typed_again(tmp_path: Path, gap: str) -> None:
    def edited(env: Env, platform: FakePlatform) -> None:
        edits.edit(env, NO, {"address": "改后路2号"}, by="li")

    killed, whole, env = ends(tmp_path, gap, sourced, edited)
    assert killed == whole
    assert env.orders.receivers([NO])[NO].address == "改后路2号"
    assert [(e.field, e.base) for e in env.orders.edits([NO])[NO]] == [("address", "示例路1号")]
    assert env.stock.demand() == {"SKU-1": 2}
    assert {a.act for a in env.ledger.audit_trail(ref=NO)} == {"edit"}
    env.close()


def test_an_edit_killed_after_it_was_noted_is_laid_over_the_next_document(tmp_path: Path) -> None:
    env = open_env(tmp_path)
    platform = install(env, FakePlatform())
    sourced(env, platform)
    with killed_at(edits.NOTED):
        edits.edit(env, NO, {"address": "改后路2号"}, by="li")
    other_pieces(env, platform)
    assert env.orders.receivers([NO])[NO].address == "改后路2号"
    env.close()


def test_a_refund_killed_before_its_order_moves_holds_it_after_the_next_push(tmp_path: Path) -> None:
    def asked(env: Env, platform: FakePlatform) -> None:
        pull(env, platform, refund_of())

    killed, whole, env = ends(tmp_path, refunding.KEPT, sourced, asked, pushed_again)
    assert killed == whole
    assert [h.code for h in env.orders.holds(NO)] == ["refund_asked"]
    env.close()


def refund_of(**changes: object) -> object:
    return refund_document(
        **{
            "platform_refund_no": "180", "platform_order_no": "1", "platform_line_no": "1-1", "amount_minor": 10_000,
            "kind": "return", **changes,
        }
    )  # fmt: skip


def returning(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, document("1"))
    pull(env, platform, refund_of())


def received(env: Env, platform: FakePlatform) -> None:
    refunds.receive(env, REFUND, good={"SKU-1": 2}, defective={}, by="li")


def test_a_receipt_killed_before_it_was_noted_is_typed_again_and_its_task_ends(tmp_path: Path) -> None:
    killed, whole, env = ends(tmp_path, receiving.INTENDED, returning, received)
    assert killed == whole
    assert env.ledger.due_tasks(receiving.KIND, limit=9, lease_s=1.0, worker="t") != []
    env.clock.advance(PAST)
    refunds.decide(env)
    env.clock.advance(PAST)
    assert env.ledger.due_tasks(receiving.KIND, limit=9, lease_s=1.0, worker="t") == []
    env.close()


@pytest.mark.parametrize("gap", [receiving.NOTED, receiving.STORED])
def test_a_receipt_is_finished_even_when_the_platform_has_ended_its_refund_meanwhile(tmp_path: Path, gap: str) -> None:
    def done(env: Env, platform: FakePlatform) -> None:
        pull(env, platform, refund_of(status="done", modified_at=T0 + timedelta(hours=1)))
        assert env.orders.refunds([REFUND])[REFUND][0].status == RefundStatus.DONE
        refunds.decide(env)

    def all_of_it(env: Env, platform: FakePlatform) -> None:
        received(env, platform)
        done(env, platform)

    killed, whole, env = ends(tmp_path, gap, returning, all_of_it, done)
    assert [s.returned_qty for s in env.orders.load([NO])[NO].ship_lines] == [2]
    assert killed["stock"] == whole["stock"] and killed["stock_journal"] == whole["stock_journal"]
    assert [a.act for a in env.ledger.audit_trail(ref=REFUND)] == ["refund_receive"]
    env.close()
