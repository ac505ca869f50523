"""The real channels over the wire, against the sandbox's WeChat Pay and Alipay: buyers who pay as the clock moves, notifications
that are lost, late, doubled, forged, of another amount and out of order; at the end our books are the sandbox's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox import Sandbox, Wish
from jobs import cancel, late_money, paying, paying_back, reconcile_payments
from jobs.api import Oms
from jobs.env import Env
from jobs.notified import Listener
from oms_cli import listener
from stores.records import Progress, RefundStatus
from tests.factories import FixedClock, open_env
from tests.paying import own_order, payment_of, put_own, refund_of

START = "2026-09-01T10:00:00+08:00"
FAULTS = "notify_lost,notify_late,notify_doubled,notify_forged,notify_out_of_order,notify_wrong_amount"
CHANNELS = ("wechatpay", "alipay")


class Shop:
    """An office of our own whose channels are the sandbox's, and its listener."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.sandbox, self.clock = sandbox, FixedClock(datetime.fromisoformat(START))
        self.env: Env = open_env(folder, clock=self.clock, retry={"waits": [], "timeout": "10s"})
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: Oms(self.env).listen_payments(serve=self._serve))
        self._port = 0
        self._thread.start()
        assert self._up.wait(20)
        (folder / "channels").mkdir(mode=0o700)
        for told in sandbox.info["channels"]:
            path = folder / "channels" / f"{told['alias']}.toml"
            path.write_text(self._settings(told))
            path.chmod(0o600)

    def _settings(self, told: dict[str, Any]) -> str:
        names = {
            "channel",
            "merchant_id",
            "app_id",
            "base_url",
            "private_key",
            "serial",
            "api_v3_key",
            "alipay_public_key",
        }
        text = "".join(f"{k} = '''{v}'''\n" for k, v in told.items() if k in names)
        text += f"notify_url = 'http://127.0.0.1:{self._port}/pay/{told['alias']}'\n"
        if told.get("public_keys"):
            text += "[public_keys]\n" + "".join(f"{k} = '''{v}'''\n" for k, v in told["public_keys"].items())
        return text

    def _serve(self, heard: Listener) -> None:
        server = listener.make_server(heard, Oms(self.env), host="127.0.0.1", port=0)

        async def run() -> None:
            task = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.005)
            self._port = server.servers[0].sockets[0].getsockname()[1]
            self._up.set()
            while not self.env.stop.is_set():
                await asyncio.sleep(0.01)
            server.should_exit = True
            await task

        asyncio.run(run())

    def passes(self, seconds: int) -> None:
        """Time passes here and there; what falls due there is posted to our listener meanwhile."""
        self.clock.advance(seconds)
        self.sandbox.control("clock", {"to": self.clock.now().isoformat()})

    def close(self) -> None:
        self.env.stop.set()
        self._thread.join(20)
        self.env.close()

    def told(self, what: str, key: str = "") -> Any:
        """The sandbox's payments, refunds or notices as they stand, by number."""
        rows = self.sandbox.control("money")[what]
        return {r[key]: r for r in rows} if key else rows


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Sandbox(
        tmp_path / "world", Wish(orders=1, platforms=("jd",), start=START, faults=FAULTS, hours=200)
    ) as sandbox:
        made = Shop(tmp_path / "office", sandbox)
        yield made
        made.close()


def test_a_day_of_payments_ends_with_the_books_of_the_channels(shop: Shop, tmp_path: Path) -> None:
    env = shop.env
    orders = put_own(env, *(own_order(str(1000 + n), 8_800 + n) for n in range(24)))
    for n, no in enumerate(orders):
        paying.create(env, [no], channel=CHANNELS[n % 2], method=("native", "precreate")[n % 2])
    for minute in range(0, 40, 4):
        shop.passes(240)
        reconcile_payments.reconcile(env)
        if minute == 8:
            cancel.cancel(env, [o.order_no for o in env.orders.heads(orders).values() if o.progress == Progress.UNPAID][:2], reason="buyer", by="li")  # fmt: skip
    created = [no for no, o in env.orders.heads(orders).items() if o.progress == Progress.CREATED]
    assert len(created) > 10
    refunds = [refund_of(env, no, 3_000 + n, f"R{n}") for n, no in enumerate(created[:8])]
    plan = tmp_path / "plan.json"
    paying_back.pay(env, plan_out=plan)
    paying_back.pay(env, apply=plan, by="li")
    for _ in range(30):
        shop.passes(3600)
        reconcile_payments.reconcile(env)
    late_money.late(env, plan_out=plan)
    late_money.late(env, apply=plan, by="li")
    for _ in range(6):
        shop.passes(7200)
        reconcile_payments.reconcile(env)

    theirs, ours = shop.told("payments", "payment"), {p.payment_no: p for p in env.orders.find_payments()}
    assert theirs.keys() == ours.keys()
    assert {no: (e["amount"], e["payer"], e["settled"]) for no, e in theirs.items() if e["paid_at"]} == {
        no: (p.paid_minor, p.payer_minor, p.settled_minor) for no, p in ours.items() if p.status == "paid"
    }
    assert all(p.status != "open" for p in ours.values())
    backs, kept = shop.told("refunds", "refund"), {b.back_no: b for b in env.orders.find_backs()}
    assert {no: e["state"] for no, e in backs.items()} == {no: b.status for no, b in kept.items()}
    # Alipay tells what went to the buyer, which with a prepaid coupon is less than what left our account
    left = {
        no: e["payer" if e["channel"] == "alipay" else "settled"] for no, e in backs.items() if e["state"] == "success"
    }
    assert left == {no: b.settled_minor for no, b in kept.items() if b.status == "success"}
    done = [r for r, _ in env.orders.refunds(refunds).values() if r.status == RefundStatus.DONE]
    assert sum(b.status == "success" and b.refund_no != "" for b in kept.values()) == len(done) > 4
    for no, head in env.orders.heads(orders).items():
        paid = [p for p in ours.values() if p.order_no == no and p.status == "paid" and not p.late]
        assert len(paid) <= 1 and head.paid_minor == sum(p.paid_minor for p in paid)
        assert head.paid_minor in (0, payment_of(env, no).amount_minor)
    # each kind of fault was met; what was forged or wrong was told, and not applied
    played = {e["fault"] for e in shop.told("notices") if e["fault"]}
    assert played >= {"notify_forged", "notify_wrong_amount", "notify_lost", "notify_late", "notify_doubled"}
    assert {a.kind for a in env.ledger.alerts()} >= {"payment_notification", "payment_refused"}
