"""The contract of the stock store: counters, reservations, demand, journal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol, runtime_checkable

from stores.records import (
    Answer,
    Ask,
    Demand,
    JournalEntry,
    Level,
    Outcome,
    Reservation,
    Snapshot,
    StockMove,
)


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


class Mended(NamedTuple):
    """What was found at a warehouse that was stopped."""

    warehouse: str
    #: ``behind``: Redis had lost what the books know, its counters were made anew from them; ``checked``: it had not
    found: str
    #: how far its journal had come in Redis (-1: nothing was there) and in the books, before
    redis_step: int
    books_step: int


@runtime_checkable
class DrainedStock(Stock, Protocol):
    """Stock that is reserved in one place, fast, and kept in the books, safely: the journal goes from here to there.

    A warehouse is *stopped* while the two places may disagree: after a flush, a restart, a failover. It then grants
    nothing (asks are short), ships nothing (``refused``, reason ``warehouse_stopped``), shows no levels, and every other
    write to it raises `stores.errors.Stopped`. The others go on.
    """

    def drained(self) -> bool:
        """Whether there are books at all."""
        ...

    def drain(self) -> dict[str, int]:
        """Take over what the journals say since the last time; idempotent, several may run at once.

        Returns:
            Warehouse → entries taken over; the demand of all orders is one of them.
        """
        ...

    def stopped(self) -> list[str]:
        """Warehouses that take nothing, the demand of all orders first when it is among them."""
        ...

    def mend(self, warehouse: str) -> Mended:
        """Bring a stopped warehouse's counters to what the books and its own journal say; it stays stopped for all others.

        Whoever calls this may then hold again what orders say they were granted, and must `reopen` it.
        """
        ...

    def reopen(self, warehouse: str) -> None:
        """Let everybody write there again."""
        ...
