"""Parcels: what is in them is what orders want, and the platforms were told of each once."""

from __future__ import annotations

import json
from collections import Counter

from jobs.demo_proof.books import Books, Found, Key, each_equal

_GONE = ("void", "stopped")


def parcels(b: Books) -> Found:
    """Members, memberships and ship lines name the same orders, and what left has a waybill of its own."""
    active: dict[str, set[str]] = {}
    for m in b.table("memberships"):
        if m["active"]:
            active.setdefault(m["parcel_no"], set()).add(m["order_no"])
    inside: dict[str, set[str]] = {}
    for s in b.table("ship_lines"):
        if s["parcel_no"] and (s["status"] == "open" or s["shipped_qty"]):
            inside.setdefault(s["parcel_no"], set()).add(s["order_no"])
    known = {p["parcel_no"]: p for p in b.table("parcels")}
    wrong = []
    for no, p in known.items():
        members = set(json.loads(p["members"])) if p["state"] not in _GONE else set()
        if not members == active.get(no, set()) == inside.get(no, set()):
            wrong.append(f"{no}: members, memberships and ship lines differ")
        if p["state"] == "shipped" and not (p["carrier"] and p["waybill"]):
            wrong.append(f"{no}: shipped without a waybill")
    wrong += [f"{no}: not a parcel, but orders are in it" for no in {*active, *inside} - set(known)]
    bills = Counter(p["waybill"] for p in known.values() if p["waybill"] and p["state"] not in _GONE)
    wrong += [f"waybill {w}: {n} parcels have it" for w, n in bills.items() if n > 1]
    shared = sum(len(m) > 1 for m in active.values())
    return {"parcels": len(known), "of_several_orders": shared}, wrong


def _told_there(b: Books) -> tuple[Counter[Key], dict[Key, Counter[str]]]:
    """Per order what the world took: pieces of order lines, and how often each waybill."""
    pieces: Counter[Key] = Counter()
    waybills: dict[Key, Counter[str]] = {}
    for e in b.of("effect", effect="ship"):
        key = (e["platform"], e["order"])
        for parcel in e["parcels"]:
            pieces[key] += sum(qty for _, qty in parcel["lines"])
            waybills.setdefault(key, Counter())[parcel["waybill"]] += 1
    return pieces, waybills


def _levels(b: Books) -> tuple[dict[Key, int], dict[Key, int]]:
    """The level of each listing as confirmed here last, and as it was set there last."""
    platforms = {s["alias"]: s["platform"] for s in b.info["shops"]}
    told: dict[Key, tuple[int, int]] = {}
    for e in b.table("effects"):
        if e["kind"] == "level" and e["state"] == "confirmed":
            payload = json.loads(e["payload"])
            key = (platforms[e["shop"]], payload["listing_id"])
            told[key] = max(told.get(key, (0, 0)), (payload["seq"], payload["qty"]))
    shown: dict[Key, int] = {(e["platform"], e["listing"]): e["after"] for e in b.of("effect", effect="level")}
    return {key: qty for key, (_, qty) in told.items()}, shown


def notices(b: Books) -> Found:
    """Every parcel that left was told once and is confirmed here; the world took nothing twice."""
    there, waybills = _told_there(b)
    mine = {o["order_no"]: (o["platform"], o["platform_order_no"]) for o in b.table("orders")}
    here: Counter[Key] = Counter()
    bills: dict[Key, set[str]] = {}
    wrong = []
    for e in b.table("effects"):
        if e["kind"] == "ship_notice" and e["state"] == "confirmed":
            payload, key = json.loads(e["payload"]), mine.get(e["ref"], ("", e["ref"]))
            here[key] += payload["qty"]
            bills.setdefault(key, set()).add(payload["waybill"])
        elif e["state"] not in ("confirmed", "void", "refused", "parked"):
            wrong.append(f"{e['kind']} {e['key']}: {e['state']} {e['answer']}")
    wrong += each_equal(there, here, lambda k, a, z: f"{k[0]} {k[1]}: {a} pieces told there, {z} confirmed here")
    for key, names in waybills.items():
        wrong += [f"{key[0]} {key[1]}: {w} was told {n} times" for w, n in names.items() if n > 1]
        wrong += [f"{key[0]} {key[1]}: {w} was told, not by us" for w in set(names) - bills.get(key, set())]
    wrong += [f"{e['platform']} {e.get('order', '')}: told again" for e in b.of("repeat", effect="ship")]
    levels, shown = _levels(b)
    wrong += each_equal(levels, shown, lambda k, a, z: f"level of {k[0]} {k[1]}: {a} told here, {z} shown there")
    return {"orders": len(there), "pieces": sum(there.values()), "levels": len(levels)}, wrong
