"""The part of the public face that moves money: payments of our own orders, and what goes back. Mixed into `jobs.api.Oms`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jobs.env import Env
from jobs.results import Result

Names = Sequence[str]


class Paying:
    """See `jobs.api.Oms`."""

    env: Env

    def pay_refunds(
        self,
        numbers: Names = (),
        *,
        shops: Names = (),
        plan_out: Path | None = None,
        apply: Path | None = None,
        by: str = "",
    ) -> Result:
        """Money back for approved refunds that are ours to settle: lists what is due, writes a plan, or carries one out."""
        from jobs import paying_back

        return paying_back.pay(self.env, numbers, shops=shops, plan_out=plan_out, apply=apply, by=by)

    def pay_refunds_by_hand(self, numbers: Names, *, ref: str, by: str) -> Result:
        """Record that refunds were paid in another way, with the number of the receipt or transfer."""
        from jobs import paying_back

        return paying_back.by_hand(self.env, numbers, ref=ref, by=by)

    # ------------------------------------------------------------ payments
    def create_payments(
        self,
        orders: Names,
        *,
        channel: str = "",
        method: str = "",
        payer: str = "",
        client_ip: str = "",
        dry_run: bool = False,
    ) -> Result:
        """Start collecting unpaid orders of our own; an item's facts have what the buyer's device needs."""
        from jobs import paying

        return paying.create(
            self.env, orders, channel=channel, method=method, payer=payer, client_ip=client_ip, dry_run=dry_run
        )

    def query_payments(self, numbers: Names = (), *, open_only: bool = False, limit: int = 0) -> Result:
        """Ask the channels about payments now; their word wins."""
        from jobs import paying

        return paying.query(self.env, numbers, open_only=open_only, limit=limit)

    def list_payments(
        self,
        *,
        statuses: Names = (),
        shops: Names = (),
        orders: Names = (),
        channels: Names = (),
        late: bool = False,
        limit: int = 50,
    ) -> list[Any]:
        """Payments by number (records.Payment)."""
        from jobs import paying

        return paying.listing(
            self.env, statuses=statuses, shops=shops, orders=orders, channels=channels, late=late, limit=limit
        )

    def late_payments(
        self,
        *,
        act: str = "refund",
        plan_out: Path | None = None,
        apply: Path | None = None,
        by: str = "",
        payments: Names = (),
    ) -> Result:
        """Money that does not fit its order: lists it, writes a plan (refund or revive), or carries one out."""
        from jobs import late_money

        return late_money.late(self.env, act=act, plan_out=plan_out, apply=apply, by=by, payments=payments)

    def listen_payments(self, *, serve: Callable[[Any], None]) -> Result:
        """Take the channels' notifications; `serve` is given a `notified.Listener` and returns when it is to end."""
        from jobs import notified

        return notified.listen(self.env, serve)

    def reconcile_payments(self, *, channels: Names = (), limit: int = 0) -> Result:
        """Ask the channels about everything that is open and due; close what expired, read back what goes back."""
        from jobs import reconcile_payments

        return reconcile_payments.reconcile(self.env, channels=channels, limit=limit)
