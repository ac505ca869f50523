"""A marketplace that answers as it is told, and the way of an order to its parcel; for the tests of what comes after merging."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from adapters.core.shapes import Capabilities, ShipCapability, StockCapability
from adapters.core.writing import read_back
from adapters.documents import (
    LevelUpdate,
    OrderDocument,
    ParcelDocument,
    Pulled,
    RefundAnswer,
    RefundDocument,
    ShipNotice,
    WriteResult,
)
from adapters.errors import AdapterError, ShopBroken
from jobs import audit, gaps, handover, merge, push, ship, source, waybills
from jobs.env import Env
from jobs.rules.numbers import order_no
from jobs.storing import store
from stores.records import Parcel, ParcelState
from tests.documents import SELLER, line_document, order_document, pulled
from tests.factories import put_stock

Document = OrderDocument | RefundDocument


class FakePlatform:
    """Holds documents, does what it is asked and writes down each effect that took place.

    `script`: what happens to the next write calls, one word each: ``ok``, ``lost`` (done, but the answer is lost),
    ``dropped`` (not done, the answer is lost), ``retry``, ``refused``, ``accepted``, or an error to raise.
    """

    name = "taobao"

    def __init__(self, **capabilities: Any) -> None:
        base: dict[str, Any] = {
            "ship": ShipCapability(batch=1), "stock": StockCapability(batch=20), "refunds": ("agree", "refuse", "goods_received"),
        }  # fmt: skip
        self.capabilities = Capabilities(**{**base, **capabilities})
        self.connection = SimpleNamespace(breaker=SimpleNamespace(check=self._check))
        self.scans: dict[str, Any] = {}
        self.resting = False
        self.orders: dict[str, OrderDocument] = {}
        self.refunds: dict[str, RefundDocument] = {}
        self.script: list[str | Exception] = []
        self.fail_current: AdapterError | None = None
        self.asked: list[str] = []
        #: what took effect: (order, waybills)
        self.shipped_log: list[tuple[str, tuple[str, ...]]] = []
        self.notices: list[ShipNotice] = []
        self.levels: dict[str, int] = {}
        self.level_log: list[tuple[str, int]] = []
        self.answers: list[RefundAnswer] = []
        self.polls: list[str] = []

    def _check(self) -> None:
        if self.resting:
            raise ShopBroken("rests", shop="tmall")

    def current(self, numbers: Sequence[str], kind: str = "orders") -> list[Pulled]:
        if self.fail_current:
            raise self.fail_current
        self.asked += numbers
        known: dict[str, Any] = self.orders if kind == "orders" else self.refunds
        return [
            pulled(known[n]) if n in known else Pulled(kind=kind, number=n, raw=b"{}", error="detail_failed")
            for n in numbers
        ]

    def _next(self, key: str, act: Callable[[], None]) -> WriteResult:
        word = self.script.pop(0) if self.script else "ok"
        if isinstance(word, Exception):
            raise word
        if word in ("ok", "lost", "accepted"):
            act()
        if word == "accepted":
            return WriteResult(key=key, outcome="accepted", poll=f"poll-{key}")
        outcome = {"ok": "done", "lost": "unknown", "dropped": "unknown"}.get(word, word)
        return WriteResult(key=key, outcome=outcome, code="" if outcome == "done" else "B01", facts={"request": "r-1"})

    # ---- ship notices
    def ship(self, notices: Sequence[ShipNotice]) -> list[WriteResult]:
        self.notices += notices
        return [self._next(n.key, lambda n=n: self._ship(n)) for n in notices]  # type: ignore[misc]

    def _ship(self, notice: ShipNotice) -> None:
        doc = self.orders[notice.platform_order_no]
        self.shipped_log.append((notice.platform_order_no, tuple(p.waybill for p in notice.parcels)))
        there = (*doc.parcels, *(ParcelDocument(carrier=p.carrier, waybill=p.waybill) for p in notice.parcels))
        done = {no for p in notice.parcels for no, *_ in p.lines}
        lines = tuple(
            msgspec.structs.replace(x, status="shipped") if x.platform_line_no in done else x for x in doc.lines
        )
        status = "shipped" if all(x.status != "open" for x in lines) else "partly_shipped"
        self.change(notice.platform_order_no, parcels=there, lines=lines, status=status)

    def shipped(self, notices: Sequence[ShipNotice]) -> list[WriteResult]:
        return [read_back(n, self.current([n.platform_order_no])[0]) for n in notices]

    def change(self, number: str, **changes: Any) -> None:
        """The order as the platform says it is from now on."""
        old = self.orders[number]
        self.orders[number] = msgspec.structs.replace(
            old, modified_at=old.modified_at + timedelta(seconds=1), **changes
        )

    # ---- levels
    def set_levels(self, updates: Sequence[LevelUpdate]) -> list[WriteResult]:
        return [self._next(u.key, lambda u=u: self._level(u)) for u in updates]  # type: ignore[misc]

    def _level(self, update: LevelUpdate) -> None:
        before = self.levels.get(update.listing_id, 0)
        delta_only = self.capabilities.stock is not None and self.capabilities.stock.mode == "delta"
        assert not delta_only or update.delta is not None
        self.levels[update.listing_id] = before + (update.delta or 0) if delta_only else update.qty
        self.level_log.append((update.listing_id, self.levels[update.listing_id]))

    def read_levels(self, updates: Sequence[LevelUpdate]) -> dict[str, int]:
        return {u.key: self.levels[u.listing_id] for u in updates if u.listing_id in self.levels}

    # ---- refunds, polling
    def answer_refunds(self, answers: Sequence[RefundAnswer]) -> list[WriteResult]:
        return [self._next(a.key, lambda a=a: self.answers.append(a)) for a in answers]  # type: ignore[misc]

    def poll(self, handles: Sequence[tuple[str, str]]) -> list[WriteResult]:
        self.polls += [handle for _, handle in handles]
        return [WriteResult(key=key, outcome="done") for key, _ in handles]

    def drain_faults(self) -> list[Any]:
        return []

    def close(self) -> None:
        pass


def install(env: Env, platform: FakePlatform, shop: str = "tmall") -> FakePlatform:
    """Make a fake the adapter of a shop."""
    env._platforms[shop] = platform  # type: ignore[assignment]
    return platform


# ------------------------------------------------------------------ orders on their way


def document(number: str, *lines: tuple[str, int], **changes: Any) -> OrderDocument:
    """A paid order that adds up: lines of (merchant code, pieces) at 50.00 each, every line a listing of its own."""
    rows = lines or (("SKU-1", 2),)
    made = tuple(
        line_document(
            platform_line_no=f"{number}-{n}", listing_id=f"L-{code}", product_id=f"P-{code}", code=code, qty=qty,
            unit_minor=5_000, paid_minor=5_000 * qty,
        )
        for n, (code, qty) in enumerate(rows, 1)
    )  # fmt: skip
    total = sum(5_000 * qty for _, qty in rows)
    base: dict[str, Any] = {
        "platform_order_no": number, "lines": made, "goods_minor": total, "freight_minor": 0, "adjustments": (),
        "payable_minor": total, "paid_minor": total, "merge_key": f"k-{number}", "buyer_id": f"buyer-{number}",
    }  # fmt: skip
    return order_document(**{**base, **changes})


def number_of(platform_order_no: str) -> str:
    return order_no("taobao", SELLER, platform_order_no)


def pull(env: Env, platform: FakePlatform, *documents: Document) -> None:
    """Documents come in and are pushed."""
    for doc in documents:
        kind = "orders" if isinstance(doc, OrderDocument) else "refunds"
        if isinstance(doc, OrderDocument):
            platform.orders[doc.platform_order_no] = doc
        else:
            platform.refunds[doc.platform_refund_no] = doc
        store(env, "tmall", platform, kind, [pulled(doc)])  # type: ignore[arg-type]
    push.push(env)


def planned(
    env: Env, platform: FakePlatform, *documents: OrderDocument, levels: dict[str, dict[str, int]] | None = None
) -> list[Parcel]:
    """Bring documents as far as planned parcels, by the jobs that do that."""
    put_stock(env, levels or {"EAST": {"SKU-1": 100, "SKU-2": 100, "SKU-3": 100}})
    pull(env, platform, *documents)
    audit.audit(env)
    source.source(env)
    env.clock.advance(env.settings.merge.window + 1)
    merge.merge(env, dry_run=False)
    return env.orders.find_parcels(states=[ParcelState.PLANNED])


def handed_over(env: Env, platform: FakePlatform, *documents: OrderDocument, **more: Any) -> list[Parcel]:
    found = planned(env, platform, *documents, **more)
    for warehouse in sorted({p.warehouse for p in found}):
        handover.handover(env, warehouse=warehouse, out=env.root / f"{warehouse}.csv", by="li")
    return env.orders.find_parcels(states=[ParcelState.HANDED_OVER])


def label(env: Env, *parcels: Parcel) -> None:
    """The warehouse's waybills: SF and the last digits of the parcel's number."""
    path = env.root / "waybills.csv"
    rows = [f"{p.parcel_no},SF,{waybill(p)}" for p in parcels]
    path.write_text("\n".join(["parcel_no,carrier,waybill", *rows]), encoding="utf-8")
    result = waybills.take(env, path, by="li")
    assert result.exit_code == 0, result.items


def waybill(parcel: Parcel) -> str:
    return f"SF{parcel.parcel_no[-12:]}"


def labelled(env: Env, platform: FakePlatform, *documents: OrderDocument, **more: Any) -> list[Parcel]:
    label(env, *handed_over(env, platform, *documents, **more))
    return env.orders.find_parcels(states=[ParcelState.LABELLED])


def shipped(env: Env, platform: FakePlatform, *documents: OrderDocument, **more: Any) -> list[Parcel]:
    labelled(env, platform, *documents, **more)
    ship.ship(env)
    return env.orders.find_parcels(states=[ParcelState.SHIPPED])


# ------------------------------------------------------------------ kills


class Killed(BaseException):
    """The process ends here."""


@contextmanager
def killed_at(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Die the first time the gap is passed."""

    def kill(at: str) -> None:
        if at == name:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(gaps, "hook", kill)
        with pytest.raises(Killed):
            yield


#: columns that tell of times, runs and keys, which may differ
_PASSING = frozenset(
    [
        "created_at",
        "changed_at",
        "run_id",
        "at",
        "seq",
        "sent_at",
        "settled_at",
        "attempts",
        "next_at",
        "claim_token",
        "claim_until",
        "since",
        "released_at",
        "version",
        "beat_at",
        "due_at",
        "answer",
        "buyer_key",
        "first_seen_at",
        "seen_at",
    ]
)
_BOOKS = frozenset(
    [
        "orders",
        "order_lines",
        "ship_lines",
        "order_holds",
        "memberships",
        "parcels",
        "refunds",
        "refund_lines",
        "waiting",
        "stock",
        "stock_journal",
        "reservations",
        "demand",
        "effects",
    ]
)


def books(env: Env) -> dict[str, list[str]]:
    """What must be the same however often the work was cut: orders, parcels, refunds, stock and effects."""
    out: dict[str, list[str]] = {}
    for kept in (env.orders, env.stock, env.ledger):
        for table, row in kept.dump():
            if table in _BOOKS:
                out.setdefault(table, []).append(repr({k: v for k, v in row.items() if k not in _PASSING}))
    return {table: sorted(rows) for table, rows in out.items()}
