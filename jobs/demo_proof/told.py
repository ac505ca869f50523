"""Statements and bills: every row that was told is here with its amount, and what we expected of it is what the world knows."""

from __future__ import annotations

import json
from collections import Counter, defaultdict

from jobs.demo_proof.books import Books, Found, Row, each_equal

#: account, day, number of the order or payment
Told = tuple[str, str, str]
_PAY, _FUNDS = "pay:", "funds:"


def rows(b: Books) -> Found:
    """Per file: its lines are counted and summed as it says, and per day and order they make what was told there."""
    files = {f["file_id"]: f for f in b.settled("statement_files")}
    inside: defaultdict[int, list[Row]] = defaultdict(list)
    for line in b.settled("statement_lines"):
        inside[line["file_id"]].append(line)
    parked = Counter(r["file_id"] for r in b.settled("parked_rows"))
    wrong = [f"file {n}: lines of it, but no file" for n in inside.keys() - files.keys()]
    wrong += [f"file {n}: {parked[n]} rows parked, {files[n]['parked_count'] if n in files else 'no file'}"
              for n in parked.keys() | files.keys() if n not in files or parked[n] != files[n]["parked_count"]]  # fmt: skip
    for number, f in files.items():
        wrong += _counted(number, f, inside.get(number, []))
    here: Counter[Told] = Counter()
    loose: Counter[tuple[str, str, int]] = Counter()
    for number, f in files.items():
        for line in inside.get(number, []):
            if line["order_ref"]:
                here[f["account"], f["period"], line["order_ref"]] += line["amount_minor"]
            else:
                loose[f["account"], f["period"], line["amount_minor"]] += 1
    there, others = _there(b, {(f["account"], f["period"]) for f in files.values()})
    wrong += each_equal(there, here, lambda k, a, z: f"{' '.join(k)}: rows make {a} there, {z} here")
    wrong += [f"{a} {day}: {minor} of no order, and nobody told it" for a, day, minor in (loose - others)]
    return {"files": len(files), "lines": sum(map(len, inside.values()))}, wrong


def _counted(number: int, f: Row, lines: list[Row]) -> list[str]:
    """What a file says of itself against its lines."""
    said = {c: (t["count"], t["in"], t["out"]) for c, t in json.loads(f["totals"]).items()}
    made: dict[str, tuple[int, int, int]] = {}
    for line in lines:
        count, inward, outward = made.get(line["currency"], (0, 0, 0))
        minor = line["amount_minor"]
        made[line["currency"]] = (count + 1, inward + max(minor, 0), outward + min(minor, 0))
    wrong = [f"file {number}: {f['row_count']} rows, {len(lines)} lines"] if f["row_count"] != len(lines) else []
    wrong += [f"file {number}: says {said}, its lines make {made}"] if said != made else []
    ids = sorted(line["line_id"] for line in lines)
    if ids and ids != list(range(f["first_line"], f["first_line"] + len(ids))):
        wrong.append(f"file {number}: its lines have a hole")
    return wrong


def _there(b: Books, read: set[tuple[str, str]]) -> tuple[Counter[Told], Counter[tuple[str, str, int]]]:
    """What was told in the files that we read: sums per order or payment, and amounts of no order."""
    sums: Counter[Told] = Counter()
    loose: Counter[tuple[str, str, int]] = Counter()
    for r in b.told:
        if (r["shop"], r["day"]) in read and r["order"]:
            sums[r["shop"], r["day"], r["order"]] += r["amount"]
        elif (r["shop"], r["day"]) in read:
            loose[r["shop"], r["day"], r["amount"]] += 1
    alias = {c["channel"]: c["alias"] for c in b.info["channels"]}
    for r in b.of("bill_row"):
        net = (r["settled"] - r["fee"]) * (1 if r["row_kind"] == "payment" else -1)
        for kind in (_PAY, _FUNDS):
            if (kind + alias[r["channel"]], r["day"]) in read:
                sums[kind + alias[r["channel"]], r["day"], r["payment"]] += net
    return Counter({k: n for k, n in sums.items() if n}), loose


def expected(b: Books) -> Found:
    """What was expected of each order is what the world had of it paid and given back; of each payment what its channel had;
    of each bill's rows that money moved as they say."""
    due: defaultdict[str, list[Row]] = defaultdict(list)
    for e in b.settled("expectations"):
        due[e["account"]].append(e)
    wrong: list[str] = []
    for s in b.info["shops"]:
        wrong += _of_shop(b, s["platform"], due.get(s["alias"], []))
    for c in b.info["channels"]:
        wrong += _of_channel(b, c["channel"], due.get(_PAY + c["alias"], []))
        wrong += _of_flow(b, c["alias"], due.get(_FUNDS + c["alias"], []))
    wrong += _of_own(b, due.get("own", []))
    return {"expected": sum(map(len, due.values()))}, wrong


def _sums(due: list[Row], kind: str, by: str) -> Counter[str]:
    out: Counter[str] = Counter()
    for e in due:
        if e["kind"] == kind and e["status"] != "void":
            out[e[by]] += e["amount_minor"]
    return out


def _of_shop(b: Books, platform: str, due: list[Row]) -> list[str]:
    """Goods and refunds of a shop's orders; fees by rate stand beside goods."""
    goods, back = _sums(due, "goods", "order_ref"), _sums(due, "refund", "order_ref")
    wrong = [f"{platform} {e['order_ref']}: {e['kind']} of what nobody bought" for e in due
             if (platform, e["order_ref"]) not in b.theirs or b.ours.get((platform, e["order_ref"]), {}).get("order_no") != e["order_no"]]  # fmt: skip
    for ref in goods:
        o = b.theirs.get((platform, ref))
        if o is not None and o["money"]["paid"] != goods[ref]:
            wrong.append(f"{platform} {ref}: {o['money']['paid']} paid there, {goods[ref]} expected")
    agreed: Counter[str] = Counter()
    for r in b.refunds.values():
        if r["platform"] == platform and r["status"] not in ("refused", "closed"):
            agreed[r["order_no"]] -= r["amount_minor"]
    numbers = {e["order_ref"]: e["order_no"] for e in due}
    wrong += [f"{platform} {ref}: {minor} expected back, refunds make {agreed[numbers[ref]]}"
              for ref, minor in back.items() if agreed[numbers[ref]] != minor]  # fmt: skip
    wrong += [f"{platform} {e['order_ref']}: {e['kind']} of {e['amount_minor']} without goods" for e in due
              if e["kind"] not in ("goods", "refund") and e["order_ref"] not in goods]  # fmt: skip
    return wrong


def _of_channel(b: Books, channel: str, due: list[Row]) -> list[str]:
    """Payments, what went back and fees of a channel."""
    there: Counter[tuple[str, str]] = Counter()
    for p in b.money("payment"):
        if p["channel"] == channel and p["paid_at"]:
            there["payment", p["payment"]] += p["settled"]
            there["fee", p["payment"]] -= p["fee"]
    for r in b.money("payback"):
        if r["channel"] == channel and r["state"] == "success":
            there["refund", r["payment"]] -= r["settled"]
            there["fee", r["payment"]] += r["fee_back"]
    here: Counter[tuple[str, str]] = Counter()
    for e in due:
        if e["status"] != "void":
            here[e["kind"], e["order_ref"]] += e["amount_minor"]
    return each_equal(dict(there), dict(here), lambda k, a, z: f"{channel} {k[1]}: {k[0]} {a} there, {z} expected")


def _of_flow(b: Books, alias: str, due: list[Row]) -> list[str]:
    """Money that should have moved is what the bills of those days say."""
    files = {f["file_id"]: f for f in b.settled("statement_files") if f["account"] == _PAY + alias}
    billed: Counter[str] = Counter()
    for line in b.settled("statement_lines"):
        if line["file_id"] in files:
            billed[line["order_ref"]] += line["amount_minor"]
    moved = _sums(due, "net", "order_ref")
    return each_equal(billed, moved, lambda k, a, z: f"{alias} {k}: {a} billed, {z} expected to move")


def _of_own(b: Books, due: list[Row]) -> list[str]:
    """Own orders: what their buyers paid through the channels, and what went back."""
    paid, back = _sums(due, "goods", "order_no"), _sums(due, "refund", "order_no")
    wrong = []
    for o in b.own:
        no = o["order_no"]
        if paid[no] != o["paid_minor"] or -back[no] != o["refunded_minor"]:
            wrong.append(
                f"own {no}: {o['paid_minor']} paid, {o['refunded_minor']} back; expected {paid[no]} and {back[no]}"
            )
    return wrong
