"""push shipments: tell the platforms which parcels left, each exactly once.

There is a record per order line and parcel; records of one group are one notice. Before a notice goes out the platform
is asked once more: what is shipped there already is confirmed, what was cancelled or is being refunded is parked.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from adapters.core.writing import read_back
from adapters.documents import NoticeParcel, OrderDocument, Pulled, ShipNotice, WriteResult
from adapters.errors import AdapterError, ShopBroken
from jobs.batches import chunks
from jobs.effects import Group, Speaker, key_of, later, parked, waits
from jobs.env import Env, RunHandle
from jobs.handover import careful_look
from jobs.results import Item, Result
from jobs.rules import notices as rules
from stores.records import Effect, FullOrder

if TYPE_CHECKING:
    from adapters.platforms.base import Platform

KIND = "ship_notice"
#: reasons of a park that end by themselves
_PASSING = ("parked refund_asked",)
#: a notice that waits for the order's other parcels is looked at again after
_REST_S = 600.0
#: notices that are looked at, marked and settled in one step, where a notice can be read back
_TOGETHER = 25


def push(
    env: Env, *, shops: Sequence[str] = (), platforms: Sequence[str] = (), limit: int = 0, dry_run: bool = False
) -> Result:
    """Tell each shop's notices in batches, shops side by side in bounded threads; one in trouble does not stop the others."""
    with env.run("push shipments", dry_run=dry_run, shops=shops, platforms=platforms, limit=limit) as run:
        chosen = env.shops(shops, platforms)
        if dry_run:
            for alias in chosen:
                _list(env, run, alias, limit)
            return run.result
        env.ledger.now()  # opens the stores in this thread, so that threads find their tables
        _ = env.orders, env.inbox
        with ThreadPoolExecutor(max_workers=env.settings.shipping.threads) as pool:
            parts = [pool.submit(_shop, env, run.part(), alias, limit) for alias in chosen]
            for part in parts:
                run.result.include(part.result())
                run.beat()
        return run.result


def _shop(env: Env, run: RunHandle, alias: str, limit: int) -> Result:
    """One shop's notices; never raises what is only this shop's trouble."""
    if run.stopping:
        return run.result
    try:
        platform = env.platform(alias)
        platform.connection.breaker.check()
        revive(env, alias)
        Notices(env, run, alias, platform).drain(limit)
    except ShopBroken as error:
        run.result.add(_failed(alias, "shop_rests", error))
    except AdapterError as error:
        run.result.add(_failed(alias, type(error).__name__, error))
    return run.result


def _failed(alias: str, reason: str, error: Exception) -> Item:
    return Item(ref=alias, did="failed", reason=reason, shop=alias, facts={"error": str(error)[:200]})


def _list(env: Env, run: RunHandle, alias: str, limit: int) -> None:
    """What would be told, by notice."""
    seen: set[str] = set()
    for effect in open_effects(env, alias, ("intent", "unknown", "accepted", "sent")):
        if effect.group not in seen and (not limit or len(seen) < limit):
            seen.add(effect.group)
            facts = {"order_no": effect.ref, **{k: effect.payload.get(k) for k in ("parcel_no", "carrier", "waybill")}}
            run.result.add(Item(ref=effect.group, did="told", reason=effect.state, shop=alias, facts=facts))


def open_effects(env: Env, alias: str, states: Sequence[str]) -> list[Effect]:
    """A shop's notices in these states, by key."""
    out: list[Effect] = []
    for state in states:
        after = ""
        while page := env.ledger.effects(kind=KIND, shop=alias, state=state, limit=500, after=after):
            out += page
            after = page[-1].key
    return out


def revive(env: Env, alias: str) -> int:
    """Put notices back to work that were parked for a refund which is over; returns how many records."""
    waiting = [e for e in open_effects(env, alias, ("parked",)) if e.answer.startswith(_PASSING)]
    keys: list[str] = []
    for part in chunks(waiting, 500):
        heads = env.orders.heads(sorted({e.ref for e in part}))
        keys += [e.key for e in part if e.ref in heads and heads[e.ref].refund_state in ("none", "partly")]
    return sum(o.ok for o in env.ledger.retry_effects(keys)) if keys else 0


class Notices(Speaker):
    """A shop's ship notices."""

    kind = KIND

    def __init__(self, env: Env, run: RunHandle, shop: str, platform: Platform) -> None:
        super().__init__(env, run, shop, platform)
        self._orders: dict[str, FullOrder] = {}

    @property
    def batch(self) -> int:
        can = self.platform.capabilities.ship
        return can.batch if can else 1

    @property
    def together(self) -> int:
        can = self.platform.capabilities.ship
        return max(self.batch, _TOGETHER if can and can.read_back else 1)

    def look(self, groups: Sequence[Group]) -> list[WriteResult | None]:
        """Load the orders; then what must wait for other parcels waits, and the platform is asked for the rest."""
        self._load(groups)
        seen = [self._waits(g) for g in groups]
        if not self.env.settings.shipping.last_look or not self.platform.capabilities.last_look:
            return seen
        asked = [g for g, r in zip(groups, seen, strict=True) if r is None]
        if not asked:
            return seen
        pulled = self.platform.current([g[0].payload["platform_order_no"] for g in asked])
        said = {key_of(g): self._judge(g, item) for g, item in zip(asked, pulled, strict=True)}
        self._keep(pulled)
        return [r if r is not None else said[key_of(g)] for g, r in zip(groups, seen, strict=True)]

    def send(self, groups: Sequence[Group]) -> list[WriteResult]:
        return self.platform.ship([self.notice(g) for g in groups])

    def read_back(self, groups: Sequence[Group]) -> list[WriteResult]:
        can = self.platform.capabilities.ship
        if can is None or not can.read_back:
            return [parked(g, "cannot_be_read_back") for g in groups]
        self._load(groups)
        return self.platform.shipped([self.notice(g) for g in groups])

    def _load(self, groups: Sequence[Group]) -> None:
        self._orders = self.env.orders.load(sorted({g[0].ref for g in groups}))

    def _keep(self, pulled: Sequence[Pulled]) -> None:
        """What the platform said is stored and applied, as every document is."""
        careful_look(self.env, self.run, pulled, self.shop)

    def _waits(self, group: Group) -> WriteResult | None:
        """A platform that takes an order only as a whole is told after its last parcel left."""
        full = self._orders.get(group[0].ref)
        if full is None:
            return parked(group, "no_order")
        if group[0].payload.get("whole") and not (rules.all_left(full) and self._covers(group)):
            return waits(group, "waits_for_parcels", _REST_S, self.env.clock.now())
        return None

    def _judge(self, group: Group, item: Pulled) -> WriteResult | None:
        doc = item.document
        if not isinstance(doc, OrderDocument):
            return later(group, "unread", 60.0, item.detail or item.error)
        there = read_back(self.notice(group), item)
        if there.outcome == "done":
            return WriteResult(key=key_of(group), outcome="already", code="told_before", facts=there.facts)
        if doc.status in rules.DEAD:
            return parked(group, rules.DEAD[doc.status], doc.status_raw)
        if there.outcome == "unknown":
            return parked(group, there.code, doc.status_raw)
        concerned = {e.payload["platform_line_no"] for e in group}
        refunds = {line.refund for line in doc.lines if line.platform_line_no in concerned}
        if refunds & {"asked", "full"}:
            return parked(group, "refund_asked" if "asked" in refunds else "refunded", doc.status_raw)
        return None

    def notice(self, group: Group) -> ShipNotice:
        """The records of one group as one notice."""
        can = self.platform.capabilities.ship
        rows = [e for e in group if e.payload["qty"]]
        numbers = list(dict.fromkeys(e.payload["parcel_no"] for e in rows))
        under = rules.fold(numbers, can.parts_per_order if can else 0)
        lines: dict[str, dict[tuple[str, str, str], int]] = {}
        bill: dict[str, tuple[str, str]] = {}
        for e in rows:
            p = e.payload
            bill[p["parcel_no"]] = (p["carrier"], p["waybill"])
            inside = lines.setdefault(under[p["parcel_no"]], {})
            line = (p["platform_line_no"], p["listing_id"], p["product_id"])
            inside[line] = inside.get(line, 0) + p["qty"]
        parcels = tuple(
            NoticeParcel(
                carrier=bill[no][0], waybill=bill[no][1], lines=tuple((*line, n) for line, n in inside.items())
            )
            for no, inside in lines.items()
        )
        return ShipNotice(
            key=key_of(group), platform_order_no=group[0].payload["platform_order_no"], parcels=parcels,
            complete=self._covers(group),
        )  # fmt: skip

    def _covers(self, group: Group) -> bool:
        """True when this notice alone tells every open line: only then may the whole order be told at once."""
        full = self._orders.get(group[0].ref)
        told: dict[str, int] = {}
        for e in group:
            told[e.payload["platform_line_no"]] = told.get(e.payload["platform_line_no"], 0) + e.payload["qty"]
        if full is None:
            return False
        # A line may be off the list though the platform's order never says so: only its refund did.
        wanted = {part.line_no for part in full.ship_lines if part.status != "closed" or part.shipped_qty}
        return all(
            told.get(line.platform_line_no, 0) >= line.qty
            for line in full.lines
            if line.status != "closed" and line.line_no in wanted
        )
