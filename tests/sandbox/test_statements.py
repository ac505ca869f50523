"""A statement file has its platform's columns, encoding and signs, and says what the world did to each order's money."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

import pytest

from adapters.sandbox.making import Made
from adapters.sandbox.state import Order
from adapters.sandbox.statements.files import FORMS, NoFile, statement_file
from adapters.sandbox.wire import from_iso
from tests.sandbox import reading_statements as reading
from tests.sandbox.callers import make, place
from tests.sandbox.reading_statements import Line
from tests.sandbox.selling import DAYS, ship_all, sold

PLATFORMS = ("taobao", "jd", "douyin", "wechat_shop")


@pytest.fixture(scope="module")
def day() -> Made:
    return sold(orders=400, seed=4)


def lines(made: Made, platform: str) -> list[Line]:
    """Every line of a platform's files as they are handed out unasked."""
    return [x for d in DAYS for x in reading.READERS[platform](statement_file(made.world, platform, d)[1])]


def orders(made: Made, platform: str) -> list[Order]:
    return [o for o in made.world.orders.values() if o.platform == platform]


def went_back(made: Made, order: Order) -> int:
    found = [made.world.refunds[order.platform, no] for no in order.refunds]
    return sum(r.amount for r in found if r.status == "done")


def subsidy(order: Order) -> int:
    """What others bear of the discounts on lines that were not given back."""
    return sum(x.platform_off + x.talent_off for x in order.lines if x.refund != "full")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_an_order_brought_is_what_was_paid_less_what_went_back_and_what_others_bore(
    day: Made, platform: str
) -> None:
    told: dict[str, int] = defaultdict(int)
    for line in lines(day, platform):
        told[line.order] += line.amount
    settled = [o for o in orders(day, platform) if o.state == "completed"]
    assert len(settled) > 60
    assert any(went_back(day, o) for o in settled) and any(subsidy(o) for o in settled)
    for order in settled:
        assert told.pop(order.no, 0) == order.payable - went_back(day, order) + subsidy(order), order.no
    told.pop("", 0)
    refunded = [o for o in orders(day, platform) if o.cancel == "refunded"]
    assert any(o.payable == went_back(day, o) for o in refunded)
    for order in refunded:
        # whose money all went back: WeChat books both ways, the others book neither; freight may stay
        assert (order.no in told) == (platform == "wechat_shop" or order.payable != went_back(day, order))
        assert told.pop(order.no, 0) == order.payable - went_back(day, order)
    assert not told


RATES = {"taobao": (500, 50), "jd": (600, 60), "douyin": (500,), "wechat_shop": (200,)}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_fees_are_taken_at_their_rates_from_what_the_buyer_paid_and_kept(day: Made, platform: str) -> None:
    told: dict[str, int] = defaultdict(int)
    for line in lines(day, platform):
        told[line.order] += line.fees
    for order in (o for o in orders(day, platform) if o.state == "completed"):
        if platform in ("jd", "douyin"):
            paid = [x.paid for x in order.lines if x.refund != "full"]
        else:
            paid = [order.payable - went_back(day, order)]
        rates = RATES[platform]
        exact = sum(p * r / 10_000 for p in paid for r in rates)
        if platform == "douyin":
            exact += sum(x.paid / 10 for x in order.lines if x.refund != "full" and x.talent_off)
        assert abs(-told[order.no] - exact) <= len(paid) * (len(rates) + 1), order.no


@pytest.mark.parametrize("platform", PLATFORMS)
def test_lines_are_of_their_day_in_order_of_time_and_each_has_a_number_of_its_own(day: Made, platform: str) -> None:
    seen: set[str] = set()
    for d in DAYS:
        found = reading.READERS[platform](statement_file(day.world, platform, d)[1])
        assert {x.at.date().isoformat() for x in found} <= {d}
        assert [x.at for x in found] == sorted(x.at for x in found)
        seen |= {x.ref for x in found}
    assert len(seen) == len(lines(day, platform))


@pytest.mark.parametrize("platform", PLATFORMS)
def test_settlement_is_booked_when_the_buyer_confirmed(day: Made, platform: str) -> None:
    fees = [x for x in lines(day, platform) if x.fees]
    assert len(fees) > 60
    for line in fees:
        order = day.world.orders[platform, line.order]
        assert line.at.timestamp() == order.ended_at and (order.state == "completed" or order.cancel == "refunded")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_refund_line_names_its_case(day: Made, platform: str) -> None:
    named = [x for x in lines(day, platform) if x.refund]
    assert named
    for line in named:
        refund = day.world.refunds[platform, line.refund]
        assert (refund.order_no, refund.status) == (line.order, "done")
        if platform != "douyin":
            assert line.amount == -refund.amount


def test_wechat_books_a_payment_when_it_is_paid_and_a_refund_when_it_is_done(day: Made) -> None:
    for line in lines(day, "wechat_shop"):
        if line.order and not line.fees:
            order = day.world.orders["wechat_shop", line.order]
            done = [day.world.refunds["wechat_shop", no].done_at for no in order.refunds]
            assert line.at.timestamp() in (order.paid_at, order.ended_at, *done)


def test_a_split_order_has_several_lines_and_a_sub_order_of_douyin_one(day: Made) -> None:
    for platform in ("jd", "douyin"):
        count: dict[str, int] = defaultdict(int)
        for line in lines(day, platform):
            count[line.order] += bool(line.amount) and not line.refund
        several = [o for o in orders(day, platform) if o.state == "completed" and len(o.lines) > 2]
        assert any(len({p.waybill for p in o.parcels}) > 1 for o in several) or platform == "jd"
        for order in several:
            # gifts bring nothing and what went back may net to nothing
            live = [x for x in order.lines if x.paid and x.refund != "full"]
            assert count[order.no] >= len(live)


def test_the_ledger_of_alipay_adds_up_to_its_own_balance_and_totals(day: Made) -> None:
    left = 1_000_000
    for d in DAYS:
        text = reading.taobao_text(statement_file(day.world, "taobao", d)[1])
        rows = [r.split(",") for r in text.splitlines()[5:-4]]
        for row in rows:
            left += reading.fen(row[6]) + reading.fen(row[7])
            assert reading.fen(row[8]) == left
        out = [reading.fen(r[7]) for r in rows if r[7].strip()]
        assert f"#支出合计：{len(out)}笔，共{sum(out) / 100:.2f}元" in text
        assert f"#收入合计：{len(rows) - len(out)}笔，共{sum(reading.fen(r[6]) for r in rows) / 100:.2f}元" in text


def test_the_forms_of_a_day_tell_the_same(day: Made) -> None:
    for d in DAYS:
        bare = statement_file(day.world, "taobao", d, "csv")[1].decode("gb18030")
        assert bare == reading.taobao_text(statement_file(day.world, "taobao", d)[1])
        sheet = reading.jd(statement_file(day.world, "jd", d)[1])
        funds = reading.jd_fund(statement_file(day.world, "jd", d, "fund")[1])
        assert reading.jd_workbook(statement_file(day.world, "jd", d, "xlsx")[1]) == (sheet, funds)
        assert [(f"8{x.ref}", x.order, x.amount + x.fees) for x in sheet] == [(x.ref, x.order, x.amount) for x in funds]


def test_the_same_seed_writes_the_same_bytes() -> None:
    one, other = (sold(orders=60, seed=9, differences=0.2) for _ in range(2))
    for platform in PLATFORMS:
        for form in FORMS[platform]:
            for d in DAYS:
                assert statement_file(one.world, platform, d, form) == statement_file(other.world, platform, d, form)


def test_when_a_day_is_asked_for_does_not_matter() -> None:
    late, early = sold(orders=60, seed=9, differences=0.2), make(orders=60, seed=9, differences=0.2)
    while early.world.now < late.world.now:
        early.world.advance(min(late.world.now, early.world.now + 2 * 3600))
        ship_all(early.world)
        early.world.statements.to_book()
    assert early.world.statements.to_book() == late.world.statements.to_book()


def test_a_file_comes_at_ten_in_the_morning_of_the_next_day_and_then_stays() -> None:
    made = make(orders=40)
    made.world.advance(from_iso("2025-11-21T09:59:59+08:00"))
    with pytest.raises(NoFile, match="ten in the morning"):
        statement_file(made.world, "taobao", DAYS[0])
    made.world.advance(from_iso("2025-11-21T10:00:00+08:00"))
    first = statement_file(made.world, "taobao", DAYS[0])
    made.world.advance(from_iso("2025-11-25T10:00:00+08:00"))
    assert statement_file(made.world, "taobao", DAYS[0]) == first
    with pytest.raises(NoFile, match="no form"):
        statement_file(made.world, "taobao", DAYS[0], "pdf")
    with pytest.raises(NoFile, match="no day"):
        statement_file(made.world, "taobao", "yesterday")
    with pytest.raises(NoFile, match="ten in the morning"):
        statement_file(made.world, "taobao", "2025-11-19")


def test_money_handed_to_the_carrier_is_in_no_statement() -> None:
    made = make()
    order = place(made.world, "jd", cod=True)
    ship_all(made.world)
    made.world.advance(from_iso("2025-11-23T12:00:00+08:00"))
    assert order.state == "completed"
    assert [x for d in DAYS for x in reading.jd(statement_file(made.world, "jd", d)[1]) if x.order] == []


def test_every_amount_of_a_file_has_two_places_and_every_time_is_beijing(day: Made) -> None:
    for line in lines(day, "douyin"):
        assert isinstance(line.amount, int) and line.at.tzinfo == reading.BEIJING
        assert line.at < datetime.fromtimestamp(day.world.now, reading.BEIJING)
