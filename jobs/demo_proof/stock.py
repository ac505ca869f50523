"""Stock: what is there is what was there, less what the world saw leave, plus what came back."""

from __future__ import annotations

import json
from collections import Counter

from jobs.demo_proof.books import Books, Found, each_equal

#: an order at one of these holds stock for its open lines
_HOLDING = ("sourced", "merged", "partly_shipped")
#: an order at one of these claims stock that no place holds yet
_WANTING = ("created", "audited")
Place = tuple[str, str]


def _expected(b: Books) -> Counter[str]:
    """Per SKU: opening + adjustments − pieces the world saw shipped + pieces that came back."""
    left: Counter[str] = Counter()
    for good in b.info["goods"]:
        left[good["sku"]] += sum(good["opening"].values())
    for j in b.table("stock_journal"):
        if j["kind"] in ("adjust", "transfer_in", "transfer_out"):
            left[j["sku"]] += j["on_hand"]
    for e in b.of("effect", effect="ship"):
        left.subtract(e["pieces"])
    for e in b.of("event", event="goods_back"):
        # what came back for an order that is not here could not be booked to anything
        if (e["platform"], e["order"]) in b.ours:
            left.update(e["pieces"])
    return left


def _holding(b: Books) -> Counter[Place]:
    """Per place and SKU: pieces of open lines that are reserved."""
    progress = {o["order_no"]: o["progress"] for o in b.table("orders")}
    wanted: Counter[Place] = Counter()
    for s in b.table("ship_lines"):
        if progress.get(s["order_no"]) in _HOLDING and s["status"] == "open" and s["warehouse"]:
            wanted[s["warehouse"], s["sku"]] += s["qty"] - s["shipped_qty"]
    return wanted


def on_hand(b: Books) -> Found:
    """The counters: per SKU on hand and unfit pieces together as expected; held as the lines say; never more held
    than there is."""
    here: Counter[str] = Counter()
    held: Counter[Place] = Counter()
    wrong = []
    for s in b.table("stock"):
        here[s["sku"]] += s["on_hand"] + s["defective"]
        held[s["warehouse"], s["sku"]] += s["held"]
        if not 0 <= s["held"] <= s["on_hand"]:
            wrong.append(f"{s['warehouse']}/{s['sku']}: {s['held']} held of {s['on_hand']}")
    wrong += each_equal(_expected(b), here, lambda sku, a, z: f"{sku}: should be {a}, is {z}")
    wrong += each_equal(_holding(b), held, lambda p, a, z: f"{p[0]}/{p[1]}: lines hold {a}, the counter says {z}")
    shipped = sum(sum(e["pieces"].values()) for e in b.of("effect", effect="ship"))
    back = sum(sum(e["pieces"].values()) for e in b.of("event", event="goods_back"))
    return {"skus": len(here), "shipped": shipped, "returned": back, "on_hand": sum(here.values())}, wrong


def journal(b: Books) -> Found:
    """The journal, for itself: per SKU its movements make what is expected, and its holds what the lines hold. Counts
    are those of the opening."""
    summed: Counter[str] = Counter()
    held: Counter[Place] = Counter()
    for j in b.table("stock_journal"):
        summed[j["sku"]] += j["on_hand"] + j["defective"]
        held[j["warehouse"], j["sku"]] += j["held"]
    wrong = each_equal(_expected(b), summed, lambda sku, a, z: f"{sku}: should be {a}, the journal makes {z}")
    wrong += each_equal(_holding(b), held, lambda p, a, z: f"{p[0]}/{p[1]}: lines hold {a}, the journal makes {z}")
    counted = {(c["warehouse"], c["sku"]): c["counted"] for c in b.table("stock_counts")}
    opening = {(w, good["sku"]): n for good in b.info["goods"] for w, n in good["opening"].items()}
    wrong += each_equal(opening, counted, lambda p, a, z: f"{p[0]}/{p[1]}: opening {a}, counted {z}")
    wrong += _streams(b)
    return {"entries": len(b.table("stock_journal"))}, wrong


def _streams(b: Books) -> list[str]:
    """Where stock is reserved in Redis, the books have every warehouse's journal to its end; elsewhere there are none."""
    ends: dict[str, int] = {}
    for j in b.table("stock_journal"):
        ends[j["warehouse"]] = max(ends.get(j["warehouse"], 0), j["seq"])
    taken = {s["warehouse"]: s["position"] for s in b.table("stock_streams") if not s["warehouse"].startswith(":")}
    wanted = ends if b.drained else {}
    return each_equal(wanted, taken, lambda w, a, z: f"{w}: its journal ends at {a}, {z} was taken over from Redis")


def reserved(b: Books) -> Found:
    """The open reservations hold what the lines of their orders want; what was shipped from one is what left."""
    held: Counter[Place] = Counter()
    left: Counter[tuple[str, str]] = Counter()
    for r in b.table("reservations"):
        shipped = json.loads(r["shipped"])
        for sku, n in json.loads(r["items"]):
            if r["state"] not in ("released", "void"):
                held[r["warehouse"], sku] += n - shipped.get(sku, 0)
        for sku, n in shipped.items():
            left[r["order_no"], sku] += n
    wrong = each_equal(_holding(b), held, lambda p, a, z: f"{p[0]}/{p[1]}: lines hold {a}, reservations {z}")
    gone: Counter[tuple[str, str]] = Counter()
    for s in b.table("ship_lines"):
        if s["shipped_qty"]:
            gone[s["order_no"], s["sku"]] += s["shipped_qty"]
    wrong += each_equal(gone, left, lambda p, a, z: f"{p[0]} {p[1]}: {a} left, its reservations show {z}")
    return {"held": sum(held.values()), "reservations": len(b.table("reservations"))}, wrong


def demand(b: Books) -> Found:
    """What orders want that no place holds for them yet."""
    wants = {
        o["order_no"]
        for o in b.table("orders")
        if o["progress"] in _WANTING and "platform_warehouse" not in json.loads(o["flags"])
    }
    wanted: Counter[tuple[str, str]] = Counter()
    for s in b.table("ship_lines"):
        if s["order_no"] in wants and s["sku"] and s["status"] == "open":
            wanted[s["order_no"], s["sku"]] += s["qty"]
    here = {(d["order_no"], d["sku"]): d["qty"] for d in b.table("demand")}
    return {"pieces": sum(here.values())}, each_equal(
        wanted, here, lambda p, a, z: f"{p[0]} {p[1]}: wants {a}, claimed {z}"
    )
