"""Bills of the sandbox's channels, read by the product's adapters: each planted difference is found in its class, no other."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters import payments
from adapters.payments.base import ChannelConnection
from adapters.ports import Retry
from adapters.sandbox.pay.till import Habits
from jobs import reconcile_bills
from jobs.env import Env
from stores.contracts import BackChange, PaymentChange
from stores.records import Back, Payment
from tests.factories import FixedClock, make_full_order, open_env, put_orders
from tests.sandbox.pay_callers import Alipay, WechatPay, channels

FIRST = date(2026, 9, 1)
DAYS = 3
#: planted kind → class of what the matching says
CLASS = {
    "missing": "only_ours", "extra": "only_theirs", "amount": "amount_differs", "fee": "amount_differs",
    "day_cut": "day_cut", "doubled": "doubled",
}  # fmt: skip
_KINDS = {
    "wechatpay": {"trade": "tradebill", "funds": "fundflowbill"},
    "alipay": {"trade": "trade", "funds": "signcustomer"},
}


class FromSandbox:
    """A channel whose bills come from the sandbox and are read by the adapter."""

    def __init__(self, caller: WechatPay | Alipay) -> None:
        self._caller, self.name = caller, caller.name
        kind = payments.find(caller.name)
        self.read_bill = kind(
            ChannelConnection(
                alias=caller.name, merchant_id=caller.info["merchant_id"], app_id=caller.info["app_id"], base_url="http://127.0.0.1:1",
                notify_url="", secret=lambda name: caller.info[name], public_keys=dict, clock=FixedClock(),
                retry=Retry(waits_s=(), within_s=1, timeout_s=1), transport=None, options={},
            )
        ).read_bill  # fmt: skip

    def bill(self, day: date, kind: str) -> bytes | None:
        word = _KINDS[self.name][kind]
        if isinstance(self._caller, WechatPay):
            return self._caller.bill(day.isoformat(), word).encode()
        files = self._caller.bill(day.isoformat(), word)
        return next(text for name, text in files.items() if "明细" in name and "汇总" not in name).encode("gb18030")

    def shut(self) -> None:
        pass


def lived() -> tuple[WechatPay, Alipay]:
    """Some busy days with refunds in between; the till stands at nine on the morning after the last."""
    wechat, ali = channels(start=f"{FIRST}T00:00:00+08:00", bills="all")
    wechat.till.habits = Habits(plan="prompt")
    for n in range(40 * DAYS):
        number, total = f"OMS{n:06d}", 1234 + n * 777
        wechat.start(number, total)
        ali.start(number, f"{total / 100:.2f}")
        wechat.advance(86400 // 40)
        if n % 4 == 0:
            wechat.refund(number, f"R{n}", total // 3, total)
            ali.refund(number, f"R{n}", f"{total // 3 / 100:.2f}")
    # one more day, whose bills tell what was cut off the last
    wechat.world.advance(wechat.till.bills.next_at() + 86_400)
    return wechat, ali


def ours(env: Env, caller: WechatPay | Alipay) -> None:
    """What really happened, as our books have it."""
    till = caller.till
    for n, p in enumerate(x for x in till.payments.values() if x.channel == caller.name and x.paid_at):
        at = datetime.fromtimestamp(p.paid_at, UTC)
        (order_no,) = put_orders(env, make_full_order(number=f"38900000000000{n:05d}"))
        held = {
            "paid_minor": p.total,
            "payer_minor": p.payer_total,
            "settled_minor": p.settled,
            "paid_at": at,
            "trade_no": p.trade_no,
        }
        payment = Payment(
            payment_no=p.no, order_no=order_no, shop="tmall", channel=caller.name, merchant_id="M", method="native", attempt=1,
            amount_minor=p.total, asked_at=at, expires_at=at, created_at=at, changed_at=at,
        )  # fmt: skip
        env.orders.add_payments([payment], run_id="r", reason="t")
        change = PaymentChange(payment_no=p.no, order_no=order_no, expect=1, reason="t", set={"status": "paid", **held})
        assert env.orders.apply_payments([change], run_id="r")[0].ok
        for back in (till.backs[caller.name, no] for no in p.backs):
            asked = datetime.fromtimestamp(back.created, UTC)
            env.orders.add_backs(
                [Back(back_no=back.no, payment_no=p.no, order_no=order_no, amount_minor=back.amount, asked_at=asked, created_at=asked, changed_at=asked)],
                run_id="r", reason="t",
            )  # fmt: skip
            done = BackChange(
                back_no=back.no, order_no=order_no, expect=1, reason="t",
                set={"status": "success", "settled_minor": back.settled, "done_at": asked},
            )  # fmt: skip
            assert env.orders.apply_backs([done], run_id="r")[0].ok


def found_in(env: Env, alias: str) -> dict[tuple[str, str], set[str]]:
    """(payment, refund) → classes: what stands open, and what was cut by the day."""
    store, found = env.settlement, defaultdict(set)
    for s in store.suspense(accounts=[f"pay:{alias}"], limit=10_000):
        if s.side == "line":
            (row,) = store.lines([s.ref_id])
        else:
            (row,) = store.expectations([s.ref_id])
        found[row["order_ref"], row["refund_ref"]].add(s.class_)
    for page in store.matched(account=f"pay:{alias}", classes=["day_cut"]):
        for match in page:
            for line in match["lines"]:
                found[line["order_ref"], line["refund_ref"]].add("day_cut")
    return dict(found)


@pytest.mark.parametrize("n", [0, 1], ids=["wechatpay", "alipay"])
def test_each_planted_difference_is_found_in_its_class_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int
) -> None:
    caller = lived()[n]
    clock = FixedClock(datetime(2026, 9, 1, 0, 0, tzinfo=UTC))
    env = open_env(tmp_path, clock=clock, payments={"fees": {"*": 60}})
    channel = FromSandbox(caller)
    monkeypatch.setattr(env.channels, "names", lambda: [caller.name])
    monkeypatch.setattr(env.channels, "get", lambda alias: channel)
    ours(env, caller)
    problems: list[Any] = []
    for day in range(DAYS + 1):
        clock.advance(86_400)
        there = FIRST + timedelta(days=day)
        if caller.till.bills.made.get((caller.name, there.isoformat())):
            result = reconcile_bills.reconcile(env, since=there, until=there)
            problems += [i for i in result.items if i.reason == "bill_problem" or i.did == "failed"]
    wanted: dict[tuple[str, str], set[str]] = defaultdict(set)
    for p in caller.till.bills.planted:
        if p["channel"] == caller.name:
            wanted[p["payment"], p["refund"]].add(CLASS[p["class"]])
    assert problems == []
    assert {CLASS[p["class"]] for p in caller.till.bills.planted if p["channel"] == caller.name} == set(CLASS.values())
    assert found_in(env, caller.name) == dict(wanted)
    # the fund flow tells what the trade bill tells
    assert env.settlement.suspense(accounts=[f"funds:{caller.name}"], limit=100) == []
    env.close()
