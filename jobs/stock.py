"""stock …: levels, counts from a file, adjustments, transfers, and alarms below a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from jobs import gaps, sheets
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.errors import BadRequest
from jobs.results import Item, Result
from jobs.sheets import Row
from stores.records import Alert, AuditEntry, Level, Outcome, StockMove, Task

INTENDED = gaps.declare(
    "transfer.intended",
    before="a transfer is written as a task",
    after="the pieces leave the first warehouse",
    sweep="stock transfer and stock alerts: tasks of transfers that are due are finished",
)
SENT = gaps.declare(
    "transfer.sent",
    before="the pieces left the first warehouse",
    after="they arrive in the second",
    sweep="stock transfer and stock alerts: tasks of transfers that are due are finished",
)
ARRIVED = gaps.declare(
    "transfer.arrived",
    before="the pieces arrived in the second warehouse",
    after="the transfer's task is settled",
    sweep="stock transfer and stock alerts: the task comes again after its lease; both halves happen once",
)
_TRANSFER = "stock_transfer"
_LEASE_S = 60.0
#: SKUs in one question to the stock store
_SKUS = 1000
#: headers of a count file, lower case → ours
COUNT_COLUMNS = {
    "warehouse": "warehouse", "仓库": "warehouse", "sku": "sku", "商品编码": "sku", "商家编码": "sku", "qty": "qty",
    "quantity": "qty", "数量": "qty", "库存": "qty",
}  # fmt: skip
_NEED = ("warehouse", "sku", "qty")


def levels(
    env: Env, *, skus: Sequence[str] = (), warehouses: Sequence[str] = (), limit: int = 500
) -> list[dict[str, Any]]:
    """Counters per warehouse and SKU, with the demand of the SKU over all warehouses."""
    found: list[Level] = []
    for part in chunks(list(dict.fromkeys(skus)), _SKUS) if skus else [()]:
        found += env.stock.levels(skus=part, warehouses=warehouses)
    found = sorted(found, key=lambda x: (x.warehouse, x.sku))[:limit]
    wanted: dict[str, int] = {}
    for part in chunks(sorted({x.sku for x in found}), _SKUS):
        wanted |= env.stock.demand(skus=part)
    return [
        {
            "warehouse": x.warehouse, "sku": x.sku, "on_hand": x.on_hand, "held": x.held, "available": max(x.available, 0),
            "defective": x.defective, "demand": wanted.get(x.sku, 0),
        }
        for x in found
    ]  # fmt: skip


# ------------------------------------------------------------------ counts


class Count(NamedTuple):
    """One counted place of a file."""

    row: Row
    warehouse: str
    sku: str
    qty: int


def import_counts(env: Env, path: Path, *, as_of: datetime, by: str, dry_run: bool = False) -> Result:
    """Read counts (warehouse, sku, qty) and write them as differences at their as-of time.

    Rows that cannot be taken are refused one by one and go to FILE.errors.csv; the same file and time again changes
    nothing, a corrected number at the same time does.

    Raises:
        BadFile: no table with these columns. BadRequest: the time lies in the future.
    """
    with env.run("stock import", dry_run=dry_run, file=path.name, as_of=as_of.isoformat(), by=by) as run:
        if as_of > env.clock.now():
            raise BadRequest(f"--as-of {as_of.isoformat()} lies in the future")
        sheet = sheets.read(path, COUNT_COLUMNS, need=_NEED)
        good, bad = _counts(env, sheet.rows)
        for part in chunks(good, env.settings.stock.batch):
            if run.stopping:
                break
            if dry_run:
                _preview(env, run, part)
            else:
                bad += _write(env, run, part, as_of)
            run.beat()
        for row, reason in bad:
            run.result.add(Item(ref=f"{path.name}:{row.line}", did="refused", reason=reason, facts=dict(row.cells)))
        if not dry_run:
            errors = sheets.write_errors(path, sheet, bad)
            run.result.facts |= {"errors": str(errors)} if errors else {}
            facts = {"file": path.name, "as_of": as_of.isoformat(), **run.result.counts}
            env.ledger.audit(
                [AuditEntry(at=env.clock.now(), who=by, act="stock_import", ref=path.name[:60], facts=facts)]
            )
        return run.result


def _counts(env: Env, rows: Sequence[Row]) -> tuple[list[Count], list[tuple[Row, str]]]:
    seen: dict[tuple[str, str], int] = {}
    good: list[Count] = []
    bad: list[tuple[Row, str]] = []
    for row in rows:
        warehouse, sku, qty = (row.cells.get(name, "") for name in _NEED)
        reason = _count_problem(env, row, warehouse, sku, qty)
        if not reason and (warehouse, sku) in seen:
            if seen[warehouse, sku] == int(qty):
                continue
            reason = "twice_in_file"
        if reason:
            bad.append((row, reason))
            continue
        seen[warehouse, sku] = int(qty)
        good.append(Count(row, warehouse, sku, int(qty)))
    return good, bad


def _count_problem(env: Env, row: Row, warehouse: str, sku: str, qty: str) -> str:
    if not sku:
        return "no_sku"
    if "sku" in row.bad:
        return row.bad["sku"]
    if len(sku) > 64:
        return "sku_too_long"
    if warehouse not in env.settings.warehouses:
        return "unknown_warehouse"
    return "" if qty.isascii() and qty.isdigit() and len(qty) < 10 else "bad_qty"


def _preview(env: Env, run: RunHandle, part: Sequence[Count]) -> None:
    """What a count would change, with the movements since its time left aside."""
    now = {(x.warehouse, x.sku): x.on_hand for x in env.stock.levels(skus=sorted({c.sku for c in part}))}
    for c in part:
        facts = {"counted": c.qty, "on_hand": now.get((c.warehouse, c.sku), 0)}
        run.result.add(Item(ref=f"{c.warehouse}/{c.sku}", did="counted", facts=facts))


def _write(env: Env, run: RunHandle, part: Sequence[Count], as_of: datetime) -> list[tuple[Row, str]]:
    rows = [(f"count:{as_of.isoformat()}:{c.qty}", c.warehouse, c.sku, c.qty, as_of) for c in part]
    outcomes = env.stock.count(rows, run_id=run.id, reason="count")
    bad: list[tuple[Row, str]] = []
    for c, outcome in zip(part, outcomes, strict=True):
        if not outcome.ok:
            bad.append((c.row, outcome.reason))
            continue
        run.result.count("counted" if outcome.result == "done" else "same")
        if outcome.reason == "below_held":
            _below_held(env, run, c)
    return bad


def _below_held(env: Env, run: RunHandle, c: Count) -> None:
    """Fewer pieces are there than orders hold: somebody will not get theirs."""
    from jobs.alerts import tell

    now = env.clock.now()
    run.result.add(Item(ref=f"{c.warehouse}/{c.sku}", did="differs", reason="below_held", facts={"counted": c.qty}))
    tell(
        env,
        Alert(
            key=f"below_held:{c.warehouse}:{c.sku}", kind="stock_below_held", severity="critical",
            title=f"{c.sku} in {c.warehouse}: counted {c.qty}, less than orders hold", facts={"counted": c.qty},
            hint=f"oms stock show {c.sku}", first_at=now, last_at=now,
        ),
    )  # fmt: skip


# ------------------------------------------------------------------ adjust, transfer


def adjust(env: Env, warehouse: str, sku: str, delta: int, *, reason: str, by: str, key: str = "") -> Result:
    """Add or take pieces by hand; with the same `key` it happens once."""
    with env.run("stock adjust", warehouse=warehouse, sku=sku, delta=delta, reason=reason, by=by, key=key) as run:
        _known(env, warehouse)
        if not delta:
            raise BadRequest("a difference of 0 changes nothing", hint="oms stock adjust --help")
        now = env.clock.now()
        move = StockMove(
            key=f"adjust:{key or run.id}", kind="adjust", warehouse=warehouse, sku=sku, on_hand=delta, at=now,
            ref=by[:64], reason=reason[:60],
        )  # fmt: skip
        outcome = env.stock.move([move], run_id=run.id)[0]
        did = {"done": "adjusted", "already": "same"}.get(outcome.result, "refused")
        run.result.add(Item(ref=f"{warehouse}/{sku}", did=did, reason=outcome.reason, facts={"delta": delta}))
        facts = {"delta": delta, "reason": reason, "result": outcome.result}
        env.ledger.audit([AuditEntry(at=now, who=by, act="stock_adjust", ref=f"{warehouse}/{sku}", facts=facts)])
        return run.result


def transfer(env: Env, source: str, target: str, sku: str, qty: int, *, reason: str, by: str, key: str = "") -> Result:
    """Move pieces between warehouses, once per `key`. A refused first half moves nothing.

    The transfer is a task before it is a movement, so that one cut in the middle arrives with the next run.
    """
    with env.run("stock transfer", source=source, target=target, sku=sku, qty=qty, key=key, by=by) as run:
        _known(env, source)
        _known(env, target)
        if qty <= 0 or source == target:
            raise BadRequest(
                "a transfer wants a positive quantity and two warehouses", hint="oms stock transfer --help"
            )
        name, now = f"transfer:{key or run.id}", env.clock.now()
        facts = {"source": source, "target": target, "sku": sku, "qty": qty, "reason": reason, "by": by}
        task = Task(key=name, kind=_TRANSFER, ref=sku, due_at=env.ledger.now(), payload=facts)
        # First: a transfer that is finished by another run was typed by somebody all the same.
        place = f"{source}→{target}/{sku}"[:64]
        env.ledger.audit([AuditEntry(at=now, who=by, act="stock_transfer", ref=place, facts={**facts, "key": name})])
        env.ledger.add_tasks([task])
        gaps.gap(INTENDED)
        _finish_transfers(env, run)
        if name not in run.result.facts:
            # Another run has it, or had it before: the key makes it one transfer.
            run.result.add(Item(ref=f"{source}→{target}/{sku}", did="same", reason="known_key", facts=facts))
        return run.result


def _finish_transfers(env: Env, run: RunHandle) -> None:
    """Carry out transfers that are due, ours and what earlier runs left."""
    while tasks := env.ledger.due_tasks(_TRANSFER, limit=200, lease_s=_LEASE_S, worker=run.worker):
        outs = env.stock.move([_half(env, t, "source") for t in tasks], run_id=run.id)
        going = [t for t, o in zip(tasks, outs, strict=True) if o.ok]
        gaps.gap(SENT)
        ins = env.stock.move([_half(env, t, "target") for t in going], run_id=run.id) if going else []
        gaps.gap(ARRIVED)
        arrived = {t.key: o for t, o in zip(going, ins, strict=True)}
        ended = [_ended(run, t, o, arrived.get(t.key)) for t, o in zip(tasks, outs, strict=True)]
        env.ledger.settle_tasks([e for e in ended if e is not None])


def _half(env: Env, task: Task, end: str) -> StockMove:
    p = task.payload
    out = end == "source"
    return StockMove(
        key=f"{task.key}:{'out' if out else 'in'}", kind="transfer_out" if out else "transfer_in", warehouse=p[end],
        sku=p["sku"], on_hand=-p["qty"] if out else p["qty"], ref=task.key[:64], at=env.clock.now(),
        reason=str(p["reason"])[:60],
    )  # fmt: skip


def _ended(run: RunHandle, task: Task, out: Outcome, into: Outcome | None) -> tuple[str, str, str] | None:
    """How a transfer's task ends; None: its pieces are under way, it comes again after its lease."""
    p = task.payload
    last = into or out
    did = "refused" if into is None else "transferred" if into.ok else "waiting"
    run.result.facts[task.key] = did
    facts = {"qty": p["qty"], "key": task.key}
    run.result.add(Item(ref=f"{p['source']}→{p['target']}/{p['sku']}", did=did, reason=last.reason, facts=facts))
    if did == "waiting":
        return None
    return task.key, "void" if did == "refused" else "done", last.reason


def _known(env: Env, warehouse: str) -> None:
    if warehouse not in env.settings.warehouses:
        known = ", ".join(sorted(env.settings.warehouses)) or "none"
        raise BadRequest(f"warehouse {warehouse!r}; known: {known}", hint="oms warehouse list")


# ------------------------------------------------------------------ alerts


def alerts(env: Env, *, below: int | None = None) -> Result:
    """Name the places whose available stock is below the threshold, and raise an alert for each that has none yet.

    Alerts of places that have enough again are closed. Transfers that were cut in the middle are finished on the way.
    """
    from jobs.alerts import tell

    limit = env.settings.stock.alert_below if below is None else below
    with env.run("stock alerts", below=limit) as run:
        _finish_transfers(env, run)
        known = {a.key: a for a in env.ledger.alerts(limit=1_000_000) if a.kind == "stock_low"}
        low = [x for x in env.stock.levels() if x.available < limit]
        for x in low:
            facts = {"available": max(x.available, 0), "on_hand": x.on_hand, "held": x.held}
            run.result.items.append(Item(ref=f"{x.warehouse}/{x.sku}", did="low", reason=f"below_{limit}", facts=facts))
            run.result.count("low")
            kept = known.get(_low_key(x))
            # A run that was cut between raising an alert and telling it leaves one that nobody was told of.
            if kept is None or (kept.notified_at is None and env.settings.notify.targets):
                tell(env, _low(env, x, facts))
        over = sorted(set(known) - {_low_key(x) for x in low}) if below is None else []
        if over:
            env.ledger.ack_alerts(over, by="stock alerts")
            run.result.count("recovered", len(over))
        return run.result


def _low_key(x: Level) -> str:
    return f"stock:{x.warehouse}:{x.sku}"


def _low(env: Env, x: Level, facts: dict[str, Any]) -> Alert:
    now = env.clock.now()
    title = f"{x.sku} in {x.warehouse}: {facts['available']} left"
    return Alert(
        key=_low_key(x), kind="stock_low", title=title, facts=facts, hint=f"oms stock show {x.sku}", first_at=now,
        last_at=now,
    )  # fmt: skip
