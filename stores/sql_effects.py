"""Alerts, tasks and effects of the ledger on a SQL database."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import msgspec

from sql import ledger as tables
from stores.database import Database, chunks, claimable, fetch, insert_sql, many, marks, run
from stores.records import Alert, Effect, Outcome, Task
from stores.rows import Rows, put

_ALERT = Rows(tables.alerts, Alert, rename={"count": "times"})
_TASK = Rows(tables.tasks, Task)
_EFFECT = Rows(tables.effects, Effect, rename={"group": "group_key"})
#: what is not finished; in these words, since the index of the table has the same
_OPEN = "kind=? AND shop=? AND state IN ('intent', 'accepted', 'unknown', 'sent')"
#: groups with something due of which nobody holds a part
_DUE_GROUPS = (
    f"SELECT group_key FROM effects WHERE {_OPEN} GROUP BY group_key "
    "HAVING max(claim_until)<=? AND min(coalesce(next_at, 0))<=? ORDER BY group_key LIMIT ?"
)


class EffectRows:
    """Part of `stores.contracts.Ledger`."""

    _db: Database

    # ---- tasks
    def add_tasks(self, tasks: Sequence[Task]) -> list[Outcome]:
        with self._db.write() as c:
            known = _known(c, "tasks", [t.key for t in tasks])
            fresh = {t.key: t for t in tasks if t.key not in known}
            many(c, _TASK.insert, [_TASK.row(t) for t in fresh.values()])
        return [Outcome(key=t.key, result="already" if t.key in known else "done") for t in tasks]

    def due_tasks(self, kind: str, *, limit: int, lease_s: float, worker: str) -> list[Task]:
        now = self._db.now_ms()
        with self._db.write(lasting=False) as c:
            where = "kind=? AND state='waiting' AND due_at<=? AND coalesce(claim_until, 0)<=?"
            found = [
                _TASK.record(r)
                for r in claimable(
                    c, f"{_TASK.select} WHERE {where} ORDER BY due_at, key LIMIT ?", (kind, now, now, limit)
                )
            ]
            sql = "UPDATE tasks SET claim_until=?, attempts=attempts+1 WHERE key=?"
            many(c, sql, [(now + int(lease_s * 1000), t.key) for t in found])
        return found

    def settle_tasks(self, done: Sequence[tuple[str, str, str]]) -> list[Outcome]:
        with self._db.write() as c:
            known = _known(c, "tasks", [k for k, _, _ in done])
            many(c, "UPDATE tasks SET state=?, reason=?, claim_until=NULL WHERE key=?", [(s, r, k) for k, s, r in done])
        return [
            Outcome(key=k, result="done" if k in known else "refused", reason="" if k in known else "unknown_key")
            for k, _, _ in done
        ]

    # ---- alerts
    def raise_alert(self, alert: Alert) -> Alert:
        with self._db.write() as c:
            kept = fetch(c, f"{_ALERT.select} WHERE key=?", (alert.key,))
            if kept:
                old = _ALERT.record(kept[0])
                # Once acknowledged, the same trouble is a new one: somebody is told again.
                again = old.acked_at is not None
                alert = msgspec.structs.replace(
                    alert, count=1 if again else old.count + 1, first_at=alert.first_at if again else old.first_at,
                    notified_at=None if again else old.notified_at,
                )  # fmt: skip
            many(c, put(_ALERT, kept), [_ALERT.row(alert)])
        return alert

    def alerts(self, *, open_only: bool = True, limit: int = 200) -> list[Alert]:
        where = "WHERE acked_at IS NULL" if open_only else ""
        with self._db.read() as c:
            return [
                _ALERT.record(r)
                for r in fetch(c, f"{_ALERT.select} {where} ORDER BY last_at DESC, key LIMIT ?", (limit,))
            ]

    def ack_alerts(self, keys: Sequence[str], *, by: str) -> list[Outcome]:
        with self._db.write() as c:
            known = _known(c, "alerts", keys)
            many(
                c,
                "UPDATE alerts SET acked_at=?, acked_by=? WHERE key=? AND acked_at IS NULL",
                [(self._db.now_ms(), by, k) for k in keys],
            )
        return [
            Outcome(key=k, result="done" if k in known else "refused", reason="" if k in known else "unknown_key")
            for k in keys
        ]

    def mark_notified(self, key: str) -> None:
        with self._db.write() as c:
            run(c, "UPDATE alerts SET notified_at=? WHERE key=?", (self._db.now_ms(), key))

    # ---- effects
    def intend(self, effects: Sequence[Effect]) -> list[Outcome]:
        with self._db.write() as c:
            known = _known(c, "effects", [e.key for e in effects])
            fresh = {e.key: e for e in effects if e.key not in known}
            many(
                c,
                insert_sql(tables.effects, [*_EFFECT.columns, "claim_token", "claim_until"]),
                [(*_EFFECT.row(e), "", 0) for e in fresh.values()],
            )
        return [Outcome(key=e.key, result="already" if e.key in known else "done") for e in effects]

    def claim_effects(
        self, kind: str, *, shop: str, limit: int, lease_s: float, worker: str
    ) -> tuple[str, list[Effect]]:
        token, now = secrets.token_hex(12), self._db.now_ms()
        with self._db.write(lasting=False) as c:
            groups = [g for (g,) in fetch(c, _DUE_GROUPS, (kind, shop, now, now, limit))]
            found: list[Effect] = []
            for part in chunks(groups, 400):
                where = f"{_OPEN} AND group_key IN ({marks(len(part))}) ORDER BY group_key, key"
                found += [_EFFECT.record(r) for r in fetch(c, f"{_EFFECT.select} WHERE {where}", (kind, shop, *part))]
            # A `sent` row that can be claimed lost its answer with its sender.
            found = [msgspec.structs.replace(e, state="unknown") if e.state == "sent" else e for e in found]
            sql = "UPDATE effects SET claim_token=?, claim_until=?, state=?, attempts=attempts+1 WHERE key=?"
            many(c, sql, [(token, now + int(lease_s * 1000), e.state, e.key) for e in found])
        return token, found

    def mark_sent(self, token: str, keys: Sequence[str]) -> list[Outcome]:
        now = self._db.now_ms()
        with self._db.write() as c:
            mine = _claimed(c, token, keys)
            many(
                c,
                "UPDATE effects SET state='sent', sent_at=? WHERE key=? AND claim_token=?",
                [(now, k, token) for k in keys if k in mine],
            )
        return [Outcome(key=k, result="done" if k in mine else "lost") for k in keys]

    def settle_effects(self, token: str, results: Sequence[Effect]) -> list[Outcome]:
        final = ("confirmed", "refused", "parked", "void")
        now = self._db.now_ms()
        with self._db.write() as c:
            mine = _claimed(c, token, [e.key for e in results])
            sql = (
                "UPDATE effects SET state=?, answer=?, poll=?, next_at=?, payload=?, settled_at=?, claim_token='', claim_until=0 "
                "WHERE key=? AND claim_token=?"
            )
            many(
                c, sql,
                [
                    (e.state, e.answer, e.poll, _EFFECT.value("next_at", e.next_at), _EFFECT.value("payload", e.payload),
                     now if e.state in final else None, e.key, token)
                    for e in results if e.key in mine
                ],
            )  # fmt: skip
        return [Outcome(key=e.key, result="done" if e.key in mine else "lost") for e in results]

    def effects(
        self, *, kind: str = "", shop: str = "", state: str = "", refs: Sequence[str] = (), keys: Sequence[str] = (),
        limit: int = 500, after: str = "",
    ) -> list[Effect]:  # fmt: skip
        parts, args = ["key>?"], [after]
        for name, value in (("kind", kind), ("shop", shop), ("state", state)):
            if value:
                parts.append(f"{name}=?")
                args.append(value)
        for name, values in (("ref", refs), ("key", keys)):
            if values:
                parts.append(f"{name} IN ({marks(len(values))})")
                args += values
        with self._db.read() as c:
            return [
                _EFFECT.record(r)
                for r in fetch(c, f"{_EFFECT.select} WHERE {' AND '.join(parts)} ORDER BY key LIMIT ?", [*args, limit])
            ]

    def void_effects(self, keys: Sequence[str], *, reason: str) -> list[Outcome]:
        return self._turn(keys, ("intent",), "void", reason)

    def retry_effects(self, keys: Sequence[str]) -> list[Outcome]:
        return self._turn(keys, ("parked", "refused"), "intent", "")

    def _turn(self, keys: Sequence[str], allowed: Sequence[str], to: str, answer: str) -> list[Outcome]:
        now = self._db.now_ms()
        with self._db.write() as c:
            held: dict[str, str] = {}
            for part in chunks(keys, 500):
                sql = f"SELECT key, state, claim_until FROM effects WHERE key IN ({marks(len(part))})"
                held |= {k: state if until <= now else "claimed" for k, state, until in fetch(c, sql, part)}
            chosen = [k for k in keys if held.get(k) in allowed]
            sql = "UPDATE effects SET state=?, answer=?, next_at=NULL, settled_at=? WHERE key=?"
            many(c, sql, [(to, answer, now if to == "void" else None, k) for k in chosen])
        return [
            Outcome(
                key=k,
                result="done" if k in chosen else "already" if held.get(k) == to else "refused",
                reason=held.get(k, "unknown_key"),
            )
            for k in keys
        ]


def _known(c: Any, table: str, keys: Sequence[str]) -> set[str]:
    out: set[str] = set()
    for part in chunks(keys, 500):
        out |= {k for (k,) in fetch(c, f"SELECT key FROM {table} WHERE key IN ({marks(len(part))})", part)}
    return out


def _claimed(c: Any, token: str, keys: Sequence[str]) -> set[str]:
    out: set[str] = set()
    for part in chunks(keys, 500):
        out |= {
            k
            for (k,) in fetch(
                c, f"SELECT key FROM effects WHERE claim_token=? AND key IN ({marks(len(part))})", (token, *part)
            )
        }
    return out
