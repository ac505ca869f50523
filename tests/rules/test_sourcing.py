"""Sourcing rules: rank, abstain, tie by name; never more than there is, the same whatever the order of asking."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.rules import sourcing
from jobs.rules.sourcing import Choice, Limits, Need, Place, Tally
from stores.records import Region
from tests.factories import make_full_order

HANGZHOU = Region(province="浙江省", city="杭州市", district="西湖区")
EAST = Place("EAST", regions=sourcing.plain_set(["浙江", "上海"]), priority=20)
SOUTH = Place("SOUTH", regions=sourcing.plain_set(["广东"]), priority=10)
SHOP = Place("SHOP", kind="store", regions=sourcing.plain_set(["西湖区"]), priority=10)
ALL = ("fewest_parcels", "region", "kind", "priority", "stock_depth")


def need(n: int, sku: str, qty: int = 1, value: int = 10_000, line: int = 0) -> Need:
    return Need(n, line or n, sku, qty, value)


def choose(
    needs: Sequence[Need], levels: dict[tuple[str, str], int], places: Sequence[Place] = (EAST, SOUTH), *, where: Region = HANGZHOU,
    rules: Sequence[str] = ALL, limits: Limits | None = None,
) -> Choice:  # fmt: skip
    tally = Tally([(p, s, n) for (p, s), n in levels.items()], places)
    return sourcing.choose(needs, where, places, tally, rules, limits or Limits(True, 5_000, 3))


def homes(choice: Choice) -> dict[str, list[int]]:
    return {place: [n.ship_no for n in needs] for place, needs in choice.parts}


@pytest.mark.parametrize(
    ("rules", "home", "because"),
    [
        (ALL, "EAST", "region"),
        (("priority", "region"), "SOUTH", "priority"),
        (("stock_depth",), "SOUTH", "stock_depth"),
        ((), "EAST", "name"),
    ],
)
def test_the_first_rule_that_sets_a_place_apart_decides(rules: tuple[str, ...], home: str, because: str) -> None:
    choice = choose([need(1, "A")], {("EAST", "A"): 5, ("SOUTH", "A"): 9}, rules=rules)
    assert (list(homes(choice)), choice.reason, choice.facts["because"]) == ([home], "source.single", because)


def test_the_nearest_place_is_the_one_of_the_district() -> None:
    choice = choose([need(1, "A")], {("EAST", "A"): 5, ("SHOP", "A"): 1}, (EAST, SHOP))
    assert list(homes(choice)) == ["SHOP"]


def test_a_place_for_all_regions_comes_before_one_for_another_region() -> None:
    anywhere = Place("ZZZ", priority=99)
    assert list(homes(choose([need(1, "A")], {("SOUTH", "A"): 5, ("ZZZ", "A"): 5}, (SOUTH, anywhere)))) == ["ZZZ"]


def test_the_region_rule_abstains_without_an_address() -> None:
    choice = choose([need(1, "A")], {("EAST", "A"): 5, ("SOUTH", "A"): 5}, where=Region())
    assert (list(homes(choice)), choice.facts["because"]) == (["SOUTH"], "priority")


def test_a_warehouse_comes_before_a_store_and_a_store_before_a_factory() -> None:
    places = (Place("A", kind="factory"), Place("B", kind="store"), Place("C"))
    levels = {(p, "A"): 5 for p in "ABC"}
    assert list(homes(choose([need(1, "A")], levels, places))) == ["C"]
    assert list(homes(choose([need(1, "A")], levels, places[:2]))) == ["B"]


def test_one_place_for_all_wins_even_when_others_rank_higher() -> None:
    levels = {("EAST", "A"): 5, ("SOUTH", "A"): 5, ("SOUTH", "B"): 5}
    choice = choose([need(1, "A"), need(2, "B")], levels, rules=("region", "priority"))
    assert homes(choice) == {"SOUTH": [1, 2]}


def test_an_order_is_split_when_no_place_has_all_of_it() -> None:
    choice = choose([need(1, "A"), need(2, "B")], {("EAST", "A"): 5, ("SOUTH", "B"): 5})
    assert (homes(choice), choice.reason) == ({"EAST": [1], "SOUTH": [2]}, "source.split")
    assert choice.facts["places"] == {"EAST": {"A": 1}, "SOUTH": {"B": 1}}


@pytest.mark.parametrize(
    ("limits", "value"), [(Limits(True, 5_000, 3), 4_999), (Limits(False, 0, 3), 10_000), (Limits(True, 0, 1), 10_000)]
)
def test_a_split_keeps_to_its_limits(limits: Limits, value: int) -> None:
    needs = [need(1, "A"), need(2, "B", value=value)]
    choice = choose(needs, {("EAST", "A"): 5, ("SOUTH", "B"): 5}, limits=limits)
    assert (choice.parts, choice.reason) == ((), "source.split_guard")
    assert choice.missing == {"B": 1}


def test_a_split_shares_lines_so_that_each_part_is_worth_its_parcel() -> None:
    needs = [need(1, "A", value=5_000), need(2, "B", value=5_000), need(3, "C", value=1_000)]
    levels = {("EAST", "A"): 1, ("EAST", "B"): 1, ("SOUTH", "B"): 1, ("SOUTH", "C"): 1}
    assert homes(choose(needs, levels)) == {"EAST": [1], "SOUTH": [2, 3]}


def test_the_parts_of_a_bundle_stay_together() -> None:
    needs = [need(1, "A", line=1), need(2, "B", line=1), need(3, "C", line=2)]
    levels = {("EAST", "A"): 1, ("SOUTH", "B"): 1, ("SOUTH", "C"): 1}
    assert choose(needs, levels).reason == "source.split_guard"
    levels[("SOUTH", "A")] = 1
    del levels[("SOUTH", "C")]
    levels[("EAST", "C")] = 1
    assert homes(choose(needs, levels)) == {"EAST": [3], "SOUTH": [1, 2]}


def test_three_places_are_used_when_two_are_not_enough() -> None:
    places = (EAST, SOUTH, SHOP)
    levels = {("EAST", "A"): 1, ("SOUTH", "B"): 1, ("SHOP", "C"): 1}
    needs = [need(1, "A"), need(2, "B"), need(3, "C")]
    assert len(choose(needs, levels, places).parts) == 3
    assert choose(needs, levels, places, limits=Limits(True, 0, 2)).parts == ()


def test_a_shortage_names_the_missing_pieces() -> None:
    choice = choose([need(1, "A", 5), need(2, "B")], {("EAST", "A"): 1, ("SOUTH", "A"): 2, ("SOUTH", "B"): 1})
    assert (choice.reason, choice.missing) == ("source.shortage", {"A": 2})


def test_the_same_sku_on_two_lines_is_added_up() -> None:
    needs = [need(1, "A", 3), need(2, "A", 3)]
    assert choose(needs, {("EAST", "A"): 5}).missing == {"A": 1}
    assert homes(choose(needs, {("EAST", "A"): 5, ("SOUTH", "A"): 3})) == {"EAST": [1], "SOUTH": [2]}


def test_a_line_is_never_split_over_places() -> None:
    choice = choose([need(1, "A", 10)], {("EAST", "A"): 6, ("SOUTH", "A"): 4})
    assert (choice.parts, choice.reason) == ((), "source.split_guard")


def test_safety_pieces_are_not_promised() -> None:
    careful = Place("EAST", safety=3)
    assert choose([need(1, "A", 3)], {("EAST", "A"): 5}, (careful,)).missing == {"A": 1}
    assert choose([need(1, "A", 2)], {("EAST", "A"): 5}, (careful,)).parts


def test_a_place_is_never_chosen_for_a_region_it_excludes() -> None:
    closed = Place("EAST", excludes=sourcing.plain_set(["浙江"]))
    assert choose([need(1, "A")], {("EAST", "A"): 5}, (closed,)).reason == "source.no_place"
    assert choose([need(1, "A")], {("EAST", "A"): 5}, (closed,), where=Region(province="上海市")).parts


@pytest.mark.parametrize(
    ("name", "plain"),
    [("浙江省", "浙江"), ("上海市", "上海"), ("广西壮族自治区", "广西"), ("新疆维吾尔自治区", "新疆"), ("西湖区", "西湖"),
     ("香港特别行政区", "香港"), ("沙市区", "沙市"), ("郊区", "郊区"), ("", "")],
)  # fmt: skip
def test_place_names_are_compared_without_their_endings(name: str, plain: str) -> None:
    assert sourcing.plain(name) == plain


# ------------------------------------------------------------------ intents


def test_an_intent_has_one_row_per_open_ship_line_and_sums_per_place() -> None:
    full = make_full_order([("A", 1, 100), ("A", 2, 100), ("B", 1, 100)])
    needs = sourcing.needs_of(full)
    intent = sourcing.intent_of((("SOUTH", (needs[2],)), ("EAST", needs[:2])))
    assert intent == (("EAST", "A", 1), ("EAST", "A", 2), ("SOUTH", "B", 1))
    assert sourcing.asks(full, intent) == {"EAST": (("A", 3),), "SOUTH": (("B", 1),)}


def test_an_intent_that_does_not_fit_the_lines_any_more_is_no_ask() -> None:
    full = make_full_order([("A", 1, 100)])
    assert sourcing.asks(full, (("EAST", "A", 2),)) is None
    assert sourcing.asks(full, (("EAST", "A", 1), ("EAST", "B", 1))) is None


@pytest.mark.parametrize(
    ("reroutes", "released", "over"),
    [(8, [], False), (9, [], True), (9, [9], False), (17, [9], False), (18, [9], True)],
)
def test_a_release_gives_an_order_as_many_tries_again(reroutes: int, released: list[int], over: bool) -> None:
    assert sourcing.overtried(reroutes, 9, released) is over


# ------------------------------------------------------------------ properties

skus = st.sampled_from(["A", "B", "C", "D"])
line = st.lists(st.tuples(skus, st.integers(1, 4), st.integers(0, 20_000)), min_size=1, max_size=2)
orders = st.lists(line, min_size=1, max_size=4).map(
    lambda lines: tuple(
        Need(n, line_no, sku, qty, value)
        for n, (line_no, (sku, qty, value)) in enumerate(
            [(i, part) for i, parts in enumerate(lines, 1) for part in parts], 1
        )
    )
)
names = ("EAST", "SOUTH", "SHOP", "MILL")
levels = st.dictionaries(st.tuples(st.sampled_from(names), skus), st.integers(0, 6), max_size=16)
PLACES = (EAST, SOUTH, SHOP, Place("MILL", kind="factory", safety=1))
guards = st.builds(Limits, st.booleans(), st.integers(0, 20_000), st.integers(1, 3))


@given(st.lists(orders, min_size=1, max_size=6), levels, guards)
def test_a_batch_never_takes_more_than_is_available(
    batch: list[tuple[Need, ...]], stock: dict[tuple[str, str], int], limits: Limits
) -> None:
    tally = Tally([(p, s, n) for (p, s), n in stock.items()], PLACES)
    taken: dict[tuple[str, str], int] = {}
    for needs in batch:
        choice = sourcing.choose(needs, HANGZHOU, PLACES, tally, ALL, limits)
        for place, some in choice.parts:
            tally.take(place, some)
            for n in some:
                taken[place, n.sku] = taken.get((place, n.sku), 0) + n.qty
    safety = {p.name: p.safety for p in PLACES}
    for (place, sku), qty in taken.items():
        assert qty <= max(stock.get((place, sku), 0) - safety[place], 0)


@given(orders, levels, guards)
def test_a_choice_ships_every_line_once_and_keeps_to_the_limits(
    needs: tuple[Need, ...], stock: dict[tuple[str, str], int], limits: Limits
) -> None:
    choice = choose(needs, stock, PLACES, limits=limits)
    if not choice.parts:
        assert choice.missing
        return
    assert sorted(n for _, some in choice.parts for n in some) == sorted(needs)
    lines = [{n.line_no for n in some} for _, some in choice.parts]
    assert len(set.union(*lines)) == sum(map(len, lines))
    if len(choice.parts) > 1:
        assert limits.split
        assert len(choice.parts) <= limits.max_parts
        assert all(sum(n.value_minor for n in some) >= limits.split_min_minor for _, some in choice.parts)


@given(orders, levels, st.permutations(ALL))
def test_the_best_place_is_the_first_of_the_ranking(
    needs: tuple[Need, ...], stock: dict[tuple[str, str], int], rules: list[str]
) -> None:
    tally = Tally([(p, s, n) for (p, s), n in stock.items()], PLACES)
    lines = tuple((n,) for n in needs)
    question = sourcing.Question(HANGZHOU, lines, tally)
    ordered, decided = sourcing.rank(question, PLACES, rules)
    assert sourcing.best(question, PLACES, rules) == (ordered[0], decided)


@given(orders, levels, guards, st.randoms(use_true_random=False))
def test_a_choice_does_not_depend_on_the_order_of_places_or_lines(
    needs: tuple[Need, ...], stock: dict[tuple[str, str], int], limits: Limits, shuffler: random.Random
) -> None:
    places, lines = list(PLACES), list(needs)
    shuffler.shuffle(places)
    shuffler.shuffle(lines)
    one, other = choose(needs, stock, PLACES, limits=limits), choose(lines, stock, places, limits=limits)
    assert {p: sorted(n) for p, n in one.parts} == {p: sorted(n) for p, n in other.parts}
    assert (one.reason, one.missing) == (other.reason, other.missing)
