"""parcel stop: what we alone hold stops at once, a warehouse is asked, and what left is too late."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from jobs import stop
from jobs.env import Env
from stores.contracts import Change
from stores.records import Membership, Parcel, ParcelState, Progress
from tests.factories import T0, at_progress, make_full_order, open_env, put_orders


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(tmp_path)
    yield made
    made.close()


def parcel(env: Env, number: str, state: ParcelState) -> str:
    full = make_full_order(number=number)
    no = put_orders(env, at_progress(full, Progress.MERGED))[0]
    name = f"P{number}"
    made = Parcel(
        parcel_no=name, shop="tmall", platform="taobao", warehouse="EAST", state=state, members=(no,), created_at=T0,
        changed_at=T0, handover_no="" if state == ParcelState.PLANNED else "EAST-1",
    )  # fmt: skip
    assert env.orders.add_parcels([made], run_id="t", reason="t")[0].ok
    lines = tuple(msgspec.structs.replace(s, parcel_no=name, warehouse="EAST") for s in full.ship_lines)
    change = Change(
        order_no=no, expect=1, reason="t", ship_lines=lines, memberships=(Membership(order_no=no, parcel_no=name),)
    )
    assert env.orders.apply([change], run_id="t")[0].ok
    return no


def test_each_parcel_is_answered_by_how_far_it_has_come(env: Env) -> None:
    no = parcel(env, "1", ParcelState.PLANNED)
    parcel(env, "2", ParcelState.HANDED_OVER)
    parcel(env, "3", ParcelState.SHIPPED)
    result = stop.stop(env, ["P1", "P2", "P3", "P9"], reason="buyer", by="lin")
    assert result.counts == {"stopped": 1, "asked": 1, "refused": 2}
    assert [(i.ref, i.reason) for i in result.items] == [("P3", "too_late"), ("P9", "unknown_parcel")]
    assert env.orders.heads([no])[no].progress == Progress.SOURCED
    assert env.orders.parcels(["P2"])["P2"].state == ParcelState.STOP_ASKED
    assert [a.who for a in env.ledger.audit_trail(ref="P1")] == ["lin"]
