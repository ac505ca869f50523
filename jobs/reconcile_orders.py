"""reconcile orders: platform ↔ inbox ↔ orders, read side by side in sets; each difference with its evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from adapters.documents import OrderDocument
from adapters.errors import AdapterError
from jobs.env import Env, RunHandle
from jobs.errors import BadRequest
from jobs.results import Item, Result
from jobs.rules import numbers, statuses
from jobs.schema import OWN
from jobs.storing import inbox_key
from jobs.sync import cut
from stores.records import InboxEntry, Order

#: a document that waits longer was forgotten
LATE = timedelta(hours=1)
_decode: Callable[[bytes], OrderDocument] = msgspec.json.Decoder(OrderDocument).decode


def reconcile(
    env: Env, *, shops: Sequence[str] = (), since: datetime | None = None, until: datetime | None = None
) -> Result:
    """Compare; with `since` (and `until`, else now) the platforms' own lists of that time are asked too."""
    if until is not None and since is None:
        raise BadRequest("--until wants a --since", hint="oms reconcile orders --help")
    end = until or env.clock.now()
    if since is not None and since >= end:
        raise BadRequest(f"--since {since.isoformat()} is not before --until {end.isoformat()}")
    with env.run("reconcile orders", shops=shops, since=since, until=until) as run:
        aliases = tuple(env.shops(shops))
        _inbox(env, run, aliases)
        _orders(env, run, aliases)
        for alias in aliases if since is not None else ():
            if since is None or run.stopping:
                break
            try:
                _platform(env, run, alias, since, end)
            except AdapterError as error:
                facts = {"error": str(error)[:300]}
                run.result.add(Item(ref=alias, did="failed", reason=type(error).__name__, shop=alias, facts=facts))
        return run.result


# ------------------------------------------------------------------ inbox ↔ orders


def _inbox(env: Env, run: RunHandle, aliases: tuple[str, ...]) -> None:
    if not aliases:
        return
    for batch in env.inbox.scan("orders", shops=aliases):
        named = {e.key: _number(e) for e in batch}
        heads = env.orders.heads([no for no in named.values() if no])
        settled: dict[str, Order] = {}
        for entry in batch:
            run.result.count("documents")
            if entry.status == "parked":
                run.result.count("parked_documents")
                continue
            order = heads.get(named[entry.key])
            reason = _reason(entry, order, env.clock.now())
            if reason:
                run.result.add(_item(entry, named[entry.key], order, reason))
            elif order is not None and entry.status == "pushed" and order.platform != OWN:
                # An own order is imported once and moves here alone: what its file said then is no news of it.
                settled[entry.key] = order
        _statuses(env, run, settled)
        run.beat()


def _statuses(env: Env, run: RunHandle, settled: dict[str, Order]) -> None:
    """Orders whose progress contradicts what their newest document says."""
    for key, entry in (env.inbox.get(list(settled)) if settled else {}).items():
        order = settled[key]
        status = _status(entry.document)
        if status and not statuses.fits(status, order.progress):
            facts = {"platform": status, "ours": str(order.progress), "held": order.held, "inbox": key}
            run.result.add(
                Item(ref=order.order_no, did="differs", reason="status_differs", shop=order.shop, facts=facts)
            )


def _status(document: bytes) -> str:
    try:
        return _decode(document).status if document else ""
    except msgspec.MsgspecError:
        return ""


def _number(entry: InboxEntry) -> str:
    try:
        return numbers.order_no(entry.platform, entry.seller_id, entry.number)
    except ValueError:
        return ""


def _reason(entry: InboxEntry, order: Order | None, now: datetime) -> str:
    if entry.status == "pushed":
        if order is None:
            return "no_order"
        return "order_older" if order.doc_modified_at < entry.modified_at else ""
    # Seen again does not mean served: without an order the first sight counts.
    since = entry.first_seen_at if order is None else entry.seen_at
    return "waits_long" if now - since > LATE else ""


def _item(entry: InboxEntry, number: str, order: Order | None, reason: str) -> Item:
    facts = {
        "inbox": entry.key, "document": entry.modified_at.isoformat(), "status": entry.status,
        "seen": entry.seen_at.isoformat(), "order": order.doc_modified_at.isoformat() if order else "",
    }  # fmt: skip
    return Item(ref=number or entry.key, did="differs", reason=reason, shop=entry.shop, facts=facts)


def _orders(env: Env, run: RunHandle, aliases: tuple[str, ...]) -> None:
    """Orders of marketplaces that no document stands behind."""
    for batch in env.orders.scan():
        mine = [f.order for f in batch if f.order.shop in aliases and f.order.platform != OWN]
        keys = {o.order_no: inbox_key("orders", o.platform, o.seller_id, o.platform_order_no) for o in mine}
        known = env.inbox.versions(list(keys.values())) if keys else {}
        for o in mine:
            run.result.count("orders")
            if keys[o.order_no] not in known:
                facts = {"order": o.doc_modified_at.isoformat(), "progress": str(o.progress)}
                run.result.add(Item(ref=o.order_no, did="differs", reason="no_document", shop=o.shop, facts=facts))
        run.beat()


# ------------------------------------------------------------------ platform ↔ inbox


def _platform(env: Env, run: RunHandle, alias: str, since: datetime, until: datetime) -> None:
    """List the time again (ids and times suffice) and name what the inbox has not, or has older."""
    platform, seller = env.platform(alias), env.settings.shops[alias].seller_id
    size = timedelta(seconds=env.settings.sync.window)
    for scan in platform.scans.get("orders", ()):
        for a, b in cut(since, until, size):
            pull = platform.pull("orders", scan, a, b, light=True)
            for batch in pull:
                listed = {inbox_key("orders", platform.name, seller, i.number): i for i in batch.items if i.number}
                known = env.inbox.versions(list(listed)) if listed else {}
                run.result.count("listed", len(batch.items))
                for key, item in listed.items():
                    kept = known.get(key)
                    if kept is None or (item.modified_at is not None and kept[0] < item.modified_at):
                        facts = {
                            "platform": item.modified_at.isoformat() if item.modified_at else "",
                            "inbox": kept[0].isoformat() if kept else "", "scan": scan.name,
                        }  # fmt: skip
                        reason = "inbox_older" if kept else "not_in_inbox"
                        run.result.add(Item(ref=item.number, did="differs", reason=reason, shop=alias, facts=facts))
            if not pull.report.proof:
                ref = f"{alias} orders {a:%Y-%m-%dT%H:%M:%SZ}/{b:%Y-%m-%dT%H:%M:%SZ}"
                run.result.add(Item(ref=ref, did="unproven", reason=pull.report.reason, shop=alias))
            run.beat()
            if run.stopping:
                return
