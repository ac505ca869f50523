"""Telling levels: intent → sent → confirmed, refused or unknown; an unknown one is read back before it is repeated."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from adapters.documents import LevelUpdate, WriteResult
from adapters.errors import AdapterError, Retryable
from jobs import gaps
from jobs.batches import chunks
from jobs.env import Env, RunHandle
from jobs.results import Item
from stores.records import Effect

if TYPE_CHECKING:
    from adapters.platforms.base import Platform

KIND = "level"
#: a difference that may still be on its way there is looked for so often, then a person must look
LOOKS = 10
SENDING = gaps.declare(
    "level.sending",
    before="levels are marked sent",
    after="the platform is called",
    sweep="push stock: what is sent without an answer is unknown after its lease and is read back",
)
ANSWERED = gaps.declare(
    "level.answered",
    before="the platform took the levels",
    after="the answer is written here",
    sweep="push stock: what is sent without an answer is unknown after its lease and is read back",
)
KEPT = gaps.declare(
    "level.kept",
    before="confirmed levels are remembered",
    after="their effects are settled",
    sweep="push stock: what is sent without an answer is unknown after its lease and is read back to the same number",
)


class Claim(NamedTuple):
    """What levels were taken under, and when that ends: another run may be telling them then."""

    token: str
    until: datetime


class Kept(NamedTuple):
    """The level that was confirmed last, and how many were before it."""

    qty: int | None = None
    seq: int = 0


def kept_of(env: Env, alias: str) -> dict[str, Kept]:
    """Listing → the level of a shop that was confirmed last."""
    return _read(env.ledger.value(f"{KIND}:{alias}"))


def _read(text: str | None) -> dict[str, Kept]:
    return {listing: Kept(*held) for listing, held in json.loads(text or "{}").items()}


def send(env: Env, run: RunHandle, alias: str, goals: Mapping[str, int]) -> bool:
    """Tell what is due of one shop; False when the shop cannot be reached now.

    Args:
        goals: listing → the level it should show; an intent with another one is outdated and withdrawn.
    """
    rule, platform = env.settings.shipping, env.platform(alias)
    while not run.stopping:
        until = env.clock.now() + timedelta(seconds=rule.lease)
        token, effects = env.ledger.claim_effects(
            KIND, shop=alias, limit=rule.batch, lease_s=rule.lease, worker=run.worker
        )
        if not effects:
            return True
        try:
            _batch(env, run, platform, Claim(token, until), effects, goals)
        except AdapterError as error:
            # What was claimed comes again after its lease; what was sent is read back then.
            facts = {"error": str(error)[:200]}
            run.result.add(Item(ref=alias, did="failed", reason=type(error).__name__, shop=alias, facts=facts))
            return False
        run.beat()
    return False


def _batch(
    env: Env, run: RunHandle, platform: Platform, claim: Claim, effects: Sequence[Effect], goals: Mapping[str, int]
) -> None:
    token = claim.token
    polled = [e for e in effects if e.state == "accepted"]
    if polled:
        _settle(env, run, token, polled, platform.poll([(e.key, e.poll) for e in polled]))
    unknown = [e for e in effects if e.state == "unknown"]
    again = _read_back(env, run, platform, token, unknown)
    todo: list[Effect] = []
    outdated: list[Effect] = []
    for e in [e for e in effects if e.state == "intent"] + again:
        (todo if goals.get(e.ref, e.payload["qty"]) == e.payload["qty"] else outdated).append(e)
    if outdated:
        env.ledger.settle_effects(
            token, [msgspec.structs.replace(e, state="void", answer="outdated") for e in outdated]
        )
        run.result.count("outdated", len(outdated))
    can = platform.capabilities.stock
    for part in chunks(todo, max(can.batch, 1) if can else 1):
        if env.clock.now() >= claim.until:
            return  # the rest is claimed anew, by this run or another
        _tell(env, run, platform, claim, part)


def _read_back(env: Env, run: RunHandle, platform: Platform, token: str, effects: Sequence[Effect]) -> list[Effect]:
    """Unknown levels that may be told (again): they are not shown, or telling an absolute number twice does no harm."""
    can = platform.capabilities.stock
    if not effects or can is None:
        return []
    if not can.read_back:
        if can.mode != "delta":
            return list(effects)
        _settle(env, run, token, effects, [_result(e, "parked", "cannot_be_read_back") for e in effects])
        return []
    shown = platform.read_levels([_update(e, None) for e in effects])
    same = [e for e in effects if shown.get(e.key) == e.payload["qty"]]
    blind = [e for e in effects if e.key not in shown]
    _settle(env, run, token, same, [_result(e, "done", "read_back") for e in same])
    _settle(env, run, token, blind, [_result(e, "unknown", "not_readable") for e in blind])
    missing = [e for e in effects if e not in same and e not in blind]
    if can.mode == "delta" and can.asynchronous:
        # It does later what it took: a level that is not there yet is no proof that the difference was not taken.
        told = [_result(e, "unknown" if e.attempts < LOOKS else "parked", "not_there_yet") for e in missing]
        _settle(env, run, token, missing, told)
        return []
    return missing


def _tell(env: Env, run: RunHandle, platform: Platform, claim: Claim, effects: Sequence[Effect]) -> None:
    can, token = platform.capabilities.stock, claim.token
    deltas: dict[str, int] = {}
    if can is not None and can.mode == "delta":
        shown = platform.read_levels([_update(e, None) for e in effects])
        deltas = {e.key: e.payload["qty"] - shown[e.key] for e in effects if e.key in shown}
        blind = [e for e in effects if e.key not in deltas]
        same = [e for e in effects if deltas.get(e.key) == 0]
        _settle(env, run, token, blind, [_result(e, "retry", "not_readable") for e in blind])
        _settle(env, run, token, same, [_result(e, "already", "") for e in same])
        effects = [e for e in effects if deltas.get(e.key)]
    sent = {o.key for o in env.ledger.mark_sent(token, [e.key for e in effects]) if o.ok}
    part = [e for e in effects if e.key in sent]
    if not part:
        return
    gaps.gap(SENDING)
    if env.clock.now() >= claim.until:
        return  # this run stood still: what is marked sent is read back by whoever has it now
    try:
        results = platform.set_levels([_update(e, deltas.get(e.key)) for e in part])
    except AdapterError as error:
        # The base reports what was sent per item; an error here came before anything was sent.
        wait = error.retry_after_s if isinstance(error, Retryable) else 0.0
        results = [msgspec.structs.replace(_result(e, "retry", str(error)), retry_after_s=wait) for e in part]
    gaps.gap(ANSWERED)
    _settle(env, run, token, part, results)


def _settle(env: Env, run: RunHandle, token: str, effects: Sequence[Effect], results: Sequence[WriteResult]) -> None:
    now = env.clock.now()
    rows: list[Effect] = []
    told: list[Effect] = []
    for e, result in zip(effects, results, strict=True):
        state, wait = _state(result, e.attempts)
        if state == "confirmed":
            told.append(e)
        answer = f"{result.code} {result.message}".strip()[:300]
        due = now + timedelta(seconds=wait) if wait else None
        rows.append(msgspec.structs.replace(e, state=state, answer=answer, poll=result.poll, next_at=due))
        did = {"confirmed": "told", "refused": "refused", "parked": "parked"}.get(state, "waiting")
        facts = {"target": e.payload["qty"], "message": result.message[:200]}
        run.result.add(
            Item(ref=e.ref, did=did, reason=f"{result.outcome} {result.code}".strip(), shop=e.shop, facts=facts)
        )
    if rows:
        # Before the effects: a kill between leaves them sent, and they are read back to the same numbers.
        _keep(env, rows[0].shop, told)
        gaps.gap(KEPT)
        env.ledger.settle_effects(token, rows)


def _keep(env: Env, alias: str, told: Sequence[Effect]) -> None:
    """Remember confirmed levels, one value per shop; an older confirmation never replaces a newer one."""
    name = f"{KIND}:{alias}"
    while told:
        before = env.ledger.value(name)
        kept = _read(before)
        for e in told:
            if kept.get(e.ref, Kept()).seq < e.payload["seq"]:
                kept[e.ref] = Kept(e.payload["qty"], e.payload["seq"])
        if env.ledger.swap(name, before, json.dumps(kept)):
            return


def _state(result: WriteResult, attempts: int) -> tuple[str, float]:
    """(state, seconds until the next look) of a result; never at once, so that a run ends."""
    if result.outcome in ("done", "already"):
        return "confirmed", 0.0
    if result.outcome == "retry":
        return "intent", max(result.retry_after_s, min(30.0 * (attempts + 1), 3600.0))
    if result.outcome in ("accepted", "unknown"):
        return result.outcome, max(result.retry_after_s, min(10.0 * (attempts + 1), 600.0))
    return ("parked" if result.outcome == "parked" else "refused"), 0.0


def _update(e: Effect, delta: int | None) -> LevelUpdate:
    p = e.payload
    return LevelUpdate(
        key=e.key, listing_id=p["listing_id"], product_id=p["product_id"], code=p["code"], qty=p["qty"], delta=delta
    )


def _result(e: Effect, outcome: str, message: str) -> WriteResult:
    return WriteResult(key=e.key, outcome=outcome, message=message[:200])
