"""push stock: changed levels are told once, whatever happens to the answers."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.core.shapes import Capabilities, StockCapability
from adapters.documents import LevelUpdate, WriteResult
from jobs import gaps, levels, levels_sending, seen_listings
from jobs.env import Env
from stores.records import Ask, Watermark
from tests.factories import T0, make_full_order, open_env, put_orders, put_stock


class Shelf:
    """A platform that keeps levels; `lose` makes its answers get lost after it took them."""

    name = "taobao"

    def __init__(self, mode: Any = "absolute") -> None:
        self.capabilities = Capabilities(stock=StockCapability(mode=mode, batch=2, read_back=True))
        self.shown: dict[str, int] = {}
        self.told: list[list[tuple[str, int | None]]] = []
        self.outcome = "done"
        self.takes = True

    def set_levels(self, updates: Sequence[LevelUpdate]) -> list[WriteResult]:
        self.told.append([(u.listing_id, u.qty if u.delta is None else u.delta) for u in updates])
        for u in updates if self.takes else ():
            self.shown[u.listing_id] = u.qty if u.delta is None else self.shown.get(u.listing_id, 0) + u.delta
        return [WriteResult(key=u.key, outcome=self.outcome) for u in updates]

    def read_levels(self, updates: Sequence[LevelUpdate]) -> dict[str, int]:
        return {u.key: self.shown.get(u.listing_id, 0) for u in updates}


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(tmp_path)
    put_stock(made, {"EAST": {"SKU-1": 10}, "SOUTH": {"SKU-1": 5, "SKU-2": 8, "SKU-3": 1}})
    put_orders(made, make_full_order({"SKU-1": 2, "SKU-2": 1, "SKU-3": 1}))
    mark(made)
    yield made
    made.close()


def mark(env: Env) -> None:
    at = env.clock.now()
    env.ledger.set_mark(Watermark(shop="tmall", kind="orders", scan="modified", frontier=at), lease=None)


def shelf(env: Env, monkeypatch: pytest.MonkeyPatch, mode: str = "absolute") -> Shelf:
    made = Shelf(mode)
    monkeypatch.setattr(env, "platform", lambda alias: made)
    return made


def test_levels_are_told_in_the_platforms_batches_and_only_when_they_change(
    env: Env, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = shelf(env, monkeypatch)
    assert levels.push(env).counts["told"] == 3
    assert told.shown == {"L-SKU-1": 13, "L-SKU-2": 7, "L-SKU-3": 0}
    assert [len(x) for x in told.told] == [2, 1]
    assert levels.push(env).counts == {"same": 3}
    for pieces, shown in ((20, 23), (10, 13)):
        env.clock.advance(60)
        put_stock(env, {"EAST": {"SKU-1": pieces}})
        assert levels.push(env).counts["told"] == 1
        assert told.shown["L-SKU-1"] == shown


def test_the_preview_names_now_target_and_why_and_tells_nothing(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    told = shelf(env, monkeypatch)
    levels.push(env)
    env.clock.advance(60)
    put_stock(env, {"EAST": {"SKU-1": 20}})
    result = levels.push(env, skus=["SKU-1"], dry_run=True)
    assert [(i.ref, i.reason, i.facts) for i in result.items] == [
        ("L-SKU-1", "changed", {"skus": {"SKU-1": 1}, "now": 13, "target": 23, "why": "formula"})
    ]
    assert told.shown["L-SKU-1"] == 13


def test_an_old_frontier_lets_levels_fall_and_keeps_them_from_rising(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    told = shelf(env, monkeypatch)
    levels.push(env)
    env.clock.advance(3600)
    put_stock(env, {"EAST": {"SKU-1": 50}, "SOUTH": {"SKU-2": 3}})
    levels.push(env)
    assert told.shown == {"L-SKU-1": 13, "L-SKU-2": 2, "L-SKU-3": 0}


def test_a_delta_platform_is_read_first_and_told_the_difference(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    told = shelf(env, monkeypatch, "delta")
    told.shown = {"L-SKU-1": 20, "L-SKU-2": 7}
    assert levels.push(env).counts["told"] == 3
    assert told.told == [[("L-SKU-1", -7)]]
    assert told.shown["L-SKU-1"] == 13


@pytest.mark.parametrize("mode", ["absolute", "delta"])
@pytest.mark.parametrize(("takes", "calls"), [(True, 1), (False, 2)])
def test_a_lost_answer_is_read_back_before_anything_is_repeated(
    env: Env, monkeypatch: pytest.MonkeyPatch, mode: str, takes: bool, calls: int
) -> None:
    told = shelf(env, monkeypatch, mode)
    told.outcome, told.takes = "unknown", takes
    assert levels.push(env, skus=["SKU-1"]).counts["waiting"] == 1
    told.outcome, told.takes = "done", True
    env.clock.advance(900)
    mark(env)
    assert levels.push(env, skus=["SKU-1"]).counts["told"] == 1
    assert (told.shown["L-SKU-1"], len(told.told)) == (13, calls)
    assert levels.push(env, skus=["SKU-1"]).counts == {"same": 1}


def test_a_level_that_waited_too_long_is_withdrawn_for_the_newer_one(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    told = shelf(env, monkeypatch)
    told.outcome, told.takes = "retry", False
    levels.push(env, skus=["SKU-1"])
    told.outcome, told.takes = "done", True
    env.clock.advance(900)
    mark(env)
    put_stock(env, {"EAST": {"SKU-1": 4}})
    assert levels.push(env, skus=["SKU-1"]).counts["outdated"] == 1
    assert told.told == [[("L-SKU-1", 13)], [("L-SKU-1", 7)]]
    assert sorted(e.state for e in env.ledger.effects(kind="level")) == ["confirmed", "void"]


def test_a_delta_whose_answer_was_lost_and_that_cannot_be_read_back_is_a_persons_affair(
    env: Env, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = shelf(env, monkeypatch, "delta")
    told.outcome = "unknown"
    levels.push(env, skus=["SKU-1"])
    told.capabilities = Capabilities(stock=StockCapability(mode="delta", batch=2, read_back=False))
    told.outcome = "done"
    env.clock.advance(900)
    mark(env)
    assert levels.push(env, skus=["SKU-1"]).counts["parked"] == 1
    assert (told.told, told.shown) == ([[("L-SKU-1", 13)]], {"L-SKU-1": 13})


@pytest.mark.parametrize("name", [levels_sending.SENDING, levels_sending.ANSWERED, levels_sending.KEPT])
def test_a_push_killed_in_a_gap_is_finished_by_the_next_one(
    env: Env, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(at: str) -> None:
        if at == name:
            raise Killed

    told = shelf(env, monkeypatch, "delta")
    monkeypatch.setattr(gaps, "hook", kill)
    with pytest.raises(Killed):
        levels.push(env, skus=["SKU-1"])
    monkeypatch.setattr(gaps, "hook", None)
    env.clock.advance(env.settings.shipping.lease + 1)
    levels.push(env, skus=["SKU-1"])
    assert (told.shown, len(told.told)) == ({"L-SKU-1": 13}, 1)


def test_a_refused_level_is_told_to_the_operator_and_not_repeated(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    told = shelf(env, monkeypatch)
    told.outcome = "refused"
    assert levels.push(env, skus=["SKU-1"]).exit_code == 3
    assert levels.push(env, skus=["SKU-1"]).counts["refused_before"] == 1
    assert len(told.told) == 1


def test_a_place_that_owes_pieces_hides_nothing_of_another(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    told = shelf(env, monkeypatch)
    ask = Ask(reservation_id="o:1", order_no="o", attempt=1, warehouse="EAST", items=(("SKU-1", 10),))
    assert env.stock.reserve([ask], run_id="t")[0].granted
    env.clock.advance(60)
    put_stock(env, {"EAST": {"SKU-1": 4}})
    levels.push(env, skus=["SKU-1"])
    assert told.shown["L-SKU-1"] == 5 - 2


def test_what_a_warehouse_keeps_back_or_a_closed_one_has_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {"EAST": {"safety": 3}, "SOUTH": {"enabled": False}, "WEST": {}}
    made = open_env(tmp_path, warehouses=places)
    put_stock(made, {"EAST": {"SKU-1": 10}, "SOUTH": {"SKU-1": 100}, "WEST": {"SKU-1": 2}, "GONE": {"SKU-1": 50}})
    put_orders(made, make_full_order({"SKU-1": 2}))
    mark(made)
    told = shelf(made, monkeypatch)
    levels.push(made)
    assert told.shown == {"L-SKU-1": 10 - 3 + 2 - 2}
    made.close()


def test_listings_of_older_orders_are_remembered_and_new_ones_learned(
    env: Env, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sorted(seen_listings.seen(env, "tmall")) == ["L-SKU-1", "L-SKU-2", "L-SKU-3"]
    asked: list[Any] = []
    find = env.orders.find
    monkeypatch.setattr(env.orders, "find", lambda query, **more: asked.append(query.since) or find(query, **more))
    env.clock.advance(7 * 86400)
    put_orders(env, make_full_order({"SKU-9": 1}, number="9", ordered_at=env.clock.now()))
    assert sorted(seen_listings.seen(env, "tmall")) == ["L-SKU-1", "L-SKU-2", "L-SKU-3", "L-SKU-9"]
    seen_listings.seen(env, "tmall")
    assert asked[1] > asked[0] > T0 - timedelta(hours=7)


def test_a_preview_remembers_nothing_of_what_it_saw(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf(env, monkeypatch)
    levels.push(env, dry_run=True)
    assert env.ledger.value("listings:tmall") is None
