"""The money: payments and what went back as the channels have them; each planted difference of bills and statements found
in its class, and nothing else found."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from jobs.demo_proof.books import Books, Found, Row

#: planted difference → the class it must be found in
CLASSES = {
    "missing": "only_ours", "extra": "only_theirs", "amount": "amount_differs", "fee": "amount_differs", "status": "status_differs",
    "day_cut": "day_cut", "doubled": "doubled",
}  # fmt: skip
Pair = tuple[str, str]


def payments(b: Books) -> Found:
    """Every payment is here as the channel has it, and every order has what was paid and went back."""
    theirs = {r["payment"]: r for r in b.money("payment")}
    ours = {p["payment_no"]: p for p in b.table("payments")}
    wrong = [f"{no}: {'not here' if no in theirs else 'no channel knows it'}" for no in theirs.keys() ^ ours.keys()]
    for no in theirs.keys() & ours.keys():
        there, here = theirs[no], ours[no]
        told = (there["amount"], there["payer"], there["settled"]) if there["paid_at"] else (0, 0, 0)
        if told != (here["paid_minor"], here["payer_minor"], here["settled_minor"]):
            wrong.append(f"{no}: {told} there, {here['paid_minor'], here['payer_minor'], here['settled_minor']} here")
        elif (here["status"] == "paid") != bool(there["paid_at"]):
            wrong.append(f"{no}: {there['state']} there, {here['status']} here")
    paid: Counter[str] = Counter()
    for p in ours.values():
        paid[p["order_no"]] += 0 if p["late"] else p["paid_minor"]
    for order in b.own:
        if order["paid_minor"] != paid[order["order_no"]]:
            wrong.append(f"{order['order_no']}: {order['paid_minor']}, its payments make {paid[order['order_no']]}")
    figures = {
        "payments": len(ours),
        "paid_minor": sum(paid.values()),
        "late": sum(bool(p["late"]) for p in ours.values()),
    }
    return figures, wrong


def backs(b: Books) -> Found:
    """Money went back once, as much as was agreed, and where the channel says so its order and payment show it."""
    theirs = {r["refund"]: r for r in b.money("payback")}
    ours = {r["back_no"]: r for r in b.table("payment_backs")}
    wrong = [f"{no}: {'not here' if no in theirs else 'no channel knows it'}" for no in theirs.keys() ^ ours.keys()]
    for no in theirs.keys() & ours.keys():
        there, here = (theirs[no]["state"], theirs[no]["amount"]), (ours[no]["status"], ours[no]["amount_minor"])
        wrong += [f"{no}: {there} there, {here} here"] if there != here else []
    per_payment: Counter[str] = Counter()
    per_order: Counter[str] = Counter()
    for r in (r for r in ours.values() if r["status"] == "success"):
        per_payment[r["payment_no"]] += r["amount_minor"]
        per_order[r["order_no"]] += r["amount_minor"] if r["refund_no"] else 0
    for p in b.table("payments"):
        if p["backed_minor"] != per_payment[p["payment_no"]]:
            wrong.append(
                f"{p['payment_no']}: {p['backed_minor']} went back, its refunds make {per_payment[p['payment_no']]}"
            )
    for order in b.own:
        if order["refunded_minor"] != per_order[order["order_no"]]:
            wrong.append(
                f"{order['order_no']}: {order['refunded_minor']} refunded, its refunds make {per_order[order['order_no']]}"
            )
    return {"refunds": len(ours), "back_minor": sum(per_payment.values())}, wrong


def bills(b: Books) -> Found:
    """The channels' bills: each planted difference in its class, and nothing else open."""
    wanted: defaultdict[Pair, set[str]] = defaultdict(set)
    shown = max((f["period"] for f in b.settled("statement_files") if f["account"].startswith("pay:")), default="")
    later = set()
    for p in b.money("planted"):
        key = p["payment"], p["refund"]
        wanted[key].add(CLASSES[p["class"]])
        if max(p["day"], p.get("told_day") or "") > shown:
            later.add(key)  # its bill, or the one it was cut into, is not made yet
    found = _found(b, "pay:", lambda row: (row["order_ref"], row["refund_ref"]))
    wrong = [
        f"{key[0]} {key[1]}: planted {', '.join(sorted(classes))}, found {', '.join(sorted(found.get(key, ()))) or 'nothing'}"
        for key, classes in wanted.items()
        if key not in later and not classes <= found.get(key, set())
    ]
    wrong += [
        f"{key[0]} {key[1]}: found {', '.join(sorted(found[key]))}, nothing planted"
        for key in found.keys() - wanted.keys()
    ]
    wrong += [
        f"{s['account']} {s['order_ref']}: open in the fund flow"
        for s in b.settled("suspense")
        if s["account"].startswith("funds:")
    ]
    lines = sum(f["row_count"] for f in b.settled("statement_files") if f["account"].startswith(("pay:", "funds:")))
    return {"rows": lines, "planted": _counted(b.money("planted"))}, wrong


def statements(b: Books) -> Found:
    """The platforms' statements: each planted difference in its class, and nothing else open but orders we have parked."""
    alias = {s["alias"]: s["platform"] for s in b.info["shops"]}
    wanted: defaultdict[Pair, set[str]] = defaultdict(set)
    shown = max((f["period"] for f in b.settled("statement_files") if f["account"] in alias), default="")
    # what lies in a file that is not made yet is neither missed nor found
    planted = [p for p in b.planted if p["class"] != "not_an_order" and p["day"] <= shown]
    later = {(p["platform"], p["order"]) for p in planted if p["found_day"] > shown}
    for p in planted:
        wanted[p["platform"], p["order"]].add(CLASSES[p["class"]])
    found: dict[Pair, set[str]] = {}
    for shop, platform in alias.items():
        for (ref, _), classes in _found(b, shop, lambda row: (row["order_ref"], "")).items():
            found.setdefault((platform, ref), set()).update(classes)
    without = {key for key in {*wanted, *found} if key in b.parked or key in b.blind} | later
    wrong = [
        f"{key[0]} {key[1]}: planted {', '.join(sorted(classes))}, found {', '.join(sorted(found.get(key, ()))) or 'nothing'}"
        for key, classes in wanted.items()
        if key not in without and not classes <= found.get(key, set())
    ]
    wrong += [
        f"{key[0]} {key[1]}: found {', '.join(sorted(found[key]))}, nothing planted"
        for key in found.keys() - wanted.keys() - without
    ]
    lines = sum(f["row_count"] for f in b.settled("statement_files") if f["account"] in alias)
    return {"rows": lines, "planted": _counted(planted), "of_parked_orders": len(without - later)}, wrong


def _counted(planted: list[Row]) -> dict[str, int]:
    return dict(sorted(Counter(str(p["class"]) for p in planted).items()))


def _found(b: Books, account: str, key: Any) -> dict[Pair, set[str]]:
    """Whose rows stand open, in which classes, and whose were cut by the end of a day."""
    files = {f["file_id"]: f["account"] for f in b.settled("statement_files")}
    lines = {row["line_id"]: row for row in b.settled("statement_lines") if _of(files[row["file_id"]], account)}
    due = {row["exp_id"]: row for row in b.settled("expectations") if _of(row["account"], account)}
    found: dict[Pair, set[str]] = {}
    for s in b.settled("suspense"):
        if _of(s["account"], account):
            row = (lines if s["side"] == "line" else due)[s["ref_id"]]
            found.setdefault(key(row), set()).add(s["class_"])
    cut = {m["match_id"] for m in b.settled("matches") if m["class_"] == "day_cut"}
    for member in b.settled("match_members"):
        if member["match_id"] in cut and member["side"] == "line" and member["ref_id"] in lines:
            found.setdefault(key(lines[member["ref_id"]]), set()).add("day_cut")
    return found


def _of(account: str, wanted: str) -> bool:
    return account.startswith(wanted) if wanted.endswith(":") else account == wanted
