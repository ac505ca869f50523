"""The inbox on a SQL database. Documents and raw bytes hold personal data, so they lie encrypted."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sql.columns import dumps, loads, ms, when
from sql.inbox import inbox_payload, inbox_state, metadata
from stores.database import (
    Clock,
    chunks,
    claimable,
    dump_rows,
    fetch,
    insert_sql,
    many,
    marks,
    open_database,
    run,
    upsert_sql,
)
from stores.errors import NotFound
from stores.privacy import Privacy
from stores.records import InboxEntry, InboxItem, Outcome

_COLUMNS = (
    "key", "kind", "platform", "seller_id", "shop", "number", "modified_at", "hash", "status", "reason", "facts",
    "first_seen_at", "seen_at", "attempts",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM inbox_state"
_INSERT = insert_sql(inbox_state)
#: put before the token of a claim whose entry changed meanwhile: what its worker read is no longer the newest
_OUTDATED = "~"
_CHANGE = "UPDATE inbox_state SET shop=?, modified_at=?, hash=?, status=?, reason=?, facts='{}', seen_at=?, attempts=0, claim_token=?, claim_until=0 WHERE key=?"
_SEEN = "UPDATE inbox_state SET seen_at=? WHERE key=?"
_PAYLOAD = upsert_sql(inbox_payload, ("key",))
#: modified_at, hash, status, claim_token
_Known = tuple[int, str, str, str]


class SqlInbox:
    """See `stores.contracts.Inbox`."""

    def __init__(self, url: str, *, clock: Clock, privacy: Privacy) -> None:
        self._db = open_database(url, metadata, "inbox", clock)
        self._privacy = privacy

    def put(self, items: Sequence[InboxItem]) -> list[Outcome]:
        now = self._db.now_ms()
        newest: dict[str, InboxItem] = {}
        for item in items:
            held = newest.get(item.key)
            if held is None or item.modified_at >= held.modified_at:
                newest[item.key] = item
        with self._db.write() as c:
            known = self._versions(c, list(newest))
            results = {key: _verdict(item, known.get(key)) for key, item in newest.items()}
            fresh = [newest[k] for k, r in results.items() if r == "new"]
            changed = [newest[k] for k, r in results.items() if r == "changed"]
            many(c, _INSERT, [_state(i, now) for i in fresh])
            many(
                c, _CHANGE,
                [
                    (i.shop, ms(i.modified_at), i.hash, "parked" if i.parked else "waiting", i.parked, now,
                     _outdated(known[i.key][3]), i.key)
                    for i in changed
                ],
            )  # fmt: skip
            seal = self._privacy.encrypt
            many(c, _PAYLOAD, [(i.key, seal(i.document), seal(i.raw)) for i in [*fresh, *changed]])
            many(c, _SEEN, [(now, k) for k, r in results.items() if r in ("same", "older")])
        return [
            Outcome(
                key=i.key, result="done" if results[i.key] in ("new", "changed") else "already", reason=results[i.key]
            )
            for i in items
        ]

    def _versions(self, c: Any, keys: Sequence[str]) -> dict[str, _Known]:
        out: dict[str, _Known] = {}
        for part in chunks(keys, 500):
            sql = (
                f"SELECT key, modified_at, hash, status, claim_token FROM inbox_state WHERE key IN ({marks(len(part))})"
            )
            out |= {k: (m, h, s, t) for k, m, h, s, t in fetch(c, sql, part)}
        return out

    def versions(self, keys: Sequence[str]) -> dict[str, tuple[datetime, str]]:
        with self._db.read() as c:
            return {k: (when(m), s) for k, (m, _, s, _) in self._versions(c, keys).items()}

    def claim(
        self, kind: str, *, limit: int, lease_s: float, worker: str, shops: Sequence[str] = (), after: str = ""
    ) -> tuple[str, list[InboxEntry]]:
        token, now = f"{secrets.token_hex(12)}", self._db.now_ms()
        with self._db.write(lasting=False) as c:
            found = self._waiting(c, kind, limit, shops, after, now, read=claimable)
            sql = "UPDATE inbox_state SET claim_token=?, claim_until=?, attempts=attempts+1 WHERE key=?"
            many(c, sql, [(token, now + int(lease_s * 1000), row[0]) for row in found])
            documents = self._documents(c, [row[0] for row in found])
        return token, [self._entry(row, documents.get(row[0], b"")) for row in found]

    def peek(self, kind: str, *, limit: int, shops: Sequence[str] = (), after: str = "") -> list[InboxEntry]:
        with self._db.read() as c:
            found = self._waiting(c, kind, limit, shops, after, self._db.now_ms())
            documents = self._documents(c, [row[0] for row in found])
        return [self._entry(row, documents.get(row[0], b"")) for row in found]

    def _waiting(
        self,
        c: Any,
        kind: str,
        limit: int,
        shops: Sequence[str],
        after: str,
        now: int,
        read: Callable[..., Any] = fetch,
    ) -> list[tuple[Any, ...]]:
        where = "status='waiting' AND kind=? AND key>? AND claim_until<=?"
        args: list[Any] = [kind, after, now]
        if shops:
            where += f" AND shop IN ({marks(len(shops))})"
            args += shops
        found: list[tuple[Any, ...]] = read(c, f"{_SELECT} WHERE {where} ORDER BY key LIMIT ?", [*args, limit])
        return found

    def _documents(self, c: Any, keys: Sequence[str]) -> dict[str, bytes]:
        out: dict[str, bytes] = {}
        for part in chunks(keys, 500):
            sql = f"SELECT key, document FROM inbox_payload WHERE key IN ({marks(len(part))})"
            out |= {k: self._privacy.decrypt(d) for k, d in fetch(c, sql, part)}
        return out

    def settle(self, token: str, done: Sequence[tuple[str, str, str, Mapping[str, Any]]]) -> list[Outcome]:
        out: list[Outcome] = []
        rows = []
        with self._db.write(lasting=False) as c:
            held: dict[str, str] = {}
            for part in chunks([d[0] for d in done], 500):
                sql = f"SELECT key, claim_token FROM inbox_state WHERE claim_token IN (?, ?) AND key IN ({marks(len(part))})"
                held |= dict(fetch(c, sql, [token, _OUTDATED + token, *part]))
            for key, status, reason, facts in done:
                if held.get(key) == token:
                    rows.append((status, reason, dumps(facts), key, token))
                    out.append(Outcome(key=key, result="done"))
                else:
                    out.append(Outcome(key=key, result="changed" if key in held else "lost"))
            sql = "UPDATE inbox_state SET status=?, reason=?, facts=?, claim_token='', claim_until=0 WHERE key=? AND claim_token=?"
            many(c, sql, rows)
        return out

    def get(self, keys: Sequence[str]) -> dict[str, InboxEntry]:
        out: dict[str, InboxEntry] = {}
        with self._db.read() as c:
            for part in chunks(keys, 500):
                found = fetch(c, f"{_SELECT} WHERE key IN ({marks(len(part))})", part)
                documents = self._documents(c, [row[0] for row in found])
                out |= {row[0]: self._entry(row, documents.get(row[0], b"")) for row in found}
        return out

    def raw(self, key: str) -> bytes:
        with self._db.read() as c:
            found = fetch(c, "SELECT raw FROM inbox_payload WHERE key=?", (key,))
        if not found or not found[0][0]:
            raise NotFound(f"raw payload of {key!r}")
        return self._privacy.decrypt(found[0][0])

    def parked(
        self, *, kinds: Sequence[str] = (), shops: Sequence[str] = (), limit: int = 500, after: str = ""
    ) -> list[InboxEntry]:
        where, args = "status='parked' AND key>?", [after]
        for name, values in (("kind", kinds), ("shop", shops)):
            if values:
                where += f" AND {name} IN ({marks(len(values))})"
                args += values
        with self._db.read() as c:
            return [
                self._entry(row) for row in fetch(c, f"{_SELECT} WHERE {where} ORDER BY key LIMIT ?", [*args, limit])
            ]

    def replay(self, keys: Sequence[str]) -> list[Outcome]:
        with self._db.write() as c:
            held: dict[str, str] = {}
            for part in chunks(keys, 500):
                held |= dict(fetch(c, f"SELECT key, status FROM inbox_state WHERE key IN ({marks(len(part))})", part))
            sql = (
                "UPDATE inbox_state SET status='waiting', reason='', facts='{}', attempts=0, claim_until=0 WHERE key=?"
            )
            many(c, sql, [(k,) for k in keys if held.get(k) == "parked"])
        verdict = {"parked": "done", "waiting": "already"}
        return [
            Outcome(key=k, result=verdict.get(held.get(k, ""), "refused"), reason="" if k in held else "unknown_key")
            for k in keys
        ]

    def counts(self) -> dict[tuple[str, str, str], int]:
        with self._db.read() as c:
            return {
                (s, k, t): n
                for s, k, t, n in fetch(c, "SELECT shop, kind, status, count(*) FROM inbox_state GROUP BY 1, 2, 3")
            }

    def oldest_waiting(self) -> datetime | None:
        with self._db.read() as c:
            found = fetch(c, "SELECT min(seen_at) FROM inbox_state WHERE status='waiting'")
        oldest: int | None = found[0][0]
        return when(oldest)

    def scan(self, kind: str, *, shops: Sequence[str] = (), batch: int = 500) -> Iterator[list[InboxEntry]]:
        after = ""
        extra = f" AND shop IN ({marks(len(shops))})" if shops else ""
        while True:
            with self._db.read() as c:
                found = fetch(
                    c, f"{_SELECT} WHERE kind=? AND key>?{extra} ORDER BY key LIMIT ?", [kind, after, *shops, batch]
                )
            if not found:
                return
            after = found[-1][0]
            yield [self._entry(row) for row in found]

    def expire_raw(self, older_than: timedelta, *, dry_run: bool = False) -> int:
        limit = self._db.now_ms() - older_than // timedelta(milliseconds=1)
        if dry_run:
            with self._db.read() as c:
                sql = "SELECT count(*) FROM inbox_payload JOIN inbox_state USING (key) WHERE status='pushed' AND seen_at<?"
                return int(fetch(c, sql, (limit,))[0][0])
        with self._db.write() as c:
            return run(
                c,
                "DELETE FROM inbox_payload WHERE key IN (SELECT key FROM inbox_state WHERE status='pushed' AND seen_at<?)",
                (limit,),
            )

    def dump(self) -> Iterator[tuple[str, dict[str, Any]]]:
        with self._db.read() as c:
            for row in dump_rows(c, inbox_state, leave_out=("claim_token", "claim_until")):
                yield "inbox_state", row
            for row in dump_rows(c, inbox_payload):
                clear = {n: self._privacy.decrypt(row[n]).decode(errors="replace") for n in ("document", "raw")}
                yield "inbox_payload", {**row, **clear}

    def close(self) -> None:
        self._db.close()

    def _entry(self, row: Sequence[Any], document: bytes = b"") -> InboxEntry:
        values = dict(zip(_COLUMNS, row, strict=True))
        for name in ("modified_at", "first_seen_at", "seen_at"):
            values[name] = when(values[name])
        values["facts"] = loads(values["facts"])
        return InboxEntry(**values, document=document)


def _outdated(token: str) -> str:
    return _OUTDATED + token if token and not token.startswith(_OUTDATED) else token


def _verdict(item: InboxItem, known: _Known | None) -> str:
    if known is None:
        return "new"
    modified, content, *_ = known
    at = ms(item.modified_at)
    if at < modified:
        return "older"
    # An unreadable sighting of the version we hold in readable form adds nothing.
    return "same" if content == item.hash or (item.parked and at == modified) else "changed"


def _state(item: InboxItem, now: int) -> tuple[Any, ...]:
    return (
        item.key, item.kind, item.platform, item.seller_id, item.shop, item.number, ms(item.modified_at), item.hash,
        "parked" if item.parked else "waiting", item.parked, "{}", now, now, 0, "", 0,
    )  # fmt: skip
