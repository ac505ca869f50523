"""The benchmark runs, and says every ratio that is promised. How fast it all is, is for `make bench` to say."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.job import STEPS
from benchmarks.measuring import Cost, Figure
from tests.house.source import ROOT

#: how much worse than promised a ratio may be before something must be broken, on a machine that does other things too
SLACK = 8
FIGURES = {
    "push", "movers", "moves", "page.taobao", "page.jd", "page.douyin", "page.wechat_shop", "match", "match.text", "import", "help",
}  # fmt: skip


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, Any]]:
    """What the short form prints, by name."""
    words = [sys.executable, "-m", "benchmarks", "--short", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode in (0, 3), done.stderr
    return {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}


def test_the_short_form_says_every_ratio(told: dict[str, dict[str, Any]]) -> None:
    jobs = {name for name, step in STEPS.items() if not step.aside} - {"push shipments"}
    assert set(told) == FIGURES | jobs | {"match.memory", "report"}


def test_every_ratio_has_its_floor_its_spread_and_what_to_compare_it_with(told: dict[str, dict[str, Any]]) -> None:
    for name in FIGURES:
        row = told[name]
        assert row["floor_us"] > 0
        assert row["ours_us"] > 0
        assert row["near"]
        assert row["ratios"] == sorted(row["ratios"])
        assert row["ratios"][0] <= row["ratio"] * 1.01
        assert row["ratio"] <= row["ratios"][-1] * 1.01


def test_no_ratio_is_far_from_what_is_promised(told: dict[str, dict[str, Any]]) -> None:
    # what is shown for comparison only is nobody's promise
    mine = {n: row for n, row in told.items() if "ratio" in row and row.get("promised", True)}
    assert {n: row["ratio"] for n, row in mine.items() if row["ratio"] > SLACK * row["bound"]} == {}


def test_the_daily_report_is_promised_in_seconds_of_processor(told: dict[str, dict[str, Any]]) -> None:
    row = told["report"]
    assert (row["bound_s"], row["orders"], len(row["costs"])) == (1.0, 3_000, 2)
    assert 0 < row["cpu_s"] < SLACK * row["bound_s"]
    assert row["cells"] > 1_000


def a_figure(*ratios: float) -> Figure:
    ours = tuple(Cost(ratio, 2 * ratio) for ratio in ratios)
    return Figure(
        name="x", what="", against="", bound=2.0, ours=ours, floor=(Cost(1.0, 1.0),) * len(ratios), units=10, unit="order", near=""
    )  # fmt: skip


def test_the_median_of_the_repetitions_decides() -> None:
    assert a_figure(9.0, 1.5, 1.9, 1.8, 7.0).holds
    assert not a_figure(1.0, 1.5, 2.1, 2.2, 7.0).holds


def test_a_figure_counts_wall_and_processor_time_apart() -> None:
    figure = a_figure(1.0, 2.0, 3.0)
    assert (figure.ratio, figure.cpu_ratio) == (2.0, 4.0)
    assert figure.each_us(figure.ours) == 2.0 / 10 * 1e6
    assert figure.each_us(figure.ours, cpu=True) == 4.0 / 10 * 1e6


def test_an_unknown_name_is_refused_with_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--only", "nothing"])
    assert stopped.value.code == 2
    assert "movers" in capsys.readouterr().err
