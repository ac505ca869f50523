"""The same matching said once more, row by row with lists and dicts: slow, and easy to check by reading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from jobs.matching.tolerances import DAY_MS, Rule, Rules


@dataclass
class Row:
    side: str
    id: int
    kind: str
    order: str
    refund: str
    #: trade of a line, group of an expected row
    other: str
    amount: int
    currency: str
    at: int
    status: str
    match: Match | None = field(default=None, repr=False)

    @property
    def signed(self) -> int:
        return self.amount if self.side == "line" else -self.amount

    @property
    def twin(self) -> Hashable:
        """Two lines of one kind and amount are the same line told twice if this is the same."""
        return self.other or self.at


@dataclass
class Match:
    rows: list[Row]
    cls: str
    by: str
    rule: str = ""


class Slow:
    """One matching."""

    def __init__(self, rows: list[Row], rules: Rules, period: tuple[int, int], seen: tuple[int, int]) -> None:
        self.rows, self.rules, self.period, self.seen = rows, rules, period, seen
        self.made: list[Match] = []

    def run(self) -> list[Match]:
        self._find_orders()
        self._exact(lambda r: (r.order, r.refund, r.kind, r.currency, r.amount), name="exact")
        self._exact(lambda r: (r.order, r.kind, r.currency, r.amount), name="exact.order")
        self._sums_per_kind()
        self._agreeing(lambda r: (r.order, r.currency), "order")
        cluster = self._clusters()
        has = [r for r in self.rows if r.order in cluster]
        self._agreeing(lambda r: (cluster[r.order], r.kind, r.currency), "group.kind", has)
        self._agreeing(lambda r: (cluster[r.order], r.currency), "group", has)
        self._tolerance()
        for unit in self._units():
            if _two_sided(unit):
                self._take(unit, "amount_differs", "line")
        self._one_sided()
        for match in self.made:
            self._refine(match)
        return self.made

    # -------------------------------------------------------------- helpers

    def _take(self, rows: Iterable[Row], cls: str, by: str, rule: str = "") -> None:
        match = Match(list(rows), cls, by, rule)
        assert all(r.match is None for r in match.rows)
        for row in match.rows:
            row.match = match
        self.made.append(match)

    def _sets(self, key: Callable[[Row], Hashable], rows: list[Row] | None = None) -> list[list[Row]]:
        found: dict[Hashable, list[Row]] = defaultdict(list)
        for row in self.rows if rows is None else rows:
            if row.match is None and row.order:
                found[key(row)].append(row)
        return list(found.values())

    def _units(self) -> Iterable[list[Row]]:
        """Rows of one order, refund, kind and currency; then again without the refund, where one side names none."""
        yield from self._sets(lambda r: (r.order, r.refund, r.kind, r.currency))
        for unit in self._sets(lambda r: (r.order, r.kind, r.currency)):
            if _agreeing_refunds(unit):
                yield unit

    def _find_orders(self) -> None:
        """A line that names its refund only belongs to the one order of that refund."""
        orders: dict[str, set[str]] = defaultdict(set)
        for row in self.rows:
            if row.side == "exp" and row.order and row.refund:
                orders[row.refund].add(row.order)
        for row in self.rows:
            if row.side == "line" and not row.order and len(orders[row.refund]) == 1:
                row.order = min(orders[row.refund])

    # --------------------------------------------------------------- passes

    def _exact(self, key: Callable[[Row], Hashable], *, name: str) -> None:
        wild = name == "exact.order"
        for rows in self._sets(key):
            lines, exps = _split(rows)
            if not lines or not exps or (wild and not _agreeing_refunds(rows)):
                continue
            if len(lines) == len(exps) and not (wild and len(lines) > 1):
                self._take(rows, "matched", name)
            elif len(lines) > len(exps) and len({r.twin for r in lines}) <= len(exps):
                lines = _first_told(lines)
                self._take(lines[: len(exps)] + exps, "matched", "exact")
                for line in lines[len(exps) :]:
                    self._take([line], "doubled", "doubled")

    def _sums_per_kind(self) -> None:
        for unit in self._units():
            if not _two_sided(unit):
                continue
            if _delta(unit) == 0:
                self._take(unit, "matched", "order.kind")
                continue
            lines, exps = _split(unit)
            told: dict[Hashable, Row] = {}
            for line in sorted(lines, key=lambda r: (r.at, r.id)):
                told.setdefault((line.amount, line.twin), line)
            once = list(told.values())
            again = [r for r in lines if all(r is not o for o in once)]
            if again and _delta(once + exps) == 0:
                self._take(once + exps, "matched", "order.kind")
                for line in again:
                    self._take([line], "doubled", "doubled")

    def _agreeing(self, key: Callable[[Row], Hashable], name: str, rows: list[Row] | None = None) -> None:
        for found in self._sets(key, rows):
            if _two_sided(found) and _delta(found) == 0:
                self._take(found, "matched", name)

    def _clusters(self) -> dict[str, int]:
        """Order → a number that it shares with every order it is chained to by parcel groups."""
        wanted = {r.order for r in self.rows if r.match is None and r.order}
        pairs = {(r.order, r.other) for r in self.rows if r.side == "exp" and r.other and r.order in wanted}
        label = {order: n for n, order in enumerate(sorted({o for o, _ in pairs}))}
        for _ in range(len(label) + 1):
            for (o1, g1), (o2, g2) in product(pairs, pairs):
                if g1 == g2:
                    label[o1] = label[o2] = min(label[o1], label[o2])
        return label

    def _tolerance(self) -> None:
        for wild in (False, True):
            key = (
                (lambda r: (r.order, r.kind, r.currency))
                if wild
                else (lambda r: (r.order, r.refund, r.kind, r.currency))
            )
            units = [u for u in self._sets(key) if _two_sided(u) and (not wild or _agreeing_refunds(u))]
            for unit in units:
                self._nearest(unit)
            for unit in units:
                self._tolerated_sum([r for r in unit if r.match is None])
            for unit in units:
                self._suggest([r for r in unit if r.match is None])

    def _nearest(self, unit: list[Row]) -> None:
        while True:
            pairs = self._partners([r for r in unit if r.match is None])
            near: dict[int, int] = {}
            for line, exp, apart, _ in pairs:
                for row in (line, exp):
                    near[id(row)] = min(near.get(id(row), apart), apart)
            count: dict[int, int] = defaultdict(int)
            for line, exp, apart, _ in pairs:
                for row in (line, exp):
                    count[id(row)] += apart == near[id(row)]
            chosen = [
                (line, exp, rule)
                for line, exp, apart, rule in pairs
                if apart == near[id(line)] == near[id(exp)] and count[id(line)] == count[id(exp)] == 1
            ]
            if not chosen:
                return
            for line, exp, rule in chosen:
                self._take([line, exp], rule.gives if rule else "matched", "tolerance", rule.id if rule else "")

    def _partners(self, rows: list[Row]) -> list[tuple[Row, Row, int, Rule | None]]:
        found = []
        for line, exp in product(*_split(rows)):
            delta = line.amount - exp.amount
            rule = self._rule(delta, exp.amount, line.at - exp.at, exp)
            if rule or not delta:
                found.append((line, exp, abs(delta), rule))
        return found

    def _rule(self, delta: int, ours: int, later: int, like: Row) -> Rule | None:
        for rule in self.rules.rules:
            if (
                rule.amount_from <= delta <= rule.amount_to
                and -rule.days_before * DAY_MS <= later <= rule.days_after * DAY_MS
                and (not rule.kinds or like.kind in rule.kinds)
                and (not rule.currencies or like.currency in rule.currencies)
                and (rule.percent_bp is None or abs(delta) * 10_000 <= rule.percent_bp * abs(ours))
            ):
                return rule
        return None

    def _tolerated_sum(self, rows: list[Row]) -> None:
        lines, exps = _split(rows)
        if lines and exps and len(rows) > 2:
            later = min(r.at for r in lines) - min(r.at for r in exps)
            rule = self._rule(_delta(rows), sum(r.amount for r in exps), later, rows[0])
            if rule:
                self._take(rows, rule.gives, "tolerance", rule.id)

    def _suggest(self, rows: list[Row]) -> None:
        hangs: dict[int, set[int]] = defaultdict(set)
        by_id = {id(r): r for r in rows}
        for line, exp, _, _ in self._partners(rows):
            hangs[id(line)].add(id(exp))
            hangs[id(exp)].add(id(line))
        while hangs:
            found, waiting = set(), [next(iter(hangs))]
            while waiting:
                one = waiting.pop()
                if one not in found:
                    found.add(one)
                    waiting += hangs.pop(one)
                    hangs.pop(one, None)
                    waiting = [w for w in waiting if w not in found]
            self._take([by_id[i] for i in found], "suggested", "ambiguous")

    def _one_sided(self) -> None:
        for row in [r for r in self.rows if r.match is None]:
            near = self._near(row.at)
            if row.side == "line" and not row.order:
                self._take([row], "not_an_order", "rest")
            elif near:
                self._take([row], "day_cut", "edge")
            else:
                self._take([row], "only_theirs" if row.side == "line" else "only_ours", "rest")

    def _near(self, at: int) -> bool:
        edge, (start, end), (first, last) = self.rules.day_cut_ms, self.period, self.seen
        return (abs(at - start) <= edge and first >= start) or (abs(at - end) <= edge and last <= end)

    def _refine(self, match: Match) -> None:
        lines, exps = _split(match.rows)
        if match.cls != "matched" or not lines or not exps:
            return
        theirs, ours = ({self.period[0] <= r.at < self.period[1] for r in s} for s in (lines, exps))
        times = [r.at for r in match.rows]
        if len(theirs) == len(ours) == 1 and theirs != ours and max(times) - min(times) <= self.rules.day_cut_ms:
            match.cls = "day_cut"
        states = [{r.status for r in s} - {""} for s in (lines, exps)]
        if len(states[0]) == len(states[1]) == 1 and states[0] != states[1]:
            match.cls = "status_differs"


def _split(rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    rows = list(rows)
    return [r for r in rows if r.side == "line"], [r for r in rows if r.side == "exp"]


def _two_sided(rows: Iterable[Row]) -> bool:
    return all(_split(rows))


def _delta(rows: Iterable[Row]) -> int:
    return sum(r.signed for r in rows)


def _agreeing_refunds(rows: Iterable[Row]) -> bool:
    return not all(any(r.refund for r in side) for side in _split(rows))


def _first_told(lines: list[Row]) -> list[Row]:
    """Those told for the first time first, each group by time."""
    told: dict[Hashable, int] = defaultdict(int)
    ranked: list[tuple[tuple[int, int, int], Row]] = []
    for line in sorted(lines, key=lambda r: (r.at, r.id)):
        ranked.append(((told[line.twin], line.at, line.id), line))
        told[line.twin] += 1
    return [line for _, line in sorted(ranked, key=lambda pair: pair[0])]


def deltas(match: Match) -> list[int]:
    """What the match's rows carry: one difference, in a cluster one per order; sorted, without zeros."""
    if match.by.startswith("group"):
        parts: dict[str, int] = defaultdict(int)
        for row in match.rows:
            parts[row.order] += row.signed
        found: Iterable[Any] = parts.values()
    else:
        found = [_delta(match.rows)]
    return sorted(d for d in found if d)
