"""The contracts of what is kept. One contract suite (`tests/stores/contract_*.py`) runs against every engine.

Cut for the weakest engine to come (a sharded MySQL behind a proxy, MongoDB, Redis):

- no method takes a transaction or a connection; no caller relies on two stores being one file;
- every call takes a batch and returns one outcome per item, in the order given;
- the unit of atomicity is one order (or parcel, key, SKU set of one ask); a batch is only an optimisation;
- a claim is a lease with an expiry and a token that is checked when work is written, never a lock held during work;
- a store's times come from its own clock; callers pass durations.

All raise `stores.errors.StoreError` subclasses only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from stores.records import (
    Alert,
    Answer,
    Ask,
    AuditEntry,
    Demand,
    Edit,
    Effect,
    FullOrder,
    Hold,
    InboxEntry,
    InboxItem,
    JournalEntry,
    Lateness,
    Lease,
    Level,
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
    Reservation,
    Run,
    ShipLine,
    Snapshot,
    Step,
    StockMove,
    Task,
    Token,
    Waiting,
    Watermark,
    Window,
)

# ------------------------------------------------------------------ orders


class NewOrder(Record, kw_only=True):
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


class Change(Record, kw_only=True):
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


class Claimed(Record, kw_only=True):
    """Orders taken for work. `after` is the keyset cursor for the next call of the same run."""

    token: str
    orders: tuple[FullOrder, ...]
    after: tuple[str, str] | None


class ParcelChange(Record, kw_only=True):
    """One recorded change of one parcel, compare-and-set on `expect`."""

    parcel_no: str
    expect: int
    to: ParcelState | None = None
    reason: str
    facts: dict[str, Any] = {}
    #: columns of Parcel: carrier, waybill, handover_no, members, ship_by
    set: dict[str, Any] = {}


class RefundChange(Record, kw_only=True):
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


class OrderQuery(Record, kw_only=True):
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


class Orders(Protocol):
    """Orders, lines, history, parcels, refunds."""

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

    def load(self, order_nos: Sequence[str]) -> dict[str, FullOrder]:
        """Whole orders (no personal data) of those that exist, each table read once for the whole set."""
        ...

    def receivers(self, order_nos: Sequence[str]) -> dict[str, Receiver]:
        """Personal data, decrypted. The caller writes the audit row."""
        ...

    def find(
        self, query: OrderQuery, *, limit: int, after: tuple[str, str] | None = None
    ) -> tuple[list[Order], tuple[str, str] | None]:
        """Heads by (ordered_at, order_no), and the cursor of the next page or None."""
        ...

    def scan(self, *, batch: int = 500, progress: Sequence[Progress] = ()) -> Iterator[list[FullOrder]]:
        """Every order by order number, in batches; memory stays flat. For reconciliation and reports."""
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
    ) -> Claimed:
        """Take up to `limit` (≤ 500) orders of that progress that are not held, are due and not claimed.

        In order of (ship_by, order_no); orders without ship_by last. The lease runs on the store's clock.
        """
        ...

    def unclaim(self, token: str) -> None:
        """Give back what is left of a claim (a clean stop)."""
        ...

    def apply(self, changes: Sequence[Change], *, run_id: str) -> list[Outcome]:
        """Write recorded changes, each order's wholly or not at all: done, changed, lost, or refused (unknown order).

        Args:
            changes: at most 500, at most one per order.
        Raises:
            BadItem: a row broke a constraint; nothing was written. Bisect.
        """
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
        """Insert parcels (usually in state planning: the intent); ``already`` when the number is there."""
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
    ) -> list[Outcome]: ...

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

    def dump(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """(table, row) of everything, ordered by primary key; receivers decrypted. For proofs and moves."""
        ...

    def close(self) -> None: ...


# ------------------------------------------------------------------ inbox


class Inbox(Protocol):
    """Raw documents and their state. The key is one string; no second unique index is needed."""

    def put(self, items: Sequence[InboxItem]) -> list[Outcome]:
        """Store documents. Versions are (modified_at, hash): ``done`` with reason ``new`` or ``changed``;
        ``already`` with reason ``same`` or ``older`` (recorded as seen, otherwise ignored).

        The same time with other content is ``changed``. What was parked and comes changed waits again.
        One statement per table and batch, at most 500 items; a key twice in a batch: the newest wins.
        """
        ...

    def versions(self, keys: Sequence[str]) -> dict[str, tuple[datetime, str]]:
        """(modified_at, status) of those that are there; at most 1,000 keys."""
        ...

    def claim(
        self,
        kind: str,
        *,
        limit: int,
        lease_s: float,
        worker: str,
        shops: Sequence[str] = (),
        after: str = "",
    ) -> tuple[str, list[InboxEntry]]:
        """Take up to `limit` waiting entries with their documents, by key; returns (token, entries)."""
        ...

    def peek(self, kind: str, *, limit: int, shops: Sequence[str] = (), after: str = "") -> list[InboxEntry]:
        """Waiting entries with their documents, by key, without taking them (dry runs)."""
        ...

    def settle(self, token: str, done: Sequence[tuple[str, str, str, Mapping[str, Any]]]) -> list[Outcome]:
        """Finish claimed entries: (key, ``pushed`` | ``parked`` | ``waiting``, reason, facts).

        An entry that changed while it was claimed stays waiting (result ``changed``); a lost token: ``lost``.
        """
        ...

    def get(self, keys: Sequence[str]) -> dict[str, InboxEntry]:
        """Entries with their documents."""
        ...

    def raw(self, key: str) -> bytes:
        """The untouched bytes; raises NotFound when unknown or expired."""
        ...

    def parked(
        self, *, kinds: Sequence[str] = (), shops: Sequence[str] = (), limit: int = 500, after: str = ""
    ) -> list[InboxEntry]:
        """Parked entries by key, without documents."""
        ...

    def replay(self, keys: Sequence[str]) -> list[Outcome]:
        """Put parked entries back to waiting."""
        ...

    def counts(self) -> dict[tuple[str, str, str], int]:
        """(shop, kind, status) → entries."""
        ...

    def oldest_waiting(self) -> datetime | None: ...

    def scan(self, kind: str, *, shops: Sequence[str] = (), batch: int = 500) -> Iterator[list[InboxEntry]]:
        """Every entry by key without documents; memory stays flat."""
        ...

    def expire_raw(self, older_than: timedelta, *, dry_run: bool = False) -> int:
        """Delete documents and raw payloads of pushed entries not seen since; state and proofs stay.

        Returns how many; with `dry_run` nothing is deleted.
        """
        ...

    def dump(self) -> Iterator[tuple[str, dict[str, Any]]]: ...

    def close(self) -> None: ...


# ------------------------------------------------------------------ stock


class Stock(Protocol):
    """Counters, reservations, demand and their journal. Counter and journal entry are one atomic step."""

    def levels(self, *, warehouses: Sequence[str] = (), skus: Sequence[str] = ()) -> list[Level]:
        """By (warehouse, sku); at most 1,000 SKUs a call."""
        ...

    def reserve(self, asks: Sequence[Ask], *, run_id: str) -> list[Answer]:
        """Hold stock, each ask wholly or not at all, independent of the others.

        Asking again with the same id returns the first grant. Shortage is not remembered. A newer attempt of an
        order at a warehouse supersedes its older open reservation there in the same step. What is granted is
        taken off the order's demand.

        Args:
            asks: at most 500.
        """
        ...

    def release(
        self, reservation_ids: Sequence[tuple[str, str]], *, run_id: str, to_demand: bool = False
    ) -> list[Outcome]:
        """Give held stock back: (reservation_id, warehouse). Releases what the ledger holds: ``already`` when closed
        or never granted. `to_demand` puts the pieces back on the order's demand."""
        ...

    def ship(self, parcels: Sequence[tuple[str, str, Sequence[tuple[str, str, int]]]], *, run_id: str) -> list[Outcome]:
        """Commit shipped pieces: (parcel_no, warehouse, ((order_no, sku, qty), ...)); once per (parcel, order, SKU).

        On-hand and held fall together. A reservation whose pieces have all shipped closes as ``shipped``.
        ``refused`` when the order holds less than that (reason ``not_held``), nothing of that parcel is written.
        """
        ...

    def move(self, moves: Sequence[StockMove], *, run_id: str) -> list[Outcome]:
        """Apply outside movements, once per key. ``refused`` when a counter would go below held or zero."""
        ...

    def count(
        self, counts: Sequence[tuple[str, str, str, int, datetime]], *, run_id: str, reason: str
    ) -> list[Outcome]:
        """Set on-hand by a count: (key, warehouse, sku, pieces, as_of). Later movements of on-hand are re-applied.

        Written as a difference, never as an absolute. A count older than the last one for that SKU is ``refused``
        (reason ``older_count``). A count that leaves on-hand below held is written and its result is ``done`` with
        reason ``below_held``: available is then shown as zero and the caller alarms.
        """
        ...

    def want(self, demands: Sequence[Demand]) -> list[Outcome]:
        """Replace the demand of each order named (all its SKUs come in one call); idempotent.

        Refused with reason ``held`` for an order that has an open reservation.
        """
        ...

    def unwant(self, order_nos: Sequence[str]) -> list[Outcome]: ...

    def demand(self, *, skus: Sequence[str] = ()) -> dict[str, int]:
        """SKU → pieces wanted by orders without a hold."""
        ...

    def demand_of(self, order_nos: Sequence[str]) -> dict[str, list[Demand]]: ...

    def reservations(self, order_nos: Sequence[str]) -> dict[str, list[Reservation]]: ...

    def scan_reservations(self, *, state: str = "open", batch: int = 500) -> Iterator[list[Reservation]]: ...

    def scan_demand(self, *, batch: int = 500) -> Iterator[list[Demand]]: ...

    def snapshot(self) -> Snapshot:
        """All counters with the journal position they are true at, in one consistent read."""
        ...

    def journal(self, *, after: int = 0, until: int | None = None, batch: int = 1000) -> Iterator[list[JournalEntry]]:
        """Entries with after < seq ≤ until, by seq."""
        ...

    def dump(self) -> Iterator[tuple[str, dict[str, Any]]]: ...

    def close(self) -> None: ...


# ------------------------------------------------------------------ ledger


class Ledger(Protocol):
    """Windows, marks, tokens, leases, runs, tasks, alerts, effects, limits, audit."""

    def now(self) -> datetime:
        """The store's clock."""
        ...

    # --- sellers: two aliases for one seller are refused
    def register_seller(self, shop: str, platform: str, seller_id: str, code: str) -> Outcome:
        """Bind alias ↔ (platform, seller_id) ↔ code. ``refused`` with reason ``alias_taken`` (that alias is another
        seller), ``seller_taken`` (facts in reason: other alias) or ``code_clash``; ``already`` when the same."""
        ...

    def sellers(self) -> dict[str, tuple[str, str, str]]:
        """alias → (platform, seller_id, code)."""
        ...

    # --- sync
    def marks(self) -> dict[tuple[str, str, str], Watermark]:
        """(shop, kind, scan) → watermark."""
        ...

    def set_mark(self, mark: Watermark, *, lease: Lease | None) -> Outcome:
        """Frontier and proven only rise here; with a lease whose token is outdated: ``lost``."""
        ...

    def reopen(self, mark: Watermark) -> Outcome:
        """Set `proven` back (a later find); frontier is untouched."""
        ...

    def put_window(self, window: Window, *, lease: Lease | None) -> Outcome:
        """Upsert by window_id; with a lease whose token is outdated: ``lost``."""
        ...

    def windows(
        self,
        *,
        shop: str = "",
        kind: str = "",
        state: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 500,
    ) -> list[Window]:
        """By (shop, kind, start)."""
        ...

    def add_lateness(self, found: Sequence[Lateness]) -> None: ...

    def lateness(self, shop: str, kind: str, *, since: datetime) -> list[Lateness]: ...

    # --- leases
    def acquire(self, name: str, *, holder: str, ttl_s: float) -> Lease | None:
        """A lease with a token higher than any before, or None while another's runs."""
        ...

    def beat(self, lease: Lease, *, ttl_s: float) -> bool:
        """Prolong; False when it was lost."""
        ...

    def holds(self, lease: Lease) -> bool: ...

    def free(self, lease: Lease) -> None: ...

    def leases(self) -> list[Lease]: ...

    def break_lease(self, name: str) -> Lease | None:
        """Take a lease away (operator); returns who held it."""
        ...

    # --- runs
    def put_run(self, run: Run) -> None:
        """Upsert by run_id."""
        ...

    def runs(self, *, job: str = "", limit: int = 50) -> list[Run]:
        """Newest first."""
        ...

    def run(self, run_id: str) -> Run | None: ...

    def last_runs(self) -> dict[str, Run]:
        """job (and job:shop) → its newest run that ended."""
        ...

    # --- tasks
    def add_tasks(self, tasks: Sequence[Task]) -> list[Outcome]:
        """Insert; ``already`` when the key is there."""
        ...

    def due_tasks(self, kind: str, *, limit: int, lease_s: float, worker: str) -> list[Task]: ...

    def settle_tasks(self, done: Sequence[tuple[str, str, str]]) -> list[Outcome]:
        """(key, state done|void|waiting, reason)."""
        ...

    # --- alerts
    def raise_alert(self, alert: Alert) -> Alert:
        """Open or count up by key; returns it as it stands (`notified_at` None: nobody was told yet)."""
        ...

    def alerts(self, *, open_only: bool = True, limit: int = 200) -> list[Alert]: ...

    def ack_alerts(self, keys: Sequence[str], *, by: str) -> list[Outcome]: ...

    def mark_notified(self, key: str) -> None: ...

    # --- effects
    def intend(self, effects: Sequence[Effect]) -> list[Outcome]:
        """Write intents; ``already`` when the key is there, whatever its state."""
        ...

    def claim_effects(
        self, kind: str, *, shop: str, limit: int, lease_s: float, worker: str
    ) -> tuple[str, list[Effect]]:
        """Take whole groups that are due: state intent, accepted, unknown, or sent with an expired lease (these come
        back as ``unknown``: the answer was lost)."""
        ...

    def mark_sent(self, token: str, keys: Sequence[str]) -> list[Outcome]:
        """Write that the call is about to be made; must be committed before it is."""
        ...

    def settle_effects(self, token: str, results: Sequence[Effect]) -> list[Outcome]:
        """Write results (state, answer, poll, next_at, payload) of claimed effects; ends their claim."""
        ...

    def effects(
        self,
        *,
        kind: str = "",
        shop: str = "",
        state: str = "",
        refs: Sequence[str] = (),
        keys: Sequence[str] = (),
        limit: int = 500,
        after: str = "",
    ) -> list[Effect]: ...

    def void_effects(self, keys: Sequence[str], *, reason: str) -> list[Outcome]:
        """Withdraw intents that were not sent."""
        ...

    def retry_effects(self, keys: Sequence[str]) -> list[Outcome]:
        """Put parked or refused effects back to intent (after a read-back or by an operator)."""
        ...

    # --- tokens, small shared state, audit
    def token(self, shop: str) -> Token | None: ...

    def put_token(self, token: Token) -> None:
        """Stored encrypted."""
        ...

    def swap(self, name: str, expect: str | None, value: str) -> bool:
        """Compare-and-set of a small named value (limiter buckets, breakers); True when it was written."""
        ...

    def value(self, name: str) -> str | None: ...

    def values(self, prefix: str) -> dict[str, str]: ...

    def audit(self, entries: Sequence[AuditEntry]) -> None: ...

    def audit_trail(self, *, ref: str = "", limit: int = 200) -> list[AuditEntry]: ...

    def dump(self) -> Iterator[tuple[str, dict[str, Any]]]: ...

    def close(self) -> None: ...


# ------------------------------------------------------------------ bus


class Event(Record, kw_only=True):
    """A hint that something happened; losing all of them loses nothing."""

    topic: str
    key: str
    at: datetime


class Bus(Protocol):
    """Hints between stages. Optional: without one the status columns feed the jobs."""

    def publish(self, events: Iterable[Event]) -> None:
        """Send after the commit of what they tell."""
        ...

    def take(self, topic: str, group: str, *, limit: int) -> list[tuple[str, Event]]:
        """Up to `limit` events for this group as (id, event), oldest first; they come again until acknowledged."""
        ...

    def acknowledge(self, topic: str, group: str, ids: Sequence[str]) -> None: ...

    def backlog(self, topic: str, group: str) -> int: ...

    def close(self) -> None: ...
