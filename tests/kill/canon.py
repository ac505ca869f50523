"""The canonical dump: what two runs of a day must agree on, and where the state of the work has become the same again.

Two dumps are made of the same rows. The *books* are what the business has: all tables but what a repetition changes by
right. The *state* is the books and all else that decides how the work goes on: our own times, to the step they fall
into, and counters of tries. Where the states of two runs are equal, the rest of the day is equal too, since nothing
else goes into it; `books` is made of a part of `state`.

Each column that is left out has its reason in `WHY`.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from jobs import receiving
from jobs.effects import ENDED
from jobs.privacy import KEY_FILE, read_key_file
from stores.privacy import Privacy

Row = dict[str, Any]
#: table → its rows as sorted texts
Dump = dict[str, list[str]]

#: left out of both: two runs have two names, two processes two leases
RUN = "names a run, a process or a statement of ours"
LEASE = "a lease; it is over before the next step"
SECOND = "a number that only counts writes and is compared for equality"
TALK = "words for people, of what one run did; no job reads them"
#: left out of the books; in the state they stand as the step they fall into
TIME = "our own clock; the repetition is later"
#: left out of the books
EFFORT = "counts tries, or tells of them; a repetition is a try"

#: table → column → why the books do not have it
WHY: dict[str, dict[str, str]] = {
    "orders": {
        "version": SECOND, "created_at": TIME, "changed_at": TIME, "due_at": TIME, "claim_token": LEASE, "claim_until": LEASE,
        "attempt": EFFORT, "reroutes": EFFORT,
    },
    "order_holds": {"since": TIME, "until": TIME, "released_at": TIME},
    "order_edits": {"at": TIME},
    "waiting": {"since": TIME, "window_ends_at": TIME},
    "parcels": {"version": SECOND, "created_at": TIME, "changed_at": TIME},
    "refunds": {"version": SECOND, "created_at": TIME, "changed_at": TIME},
    "payments": {
        "version": SECOND, "created_at": TIME, "changed_at": TIME, "asked_at": TIME, "expires_at": TIME, "next_check_at": TIME,
        "checks": EFFORT,
    },
    "payment_backs": {
        "version": SECOND, "created_at": TIME, "changed_at": TIME, "asked_at": TIME, "next_check_at": TIME, "checks": EFFORT,
    },
    "inbox_state": {
        "first_seen_at": TIME, "seen_at": TIME, "attempts": EFFORT, "claim_token": LEASE, "claim_until": LEASE,
    },
    "stock_journal": {"seq": SECOND, "at": TIME, "run_id": RUN, "key": EFFORT},
    "reservations": {"at": TIME, "attempt": EFFORT, "reservation_id": EFFORT},
    "tasks": {"due_at": TIME, "attempts": EFFORT, "claim_until": LEASE},
    "alerts": {"times": EFFORT, "first_at": TIME, "last_at": TIME, "acked_at": TIME, "notified_at": TIME, "facts": RUN},
    "effects": {
        "attempts": EFFORT, "answer": EFFORT, "poll": EFFORT, "next_at": TIME, "sent_at": TIME, "settled_at": TIME, "created_at": TIME,
        "claim_token": LEASE, "claim_until": LEASE,
    },
    "marks": {"frontier": TIME, "proven": TIME},
    "lateness": {"found_at": TIME, "late_s": TIME},
    "tokens": {"access": RUN, "refresh": RUN, "expires_at": TIME, "refresh_expires_at": TIME},
    "audit_trail": {"seq": SECOND, "at": TIME, "facts": TALK},
}  # fmt: skip
#: tables that are left out, and why
LEFT = {
    "runs": "each process has its own record, a killed one's stays unfinished",
    "leases": LEASE,
}
#: sealed with a fresh nonce each time: compared by what is inside
SEALED = {
    "order_details": ("receiver", "buyer_remark", "seller_remark"),
    "order_edits": ("value", "base"),
    "inbox_payload": ("document", "raw"),
    "tokens": ("access", "refresh"),
}

#: our own times of one step lie in this span of seconds: from its first, killed run on
SPAN_S = 300
BEFORE_S = 145


class Office:
    """The stores of one office folder, read whole, with nothing of the engines."""

    def __init__(self, folder: Path, base: datetime) -> None:
        self._base = int(base.timestamp() * 1000)
        self._privacy = Privacy(read_key_file(folder / "data" / KEY_FILE))
        self._tables: dict[str, list[Row]] = {}
        for store in ("orders", "inbox", "stock", "ledger"):
            path = folder / "data" / f"{store}.db"
            if path.exists():
                with closing(sqlite3.connect(path)) as c:
                    self._read(c)

    def _read(self, c: sqlite3.Connection) -> None:
        c.row_factory = sqlite3.Row
        names = [n for (n,) in c.execute("SELECT name FROM sqlite_master WHERE type = 'table'") if n[:7] != "sqlite_"]
        for name in names:
            if name not in LEFT:
                self._tables[name] = [dict(r) for r in c.execute(f"SELECT * FROM {name}")]
        for name in set(names) & set(SEALED):
            for row in self._tables[name]:
                for column in SEALED[name]:
                    row[column] = self._privacy.decrypt(row[column]).decode() if row[column] else ""

    def books(self) -> Dump:
        return self._dump(whole=False)

    def state(self) -> Dump:
        return self._dump(whole=True)

    def _dump(self, *, whole: bool) -> Dump:
        return {
            name: sorted(json.dumps(r, ensure_ascii=False, sort_keys=True) for r in self._rows(name, rows, whole))
            for name, rows in sorted(self._tables.items())
        }

    def _rows(self, table: str, rows: Sequence[Row], whole: bool) -> list[Row]:
        shape = _SHAPES.get(table)
        if shape is not None:
            rows = shape(self, rows, whole)
        return [self._row(WHY.get(table, {}), r, whole) for r in rows]

    def _row(self, why: dict[str, str], row: Row, whole: bool) -> Row:
        out: Row = {}
        for name, value in row.items():
            reason = why.get(name)
            if reason is None or (whole and reason is EFFORT):
                out[name] = value
            elif whole and reason is TIME:
                out[name] = self.step(value)
        return out

    def step(self, at: int | None) -> int | None:
        """The step of the day that one of our own times falls into."""
        return None if at is None else (int(at) - self._base + BEFORE_S * 1000) // (SPAN_S * 1000)


# ------------------------------------------------------------------ tables that are told in another way


#: moves that a sweep finishes when they were cut; it says so instead of the reason, which the intent before it bears
_SWEPT = {("sourced", "merged"), ("merged", "sourced"), ("planning", "planned")}


def _history(office: Office, rows: Sequence[Row], whole: bool) -> list[Row]:
    """Per order, parcel and refund its steps in order; the books have the moves alone, each as often as it happened."""
    by_ref: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: (r["ref"], r["version"])):
        step = {name: row[name] for name in ("from_state", "to_state", "reason")}
        if (step["from_state"], step["to_state"]) in _SWEPT or step["from_state"] == "voiding":
            step["reason"] = ""
        # Only receipts are read back from a history by a job.
        if whole and receiving.STEP in row["reason"]:
            by_ref[row["ref"]].append({**step, "version": row["version"], "facts": row["facts"]})
        elif row["from_state"] != row["to_state"]:
            by_ref[row["ref"]].append(step)
    return [{"ref": ref, "steps": steps} for ref, steps in by_ref.items()]


def _windows(office: Office, rows: Sequence[Row], whole: bool) -> list[Row]:
    """Per shop and scan what is proven without a gap, by which proofs, and what is open.

    A repetition cuts the same time into other windows, so that they are not compared one by one.
    """
    by_scan: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: r["start_at"]):
        by_scan[row["shop"], row["kind"], row["scan"]].append(row)
    out = []
    for (shop, kind, scan), found in by_scan.items():
        spans: list[list[int]] = []
        for row in (r for r in found if r["state"] == "closed" and r["proof"]):
            if spans and row["start_at"] <= spans[-1][1]:
                spans[-1][1] = max(spans[-1][1], row["end_at"])
            else:
                spans.append([row["start_at"], row["end_at"]])
        open_ = [[office.step(r["start_at"]), office.step(r["end_at"])] for r in found if r["state"] != "closed"]
        out.append(
            {
                "shop": shop, "kind": kind, "scan": scan, "spans": [[office.step(a), office.step(b)] for a, b in spans],
                "proofs": sorted({r["proof"] for r in found}), "open": open_,
            }
        )  # fmt: skip
    return out


def _holds(office: Office, rows: Sequence[Row], whole: bool) -> list[Row]:
    """When a hold was released is of the moment; that it was is not."""
    return [{**r, "open": r["released_at"] is None} for r in rows]


def _values(office: Office, rows: Sequence[Row], whole: bool) -> list[Row]:
    """Small values, as what they say, but those of the moment: the rate limits, and breakers that count no failure."""
    told = [{**r, "value": json.loads(r["value"])} for r in rows if not r["name"].startswith("limit:")]
    return [r for r in told if r["value"] or not r["name"].startswith("breaker:")]


def _audit(office: Office, rows: Sequence[Row], whole: bool) -> list[Row]:
    """Who did what, once each: what is done again is noted again."""
    kept = [{name: row[name] for name in ("who", "act", "ref")} for row in rows]
    for row in kept:
        if row["act"] == "decrypt":
            row["ref"] = ""  # names the run
    return [json.loads(t) for t in sorted({json.dumps(r, sort_keys=True) for r in kept})]


def _journal(office: Office, rows: Sequence[Row], whole: bool) -> list[Row]:
    """In the books holds and releases of a cause are one figure: a second attempt releases the first."""
    if whole:
        return list(rows)
    sums: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    for r in rows:
        kind = "held" if r["kind"] in ("hold", "release") else r["kind"]
        at = sums[kind, r["warehouse"], r["sku"], r["ref"], "" if kind == "held" else r["reason"]]
        for i, name in enumerate(("on_hand", "held", "defective")):
            at[i] += r[name]
    return [{"of": list(key), "sums": at} for key, at in sums.items() if any(at)]


def _reservations(office: Office, rows: Sequence[Row], whole: bool) -> list[Row]:
    """The books have what is held or was shipped."""
    return [r for r in rows if whole or r["state"] in ("open", "shipped")]


def _inbox(office: Office, rows: Sequence[Row], whole: bool) -> list[Row]:
    """Why a document is parked, and not by which word a pushed one was: what is pushed again is the `same`."""
    over = {"reason": "", "facts": "", "attempts": 0}
    return [{**r, **over} if r["status"] == "pushed" else r for r in rows]


def _tasks(office: Office, rows: Sequence[Row], whole: bool) -> list[Row]:
    """A receipt that was typed again has two tasks, which bear the names of runs; what is over of them is left out."""
    own = [r for r in rows if not (r["kind"] == receiving.KIND and r["state"] != "waiting")]
    named = [{**r, "key": ""} if r["kind"] == receiving.KIND else r for r in own]
    return [r if r["state"] == "waiting" else {**r, "attempts": 0} for r in named]


def _alerts(office: Office, rows: Sequence[Row], whole: bool) -> list[Row]:
    """Of an alert it matters on whether it is open and whether somebody was told; not since when, and how often raised."""
    over = {"times": 0, "first_at": None, "last_at": None, "notified_at": None}
    return [{**r, **over, "told": r["notified_at"] is not None, "open": r["acked_at"] is None} for r in rows]


def _effects(office: Office, rows: Sequence[Row], whole: bool) -> list[Row]:
    """Of an effect that has ended nobody asks how often it was tried, and by which words it was answered."""
    over = {"attempts": 0, "answer": "", "poll": "", "next_at": None, "sent_at": None}
    return [{**r, **over} if r["state"] in ENDED else r for r in rows]


def _feed(office: Office, rows: Sequence[Row], whole: bool) -> list[Row]:
    """Which orders were touched; a repetition touches them again, in other batches."""
    return [{"order_no": no} for no in sorted({no for r in rows for no in json.loads(r["order_nos"])})]


_SHAPES: dict[str, Callable[[Office, Sequence[Row], bool], list[Row]]] = {
    "history": _history,
    "order_holds": _holds,
    "windows": _windows,
    "small_values": _values,
    "audit_trail": _audit,
    "stock_journal": _journal,
    "reservations": _reservations,
    "inbox_state": _inbox,
    "effects": _effects,
    "alerts": _alerts,
    "tasks": _tasks,
    "order_feed": _feed,
}


# ------------------------------------------------------------------ comparing


def digests(dump: Dump) -> dict[str, str]:
    """Table → digest of its rows."""
    return {name: blake2b("\n".join(rows).encode(), digest_size=12).hexdigest() for name, rows in dump.items()}


def differing(a: dict[str, str], b: dict[str, str]) -> list[str]:
    """Tables whose digests differ."""
    return sorted(name for name in {*a, *b} if a.get(name) != b.get(name))


def differences(wanted: Dump, found: Dump, shown: int = 4) -> list[str]:
    """The first rows of each table that only one side has."""
    out = []
    for name in sorted({*wanted, *found}):
        a, b = wanted.get(name, []), found.get(name, [])
        if a == b:
            continue
        gone, more = list(a), list(b)
        for row in a:
            if row in more:
                more.remove(row)
                gone.remove(row)
        out += [f"{name}: missing {r[:700]}" for r in gone[:shown]] + [f"{name}: more {r[:700]}" for r in more[:shown]]
    return out


def moment(text: str) -> datetime:
    """An ISO time, aware."""
    return datetime.fromisoformat(text).astimezone(UTC)
