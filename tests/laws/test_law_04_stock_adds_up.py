"""Law 4: stock adds up. Whoever races whom, nothing is promised twice, and each counter is the sum of its journal."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stores
from jobs import audit, levels, push, source
from jobs.env import Env
from stores.contracts import Stock
from stores.records import Ask, Progress, StockMove
from tests.factories import T0, make_full_order, open_env, put_orders, put_stock
from tests.fulfilment import document, number_of
from tests.killing import race
from tests.laws.market import Office, office, play
from tests.laws.stock_racers import open_pieces
from tests.stores.clocks import FixedClock
from tests.stores.contract_stock import books

SHOPPERS = 4


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = open_env(tmp_path)
    yield made
    made.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Office]:
    made = office(tmp_path)
    yield made
    made.env.close()


def ask(order: str, *items: tuple[str, int], attempt: int = 1) -> Ask:
    return Ask(reservation_id=f"{order}:{attempt}", order_no=order, attempt=attempt, warehouse="W", items=items)


# ------------------------------------------------------------------ races


def test_racing_processes_never_promise_a_piece_twice(env: Env, tmp_path: Path) -> None:
    put_stock(env, {"W": {"A": 40, "B": 25}})
    head = "from tests.laws.stock_racers import shopper, watcher\n"
    acts = [f"{head}shopper(env, me, 25)\n(folder / f'{{me}}.done').touch()" for _ in range(SHOPPERS)]
    race(tmp_path, [*acts, f"{head}watcher(env, folder, {SHOPPERS})"])
    books(env.stock)
    held = [r for part in env.stock.scan_reservations(state="open") for r in part]
    assert {x.sku: x.held for x in env.stock.levels()} == {"A": 0, "B": 0} | open_pieces(held)
    shipped = [r for part in env.stock.scan_reservations(state="shipped") for r in part]
    assert shipped, "nothing ever shipped: the race proves little"


def test_a_new_attempt_takes_the_place_of_the_old_in_one_step(env: Env, tmp_path: Path) -> None:
    """Seven after six of seven pieces: only who gives back and takes in one step can grant that, and nobody sees between."""
    put_stock(env, {"W": {"A": 7}})
    assert env.stock.reserve([ask("o", ("A", 6))], run_id="t")[0].granted
    head = "from tests.laws.stock_racers import onlooker, trier\n"
    race(tmp_path, [f"{head}trier(env, folder, 60)", f"{head}onlooker(env, folder)"])
    assert [r.state for r in env.stock.reservations(["o"])["o"]].count("superseded") == 60
    books(env.stock)


def test_racing_sourcers_hold_each_order_once_and_no_more_than_there_is(env: Env, tmp_path: Path) -> None:
    """Twelve orders of two pieces want twenty-four; there are fifteen."""
    put_stock(env, {"EAST": {"SKU-1": 15}})
    fulls = [make_full_order({"SKU-1": 2}, number=f"{n:019d}", progress=Progress.AUDITED) for n in range(12)]
    numbers = put_orders(env, *fulls)
    race(tmp_path, ["from jobs import source\nsource.source(env)"] * 3)
    heads = env.orders.heads(numbers)
    assert sorted(h.progress for h in heads.values()) == ["audited"] * 5 + ["sourced"] * 7
    [level] = [x for x in env.stock.levels() if x.sku == "SKU-1"]
    assert (level.on_hand, level.held) == (15, 14)
    books(env.stock)


# ------------------------------------------------------------------ the reservation and its id

items = st.dictionaries(st.sampled_from("ABC"), st.integers(1, 5), min_size=1).map(lambda d: tuple(sorted(d.items())))


@settings(max_examples=40, deadline=None)
@given(on_hand=st.dictionaries(st.sampled_from("ABC"), st.integers(1, 9)), asked=st.lists(items, max_size=6))
def test_all_lines_or_none_and_the_same_id_the_same_answer(
    on_hand: dict[str, int], asked: list[tuple[tuple[str, int], ...]]
) -> None:
    with stock_of(on_hand) as stock:
        free = {sku: on_hand.get(sku, 0) for sku in "ABC"}
        granted: list[Ask] = []
        for n, lines in enumerate(asked):
            one = ask(f"o{n}", *lines)
            [answer] = stock.reserve([one], run_id="r")
            missing = {sku: qty - free[sku] for sku, qty in lines if qty > free[sku]}
            assert (answer.granted, answer.missing) == (not missing, missing)
            if answer.granted:
                granted.append(one)
                free = {sku: n - dict(lines).get(sku, 0) for sku, n in free.items()}
            assert {x.sku: x.on_hand - x.held for x in stock.levels()} == {s: free[s] for s in on_hand}
        assert all(a.granted for a in stock.reserve([*granted, *reversed(granted)], run_id="r"))
        assert {x.sku: x.on_hand - x.held for x in stock.levels()} == {s: free[s] for s in on_hand}
        books(stock)


def test_a_shortage_is_forgotten_as_soon_as_there_is_stock(env: Env) -> None:
    put_stock(env, {"W": {"A": 1}})
    one = ask("o", ("A", 2))
    assert env.stock.reserve([one, one], run_id="r")[0].missing == {"A": 1}
    assert env.stock.reservations(["o"]) == {}
    env.clock.advance(1)
    put_stock(env, {"W": {"A": 2}})
    assert env.stock.reserve([one], run_id="r")[0].granted


# ------------------------------------------------------------------ counts have their time


@contextmanager
def stock_of(on_hand: dict[str, int]) -> Iterator[Stock]:
    """A stock store in a folder that goes away."""
    with TemporaryDirectory() as folder:
        stock = stores.open_stock(f"sqlite:{folder}/stock.db?lasting=no", clock=FixedClock())
        stock.move([moved(f"open:{s}", n, T0, s) for s, n in on_hand.items()], run_id="r")
        yield stock
        stock.close()


def moved(key: str, qty: int, at: datetime, sku: str = "A") -> StockMove:
    return StockMove(key=key, kind="adjust", warehouse="W", sku=sku, on_hand=qty, at=at)


def minute(n: int) -> datetime:
    return T0 + timedelta(minutes=n)


@settings(max_examples=60, deadline=None)
@given(
    moves=st.lists(st.integers(1, 9), min_size=1, max_size=10),
    counts=st.lists(st.tuples(st.integers(0, 10), st.integers(0, 50), st.integers(0, 10)), max_size=4),
)
def test_a_count_stands_at_its_time_and_what_moved_later_stays(
    moves: list[int], counts: list[tuple[int, int, int]]
) -> None:
    """A count of minute `as_of` arrives when `seen` movements are booked: it may be much older than these, never newer."""
    with stock_of({}) as stock:
        newest: tuple[int, int] | None = None
        for n, qty in enumerate([*moves, 0], 1):
            for k, (as_of, pieces, seen) in enumerate(counts):
                if seen == n - 1:
                    newest = _counted(stock, newest, f"count:{k}", min(as_of, seen), pieces)
            if qty:
                stock.move([moved(f"move:{n}", qty, minute(n))], run_id="r")
            at, base = newest or (-1, 0)
            later = sum(q for m, q in enumerate(moves[:n], 1) if m > at)
            assert sum(x.on_hand for x in stock.levels()) == base + later
        books(stock)


def _counted(stock: Stock, newest: tuple[int, int] | None, key: str, as_of: int, pieces: int) -> tuple[int, int] | None:
    [outcome] = stock.count([(key, "W", "A", pieces, minute(as_of))], run_id="r", reason="count")
    if newest is not None and as_of < newest[0]:
        assert (outcome.result, outcome.reason) == ("refused", "older_count")
        return newest
    assert outcome.ok
    return as_of, pieces


# ------------------------------------------------------------------ what is shown to buyers


def shown(o: Office) -> int:
    o.env.clock.advance(60)
    levels.push(o.env)
    return o.market.levels["L-SKU-1"]


def test_what_is_shown_is_on_hand_less_held_claims_and_safety(tmp_path: Path) -> None:
    given = {
        "tmall": {
            "platform": "taobao",
            "seller_id": "2200001",
            "app_key": "k",
            "app_secret": "s",
            "levels": {"safety": 3},
        }
    }
    o = office(tmp_path, shops=given)
    o.market.sells(document("1", ("SKU-1", 4)), document("2", ("SKU-1", 5)))
    play(o, "sync")
    push.push(o.env)
    assert shown(o) == 100 - 4 - 5 - 3, "a claim is not for sale"
    audit.audit(o.env, orders=[number_of("1")])
    source.source(o.env)
    assert {x.held for x in o.env.stock.levels(skus=["SKU-1"])} == {4} and o.env.stock.demand() == {"SKU-1": 5}
    assert shown(o) == 100 - 4 - 5 - 3, "a claim that became a hold was counted twice, or not at all"
    o.env.close()


def test_a_level_is_not_raised_while_the_frontier_is_old_and_falls_all_the_same(shop: Office) -> None:
    """Orders that were not pulled yet may have taken what a count has found."""
    env = shop.env
    shop.market.sells(document("1", ("SKU-1", 4)))
    play(shop, "sync")
    push.push(env)
    assert shown(shop) == 96
    env.clock.advance(env.settings.shops["tmall"].levels.frontier_max_age)
    put_stock(env, {"EAST": {"SKU-1": 500}})
    assert shown(shop) == 96
    put_stock(env, {"EAST": {"SKU-1": 50}})
    assert shown(shop) == 46
    put_stock(env, {"EAST": {"SKU-1": 60}})
    assert shown(shop) == 46
    play(shop, "sync")
    push.push(env)
    assert shown(shop) == 56
