"""order source: stock is held for whole orders, the promised first; killed or raced, nothing is sold twice or lost."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jobs import orders, reserving, source
from jobs.env import Env
from jobs.errors import BadSettings
from stores.contracts import Change
from stores.records import FullOrder, Progress, Region, Reservation
from tests.factories import T0, at_progress, make_full_order, open_env, put_orders, put_stock
from tests.killing import at_gap, killed_at, race


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = open_env(tmp_path)
    yield made
    made.close()


def audited(skus: Any = None, **changes: Any) -> FullOrder:
    return at_progress(make_full_order(skus or {"SKU-1": 2}, **changes), Progress.AUDITED)


def head(env: Env, number: str) -> Any:
    return env.orders.heads([number])[number]


def held(env: Env) -> dict[tuple[str, str], int]:
    return {(v.warehouse, v.sku): v.held for v in env.stock.levels() if v.held}


def books_agree(env: Env) -> None:
    """Held stock is what sourced orders and written intents stand for, and never more than there is."""
    wanted: dict[tuple[str, str], int] = {}
    for batch in env.orders.scan():
        for full in batch:
            rows = [(s.warehouse, s.sku, s.qty) for s in full.ship_lines if s.warehouse and s.status == "open"]
            for warehouse, sku, qty in rows:
                wanted[warehouse, sku] = wanted.get((warehouse, sku), 0) + qty
            if full.order.progress == Progress.SOURCED:
                assert rows
                assert not full.order.intent
    assert held(env) == wanted
    assert all(v.available >= 0 for v in env.stock.levels())


def test_an_order_is_sourced_where_its_region_is_served(env: Env) -> None:
    put_stock(env, {"EAST": {"SKU-1": 5}, "SOUTH": {"SKU-1": 5}})
    (number,) = put_orders(env, audited(region=Region(province="广东省", city="深圳市")))
    assert source.source(env).counts == {"sourced": 1}
    full = env.orders.load([number])[number]
    assert [(s.warehouse, s.sku) for s in full.ship_lines] == [("SOUTH", "SKU-1")]
    assert (full.order.progress, full.order.intent, full.order.attempt) == (Progress.SOURCED, (), 1)
    assert (held(env), env.stock.demand()) == ({("SOUTH", "SKU-1"): 2}, {})
    step = env.orders.history(number)[-1]
    why = {"places": {"SOUTH": {"SKU-1": 2}}, "because": "region", "reservation": f"{number}:1"}
    assert (step.reason, step.facts) == ("source.single", why)
    assert [s.version for s in env.orders.history(number)] == [1, 3]


def test_a_sourced_order_waits_for_others_under_its_key(env: Env) -> None:
    put_stock(env, {"EAST": {"SKU-1": 5}})
    (number,) = put_orders(env, audited())
    source.source(env)
    (row,) = env.orders.waiting(["key-1|EAST|tmall"])["key-1|EAST|tmall"]
    assert (row.order_no, row.since, row.window_ends_at) == (number, T0, T0 + timedelta(minutes=30))


def test_an_order_without_a_key_waits_for_nobody(env: Env) -> None:
    put_stock(env, {"EAST": {"SKU-1": 5}})
    (number,) = put_orders(env, audited(merge_key=""))
    source.source(env)
    key = f"{number}|EAST|tmall"
    assert [w.window_ends_at for w in env.orders.waiting([key])[key]] == [T0]


def test_an_order_is_split_over_two_places_and_waits_in_both(env: Env) -> None:
    put_stock(env, {"EAST": {"SKU-1": 5}, "SOUTH": {"SKU-2": 5}})
    (number,) = put_orders(env, audited({"SKU-1": 1, "SKU-2": 1}))
    assert source.source(env).counts == {"sourced": 1}
    assert held(env) == {("EAST", "SKU-1"): 1, ("SOUTH", "SKU-2"): 1}
    assert len(env.orders.waiting([f"{number}|EAST|tmall", f"{number}|SOUTH|tmall"])) == 2
    books_agree(env)


def test_a_short_order_waits_and_the_shortfall_is_listed(env: Env) -> None:
    put_stock(env, {"EAST": {"SKU-1": 3}, "SOUTH": {"SKU-1": 0}})
    numbers = put_orders(env, audited({"SKU-1": 5}, number="1"), audited({"SKU-1": 9}, number="2", paid_at=T0))
    result = source.source(env)
    since = (T0 - timedelta(minutes=9)).isoformat()
    assert result.counts == {"waiting": 2}
    assert result.facts["shortfall"] == {"SKU-1": {"pieces": 8, "orders": 2, "since": since}}
    order = head(env, numbers[0])
    assert (order.progress, order.reroutes, order.due_at) == (Progress.AUDITED, 1, T0 + timedelta(minutes=15))
    assert (held(env), env.stock.demand()) == ({}, {"SKU-1": 14})


def test_a_short_order_is_not_asked_for_again_before_its_time_and_goes_when_stock_came(env: Env) -> None:
    (number,) = put_orders(env, audited())
    source.source(env)
    put_stock(env, {"EAST": {"SKU-1": 2}})
    assert source.source(env).counts == {}
    env.clock.advance(901)
    assert source.source(env).counts == {"sourced": 1}
    assert head(env, number).due_at is None


def test_the_promised_first_get_what_there_is(env: Env) -> None:
    put_stock(env, {"EAST": {"SKU-1": 4}})
    late, soon, none = put_orders(
        env, audited(number="1", ship_by=T0 + timedelta(hours=9)), audited(number="2", ship_by=T0 + timedelta(hours=3)),
        audited(number="3", ship_by=None),
    )  # fmt: skip
    assert source.source(env).counts == {"sourced": 2, "waiting": 1}
    assert [head(env, n).progress for n in (soon, late, none)] == [Progress.SOURCED, Progress.SOURCED, Progress.AUDITED]


def test_an_order_tried_too_often_is_held_and_a_release_gives_it_as_many_tries(env: Env) -> None:
    (number,) = put_orders(env, audited(reroutes=9))
    assert source.source(env).items[0].reason == "source.reroutes"
    orders.release(env, [number], by="li")
    assert source.source(env).counts == {"waiting": 1}


@pytest.mark.parametrize("flag", ["platform_warehouse", "virtual"])
def test_what_no_warehouse_of_ours_ships_is_held(env: Env, flag: str) -> None:
    put_stock(env, {"EAST": {"SKU-1": 5}})
    (number,) = put_orders(env, audited(flags=(flag,)))
    assert source.source(env).items[0].reason == f"source.{flag}"
    assert (head(env, number).held, held(env)) == (1, {})


def test_an_order_with_an_unmapped_line_goes_back_to_the_audit(env: Env) -> None:
    (number,) = put_orders(env, audited([("", 1, 100)], line={"code": ""}))
    assert source.source(env).counts == {"audit_again": 1}
    assert head(env, number).progress == Progress.CREATED


def test_an_order_that_no_place_serves_is_held(tmp_path: Path) -> None:
    env = open_env(tmp_path, warehouses={"EAST": {"excludes": ["浙江"]}})
    put_stock(env, {"EAST": {"SKU-1": 5}})
    put_orders(env, audited())
    assert source.source(env).items[0].reason == "source.no_place"
    env.close()


def test_a_dry_run_lists_what_it_would_do_and_writes_nothing(env: Env) -> None:
    put_stock(env, {"EAST": {"SKU-1": 3}})
    one, two = put_orders(env, audited(number="1", ship_by=T0 + timedelta(hours=1)), audited(number="2"))
    before = [*env.orders.dump(), *env.stock.dump()]
    result = source.source(env, dry_run=True)
    assert [(i.ref, i.did, i.reason) for i in result.items] == [
        (two, "waiting", "source.shortage"), (one, "sourced", "source.single"),
    ]  # fmt: skip
    assert [*env.orders.dump(), *env.stock.dump()] == before


def test_a_dry_run_over_several_batches_gives_the_same_pieces_away_once(tmp_path: Path) -> None:
    env = open_env(tmp_path, sourcing={"batch": 1})
    put_stock(env, {"EAST": {"SKU-1": 2}})
    put_orders(env, audited(number="1"), audited(number="2"))
    dry = source.source(env, dry_run=True)
    assert dry.counts == source.source(env).counts == {"sourced": 1, "waiting": 1}
    env.close()


@pytest.mark.parametrize(
    ("settings", "says"), [({"warehouses": {}}, "no enabled warehouse"), ({"sourcing": {"rules": ["luck"]}}, "luck")]
)
def test_settings_that_cannot_source_are_refused(tmp_path: Path, settings: dict[str, Any], says: str) -> None:
    env = open_env(tmp_path, **settings)
    with pytest.raises(BadSettings, match=says):
        source.source(env)
    env.close()


# ------------------------------------------------------------------ intents


def test_a_stored_intent_beats_a_fresh_decision(env: Env) -> None:
    put_stock(env, {"EAST": {"SKU-1": 5}, "SOUTH": {"SKU-1": 5}})
    (number,) = put_orders(env, audited(attempt=3, intent=(("SOUTH", "SKU-1", 2),)))
    assert source.source(env).counts == {"sourced": 1}
    assert held(env) == {("SOUTH", "SKU-1"): 2}
    assert [r.reservation_id for r in env.stock.reservations([number])[number]] == [f"{number}:3"]


def test_an_intent_that_became_short_is_voided_and_gives_back_what_it_got(env: Env) -> None:
    put_stock(env, {"EAST": {"SKU-1": 5}, "SOUTH": {"SKU-2": 0}})
    intent = (("EAST", "SKU-1", 1), ("SOUTH", "SKU-2", 1))
    (number,) = put_orders(env, audited({"SKU-1": 1, "SKU-2": 1}, attempt=1, intent=intent))
    assert source.source(env).counts == {"waiting": 1}
    assert (head(env, number).intent, head(env, number).reroutes) == ((), 1)
    assert (held(env), env.stock.demand()) == ({}, {"SKU-1": 1, "SKU-2": 1})
    put_stock(env, {"EAST": {"SKU-2": 1}})
    assert source.source(env).counts == {"sourced": 1}
    assert held(env) == {("EAST", "SKU-1"): 1, ("EAST", "SKU-2"): 1}


def test_an_intent_that_does_not_fit_its_order_any_more_is_voided(env: Env) -> None:
    put_stock(env, {"EAST": {"SKU-1": 5}})
    (number,) = put_orders(env, audited(attempt=1, intent=(("EAST", "SKU-1", 1),)))
    assert source.source(env).counts == {"waiting": 1}
    assert source.source(env).counts == {"sourced": 1}
    assert (head(env, number).attempt, held(env)) == (2, {("EAST", "SKU-1"): 2})


GAPS = [source.INTENDED, reserving.RESERVED]


def a_day(env: Env) -> None:
    put_stock(env, {"EAST": {"SKU-1": 6, "SKU-2": 1}, "SOUTH": {"SKU-1": 1, "SKU-2": 3}})
    put_orders(
        env, *(audited({"SKU-1": 1, "SKU-2": 1}, number=str(n), ship_by=T0 + timedelta(hours=n)) for n in range(1, 7))
    )


def outcome(env: Env) -> Any:
    """What must come out the same, however often a run died: everything but versions, runs and times."""
    orders_ = [
        (f.order.order_no, f.order.progress, f.order.intent, tuple((s.sku, s.warehouse) for s in f.ship_lines))
        for batch in env.orders.scan()
        for f in batch
    ]
    return orders_, env.stock.levels(), env.stock.demand()


@pytest.mark.parametrize("name", GAPS)
@pytest.mark.parametrize("batch", [2, 200])
def test_a_run_killed_in_a_gap_and_run_again_ends_like_one_that_was_not(tmp_path: Path, name: str, batch: int) -> None:
    ends = []
    for folder in ("killed", "whole"):
        env = open_env(tmp_path / folder, sourcing={"batch": batch})
        a_day(env)
        if folder == "killed":
            with killed_at(name):
                source.source(env)
            env.clock.advance(env.settings.sourcing.lease + 1)
        source.source(env)
        books_agree(env)
        ends.append(outcome(env))
        env.close()
    assert ends[0] == ends[1]


def test_a_run_killed_while_it_voids_leaves_nothing_held_for_good(env: Env) -> None:
    put_stock(env, {"EAST": {"SKU-1": 5}, "SOUTH": {"SKU-2": 0}})
    intent = (("EAST", "SKU-1", 1), ("SOUTH", "SKU-2", 1))
    (number,) = put_orders(env, audited({"SKU-1": 1, "SKU-2": 1}, attempt=1, intent=intent))
    with killed_at(reserving.FREED):
        source.source(env)
    assert held(env) == {("EAST", "SKU-1"): 1}
    env.clock.advance(env.settings.sourcing.lease + 1)
    with killed_at(source.CLEANED):
        source.source(env)
    assert (held(env), env.stock.demand()) == ({}, {"SKU-1": 1, "SKU-2": 1})
    env.clock.advance(env.settings.sourcing.lease + 1)
    source.source(env)
    assert head(env, number).reroutes == 2
    books_agree(env)


# ------------------------------------------------------------------ others come in between


@pytest.mark.parametrize("name", GAPS)
def test_a_run_that_was_stopped_past_its_lease_changes_nothing_twice(env: Env, tmp_path: Path, name: str) -> None:
    a_day(env)
    other = open_env(tmp_path, clock=env.clock)

    def overtake() -> None:
        env.clock.advance(env.settings.sourcing.lease + 1)
        source.source(other)

    with at_gap(name, overtake):
        source.source(env)
    books_agree(env)
    counts = env.orders.counts()
    assert (counts["tmall", "sourced"], counts["tmall", "audited"]) == (4, 2)
    other.close()


@pytest.mark.parametrize("name", GAPS)
def test_stock_held_for_an_order_that_changed_meanwhile_is_given_back(env: Env, name: str) -> None:
    put_stock(env, {"EAST": {"SKU-1": 5}})
    (number,) = put_orders(env, audited())

    def push() -> None:
        change = Change(
            order_no=number,
            expect=head(env, number).version,
            to=Progress.CREATED,
            reason="platform.address",
            set={"intent": ()},
        )
        env.orders.apply([change], run_id="push")

    with at_gap(name, push):
        assert source.source(env).counts == {"passed_over": 1}
    assert (held(env), env.stock.demand()) == ({}, {"SKU-1": 2})


def test_a_competitor_that_takes_the_stock_first_leaves_the_order_waiting(env: Env) -> None:
    put_stock(env, {"EAST": {"SKU-1": 2}})
    one, two = put_orders(env, audited(number="1", ship_by=T0 + timedelta(hours=1)), audited(number="2"))

    def compete() -> None:
        source.source(env, orders=[two])

    with at_gap(source.INTENDED, compete):
        assert source.source(env, orders=[one]).counts == {"waiting": 1}
    assert [head(env, n).progress for n in (one, two)] == [Progress.AUDITED, Progress.SOURCED]
    assert env.orders.history(one)[-1].reason == "source.raced"
    assert env.stock.demand() == {"SKU-1": 2}
    books_agree(env)


def test_a_stopped_run_that_saw_a_shortage_does_not_give_back_what_another_got(env: Env, tmp_path: Path) -> None:
    intent = (("EAST", "SKU-1", 2),)
    (number,) = put_orders(env, audited(attempt=1, intent=intent))
    other = open_env(tmp_path, clock=env.clock)

    def stock_comes_and_another_sources() -> None:
        put_stock(other, {"EAST": {"SKU-1": 2}})
        env.clock.advance(env.settings.sourcing.lease + 1)
        assert source.source(other).counts == {"sourced": 1}

    with at_gap(reserving.RESERVED, stock_comes_and_another_sources):
        source.source(env)
    assert head(env, number).progress == Progress.SOURCED
    assert held(env) == {("EAST", "SKU-1"): 2}
    other.close()


def test_only_what_an_order_held_before_it_was_read_counts_as_abandoned() -> None:
    order = audited(attempt=2).order
    held_now = [
        Reservation(
            reservation_id=f"x:{n}", order_no="x", attempt=n, warehouse="EAST", items=(("A", 1),), state=s, at=T0
        )
        for n, s in ((1, "open"), (2, "open"), (2, "released"), (3, "open"))
    ]
    found = reserving.abandoned([order], {order.order_no: held_now})
    assert found == [("x:1", "EAST"), ("x:2", "EAST")]


def test_two_runs_in_two_processes_oversell_nothing(tmp_path: Path) -> None:
    env = open_env(tmp_path, sourcing={"batch": 10})
    put_stock(env, {"EAST": {"SKU-1": 60, "SKU-2": 10}, "SOUTH": {"SKU-1": 31, "SKU-2": 40}})
    fulls = [audited({"SKU-1": 1 + n % 3, "SKU-2": n % 2 + 1}, number=str(n + 1)) for n in range(120)]
    put_orders(env, *fulls)
    env.close()
    act = "from jobs import source; env.settings.sourcing.__dict__['batch'] = 7; source.source(env)"
    race(tmp_path, [act, act])
    env = open_env(tmp_path)
    books_agree(env)
    counts = env.orders.counts()
    assert counts["tmall", "sourced"] + counts["tmall", "audited"] == 120
    env.clock.advance(1000)
    source.source(env)
    books_agree(env)
    left = {(v.warehouse, v.sku): v.available for v in env.stock.levels()}
    smallest = min(
        (f for b in env.orders.scan(progress=[Progress.AUDITED]) for f in b), key=lambda f: f.ship_lines[0].qty
    )
    assert not any(all(left.get((w, s.sku), 0) >= s.qty for s in smallest.ship_lines) for w in ("EAST", "SOUTH"))
    env.close()


def test_a_resourced_order_holds_its_stock_once(env: Env) -> None:
    put_stock(env, {"EAST": {"SKU-1": 5}, "SOUTH": {"SKU-1": 5}})
    (number,) = put_orders(env, audited())
    source.source(env)
    far = Region(province="广东省")
    for to, fields in ((Progress.AUDITED, {"region": far}),):
        change = Change(
            order_no=number, expect=head(env, number).version, to=to, reason="again", set=fields, waiting=()
        )
        env.orders.apply([change], run_id="push")
    assert source.source(env).counts == {"sourced": 1}
    assert held(env) == {("SOUTH", "SKU-1"): 2}
    full = env.orders.load([number])[number]
    assert [s.warehouse for s in full.ship_lines] == ["SOUTH"]
    assert msgspec.structs.replace(full.order, version=1).attempt == 2
