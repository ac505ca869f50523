"""The reports' part of the public face; see `jobs.api`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.env import Env
    from jobs.reporting.documents import Report
    from jobs.results import Result

Names = Sequence[str]


class Reporting:
    """Figures of a day or a week, and the job that keeps them up to date."""

    env: Env

    def report_refresh(self, *, rebuild: bool = False) -> Result:
        """Bring the figures up to date with the orders; `rebuild`: count every order anew and say what was wrong."""
        from jobs import refreshing

        return refreshing.refresh(self.env, rebuild=rebuild)

    def report_daily(
        self, *, day: date | str = "today", shops: Names = (), platforms: Names = (), top: int = 15
    ) -> Report:
        """A day's figures; `.to_frame(section)` gives a section as a pandas DataFrame."""
        from jobs import reports

        return reports.daily(self.env, day=day, shops=shops, platforms=platforms, top=top)

    def report_weekly(
        self, *, week: date | str = "this", shops: Names = (), platforms: Names = (), top: int = 15
    ) -> Report:
        """Monday to Sunday: `this` week, the `last`, an ISO week such as 2026-W09, or the week of a day."""
        from jobs import reports

        return reports.weekly(self.env, week=week, shops=shops, platforms=platforms, top=top)

    def report_page(
        self,
        out: Path,
        *,
        day: date | str = "",
        week: date | str = "",
        lang: str = "en",
        shops: Names = (),
        platforms: Names = (),
        top: int = 15,
    ) -> Report:
        """Write a day or a week as one HTML file that loads nothing from anywhere; returns what it shows."""
        from jobs import reports

        return reports.page(self.env, out=out, day=day, week=week, lang=lang, shops=shops, platforms=platforms, top=top)
