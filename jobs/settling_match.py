"""Matching what is open of an account: gather, match, hold against the books, write one act."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from jobs import matching
from jobs.errors import Busy, JobError
from jobs.matching import tolerances
from jobs.rules import periods
from jobs.settling_expect import Maker
from jobs.settling_import import layouts
from jobs.settling_verdicts import Changes, Found, Judge, Scope, sets
from stores.contracts import OpenItems
from stores.records import Lease
from stores.records.settlement import Act, NewMatch, PeriodState, Verdicts

if TYPE_CHECKING:
    import pandas

    from jobs.env import Env, RunHandle
    from jobs.matching.tolerances import Rules

#: an act that met a change of the books is tried again so often
_TRIES = 3
_FEES = ("commission", "service_fee")


def rules_of(env: Env) -> Rules:
    """The tolerance rules of the settings.

    Raises:
        BadFile: the file is no rules; says which line and what to write.
    """
    path = env.settings.settlement.rules
    return tolerances.read(env.root / path) if path else tolerances.NONE


def match_account(env: Env, run: RunHandle, account: str, period: str, *, lease: Lease) -> int:
    """Match all that is open of an account, for a period. Returns the act's id, 0 when nothing changed.

    Raises:
        Busy: another run took the account over.
    """
    rules = rules_of(env).of(env.settings.shops[account].platform)
    start, end = periods.span(period, env.settings.business.zone)
    for _ in range(_TRIES):
        verdicts = _verdicts(env, run, account, period, start, end, rules)
        if verdicts is None:
            return 0
        outcome = env.settlement.apply(verdicts, token=lease.token)
        if outcome.ok:
            for name, n in verdicts.act.counts.items():
                run.result.count(name, n)
            return outcome.version
        if outcome.result == "lost":
            raise Busy(f"settlement of {account}: another run took over")
        if outcome.result == "refused":
            raise JobError(f"period {period} of {account} is {outcome.reason}", hint="oms settle show")
    raise Busy(f"settlement of {account}: the books changed {_TRIES} times while they were read")


def _verdicts(
    env: Env, run: RunHandle, account: str, period: str, start: datetime, end: datetime, rules: Rules
) -> Verdicts | None:
    settings, now = env.settings.settlement, env.clock.now()
    items = env.settlement.open_items(
        account, start=start - timedelta(seconds=settings.back), end=end + timedelta(seconds=settings.ahead)
    )
    files = env.settlement.files(account=account)
    until = max((_ms(f.last_at) for f in files if f.last_at), default=_ms(end))
    first = min((_ms(f.first_at) for f in files if f.first_at), default=_ms(start))
    own, orderless = _own_kinds(env, account, items)
    theirs, costs, strange = _parted(items, own)
    expected = _frame(items.expected)
    _apart(theirs, expected)
    seen = (min(first, _ms(start)), max(until, _ms(end)))
    scope = Scope(account, period, _ms(start), _ms(end), now, timedelta(seconds=settings.recheck))
    matched = _matched(theirs, expected, rules, (_ms(start), _ms(end)), seen)
    suspended = {(s.side, s.ref_id): s for s in env.settlement.suspense(accounts=[account], limit=10**9)}
    alone = [f.lines[0] for f in matched if f.class_ == "only_theirs" and f.lines]
    judge = Judge(
        scope, items, suspended=suspended,
        refused=frozenset(s.suggestion_id for s in env.settlement.suggestions(account=account, state="refused", limit=10**9)),
        open_suggestions={s.suggestion_id: s for s in env.settlement.suggestions(account=account, limit=10**9)},
        settled=env.settlement.settled_before(account, _refs(items, alone)), no_orders=orderless,
    )  # fmt: skip
    changes = judge.changes(chain(matched, strange), costs)
    known = any(p.period == period for p in env.settlement.periods(account=account))
    if not changes.any and known:
        return None
    return _act(env, run, items, changes, scope, rules, start, end, known=known)


def _act(
    env: Env, run: RunHandle, items: OpenItems, changes: Changes, scope: Scope, rules: Rules, start: datetime, end: datetime, *, known: bool
) -> Verdicts:  # fmt: skip
    counts: dict[str, int] = {}
    for m in changes.matches:
        counts[m.class_] = counts.get(m.class_, 0) + (len(m.line_ids) if not m.exp_ids else 1)
    for s in changes.suspend:
        if s.class_ not in ("amount_differs", "status_differs"):
            counts[s.class_] = counts.get(s.class_, 0) + 1
    if changes.resolve:
        counts["explained"] = len(changes.resolve)
    versions = {i: v for i, v in zip(items.expected["exp_id"], items.expected["version"], strict=True) if v != 1}
    period = PeriodState(account=scope.account, period=scope.period, start_at=start, end_at=end, state="matched")
    return Verdicts(
        act=Act(kind="match", account=scope.account, period=scope.period, rules=rules.version, counts=counts, at=scope.now, run_id=run.id),
        matches=changes.matches, versions=versions, dissolve=changes.dissolve, suspend=changes.suspend, resolve=changes.resolve,
        suggest=changes.suggest, period=None if known else period,
        rules=(f"{rules.version[:20]}:{rules.hash[:40]}", json.dumps([list(r) for r in rules.rules], ensure_ascii=False)),
    )  # fmt: skip


def _ms(at: datetime | None) -> int:
    return int(at.timestamp() * 1000) if at else 0


def _refs(items: OpenItems, line_ids: Sequence[int]) -> list[str]:
    wanted = set(line_ids)
    return [r for i, r in zip(items.lines["line_id"], items.lines["order_ref"], strict=True) if i in wanted]


def _own_kinds(env: Env, account: str, items: OpenItems) -> tuple[dict[int, frozenset[str]], frozenset[int]]:
    """file_id → kinds of its lines that are matched; and the lines of layouts that name no orders."""
    known = layouts(env)
    rated = {r.kind for r in Maker(env).rates(account)}
    files = {f.file_id: known.get(f.layout) for f in env.settlement.files(account=account)}
    own = {
        i: (x.own_kinds if x else frozenset(("goods", "refund", "freight", "subsidy"))) | rated
        for i, x in files.items()
    }
    nameless = {i for i, x in files.items() if x is not None and "order" not in x.fields}
    lines = frozenset(n for n, f in zip(items.lines["line_id"], items.lines["file_id"], strict=True) if f in nameless) if nameless else frozenset()  # fmt: skip
    return own, lines


def _matched(
    theirs: pandas.DataFrame, expected: pandas.DataFrame, rules: Rules, period: tuple[int, int], seen: tuple[int, int]
) -> list[Found]:
    """What is due is matched first, with itself; then what is left of the lines with what is not due, or must not come:
    a refund that was refused must not spoil the sum of its order."""
    due = expected["status"] == "settled"
    first = matching.match(theirs, expected[due], rules, period=period, seen=seen)
    rest = expected[~due].copy()
    sided = first.loc[first["side"] == "exp", "match_id"]
    left = first[(first["side"] == "line") & ~first["match_id"].isin(sided) & (first["class"] != "doubled")]
    if not len(left) or not len(rest):
        return list(sets(first))
    # what is not due yet has no status to differ in
    rest["status"] = rest["status"].where(rest["status"] != "pending", "")
    second = matching.match(theirs[theirs["line_id"].isin(left["id"])], rest, rules, period=period, seen=seen)
    return [*sets(first[~first["match_id"].isin(left["match_id"])]), *sets(second)]


def _apart(theirs: pandas.DataFrame, expected: pandas.DataFrame) -> None:
    """Where fees stand in lines of their own, a cent of one must not spoil the sum of its order's money: each gets an
    order of its own. A statement that tells net amounts is left alone, there the fees are part of the sum."""
    if not theirs["kind"].isin(_FEES).any():
        return
    for frame in (theirs, expected):
        fee = frame["kind"].isin(_FEES) & (frame["order_ref"] != "")
        frame.loc[fee, "order_ref"] = frame.loc[fee, "order_ref"] + "\x1ffees"
    expected.loc[expected["kind"].isin(_FEES), "group_ref"] = ""


def _parted(items: OpenItems, own: dict[int, frozenset[str]]) -> tuple[pandas.DataFrame, list[NewMatch], list[Found]]:
    """The lines to be matched; costs and lines that say nothing, booked as they are, one match per kind; and those of
    which nobody knows what they are: they stand open, whatever they say."""
    import numpy as np

    frame = _frame(items.lines)
    kinds, files = frame["kind"].astype("category"), frame["file_id"].astype("category")
    table = np.array(
        [[k in own.get(f, frozenset()) for k in kinds.cat.categories] for f in files.cat.categories], dtype=bool
    )
    keep = table[files.cat.codes, kinds.cat.codes] if len(frame) else np.zeros(0, dtype=bool)
    zero = (frame["amount"] == 0).to_numpy()
    amount = frame["amount"]
    # a refund that comes to us, a sale that leaves us: whatever it is, it is not what the layout takes it for
    turned = ((frame["kind"] == "refund") & (amount > 0)) | ((frame["kind"] == "goods") & (amount < 0))
    strange = ((frame["kind"] == "other") | turned).to_numpy() & ~zero
    # the same row with the same number once more within its file: whatever it is, it is not counted twice
    again = ((frame["occurrence"] > 0) & (frame["trade_ref"] != "")).to_numpy() & keep & ~zero & ~strange
    rest = frame[(~keep | zero) & ~strange]
    costs = [
        NewMatch(
            "not_an_order",
            f"cost.{kind}",
            "",
            int(part["amount"].sum()),
            str(currency),
            tuple(part["line_id"].tolist()),
            (),
        )
        for (kind, currency), part in rest.groupby(["kind", "currency"], observed=True)
    ]
    alone = [Found("only_theirs", "kind", "", n, (i,), ()) for i, n in zip(frame["line_id"][strange], frame["amount"][strange], strict=True)]  # fmt: skip
    alone += [Found("doubled", "repeat", "", n, (i,), ()) for i, n in zip(frame["line_id"][again], frame["amount"][again], strict=True)]  # fmt: skip
    theirs = frame[keep & ~zero & ~strange & ~again].copy()
    # what the buyer paid for the way is part of what the order expects
    theirs["kind"] = theirs["kind"].where(theirs["kind"] != "freight", "goods")
    return theirs, costs, alone


def _frame(columns: dict[str, list[Any]]) -> pandas.DataFrame:
    import pandas

    whole = {"line_id", "exp_id", "amount", "at", "file_id", "version", "occurrence"}
    made = {n: pandas.Series(v, dtype="int64" if n in whole else "object") for n, v in columns.items()}
    for name in ("kind", "currency", "status"):
        made[name] = made[name].astype("str")
    return pandas.DataFrame(made)
