"""Differences planted into statements: an order's rows told otherwise than they are, with a note of what was done.

Nothing here draws from the world's random sequence: what is planted where follows from the seed, the platform and the
order's number. One order carries at most one difference, so that each can be found in its class. Beside the chance of
the rate, classes that were played least get one order a file, as long as a third of its orders at most is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from adapters.sandbox import traits
from adapters.sandbox.state import Order
from adapters.sandbox.statements.rows import FEES, Row, midnight, next_day
from adapters.sandbox.statements.rules import RATES, make
from adapters.sandbox.wire import chance, digest, iso

CLASSES = ("missing", "extra", "amount", "fee", "status", "day_cut", "doubled", "not_an_order")
#: a day cut by chance happens to what is booked after this hour
_LATE_HOUR = 18


class Planted(msgspec.Struct, frozen=True, kw_only=True):
    """One difference. Amounts in fen, money to the merchant positive.

    day: the file it would truly be in · found_day: the file that shows it · ref: the row it shows at, empty when it is
    not there · true, told: what the order's rows (or the row without an order) sum up to in truth and in the statement
    · detail: cents or more (amount, fee), the platform's word (status).
    """

    name: str
    platform: str
    day: str
    found_day: str
    order: str
    ref: str
    true: int
    told: int
    detail: str = ""

    def to_book(self, alias: str) -> dict[str, Any]:
        facts = msgspec.to_builtins(self)
        facts.pop("name")
        return {"class": self.name, "shop": alias, **facts}


class Told(msgspec.Struct, kw_only=True):
    """A file being written: its rows, and what lies in the next one."""

    platform: str
    day: str
    rows: list[Row]
    later: list[Row] = []
    planted: list[Planted] = []

    def of(self, order: str) -> list[Row]:
        return [r for r in self.rows if r.order == order]

    def replace(self, order: str, rows: Sequence[Row]) -> None:
        """Put other rows in place of an order's."""
        self.rows = [r for r in self.rows if r.order != order] + list(rows)


#: a player changes the file and says what it did, or None when it does not fit the order's rows
Player = Callable[["Planter", Told, str], Planted | None]


class Planter:
    """Remembers which orders were touched and how often each class was played."""

    def __init__(self, seed: int, rate: float) -> None:
        self.seed, self.rate = seed, rate
        #: (platform, order) that carry a difference
        self.touched: set[tuple[str, str]] = set()
        #: orders of which no row is ever told
        self.silenced: set[tuple[str, str]] = set()
        self.played: dict[tuple[str, str], int] = {}

    def plant(self, told: Told, cancelled: Sequence[Order]) -> None:
        """Plant into a file. `cancelled`: orders that ended unpaid on its day, for money that comes all the same."""
        if self.rate <= 0:
            return
        most = max(1, len({r.order for r in told.rows if r.order}) // 3)
        for order in self._free(told):
            if chance(self.seed, "difference", told.platform, order) < self.rate:
                names = [n for n in _players(told.platform) if n != "status" or told.platform == "jd"]
                self._play(told, names[digest(self.seed, "class", told.platform, order) % len(names)], order)
        for ended in cancelled:
            if chance(self.seed, "difference", told.platform, ended.no) < self.rate:
                self._pay_cancelled(told, ended)
        self._rare(told, cancelled, most)
        told.rows.sort(key=lambda r: r.at)

    def _free(self, told: Told, name: str = "") -> list[str]:
        """Orders that carry no difference yet and have goods in the file; for the class fee, a fee."""
        wanted = FEES if name == "fee" else ("goods",)
        found = {r.order for r in told.rows if r.order and any(kind in wanted for kind, _ in r.parts)}
        return sorted(o for o in found if (told.platform, o) not in self.touched)

    def _rare(self, told: Told, cancelled: Sequence[Order], most: int) -> None:
        """Play what was played least, one of each."""
        names = sorted(
            _players(told.platform),
            key=lambda n: (self.played.get((told.platform, n), 0), digest(self.seed, n, told.day)),
        )
        for name in names:
            if len(told.planted) >= most:
                return
            if any(p.name == name for p in told.planted):
                continue
            if name == "status" and told.platform != "jd":
                for ended in cancelled[:1]:
                    self._pay_cancelled(told, ended)
                continue
            for order in self._suited(told, name):
                if self._play(told, name, order, at_any_hour=True):
                    break

    def _suited(self, told: Told, name: str) -> list[str]:
        free = self._free(told, name)
        if name == "day_cut":
            last = {r.order: r.at for r in sorted(told.rows, key=lambda r: r.at)}
            return sorted(free, key=lambda o: (-last[o], o))
        return sorted(free, key=lambda o: digest(self.seed, name, o))

    def _play(self, told: Told, name: str, order: str, *, at_any_hour: bool = False) -> bool:
        if name == "day_cut" and not at_any_hour and not _late(told, told.of(order)):
            return False
        planted = _PLAYERS[name](self, told, order)
        if planted is not None:
            self._note(told, planted, order)
        return planted is not None

    def _note(self, told: Told, planted: Planted, order: str) -> None:
        told.planted.append(planted)
        self.touched.add((told.platform, order))
        self.touched.add((told.platform, planted.order))
        self.played[told.platform, planted.name] = self.played.get((told.platform, planted.name), 0) + 1

    def _pay_cancelled(self, told: Told, ended: Order) -> None:
        """Money for an order that was closed before it was paid."""
        if (told.platform, ended.no) in self.touched:
            return
        sold, line = ended.lines[0].listing, ended.lines[0].no if told.platform == "douyin" else ""
        facts = {"line": line, "title": sold.title, "listing": sold.listing, "product": sold.product}
        row = make(ended, "late payment", ended.ended_at, ("goods", ended.payable), **facts)
        told.rows.append(msgspec.structs.replace(row, planted="status"))
        self._note(told, planted_of(told, "status", ended.no, row.ref, 0, row.amount, detail="cancelled"), ended.no)


def _players(platform: str) -> list[str]:
    """The classes of a platform; where no rate is agreed on, nobody can say that a fee is wrong."""
    return [name for name in _PLAYERS if name != "fee" or platform in RATES]


def planted_of(
    told: Told, name: str, order: str, ref: str, true: int, to_be_told: int, *, found_day: str = "", detail: str = ""
) -> Planted:
    return Planted(
        name=name,
        platform=told.platform,
        day=told.day,
        found_day=found_day or told.day,
        order=order,
        ref=ref,
        true=true,
        told=to_be_told,
        detail=detail,
    )


def _late(told: Told, rows: Sequence[Row]) -> bool:
    return all(r.at >= midnight(told.day) + _LATE_HOUR * 3600 for r in rows)


def _sum(rows: Sequence[Row]) -> int:
    return sum(r.amount for r in rows)


def _missing(planter: Planter, told: Told, order: str) -> Planted | None:
    """No row of the order, in this file or a later one."""
    true = _sum(told.of(order))
    told.replace(order, [])
    planter.silenced.add((told.platform, order))
    return planted_of(told, "missing", order, "", true, 0)


def _extra(planter: Planter, told: Told, order: str) -> Planted | None:
    """The order's rows once more, for an order that never was."""
    never = str(traits.find(told.platform).first_never + digest(planter.seed, "never", order) % 10**9)
    rows = [
        msgspec.structs.replace(
            r,
            order=never,
            line=_never_line(told.platform, never, r.line),
            refund="",
            ref=_other_ref(r, planter.seed),
            parts=tuple(p for p in r.parts if p[0] != "refund"),
            planted="extra",
        )
        for r in told.of(order)
        if r.kind != "refund"
    ]
    rows = [r for r in rows if r.parts]
    told.rows += rows
    return planted_of(told, "extra", never, rows[0].ref, 0, _sum(rows)) if rows else None


def _never_line(platform: str, never: str, line: str) -> str:
    if not line:
        return ""
    return f"{never}-{line.rpartition('-')[2]}" if platform == "jd" else never


def _other_ref(row: Row, seed: int) -> str:
    """Another number of the same shape: its last digits changed."""
    head, mark, tail = row.ref.partition("_")
    return f"{head[:-6]}{digest(seed, 'never', row.ref) % 10**6:06d}{mark}{tail}"


def _amount(planter: Planter, told: Told, order: str) -> Planted | None:
    """The goods are off, by cents or by more."""
    number = digest(planter.seed, "amount", order)
    detail = "cents" if (planter.played.get((told.platform, "amount"), 0) + number) % 2 else "more"
    size = 1 + number % 9 if detail == "cents" else 500 + number % 4_500
    return _shift(told, order, "amount", ("goods",), size if number % 4 < 2 else -size, detail)


def _fee(planter: Planter, told: Told, order: str) -> Planted | None:
    """A fee is higher than its rate."""
    number = digest(planter.seed, "fee", order)
    return _shift(told, order, "fee", FEES, -(100 + number % 400), "more")


def _shift(told: Told, order: str, name: str, kinds: Sequence[str], by: int, detail: str) -> Planted | None:
    """Add to the first part of one of these kinds, unless its sign would turn."""
    rows = told.of(order)
    for n, row in enumerate(rows):
        for i, (kind, fen) in enumerate(row.parts):
            if kind not in kinds or (fen + by) * fen <= 0:
                continue
            parts = (*row.parts[:i], (kind, fen + by), *row.parts[i + 1 :])
            changed = msgspec.structs.replace(row, parts=parts, planted=name)
            told.replace(order, [*rows[:n], changed, *rows[n + 1 :]])
            return planted_of(told, name, order, row.ref, _sum(rows), _sum(rows) + by, detail=detail)
    return None


def _status(planter: Planter, told: Told, order: str) -> Planted | None:
    """The platform says that what was settled failed (jd, whose rows have a state)."""
    rows = told.of(order)
    told.replace(order, [msgspec.structs.replace(r, failed=True, planted="status") for r in rows])
    return planted_of(told, "status", order, rows[0].ref, _sum(rows), 0, detail="付款失败")


def _day_cut(planter: Planter, told: Told, order: str) -> Planted | None:
    """Booked just after midnight: all rows of the order lie in the next file."""
    rows, day = told.of(order), next_day(told.day)
    told.replace(order, [])
    at = midnight(day) + digest(planter.seed, "cut", order) % 120
    told.later += [msgspec.structs.replace(r, day=day, at=at, planted="day_cut") for r in rows]
    return planted_of(
        told, "day_cut", order, rows[0].ref, _sum(rows), _sum(rows), found_day=day, detail=iso(rows[0].at)
    )


def _doubled(planter: Planter, told: Told, order: str) -> Planted | None:
    """The goods' row stands twice, the same in everything."""
    rows = told.of(order)
    twice = next(r for r in rows if r.kind == "goods")
    told.rows.append(msgspec.structs.replace(twice, planted="doubled"))
    return planted_of(told, "doubled", order, twice.ref, _sum(rows), _sum(rows) + twice.amount)


_PLAYERS: dict[str, Player] = {
    "missing": _missing,
    "extra": _extra,
    "amount": _amount,
    "fee": _fee,
    "status": _status,
    "day_cut": _day_cut,
    "doubled": _doubled,
}
