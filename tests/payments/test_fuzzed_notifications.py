"""Mutated notifications do nothing wrong: the short form of ``python -m tests.payments.fuzz``."""

from __future__ import annotations

import pytest

from tests.payments.fuzz import STAGES, report, run


@pytest.mark.parametrize("channel", ["wechatpay", "alipay"])
def test_a_mutated_notification_is_refused_with_a_reason_or_read_as_it_stands(channel: str) -> None:
    tally = run(channel, 200)
    assert tally.wrong == []
    assert (tally.all, set(tally.stages) - set(STAGES)) == (200, set())
    assert tally.before >= 100 and tally.past >= 0.4, report({channel: tally})
    assert all(tally.stages[stage] for stage in STAGES), report({channel: tally})
