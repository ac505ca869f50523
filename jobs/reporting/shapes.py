"""Figures into sections: pandas does the shaping, on whole numbers throughout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobs.reporting.documents import Cancels, Refunds, Sales, Sku, State, Stock, Total, Wait, WaitSpan
from jobs.rules import figures as f
from stores.records import Cell, Level, Progress

if TYPE_CHECKING:
    import pandas

#: measure → (count, qty, minor) as the fields of `Sales` and `Total` name them
_FIELDS: dict[str, tuple[str, str, str]] = {
    f.ORDERED: ("orders", "pieces", "payable_minor"),
    f.SUBSIDY: ("", "", "subsidy_minor"),
    f.SOLD: ("sold", "sold_pieces", "paid_minor"),
    f.SHIPPED: ("shipped", "shipped_pieces", ""),
    f.CANCELLED: ("cancelled", "", "cancelled_minor"),
    f.REFUND: ("refunds", "", "refunds_minor"),
}
SALES = (f.ORDERED, f.SUBSIDY, f.SOLD)
TOTALS = tuple(_FIELDS)
_COLUMNS = ("measure", "day", "hour", "shop", "platform", "key", "currency", "count", "qty", "minor")
#: borders of the spans of waiting, in minutes
SPANS = (0, 60, 120, 240, 480, 720, 1440, 2160, 2880, 4320, 7200)
_LAST = 1 << 40


def frame(cells: Iterable[Cell]) -> pandas.DataFrame:
    """Cells as a frame, one column per field."""
    import pandas

    rows = [[getattr(c, n) for n in _COLUMNS] for c in cells]
    made = pandas.DataFrame(rows, columns=list(_COLUMNS))
    return made.astype({"hour": "int64", "count": "int64", "qty": "int64", "minor": "int64"})


def wide(cells: Iterable[Cell], by: Sequence[str]) -> list[dict[str, Any]]:
    """One dict per place of `by` and currency, with a field per measure; places in order."""
    table = frame(cells)
    if table.empty:
        return []
    where = [*by, "currency"]
    sums = table.groupby([*where, "measure"], sort=True)[["count", "qty", "minor"]].sum()
    out: dict[tuple[Any, ...], dict[str, Any]] = {}
    for (*place, measure), values in zip(sums.index, sums.itertuples(index=False), strict=True):
        row = out.setdefault(tuple(place), dict(zip(where, place, strict=True)))
        row.update({n: int(v) for n, v in zip(_FIELDS[measure], values, strict=True) if n})
    return list(out.values())


def sales(cells: Iterable[Cell], by: Sequence[str]) -> tuple[Sales, ...]:
    """Rows by the dimensions given."""
    return tuple(Sales(**row) for row in wide(cells, by))


def totals(cells: Iterable[Cell], refunds: Sequence[Refunds]) -> tuple[Total, ...]:
    """One row per currency; of refunds also what is done."""
    found = []
    for row in wide(cells, ()):
        done = [r for r in refunds if r.status == "done" and r.currency == row["currency"]]
        count, minor = sum(r.refunds for r in done), sum(r.amount_minor for r in done)
        found.append(Total(**row, refunds_done=count, refunds_done_minor=minor))
    return tuple(found)


def skus(cells: Iterable[Cell], top: int) -> tuple[tuple[Sku, ...], int]:
    """The first by pieces, per currency, and how many SKUs there are."""
    table = frame(cells).sort_values(["qty", "minor", "key"], ascending=[False, False, True])
    first = table.groupby("currency", sort=True).head(top).sort_values(["currency", "qty", "minor", "key"], ascending=[True, False, False, True])  # fmt: skip
    rows = zip(first["key"], first["currency"], first["count"], first["qty"], first["minor"], strict=True)
    made = tuple(Sku(sku=sku, currency=c, orders=int(n), pieces=int(q), paid_minor=int(m)) for sku, c, n, q, m in rows)
    return made, int(table["key"].nunique())


def funnel(cells: Iterable[Cell]) -> tuple[State, ...]:
    """In the order in which orders go."""
    rank = {p.value: n for n, p in enumerate(Progress)}
    found = [
        State(progress=c.key, currency=c.currency, orders=c.count, pieces=c.qty, payable_minor=c.minor) for c in cells
    ]
    return tuple(sorted(found, key=lambda s: (s.currency, rank[s.progress])))


def refunds(cells: Iterable[Cell]) -> tuple[Refunds, ...]:
    """By amount, the greatest first."""
    found = []
    for c in cells:
        kind, status, reason = c.key.split("|", 2)
        found.append(
            Refunds(kind=kind, status=status, reason=reason, currency=c.currency, refunds=c.count, amount_minor=c.minor)
        )
    return tuple(sorted(found, key=lambda r: (r.currency, -r.amount_minor, r.kind, r.status, r.reason)))


def cancels(cells: Iterable[Cell]) -> tuple[Cancels, ...]:
    """By orders, the most first."""
    found = [
        Cancels(reason=c.key, currency=c.currency, orders=c.count, pieces=c.qty, payable_minor=c.minor) for c in cells
    ]
    return tuple(sorted(found, key=lambda x: (x.currency, -x.orders, x.reason)))


def waits(cells: Iterable[Cell]) -> tuple[tuple[Wait, ...], tuple[WaitSpan, ...]]:
    """All shops together, then each; and how many waited how long. Exact to the minute, since each minute is a cell."""
    import pandas

    table = frame(cells)
    if table.empty:
        return (), ()
    table["minutes"] = table["key"].astype("int64")
    found = [_ranks(table, "", "")]
    for place, part in table.groupby(["shop", "platform"], sort=True):
        shop, platform = map(str, place)
        found.append(_ranks(part, shop, platform))
    cut = pandas.cut(table["minutes"], [*SPANS, _LAST], right=False, labels=False)
    counted = table.groupby(cut)["count"].sum()
    ends = [*SPANS[1:], None]
    last = int(counted.index.max())
    spans = [WaitSpan(from_min=SPANS[n], to_min=ends[n], orders=int(counted.get(n, 0))) for n in range(last + 1)]
    return tuple(found), tuple(spans)


def _ranks(table: pandas.DataFrame, shop: str, platform: str) -> Wait:
    counts = table.groupby("minutes", sort=True)["count"].sum()
    upto, orders = counts.cumsum(), int(counts.sum())
    # the first minute by which so many had left
    median, p90 = (int(upto.index[upto >= -(-orders * share // 100)][0]) for share in (50, 90))
    return Wait(shop=shop, platform=platform, orders=orders, median_min=median, p90_min=p90)


def stock(levels: Iterable[Level], shipped: Iterable[Cell], days: int, top: int) -> tuple[tuple[Stock, ...], int]:
    """Those that last the shortest, and how many SKUs there are: with pieces on hand or gone."""
    import pandas

    held = pandas.DataFrame(
        [(x.sku, x.on_hand, x.held, max(x.available, 0)) for x in levels],
        columns=["sku", "on_hand", "held", "available"],
    )
    left = pandas.DataFrame([(c.key, c.qty) for c in shipped], columns=["sku", "shipped"])
    table = held.groupby("sku").sum().join(left.groupby("sku").sum(), how="outer").fillna(0).astype("int64")
    table = table[(table["on_hand"] > 0) | (table["shipped"] > 0)]
    rows = [
        _stock(dict(zip(table.columns, map(int, row[1:]), strict=True)), row[0], days) for row in table.itertuples()
    ]
    rows.sort(key=lambda s: (s.cover_days is None, s.cover_days or 0.0, -s.shipped, s.sku))
    return tuple(rows[:top]), len(rows)


def _stock(row: Mapping[str, int], sku: str, days: int) -> Stock:
    shipped, on_hand = row["shipped"], row["on_hand"]
    return Stock(
        sku=sku, on_hand=on_hand, held=row["held"], available=row["available"], shipped=shipped,
        cover_days=round(row["available"] * days / shipped, 1) if shipped else None,
        turnover=round(shipped / on_hand, 2) if on_hand else None,
    )  # fmt: skip
