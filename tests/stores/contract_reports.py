"""What every reports engine must do."""

from datetime import date

from stores.contracts import Reports
from stores.records import Contribution, Standing, replace
from stores.records.reports import Part, day_number, number_day
from tests.stores.clocks import FixedClock

DAY = date(2026, 3, 1)
NO_PARTS: tuple[Part, ...] = ()


def part(measure: str = "ordered", *, day: date = DAY, hour: int = 9, key: str = "", currency: str = "CNY", n: int = 1, qty: int = 2, minor: int = 500) -> Part:  # fmt: skip
    return day_number(day), hour, measure, key, currency, n, qty, minor


def of(no: str, *parts: Part, shop: str = "tmall", platform: str = "taobao") -> Contribution:
    return Contribution(order_no=no, shop=shop, platform=platform, parts=tuple(sorted(parts)))


class ReportsContract:
    """Inherit, and give `store` and `clock` fixtures."""

    def begun(self, store: Reports, clock: FixedClock) -> Standing:
        standing = Standing(cursor="1", after=None, basis="1", at=clock.now())
        assert store.start(standing, expect=None)
        return standing

    def sums(self, store: Reports, by: str = "", measure: str = "ordered", **more: object) -> list[tuple[object, ...]]:
        given = {"since": DAY, "until": DAY, **more}
        found = store.sums([measure], by=by.split(), **given)  # type: ignore[arg-type]
        return [(*(getattr(c, n) for n in by.split()), c.currency, c.count, c.qty, c.minor) for c in found]

    def test_nothing_was_counted_at_first(self, store: Reports) -> None:
        assert store.standing() is None
        assert store.shops() == {}
        assert self.sums(store) == []
        assert store.contributions(["A"]) == {}

    def test_what_orders_add_is_summed_by_the_dimensions_asked_for(self, store: Reports, clock: FixedClock) -> None:
        standing = self.begun(store, clock)
        batch = [of("A", part(), part("sold", minor=7)), of("B", part(hour=10), shop="jd", platform="jd"), of("C", part(day=date(2026, 3, 2)))]  # fmt: skip
        assert store.put(batch, expect=standing, to=replace(standing, cursor="2")) == ("A", "B", "C")
        assert self.sums(store) == [("CNY", 2, 4, 1000)]
        assert self.sums(store, "hour") == [(9, "CNY", 1, 2, 500), (10, "CNY", 1, 2, 500)]
        assert self.sums(store, "shop platform") == [
            ("jd", "jd", "CNY", 1, 2, 500),
            ("tmall", "taobao", "CNY", 1, 2, 500),
        ]
        assert self.sums(store, "day", until=date(2026, 3, 2)) == [(DAY, "CNY", 2, 4, 1000), (date(2026, 3, 2), "CNY", 1, 2, 500)]  # fmt: skip
        assert self.sums(store, measure="sold") == [("CNY", 1, 2, 7)]
        assert self.sums(store, "shop", shops=["jd"]) == [("jd", "CNY", 1, 2, 500)]
        assert self.sums(store, "shop", shops=[]) == []
        assert store.shops() == {"jd": "jd", "tmall": "taobao"}

    def test_two_currencies_are_never_one_sum(self, store: Reports, clock: FixedClock) -> None:
        standing = self.begun(store, clock)
        store.put([of("A", part(), part(currency="USD", minor=3))], expect=standing, to=standing)
        assert self.sums(store) == [("CNY", 1, 2, 500), ("USD", 1, 2, 3)]

    def test_an_order_that_changes_takes_out_what_it_added_before(self, store: Reports, clock: FixedClock) -> None:
        standing = self.begun(store, clock)
        store.put([of("A", part()), of("B", part())], expect=standing, to=standing)
        assert store.put([of("A", part(hour=11, minor=3)), of("B", part())], expect=standing, to=standing) == ("A",)
        assert self.sums(store, "hour") == [(9, "CNY", 1, 2, 500), (11, "CNY", 1, 2, 3)]
        assert store.put([of("A"), of("B")], expect=standing, to=standing) == ("A", "B")
        assert [row for table, row in store.dump() if table == "report_cells"] == []
        assert store.contributions(["A", "B", "C"]) == {"A": of("A"), "B": of("B")}

    def test_the_same_again_changes_nothing(self, store: Reports, clock: FixedClock) -> None:
        standing = self.begun(store, clock)
        store.put([of("A", part())], expect=standing, to=standing)
        assert store.put([of("A", part())], expect=standing, to=standing) == ()
        assert self.sums(store) == [("CNY", 1, 2, 500)]

    def test_the_standing_moves_with_the_figures_or_nothing_does(self, store: Reports, clock: FixedClock) -> None:
        standing = self.begun(store, clock)
        later = replace(standing, cursor="2", after="A")
        assert store.put([of("A", part())], expect=standing, to=later) == ("A",)
        assert store.standing() == later
        assert store.put([of("B", part())], expect=standing, to=replace(standing, cursor="9")) is None
        assert store.standing() == later
        assert self.sums(store) == [("CNY", 1, 2, 500)]
        assert not store.start(standing, expect=standing)

    def test_beginning_anew_forgets_everything(self, store: Reports, clock: FixedClock) -> None:
        standing = self.begun(store, clock)
        store.put([of("A", part())], expect=standing, to=standing)
        assert store.start(replace(standing, basis="2"), expect=standing)
        assert store.shops() == store.contributions(["A"]) == {}
        assert self.sums(store) == []

    def test_a_recount_finds_what_is_wrong_missing_or_too_much_and_puts_it_right(
        self, store: Reports, clock: FixedClock
    ) -> None:
        standing = self.begun(store, clock)
        store.put([of("A", part(), part(hour=10)), of("B", part())], expect=standing, to=standing)
        assert store.recount() == []
        self.spoil(store)
        wrong = store.recount()
        assert [(c.hour, c.count, c.minor) for c in wrong] == [(9, 2, 1000), (10, 1, 500), (23, 0, 0)]
        assert self.sums(store, "hour") == [(9, "CNY", 2, 4, 1000), (10, "CNY", 1, 2, 500)]
        assert store.recount() == []

    def spoil(self, store: Reports) -> None:
        """Behind the store's back, on a SQL engine: another amount at 9, nothing at 10, something at 23."""
        with store._db.write() as c:  # type: ignore[attr-defined]
            c.exec_driver_sql("UPDATE report_cells SET minor=1 WHERE hour=9")
            c.exec_driver_sql("DELETE FROM report_cells WHERE hour=10")
            c.exec_driver_sql(
                "INSERT INTO report_cells VALUES (20260301, 'ordered', 'tmall', 'taobao', '', 23, 'CNY', 1, 1, 1)"
            )

    def test_a_day_is_a_number_that_sorts_as_days_do(self) -> None:
        assert day_number(DAY) == 20260301
        assert number_day(20260301) == DAY
