"""Sourced orders, their parcels, and what must hold between them."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobs import source
from jobs.env import Env
from stores.contracts import Change, ParcelChange
from stores.records import FullOrder, Parcel, ParcelState, Progress
from tests.factories import make_full_order, put_orders, put_stock

LEVELS = {"EAST": {"SKU-1": 100, "A": 50}, "SOUTH": {"B": 50}}
#: ships from two warehouses with LEVELS
SPLIT = {"A": 1, "B": 1}
OVER = (ParcelState.VOID, ParcelState.STOPPED)


def audited(n: int, **changes: Any) -> FullOrder:
    """The nth order of one buyer at one address, ready for sourcing; the platform needs not confirm its merge."""
    given = {"progress": Progress.AUDITED, "merge_confirm": False, **changes}
    return make_full_order(number=str(3_890_000_000_000_000_000 + n), **given)


def sourced(env: Env, *fulls: FullOrder, levels: Mapping[str, Mapping[str, int]] = LEVELS) -> list[str]:
    """Source orders and let their merge windows end; returns their numbers."""
    order_nos = put_orders(env, *fulls)
    put_stock(env, levels)
    source.source(env)
    assert progress(env, order_nos) == {Progress.SOURCED}
    env.clock.advance(env.settings.merge.window + 1)
    return order_nos


def progress(env: Env, order_nos: Sequence[str]) -> set[Progress]:
    return {head.progress for head in env.orders.heads(order_nos).values()}


def change(env: Env, order_no: str, **parts: Any) -> None:
    """Change an order as another job would."""
    head = env.orders.heads([order_no])[order_no]
    [outcome] = env.orders.apply(
        [Change(order_no=order_no, expect=head.version, reason="test", **parts)], run_id="test"
    )
    assert outcome.ok


def live(env: Env) -> list[Parcel]:
    """Parcels that hold somebody."""
    return [p for p in env.orders.find_parcels() if p.state not in OVER]


def groups(env: Env) -> list[tuple[str, ...]]:
    """Members of each live parcel."""
    return sorted(p.members for p in live(env))


def state(env: Env, parcel: Parcel) -> ParcelState:
    return env.orders.parcels([parcel.parcel_no])[parcel.parcel_no].state


def to_state(env: Env, parcel: Parcel, *states: ParcelState) -> None:
    """Move a parcel as hand-over, import and ship do."""
    for to in states:
        fresh = env.orders.parcels([parcel.parcel_no])[parcel.parcel_no]
        set_: dict[str, Any] = {"handover_no": "EAST-1"} if to == ParcelState.HANDED_OVER else {}
        [outcome] = env.orders.apply_parcels(
            [ParcelChange(parcel_no=fresh.parcel_no, expect=fresh.version, to=to, reason="test", set=set_)],
            run_id="test",
        )
        assert outcome.ok


def check_whole(env: Env, order_nos: Sequence[str]) -> None:
    """No parcel is half way; each order's ship lines, memberships, parcels and held stock tell one story."""
    parcels = {p.parcel_no: p for p in env.orders.find_parcels()}
    assert {p.state for p in parcels.values()}.isdisjoint({ParcelState.PLANNING, ParcelState.VOIDING})
    held = env.stock.reservations(order_nos)
    for number, full in env.orders.load(order_nos).items():
        mine = {m.parcel_no for m in full.memberships if m.active}
        lines = [s for s in full.ship_lines if s.status == "open"]
        assert {s.parcel_no for s in lines} - {""} == mine
        assert bool(mine) == (full.order.progress == Progress.MERGED)
        for s in lines:
            if s.parcel_no:
                assert number in parcels[s.parcel_no].members
                assert parcels[s.parcel_no].warehouse == s.warehouse
                assert parcels[s.parcel_no].state not in OVER
        kept: dict[str, int] = {}
        for reservation in held.get(number, ()):
            if reservation.state == "open":
                for sku, qty in reservation.items:
                    kept[sku] = kept.get(sku, 0) + qty
        wanted: dict[str, int] = {}
        for s in lines:
            wanted[s.sku] = wanted.get(s.sku, 0) + s.qty
        assert kept == wanted
