"""Sizes and names of files."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.house.source import PACKAGES, ROOT, files

LIMIT = 500


def test_no_file_has_a_second_subject() -> None:
    long = {
        str(p.relative_to(ROOT)): n
        for p in files(*PACKAGES, "tests", "benchmarks")
        if (n := len(p.read_text(encoding="utf-8").splitlines())) >= LIMIT
    }
    assert long == {}


def test_every_package_is_typed() -> None:
    assert [name for name in PACKAGES if not (ROOT / name / "py.typed").exists()] == []


def test_no_test_name_is_less_than_a_sentence() -> None:
    short = [
        f"{p.name}: {name}"
        for p in files("tests")
        for name in re.findall(r"^\s*def (test_\w+)\(", p.read_text(encoding="utf-8"), re.M)
        if name.count("_") < 3
    ]
    assert short == []


def test_top_level_names_shadow_nothing() -> None:
    assert not set(PACKAGES) & set(sys.stdlib_module_names)


def test_nothing_names_the_place_it_was_written_in() -> None:
    # the checkout's own folder and the home folder, whatever they are called on this machine
    words = [f"{ROOT}/", f"{Path.home()}/"]
    kinds = {".py", ".md", ".toml", ".sql", ".lua", ".json", ".mako", ".cfg", ".sh", ""}
    places = [ROOT / n for n in (*PACKAGES, "tests", "docs", "cron.d", "benchmarks", "deploy", ".ci")]
    all_files = [p for place in places for p in place.rglob("*") if p.is_file() and p.suffix in kinds]
    all_files += [p for p in ROOT.iterdir() if p.is_file() and p.suffix in kinds and p.name != ".git"]
    assert [
        f"{p}: {word}" for p in all_files for word in words if word in p.read_text(encoding="utf-8", errors="replace")
    ] == []
