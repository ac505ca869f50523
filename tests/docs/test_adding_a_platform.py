"""The page on adding a platform is a whole one: its files are written down as they stand there, found by their entry point, and
its commands are typed against a server that is written from the page's own description."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import jobs
from stores.records import Order
from tests.commands.conftest import Shell
from tests.docs.lark import SECRET, Lark, like
from tests.docs.pages import blocks, typed
from tests.docs.reader import Reader

PAGE = "docs/adding-a-platform.md"
[CODE] = blocks(PAGE, "python")
[ANSWER] = blocks(PAGE, "json")
PROJECT, SHOP = blocks(PAGE, "toml")
At = Callable[[str], Shell]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The two files, laid where pip would lay them: the module, and the metadata with its entry points."""
    project = tomllib.loads(PROJECT.text)
    [(name, target)] = project["project"]["entry-points"]["oms.platforms"].items()
    [module] = project["tool"]["setuptools"]["py-modules"]
    folder = tmp_path / "site"
    info = folder / f"{project['project']['name'].replace('-', '_')}-{project['project']['version']}.dist-info"
    info.mkdir(parents=True)
    (folder / f"{module}.py").write_text(CODE.text, encoding="utf-8")
    head = f"Name: {project['project']['name']}\nVersion: {project['project']['version']}\n"
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\n{head}", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[oms.platforms]\n{name} = {target}\n", encoding="utf-8")
    return folder


@pytest.fixture
def lark() -> Lark:
    [row] = json.loads(ANSWER.text)["rows"]
    now = datetime.now(UTC)
    return Lark([like(row, n, now - timedelta(minutes=5 * n)) for n in range(1, 8)])


@pytest.fixture
def reader(site: Path, lark: Lark, tmp_path: Path) -> Iterator[Reader]:
    folder = tmp_path / "office"
    folder.mkdir()
    made = Reader(folder, env={"PYTHONPATH": str(site), "LARK_SECRET": SECRET})
    with lark.serving() as address:
        shop = SHOP.text.replace("http://127.0.0.1:8089", address)
        # the page of 50 and the waits of a real platform would hide what is to be seen here
        made.writes(
            "oms.toml", f'{shop}options = {{ page_size = 3 }}\n\n[retry]\nwaits = ["10ms", "10ms"]\n[warehouses.main]\n'
        )
        made.writes("answer.json", ANSWER.text)
        yield made


def orders(reader: Reader) -> list[Order]:
    with jobs.open(reader.folder / "oms.toml") as office:
        return office.list_orders(limit=100)


def test_its_commands_bring_orders_into_the_office(reader: Reader, lark: Lark) -> None:
    said = {line: reader.types(line) for line in typed(PAGE)}
    assert "Lark" in said["oms shop list --platforms"]
    parsed = said["oms sync parse --platform lark answer.json"]
    assert "39000000000000000123" in parsed and "张三" not in parsed
    assert len(said["oms order list --shop lark-one"].splitlines()) == 1 + len(lark.rows)
    assert {o.platform_order_no for o in orders(reader)} == set(lark.rows)
    assert {(o.payable_minor, o.unexplained_minor, o.progress) for o in orders(reader)} == {(9_800, 0, "created")}
    assert lark.pages >= 4, "seven orders at three a page, read from the last page to the first"


def test_its_windows_are_proven_by_counting_also_through_passing_faults(reader: Reader, lark: Lark) -> None:
    lark.faults = [4290, 5003]
    reader.types("oms sync orders --shop lark-one")
    with jobs.open(reader.folder / "oms.toml") as office:
        found = office.sync_windows()
    assert {(w.state, w.proof) for w in found} == {("closed", "counted")}
    assert sum(w.new for w in found) == 7


def test_its_parcels_are_told_to_lark_once(reader: Reader, lark: Lark) -> None:
    reader.writes("counts.csv", "warehouse,sku,qty\nmain,SKU-1,50\n")
    steps = ["stock import counts.csv --as-of now --by li", "sync orders", "push orders", "order audit"]
    steps += [
        "--set merge.window=0s order source",
        "merge run",
        "parcel handover --warehouse main --out picks.csv --by li",
    ]
    for words in steps:
        reader.types(f"oms {words}")
    with jobs.open(reader.folder / "oms.toml") as office:
        rows = [f"{p.parcel_no},SF,SF{n:010d}" for n, p in enumerate(office.list_parcels(), 1)]
    reader.writes("waybills.csv", "\n".join(["parcel_no,carrier,waybill", *rows]))
    for words in ("parcel import waybills.csv --by li", "parcel ship", "push shipments", "push shipments"):
        reader.types(f"oms {words}")
    assert sorted(x["id"] for x in lark.told) == sorted(lark.rows)
    assert {x["carrier"] for x in lark.told} == {"shunfeng"}


def test_what_lark_says_in_a_new_way_is_held_or_parked_and_not_guessed(reader: Reader, lark: Lark) -> None:
    first, second, *_ = lark.rows.values()
    first["state"], second["total"] = "FROZEN", "98.001"
    reader.types("oms sync orders")
    reader.types("oms push orders")
    with jobs.open(reader.folder / "oms.toml") as office:
        assert [p["reason"] for p in office.parked()] == ["bad_money"]
        held = office.list_orders(held=True)
        assert [o.platform_status for o in held] == ["FROZEN"]
