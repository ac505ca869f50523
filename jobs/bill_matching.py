"""One day's bill of one account against what is expected of it, through the matching, into the settlement's books."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs import matching
from jobs.env import Env, RunHandle
from jobs.errors import Busy
from jobs.rules import periods
from jobs.settling_match import rules_of
from jobs.settling_verdicts import Changes, Judge, Scope, sets
from stores.contracts import OpenItems
from stores.records import Lease
from stores.records.settlement import Act, NewMatch, PeriodState, Suspense, Verdicts

if TYPE_CHECKING:
    import pandas

#: days of bills are Beijing's, wherever the business is
ZONE = "Asia/Shanghai"
#: an act that met a change of the books is tried again so often
_TRIES = 3
_DAY_MS = 86_400_000
#: Beijing is so far ahead of UTC
_AHEAD_MS = 8 * 3_600_000


class Account(NamedTuple):
    """Whose bill it is: its name in the books, the channel's kind for the rules, and the kinds of lines that we expect."""

    name: str
    channel: str
    kinds: Collection[str]
    #: one trade may be told by a later day's bill
    cut: bool


def match_day(env: Env, run: RunHandle, account: Account, day: date, *, lease: Lease) -> list[Suspense]:
    """Match all that is open of an account, for a day; returns what newly stands open.

    Raises:
        Busy: another run took the account over, or the books do not stand still.
    """
    for _ in range(_TRIES):
        changes, verdicts = _verdicts(env, run, account, day)
        if verdicts is None:
            return []
        outcome = env.settlement.apply(verdicts, token=lease.token)
        if outcome.ok:
            for name, n in verdicts.act.counts.items():
                run.result.count(name, n)
            return list(changes.suspend)
        if outcome.result == "lost":
            raise Busy(f"{account.name}: another run took over")
        if outcome.result == "refused":
            run.result.count("confirmed_days")
            return []
    raise Busy(f"{account.name}: the books changed {_TRIES} times while they were read")


def _verdicts(env: Env, run: RunHandle, account: Account, day: date) -> tuple[Changes, Verdicts | None]:
    store, settings, period = env.settlement, env.settings.settlement, day.isoformat()
    rules = rules_of(env).of(account.channel)
    start, end = periods.span(period, ZONE)
    items = store.open_items(account.name, start=start - timedelta(seconds=settings.back), end=end + timedelta(days=1))
    lines, costs = _parted(items, account.kinds)
    seen = _seen(env, account.name, day, start, end)
    found = matching.match(lines, _frame(items.expected), rules, period=(_ms(start), _ms(end)), seen=seen)
    if account.cut:
        _cut_by_day(found, items)
    judge = Judge(
        Scope(account.name, period, _ms(start), _ms(end), env.clock.now(), timedelta(seconds=settings.recheck)), items,
        suspended={(s.side, s.ref_id): s for s in store.suspense(accounts=[account.name], limit=10**9)},
        refused=frozenset(s.suggestion_id for s in store.suggestions(account=account.name, state="refused", limit=10**9)),
        open_suggestions={s.suggestion_id: s for s in store.suggestions(account=account.name, limit=10**9)},
        settled=_settled(env, account.name, items, found), no_orders=frozenset(),
    )  # fmt: skip
    changes = judge.changes(sets(found), costs)
    known = any(p.period == period for p in store.periods(account=account.name))
    if not changes.any and known:
        return changes, None
    counts: dict[str, int] = {}
    for m in changes.matches:
        counts[m.class_] = counts.get(m.class_, 0) + 1
    for s in changes.suspend:
        if s.class_ not in ("amount_differs", "status_differs"):
            counts[s.class_] = counts.get(s.class_, 0) + 1
    versions = {i: v for i, v in zip(items.expected["exp_id"], items.expected["version"], strict=True) if v != 1}
    act = Act(
        kind="match",
        account=account.name,
        period=period,
        rules=rules.version,
        counts=counts,
        at=env.clock.now(),
        run_id=run.id,
    )
    state = PeriodState(account=account.name, period=period, start_at=start, end_at=end, state="matched")
    return changes, Verdicts(
        act=act, matches=changes.matches, versions=versions, dissolve=changes.dissolve, suspend=changes.suspend,
        resolve=changes.resolve, suggest=changes.suggest, period=None if known else state,
    )  # fmt: skip


def _seen(env: Env, account: str, day: date, start: datetime, end: datetime) -> tuple[int, int]:
    """The days whose bills are there: what is near an edge may stand on the next day's, until that was read."""

    def there(by: int) -> bool:
        return bool(env.settlement.files(account=account, period=(day + timedelta(days=by)).isoformat()))

    return _ms(start) - (_DAY_MS if there(-1) else 0), _ms(end) + (_DAY_MS if there(1) else 0)


def _parted(items: OpenItems, kinds: Collection[str]) -> tuple[pandas.DataFrame, list[NewMatch]]:
    """The lines that something is expected for, and the others: booked as they are, one match per kind."""
    frame = _frame(items.lines)
    keep = frame["kind"].isin(list(kinds)) & (frame["amount"] != 0)
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
        for (kind, currency), part in frame[~keep].groupby(["kind", "currency"])
    ]
    return frame[keep], costs


def _frame(columns: dict[str, list[Any]]) -> pandas.DataFrame:
    import pandas

    whole = {"line_id", "exp_id", "amount", "at", "file_id", "version"}
    made = pandas.DataFrame(
        {n: pandas.Series(v, dtype="int64" if n in whole else "object") for n, v in columns.items()}
    )
    # money on its way has no state to differ in yet
    made["status"] = made["status"].where(made["status"] != "pending", "")
    return made


def _cut_by_day(found: pandas.DataFrame, items: OpenItems) -> None:
    """A match whose two sides are of different days is cut by the day, however far apart the times are."""
    days = {
        side: {i: (at + _AHEAD_MS) // _DAY_MS for i, at in zip(table[key], table["at"], strict=True)}
        for side, key, table in (("line", "line_id", items.lines), ("exp", "exp_id", items.expected))
    }
    told: dict[int, dict[str, set[int]]] = {}
    matched = found[found["class"] == "matched"]
    for side, ref, match in zip(matched["side"], matched["id"], matched["match_id"], strict=True):
        told.setdefault(match, {"line": set(), "exp": set()})[side].add(days[side][ref])
    cut = [m for m, of in told.items() if of["line"] and of["exp"] and not of["line"] & of["exp"]]
    found.loc[found["match_id"].isin(cut), "class"] = "day_cut"


def _settled(env: Env, account: str, items: OpenItems, found: pandas.DataFrame) -> dict[tuple[str, str, int], int]:
    """Expectations of lines without a partner that an earlier matching gave to another line."""
    alone = set(found.loc[(found["class"] == "only_theirs") & (found["side"] == "line"), "id"].tolist())
    refs = sorted(
        {r for i, r in zip(items.lines["line_id"], items.lines["order_ref"], strict=True) if i in alone and r}
    )
    return env.settlement.settled_before(account, refs)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
