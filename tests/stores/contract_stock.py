"""What every stock engine must do."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stores.contracts import Stock
from stores.records import Ask, Demand, Level, StockMove
from tests.stores.clocks import FixedClock


def ask(order: str, qty: int, *, attempt: int = 1, warehouse: str = "W1", sku: str = "A") -> Ask:
    return Ask(
        reservation_id=f"{order}:{attempt}", order_no=order, attempt=attempt, warehouse=warehouse, items=((sku, qty),)
    )


def books(store: Stock) -> None:
    """Counters equal the journal, held equals open reservations, nothing is negative."""
    on_hand: dict[tuple[str, str], int] = {}
    held: dict[tuple[str, str], int] = {}
    for part in store.journal():
        for e in part:
            on_hand[e.warehouse, e.sku] = on_hand.get((e.warehouse, e.sku), 0) + e.on_hand
            held[e.warehouse, e.sku] = held.get((e.warehouse, e.sku), 0) + e.held
    open_held: dict[tuple[str, str], int] = {}
    for found in store.scan_reservations(state="open"):
        for r in found:
            for sku, qty in r.items:
                left = qty - r.shipped.get(sku, 0)
                open_held[r.warehouse, sku] = open_held.get((r.warehouse, sku), 0) + left
    for level in store.levels():
        place = (level.warehouse, level.sku)
        assert level.on_hand == on_hand.get(place, 0) >= 0
        assert level.held == held.get(place, 0) == open_held.get(place, 0) >= 0


class StockContract:
    """Inherit, and give `store` and `clock` fixtures."""

    def fill(self, store: Stock, clock: FixedClock, qty: int = 10, sku: str = "A", warehouse: str = "W1") -> None:
        move = StockMove(
            key=f"fill:{warehouse}:{sku}:{clock.at}",
            kind="adjust",
            warehouse=warehouse,
            sku=sku,
            on_hand=qty,
            at=clock.at,
        )
        assert store.move([move], run_id="r")[0].result == "done"

    def test_reserve_takes_nothing_when_one_line_is_short(self, store: Stock, clock: FixedClock) -> None:
        self.fill(store, clock)
        self.fill(store, clock, 1, "B")
        both = Ask(reservation_id="o:1", order_no="o", attempt=1, warehouse="W1", items=(("A", 2), ("B", 2)))
        answer = store.reserve([both], run_id="r")[0]
        assert (answer.granted, answer.missing) == (False, {"B": 1})
        assert [x.held for x in store.levels()] == [0, 0]

    def test_asking_again_returns_the_first_grant(self, store: Stock, clock: FixedClock) -> None:
        self.fill(store, clock)
        assert store.reserve([ask("o", 3)], run_id="r")[0].granted
        assert store.reserve([ask("o", 3)], run_id="r")[0].granted
        assert store.levels()[0].held == 3

    def test_asks_of_one_batch_share_what_there_is(self, store: Stock, clock: FixedClock) -> None:
        self.fill(store, clock)
        answers = store.reserve([ask("o1", 6), ask("o2", 6), ask("o3", 4)], run_id="r")
        assert [a.granted for a in answers] == [True, False, True]
        assert store.levels() == [Level(warehouse="W1", sku="A", on_hand=10, held=10)]

    def test_shortage_is_not_remembered(self, store: Stock, clock: FixedClock) -> None:
        assert not store.reserve([ask("o", 3)], run_id="r")[0].granted
        self.fill(store, clock)
        assert store.reserve([ask("o", 3)], run_id="r")[0].granted

    def test_a_new_attempt_supersedes_the_old_in_one_step(self, store: Stock, clock: FixedClock) -> None:
        self.fill(store, clock)
        store.reserve([ask("o", 8)], run_id="r")
        assert store.reserve([ask("o", 9, attempt=2)], run_id="r")[0].granted
        assert store.levels()[0].held == 9
        assert {r.attempt: r.state for r in store.reservations(["o"])["o"]} == {1: "superseded", 2: "open"}

    def test_a_late_repeat_of_a_superseded_attempt_gets_nothing(self, store: Stock, clock: FixedClock) -> None:
        self.fill(store, clock)
        store.reserve([ask("o", 2)], run_id="r")
        store.reserve([ask("o", 3, attempt=2)], run_id="r")
        assert not store.reserve([ask("o", 2)], run_id="r")[0].granted
        assert store.levels()[0].held == 3

    def test_an_attempt_that_comes_only_after_a_newer_one_gets_nothing(self, store: Stock, clock: FixedClock) -> None:
        self.fill(store, clock)
        assert store.reserve([ask("o", 3, attempt=2)], run_id="r")[0].granted
        # stopped before it asked, continued after its successor was done
        assert not store.reserve([ask("o", 2, attempt=1)], run_id="r")[0].granted
        assert store.levels()[0].held == 3
        assert {r.attempt: r.state for r in store.reservations(["o"])["o"]} == {2: "open"}

    def test_release_is_idempotent_and_gives_back_to_demand_on_wish(self, store: Stock, clock: FixedClock) -> None:
        self.fill(store, clock)
        store.want([Demand(order_no="o", sku="A", qty=4)])
        store.reserve([ask("o", 4)], run_id="r")
        assert store.demand() == {}
        assert store.release([("o:1", "W1")], run_id="r", to_demand=True)[0].result == "done"
        assert store.release([("o:1", "W1")], run_id="r", to_demand=True)[0].result == "already"
        assert store.demand() == {"A": 4}
        assert store.levels()[0].held == 0

    def test_shipping_takes_on_hand_and_held_once(self, store: Stock, clock: FixedClock) -> None:
        self.fill(store, clock)
        store.reserve([ask("o", 4)], run_id="r")
        parcel = ("P1", "W1", (("o", "A", 4),))
        assert store.ship([parcel], run_id="r")[0].result == "done"
        assert store.ship([parcel], run_id="r")[0].result == "already"
        assert store.levels() == [Level(warehouse="W1", sku="A", on_hand=6, held=0)]
        assert store.reservations(["o"])["o"][0].state == "shipped"

    def test_a_reservation_ships_in_parts(self, store: Stock, clock: FixedClock) -> None:
        self.fill(store, clock)
        store.reserve([ask("o", 4)], run_id="r")
        store.ship([("P1", "W1", (("o", "A", 1),))], run_id="r")
        assert store.reservations(["o"])["o"][0].state == "open"
        assert store.ship([("P2", "W1", (("o", "A", 4),))], run_id="r")[0].reason == "not_held"
        store.ship([("P3", "W1", (("o", "A", 3),))], run_id="r")
        assert store.reservations(["o"])["o"][0].state == "shipped"
        books(store)

    def test_what_is_not_held_does_not_ship(self, store: Stock, clock: FixedClock) -> None:
        self.fill(store, clock)
        outcome = store.ship([("P1", "W1", (("o", "A", 1),))], run_id="r")[0]
        assert (outcome.result, outcome.reason) == ("refused", "not_held")
        assert store.levels()[0].on_hand == 10

    def test_pieces_a_count_did_not_find_do_not_ship_and_stop_no_other_parcel(
        self, store: Stock, clock: FixedClock
    ) -> None:
        self.fill(store, clock)
        self.fill(store, clock, sku="B")
        store.reserve([ask("o1", 8), ask("o2", 2, sku="B")], run_id="r")
        store.count([("c", "W1", "A", 5, clock.at)], run_id="r", reason="count")
        parcels = [("P1", "W1", (("o1", "A", 8),)), ("P2", "W1", (("o2", "B", 2),))]
        assert [(o.result, o.reason) for o in store.ship(parcels, run_id="r")] == [
            ("refused", "below_zero"), ("done", "")
        ]  # fmt: skip
        assert [(x.sku, x.on_hand, x.held) for x in store.levels()] == [("A", 5, 8), ("B", 8, 0)]
        books(store)

    def test_a_movement_happens_once_per_key_and_never_below_held(self, store: Stock, clock: FixedClock) -> None:
        self.fill(store, clock)
        store.reserve([ask("o", 8)], run_id="r")
        take = StockMove(key="t", kind="adjust", warehouse="W1", sku="A", on_hand=-3, at=clock.at)
        assert store.move([take], run_id="r")[0].reason == "below_held"
        less = StockMove(key="u", kind="adjust", warehouse="W1", sku="A", on_hand=-2, at=clock.at)
        assert [store.move([less], run_id="r")[0].result for _ in range(2)] == ["done", "already"]
        assert store.levels()[0].on_hand == 8

    def test_attempts_in_one_batch_supersede_each_other(self, store: Stock, clock: FixedClock) -> None:
        self.fill(store, clock)
        store.reserve([ask("o", 2)], run_id="r")
        answers = store.reserve([ask("o", 4, attempt=2), ask("o", 9, attempt=3), ask("o", 10, attempt=4)], run_id="r")
        assert [a.granted for a in answers] == [True, True, True]
        states = {r.attempt: r.state for r in store.reservations(["o"])["o"]}
        assert states == {1: "superseded", 2: "superseded", 3: "superseded", 4: "open"}
        books(store)

    def test_a_partly_shipped_reservation_gives_back_only_what_is_left(self, store: Stock, clock: FixedClock) -> None:
        self.fill(store, clock)
        store.reserve([ask("o", 5)], run_id="r")
        store.ship([("P1", "W1", (("o", "A", 2),))], run_id="r")
        store.release([("o:1", "W1")], run_id="r", to_demand=True)
        assert store.levels() == [Level(warehouse="W1", sku="A", on_hand=8, held=0)]
        assert store.demand() == {"A": 3}

    def test_one_sku_twice_in_a_parcel_is_summed_and_ships_once(self, store: Stock, clock: FixedClock) -> None:
        self.fill(store, clock)
        store.reserve([ask("o", 5)], run_id="r")
        parcel = ("P1", "W1", (("o", "A", 2), ("o", "A", 3)))
        assert [o.result for o in store.ship([parcel, parcel], run_id="r")] == ["done", "already"]
        assert store.levels() == [Level(warehouse="W1", sku="A", on_hand=5, held=0)]
        books(store)

    def test_one_key_twice_in_a_batch_moves_once(self, store: Stock, clock: FixedClock) -> None:
        once = StockMove(key="m", kind="adjust", warehouse="W1", sku="A", on_hand=3, at=clock.at)
        assert [o.result for o in store.move([once, once], run_id="r")] == ["done", "already"]
        counts = [("c", "W1", "A", 9, clock.at + timedelta(minutes=1))] * 2
        assert [o.result for o in store.count(counts, run_id="r", reason="count")] == ["done", "already"]
        assert store.levels()[0].on_hand == 9

    def test_one_refused_parcel_stops_no_other(self, store: Stock, clock: FixedClock) -> None:
        self.fill(store, clock)
        store.reserve([ask("o", 2), ask("p", 2)], run_id="r")
        parcels = [("P1", "W1", (("o", "A", 3),)), ("P2", "W1", (("p", "A", 2),))]
        assert [o.result for o in store.ship(parcels, run_id="r")] == ["refused", "done"]
        books(store)

    def test_counts_of_several_times_and_places_see_only_their_own_later_movements(
        self, store: Stock, clock: FixedClock
    ) -> None:
        for sku in ("A", "B"):
            for warehouse in ("W1", "W2"):
                self.fill(store, clock, 10, sku, warehouse)
        at = clock.at
        clock.advance(600)
        self.fill(store, clock, 5, "A", "W1")
        counts = [
            ("a1", "W1", "A", 3, at + timedelta(minutes=1)), ("b1", "W1", "B", 4, at + timedelta(minutes=1)),
            ("a2", "W2", "A", 6, at + timedelta(minutes=20)), ("a3", "W1", "A", 7, at + timedelta(minutes=20)),
        ]  # fmt: skip
        assert [o.result for o in store.count(counts, run_id="r", reason="count")] == ["done"] * 4
        levels = {(x.warehouse, x.sku): x.on_hand for x in store.levels()}
        assert levels == {("W1", "A"): 7, ("W1", "B"): 4, ("W2", "A"): 6, ("W2", "B"): 10}
        books(store)

    def test_a_count_of_nothing_makes_a_sku_known(self, store: Stock, clock: FixedClock) -> None:
        store.count([("c", "W1", "NEW", 0, clock.at)], run_id="r", reason="count")
        assert [(x.warehouse, x.sku, x.on_hand) for x in store.levels(skus=["NEW"])] == [("W1", "NEW", 0)]

    def test_a_count_is_a_difference_at_its_time_and_later_movements_stay(
        self, store: Stock, clock: FixedClock
    ) -> None:
        self.fill(store, clock)
        counted_at = clock.at + timedelta(minutes=1)
        clock.advance(3600)
        self.fill(store, clock, 5)
        assert store.count([("c1", "W1", "A", 7, counted_at)], run_id="r", reason="count")[0].result == "done"
        assert store.levels()[0].on_hand == 12
        old = store.count([("c0", "W1", "A", 1, counted_at - timedelta(minutes=5))], run_id="r", reason="count")[0]
        assert (old.result, old.reason) == ("refused", "older_count")
        assert store.count([("c1", "W1", "A", 7, counted_at)], run_id="r", reason="count")[0].result == "already"
        books(store)

    def test_a_count_below_held_is_written_and_said(self, store: Stock, clock: FixedClock) -> None:
        self.fill(store, clock)
        store.reserve([ask("o", 8)], run_id="r")
        clock.advance(60)
        outcome = store.count([("c1", "W1", "A", 5, clock.at)], run_id="r", reason="count")[0]
        assert (outcome.result, outcome.reason) == ("done", "below_held")
        assert not store.reserve([ask("p", 1)], run_id="r")[0].granted

    def test_demand_is_replaced_not_added(self, store: Stock, clock: FixedClock) -> None:
        store.want([Demand(order_no="o", sku="A", qty=2), Demand(order_no="o", sku="B", qty=1)])
        store.want([Demand(order_no="o", sku="A", qty=3)])
        assert store.demand() == {"A": 3}
        store.unwant(["o"])
        assert store.demand() == {}

    def test_an_order_that_holds_stock_claims_no_demand(self, store: Stock, clock: FixedClock) -> None:
        self.fill(store, clock)
        store.reserve([ask("o", 2)], run_id="r")
        assert store.want([Demand(order_no="o", sku="A", qty=2)])[0].reason == "held"
        assert store.demand() == {}

    def test_a_snapshot_is_true_at_its_journal_position(self, store: Stock, clock: FixedClock) -> None:
        self.fill(store, clock)
        store.reserve([ask("o", 2)], run_id="r")
        snapshot = store.snapshot()
        store.reserve([ask("p", 2)], run_id="r")
        total = sum(e.held for part in store.journal(until=snapshot.position) for e in part)
        assert total == snapshot.levels[0].held == 2

    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(
        steps=st.lists(
            st.tuples(
                st.sampled_from(["reserve", "release", "ship", "adjust", "count"]), st.integers(0, 4), st.integers(1, 6)
            ),
            max_size=25,
        )
    )
    def test_whatever_happens_the_books_add_up(
        self, store: Stock, clock: FixedClock, steps: list[tuple[str, int, int]]
    ) -> None:
        clock.advance(10)
        self.fill(store, clock, 12)
        for what, n, qty in steps:
            clock.advance(1)
            order = f"{clock.at.timestamp():.0f}-o{n}" if what == "reserve" else f"o{n}"
            if what == "reserve":
                store.reserve([ask(order, qty), ask(f"o{n}", qty, attempt=int(clock.at.timestamp()))], run_id="r")
            elif what == "release":
                store.release(
                    [(r.reservation_id, r.warehouse) for r in store.reservations([order]).get(order, [])], run_id="r"
                )
            elif what == "ship":
                store.ship([(f"P{clock.at.timestamp()}", "W1", ((order, "A", qty),))], run_id="r")
            elif what == "adjust":
                move = StockMove(
                    key=f"a{clock.at}", kind="adjust", warehouse="W1", sku="A", on_hand=qty - 3, at=clock.at
                )
                store.move([move], run_id="r")
            else:
                store.count([(f"c{clock.at}", "W1", "A", qty * 3, clock.at)], run_id="r", reason="count")
        books(store)
