"""Own orders in the public face of the jobs: part of `jobs.api.Oms`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobs.env import Env
from jobs.results import Result


class OwnOrders:
    """Orders from files, and what is asked back of them."""

    env: Env

    def import_orders(
        self, path: Path, *, shop: str = "", errors: Path | None = None, by: str, dry_run: bool = False
    ) -> Result:
        """Own orders from a file (.csv, .xlsx) into the inbox; rows of bad orders go to an error file."""
        from jobs import importing

        return importing.take(self.env, path, shop=shop, errors=errors, by=by, dry_run=dry_run)

    def order_template(self, path: Path, *, chinese: bool = False) -> dict[str, Any]:
        """Write the template of such a file, .csv or .xlsx by its name."""
        from jobs import importing

        return importing.template(path, chinese=chinese)

    def request_refund(
        self, number: str, *, kind: str, lines: dict[str, int] | None = None, amount: str = "", reason: str, text: str = "",
        key: str = "", send: dict[str, int] | None = None, difference: str = "", by: str, dry_run: bool = False,
    ) -> Result:  # fmt: skip
        """Ask for a refund of an own order (or a reship of any): whole, lines and pieces, or an amount in yuan."""
        from jobs import requesting

        return requesting.request(
            self.env, number, kind=kind, lines=lines, amount=amount, reason=reason, text=text, key=key, send=send,
            difference=difference, by=by, dry_run=dry_run,
        )  # fmt: skip
