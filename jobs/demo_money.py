"""The money's part of the demo: orders of an own shop paid through two channels, refunds, bills, statements, the page.

Played by the documented commands like the rest of the day. The listener runs beside them while the clock moves, as it
would behind a proxy; what its notifications miss, `oms reconcile payments` asks for.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from jobs.demo_channels import write_channels
from jobs.errors import JobError

if TYPE_CHECKING:
    from jobs.demo import Office

#: own orders for each hundred of the marketplaces', and at least so many
SHARE, LEAST = 2, 12
CHANNELS = {"wechatpay": "native", "alipay": "precreate"}
#: mornings after the day on which bills and statements are there, in hours from the day's start
MORNINGS = (34, 58, 82)
#: what a shop knows of its platform's fees: kind, ten-thousandths of what the buyer kept, per order or line, rounding
FEES: Mapping[str, tuple[tuple[str, int, str, str], ...]] = {
    "taobao": (("commission", 500, "order", "half_up"), ("service_fee", 50, "order", "half_up")),
    "jd": (("commission", 600, "order", "half_up"), ("service_fee", 60, "order", "half_up")),
    "douyin": (("service_fee", 500, "line", "half_up"),),
    "wechat_shop": (("commission", 200, "order", "down"),),
}
#: cents that come of rounding per sub-order where we round per order
RULES = """version = "2026-03"
day_cut_minutes = 720

[[rule]]
id = "rounding"
kind = ["subsidy", "commission", "service_fee"]
amount_from = -2
amount_to = 2
days_before = 9
days_after = 9
"""
_COLUMNS = (
    "order_ref", "receiver", "phone", "province", "city", "district", "address", "listing", "title", "qty", "unit_price",
    "freight", "ordered_at",
)  # fmt: skip


class ListenerFailed(JobError):
    """The listener of the demo did not come up."""

    exit_code = 39
    hint = "oms pay listen --help"


def settings(info: Mapping[str, Any]) -> str:
    """What stands in `oms.toml` for money: the own shop, the channels' fees, and the platforms'."""
    out = ["[shops.own]", 'platform = "own"', 'seller_id = "own"', ""]
    out += ["[payments.fees]", '"*" = 60', "", "[settlement]", 'rules = "rules.toml"', ""]
    for shop in info["shops"]:
        for kind, e4, per, rounding in FEES.get(shop["platform"], ()):
            out += ["[[settlement.rates]]", f"shops = [{json.dumps(shop['alias'])}]", f'kind = "{kind}"', f"e4 = {e4}"]
            out += [
                f'per = "{per}"',
                f'rounding = "{rounding}"',
                *(["freight = false"] if shop["platform"] == "jd" else []),
            ]
    return "\n".join([*out, ""])


class Desk:
    """Sells in the own shop, gives money back, and holds the bills and statements against our books."""

    def __init__(self, office: Office, *, orders: int) -> None:
        self._office, self._world = office, office.world
        self._count = max(LEAST, orders * SHARE // 100)
        self._port = _free_port()
        self.page = office.folder / "report.html"

    def set_up(self) -> None:
        """Channels, rules, and own orders that wait for their payment."""
        office = self._office
        write_channels(office.folder, self._world.info, listener=f"http://127.0.0.1:{self._port}")
        (office.folder / "rules.toml").write_text(RULES, encoding="utf-8")
        from jobs.demo import write_rows

        write_rows(office.folder / "own.csv", _COLUMNS, [self._own(n) for n in range(self._count)])
        office.oms("order", "import", "own.csv", "--by", "demo")
        office.oms("push", "orders")
        listed = office.oms("order", "list", "--platform", "own", "--limit", "100000", "--json").out
        numbers = [json.loads(line)["order_no"] for line in listed.splitlines()]
        for i, (channel, method) in enumerate(CHANNELS.items()):
            some = "\n".join(numbers[i :: len(CHANNELS)])
            office.oms(
                "pay", "create", "--orders", "-", "--channel", self._alias(channel), "--method", method, given=some
            )

    def _alias(self, channel: str) -> str:
        return next(str(c["alias"]) for c in self._world.info["channels"] if c["channel"] == channel)

    def _own(self, n: int) -> dict[str, Any]:
        # A voucher: no warehouse has it, so that these orders are about money alone.
        return {
            "order_ref": f"OWN{n:05d}", "receiver": "李娜", "phone": f"1380000{n:04d}", "province": "浙江省", "city": "杭州市",
            "district": "西湖区", "address": f"示例路{n}号", "listing": "VOUCHER", "title": "礼品卡", "qty": 1 + n % 3,
            "unit_price": f"{40 + n % 17}.{n % 100:02d}", "freight": "0.00",
            "ordered_at": f"{self._world.start:%Y-%m-%d %H:%M}",
        }  # fmt: skip

    @contextmanager
    def listening(self, at: datetime) -> Iterator[None]:
        """`oms pay listen` at this time of the day, for the length of the block."""
        env = {**os.environ, "OMS__CLOCK__START": at.isoformat(), "OMS_CONFIG": str(self._office.folder / "oms.toml")}
        log = self._office.folder / "listen.log"
        began = time.monotonic()
        with log.open("ab") as said:
            words = [sys.executable, "-m", "oms_cli", "pay", "listen", "--port", str(self._port)]
            process = subprocess.Popen(words, cwd=self._office.folder, env=env, stdout=said, stderr=said)
            try:
                self._wait(process, log)
                yield
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                from jobs.demo import Ran

                self._office.ran.append(Ran(("pay", "listen"), process.returncode, "", "", time.monotonic() - began))

    def _wait(self, process: subprocess.Popen[bytes], log: Path) -> None:
        for _ in range(400):
            try:
                httpx.get(f"http://127.0.0.1:{self._port}/healthz", timeout=2).raise_for_status()
                return
            except httpx.HTTPError:
                if process.poll() is not None:
                    break
                time.sleep(0.05)
        raise ListenerFailed(log.read_text(errors="replace")[-500:])

    def tick(self, i: int) -> None:
        """Between two looks at the clock: ask for what was not told, give back what is due."""
        oms = self._office.oms
        oms("reconcile", "payments")
        oms("order", "expire")
        if i == 1:
            self._ask_back()
        if i in (1, 2, 3):
            self._by_plan(f"back-{i}.json", "refund", "pay")

    def _ask_back(self) -> None:
        """Some buyers want their money back, or a part of it."""
        oms = self._office.oms
        paid = oms("order", "list", "--platform", "own", "--progress", "created", "--limit", "100000", "--json").out
        numbers = [json.loads(line)["order_no"] for line in paid.splitlines()]
        for n, number in enumerate(numbers[: max(4, len(numbers) // 8)]):
            how = (
                ("--kind", "before_shipping", "--reason", "no_longer_wanted")
                if n % 2
                else ("--kind", "price_protection", "--amount", f"{3 + n}.50", "--reason", "price")
            )
            oms("refund", "request", number, *how, "--by", "demo")
        asked = oms("refund", "list", "--shop", "own", "--undecided", "--limit", "100000", "--json").out
        wanted = [json.loads(line)["refund_no"] for line in asked.splitlines()]
        oms("refund", "approve", "--refunds", "-", "--by", "demo", "--reason", "as asked", given="\n".join(wanted))

    def _by_plan(self, file: str, *command: str) -> None:
        self._office.oms(*command, "--plan", file)
        if (self._office.folder / file).exists():
            self._office.oms(*command, "--apply", file, "--by", "demo")

    def morning(self, at: datetime) -> None:
        """Bills and statements of the day before are there."""
        oms, day = self._office.oms, f"{at - timedelta(days=1):%Y-%m-%d}"
        oms("reconcile", "payments")
        if at < self._world.start + timedelta(hours=MORNINGS[-1]):
            self._by_plan(f"late-{day}.json", "pay", "late")
        self._office.together(("reconcile", "bills"), ("sync", "statements", "--period", day))
        for shop in self._world.info["shops"]:
            # its call is not open to everyone: the file is downloaded by hand
            if shop["platform"] == "jd":
                name, data = self._world.statement("jd", day)
                (self._office.folder / name).write_bytes(data)
                oms("settle", "platform", name, "--account", shop["alias"], "--period", day)

    def close(self) -> None:
        """A last look at what stands open, and the page."""
        oms = self._office.oms
        oms("settle", "recheck")
        oms("report", "refresh")
        oms("report", "page", "--day", f"{self._world.start:%Y-%m-%d}", "--out", str(self.page))


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
