"""Changes in flight of orders that are on their way: one order's trouble is its own, and a packed parcel stays as packed."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.documents import ReceiverDocument
from jobs import changing, push, waybills
from jobs.env import Env
from jobs.errors import BadMove
from stores.records import ParcelState, Progress, RefundState
from tests.documents import T0, refund_document
from tests.factories import open_env
from tests.fulfilment import FakePlatform, document, handed_over, install, number_of, pull, shipped


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(tmp_path)
    yield made
    made.close()


@pytest.fixture
def platform(env: Env) -> FakePlatform:
    return install(env, FakePlatform())


def answer(env: Env, parcel_no: str, word: str) -> None:
    path = env.root / "answers.csv"
    path.write_text(f"parcel_no,answer\n{parcel_no},{word}\n", encoding="utf-8")
    waybills.take(env, path, by="li")


def pieces(env: Env, number: str) -> list[tuple[str, int, str, str, str]]:
    full = env.orders.load([number_of(number)])[number_of(number)]
    return [(s.sku, s.qty, s.status, s.warehouse, s.parcel_no) for s in full.ship_lines]


def later(number: str, *lines: tuple[str, int]) -> Any:
    return document(number, *lines, modified_at=T0 + timedelta(hours=1))


def test_an_order_that_may_not_move_so_is_parked_and_its_batch_goes_on(
    env: Env, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull(env, platform, document("1"), document("2"))
    real = changing._move

    def move(plan: changing.Plan, *rest: Any) -> changing.Move:
        if plan.old.order.order_no == number_of("1"):
            raise BadMove("merged → created")
        return real(plan, *rest)

    monkeypatch.setattr(changing, "_move", move)
    pull(env, platform, later("1", ("SKU-1", 5)), later("2", ("SKU-1", 3)))
    assert [(e.number, e.reason) for e in env.inbox.parked()] == [("1", "bad_move")]
    assert pieces(env, "2")[0][1] == 3
    monkeypatch.undo()
    env.inbox.replay([e.key for e in env.inbox.parked()])
    push.push(env)
    assert pieces(env, "1")[0][1] == 5


def test_what_is_packed_stays_as_packed_while_the_warehouse_is_asked(env: Env, platform: FakePlatform) -> None:
    [parcel] = handed_over(env, platform, document("1"))
    pull(env, platform, later("1", ("SKU-1", 1), ("SKU-2", 1)))
    assert env.orders.parcels([parcel.parcel_no])[parcel.parcel_no].state == ParcelState.STOP_ASKED
    assert pieces(env, "1") == [("SKU-1", 2, "open", parcel.warehouse, parcel.parcel_no)]
    assert env.orders.heads([number_of("1")])[number_of("1")].held == 1


def test_a_stopped_order_is_packed_anew_as_the_platform_wants_it_now(env: Env, platform: FakePlatform) -> None:
    [parcel] = handed_over(env, platform, document("1"))
    pull(env, platform, later("1", ("SKU-1", 1), ("SKU-2", 1)))
    answer(env, parcel.parcel_no, "stopped")
    assert pieces(env, "1") == [("SKU-1", 1, "open", "", ""), ("SKU-2", 1, "open", "", "")]
    assert env.orders.heads([number_of("1")])[number_of("1")].progress == Progress.CREATED
    assert env.stock.demand() == {"SKU-1": 1, "SKU-2": 1}


def test_a_parcel_that_could_not_be_stopped_leaves_with_what_is_in_it(env: Env, platform: FakePlatform) -> None:
    from jobs import ship
    from tests.fulfilment import label

    [parcel] = handed_over(env, platform, document("1"))
    pull(env, platform, later("1", ("SKU-1", 1), ("SKU-2", 1)))
    answer(env, parcel.parcel_no, "too_late")
    label(env, *env.orders.parcels([parcel.parcel_no]).values())
    before = env.stock.levels(skus=["SKU-1"])[0].on_hand
    assert ship.ship(env).counts == {"shipped": 1}
    assert before - env.stock.levels(skus=["SKU-1"])[0].on_hand == 2


def test_each_stop_is_recorded_with_its_own_reason(env: Env, platform: FakePlatform) -> None:
    one, two = handed_over(env, platform, document("1"), document("2"))
    pull(
        env, platform, later("1", ("SKU-1", 1)), document("2", status="cancelled", modified_at=T0 + timedelta(hours=1))
    )
    reasons = {p.members[0][8:34].lstrip("0"): env.orders.history(p.parcel_no)[-1].reason for p in (one, two)}
    assert "lines" in reasons["1"] and "lines" not in reasons["2"]
    assert "closed" in reasons["2"]


def head(env: Env, number: str) -> Any:
    return env.orders.heads([number_of(number)])[number_of(number)]


def said(number: str, *words: str, hours: int = 1, **changes: Any) -> Any:
    """A later word on an order, with what it says of each line's refund."""
    doc = document(number, *[(f"SKU-{n}", 1) for n in range(1, len(words) + 1)])
    lines = tuple(msgspec.structs.replace(x, refund=w) for x, w in zip(doc.lines, words, strict=True))
    return msgspec.structs.replace(doc, lines=lines, modified_at=T0 + timedelta(hours=hours), **changes)


def test_an_order_that_says_nothing_of_refunds_does_not_take_back_what_the_refunds_said(
    env: Env, platform: FakePlatform
) -> None:
    pull(env, platform, said("1", "", hours=0))
    pull(env, platform, refund_document(platform_order_no="1", platform_line_no="1-1", amount_minor=5_000, qty=1))
    assert head(env, "1").refund_state == RefundState.ASKED
    pull(env, platform, said("1", "", seller_remark="wrap it"))
    assert (head(env, "1").refund_state, head(env, "1").held) == (RefundState.ASKED, 1)
    pull(env, platform, said("1", "none", hours=2))
    assert (head(env, "1").refund_state, head(env, "1").held) == (RefundState.NONE, 0)


def test_what_was_never_seen_paid_and_comes_closed_and_refunded_is_cancelled(env: Env, platform: FakePlatform) -> None:
    pull(env, platform, document("1", status="unpaid", paid_at=None, paid_minor=0))
    assert head(env, "1").progress == Progress.UNPAID
    closed = document("1", status="cancelled", modified_at=T0 + timedelta(hours=1))
    lines = tuple(msgspec.structs.replace(x, refund="full", status="closed") for x in closed.lines)
    pull(env, platform, msgspec.structs.replace(closed, lines=lines))
    assert head(env, "1").progress == Progress.CANCELLED


def test_a_refund_after_everything_left_alarms_nobody(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, said("1", "none", "none", hours=0))
    pull(env, platform, said("1", "full", "none", status="shipped"))
    assert (head(env, "1").progress, head(env, "1").refund_state) == (Progress.SHIPPED, RefundState.PARTLY)
    assert [a for a in env.ledger.alerts() if a.kind == "change_too_late"] == []


def test_a_receiver_that_is_withheld_has_not_moved(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, said("1", "none", hours=0))
    where, who = head(env, "1").region, env.orders.receivers([number_of("1")])
    nobody = ReceiverDocument(masked=True)
    pull(env, platform, said("1", "none", status="shipped", receiver=nobody, merge_key="", buyer_id=""))
    assert head(env, "1").doc_modified_at == T0 + timedelta(hours=1)
    assert env.ledger.alerts() == []
    assert (head(env, "1").region, env.orders.receivers([number_of("1")])) == (where, who)
    assert head(env, "1").merge_key == "k-1" and head(env, "1").buyer_key


def test_a_receiver_told_after_he_was_withheld_is_taken(env: Env, platform: FakePlatform) -> None:
    full = document("1")
    pull(env, platform, msgspec.structs.replace(full, receiver=ReceiverDocument(masked=True)))
    assert head(env, "1").region.province == ""
    pull(env, platform, msgspec.structs.replace(full, modified_at=T0 + timedelta(hours=1)))
    assert head(env, "1").region.province == full.receiver.province != ""
    assert env.orders.receivers([number_of("1")])[number_of("1")].name == full.receiver.name


def test_a_line_that_comes_after_everything_left_is_an_alarm(env: Env, platform: FakePlatform) -> None:
    shipped(env, platform, said("1", "none", hours=0))
    pull(env, platform, said("1", "none", "none", status="shipped"))
    assert [a.kind for a in env.ledger.alerts()] == ["change_too_late"]
