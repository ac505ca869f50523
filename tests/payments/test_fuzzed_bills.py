"""Mutated bills do nothing wrong: the short form of ``python -m tests.payments.fuzz_bills``."""

from __future__ import annotations

import pytest

from tests.payments.fuzz_bills import KINDS, run


@pytest.mark.parametrize(("channel", "kind"), KINDS)
def test_a_mutated_bill_is_refused_or_has_problems_or_comes_to_the_planted_money(channel: str, kind: str) -> None:
    tally = run(channel, kind, 250)
    assert tally.wrong == []
    assert tally.ends.total() == 250
    assert min(tally.ends[end] for end in ("unreadable", "problems", "proven")) >= 10, tally.ends
    assert tally.reasons["unseen"] <= 5, "what no sum of the file covers is a kind's word or an order's amount"
