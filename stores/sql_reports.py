"""Figures on a SQL database: each batch takes out what its orders added before and adds what they add now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

import msgspec
from sqlalchemy.engine import Connection

from sql import reports as t
from sql.columns import ms, when
from stores.contracts.reports import DIMENSIONS
from stores.database import Clock, dump_rows, fetch, many, marks, open_database, run, upsert_sql
from stores.orders_moves import by_keys, in_list
from stores.records import Cell, Contribution, Standing
from stores.records.reports import Part, day_number, number_day

#: (day, measure, shop, platform, key, hour, currency) as the table's key has them
Place = tuple[int, str, str, str, str, int, str]

_CONTRIBUTION = "SELECT order_no, shop, platform, parts FROM report_orders"
_PUT = upsert_sql(t.contributions, ("order_no",))
_NAMES = ("day", "measure", "shop", "platform", "key", "hour", "currency")
_KEY = ", ".join(_NAMES)
_AT = " AND ".join(f"{name}=?" for name in _NAMES)
_ADD = (
    f"INSERT INTO report_cells ({_KEY}, count, qty, minor) VALUES ({marks(10)}) ON CONFLICT ({_KEY}) "
    "DO UPDATE SET count=count+excluded.count, qty=qty+excluded.qty, minor=minor+excluded.minor"
)
#: a figure that nobody adds to any more is not kept as nought
_DROP = f"DELETE FROM report_cells WHERE {_AT} AND count=0 AND qty=0 AND minor=0"
_STAND = upsert_sql(t.standing, ("name",))
_SHOP = upsert_sql(t.shops, ("shop",))
_ROW = "reports"
#: contributions read at a time by `recount`
_PAGE = 5_000

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(tuple[Part, ...]).decode


class SqlReports:
    """See `stores.contracts.Reports`."""

    def __init__(self, url: str, *, clock: Clock) -> None:
        self._db = open_database(url, t.metadata, "reports", clock)

    # ---- writes
    def start(self, to: Standing, *, expect: Standing | None) -> bool:
        with self._db.write() as c:
            if _standing(c) != expect:
                return False
            run(c, "DELETE FROM report_orders")
            run(c, "DELETE FROM report_cells")
            run(c, "DELETE FROM report_shops")
            _stand(c, to)
        return True

    def put(self, batch: Sequence[Contribution], *, expect: Standing | None, to: Standing) -> tuple[str, ...] | None:
        # What is missing after a power cut is counted again, since its cursor is missing too.
        with self._db.write(lasting=False) as c:
            if _standing(c) != expect:
                return None
            kept = _contributions(c, [x.order_no for x in batch])
            new = [x for x in batch if kept.get(x.order_no) != x]
            many(c, _PUT, [(x.order_no, x.shop, x.platform, _pack(x.parts)) for x in new])
            many(c, _SHOP, sorted({(x.shop, x.platform) for x in new if x.parts}))
            _add(c, _differences([kept[x.order_no] for x in new if x.order_no in kept], new))
            _stand(c, to)
        return tuple(x.order_no for x in new)

    def recount(self) -> list[Cell]:
        with self._db.write() as c:
            after = ""
            while page := fetch(c, f"{_CONTRIBUTION} WHERE order_no>? ORDER BY order_no LIMIT ?", (after, _PAGE)):
                after = page[-1][0]
                sums = _differences((), [_contribution(row) for row in page])
                many(c, _ADD.replace("report_cells", "report_counted"), _rows(sums))
            wrong = _compared(c)
            _replace(c, wrong)
            run(c, "DELETE FROM report_counted")
        return wrong

    # ---- questions
    def standing(self) -> Standing | None:
        with self._db.read() as c:
            return _standing(c)

    def contributions(self, order_nos: Sequence[str]) -> dict[str, Contribution]:
        with self._db.read() as c:
            return _contributions(c, order_nos)

    def sums(
        self, measures: Sequence[str], *, by: Sequence[str], since: date, until: date, shops: Sequence[str] | None = None,
    ) -> list[Cell]:  # fmt: skip
        dimensions = [d for d in DIMENSIONS if d in by or d == "currency"]
        condition, given = in_list("measure", measures)
        where = f"day BETWEEN ? AND ? AND {condition}"
        args: list[int | str] = [day_number(since), day_number(until), *given]
        if shops is not None:
            if not shops:
                return []
            condition, given = in_list("shop", shops)
            where, args = f"{where} AND {condition}", [*args, *given]
        names = ", ".join(["measure", *dimensions])
        order = ", ".join(["measure", *(d for d in by if d in dimensions), "currency"])
        sql = f"SELECT {names}, sum(count), sum(qty), sum(minor) FROM report_cells WHERE {where} GROUP BY {names} ORDER BY {order}"
        with self._db.read() as c:
            found = fetch(c, sql, args)
        return [_cell(("measure", *dimensions, "count", "qty", "minor"), row) for row in found]

    def shops(self) -> dict[str, str]:
        with self._db.read() as c:
            return dict(fetch(c, "SELECT shop, platform FROM report_shops ORDER BY shop"))

    def dump(self) -> Iterator[tuple[str, dict[str, Any]]]:
        with self._db.read() as c:
            for table in t.metadata.sorted_tables:
                for row in dump_rows(c, table):
                    yield table.name, row

    def close(self) -> None:
        self._db.close()


def _standing(c: Connection) -> Standing | None:
    found = fetch(c, "SELECT cursor, after, basis, at FROM report_standing WHERE name=?", (_ROW,))
    return next((Standing(cursor=x[0], after=x[1], basis=x[2], at=when(x[3])) for x in found), None)


def _stand(c: Connection, to: Standing) -> None:
    many(c, _STAND, [(_ROW, to.cursor, to.after, to.basis, ms(to.at))])


def _contributions(c: Connection, order_nos: Sequence[str]) -> dict[str, Contribution]:
    return {row[0]: _contribution(row) for row in by_keys(c, _CONTRIBUTION, "order_no", order_nos)}


def _contribution(row: Sequence[Any]) -> Contribution:
    return Contribution(order_no=row[0], shop=row[1], platform=row[2], parts=_unpack(row[3]))


def _differences(old: Iterable[Contribution], new: Iterable[Contribution]) -> dict[Place, list[int]]:
    """What changes in each cell when the old ones are taken out and the new ones put in."""
    sums: dict[Place, list[int]] = defaultdict(lambda: [0, 0, 0])
    for sign, contributions in ((-1, old), (1, new)):
        for x in contributions:
            for day, hour, measure, key, currency, count, qty, minor in x.parts:
                cell = sums[day, measure, x.shop, x.platform, key, hour, currency]
                cell[0] += sign * count
                cell[1] += sign * qty
                cell[2] += sign * minor
    return sums


def _rows(sums: dict[Place, list[int]]) -> list[tuple[Any, ...]]:
    """Sorted, so that neighbours in the table are written one after another."""
    return [(*place, *values) for place, values in sorted(sums.items()) if any(values)]


def _add(c: Connection, sums: dict[Place, list[int]]) -> None:
    rows = _rows(sums)
    many(c, _ADD, rows)
    many(c, _DROP, [row[:7] for row in rows if min(row[7:]) < 0])


def _compared(c: Connection) -> list[Cell]:
    """Cells that are not what was counted."""
    names = (*_NAMES, "count", "qty", "minor")
    same = " AND ".join(f"a.{name}=b.{name}" for name in _NAMES)
    whole = ", ".join(f"a.{name}" for name in names)
    other = "a.count<>b.count OR a.qty<>b.qty OR a.minor<>b.minor"
    right = fetch(
        c, f"SELECT {whole} FROM report_counted a LEFT JOIN report_cells b ON {same} WHERE b.day IS NULL OR {other}"
    )
    key = ", ".join(f"a.{name}" for name in _NAMES)
    gone = fetch(
        c, f"SELECT {key}, 0, 0, 0 FROM report_cells a LEFT JOIN report_counted b ON {same} WHERE b.day IS NULL"
    )
    return [_cell(names, row) for row in sorted(right + gone)]


def _replace(c: Connection, right: Sequence[Cell]) -> None:
    rows = [
        (day_number(x.day), x.measure, x.shop, x.platform, x.key, x.hour, x.currency, x.count, x.qty, x.minor)
        for x in right
        if x.day
    ]
    many(c, f"DELETE FROM report_cells WHERE {_AT}", [row[:7] for row in rows])
    many(c, _ADD, [row for row in rows if any(row[7:])])


def _cell(names: Sequence[str], row: Sequence[Any]) -> Cell:
    values = dict(zip(names, row, strict=True))
    if "day" in values:
        values["day"] = number_day(values["day"])
    return Cell(**values)
