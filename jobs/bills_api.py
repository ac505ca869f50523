"""The part of the public face that is about the bills of payment channels; see `jobs/api.py`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from jobs.env import Env
from jobs.results import Result


class Bills:
    """Bills of payment channels."""

    env: Env

    def reconcile_bills(
        self, *, channels: Sequence[str] = (), since: date | None = None, until: date | None = None,
        file: Path | None = None, kind: str = "trade",
    ) -> Result:  # fmt: skip
        """Compare channels' bills (trade bill with our payments, fund flow with the trade bill) of some days, both inside.

        Without days: what is not there yet of the last week. `file`: one bill downloaded by hand, of one channel and day.
        """
        from jobs import reconcile_bills

        given = reconcile_bills.Given(file, kind) if file is not None else None
        return reconcile_bills.reconcile(self.env, channels=channels, since=since, until=until, file=given)
