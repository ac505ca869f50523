"""Each law has a test file that tries to break it."""

from __future__ import annotations

import pytest

from tests.house import owed
from tests.house.source import ROOT

#: numbers of the laws; docs/concepts.md words them
LAWS = range(1, 10)


@pytest.mark.parametrize("number", LAWS)
def test_a_law_has_its_tests(number: int) -> None:
    found = list((ROOT / "tests" / "laws").glob(f"test_law_{number:02d}_*.py"))
    if number in owed.LAWS:
        assert not found, f"paid: take {number} out of tests/house/owed.py"
        return
    assert len(found) == 1, f"write tests/laws/test_law_{number:02d}_….py"
    assert "def test_" in found[0].read_text(encoding="utf-8")


@pytest.mark.parametrize("number", LAWS)
def test_a_law_is_worded_for_readers(number: int) -> None:
    assert f"\n{number}. **" in (ROOT / "docs" / "concepts.md").read_text(encoding="utf-8")
