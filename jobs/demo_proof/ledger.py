"""The ledger: every window proven, every run on record, nothing held back, and who did what."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

from jobs.demo_proof.books import Books, Found

#: a command and the job its run is recorded under, where the words differ
_JOBS = {"db upgrade": None, "shop token": None, "refund list": None, "order list": None, "report page": None}


def windows(b: Books) -> Found:
    """Every window is closed with a proof, marks stand at the end of the last one, each late find is kept; every document
    is pushed or parked."""
    rows = b.table("windows")
    wrong = [f"window {w['window_id']}: {w['reason']}" for w in rows if w["state"] != "closed" or not w["proof"]]
    last: dict[tuple[str, str, str], int] = {}
    for w in rows:
        scan = (w["shop"], w["kind"], w["scan"])
        last[scan] = max(last.get(scan, 0), w["end_at"])
    marks = {(m["shop"], m["kind"], m["scan"]): m for m in b.table("marks")}
    for scan, end in last.items():
        mark = marks.pop(scan, None)
        if mark is None or not mark["frontier"] == mark["proven"] == end:
            wrong.append(f"mark {'/'.join(scan)}: not at the end of the last window")
    wrong += [f"mark {'/'.join(scan)}: without a window" for scan in marks]
    entries = b.table("inbox_state")
    kept = {(e["shop"], e["kind"], e["number"]) for e in entries}
    wrong += [
        f"late {late['number']}: not in the inbox"
        for late in b.table("lateness")
        if (late["shop"], late["kind"], late["number"]) not in kept or late["found_at"] < late["modified_at"]
    ]
    # a refund waits for its order; where that could not be read it must wait
    unread = {
        r["refund"] for key in (b.parked | b.blind) - set(b.ours) for r in b.theirs.get(key, {}).get("refunds", ())
    }
    wrong += [
        f"inbox {e['key']}: {e['status']} {e['reason']}"
        for e in entries
        if e["status"] not in ("pushed", "parked") and not (e["kind"] == "refunds" and e["number"] in unread)
    ]
    return {
        "windows": len(rows),
        "proofs": dict(Counter(w["proof"] for w in rows)),
        "late": len(b.table("lateness")),
    }, wrong


def runs(b: Books) -> Found:
    """Each command that works left its record and came to an end; no lease is held, no task is open, and each alert
    says what to type."""
    ran: Counter[str] = Counter()
    for command in b.commands:
        words = " ".join(command["command"].split()[:2])
        job = _JOBS.get(words, words)
        ran.update([job] if job else [])
    rows = b.table("runs")
    kept = Counter(r["job"] for r in rows)
    wrong = [
        f"{job}: run {ran[job]} times, {kept[job]} records" for job in {*ran, *kept} if ran and ran[job] != kept[job]
    ]
    wrong += [
        f"run {r['run_id']}: {r['outcome']}"
        for r in rows
        if r["outcome"] not in ("done", "partial") or not r["ended_at"]
    ]
    wrong += [f"lease {x['name']}: still held by {x['holder']}" for x in b.table("leases") if x["holder"]]
    wrong += [f"task {t['key']}: {t['state']}" for t in b.table("tasks") if t["state"] not in ("done", "void")]
    wrong += [
        f"alert {a['key']}: no word of what to type" for a in b.table("alerts") if not a["hint"] or a["times"] < 1
    ]
    return {"runs": len(rows), "alerts": len(b.table("alerts"))}, wrong


def shops(b: Books) -> Found:
    """Each seller is known once under one alias; stored tokens are of these shops and live; the limits' and breakers'
    states can be read."""
    there = {(s["alias"], s["platform"], s["seller_id"]) for s in b.info["shops"]}
    here = {(s["shop"], s["platform"], s["seller_id"]) for s in b.table("sellers") if s["platform"] != "own"}
    wrong = [f"seller {'/'.join(s)}: not the same there and here" for s in there ^ here]
    codes = Counter(s["code"] for s in b.table("sellers"))
    wrong += [f"seller code {code}: {n} sellers have it" for code, n in codes.items() if n > 1]
    aliases = {s["alias"]: s["seller_id"] for s in b.info["shops"]}
    for t in b.table("tokens"):
        if t["seller_id"] not in ("", aliases.get(t["shop"])) or t["shop"] not in aliases or not t["access"]:
            wrong.append(f"token of {t['shop']}: not of a shop we have")
    for v in b.table("small_values"):
        try:
            json.loads(v["value"])
        except ValueError:
            wrong.append(f"value {v['name']}: cannot be read")
    return {"shops": len(here), "tokens": len(b.table("tokens"))}, wrong


def audit(b: Books) -> Found:
    """Pick lists, receipts, the count and stored tokens: each is on record with who did it."""
    rows = b.table("audit_trail")
    acts = Counter(r["act"] for r in rows)
    wrong = [f"entry {r['seq']}: nobody did it" for r in rows if not r["who"]]
    wrong += [f"entry {r['seq']}: out of its time" for r in rows if not _in_day(b, r["at"])]
    lists = {p["handover_no"] for p in b.table("parcels") if p["handover_no"]}
    counts = {
        "pick_list": len(lists),
        "stock_import": sum(c["command"].startswith("stock import") for c in b.commands),
        "store_token": sum(c["command"].startswith("shop token") for c in b.commands),
    }
    wrong += [f"{act}: {n} done, {acts[act]} on record" for act, n in counts.items() if b.commands and acts[act] != n]
    return dict(acts), wrong


#: how long after the day its bills and statements keep coming
MORNINGS = timedelta(days=3)


def _in_day(b: Books, at: int) -> bool:
    start, end = (datetime.fromisoformat(b.info[word]) for word in ("start", "end"))
    return start - timedelta(hours=1) <= datetime.fromtimestamp(at / 1000, UTC) <= end + MORNINGS
