"""Settlement: statements of platforms, what we expect of them, and what was decided about both."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from stores.records.base import Record

#: the classes of difference, in the order they are shown
CLASSES = (
    "matched", "amount_differs", "status_differs", "only_theirs", "only_ours", "day_cut", "not_an_order", "doubled",
    "suggested",
)  # fmt: skip
#: classes that stay open until somebody or something explains them
OPEN_CLASSES = ("amount_differs", "status_differs", "only_theirs", "only_ours", "day_cut", "doubled", "suggested")


class StatementLine(NamedTuple):
    """One row of a statement as the reader hands it over. Rows come by the million: a tuple, in the columns' order."""

    #: 1.. as a spreadsheet counts, the header included
    row_no: int
    kind: str
    order_ref: str
    refund_ref: str
    trade_ref: str
    #: what comes to us is positive
    amount_minor: int
    currency: str
    #: epoch milliseconds
    at: int
    #: settled, pending or failed
    status: str
    #: JSON list of the cells that were not used, by the file's `raw_columns`
    raw: str
    #: of the whole row: 16 bytes
    fingerprint: bytes


class ParkedRow(Record, frozen=True, kw_only=True):
    """A row that could not be read: where, and what was wrong with it."""

    row_no: int
    column: str
    reason: str
    #: column → cell, personal columns left out
    cells: dict[str, str] = {}


class StatementFile(Record, frozen=True, kw_only=True):
    """An imported statement."""

    file_id: int = 0
    #: alias of the shop
    account: str
    #: ``2026-09`` or ``2026-09-05``
    period: str
    #: file or api
    kind: str = "file"
    #: SHA-256 of its bytes
    hash: str
    name: str
    layout: str
    layout_version: int
    first_line: int = 0
    row_count: int = 0
    doubled_count: int = 0
    parked_count: int = 0
    #: currency → {"count", "in", "out"}: lines, Σ amounts that come to us, Σ that leave us (negative)
    totals: dict[str, dict[str, int]] = {}
    raw_columns: tuple[str, ...] = ()
    first_at: datetime | None = None
    last_at: datetime | None = None
    state: str = "imported"
    at: datetime
    run_id: str = ""


class Expectation(Record, frozen=True, kw_only=True):
    """What a platform should state about one order or refund."""

    #: ``sale:{order_no}`` or ``refund:{refund_no}``
    key: str
    account: str
    kind: str
    order_no: str
    #: the parcel the order is shipped in with others; empty: alone
    group_ref: str = ""
    #: the platform's numbers
    order_ref: str
    refund_ref: str = ""
    #: from our view: a refund is negative
    amount_minor: int
    currency: str
    at: datetime
    #: settled: it must be stated; pending: it may be, not yet due; void: it must not
    status: str = "settled"


class PeriodState(Record, frozen=True, kw_only=True):
    """A period of one account: matched, or confirmed and closed for good."""

    account: str
    period: str
    start_at: datetime
    end_at: datetime
    state: str
    confirmed_at: datetime | None = None
    confirmed_by: str = ""


class Suspense(Record, frozen=True, kw_only=True):
    """挂账: a line or an expectation that stands open. A match whose sides differ hangs on its first line."""

    #: line or exp
    side: str
    ref_id: int
    account: str
    period: str
    class_: str
    kind: str
    order_ref: str
    #: of the item; of a match whose sides differ what is too much (too little: negative)
    amount_minor: int
    currency: str
    #: when the item happened
    since: datetime
    recheck_at: datetime
    checks: int = 0
    owner: str = ""
    reason: str = ""

    @property
    def ref(self) -> str:
        """Its name on the command line: ``line:12``."""
        return f"{self.side}:{self.ref_id}"


class Suggestion(Record, frozen=True, kw_only=True):
    """A pairing that could be right."""

    suggestion_id: str
    account: str
    period: str
    #: open, accepted or refused
    state: str = "open"
    pass_name: str
    rule_id: str
    delta_minor: int
    currency: str
    line_ids: tuple[int, ...]
    exp_ids: tuple[int, ...]


class Act(Record, frozen=True, kw_only=True):
    """Something that changed the books."""

    act_id: int = 0
    #: import, match, decide, assign or confirm
    kind: str
    account: str
    period: str
    #: active or undone
    state: str = "active"
    file_id: int = 0
    #: version of the tolerance rules that matched
    rules: str = ""
    counts: dict[str, Any] = {}
    at: datetime
    who: str = ""
    run_id: str = ""


class NewMatch(NamedTuple):
    """A match to be written: which lines and expectations belong together, and why."""

    class_: str
    pass_name: str
    rule_id: str
    delta_minor: int
    currency: str
    line_ids: tuple[int, ...]
    exp_ids: tuple[int, ...]


class Verdicts(Record, frozen=True, kw_only=True):
    """Everything one act changes, written in one transaction or not at all."""

    act: Act
    #: new matches; at most a few million
    matches: list[NewMatch] = []
    #: exp_id → the version that was matched, where it is not 1
    versions: dict[int, int] = {}
    #: matches of earlier acts that no longer hold
    dissolve: tuple[int, ...] = ()
    #: upserted
    suspend: tuple[Suspense, ...] = ()
    #: (side, ref_id) that are explained now
    resolve: tuple[tuple[str, int], ...] = ()
    #: upserted
    suggest: tuple[Suggestion, ...] = ()
    period: PeriodState | None = None
    #: version and JSON of the tolerance rules that were used
    rules: tuple[str, str] | None = None
    #: hash and job of the plan this act carries out, once
    plan: tuple[str, str] | None = None
