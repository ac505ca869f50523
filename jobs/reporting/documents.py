"""The shape of a report: the very object that `--json` prints, scripts use and the page shows. Fields are only ever added.

Amounts are whole minor units beside their currency, and no row ever sums two currencies; pieces and orders are counts.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import pandas


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all rows of a report."""


class Sales(Row, frozen=True, kw_only=True):
    """Orders and money. What the rows of a section are not told apart by is empty (hour: None)."""

    day: date | None = None
    hour: int | None = None
    shop: str = ""
    platform: str = ""
    currency: str
    #: by the time they were ordered
    orders: int = 0
    pieces: int = 0
    payable_minor: int = 0
    #: what the platforms add
    subsidy_minor: int = 0
    #: by the time they were paid (cash on delivery: ordered), before refunds
    sold: int = 0
    sold_pieces: int = 0
    paid_minor: int = 0


class Total(Sales, frozen=True, kw_only=True):
    """A period's figures in one currency."""

    #: by the time the first parcel left
    shipped: int = 0
    shipped_pieces: int = 0
    #: by the time they were cancelled
    cancelled: int = 0
    cancelled_minor: int = 0
    #: asked for in the period, whatever became of them; and those of them that are done
    refunds: int = 0
    refunds_minor: int = 0
    refunds_done: int = 0
    refunds_done_minor: int = 0


class Sku(Row, frozen=True, kw_only=True):
    """A SKU that was sold; empty where a listing is not mapped."""

    sku: str
    currency: str
    orders: int
    pieces: int
    #: its share of what was paid for the lines, freight outside
    paid_minor: int


class State(Row, frozen=True, kw_only=True):
    """Orders of the period by the progress they have now."""

    progress: str
    currency: str
    orders: int
    pieces: int
    payable_minor: int


class Wait(Row, frozen=True, kw_only=True):
    """From paid to shipped, of orders whose last parcel left in the period; nearest rank, to the minute."""

    #: empty: all shops
    shop: str = ""
    platform: str = ""
    orders: int
    median_min: int
    p90_min: int


class WaitSpan(Row, frozen=True, kw_only=True):
    """Orders that waited from ≤ minutes < to; `to_min` None: without end."""

    from_min: int
    to_min: int | None
    orders: int


class Refunds(Row, frozen=True, kw_only=True):
    """Refunds asked for in the period, as they stand now."""

    kind: str
    status: str
    reason: str
    currency: str
    refunds: int
    amount_minor: int


class Cancels(Row, frozen=True, kw_only=True):
    """Orders cancelled in the period, by reason code."""

    reason: str
    currency: str
    orders: int
    pieces: int
    payable_minor: int


class Stock(Row, frozen=True, kw_only=True):
    """A SKU's pieces now, against what left in the last `stock_days` days of the report."""

    sku: str
    on_hand: int
    held: int
    available: int
    shipped: int
    #: days that what is available lasts at that rate; None: none left the house
    cover_days: float | None
    #: how often what is on hand left in that time; None: none is on hand
    turnover: float | None


class Coverage(Row, frozen=True, kw_only=True):
    """How much of a day is proven for a shop: of the seconds that have passed, those inside closed windows."""

    day: date
    shop: str
    platform: str
    kind: str
    windows: int
    open: int
    elapsed_s: int
    proven_s: int


class Difference(Row, frozen=True, kw_only=True):
    """Differences that are open, by class and age."""

    #: class code of the settlement
    word: str
    #: days since it arose, such as ``0-7`` or ``60+``
    age: str
    currency: str
    differences: int
    amount_minor: int


class Job(Row, frozen=True, kw_only=True):
    """A job's runs that began in the period, and how it stands now."""

    job: str
    scheduled: bool
    runs: int
    done: int
    partial: int
    failed: int
    #: busy, interrupted or still running
    other: int
    longest_s: float
    last_run: datetime | None
    outcome: str
    late: bool


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One period's figures."""

    #: daily, weekly
    kind: str
    #: both days inside
    since: date
    until: date
    zone: str
    made_at: datetime
    #: the figures reflect the orders up to here; None: `oms report refresh` has not run yet
    as_of: datetime | None
    #: False while the first count of all orders goes on
    complete: bool
    #: aliases that are in it
    shop_names: tuple[str, ...]
    #: nothing was ordered, sold, shipped, cancelled or asked back
    empty: bool
    #: per currency; and of the period before, of the same length
    totals: tuple[Total, ...]
    before: tuple[Total, ...]
    hours: tuple[Sales, ...]
    days: tuple[Sales, ...]
    shops: tuple[Sales, ...]
    #: the first by pieces, and how many SKUs were sold in all
    skus: tuple[Sku, ...]
    skus_sold: int
    funnel: tuple[State, ...]
    waits: tuple[Wait, ...]
    wait_spans: tuple[WaitSpan, ...]
    refunds: tuple[Refunds, ...]
    cancels: tuple[Cancels, ...]
    #: those that last the shortest, and how many SKUs there are in all
    stock: tuple[Stock, ...]
    stock_skus: int
    stock_days: int
    coverage: tuple[Coverage, ...]
    #: None: no statement was ever read
    differences: tuple[Difference, ...] | None
    jobs: tuple[Job, ...]

    def to_frame(self, section: str = "hours") -> pandas.DataFrame:
        """A section (`SECTIONS`) as a pandas DataFrame, one column per field; days and times stay what they are.

        Raises:
            KeyError: there is no such section.
        """
        import pandas

        kind = SECTIONS[section]
        rows = getattr(self, section) or ()
        fields = kind.__struct_fields__
        return pandas.DataFrame([[getattr(r, f) for f in fields] for r in rows], columns=list(fields))


#: section → what its rows are
SECTIONS: dict[str, type[Row]] = {
    "totals": Total, "before": Total, "hours": Sales, "days": Sales, "shops": Sales, "skus": Sku, "funnel": State,
    "waits": Wait, "wait_spans": WaitSpan, "refunds": Refunds, "cancels": Cancels, "stock": Stock, "coverage": Coverage,
    "differences": Difference, "jobs": Job,
}  # fmt: skip
