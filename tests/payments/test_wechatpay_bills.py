"""Bills of WeChat Pay: the worked day comes to its net, variants read the same, and an altered trait is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.payments.fake_wechatpay import FakeWeChat
from tests.payments.kit import DAY, NOON, Rig, sample


@pytest.fixture
def rig() -> Iterator[Rig]:
    with FakeWeChat(NOON).rig() as rig:
        yield rig


def test_the_worked_bill_comes_to_its_net(rig: Rig) -> None:
    bill = rig.channel.read_bill(sample("wechatpay", "trade.csv"), day=DAY, kind="trade")
    assert bill.problems == []
    assert bill.totals == {
        "rows": 2, "payments": 1, "refunds": 1, "amount_minor": 8800, "settled_minor": 8300, "refund_asked_minor": 1200,
        "refund_settled_minor": 1132, "fee_e5": 43000, "net_minor": 7125,
    }  # fmt: skip
    paid, back = bill.rows
    assert (paid.kind, paid.payment_no, paid.amount_minor, paid.settled_minor) == (
        "payment", "OMS20260901000001", 8800, 8300,
    )  # fmt: skip
    assert (paid.fee_e5, paid.back_no, paid.at) == (50000, "", datetime(2026, 9, 1, 2, 15, 20, tzinfo=UTC))
    assert (back.kind, back.back_no, back.channel_refund_no) == (
        "refund", "OMSR20260901000001", "50300000002026090100000000001",
    )  # fmt: skip
    assert (back.amount_minor, back.settled_minor, back.fee_e5) == (1200, 1132, -7000)


def test_the_fund_flow_of_the_same_day_comes_to_the_same_net(rig: Rig) -> None:
    bill = rig.channel.read_bill(sample("wechatpay", "funds.csv"), day=DAY, kind="funds")
    assert bill.problems == [] and bill.totals["net_minor"] == 7125
    assert [(r.kind, r.direction, r.amount_minor) for r in bill.rows] == [
        ("payment", "in", 8300), ("fee", "out", 50), ("refund", "out", 1125),
    ]  # fmt: skip
    assert bill.rows[-1].channel_refund_no == "50300000002026090100000000001" and bill.rows[-1].balance_minor == 107125


@pytest.mark.parametrize(
    "change",
    [
        lambda t: "\ufeff" + t, lambda t: t.replace("\n", "\r\n"), lambda t: "\ufeff" + t.replace("\n", "\r\n") + "\r\n",
        lambda t: t.replace("应结订单金额", "总金额").replace("代金券金额", "企业红包金额").replace("应结订单总金额", "总交易额"),
        lambda t: t.replace("`T恤", "``T,恤`,"), lambda t: t.rstrip("\n"),
    ],
)  # fmt: skip
def test_variants_of_the_worked_bill_read_the_same(rig: Rig, change: Any) -> None:
    text = sample("wechatpay", "trade.csv").decode()
    bill = rig.channel.read_bill(change(text).encode(), day=DAY, kind="trade")
    assert (bill.problems, bill.totals["net_minor"], len(bill.rows)) == ([], 7125, 2)
    assert bill.rows[0].raw["商品名称"] in ("T恤", "`T,恤`,")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("`83.00,`5.00", "`83.01,`5.00", "应结订单总金额"), ("`0.50000", "`0.50001", "手续费总金额"),
        ("`11.32,`0.00", "`11.31,`0.00", "退款总金额"), ("`88.00,`0.00,`\n", "`88.01,`0.00,`\n", "订单总金额"),
        ("`0.00,`12.00,`\n", "`0.00,`12.01,`\n", "申请退款总金额"), ("`2,`83.00", "`3,`83.00", "总交易单数"),
        ("`SUCCESS,`OTHERS", "`WHAT,`OTHERS", "row 1"), ("`CNY,`83", "`USD,`83", "row 1"),
        ("`0.50000", "`0.500001", "row 1"), ("`83.00,`5", "`83.001,`5", "row 1"), ("`83.00,`5", "`x,`5", "row 1"),
        ("`1900000109,`0,`,`42", "`1900000110,`0,`,`42", "row 1"), ("2026-09-01 10:15:20", "2026-09-01", "row 1"),
        ("2026-09-01 10:15:20", "2026-08-31 23:59:59", "row 1: of 2026-08-31"), ("`T恤,`,", "`T恤,", "row 1"),
        ("`2,`83.00,`11.32,`0.00,`0.43000,`88.00,`12.00\n", "", "summary is missing"),
    ],
)  # fmt: skip
def test_the_worked_bill_with_one_trait_altered_has_a_problem(rig: Rig, old: str, new: str, problem: str) -> None:
    text = sample("wechatpay", "trade.csv").decode()
    assert old in text
    bill = rig.channel.read_bill(text.replace(old, new, 1).encode(), day=DAY, kind="trade")
    assert any(problem in told for told in bill.problems), bill.problems


def test_an_empty_day_has_no_rows_and_no_problem(rig: Rig) -> None:
    lines = sample("wechatpay", "trade.csv").decode().splitlines()
    data = "\n".join([lines[0], lines[3], "`0,`0.00,`0.00,`0.00,`0.00000,`0.00,`0.00"])
    bill = rig.channel.read_bill(data.encode(), day=DAY, kind="trade")
    assert (bill.rows, bill.problems, bill.totals["net_minor"]) == ([], [], 0)
