"""What jobs return: the very objects that `--json` prints and scripts use."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import pandas


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing a run did, would do (`--dry-run`), parked or found different."""

    #: order_no, parcel_no, inbox key, window_id, sku, ...
    ref: str
    #: stored, moved, held, parked, differs, refused, waiting, skipped, ...
    did: str
    reason: str = ""
    shop: str = ""
    facts: dict[str, Any] = {}


#: what an Item may have done that makes a run partial (exit 3)
PARTIAL = frozenset({"parked", "differs", "refused", "failed", "unproven"})


class Result(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One run of a job. Fields are only ever added.

    `items` lists what an operator should see: everything under `--dry-run`, else what was parked, held, refused or
    differs; `counts` counts everything.
    """

    job: str
    run_id: str = ""
    #: done, partial, busy, failed, interrupted
    outcome: str = "done"
    dry_run: bool = False
    counts: dict[str, int] = {}
    items: list[Item] = []
    facts: dict[str, Any] = {}
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: str = ""
    #: exit code of the error that ended the run, 0 otherwise
    error_code: int = 0
    #: command to type next
    hint: str = ""

    @property
    def exit_code(self) -> int:
        """0 done or nothing to do, 3 partial, 4 busy, the error's own code when failed, 143 when interrupted."""
        return {"done": 0, "partial": 3, "busy": 4, "interrupted": 143}.get(self.outcome, self.error_code or 1)

    def count(self, name: str, n: int = 1) -> None:
        self.counts[name] = self.counts.get(name, 0) + n

    def add(self, item: Item) -> None:
        """Count an item by what it did, and keep it when an operator should see it."""
        self.count(item.did)
        if self.dry_run or item.did in PARTIAL or item.did == "held":
            self.items.append(item)
        if item.did in PARTIAL and self.outcome == "done":
            self.outcome = "partial"

    def include(self, other: Result) -> None:
        """Take in what a part of this run did."""
        for name, n in other.counts.items():
            self.count(name, n)
        self.items += other.items
        self.facts.update(other.facts)
        if other.outcome == "partial" and self.outcome == "done":
            self.outcome = "partial"

    def to_frame(self) -> pandas.DataFrame:
        """Items as a DataFrame, one column per field; facts stay dicts."""
        import pandas

        return pandas.DataFrame([msgspec.to_builtins(i) for i in self.items], columns=list(Item.__struct_fields__))
