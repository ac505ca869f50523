"""merge plan and run: every sourced order gets its parcel, alone or with others; killed or raced, exactly one."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.errors import Retryable
from jobs import forming, merge, orders, source, undoing
from jobs.env import Env
from jobs.errors import UnknownThing
from jobs.rules.merging import parcel_no
from stores.contracts import Change
from stores.records import FullOrder, Hold, Parcel, ParcelState, Progress
from tests.factories import SHOPS, T0, at_progress, make_full_order, open_env, put_orders, put_stock
from tests.killing import at_gap, killed_at, race

WINDOW = 1801


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = open_env(tmp_path)
    yield made
    made.close()


def sourced(env: Env, *fulls: FullOrder) -> list[str]:
    """Orders as order source leaves them, each with what it needs in stock."""
    numbers = put_orders(env, *(at_progress(f, Progress.AUDITED) for f in fulls))
    if not env.stock.levels():
        put_stock(env, {"EAST": {"SKU-1": 999}, "SOUTH": {"SKU-2": 999}})
    assert source.source(env).counts == {"sourced": len(fulls)}
    return numbers


def parcels(env: Env, *states: ParcelState) -> list[Parcel]:
    return env.orders.find_parcels(states=states)


def members(env: Env, *states: ParcelState) -> list[list[str]]:
    return sorted([orders_.lstrip("0") for orders_ in (m[8:34] for m in p.members)] for p in parcels(env, *states))


def whole(env: Env) -> None:
    """Every merged order is in planned parcels that know it, every planned parcel's members are in it, all lines named."""
    planned = {p.parcel_no: p for p in parcels(env, ParcelState.PLANNED)}
    assert parcels(env, ParcelState.PLANNING, ParcelState.VOIDING) == []
    inside: dict[str, set[str]] = {}
    for batch in env.orders.scan():
        for full in batch:
            active = {m.parcel_no for m in full.memberships if m.active}
            named = {s.parcel_no for s in full.ship_lines if s.status == "open"}
            if full.order.progress == Progress.MERGED:
                assert active == named
                assert active
                for number in active:
                    inside.setdefault(number, set()).add(full.order.order_no)
            else:
                assert not active
                assert named <= {""}
    assert inside == {number: set(p.members) for number, p in planned.items()}


def test_orders_of_one_buyer_and_address_become_one_parcel_when_their_window_ends(env: Env) -> None:
    numbers = sourced(env, make_full_order(number="1"), make_full_order(number="2"))
    assert merge.merge(env).counts == {}
    env.clock.advance(WINDOW)
    assert merge.merge(env).counts == {"merged": 2, "parcels": 1}
    (parcel,) = parcels(env)
    assert (parcel.members, parcel.state, parcel.carrier) == (tuple(sorted(numbers)), ParcelState.PLANNED, "SF")
    assert parcel.parcel_no == parcel_no(min(numbers), "EAST", 0)
    step = env.orders.history(numbers[0])[-1]
    assert (step.to_state, step.reason, step.facts["orders"]) == ("merged", "merge.window", 2)
    [planned] = env.orders.history(parcel.parcel_no)
    assert (planned.to_state, planned.reason, planned.facts["orders"]) == ("planned", "merge.window", 2)
    whole(env)


def test_a_near_latest_time_merges_before_the_window_ends(env: Env) -> None:
    (number,) = sourced(env, make_full_order(ship_by=T0 + timedelta(hours=3)))
    assert merge.merge(env).counts == {"merged": 1, "parcels": 1}
    assert env.orders.history(number)[-1].reason == "merge.press"


def test_an_order_without_a_key_goes_alone_at_once_and_says_why(env: Env) -> None:
    numbers = sourced(env, make_full_order(number="1", merge_key=""), make_full_order(number="2", merge_key=""))
    assert merge.merge(env).counts == {"merged": 2, "parcels": 2}
    assert env.orders.history(numbers[0])[-1].facts["alone"] == "merge.no_key"


def test_the_parts_of_a_split_order_get_parcels_of_their_own(env: Env) -> None:
    (number,) = sourced(env, make_full_order({"SKU-1": 1, "SKU-2": 1}))
    assert merge.merge(env).counts == {"merged": 1, "parcels": 2}
    assert [(p.warehouse, p.members) for p in sorted(parcels(env), key=lambda p: p.warehouse)] == [
        ("EAST", (number,)), ("SOUTH", (number,)),
    ]  # fmt: skip
    whole(env)


def test_a_plan_tells_who_would_share_a_parcel_and_who_may_not_and_why(env: Env) -> None:
    numbers = sourced(env, *(make_full_order(number=str(n), flags=("cod",) if n == 3 else ()) for n in (1, 2, 3, 4)))
    orders.hold(env, [numbers[3]], by="li")
    env.clock.advance(WINDOW)
    before = list(env.orders.dump())
    result = merge.merge(env, dry_run=True)
    told = {(i.did, i.reason, len(i.facts.get("orders", ()))) for i in result.items}
    assert told == {("waiting", "merge.held", 0), ("merged", "merge.window", 2), ("merged", "merge.flag", 1)}
    assert (result.counts, list(env.orders.dump())) == ({"waiting": 1, "merged": 2}, before)
    assert {i.ref for i in result.items if i.did == "merged"} == {
        parcel_no(min(numbers[:2]), "EAST", 0), parcel_no(numbers[2], "EAST", 0),
    }  # fmt: skip


def test_a_held_order_is_not_waited_for_and_goes_when_it_is_released(env: Env) -> None:
    numbers = sourced(env, make_full_order(number="1"), make_full_order(number="2"))
    orders.hold(env, [numbers[0]], by="li")
    env.clock.advance(WINDOW)
    assert merge.merge(env).counts == {"waiting": 1, "merged": 1, "parcels": 1}
    orders.release(env, [numbers[0]], by="li")
    assert merge.merge(env).counts == {"merged": 1, "parcels": 1}
    whole(env)


def test_merging_twice_changes_nothing(env: Env) -> None:
    sourced(env, make_full_order(number="1"), make_full_order(number="2"))
    env.clock.advance(WINDOW)
    merge.merge(env)
    before = list(env.orders.dump())
    assert merge.merge(env).counts == {}
    assert list(env.orders.dump()) == before


def test_a_limit_bounds_the_run(env: Env) -> None:
    sourced(env, *(make_full_order(number=str(n), merge_key=f"k{n % 3}") for n in range(6)))
    env.clock.advance(WINDOW)
    assert merge.merge(env, limit=3).counts == {"merged": 4, "parcels": 2}
    assert merge.merge(env).counts == {"merged": 2, "parcels": 1}


def test_a_shop_that_is_not_named_is_left_alone(tmp_path: Path) -> None:
    env = open_env(tmp_path, shops={**SHOPS, "other": {**SHOPS["tmall"], "seller_id": "2"}})
    sourced(env, make_full_order())
    env.clock.advance(WINDOW)
    with pytest.raises(UnknownThing):
        merge.merge(env, shops=["no-*"])
    assert merge.merge(env, shops=["other"]).counts == {}
    assert merge.merge(env, shops=["tm*"]).counts == {"merged": 1, "parcels": 1}
    env.close()


# ------------------------------------------------------------------ the platform's word


class Asked:
    """A platform that answers which orders may merge."""

    def __init__(self, *groups: Sequence[str], error: Exception | None = None) -> None:
        self.groups, self.error, self.pairs = groups, error, []

    def merge_groups(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
        self.pairs += [list(pairs)]
        if self.error:
            raise self.error
        return [tuple(g) for g in self.groups]


def confirm(*numbers: str) -> list[FullOrder]:
    return [make_full_order(number=n, merge_confirm=True) for n in numbers]


def test_a_candidate_group_is_merged_as_the_platform_says(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    sourced(env, *confirm("1", "2", "3"))
    env.clock.advance(WINDOW)
    platform = Asked(("1", "3"), ("2",))
    monkeypatch.setattr(env, "platform", lambda _alias: platform)
    assert merge.merge(env).counts == {"merged": 3, "parcels": 2}
    assert platform.pairs == [[("1", "oaid-1"), ("2", "oaid-1"), ("3", "oaid-1")]]
    assert members(env) == [["1", "3"], ["2"]]
    assert [a.act for a in env.ledger.audit_trail()] == ["decrypt"]


def test_orders_go_alone_when_the_platform_does_not_answer(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = sourced(env, *confirm("1", "2"), make_full_order(number="9", merge_key="other"))
    env.clock.advance(WINDOW)
    monkeypatch.setattr(env, "platform", lambda _alias: Asked(error=Retryable("503")))
    result = merge.merge(env)
    assert result.counts == {"merged": 3, "parcels": 3, "unconfirmed": 2}
    assert "503" in result.facts["unconfirmed"]["tmall"]
    assert env.orders.history(numbers[0])[-1].facts["alone"] == "merge.unconfirmed"
    whole(env)


def test_a_platform_is_asked_about_whole_groups_of_at_most_a_hundred(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    fulls = [make_full_order(number=str(n), merge_key=f"k{n // 15}", merge_confirm=True) for n in range(120)]
    sourced(env, *fulls)
    env.clock.advance(WINDOW)
    platform = Asked()
    monkeypatch.setattr(env, "platform", lambda _alias: platform)
    assert merge.merge(env).counts == {"merged": 120, "parcels": 120}
    assert [len(p) for p in platform.pairs] == [90, 30]


# ------------------------------------------------------------------ killed, raced, overtaken

SPLIT = {"SKU-1": 1, "SKU-2": 1}


def a_day(env: Env) -> None:
    sourced(
        env, *(make_full_order(number=str(n), merge_key=f"k{n % 2}") for n in range(1, 6)), make_full_order(SPLIT, number="8"),
        make_full_order(number="9", merge_key=""),
    )  # fmt: skip
    env.clock.advance(WINDOW)


@pytest.mark.parametrize("name", [forming.INTENDED, forming.JOINED])
def test_a_run_killed_in_a_gap_and_run_again_ends_like_one_that_was_not(tmp_path: Path, name: str) -> None:
    ends = []
    for folder in ("killed", "whole"):
        env = open_env(tmp_path / folder)
        a_day(env)
        if folder == "killed":
            with killed_at(name):
                merge.merge(env)
            assert parcels(env, ParcelState.PLANNING)
        merge.merge(env)
        whole(env)
        ends.append(([(p.parcel_no, p.members, p.state) for p in parcels(env)], env.stock.levels(), members(env)))
        env.close()
    assert ends[0] == ends[1]


@pytest.mark.parametrize("name", [forming.INTENDED, forming.JOINED])
def test_a_killed_intent_is_kept_though_more_orders_came(env: Env, name: str) -> None:
    sourced(env, make_full_order(number="2"), make_full_order(number="3"))
    env.clock.advance(WINDOW)
    with killed_at(name):
        merge.merge(env)
    sourced(env, make_full_order(number="1"))
    env.clock.advance(WINDOW)
    merge.merge(env)
    assert members(env) == [["1"], ["2", "3"]]
    whole(env)


def test_an_intent_whose_member_went_elsewhere_is_undone_and_the_others_merge_again(env: Env) -> None:
    numbers = sourced(env, make_full_order(number="1"), make_full_order(number="2"))
    env.clock.advance(WINDOW)
    with killed_at(forming.INTENDED):
        merge.merge(env)
    head = env.orders.heads(numbers)[numbers[0]]
    gone = Change(order_no=numbers[0], expect=head.version, to=Progress.CANCELLED, reason="closed", waiting=())
    env.orders.apply([gone], run_id="push")
    assert merge.merge(env).counts == {"swept": 1, "merged": 1, "parcels": 1}
    assert members(env, ParcelState.PLANNED) == [["2"]]
    assert members(env, ParcelState.VOID) == [["1", "2"]]
    whole(env)


@pytest.mark.parametrize("name", [undoing.VOIDING, undoing.RETURNED])
def test_an_undoing_killed_half_way_is_finished(env: Env, name: str) -> None:
    numbers = sourced(env, make_full_order(number="1"), make_full_order(number="2"))
    env.clock.advance(WINDOW)

    def hold() -> None:
        orders.hold(env, [numbers[0]], by="li")

    with killed_at(name), at_gap(forming.INTENDED, hold):
        merge.merge(env)
    assert parcels(env, ParcelState.VOIDING)
    assert merge.merge(env).counts == {"swept": 1, "waiting": 1, "merged": 1, "parcels": 1}
    whole(env)
    orders.release(env, [numbers[0]], by="li")
    merge.merge(env)
    assert members(env, ParcelState.PLANNED) == [["1"], ["2"]]
    whole(env)


def test_a_split_order_killed_before_its_second_parcel_was_written_gets_both(env: Env) -> None:
    (number,) = sourced(env, make_full_order(SPLIT))
    one = Parcel(
        parcel_no=parcel_no(number, "EAST", 0), shop="tmall", platform="taobao", warehouse="EAST", state=ParcelState.PLANNING,
        members=(number,), created_at=T0, changed_at=T0,
    )  # fmt: skip
    env.orders.add_parcels([one], run_id="dead", reason="merge.intended")
    merge.merge(env)
    assert len(parcels(env, ParcelState.PLANNED)) == 2
    whole(env)


def test_a_split_order_never_joins_a_part_of_its_parcels(env: Env) -> None:
    (number,) = sourced(env, make_full_order(SPLIT))
    stale = Parcel(
        parcel_no=parcel_no(number, "EAST", 7), shop="tmall", platform="taobao", warehouse="EAST", state=ParcelState.PLANNING,
        members=(number,), created_at=T0, changed_at=T0,
    )  # fmt: skip
    env.orders.add_parcels([stale], run_id="dead", reason="merge.intended")
    merge.merge(env)
    assert [p.parcel_no for p in parcels(env, ParcelState.VOID)] == [stale.parcel_no]
    assert len(parcels(env, ParcelState.PLANNED)) == 2
    whole(env)


def test_a_member_that_is_held_after_the_plan_leaves_the_parcel_to_be_made_anew(env: Env) -> None:
    numbers = sourced(env, *(make_full_order(number=str(n)) for n in (1, 2, 3)))
    env.clock.advance(WINDOW)

    def hold() -> None:
        head = env.orders.heads(numbers)[numbers[1]]
        mark = Hold(order_no=numbers[1], code="refund_asked", owner="platform", since=T0)
        env.orders.apply(
            [Change(order_no=numbers[1], expect=head.version, reason="refund", hold=(mark,))], run_id="push"
        )

    with at_gap(forming.INTENDED, hold):
        merge.merge(env)
    assert members(env, ParcelState.VOID) == [["1", "2", "3"]]
    assert merge.merge(env).counts == {"waiting": 1, "merged": 2, "parcels": 1}
    assert members(env, ParcelState.PLANNED) == [["1", "3"]]
    whole(env)


@pytest.mark.parametrize("name", [forming.INTENDED, forming.JOINED])
def test_a_run_that_was_stopped_while_another_did_its_work_changes_nothing(env: Env, tmp_path: Path, name: str) -> None:
    a_day(env)
    other = open_env(tmp_path, clock=env.clock)
    with at_gap(name, lambda: merge.merge(other)):
        merge.merge(env)
    whole(env)
    assert merge.merge(env).counts == {}
    assert len(parcels(env)) == 5
    other.close()


def test_a_run_stopped_before_it_undoes_does_not_tear_what_another_planned(env: Env, tmp_path: Path) -> None:
    numbers = sourced(env, make_full_order(number="1"), make_full_order(number="2"))
    env.clock.advance(WINDOW)
    other = open_env(tmp_path, clock=env.clock)

    def touch(at: Env) -> None:
        head = at.orders.heads(numbers)[numbers[0]]
        at.orders.apply([Change(order_no=numbers[0], expect=head.version, reason="remark")], run_id="push")

    def another_finishes() -> None:
        merge.merge(other)

    # The first run fails to merge one member; before it looks again, another run has planned the parcel.
    with at_gap(forming.INTENDED, lambda: touch(env)), at_gap(forming.JOINED, another_finishes):
        merge.merge(env)
    whole(env)
    assert members(env, ParcelState.PLANNED) == [["1", "2"]]
    other.close()


def test_a_run_stopped_before_it_merges_cannot_fill_a_parcel_that_was_undone(env: Env, tmp_path: Path) -> None:
    numbers = sourced(env, make_full_order(number="1"), make_full_order(number="2"))
    env.clock.advance(WINDOW)
    other = open_env(tmp_path, clock=env.clock)

    def one_is_held_and_another_sweeps() -> None:
        orders.hold(other, [numbers[0]], by="li")
        with other.run("merge run") as run:
            forming.sweep(other, run)

    with at_gap(forming.INTENDED, one_is_held_and_another_sweeps):
        assert merge.merge(env).counts == {"passed_over": 2}
    assert members(env, ParcelState.VOID) == [["1", "2"]]
    whole(env)
    other.close()


def test_two_runs_in_two_processes_make_each_parcel_once(tmp_path: Path) -> None:
    env = open_env(tmp_path, merge={"window": 0})
    sourced(env, *(make_full_order(number=str(n + 1), merge_key=f"k{n % 25}") for n in range(150)))
    env.close()
    act = "from jobs import merge; env.settings.merge.__dict__['batch'] = 4; merge.merge(env)"
    race(tmp_path, [act, act])
    env = open_env(tmp_path)
    merge.merge(env)
    whole(env)
    assert env.orders.counts()["tmall", "merged"] == 150
    env.close()
