"""Statements from a running sandbox: files over its control address, the book of all rows and differences."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest

from adapters.sandbox import Sandbox, Wish
from tests.sandbox import reading_statements as reading

DAY = "2025-11-20"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path, Wish(orders=120, differences=0.2)) as sandbox:
        yield sandbox


def test_an_operator_downloads_a_days_files_once_they_are_there(running: Sandbox) -> None:
    with pytest.raises(HTTPError) as early:
        running.statement("wechat_shop", DAY)
    with early.value as answer:
        assert answer.code == 404 and "ten in the morning" in json.loads(answer.read())["error"]
    running.advance(to="2025-11-21T10:00:00+08:00")
    told = running.control("statements")
    assert told["days"] == [DAY]
    listed = {(f["platform"], f["form"]) for f in told["files"]}
    assert listed == {(p, form) for p, forms in running.info["statements"]["forms"].items() for form in forms}
    # nothing was shipped, so only WeChat, which books payments, has rows of orders
    lines = reading.wechat_shop(running.statement("wechat_shop", DAY))
    rows = [r for r in told["rows"] if r["platform"] == "wechat_shop"]
    assert [x.ref for x in lines] == [r["ref"] for r in rows] and len(lines) > 20
    assert {p["class"] for p in told["planted"] if p["platform"] == "wechat_shop"} >= {"missing", "extra", "doubled"}
    settled, funds = reading.jd_workbook(running.statement("jd", DAY, "xlsx"))
    assert [f"8{x.ref}" for x in settled] == [x.ref for x in funds] and settled[0].order == ""


def test_the_book_lies_beside_the_orders_when_the_world_is_closed(running: Sandbox) -> None:
    running.advance(to="2025-11-22T10:00:00+08:00")
    running.control("close", {})
    told = running.control("statements")
    for name, rows in (("statements", told["rows"]), ("planted", told["planted"])):
        lines = (running.folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        assert [json.loads(x) for x in lines] == rows and rows


def test_a_file_that_does_not_exist_is_said_so(running: Sandbox) -> None:
    for platform, day, form, words in (
        ("amazon", DAY, "", "no platform"),
        ("jd", DAY, "pdf", "no form"),
        ("jd", "20251120x", "", "no day"),
    ):
        with pytest.raises(HTTPError) as wrong:
            running.statement(platform, day, form)
        with wrong.value as answer:
            assert words in json.loads(answer.read())["error"]
