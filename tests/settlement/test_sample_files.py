"""The samples of statements are whole: what is expected of each comes to what the file itself says it comes to."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.sandbox import reading_statements as reading

SAMPLES = Path(__file__).with_name("samples")
KINDS = {
    "goods", "freight", "subsidy", "refund", "commission", "service_fee", "compensation", "advertising", "deposit",
    "withdrawal", "transfer", "tax", "adjustment",
}  # fmt: skip


def expected(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((SAMPLES / f"{name}.expected.json").read_text(encoding="utf-8"))
    return rows


def raw(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def loaded(name: str) -> Any:
    return json.loads(raw(name))


def cents(values: Iterable[Any]) -> int:
    return int(sum(Decimal(str(v).replace(",", "")) for v in values) * 100)


def table(name: str, encoding: str, skip: int = 0) -> list[dict[str, str]]:
    lines = raw(name).decode(encoding).splitlines()[skip:]
    return list(csv.DictReader(x for x in lines if not x.startswith("#")))


def german(text: str) -> str:
    return text.replace(".", "").replace(",", ".")


def shopee(row: dict[str, Any]) -> Any:
    return row["order_income"]["escrow_amount_after_adjustment"]


TOTALS: dict[str, Callable[[], int]] = {
    "taobao_bills": lambda: sum(
        b["amount"] for b in loaded("taobao_bills.json")["bill_bills_get_response"]["bills"]["bill_dto"]
    ),
    "jd_wallet": lambda: cents(r["bal"] for r in loaded("jd_wallet.json")["data"]),
    "jd_fund": lambda: cents(
        Decimal(r["收入金额(元)"]) - Decimal(r["支出金额(元)"]) for r in table("jd_fund.csv", "gb18030")
    ),
    "douyin_settle": lambda: sum(r["settle_amount"] for r in loaded("douyin_settle.json")["data"]),
    "pdd": lambda: cents(
        Decimal(r["收入金额（+元）"]) + Decimal(r["支出金额（-元）"]) for r in table("pdd.csv", "gb18030", 4)
    ),
    "kuaishou": lambda: cents(r["settlementAmount"] for r in loaded("kuaishou.json")["orders"]),
    "xiaohongshu": lambda: cents(r["amount"] for r in loaded("xiaohongshu.json")["transactions"]),
    "youzan": lambda: cents([table("youzan.csv", "utf-8-sig")[-1]["余额(元)"]]),
    "vipshop": lambda: cents(r["vendor_total_receivable_fee"] for r in loaded("vipshop.json")["details"]),
    "shopee": lambda: cents(shopee(r) for r in loaded("shopee.json")["orders"]),
    "lazada": lambda: cents(r["amount"] for r in loaded("lazada.json")["data"]),
    "tiktok_shop": lambda: cents(r["settlement_amount"] for r in loaded("tiktok_shop.json")["data"]["statements"]),
    "amazon": lambda: cents(
        [german(next(csv.DictReader(io.StringIO(raw("amazon.txt").decode()), delimiter="\t"))["total-amount"])]
    ),
    "shopify": lambda: cents(r["net"] for r in loaded("shopify.json")["transactions"]),
}


@pytest.mark.parametrize("name", TOTALS)
def test_what_is_expected_comes_to_what_the_file_comes_to(name: str) -> None:
    assert sum(r["amount_minor"] for r in expected(name)) == TOTALS[name]()


READ = {"taobao.zip": reading.taobao, "jd.csv": reading.jd, "douyin.csv": reading.douyin}


@pytest.mark.parametrize("name", [*READ, "wechat_shop.jsonl", "jd.xlsx", "taobao.csv"])
def test_the_sandboxs_layouts_are_the_samples(name: str) -> None:
    if name == "jd.xlsx":
        lines = reading.jd_workbook(raw(name))[0]
    elif name == "taobao.csv":
        assert raw(name).decode("gb18030") == reading.taobao_text(raw("taobao.zip"))
        lines = reading.taobao(raw("taobao.zip"))
    else:
        lines = READ.get(name, reading.wechat_shop)(raw(name))
    amounts: dict[tuple[str, str], int] = defaultdict(int)
    for row in expected(name.partition(".")[0]):
        amounts[row["ref"], row["platform_order_no"]] += row["amount_minor"]
    assert [((x.ref, x.order), x.amount + x.fees) for x in lines] == list(amounts.items())


def test_every_sample_is_described_and_its_rows_are_whole() -> None:
    told = (SAMPLES / "README.md").read_text(encoding="utf-8")
    files = [p for p in SAMPLES.iterdir() if not p.name.endswith((".expected.json", ".md"))]
    for path in files:
        assert f"`{path.name}`" in told
        rows = expected(path.name.partition(".")[0])
        assert rows and {r["kind"] for r in rows} <= KINDS
        for row in rows:
            assert row["amount_minor"] != 0 and len(row["currency"]) == 3 and row["at"].endswith("Z")
            assert set(row) - {"status"} == {
                "row", "ref", "kind", "platform_order_no", "line_no", "refund_ref", "amount_minor", "currency", "at",
            }  # fmt: skip
    names = {p.name.partition(".")[0] for p in files}
    assert {p.name.removesuffix(".expected.json") for p in SAMPLES.glob("*.expected.json")} == names


def test_the_workbook_holds_the_fund_sheet_too() -> None:
    book = openpyxl.load_workbook(io.BytesIO(raw("jd.xlsx")), read_only=True)
    assert book.sheetnames == ["结算表", "资金表"]
    book.close()
    funds = reading.jd_workbook(raw("jd.xlsx"))[1]
    assert funds == reading.jd_fund(raw("jd_fund.csv"))
    assert [x.amount for x in funds] == [r["amount_minor"] for r in expected("jd_fund")]
