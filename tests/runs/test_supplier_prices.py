"""settle supplier prices: jobs/supplier_prices.py."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from jobs import supplier_lease, supplier_prices
from jobs.env import Env
from jobs.errors import BadFile, Busy
from stores.errors import Unavailable
from stores.records import Outcome
from stores.records.suppliers import FOREVER
from tests.suppliers import PRICES, open_house, prices


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Env]:
    made = open_house(tmp_path)
    yield made
    made.close()


def written(env: Env, *rows: str) -> Path:
    path = env.root / "prices.csv"
    path.write_text(PRICES + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def test_a_file_gives_prices_with_their_days(env: Env) -> None:
    prices(env, "ACME,SKU-1,CNY,1250,2026-1-1,2026/06/30", "ACME,SKU-1,CNY,1300,2026-07-01,")
    found = supplier_prices.listing(env, skus=["SKU-1"])
    assert [(p.price_minor, p.valid_from, p.valid_to) for p in found] == [
        (1250, "2026-01-01", "2026-06-30"), (1300, "2026-07-01", FOREVER),
    ]  # fmt: skip


def test_a_spreadsheet_with_chinese_headers_and_real_dates_is_read(env: Env) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["供应商", "商品编码", "币种", "采购价（分）", "生效日期", "失效日期"])
    sheet.append(["衣厂", "SKU-1", "CNY", 1250, date(2026, 1, 1), None])
    book.save(env.root / "prices.xlsx")
    assert supplier_prices.take(env, env.root / "prices.xlsx", by="ann").counts == {"taken": 1}
    assert supplier_prices.listing(env, on="2026-10-05")[0].supplier == "衣厂"


def test_importing_the_same_again_changes_nothing(env: Env) -> None:
    path = prices(env, "ACME,SKU-1,CNY,1250,2026-01-01,")
    before = list(env.settlement.dump())
    env.clock.advance(60)
    assert supplier_prices.take(env, path, by="ann").counts == {"same": 1}
    assert [row for row in env.settlement.dump() if row[0] != "fences"] == [row for row in before if row[0] != "fences"]


def test_overlapping_rows_of_a_file_are_both_refused_and_name_each_other(env: Env) -> None:
    path = written(
        env, "ACME,SKU-1,CNY,1250,2026-01-01,", "BOLT,SKU-1,CNY,1300,2026-07-01,", "ACME,SKU-2,CNY,9,2026-01-01,"
    )
    result = supplier_prices.take(env, path, by="ann")
    assert (result.outcome, result.counts) == ("partial", {"refused": 2, "taken": 1})
    assert [i.reason for i in result.items] == [
        "overlaps line 3: SKU-1 of BOLT 2026-07-01…", "overlaps line 2: SKU-1 of ACME 2026-01-01…",
    ]  # fmt: skip
    with (env.root / "prices.errors.csv").open(encoding="utf-8-sig") as file:
        assert [row["reason"] for row in csv.DictReader(file)] == [i.reason for i in result.items]


def test_a_row_that_overlaps_a_kept_price_names_it(env: Env) -> None:
    prices(env, "ACME,SKU-1,CNY,1250,2026-01-01,")
    result = supplier_prices.take(env, written(env, "ACME,SKU-1,CNY,1300,2026-07-01,"), by="ann")
    assert [i.reason for i in result.items] == ["overlaps kept: SKU-1 of ACME 2026-01-01…"]


def test_a_price_is_ended_and_followed_by_one_file(env: Env) -> None:
    prices(env, "ACME,SKU-1,CNY,1250,2026-01-01,")
    prices(env, "ACME,SKU-1,CNY,1250,2026-01-01,2026-06-30", "BOLT,SKU-1,CNY,1300,2026-07-01,")
    assert [p.supplier for p in supplier_prices.listing(env, on="2026-08-01")] == ["BOLT"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",SKU-1,CNY,1,2026-01-01,", "no_supplier"),
        ("ACME,,CNY,1,2026-01-01,", "no_sku"),
        ("A/B,SKU-1,CNY,1,2026-01-01,", "bad_supplier"),
        ("ACME,SKU-1,yuan,1,2026-01-01,", "bad_currency"),
        ("ACME,SKU-1,CNY,12.50,2026-01-01,", "bad_price"),
        ("ACME,SKU-1,CNY,-1,2026-01-01,", "bad_price"),
        ("ACME,SKU-1,CNY,1,2026-02-30,", "bad_date"),
        ("ACME,SKU-1,CNY,1,soon,", "bad_date"),
        ("ACME,SKU-1,CNY,1,2026-02-01,2026-01-31", "ends_before_it_begins"),
        (f"{'A' * 65},SKU-1,CNY,1,2026-01-01,", "too_long"),
    ],
)
def test_a_wrong_row_is_refused_with_its_reason(env: Env, row: str, reason: str) -> None:
    result = supplier_prices.take(env, written(env, row), by="ann")
    assert [(i.ref, i.reason) for i in result.items] == [("prices.csv:2", reason)]
    assert supplier_prices.listing(env) == []


def test_a_dry_run_lists_and_writes_nothing(env: Env) -> None:
    result = supplier_prices.take(env, written(env, "ACME,SKU-1,CNY,1,2026-01-01,"), by="ann", dry_run=True)
    assert [i.did for i in result.items] == ["taken"]
    assert supplier_prices.listing(env) == []


def test_a_column_that_is_missing_is_named(env: Env) -> None:
    (env.root / "p.csv").write_text("supplier,sku\nA,B\n", encoding="utf-8")
    with pytest.raises(BadFile, match="price_minor"):
        supplier_prices.take(env, env.root / "p.csv", by="ann")


def test_two_runs_do_not_write_at_once(env: Env) -> None:
    with env.run("one") as run, supplier_lease.leased(env, run), pytest.raises(Busy):
        prices(env, "ACME,SKU-1,CNY,1,2026-01-01,")
    prices(env, "ACME,SKU-1,CNY,1,2026-01-01,")


def test_a_lease_that_went_to_another_run_stops_the_job(env: Env) -> None:
    with pytest.raises(Unavailable, match="went to another run"):
        supplier_lease.kept(Outcome(key="x", result="lost"))
    assert supplier_lease.kept(Outcome(key="x", result="already")).ok
