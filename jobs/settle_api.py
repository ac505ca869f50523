"""The settlement's part of the public face; see `jobs.api`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.env import Env
    from jobs.results import Result

Names = Sequence[str]


class Settling:
    """Statements of platforms against what we expect."""

    env: Env

    def settle_platform(
        self,
        files: Sequence[Path],
        *,
        account: str,
        period: str,
        layout: str = "",
        match: bool = True,
        errors: Path | None = None,
    ) -> Result:
        """Import statements of a shop for a period (``2026-09`` or ``2026-09-05``), and match what stands open."""
        from jobs import settling

        return settling.platform(
            self.env, files, account=account, period=period, layout=layout, match=match, errors=errors
        )

    def sync_statements(
        self, *, shops: Names = (), platforms: Names = (), period: str = "", match: bool = True
    ) -> Result:
        """Pull the statements of a day from the platforms that give them by a call, and match."""
        from jobs import settling_pull

        return settling_pull.pull(self.env, shops=shops, platforms=platforms, period=period, match=match)

    def settle_recheck(self, *, shops: Names = ()) -> Result:
        """Bring expectations up to the orders, and match again what is due or has changed."""
        from jobs import settling

        return settling.recheck(self.env, shops=shops)

    def settle_overview(self, *, shops: Names = (), period: str = "") -> dict[str, Any]:
        """Periods, files, classes with counts and sums per currency, aging of what stands open."""
        from jobs import settling_show

        return settling_show.overview(self.env, shops=shops, period=period)

    def settle_items(
        self, *, classes: Names, shops: Names = (), period: str = "", limit: int = 500
    ) -> list[dict[str, Any]]:
        """The items of some classes, one dict each."""
        from jobs import settling_show

        return settling_show.items(self.env, classes=classes, shops=shops, period=period, limit=limit)

    def settle_layouts(self) -> list[dict[str, Any]]:
        """The statement layouts there are."""
        from jobs import settling_show

        return settling_show.layouts(self.env)

    def settle_assign(
        self,
        refs: Names = (),
        *,
        account: str = "",
        period: str = "",
        classes: Names = (),
        owner: str,
        reason: str,
        by: str,
    ) -> Result:
        """Name who looks after open items, and why they stand open."""
        from jobs import settling_decide

        return settling_decide.assign(
            self.env, refs, account=account, period=period, classes=classes, owner=owner, reason=reason, by=by
        )

    def settle_decide(
        self,
        *,
        accept: Names = (),
        refuse: Names = (),
        plan_out: Path | None = None,
        apply: Path | None = None,
        by: str = "",
    ) -> Result:
        """Accept or refuse suggestions by a plan."""
        from jobs import settling_decide

        return settling_decide.decide(self.env, accept=accept, refuse=refuse, plan_out=plan_out, apply=apply, by=by)

    def settle_confirm(
        self, *, account: str, period: str, plan_out: Path | None = None, apply: Path | None = None, by: str = ""
    ) -> Result:
        """Close a period for good, by a plan that names its figures."""
        from jobs import settling_decide

        return settling_decide.confirm(self.env, account=account, period=period, plan_out=plan_out, apply=apply, by=by)

    def settle_undo(self, *, account: str, period: str = "", act: int = 0, all: bool = False, by: str) -> Result:
        """Take the newest act of an account back to the letter, until its period is confirmed."""
        from jobs import settling_decide

        return settling_decide.undo(self.env, account=account, period=period, act=act, all=all, by=by)

    def settle_acts(self, *, shops: Names = (), period: str = "", limit: int = 50) -> list[Any]:
        """What changed the settlement books, newest first."""
        from jobs import settling_decide

        return settling_decide.acts(self.env, shops=shops, period=period, limit=limit)

    def settle_export(self, *, account: str, period: str, out: Path) -> Result:
        """Write a period's matches and open items as CSV or xlsx."""
        from jobs import settling_export

        return settling_export.export(self.env, account=account, period=period, out=out)
