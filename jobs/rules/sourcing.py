"""Which place ships an order: rules rank the places or abstain, ties go to the next rule, at last to the lower name.

All from one place when any place can; else split over as few places as do, each part worth its parcel. An order line is
never split: a platform takes one waybill per line. Nothing here knows more stock than the tally it is given, and the
tally is drawn down as orders are placed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import combinations, pairwise, permutations
from typing import Any, NamedTuple

from stores.records import FullOrder, Region

#: a split is looked for among this many places, the best ranked
WIDTH = 12
_KINDS = {"warehouse": 0, "store": 1, "factory": 2}
#: endings of Chinese place names, the longest first: 浙江省 and 浙江 are one place
_ENDINGS = (
    "维吾尔自治区",
    "壮族自治区",
    "回族自治区",
    "特别行政区",
    "自治区",
    "自治州",
    "地区",
    "省",
    "市",
    "区",
    "县",
)


class Place(NamedTuple):
    """A warehouse, store or factory."""

    name: str
    kind: str = "warehouse"
    regions: frozenset[str] = frozenset()
    excludes: frozenset[str] = frozenset()
    priority: int = 100
    #: pieces of each SKU that are never promised
    safety: int = 0


class Need(NamedTuple):
    """One ship line that wants a place."""

    ship_no: int
    line_no: int
    sku: str
    qty: int
    value_minor: int


class Choice(NamedTuple):
    """Where an order's ship lines come from, or why from nowhere.

    `parts`: ((place, needs), ...), empty when nothing was chosen. `reason`: ``source.single``, ``source.split``;
    ``source.shortage`` (there is too little), ``source.split_guard`` (there is enough, but only in parts that may not
    be), ``source.no_place`` (no place serves that region).
    """

    parts: tuple[tuple[str, tuple[Need, ...]], ...]
    reason: str
    facts: dict[str, Any]
    #: pieces missing per SKU
    missing: dict[str, int]


class Limits(NamedTuple):
    """What a split must keep to."""

    split: bool = True
    split_min_minor: int = 0
    max_parts: int = 3


class Tally:
    """Pieces that may still be promised, per place and SKU; drawn down as orders are placed."""

    def __init__(self, levels: Iterable[tuple[str, str, int]], places: Sequence[Place]) -> None:
        self._safety = {p.name: p.safety for p in places}
        self._left: dict[tuple[str, str], int] = {}
        self.learn(levels)

    def learn(self, levels: Iterable[tuple[str, str, int]]) -> None:
        """Take in levels of more SKUs."""
        left, safety = self._left, self._safety
        for warehouse, sku, pieces in levels:
            if warehouse in safety:
                free = pieces - safety[warehouse]
                left[warehouse, sku] = free if free > 0 else 0

    def left(self, place: str, sku: str) -> int:
        return self._left.get((place, sku), 0)

    def has(self, place: str, wanted: Iterable[tuple[str, int]]) -> bool:
        """Whether a place has all of these pieces, each SKU named once."""
        left = self._left
        for sku, qty in wanted:  # noqa: SIM110 - asked for each place of each order; a generator takes longer than the answer
            if left.get((place, sku), 0) < qty:
                return False
        return True

    def take(self, place: str, needs: Iterable[Need]) -> None:
        """Draw down what was chosen."""
        left = self._left
        for need in needs:
            key = (place, need.sku)
            left[key] = left.get(key, 0) - need.qty


class Question(NamedTuple):
    """What the rules are asked: which of these places should ship these lines there."""

    region: Region
    #: per order line
    lines: tuple[tuple[Need, ...], ...]
    tally: Tally


#: gives every place a rank (lower is better), or abstains
Rule = Callable[[Question, Sequence[Place]], Sequence[int] | None]


def fewest_parcels(question: Question, places: Sequence[Place]) -> Sequence[int] | None:
    """By the lines a place would leave to others."""
    return [len(question.lines) - len(_covered(question.tally, p.name, question.lines)) for p in places]


def region(question: Question, places: Sequence[Place]) -> Sequence[int] | None:
    """Serves the district before the city, the province, everywhere, elsewhere. Abstains without an address."""
    where = _names(question.region)
    if not any(where) or not any(p.regions for p in places):
        return None
    return [_distance(where, p.regions) for p in places]


def kind(question: Question, places: Sequence[Place]) -> Sequence[int] | None:
    """Warehouses before stores before factories."""
    return [_KINDS.get(p.kind, len(_KINDS)) for p in places]


def priority(question: Question, places: Sequence[Place]) -> Sequence[int] | None:
    """By the settings' number, the smaller first."""
    return [p.priority for p in places]


def stock_depth(question: Question, places: Sequence[Place]) -> Sequence[int] | None:
    """Where the scarcest of the wanted SKUs is deepest, so that no place is run dry for another's sake."""
    skus = {need.sku for line in question.lines for need in line}
    return [-min(question.tally.left(p.name, s) for s in skus) for p in places]


#: rules that look at no stock
_STEADY = frozenset({"region", "kind", "priority"})
RULES: dict[str, Rule] = {
    "fewest_parcels": fewest_parcels,
    "region": region,
    "kind": kind,
    "priority": priority,
    "stock_depth": stock_depth,
}


def rank(question: Question, places: Sequence[Place], rules: Sequence[str]) -> tuple[list[Place], str]:
    """Places, the best first, and the name of the rule that set the first apart (``name`` at last)."""
    ranks = [(n, got) for n in rules if (got := RULES[n](question, places)) is not None]
    keys = {p.name: (*(got[i] for _, got in ranks), p.name) for i, p in enumerate(places)}
    ordered = sorted(places, key=lambda p: keys[p.name])
    if len(ordered) < 2:
        return ordered, "only_place"
    first, second = keys[ordered[0].name], keys[ordered[1].name]
    decided = next((name for (name, _), a, b in zip(ranks, first, second, strict=False) if a != b), "name")
    return ordered, decided


def best(
    question: Question, places: Sequence[Place], rules: Sequence[str], decided: str = "only_place"
) -> tuple[Place, str]:
    """The first of `rank`, without ranking the others: each rule narrows the choice until one place is left.

    `decided`: the rule that has narrowed it to these places so far.
    """
    left, decided = _narrowed(question, places, rules, decided)
    if len(left) == 1:
        return left[0], decided
    return min(left, key=lambda p: p.name), "name"


def _narrowed(
    question: Question, places: Sequence[Place], rules: Sequence[str], decided: str
) -> tuple[Sequence[Place], str]:
    left = places
    for name in rules:
        if len(left) == 1:
            break
        got = RULES[name](question, left)
        if got is not None:
            low = min(got)
            fewer = [p for p, r in zip(left, got, strict=True) if r == low]
            left, decided = fewer, decided if len(fewer) == len(left) else name
    return left, decided


def needs_of(full: FullOrder) -> tuple[Need, ...]:
    """The open ship lines of an order, by number."""
    needs = [Need(s.ship_no, s.line_no, s.sku, s.qty, s.value_minor) for s in full.ship_lines if s.status == "open"]
    needs.sort()
    return tuple(needs)


def choose(
    needs: Sequence[Need], where: Region, places: Sequence[Place], tally: Tally, rules: Sequence[str], limits: Limits
) -> Choice:
    """Choose the places of one order. The tally is read, not drawn down: see `Tally.take`.

    Args:
        needs: at least one, each with a SKU.
        places: the enabled ones.
        rules: names in `RULES`, the first weighs most.
    """
    names = _names(where)
    serving = [p for p in places if not p.excludes or not _matches(names, p.excludes)]
    if not serving:
        return Choice((), "source.no_place", {"province": where.province, "city": where.city}, {})
    wanted = sums(needs)
    pieces = tuple(wanted.items())
    whole = [p for p in serving if tally.has(p.name, pieces)]
    if whole:
        chosen, decided = _best_whole(needs, where, tuple(whole), tally, tuple(rules))
        parts = ((chosen.name, tuple(needs)),)
        return Choice(parts, "source.single", {"places": {chosen.name: wanted}, "because": decided}, {})
    short = _missing(needs, serving, tally)
    if short:
        return Choice((), "source.shortage", {"missing": short}, short)
    return _split(Question(where, _by_line(needs), tally), serving, rules, limits)


def _best_whole(
    needs: Sequence[Need], where: Region, whole: tuple[Place, ...], tally: Tally, rules: tuple[str, ...]
) -> tuple[Place, str]:
    """`best` of places that ship every line each: the rule that counts what is left to others is a tie there."""
    left, decided, rest = _narrowed_alike(where, whole, rules)
    return best(Question(where, (tuple(needs),), tally), left, rest, decided) if len(left) > 1 else (left[0], decided)


@lru_cache(maxsize=8192)
def _narrowed_alike(
    where: Region, whole: tuple[Place, ...], rules: tuple[str, ...]
) -> tuple[tuple[Place, ...], str, tuple[str, ...]]:
    """What the rules before the first that looks at stock leave of these places, and the rules after them: the same
    question for every order to one region."""
    wanted = [r for r in rules if r != "fewest_parcels"]
    first = next((i for i, r in enumerate(wanted) if r not in _STEADY), len(wanted))
    left, decided = _narrowed(Question(where, (), Tally((), ())), whole, wanted[:first], "only_place")
    return tuple(left), decided, tuple(wanted[first:])


def _split(question: Question, places: Sequence[Place], rules: Sequence[str], limits: Limits) -> Choice:
    """The fewest places that together ship every line, in order of their rank."""
    useful = [p for p in places if _covered(question.tally, p.name, question.lines)]
    ordered, decided = rank(question, useful, rules) if useful else ([], "")
    widest = min(limits.max_parts, len(question.lines)) if limits.split else 1
    for size in range(2, widest + 1):
        for some in combinations([p.name for p in ordered[:WIDTH]], size):
            parts = _assign(question, some, limits.split_min_minor)
            if parts:
                return Choice(parts, "source.split", {"places": _shown(parts), "because": decided}, {})
    needs = [need for line in question.lines for need in line]
    best = _missing(needs, ordered[:1], question.tally)
    return Choice((), "source.split_guard", {"missing": best}, best)


def _assign(question: Question, names: Sequence[str], least: int) -> tuple[tuple[str, tuple[Need, ...]], ...] | None:
    """Give each line to the first of the places that has it; in another order when a part is too small."""
    for order in permutations(names):
        taken: dict[str, list[Need]] = {name: [] for name in names}
        for line in question.lines:
            home = next((n for n in order if _has(question.tally, n, line, taken[n])), None)
            if home is None:
                break
            taken[home] += line
        else:
            if all(taken[n] and sum(need.value_minor for need in taken[n]) >= least for n in names):
                return tuple((n, tuple(sorted(taken[n]))) for n in sorted(names))
    return None


def _by_line(needs: Sequence[Need]) -> tuple[tuple[Need, ...], ...]:
    numbers = [need.line_no for need in needs]
    if len(numbers) < 2 or all(a < b for a, b in pairwise(numbers)):
        return tuple((need,) for need in needs)
    lines: dict[int, list[Need]] = {}
    for need in needs:
        lines.setdefault(need.line_no, []).append(need)
    return tuple(tuple(lines[n]) for n in sorted(lines))


def _covered(tally: Tally, place: str, lines: Sequence[tuple[Need, ...]]) -> list[tuple[Need, ...]]:
    """The lines one place can ship together, the lower ones first."""
    taken: list[Need] = []
    covered = []
    for line in lines:
        if _has(tally, place, line, taken):
            covered.append(line)
            taken += line
    return covered


def _has(tally: Tally, place: str, line: Sequence[Need], taken: Sequence[Need]) -> bool:
    return all(
        tally.left(place, sku) >= qty + sum(n.qty for n in taken if n.sku == sku) for sku, qty in sums(line).items()
    )


def sums(needs: Iterable[Need]) -> dict[str, int]:
    """Pieces per SKU."""
    found: dict[str, int] = {}
    for need in needs:
        found[need.sku] = found.get(need.sku, 0) + need.qty
    return found


def _missing(needs: Iterable[Need], places: Sequence[Place], tally: Tally) -> dict[str, int]:
    """Pieces per SKU that these places together do not have."""
    wanted = sorted(sums(needs).items())
    short = {sku: qty - sum(tally.left(p.name, sku) for p in places) for sku, qty in wanted}
    return {sku: n for sku, n in short.items() if n > 0}


def _shown(parts: Iterable[tuple[str, Sequence[Need]]]) -> dict[str, dict[str, int]]:
    return {place: sums(needs) for place, needs in parts}


# ------------------------------------------------------------------ names of places


@lru_cache(maxsize=8192)
def plain(name: str) -> str:
    """A place name without its ending; what would leave a single character keeps it."""
    for ending in _ENDINGS:
        if name.endswith(ending) and len(name) - len(ending) >= 2:
            return name[: -len(ending)]
    return name


def plain_set(names: Iterable[str]) -> frozenset[str]:
    """Names of the settings as the rules compare them."""
    return frozenset(plain(n) for n in names if n)


@lru_cache(maxsize=8192)
def _names(where: Region) -> tuple[str, str, str]:
    return plain(where.district), plain(where.city), plain(where.province)


def _matches(where: Sequence[str], regions: frozenset[str]) -> bool:
    return any(name in regions for name in where if name)


@lru_cache(maxsize=8192)
def _distance(where: tuple[str, str, str], regions: frozenset[str]) -> int:
    for steps, name in enumerate(where):
        if name and name in regions:
            return steps
    return len(where) if not regions else len(where) + 1


def asks(full: FullOrder, intent: Sequence[tuple[str, str, int]]) -> Mapping[str, tuple[tuple[str, int], ...]] | None:
    """An intent as sums per place and SKU; None when it does not fit the order's open ship lines any more.

    An intent has one row per open ship line, in their order.
    """
    needs = needs_of(full)
    if [(sku, qty) for _, sku, qty in intent] != [(n.sku, n.qty) for n in needs]:
        return None
    sums: dict[str, dict[str, int]] = {}
    for place, sku, qty in intent:
        skus = sums.setdefault(place, {})
        skus[sku] = skus.get(sku, 0) + qty
    return {place: tuple(sorted(skus.items())) for place, skus in sorted(sums.items())}


def intent_of(parts: Iterable[tuple[str, Sequence[Need]]]) -> tuple[tuple[str, str, int], ...]:
    """A choice as it is stored on the order: one row per ship line, in their order."""
    rows = [(need.ship_no, place, need.sku, need.qty) for place, needs in parts for need in needs]
    rows.sort()
    return tuple([row[1:] for row in rows])


def overtried(reroutes: int, most: int, released_at: Iterable[int]) -> bool:
    """True when an order was tried too often; a person who released it at some count gave it as many tries again."""
    return reroutes - max(released_at, default=0) >= most
