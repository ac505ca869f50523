"""Bills: they are what happened, their sums agree with their rows and the book, and what was planted is there."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from adapters.sandbox.pay.planting import KINDS, Planting
from adapters.sandbox.pay.state import Back, Payment
from adapters.sandbox.pay.till import Habits
from adapters.sandbox.wire import from_beijing, iso
from tests.sandbox.pay_callers import Alipay, WechatPay, channels
from tests.sandbox.pay_tables import fen, rows_of, summary_of, table_of

DAY = "2026-09-01"


def lived(days: int = 1, **wish: object) -> tuple[WechatPay, Alipay]:
    """Both channels after busy days; the till stands at nine the morning after the last one, refunds in between."""
    wechat, ali = channels(start=f"{DAY}T00:00:00+08:00", **wish)
    wechat.till.habits = Habits(plan="prompt")
    for n in range(40 * days):
        number, total = f"OMS{n:06d}", 1234 + n * 777
        wechat.start(number, total)
        ali.start(number, f"{total / 100:.2f}")
        wechat.advance(86400 // 40)
        if n % 4 == 0:
            wechat.refund(number, f"R{n}", total // 3, total)
            ali.refund(number, f"R{n}", f"{total // 3 / 100:.2f}")
    wechat.world.advance(wechat.till.bills.next_at())
    return wechat, ali


# --- sums


def ours(caller: WechatPay | Alipay) -> tuple[dict[str, Payment], dict[str, Back]]:
    """Payments of the bill's day and refunds of it, as the till has them."""
    start = from_beijing(f"{DAY} 00:00:00")
    day = range(start, start + 86400)
    payments = {p.no: p for p in caller.till.payments.values() if p.channel == caller.name and p.paid_at in day}
    backs = {b.no: b for b in caller.till.backs.values() if b.channel == caller.name and b.created in day}
    return payments, backs


def test_without_planting_wechatpay_bills_are_what_happened() -> None:
    wechat, _ = lived()
    payments, backs = ours(wechat)
    text = wechat.bill(DAY)
    rows, total = rows_of(text), summary_of(text)
    assert {r["商户订单号"]: fen(r["订单金额"]) for r in rows if r["交易状态"] == "SUCCESS"} == {
        no: p.total for no, p in payments.items()
    }
    assert {r["商户退款单号"]: fen(r["申请退款金额"]) for r in rows if r["交易状态"] == "REFUND"} == {
        no: b.amount for no, b in backs.items()
    }
    assert len(backs) == 10
    assert int(total["总交易单数"]) == len(rows) == len(payments) + len(backs)
    for name, column in (("手续费总金额", "手续费"), ("订单总金额", "订单金额"), ("退款总金额", "退款金额")):
        assert fen(total[name]) == sum(fen(r[column]) for r in rows)
    (bill,) = wechat.world.book.of("bill", channel="wechatpay")
    assert (bill["payments"]["amount"], bill["refunds"]["amount"]) == (
        fen(total["订单总金额"]),
        fen(total["申请退款总金额"]),
    )
    assert bill["payments"]["fee"] - bill["refunds"]["fee"] == fen(total["手续费总金额"])
    funds = wechat.bill(DAY, "fundflowbill", account_type="BASIC")
    assert fen(rows_of(funds)[-1]["账户结余(元)"]) == wechat.till.balances["wechatpay"]
    net = fen(total["应结订单总金额"]) - fen(total["退款总金额"]) - fen(total["手续费总金额"])
    assert fen(summary_of(funds)["收入金额"]) - fen(summary_of(funds)["支出金额"]) == net


def test_without_planting_alipay_bills_are_what_happened() -> None:
    _, ali = lived()
    payments, backs = ours(ali)
    rows = table_of(list(ali.bill(DAY).values())[1])
    assert {r["商户订单号"]: fen(r["订单金额（元）"]) for r in rows if r["业务类型"] == "交易"} == {
        no: p.total for no, p in payments.items()
    }
    assert {r["退款批次号/请求号"]: -fen(r["订单金额（元）"]) for r in rows if r["业务类型"] == "退款"} == {
        no: b.amount for no, b in backs.items()
    }
    for row in rows:
        off = sum(fen(row[c]) for c in ("商家优惠（元）",))
        assert fen(row["订单金额（元）"]) - off == fen(row["商家实收（元）"])
    ledger = table_of(list(ali.bill(DAY, "signcustomer").values())[1])
    assert fen(ledger[-1]["账户余额（元）"]) == ali.till.balances["alipay"]
    assert ali.world.book.of("planted") == []


def test_the_book_has_every_row_of_a_bill() -> None:
    wechat, _ = lived(bills="all")
    rows = rows_of(wechat.bill(DAY))
    entries = wechat.world.book.of("bill_row", channel="wechatpay", day=DAY)
    assert sorted((e["payment"], e["refund"] or "0", e["amount"]) for e in entries) == sorted(
        (r["商户订单号"], r["商户退款单号"], fen(r["订单金额"]) + fen(r["申请退款金额"])) for r in rows
    )


# --- planting


def seen_in(rows: list[dict[str, Any]], row: dict[str, Any]) -> int:
    return sum(r == row for r in rows)


def planted(caller: WechatPay | Alipay, kind: str) -> list[dict[str, Any]]:
    return [p for p in caller.till.bills.planted if (p["channel"], p["class"]) == (caller.name, kind)]


@pytest.mark.parametrize("channel", ["wechatpay", "alipay"])
def test_every_difference_is_planted_once_at_least_and_is_what_it_says(channel: str) -> None:
    wechat, ali = lived(days=2, bills="all")
    caller = wechat if channel == "wechatpay" else ali
    rows = {day: told_rows(caller, day) for day in (DAY, "2026-09-02")}
    flat = [r for day in rows.values() for r in day]
    for kind in KINDS:
        assert planted(caller, kind), kind
        for p in planted(caller, kind):
            true, told = key_of(p["true"]), [key_of(t) for t in p["told"]]
            if kind == "missing":
                assert (flat.count(true), told) == (0, [])
            elif kind == "doubled":
                assert rows[p["day"]].count(true) == 2
            elif kind == "day_cut":
                later = p["told_day"]
                assert (rows[p["day"]].count(true), rows.get(later, [true]).count(true)) == (0, 1)
            elif kind == "extra":
                assert (true, rows[p["day"]].count(told[0])) == (None, 1)
                assert p["payment"] not in {no for _, no in caller.till.payments}
            else:
                assert (flat.count(true), rows[p["day"]].count(told[0])) == (0, 1)
                moved = [n for n, (a, b) in enumerate(zip(true or (), told[0] or (), strict=True)) if a != b]
                assert moved == ([3] if kind == "fee" else [2])
                assert 0 < abs((true or (0,) * 4)[moved[0]] - told[0][moved[0]]) < 100
    assert len(caller.world.book.of("planted", channel=channel)) == sum(len(planted(caller, k)) for k in KINDS)


def key_of(entry: dict[str, Any] | None) -> Any:
    """(payment, refund, amount, fee) of an entry of the book."""
    return entry and (entry["payment"], entry["refund"], entry["amount"], entry["fee"])


def told_rows(caller: WechatPay | Alipay, day: str) -> list[Any]:
    """(payment, refund, amount, fee) of the rows of a trade bill."""
    if isinstance(caller, WechatPay):
        return [
            (
                r["商户订单号"],
                r["商户退款单号"].removeprefix("0"),
                fen(r["订单金额"]) + fen(r["申请退款金额"]),
                abs(fen(r["手续费"])),
            )
            for r in rows_of(caller.bill(day))
        ]
    return [
        (r["商户订单号"], r["退款批次号/请求号"], abs(fen(r["订单金额（元）"])), abs(fen(r["服务费（元）"])))
        for r in table_of(list(caller.bill(day).values())[1])
    ]


def test_a_bills_rows_and_sums_agree_also_with_what_was_planted() -> None:
    wechat, ali = lived(bills="all")
    text = wechat.bill(DAY)
    assert fen(summary_of(text)["订单总金额"]) == sum(fen(r["订单金额"]) for r in rows_of(text))
    funds = rows_of(wechat.bill(DAY, "fundflowbill"))
    for before, after in pairwise(funds):
        sign = 1 if after["收支类型"] == "收入" else -1
        assert fen(before["账户结余(元)"]) + sign * fen(after["收支金额(元)"]) == fen(after["账户结余(元)"])
    detail = list(ali.bill(DAY).values())[1]
    paid = [r for r in table_of(detail) if r["业务类型"] == "交易"]
    received = sum(fen(r["商家实收（元）"]) for r in paid)
    assert f"#交易合计：{len(paid)}笔，商家实收共{received // 100}.{received % 100:02d}元" in detail


def test_the_next_days_ledger_goes_on_where_the_last_ended() -> None:
    wechat, _ = lived(days=2, bills="all")
    first, second = (rows_of(wechat.bill(day, "fundflowbill")) for day in (DAY, "2026-09-02"))
    sign = 1 if second[0]["收支类型"] == "收入" else -1
    assert fen(second[0]["账户结余(元)"]) == fen(first[-1]["账户结余(元)"]) + sign * fen(second[0]["收支金额(元)"])


def test_a_bill_never_changes_once_it_is_made() -> None:
    wechat, ali = lived(bills="all")
    first = (wechat.bill(DAY), ali.bill(DAY))
    wechat.refund("OMS000001", "LATE", 100, 2011)
    wechat.advance(2 * 86400)
    assert (wechat.bill(DAY), ali.bill(DAY)) == first


def test_differences_are_named_with_their_rates() -> None:
    assert Planting.read("none").rates == Planting.read("").rates == {}
    assert set(Planting.read("all").rates) == set(KINDS)
    assert Planting.read("fee=0.5, missing").rates == {"fee": 0.5, "missing": 0.02}
    for words in ("nonsense", "fee=2", "fee=x"):
        with pytest.raises(ValueError, match=r"no such difference|rate|could not convert"):
            Planting.read(words)


def test_a_rate_decides_how_many_rows_differ() -> None:
    wechat, _ = lived(bills="missing=0.5")
    payments, backs = ours(wechat)
    found = len(planted(wechat, "missing"))
    assert 0.3 < found / (len(payments) + len(backs)) < 0.7
    assert len(rows_of(wechat.bill(DAY))) == len(payments) + len(backs) - found


def test_the_same_world_plants_the_same_differences() -> None:
    first, second = (lived(bills="all")[0].till.bills.planted for _ in range(2))
    assert first == second != []
    assert all(p["true"] is None or p["true"]["row_at"] <= iso(from_beijing("2026-09-02 00:00:00")) for p in first)
