"""Reading the settlement store: columns in bulk for the matching, sums and single rows for people."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy.engine import Connection

from sql.columns import loads, when
from sql.settlement import expectations, statement_lines, suspense
from sql.settlement import parked_rows as parked_table
from stores.contracts.settlement import Columns, OpenItems
from stores.database import chunks, fetch, marks, names
from stores.records.settlement import ParkedRow, Suspense
from stores.settlement_acts import suspense_record

_DAY = 86_400_000
#: first day of each age
AGES = ((0, "0-7"), (8, "8-15"), (16, "16-30"), (31, "31-60"), (61, "60+"))
_LINE = (
    "line_id", "kind", "order_ref", "refund_ref", "trade_ref", "amount_minor", "currency", "at", "status", "file_id", "occurrence",
)  # fmt: skip
_EXP = (
    "exp_id", "kind", "order_ref", "refund_ref", "group_ref", "amount_minor", "currency", "at", "status", "version",
)  # fmt: skip
_FREE_LINE = "NOT EXISTS (SELECT 1 FROM match_members m WHERE m.side='line' AND m.ref_id=line_id)"
_FREE_EXP = "NOT EXISTS (SELECT 1 FROM match_members m WHERE m.side='exp' AND m.ref_id=exp_id)"
#: matches whose expectation is another one now than was matched
_OUTDATED = (
    "SELECT DISTINCT m.match_id FROM expectations e JOIN match_members m ON m.side='exp' AND m.ref_id=e.exp_id "
    "JOIN matches USING (match_id) JOIN acts a USING (act_id) "
    "LEFT JOIN periods p ON p.account=a.account AND p.period=a.period AND p.state='confirmed' "
    "WHERE e.version > 1 AND e.version <> m.version AND p.account IS NULL"
)


def open_items(c: Connection, account: str, start: int, end: int) -> OpenItems:
    """See the contract."""
    outdated = frozenset(i for (i,) in fetch(c, f"{_OUTDATED} AND e.account=?", (account,)))
    loose = _loose(c, account, outdated)
    bound = {i for m in loose.values() for i in m[4]}
    lines = _open_lines(c, account) + _by_id(c, "statement_lines", _LINE, "line_id", bound)
    sql = f"SELECT {', '.join(_EXP)} FROM expectations WHERE account=? AND at>=? AND at<? AND {_FREE_EXP}"
    expected = fetch(c, sql, (account, start, end))
    there = {row[0] for row in expected}
    waiting = {i for (i,) in fetch(c, "SELECT ref_id FROM suspense WHERE account=? AND side='exp'", (account,))}
    wanted = (waiting | {i for m in loose.values() for i in m[5]}) - there
    expected += _by_id(c, "expectations", _EXP, "exp_id", wanted)
    return OpenItems(
        lines=_columns(_LINE, sorted(set(lines))),
        expected=_columns(_EXP, sorted(expected)),
        loose=loose,
        outdated=outdated,
    )


def _open_lines(c: Connection, account: str) -> list[tuple[Any, ...]]:
    """Lines of the account that belong to no match. Files lie in spans of line ids, so no index is needed."""
    out: list[tuple[Any, ...]] = []
    spans = fetch(
        c, "SELECT first_line, first_line + row_count - 1 FROM statement_files WHERE account=? AND row_count>0", (account,)
    )  # fmt: skip
    sql = f"SELECT {', '.join(_LINE)} FROM statement_lines WHERE line_id BETWEEN ? AND ? AND doubled_of=0 AND {_FREE_LINE}"
    for span in spans:
        out += fetch(c, sql, span)
    return out


def _loose(c: Connection, account: str, outdated: frozenset[int]) -> dict[int, Any]:
    """Matches of periods that are not confirmed whose sides differ, or whose expectation has changed."""
    differing = fetch(
        c,
        "SELECT m.match_id FROM suspense s JOIN match_members m ON m.side=s.side AND m.ref_id=s.ref_id JOIN matches USING (match_id) "
        "JOIN acts a ON a.act_id=matches.act_id "
        "LEFT JOIN periods p ON p.account=a.account AND p.period=a.period AND p.state='confirmed' "
        "WHERE s.account=? AND p.account IS NULL",
        (account,),
    )
    ids = sorted({i for (i,) in differing} | outdated)
    heads = {
        row[0]: row[1:]
        for part in chunks(ids, 500)
        for row in fetch(c, f"SELECT match_id, class_, pass_name, rule_id, delta_minor FROM matches WHERE match_id IN ({marks(len(part))})", part)
    }  # fmt: skip
    lines, exps = _members(c, ids)
    return {i: (*heads[i], tuple(lines.get(i, ())), tuple(exps.get(i, ()))) for i in ids}


def _members(c: Connection, match_ids: Sequence[int]) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    sides: dict[str, dict[int, list[int]]] = {"line": {}, "exp": {}}
    for part in chunks(match_ids, 500):
        sql = f"SELECT side, ref_id, match_id FROM match_members WHERE match_id IN ({marks(len(part))}) ORDER BY ref_id"
        for side, ref, match in fetch(c, sql, part):
            sides[side].setdefault(match, []).append(ref)
    return sides["line"], sides["exp"]


def _by_id(c: Connection, table: str, cols: Sequence[str], key: str, ids: Any) -> list[tuple[Any, ...]]:
    out: list[tuple[Any, ...]] = []
    for part in chunks(sorted(ids), 500):
        out += fetch(c, f"SELECT {', '.join(cols)} FROM {table} WHERE {key} IN ({marks(len(part))})", part)
    return out


def _columns(cols: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Columns:
    if not rows:
        return {("amount" if n == "amount_minor" else n): [] for n in cols}
    return {
        ("amount" if n == "amount_minor" else n): list(values)
        for n, values in zip(cols, zip(*rows, strict=True), strict=True)
    }


def settled_before(c: Connection, account: str, order_refs: Sequence[str]) -> dict[tuple[str, str, int], int]:
    out: dict[tuple[str, str, int], int] = {}
    for part in chunks(sorted(set(order_refs) - {""}), 500):
        sql = (
            "SELECT kind, order_ref, amount_minor, match_id FROM expectations JOIN match_members ON side='exp' AND "
            f"ref_id=exp_id WHERE account=? AND order_ref IN ({marks(len(part))})"
        )
        out |= {(k, r, a): m for k, r, a, m in fetch(c, sql, [account, *part])}
    return out


def outdated_accounts(c: Connection) -> list[str]:
    return [
        a
        for (a,) in fetch(c, f"SELECT DISTINCT account FROM acts WHERE act_id IN (SELECT act_id FROM matches WHERE match_id IN ({_OUTDATED}))")
    ]  # fmt: skip


# ------------------------------------------------------------------ for people


def lines(c: Connection, line_ids: Sequence[int]) -> list[dict[str, Any]]:
    cols = [n for n in names(statement_lines) if n != "fingerprint"]
    rows = _by_id(c, "statement_lines", cols, "line_id", set(line_ids))
    files = {row[1] for row in rows}
    heads = {i: loads(text) for i, text in _by_id(c, "statement_files", ("file_id", "raw_columns"), "file_id", files)}
    found = [dict(zip(cols, row, strict=True)) for row in rows]
    for line in found:
        line["raw"] = dict(zip(heads[line["file_id"]], loads(line["raw"]), strict=False))
        line["at"] = when(line["at"])
    return found


def expectations_of(c: Connection, exp_ids: Sequence[int]) -> list[dict[str, Any]]:
    cols = names(expectations)
    rows = _by_id(c, "expectations", cols, "exp_id", set(exp_ids))
    return [{**dict(zip(cols, row, strict=True)), "at": when(row[10]), "changed_at": when(row[13])} for row in rows]


def parked_rows(c: Connection, file_id: int) -> list[ParkedRow]:
    cols = names(parked_table)[1:]
    found = fetch(c, f"SELECT {', '.join(cols)} FROM parked_rows WHERE file_id=? ORDER BY row_no", (file_id,))
    return [ParkedRow(row_no=n, column=col, reason=why, cells=loads(cells)) for n, col, why, cells in found]


def _accounts(accounts: Sequence[str], column: str = "account") -> str:
    return f" AND {column} IN ({marks(len(accounts))})" if accounts else ""


def summary(c: Connection, accounts: Sequence[str], period: str) -> list[dict[str, Any]]:
    """Per account, period, class and currency; for matches what the lines state and what we expected."""
    args: list[Any] = list(accounts)
    more = _accounts(accounts, "a.account")
    if period:
        more, args = more + " AND a.period=?", [*args, period]
    sql = f"""
        WITH stated AS (SELECT m.match_id, sum(l.amount_minor) AS minor, count(*) AS n FROM match_members m
                        JOIN statement_lines l ON m.side='line' AND l.line_id=m.ref_id GROUP BY m.match_id),
             wanted AS (SELECT m.match_id, count(*) AS n FROM match_members m WHERE m.side='exp' GROUP BY m.match_id)
        SELECT a.account, a.period, x.class_, x.currency, count(*), coalesce(sum(s.n), 0), coalesce(sum(w.n), 0),
               coalesce(sum(s.minor), 0), coalesce(sum(s.minor), 0) - sum(x.delta_minor), sum(x.delta_minor)
        FROM matches x JOIN acts a USING (act_id) LEFT JOIN stated s USING (match_id) LEFT JOIN wanted w USING (match_id)
        WHERE 1=1{more} GROUP BY 1, 2, 3, 4"""
    cols = (
        "account",
        "period",
        "class",
        "currency",
        "count",
        "lines",
        "expected",
        "stated_minor",
        "expected_minor",
        "delta_minor",
    )
    rows = [dict(zip(cols, row, strict=True)) for row in fetch(c, sql, args)]
    sql = f"""
        SELECT account, period, class_, currency, count(*), sum(side='line'), sum(side='exp'),
               sum(CASE WHEN side='line' THEN amount_minor ELSE 0 END),
               sum(CASE WHEN side='exp' THEN amount_minor ELSE 0 END),
               sum(CASE WHEN side='line' THEN amount_minor ELSE -amount_minor END)
        FROM suspense a WHERE class_ NOT IN ('amount_differs', 'status_differs'){more} GROUP BY 1, 2, 3, 4"""
    rows += [dict(zip(cols, row, strict=True)) for row in fetch(c, sql, args)]
    return sorted(rows, key=lambda r: (r["account"], r["period"], r["class"], r["currency"]))


def aging(c: Connection, accounts: Sequence[str], now: int) -> list[dict[str, Any]]:
    """Open items by the days since they arose."""
    word = "CASE " + " ".join(
        f"WHEN (?1 - since) / {_DAY} < {after} THEN '{name}'" for (_, name), (after, _) in pairwise(AGES)
    )  # fmt: skip
    where = f" WHERE account IN ({','.join(f'?{n}' for n in range(2, 2 + len(accounts)))})" if accounts else ""
    sql = (
        f"SELECT account, class_, currency, {word} ELSE '{AGES[-1][1]}' END AS age, count(*), sum(amount_minor) "
        f"FROM suspense{where} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, min(?1 - since)"
    )
    cols = ("account", "class", "currency", "age", "count", "amount_minor")
    return [dict(zip(cols, row, strict=True)) for row in fetch(c, sql, [now, *accounts])]


def suspense_rows(
    c: Connection, accounts: Sequence[str], period: str, classes: Sequence[str], refs: Sequence[tuple[str, int]], due: int | None, limit: int
) -> list[Suspense]:  # fmt: skip
    where, args = "1=1" + _accounts(accounts), list[Any](accounts)
    if period:
        where, args = where + " AND period=?", [*args, period]
    if classes:
        where, args = where + f" AND class_ IN ({marks(len(classes))})", [*args, *classes]
    if due is not None:
        where, args = where + " AND recheck_at<=?", [*args, due]
    if refs:
        pairs = ",".join("(?, ?)" for _ in refs)
        where, args = where + f" AND (side, ref_id) IN (VALUES {pairs})", [*args, *(v for r in refs for v in r)]
    sql = (
        f"SELECT {', '.join(names(suspense))} FROM suspense WHERE {where} ORDER BY account, since, side, ref_id LIMIT ?"
    )
    return [suspense_record(row) for row in fetch(c, sql, [*args, limit])]


def matched(
    c: Connection, account: str, period: str, classes: Sequence[str], after: int, batch: int
) -> list[dict[str, Any]]:
    where, args = "a.account=? AND match_id>?", [account, after]
    if period:
        where, args = where + " AND a.period=?", [*args, period]
    if classes:
        where, args = where + f" AND class_ IN ({marks(len(classes))})", [*args, *classes]
    cols = ("match_id", "period", "class", "pass_name", "rule_id", "delta_minor", "currency")
    sql = (
        "SELECT match_id, a.period, class_, pass_name, rule_id, delta_minor, currency FROM matches JOIN acts a USING (act_id) "
        f"WHERE {where} ORDER BY match_id LIMIT ?"
    )
    found = [dict(zip(cols, row, strict=True)) for row in fetch(c, sql, [*args, batch])]
    of_lines, of_exps = _members(c, [m["match_id"] for m in found])
    stated = {x["line_id"]: x for x in lines(c, [i for v in of_lines.values() for i in v])}
    wanted = {x["exp_id"]: x for x in expectations_of(c, [i for v in of_exps.values() for i in v])}
    for m in found:
        m["lines"] = [stated[i] for i in of_lines.get(m["match_id"], ())]
        m["expected"] = [wanted[i] for i in of_exps.get(m["match_id"], ())]
    return found
