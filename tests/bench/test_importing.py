"""The floor of the import is fair: it writes the very rows that the import wrote."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from benchmarks import importing
from benchmarks.recording import Player

ROWS = 300


def lines(folder: Path) -> list[tuple[Any, ...]]:
    c = sqlite3.connect(folder / "data" / "settlement.db")
    found = c.execute("SELECT * FROM statement_lines ORDER BY line_id").fetchall()
    c.close()
    return found


def test_playing_what_the_import_wrote_gives_the_same_rows(tmp_path: Path) -> None:
    path = tmp_path / "statement.csv"
    importing.write(path, ROWS)
    tape = importing._tape(tmp_path / "ours", path)
    importing._opened(tmp_path / "floor").close()
    player = Player(tmp_path / "floor", tape)
    player.play()
    player.close()
    ours = lines(tmp_path / "ours")
    assert lines(tmp_path / "floor") == ours
    assert len(ours) == ROWS


def test_the_file_holds_what_a_shop_downloads(tmp_path: Path) -> None:
    path = tmp_path / "statement.csv"
    importing.write(path, ROWS)
    importing._tape(tmp_path / "ours", path)
    kinds = [row[3] for row in lines(tmp_path / "ours")]
    assert {k: kinds.count(k) for k in set(kinds)} == {"goods": 100, "commission": 100, "refund": 100}
