"""The public face of the jobs, for scripts and for the commands: `with jobs.open("oms.toml") as oms: oms.push_orders()`.

Each method is one job or one question. Jobs return a `Result`, questions return records or plain dicts. Times given
are aware datetimes; `shops` and `platforms` are globs; order numbers may be ours or the platform's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from jobs.bills_api import Bills
from jobs.env import Env
from jobs.own_api import OwnOrders
from jobs.pay_api import Paying
from jobs.report_api import Reporting
from jobs.results import Result
from jobs.settle_api import Settling
from jobs.suppliers_api import Suppliers

Names = Sequence[str]


class Oms(Bills, OwnOrders, Paying, Reporting, Settling, Suppliers):
    """An opened back office. Close it, or use it in a `with`."""

    def __init__(self, env: Env) -> None:
        self.env = env

    def __enter__(self) -> Oms:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.env.close()

    # ------------------------------------------------------------ sync
    def sync_orders(
        self,
        *,
        shops: Names = (),
        platforms: Names = (),
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 0,
        due: bool = False,
        dry_run: bool = False,
    ) -> Result:
        """Pull orders into the inbox. Bounded by since, until or limit it moves no mark. `due`: only shops whose time has come."""
        from jobs import sync

        return sync.sync(
            self.env,
            "orders",
            shops=shops,
            platforms=platforms,
            since=since,
            until=until,
            limit=limit,
            due=due,
            dry_run=dry_run,
        )

    def sync_refunds(
        self,
        *,
        shops: Names = (),
        platforms: Names = (),
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 0,
        due: bool = False,
        dry_run: bool = False,
    ) -> Result:
        """Pull refunds and after-sale cases into the inbox."""
        from jobs import sync

        return sync.sync(
            self.env,
            "refunds",
            shops=shops,
            platforms=platforms,
            since=since,
            until=until,
            limit=limit,
            due=due,
            dry_run=dry_run,
        )

    def sync_verify(
        self,
        *,
        shops: Names = (),
        platforms: Names = (),
        since: datetime,
        until: datetime,
        kind: str = "orders",
        dry_run: bool = False,
    ) -> Result:
        """List a period at the platforms and compare it with the inbox by (number, modified); fills what is missing."""
        from jobs import verify

        return verify.verify(
            self.env, kind, shops=shops, platforms=platforms, since=since, until=until, dry_run=dry_run
        )

    def sync_windows(
        self,
        *,
        shops: Names = (),
        kind: str = "",
        state: str = "",
        since: datetime | None = None,
        limit: int = 200,
    ) -> list[Any]:
        """Windows with their proofs (records.Window)."""
        from jobs import windows

        return windows.listing(self.env, shops=shops, kind=kind, state=state, since=since, limit=limit)

    def accept_window(self, window_id: str, *, reason: str, by: str) -> Result:
        """Close an open window by an operator's word, with a reason; audited."""
        from jobs import windows

        return windows.accept(self.env, window_id, reason=reason, by=by)

    def sync_parse(self, platform: str, path: Path, *, kind: str = "orders") -> list[dict[str, Any]]:
        """The neutral documents in a captured answer; no network, no store."""
        from jobs import parse

        return parse.parse(self.env, platform, path, kind=kind)

    # ------------------------------------------------------------ push
    def push_orders(self, *, shops: Names = (), platforms: Names = (), limit: int = 0, dry_run: bool = False) -> Result:
        """Turn waiting documents (orders, then refunds) into formal records and changes."""
        from jobs import push

        return push.push(self.env, shops=shops, platforms=platforms, limit=limit, dry_run=dry_run)

    def follow(self, job: str, *, shops: Names = ()) -> Result:
        """Run ``push orders``, ``order audit``, ``order source`` or ``merge run`` as a worker until `env.stop` is set."""
        from jobs import following

        return following.follow(self.env, job, shops=shops)

    def push_shipments(
        self, *, shops: Names = (), platforms: Names = (), limit: int = 0, dry_run: bool = False
    ) -> Result:
        """Tell the platforms which parcels left; unknown answers are read back before anything is repeated."""
        from jobs import shipments

        return shipments.push(self.env, shops=shops, platforms=platforms, limit=limit, dry_run=dry_run)

    def push_stock(
        self, *, shops: Names = (), platforms: Names = (), skus: Names = (), dry_run: bool = False
    ) -> Result:
        """Publish stock levels by each shop's formula; `dry_run` is the preview."""
        from jobs import levels

        return levels.push(self.env, shops=shops, platforms=platforms, skus=skus, dry_run=dry_run)

    # ------------------------------------------------------------ movers
    def audit_orders(self, *, shops: Names = (), orders: Names = (), limit: int = 0, dry_run: bool = False) -> Result:
        from jobs import audit

        return audit.audit(self.env, shops=shops, orders=orders, limit=limit, dry_run=dry_run)

    def source_orders(self, *, shops: Names = (), orders: Names = (), limit: int = 0, dry_run: bool = False) -> Result:
        from jobs import source

        return source.source(self.env, shops=shops, orders=orders, limit=limit, dry_run=dry_run)

    def complete_orders(self, *, shops: Names = (), limit: int = 0, dry_run: bool = False) -> Result:
        from jobs import complete

        return complete.complete(self.env, shops=shops, limit=limit, dry_run=dry_run)

    def expire_orders(self, *, limit: int = 0, dry_run: bool = False) -> Result:
        """Release holds whose end has passed; close unpaid orders that we own after their time."""
        from jobs import expire

        return expire.expire(self.env, limit=limit, dry_run=dry_run)

    # ------------------------------------------------------------ orders
    def list_orders(
        self,
        *,
        shops: Names = (),
        platforms: Names = (),
        progress: Names = (),
        held: bool | None = None,
        hold_code: str = "",
        flag: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
    ) -> list[Any]:
        """Heads (records.Order), oldest first."""
        from jobs import orders

        return orders.listing(
            self.env, shops=shops, platforms=platforms, progress=progress, held=held, hold_code=hold_code, flag=flag,
            since=since, until=until, limit=limit,
        )  # fmt: skip

    def search_orders(
        self, *, platform_order_no: str = "", name: str = "", phone: str = "", limit: int = 50
    ) -> list[Any]:
        """Heads found by the platform's number, or by name or phone through keyed hashes."""
        from jobs import orders

        return orders.search(self.env, platform_order_no=platform_order_no, name=name, phone=phone, limit=limit)

    def show_order(self, number: str, *, reveal: bool = False, by: str = "") -> dict[str, Any]:
        """One order with lines, holds, parcels, refunds. `reveal` shows the receiver and writes an audit row."""
        from jobs import orders

        return orders.show(self.env, number, reveal=reveal, by=by)

    def explain_order(self, number: str) -> dict[str, Any]:
        """Why an order is where it is: history with reasons and facts, doubts, holds, what it waits for."""
        from jobs import orders

        return orders.explain(self.env, number)

    def hold_orders(
        self, numbers: Names, *, code: str = "manual", note: str = "", by: str, until: datetime | None = None
    ) -> Result:
        from jobs import orders

        return orders.hold(self.env, numbers, code=code, note=note, by=by, until=until)

    def release_orders(self, numbers: Names, *, code: str = "", note: str = "", by: str) -> Result:
        """Release holds: one code, or all that a person may release."""
        from jobs import orders

        return orders.release(self.env, numbers, code=code, note=note, by=by)

    def cancel_orders(self, numbers: Names, *, reason: str, by: str, dry_run: bool = False) -> Result:
        """Cancel here: stops parcels first where there are some, releases stock."""
        from jobs import cancel

        return cancel.cancel(self.env, numbers, reason=reason, by=by, dry_run=dry_run)

    def edit_order(self, number: str, changes: dict[str, str], *, by: str) -> Result:
        """Change fields by hand: name, phone, address, province, city, district, seller_remark, carrier-free texts."""
        from jobs import edits

        return edits.edit(self.env, number, changes, by=by)

    def replay_parked(self, keys: Names = (), *, shops: Names = (), reason: str = "", by: str) -> Result:
        """Put parked inbox entries (by key, or all with a reason) back to work."""
        from jobs import orders

        return orders.replay(self.env, keys, shops=shops, reason=reason, by=by)

    # ------------------------------------------------------------ merge
    def merge_plan(self, *, shops: Names = (), limit: int = 0) -> Result:
        """What `merge_run` would do now, and who may not merge, with codes."""
        from jobs import merge

        return merge.merge(self.env, shops=shops, limit=limit, dry_run=True)

    def merge_run(self, *, shops: Names = (), limit: int = 0) -> Result:
        from jobs import merge

        return merge.merge(self.env, shops=shops, limit=limit, dry_run=False)

    def merge_undo(self, parcels: Names, *, by: str, reason: str = "") -> Result:
        """Undo merges: all members back to sourced, parcel void."""
        from jobs import unmerge

        return unmerge.undo(self.env, parcels, by=by, reason=reason)

    def merge_split(self, parcel: str, orders: Names, *, by: str, reason: str = "") -> Result:
        """Take orders out of a planned parcel into parcels of their own."""
        from jobs import unmerge

        return unmerge.split(self.env, parcel, orders, by=by, reason=reason)

    # ------------------------------------------------------------ parcels
    def list_parcels(self, *, states: Names = (), shops: Names = (), warehouse: str = "", limit: int = 50) -> list[Any]:
        from jobs import parcels

        return parcels.listing(self.env, states=states, shops=shops, warehouse=warehouse, limit=limit)

    def show_parcel(self, number: str) -> dict[str, Any]:
        from jobs import parcels

        return parcels.show(self.env, number)

    def handover_parcels(
        self, *, warehouse: str, out: Path, shops: Names = (), limit: int = 0, by: str, dry_run: bool = False
    ) -> Result:
        """Last look, then write the pick list (.csv or .xlsx) and mark the parcels handed over."""
        from jobs import handover

        return handover.handover(
            self.env, warehouse=warehouse, out=out, shops=shops, limit=limit, by=by, dry_run=dry_run
        )

    def export_parcels(self, handover_no: str, *, out: Path, by: str) -> Result:
        """Write the pick list of an earlier hand-over again."""
        from jobs import handover

        return handover.export(self.env, handover_no, out=out, by=by)

    def import_waybills(self, path: Path, *, by: str, dry_run: bool = False) -> Result:
        """Read parcel_no, carrier, waybill (and stop answers) back; errors per row go to FILE.errors.csv."""
        from jobs import waybills

        return waybills.take(self.env, path, by=by, dry_run=dry_run)

    def ship_parcels(
        self, *, warehouse: str = "", parcels: Names = (), limit: int = 0, dry_run: bool = False
    ) -> Result:
        """Commit the stock of labelled parcels, move their orders, write the ship notices to be told."""
        from jobs import ship

        return ship.ship(self.env, warehouse=warehouse, parcels=parcels, limit=limit, dry_run=dry_run)

    def stop_parcels(self, parcels: Names, *, reason: str, by: str) -> Result:
        """Ask the warehouse to stop parcels; planned ones stop at once."""
        from jobs import stop

        return stop.stop(self.env, parcels, reason=reason, by=by)

    # ------------------------------------------------------------ stock
    def stock_levels(self, *, skus: Names = (), warehouses: Names = (), limit: int = 500) -> list[dict[str, Any]]:
        """Per warehouse and SKU: on_hand, held, available, defective, and the demand of the SKU."""
        from jobs import stock

        return stock.levels(self.env, skus=skus, warehouses=warehouses, limit=limit)

    def stock_import(self, path: Path, *, as_of: datetime, by: str, dry_run: bool = False) -> Result:
        """Counts from a file (warehouse, sku, qty): differences at their as-of time; later movements stay."""
        from jobs import stock

        return stock.import_counts(self.env, path, as_of=as_of, by=by, dry_run=dry_run)

    def stock_adjust(self, warehouse: str, sku: str, delta: int, *, reason: str, by: str, key: str = "") -> Result:
        from jobs import stock

        return stock.adjust(self.env, warehouse, sku, delta, reason=reason, by=by, key=key)

    def stock_transfer(
        self, source: str, target: str, sku: str, qty: int, *, reason: str, by: str, key: str = ""
    ) -> Result:
        from jobs import stock

        return stock.transfer(self.env, source, target, sku, qty, reason=reason, by=by, key=key)

    def stock_alerts(self, *, below: int | None = None) -> Result:
        """SKUs whose available stock is below the threshold; raises alerts."""
        from jobs import stock

        return stock.alerts(self.env, below=below)

    # ------------------------------------------------------------ refunds
    def list_refunds(
        self, *, shops: Names = (), statuses: Names = (), undecided: bool = False, limit: int = 50
    ) -> list[Any]:
        from jobs import refunds

        return refunds.listing(self.env, shops=shops, statuses=statuses, undecided=undecided, limit=limit)

    def decide_refunds(self, *, shops: Names = (), limit: int = 0, dry_run: bool = False) -> Result:
        """Decide the simple refunds by rule; the rest waits for a person."""
        from jobs import refunds

        return refunds.decide(self.env, shops=shops, limit=limit, dry_run=dry_run)

    def approve_refunds(self, numbers: Names, *, by: str, reason: str = "") -> Result:
        from jobs import refunds

        return refunds.approve(self.env, numbers, by=by, reason=reason)

    def reject_refunds(self, numbers: Names, *, by: str, reason: str) -> Result:
        from jobs import refunds

        return refunds.reject(self.env, numbers, by=by, reason=reason)

    def receive_refunds(self, path: Path, *, by: str, dry_run: bool = False) -> Result:
        """Goods are back, as a table: refund_no, sku, good, defective (pieces in all); errors go to FILE.errors.csv."""
        from jobs import receipts

        return receipts.take(self.env, path, by=by, dry_run=dry_run)

    def receive_refund(
        self, number: str, *, good: dict[str, int], defective: dict[str, int], final: bool = False, by: str
    ) -> Result:
        """Goods are back: pieces per SKU, by grade; good ones return to stock. `final`: nothing more comes."""
        from jobs import refunds

        return refunds.receive(self.env, number, good=good, defective=defective, final=final, by=by)

    # ------------------------------------------------------------ reconcile
    def reconcile_orders(
        self, *, shops: Names = (), since: datetime | None = None, until: datetime | None = None
    ) -> Result:
        """Platform ↔ inbox ↔ orders; differences with evidence per order."""
        from jobs import reconcile_orders

        return reconcile_orders.reconcile(self.env, shops=shops, since=since, until=until)

    def drain_stock(self) -> Result:
        """Take Redis's stock journal over into the books; bring warehouses back that are stopped."""
        from jobs import draining

        return draining.drain(self.env)

    def reconcile_stock(self, *, plan_out: Path | None = None, apply: Path | None = None, by: str = "") -> Result:
        """Counter ↔ journal ↔ open reservations ↔ orders; writes a repair plan, or applies one."""
        from jobs import reconcile_stock

        return reconcile_stock.reconcile(self.env, plan_out=plan_out, apply=apply, by=by)

    # ------------------------------------------------------------ house
    def purge(self, *, dry_run: bool = False) -> Result:
        """Delete documents and raw payloads that are finished and older than settings `[privacy] raw_days`."""
        from jobs import db

        return db.purge(self.env, dry_run=dry_run)

    def status(self) -> dict[str, Any]:
        """Per shop: frontier, proven, lag, open windows, last run; per stage: waiting, held, oldest; parked; alerts."""
        from jobs import status

        return status.status(self.env)

    def doctor(self) -> list[dict[str, Any]]:
        """Checks: settings, keys, stores, clocks, tokens, look-back limits. Each: name, ok, what, hint."""
        from jobs import doctor

        return doctor.doctor(self.env)

    def shops(self) -> list[dict[str, Any]]:
        """Every shop of the settings with its platform, seller, token's end, breaker, marks."""
        from jobs import shops

        return shops.listing(self.env)

    def platforms(self) -> list[dict[str, Any]]:
        """Every adapter found: name, title, capabilities, limits, options, source of its facts."""
        from jobs import shops

        return shops.platforms(self.env)

    def shop_token(
        self, alias: str, *, renew: bool = False, access: str = "", refresh: str = "", expires_in_s: float = 0
    ) -> dict[str, Any]:
        """Show (never the secret), renew or store a shop's access token."""
        from jobs import shops

        return shops.token(self.env, alias, renew=renew, access=access, refresh=refresh, expires_in_s=expires_in_s)

    def alerts(self, *, all: bool = False) -> list[Any]:
        from jobs import alerts

        return alerts.listing(self.env, all=all)

    def ack_alerts(self, keys: Names, *, by: str) -> Result:
        from jobs import alerts

        return alerts.ack(self.env, keys, by=by)

    def job_list(self) -> list[dict[str, Any]]:
        """The catalogue: name, command, schedule, last run, next due."""
        from jobs import catalogue

        return catalogue.listing(self.env)

    def job_history(self, *, job: str = "", limit: int = 50) -> list[Any]:
        """Run records, newest first."""
        return self.env.ledger.runs(job=job, limit=limit)

    def job_locks(self) -> list[Any]:
        return self.env.ledger.leases()

    def break_lock(self, name: str, *, by: str) -> dict[str, Any]:
        from jobs import catalogue

        return catalogue.break_lock(self.env, name, by=by)

    def parked(self, *, shops: Names = (), kinds: Names = (), limit: int = 100) -> list[dict[str, Any]]:
        """Everything parked: inbox entries and effects, with reasons and what to type."""
        from jobs import orders

        return orders.parked(self.env, shops=shops, kinds=kinds, limit=limit)
