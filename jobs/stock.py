"""stock …: levels, counts from a file, adjustments, transfers, and alarms below a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from jobs import gaps, sheets
from jobs.env import Env
from jobs.errors import BadRequest
from jobs.results import Item, Result
from stores.records import Alert, AuditEntry, StockMove

SENT = gaps.declare(
    "transfer.sent",
    before="the pieces left the first warehouse",
    after="they arrive in the second",
    sweep="stock transfer again with the same --key: what was done stays once, the rest follows",
)


def levels(
    env: Env, *, skus: Sequence[str] = (), warehouses: Sequence[str] = (), limit: int = 500
) -> list[dict[str, Any]]:
    """Counters per warehouse and SKU, with the demand of the SKU over all warehouses."""
    found = env.stock.levels(skus=skus, warehouses=warehouses)[:limit]
    wanted = env.stock.demand(skus=sorted({x.sku for x in found})[:1000]) if found else {}
    return [
        {
            "warehouse": x.warehouse, "sku": x.sku, "on_hand": x.on_hand, "held": x.held, "available": max(x.available, 0),
            "defective": x.defective, "demand": wanted.get(x.sku, 0),
        }
        for x in found
    ]  # fmt: skip


def import_counts(env: Env, path: Path, *, as_of: datetime, by: str, dry_run: bool = False) -> Result:
    """Read counts (warehouse, sku, qty) and write them as differences at their as-of time.

    Rows that cannot be taken are refused one by one; the same file and time again changes nothing.
    """
    with env.run("stock import", dry_run=dry_run, file=path.name, as_of=as_of, by=by) as run:
        if as_of > env.clock.now():
            raise BadRequest(f"--as-of {as_of.isoformat()} lies in the future")
        good = []
        for n, row in enumerate(sheets.read(path, ("warehouse", "sku", "qty")), start=2):
            problem = _problem(env, row)
            if problem:
                run.result.add(Item(ref=f"{path.name}:{n}", did="refused", reason=problem, facts={"row": row}))
            else:
                key = f"count:{row['warehouse']}:{row['sku']}:{as_of.isoformat()}"
                good.append((key, row["warehouse"], row["sku"], int(row["qty"]), as_of))
        for at in range(0, len(good), env.settings.stock.batch):
            part = good[at : at + env.settings.stock.batch]
            if dry_run:
                for _, warehouse, sku, qty, _ in part:
                    run.result.add(Item(ref=f"{warehouse}/{sku}", did="counted", facts={"qty": qty}))
                continue
            for (_, warehouse, sku, qty, _), outcome in zip(
                part, env.stock.count(part, run_id=run.id, reason="count"), strict=True
            ):
                did = {"done": "counted", "already": "same"}.get(outcome.result, "refused")
                run.result.add(Item(ref=f"{warehouse}/{sku}", did=did, reason=outcome.reason, facts={"qty": qty}))
                if outcome.reason == "below_held":
                    run.result.add(
                        Item(ref=f"{warehouse}/{sku}", did="differs", reason="below_held", facts={"qty": qty})
                    )
        if not dry_run:
            entry = AuditEntry(
                at=env.clock.now(), who=by, act="stock_import", ref=path.name, facts=dict(run.result.counts)
            )
            env.ledger.audit([entry])
        return run.result


def _problem(env: Env, row: dict[str, str]) -> str:
    if not row["sku"]:
        return "no_sku"
    if row["warehouse"] not in env.settings.warehouses:
        return "unknown_warehouse"
    return "" if row["qty"].isdigit() else "bad_qty"


def adjust(env: Env, warehouse: str, sku: str, delta: int, *, reason: str, by: str, key: str = "") -> Result:
    """Add or take pieces by hand; with the same `key` it happens once."""
    with env.run("stock adjust", warehouse=warehouse, sku=sku, delta=delta, reason=reason, by=by) as run:
        _known(env, warehouse)
        now = env.clock.now()
        move = StockMove(
            key=f"adjust:{key or run.id}",
            kind="adjust",
            warehouse=warehouse,
            sku=sku,
            on_hand=delta,
            at=now,
            reason=reason[:60],
        )
        outcome = env.stock.move([move], run_id=run.id)[0]
        did = {"done": "adjusted", "already": "same"}.get(outcome.result, "refused")
        run.result.add(Item(ref=f"{warehouse}/{sku}", did=did, reason=outcome.reason, facts={"delta": delta}))
        facts = {"delta": delta, "reason": reason, "result": outcome.result}
        env.ledger.audit([AuditEntry(at=now, who=by, act="stock_adjust", ref=f"{warehouse}/{sku}", facts=facts)])
        return run.result


def transfer(env: Env, source: str, target: str, sku: str, qty: int, *, reason: str, by: str, key: str = "") -> Result:
    """Move pieces between warehouses: out, then in, each once per `key`. A refused first half moves nothing."""
    with env.run("stock transfer", source=source, target=target, sku=sku, qty=qty, key=key, by=by) as run:
        _known(env, source)
        _known(env, target)
        if qty <= 0 or source == target:
            raise BadRequest(
                "a transfer wants a positive quantity and two warehouses", hint="oms stock transfer --help"
            )
        name, now = key or run.id, env.clock.now()

        def half(end: str, kind: str, warehouse: str, pieces: int) -> StockMove:
            return StockMove(
                key=f"transfer:{name}:{end}", kind=kind, warehouse=warehouse, sku=sku, on_hand=pieces, ref=name[:64], at=now,
                reason=reason[:60],
            )  # fmt: skip

        out = half("out", "transfer_out", source, -qty)
        first = env.stock.move([out], run_id=run.id)[0]
        if first.ok:
            gaps.gap(SENT)
            into = half("in", "transfer_in", target, qty)
            first = env.stock.move([into], run_id=run.id)[0]
        did = {"done": "transferred", "already": "same"}.get(first.result, "refused")
        run.result.add(
            Item(ref=f"{source}→{target}/{sku}", did=did, reason=first.reason, facts={"qty": qty, "key": name})
        )
        return run.result


def alerts(env: Env, *, below: int | None = None) -> Result:
    """Name SKUs whose available stock is below the threshold, and raise an alert for each."""
    from jobs.alerts import tell

    limit = env.settings.stock.alert_below if below is None else below
    with env.run("stock alerts", below=limit) as run:
        now = env.clock.now()
        for x in env.stock.levels():
            if x.available >= limit:
                continue
            facts = {"available": max(x.available, 0), "on_hand": x.on_hand, "held": x.held}
            run.result.items.append(Item(ref=f"{x.warehouse}/{x.sku}", did="low", reason=f"below_{limit}", facts=facts))
            run.result.count("low")
            tell(
                env,
                Alert(
                    key=f"stock:{x.warehouse}:{x.sku}", kind="stock_low", title=f"{x.sku} in {x.warehouse}: {facts['available']} left",
                    facts=facts, hint=f"oms stock show --sku {x.sku}", first_at=now, last_at=now,
                ),
            )  # fmt: skip
        return run.result


def _known(env: Env, warehouse: str) -> None:
    if warehouse not in env.settings.warehouses:
        known = ", ".join(sorted(env.settings.warehouses)) or "none"
        raise BadRequest(f"warehouse {warehouse!r}; known: {known}", hint="oms warehouse list")
