"""The proof at the end of a demo: our stores against the sandbox's book.

It reads the files of both with nothing but the standard library and shares no code with the jobs, so that a mistake of
theirs is not repeated here.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

#: how many differences of one check are shown
SHOWN = 5
_HOLDING = ("sourced", "merged", "partly_shipped")

Rows = list[dict[str, Any]]


class Books:
    """Both sides, read once."""

    def __init__(self, office: Path, sandbox: Path) -> None:
        self._data = office / "data"
        self.world = [json.loads(x) for x in (sandbox / "orders.jsonl").read_text(encoding="utf-8").splitlines()]
        self.entries = [json.loads(x) for x in (sandbox / "book.jsonl").read_text(encoding="utf-8").splitlines()]
        self.info = json.loads((sandbox / "sandbox.json").read_text(encoding="utf-8"))
        self.orders = self.rows("orders", "SELECT * FROM orders")
        self.ship_lines = self.rows("orders", "SELECT * FROM ship_lines")
        self.parcels = self.rows("orders", "SELECT * FROM parcels")
        self.inbox = self.rows("inbox", "SELECT * FROM inbox_state")
        self.stock = self.rows("stock", "SELECT * FROM stock")
        self.journal = self.rows("stock", "SELECT * FROM stock_journal")
        self.reservations = self.rows("stock", "SELECT * FROM reservations")
        self.effects = self.rows("ledger", "SELECT * FROM effects")
        self.windows = self.rows("ledger", "SELECT * FROM windows")

    def rows(self, store: str, sql: str) -> Rows:
        with closing(sqlite3.connect(f"file:{self._data / store}.db?mode=ro", uri=True)) as c:
            c.row_factory = sqlite3.Row
            return [dict(r) for r in c.execute(sql)]


def prove(office: Path, sandbox: Path, commands: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """Run every check.

    Returns:
        ok, checks (name, ok, figures, differences: the first few), counts of orders by progress, slowest commands.
    """
    books = Books(office, sandbox)
    checks = [_check(name, check(books)) for name, check in CHECKS.items()]
    by_progress = Counter(o["progress"] for o in books.orders)
    slow = sorted(commands, key=lambda c: -c["seconds"])[:3]
    return {
        "ok": all(c["ok"] for c in checks),
        "checks": checks,
        "progress": dict(sorted(by_progress.items())),
        "parked": sum(e["status"] == "parked" for e in books.inbox),
        "faults": dict(sorted(Counter(e["fault"] for e in books.entries if e["kind"] == "fault").items())),
        "slowest": slow,
    }


def _check(name: str, found: tuple[dict[str, Any], Iterable[str]]) -> dict[str, Any]:
    figures, differences = found
    wrong = sorted(differences)
    return {"name": name, "ok": not wrong, "figures": figures, "differences": len(wrong), "first": wrong[:SHOWN]}


def _orders_complete(b: Books) -> tuple[dict[str, Any], Iterable[str]]:
    """Every order of the world is stored here, or parked with its reason."""
    stored = {(o["platform"], o["platform_order_no"]) for o in b.orders}
    parked = {
        (e["platform"], e["number"])
        for e in b.inbox
        if e["status"] == "parked" and e["reason"] and e["kind"] == "orders"
    }
    # Some platforms never list an order that was never paid: nobody could know it, so it is counted apart.
    hidden = {(o["platform"], o["order"]) for o in b.world if not o.get("listed", True)} - stored - parked
    world = {(o["platform"], o["order"]) for o in b.world} - hidden
    wrong = [f"{p} {n}: in the world, not here" for p, n in world - stored - parked]
    wrong += [f"{p} {n}: here, not in the world" for p, n in stored - world]
    return {
        "world": len(world),
        "stored": len(stored & world),
        "parked": len((parked - stored) & world),
        "never_listed": len(hidden),
    }, wrong


def _states_follow(b: Books) -> tuple[dict[str, Any], Iterable[str]]:
    """What the world knows as cancelled, shipped or unpaid is that here too."""
    ours = {(o["platform"], o["platform_order_no"]): o["progress"] for o in b.orders}
    fits = {
        "unpaid": {"unpaid"},
        "paid": {"created", "audited", "sourced", "merged"},
        "partly_shipped": {"partly_shipped", "merged"},
        "shipped": {"shipped"},
        "completed": {"completed", "shipped"},
        "cancelled": {"cancelled"},
    }
    # Refunded after it had left, an order is closed there; here it was shipped, and its refund is full.
    wrong = [
        f"{o['platform']} {o['order']}: {o['state']} there, {ours[o['platform'], o['order']]} here"
        for o in b.world
        if (o["platform"], o["order"]) in ours
        and ours[o["platform"], o["order"]] not in fits.get(o["state"], {"?"})
        and not (o["state"] == "cancelled" and any(line["shipped"] for line in o["lines"]))
    ]
    return {"states": dict(Counter(o["state"] for o in b.world))}, wrong


def _money_agrees(b: Books) -> tuple[dict[str, Any], Iterable[str]]:
    """Per order: goods, freight and payable as the world has them; and the parts make the whole."""
    ours = {(o["platform"], o["platform_order_no"]): o for o in b.orders}
    wrong, total = [], 0
    for o in b.world:
        mine = ours.get((o["platform"], o["order"]))
        if mine is None:
            continue
        total += mine["payable_minor"]
        for part in ("goods", "freight", "payable"):
            if mine[f"{part}_minor"] != o["money"][part]:
                wrong.append(
                    f"{o['platform']} {o['order']}: {part} {o['money'][part]} there, {mine[f'{part}_minor']} here"
                )
        parts = sum(mine[f"{p}_minor"] for p in ("goods", "freight", "tax", "charges", "adjust", "unexplained"))
        if parts != mine["payable_minor"]:
            wrong.append(f"{o['platform']} {o['order']}: parts make {parts}, payable is {mine['payable_minor']}")
    return {"payable_minor": total}, wrong


def _stock_agrees(b: Books) -> tuple[dict[str, Any], Iterable[str]]:
    """Per SKU: opening + adjustments − pieces the world saw shipped + returned = on hand."""
    left: Counter[str] = Counter()
    for good in b.info["goods"]:
        left[good["sku"]] += sum(good["opening"].values())
    adjusted = [j for j in b.journal if j["kind"] in ("adjust", "return", "transfer_in", "transfer_out")]
    for j in adjusted:
        left[j["sku"]] += j["on_hand"]
    shipped: Counter[str] = Counter()
    for o in b.world:
        for line in o["lines"]:
            for sku, pieces in line["pieces"].items():
                shipped[sku] += pieces * line["shipped"] // line["qty"]
    here: Counter[str] = Counter()
    for s in b.stock:
        here[s["sku"]] += s["on_hand"]
    wrong = [
        f"{sku}: should be {left[sku] - shipped[sku]}, is {here[sku]}"
        for sku in left | here
        if left[sku] - shipped[sku] != here[sku]
    ]
    return {"skus": len(left), "shipped": sum(shipped.values()), "on_hand": sum(here.values())}, wrong


def _held_agrees(b: Books) -> tuple[dict[str, Any], Iterable[str]]:
    """Held pieces recomputed from the lines of orders that hold stock."""
    progress = {o["order_no"]: o["progress"] for o in b.orders}
    wanted: Counter[tuple[str, str]] = Counter()
    for s in b.ship_lines:
        if progress.get(s["order_no"]) in _HOLDING and s["status"] == "open" and s["warehouse"]:
            wanted[s["warehouse"], s["sku"]] += s["qty"] - s["shipped_qty"]
    here = {(s["warehouse"], s["sku"]): s["held"] for s in b.stock}
    wrong = [
        f"{w}/{sku}: lines hold {wanted[w, sku]}, counter says {here.get((w, sku), 0)}"
        for w, sku in {*wanted, *here}
        if wanted[w, sku] != here.get((w, sku), 0)
    ]
    return {"held": sum(here.values())}, wrong


def _journal_agrees(b: Books) -> tuple[dict[str, Any], Iterable[str]]:
    """Every counter is the sum of its journal, and none is negative or over-promised."""
    summed: dict[tuple[str, str], list[int]] = {}
    for j in b.journal:
        at = summed.setdefault((j["warehouse"], j["sku"]), [0, 0])
        at[0] += j["on_hand"]
        at[1] += j["held"]
    wrong = []
    for s in b.stock:
        if [s["on_hand"], s["held"]] != summed.get((s["warehouse"], s["sku"]), [0, 0]):
            wrong.append(f"{s['warehouse']}/{s['sku']}: counter and journal differ")
        if not 0 <= s["held"] <= s["on_hand"]:
            wrong.append(f"{s['warehouse']}/{s['sku']}: held {s['held']} of {s['on_hand']}")
    return {"entries": len(b.journal)}, wrong


def _notices_once(b: Books) -> tuple[dict[str, Any], Iterable[str]]:
    """Every parcel that left was told once and is confirmed here; the world took nothing twice."""
    there: Counter[tuple[str, str]] = Counter()
    for e in b.entries:
        if e["kind"] == "effect" and e.get("effect") == "ship":
            there[e["platform"], e["order"]] += 1
    told = {(e["platform"], e["order"]) for e in b.entries if e["kind"] == "effect" and e.get("effect") == "ship"}
    mine = {o["order_no"]: (o["platform"], o["platform_order_no"]) for o in b.orders}
    confirmed = {
        mine[e["ref"]]
        for e in b.effects
        if e["kind"] == "ship_notice" and e["state"] == "confirmed" and e["ref"] in mine
    }
    repeats = [e for e in b.entries if e["kind"] == "repeat"]
    wrong = [f"{p} {n}: the world was told, not confirmed here" for p, n in told - confirmed]
    wrong += [f"{p} {n}: confirmed here, the world was not told" for p, n in confirmed - told]
    wrong += [f"{e['platform']} {e.get('order', '')}: told again" for e in repeats if e.get("effect") == "ship"]
    return {"told": sum(there.values()), "orders": len(told)}, wrong


def _nothing_left_open(b: Books) -> tuple[dict[str, Any], Iterable[str]]:
    """Every window is closed with a proof, every document pushed or parked, every notice ended."""
    wrong = [f"window {w['window_id']}: {w['reason']}" for w in b.windows if w["state"] != "closed" or not w["proof"]]
    wrong += [f"inbox {e['key']}: {e['status']} {e['reason']}" for e in b.inbox if e["status"] == "waiting"]
    wrong += [
        f"notice {e['key']}: {e['state']} {e['answer']}"
        for e in b.effects
        if e["kind"] == "ship_notice" and e["state"] not in ("confirmed", "void", "refused", "parked")
    ]
    return {"windows": len(b.windows), "proofs": dict(Counter(w["proof"] for w in b.windows))}, wrong


CHECKS: dict[str, Callable[[Books], tuple[dict[str, Any], Iterable[str]]]] = {
    "orders: known = stored + parked": _orders_complete,
    "states follow the platforms": _states_follow,
    "money per order and component": _money_agrees,
    "stock per SKU": _stock_agrees,
    "held = lines that hold": _held_agrees,
    "counters = journal": _journal_agrees,
    "notices told once": _notices_once,
    "windows proven, nothing waiting": _nothing_left_open,
}
