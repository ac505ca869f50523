"""refund request: a buyer or an operator asks for money back, other goods or the goods once more, on an own order.

What is asked is written once per key, never beyond what was paid, and waits for its decision; `jobs/refunds.py` decides it,
`jobs/carrying.py` carries it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from jobs import gaps, refunding
from jobs.env import Env, RunHandle
from jobs.errors import BadRequest
from jobs.orders import loaded
from jobs.own_cells import Unread, minor, money_text
from jobs.results import Item, Result
from jobs.rules import numbers
from jobs.rules import refund_requests as rules
from jobs.schema import OWN
from stores.records import AuditEntry, FullOrder, Refund, RefundKind, RefundLine, RefundStatus, Replacement, Sent

ASKED = gaps.declare(
    "request.asked",
    before="a refund of ours is written",
    after="its order shows it",
    sweep="refund request again, and refund decide: orders with open refunds of ours are made to show them",
)
#: why somebody asks
REASONS: Mapping[str, str] = {
    "no_longer_wanted": "不想要了", "wrong_size": "尺寸不合适", "not_as_described": "与描述不符", "damaged": "破损", "defective": "质量问题",
    "wrong_goods": "发错货", "missing": "少件漏发", "late": "未按时发货", "lost": "丢件", "price": "降价补差", "other": "其他",
}  # fmt: skip
HINT = "oms refund request --help"


def request(
    env: Env, number: str, *, kind: str, lines: Mapping[str, int] | None = None, amount: str = "", reason: str, text: str = "",
    key: str = "", send: Mapping[str, int] | None = None, difference: str = "", by: str, dry_run: bool = False,
) -> Result:  # fmt: skip
    """Ask for a refund of an own order; of a marketplace's order only a reship, since its money is not ours to give.

    Args:
        lines: line number or merchant code → pieces, 0: all that are left; empty: the whole order.
        amount: in the currency's unit, such as ``12.50``; empty: what the pieces are worth.
        reason: of `REASONS`; `text`: in the buyer's words.
        key: the same key again is the same request; empty: made of what is asked.
        send: of an exchange or reship, other goods: SKU → pieces.
        difference: what the buyer pays for dearer goods, in the currency's unit.

    Raises:
        BadRequest: it cannot be asked; the message says what can. UnknownThing: no such order.
    """
    with env.run("refund request", dry_run=dry_run, number=number, kind=kind, by=by) as run:
        full = next(iter(loaded(env, [number]).values()))
        known = list(env.orders.refunds([r.refund_no for r in full.refunds]).values())
        wanted = _wanted(full, lines or {})
        what = _kind(full, kind, reason)
        given = _minor(amount, full, "amount") if amount else None
        refund_no, own_no = _numbers(full, key or _key(what, wanted, given, send or {}, difference))
        for refund, _ in known:
            if refund.refund_no == refund_no:
                return _again(env, run, refund, what)
        refund, parts = _made(
            env, full, known, what, wanted, given, refund_no, own_no, f"{reason}: {text}" if text else reason
        )
        refund = _with_goods(refund, full, send or {}, difference)
        _write(env, run, full, refund, parts, by)
        return run.result


def _kind(full: FullOrder, kind: str, reason: str) -> RefundKind:
    if kind not in {str(k) for k in rules.WHEN}:
        raise BadRequest(f"kind {kind!r}; one of {', '.join(rules.WHEN)}", hint=HINT)
    if reason not in REASONS:
        raise BadRequest(f"reason {reason!r}; one of {', '.join(REASONS)}", hint=HINT)
    if full.order.platform != OWN and kind != RefundKind.RESHIP:
        raise BadRequest(f"the money of this order is at {full.order.platform}: its refunds are asked for there; a reship can be asked for here", hint="oms refund list")  # fmt: skip
    return RefundKind(kind)


def _wanted(full: FullOrder, given: Mapping[str, int]) -> dict[int, int] | None:
    """Lines by number or by merchant code; a code that several lines have is no name of one."""
    out: dict[int, int] = {}
    for name, pieces in given.items():
        found = [x.line_no for x in full.lines if x.code == name or x.listing_id == name]
        if len(found) > 1:
            raise BadRequest(f"{name!r} is lines {', '.join(map(str, found))}; name one by its number", hint=HINT)
        if not found and name.isdecimal():
            found = [int(name)]
        if not found:
            raise BadRequest(
                f"no line {name!r}; lines: {', '.join(f'{x.line_no} {x.code}' for x in full.lines)}", hint=HINT
            )
        out[found[0]] = pieces
    return out or None


def _minor(text: str, full: FullOrder, name: str) -> int:
    try:
        value = minor(text, full.order.currency)
    except Unread as error:
        raise BadRequest(f"{name} {text!r} {error.what}; {error.write}", hint=HINT) from error
    if value <= 0:
        raise BadRequest(f"{name} {text!r} is not above zero", hint=HINT)
    return value


def _key(kind: str, wanted: Mapping[int, int] | None, amount: int | None, *more: object) -> str:
    """The same words are the same request."""
    return repr((str(kind), sorted((wanted or {}).items()), amount, more))


def _numbers(full: FullOrder, key: str) -> tuple[str, str]:
    """(our refund number, the number it stands under at the order's shop)."""
    head = full.order
    digest = blake2b(f"{head.order_no}\0{key}".encode(), digest_size=10).digest()
    own = "U" + numbers.base32(digest, 16)
    return numbers.refund_no(head.platform, head.seller_id, own, head.order_no), own


def _again(env: Env, run: RunHandle, refund: Refund, kind: RefundKind) -> Result:
    """The request is there: it is one. Its order is made to show it, should that have been cut off."""
    if refund.kind != kind:
        raise BadRequest(
            f"this key belongs to a {refund.kind} already", hint=f"oms refund list --status {refund.status}"
        )
    if not run.result.dry_run:
        refunding.move_orders(env, run, [refund.order_no])
    run.result.add(Item(ref=refund.refund_no, did="same", reason=f"is_{refund.status}", shop=refund.shop, facts={"order_no": refund.order_no}))  # fmt: skip
    run.result.hint = "give another --key to ask for the same once more"
    return run.result


def _made(
    env: Env, full: FullOrder, known: Sequence[tuple[Refund, tuple[RefundLine, ...]]], kind: RefundKind,
    wanted: Mapping[int, int] | None, amount: int | None, refund_no: str, own_no: str, reason: str,
) -> tuple[Refund, tuple[RefundLine, ...]]:  # fmt: skip
    try:
        asked = rules.asked(full, known, kind, wanted=wanted, amount=amount)
    except rules.Wrong as error:
        raise BadRequest(str(error), hint=f"oms order show {full.order.order_no}") from error
    head, now = full.order, _whole(env.clock.now())
    refund = Refund(
        refund_no=refund_no, order_no=head.order_no, platform=head.platform, seller_id=head.seller_id, shop=head.shop,
        platform_refund_no=own_no, kind=kind, authority="us", status=RefundStatus.ASKED, currency=head.currency,
        amount_minor=asked.amount_minor, reason=reason, asked_at=now, doc_modified_at=now, created_at=now, changed_at=now,
    )  # fmt: skip
    parts = tuple(
        RefundLine(refund_no=refund_no, order_no=head.order_no, line_no=no, qty=qty, amount_minor=part)
        for no, qty, part in asked.lines
    )
    return refund, parts


def _whole(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _with_goods(refund: Refund, full: FullOrder, send: Mapping[str, int], difference: str) -> Refund:
    """What an exchange or reship sends, where it is not the same goods once more."""
    from stores.records import replace

    if refund.kind not in rules.SENDS:
        if send or difference:
            raise BadRequest(f"a {refund.kind} sends nothing", hint=HINT)
        return refund
    if refund.kind == RefundKind.RESHIP and (difference or refund.amount_minor):
        raise BadRequest("a reship sends goods and moves no money", hint=HINT)
    if difference and refund.amount_minor:
        raise BadRequest("either the buyer pays a --difference or gets an --amount back", hint=HINT)
    if any(n <= 0 for n in send.values()):
        raise BadRequest("pieces are whole numbers from 1 up", hint=HINT)
    payable = _minor(difference, full, "difference") if difference else 0
    lines = {x.code or x.listing_id: x for x in full.lines}
    first = next(iter(full.lines))
    items = tuple(
        Sent(code=sku, listing_id=sku, title=(known := lines.get(sku, first)).title, qty=n, unit_minor=known.paid_minor // known.qty if known.qty else 0)
        for sku, n in send.items()
    )  # fmt: skip
    return replace(refund, replacement=Replacement(items=items, payable_minor=payable))


def _write(
    env: Env, run: RunHandle, full: FullOrder, refund: Refund, parts: Sequence[RefundLine], by: str
) -> None:  # fmt: skip
    facts: dict[str, Any] = {
        "order_no": refund.order_no, "kind": str(refund.kind), "amount": f"{money_text(refund.amount_minor, refund.currency)} {refund.currency}",
        "lines": {str(p.line_no): f"{p.qty} pieces, {money_text(p.amount_minor, refund.currency)}" for p in parts},
    }  # fmt: skip
    if refund.replacement.items:
        facts["sends"] = {x.code: x.qty for x in refund.replacement.items}
    if not run.result.dry_run:
        entry = AuditEntry(at=env.clock.now(), who=by, act="refund_request", ref=refund.refund_no, facts={"kind": str(refund.kind), "amount_minor": refund.amount_minor})  # fmt: skip
        env.ledger.audit([entry])
        [outcome] = env.orders.add_refunds([(refund, tuple(parts))], run_id=run.id, reason="requested")
        gaps.gap(ASKED)
        if not outcome.ok:
            run.result.add(
                Item(ref=refund.refund_no, did="refused", reason=outcome.reason, shop=refund.shop, facts=facts)
            )
            return
        refunding.move_orders(env, run, [full.order.order_no])
        run.result.hint = "oms refund decide"
    run.result.facts[refund.refund_no] = facts
    run.result.add(Item(ref=refund.refund_no, did="asked", shop=refund.shop, facts=facts))
