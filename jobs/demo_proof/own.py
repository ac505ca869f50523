"""Orders of the own shop: as the file had them that was imported, paid and refunded as the channels know it."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict

from jobs.demo_proof.books import Books, Found, Row, each_equal
from jobs.demo_proof.orders import ANY, steps_of


def imported(b: Books) -> Found:
    """Each row of the file is an order here with its lines, its money, one receiver, a history without a gap and a document;
    each refund is done when the channel gave its money back, and its lines make the whole."""
    rows = {r["order_ref"]: r for r in csv.DictReader(io.StringIO(b.office_file("own.csv")))}
    mine = {o["platform_order_no"]: o for o in b.own}
    wrong = [f"own {ref}: {'not here' if ref in rows else 'in no file'}" for ref in rows.keys() ^ mine.keys()]
    lines, pieces = _by_order(b.own_rows("order_lines")), _by_order(b.own_rows("ship_lines"))
    for ref in rows.keys() & mine.keys():
        wrong += _as_written(rows[ref], mine[ref], lines[mine[ref]["order_no"]], pieces[mine[ref]["order_no"]])
    wrong += _whole(b) + _documents(b, set(rows)) + _refunds(b)
    stands = {o["order_no"]: (o["progress"], o["version"] - o["attempt"]) for o in b.own}
    stands |= {r["refund_no"]: (r["status"], r["version"]) for r in b.own_rows("refunds")}
    # payments and what went back are asked about again and again: that raises their version without a step
    stands |= {p["payment_no"]: (p["status"], ANY) for p in b.table("payments")}
    stands |= {r["back_no"]: (r["status"], ANY) for r in b.table("payment_backs")}
    wrong += steps_of(b.own_rows("history"), stands)
    return {"orders": len(mine), "refunds": len(b.own_rows("refunds"))}, wrong


def _by_order(rows: list[Row]) -> defaultdict[str, list[Row]]:
    out: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        out[row["order_no"]].append(row)
    return out


def _as_written(row: Row, order: Row, lines: list[Row], pieces: list[Row]) -> list[str]:
    """One row of the file, whose order has one line."""
    whole, _, cents = row["unit_price"].partition(".")
    qty, unit = int(row["qty"]), int(whole) * 100 + int(cents)
    there = (row["listing"], qty, unit, qty * unit, 0, qty * unit)
    wrong = []
    for line in lines or [{}]:
        here = (line.get("listing_id"), line.get("qty"), line.get("unit_minor"), order["goods_minor"], order["freight_minor"], order["payable_minor"])  # fmt: skip
        if here != there or len(lines) != 1:
            wrong.append(f"own {row['order_ref']}: {there} written, {here} here in {len(lines)} lines")
    paid = sum(x["paid_minor"] for x in lines)
    if sum(s["value_minor"] for s in pieces) != paid or sum(s["qty"] for s in pieces) != qty:
        wrong.append(f"own {row['order_ref']}: {qty} pieces worth {paid}, its ship lines do not make them")
    return wrong


def _whole(b: Books) -> list[str]:
    known = {o["order_no"]: o["held"] for o in b.own}
    receivers = Counter(d["order_no"] for d in b.own_rows("order_details"))
    wrong = [f"own {no}: {receivers[no]} receivers" for no in known if receivers[no] != 1]
    held = Counter(h["order_no"] for h in b.own_rows("order_holds") if h["released_at"] is None)
    wrong += [f"own {no}: {held[no]} holds, counted {n}" for no, n in known.items() if held[no] != n]
    searched = {s["order_no"] for s in b.own_rows("order_search")}
    wrong += [f"own {no}: cannot be searched by its receiver" for no in known.keys() - searched]
    fed = b.fed
    return wrong + [f"own {no}: not in the feed" for no in known.keys() - fed]


def _documents(b: Books, refs: set[str]) -> list[str]:
    """The inbox has each order's document, pushed, and the bytes of everything it knows."""
    entries = {e["key"]: e for e in b.own_rows("inbox_state")}
    payloads = {p["key"] for p in b.own_rows("inbox_payload") if p["raw"]}
    wrong = [
        f"inbox {key}: {'no payload' if key in entries else 'a payload of nothing'}"
        for key in entries.keys() ^ payloads
    ]
    hashes = {o["platform_order_no"]: o["doc_hash"] for o in b.own}
    kept = {e["number"]: e for e in entries.values() if e["platform"] == "own" and e["kind"] == "orders"}
    wrong += [f"own {ref}: no document" for ref in refs - kept.keys()]
    wrong += [f"inbox {e['key']}: {e['status']}, or the order shows another document" for n, e in kept.items()
              if e["status"] != "pushed" or e["hash"] != hashes.get(n)]  # fmt: skip
    return wrong


def _refunds(b: Books) -> list[str]:
    """Refunds against what the channels gave back for them."""
    gave = {r["refund"]: r["amount"] for r in b.money("payback") if r["state"] == "success"}
    back: Counter[str] = Counter()
    for r in b.table("payment_backs"):
        back[r["refund_no"]] += gave.get(r["back_no"], 0)
    parts: Counter[str] = Counter()
    for part in b.own_rows("refund_lines"):
        parts[part["refund_no"]] += part["amount_minor"]
    mine = {r["refund_no"]: r for r in b.own_rows("refunds")}
    whole = {no: r["amount_minor"] for no, r in mine.items()}
    wrong = each_equal(whole, parts, lambda no, a, z: f"own refund {no}: {a}, its lines make {z}")
    done = {no: r["amount_minor"] for no, r in mine.items() if r["status"] == "done"}
    gone = {no: n for no, n in back.items() if no and n}
    return wrong + each_equal(gone, done, lambda no, a, z: f"own refund {no}: {a} went back there, {z} is done here")
