"""Times as people write them."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def parse(text: str, *, now: datetime, zone: str) -> datetime:
    """Read ``2024-03-01``, ``2024-03-01T08:00``, an ISO time with offset, ``2h`` (ago), ``now``, ``today``, ``yesterday``.

    Without an offset it is meant in `zone`; days begin there.

    Raises:
        jobs.errors.BadRequest: it is none of these.
    """
    local = ZoneInfo(zone)
    midnight = datetime.combine(now.astimezone(local).date(), time(), local)
    words = {"now": now, "today": midnight, "yesterday": datetime.combine(midnight.date() - timedelta(days=1), time(), local)}  # fmt: skip
    if text in words:
        return words[text].astimezone(now.tzinfo)
    ago = re.fullmatch(r"(\d+)([smhdw])", text)
    if ago:
        return now - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        from jobs.errors import BadRequest

        raise BadRequest(
            f"{text!r} is no time; write 2024-03-01, 2024-03-01T08:00, 2024-03-01T08:00+08:00, 2h, today or yesterday"
        ) from error
    return (read if read.tzinfo else read.replace(tzinfo=local)).astimezone(now.tzinfo)
