"""Write-backs: a batch in, one `WriteResult` per item out, in the order given.

What was surely not applied is ``retry``; what may have been is ``unknown`` and is never repeated here. An error that
concerns the whole shop is raised when it comes before anything was sent, else the rest of the batch is ``retry``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from adapters.core.fields import FieldError
from adapters.core.shapes import LevelCall
from adapters.core.wire import Call
from adapters.documents import LevelUpdate, OrderDocument, Pulled, RefundAnswer, ShipNotice, WriteResult
from adapters.errors import (
    AdapterError,
    AnswerLost,
    BadAnswer,
    NotAuthorised,
    QuotaSpent,
    Refused,
    Retryable,
    ShopBroken,
    Unsupported,
)

if TYPE_CHECKING:
    from adapters.platforms.base import Platform

T = TypeVar("T", ShipNotice, LevelCall, RefundAnswer)

_SHOP = (ShopBroken, NotAuthorised, QuotaSpent)


def result_of(platform: Platform, key: str, error: AdapterError) -> WriteResult:
    """What became of one item whose call ended in an error."""
    facts = {"request": error.request_id} if error.request_id else {}
    message = Exception.__str__(error)
    if isinstance(error, Refused):
        outcome = "already" if error.already else "refused"
        return WriteResult(key=key, outcome=outcome, code=error.code, message=message, facts=facts)
    if isinstance(error, (AnswerLost, BadAnswer)):
        # An error nobody knows may still have had its effect.
        return WriteResult(key=key, outcome="unknown", code=error.code, message=message, facts=facts)
    wait = 0.0
    if isinstance(error, Retryable):
        wait = error.retry_after_s
    elif isinstance(error, QuotaSpent) and error.until is not None:
        wait = max((error.until - platform.now()).total_seconds(), 0.0)
    code = error.code or type(error).__name__
    return WriteResult(key=key, outcome="retry", code=code, message=message, retry_after_s=wait, facts=facts)


def each(
    platform: Platform, items: Sequence[T], keys: Callable[[T], Sequence[str]], act: Callable[[T], list[WriteResult]]
) -> list[WriteResult]:
    """Act on each item; one that fails stops no other."""
    out: list[WriteResult] = []
    stopped: AdapterError | None = None
    for item in items:
        if stopped is not None:
            out += [result_of(platform, key, stopped) for key in keys(item)]
            continue
        try:
            out += act(item)
        except _SHOP as error:
            if not out:
                raise
            stopped = error
            out += [result_of(platform, key, error) for key in keys(item)]
        except AdapterError as error:
            out += [result_of(platform, key, error) for key in keys(item)]
        except FieldError as error:
            out += [WriteResult(key=key, outcome="refused", code=error.code, message=str(error)) for key in keys(item)]
    return out


# ------------------------------------------------------------------ ship notices


def ship(platform: Platform, notices: Sequence[ShipNotice]) -> list[WriteResult]:
    """Tell each notice; several calls of one notice are one outcome."""
    if platform.capabilities.ship is None:
        raise Unsupported(f"{platform.name}: ship notices", shop=platform.shop)
    return each(platform, notices, lambda n: (n.key,), lambda n: [_ship_one(platform, n)])


def _ship_one(platform: Platform, notice: ShipNotice) -> WriteResult:
    """One notice may take several calls. A part that is refused does not keep the others from being told.

    A notice names the whole target state, so a repeat tells again what was told before, and most platforms refuse
    that with a code of their own: what was refused is therefore read back before it counts as refused.
    """
    outcomes = [_write(platform, notice.key, c, notice.platform_order_no) for c in platform.ship_calls(notice)]
    refused = next((o for o in outcomes if o.outcome == "refused"), None)
    if refused is not None:
        return _after_refusal(platform, notice, refused, outcomes)
    for wanted in ("accepted", "done"):
        for outcome in outcomes:
            if outcome.outcome == wanted:
                return outcome
    return outcomes[0]


def _after_refusal(
    platform: Platform, notice: ShipNotice, refused: WriteResult, outcomes: Sequence[WriteResult]
) -> WriteResult:
    """Read a refused notice back: all there, a part there (the rest is told once more), or rightly refused."""
    ship_ = platform.capabilities.ship
    if ship_ is None or not ship_.read_back:
        return refused
    there = read_back(notice, platform.current([notice.platform_order_no])[0])
    if there.outcome == "done":
        changed = any(o.outcome == "done" for o in outcomes)
        return WriteResult(key=notice.key, outcome="done" if changed else "already", facts=there.facts)
    missing = set(there.facts.get("missing", ()))
    rest = tuple(p for p in notice.parcels if p.waybill in missing)
    if rest and len(rest) < len(notice.parcels) and len(outcomes) == 1:
        return _ship_one(platform, msgspec.structs.replace(notice, parcels=rest))
    return msgspec.structs.replace(refused, facts={**refused.facts, **there.facts})


def _write(platform: Platform, key: str, call: Call, about: str) -> WriteResult:
    try:
        answer = platform.call(platform.as_write(call, about))
    except Refused as error:
        return result_of(platform, key, error)
    handle = platform.written(call, answer.body)
    return WriteResult(key=key, outcome="accepted" if handle else "done", poll=handle)


def shipped(platform: Platform, notices: Sequence[ShipNotice]) -> list[WriteResult]:
    """Read each notice back from the platform's orders: done, retry (surely not there) or unknown."""
    ship_ = platform.capabilities.ship
    if ship_ is None or not ship_.read_back:
        raise Unsupported(f"{platform.name}: reading ship notices back", shop=platform.shop)
    found = platform.current([n.platform_order_no for n in notices])
    results = [read_back(notice, item) for notice, item in zip(notices, found, strict=True)]
    if ship_.asynchronous:
        # It does later what it took: not there yet is no proof that it was not taken.
        return [msgspec.structs.replace(r, outcome="unknown") if r.outcome == "retry" else r for r in results]
    return results


_GONE = frozenset({"shipped", "completed", "cancelled"})


def read_back(notice: ShipNotice, item: Pulled) -> WriteResult:
    """Compare a notice with the order as the platform has it now."""
    doc = item.document
    if not isinstance(doc, OrderDocument):
        return WriteResult(key=notice.key, outcome="unknown", code=item.error or "unreadable", message=item.detail)
    facts = {"status": doc.status_raw or doc.status}
    wanted = {p.waybill for p in notice.parcels}
    there = {p.waybill for p in doc.parcels}
    if wanted <= there:
        return WriteResult(key=notice.key, outcome="done", facts=facts)
    if there and doc.status in _GONE:
        # Somebody shipped it with another waybill: neither ours nor surely absent.
        return WriteResult(key=notice.key, outcome="unknown", code="other_parcel", facts=facts)
    if not there and _lines_shipped(notice, doc):
        return WriteResult(key=notice.key, outcome="done", facts=facts)
    if doc.status in ("paid", "partly_shipped"):
        missing = sorted(wanted - there)
        return WriteResult(key=notice.key, outcome="retry", code="not_there", facts={**facts, "missing": missing})
    return WriteResult(key=notice.key, outcome="unknown", code=f"order_{doc.status}", facts=facts)


def _lines_shipped(notice: ShipNotice, doc: OrderDocument) -> bool:
    """Where a platform names no parcels: whether every line of the notice is marked as shipped."""
    if notice.complete and doc.status in ("shipped", "completed"):
        return True
    told = {line.platform_line_no: line.status for line in doc.lines}
    lines = [no for parcel in notice.parcels for no, *_ in parcel.lines]
    return bool(lines) and all(told.get(no) == "shipped" for no in lines)


# ------------------------------------------------------------------ stock levels


def set_levels(platform: Platform, updates: Sequence[LevelUpdate]) -> list[WriteResult]:
    """Set each level; a refused set of several is halved down to the listing that is refused."""
    stock = platform.capabilities.stock
    if stock is None:
        raise Unsupported(f"{platform.name}: stock levels", shop=platform.shop)
    if stock.mode == "delta" and any(u.delta is None for u in updates):
        raise Unsupported(f"{platform.name}: absolute stock levels; give the delta", shop=platform.shop)

    def act(level: LevelCall) -> list[WriteResult]:
        try:
            return _level(platform, level)
        except (Refused, FieldError):
            if len(level.updates) == 1:
                raise
        half = len(level.updates) // 2
        parts = [*platform.level_calls(level.updates[:half]), *platform.level_calls(level.updates[half:])]
        return each(platform, parts, lambda part: [u.key for u in part.updates], act)

    calls = list(platform.level_calls(updates))
    got = {r.key: r for r in each(platform, calls, lambda c: [u.key for u in c.updates], act)}
    return [got.get(u.key) or WriteResult(key=u.key, outcome="refused", code="not_sent") for u in updates]


def _level(platform: Platform, level: LevelCall) -> list[WriteResult]:
    about = f"{level.updates[0].listing_id} and {len(level.updates) - 1} more" if len(level.updates) > 1 else ""
    call = Call(api=level.api, params=level.params)
    body = platform.call(platform.as_write(call, about or level.updates[0].listing_id)).body
    handle = platform.written(call, body)
    failures = platform.level_failures(body)
    out = []
    for update in level.updates:
        code, message = failures.get(update.listing_id, ("", ""))
        if code:
            out.append(WriteResult(key=update.key, outcome="refused", code=code, message=message))
        else:
            out.append(WriteResult(key=update.key, outcome="accepted" if handle else "done", poll=handle))
    return out


def read_levels(platform: Platform, updates: Sequence[LevelUpdate]) -> dict[str, int]:
    """What the platform shows now, by key; listings that could not be read are missing."""
    stock = platform.capabilities.stock
    if stock is None or not stock.read_back:
        raise Unsupported(f"{platform.name}: reading stock levels", shop=platform.shop)
    out: dict[str, int] = {}
    for update in updates:
        try:
            out[update.key] = platform.read_level_of(update, platform.call(platform.read_level_call(update)).body)
        except (Refused, BadAnswer, FieldError, msgspec.MsgspecError):
            continue
    return out


# ------------------------------------------------------------------ refunds, polling


def answer_refunds(platform: Platform, answers: Sequence[RefundAnswer]) -> list[WriteResult]:
    """Tell our decision on each refund.

    Raises:
        Unsupported: this platform does not take one of these acts; nothing was sent.
    """
    for answer in answers:
        if answer.act not in platform.capabilities.refunds:
            raise Unsupported(f"{platform.name}: answering refunds with {answer.act!r}", shop=platform.shop)
    return each(
        platform,
        answers,
        lambda a: (a.key,),
        lambda a: [_write(platform, a.key, platform.refund_call(a), a.platform_refund_no)],
    )


def poll(platform: Platform, handles: Sequence[tuple[str, str]]) -> list[WriteResult]:
    """Ask what became of accepted writes: done, refused, or still accepted."""
    out: list[WriteResult] = []
    for key, handle in handles:
        try:
            answer = platform.call(platform.poll_call(handle))
        except Unsupported:
            raise
        except _SHOP:
            if not out:
                raise
            out.append(WriteResult(key=key, outcome="accepted", poll=handle))
        except Refused as error:
            out.append(result_of(platform, key, error))
        except AdapterError as error:
            message = Exception.__str__(error)
            out.append(WriteResult(key=key, outcome="accepted", code=error.code, message=message, poll=handle))
        else:
            outcome, code, message = platform.read_poll(answer.body)
            waiting = handle if outcome == "accepted" else ""
            out.append(WriteResult(key=key, outcome=outcome, code=code, message=message, poll=waiting))
    return out
