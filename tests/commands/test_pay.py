"""oms pay"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

import jobs
from adapters.sandbox import Sandbox, Wish
from stores.records import Progress
from tests.commands.conftest import Shell
from tests.paying import own_order, payment_of, put_own, refund_of

CANARY = "canary-v3-key"


def channels_for(sandbox: Sandbox, folder: Path) -> None:
    """Write the files of the sandbox's channels."""
    folder.mkdir(mode=0o700)
    for told in sandbox.info["channels"]:
        names = (
            "channel",
            "merchant_id",
            "app_id",
            "base_url",
            "private_key",
            "serial",
            "api_v3_key",
            "alipay_public_key",
        )
        text = "".join(f"{k} = '''{told[k]}'''\n" for k in names if k in told)
        text += "notify_url = 'http://127.0.0.1:9/pay/x'\n"
        if told.get("public_keys"):
            text += "[public_keys]\n" + "".join(f"{k} = '''{v}'''\n" for k, v in told["public_keys"].items())
        path = folder / f"{told['alias']}.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    now = datetime.now(UTC).replace(microsecond=0).isoformat()
    with Sandbox(tmp_path / "world", Wish(orders=1, platforms=("jd",), start=now)) as made:
        made.control("pay", {"habits": {"plan": "never", "coupon": "none"}})
        yield made


@pytest.fixture
def shop(oms: Shell, sandbox: Sandbox) -> Shell:
    """A shell in an office with two unpaid orders of its own, before a sandbox's channels."""
    channels_for(sandbox, oms.folder / "channels")
    with jobs.open(oms.folder / "oms.toml") as office:
        put_own(office.env, own_order("1001"), own_order("1002"))
    return oms


def test_an_order_is_collected_from_the_first_word_to_the_money(shop: Shell, sandbox: Sandbox) -> None:
    said = shop("pay", "create", "1001", "--channel", "wechatpay", "--json")
    assert said.code == 0, said
    [item] = said.document["items"]
    assert item["facts"]["code_url"].startswith("weixin://") and item["facts"]["amount_minor"] == 10_000
    number = item["facts"]["payment_no"]
    assert [r["payment_no"] for r in shop("pay", "list", "--status", "open", "--json").lines] == [number]
    sandbox.control("pay", {"payment": number})
    asked = shop("pay", "query", number, "--json")
    assert [i["did"] for i in asked.document["items"]] == ["paid"], asked
    assert shop("order", "list", "--progress", "created", "--json").lines[0]["paid_minor"] == 10_000
    assert shop("pay", "query", "--open", "--json").document["counts"] == {}


def test_orders_are_read_from_a_file_and_what_cannot_be_collected_is_said(shop: Shell) -> None:
    (shop.folder / "unpaid.txt").write_text("1001\n1002\n")
    words = ("pay", "create", "--orders", "unpaid.txt", "--channel", "alipay", "--method", "precreate")
    assert shop(*words, "--dry-run").code == 0 and shop("pay", "list", "--json").lines == []
    said = shop(*words, "--json")
    assert [i["did"] for i in said.document["items"]] == ["started", "started"], said
    assert shop("pay", "create", "1001").code == 2, "two channels: say which"
    assert shop("pay", "create", "1001", "--channel", "nobody").code == 32
    assert shop("pay", "query").code == 2 and shop("pay", "query", "Y0").code == 32


def test_late_money_and_refunds_move_only_by_plan(shop: Shell, sandbox: Sandbox) -> None:
    for number in ("1001", "1002"):
        shop("pay", "create", number, "--channel", "wechatpay")
    assert shop("order", "cancel", "1001", "--reason", "buyer").code == 0
    for row in shop("pay", "list", "--json").lines:
        sandbox.control("pay", {"payment": row["payment_no"]})
    assert shop("pay", "query", "--open").code == 3, "money that does not fit its order"
    assert shop("pay", "late", "--json").document["items"][0]["reason"] == "after_cancel"
    assert shop("pay", "late", "--plan", "late.json").code == 0
    assert shop("pay", "late", "--apply", "late.json", "--by", "li").code == 0
    with jobs.open(shop.folder / "oms.toml") as office:
        [paid] = [o for o in office.list_orders() if o.progress == Progress.CREATED]
        refund_of(office.env, paid.order_no, 2_500)
    assert shop("refund", "pay", "--json").document["items"][0]["did"] == "due"
    assert shop("refund", "pay", "--plan", "back.json").code == 0
    assert shop("refund", "pay", "--apply", "back.json", "--by", "li").code == 0
    assert shop("refund", "pay", "--apply", "back.json", "--by", "li", "--json").document["counts"] == {"skipped": 1}
    assert shop("refund", "pay", "--ref", "x").code == 2
    backs = sandbox.control("money")["refunds"]
    assert sorted(b["amount"] for b in backs) == [2_500, 10_000]
    with jobs.open(shop.folder / "oms.toml") as office:
        assert (
            payment_of(office.env, paid.order_no).promised_minor + payment_of(office.env, paid.order_no).backed_minor
            == 2_500
        )


def test_reconciling_is_quiet_when_nothing_is_due(shop: Shell) -> None:
    assert shop("reconcile", "payments") == (0, "", "")
    assert shop("reconcile", "payments", "--channel", "nobody").code == 32


def test_no_key_is_ever_shown(shop: Shell, sandbox: Sandbox) -> None:
    secrets = [v for c in sandbox.info["channels"] for k, v in c.items() if k in ("private_key", "api_v3_key")]
    for words in (
        ("doctor", "--json"),
        ("config", "check"),
        ("config", "show"),
        ("pay", "create", "1001", "--channel", "wechatpay"),
    ):
        said = shop(*words)
        assert all(s.splitlines()[len(s.splitlines()) // 2] not in said.out + said.err for s in secrets), words
    path = shop.folder / "channels" / "wechatpay.toml"
    path.write_text(path.read_text() + f"\n[broken\n{CANARY}", encoding="utf-8")
    said = shop("config", "check")
    assert said.code == 2 and "wechatpay.toml" in said.out and CANARY not in said.out + said.err


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_the_listener_serves_until_it_is_asked_to_end(shop: Shell, signum: signal.Signals) -> None:
    words = [sys.executable, "-W", "error", "-m", "oms_cli", "pay", "listen", "--port", "0", "--json"]
    with subprocess.Popen(words, cwd=shop.folder, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:  # fmt: skip
        try:
            assert run.stderr is not None
            address = json.loads(run.stderr.readline())["address"]
            assert httpx.get(f"{address}/healthz").status_code == 200
            assert httpx.post(f"{address}/pay/wechatpay", content=b"{}").json()["code"] == "FAIL"
            assert httpx.post(f"{address}/pay/alipay", content=b"a=b").content != b"success"
            assert httpx.post(f"{address}/pay/nobody", content=b"").status_code == 404
            run.send_signal(signum)
            out, err = run.communicate(timeout=30)
        finally:
            run.kill()
    assert run.returncode == 0, err
    assert json.loads(out)["outcome"] == "done"
    assert shop("jobs", "history", "--limit", "1", "--json").lines[0]["job"] == "pay listen"
