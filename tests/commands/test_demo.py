"""oms demo: one document, steered by its options, with an exit code that says whether everything holds."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def oms(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "oms_cli", "demo", *words], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("demo")
    words = ("--orders", "12", "--seed", "3", "--platforms", "douyin", "--faults", "throttled,answer_lost")
    ran = oms(*words, "--folder", "play", "--json", folder=folder)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder, json.loads(ran.stdout)


def test_it_gives_one_document_with_what_was_played_and_every_check(told: tuple[Path, dict[str, Any]]) -> None:
    _, found = told
    assert (found["ok"], found["orders"], found["seed"]) == (True, 12, 3)
    assert all(c["ok"] for c in found["checks"]) and len(found["checks"]) > 15


def test_only_the_faults_that_were_asked_for_are_played(told: tuple[Path, dict[str, Any]]) -> None:
    _, found = told
    assert found["faults"]
    assert set(found["faults"]) <= {"throttled", "answer_lost"}


def test_the_days_files_are_kept_where_they_were_asked_for(told: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = told
    assert (folder / "play" / "sandbox" / "book.jsonl").stat().st_size
    assert (folder / "play" / "office" / "oms.toml").exists()


def test_the_report_page_is_written_and_its_place_told(told: tuple[Path, dict[str, Any]]) -> None:
    folder, found = told
    assert Path(found["page"]) == folder / "play" / "office" / "report.html"
    assert "<html" in Path(found["page"]).read_text(encoding="utf-8")[:500]


def test_the_same_folder_twice_is_refused_and_nothing_is_overwritten(told: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = told
    ran = oms("--folder", "play", folder=folder)
    assert ran.returncode == 37
    assert "not empty" in ran.stderr


def test_a_fault_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path) -> None:
    ran = oms("--faults", "earthquake", "--orders", "5", folder=tmp_path)
    assert ran.returncode == 38
    assert "earthquake" in ran.stderr and "answer_lost" in ran.stderr
