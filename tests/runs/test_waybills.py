"""parcel import: each row for itself, the same row twice changes nothing."""

from pathlib import Path
from typing import Any

import pytest

from jobs import sheets, waybills
from jobs.env import Env
from stores.records import Parcel, ParcelState
from tests.factories import T0, make_full_order, open_env, put_orders


@pytest.fixture
def env(tmp_path: Path) -> Any:
    made = open_env(tmp_path)
    members = put_orders(made, *(make_full_order(number=str(n)) for n in range(1, 4)))
    states = (ParcelState.HANDED_OVER, ParcelState.HANDED_OVER, ParcelState.PLANNED)
    parcels = [
        Parcel(
            parcel_no=f"P{n}", shop="tmall", platform="taobao", warehouse="EAST", state=state, members=(no,), created_at=T0,
            changed_at=T0,
        )
        for n, (no, state) in enumerate(zip(members, states, strict=True), 1)
    ]  # fmt: skip
    assert all(o.ok for o in made.orders.add_parcels(parcels, run_id="t", reason="t"))
    yield made
    made.close()


def take(env: Env, path: Path, *rows: tuple[str, str, str], dry_run: bool = False) -> dict[str, int]:
    path.write_text("parcel_no,carrier,waybill\n" + "\n".join(map(",".join, rows)), encoding="utf-8")
    return waybills.take(env, path, by="lin", dry_run=dry_run).counts


def test_good_rows_are_taken_and_bad_ones_go_to_a_file_to_correct(env: Env, tmp_path: Path) -> None:
    path = tmp_path / "back.csv"
    rows = [("P1", "SF", "SF1"), ("P2", "SF", "SF1"), ("P3", "SF", "SF3"), ("P9", "SF", "SF9"), ("P2", "", "")]
    assert take(env, path, *rows) == {"labelled": 1, "refused": 4}
    errors = sheets.read(tmp_path / "back.csv.errors.csv", ("error",))
    assert [r["error"] for r in errors] == ["waybill_of_P1", "is_planned", "unknown_parcel", "no_waybill"]
    assert env.orders.parcels(["P1"])["P1"].state == ParcelState.LABELLED
    assert take(env, path, ("P1", "SF", "SF1"), ("P2", "SF", "SF2")) == {"same": 1, "labelled": 1}
    assert not (tmp_path / "back.csv.errors.csv").exists()


def test_a_correction_before_leaving_replaces_the_waybill(env: Env, tmp_path: Path) -> None:
    take(env, tmp_path / "a.csv", ("P1", "SF", "SF1"))
    take(env, tmp_path / "b.csv", ("P1", "YTO", "YT1"))
    assert env.orders.parcels(["P1"])["P1"].waybill == "YT1"


def test_a_dry_run_labels_nothing_at_all(env: Env, tmp_path: Path) -> None:
    assert take(env, tmp_path / "a.csv", ("P1", "SF", "SF1"), dry_run=True) == {"labelled": 1}
    assert env.orders.parcels(["P1"])["P1"].state == ParcelState.HANDED_OVER
