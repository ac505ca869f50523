"""Settlement periods in the business zone."""

from datetime import UTC, datetime

import pytest

from jobs.rules.periods import span


def test_a_month_and_a_day_are_half_open_in_their_zone() -> None:
    assert span("2026-09", "Asia/Shanghai") == (
        datetime(2026, 8, 31, 16, tzinfo=UTC),
        datetime(2026, 9, 30, 16, tzinfo=UTC),
    )
    assert span("2026-12", "UTC")[1] == datetime(2027, 1, 1, tzinfo=UTC)
    assert span("2026-03-29", "Europe/Berlin") == (
        datetime(2026, 3, 28, 23, tzinfo=UTC),
        datetime(2026, 3, 29, 22, tzinfo=UTC),
    )


@pytest.mark.parametrize("text", ["", "2026", "2026-9", "2026-13", "2026-02-30", "2026-09-05T00:00", "２０２６-09"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        span(text, "UTC")
