"""The contract of the order store: orders, lines, history, parcels, refunds; payments are in `payments.py` beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from stores.contracts.payments import Payments
from stores.records import (
    Edit,
    FullOrder,
    Hold,
    Line,
    Membership,
    Order,
    Outcome,
    Parcel,
    ParcelState,
    Progress,
    Receiver,
    Record,
    Refund,
    RefundLine,
    ShipLine,
    Step,
    Waiting,
)

#: what a whole order has beside the state in its head. Of the head itself `amounts` are the parts of payable, what was
#: paid and paid back, and the adjustments; `document` the marks, and the platform's status word and hash.
PARTS = frozenset({"lines", "ship_lines", "holds", "memberships", "refunds", "remarks", "amounts", "document"})
#: in place of `lines`: only those with a refund
REFUNDED_LINES = "refunded_lines"


class NewOrder(Record, frozen=True, kw_only=True):
    """A whole order to be added, with the first step of its history."""

    order: Order
    lines: tuple[Line, ...]
    ship_lines: tuple[ShipLine, ...]
    receiver: Receiver
    buyer_remark: str = ""
    seller_remark: str = ""
    holds: tuple[Hold, ...] = ()
    #: keyed hashes for search: kind (name, phone, address) → hash
    search: tuple[tuple[str, str], ...] = ()
    reason: str = "pushed"
    facts: dict[str, Any] = {}


class Change(Record, frozen=True, kw_only=True):
    """One recorded change of one order: compare-and-set on `expect`, all parts or none, one history step.

    `to` None leaves progress alone. `set` names columns of `Order` (never keys, progress, version, held).
    """

    order_no: str
    #: the version that was read
    expect: int
    to: Progress | None = None
    reason: str
    facts: dict[str, Any] = {}
    set: dict[str, Any] = {}
    #: upserted by their keys
    lines: tuple[Line, ...] = ()
    ship_lines: tuple[ShipLine, ...] = ()
    #: columns (warehouse, parcel_no) to set in all of its open ship lines, after the upsert
    open_lines: dict[str, str] = {}
    #: opened (same code again: facts replaced)
    hold: tuple[Hold, ...] = ()
    #: codes of holds to release; unknown codes are ignored
    release: tuple[str, ...] = ()
    #: rows put into the merge-key table; None leaves it, () removes this order's rows
    waiting: tuple[Waiting, ...] | None = None
    #: upserted
    memberships: tuple[Membership, ...] = ()
    receiver: Receiver | None = None
    buyer_remark: str | None = None
    seller_remark: str | None = None
    search: tuple[tuple[str, str], ...] | None = None
    #: of the claim under which the work was done; None: no claim needed
    token: str | None = None
    #: keep the claim (a later Change of the same run will finish it); default: this change ends it
    keep_claim: bool = False
    #: progress of the version that was read, where the caller knows it: spares the store a reading of its own
    was: Progress | None = None
    #: False: an intent, which is no move and no step of the history; the version rises all the same
    recorded: bool = True
    #: parcels that come to be with this change, whose one member is this order: they lie in its shard, and their
    #: history begins with the change's reason. One that is there already: refused, ``parcel_taken``
    parcels: tuple[Parcel, ...] = ()


class Claimed(Record, frozen=True, kw_only=True):
    """Orders taken for work. `after` is the keyset cursor for the next call of the same run."""

    token: str
    orders: tuple[FullOrder, ...]
    after: tuple[str, str] | None


class ParcelChange(Record, frozen=True, kw_only=True):
    """One recorded change of one parcel, compare-and-set on `expect`."""

    parcel_no: str
    expect: int
    to: ParcelState | None = None
    reason: str
    facts: dict[str, Any] = {}
    #: columns of Parcel: carrier, waybill, handover_no, members, ship_by
    set: dict[str, Any] = {}


class RefundChange(Record, frozen=True, kw_only=True):
    """One recorded change of one refund, compare-and-set on `expect`."""

    refund_no: str
    order_no: str
    expect: int
    reason: str
    facts: dict[str, Any] = {}
    #: columns of Refund, enums as such
    set: dict[str, Any] = {}
    #: upserted
    lines: tuple[RefundLine, ...] = ()


class OrderQuery(Record, frozen=True, kw_only=True):
    """Filter for listings; all given conditions must hold. Times are half-open on `ordered_at`."""

    shops: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    progress: tuple[Progress, ...] = ()
    held: bool | None = None
    hold_code: str = ""
    flag: str = ""
    since: datetime | None = None
    until: datetime | None = None
    #: keyed hash from privacy.search_hash; kind, hash
    search: tuple[str, str] | None = None
    platform_order_no: str = ""
    buyer_key: str = ""


class Orders(Payments, Protocol):
    """Orders, lines, history, parcels, refunds, payments."""

    # --- orders
    def add(self, batch: Sequence[NewOrder], *, run_id: str) -> list[Outcome]:
        """Insert whole orders. ``done``; ``already`` (order_no is there with the same identity);
        ``refused`` (order_no is there with another identity: reason ``number_clash``).

        Args:
            batch: at most 500.
        Raises:
            BadItem: a row broke a constraint; nothing of the batch was written. Bisect.
        """
        ...

    def heads(self, order_nos: Sequence[str]) -> dict[str, Order]:
        """Heads of those that exist; at most 500 numbers per call."""
        ...

    def load(self, order_nos: Sequence[str], *, parts: Collection[str] = PARTS) -> dict[str, FullOrder]:
        """Whole orders (no personal data) of those that exist, each table read once for the whole set.

        Args:
            parts: of `PARTS`, those the caller looks at; the others are not read and stay empty, in the head 0.
        """
        ...

    def receivers(self, order_nos: Sequence[str]) -> dict[str, Receiver]:
        """Personal data, decrypted. The caller writes the audit row."""
        ...

    def find(
        self, query: OrderQuery, *, limit: int, after: tuple[str, str] | None = None
    ) -> tuple[list[Order], tuple[str, str] | None]:
        """Heads by (ordered_at, order_no), and the cursor of the next page or None."""
        ...

    def scan(
        self, *, batch: int = 500, progress: Sequence[Progress] = (), parts: Collection[str] = PARTS, after: str = ""
    ) -> Iterator[list[FullOrder]]:
        """Every order by order number, in batches; memory stays flat. For reconciliation and reports.

        Args:
            parts: as in `load`. after: only orders with a number after this one.
        """
        ...

    def arrivals(self, order_nos: Sequence[str], states: Sequence[str]) -> dict[str, dict[str, Step]]:
        """When these orders first came into these states: order number → state → the step, without its facts."""
        ...

    def claim(
        self,
        progress: Progress,
        *,
        limit: int,
        lease_s: float,
        worker: str,
        shops: Sequence[str] = (),
        after: tuple[str, str] | None = None,
        parts: Collection[str] = PARTS,
    ) -> Claimed:
        """Take up to `limit` (≤ 500) orders of that progress that are not held, are due and not claimed.

        In order of (ship_by, order_no); orders without ship_by last. The lease runs on the store's clock. `parts`: as
        in `load`.
        """
        ...

    def unclaim(self, token: str) -> None:
        """Give back what is left of a claim (a clean stop)."""
        ...

    def apply(self, changes: Sequence[Change], *, run_id: str, lasting: bool = True) -> list[Outcome]:
        """Write recorded changes, each order's wholly or not at all: done, changed, lost, or refused (unknown order,
        ``parcel_taken``).

        Args:
            changes: at most 500, at most one per order.
            lasting: they outlive a power cut at once. False: with the next lasting write, at the latest with
                `secure`; for what is done again when it is missing and what nobody else was told of.
        Raises:
            BadItem: a row broke a constraint; nothing was written. Bisect.
        """
        ...

    def secure(self) -> None:
        """When this returns, everything written before outlives a power cut."""
        ...

    def history(self, ref: str) -> list[Step]:
        """Steps of one order or parcel or refund, oldest first."""
        ...

    def holds(self, order_no: str) -> list[Hold]:
        """All holds an order ever had, oldest first."""
        ...

    def expired_holds(self, *, limit: int) -> list[Hold]:
        """Open holds whose `until` has passed on the store's clock."""
        ...

    def edits(self, order_nos: Sequence[str]) -> dict[str, list[Edit]]: ...

    def add_edits(self, edits: Sequence[Edit]) -> list[Outcome]:
        """Upsert by (order_no, field)."""
        ...

    def counts(self) -> dict[tuple[str, str], int]:
        """(shop, progress) → orders; and (shop, "held") → held orders."""
        ...

    def oldest(self) -> dict[str, datetime]:
        """Progress → changed_at of the order that waits longest in it, held ones left out."""
        ...

    # --- merging
    def merge_keys(self, *, ready_before: datetime, press_before: datetime, limit: int, after: str = "") -> list[str]:
        """Keys, sorted, of groups with a member whose window ended or whose ship_by is before `press_before`."""
        ...

    def waiting(self, keys: Sequence[str]) -> dict[str, list[Waiting]]:
        """Members waiting under each key, by (since, order_no)."""
        ...

    # --- parcels
    def add_parcels(
        self,
        batch: Sequence[Parcel],
        *,
        run_id: str,
        reason: str,
        facts: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> list[Outcome]:
        """Insert parcels (usually in state planning: the intent, which is no step of their history); ``already`` when
        the number is there."""
        ...

    def apply_parcels(self, changes: Sequence[ParcelChange], *, run_id: str) -> list[Outcome]: ...

    def parcels(self, parcel_nos: Sequence[str]) -> dict[str, Parcel]: ...

    def find_parcels(
        self,
        *,
        states: Sequence[ParcelState] = (),
        shops: Sequence[str] = (),
        warehouse: str = "",
        order_no: str = "",
        waybill: str = "",
        handover_no: str = "",
        limit: int = 500,
        after: str = "",
    ) -> list[Parcel]:
        """By parcel_no; page with `after` = the last parcel_no."""
        ...

    # --- refunds
    def add_refunds(
        self, batch: Sequence[tuple[Refund, tuple[RefundLine, ...]]], *, run_id: str, reason: str
    ) -> list[Outcome]:
        """Insert refunds; ``already`` when the number is there. One of our own authority whose amount passes what was
        paid less all refunds that stand, asked ones among them: refused, ``exceeds_paid``."""
        ...

    def apply_refunds(self, changes: Sequence[RefundChange], *, run_id: str) -> list[Outcome]: ...

    def refunds(self, refund_nos: Sequence[str]) -> dict[str, tuple[Refund, tuple[RefundLine, ...]]]: ...

    def find_refunds(
        self,
        *,
        statuses: Sequence[str] = (),
        shops: Sequence[str] = (),
        order_nos: Sequence[str] = (),
        undecided: bool = False,
        limit: int = 500,
        after: str = "",
    ) -> list[Refund]:
        """By refund_no; `undecided`: only those with an empty decision."""
        ...

    # --- the feed
    def feed(self, after: str = "", *, limit: int = 200) -> tuple[list[tuple[str, tuple[str, ...]]], str]:
        """Which orders were added or changed (their refunds too) since a cursor, oldest first.

        Args:
            after: where the caller has read to; empty: from the beginning.
            limit: batches, of at most some hundred orders each.

        Returns:
            (cursor, order numbers) per batch that was written, and the cursor to go on from. An order is in as many
            batches as it was touched by; what it is now is read from the order itself.

        Raises:
            FeedGone: the feed was trimmed past `after`; the caller reads everything anew.
        """
        ...

    def feed_end(self) -> str:
        """The cursor of this moment: for who reads everything now and then only what comes."""
        ...

    def trim_feed(self, before: datetime, *, dry_run: bool = False) -> int:
        """Forget batches older than that, but the newest of all; returns how many, also of those it would."""
        ...

    def dump(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(table, row) of everything, ordered by primary key; receivers decrypted. For proofs and moves."""
        ...

    def close(self) -> None: ...
