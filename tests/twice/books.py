"""What must be the same however often a job was begun: our books, and what the platforms saw."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jobs
from jobs import comparing_stock
from tests.twice.offices import HOUR, SharedClock

Books = dict[str, Counter[str]]

#: columns that tell of a run and its moment, or are made by chance, not of the business
PASSING = frozenset(
    [
        "created_at", "changed_at", "run_id", "at", "seq", "sent_at", "settled_at", "attempts", "next_at", "since",
        "released_at", "version", "beat_at", "due_at", "answer", "first_seen_at", "seen_at", "poll", "document", "raw",

        "reason", "facts", "window_ends_at", "checks", "next_check_at", "act_id",
    ]
)  # fmt: skip
#: tables of the house itself: who ran, who holds what, who looked
HOUSE = frozenset(
    ["runs", "leases", "audit_trail", "small_values", "history", "acts", "act_journal", "fences", "cursors"]
)
#: table → the columns that count, where most of them pass
FEW = {
    "windows": ("shop", "kind", "scan", "state"),
    "marks": ("shop", "kind", "scan"),
    "alerts": ("key", "kind"),
    "tasks": ("key", "state"),
}
#: what the platforms' book says of us
SEEN = frozenset(["effect", "suspect", "refusal"])


def books(office: Path, *, passing: frozenset[str] = frozenset()) -> Books:
    """Table → rows as texts, each with how often it is there; steps of history and what does not add up among them.

    Args:
        passing: columns (`table.column`) that may differ; ``history``: steps that change no state may differ.
    """
    found: Books = {}
    with jobs.open(office / "oms.toml", clock=SharedClock(HOUR)) as oms:
        env = oms.env
        for kept in (env.orders, env.inbox, env.stock, env.ledger, env.reports, env.settlement):
            for table, row in kept.dump():
                if table == "history":
                    if "history" not in passing or row["from_state"] != row["to_state"]:
                        _count(found, "steps", _step(row))
                elif table == "order_feed":  # which orders were touched, not in how many batches
                    found.setdefault(table, Counter()).update(dict.fromkeys(json.loads(row["order_nos"]), 1))
                elif table not in HOUSE:
                    _count(found, table, _row(table, row, PASSING | passing))
        for name, value in env.ledger.values("level:").items():
            _count(found, "levels", repr((name, sorted(json.loads(value).items()))))
        for difference in comparing_stock.differences(env):
            _count(found, "stock that does not add up", repr(difference))
    # windows of a shop: whether all are proven counts, not how the hours were cut
    found["windows"] = Counter(dict.fromkeys(found.get("windows", ()), 1))
    found["order_feed"] = Counter(dict.fromkeys(found.get("order_feed", ()), 1))
    return found


def _count(found: Books, table: str, row: str) -> None:
    if row:
        found.setdefault(table, Counter())[row] += 1


def _row(table: str, row: Mapping[str, Any], passing: frozenset[str]) -> str:
    if table == "marks":
        row = {**row, "scan": (row["scan"], row["proven"] == row["frontier"])}
    if table == "tasks":  # void: the other run had done it
        row = {**row, "state": "ended" if row["state"] in ("done", "void") else row["state"]}
    names = FEW.get(table, tuple(n for n in row if n not in passing and f"{table}.{n}" not in passing))
    return repr({n: row[n] for n in names})


def _step(row: Mapping[str, Any]) -> str:
    """A step of an order's, parcel's or refund's history. The reason is left out: a move that is taken up again says so."""
    return repr((row["ref"], row["from_state"], row["to_state"]))


def seen(entries: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """What took effect or looked wrong at the platforms, without times and request numbers. A level told again as it stands changes nothing."""
    return Counter(
        repr({k: v for k, v in sorted(e.items()) if k not in ("seq", "at", "request_id")})
        for e in entries
        if e["kind"] in SEEN and e.get("effect") != "token" and not _same_level(e)
    )


def _same_level(entry: Mapping[str, Any]) -> bool:
    """A level told once more as it stands: an absolute number changes nothing."""
    return entry.get("effect") == "level" and not entry["delta"] and entry["before"] == entry["after"]


def differences(one: Books, two: Books) -> dict[str, tuple[list[str], list[str]]]:
    """Table → (rows only in one, rows only in two)."""
    return {
        t: (sorted((one.get(t, Counter()) - two.get(t, Counter())).elements()), sorted((two.get(t, Counter()) - one.get(t, Counter())).elements()))
        for t in sorted({*one, *two})
        if one.get(t, Counter()) != two.get(t, Counter())
    }  # fmt: skip
