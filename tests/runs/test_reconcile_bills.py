"""reconcile bills: jobs/reconcile_bills.py, with a channel in memory whose bills say what a test wants."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.errors import NotYet, Retryable
from adapters.payments.documents import Bill, BillRow
from jobs import reconcile_bills
from jobs.env import Env
from jobs.errors import BadRequest, UnknownThing
from jobs.results import Result
from stores.records import Back, Payment
from stores.records.settlement import Suspense
from tests.factories import FixedClock, make_full_order, open_env, put_orders

DAY = date(2026, 10, 5)
#: noon of that day in Beijing
NOON = datetime(2026, 10, 5, 4, tzinfo=UTC)


class Biller:
    """The bills of one channel: rows by (day, kind)."""

    name = "wechatpay"

    def __init__(self) -> None:
        self.rows: dict[tuple[date, str], list[BillRow]] = {}
        self.errors: dict[tuple[date, str], Exception] = {}
        self.problems: list[str] = []
        self.asked: list[tuple[date, str]] = []

    def bill(self, day: date, kind: str) -> bytes | None:
        self.asked.append((day, kind))
        if (day, kind) in self.errors:
            raise self.errors[day, kind]
        rows = self.rows.get((day, kind))
        return None if rows is None else self.written(rows, day, kind)

    def written(self, rows: list[BillRow], day: date, kind: str) -> bytes:
        numbered = [msgspec.structs.replace(r, row_no=n) for n, r in enumerate(rows, 1)]
        bill = Bill(
            channel="wechatpay", merchant_id="M", day=day, kind=kind, rows=numbered, totals={}, problems=self.problems
        )  # type: ignore[arg-type]
        return msgspec.json.encode(bill)

    def read_bill(self, data: bytes, *, day: date, kind: str) -> Bill:
        return msgspec.json.decode(data, type=Bill)

    def shut(self) -> None:
        pass


class House:
    """An office with payments through one channel."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = FixedClock(NOON)
        self.env: Env = open_env(folder, clock=self.clock, payments={"fees": {"wx": 60}})
        self.biller = Biller()
        monkeypatch.setattr(self.env.channels, "names", lambda: ["wx"])
        monkeypatch.setattr(self.env.channels, "get", lambda alias: self.biller)
        self._numbers = iter(range(1, 1000))

    def pay(self, amount: int = 10_000, *, at: datetime = NOON) -> str:
        """A buyer paid; returns the payment's number."""
        n = next(self._numbers)
        full = make_full_order(number=f"38900000000000{n:05d}")
        (order_no,) = put_orders(self.env, full)
        payment_no = f"Y{n:016d}{order_no[-3:]}"
        payment = Payment(
            payment_no=payment_no, order_no=order_no, shop="tmall", channel="wx", merchant_id="M", method="native", attempt=1,
            amount_minor=amount, asked_at=at, expires_at=at, created_at=at, changed_at=at,
        )  # fmt: skip
        assert self.env.orders.add_payments([payment], run_id="r", reason="t")[0].ok
        paid = {
            "status": "paid",
            "paid_minor": amount,
            "payer_minor": amount,
            "settled_minor": amount,
            "paid_at": at,
            "trade_no": f"T{payment_no}",
        }
        change = self._change(payment_no, order_no, paid)
        assert self.env.orders.apply_payments([change], run_id="r")[0].ok
        return payment_no

    def _change(self, payment_no: str, order_no: str, set: dict[str, Any]) -> Any:
        from stores.contracts import PaymentChange

        return PaymentChange(payment_no=payment_no, order_no=order_no, expect=1, reason="t", set=set)

    def give_back(self, payment_no: str, amount: int, *, at: datetime = NOON) -> str:
        """Part of a payment went back; returns the back's number."""
        from stores.contracts import BackChange

        payment = self.env.orders.payments([payment_no])[payment_no]
        back_no = f"B{payment_no[1:]}"
        back = Back(
            back_no=back_no,
            payment_no=payment_no,
            order_no=payment.order_no,
            amount_minor=amount,
            asked_at=at,
            created_at=at,
            changed_at=at,
        )
        assert self.env.orders.add_backs([back], run_id="r", reason="t")[0].ok
        done = {"status": "success", "settled_minor": amount, "done_at": at}
        change = BackChange(back_no=back_no, order_no=payment.order_no, expect=1, reason="t", set=done)
        assert self.env.orders.apply_backs([change], run_id="r")[0].ok
        return back_no

    def told(self, *rows: BillRow, day: date = DAY) -> None:
        """The bills of a day: the trade bill, and the fund flow that belongs to it."""
        self.biller.rows[day, "trade"] = list(rows)
        self.biller.rows[day, "funds"] = [flow for row in rows for flow in flows(row)]

    def run(self, *, day: date | None = DAY, **more: Any) -> Result:
        return reconcile_bills.reconcile(self.env, since=day, until=day, **more)

    def open(self) -> set[tuple[str, str, str, int]]:
        """What stands open: account, kind, class, amount."""
        found: list[Suspense] = self.env.settlement.suspense(limit=1000)
        return {(s.account, s.kind, s.class_, s.amount_minor) for s in found}


def paid(payment_no: str, amount: int = 10_000, *, fee: int = 60, at: datetime = NOON) -> BillRow:
    return BillRow(
        kind="payment", at=at, trade_no=f"T{payment_no}", payment_no=payment_no, amount_minor=amount, settled_minor=amount,
        fee_e5=fee * 1000, row_no=1,
    )  # fmt: skip


def gone(payment_no: str, back_no: str, amount: int, *, fee: int, at: datetime = NOON) -> BillRow:
    return BillRow(
        kind="refund", at=at, trade_no=f"T{payment_no}", payment_no=payment_no, back_no=back_no, channel_refund_no=f"C{back_no}",
        amount_minor=amount, settled_minor=amount, fee_e5=-fee * 1000, row_no=1,
    )  # fmt: skip


def flows(row: BillRow) -> list[BillRow]:
    """As WeChat's fund flow has it: the payment and its fee apart, a refund less the fee that is given back."""
    fee = abs(row.fee_e5) // 1000
    if row.kind == "refund":
        return [BillRow(kind="refund", at=row.at, channel_refund_no=row.channel_refund_no, amount_minor=row.settled_minor - fee, settled_minor=0, direction="out", flow_no=f"F{row.back_no}", row_no=1)]  # fmt: skip
    both = [("payment", "in", row.settled_minor), ("fee", "out", fee)]
    return [BillRow(kind=kind, at=row.at, trade_no=row.trade_no, amount_minor=amount, settled_minor=0, direction=way, flow_no=f"F{kind}{row.payment_no}", row_no=1) for kind, way, amount in both if amount]  # type: ignore[arg-type]  # fmt: skip


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    made = House(tmp_path, monkeypatch)
    yield made
    made.env.close()


@pytest.fixture
def later(house: House) -> House:
    """A payment of that day, partly given back, and it is the next day."""
    house.payment_no = house.pay()  # type: ignore[attr-defined]
    house.back_no = house.give_back(house.payment_no, 2_500)  # type: ignore[attr-defined]
    house.clock.advance(86_400)
    return house


def rows_of(house: Any) -> tuple[BillRow, BillRow]:
    return paid(house.payment_no), gone(house.payment_no, house.back_no, 2_500, fee=15)


def test_a_bill_that_agrees_leaves_nothing_open(later: House) -> None:
    later.told(*rows_of(later))
    result = later.run()
    assert (result.outcome, result.items) == ("done", [])
    assert (result.counts["bills"], result.counts["rows"], result.counts["matched"]) == (2, 4 + 3, 4 + 2)
    assert later.open() == set()


def test_a_bill_is_imported_once_with_its_hash_account_and_day(later: House) -> None:
    later.told(*rows_of(later))
    later.run()
    before = [row for row in later.env.settlement.dump() if row[0] != "fences"]
    later.biller.asked.clear()
    assert later.run().counts == {}
    assert later.biller.asked == []
    assert [row for row in later.env.settlement.dump() if row[0] != "fences"] == before
    assert [(f.account, f.period, f.row_count) for f in later.env.settlement.files()] == [
        ("pay:wx", "2026-10-05", 4), ("funds:wx", "2026-10-05", 3),
    ]  # fmt: skip


def test_what_the_bill_leaves_out_is_ours_alone(later: House) -> None:
    payment, back = rows_of(later)
    later.told(payment)
    result = later.run()
    assert {(i.reason, i.facts["kind"]) for i in result.items} == {("only_ours", "refund"), ("only_ours", "fee")}
    assert result.exit_code == 3 and result.hint == "oms settle show"
    assert later.open() == {("pay:wx", "refund", "only_ours", -2500), ("pay:wx", "fee", "only_ours", 15)}
    del back


def test_what_nobody_here_made_is_theirs_alone(later: House) -> None:
    later.told(*rows_of(later), paid("Z1", 500, fee=0))
    later.run()
    assert later.open() == {("pay:wx", "payment", "only_theirs", 500)}


def test_another_amount_differs_by_it(later: House) -> None:
    payment, back = rows_of(later)
    later.told(msgspec.structs.replace(payment, settled_minor=10_007, amount_minor=10_007), back)
    later.run()
    assert later.open() == {("pay:wx", "payment", "amount_differs", 7)}


def test_another_fee_differs_by_it(later: House) -> None:
    payment, back = rows_of(later)
    later.told(msgspec.structs.replace(payment, fee_e5=63_000), back)
    later.run()
    assert later.open() == {("pay:wx", "fee", "amount_differs", -3)}


def test_a_row_told_twice_is_doubled(later: House) -> None:
    payment, back = rows_of(later)
    later.told(payment, payment, back)
    later.run()
    assert later.open() == {("pay:wx", "payment", "doubled", 10_000), ("pay:wx", "fee", "doubled", -60)}


def test_fees_are_costs_where_the_settings_name_no_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path, monkeypatch)
    house.env.close()
    house.env = open_env(tmp_path / "other", clock=house.clock)
    monkeypatch.setattr(house.env.channels, "names", lambda: ["wx"])
    monkeypatch.setattr(house.env.channels, "get", lambda alias: house.biller)
    number = house.pay()
    house.clock.advance(86_400)
    house.told(paid(number, fee=77))
    assert house.run().outcome == "done"
    assert house.open() == set()
    house.env.close()


def test_a_fund_flow_that_moves_other_money_than_the_bill_says_differs(later: House) -> None:
    later.told(*rows_of(later))
    later.biller.rows[DAY, "funds"][1] = msgspec.structs.replace(later.biller.rows[DAY, "funds"][1], amount_minor=61)
    result = later.run()
    assert [(i.facts["account"], i.reason, i.facts["amount_minor"]) for i in result.items] == [
        ("funds:wx", "amount_differs", -1)
    ]


def test_a_refund_in_the_fund_flow_is_net_of_the_fee_given_back(later: House) -> None:
    later.told(*rows_of(later))
    refund = next(r for r in later.biller.rows[DAY, "funds"] if r.kind == "refund")
    assert refund.amount_minor == 2_485
    later.biller.rows[DAY, "funds"] = [
        msgspec.structs.replace(r, amount_minor=2_500) if r is refund else r for r in later.biller.rows[DAY, "funds"]
    ]
    later.run()
    assert later.open() == {("funds:wx", "net", "amount_differs", -15)}


def test_a_movement_of_no_payment_is_booked_as_it_is(later: House) -> None:
    later.told(*rows_of(later))
    out = BillRow(
        kind="transfer", at=NOON, amount_minor=5_000, settled_minor=0, direction="out", flow_no="W1", row_no=1
    )
    later.biller.rows[DAY, "funds"].append(out)
    assert later.run().outcome == "done"
    assert later.open() == set()


def test_a_payment_on_the_next_days_bill_is_cut_by_the_day(house: House) -> None:
    number = house.pay(at=NOON)
    house.clock.advance(86_400)
    house.told()
    house.run()
    assert {c for *_, c, _ in house.open()} == {"only_ours"}
    house.clock.advance(86_400)
    house.told(paid(number, at=NOON + timedelta(hours=12, minutes=2)), day=DAY + timedelta(days=1))
    result = house.run(day=DAY + timedelta(days=1))
    assert result.counts["day_cut"] == 2
    assert house.open() == set()


def test_near_midnight_it_is_a_day_cut_until_the_next_bill_is_there(house: House) -> None:
    number = house.pay(at=NOON + timedelta(hours=11, minutes=58))
    house.clock.advance(86_400)
    house.told()
    house.run()
    assert {(k, c) for _, k, c, _ in house.open()} == {("payment", "day_cut"), ("fee", "day_cut")}
    house.clock.advance(86_400)
    house.told(day=DAY + timedelta(days=1))
    house.run(day=DAY + timedelta(days=1))
    assert {(k, c) for _, k, c, _ in house.open()} == {("payment", "only_ours"), ("fee", "only_ours")}
    assert number


def test_what_stands_open_is_looked_at_again_when_it_is_due(later: House) -> None:
    payment, back = rows_of(later)
    later.told(payment)
    later.run()
    later.clock.advance(2 * 86_400 + 1)
    later.run()
    assert {s.checks for s in later.env.settlement.suspense(limit=10)} == {1}
    del back


def test_a_bill_that_is_not_made_yet_is_left_for_later_without_a_word(later: House) -> None:
    later.told(*rows_of(later))
    later.biller.errors[DAY, "trade"] = NotYet("the bill of yesterday", retry_after_s=60)
    result = later.run()
    assert (result.outcome, result.items, result.counts) == ("done", [], {"not_yet": 1})
    later.biller.errors.clear()
    later.biller.errors[DAY, "funds"] = NotYet("the bill of yesterday", retry_after_s=60)
    assert later.run().counts["bills"] == 1
    later.biller.errors.clear()
    assert later.run().counts["bills"] == 1
    assert later.open() == set()


def test_a_day_without_a_bill_is_not_asked_for_again_and_what_was_paid_is_ours_alone(later: House) -> None:
    later.run()
    later.biller.asked.clear()
    later.run()
    assert later.biller.asked == []
    assert {c for *_, c, _ in later.open()} == {"only_ours"}


def test_a_bill_with_problems_says_so(later: House) -> None:
    later.told(*rows_of(later))
    later.biller.problems = ["the summary is missing"]
    result = later.run()
    assert {i.facts["problem"] for i in result.items if i.reason == "bill_problem"} == {"the summary is missing"}


def test_one_channels_trouble_does_not_stop_the_run(later: House) -> None:
    later.biller.errors[DAY, "trade"] = Retryable("down")
    result = later.run()
    assert [(i.ref, i.did, i.reason) for i in result.items] == [("wx", "failed", "Retryable")]


def test_the_last_week_is_looked_after_without_naming_days(later: House) -> None:
    later.run(day=None)
    assert [day for day, kind in later.biller.asked if kind == "trade"] == [
        DAY - timedelta(days=n) for n in range(6, -1, -1)
    ]


def test_a_bill_is_read_from_a_file(later: House) -> None:
    rows = list(rows_of(later))
    path = later.env.root / "bill.csv"
    path.write_bytes(later.biller.written(rows, DAY, "trade"))
    result = later.run(channels=["wx"], file=reconcile_bills.Given(path, "trade"))
    assert (result.outcome, result.counts["matched"]) == ("done", 4)
    assert later.biller.asked == []
    path.write_bytes(later.biller.written([f for r in rows for f in flows(r)], DAY, "funds"))
    assert later.run(channels=["wx"], file=reconcile_bills.Given(path, "funds")).outcome == "done"
    assert later.open() == set()


def test_words_that_do_not_fit_together_are_refused(later: House) -> None:
    with pytest.raises(UnknownThing):
        later.run(channels=["none"])
    with pytest.raises(BadRequest):
        later.run(day=DAY + timedelta(days=1))
    with pytest.raises(BadRequest):
        later.run(day=None, channels=["wx"], file=reconcile_bills.Given(Path("x"), "trade"))


def test_a_payment_that_changes_after_its_bill_is_matched_anew(later: House) -> None:
    payment, back = rows_of(later)
    later.told(payment, back)
    later.run()
    from stores.contracts import BackChange

    kept = later.env.orders.backs([back.back_no])[back.back_no]
    change = BackChange(
        back_no=kept.back_no, order_no=kept.order_no, expect=kept.version, reason="t", set={"settled_minor": 2_400}
    )
    assert later.env.orders.apply_backs([change], run_id="r")[0].ok
    later.run()
    assert later.open() == {("pay:wx", "refund", "amount_differs", -100)}
