"""Orders: none is missing, and each has the state, money, lines, history and refunds the platform knows."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import Any

from jobs.demo_proof.books import Books, Found, Row

#: state there → progress here that fits
_FITS = {
    "unpaid": {"unpaid"},
    "deposit": {"unpaid"},
    "paid": {"created", "audited", "sourced", "merged"},
    "partly_shipped": {"partly_shipped", "merged"},
    "shipped": {"shipped"},
    "completed": {"completed", "shipped"},
    "cancelled": {"cancelled"},
}
#: refund there → refund here
_REFUNDS = {
    "asked": {"asked"}, "agreed": {"approved"}, "returned": {"goods_back"}, "done": {"done"}, "refused": {"refused"},
    # JD has one word for both
    "closed": {"closed", "refused"},
}  # fmt: skip

#: however many steps led to where something stands
ANY = -1


def complete(b: Books) -> Found:
    """Every order of the world is stored here, or parked with its reason."""
    stored, parked = set(b.ours), b.parked | b.blind
    # Some platforms never list an order that was never paid: nobody could know it, so it is counted apart.
    hidden = {key for key, o in b.theirs.items() if not o.get("listed", True)} - stored - parked
    world = set(b.theirs) - hidden
    wrong = [f"{p} {n}: in the world, not here" for p, n in world - stored - parked]
    wrong += [f"{p} {n}: here, not in the world" for p, n in stored - set(b.theirs)]
    wrong += [
        f"{e['key']}: parked without a reason"
        for e in b.table("inbox_state")
        if e["status"] == "parked" and not e["reason"]
    ]
    return {
        "world": len(world), "stored": len(stored & world), "parked": len((parked - stored) & world), "never_listed": len(hidden),
    }, wrong  # fmt: skip


def documents(b: Books) -> Found:
    """Each entry of the inbox has its bytes, and the one that was pushed last is the one its order shows."""
    payloads = {p["key"] for p in b.table("inbox_payload") if p["raw"]}
    entries = {e["key"]: e for e in b.table("inbox_state")}
    wrong = [f"{key}: no payload" for key in set(entries) - payloads]
    wrong += [f"{key}: a payload of nothing" for key in payloads - set(entries)]
    for e in entries.values():
        order = b.ours.get((e["platform"], e["number"]))
        if e["kind"] == "orders" and e["status"] == "pushed" and (order is None or order["doc_hash"] != e["hash"]):
            wrong.append(f"{e['key']}: pushed, but the order shows another document")
    return {"entries": len(entries)}, wrong


def states(b: Books) -> Found:
    """What the world knows as cancelled, shipped or unpaid is that here too."""
    # Refunded after it had left, an order is closed there; here it was shipped, and its refund is full.
    wrong = [
        f"{p} {n}: {o['state']} there, {b.ours[p, n]['progress']} here"
        for (p, n), o in b.theirs.items()
        if (p, n) in b.ours
        and b.ours[p, n]["progress"] not in _FITS.get(o["state"], {"?"})
        and not (o["state"] == "cancelled" and any(line["shipped"] for line in o["lines"]))
    ]
    return {"states": dict(Counter(o["state"] for o in b.world))}, wrong


def money(b: Books) -> Found:
    """Per order goods, freight, payable, paid and refunded as the world has them; and the parts make the whole."""
    wrong, total, back = [], 0, 0
    for (p, n), o in b.theirs.items():
        mine = b.ours.get((p, n))
        if mine is None:
            continue
        refunded = sum(r["amount"] for r in o["refunds"] if r["status"] == "done" and not _open_here(b, p, r["refund"]))
        total, back = total + mine["payable_minor"], back + mine["refunded_minor"]
        wanted = {**{part: o["money"][part] for part in ("goods", "freight", "payable", "paid")}, "refunded": refunded}
        wrong += [
            f"{p} {n}: {part} {there} there, {mine[f'{part}_minor']} here"
            for part, there in wanted.items()
            if mine[f"{part}_minor"] != there
        ]
        parts = sum(mine[f"{x}_minor"] for x in ("goods", "freight", "tax", "charges", "adjust", "unexplained"))
        named = sum(a["minor"] for a in json.loads(mine["adjustments"]))
        if parts != mine["payable_minor"] or named != mine["adjust_minor"]:
            wrong.append(f"{p} {n}: parts make {parts}, adjustments {named}, payable is {mine['payable_minor']}")
    return {"payable_minor": total, "refunded_minor": back}, wrong


def _open_here(b: Books, platform: str, refund: str) -> bool:
    """Whether a refund is not over here. That this may be so although it is done there is the check of refunds' part."""
    mine = b.refunds.get((platform, refund))
    return mine is not None and mine["status"] != "done"


def lines(b: Books) -> Found:
    """Per order line: listing, pieces, price; and the ship lines of a line hold its pieces per SKU and its value."""
    mine, pieces = b.by_order("order_lines"), b.by_order("ship_lines")
    wrong, count = [], 0
    for key, o in b.theirs.items():
        if key not in b.ours:
            continue
        number = b.ours[key]["order_no"]
        rows, parts = mine.get(number, []), pieces.get(number, [])
        count += len(rows)
        there = sorted((w["listing"], w["qty"], w["unit"]) for w in o["lines"])
        here = sorted((r["listing_id"], r["qty"], r["unit_minor"]) for r in rows)
        # JD does not say what was paid for a line: only the whole can be compared
        if there != here or sum(w["paid"] for w in o["lines"]) != sum(r["paid_minor"] for r in rows):
            wrong.append(f"{key[0]} {key[1]}: lines {there} there, {here} here")
        wrong += _shipped_as_bought(key, o, rows, parts)
    return {"lines": count}, wrong


def _pieces(line: Row) -> dict[str, int]:
    found: dict[str, int] = line["pieces"]
    return found


def _shipped_as_bought(key: Any, there: Row, rows: list[Row], parts: list[Row]) -> list[str]:
    bought: Counter[str] = Counter()
    for w in there["lines"]:
        if w["mapped"]:
            bought.update(_pieces(w))
    here: Counter[str] = Counter()
    value: Counter[int] = Counter()
    for s in parts:
        if s["sku"]:
            here[s["sku"]] += s["qty"]
        value[s["line_no"]] += s["value_minor"]
    out = [f"{key[0]} {key[1]}: {dict(bought)} bought, ship lines hold {dict(here)}"] if bought != here else []
    out += [
        f"{key[0]} {key[1]} line {r['line_no']}: worth {r['paid_minor']}, its ship lines {value[r['line_no']]}"
        for r in rows
        if r["line_no"] in value and value[r["line_no"]] != r["paid_minor"]
    ]
    return out


def whole(b: Books) -> Found:
    """Each order has one receiver, its holds are counted, and nothing belongs to an order that is not there."""
    known = {o["order_no"]: o for o in b.table("orders")}
    details = Counter(d["order_no"] for d in b.table("order_details"))
    wrong = [f"{no}: {details[no]} receivers" for no in known if details[no] != 1]
    held = Counter(h["order_no"] for h in b.table("order_holds") if h["released_at"] is None)
    wrong += [f"{no}: {held[no]} holds, counted {o['held']}" for no, o in known.items() if held[no] != o["held"]]
    for name in ("order_details", "order_lines", "ship_lines", "order_holds", "order_search", "order_edits", "waiting"):
        wrong += [f"{name}: a row of {no}, which is no order" for no in set(b.by_order(name)) - set(known)]
    # what waits for its parcel is sourced; nothing else stands in the table that merging reads
    waiting, sourced = set(b.by_order("waiting")), {no for no, o in known.items() if o["progress"] == "sourced"}
    wrong += [f"{no}: waits for its parcel, but is {known[no]['progress']}" for no in waiting & set(known) - sourced]
    return {"orders": len(known), "held": sum(1 for o in known.values() if o["held"])}, wrong


def history(b: Books) -> Found:
    """The steps of each order, refund and parcel follow each other without a gap, and the last one is where it stands.

    Each step raises the version by one. So do intents, which are no steps: an order's attempts at stock, and the first
    state of a parcel that is planned by and by.
    """
    stands = {o["order_no"]: (o["progress"], o["version"] - o["attempt"]) for o in b.table("orders")}
    stands |= {r["refund_no"]: (r["status"], r["version"]) for r in b.table("refunds")}
    stands |= {p["parcel_no"]: (p["state"], p["version"]) for p in b.table("parcels")}
    wrong = steps_of(b.table("history"), stands)
    # what keeps sums of its own reads the feed: it names every order whose steps there are, and nobody else
    fed = b.fed - b.own_nos
    wrong += [f"{no}: not in the feed" for no in set(b.by_order("orders")) - fed]
    wrong += [f"{no}: in the feed, but no order" for no in fed - set(b.by_order("orders"))]
    return {"steps": len(b.table("history"))}, wrong


def steps_of(history: list[Row], stands: dict[str, tuple[str, int]]) -> list[str]:
    """Differences between steps and where things stand; `stands`: number → where it is now, how many steps led there."""
    steps: dict[str, list[Row]] = {}
    for row in history:
        steps.setdefault(row["ref"], []).append(row)
    wrong = [f"{ref}: no history" for ref in set(stands) - set(steps)]
    for ref, rows in steps.items():
        rows.sort(key=lambda r: int(r["version"]))
        intents = rows[0]["from_state"] == "planning"
        at, count = stands.get(ref, ("nowhere", None))
        if len({r["version"] for r in rows}) != len(rows) or count not in (len(rows) + intents, ANY):
            wrong.append(f"{ref}: a step is missing or there twice")
        elif any(a["to_state"] != z["from_state"] for a, z in pairwise(rows)):
            wrong.append(f"{ref}: a step begins where the one before did not end")
        elif at != rows[-1]["to_state"]:
            wrong.append(f"{ref}: stands at {at}, its last step ended at {rows[-1]['to_state']}")
    return wrong


def refunds(b: Books) -> Found:
    """Every refund of the world is here with its state and amount, and its lines make the whole."""
    mine = b.refunds
    told = {e["ref"] for e in b.table("effects") if e["kind"] == "agreement" and e["state"] == "confirmed"}
    parts: Counter[str] = Counter()
    for part in b.table("refund_lines"):
        parts[part["refund_no"]] += part["amount_minor"]
    wrong, unread = [], 0
    for key, o in b.theirs.items():
        for r in o["refunds"]:
            here = mine.get((key[0], r["refund"]))
            if here is None:
                # a refund waits for its order; where that is parked it must wait
                unread += key not in b.ours
                wrong += [f"{key[0]} refund {r['refund']}: not here"] if key in b.ours else []
            elif here["status"] not in _REFUNDS[r["status"]] and here["refund_no"] not in told:
                wrong.append(f"{key[0]} refund {r['refund']}: {r['status']} there, {here['status']} here")
            elif here["amount_minor"] != r["amount"]:
                wrong.append(f"{key[0]} refund {r['refund']}: {r['amount']} there, {here['amount_minor']} here")
    wrong += [
        f"{r['refund_no']}: {r['amount_minor']}, its lines make {parts[r['refund_no']]}"
        for r in mine.values()
        if parts[r["refund_no"]] != r["amount_minor"]
    ]
    return {"refunds": len(mine), "of_parked_orders": unread}, wrong
