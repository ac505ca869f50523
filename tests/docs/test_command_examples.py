"""Every example of the command reference is typed in an office at work: it is understood, and ends as a run or a question ends."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

import jobs
from tests.commands.conftest import Said, Shell
from tests.commands.day import SHOP, WAREHOUSES, Day
from tests.docs.pages import GENERATED
from tests.docs.reader import FINE, Reader
from tests.docs.settled import BILL, DAY, LATER, MONTH, billed, open_item, suggested, with_statements, with_supplier
from tests.docs.test_pages import with_channels
from tests.docs.tools import jq
from tests.house.source import ROOT

At = Callable[[str], Shell]
_EXAMPLES = re.compile(r"^  Examples:\n((?:    .*\n)+)", re.M)
EXAMPLES = [
    line.strip()
    for found in _EXAMPLES.finditer((ROOT / GENERATED).read_text(encoding="utf-8"))
    for line in found[1].splitlines()
]
#: what runs until it is stopped, or for minutes; each has tests of its own
ELSEWHERE = {
    "oms demo": "tests/commands/test_demo.py",
    "oms sandbox serve": "tests/commands/test_sandbox.py",
    "oms pay listen": "tests/commands/test_pay.py",
}
#: what stays until it is stopped, an option of several commands: tests/commands/test_follow.py
FOLLOW = "--follow"
#: where this office has nothing for an example: the exit code, and words of the reason that is given
NO = {
    "oms sync windows accept WINDOW": (32, "open window"),
    "oms order replay KEY": (23, "KEY"),
    "oms jobs retry KEY": (23, "KEY"),
    "oms jobs locks --break": (32, "lock"),
    "oms jobs parked --kind ship_notice": (33, "no number in it"),
    "oms refund receive REFUND": (2, "more than left"),
    "oms pay query PAYMENT": (32, "payment"),
    "oms refund request ORDER --kind return": (2, "fits no order that is created"),
    "oms refund request ORDER --kind exchange": (2, "fits no order that is created"),
}
#: the names of the reference → those of this office
NAMES = {
    "tmall-flagship": SHOP,
    "tmall-one": SHOP,
    "tmall-*": f"{SHOP}*",
    "jd-main": SHOP,
    "--platform jd": "--platform taobao",
    " main": f" {WAREHOUSES[0]}",
    "shop-hz": WAREHOUSES[1],
    "SKU-001": "SKU-1001-A",
    "SKU-002": "SKU-1001-A",
    "/etc/oms/": "",
    "/etc/cron.d/oms": "cron.txt",
    "--user oms": "--user tester",
    "2024-03-01T20:00": "2026-02-28T20:00+08:00",
    "pass show jd/token": "echo a-token",
    "wx-main": "wechatpay",
    "unpaid.txt": "own.txt",
    "ACME/2026-10/1": BILL,
    "2026-09-05": DAY,
    "2026-10-05": DAY,
    "2026-09": MONTH,
    "2026-10": MONTH,
}


def stage_of(example: str) -> str:
    """The stage of the day at which an example has something to do."""
    if re.search("HANDOVER|waybills", example):
        return "handed_over"
    if "oms settle" in example:
        return "shipped"
    return "pushed" if " merge " not in example and "PARCEL" not in example and "order" in example else "merged"


def own(example: str, office: Path) -> str:
    """The example with what this office has in place of the capitals."""
    for theirs, ours in NAMES.items():
        example = example.replace(theirs, ours)
    with jobs.open(office / "oms.toml") as oms:
        parcels = oms.list_parcels()
        orders = oms.list_orders(progress=("created", "audited", "sourced"), limit=1) or oms.list_orders(limit=1)
        shared = [p for p in parcels if len(p.members) > 1] or parcels
        there: dict[str, Any] = {
            "NUMBER": shared[0].members[0] if "PARCEL" in example and shared else orders[0].order_no,
            "ORDER": "A1",
            "PARCEL": shared[0].parcel_no if shared else "PARCEL",
            "HANDOVER": next((p.handover_no for p in parcels if p.handover_no), "HANDOVER"),
            "REFUND": next((r.refund_no for r in oms.list_refunds()), "REFUND"),
        }
        if "settle assign line" in example:
            there |= {"line:12": open_item(oms, "only_theirs"), "exp:7": open_item(oms, "only_ours")}
        one_by_one = suggested(oms) if "settle decide --accept" in example else []
    if " pay " in example:
        # what is collected for is an order of our own
        there["ORDER"] = "PAY1"
    for word, value in there.items():
        example = re.sub(rf"\b{word}\b", value, example)
    for value in one_by_one:
        example = re.sub(r"\bID\b", value, example, count=1)
    return example


def files(office: Path, example: str) -> None:
    """The files that examples name."""
    if "orders.xlsx" in example or "ORDER" in example:
        own_orders(office, pushed="ORDER" in example)
    answer = ROOT / "tests" / "adapters" / "samples" / "taobao"
    sample = "refunds_list.json" if "refunds" in example else "orders_list.json"
    (office / "answer.json").write_bytes((answer / sample).read_bytes())
    (office / "counts.csv").write_text(f"warehouse,sku,qty\n{WAREHOUSES[0]},SKU-1001-A,7\n", encoding="utf-8")
    with jobs.open(office / "oms.toml") as oms:
        oms.reconcile_stock(plan_out=office / "repair.json")
        oms.late_payments(plan_out=office / "late.json")
        oms.pay_refunds(plan_out=office / "back.json")
        numbers = [o.order_no for o in oms.list_orders(limit=3)]
        returns = [(r.refund_no, "SKU-1001-A", "0") for r in oms.list_refunds()]
        rows = [(p.parcel_no, "SF", f"SF{n:09d}") for n, p in enumerate(oms.list_parcels(), 1)]
    (office / "own.txt").write_text("PAY1\nPAY2\n", encoding="utf-8")
    (office / "numbers.txt").write_text("\n".join(numbers), encoding="utf-8")
    (office / "returns.csv").write_text(
        "\n".join(map(",".join, [("refund_no", "sku", "good"), *returns])), encoding="utf-8"
    )
    table = [("parcel_no", "carrier", "waybill"), *rows]
    (office / "waybills.csv").write_text("\n".join(map(",".join, table)), encoding="utf-8")
    book = Workbook()
    sheet = book.create_sheet("waybills", 0)
    for row in table:
        sheet.append(row)
    book.save(office / "waybills.xlsx")


def own_orders(office: Path, *, pushed: bool) -> None:
    """An own shop beside the marketplace's, and a file with an order of it."""
    settings = office / "oms.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8") + '\n[shops.hotline]\nplatform = "own"\nseller_id = "h"\n',
        encoding="utf-8",
    )
    with jobs.open(settings) as oms:
        oms.order_template(office / "filled.xlsx")
        book = load_workbook(office / "filled.xlsx")
        for cell in book.worksheets[0][2]:
            cell.value = {"EXAMPLE": "A1", "SKU-001": "SKU-1001-A"}.get(str(cell.value), cell.value)
        book.save(office / "filled.xlsx")
        if pushed:
            oms.import_orders(office / "filled.xlsx", by="tester")
            oms.push_orders(shops=("hotline",))


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory, day: Day) -> Iterator[tuple[Path, datetime]]:
    """An office with a bill of its channel, and when it is there."""
    with billed(tmp_path_factory.mktemp("paid"), day) as made:
        yield made


@pytest.mark.parametrize(
    "example", [x for x in EXAMPLES if not x.startswith(tuple(ELSEWHERE)) and not x.endswith(FOLLOW)]
)
def test_an_example_of_the_reference_is_understood_and_ends_well(
    example: str, at: At, day: Day, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = stage_of(example)
    oms = at(stage)
    if re.search(r"oms pay |refund pay|reconcile payments", example):
        with_channels(oms.folder, day.world.info)
    if "oms settle" in example:
        (with_supplier if "supplier" in example else with_statements)(oms.folder, example)
        monkeypatch.setenv("OMS__CLOCK__START", LATER.isoformat())
    if "reconcile bills" in example:
        paid, morning = request.getfixturevalue("paid")
        shutil.copytree(paid, oms.folder, dirs_exist_ok=True)
        monkeypatch.setenv("OMS__CLOCK__START", morning.isoformat())
    files(oms.folder, example)
    typed = own(example, oms.folder)
    if "orders.xlsx" in typed and "--template" not in typed:
        (oms.folder / "filled.xlsx").rename(oms.folder / "orders.xlsx")
    code, words = next((no for start, no in NO.items() if example.startswith(start)), (0, ""))
    if re.search(r"[|<>]|&&|- ", typed) or typed.endswith("oms init"):
        said = in_a_shell(typed, oms.folder, day, jq(request))
    else:
        monkeypatch.setenv("USER", "tester")
        said = oms(*shlex.split(typed)[1:])
    assert said.code in ((code,) if code else FINE) and words in said.err, said


def in_a_shell(typed: str, folder: Path, day: Day, env: dict[str, str]) -> Said:
    """What is more than one command, or makes files where it stands; what reads by itself gets a number."""
    home = folder.parent / "home"
    (home / ".zfunc").mkdir(parents=True)
    reader = Reader(home if "init" in typed else folder, day, {**env, "HOME": str(home), "USER": "tester"}, later=10)
    done = reader.runs(reader.own(f"printf %s NUMBER | {typed}") if re.search(r"^oms[^|]* - ", typed) else typed)
    return Said(done.returncode, done.stdout, done.stderr)


def test_there_are_examples_of_every_kind_and_few_are_tested_elsewhere() -> None:
    assert len(EXAMPLES) > 100
    left = [x for x in EXAMPLES if x.startswith(tuple(ELSEWHERE))]
    assert len(left) == 7, left
    assert len([x for x in EXAMPLES if x.endswith(FOLLOW)]) == 4
