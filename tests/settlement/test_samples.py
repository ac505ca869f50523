"""Every layout has a sample, and reads from it exactly the movements that are in it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.statements import all_layouts
from adapters.statements.layout import KINDS
from adapters.statements.reading import Line, statements

SAMPLES = Path(__file__).parent / "samples"
FILES = sorted(p for p in SAMPLES.iterdir() if ".expected" not in p.name and p.suffix != ".md")
LAYOUTS = all_layouts()


def said(line: Line) -> tuple[object, ...]:
    at = datetime.fromtimestamp(line.at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return line.kind, line.order_ref, line.refund_ref, line.ref, line.amount_minor, line.currency, at, line.status


def wanted(path: Path) -> list[tuple[object, ...]]:
    rows = json.loads((SAMPLES / f"{path.stem}.expected.json").read_text(encoding="utf-8"))
    names = ("kind", "platform_order_no", "refund_ref", "ref", "amount_minor", "currency", "at")
    return [(*(r[n] for n in names), r.get("status", "settled")) for r in rows]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_a_sample_gives_the_movements_that_are_in_it(path: Path) -> None:
    found = list(_read(path))
    assert found == wanted(path)


def _read(path: Path) -> list[tuple[object, ...]]:
    out = []
    for statement in statements(path, list(LAYOUTS.values())):
        out += [said(Line(*row)) for batch in statement.batches() for row in batch]
        assert statement.parked == []
    return out


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_has_a_sample_and_names_its_source(name: str) -> None:
    layout = LAYOUTS[name]
    assert any(p.stem == name for p in FILES), f"write tests/settlement/samples/{name}.*"
    assert layout.source and layout.title and layout.need
    assert {r.is_ for r in layout.kinds} <= set(KINDS)


def test_the_two_sheets_of_one_workbook_are_not_both_taken() -> None:
    found = [s.layout.name for s in statements(SAMPLES / "jd.xlsx", list(LAYOUTS.values()))]
    assert found == ["jd"]
    fund = [s.layout.name for s in statements(SAMPLES / "jd.xlsx", [LAYOUTS["jd_fund"]])]
    assert fund == ["jd_fund"]


def test_no_sample_keeps_a_cell_of_a_person() -> None:
    for path in FILES:
        for statement in statements(path, list(LAYOUTS.values())):
            kept = set(statement.raw_columns)
            assert not kept & {"对方账号", "obj_alipay_mail"}
            list(statement.batches())
