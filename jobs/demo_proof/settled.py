"""The settlement's own books: matches add up, everything stated is matched or open, each act is on record, suppliers too."""

from __future__ import annotations

import json
import tomllib
from collections import Counter, defaultdict
from typing import Any

from jobs.demo_proof.books import Books, Found, Row

_DAY_MS = 86_400_000
#: matches whose sides differ hang in suspense with their difference
_DIFFERS = ("amount_differs", "status_differs")


def matched(b: Books) -> Found:
    """Each match's difference is its lines less its expectations; each line is matched or stands open; what stands open has
    the amount of its row, or of its match."""
    amounts = {("line", x["line_id"]): x["amount_minor"] for x in b.settled("statement_lines")}
    amounts |= {("exp", x["exp_id"]): x["amount_minor"] for x in b.settled("expectations")}
    matches = {m["match_id"]: m for m in b.settled("matches")}
    delta: Counter[int] = Counter()
    member: dict[tuple[str, int], int] = {}
    wrong = []
    for m in b.settled("match_members"):
        key = (m["side"], m["ref_id"])
        member[key] = m["match_id"]
        if key not in amounts or m["match_id"] not in matches:
            wrong.append(f"{key[0]} {key[1]}: in match {m['match_id']}, one of the two is not there")
        delta[m["match_id"]] += amounts.get(key, 0) * (1 if m["side"] == "line" else -1)
    wrong += [f"match {no}: says {m['delta_minor']}, its members make {delta[no]}"
              for no, m in matches.items() if m["delta_minor"] != delta[no] or no not in set(member.values())]  # fmt: skip
    wrong += [f"match {no}: matched by no rule, but differs" for no, m in matches.items()
              if m["class_"] == "matched" and m["delta_minor"] and not m["rule_id"]]  # fmt: skip
    still = {(s["side"], s["ref_id"]): s for s in b.settled("suspense")}
    for key, s in still.items():
        is_difference = s["class_"] in _DIFFERS and key in member
        there: Any = delta[member[key]] if is_difference else amounts.get(key)
        if there != s["amount_minor"]:
            wrong.append(f"{key[0]} {key[1]}: open with {s['amount_minor']}, is {there}")
    wrong += [f"line {key[1]}: neither matched nor open" for key in amounts if key[0] == "line" and key not in member and key not in still]  # fmt: skip
    wrong += _suggested(b.settled("suggestions"), still)
    return {"matches": len(matches), "open": len(still)}, wrong


def _suggested(suggestions: list[Row], still: dict[tuple[str, int], Row]) -> list[str]:
    return [
        f"suggestion {s['suggestion_id']}: {side} {ref} does not stand open"
        for s in suggestions
        if s["state"] == "open"
        for side, refs in (("line", s["line_ids"]), ("exp", s["exp_ids"]))
        for ref in json.loads(refs)
        if still.get((side, ref), {}).get("class_") != "suggested"
    ]


def acts(b: Books) -> Found:
    """Each file was imported by an act, each match made by one; every row that an act wrote stands in its journal; periods are
    open as nobody confirmed one; the rules are those of the file; and the orders were read to the end."""
    rows = sorted(b.settled("acts"), key=lambda a: int(a["act_id"]))
    wrong = _spans(rows, b.settled("matches"))
    imported = {a["file_id"]: a for a in rows if a["kind"] == "import"}
    count = Counter(x["file_id"] for x in b.settled("statement_lines"))
    files = {f["file_id"]: f for f in b.settled("statement_files")}
    wrong += [f"file {n}: no act imported it" for n in files.keys() - imported.keys()]
    wrong += [f"act {a['act_id']}: imported another file than there is" for n, a in imported.items()
              if n not in files or (a["account"], a["period"]) != (files[n]["account"], files[n]["period"])
              or json.loads(a["counts"]).get("rows") != count[n]]  # fmt: skip
    wrong += _journal(b, {a["act_id"]: a for a in rows})
    wrong += _periods(b, {a["act_id"]: a for a in rows})
    wrong += _rules(b, rows)
    end = max((r["seq"] for r in b.table("order_feed")), default=0)
    wrong += [f"cursor {c['name']}: at {c['position']}, the orders' feed ends at {end}" for c in b.settled("cursors") if c["position"] != str(end)]  # fmt: skip
    wrong += [f"no cursor {name}" for name in {"bills", "expectations"} - {c["name"] for c in b.settled("cursors")}]
    tokens = {x["name"]: x["token"] for x in b.table("leases")}
    for f in b.settled("fences"):
        given = max((t for name, t in tokens.items() if name.endswith(f["account"])), default=0)
        if not 0 < f["token"] <= given:
            wrong.append(f"{f['account']}: written with token {f['token']}, {given} were given")
    applied = sum(c["command"].startswith("settle ") and "--apply" in c["command"] for c in b.commands)
    if len(b.settled("plans_applied")) != applied and b.commands:
        wrong.append(f"{applied} plans were carried out, {len(b.settled('plans_applied'))} on record")
    return {"acts": len(rows), "periods": len(b.settled("periods"))}, wrong


def _spans(rows: list[Row], matches: list[Row]) -> list[str]:
    """Acts give the numbers of their matches one after another, without a hole."""
    wrong, after = [], 1
    spans: dict[int, tuple[int, int]] = {}
    for n, act in enumerate(rows, 1):
        spans[act["act_id"]] = (act["first_match"], act["after_match"])
        if act["act_id"] != n or (act["first_match"] and act["first_match"] != after):
            wrong.append(f"act {act['act_id']}: begins at {act['first_match']}, the one before ended at {after}")
        after = max(after, act["after_match"])
    wrong += [f"match {m['match_id']}: not of act {m['act_id']}" for m in matches
              if not (span := spans.get(m["act_id"], (0, 0)))[0] <= m["match_id"] < span[1]]  # fmt: skip
    return wrong


def _journal(b: Books, by_no: dict[int, Row]) -> list[str]:
    written: defaultdict[int, set[tuple[str, str]]] = defaultdict(set)
    seqs: defaultdict[int, list[int]] = defaultdict(list)
    for j in b.settled("act_journal"):
        written[j["act_id"]].add((j["of_table"], j["key"]))
        seqs[j["act_id"]].append(j["seq"])
    wrong = [f"act {no}: its journal has a hole, or is of no act" for no, n in seqs.items()
             if no not in by_no or sorted(n) != list(range(len(n)))]  # fmt: skip
    keys = {"suspense": ("side", "ref_id"), "periods": ("account", "period"), "suggestions": ("suggestion_id",)}
    for table, columns in keys.items():
        for row in b.settled(table):
            key = json.dumps([row[c] for c in columns], separators=(",", ":"), ensure_ascii=False)
            if (table, key) not in written[row["act_id"]]:
                wrong.append(f"{table} {key}: act {row['act_id']} wrote it, its journal does not say so")
    return wrong


def _periods(b: Books, by_no: dict[int, Row]) -> list[str]:
    confirmed = any(c["command"].startswith("settle confirm") for c in b.commands)
    wrong = []
    for p in b.settled("periods"):
        act = by_no.get(p["act_id"], {})
        name = f"period {p['account']} {p['period']}"
        if (act.get("account"), act.get("period")) != (p["account"], p["period"]) or p["end_at"] - p[
            "start_at"
        ] != _DAY_MS:
            wrong.append(f"{name}: not as its act {p['act_id']} has it")
        if b.commands and not confirmed and (p["state"] == "confirmed" or p["confirmed_by"]):
            wrong.append(f"{name}: confirmed, and nobody did it")
    there = {(p["account"], p["period"]) for p in b.settled("periods")}
    wrong += [f"file {f['file_id']}: its period is not there" for f in b.settled("statement_files") if (f["account"], f["period"]) not in there]  # fmt: skip
    return wrong


def _rules(b: Books, rows: list[Row]) -> list[str]:
    """What is kept of the tolerance rules against the file that was written for them."""
    there = tomllib.loads(b.office_file("rules.toml"))
    wanted = [[r["id"], r["amount_from"], r["amount_to"], r["days_before"], r["days_after"]] for r in there["rule"]]
    kept = b.settled("rule_versions")
    wrong = [f"act {a['act_id']}: matched by rules {a['rules']}, which nobody wrote" for a in rows if a["rules"] not in ("", there["version"])]  # fmt: skip
    wrong += ["the rules that matched are not kept"] if not kept else []
    for version in kept:
        said = [[r[0], *r[5:9]] for r in json.loads(version["rules"])]
        if version["version"].partition(":")[0] != there["version"] or said != wanted:
            wrong.append(f"rules {version['version']}: {said} kept, {wanted} written")
    return wrong


def suppliers(b: Books) -> Found:
    """Suppliers' bills: prices come from files, lines and movements belong to bills, and lines make a bill's total."""
    bills = {x["bill_no"]: x for x in b.settled("supplier_bills")}
    files = b.settled("supplier_files")
    imported = sum(c["command"].startswith("settle supplier") and "--prices" in c["command"] for c in b.commands)
    wrong = [f"prices {f['hash']}: nobody imported them" for f in files if b.commands and not imported]
    room = sum(f["row_count"] for f in files)
    prices = b.settled("supplier_prices")
    wrong += [f"{len(prices)} prices, files had {room}"] if len(prices) > room else []
    known = {p["supplier"] for p in prices}
    made: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line in b.settled("supplier_lines"):
        made[line["bill_no"]][line["currency"]] += line["amount_minor"]
    wrong += [f"bill {no}: lines of it, but no bill" for no in made.keys() - bills.keys()]
    moved = Counter(m["bill_no"] for m in b.settled("supplier_moves"))
    journal = {j["seq"] for j in b.table("stock_journal")}
    wrong += [f"movement {m['seq']}: of no bill, or the stock knows nothing of it" for m in b.settled("supplier_moves")
              if m["bill_no"] not in bills or m["seq"] not in journal]  # fmt: skip
    for no, bill in bills.items():
        if bill["state"] != "undone" and (
            moved[no] != bill["move_count"] or not made[no] or bill["supplier"] not in known
        ):
            wrong.append(f"bill {no}: {bill['move_count']} movements, {moved[no]} here; lines make {dict(made[no])}")
    wrong += [f"adjustment {a['adjustment_id']}: of a supplier without prices" for a in b.settled("supplier_adjustments")
              if a["supplier"] not in known or (a["bill_no"] and a["bill_no"] not in bills)]  # fmt: skip
    return {"bills": len(bills)}, wrong
