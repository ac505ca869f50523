"""What the console makes of results: documents, lines, tables; masked, quiet when fine."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from jobs.results import Item, Result
from oms_cli import console
from stores.records import Level, Progress, Receiver, Token


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def result(**changes: Any) -> Result:
    made = Result(job="push orders", run_id="r1")
    made.count("stored", 3)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_a_fine_run_says_nothing_when_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    assert console.show(result()) == 0
    assert capsys.readouterr() == ("", "")


def test_what_a_fine_run_held_is_not_mailed_by_cron(capsys: pytest.CaptureFixture[str]) -> None:
    made = result()
    made.add(Item(ref="A-1", did="held", reason="audit.remark"))
    assert console.show(made) == 0
    assert capsys.readouterr() == ("", "")


def test_a_partial_run_lists_what_an_operator_must_see(capsys: pytest.CaptureFixture[str]) -> None:
    made = result()
    made.add(Item(ref="A-1", did="parked", reason="unmapped_sku", shop="jd-one", facts={"sku": "X"}))
    assert console.show(made) == 3
    out = capsys.readouterr().out
    assert out.splitlines() == ["ref\tdid\treason\tshop\tfacts", "A-1\tparked\tunmapped_sku\tjd-one\tsku=X"]


def test_a_run_is_one_document_under_json(capsys: pytest.CaptureFixture[str]) -> None:
    console.show(result(started_at=datetime(2024, 3, 1, tzinfo=UTC)), json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["counts"] == {"stored": 3}
    assert (told["outcome"], told["started_at"]) == ("done", "2024-03-01T00:00:00+00:00")


def test_a_person_sees_the_counts_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    console.show(result())
    assert screen.getvalue() == "push orders · done · stored=3\n"


def test_a_list_is_json_lines_and_an_empty_one_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    console.show([Level(warehouse="main", sku="S", on_hand=5, held=2)], json=True)
    assert json.loads(capsys.readouterr().out) == {
        "warehouse": "main",
        "sku": "S",
        "on_hand": 5,
        "held": 2,
        "defective": 0,
    }
    console.show([], json=True)
    assert capsys.readouterr().out == ""


def test_records_that_hide_themselves_stay_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    who = Receiver(name="张三", phone="13800000000", address="西湖区文三路1号")
    token = Token(shop="a", access="canary-access", refresh="canary-refresh")
    console.show({"receiver": who, "token": token, "inner": [who]}, json=True)
    console.show({"receiver": who, "token": token, "inner": [{"who": who}]})
    out = capsys.readouterr().out
    assert "张三" not in out and "1380" not in out and "文三路" not in out and "canary" not in out


def test_a_receiver_as_plain_fields_is_masked_unless_it_is_revealed(capsys: pytest.CaptureFixture[str]) -> None:
    shown = {"receiver": {"name": "张三", "phone": "13800000000", "masked": False}}
    for json_ in (True, False):
        console.show(shown, json=json_)
        assert "张三" not in capsys.readouterr().out
        console.show(shown, json=json_, reveal=True)
        assert "张三" in capsys.readouterr().out


def test_a_document_for_people_has_its_lists_as_tables(capsys: pytest.CaptureFixture[str]) -> None:
    console.show({"order_no": "N", "progress": Progress.AUDITED, "lines": [{"sku": "S", "qty": 2}]})
    assert capsys.readouterr().out.splitlines() == [
        "order_no: N",
        "progress: audited",
        "",
        "# lines",
        "sku\tqty",
        "S\t2",
    ]


def test_a_table_on_a_terminal_leaves_out_empty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    console.show([{"ref": "A-1", "reason": ""}, {"ref": "[bold]B", "reason": None}], columns=("ref", "reason"))
    assert "A-1" in screen.getvalue() and "[bold]B" in screen.getvalue()
    assert "reason" not in screen.getvalue()


def test_no_line_break_or_tab_of_a_value_breaks_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    console.show([{"a": "x\ty\nz", "b": 1}])
    assert capsys.readouterr().out.splitlines() == ["a\tb", "x y z\t1"]


def test_a_time_that_was_written_out_is_shown_in_the_zone_of_the_reader(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "zone", ZoneInfo("Asia/Shanghai"))
    console.show(
        [{"at": "2024-03-01T00:00:00.123000Z", "then": datetime(2024, 3, 1, tzinfo=UTC), "text": "2024-03-01"}]
    )
    assert capsys.readouterr().out.splitlines()[1] == "2024-03-01 08:00:00+0800\t2024-03-01 08:00:00+0800\t2024-03-01"


def test_what_a_person_need_not_see_is_hidden_from_tables_only(capsys: pytest.CaptureFixture[str]) -> None:
    shown = {"number": "N", "history": [{"ref": "N", "to": "audited"}]}
    console.show(shown, hide=("ref",))
    assert "ref" not in capsys.readouterr().out
    console.show(shown, hide=("ref",), json=True)
    assert json.loads(capsys.readouterr().out) == shown
