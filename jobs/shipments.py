"""push shipments: tell the platforms which parcels left, each exactly once.

A notice is an intent with a key → sent → confirmed, refused or unknown. An unknown one (the answer was lost, or its
sender died after sending) is read back before anything is repeated, and parked where it cannot be read back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.documents import NoticeParcel, ShipNotice, WriteResult
from adapters.errors import AdapterError, ShopBroken
from jobs import gaps
from jobs.env import Env, RunHandle
from jobs.results import Item, Result
from stores.records import Alert, Effect

if TYPE_CHECKING:
    from adapters.platforms.base import Platform

SENDING = gaps.declare(
    "notice.sending",
    before="notices are marked sent",
    after="the platform is called",
    sweep="push shipments: what is sent without an answer is unknown after its lease and is read back",
)
ANSWERED = gaps.declare(
    "notice.answered",
    before="the platform accepted the notices",
    after="the answer is written here",
    sweep="push shipments: what is sent without an answer is unknown after its lease and is read back",
)

Group = list[Effect]


def push(
    env: Env, *, shops: Sequence[str] = (), platforms: Sequence[str] = (), limit: int = 0, dry_run: bool = False
) -> Result:
    """Tell each shop's notices in batches of what its platform takes; a shop in trouble does not stop the others."""
    with env.run("push shipments", dry_run=dry_run, shops=shops, platforms=platforms, limit=limit) as run:
        for alias in env.shops(shops, platforms):
            if run.stopping:
                break
            if dry_run:
                for e in env.ledger.effects(kind="ship_notice", shop=alias, limit=limit or 500):
                    if e.state in ("intent", "unknown", "accepted", "sent"):
                        run.result.add(Item(ref=e.key, did="told", reason=e.state, shop=alias))
                continue
            try:
                _shop(env, run, alias, limit)
            except ShopBroken as error:
                run.result.add(
                    Item(ref=alias, did="failed", reason="shop_rests", shop=alias, facts={"error": str(error)[:200]})
                )
        return run.result


def _shop(env: Env, run: RunHandle, alias: str, limit: int) -> None:
    rule, left = env.settings.shipping, limit or 1 << 60
    while left > 0 and not run.stopping:
        token, effects = env.ledger.claim_effects(
            "ship_notice", shop=alias, limit=min(rule.batch, left), lease_s=rule.lease, worker=run.worker
        )
        if not effects:
            return
        groups = [list(rows) for _, rows in groupby(effects, key=lambda e: e.group)]
        left -= len(groups)
        platform = env.platform(alias)
        unknown = [g for g in groups if any(e.state == "unknown" for e in g)]
        polled = [g for g in groups if g not in unknown and any(e.state == "accepted" for e in g)]
        fresh = [g for g in groups if g not in unknown and g not in polled]
        fresh += _read_back(env, run, platform, token, unknown)
        _poll(env, run, platform, token, polled)
        _tell(env, run, platform, token, fresh)
        run.beat()


def _read_back(env: Env, run: RunHandle, platform: Platform, token: str, groups: Sequence[Group]) -> list[Group]:
    """Ask whether unknown notices took effect; returns those that surely did not and may be sent."""
    if not groups:
        return []
    can = platform.capabilities.ship
    if can is None or not can.read_back:
        _settle(env, run, token, groups, [_result(g, "parked", "cannot_be_read_back") for g in groups])
        return []
    try:
        results = platform.shipped([_notice(g) for g in groups])
    except AdapterError as error:
        _settle(env, run, token, groups, [_result(g, "unknown", str(error)) for g in groups])
        return []
    again: list[Group] = []
    known: list[tuple[Group, WriteResult]] = []
    for group, result in zip(groups, results, strict=True):
        if result.outcome == "retry":
            again.append(group)
        else:
            known.append((group, result))
    _settle(env, run, token, [g for g, _ in known], [r for _, r in known])
    return again


def _poll(env: Env, run: RunHandle, platform: Platform, token: str, groups: Sequence[Group]) -> None:
    if not groups:
        return
    try:
        results = platform.poll([(_key(g), g[0].poll) for g in groups])
    except AdapterError as error:
        results = [
            WriteResult(key=_key(g), outcome="accepted", message=str(error)[:200], poll=g[0].poll) for g in groups
        ]
    _settle(env, run, token, groups, results)


def _tell(env: Env, run: RunHandle, platform: Platform, token: str, groups: Sequence[Group]) -> None:
    size = max(platform.capabilities.ship.batch, 1) if platform.capabilities.ship else 1
    for at in range(0, len(groups), size):
        part = groups[at : at + size]
        sent = {o.key for o in env.ledger.mark_sent(token, [e.key for g in part for e in g]) if o.ok}
        part = [g for g in part if all(e.key in sent for e in g)]
        if not part:
            continue
        gaps.gap(SENDING)
        try:
            results = platform.ship([_notice(g) for g in part])
        except AdapterError as error:
            # The base reports what was sent per item; an error here came before anything was sent.
            results = [_result(g, "retry", str(error)) for g in part]
        gaps.gap(ANSWERED)
        _settle(env, run, token, part, results)


def _settle(env: Env, run: RunHandle, token: str, groups: Sequence[Group], results: Sequence[WriteResult]) -> None:
    now = env.clock.now()
    rows: list[Effect] = []
    for group, result in zip(groups, results, strict=True):
        state, wait = _state(result, group[0].attempts)
        for e in group:
            rows.append(
                msgspec.structs.replace(
                    e, state=state, answer=f"{result.code} {result.message}".strip()[:300], poll=result.poll,
                    next_at=now + timedelta(seconds=wait) if wait else None,
                )
            )  # fmt: skip
        did = {"confirmed": "told", "intent": "waiting", "accepted": "waiting", "unknown": "waiting"}.get(state, state)
        reason = result.outcome if result.outcome in ("done", "already") else f"{result.outcome} {result.code}".strip()
        run.result.add(Item(ref=_key(group), did=did, reason=reason, shop=group[0].shop, facts=_facts(result)))
        if state in ("refused", "parked"):
            _alert(env, group, result)
    if rows:
        env.ledger.settle_effects(token, rows)


def _state(result: WriteResult, attempts: int) -> tuple[str, float]:
    """(state, seconds until the next look) of a result."""
    if result.outcome in ("done", "already"):
        return "confirmed", 0.0
    if result.outcome == "retry":
        return "intent", max(result.retry_after_s, min(30.0 * attempts, 3600.0))
    if result.outcome in ("accepted", "unknown"):
        return result.outcome, max(result.retry_after_s, min(10.0 * attempts, 600.0))
    return ("parked" if result.outcome == "parked" else "refused"), 0.0


def _facts(result: WriteResult) -> dict[str, Any]:
    return {"message": result.message[:200]} if result.message else {}


def _key(group: Group) -> str:
    return group[0].group


def _result(group: Group, outcome: str, message: str) -> WriteResult:
    return WriteResult(key=_key(group), outcome=outcome, message=message[:200])


def _notice(group: Group) -> ShipNotice:
    """Rows of one order and parcel as one notice."""
    first = group[0].payload
    lines = tuple(
        (e.payload["platform_line_no"], e.payload["listing_id"], e.payload["product_id"], e.payload["qty"])
        for e in group
    )
    return ShipNotice(
        key=_key(group), platform_order_no=first["platform_order_no"], complete=bool(first.get("complete", True)),
        parcels=(NoticeParcel(carrier=first["carrier"], waybill=first["waybill"], lines=lines),),
    )  # fmt: skip


def _alert(env: Env, group: Group, result: WriteResult) -> None:
    from jobs.alerts import tell

    now = env.clock.now()
    tell(
        env,
        Alert(
            key=f"notice:{_key(group)}", kind="notice_refused", title=f"{group[0].shop}: ship notice of {group[0].ref} {result.outcome}: {result.message}",
            facts={"order_no": group[0].ref, "code": result.code}, hint="oms jobs parked", first_at=now, last_at=now,
        ),
    )  # fmt: skip
