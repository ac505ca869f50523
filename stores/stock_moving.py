"""Movements from outside and counts, inside one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from sql.columns import ms
from sql.stock import stock_counts
from stores.database import chunks, fetch, insert_sql, many, marks, upsert_sql
from stores.records import Outcome, StockMove
from stores.stock_tally import Cause, Place, Tally, played

_COUNTED = upsert_sql(stock_counts, ("warehouse", "sku"))
_FIRST = insert_sql(stock_counts)
#: (key, warehouse, sku, pieces, as_of)
Count = tuple[str, str, str, int, datetime]


def move(c: Connection, moves: Sequence[StockMove], *, run_id: str) -> list[Outcome]:
    """See Stock.move."""
    done = played(c, [m.key for m in moves])
    tally = Tally(c, [(m.warehouse, m.sku) for m in moves])
    out = []
    for m in moves:
        why = "" if (m.key, m.warehouse, m.sku) in done else _refusal(tally, m)
        if (m.key, m.warehouse, m.sku) in done:
            out.append(Outcome(key=m.key, result="already"))
        elif why:
            out.append(Outcome(key=m.key, result="refused", reason=why))
        else:
            cause = Cause(m.key, m.kind, m.ref, ms(m.at), run_id, m.reason)
            tally.add((m.warehouse, m.sku), cause, on_hand=m.on_hand, held=m.held, defective=m.defective)
            done.add((m.key, m.warehouse, m.sku))
            out.append(Outcome(key=m.key, result="done"))
    tally.flush()
    return out


def _refusal(tally: Tally, m: StockMove) -> str:
    """Why a movement would break the counters, or nothing."""
    place = (m.warehouse, m.sku)
    on_hand, held = tally.on_hand(place) + m.on_hand, tally.held(place) + m.held
    if min(on_hand, held, tally.defective(place) + m.defective) < 0:
        return "below_zero"
    # A count may have left on-hand below held: what does not make that worse is let through.
    return "below_held" if on_hand < held and (m.on_hand < 0 or m.held > 0) else ""


def count(c: Connection, counts: Sequence[Count], *, run_id: str, reason: str) -> list[Outcome]:
    """See Stock.count. A count's journal entry bears its as-of time, so that a later count sees it as past."""
    done = played(c, [key for key, *_ in counts])
    tally = Tally(c, [(w, s) for _, w, s, _, _ in counts])
    last = _last(c, sorted({s for _, _, s, _, _ in counts}))
    known = set(last)
    later = _later(c, counts)
    out = []
    rows: dict[Place, tuple[str, str, int, int, str]] = {}
    for key, warehouse, sku, pieces, as_of in counts:
        place, at = (warehouse, sku), ms(as_of)
        wanted = pieces + later.get((warehouse, sku, at), 0)
        if (key, *place) in done or last.get(place) == (at, pieces):
            out.append(Outcome(key=key, result="already"))
        elif place in last and at < last[place][0]:
            out.append(Outcome(key=key, result="refused", reason="older_count"))
        elif wanted < 0:
            out.append(Outcome(key=key, result="refused", reason="below_zero"))
        else:
            tally.add(place, Cause(key, "count", "", at, run_id, reason), on_hand=wanted - tally.on_hand(place))
            rows[place] = (warehouse, sku, at, pieces, key)
            last[place] = (at, pieces)
            done.add((key, *place))
            out.append(Outcome(key=key, result="done", reason="below_held" if tally.available(place) < 0 else ""))
    # A first count is inserted: where another counts the same place at this moment, one of the two looks again.
    many(c, _FIRST, [row for place, row in rows.items() if place not in known])
    many(c, _COUNTED, [row for place, row in rows.items() if place in known])
    tally.flush()
    return out


def _last(c: Connection, skus: Sequence[str]) -> dict[Place, tuple[int, int]]:
    """(as_of, pieces) of the newest count of each place."""
    out: dict[Place, tuple[int, int]] = {}
    for part in chunks(skus, 500):
        sql = f"SELECT warehouse, sku, as_of, counted FROM stock_counts WHERE sku IN ({marks(len(part))})"
        out |= {(w, s): (at, pieces) for w, s, at, pieces in fetch(c, sql, part)}
    return out


def _later(c: Connection, counts: Sequence[Count]) -> dict[tuple[str, str, int], int]:
    """Sum of on-hand movements after the as-of time of each count: (warehouse, sku, as_of) → pieces."""
    asked: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    for _, warehouse, sku, _, as_of in counts:
        asked[warehouse, ms(as_of)].add(sku)
    out: dict[tuple[str, str, int], int] = {}
    for (warehouse, at), skus in asked.items():
        for part in chunks(sorted(skus), 500):
            sql = (
                "SELECT sku, sum(on_hand) FROM stock_journal "
                f"WHERE warehouse=? AND sku IN ({marks(len(part))}) AND at>? GROUP BY sku"
            )
            out |= {(warehouse, sku, at): int(n) for sku, n in fetch(c, sql, [warehouse, *part, at])}
    return out
