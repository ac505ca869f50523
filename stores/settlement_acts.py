"""Acts of the settlement store: what one changes is written together with what stood there before, and taken back by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from sql.columns import dumps, loads, ms, when
from sql.settlement import act_journal, acts, match_members, matches, periods, suggestions, suspense
from stores.database import chunks, fetch, insert_sql, many, marks, names, run, upsert_sql
from stores.records.base import replace
from stores.records.settlement import Act, NewMatch, PeriodState, Suggestion, Suspense, Verdicts

_ACT = names(acts)
SELECT_ACT = f"SELECT {', '.join(_ACT)} FROM acts"
#: tables whose rows an act may write over, by their keys
TABLES: dict[str, tuple[sa.Table, tuple[str, ...]]] = {
    "suspense": (suspense, ("side", "ref_id")),
    "suggestions": (suggestions, ("suggestion_id",)),
    "periods": (periods, ("account", "period")),
    "matches": (matches, ("match_id",)),
    "match_members": (match_members, ("side", "ref_id")),
}


class Journal:
    """Writes rows of one act, keeping what they replace."""

    def __init__(self, c: Connection, act_id: int) -> None:
        self._c, self._act, self._rows = c, act_id, list[tuple[Any, ...]]()

    def write(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Upsert rows in the order of the table's columns."""
        made, keys = TABLES[table]
        cols = names(made)
        places = [cols.index(k) for k in keys]
        self._remember(table, [tuple(row[p] for p in places) for row in rows])
        many(self._c, upsert_sql(made, keys), list(rows))

    def remove(self, table: str, keys: Sequence[tuple[Any, ...]]) -> None:
        self._remember(table, keys)
        where = " AND ".join(f"{k}=?" for k in TABLES[table][1])
        many(self._c, f"DELETE FROM {table} WHERE {where}", list(keys))

    def _remember(self, table: str, keys: Sequence[tuple[Any, ...]]) -> None:
        made, by = TABLES[table]
        cols = names(made)
        places = [cols.index(k) for k in by]
        there: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        for part in chunks(keys, 300):
            values = ",".join(f"({marks(len(by))})" for _ in part)
            sql = f"SELECT {', '.join(cols)} FROM {table} WHERE ({', '.join(by)}) IN (VALUES {values})"
            found = fetch(self._c, sql, [v for key in part for v in key])
            there |= {tuple(row[p] for p in places): row for row in found}
        self._rows += [(table, dumps(key), dumps(there[key]) if key in there else "") for key in keys]

    def close(self) -> None:
        rows = [(self._act, n, *row) for n, row in enumerate(self._rows)]
        many(self._c, insert_sql(act_journal), rows)


def act_row(act: Act, *, first_match: int = 0, after_match: int = 0) -> tuple[Any, ...]:
    values = {n: getattr(act, n, 0) for n in _ACT}
    values |= {"counts": dumps(act.counts), "at": ms(act.at), "first_match": first_match, "after_match": after_match}
    return tuple(values[n] for n in _ACT)


def act_record(row: Sequence[Any]) -> Act:
    values = dict(zip(_ACT, row, strict=True))
    values["counts"], values["at"] = loads(values["counts"]), when(values["at"])
    return Act(**{n: values[n] for n in Act.__struct_fields__})


def next_act(c: Connection) -> int:
    return int(fetch(c, "SELECT coalesce(max(act_id), 0) + 1 FROM acts")[0][0])


def write_act(c: Connection, verdicts: Verdicts) -> tuple[int, str]:
    """Write everything; returns (act_id, "") or (0, why not), after which the caller rolls back."""
    act_id = next_act(c)
    journal = Journal(c, act_id)
    # an id is never given twice while an act that spoke of it stands, else taking one back could hit another's
    first = int(fetch(c, "SELECT max((SELECT coalesce(max(match_id), 0) + 1 FROM matches), (SELECT coalesce(max(after_match), 0) FROM acts WHERE state='active'))")[0][0])  # fmt: skip
    missing = _dissolve(c, journal, verdicts.dissolve)
    if missing:
        return 0, missing
    why = _insert_matches(c, act_id, first, verdicts.matches, verdicts.versions)
    if why:
        return 0, why
    journal.remove("suspense", list(verdicts.resolve))
    journal.write("suspense", [_suspense_row(s, act_id) for s in verdicts.suspend])
    journal.write("suggestions", [_suggestion_row(s, act_id) for s in verdicts.suggest])
    if verdicts.period is not None:
        journal.write("periods", [_period_row(verdicts.period, act_id)])
    journal.close()
    many(c, insert_sql(acts), [act_row(replace(verdicts.act, act_id=act_id), first_match=first, after_match=first + len(verdicts.matches))])  # fmt: skip
    return act_id, ""


def _dissolve(c: Connection, journal: Journal, match_ids: Sequence[int]) -> str:
    """Remove matches with their members."""
    keys: list[tuple[Any, ...]] = []
    for part in chunks(match_ids, 500):
        there = fetch(c, f"SELECT match_id FROM matches WHERE match_id IN ({marks(len(part))})", part)
        if len(there) != len(part):
            return "match_gone"
        keys += fetch(c, f"SELECT side, ref_id FROM match_members WHERE match_id IN ({marks(len(part))})", part)
    journal.remove("match_members", keys)
    journal.remove("matches", [(m,) for m in match_ids])
    return ""


def _insert_matches(
    c: Connection, act_id: int, first: int, new: Sequence[NewMatch], versions: Mapping[int, int]
) -> str:
    """Write matches and members; says when a member belongs to another match already."""
    many(c, insert_sql(matches), [(n, act_id, *m[:5]) for n, m in enumerate(new, first)])
    members = [("line", i, n, 0) for n, m in enumerate(new, first) for i in m[5]]
    # in the order of their key, so that the tree grows at one end
    members.sort()
    exps = [("exp", i, n, versions.get(i, 1)) for n, m in enumerate(new, first) for i in m[6]]
    exps.sort()
    sql = "INSERT OR IGNORE INTO match_members (side, ref_id, match_id, version) VALUES (?, ?, ?, ?)"
    wrote = many(c, sql, exps) + many(c, sql, members)
    return "" if wrote == len(members) + len(exps) else "member_taken"


def _suspense_row(s: Suspense, act_id: int) -> tuple[Any, ...]:
    values = {n: getattr(s, n, act_id) for n in names(suspense)}
    values |= {"since": ms(s.since), "recheck_at": ms(s.recheck_at)}
    return tuple(values.values())


def suspense_record(row: Sequence[Any]) -> Suspense:
    values = dict(zip(names(suspense), row, strict=True))
    values.pop("act_id")
    return Suspense(**{**values, "since": when(values["since"]), "recheck_at": when(values["recheck_at"])})


def _suggestion_row(s: Suggestion, act_id: int) -> tuple[Any, ...]:
    values = {n: getattr(s, n, act_id) for n in names(suggestions)}
    return tuple({**values, "line_ids": dumps(s.line_ids), "exp_ids": dumps(s.exp_ids)}.values())


def suggestion_record(row: Sequence[Any]) -> Suggestion:
    values = dict(zip(names(suggestions), row, strict=True))
    values.pop("act_id")
    return Suggestion(
        **{**values, "line_ids": tuple(loads(values["line_ids"])), "exp_ids": tuple(loads(values["exp_ids"]))}
    )


def _period_row(p: PeriodState, act_id: int) -> tuple[Any, ...]:
    return (
        p.account, p.period, ms(p.start_at), ms(p.end_at), p.state, ms(p.confirmed_at) or 0, p.confirmed_by, act_id,
    )  # fmt: skip


def period_record(row: Sequence[Any]) -> PeriodState:
    account, period, start, end, state, confirmed, who, _ = row
    return PeriodState(
        account=account, period=period, start_at=when(start), end_at=when(end), state=state,
        confirmed_at=when(confirmed) if confirmed else None, confirmed_by=who,
    )  # fmt: skip


# ------------------------------------------------------------------ taking back


def built_on(c: Connection, act_id: int, span: tuple[int, int]) -> int:
    """A later act that wrote over something of this one; 0: none."""
    later = 0
    for table, key in fetch(c, "SELECT of_table, key FROM act_journal WHERE act_id=?", (act_id,)):
        if table == "match_members":
            continue
        where = " AND ".join(f"{k}=?" for k in TABLES[table][1])
        now = fetch(c, f"SELECT act_id FROM {table} WHERE {where}", loads(key))
        if table != "matches" and now and now[0][0] != act_id:
            later = max(later, now[0][0])
    sql = "SELECT max(act_id) FROM act_journal WHERE act_id>? AND of_table='matches' AND CAST(json_extract(key, '$[0]') AS INTEGER) BETWEEN ? AND ?"
    gone = fetch(c, sql, (act_id, span[0], span[1] - 1))[0][0]
    sql = "SELECT max(act_id) FROM act_journal WHERE act_id>? AND (of_table, key) IN (SELECT of_table, key FROM act_journal WHERE act_id=? AND of_table<>'match_members')"
    over = fetch(c, sql, (act_id, act_id))[0][0]
    return max(later, gone or 0, over or 0)


def take_back(c: Connection, act_id: int, span: tuple[int, int]) -> None:
    """Remove what an act made and put back what it replaced, newest first."""
    run(c, "DELETE FROM match_members WHERE match_id>=? AND match_id<?", span)
    run(c, "DELETE FROM matches WHERE match_id>=? AND match_id<? AND act_id=?", (*span, act_id))
    rows = fetch(c, "SELECT of_table, key, was FROM act_journal WHERE act_id=? ORDER BY seq DESC", (act_id,))
    for table, key, was in rows:
        made, by = TABLES[table]
        if was:
            run(c, upsert_sql(made, by), loads(was))
        else:
            run(c, f"DELETE FROM {table} WHERE {' AND '.join(f'{k}=?' for k in by)}", loads(key))
    run(c, "DELETE FROM act_journal WHERE act_id=?", (act_id,))
    run(c, "UPDATE acts SET state='undone' WHERE act_id=?", (act_id,))
