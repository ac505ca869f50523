"""From what the matching says to what is written: new matches, what stands open, what is explained now.

A matching looks at everything that is open, so most of what it says is known already. Only what differs from the books
is written; where nothing does, there is nothing to write.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from stores.contracts import OpenItems
from stores.records.base import replace
from stores.records.settlement import NewMatch, Suggestion, Suspense

if TYPE_CHECKING:
    import pandas

#: matches whose sides differ: written as matches, and open beside it
_DIFFERS = ("amount_differs", "status_differs")
#: money that is always some order's: without one it is not a movement of the account, it is theirs alone
_SOMEBODYS = ("goods", "freight", "refund")


class Scope(NamedTuple):
    """What a matching was for."""

    account: str
    period: str
    #: of the period: only what was due in it is missed
    start_ms: int
    end_ms: int
    now: datetime
    recheck: timedelta


class Found(NamedTuple):
    """One set of rows that belong together, as the matching says."""

    class_: str
    pass_name: str
    rule_id: str
    delta: int
    lines: tuple[int, ...]
    exps: tuple[int, ...]


class Changes(NamedTuple):
    """What is to be written."""

    matches: list[NewMatch]
    dissolve: tuple[int, ...]
    suspend: tuple[Suspense, ...]
    resolve: tuple[tuple[str, int], ...]
    suggest: tuple[Suggestion, ...]

    @property
    def any(self) -> bool:
        return bool(self.matches or self.dissolve or self.suspend or self.resolve or self.suggest)


def sets(frame: pandas.DataFrame) -> Iterator[Found]:
    """The matching's rows by match; they stand together in the frame."""
    columns = (
        frame["side"].tolist(), frame["id"].tolist(),
        frame["match_id"].tolist(), frame["class"].tolist(), frame["pass_name"].tolist(), frame["rule_id"].tolist(), frame["delta"].tolist(),
    )  # fmt: skip
    lines: list[int] = []
    exps: list[int] = []
    head: tuple[Any, ...] | None = None
    delta = 0
    for side, ref, match, cls, by, rule, part in zip(*columns, strict=True):
        if head is not None and head[0] != match:
            yield Found(head[1], head[2], head[3], delta, tuple(sorted(lines)), tuple(sorted(exps)))
            lines, exps, delta = [], [], 0
        head = (match, cls, by, rule)
        (lines if side == "line" else exps).append(ref)
        delta += part
    if head is not None:
        yield Found(head[1], head[2], head[3], delta, tuple(sorted(lines)), tuple(sorted(exps)))


class Judge:
    """Holds one matching's result against the books."""

    def __init__(
        self, scope: Scope, items: OpenItems, *, suspended: Mapping[tuple[str, int], Suspense], refused: frozenset[str],
        open_suggestions: Mapping[str, Suggestion], settled: Mapping[tuple[str, str, int], int], no_orders: frozenset[int],
    ) -> None:  # fmt: skip
        self._scope, self._items = scope, items
        self._suspended, self._refused, self._suggested = suspended, refused, open_suggestions
        self._settled, self._no_orders = settled, no_orders
        self._line = {i: n for n, i in enumerate(items.lines["line_id"])}
        self._exp = {i: n for n, i in enumerate(items.expected["exp_id"])}
        self._loose = {(m[4], m[5]): (k, m) for k, m in items.loose.items()}
        self._kept: set[int] = set()
        self._new: list[NewMatch] = []
        self._open: dict[tuple[str, int], Suspense] = {}
        self._suggest: list[Suggestion] = []

    def changes(self, found: Iterator[Found], costs: Sequence[NewMatch]) -> Changes:
        """What differs from the books."""
        self._new += costs
        for one in found:
            self._take(one)
        dissolve = tuple(sorted(self._items.loose.keys() - self._kept))
        opened = {key: self._renewed(key, item) for key, item in sorted(self._open.items())}
        suspend = tuple(item for key, item in opened.items() if item != self._suspended.get(key))
        looked = {("line", i) for i in self._line} | {("exp", i) for i in self._exp}
        resolve = tuple(sorted(k for k in self._suspended if k not in self._open and k in looked))
        return Changes(self._new, dissolve, suspend, resolve, tuple(self._suggest))

    def _take(self, one: Found) -> None:
        if one.class_ == "suggested":
            self._suggestion(one)
        elif one.lines and one.exps and self._is_alike(one):
            self._match(one)
        elif one.lines and one.exps:
            self._part(one)
        elif one.class_ == "not_an_order" and not self._is_somebodys(one):
            self._book(one)
        else:
            for line in one.lines:
                cls = "only_theirs" if one.class_ == "not_an_order" else one.class_
                self._suspend("line", line, self._doubled(line) or cls)
            for exp in one.exps:
                self._suspend("exp", exp, one.class_)

    def _is_alike(self, one: Found) -> bool:
        """Sums over kinds need one in common: a subsidy alone is no sale, whatever its amount."""
        stated = {self._items.lines["kind"][self._line[i]] for i in one.lines}
        wanted = {self._items.expected["kind"][self._exp[i]] for i in one.exps}
        return bool(stated & wanted) or ("freight" in stated and "goods" in wanted)

    def _part(self, one: Found) -> None:
        for line in one.lines:
            self._suspend("line", line, self._doubled(line) or "only_theirs")
        for exp in one.exps:
            self._suspend("exp", exp, "only_ours")

    def _match(self, one: Found) -> None:
        if one.class_ == "day_cut" and all(self._items.expected["status"][self._exp[i]] == "pending" for i in one.exps):
            # what is not due has no day yet that could be cut
            one = one._replace(class_="matched")
        known = self._loose.get((one.lines, one.exps))
        same = known is not None and known[1][:4] == (one.class_, one.pass_name, one.rule_id, one.delta)
        # of an outdated one the books hold another version than the one that was looked at now
        if known is not None and same and known[0] not in self._items.outdated:
            self._kept.add(known[0])
        else:
            self._book(one)
        if one.class_ in _DIFFERS:
            self._suspend("line", one.lines[0], one.class_, one.delta)

    def _book(self, one: Found) -> None:
        at, table = (
            (self._line[one.lines[0]], self._items.lines)
            if one.lines
            else (self._exp[one.exps[0]], self._items.expected)
        )
        currency = table["currency"][at]
        self._new.append(NewMatch(one.class_, one.pass_name, one.rule_id, one.delta, currency, one.lines, one.exps))

    def _is_somebodys(self, one: Found) -> bool:
        return any(
            self._items.lines["kind"][self._line[i]] in _SOMEBODYS and i not in self._no_orders for i in one.lines
        )

    def _doubled(self, line: int) -> str:
        """Theirs once more, where the first of it was matched by an earlier run."""
        at, lines = self._line[line], self._items.lines
        key = (lines["kind"][at], lines["order_ref"][at], lines["amount"][at])
        return "doubled" if lines["order_ref"][at] and key in self._settled else ""

    def _suggestion(self, one: Found) -> None:
        told = ",".join(map(str, (*one.lines, 0, *one.exps)))
        made = hashlib.blake2b(f"{self._scope.account}:{told}".encode(), digest_size=9).hexdigest()
        if made in self._refused:
            for line in one.lines:
                self._suspend("line", line, "only_theirs")
            for exp in one.exps:
                self._suspend("exp", exp, "only_ours")
            return
        if made not in self._suggested:
            at = self._line[one.lines[0]] if one.lines else 0
            self._suggest.append(
                Suggestion(
                    suggestion_id=made, account=self._scope.account, period=self._scope.period, pass_name=one.pass_name,
                    rule_id=one.rule_id, delta_minor=one.delta, currency=self._items.lines["currency"][at],
                    line_ids=one.lines, exp_ids=one.exps,
                )
            )  # fmt: skip
        for line in one.lines:
            self._suspend("line", line, "suggested")
        for exp in one.exps:
            self._suspend("exp", exp, "suggested")

    def _suspend(self, side: str, ref: int, cls: str, amount: int | None = None) -> None:
        table = self._items.lines if side == "line" else self._items.expected
        at = (self._line if side == "line" else self._exp)[ref]
        known = self._suspended.get((side, ref))
        if side == "exp" and not self._is_missed(table, at, known):
            return
        if cls == "day_cut" and known is not None and known.class_ in ("only_theirs", "only_ours"):
            # the next file was there already and did not have it: seen from another period that is no cut of the day
            cls = known.class_
        scope = self._scope
        since = datetime.fromtimestamp(table["at"][at] // 1000, UTC) + timedelta(milliseconds=table["at"][at] % 1000)
        self._open[side, ref] = Suspense(
            side=side, ref_id=ref, account=scope.account, period=known.period if known else scope.period, class_=cls,
            kind=table["kind"][at], order_ref=table["order_ref"][at], amount_minor=table["amount"][at] if amount is None else amount,
            currency=table["currency"][at], since=since, recheck_at=known.recheck_at if known else scope.now + scope.recheck,
            checks=known.checks if known else 0, owner=known.owner if known else "", reason=known.reason if known else "",
        )  # fmt: skip

    def _is_missed(self, table: Mapping[str, list[Any]], at: int, known: Suspense | None) -> bool:
        """Ours alone is missed only when it was due within the period; what stood open before stays so."""
        if table["status"][at] != "settled":
            return False
        scope = self._scope
        return known is not None or scope.start_ms <= table["at"][at] < scope.end_ms

    def _renewed(self, key: tuple[str, int], s: Suspense) -> Suspense:
        """Looked at again at its time: the next look is due later."""
        scope = self._scope
        if key in self._suspended and s.recheck_at <= scope.now:
            return replace(s, checks=s.checks + 1, recheck_at=scope.now + scope.recheck)
        return s
