"""oms report: one day, one week, the page. Reads only; the figures are kept up to date by `report refresh`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from jobs.errors import BadRequest
from jobs.reporting import reading

if TYPE_CHECKING:
    from jobs.env import Env
    from jobs.reporting.documents import Report

_WEEK = re.compile(r"(\d{4})-W(\d\d)")


def daily(
    env: Env, *, day: date | str = "today", shops: Sequence[str] = (), platforms: Sequence[str] = (), top: int = 15
) -> Report:
    """A day of the business zone."""
    at = the_day(env, day)
    return reading.read(env, "daily", at, at, shops=shops, platforms=platforms, top=top)


def weekly(
    env: Env, *, week: date | str = "this", shops: Sequence[str] = (), platforms: Sequence[str] = (), top: int = 15
) -> Report:
    """Monday to Sunday."""
    monday = the_week(env, week)
    return reading.read(env, "weekly", monday, monday + timedelta(days=6), shops=shops, platforms=platforms, top=top)


def today(env: Env) -> date:
    """The day it is in the business zone."""
    return env.clock.now().astimezone(ZoneInfo(env.settings.business.zone)).date()


def the_day(env: Env, given: date | str) -> date:
    """``today``, ``yesterday`` or an ISO date.

    Raises:
        BadRequest: it is no day.
    """
    if isinstance(given, date):
        return given
    now = today(env)
    words = {"": now, "today": now, "yesterday": now - timedelta(days=1)}
    if given in words:
        return words[given]
    try:
        return date.fromisoformat(given)
    except ValueError as error:
        raise BadRequest(f"{given!r} is no day; write 2026-03-01, today or yesterday") from error


def the_week(env: Env, given: date | str) -> date:
    """Monday of ``this`` week, the ``last`` one, an ISO week such as 2026-W09, or the week of a day.

    Raises:
        BadRequest: it is no week.
    """
    if given in ("", "this", "last"):
        at = today(env) - timedelta(days=7 if given == "last" else 0)
    elif isinstance(given, str) and (found := _WEEK.fullmatch(given)):
        try:
            at = date.fromisocalendar(int(found[1]), int(found[2]), 1)
        except ValueError as error:
            raise BadRequest(f"{given!r}: {error}") from error
    else:
        try:
            at = the_day(env, given)
        except BadRequest as error:
            raise BadRequest(f"{given!r} is no week; write 2026-W09, a day in it, this or last") from error
    return at - timedelta(days=at.weekday())


def page(
    env: Env, *, out: Path, day: date | str = "", week: date | str = "", lang: str = "en", shops: Sequence[str] = (),
    platforms: Sequence[str] = (), top: int = 15,
) -> Report:  # fmt: skip
    """Write a day (or a week) as one HTML file that loads nothing; returns what it shows.

    Raises:
        BadRequest: both a day and a week, or a language there are no words for.
    """
    from jobs.reporting import page as pages

    if day and week:
        raise BadRequest("say --day or --week")
    words = pages.words(lang)
    if week:
        made = weekly(env, week=week, shops=shops, platforms=platforms, top=top)
    else:
        made = daily(env, day=day, shops=shops, platforms=platforms, top=top)
    pages.write(out, made, words)
    return made
