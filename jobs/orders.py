"""order …: listing, search, show, explain; holds and releases; parked things and their replay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from jobs.env import Env
from jobs.errors import BadRequest, UnknownThing
from jobs.results import Item, Result
from jobs.rules.numbers import is_order_no
from jobs.schema import OWN
from stores.contracts import Change, OrderQuery
from stores.records import AuditEntry, FullOrder, Hold, Order, Progress


def numbers_of(env: Env, numbers: Sequence[str]) -> list[str]:
    """Our order numbers for what was typed: ours, or the platform's where it is unambiguous.

    Raises:
        UnknownThing: no such order. BadRequest: the platform's number exists at several sellers.
    """
    out: list[str] = []
    for text in numbers:
        if is_order_no(text):
            out.append(text)
            continue
        found, _ = env.orders.find(OrderQuery(platform_order_no=text), limit=2)
        if not found:
            raise UnknownThing(f"order {text!r}", hint=f"oms order search --number {text}")
        if len(found) > 1:
            raise BadRequest(
                f"{text} exists at {', '.join(o.shop for o in found)}; use our number",
                hint=f"oms order search --number {text}",
            )
        out.append(found[0].order_no)
    return list(dict.fromkeys(out))


def loaded(env: Env, numbers: Sequence[str]) -> dict[str, FullOrder]:
    """Whole orders for what was typed, every one of them there."""
    ours = numbers_of(env, numbers)
    found: dict[str, FullOrder] = {}
    for at in range(0, len(ours), 500):
        found |= env.orders.load(ours[at : at + 500])
    gone = [n for n in ours if n not in found]
    if gone:
        raise UnknownThing(f"order {gone[0]}", hint="oms order search --help")
    return found


def listing(
    env: Env, *, shops: Sequence[str] = (), platforms: Sequence[str] = (), progress: Sequence[str] = (), held: bool | None = None,
    hold_code: str = "", flag: str = "", since: datetime | None = None, until: datetime | None = None, limit: int = 50,
) -> list[Order]:  # fmt: skip
    """Heads by (ordered_at, order_no). Shops are matched as globs against the settings."""
    for word in progress:
        if word not in set(Progress):
            raise BadRequest(f"progress {word!r}; one of {', '.join(Progress)}")
    names = tuple(env.shops(shops, platforms)) if shops or platforms else ()
    query = OrderQuery(
        shops=names,
        progress=tuple(Progress(p) for p in progress),
        held=held,
        hold_code=hold_code,
        flag=flag,
        since=since,
        until=until,
    )
    out: list[Order] = []
    after = None
    while len(out) < limit:
        page, after = env.orders.find(query, limit=min(500, limit - len(out)), after=after)
        out += page
        if after is None:
            break
    return out


def search(env: Env, *, platform_order_no: str = "", name: str = "", phone: str = "", limit: int = 50) -> list[Order]:
    """Heads found by the platform's number, or by name or phone through their keyed hashes (clear ones only)."""
    given = [bool(platform_order_no), bool(name), bool(phone)]
    if sum(given) != 1:
        raise BadRequest("give one of a number, a name or a phone", hint="oms order search --help")
    if platform_order_no:
        if is_order_no(platform_order_no):
            return list(env.orders.heads([platform_order_no]).values())
        return env.orders.find(OrderQuery(platform_order_no=platform_order_no), limit=limit)[0]
    kind, text = ("name", name) if name else ("phone", phone)
    return env.orders.find(OrderQuery(search=(kind, env.privacy.search_hash(kind, text))), limit=limit)[0]


def _linked(env: Env, full: FullOrder) -> list[dict[str, str]]:
    """See `jobs.linked.of`; that module cancels orders, and so imports this one."""
    from jobs import linked

    return linked.of(env, full)


def show(env: Env, number: str, *, reveal: bool = False, by: str = "") -> dict[str, Any]:
    """One order with everything but personal data; with `reveal` the receiver too, and an audit row."""
    full = next(iter(loaded(env, [number]).values()))
    head = full.order
    shown: dict[str, Any] = {
        "order": msgspec.to_builtins(head),
        "lines": msgspec.to_builtins(full.lines),
        "ship_lines": msgspec.to_builtins(full.ship_lines),
        "holds": msgspec.to_builtins([h for h in full.holds if h.released_at is None]),
        "parcels": msgspec.to_builtins(list(env.orders.parcels([m.parcel_no for m in full.memberships]).values())),
        "refunds": msgspec.to_builtins(full.refunds),
        "payments": msgspec.to_builtins(env.orders.find_payments(order_nos=[head.order_no])),
        "linked": _linked(env, full),
        "has_buyer_remark": bool(full.buyer_remark),
        "seller_remark": full.seller_remark,
    }
    if reveal:
        if not by:
            raise BadRequest("revealing personal data needs a name", hint="oms order show NUMBER --reveal --by NAME")
        env.ledger.audit([AuditEntry(at=env.clock.now(), who=by, act="reveal", ref=head.order_no)])
        who = env.orders.receivers([head.order_no])[head.order_no]
        shown["receiver"] = {f: getattr(who, f) for f in who.__struct_fields__}
        shown["buyer_remark"] = full.buyer_remark
    return shown


def explain(env: Env, number: str) -> dict[str, Any]:
    """Why an order is where it is: its steps, doubts, holds, stock, parcels, and what it waits for."""
    full = next(iter(loaded(env, [number]).values()))
    head = full.order
    parcels = env.orders.parcels([m.parcel_no for m in full.memberships])
    return {
        "order_no": head.order_no,
        "platform_order_no": head.platform_order_no,
        "shop": head.shop,
        "progress": head.progress,
        "waits_for": _waits_for(env, full),
        "holds": msgspec.to_builtins(env.orders.holds(head.order_no)),
        "doubts": msgspec.to_builtins(head.marks),
        "history": msgspec.to_builtins(env.orders.history(head.order_no)),
        "reservations": msgspec.to_builtins(env.stock.reservations([head.order_no]).get(head.order_no, [])),
        "parcels": {no: msgspec.to_builtins(env.orders.history(no)) for no in sorted(parcels)},
        "effects": msgspec.to_builtins(env.ledger.effects(refs=[head.order_no])),
        "refunds": {r.refund_no: msgspec.to_builtins(env.orders.history(r.refund_no)) for r in full.refunds},
        "linked": _linked(env, full),
    }


_NEXT = {
    Progress.UNPAID: "the buyer's payment, as the platform tells it",
    Progress.CREATED: "the audit (oms order audit)",
    Progress.AUDITED: "stock and a place that ships (oms order source)",
    Progress.SOURCED: "its merge window or ship_by (oms merge run)",
    Progress.MERGED: "the warehouse: hand-over, waybill, shipping (oms parcel list)",
    Progress.PARTLY_SHIPPED: "its other parcels",
    Progress.SHIPPED: "the buyer's receipt, as the platform tells it (oms order complete)",
    Progress.COMPLETED: "nothing: done",
    Progress.CANCELLED: "nothing: cancelled",
}
#: where nobody tells us of an order, other words hold
_NEXT_OWN = {
    Progress.UNPAID: "the buyer's payment; unpaid it is closed after `[expire] after`",
    Progress.SHIPPED: "its time, `[complete] after` (oms order complete)",
}


def _waits_for(env: Env, full: FullOrder) -> str:
    open_holds = [h.code for h in full.holds if h.released_at is None]
    if open_holds:
        return f"the release of {', '.join(sorted(open_holds))} (oms order release {full.order.order_no})"
    due = full.order.due_at
    text = _NEXT_OWN.get(full.order.progress, "") if full.order.platform == OWN else ""
    text = text or _NEXT[full.order.progress]
    return f"{text}, not before {due.isoformat()}" if due and due > env.clock.now() else text


def hold(
    env: Env, numbers: Sequence[str], *, code: str = "manual", note: str = "", by: str, until: datetime | None = None
) -> Result:
    """Hold orders by a person's word."""
    with env.run("order hold", code=code, by=by) as run:
        now = env.clock.now()
        facts = {"note": note} if note else {}
        changes = [
            Change(
                order_no=no, expect=full.order.version, reason=f"hold.{code}", facts={"by": by, **facts},
                hold=(Hold(order_no=no, code=code, owner=by, facts=facts, since=now, until=until),),
            )
            for no, full in loaded(env, numbers).items()
        ]  # fmt: skip
        _apply(env, run.result, run.id, changes, "held")
        return run.result


def release(env: Env, numbers: Sequence[str], *, code: str = "", note: str = "", by: str) -> Result:
    """Release one hold by its code, or every open one that is not the platform's."""
    with env.run("order release", code=code, by=by) as run:
        changes = []
        for no, full in loaded(env, numbers).items():
            codes = tuple(
                h.code
                for h in full.holds
                if h.released_at is None and (h.code == code if code else h.owner != "platform")
            )
            if not codes:
                run.result.add(Item(ref=no, did="skipped", reason="no_such_hold", shop=full.order.shop))
                continue
            facts = {"by": by, "codes": list(codes), **({"note": note} if note else {})}
            changes.append(
                Change(
                    order_no=no,
                    expect=full.order.version,
                    reason="released",
                    facts=facts,
                    release=codes,
                    was=full.order.progress,
                )
            )
        _apply(env, run.result, run.id, changes, "released")
        return run.result


def _apply(env: Env, result: Result, run_id: str, changes: Sequence[Change], did: str) -> None:
    for at in range(0, len(changes), 500):
        part = changes[at : at + 500]
        for change, outcome in zip(part, env.orders.apply(part, run_id=run_id), strict=True):
            result.add(
                Item(
                    ref=change.order_no,
                    did=did if outcome.ok else "refused",
                    reason="" if outcome.ok else outcome.result,
                )
            )


def parked(env: Env, *, shops: Sequence[str] = (), kinds: Sequence[str] = (), limit: int = 100) -> list[dict[str, Any]]:
    """Parked inbox entries and effects, with their reasons and what to type."""
    out: list[dict[str, Any]] = []
    inbox_kinds = tuple(k for k in kinds if k not in ("ship_notice", "level", "agreement"))
    if not kinds or inbox_kinds:
        names = tuple(env.shops(shops)) if shops else ()
        for e in env.inbox.parked(kinds=inbox_kinds, shops=names, limit=limit):
            out.append(
                {
                    "ref": e.key, "kind": e.kind, "shop": e.shop, "number": e.number, "reason": e.reason, "facts": e.facts,
                    "since": e.first_seen_at.isoformat(), "hint": f"oms order replay {e.key}",
                }
            )  # fmt: skip
    for state in ("parked", "refused"):
        for f in env.ledger.effects(state=state, limit=limit):
            if (not kinds or f.kind in kinds) and (not shops or any(fnmatchcase(f.shop, p) for p in shops)):
                out.append(
                    {
                        "ref": f.key, "kind": f.kind, "shop": f.shop, "number": f.ref, "reason": f"{state}: {f.answer}",
                        "facts": f.payload, "since": f.created_at.isoformat(), "hint": f"oms jobs retry {f.key}",
                    }
                )  # fmt: skip
    return out[:limit]


def replay(env: Env, keys: Sequence[str] = (), *, shops: Sequence[str] = (), reason: str = "", by: str) -> Result:
    """Put parked things back to work: by key, or all inbox entries with a reason (and shop).

    An entry that could not be read is read again by the adapter of today first; effects go back to intent.
    """
    from jobs.rereading import reread

    with env.run("order replay", keys=keys, shops=shops, reason=reason, by=by) as run:
        if not keys and not reason:
            raise BadRequest("name keys, or a --reason", hint="oms jobs parked")
        chosen = list(keys)
        if reason:
            names = tuple(env.shops(shops)) if shops else ()
            chosen += [e.key for e in env.inbox.parked(shops=names, limit=100_000) if e.reason == reason]
        effects = [k for k in chosen if k.split(":", 1)[0] in ("ship", "level", "agreement")]
        entries = [k for k in chosen if k not in set(effects)]
        for at in range(0, len(entries), 500):
            part = reread(env, run, entries[at : at + 500])
            for outcome in env.inbox.replay(part):
                run.result.add(
                    Item(ref=outcome.key, did="replayed" if outcome.ok else "refused", reason=outcome.reason)
                )
        for outcome in env.ledger.retry_effects(effects) if effects else ():
            run.result.add(Item(ref=outcome.key, did="replayed" if outcome.ok else "refused", reason=outcome.reason))
        env.ledger.audit(
            [AuditEntry(at=env.clock.now(), who=by, act="replay", ref=run.id, facts={"count": len(chosen)})]
        )
        return run.result
