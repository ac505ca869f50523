"""What stands in the settlement books: periods, classes, aging, what is open; every figure per currency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jobs.settling_import import layouts as all_layouts

if TYPE_CHECKING:
    from jobs.env import Env

#: class → its word in the trade
TITLES = {
    "matched": "相符", "amount_differs": "金额不符", "status_differs": "状态不符", "only_theirs": "长款", "only_ours": "短款",
    "day_cut": "日切", "not_an_order": "非订单", "doubled": "重复", "suggested": "待定",
}  # fmt: skip


def overview(env: Env, *, shops: Sequence[str] = (), period: str = "") -> dict[str, Any]:
    """Files, periods, classes with counts and sums per currency, and the ages of what stands open."""
    store = env.settlement
    accounts = tuple(env.shops(shops)) if shops else ()
    files = [f for f in store.files(period=period) if not accounts or f.account in accounts]
    return {
        "periods": [p for p in store.periods() if (not accounts or p.account in accounts) and period in ("", p.period)],
        "files": [
            {
                "file": f.file_id, "account": f.account, "period": f.period, "name": f.name, "layout": f.layout,
                "rows": f.row_count, "parked": f.parked_count, "doubled": f.doubled_count, "totals": f.totals, "at": f.at,
            }
            for f in files
        ],
        "classes": [{**row, "title": TITLES.get(row["class"], "")} for row in store.summary(accounts=accounts, period=period)],
        "aging": store.aging(accounts=accounts),
    }  # fmt: skip


def items(
    env: Env, *, classes: Sequence[str], shops: Sequence[str] = (), period: str = "", limit: int = 500
) -> list[dict[str, Any]]:
    """What is in a class: open items with owner and reason, suggestions with their members, or matches."""
    store = env.settlement
    accounts = tuple(env.shops(shops)) if shops else ()
    found: list[dict[str, Any]] = []
    if "suggested" in classes:
        for one in store.suggestions(period=period, limit=limit):
            if not accounts or one.account in accounts:
                found.append(_suggestion(env, one))
    for s in (
        store.suspense(accounts=accounts, period=period, classes=[c for c in classes if c != "suggested"], limit=limit)
        if set(classes) - {"suggested"}
        else []
    ):
        found.append(
            {n: getattr(s, n) for n in s.__struct_fields__ if n not in ("side", "ref_id", "class_")}
            | {"ref": s.ref, "class": s.class_}
        )
    settled = [c for c in classes if c not in ("suggested", "only_theirs", "only_ours", "doubled")]
    for account in accounts or tuple(sorted({f.account for f in store.files()})):
        if len(found) >= limit or not settled:
            break
        for batch in store.matched(account=account, period=period, classes=settled, batch=min(limit, 500)):
            found += [_match(account, m) for m in batch]
            if len(found) >= limit:
                break
    return found[:limit]


def _suggestion(env: Env, one: Any) -> dict[str, Any]:
    lines, exps = env.settlement.lines(one.line_ids), env.settlement.expectations(one.exp_ids)
    return {
        "ref": one.suggestion_id, "class": "suggested", "account": one.account, "period": one.period, "pass": one.pass_name,
        "delta_minor": one.delta_minor, "currency": one.currency,
        "lines": [{k: x[k] for k in ("line_id", "kind", "order_ref", "amount_minor", "at")} for x in lines],
        "expected": [{k: x[k] for k in ("exp_id", "kind", "order_no", "amount_minor", "at")} for x in exps],
    }  # fmt: skip


def _match(account: str, m: dict[str, Any]) -> dict[str, Any]:
    line, exp = (m["lines"] or [{}])[0], (m["expected"] or [{}])[0]
    return {
        "ref": f"match:{m['match_id']}", "class": m["class"], "account": account, "period": m["period"], "pass": m["pass_name"],
        "rule": m["rule_id"], "kind": line.get("kind") or exp.get("kind", ""),
        "order_ref": line.get("order_ref") or exp.get("order_ref", ""), "order_no": exp.get("order_no", ""),
        "stated_minor": sum(x["amount_minor"] for x in m["lines"]), "expected_minor": sum(x["amount_minor"] for x in m["expected"]),
        "delta_minor": m["delta_minor"], "currency": m["currency"], "lines": len(m["lines"]), "at": line.get("at") or exp.get("at"),
    }  # fmt: skip


def layouts(env: Env) -> list[dict[str, Any]]:
    """The layouts there are, those of your own included."""
    return [
        {
            "name": x.name, "platform": x.platform, "title": x.title, "version": x.version, "zone": x.zone, "currency": x.currency,
            "basis": x.basis, "columns": list(x.need), "source": x.source,
        }
        for _, x in sorted(all_layouts(env).items())
    ]  # fmt: skip
