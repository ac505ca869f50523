"""Settlement periods: a month or a day in the business zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_FORM = re.compile(r"(\d{4})-(\d\d)(?:-(\d\d))?", re.ASCII)


def span(period: str, zone: str) -> tuple[datetime, datetime]:
    """Half-open UTC times of ``2026-09`` or ``2026-09-05``.

    Raises:
        ValueError: neither a month nor a day.
    """
    found = _FORM.fullmatch(period)
    if not found:
        raise ValueError(f"{period!r} is no period; write 2026-09 or 2026-09-05")
    year, month, day = int(found[1]), int(found[2]), int(found[3] or 1)
    first = date(year, month, day)
    last = first + timedelta(days=1) if found[3] else date(year + month // 12, month % 12 + 1, 1)
    where = ZoneInfo(zone)
    start, end = (datetime(d.year, d.month, d.day, tzinfo=where).astimezone(UTC) for d in (first, last))
    return start, end
