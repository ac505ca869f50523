"""The settlement store on a SQL database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from sql.columns import dumps, ms
from sql.settlement import acts, expectations, metadata
from stores import settlement_acts, settlement_files, settlement_reading
from stores.contracts.settlement import OpenItems
from stores.database import Clock, chunks, dump_rows, fetch, insert_sql, many, marks, open_database, run
from stores.records.base import Outcome, replace
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
from stores.settlement_fence import Refused
from stores.settlement_suppliers import SqlSuppliers

#: what makes an expectation another one when it changes
_TOLD = (
    "account",
    "kind",
    "order_no",
    "group_ref",
    "order_ref",
    "refund_ref",
    "amount_minor",
    "currency",
    "at",
    "status",
)
_CHANGE = f"UPDATE expectations SET {', '.join(f'{n}=?' for n in _TOLD)}, version=version+1, changed_at=? WHERE key=?"


class SqlSettlement(SqlSuppliers):
    """See `stores.contracts.Settlement`."""

    def __init__(self, url: str, *, clock: Clock) -> None:
        self._db = open_database(url, metadata, "settlement", clock)

    @contextmanager
    def _fenced(self, account: str, token: int, period: str = "") -> Iterator[Connection]:
        """A write under a lease: refused when a newer one wrote since, or when the period is closed."""
        with self._db.write() as c:
            kept = fetch(c, "SELECT token FROM fences WHERE account=?", (account,))
            if kept and kept[0][0] > token:
                raise Refused("lost", "newer_lease")
            if not kept or kept[0][0] < token:
                run(c, "INSERT INTO fences (account, token) VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET token=excluded.token", (account, token))  # fmt: skip
            if period and _is_confirmed(c, account, period):
                raise Refused("refused", "confirmed")
            yield c

    # ------------------------------------------------------------------ statements
    def known_file(self, account: str, period: str, hash: str) -> StatementFile | None:
        with self._db.read() as c:
            return _known(c, account, period, hash)

    def add_file(
        self,
        file: StatementFile,
        batches: Iterable[Sequence[StatementLine | tuple[Any, ...]]],
        parked: Callable[[], Sequence[ParkedRow]],
        *,
        token: int,
        finish: Callable[[], dict[str, Any]] | None = None,
    ) -> tuple[StatementFile, Outcome]:
        try:
            with self._fenced(file.account, token) as c:
                known = _known(c, file.account, file.period, file.hash)
                if known is not None:
                    return known, Outcome(key=file.hash, result="already")
                if _is_confirmed(c, file.account, file.period):
                    raise Refused("refused", "confirmed")
                kept = settlement_files.insert_file(c, file, batches, parked, finish)
                act_id = settlement_acts.next_act(c)
                act = Act(
                    act_id=act_id, kind="import", account=file.account, period=file.period, file_id=kept.file_id,
                    counts={"rows": kept.row_count, "doubled": kept.doubled_count, "parked": kept.parked_count},
                    at=file.at, run_id=file.run_id,
                )  # fmt: skip
                many(c, insert_sql(acts), [settlement_acts.act_row(act)])
        except Refused as refused:
            return file, Outcome(key=file.hash, result=refused.result, reason=refused.reason)
        return kept, Outcome(key=file.hash, result="done", version=act_id)

    def files(self, *, account: str = "", period: str = "", file_ids: Sequence[int] = ()) -> list[StatementFile]:
        where, args = _where(account=account, period=period)
        if file_ids:
            where, args = f"{where} AND file_id IN ({marks(len(file_ids))})", [*args, *file_ids]
        with self._db.read() as c:
            found = fetch(c, f"{settlement_files.SELECT_FILE} WHERE {where} ORDER BY file_id", args)
        return [settlement_files.record(row) for row in found]

    def lines(self, line_ids: Sequence[int]) -> list[dict[str, Any]]:
        with self._db.read() as c:
            return settlement_reading.lines(c, line_ids)

    def parked_rows(self, file_id: int) -> list[ParkedRow]:
        with self._db.read() as c:
            return settlement_reading.parked_rows(c, file_id)

    # ------------------------------------------------------------------ expectations
    def put_expectations(self, batch: Sequence[Expectation], *, cursor: tuple[str, str] | None) -> dict[str, int]:
        newest = {e.key: e for e in batch}
        now = self._db.now_ms()
        with self._db.write() as c:
            known = {
                row[0]: row[1:]
                for part in chunks(list(newest), 500)
                for row in fetch(c, f"SELECT key, {', '.join(_TOLD)} FROM expectations WHERE key IN ({marks(len(part))})", part)
            }  # fmt: skip
            rows = {key: _told(e, known.get(key)) for key, e in newest.items()}
            fresh = [key for key in rows if key not in known]
            changed = [key for key, row in rows.items() if key in known and known[key] != row]
            first = int(fetch(c, "SELECT coalesce(max(exp_id), 0) + 1 FROM expectations")[0][0])
            many(c, insert_sql(expectations), [(n, key, *rows[key], 1, now) for n, key in enumerate(fresh, first)])
            many(c, _CHANGE, [(*rows[key], now, key) for key in changed])
            if cursor is not None:
                run(c, "INSERT INTO cursors (name, position) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET position=excluded.position", cursor)  # fmt: skip
        return {"new": len(fresh), "changed": len(changed), "same": len(rows) - len(fresh) - len(changed)}

    def cursor(self, name: str) -> str:
        with self._db.read() as c:
            found = fetch(c, "SELECT position FROM cursors WHERE name=?", (name,))
        return str(found[0][0]) if found else ""

    def expectations(self, exp_ids: Sequence[int]) -> list[dict[str, Any]]:
        with self._db.read() as c:
            return settlement_reading.expectations_of(c, exp_ids)

    # ------------------------------------------------------------------ matching
    def open_items(self, account: str, *, start: datetime, end: datetime) -> OpenItems:
        with self._db.read() as c:
            return settlement_reading.open_items(c, account, ms(start), ms(end))

    def settled_before(self, account: str, order_refs: Sequence[str]) -> dict[tuple[str, str, int], int]:
        with self._db.read() as c:
            return settlement_reading.settled_before(c, account, order_refs)

    def apply(self, verdicts: Verdicts, *, token: int) -> Outcome:
        act = verdicts.act
        try:
            with self._fenced(act.account, token, act.period) as c:
                if verdicts.plan and fetch(c, "SELECT 1 FROM plans_applied WHERE hash=?", (verdicts.plan[0],)):
                    raise Refused("already", "plan_applied")
                if _dissolves_confirmed(c, verdicts.dissolve):
                    raise Refused("refused", "confirmed")
                act_id, why = settlement_acts.write_act(c, verdicts)
                if why:
                    raise Refused("changed", why)
                now = self._db.now_ms()
                if verdicts.rules:
                    run(c, "INSERT OR IGNORE INTO rule_versions (version, rules, at) VALUES (?, ?, ?)", (*verdicts.rules, now))  # fmt: skip
                if verdicts.plan:
                    run(c, "INSERT INTO plans_applied (hash, job, at, who) VALUES (?, ?, ?, ?)", (*verdicts.plan, now, act.who))  # fmt: skip
        except Refused as refused:
            return Outcome(key=act.kind, result=refused.result, reason=refused.reason)
        return Outcome(key=act.kind, result="done", version=act_id)

    def undo(self, account: str, act_id: int, *, token: int, who: str) -> Outcome:
        key = str(act_id)
        try:
            with self._fenced(account, token) as c:
                act, span = _act(c, account, act_id)
                if act.state != "active":
                    raise Refused("already", "undone")
                if act.kind == "confirm" or (act.period and _is_confirmed(c, account, act.period)):
                    raise Refused("refused", "confirmed")
                later = settlement_acts.built_on(c, act_id, span)
                if later or (act.kind == "import" and settlement_files.is_built_on(c, act.file_id)):
                    raise Refused("refused", f"later:{later}" if later else "lines_in_use")
                settlement_acts.take_back(c, act_id, span)
                if act.kind == "import":
                    settlement_files.remove_file(c, act.file_id)
                told = replace(act, state="undone", counts={**act.counts, "undone_by": who})
                run(c, "UPDATE acts SET counts=? WHERE act_id=?", (dumps(told.counts), act_id))
        except Refused as refused:
            return Outcome(key=key, result=refused.result, reason=refused.reason)
        return Outcome(key=key, result="done")

    def acts(self, *, account: str = "", period: str = "", active: bool = True, limit: int = 500) -> list[Act]:
        where, args = _where(account=account, period=period, state="active" if active else "")
        with self._db.read() as c:
            found = fetch(c, f"{settlement_acts.SELECT_ACT} WHERE {where} ORDER BY act_id DESC LIMIT ?", [*args, limit])
        return [settlement_acts.act_record(row) for row in found]

    # ------------------------------------------------------------------ looking
    def periods(self, *, account: str = "") -> list[PeriodState]:
        where, args = _where(account=account)
        with self._db.read() as c:
            found = fetch(c, f"SELECT * FROM periods WHERE {where} ORDER BY account, period", args)
        return [settlement_acts.period_record(row) for row in found]

    def summary(self, *, accounts: Sequence[str] = (), period: str = "") -> list[dict[str, Any]]:
        with self._db.read() as c:
            return settlement_reading.summary(c, accounts, period)

    def aging(self, *, accounts: Sequence[str] = ()) -> list[dict[str, Any]]:
        with self._db.read() as c:
            return settlement_reading.aging(c, accounts, self._db.now_ms())

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
        with self._db.read() as c:
            return settlement_reading.suspense_rows(c, accounts, period, classes, refs, ms(due_before), limit)

    def suggestions(
        self, *, account: str = "", period: str = "", state: str = "open", ids: Sequence[str] = (), limit: int = 500
    ) -> list[Suggestion]:
        where, args = _where(account=account, period=period, state=state)
        if ids:
            where, args = f"{where} AND suggestion_id IN ({marks(len(ids))})", [*args, *ids]
        with self._db.read() as c:
            found = fetch(c, f"SELECT * FROM suggestions WHERE {where} ORDER BY suggestion_id LIMIT ?", [*args, limit])
        return [settlement_acts.suggestion_record(row) for row in found]

    def matched(
        self, *, account: str, period: str = "", classes: Sequence[str] = (), batch: int = 1000
    ) -> Iterator[list[dict[str, Any]]]:
        after = 0
        while True:
            with self._db.read() as c:
                found = settlement_reading.matched(c, account, period, classes, after, batch)
            if not found:
                return
            after = found[-1]["match_id"]
            yield found

    def due_accounts(self, now: datetime) -> list[str]:
        with self._db.read() as c:
            due = {a for (a,) in fetch(c, "SELECT DISTINCT account FROM suspense WHERE recheck_at<=?", (ms(now),))}
            return sorted(due | set(settlement_reading.outdated_accounts(c)))

    def dump(self) -> Iterator[tuple[str, dict[str, Any]]]:
        with self._db.read() as c:
            for table in metadata.sorted_tables:
                for row in dump_rows(c, table):
                    if "fingerprint" in row:
                        row["fingerprint"] = row["fingerprint"].hex()
                    yield table.name, row

    def close(self) -> None:
        self._db.close()


def _where(**equal: str) -> tuple[str, list[Any]]:
    """Conditions of those that are given."""
    given = {k: v for k, v in equal.items() if v}
    return " AND ".join(f"{k}=?" for k in given) or "1=1", list(given.values())


def _known(c: Connection, account: str, period: str, hash: str) -> StatementFile | None:
    found = fetch(c, f"{settlement_files.SELECT_FILE} WHERE account=? AND period=? AND hash=?", (account, period, hash))
    return settlement_files.record(found[0]) if found else None


def _is_confirmed(c: Connection, account: str, period: str) -> bool:
    return bool(fetch(c, "SELECT 1 FROM periods WHERE account=? AND period=? AND state='confirmed'", (account, period)))


def _dissolves_confirmed(c: Connection, match_ids: Sequence[int]) -> bool:
    sql = (
        "SELECT 1 FROM matches JOIN acts USING (act_id) JOIN periods USING (account, period) "
        "WHERE periods.state='confirmed' AND match_id IN ({}) LIMIT 1"
    )
    return any(fetch(c, sql.format(marks(len(part))), part) for part in chunks(match_ids, 500))


def _act(c: Connection, account: str, act_id: int) -> tuple[Act, tuple[int, int]]:
    found = fetch(
        c, f"{settlement_acts.SELECT_ACT.replace('SELECT ', 'SELECT first_match, after_match, ')} WHERE act_id=? AND account=?",
        (act_id, account),
    )  # fmt: skip
    if not found:
        raise Refused("refused", "unknown")
    first, after, *row = found[0]
    return settlement_acts.act_record(row), (first, after)


def _told(e: Expectation, known: tuple[Any, ...] | None) -> tuple[Any, ...]:
    """Its columns. The time belongs to the state: while that stays, a later sighting does not move it."""
    row = tuple(ms(e.at) if n == "at" else getattr(e, n) for n in _TOLD)
    return (*row[:-2], known[-2], row[-1]) if known is not None and known[-1] == row[-1] else row
