"""Words of the command line as values: times, numbers from files, pairs."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs.errors import BadFile, BadRequest
from oms_cli.moments import parse
from oms_cli.options import numbers, pairs, pieces, some_numbers

#: 02:30 on 2 March in Shanghai
NOW = datetime(2024, 3, 1, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("90s", NOW - timedelta(seconds=90)),
        ("7d", NOW - timedelta(days=7)),
        ("now", NOW),
        ("today", datetime(2024, 3, 1, 16, tzinfo=UTC)),
        ("yesterday", datetime(2024, 2, 29, 16, tzinfo=UTC)),
        ("2024-03-01", datetime(2024, 2, 29, 16, tzinfo=UTC)),
        ("2024-03-01T08:00", datetime(2024, 3, 1, tzinfo=UTC)),
        ("2024-03-01T08:00+00:00", datetime(2024, 3, 1, 8, tzinfo=UTC)),
        ("2024-03-01T08:00Z", datetime(2024, 3, 1, 8, tzinfo=UTC)),
    ],
)
def test_a_time_is_meant_in_the_business_zone_unless_it_says_otherwise(text: str, meant: datetime) -> None:
    assert parse(text, now=NOW, zone="Asia/Shanghai") == meant


def test_days_begin_in_the_business_zone_also_when_its_clock_changes() -> None:
    # the day before was 23 hours long in New York
    now = datetime(2024, 3, 11, 12, tzinfo=UTC)
    assert parse("yesterday", now=now, zone="America/New_York") == datetime(2024, 3, 10, 5, tzinfo=UTC)
    assert parse("today", now=now, zone="America/New_York") == datetime(2024, 3, 11, 4, tzinfo=UTC)


@pytest.mark.parametrize("text", ["soon", "2x", "2024-13-01", "-2h"])
def test_what_is_no_time_is_refused_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(BadRequest, match="2h, today or yesterday"):
        parse(text, now=NOW, zone="Asia/Shanghai")


def test_numbers_come_from_the_line_a_file_or_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "numbers.txt"
    file.write_text("# today's\nA-1\n\nA-2\tjd-one\nA-1 # again\n")
    assert numbers(["A-0"], str(file)) == ("A-0", "A-1", "A-2")
    monkeypatch.setattr("sys.stdin", io.StringIO("B-1\n"))
    assert numbers(None, "-") == ("B-1",)


def test_a_file_without_numbers_is_not_all_orders(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("# nothing\n")
    with pytest.raises(BadFile):
        numbers(None, str(tmp_path / "empty"))
    with pytest.raises(BadFile):
        numbers(None, str(tmp_path / "nowhere"))
    with pytest.raises(BadRequest):
        some_numbers(None, "")


def test_pairs_and_pieces_are_read_or_refused() -> None:
    assert pairs(["city=杭州", "note=a=b", "empty="]) == {"city": "杭州", "note": "a=b", "empty": ""}
    assert pieces(["S-1=2"]) == {"S-1": 2}
    for wrong in (["S-1"], ["S-1=0"], ["S-1=-2"], ["S-1=two"], ["=2"]):
        with pytest.raises(BadRequest):
            pieces(wrong)
