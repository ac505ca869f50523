"""The contract of the settlement store: statements, expectations, matches, suspense, periods.

Every write names the lease under which it is made (`token`, rising per account): one that is older than the last that
wrote is refused as ``lost``. What an act writes is written in one transaction, and `undo` takes it back to the letter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from stores.contracts.suppliers import Suppliers
from stores.records.base import Outcome, Record
from stores.records.settlement import (
    Act,
    Expectation,
    ParkedRow,
    PeriodState,
    StatementFile,
    StatementLine,
    Suggestion,
    Suspense,
    Verdicts,
)

#: columns as lists of one length, by name
Columns = dict[str, list[Any]]


class OpenItems(Record, frozen=True, kw_only=True):
    """What there is to match.

    lines: line_id, kind, order_ref, refund_ref, trade_ref, amount, currency, at (ms), status, file_id, occurrence.
    expected: exp_id, kind, order_ref, refund_ref, group_ref, amount, currency, at (ms), status, version.
    loose: match_id → (class, pass_name, rule_id, delta, line ids, exp ids) of matches whose sides differ or whose
    expectation has changed since (`outdated`); their members are among the rows, and may be matched anew.
    """

    lines: Columns
    expected: Columns
    loose: dict[int, tuple[str, str, str, int, tuple[int, ...], tuple[int, ...]]]
    outdated: frozenset[int] = frozenset()


class Settlement(Suppliers, Protocol):
    """Statements, expectations, matches, suspense, periods; and suppliers."""

    # --- statements
    def known_file(self, account: str, period: str, hash: str) -> StatementFile | None:
        """The import of these bytes into that period, None when there is none."""
        ...

    def add_file(
        self,
        file: StatementFile,
        batches: Iterable[Sequence[StatementLine | tuple[Any, ...]]],
        parked: Callable[[], Sequence[ParkedRow]],
        *,
        token: int,
        finish: Callable[[], dict[str, Any]] | None = None,
    ) -> tuple[StatementFile, Outcome]:
        """Import a statement: its head, all rows and the act, in one transaction.

        ``already`` when the same bytes are in that period (nothing changes); ``lost`` when another lease wrote since;
        ``refused`` when the period is confirmed. A row that repeats one of another file of the account (same
        fingerprint, same occurrence) is written with `doubled_of`. Whatever `batches` raises leaves nothing behind.

        Args:
            batches: rows in the order of the file, read while they are written.
            parked: asked once the batches are at their end.
            finish: fields of the head that are known only then.
        """
        ...

    def files(self, *, account: str = "", period: str = "", file_ids: Sequence[int] = ()) -> list[StatementFile]:
        """By file_id."""
        ...

    def lines(self, line_ids: Sequence[int]) -> list[dict[str, Any]]:
        """Whole lines by line_id, `raw` as column → cell; at most 1,000."""
        ...

    def parked_rows(self, file_id: int) -> list[ParkedRow]: ...

    # --- expectations
    def put_expectations(self, batch: Sequence[Expectation], *, cursor: tuple[str, str] | None) -> dict[str, int]:
        """Upsert by key, and move a consumer's cursor (name, position) in the same transaction.

        An unchanged one is left alone (its time stands while its status does); a changed one gets the next version, by which matches made of the old one are
        found. Returns counts: new, changed, same.
        """
        ...

    def cursor(self, name: str) -> str: ...

    def expectations(self, exp_ids: Sequence[int]) -> list[dict[str, Any]]:
        """Whole expectations by exp_id; at most 1,000."""
        ...

    # --- matching
    def open_items(self, account: str, *, start: datetime, end: datetime) -> OpenItems:
        """Lines of the account that belong to no match (repeats of other files left out), expectations with
        start ≤ at < end that belong to none, both with what stands in suspense, and the loose matches."""
        ...

    def settled_before(self, account: str, order_refs: Sequence[str]) -> dict[tuple[str, str, int], int]:
        """(kind, order_ref, amount) of expectations of these orders that belong to a match → their match."""
        ...

    def apply(self, verdicts: Verdicts, *, token: int) -> Outcome:
        """Write one act wholly or not at all; `version` of the outcome is its act_id.

        ``lost``: another lease wrote since. ``already``: its plan was carried out before. ``changed``: a match to
        dissolve is gone, or a member belongs to a match already. ``refused``: the period is confirmed.
        """
        ...

    def undo(self, account: str, act_id: int, *, token: int, who: str) -> Outcome:
        """Take an act back: every row is as it was before it.

        ``refused`` with reason ``later:{act_id}`` (a later act built on it), ``confirmed``, or ``undone`` (it is).
        """
        ...

    def acts(self, *, account: str = "", period: str = "", active: bool = True, limit: int = 500) -> list[Act]:
        """Newest first."""
        ...

    # --- looking
    def periods(self, *, account: str = "") -> list[PeriodState]: ...

    def summary(self, *, accounts: Sequence[str] = (), period: str = "") -> list[dict[str, Any]]:
        """Per account, period, class and currency: count of matches or open items, Σ stated, Σ expected, Σ delta."""
        ...

    def aging(self, *, accounts: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Open items per account, class, currency and age: 0-7, 8-15, 16-30, 31-60, 60+ days since they arose."""
        ...

    def suspense(
        self,
        *,
        accounts: Sequence[str] = (),
        period: str = "",
        classes: Sequence[str] = (),
        refs: Sequence[tuple[str, int]] = (),
        due_before: datetime | None = None,
        limit: int = 500,
    ) -> list[Suspense]:
        """By (account, since, side, ref_id)."""
        ...

    def suggestions(
        self, *, account: str = "", period: str = "", state: str = "open", ids: Sequence[str] = (), limit: int = 500
    ) -> list[Suggestion]: ...

    def matched(
        self, *, account: str, period: str = "", classes: Sequence[str] = (), batch: int = 1000
    ) -> Iterator[list[dict[str, Any]]]:
        """Matches with their members, by match_id, for exports: class, pass_name, rule_id, delta_minor, currency, and
        lines and expectations as dicts."""
        ...

    def due_accounts(self, now: datetime) -> list[str]:
        """Accounts with something in suspense to be looked at again, or a matched expectation that has changed."""
        ...

    def dump(self) -> Iterator[tuple[str, dict[str, Any]]]: ...

    def close(self) -> None: ...
