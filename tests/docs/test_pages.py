"""The command blocks and Python blocks of README and docs are run, in the order a reader would type them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import jobs
from tests.commands.conftest import Shell
from tests.commands.day import Day
from tests.docs.pages import Block, blocks, pages, typed
from tests.docs.reader import Reader
from tests.docs.tools import jq
from tests.paying import own_order, put_own

At = Callable[[str], Shell]


def test_the_quickstart_leads_from_nothing_to_shipped_orders_and_an_office(tmp_path: Path) -> None:
    """In real time: the marketplaces are started as a reader starts them."""
    reader = Reader(tmp_path)
    settings = "\n".join(b.text for b in blocks("docs/quickstart.md", "toml"))
    try:
        for line in typed("docs/quickstart.md"):
            if line == "oms config check":
                reader.writes("oms.toml", settings)
            said = reader.types(line)
            if line.startswith("oms order list"):
                assert len(said.splitlines()) == 4, said
    finally:
        reader.leaves()
    with jobs.open(tmp_path / "play" / "oms.toml") as office:
        assert len(office.list_orders(progress=("shipped",))) > 20
        assert len(office.env.ledger.effects(kind="ship_notice", state="confirmed")) > 20
        assert office.env.ledger.effects(kind="level", state="confirmed")
        assert office.reconcile_stock().items == []
    assert (tmp_path / "office" / "data" / "keys" / "pii.key").exists()


def test_the_commands_of_the_readme_run(shell: Shell, day: Day) -> None:
    reader = Reader(shell.folder, day)
    for line in typed("README.md"):
        reader.types(line)
        if line.startswith("oms init"):
            reader.edits_settings(day)


def test_the_transcript_of_the_readme_is_what_is_said(at: At, day: Day) -> None:
    """Its commands are run at a marketplace of another day: the numbers differ, what is said of them does not."""
    [block] = [b for b in blocks("README.md", "text") if b.commands]
    reader = Reader(at("empty").folder, day, {"OMS__LOG__LEVEL": "info"}, later=10)
    told = {words(x) for x in block.text.splitlines() if " · " in x}
    said: set[str] = set()
    for line in block.commands:
        out = reader.types(re.sub(r"\b\d{19}\b", "NUMBER", line) + " 2>&1")
        said |= {words(x) for x in out.splitlines() if " · " in x}
        if "explain" in line:
            shown = set(re.findall(r"^(\w+): ", block.text, re.M))
            assert shown and shown <= set(re.findall(r"^(\w+): ", out, re.M))
    assert told and told <= said


def words(line: str) -> str:
    """Which run, and how it ended: ``push orders · done``."""
    found = re.search(r"((?:\w+ )+· \w+) ·", line)
    return found[1] if found else line


@pytest.mark.parametrize("page", ["docs/operating.md", "docs/scripting.md", "docs/reports.md", "docs/stores.md"])
def test_the_commands_of_a_page_run_in_an_office_at_work(
    page: str, at: At, day: Day, request: pytest.FixtureRequest
) -> None:
    oms = at("sourced")
    lines = typed(page)
    reader = Reader(oms.folder, day, jq(request) if any("jq" in x for x in lines) else {}, later=10)
    for line in lines:
        reader.types(line)


PYTHON = [b for page in ("docs/scripting.md", "docs/reports.md") for b in blocks(page, "python")]


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_the_python_of_a_page_runs(block: Block, at: At, capsys: pytest.CaptureFixture[str]) -> None:
    at("pushed")
    if "audited" in block.text:
        with jobs.open("oms.toml") as office:
            office.audit_orders()
    exec(compile(block.text, str(block), "exec"), {})
    assert capsys.readouterr().out.strip()


def test_the_commands_about_money_run_before_a_channel(at: At, day: Day) -> None:
    """Orders of our own beside those of the marketplace, before the payment channels of this machine."""
    oms = at("sourced")
    with_channels(oms.folder, day.world.info)
    reader = Reader(oms.folder, day, later=10)
    for line in typed("docs/payments.md"):
        reader.types(line.replace("ORDER", "PAY1"))
    with jobs.open(oms.folder / "oms.toml") as office:
        payments = office.list_payments()
        assert [p.status for p in payments] == ["open"]


def with_channels(office: Path, world: Mapping[str, Any]) -> None:
    """Give an office the channels that a world tells of, and two unpaid orders of its own."""
    (office / "channels").mkdir(mode=0o700)
    for told in world["channels"]:
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
        path = office / "channels" / f"{told['alias']}.toml"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
    with jobs.open(office / "oms.toml") as oms:
        put_own(oms.env, own_order("PAY1"), own_order("PAY2"))


def test_the_commands_of_the_pages_on_own_orders_and_refunds_run(shell: Shell) -> None:
    shell.settings("\n".join(b.text for b in blocks("docs/own-orders.md", "toml")))
    for line in (*typed("docs/own-orders.md"), *typed("docs/refunds.md")):
        said = shell(*shlex.split(line)[1:])
        assert said.code == 0, (line, said)
        if "--template" in line:
            # what the reader is told to do: fill it in
            book = openpyxl.load_workbook("orders.xlsx")
            book.active["A2"] = "A1"
            book.save("orders.xlsx")
    with jobs.open("oms.toml") as office:
        assert [(o.platform_order_no, o.progress) for o in office.list_orders()] == [("A1", "cancelled")]
        assert [r.status for r in office.list_refunds()] == ["approved"]


SETTINGS = [
    b
    for p in ("docs/quickstart.md", "docs/operating.md", "docs/payments.md", "docs/own-orders.md", "docs/stores.md")
    for b in blocks(p, "toml")
]
SETTINGS += [b for b in blocks("docs/adding-a-platform.md", "toml") if "[shops." in b.text]
SETTINGS += [b for b in blocks("docs/settlement.md", "toml") if "[settlement]" in b.text]
SETTINGS += [b for p in pages() if p.startswith("docs/platforms/") for b in blocks(p, "toml")]


@pytest.mark.parametrize("block", SETTINGS, ids=str)
def test_settings_shown_in_the_docs_are_settings(block: Block, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in re.findall(r'"env:(\w+)"', block.text):
        monkeypatch.setenv(name, "https://robot.example/hook" if "URL" in name else "c2VjcmV0")
    shell.settings(block.text)
    said = shell("config", "check", "--json")
    assert said.code == 0 or "lark" in block.text, said
    assert "lark" not in block.text or "UnknownPlatform" not in said.err
