"""Mutated statements, the short form; `python -m tests.settlement.fuzz` plays ten thousand."""

from collections import Counter
from typing import Any

import pytest

from tests.settlement import fuzz


def test_mutated_statements_neither_crash_nor_apply_what_was_not_planted() -> None:
    counts, reasons = fuzz.run(60)
    assert counts["files"] == 60
    assert counts["decoded"] >= 0.4 * counts["files"]
    assert counts["rows_matched"] > counts["files"] and reasons


def test_the_oracle_sees_a_row_that_was_not_planted(monkeypatch: pytest.MonkeyPatch) -> None:
    real = fuzz.look

    def lied_to(env: Any, seed: int, rows: list[tuple[int, int]], counts: Counter[str]) -> None:
        real(env, seed, [(n, minor + 1) for n, minor in rows], counts)

    monkeypatch.setattr(fuzz, "look", lied_to)
    with pytest.raises(AssertionError, match="not planted"):
        fuzz.run(5)
