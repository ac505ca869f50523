"""The ledger on a SQL database: sync, leases, runs, tokens, small values and audit. Alerts, tasks and effects are in
`stores/sql_effects.py`."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from sql import ledger as tables
from sql.columns import dumps, loads, ms, when
from stores.database import Clock, dump_rows, fetch, many, open_database, run, upsert_sql
from stores.privacy import Privacy
from stores.records import AuditEntry, Lateness, Lease, Outcome, Run, RunTally, Token, Watermark, Window
from stores.rows import Pair, Rows, put
from stores.sql_effects import EffectRows

_PASSES = Pair(dumps, lambda text: tuple(loads(text or "[]")))
_WINDOW = Rows(tables.windows, Window, own={"passes": _PASSES}, rename={"start": "start_at", "end": "end_at"})
_MARK = Rows(tables.marks, Watermark)
_LATE = Rows(tables.lateness, Lateness)
_LEASE = Rows(tables.leases, Lease)
_RUN = Rows(tables.runs, Run)
_AUDIT = Rows(tables.audit_trail, AuditEntry)


class SqlLedger(EffectRows):
    """See `stores.contracts.Ledger`."""

    def __init__(self, url: str, *, clock: Clock, privacy: Privacy) -> None:
        self._db = open_database(url, tables.metadata, "ledger", clock)
        self._privacy = privacy

    def now(self) -> datetime:
        return self._db.now()

    # ---- sellers
    def register_seller(self, shop: str, platform: str, seller_id: str, code: str) -> Outcome:
        same = "SELECT platform, seller_id, code FROM sellers WHERE shop=?"
        with self._db.read() as c:
            if fetch(c, same, (shop,)) == [(platform, seller_id, code)]:
                return Outcome(key=shop, result="already")
        with self._db.write() as c:
            mine = fetch(c, same, (shop,))
            if mine:
                if mine[0] == (platform, seller_id, code):
                    return Outcome(key=shop, result="already")
                return Outcome(key=shop, result="refused", reason=f"alias_taken by seller {mine[0][1]} at {mine[0][0]}")
            other = fetch(c, "SELECT shop FROM sellers WHERE platform=? AND seller_id=?", (platform, seller_id))
            if other:
                return Outcome(key=shop, result="refused", reason=f"seller_taken by alias {other[0][0]}")
            clash = fetch(c, "SELECT shop FROM sellers WHERE code=?", (code,))
            if clash:
                return Outcome(key=shop, result="refused", reason=f"code_clash with alias {clash[0][0]}")
            run(
                c,
                "INSERT INTO sellers (shop, platform, seller_id, code) VALUES (?, ?, ?, ?)",
                (shop, platform, seller_id, code),
            )
        return Outcome(key=shop, result="done")

    def sellers(self) -> dict[str, tuple[str, str, str]]:
        with self._db.read() as c:
            return {
                s: (p, i, k)
                for s, p, i, k in fetch(c, "SELECT shop, platform, seller_id, code FROM sellers ORDER BY shop")
            }

    # ---- sync
    def marks(self) -> dict[tuple[str, str, str], Watermark]:
        with self._db.read() as c:
            found = [_MARK.record(r) for r in fetch(c, _MARK.select)]
        return {(m.shop, m.kind, m.scan): m for m in found}

    def set_mark(self, mark: Watermark, *, lease: Lease | None) -> Outcome:
        key = f"{mark.shop}:{mark.kind}:{mark.scan}"
        with self._db.write() as c:
            if lease is not None and not self._current(c, lease):
                return Outcome(key=key, result="lost")
            kept = fetch(c, f"{_MARK.select} WHERE shop=? AND kind=? AND scan=?", (mark.shop, mark.kind, mark.scan))
            if kept:
                old = _MARK.record(kept[0])
                mark = msgspec.structs.replace(
                    mark, frontier=_later(old.frontier, mark.frontier), proven=_later(old.proven, mark.proven)
                )
            many(c, put(_MARK, kept), [_MARK.row(mark)])
        return Outcome(key=key, result="done")

    def reopen(self, mark: Watermark) -> Outcome:
        with self._db.write() as c:
            args = (ms(mark.proven), mark.shop, mark.kind, mark.scan)
            n = run(c, "UPDATE marks SET proven=? WHERE shop=? AND kind=? AND scan=?", args)
        return Outcome(
            key=f"{mark.shop}:{mark.kind}:{mark.scan}",
            result="done" if n else "refused",
            reason="" if n else "unknown_mark",
        )

    def put_window(self, window: Window, *, lease: Lease | None) -> Outcome:
        with self._db.write() as c:
            if lease is not None and not self._current(c, lease):
                return Outcome(key=window.window_id, result="lost")
            many(c, _WINDOW.upsert, [_WINDOW.row(window)])
        return Outcome(key=window.window_id, result="done")

    def windows(
        self, *, shop: str = "", kind: str = "", state: str = "", since: datetime | None = None, until: datetime | None = None,
        limit: int = 500,
    ) -> list[Window]:  # fmt: skip
        parts: list[str] = ["1=1"]
        args: list[Any] = []
        for name, value in (("shop", shop), ("kind", kind), ("state", state)):
            if value:
                parts.append(f"{name}=?")
                args.append(value)
        # windows that touch [since, until)
        if since is not None:
            parts.append("end_at>?")
            args.append(ms(since))
        if until is not None:
            parts.append("start_at<?")
            args.append(ms(until))
        sql = f"{_WINDOW.select} WHERE {' AND '.join(parts)} ORDER BY shop, kind, start_at LIMIT ?"
        with self._db.read() as c:
            return [_WINDOW.record(r) for r in fetch(c, sql, [*args, limit])]

    def add_lateness(self, found: Sequence[Lateness]) -> None:
        with self._db.write() as c:
            # found again, an item was late by what it was at first
            sql = _LATE.upsert.replace("late_s = excluded.late_s", "late_s = lateness.late_s")
            many(c, sql, _LATE.rows(found))

    def lateness(self, shop: str, kind: str, *, since: datetime) -> list[Lateness]:
        sql = f"{_LATE.select} WHERE shop=? AND kind=? AND found_at>=? ORDER BY found_at"
        with self._db.read() as c:
            return [_LATE.record(r) for r in fetch(c, sql, (shop, kind, ms(since)))]

    # ---- leases
    def acquire(self, name: str, *, holder: str, ttl_s: float) -> Lease | None:
        now = self._db.now_ms()
        with self._db.write(lasting=False) as c:
            kept = fetch(c, "SELECT token, until, holder FROM leases WHERE name=?", (name,))
            if kept and kept[0][1] > now and kept[0][2]:
                return None
            lease = Lease(
                name=name, holder=holder, token=(kept[0][0] if kept else 0) + 1, until=when(now + int(ttl_s * 1000)),
                host=socket.gethostname(), pid=os.getpid(), beat_at=when(now),
            )  # fmt: skip
            many(c, put(_LEASE, kept), [_LEASE.row(lease)])
        return lease

    def beat(self, lease: Lease, *, ttl_s: float) -> bool:
        now = self._db.now_ms()
        with self._db.write(lasting=False) as c:
            args = (now + int(ttl_s * 1000), now, lease.name, lease.token, lease.holder)
            return run(c, "UPDATE leases SET until=?, beat_at=? WHERE name=? AND token=? AND holder=?", args) == 1

    def _current(self, c: Any, lease: Lease) -> bool:
        return bool(
            fetch(
                c, "SELECT 1 FROM leases WHERE name=? AND token=? AND holder=?", (lease.name, lease.token, lease.holder)
            )
        )

    def holds(self, lease: Lease) -> bool:
        with self._db.read() as c:
            return self._current(c, lease)

    def free(self, lease: Lease) -> None:
        # The row stays, so that the token goes on rising.
        with self._db.write(lasting=False) as c:
            run(
                c,
                "UPDATE leases SET holder='', until=0 WHERE name=? AND token=? AND holder=?",
                (lease.name, lease.token, lease.holder),
            )

    def leases(self) -> list[Lease]:
        with self._db.read() as c:
            return [_LEASE.record(r) for r in fetch(c, f"{_LEASE.select} WHERE holder<>'' ORDER BY name")]

    def break_lease(self, name: str) -> Lease | None:
        with self._db.write() as c:
            kept = fetch(c, f"{_LEASE.select} WHERE name=? AND holder<>''", (name,))
            run(c, "UPDATE leases SET holder='', until=0, token=token+1 WHERE name=?", (name,))
        return _LEASE.record(kept[0]) if kept else None

    # ---- runs
    def put_run(self, run: Run) -> None:
        with self._db.write(lasting=False) as c:
            many(c, _RUN.upsert, [_RUN.row(run)])

    def runs(self, *, job: str = "", limit: int = 50) -> list[Run]:
        where, args = ("WHERE job=?", [job]) if job else ("", [])
        with self._db.read() as c:
            sql = f"{_RUN.select} {where} ORDER BY started_at DESC, run_id DESC LIMIT ?"
            return [_RUN.record(r) for r in fetch(c, sql, [*args, limit])]

    def run(self, run_id: str) -> Run | None:
        with self._db.read() as c:
            found = fetch(c, f"{_RUN.select} WHERE run_id=?", (run_id,))
        return _RUN.record(found[0]) if found else None

    def last_runs(self) -> dict[str, Run]:
        sql = (
            f"SELECT {', '.join('r.' + n for n in _RUN.columns)} FROM runs r JOIN (SELECT job AS name, max(started_at) AS newest "
            "FROM runs WHERE ended_at IS NOT NULL GROUP BY job) n ON r.job=n.name AND r.started_at=n.newest "
            "WHERE r.ended_at IS NOT NULL ORDER BY r.run_id"
        )
        with self._db.read() as c:
            return {r.job: r for r in (_RUN.record(row) for row in fetch(c, sql))}

    def tally_runs(self, since: datetime, until: datetime) -> list[RunTally]:
        sql = (
            "SELECT job, outcome, count(*), coalesce(max(ended_at-started_at), 0) FROM runs "
            "WHERE started_at>=? AND started_at<? GROUP BY job, outcome ORDER BY job, outcome"
        )
        with self._db.read() as c:
            found = fetch(c, sql, (ms(since), ms(until)))
        return [RunTally(job=job, outcome=word, runs=n, longest_s=longest / 1000) for job, word, n, longest in found]

    # ---- tokens, small values, audit
    def token(self, shop: str) -> Token | None:
        sql = "SELECT access, refresh, expires_at, refresh_expires_at, seller_id FROM tokens WHERE shop=?"
        with self._db.read() as c:
            found = fetch(c, sql, (shop,))
        if not found:
            return None
        access, refresh, ends, refresh_ends, seller = found[0]
        return Token(
            shop=shop, access=self._privacy.decrypt(access).decode(), refresh=self._privacy.decrypt(refresh).decode(),
            expires_at=when(ends), refresh_expires_at=when(refresh_ends), seller_id=seller,
        )  # fmt: skip

    def put_token(self, token: Token) -> None:
        seal = self._privacy.encrypt
        row = (
            token.shop, seal(token.access.encode()), seal(token.refresh.encode()), ms(token.expires_at),
            ms(token.refresh_expires_at), token.seller_id,
        )  # fmt: skip
        with self._db.write() as c:
            many(c, upsert_sql(tables.tokens, ("shop",)), [row])

    def swap(self, name: str, expect: str | None, value: str) -> bool:
        with self._db.write(lasting=False) as c:
            if expect is None:
                return (
                    run(
                        c,
                        "INSERT INTO small_values (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
                        (name, value),
                    )
                    == 1
                )
            return run(c, "UPDATE small_values SET value=? WHERE name=? AND value=?", (value, name, expect)) == 1

    def value(self, name: str) -> str | None:
        with self._db.read() as c:
            found = fetch(c, "SELECT value FROM small_values WHERE name=?", (name,))
        return found[0][0] if found else None

    def values(self, prefix: str) -> dict[str, str]:
        with self._db.read() as c:
            sql = "SELECT name, value FROM small_values WHERE substr(name, 1, ?) = ? ORDER BY name"
            return dict(fetch(c, sql, (len(prefix), prefix)))

    def audit(self, entries: Sequence[AuditEntry]) -> None:
        with self._db.write() as c:
            many(c, _AUDIT.insert, _AUDIT.rows(entries))

    def audit_trail(self, *, ref: str = "", limit: int = 200) -> list[AuditEntry]:
        where, args = ("WHERE ref=?", [ref]) if ref else ("", [])
        with self._db.read() as c:
            sql = f"{_AUDIT.select} {where} ORDER BY seq DESC LIMIT ?"
            return [_AUDIT.record(r) for r in fetch(c, sql, [*args, limit])]

    def dump(self) -> Iterator[tuple[str, dict[str, Any]]]:
        with self._db.read() as c:
            for table in tables.metadata.sorted_tables:
                if table.name == "tokens":
                    continue
                for row in dump_rows(c, table, leave_out=("claim_token", "claim_until")):
                    yield table.name, row

    def close(self) -> None:
        self._db.close()


def _later(old: datetime | None, new: datetime | None) -> datetime | None:
    if old is None or new is None:
        return new or old
    return max(old, new)
